"""Pictures, or recordings as log-mel pictures → pixels: what networks for pictures are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.images.decoding import UnreadablePicture
from advisor.images.squares import SIDE, load_square
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features
from advisor.representations.items import ItemsRepresentation
from advisor.sounds.decoding import UnreadableSound
from advisor.sounds.pictures import load_logmel_square
from advisor.tasks import Modality

LOGMEL = "log-mel pixels"
"""The name that the columns have for recordings, by which a network knows what it is shown."""


@REPRESENTATIONS.add("pixels")
class PixelsRepresentation(ItemsRepresentation):
    """Centre squares of 256 x 256 pixels as flat rows of bytes, red, green and blue of each pixel side by side.

    A recording's square is its whole log-mel picture (:func:`advisor.sounds.pictures.load_logmel_square`).
    A row without a readable file is black. A row takes 197 kB: nothing is kept in the cache, since decoding again costs
    less than a disk full of pixels.
    """

    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE, Modality.AUDIO})

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._deadline = Deadline(None)

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Do nothing beforehand, since nothing is kept: ``transform`` raises DeadlineExceeded from now on."""
        self._deadline = deadline

    def compute(self, items: Sequence[str], deadline: Deadline) -> NDArray[Any]:
        """Decode and resize, with one thread per core.

        Parameters
        ----------
        items : sequence of str
            Files of pictures or of recordings.
        deadline : Deadline
            Looked at after every file; DeadlineExceeded is raised when it has passed.

        Returns
        -------
        ndarray of uint8 of shape (n_items, 256 * 256 * 3)
            Zero for unreadable files.
        """
        values = np.zeros((len(items), SIDE * SIDE * 3), dtype=np.uint8)
        load = load_logmel_square if self._hears() else load_square

        def fill(row: int) -> None:
            deadline.check()
            try:
                values[row] = load(items[row]).ravel()
            except (UnreadablePicture, UnreadableSound, OSError):
                values[row] = 0

        with ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode") as pool:
            for _ in pool.map(fill, range(len(items))):
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

        Raises
        ------
        DeadlineExceeded
            When the deadline of :meth:`prepare` passes first; one that only predicts has none.
        """
        paths = ["" if pd.isna(path) else str(path) for path in X[self.columns[0].name]]
        return Features(self.compute(paths, self._deadline), FeatureInfo(names=self.names()))

    def names(self) -> tuple[str, ...]:
        """Give one name to all 196608 columns: a list of them would be longer than some pictures."""
        return (LOGMEL,) if self._hears() else ("pixels",)

    def _hears(self) -> bool:
        """Whether items are recordings; before ``fit`` they are taken for pictures."""
        return bool(self.columns) and self.modality is Modality.AUDIO
