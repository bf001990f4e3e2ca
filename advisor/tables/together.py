"""Labelled rows, pool and test split beside one another: columns that one of them lacks, and rows in one frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from advisor.errors import UnreadableData, quoted
from advisor.tables.columns import Column, ColumnKind
from advisor.tables.kinds import SAMPLE_ROWS, evenly_spaced, infer_columns
from advisor.tables.levels import find_levels


def infer_together(
    train: pd.DataFrame,
    labelled: pd.DataFrame,
    pool: pd.DataFrame | None,
    given: pd.DataFrame | None,
) -> tuple[Column, ...]:
    """Infer the schema of a table from its labelled rows and its pool.

    Parameters
    ----------
    train : DataFrame of shape (n_rows, at least n_columns)
        All rows of the training table, raw.
    labelled : DataFrame of shape (n_labelled, n_columns)
        The features of those with a target.
    pool : DataFrame or None
        All rows without a target, with the same columns.
    given : DataFrame or None
        The unlabelled table as it was read; what it lacks is judged without it.

    Returns
    -------
    tuple of Column of length n_columns
    """
    there = set(labelled.columns if given is None else given.columns)
    shared = [name for name in labelled.columns if name in there]
    sample = sample_for_kinds(labelled[shared], None if pool is None else pool[shared])
    judged = [
        *infer_columns(sample, [train, given]),
        *infer_columns(train[[name for name in labelled.columns if name not in there]]),
    ]
    by_name = {column.name: column for column in judged}
    return tuple(by_name[str(name)] for name in labelled.columns)


def pool_features(
    pool: pd.DataFrame, train: pd.DataFrame, features: Sequence[str], notes: list[str]
) -> pd.DataFrame:
    """Take the features of an unlabelled table, empty where it lacks what no model uses.

    Parameters
    ----------
    pool, train : DataFrame
        Raw.
    features : sequence of str
        Columns of ``train``.
    notes : list of str
        Columns that are filled are added to it.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)

    Raises
    ------
    UnreadableData
        If it lacks columns that are learned from.
    """
    missing = [name for name in features if name not in pool.columns]
    if not missing:
        return pool[list(features)]
    what = "the unlabelled table"
    check_columns(pool, infer_columns(train[missing]), what, len(features))
    notes.append(f"{what}: columns that no model uses are not there: {quoted(missing)}")
    return pool.assign(**dict.fromkeys(missing, np.nan))[list(features)]


def check_columns(
    frame: pd.DataFrame, columns: Sequence[Column], what: str, n_features: int
) -> None:
    """Raise UnreadableData, naming the columns that a later table lacks and models need."""
    missing = [c.name for c in columns if c.is_needed and c.name not in frame.columns]
    if missing:
        raise UnreadableData(
            f"{what} lacks {len(missing)} of {n_features} feature columns: {quoted(missing)}. "
            "Add them (empty where unknown), or name another --target."
        )


def check_some_needed(columns: Sequence[Column], name: str) -> None:
    """Raise UnreadableData where no column can be learned from, naming all of them."""
    if any(column.is_needed for column in columns):
        return
    kinds = {"identifiers": ColumnKind.IDENTIFIER, "constant": ColumnKind.CONSTANT}
    held = {said: [c.name for c in columns if c.kind is kind] for said, kind in kinds.items()}
    found = " or ".join(f"{said} ({quoted(names)})" for said, names in held.items() if names)
    raise UnreadableData(
        f"{name} has nothing to learn from: the columns besides the target are {found}. Add a column that says "
        "something about the rows, or name another --target."
    )


def stack(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Raw frames of the same columns, one below the other; words where their dtypes differ."""
    stacked = {}
    for name in parts[0].columns:
        columns = [part[name] for part in parts]
        if any(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            columns = [_as_words(column) for column in columns]
        stacked[name] = pd.concat(columns, ignore_index=True)
    return pd.DataFrame(stacked)


def sample_for_kinds(labelled: pd.DataFrame, pool: pd.DataFrame | None) -> pd.DataFrame:
    """All labelled rows and as much of the pool as kinds are judged by: more levels are seen early."""
    if pool is None:
        return labelled
    return stack([labelled, pool.iloc[evenly_spaced(len(pool), SAMPLE_ROWS)]])


def _as_words(column: pd.Series) -> pd.Series:
    codes, words = find_levels(column, frozenset())
    return pd.Series(pd.Categorical.from_codes(codes, categories=words)).astype("str")
