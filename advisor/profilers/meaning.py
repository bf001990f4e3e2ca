"""Coarse pictures and classes → what an augmentation must not change: colour, and which side is left.

Both ask nearest neighbours among the pictures themselves, in 16 x 16 pixels: enough to see that red ones are of one
class, or that a mirrored 2 is no 2, and not enough to be fooled by details.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.profilers.separability import balanced_accuracy, neighbour_skill


def colour_skill(coarse: NDArray[np.uint8], codes: NDArray[np.int64]) -> float:
    """Say how well the mean colour alone tells classes, brightness left aside.

    Parameters
    ----------
    coarse : ndarray of uint8 of shape (n, side, side, 3)
        Pictures, red, green and blue.
    codes : ndarray of int64 of shape (n,)
        Their classes.

    Returns
    -------
    float
        Accuracy (balanced) of the five pictures of the nearest colour, each picture left out of its own vote, above
        that of guessing: 0 for guessing, 1 for always right.
    """
    if len(codes) == 0:
        return 0.0
    red, green, blue = (coarse[..., i].astype(np.float64).mean(axis=(1, 2)) for i in range(3))
    return neighbour_skill(np.stack([red - green, (red + green) / 2 - blue], axis=1), codes)


def mirror_loss(coarse: NDArray[np.uint8], codes: NDArray[np.int64]) -> float:
    """Say how much worse mirrored pictures are told by their nearest unmirrored neighbour.

    Parameters
    ----------
    coarse : ndarray of uint8 of shape (n, side, side, 3)
        Pictures.
    codes : ndarray of int64 of shape (n,)
        Their classes.

    Returns
    -------
    float
        Accuracy (balanced) on the pictures less that on their mirror images, not below 0. Where left and right mean
        nothing it is about 0, whether or not so coarse a look can tell the classes.
    """
    if np.unique(codes).size < 2 or len(codes) < 2:
        return 0.0
    plain = _shape(coarse)
    likeness = plain @ plain.T
    mirrored = _shape(coarse[:, :, ::-1]) @ plain.T
    np.fill_diagonal(likeness, -np.inf)
    np.fill_diagonal(mirrored, -np.inf)
    right, wrong_way = (
        balanced_accuracy(codes, codes[np.argmax(alike, axis=1)]) for alike in (likeness, mirrored)
    )
    return max(0.0, right - wrong_way)


def _shape(coarse: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Grey pictures as rows of length 1, without their mean brightness."""
    grey = coarse.astype(np.float64).mean(axis=3).reshape(len(coarse), -1)
    grey -= grey.mean(axis=1, keepdims=True)
    return np.asarray(grey / np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-9))
