"""A file, a folder or a frame → Dataset.

``Dataset`` is the one value that everything below reads. Targets are encoded here, once, so that nobody
further down has to ask again how a class is spelt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import UnreadableData, quoted
from advisor.tables.columns import Column, conform, conformance_notes
from advisor.tables.folders import find_sources
from advisor.tables.inputs import Inputs, as_frame, gather
from advisor.tables.kinds import SAMPLE_ROWS, evenly_spaced, infer_columns
from advisor.tables.levels import find_levels
from advisor.tables.reading import stream_table
from advisor.tables.target_names import check_names, guess_target, split_names
from advisor.tables.targets import Encoding, encode, fit_encoding
from advisor.tasks import Modality, Task, parse_task

__all__ = ["Dataset", "Modality", "Task", "read_dataset", "read_features"]

CHUNK_ROWS = 100_000
"""Rows of one piece when features are streamed (our choice: 30 columns of numbers are 24 MB)."""


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
        sha256 of the content: the same data read twice has the same fingerprint.
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
        A folder holds ``train.*`` and perhaps ``test.*`` and ``unlabeled.*``, or one table.
    target : str or sequence of str or None
        The column to predict, or several 0/1 columns (a string may name several, with commas); None infers it.
    task : str or None
        ``binary``, ``multiclass``, ``multilabel``, ``regression`` or ``classification``; None infers it.
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
    targets = _find_targets(inputs, target, notes)
    group_columns = split_names(groups, list(inputs.train.columns))
    check_names(group_columns, list(inputs.train.columns), inputs.name, "--groups")
    features = [c for c in inputs.train.columns if c not in {*targets, *group_columns}]
    if not features:
        raise UnreadableData(
            f"{inputs.name} has only the columns {quoted(inputs.train.columns)}: expected at least "
            "one feature beside the target"
        )
    encoding = fit_encoding(inputs.train, targets, wanted)
    notes.append(f"task: {encoding.task} ({encoding.reason}); --task overrides")
    y, known, _ = encode(inputs.train, encoding)
    raw = inputs.train if known.all() else inputs.train[known]
    pool = _find_pool(inputs, features, known, notes)
    columns = infer_columns(_sample_for_kinds(raw[features], pool))
    X = conform(raw[features], columns)
    notes.extend(conformance_notes(raw[features], columns))
    X_test, y_test = _read_test(inputs, columns, encoding, notes)
    dataset = Dataset(
        name=inputs.name,
        modality=Modality.TABULAR,
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
        groups=_find_groups(raw, group_columns),
        group_columns=tuple(group_columns),
        source=inputs.source,
        notes=tuple(dict.fromkeys(notes)),
    )
    return replace(dataset, fingerprint=_fingerprint(dataset))


def read_features(
    data: object, columns: Sequence[Column], *, chunk_rows: int | None = None
) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """Rows to predict → conforming pieces, in their order, none left out.

    Parameters
    ----------
    data : path or DataFrame
        A file (CSV, Parquet and JSON lines are streamed), a folder with ``test.*`` or one table, or rows in memory.
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


def _find_targets(
    inputs: Inputs, target: str | Sequence[str] | None, notes: list[str]
) -> list[str]:
    """Find the target columns: as named, as the input says, or guessed and said."""
    names = [str(name) for name in inputs.train.columns]
    wanted = split_names(target, names) or list(inputs.target)
    if wanted:
        check_names(wanted, names, inputs.name, "--target")
        return list(dict.fromkeys(wanted))
    if len(names) < 2:
        raise UnreadableData(
            f"{inputs.name} has one column, {quoted(names)}: expected features and a target. "
            "Check the delimiter."
        )
    others = [list(frame.columns) for frame in (inputs.pool, inputs.test) if frame is not None]
    guess, why = guess_target(names, others, inputs.name)
    notes.append(f"target: '{guess}' ({why}); --target overrides")
    return [guess]


def _find_pool(
    inputs: Inputs, features: list[str], known: NDArray[np.bool_], notes: list[str]
) -> pd.DataFrame | None:
    """Rows with an empty target, and those of the unlabelled file."""
    parts = []
    if not known.all():
        parts.append(inputs.train.loc[~known, features])
        notes.append(f"{len(parts[0])} rows without a target are the unlabelled pool")
    if inputs.pool is not None:
        _check_features(inputs.pool, features, "the unlabelled table")
        parts.append(inputs.pool[features])
    if not parts:
        return None
    return parts[0].reset_index(drop=True) if len(parts) == 1 else _stack(parts)


def _stack(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Raw frames of the same columns, one below the other; words where their dtypes differ."""
    stacked = {}
    for name in parts[0].columns:
        columns = [part[name] for part in parts]
        if any(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            columns = [_as_words(column) for column in columns]
        stacked[name] = pd.concat(columns, ignore_index=True)
    return pd.DataFrame(stacked)


def _as_words(column: pd.Series) -> pd.Series:
    codes, words = find_levels(column, frozenset())
    return pd.Series(pd.Categorical.from_codes(codes, categories=words)).astype("str")


def _sample_for_kinds(labelled: pd.DataFrame, pool: pd.DataFrame | None) -> pd.DataFrame:
    """All labelled rows and as much of the pool as kinds are judged by: more levels are seen early."""
    if pool is None:
        return labelled
    return _stack([labelled, pool.iloc[evenly_spaced(len(pool), SAMPLE_ROWS)]])


def _check_features(frame: pd.DataFrame, features: Sequence[str], what: str) -> None:
    missing = [name for name in features if name not in frame.columns]
    if missing:
        raise UnreadableData(
            f"{what} lacks {len(missing)} of {len(features)} feature columns: {quoted(missing)}. "
            "Add them (empty where unknown), or name another --target."
        )


def _read_test(
    inputs: Inputs, columns: tuple[Column, ...], encoding: Encoding, notes: list[str]
) -> tuple[pd.DataFrame | None, NDArray[np.generic] | None]:
    """Read the test split, and its targets where all of them are there."""
    if inputs.test is None:
        return None, None
    _check_features(inputs.test, [column.name for column in columns], "the test table")
    X = conform(inputs.test, columns)
    if any(name not in inputs.test.columns for name in encoding.targets):
        notes.append("the test table has no target, so it is not scored")
        return X, None
    y, known, foreign = encode(inputs.test, encoding)
    if not known.any():
        notes.append("the test table has no usable target, so it is not scored")
        return X, None
    if foreign.any():
        notes.append(f"{int(foreign.sum())} test rows of classes not in train were dropped")
    empty = int((~known & ~foreign).sum())
    if empty:
        notes.append(f"{empty} test rows without a target were dropped")
    if known.all():
        return X, y
    return X[known].reset_index(drop=True), y[known]


def _find_groups(raw: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64] | None:
    """One code per combination of the group columns; a missing group is a group of its own row."""
    if not names:
        return None
    keys = pd.DataFrame({name: find_levels(raw[name])[0] for name in names})
    codes = keys.groupby(list(names), sort=True).ngroup().to_numpy().astype(np.int64)
    lone = np.flatnonzero((keys < 0).to_numpy().any(axis=1))
    codes[lone] = codes.max() + 1 + np.arange(len(lone))
    return codes


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
            if isinstance(column.dtype, pd.CategoricalDtype):
                # conforming categories are in one order for one content, so codes can be hashed
                digest.update("\0".join(column.cat.categories).encode("utf-8", "replace"))
                column = column.cat.codes
            digest.update(np.ascontiguousarray(column.to_numpy()).view(np.uint8).data)
    for array in (dataset.y, dataset.y_test, dataset.groups):
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
