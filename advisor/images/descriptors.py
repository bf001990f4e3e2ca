"""A picture → a few hundred numbers about its edges, texture and colours, with no network.

What could be learned from pictures before pretrained networks could be had: the floor that a backbone has to beat, and
the way out where none can run. Which blocks there are was chosen by measurement on photos, steel surfaces and
CIFAR-10 at 5 and 25 pictures per class: each of the blocks gained on one of them and lost on none.

References
----------
Dalal and Triggs (2005), Histograms of oriented gradients for human detection; Ojala, Pietikäinen and Mäenpää (2002),
Multiresolution gray-scale and rotation invariant texture classification with local binary patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.cache import ArrayCache
from advisor.deadline import Deadline
from advisor.images.decoding import UnreadablePicture, load_picture
from advisor.media.kept import columns_of, describe_all, names_of
from advisor.registry import require

if TYPE_CHECKING:
    from PIL.Image import Image

SPACE = "handmade-v1"
"""Where the cache keeps descriptors; the number changes with anything that changes them."""

SIDE = 128
"""Pixels of the centre square that everything is computed from; our choice: texture is gone at 64."""

HALF_SIDE = 64
"""Pixels of the square for edges and colours, which need no more."""

HOG_CELL, HOG_BLOCK, HOG_ORIENTATIONS = 16, 2, 9
"""Pixels of a cell, cells of a block, directions: after Dalal and Triggs, with cells of a quarter of the square (cells
of 8 pixels gave five times the numbers and were worse)."""

LBP_RADII = (1, 2)
"""Pixels between a point and its eight neighbours; a third radius gained nothing."""

LBP_CODES = 59
"""Uniform patterns of eight neighbours, kept apart by direction, and one for all others."""

HUES, SHADES = 12, 8
"""Bins of the hue (weighted by saturation: grey has none), and of saturation and brightness."""

LAYOUT_SIDE = 4
"""Pixels of the tiny picture that says which colours are where."""

BLOCKS: dict[str, int] = {
    "edges": (HALF_SIDE // HOG_CELL - HOG_BLOCK + 1) ** 2 * HOG_BLOCK**2 * HOG_ORIENTATIONS,
    "fine_texture": LBP_CODES,
    "coarse_texture": LBP_CODES,
    "colours": HUES + 2 * SHADES,
    "moments": 9,
    "layout": 3 * LAYOUT_SIDE**2,
}
"""Numbers in each block, in their order."""

N_DESCRIPTORS = sum(BLOCKS.values())


def block_columns(blocks: Sequence[str]) -> NDArray[np.int64]:
    """Find the columns of some blocks.

    Parameters
    ----------
    blocks : sequence of str
        Names in ``BLOCKS``.

    Returns
    -------
    ndarray of int64
        Positions among the ``N_DESCRIPTORS`` numbers, ascending.

    Examples
    --------
    >>> len(block_columns(["fine_texture", "colours"]))
    87
    """
    return columns_of(BLOCKS, blocks)


def descriptor_names() -> tuple[str, ...]:
    """Name the numbers: the block and the position in it.

    Returns
    -------
    tuple of str of length ``N_DESCRIPTORS``

    Examples
    --------
    >>> descriptor_names()[0], descriptor_names()[-1]
    ('edges.0', 'layout.47')
    """
    return names_of(BLOCKS)


def describe_picture(picture: Image) -> NDArray[np.float32]:
    """Compute the descriptors of one picture, from its centre square.

    Parameters
    ----------
    picture : PIL.Image.Image
        In mode RGB, of any size from one pixel up.

    Returns
    -------
    ndarray of float32 of shape (``N_DESCRIPTORS``,)
        Edges (histograms of gradient directions), fine and coarse texture (histograms of local binary patterns),
        colours (histograms of hue, saturation and brightness), moments (of red, green and blue), layout (a tiny
        picture).
    """
    pillow = require("PIL.Image", extra="vision")
    smooth, box = pillow.Resampling.BILINEAR, pillow.Resampling.BOX
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.resize((SIDE, SIDE), smooth, box=(left, top, left + side, top + side))
    small = square.resize((HALF_SIDE, HALF_SIDE), box)
    blocks = [
        _edges(np.asarray(small.convert("L"))),
        *[_texture(np.asarray(square.convert("L")), radius) for radius in LBP_RADII],
        _colours(np.asarray(small), np.asarray(small.convert("HSV"))),
        np.asarray(square.resize((LAYOUT_SIDE, LAYOUT_SIDE), box)).ravel() / 255.0,
    ]
    return np.concatenate(blocks).astype(np.float32)


def describe_files(
    paths: Sequence[str],
    *,
    threads: int | None = None,
    deadline: Deadline | None = None,
    cache: ArrayCache | None = None,
) -> NDArray[np.float32]:
    """Compute the descriptors of files, or take them from the cache.

    Parameters
    ----------
    paths : sequence of str
        Picture files.
    threads : int or None
        How many pictures are worked on at once; ``None`` for one per usable core.
    deadline : Deadline or None
        When to stop; what was computed by then is kept.
    cache : ArrayCache or None
        ``None`` for the cache of this user.

    Returns
    -------
    ndarray of float32 of shape (n_paths, ``N_DESCRIPTORS``)
        Rows of unreadable files are NaN.

    Raises
    ------
    DeadlineExceeded
        When the deadline passes before the last file.
    """
    return describe_all(
        paths,
        _describe_file,
        space=SPACE,
        width=N_DESCRIPTORS,
        deadline=deadline,
        threads=threads,
        cache=cache,
    )


def _describe_file(path: str) -> NDArray[np.float32] | None:
    try:
        return describe_picture(load_picture(path, SIDE))
    except UnreadablePicture:
        return None


def _edges(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    features = require("skimage.feature", extra="vision")
    cell, block = (HOG_CELL, HOG_CELL), (HOG_BLOCK, HOG_BLOCK)
    found = features.hog(grey, HOG_ORIENTATIONS, pixels_per_cell=cell, cells_per_block=block)
    return np.asarray(found, dtype=np.float64)


def _texture(grey: NDArray[np.uint8], radius: int) -> NDArray[np.float64]:
    features = require("skimage.feature", extra="vision")
    codes = features.local_binary_pattern(grey, 8, radius, method="nri_uniform")
    return _histogram(codes.astype(np.int64), LBP_CODES)


def _colours(rgb: NDArray[np.uint8], hsv: NDArray[np.uint8]) -> NDArray[np.float64]:
    hue, saturation, brightness = (hsv[..., i].ravel().astype(np.int64) for i in range(3))
    weight = np.bincount(hue * HUES // 256, saturation / 255.0, HUES) / len(hue)
    channels = rgb.reshape(-1, 3) / 255.0
    mean, spread = channels.mean(axis=0), channels.std(axis=0)
    # The cube root brings the third moment back to the unit of a brightness.
    third = np.cbrt(((channels - mean) ** 3).mean(axis=0))
    shades = [_histogram(one * SHADES // 256, SHADES) for one in (saturation, brightness)]
    return np.concatenate([np.sqrt(weight), *shades, mean, spread, third])


def _histogram(codes: NDArray[np.int64], n_codes: int) -> NDArray[np.float64]:
    """Shares of the codes, square-rooted: differences of rare ones then count as those of frequent ones."""
    counts = np.bincount(codes.ravel(), minlength=n_codes)
    return np.asarray(np.sqrt(counts / counts.sum()), dtype=np.float64)
