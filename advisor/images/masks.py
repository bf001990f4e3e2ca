"""Masks → the share of the picture that each one covers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advisor.images.decoding import FORMATS, UnreadablePicture, quiet_pillow, reason_of
from advisor.media.threads import in_threads

LOSSY = frozenset({"JPEG", "MPO"})
"""Formats that blur a mask's edges, so that only its brighter half counts."""


def mask_share(path: Path | str) -> float:
    """Decode a mask → the share of its pixels that are not background.

    Parameters
    ----------
    path : Path or str
        A mask: 0 (black) is background; classes or instances count alike.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    UnreadablePicture
        If it cannot be decoded.
    """
    pillow = quiet_pillow()
    try:
        with pillow.open(path, formats=FORMATS) as picture:
            lossy = picture.format in LOSSY
            picture.load()
            values = np.asarray(picture)
            colours = len(picture.getbands()) - ("A" in picture.getbands())
    except Exception as fault:  # Pillow's decoders raise nearly anything on damaged files
        raise UnreadablePicture(reason_of(fault)) from fault
    if values.ndim == 3:
        values = values[:, :, :colours].max(axis=2)
    covered = values > values.max() / 2 if lossy else values != 0
    return float(covered.mean())


def mask_shares(paths: Sequence[str]) -> list[float | str]:
    """Decode many masks in threads → shares, or the reason where one cannot be decoded.

    Parameters
    ----------
    paths : sequence of str of length n

    Returns
    -------
    list of float or str of length n
    """

    def share(path: str) -> float | str:
        try:
            return mask_share(path)
        except UnreadablePicture as fault:
            return str(fault)

    return in_threads(share, paths)
