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

from advisor.encoding import (
    LEVELS,
    NUMBERS,
    DateParts,
    TextTerms,
    codes_of,
    levels_by_frequency,
    numbers_of,
    usable_columns,
)
from advisor.errors import InvalidRun
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features, Representation
from advisor.storage import read_arrays, read_json, write_arrays, write_json
from advisor.tables.columns import Column, ColumnKind

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
        self._numbers: list[str] = []
        self._levels: dict[str, tuple[str, ...]] = {}
        self._dates: list[DateParts] = []
        self._texts: list[TextTerms] = []
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
        self.__init__()  # type: ignore[misc]
        for column in usable_columns(X, columns):
            values = X[column.name]
            if column.kind in NUMBERS:
                self._numbers.append(column.name)
            elif column.kind in LEVELS:
                self._levels[column.name] = levels_by_frequency(values)
            elif column.kind is ColumnKind.DATETIME:
                self._dates.append(DateParts.learn(column.name, values))
            else:
                terms = TextTerms.learn(column.name, values, MAX_TERMS)
                self._texts.append(terms)
                self._axes.append(_main_axes(terms.transform(values), seed))
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
        blocks = [numbers_of(X[name])[:, None] for name in self._numbers]
        blocks += [date.transform(X[date.name]) for date in self._dates]
        for terms, axes in zip(self._texts, self._axes, strict=True):
            blocks.append(
                terms.transform(X[terms.name]) @ axes if axes.size else np.zeros((len(X), 0))
            )
        blocks += [codes_of(X[name], levels)[:, None] for name, levels in self._levels.items()]
        info = self._info()
        if not info.categorical and info.names == ("constant",):
            blocks = [np.zeros((len(X), 1))]
        return Features(np.ascontiguousarray(np.hstack(blocks), dtype=np.float64), info)

    def _info(self) -> FeatureInfo:
        names = list(self._numbers)
        for date in self._dates:
            names += date.names
        for terms, axes in zip(self._texts, self._axes, strict=True):
            names += [f"{terms.name}.{axis}" for axis in range(axes.shape[1])]
        first = len(names)
        names += self._levels
        if not names:
            return FeatureInfo(names=("constant",))
        return FeatureInfo(
            names=tuple(names),
            categorical=tuple(range(first, len(names))),
            cardinality=tuple(len(levels) for levels in self._levels.values()),
        )

    def save(self, folder: Path) -> None:
        """Write ``trees.json`` and ``axes.npz``.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        state: dict[str, Any] = {
            "numbers": self._numbers,
            "levels": [[name, list(levels)] for name, levels in self._levels.items()],
            "dates": [[date.name, date.origin, date.hours] for date in self._dates],
            "texts": [terms.state() for terms in self._texts],
        }
        write_json(folder / "trees.json", state)
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
            made._numbers = [str(name) for name in state["numbers"]]
            made._levels = {str(name): tuple(levels) for name, levels in state["levels"]}
            made._dates = [DateParts(name, origin, hours) for name, origin, hours in state["dates"]]
            made._texts = [TextTerms.from_state(text) for text in state["texts"]]
            made._axes = [axes[str(i)] for i in range(len(made._texts))]
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
