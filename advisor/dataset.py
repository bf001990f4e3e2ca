"""A file, a folder or a frame → Dataset.

``Dataset`` is the one value that everything below reads. Targets are encoded here, once, so that nobody
further down has to ask again how a class is spelt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cache import content_keys
from advisor.images.similarity import near_duplicates
from advisor.tables.columns import Column, ColumnKind, conform, conformance_notes
from advisor.tables.folders import find_sources
from advisor.tables.inputs import as_frame, gather
from advisor.tables.parts import (
    encode_targets,
    find_columns,
    find_features,
    find_groups,
    find_pool,
    find_targets,
    read_test,
)
from advisor.tables.picture_columns import IMAGE
from advisor.tables.picture_rows import picture_rows, readable, take_rows
from advisor.tables.pictures import conflict_note
from advisor.tables.reading import stream_table
from advisor.tables.target_names import check_names, split_names
from advisor.tables.targets import encode
from advisor.tasks import Modality, Task, parse_task

__all__ = [
    "Dataset",
    "Modality",
    "Task",
    "holds_pictures",
    "read_dataset",
    "read_features",
    "read_pictures",
]

CHUNK_ROWS = 100_000
"""Rows of one piece when features are streamed (our choice: 30 columns of numbers are 24 MB)."""

CHUNK_PICTURES = 256
"""Pictures of one piece (our choice: as pixels they are 50 MB)."""


@dataclass(frozen=True)
class Dataset:
    """Labelled rows, the unlabelled pool and the test split of one problem.

    Attributes
    ----------
    X : DataFrame of shape (n_labelled, n_columns)
        Features, conforming to ``columns`` (see :class:`advisor.tables.columns.Column` for the dtypes).
    y : ndarray
        int64 codes into ``classes`` of shape (n_labelled,) for binary and multiclass; float64 of shape
        (n_labelled,) for regression; int8 0/1 of shape (n_labelled, n_classes) for multilabel.
    classes : tuple of str
        Class (or label) names exactly as they are written in the data; empty for regression.
    targets : tuple of str
        The target columns; one, or several 0/1 columns of a multilabel problem.
    label_separator : str or None
        What separates labels in one multilabel column.
    X_unlabelled, X_test, y_test : DataFrame, DataFrame, ndarray or None
        The pool; the test split, and its targets (``None`` where it has no labels).
    groups : ndarray of shape (n_labelled,) or None
        Integer codes; rows of one group stay on one side of every split.
    group_columns : tuple of str
        The columns that ``groups`` was made from; they are not features.
    notes : tuple of str
        What was inferred (target, task) and what was repaired, in sentences for the user.
    fingerprint : str
        sha256 of the content: the same data read twice has the same fingerprint. Pictures count by the content of their
        files, not by where these lie.
    broken : tuple of str
        ``name: reason`` of files that cannot be read as pictures; they are in none of the frames.
    """

    name: str
    modality: Modality
    task: Task
    X: pd.DataFrame
    y: NDArray[np.generic]
    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    label_separator: str | None = None
    X_unlabelled: pd.DataFrame | None = None
    X_test: pd.DataFrame | None = None
    y_test: NDArray[np.generic] | None = None
    groups: NDArray[np.int64] | None = None
    group_columns: tuple[str, ...] = ()
    source: str = ""
    fingerprint: str = ""
    notes: tuple[str, ...] = field(default=())
    broken: tuple[str, ...] = ()

    @property
    def n_labelled(self) -> int:
        """Rows with a label."""
        return len(self.X)

    @property
    def n_unlabelled(self) -> int:
        """Rows of the pool."""
        return 0 if self.X_unlabelled is None else len(self.X_unlabelled)

    @property
    def n_classes(self) -> int:
        """Classes or labels; 0 for regression."""
        return len(self.classes)

    def copies(self) -> NDArray[np.int64]:
        """Number the different items among the labelled rows, so that copies can be kept on one side of a split.

        Returns
        -------
        ndarray of int64 of shape (n_labelled,)
            Rows of a table share a number where all their features are equal; pictures where they are nearly so
            (:func:`advisor.images.similarity.near_duplicates`).
        """
        return self._copies

    @cached_property
    def _copies(self) -> NDArray[np.int64]:
        if self.modality is Modality.IMAGE:
            return near_duplicates(list(self.X[IMAGE].astype(object)))
        hashes = pd.util.hash_pandas_object(self.X, index=False).to_numpy()
        return np.unique(hashes, return_inverse=True)[1].astype(np.int64)

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Keep only the given labelled rows of the same problem.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Positions in ``X``.

        Returns
        -------
        Dataset
            With ``X``, ``y`` and ``groups`` cut; pool and test split as they are.
        """
        groups = None if self.groups is None else self.groups[rows]
        return replace(
            self, X=self.X.iloc[rows].reset_index(drop=True), y=self.y[rows], groups=groups
        )


