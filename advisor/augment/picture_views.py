"""Squares of 256 px → the batches a network trains on or judges: crops, flips, colour, RandAugment, Mixup and CutMix.

Why not ``torchvision.transforms``: those work on one picture at a time or give one draw to a whole batch. Here every
picture of a batch has its own draw, and all of geometry is one affine map and one interpolation, so that on one core
a batch costs a hundredth of the network's step.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

STORED_SIDE = 256
"""Side in pixels of the squares that the representation ``pixels`` makes."""

FINEST = 1.6
"""Largest side, in multiples of the network's input, that crops are taken from; beyond, bilinear sampling would skip
pixels. Our choice."""

ASPECT = math.log(4 / 3)
"""Logarithm of the widest shape of a crop over the square; as in Szegedy et al. (2015), Going deeper with
convolutions."""

JITTER = 0.3
"""Largest relative change of brightness, contrast and saturation; our choice, between the 0.2 and 0.4 in use."""

OPERATIONS = 2
"""Operations per picture of RandAugment: Cubuk et al. (2020), with strengths drawn as in TrivialAugment."""

TURN, SHEAR, SHIFT = 20.0, 0.2, 0.2
"""Largest rotation in degrees, shear, and translation as a share of the side; half to two thirds of what
TrivialAugment (Müller and Hutter 2021) draws, our choice: on few pictures the rare strong ones are a large part."""


@dataclass(frozen=True)
class Recipe:
    """How training pictures are varied; ``crop`` is the least share of the area that a crop keeps."""

    augmentation: str = "light"
    """``none`` (the plain view), ``light``, or ``randaugment``."""
    crop: float = 0.5
    flip: bool = True
    colour: bool = True
    jitter: float = JITTER
    """Largest relative change of brightness, contrast and saturation, of ``light``."""
    grey: float = 0.0
    """Share of the pictures that lose their colours."""


def as_pictures(values: NDArray[np.uint8]) -> Tensor:
    """View rows of flattened squares as a batch of pictures, without copying.

    Parameters
    ----------
    values : ndarray of uint8 of shape (n, 256 * 256 * 3)
        As the representation ``pixels`` makes them.

    Returns
    -------
    Tensor of uint8 of shape (n, 3, 256, 256)
        In channels-last order of memory.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # memory maps are read-only, and nothing here writes
        flat = torch.from_numpy(np.asarray(values))
    return flat.view(-1, STORED_SIDE, STORED_SIDE, 3).permute(0, 3, 1, 2)


def shrink(pictures: Tensor, side: int) -> Tensor:
    """Resize squares with anti-aliasing; those that have the side already are returned as they are.

    Parameters
    ----------
    pictures : Tensor of uint8 of shape (n, 3, s, s)
        Squares.
    side : int
        Wanted, in pixels.

    Returns
    -------
    Tensor of uint8 of shape (n, 3, side, side)
    """
    if pictures.shape[-1] == side:
        return pictures
    made = pictures.new_empty((len(pictures), 3, side, side))
    for start in range(0, len(pictures), 64):
        part = pictures[start : start + 64]
        made[start : start + 64] = functional.interpolate(
            part, (side, side), mode="bicubic", antialias=True
        )
    return made


def crop_source(pictures: Tensor, size: int) -> Tensor:
    """Shrink squares to what random crops for an input of ``size`` pixels are best taken from."""
    return shrink(pictures, min(pictures.shape[-1], round(FINEST * size)))


def plain_view(pictures: Tensor, size: int, crop_share: float) -> Tensor:
    """Make what a network judges: the centre of the resized square.

    Parameters
    ----------
    pictures : Tensor of uint8 of shape (n, 3, s, s)
        Squares.
    size : int
        Side of the network's input, in pixels.
    crop_share : float
        Part of the resized side that the centre crop keeps.

    Returns
    -------
    Tensor of float32 of shape (n, 3, size, size)
        In [0, 1].
    """
    side = round(size / crop_share)
    start = (side - size) // 2
    centre = shrink(pictures, side)[:, :, start : start + size, start : start + size]
    return centre.float().div_(255).contiguous(memory_format=torch.channels_last)


