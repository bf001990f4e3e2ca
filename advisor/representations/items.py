"""What representations of pictures, recordings and texts share: finding the items in a frame, and the columns beside.

From the items nothing is learned, so one matrix serves every fold and all that is kept is which columns hold them and
what was asked for. Where a text stands in a table, the other columns are learned from as well: a ``linear``
representation of them is fitted inside the fold, and its numbers stand behind those of the text.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.errors import InvalidRun, UnreadableData, quoted
from advisor.representation import FeatureInfo, Features, Representation
from advisor.representations.linear import LinearRepresentation
from advisor.storage import read_json, write_json
from advisor.tables.columns import FILE_KINDS, USABLE_KINDS, Column, ColumnKind, texts_of
from advisor.tasks import Modality

STATE = "items.json"
"""The one file of state in a saved folder."""

BESIDE = "beside"
"""Folder of the representation of the other columns, where there are any."""

KINDS: dict[ColumnKind, Modality] = {
    ColumnKind.IMAGE: Modality.IMAGE,
    ColumnKind.AUDIO: Modality.AUDIO,
    ColumnKind.TEXT: Modality.TEXT,
}
"""Kinds of columns that hold items, in the order they are looked for."""

WANTED: dict[Modality, str] = {
    Modality.IMAGE: "pictures",
    Modality.AUDIO: "recordings",
    Modality.TEXT: "texts",
}
"""What items are called, for messages."""


class ItemsRepresentation(Representation):
    """Paths of files, or texts → a matrix; a row whose item is missing or unreadable is NaN."""

    learns: ClassVar[bool] = False
    modalities: ClassVar[frozenset[Modality]] = frozenset(WANTED)
    """What it can read."""

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.columns: tuple[Column, ...] = ()
        """Those that hold the items: one of paths, or all those of texts."""
        self.beside: LinearRepresentation | None = None

    @abstractmethod
    def compute(self, items: Sequence[str], deadline: Deadline) -> Any:
        """Compute one row of numbers per item, as an array or a sparse matrix; what is slow is kept in the cache."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Name the numbers of the items: one name each, or one per block where there are too many."""

    @classmethod
    def learns_from(cls, columns: Sequence[Column]) -> bool:
        """Whether there are columns beside texts, of which scales and levels are learned."""
        return bool(columns_beside(columns, cls.modalities))

    @property
    def modality(self) -> Modality:
        """What the items are; known after ``fit``."""
        return KINDS[self.columns[0].kind]

    def items(self, X: pd.DataFrame) -> tuple[list[str], NDArray[np.bool_]]:
        """Take the items that there are from a frame.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        items : list of str
            Paths or texts, without the rows that have none.
        present : ndarray of bool of shape (n_rows,)
            Which rows they stand in.
        """
        if self.modality is Modality.TEXT:
            texts = texts_of(X, self.columns)
            return [text for text in texts if text], np.array([bool(t) for t in texts], dtype=bool)
        values = X[self.columns[0].name]
        present = values.notna().to_numpy()
        return [str(path) for path in values[present]], present

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Compute every item once, so that ``transform`` finds them in the cache; after ``fit``.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.
        deadline : Deadline
            When to stop; what was computed by then is kept.
        pool : DataFrame or None
            Not used.

        Raises
        ------
        DeadlineExceeded
            When the deadline passes first.
        """
        self.compute(self.items(X)[0], deadline)

    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> Self:
        """Find the columns of items, and learn from those beside texts.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Training rows, of which only columns beside texts are looked at.
        columns : sequence of Column
            The schema; one of them holds items.
        seed : int
            Not used: nothing here is random.

        Returns
        -------
        ItemsRepresentation
            Itself.

        Raises
        ------
        UnreadableData
            If no column holds what it can read.
        """
        self.columns = columns_of_items(columns, self.modalities)
        if not self.columns:
            wanted = " or ".join(word for m, word in WANTED.items() if m in self.modalities)
            raise UnreadableData(
                f"expected a column of {wanted}, got {quoted(column.name for column in columns)}; "
                "pass a folder of files, a table with their paths, or a table with a column of texts"
            )
        others = columns_beside(columns, self.modalities)
        self.beside = LinearRepresentation().fit(X, others, seed) if others else None
        return self

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn items into a matrix.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            Rows whose item is missing or cannot be read are NaN, but for columns beside.
        """
        items, present = self.items(X)
        found = self.compute(items, Deadline(None))
        if not present.all():
            values = np.full((len(X), found.shape[1]), np.nan, dtype=found.dtype)
            values[present] = found
            found = values
        return self.joined(found, X)

    def joined(self, values: Any, X: pd.DataFrame) -> Features:
        """Put the numbers of the columns beside behind those of the items.

        Parameters
        ----------
        values : ndarray or csr_matrix of shape (n_rows, n_numbers)
            Of the items.
        X : DataFrame of shape (n_rows, n_columns)
            The same rows.

        Returns
        -------
        Features
            ``info.beside`` says how many columns were added.
        """
        if self.beside is None:
            return Features(values, FeatureInfo(names=self.names()))
        others = self.beside.transform(X)
        added = np.asarray(others.values, dtype=np.float32)
        if isinstance(values, np.ndarray):
            both: Any = np.hstack([values, added])
        else:
            from scipy.sparse import hstack

            both = hstack([values, added], format="csr", dtype=values.dtype)
        names = (*self.names(), *others.info.names)
        return Features(both, FeatureInfo(names=names, beside=added.shape[1]))

    def save(self, folder: Path) -> None:
        """Write ``items.json``, and a folder for the columns beside.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        written = [column.model_dump(mode="json") for column in self.columns]
        state = {
            "argument": self.argument,
            "columns": written,
            BESIDE: self.beside is not None,
        }
        write_json(folder / STATE, state)
        if self.beside is not None:
            (folder / BESIDE).mkdir()
            self.beside.save(folder / BESIDE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        ItemsRepresentation
            Equal to the one saved.

        Raises
        ------
        InvalidRun
            If the file is missing or altered.
        """
        state = read_json(folder / STATE)
        try:
            made = cls(str(state["argument"]))
            made.columns = tuple(Column.model_validate(column) for column in state["columns"])
            beside = bool(state[BESIDE])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidRun(
                f"expected a representation of items in '{folder.name}', got {error!r}; train again"
            ) from error
        made.beside = LinearRepresentation.load(folder / BESIDE) if beside else None
        return made


def columns_of_items(
    columns: Sequence[Column], modalities: frozenset[Modality] = frozenset(WANTED)
) -> tuple[Column, ...]:
    """Find the columns that hold items.

    Parameters
    ----------
    columns : sequence of Column
        A schema.
    modalities : frozenset of Modality
        What may be found.

    Returns
    -------
    tuple of Column
        One of paths, or all those of texts; empty where there are neither.
    """
    for kind, modality in KINDS.items():
        found = tuple(column for column in columns if column.kind is kind)
        if found and modality in modalities:
            return found[:1] if kind in FILE_KINDS else found
    return ()


def columns_beside(
    columns: Sequence[Column], modalities: frozenset[Modality] = frozenset(WANTED)
) -> tuple[Column, ...]:
    """Find the columns that are learned from beside texts.

    Parameters
    ----------
    columns : sequence of Column
        A schema.
    modalities : frozenset of Modality
        What counts as items.

    Returns
    -------
    tuple of Column
        Empty where the items are no texts: a table of files has no other columns.
    """
    items = columns_of_items(columns, modalities)
    if not items or items[0].kind is not ColumnKind.TEXT:
        return ()
    return tuple(c for c in columns if c.kind in USABLE_KINDS and c.kind is not ColumnKind.TEXT)