def read_dataset(
    data: object,
    *,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    unlabeled: object = None,
    groups: str | Sequence[str] | None = None,
    name: str | None = None,
) -> Dataset:
    """Read a file, a folder or rows in memory → Dataset.

    Parameters
    ----------
    data : path, DataFrame (pandas or polars), scikit-learn Bunch, or tuple (X, y)
        A folder holds ``train.*`` and perhaps ``test.*`` and ``unlabeled.*``, or one table; or pictures in a folder
        for each class, in ``images/`` with ``masks/``, or named by a table.
    target : str or sequence of str or None
        The column to predict, or several 0/1 columns (a string may name several, with commas); None infers it.
    task : str or None
        ``binary``, ``multiclass``, ``multilabel``, ``regression``, ``classification`` or, for pictures with masks,
        ``segmentation``; None infers it.
    unlabeled : path, DataFrame or None
        Rows without a target, in place of the folder's own.
    groups : str or sequence of str or None
        Columns whose equal values stay on one side of every split; they are not features.
    name : str or None
        The dataset's name; None takes the file's or folder's.

    Returns
    -------
    Dataset
        Rows with an empty target are in its pool; all that was inferred or repaired is in its notes.

    Raises
    ------
    UnreadableData, UnknownTarget, InvalidRequest
        One line that says what was expected, what was found and what to do.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [1, 2, 3, 4, 5, 6], "kind": list("aabbab")})
    >>> dataset = read_dataset(frame)
    >>> str(dataset.task), dataset.classes, dataset.y.tolist()
    ('binary', ('a', 'b'), [0, 0, 1, 1, 0, 1])
    """
    wanted = parse_task(task)
    inputs = gather(data, unlabeled, name)
    notes = list(inputs.notes)
    targets = find_targets(inputs, target, notes)
    group_columns = split_names(groups, list(inputs.train.columns))
    check_names(group_columns, list(inputs.train.columns), inputs.name, "--groups")
    features = find_features(inputs, {*targets, *group_columns}, notes)
    encoding = encode_targets(inputs, targets, wanted)
    notes.append(f"task: {encoding.task} ({encoding.reason}); --task overrides")
    y, known, _ = encode(inputs.train, encoding)
    raw = inputs.train if known.all() else inputs.train[known]
    pool = find_pool(inputs, features, known, notes)
    columns = find_columns(inputs, raw[features], pool)
    X = conform(raw[features], columns)
    notes.extend(conformance_notes(raw[features], columns))
    if inputs.modality is Modality.IMAGE:
        notes.extend(conflict_note(X[IMAGE], y[known]))
    X_test, y_test = read_test(inputs, columns, encoding, notes)
    dataset = Dataset(
        name=inputs.name,
        modality=inputs.modality,
        task=encoding.task,
        X=X,
        y=y if known.all() else y[known],
        columns=columns,
        classes=encoding.classes,
        targets=encoding.targets,
        label_separator=encoding.separator,
        X_unlabelled=None if pool is None else conform(pool, columns),
        X_test=X_test,
        y_test=y_test,
        groups=find_groups(raw, group_columns),
        group_columns=tuple(group_columns),
        source=inputs.source,
        notes=tuple(dict.fromkeys(notes)),
        broken=inputs.broken,
    )
    return replace(dataset, fingerprint=_fingerprint(dataset))