def random_view(pictures: Tensor, size: int, recipe: Recipe, draw: torch.Generator) -> Tensor:
    """Make what a network trains on: every picture varied by its own draw.

    Parameters
    ----------
    pictures : Tensor of uint8 of shape (n, 3, s, s)
        Squares, from :func:`crop_source`; on any device.
    size : int
        Side of the network's input, in pixels.
    recipe : Recipe
        ``augmentation`` other than ``none``.
    draw : Generator
        On the CPU, so that the draws are the same on every device.

    Returns
    -------
    Tensor of float32 of shape (n, 3, size, size)
        In [0, 1].
    """
    n = len(pictures)
    turn = _crop_maps(n, recipe, draw)
    colour: list[tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]] = []
    if recipe.augmentation == "randaugment":
        for _ in range(OPERATIONS):
            strength = torch.rand(n, generator=draw) * 2 - 1
            kinds = len(_GEOMETRY) + (len(_COLOUR) if recipe.colour else 0)
            which = torch.randint(kinds + 1, (n,), generator=draw)  # the last one changes nothing
            turn = turn @ _bend(which, strength)
            colour += [
                (torch.where(which == len(_GEOMETRY) + i, strength, torch.nan), operation)
                for i, operation in enumerate(_COLOUR)
                if recipe.colour
            ]
    elif recipe.colour:
        shares = torch.rand(3, n, generator=draw) * 2 - 1
        shares *= recipe.jitter / JITTER
        colour = list(zip(shares, (_brighter, _contrast, _saturation), strict=True))
    maps = turn[:, :2].to(pictures.device)
    grid = functional.affine_grid(maps, [n, 3, size, size], align_corners=False)
    source = pictures.float().div_(255)
    made = functional.grid_sample(source, grid, padding_mode="reflection", align_corners=False)
    for strength, operation in colour:
        made = _apply(made, strength, operation)
    if recipe.grey > 0:
        grey = (torch.rand(n, generator=draw) < recipe.grey).view(-1, 1, 1, 1)
        made = torch.where(grey.to(made.device), _grey(made), made)
    return made.contiguous(memory_format=torch.channels_last)


