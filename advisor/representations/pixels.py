"""Pictures → their pixels: what networks are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.images.decoding import UnreadablePicture, load_picture
from advisor.registry import require
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features
from advisor.representations.files import FilesRepresentation

SIDE = 256
"""Of the squares, in pixels: what the centre crop of 224 that most backbones see is cut from, and the size in which
ImageNet is commonly stored for training."""


@REPRESENTATIONS.add("pixels")
class PixelsRepresentation(FilesRepresentation):
    """Centre squares of 256 x 256 pixels as flat rows of bytes, red, green and blue of each pixel side by side.

    A row without a readable file is black. A row takes 197 kB: nothing is kept in the cache, since decoding again costs
    less than a disk full of pixels.
    """

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Nothing is kept, so there is nothing to do beforehand."""

    def compute(self, paths: Sequence[str], deadline: Deadline) -> NDArray[Any]:
        """Decode and resize, with one thread per core.

        Parameters
        ----------
        paths : sequence of str
            Picture files.
        deadline : Deadline
            Looked at after every picture; DeadlineExceeded is raised when it has passed.

        Returns
        -------
        ndarray of uint8 of shape (n_paths, 256 * 256 * 3)
            Zero for unreadable files.
        """
        values = np.zeros((len(paths), SIDE * SIDE * 3), dtype=np.uint8)

        def fill(row: int) -> None:
            deadline.check()
            try:
                values[row] = load_square(paths[row]).ravel()
            except (UnreadablePicture, OSError):
                values[row] = 0

        with ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode") as pool:
            for _ in pool.map(fill, range(len(paths))):
                pass
        return values

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn paths into pixels.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            uint8; rows whose path is missing or whose file cannot be read are zero. All columns have one name.
        """
        paths = ["" if pd.isna(path) else str(path) for path in X[self.column]]
        return Features(self.compute(paths, Deadline(None)), FeatureInfo(names=self.names()))

    def names(self) -> tuple[str, ...]:
        """Give one name to all 196608 columns: a list of them would be longer than some pictures."""
        return ("pixels",)


def load_square(path: str) -> NDArray[np.uint8]:
    """Decode the centre square of a picture.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray of uint8 of shape (256, 256, 3)
        Resized with a bicubic filter, so that the short side is 256 pixels, and cut.

    Raises
    ------
    UnreadablePicture
        If it cannot be decoded.
    """
    picture = load_picture(path, short_side=SIDE)
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    bicubic = require("PIL.Image", extra="vision").Resampling.BICUBIC
    square = picture.resize((SIDE, SIDE), bicubic, box=(left, top, left + side, top + side))
    return np.asarray(square, dtype=np.uint8)
