"""Table columns: their kinds, and making any later table conform to them.

A kind is inferred once, from the features alone (never from the target), when a table is read; from then on the
list of :class:`Column` is the schema that the representations, the saved pipeline and ``advisor predict`` share.
How cells are read as numbers, dates or ranks is in :mod:`advisor.tables.levels`; which kind a column is, in
:mod:`advisor.tables.kinds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.errors import UnreadableData, quoted
from advisor.tables.dates import CLOCK_FORMATS, parse_dates, without_zone
from advisor.tables.levels import (
    MISSING_MARKS,
    STRONG_MARKS,
    TRUTH_WORDS,
    as_numbers,
    narrow_levels,
    parse_numbers,
)
from advisor.tables.scales import scale_values


class ColumnKind(StrEnum):
    """What a column of a table holds."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    ORDINAL = "ordinal"
    """Few distinct whole numbers, or words with a known order: ranked, not measured."""
    HIGH_CARDINALITY = "high_cardinality"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"
    IMAGE = "image"
    """The path of a picture."""
    AUDIO = "audio"
    """The path of a recording."""


FILE_KINDS = frozenset({ColumnKind.IMAGE, ColumnKind.AUDIO})
"""Kinds whose cells are paths of files."""


USABLE_KINDS = frozenset(ColumnKind) - {
    ColumnKind.IDENTIFIER,
    ColumnKind.CONSTANT,
    *FILE_KINDS,
}
"""Kinds that carry something to learn from; the others are kept in the schema and left out of the features."""

NUMBER_KINDS = frozenset({ColumnKind.NUMERIC, ColumnKind.ORDINAL, ColumnKind.BOOLEAN})
"""Kinds that a conforming frame holds as ``float64``."""


TRUTHS = {word: float(value) for pair in TRUTH_WORDS for value, word in enumerate(pair)}
"""What each truth word means, without regard to case."""


class Column(BaseModel):
    """One column of the feature table.

    A frame that conforms holds: ``float64`` for numeric, ordinal and boolean columns (booleans as 0.0/1.0, words
    with a known order as their rank from 0.0, ``2, 3, 5more`` as 2.0, 3.0, 5.0), ``datetime64[ns]`` without a zone
    for date-times, and ``category`` of ``str`` for all others (categorical, high-cardinality, text, identifier,
    constant). Missing is ``NaN``, ``NaT`` or code -1. The categories of a conforming column begin with
    ``categories``, in that order, so a code means the
    same level in every frame; words not seen before follow after them.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: ColumnKind
    categories: tuple[str, ...] = ()
    """Levels seen, in a stable order (for ORDINAL words: their rank order); empty for other kinds."""
    truth: tuple[str, ...] = ()
    """For a boolean written in words: the word for 0 and the word for 1."""
    date_format: str | None = None
    reason: str = ""
    """Why this kind, in words a user reads."""

    @property
    def is_dated(self) -> bool:
        """Whether cells lie on a calendar: times of day alone do not."""
        return self.kind is ColumnKind.DATETIME and self.date_format not in CLOCK_FORMATS

    @property
    def is_needed(self) -> bool:
        """Whether a later table must have the column: no model reads identifiers and constants."""
        return self.kind in USABLE_KINDS | FILE_KINDS


def conform(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Any later table → the columns, order and dtypes of the schema.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, at least n_columns)
        In any column order; columns that are not in the schema are ignored.
    columns : sequence of Column of length n_columns
        The schema.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        With the dtypes of :class:`Column` and a fresh index; a cell that cannot be read as its kind is missing, and so
        are all cells of an identifier or constant that the table lacks.

    Raises
    ------
    UnreadableData
        If columns that are learned from are missing; all of them are named.

    Examples
    --------
    >>> schema = [Column(name="a", kind=ColumnKind.NUMERIC)]
    >>> conform(pd.DataFrame({"b": ["x"], "a": ["1.5"]}), schema)["a"].tolist()
    [1.5]
    """
    present = set(frame.columns)
    missing = [c.name for c in columns if c.name not in present and c.is_needed]
    if missing:
        raise UnreadableData(
            f"{len(missing)} of {len(columns)} feature columns missing: {quoted(missing)}; "
            f"got {quoted(frame.columns)}. Add them (empty where unknown)."
        )
    parts = {
        c.name: _conformed(frame[c.name] if c.name in present else _empty(len(frame)), c)
        for c in columns
    }
    made = pd.DataFrame(parts, index=pd.RangeIndex(len(frame)), copy=False)
    # A copy brings columns of one kind together: rows of thousands of columns are then taken at once.
    return made.copy() if len(columns) > len(frame) else made


