"""A picture's pixels → how it looks: colour, light, sharpness, ground.

Only what can be read off pixels without knowing what is on them. What a set of pictures *is* (a document, an X-ray, a
satellite photo) is not among it; what can be defended is that pictures are grey, on one light ground, or tiny.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.cache import content_keys, default_cache
from advisor.images.decoding import UnreadablePicture, load_picture
from advisor.media.threads import in_threads

SPACE = "looks-1"
"""Name of the looks in the cache; raise the number when what they hold changes."""

LOOKED_SIDE = 256
"""Pixels of the short side that larger pictures are shrunk to, so that sharpness compares."""

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in the luminance (ITU-R BT.601)."""

GREY_CHROMA = 4.0
"""Mean difference between the largest and the smallest of red, green and blue, in levels of 255, up to which a picture
is grey: 1 of 243 photos and 1 in 100 pictures of CIFAR-10 are below (our measurement; those look grey)."""

LIGHT_GROUND = 180
"""Level of 255 from which a ground is light; our choice."""

GROUND_REACH = 12
"""Levels to either side of the ground's that belong to it; our choice, for paper that was scanned."""

GROUND_SHARE = 0.5
"""Share of a picture that a ground takes at least; our choice."""

BLACK, WHITE = 0.03, 0.97
"""Mean brightness below and above which a picture shows next to nothing; our choice."""


@dataclass(frozen=True)
class Looks:
    """How one picture looks.

    ``brightness`` is in [0, 1]; ``sharpness`` is the logarithm of the mean squared second difference of the luminance,
    higher for sharper; ``flat_ground`` says whether most of the picture is one light tone.
    """

    grey: bool
    brightness: float
    sharpness: float
    flat_ground: bool


def look_at(paths: Sequence[str]) -> list[Looks | None]:
    """Decode pictures and say how each looks; what was looked at before is known.

    Parameters
    ----------
    paths : sequence of str
        Of pictures.

    Returns
    -------
    list of Looks or None
        In the same order; ``None`` for what cannot be decoded.
    """
    keys = content_keys(paths)
    cache = default_cache()
    known = cache.get(SPACE, list(dict.fromkeys(keys)))
    new = {key: path for key, path in zip(keys, paths, strict=True) if key and key not in known}
    made = dict(zip(new, in_threads(_look, list(new.values())), strict=True))
    cache.put(SPACE, made)
    known.update(made)
    return [_unpacked(known[key]) if key else None for key in keys]


def _unpacked(row: NDArray[np.float64]) -> Looks | None:
    """Looks from a row of the cache; an empty row is of what cannot be decoded."""
    if row.size == 0:
        return None
    grey, brightness, sharpness, flat_ground = (float(value) for value in row)
    return Looks(bool(grey), brightness, sharpness, bool(flat_ground))


def _look(path: str) -> NDArray[np.float64]:
    """Looks of a file as a row for the cache."""
    try:
        picture = load_picture(path, LOOKED_SIDE)
    except UnreadablePicture:
        return np.zeros(0)
    width, height = picture.size
    if min(width, height) > LOOKED_SIDE:
        share = LOOKED_SIDE / min(width, height)
        size = (max(1, round(width * share)), max(1, round(height * share)))
        picture = picture.resize(size, reducing_gap=2.0)
    looks = measure(np.asarray(picture, dtype=np.uint8))
    return np.array([looks.grey, looks.brightness, looks.sharpness, looks.flat_ground], np.float64)


def measure(pixels: NDArray[np.uint8]) -> Looks:
    """Say how a picture looks.

    Parameters
    ----------
    pixels : ndarray of uint8 of shape (height, width, 3)
        Red, green and blue.

    Returns
    -------
    Looks

    Examples
    --------
    >>> looks = measure(np.full((20, 20, 3), 240, dtype=np.uint8))
    >>> looks.grey, looks.flat_ground, round(looks.brightness, 2)
    (True, True, 0.94)
    """
    light = np.asarray(pixels.astype(np.float32) @ LUMINANCE / 255, dtype=np.float32)
    chroma = (pixels.max(axis=2) - pixels.min(axis=2)).mean(dtype=np.float64)
    levels = np.bincount((light * 255 + 0.5).astype(np.int64).ravel(), minlength=256)
    window = np.convolve(levels, np.ones(2 * GROUND_REACH + 1, dtype=np.int64), mode="same")
    ground = LIGHT_GROUND + int(np.argmax(window[LIGHT_GROUND:]))
    return Looks(
        grey=bool(chroma <= GREY_CHROMA),
        brightness=float(light.mean()),
        sharpness=_sharpness(light),
        flat_ground=bool(window[ground] >= GROUND_SHARE * light.size),
    )


def _sharpness(light: NDArray[np.float32]) -> float:
    """Logarithm of the mean squared Laplacian; what has no inside is as blurred as can be."""
    if min(light.shape) < 3:
        return float(np.log(1e-8))
    around = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:]
    second = around - 4 * light[1:-1, 1:-1]
    return float(np.log(np.mean(second * second) + 1e-8))