def read_features(
    data: object, columns: Sequence[Column], *, chunk_rows: int | None = None
) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """Rows to predict → conforming pieces, in their order, none left out.

    Parameters
    ----------
    data : path, DataFrame, or list of paths of pictures
        A file (CSV, Parquet and JSON lines are streamed), a folder with ``test.*`` or one table, or rows in memory; for
        pictures as :func:`read_pictures`.
    columns : sequence of Column
        The schema of the training data.
    chunk_rows : int or None
        About how many rows one piece holds; None takes 100,000.

    Yields
    ------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`advisor.tables.columns.conform` makes it.
    notes : list of str
        What had to be put right in this piece.

    Raises
    ------
    UnreadableData
        If the file cannot be read, a row is ragged, or columns are missing.
    """
    if holds_pictures(columns):
        for _, frame, notes in read_pictures(data, columns, chunk_rows=chunk_rows):
            yield frame, notes
        return
    if isinstance(data, (str, Path)):
        path = Path(data)
        sources = find_sources(path)
        tables = stream_table(sources.test or sources.train, chunk_rows or CHUNK_ROWS)
        pieces: Iterator[tuple[pd.DataFrame, list[str]]] = (
            (table.frame, list(table.notes)) for table in tables
        )
    else:
        pieces = iter([as_frame(data)])
    for frame, notes in pieces:
        yield conform(frame, columns), [*notes, *conformance_notes(frame, columns)]


def holds_pictures(columns: Sequence[Column]) -> bool:
    """Whether the rows of a schema are pictures."""
    return any(column.kind is ColumnKind.IMAGE for column in columns)


def read_pictures(
    data: object, columns: Sequence[Column], *, chunk_rows: int | None = None
) -> Iterator[tuple[tuple[str, ...], pd.DataFrame, list[str]]]:
    """Pictures to predict → conforming pieces and what their files are called, in their order, none left out.

    Parameters
    ----------
    data : path, DataFrame, or list of paths
        A picture, a folder of pictures (its ``test`` folder or table where there is one), a table that names or holds
        pictures, or any of these in memory.
    columns : sequence of Column
        The schema of the training data.
    chunk_rows : int or None
        How many pictures one piece holds; None takes 256.

    Yields
    ------
    names : tuple of str of length n_rows
        Relative to the folder, or as the table has them.
    frame : DataFrame of shape (n_rows, n_columns)
        With a missing path where the picture cannot be read.
    notes : list of str
        Which pictures of this piece cannot be read, and why.

    Raises
    ------
    UnreadableData
        If there are no pictures.
    """
    rows = picture_rows(data)
    size = chunk_rows or CHUNK_PICTURES
    said = list(rows.notes)
    for start in range(0, len(rows.names), size):
        piece = take_rows(rows, start, start + size)
        frame, faults = readable(piece)
        notes = (
            [f"{len(faults)} pictures cannot be read and have no prediction: {'; '.join(faults)}"]
            if faults
            else []
        )
        for column in columns:
            if column.name not in frame.columns:
                frame[column.name] = pd.Categorical([None] * len(frame))
        yield piece.names, conform(frame, columns), [*said, *notes]
        said = []


def _fingerprint(dataset: Dataset) -> str:
    """sha256 over the features, targets and names of all parts."""
    digest = hashlib.sha256()
    names = (dataset.task, *dataset.targets, *dataset.classes, *dataset.group_columns)
    digest.update(repr([str(name) for name in names]).encode())
    for frame in (dataset.X, dataset.X_unlabelled, dataset.X_test):
        if frame is None:
            digest.update(b"-")
            continue
        digest.update(repr(list(frame.columns)).encode())
        for name in frame.columns:
            column = frame[name]
            if dataset.modality is Modality.IMAGE:
                paths = ["" if pd.isna(path) else path for path in column.astype(object)]
                digest.update("\0".join(content_keys(paths)).encode())
                continue
            if isinstance(column.dtype, pd.CategoricalDtype):
                # conforming categories are in one order for one content, so codes can be hashed
                digest.update("\0".join(column.cat.categories).encode("utf-8", "replace"))
                column = column.cat.codes
            digest.update(np.ascontiguousarray(column.to_numpy()).view(np.uint8).data)
    for array in (dataset.y, dataset.y_test, dataset.groups):
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
