"""The raw frames of one problem → its features, encoded targets, pool, test split and groups.

What is decided here is the same for tables and for files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import InvalidRequest, UnreadableData, counted, quoted
from advisor.tables.columns import Column, ColumnKind, conform, conformance_notes
from advisor.tables.empty_rows import without_empty
from advisor.tables.inputs import Inputs
from advisor.tables.keys import told_keys
from advisor.tables.kinds import infer_columns
from advisor.tables.levels import find_levels
from advisor.tables.media_columns import MASK
from advisor.tables.target_names import (
    LAST,
    check_names,
    guess_target,
    split_names,
    without_row_numbers,
)
from advisor.tables.targets import Encoding, encode, fit_encoding
from advisor.tables.texts import as_texts, complete, find_modality, has_content, label_beside_text
from advisor.tables.together import (
    check_columns,
    check_some_needed,
    infer_together,
    pool_features,
    sample_for_kinds,
    stack,
)
from advisor.tasks import Modality, Task

MOST_BESIDE = 2
"""Numeric columns up to which single words may be all there is to learn from (our choice: row numbers and the like)."""


def find_targets(inputs: Inputs, target: str | Sequence[str] | None, notes: list[str]) -> list[str]:
    """Find the target columns: as named, as the input says, or guessed and said.

    Parameters
    ----------
    inputs : Inputs
    target : str or sequence of str or None
        As the user named it.
    notes : list of str
        A guess is added to it.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownTarget, UnreadableData
        If a name is no column, or there is nothing to choose from.
    """
    names = [str(name) for name in inputs.train.columns if name not in _file_columns(inputs)]
    wanted = split_names(target, names) or list(inputs.target)
    if wanted:
        check_names(wanted, names, inputs.name, "--target")
        return list(dict.fromkeys(wanted))
    if not names:
        raise UnreadableData(
            f"{inputs.name} has a column of files and no other: expected one of labels beside it"
        )
    if len(names) < 2 and inputs.modality is Modality.TABULAR:
        raise UnreadableData(
            f"{inputs.name} has one column, {quoted(names)}: expected features and a target. "
            "Check the delimiter; of texts, write the label and a tab before each."
        )
    names = without_row_numbers(inputs.train[names])
    others = [list(frame.columns) for frame in (inputs.pool, inputs.test) if frame is not None]
    guess, why = guess_target(names, others, inputs.name)
    if why == LAST and inputs.medium is None:
        guess, why = label_beside_text(inputs.train[names], guess, why)
    notes.append(f"target: '{guess}' ({why}); --target overrides")
    return [guess]


def find_features(inputs: Inputs, taken: set[str], notes: list[str]) -> list[str]:
    """Columns to learn from: all that are not taken, or those of files alone, which is said.

    Parameters
    ----------
    inputs : Inputs
    taken : set of str
        Targets and group columns.
    notes : list of str
        Columns left unused are added to it.

    Returns
    -------
    list of str

    Raises
    ------
    UnreadableData
        If no column is left.
    """
    others = [name for name in inputs.train.columns if name not in taken]
    if inputs.medium is not None:
        features = _file_columns(inputs)
        unused = [name for name in others if name not in features]
        if unused:
            notes.append(f"columns beside the {inputs.medium.many} are not used: {quoted(unused)}")
            notes.extend(told_keys(inputs.train, unused))
        return features
    if not others:
        raise UnreadableData(
            f"{inputs.name} has only the columns {quoted(inputs.train.columns)}: expected at least "
            "one feature beside the target"
        )
    return others


def find_columns(
    inputs: Inputs, labelled: pd.DataFrame, pool: pd.DataFrame | None
) -> tuple[Column, ...]:
    """Infer the schema of a table; that of files and of texts is known.

    Parameters
    ----------
    inputs : Inputs
    labelled : DataFrame of shape (n_labelled, n_columns)
        The features alone.
    pool : DataFrame or None
        The pool's features.

    Returns
    -------
    tuple of Column

    Raises
    ------
    UnreadableData
        If all are identifiers or constant.
    """
    if inputs.medium is not None:
        kind, reason = ColumnKind(inputs.modality), f"paths of {inputs.medium.many}"
        return tuple(Column(name=name, kind=kind, reason=reason) for name in labelled.columns)
    if inputs.schema:
        return inputs.schema
    if pool is not None or len(labelled) != len(inputs.train):
        columns = infer_together(inputs.train, labelled, pool, inputs.pool)
    else:
        judged = {column.name: column for column in inputs.judged}
        rest = infer_columns(labelled[[name for name in labelled.columns if name not in judged]])
        judged |= {column.name: column for column in rest}
        columns = tuple(judged[str(name)] for name in labelled.columns)
    check_some_needed(columns, inputs.name)
    return columns


def with_texts(inputs: Inputs, features: list[str], targets: list[str], notes: list[str]) -> Inputs:
    """Bring the frames of a problem of texts into order: same columns everywhere, no rows without content.

    Parameters
    ----------
    inputs : Inputs
    features, targets : list of str
    notes : list of str
        What was done is added to it.

    Returns
    -------
    Inputs
        With modality TEXT and the schema; with the kinds that were judged on the way where the features are not about
        texts.
    """
    if inputs.medium is not None:
        return inputs
    inputs = replace(inputs, judged=_judged_words(inputs.train[features]))
    columns = _columns_of_texts(inputs, features)
    if not any(column.kind is ColumnKind.TEXT for column in columns):
        return inputs
    is_text, why = find_modality(conform(inputs.train, columns), columns)
    if not is_text:
        return inputs
    notes.extend(why)
    pool, test = inputs.pool, inputs.test
    if pool is not None:
        what = "the unlabelled table"
        pool = complete(pool, columns, targets, what, notes, fill=True)
        pool = _with_content(pool, columns, what, notes)
    if test is not None:
        what = "the test table"
        test = complete(test, columns, targets, what, notes)
        test = _with_content(test, columns, what, notes)
    train = _with_content(inputs.train, columns, "the table", notes)  # rows keep their numbers
    return replace(
        inputs, modality=Modality.TEXT, schema=columns, train=train, pool=pool, test=test
    )


def _judged_words(frame: pd.DataFrame) -> tuple[Column, ...]:
    """Judge the columns of words among the features, on all rows of the training table."""
    words = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return infer_columns(frame[words])


def _columns_of_texts(inputs: Inputs, features: list[str]) -> tuple[Column, ...]:
    """Infer the schema where a table may be about texts; empty where its words cannot be any."""
    words = inputs.judged
    if not words:
        return ()
    texts = any(column.kind is ColumnKind.TEXT for column in words)
    if not texts and len(features) > len(words) + MOST_BESIDE:
        return ()
    frame, pool = inputs.train[features], inputs.pool
    if pool is None or not set(features) <= set(pool.columns):
        return as_texts(frame, infer_columns(frame))
    frame = sample_for_kinds(frame, pool[features])
    return as_texts(frame, infer_columns(frame, [inputs.train, pool]))


def _with_content(
    table: pd.DataFrame, columns: Sequence[Column], what: str, notes: list[str]
) -> pd.DataFrame:
    """Leave out the rows of a table without a text and anything else to learn from, and say so."""
    if any(c.kind is ColumnKind.TEXT and c.name not in table.columns for c in columns):
        return table  # what it lacks is said where it is read
    full = has_content(table, columns)
    if full.all():
        return table
    notes.append(
        f"{int((~full).sum())} of {len(full)} rows of {what} hold no text and nothing else to learn from; they were "
        "left out"
    )
    return table[full]


def encode_targets(inputs: Inputs, targets: list[str], wanted: str | None) -> Encoding:
    """Encode the targets as the layout of the data implies, or as was asked for.

    Parameters
    ----------
    inputs : Inputs
    targets : list of str
    wanted : str or None
        As :func:`advisor.tasks.parse_task` gives it.

    Returns
    -------
    Encoding

    Raises
    ------
    InvalidRequest, UnknownTarget
        If the task does not fit the data, or nothing can be learned.
    """
    if inputs.masked:
        if wanted not in (None, Task.SEGMENTATION):
            raise InvalidRequest(
                f"{inputs.name} holds pictures with masks, which is segmentation, and was asked for as "
                f"'{wanted}': leave --task out, or point at a table of file names and labels"
            )
        return fit_encoding(inputs.train, targets, Task.SEGMENTATION)
    if wanted == Task.SEGMENTATION:
        raise InvalidRequest(
            f"{inputs.name} holds no masks: expected the folders images/ and masks/ with files of the same "
            "names for --task segmentation"
        )
    if not inputs.named_classes or targets != list(inputs.target):
        return fit_encoding(inputs.train, targets, wanted)
    encoding = fit_encoding(inputs.train, targets, wanted or "classification", frozenset())
    if wanted is not None:
        return encoding
    many = "texts" if inputs.medium is None else inputs.medium.many
    return replace(
        encoding,
        reason=f"a {inputs.class_source} of {many} for each of {len(encoding.classes)} classes",
    )


def find_pool(
    inputs: Inputs, features: list[str], known: NDArray[np.bool_], notes: list[str]
) -> tuple[pd.DataFrame | None, NDArray[np.int64] | None]:
    """Rows with an empty target, and those of the unlabelled file.

    Parameters
    ----------
    inputs : Inputs
    features : list of str
    known : ndarray of bool of shape (n_rows,)
        Training rows with a target.
    notes : list of str
        What joined the pool is added to it.

    Returns
    -------
    pool : DataFrame or None
    numbers : ndarray of int64 or None
        Of the first rows of the pool, those of the training table: their numbers there, from 1.

    Raises
    ------
    UnreadableData
        If the unlabelled table lacks features.
    """
    parts, numbers = [], None
    if not known.all():
        rows = without_empty(inputs.train.loc[~known, features], "the table", notes)
        parts.append(rows)
        if len(rows):
            numbers = rows.index.to_numpy(np.int64) + 1
            notes.append(f"the unlabelled pool: {counted(len(rows), 'row')} without a target")
    if inputs.pool is not None:
        given = pool_features(inputs.pool, inputs.train, features, notes)
        parts.append(without_empty(given, "the unlabelled table", notes))
    parts = [rows for rows in parts if len(rows)]
    if not parts:
        return None, None
    return (parts[0].reset_index(drop=True) if len(parts) == 1 else stack(parts)), numbers


def read_test(
    inputs: Inputs, columns: tuple[Column, ...], encoding: Encoding, notes: list[str]
) -> tuple[pd.DataFrame | None, NDArray[np.generic] | None]:
    """Read the test split, and its targets where all of them are there.

    Parameters
    ----------
    inputs : Inputs
    columns : tuple of Column
    encoding : Encoding
    notes : list of str
        Rows that were dropped, and cells that could not be read, are added to it.

    Returns
    -------
    X : DataFrame or None
    y : ndarray or None

    Raises
    ------
    UnreadableData
        If the test table lacks features.
    """
    if inputs.test is None:
        return None, None
    check_columns(inputs.test, columns, "the test table", len(columns))
    X = conform(inputs.test, columns)
    present = [column.name for column in columns if column.name in inputs.test.columns]
    said = conformance_notes(inputs.test[present], columns)
    notes.extend(f"the test table: {note}" for note in said)
    if any(name not in inputs.test.columns for name in encoding.targets):
        notes.append("the test split has no target, so it is not scored")
        return X, None
    y, known, foreign = encode(inputs.test, encoding)
    if not known.any():
        notes.append("the test split has no usable target, so it is not scored")
        return X, None
    if foreign.any():
        notes.append(f"{int(foreign.sum())} test rows of classes not in train were dropped")
    empty = int((~known & ~foreign).sum())
    if empty:
        notes.append(f"{empty} test rows without a target were dropped")
    if known.all():
        return X, y
    return X[known].reset_index(drop=True), y[known]


def find_groups(raw: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64] | None:
    """One code per combination of the group columns; a missing group is a group of its own row.

    Parameters
    ----------
    raw : DataFrame of shape (n_rows, n_columns)
    names : sequence of str
        The group columns.

    Returns
    -------
    ndarray of int64 of shape (n_rows,) or None
        None without group columns.
    """
    if not names:
        return None
    keys = pd.DataFrame({name: find_levels(raw[name])[0] for name in names})
    codes = keys.groupby(list(names), sort=True).ngroup().to_numpy().astype(np.int64)
    lone = np.flatnonzero((keys < 0).to_numpy().any(axis=1))
    codes[lone] = codes.max() + 1 + np.arange(len(lone))
    return codes


def _file_columns(inputs: Inputs) -> list[str]:
    """Name the columns of paths, which are all the features that a problem of files has."""
    if inputs.medium is None:
        return []
    return [inputs.medium.column, MASK] if inputs.masked else [inputs.medium.column]
