"""The raw frames of one problem → its features, encoded targets, pool, test split and groups.

What is decided here is the same for tables and for pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import InvalidRequest, UnreadableData, quoted
from advisor.tables.columns import Column, ColumnKind, conform
from advisor.tables.inputs import Inputs
from advisor.tables.kinds import SAMPLE_ROWS, evenly_spaced, infer_columns
from advisor.tables.levels import find_levels
from advisor.tables.picture_columns import IMAGE, MASK
from advisor.tables.target_names import check_names, guess_target, split_names
from advisor.tables.targets import Encoding, encode, fit_encoding
from advisor.tasks import Modality, Task


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
    names = [str(name) for name in inputs.train.columns if name not in _picture_columns(inputs)]
    wanted = split_names(target, names) or list(inputs.target)
    if wanted:
        check_names(wanted, names, inputs.name, "--target")
        return list(dict.fromkeys(wanted))
    if not names:
        raise UnreadableData(
            f"{inputs.name} has a column of pictures and no other: expected one of labels beside it"
        )
    if len(names) < 2 and inputs.modality is Modality.TABULAR:
        raise UnreadableData(
            f"{inputs.name} has one column, {quoted(names)}: expected features and a target. "
            "Check the delimiter."
        )
    others = [list(frame.columns) for frame in (inputs.pool, inputs.test) if frame is not None]
    guess, why = guess_target(names, others, inputs.name)
    notes.append(f"target: '{guess}' ({why}); --target overrides")
    return [guess]


def find_features(inputs: Inputs, taken: set[str], notes: list[str]) -> list[str]:
    """Columns to learn from: all that are not taken, or those of pictures alone, which is said.

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
    if inputs.modality is Modality.IMAGE:
        features = _picture_columns(inputs)
        unused = [name for name in others if name not in features]
        if unused:
            notes.append(f"columns beside the pictures are not used: {quoted(unused)}")
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
    """Infer the schema of a table; that of pictures is known.

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
    """
    if inputs.modality is Modality.IMAGE:
        return tuple(
            Column(name=name, kind=ColumnKind.IMAGE, reason="paths of pictures")
            for name in labelled.columns
        )
    return infer_columns(_sample_for_kinds(labelled, pool))


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
    return replace(
        encoding, reason=f"a folder of pictures for each of {len(encoding.classes)} classes"
    )


def find_pool(
    inputs: Inputs, features: list[str], known: NDArray[np.bool_], notes: list[str]
) -> pd.DataFrame | None:
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
    DataFrame or None

    Raises
    ------
    UnreadableData
        If the unlabelled table lacks features.
    """
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
        Rows that were dropped are added to it.

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
    _check_features(inputs.test, [column.name for column in columns], "the test table")
    X = conform(inputs.test, columns)
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


def _picture_columns(inputs: Inputs) -> list[str]:
    """Name the columns of paths, which are all the features that a problem of pictures has."""
    if inputs.modality is not Modality.IMAGE:
        return []
    return [IMAGE, MASK] if inputs.masked else [IMAGE]


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
