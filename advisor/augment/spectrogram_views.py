"""Log-mel pictures → what a network trains on: stretched and shifted, louder or softer, with noise, and masked.

What is usual for pictures harms a spectrogram: a mirrored one is played backwards, and its colours mean loudness. Time
runs to the right and pitch upwards or downwards; the masks are those of SpecAugment [1]_.

References
----------
.. [1] Park et al. (2019), SpecAugment: a simple data augmentation method for automatic speech recognition.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from advisor.augment.picture_views import shrink

SPECTROGRAM, GENTLE = "spectrogram", "spectrogram_gentle"
"""Names of this way of varying pictures, in full strength and in a share of it."""

GENTLY = 0.25
"""Share of the full strength that a gentle view has; our choice: what it shows is to be told by it, not learned."""

STRETCH, SHIFT = 0.1, 0.12
"""Largest change of speed, and largest shift in time as a share of the picture; our choice: the ends of a recording are
seldom what it is about, but a word that is cut off is another one."""

PITCH = 0.02
"""Largest shift in pitch as a share of the mel scale, about a semitone; our choice."""

GAIN, NOISE = 0.08, 0.04
"""Largest change of loudness and largest standard deviation of noise as shares of the range of loudness, that is of
80 dB: 6 dB and 3 dB; our choice."""

MASKS = 2
"""Masks on each axis; as the stronger policies of SpecAugment have."""

TIME_MASK, PITCH_MASK = 0.12, 0.12
"""Widest mask as a share of the axis; SpecAugment's 27 of 80 bands are more, on far more data. Our choice."""


def random_spectrogram(
    pictures: Tensor, size: int, draw: torch.Generator, strength: float = 1.0
) -> Tensor:
    """Make what a network trains on: every log-mel picture varied by its own draw.

    Parameters
    ----------
    pictures : Tensor of uint8 of shape (n, 3, s, s)
        Time along the width, pitch along the height.
    size : int
        Side of the network's input, in pixels.
    draw : Generator
        On the CPU.
    strength : float
        Share of the largest changes; below 1, nothing is masked, either.

    Returns
    -------
    Tensor of float32 of shape (n, 3, size, size)
        In [0, 1].
    """
    n = len(pictures)
    speed, late, high = (torch.rand(3, n, generator=draw) * 2 - 1) * strength
    maps = torch.zeros(n, 2, 3)
    maps[:, 0, 0] = 1 + STRETCH * speed
    maps[:, 0, 2] = 2 * SHIFT * late
    maps[:, 1, 1] = 1
    maps[:, 1, 2] = 2 * PITCH * high
    grid = functional.affine_grid(maps, [n, 3, size, size], align_corners=False)
    source = shrink(pictures, size).float().div_(255)
    made = functional.grid_sample(source, grid, padding_mode="border", align_corners=False)
    louder = (torch.rand(n, 1, 1, 1, generator=draw) * 2 - 1) * (GAIN * strength)
    deviation = torch.rand(n, 1, 1, 1, generator=draw) * (NOISE * strength)
    made += louder + deviation * torch.randn(n, 1, size, size, generator=draw)
    middle = made.mean(dim=(2, 3), keepdim=True)
    for _ in range(MASKS if strength >= 1 else 0):
        for axis, widest in ((3, TIME_MASK), (2, PITCH_MASK)):
            made = torch.where(_mask(n, size, axis, widest, draw), middle, made)
    return made.clamp_(0, 1).contiguous(memory_format=torch.channels_last)


def _mask(n: int, size: int, axis: int, widest: float, draw: torch.Generator) -> Tensor:
    """A band across each picture, drawn by itself; broadcasts over all other axes."""
    share, begin = torch.rand(2, n, 1, generator=draw)
    wide = share * widest * size
    start = begin * (size - wide)
    place = torch.arange(size)
    band = torch.logical_and(place >= start, place < start + wide)
    return band.view(n, 1, 1, size) if axis == 3 else band.view(n, 1, size, 1)