def mix_pictures(
    batch: Tensor, target: Tensor, alphas: tuple[float, float], draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend every picture of a batch, or maps made of it, with another one, and the targets in the same shares.

    Parameters
    ----------
    batch : Tensor of shape (n, ...)
        Pictures or maps; CutMix needs (n, channels, height, width).
    target : Tensor of float of shape (n, n_outputs)
        What they show.
    alphas : tuple of float
        Of Mixup and of CutMix; 0 for off; with both, each batch gets one of them by the toss of a coin.
    draw : Generator
        On the CPU.

    Returns
    -------
    batch, target : Tensor
        New ones, or the old ones where both are off.

    References
    ----------
    Zhang et al. (2018), mixup; Yun et al. (2019), CutMix; Verma et al. (2019), Manifold Mixup (on maps).
    """
    mixup, cutmix = alphas
    if max(alphas) <= 0 or len(batch) < 2:
        return batch, target
    cut = cutmix > 0 and (mixup <= 0 or bool(torch.rand(1, generator=draw) < 0.5))
    order = torch.randperm(len(batch), generator=draw).to(batch.device)
    share = _beta(cutmix if cut else mixup, draw)
    if not cut:
        mixed = share * batch + (1 - share) * batch[order]
        return mixed, share * target + (1 - share) * target[order]
    height, width = batch.shape[-2:]
    tall, wide = (max(1, round(side * math.sqrt(1 - share))) for side in (height, width))
    top = int(torch.randint(height - tall + 1, (1,), generator=draw))
    left = int(torch.randint(width - wide + 1, (1,), generator=draw))
    mixed = batch.clone()
    mixed[..., top : top + tall, left : left + wide] = batch[
        order, ..., top : top + tall, left : left + wide
    ]
    share = 1 - tall * wide / (height * width)
    return mixed, share * target + (1 - share) * target[order]


def _beta(alpha: float, draw: torch.Generator) -> float:
    """One draw of Beta(alpha, alpha), by numpy since torch's takes no generator."""
    seed = int(torch.randint(2**31, (1,), generator=draw))
    return float(np.random.default_rng(seed).beta(alpha, alpha))


def _crop_maps(n: int, recipe: Recipe, draw: torch.Generator) -> Tensor:
    """Random resized crops and flips as maps of shape (n, 3, 3) from output to input, both in [-1, 1]."""
    area, shape, right, down, side = torch.rand(5, n, generator=draw)
    area = recipe.crop + (1 - recipe.crop) * area
    ratio = torch.exp((shape * 2 - 1) * ASPECT / 2)
    wide, tall = (area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)
    maps = torch.zeros(n, 3, 3)
    maps[:, 0, 0] = torch.where((side < 0.5) & recipe.flip, -wide, wide)
    maps[:, 1, 1] = tall
    maps[:, 0, 2] = (right * 2 - 1) * (1 - wide)
    maps[:, 1, 2] = (down * 2 - 1) * (1 - tall)
    maps[:, 2, 2] = 1
    return maps


_GEOMETRY = ("rotate", "shear_x", "shear_y", "shift_x", "shift_y")


def _bend(which: Tensor, strength: Tensor) -> Tensor:
    """The chosen geometric operations as maps of shape (n, 3, 3); the identity for all others."""
    maps = torch.eye(3).repeat(len(which), 1, 1)
    angle = torch.where(which == 0, strength * math.radians(TURN), 0.0)
    maps[:, 0, 0], maps[:, 1, 1] = angle.cos(), angle.cos()
    maps[:, 0, 1] = -angle.sin() + torch.where(which == 1, strength * SHEAR, 0.0)
    maps[:, 1, 0] = angle.sin() + torch.where(which == 2, strength * SHEAR, 0.0)
    maps[:, 0, 2] = torch.where(which == 3, strength * 2 * SHIFT, 0.0)
    maps[:, 1, 2] = torch.where(which == 4, strength * 2 * SHIFT, 0.0)
    return maps


def _apply(
    pictures: Tensor, strength: Tensor, operation: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Change the pictures whose strength is a number; NaN leaves them as they are."""
    rows = torch.nonzero(~strength.isnan()).flatten()
    if not len(rows):
        return pictures
    where = rows.to(pictures.device)
    force = strength[rows].to(pictures.device).view(-1, 1, 1, 1)
    changed = operation(pictures[where], force).clamp_(0, 1)
    if len(rows) == len(pictures):
        return changed
    pictures[where] = changed
    return pictures


def _grey(x: Tensor) -> Tensor:
    """Luma of ITU-R BT.601, shape (n, 1, height, width)."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=x.device).view(1, 3, 1, 1)
    return (x * weights).sum(dim=1, keepdim=True)


def _brighter(x: Tensor, strength: Tensor) -> Tensor:
    return x * (1 + JITTER * strength)


def _contrast(x: Tensor, strength: Tensor) -> Tensor:
    middle = _grey(x).mean(dim=(2, 3), keepdim=True)
    return middle + (x - middle) * (1 + JITTER * strength)


def _saturation(x: Tensor, strength: Tensor) -> Tensor:
    grey = _grey(x)
    return grey + (x - grey) * (1 + JITTER * strength)


def _sharper(x: Tensor, strength: Tensor) -> Tensor:
    soft = functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    return x + (x - soft) * 0.9 * strength


def _fewer_levels(x: Tensor, strength: Tensor) -> Tensor:
    levels = torch.round(256 / 2 ** torch.round(4 * strength.abs()))
    return torch.floor(x * (levels - 1) + 0.5) / (levels - 1)


def _solarize(x: Tensor, strength: Tensor) -> Tensor:
    return torch.where(x > 1 - 0.5 * strength.abs(), 1 - x, x)


def _full_range(x: Tensor, strength: Tensor) -> Tensor:
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    return torch.where(high > low, (x - low) / (high - low).clamp_min(1e-3), x)


_COLOUR = (_brighter, _contrast, _saturation, _sharper, _fewer_levels, _solarize, _full_range)
