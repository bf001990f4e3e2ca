"""Folders of pictures and masks → which mask belongs to which picture, by their names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

PICTURE_FOLDERS = frozenset({"images", "image", "imgs", "img"})
MASK_FOLDERS = frozenset({"masks", "mask"})
MASK_ENDINGS = ("_mask", "_masks", "_segmentation", "_seg")
"""What a mask's name may have after the stem of its picture."""

MIN_MASKED = 0.5
"""Share of the masks that must belong to a picture for two folders to be pictures and masks (our choice)."""


def pair_masks(
    names: Sequence[str], folders: Sequence[str]
) -> tuple[list[str], list[str | None]] | None:
    """Pictures and masks of one split → the pictures, each with its mask.

    A mask lies at the same place below its folder and has the same stem; where no mask does, the one with the picture's
    stem counts, wherever it lies, if no other picture and no other mask have that stem.

    Parameters
    ----------
    names : sequence of str of length n
        Relative paths with ``/``.
    folders : sequence of str of length n
        The folder of each that says whether it is a picture or a mask.

    Returns
    -------
    tuple of list of str and list of str or None, or None
        The second None where a picture has no mask; None altogether where the names have too little in common.

    Examples
    --------
    >>> pair_masks(["images/a.jpg", "masks/a_mask.png", "images/b.jpg"], ["images", "masks", "images"])
    (['images/a.jpg', 'images/b.jpg'], ['masks/a_mask.png', None])
    """
    masks = {
        _place(name, folder, masked=True): name
        for name, folder in zip(names, folders, strict=True)
        if folder.lower() in MASK_FOLDERS
    }
    pictures = {
        name: _place(name, folder)
        for name, folder in zip(names, folders, strict=True)
        if folder.lower() in PICTURE_FOLDERS
    }
    loose = _by_stem(masks)
    known = _by_stem(set(pictures.values()))
    found: list[str | None] = []
    for place in pictures.values():
        mask, stem = masks.get(place), place.rpartition("/")[2]
        if mask is None and stem in known and stem in loose:
            mask = masks[loose[stem]]
        found.append(mask)
    if len(set(found) - {None}) < MIN_MASKED * len(masks):
        return None
    return list(pictures), found


def _place(name: str, folder: str, masked: bool = False) -> str:
    """Where a file lies below its folder of pictures or masks, without the ending of its name."""
    parts = name.split("/")
    place = os.path.splitext("/".join(parts[parts.index(folder) + 1 :]))[0]
    if masked:
        for ending in MASK_ENDINGS:
            if place.lower().endswith(ending):
                return place[: -len(ending)]
    return place


def _by_stem(places: Iterable[str]) -> dict[str, str]:
    """The places whose stem no other has, by it."""
    stems = {place: place.rpartition("/")[2] for place in places}
    n = Counter(stems.values())
    return {stem: place for place, stem in stems.items() if n[stem] == 1}
