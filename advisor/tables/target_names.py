"""Column names → the ones that are to be predicted, as the user named them or as they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from advisor.errors import InvalidRequest, UnknownTarget, did_you_mean, quoted
from advisor.tables.columns import ColumnKind
from advisor.tables.kinds import UNNAMED, infer_columns
from advisor.tables.levels import as_numbers

CLEAR_NAMES = frozenset(
    {"target", "targets", "label", "labels", "y", "outcome", "response", "groundtruth", "ytrue"}
)
"""Names, without case and signs, that say "target" wherever the column stands."""

END_NAMES = frozenset(
    {"class", "classes", "category", "species", "diagnosis", "survived", "status", "churn", "type"}
    | {"fraud", "spam", "sentiment"}
)
"""Names that say so only of the first or last column, since they are features elsewhere."""

AMOUNT_NAMES = frozenset({"price", "saleprice", "rating"})
"""Amounts that are mostly asked for, where no other name says "target"."""


def split_names(names: str | int | Sequence[str] | None, columns: Sequence[str]) -> list[str]:
    """Split what the user gave for columns → their names; commas separate unless a column is so called.

    Names of any other type, such as the numbers that arrays are given as names, are those of the columns as written.
    """
    if names is None:
        return []
    if not isinstance(names, str):
        return [str(name) for name in names] if isinstance(names, Iterable) else [str(names)]
    if names in columns:
        return [names]
    return [part.strip() for part in names.split(",") if part.strip()]


def check_names(names: Sequence[str], columns: Sequence[str], source: str, option: str) -> None:
    """Raise UnknownTarget, naming all that are no columns and what was perhaps meant."""
    wrong = [name for name in names if name not in columns]
    if wrong:
        hint = did_you_mean(wrong[0], columns)
        noun = "target" if option == "--target" else "group"
        verb = "is not a column" if len(wrong) == 1 else "are not columns"
        raise UnknownTarget(
            f"{noun} {quoted(wrong)} {verb} of {source}; columns are {quoted(columns)}.{hint} "
            f"Pass {option}."
        )


NAMELESS = frozenset({"data", "dataset", "train", "test", "table"})
"""Names of datasets that nobody chose for what they hold."""


def check_apart(groups: Sequence[str], targets: Sequence[str]) -> None:
    """Raise InvalidRequest where a column is to be predicted and to group the rows at once."""
    if both := [name for name in groups if name in targets]:
        raise InvalidRequest(
            f"{quoted(both)} cannot be the target and a group column at once, or no class would be on both sides of a "
            "split: pass another column as --target or --groups"
        )


LAST = "it is the last column"
"""The reason for a guess that no name speaks for."""


def without_row_numbers(frame: pd.DataFrame) -> list[str]:
    """Name the columns that may be the target: a first one without a name that counts the rows is a saved index.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The training table without columns of files, raw.

    Returns
    -------
    list of str
        All, or all but the first.
    """
    names = [str(name) for name in frame.columns]
    if len(names) < 2 or not UNNAMED.fullmatch(names[0]):
        return names
    first = frame[names[0]]
    counted = pd.api.types.is_numeric_dtype(first.dtype) and (
        infer_columns(frame[names[:1]])[0].kind is ColumnKind.IDENTIFIER
        or bool((np.diff(as_numbers(first)) == 1).all())
    )
    return names[1:] if counted else names


def guess_target(
    columns: Sequence[str], without: Sequence[Sequence[str]], name: str
) -> tuple[str, str]:
    """Column names → the most likely target, and why.

    Parameters
    ----------
    columns : sequence of str
        Of the training table, in order.
    without : sequence of sequences of str
        Columns of the pool and of the test split, where those exist; the target may be missing there.
    name : str
        Of the dataset; a column of that name is likely the target.

    Returns
    -------
    target : str
    reason : str

    Examples
    --------
    >>> guess_target(["survived", "class", "alone"], [], "titanic")
    ('survived', 'the first column is named like a target')
    """
    every = columns
    for other in without:
        there = set(other)
        absent = [column for column in columns if column not in there]
        # a letter alone may be a coordinate
        if len(absent) == 1 and not any(len(column) > 1 for column in _clear(every)):
            return absent[0], "it is the only column that the other files lack"
        if absent and len(absent) < len(columns):
            columns = absent
    clear = _clear(columns) or _clear(every)
    if clear:
        return clear[-1], "it is named like a target"
    plain = [_plain(column) for column in columns]
    ends = ((columns[-1], plain[-1], "last"), (columns[0], plain[0], "first"))
    for column, bare, where in ends:
        if bare in END_NAMES:
            return column, f"the {where} column is named like a target"
    own = _plain(name)
    for column, bare in zip(columns, plain, strict=True):
        if bare == own and own not in NAMELESS:
            return column, "it is named like the dataset"
    marked = [c for c in columns if {"target", "label"} & set(re.split(r"[\W_]+", c.lower()))]
    if len(marked) == 1:
        return marked[0], "its name says so"
    amounts = [c for c, p in zip(columns, plain, strict=True) if p in AMOUNT_NAMES]
    if len(amounts) == 1:
        return amounts[0], "it is named like an amount to predict"
    return columns[-1], LAST


def _clear(columns: Sequence[str]) -> list[str]:
    """Find the columns whose names say "target" wherever they stand."""
    plain = [_plain(column) for column in columns]
    # y beside x is a coordinate
    names = CLEAR_NAMES - {"y"} if "x" in plain else CLEAR_NAMES
    return [c for c, p in zip(columns, plain, strict=True) if p in names]


def _plain(name: str) -> str:
    """Write a name without case and signs."""
    return re.sub(r"[\W_]+", "", name).lower()