def conformance_notes(frame: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Say what :func:`conform` had to put right in a later table, in sentences.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, at least n_columns)
        The table as it was read.
    columns : sequence of Column
        The schema.

    Returns
    -------
    list of str
        Extra columns, those that are not needed and not there, another order, words not seen before, and cells that
        could not be read; empty if none.
    """
    names = [column.name for column in columns]
    known, present = set(names), set(frame.columns)
    notes = []
    extra = [name for name in frame.columns if name not in known]
    if extra:
        notes.append(f"columns that are not features were ignored: {quoted(extra)}")
    lacking = [c.name for c in columns if c.name not in present and not c.is_needed]
    if lacking:
        notes.append(f"columns that no model uses are not there: {quoted(lacking)}")
    shared = [name for name in names if name in present]
    if [name for name in frame.columns if name in known] != shared:
        notes.append("the columns stand in another order; they were matched by name")
    for column in columns:
        if column.name in present:
            notes.extend(_cell_notes(frame[column.name], column))
    return notes


def texts_of(X: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    r"""Join the free text of each row of a conforming frame → one text per row.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Conforming to ``columns``.
    columns : sequence of Column
        The schema.

    Returns
    -------
    list of str of length n_rows
        The cells of the columns of kind TEXT in the order of the schema, with a newline between them; missing ones are
        passed over, and a row without any is ``""``.

    Examples
    --------
    >>> schema = [Column(name=name, kind=ColumnKind.TEXT) for name in ("title", "body")]
    >>> frame = pd.DataFrame({"title": ["Hi", "Oh"], "body": ["you", None]})
    >>> texts_of(conform(frame, schema), schema)
    ['Hi\nyou', 'Oh']
    """
    names = [column.name for column in columns if column.kind is ColumnKind.TEXT]
    if not names:
        return [""] * len(X)
    cells = [X[name].astype(object).to_numpy() for name in names]
    return [
        "\n".join(str(cell) for cell in row if not pd.isna(cell))
        for row in zip(*cells, strict=True)
    ]


def distinguishing(columns: Sequence[Column]) -> list[str]:
    """Name the columns by which two rows are the same or not: the number of a row makes no other item of it.

    Parameters
    ----------
    columns : sequence of Column
        The schema.

    Returns
    -------
    list of str
        Those that can be learned from; all where none can.

    Examples
    --------
    >>> kinds = {"id": ColumnKind.IDENTIFIER, "size": ColumnKind.NUMERIC}
    >>> distinguishing([Column(name=name, kind=kind) for name, kind in kinds.items()])
    ['size']
    """
    usable = [column.name for column in columns if column.kind in USABLE_KINDS]
    return usable or [column.name for column in columns]


def _empty(n_rows: int) -> pd.Series:
    """Stand in for a column that is not there."""
    return pd.Series(np.full(n_rows, np.nan))


def _conformed(series: pd.Series, column: Column) -> pd.Series:
    """One column as its kind, with a fresh index."""
    values: NDArray[np.float64] | pd.DatetimeIndex | pd.Categorical
    if column.kind in NUMBER_KINDS:
        values = _numbers(series, column)
    elif column.kind is ColumnKind.DATETIME:
        values = _dates(series, column)
    else:
        values = _words(series, column)
    return pd.Series(values, name=column.name, copy=False)


def _numbers(series: pd.Series, column: Column) -> NDArray[np.float64]:
    """Numbers, truth words as 0/1, or ranked words as ranks."""
    scale = column.categories or column.truth
    truths = TRUTHS if column.kind is ColumnKind.BOOLEAN else {}
    if not (scale or truths) or pd.api.types.is_numeric_dtype(series.dtype):
        # numbers under a scale of words are ranks already: conforming twice changes nothing
        return as_numbers(series)
    codes, words = narrow_levels(series, _marks(column))
    values = scale_values(column.categories) if column.categories else [0.0, 1.0][: len(scale)]
    # a later file may write true/false where the first one wrote 0/1, or yes/no
    rank = truths | {word.casefold(): value for word, value in zip(scale, values, strict=True)}
    # what is written as numbers in training may be written as other numbers, such as 1.0, later
    numbers = np.full(len(words), np.nan) if scale else parse_numbers(words)
    ranks = np.array(
        [rank.get(word.casefold(), number) for word, number in zip(words, numbers, strict=True)],
        dtype=np.float64,
    )
    spread: NDArray[np.float64] = np.append(ranks, np.nan).take(codes)
    return spread


def _dates(series: pd.Series, column: Column) -> pd.DatetimeIndex:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return without_zone(pd.DatetimeIndex(series))
    codes, words = narrow_levels(series)
    dates = parse_dates(pd.Series(words, dtype="str"), column.date_format)
    return pd.DatetimeIndex(dates.append(pd.DatetimeIndex([pd.NaT])).take(codes))


def _words(series: pd.Series, column: Column) -> pd.Categorical:
    codes, words = narrow_levels(series, _marks(column))
    known = pd.Index(column.categories, dtype="str")
    final = known.append(words.difference(known, sort=False).astype("str"))
    kept = series.array
    if isinstance(kept, pd.Categorical) and not kept.ordered and len(words) == len(final):
        same = kept.categories
        # its levels are the final ones in their order already, so its codes are, too
        if words.equals(same) and final.equals(same) and final.dtype == same.dtype:
            return kept
    to_final = np.append(final.get_indexer(words), -1)
    return pd.Categorical.from_codes(to_final[codes], categories=final)


def _marks(column: Column) -> frozenset[str]:
    """Name the words that mean missing in this column: all but those that are among its levels.

    In a text, "None" and a lone dash are what somebody wrote: they are read as text.
    """
    if column.kind is ColumnKind.TEXT:
        return STRONG_MARKS
    return MISSING_MARKS - set(column.categories) - set(column.truth)


def _all_known(series: pd.Series, column: Column) -> bool:
    """Tell from the categories alone, without looking at rows, that every word was seen before."""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return False
    known = _marks(column) | set(column.categories)
    return all(str(word).strip() in known for word in series.cat.categories)


def _cell_notes(series: pd.Series, column: Column) -> list[str]:
    """Words not seen before and unreadable cells of one column."""
    notes = []
    if column.kind in NUMBER_KINDS or column.kind is ColumnKind.DATETIME:
        if pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
            lost = 0
        elif pd.api.types.is_numeric_dtype(series.dtype):
            lost = int(np.isinf(series.to_numpy(dtype=np.float64, na_value=np.nan)).sum())
        else:
            codes, _ = narrow_levels(series, _marks(column))
            lost = int((codes >= 0).sum() - _conformed(series, column).notna().sum())
        if lost:
            notes.append(
                f"{lost} cells of '{column.name}' could not be read as {column.kind} "
                "and count as missing"
            )
    elif column.categories and not _all_known(series, column):
        codes, words = narrow_levels(series, _marks(column))
        new = words.difference(pd.Index(column.categories, dtype="str"))
        if len(new):
            cells = int(np.isin(codes, words.get_indexer(new)).sum())
            notes.append(
                f"'{column.name}' holds {len(new)} categories not seen before ({quoted(new, 3)}) "
                f"in {cells} cells"
            )
    return notes
