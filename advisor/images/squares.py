"""A picture → its centre square: what networks are trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.images.decoding import load_picture
from advisor.registry import require

SIDE = 256
"""Of the squares, in pixels: what the centre crop of 224 that most backbones see is cut from, and the size in which
ImageNet is commonly stored for training."""


def load_square(path: str, side: int = SIDE) -> NDArray[np.uint8]:
    """Decode the centre square of a picture.

    Parameters
    ----------
    path : str
        The file.
    side : int
        Pixels.

    Returns
    -------
    ndarray of uint8 of shape (side, side, 3)
        Resized with a bicubic filter, so that the short side is ``side`` pixels, and cut.

    Raises
    ------
    UnreadablePicture
        If it cannot be decoded.
    """
    picture = load_picture(path, short_side=side)
    width, height = picture.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    bicubic = require("PIL.Image", extra="vision").Resampling.BICUBIC
    square = picture.resize((side, side), bicubic, box=(left, top, left + short, top + short))
    return np.asarray(square, dtype=np.uint8)
