"""Conforming rows → codes and raw numbers, as tree ensembles like them.

Trees need neither scaling nor imputation, so nothing is done that could lose information: numbers stay as they are
with their missing values, categories become codes ordered by frequency (an order that also serves models that split
on codes).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.encoding import ColumnParts, codes_of, levels_by_frequency
from advisor.errors import InvalidRun
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features, Representation
from advisor.storage import read_arrays, read_json, write_arrays, write_json
from advisor.tables.columns import Column

MAX_TERMS = 5000
"""Terms of a text column before the reduction; our choice, enough for short fields."""

TEXT_COMPONENTS = 16
"""Dimensions a text column is reduced to; our choice: a few splits' worth, so that text does not drown the rest."""


@REPRESENTATIONS.add("trees")
class TreesRepresentation(Representation):
    """Codes, numbers with NaN, parts of dates, and a few dimensions per text column.

    References
    ----------
    Deerwester et al. (1990), Indexing by latent semantic analysis (for text).
    """

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._parts = ColumnParts()
        self._axes: list[NDArray[np.float64]] = []

    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> TreesRepresentation:
        """Learn levels, date origins and text axes.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Training rows, conforming.
        columns : sequence of Column
            Their schema.
        seed : int
            For the reduction of texts.

        Returns
        -------
        TreesRepresentation
            Itself.
        """
        self._parts = ColumnParts.learn(X, columns, levels_by_frequency, MAX_TERMS)
        self._axes = [_main_axes(t.transform(X[t.name]), seed) for t in self._parts.texts]
        return self

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn rows into codes and numbers.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            Numbers first, then dates and texts, then codes; one constant column when nothing is usable.
        """
        blocks = [self._parts.measures(X)]
        for terms, axes in zip(self._parts.texts, self._axes, strict=True):
            blocks.append(
                terms.transform(X[terms.name]) @ axes if axes.size else np.zeros((len(X), 0))
            )
        blocks += [
            codes_of(X[name], levels)[:, None] for name, levels in self._parts.levels.items()
        ]
        values = np.hstack(blocks)
        if not values.shape[1]:
            values = np.zeros((len(X), 1))
        return Features(np.ascontiguousarray(values, dtype=np.float64), self._info())

    def _info(self) -> FeatureInfo:
        names = self._parts.measure_names
        for terms, axes in zip(self._parts.texts, self._axes, strict=True):
            names += [f"{terms.name}.{axis}" for axis in range(axes.shape[1])]
        first = len(names)
        names += self._parts.levels
        if not names:
            return FeatureInfo(names=("constant",))
        return FeatureInfo(
            names=tuple(names),
            categorical=tuple(range(first, len(names))),
            cardinality=tuple(len(levels) for levels in self._parts.levels.values()),
        )

    def save(self, folder: Path) -> None:
        """Write ``trees.json`` and ``axes.npz``.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        write_json(folder / "trees.json", self._parts.state())
        write_arrays(folder / "axes.npz", {str(i): axes for i, axes in enumerate(self._axes)})

    @classmethod
    def load(cls, folder: Path) -> TreesRepresentation:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        TreesRepresentation
            Equal to the one saved.

        Raises
        ------
        InvalidRun
            If a file is missing or altered.
        """
        state, axes = read_json(folder / "trees.json"), read_arrays(folder / "axes.npz")
        made = cls()
        try:
            made._parts = ColumnParts.from_state(state)
            made._axes = [axes[str(i)] for i in range(len(made._parts.texts))]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidRun(
                f"expected a representation 'trees' in '{folder.name}', got {error!r}; train again"
            ) from error
        return made


def _main_axes(matrix: Any, seed: int) -> NDArray[np.float64]:
    """Find at most ``TEXT_COMPONENTS`` axes of a sparse matrix: shape (n_terms, n_axes)."""
    from sklearn.decomposition import TruncatedSVD

    n_axes = min(TEXT_COMPONENTS, matrix.shape[1] - 1, matrix.shape[0] - 1)
    if n_axes < 1:
        return np.eye(matrix.shape[1], min(matrix.shape[1], 1))
    axes: NDArray[np.float64] = TruncatedSVD(n_axes, random_state=seed).fit(matrix).components_.T
    return axes
