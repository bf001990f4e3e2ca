"""What representations of files share: finding the paths in a frame, and saving no more than a name.

Nothing is learned from the rows, so all that is kept is which column holds the paths and what was asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.errors import InvalidRun, UnreadableData, quoted
from advisor.representation import FeatureInfo, Features, Representation
from advisor.storage import read_json, write_json
from advisor.tables.columns import Column, ColumnKind

STATE = "files.json"
"""The one file of state in a saved folder."""


class FilesRepresentation(Representation):
    """Paths of files → a float32 matrix, the same for every fold; a row without a readable file is NaN."""

    learns: ClassVar[bool] = False

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.column = ""

    @abstractmethod
    def compute(self, paths: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Compute one row of numbers per path; what is slow is kept in the cache."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Name the columns of the matrix."""

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Compute every row once, so that ``transform`` finds them in the cache.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, 1)
            The column of paths.
        deadline : Deadline
            When to stop; what was computed by then is kept.
        pool : DataFrame or None
            Not used.

        Raises
        ------
        DeadlineExceeded
            When the deadline passes first.
        """
        self.compute(_paths(X[self.column or X.columns[0]])[0], deadline)

    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> Self:
        """Find the column of paths.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Not looked at.
        columns : sequence of Column
            The schema; one of them holds pictures.
        seed : int
            Not used: nothing here is random.

        Returns
        -------
        FilesRepresentation
            Itself.

        Raises
        ------
        UnreadableData
            If no column holds pictures.
        """
        found = [column.name for column in columns if column.kind is ColumnKind.IMAGE]
        if not found:
            raise UnreadableData(
                f"expected a column of pictures, got {quoted(column.name for column in columns)}; "
                "pass a folder of pictures or a table with their paths"
            )
        self.column = found[0]
        return self

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn paths into a matrix.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            float32; rows whose path is missing or whose file cannot be read are NaN.
        """
        names = self.names()
        paths, present = _paths(X[self.column])
        values = np.full((len(X), len(names)), np.nan, dtype=np.float32)
        if paths:
            values[present] = self.compute(paths, Deadline(None))
        return Features(values, FeatureInfo(names=names))

    def save(self, folder: Path) -> None:
        """Write ``files.json``.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        write_json(folder / STATE, {"argument": self.argument, "column": self.column})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        FilesRepresentation
            Equal to the one saved.

        Raises
        ------
        InvalidRun
            If the file is missing or altered.
        """
        state = read_json(folder / STATE)
        try:
            made = cls(str(state["argument"]))
            made.column = str(state["column"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidRun(
                f"expected a representation of files in '{folder.name}', got {error!r}; train again"
            ) from error
        return made


def _paths(values: pd.Series) -> tuple[list[str], NDArray[np.bool_]]:
    """The paths that there are, and which rows they stand in."""
    present = values.notna().to_numpy()
    return [str(path) for path in values[present]], present
