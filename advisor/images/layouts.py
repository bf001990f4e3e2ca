"""Folders of pictures and masks → which mask belongs to which picture, by their names."""

from __future__ import annotations

import os
from collections.abc import Sequence

PICTURE_FOLDERS = frozenset({"images", "image", "imgs", "img"})
MASK_FOLDERS = frozenset({"masks", "mask"})
MASK_ENDINGS = ("_mask", "_masks", "_segmentation", "_seg")
"""What a mask's name may have after the stem of its picture."""

MIN_MASKED = 0.5
"""Share of the masks that must belong to a picture for two folders to be pictures and masks (our choice)."""


def pair_masks(
    names: Sequence[str], folders: Sequence[str]
) -> tuple[list[str], list[str | None]] | None:
    """Pictures and masks of one split → the pictures, each with the mask of its stem.

    Parameters
    ----------
    names : sequence of str of length n
        Relative paths with ``/``.
    folders : sequence of str of length n
        The folder of each that says whether it is a picture or a mask.

    Returns
    -------
    tuple of list of str and list of str or None, or None
        The second None where a picture has no mask; None altogether where the stems have too little in common.

    Examples
    --------
    >>> pair_masks(["images/a.jpg", "masks/a_mask.png", "images/b.jpg"], ["images", "masks", "images"])
    (['images/a.jpg', 'images/b.jpg'], ['masks/a_mask.png', None])
    """
    masks = {
        _stem(name, masked=True): name
        for name, folder in zip(names, folders, strict=True)
        if folder.lower() in MASK_FOLDERS
    }
    pictures = [
        name
        for name, folder in zip(names, folders, strict=True)
        if folder.lower() in PICTURE_FOLDERS
    ]
    stems = [_stem(name) for name in pictures]
    if len(masks.keys() & set(stems)) < MIN_MASKED * len(masks):
        return None
    return pictures, [masks.get(stem) for stem in stems]


def _stem(name: str, masked: bool = False) -> str:
    stem = os.path.splitext(name.rpartition("/")[2])[0]
    if masked:
        for ending in MASK_ENDINGS:
            if stem.lower().endswith(ending):
                return stem[: -len(ending)]
    return stem
