"""A file, a folder or a frame → Dataset.

``Dataset`` is the one value that everything below reads. Targets are encoded here, once, so that nobody
further down has to ask again how a class is spelt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cache import content_keys
from advisor.tables.columns import (
    Column,
    ColumnKind,
    conform,
    conformance_notes,
    distinguishing,
    texts_of,
)
from advisor.tables.inputs import gather
from advisor.tables.media import conflict_note
from advisor.tables.media_columns import medium_of
from advisor.tables.media_groups import FileGroups, asks_for_names, find_file_groups
from advisor.tables.parts import (
    encode_targets,
    find_columns,
    find_features,
    find_groups,
    find_pool,
    find_targets,
    read_test,
    with_texts,
)
from advisor.tables.rows import CHUNK_FILES, holds_files, read_features, read_files
from advisor.tables.target_names import check_apart, check_names, split_names
from advisor.tables.targets import encode
from advisor.tasks import Modality, Task, parse_task
from advisor.texts import similarity as texts_alike

__all__ = [
    "CHUNK_FILES",
    "Dataset",
    "Modality",
    "Task",
    "holds_files",
    "read_dataset",
    "read_features",
    "read_files",
]


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
        The columns that ``groups`` was made from, or the part of the files' names; they are not features.
    group_source : str
        ``given`` by the user, also where none were wanted, guessed from the ``names`` of files, or empty where there
        are none.
    group_hint : str
        How groups were found in the names of files, or why those found are not used; empty otherwise.
    test_groups : ndarray of shape (n_test,) or None
        Codes of the test split where they come from the names of files, the same as in ``groups``; -1 for none.
    notes : tuple of str
        What was inferred (target, task) and what was repaired, in sentences for the user.
    fingerprint : str
        sha256 of the content: the same data read twice has the same fingerprint. Files count by their content, not by
        where they lie.
    broken : tuple of str
        ``name: reason`` of files that cannot be read; they are in none of the frames.
    pool_rows : ndarray of int64 or None
        Of the first rows of the pool, those of the labelled rows' table: their numbers there, from 1.
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
    group_source: Literal["", "given", "names"] = ""
    group_hint: str = ""
    test_groups: NDArray[np.int64] | None = None
    source: str = ""
    fingerprint: str = ""
    notes: tuple[str, ...] = field(default=())
    broken: tuple[str, ...] = ()
    pool_rows: NDArray[np.int64] | None = None

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
            Rows of a table share a number where all that is learned from is equal, whatever their identifiers; pictures
            and recordings where they are nearly so (``near_duplicates`` of their :class:`advisor.media.medium.Medium`).
        """
        return self._copies

    @cached_property
    def _copies(self) -> NDArray[np.int64]:
        medium = medium_of(self.columns)
        if medium is not None:
            return medium.near_duplicates(list(self.X[medium.column].astype(object)))
        if self.modality is Modality.TEXT:
            # the same text beside other numbers is another item
            said = texts_alike.near_duplicates(texts_of(self.X, self.columns))
            texts = {c.name for c in self.columns if c.kind is ColumnKind.TEXT}
            others = [name for name in distinguishing(self.columns) if name not in texts]
            beside = pd.util.hash_pandas_object(self.X[others], index=False).to_numpy()
            return pd.MultiIndex.from_arrays([said, beside]).factorize()[0].astype(np.int64)
        told = self.X[distinguishing(self.columns)]
        hashes = pd.util.hash_pandas_object(told, index=False).to_numpy()
        return np.unique(hashes, return_inverse=True)[1].astype(np.int64)

    @property
    def pool_numbers(self) -> NDArray[np.int64]:
        """Numbers of the pool's rows, from 1: in the labelled rows' table where all are there, else in the pool."""
        rows = self.pool_rows
        if rows is not None and len(rows) == self.n_unlabelled:
            return rows
        return np.arange(1, self.n_unlabelled + 1, dtype=np.int64)

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
        A folder holds ``train.*`` and perhaps ``test.*`` and ``unlabeled.*``, or one table; or pictures or
        recordings in a folder for each class, in ``images/`` with ``masks/``, or named by a table.
    target : str or sequence of str or None
        The column to predict, or several 0/1 columns (a string may name several, with commas); None infers it.
    task : str or None
        ``binary``, ``multiclass``, ``multilabel``, ``regression``, ``classification`` or, for pictures with masks,
        ``segmentation``; None infers it.
    unlabeled : path, DataFrame or None
        Rows without a target, in place of the folder's own.
    groups : str or sequence of str or None
        Columns whose equal values stay on one side of every split; they are not features. Of files, ``name2`` is the
        second part of their names, ``folder`` the folder below the class folder. None guesses from the names of
        recordings who speaks in them; ``none`` does not.
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
    by_names = asks_for_names(groups, list(inputs.train.columns))
    group_columns = [] if by_names else split_names(groups, list(inputs.train.columns))
    check_names(group_columns, list(inputs.train.columns), inputs.name, "--groups")
    check_apart(group_columns, targets)
    features = find_features(inputs, {*targets, *group_columns}, notes)
    inputs = with_texts(inputs, features, targets, notes)
    encoding = encode_targets(inputs, targets, wanted)
    notes.append(f"task: {encoding.task} ({encoding.reason}); --task overrides")
    y, known, _ = encode(inputs.train, encoding)
    raw = inputs.train if known.all() else inputs.train[known]
    pool, pool_rows = find_pool(inputs, features, known, notes)
    columns = find_columns(inputs, raw[features], pool)
    X = conform(raw[features], columns)
    notes.extend(conformance_notes(raw[features], columns))
    if inputs.medium is not None:
        notes.extend(conflict_note(X[inputs.medium.column], y[known], inputs.medium))
    X_test, y_test = read_test(inputs, columns, encoding, notes)
    y = y if known.all() else y[known]
    if by_names:
        asked = None if groups is None else str(groups)
        found = find_file_groups(inputs.medium, asked, X, X_test, y, encoding.classes)
        if found.hint:
            guessed = (
                "; --groups name1, name2 ... names another part, none ignores them"
                if found.source == "names"
                else ""
            )
            notes.append(f"groups: {found.hint}{guessed}")
    else:
        found = FileGroups(find_groups(raw, group_columns), source="given")
    dataset = Dataset(
        name=inputs.name,
        modality=inputs.modality,
        task=encoding.task,
        X=X,
        y=y,
        columns=columns,
        classes=encoding.classes,
        targets=encoding.targets,
        label_separator=encoding.separator,
        X_unlabelled=None if pool is None else conform(pool, columns),
        pool_rows=pool_rows,
        X_test=X_test,
        y_test=y_test,
        groups=found.groups,
        group_columns=(str(groups),)
        if by_names and found.source == "given" and found.groups is not None
        else tuple(group_columns),
        group_source=found.source,
        group_hint=found.hint,
        test_groups=found.test_groups,
        source=inputs.source,
        notes=tuple(dict.fromkeys(notes)),
        broken=inputs.broken,
    )
    return replace(dataset, fingerprint=_fingerprint(dataset))


def _fingerprint(dataset: Dataset) -> str:
    """sha256 over the features, targets and names of all parts."""
    digest = hashlib.sha256()
    names = (dataset.task, *dataset.targets, *dataset.classes, *dataset.group_columns)
    digest.update(repr([str(name) for name in names]).encode())
    of_files = holds_files(dataset.columns)
    for frame in (dataset.X, dataset.X_unlabelled, dataset.X_test):
        if frame is None:
            digest.update(b"-")
            continue
        digest.update(repr(list(frame.columns)).encode())
        for name in frame.columns:
            column = frame[name]
            if of_files:
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
