"""Raw table → tuple[Column, ...]: which kind each column is, and why.

Kinds are judged from the features alone. Levels of a column are exact; what must look at single rows looks at
:data:`SAMPLE_ROWS` evenly spaced ones, except that a column is called constant, boolean, ordinal or an identifier
only after all rows were looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.tables.columns import Column, ColumnKind
from advisor.tables.dates import find_date_format
from advisor.tables.levels import (
    SOFT_MARKS,
    STRONG_MARKS,
    as_numbers,
    find_truth,
    is_complex,
    looks_coded,
    narrow_levels,
    parse_numbers,
)
from advisor.tables.scales import find_ranks
from advisor.texts.lengths import count_words

SAMPLE_ROWS = 20_000
"""Rows looked at for distinct numbers, words per cell and dates (our choice: 0.7 points of error on a share)."""

NUMBER_SHARE = 0.98
"""Fraction of the cells of a mixed column that must be numbers (or dates) for it to be numeric (our choice)."""

MAX_ORDINAL_LEVELS = 12
"""Distinct whole numbers up to which a column is ranked (our choice: months fit, ages do not)."""

MIN_HIGH_CARDINALITY = 40
"""Levels above which one-hot columns stop paying; skrub's TableVectorizer draws the line at 40."""

MANY_DISTINCT = 0.5
"""Fraction of distinct values from which words are no longer a small set of categories (our choice)."""

MIN_ROWS_FOR_DISTINCT = 20
"""Rows below which a share of distinct values says nothing: any few rows differ (our choice)."""

NEARLY_UNIQUE = 0.95
"""Fraction of distinct values that makes an identifier of a column named like one (our choice)."""

INDEX_DENSITY = 0.5
"""Unique whole numbers that fill this fraction of the range from 0 are row numbers, in any order (our choice: the other
half may lie in a test split; that as many measurements all differ is unlikely)."""

INDEX_START = 10
"""Row numbers begin below this where the first rows lie in a test split (our choice: a half leaves 0.1 %)."""

MIN_TEXT_WORDS = 2.0
"""Mean words per cell from which many distinct strings are text and not codes (our choice)."""

MIN_PROSE_WORDS = 5.0
"""Mean words per cell from which strings are prose and no names, however few rows there are (our choice: names of
cars have 3, of passengers 4, questions 10)."""

MIN_LONG_WORDS = 10.0
"""Mean words per cell from which strings are text even where most occur several times (our choice: nobody calls a
category so)."""

SAMPLE_CELLS = 2_000
"""Distinct strings whose words are counted (our choice: 0.1 words of error on a mean of 12 with as much spread)."""

MAX_STORED_LEVELS = 1000
"""Levels kept in the schema; beyond that, words not seen before cannot be counted later (our choice)."""

ID_TOKENS = frozenset(
    {"id", "ids", "uuid", "guid", "index", "idx", "key", "rownames", "identifier", "hash"}
)
"""Parts of a column name that say "identifier" wherever they stand."""

ID_LAST_TOKENS = frozenset(
    {"number", "no", "nr", "num", "code", "name", "sample", "row", "unnamed", "line", "#", "№"}
)
"""Parts of a column name that say so only at its end."""

TIME_TOKENS = frozenset(
    {"year", "yr", "time", "date", "age", "day", "month", "week", "hour", "minute", "second"}
    | {"years", "days", "months", "weeks", "hours", "minutes", "seconds"}
)
"""Names of whole numbers that may count up from row to row and still mean something."""

UNNAMED = re.compile(r"c1|unnamed\W*\d*", re.IGNORECASE)
"""What a first column without a name is called: by our readers, or by pandas where it was saved once more."""


NUMBERING = (ColumnKind.NUMERIC, ColumnKind.CATEGORICAL, ColumnKind.HIGH_CARDINALITY)
"""Kinds that the numbers or codes of rows are taken for where they occur in several tables."""


def infer_columns(
    frame: pd.DataFrame, tables: Sequence[pd.DataFrame | None] = ()
) -> tuple[Column, ...]:
    """Raw feature table → its schema.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Features only: no target, no group column.
    tables : sequence of DataFrame of shape (n_rows, at least n_columns) or None
        Where the rows come from several tables, all of each: identifiers are judged table by table.

    Returns
    -------
    tuple of Column of length n_columns
        In the order of the table, each with the reason for its kind.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [1.5, 2.5, 9.1], "ok": ["yes", "no", "no"], "x": [7, 7, 7]})
    >>> [str(column.kind) for column in infer_columns(frame)]
    ['numeric', 'boolean', 'constant']
    """
    columns = tuple(_infer(str(name), frame[name]) for name in frame.columns)
    return _keep_identifiers(columns, [table for table in tables if table is not None])


def _keep_identifiers(
    columns: Sequence[Column], tables: Sequence[pd.DataFrame]
) -> tuple[Column, ...]:
    """Make an identifier of what each table by itself calls one: its numbers may start again in the next."""
    found = {column.name: column for column in columns if column.kind in NUMBERING}
    for table in tables:
        if len(table) >= MIN_ROWS_FOR_DISTINCT:
            judged = [_infer(name, table[name]) for name in found]
            found = {c.name: c for c in judged if c.kind is ColumnKind.IDENTIFIER}
    return tuple(found.get(column.name, column) for column in columns)


def _infer(name: str, series: pd.Series) -> Column:
    """One column."""
    if series.isna().all():
        return Column(name=name, kind=ColumnKind.CONSTANT, reason="all cells are missing")
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        if series.nunique(dropna=False) == 1:
            return Column(name=name, kind=ColumnKind.CONSTANT, reason="one value everywhere")
        return Column(name=name, kind=ColumnKind.DATETIME, reason="dates")
    if pd.api.types.is_bool_dtype(series.dtype) and not isinstance(
        series.dtype, pd.CategoricalDtype
    ):
        return _infer_words(name, series)
    if pd.api.types.is_numeric_dtype(series.dtype) and not is_complex(series):
        return _infer_numbers(name, as_numbers(series))
    return _infer_words(name, series)


def _infer_numbers(name: str, values: NDArray[np.float64], because: str = "") -> Column:
    """Judge a column whose cells are numbers; ``because`` is said first."""
    missing = np.isnan(values)
    if missing.all():
        return Column(name=name, kind=ColumnKind.CONSTANT, reason="no cell is a finite number")
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low == high and not missing.any():
        reason = f"{because}one value everywhere ({low:g})"
        return Column(name=name, kind=ColumnKind.CONSTANT, reason=reason)
    seen = values[~missing] if missing.any() else values
    sample = seen[evenly_spaced(len(seen), SAMPLE_ROWS)]
    distinct = np.unique(sample)
    if not np.array_equal(distinct, np.round(distinct)):
        return Column(name=name, kind=ColumnKind.NUMERIC, reason=f"{because}decimal numbers")
    if len(distinct) <= MAX_ORDINAL_LEVELS:
        distinct = np.sort(pd.unique(seen))
        if not np.array_equal(distinct, np.round(distinct)):
            return Column(name=name, kind=ColumnKind.NUMERIC, reason=f"{because}decimal numbers")
        if set(distinct.tolist()) <= {0.0, 1.0} and low != high:
            return Column(name=name, kind=ColumnKind.BOOLEAN, reason=f"{because}only 0 and 1")
        if 1 < len(distinct) <= min(MAX_ORDINAL_LEVELS, len(seen) - 1):
            reason = f"{because}{len(distinct)} distinct whole numbers"
            return Column(name=name, kind=ColumnKind.ORDINAL, reason=reason)
    why = None if missing.any() else _identifier_reason(name, seen, distinct)
    if why:
        return Column(name=name, kind=ColumnKind.IDENTIFIER, reason=because + why)
    return Column(name=name, kind=ColumnKind.NUMERIC, reason=f"{because}whole numbers")


def _identifier_reason(
    name: str, seen: NDArray[np.float64], sampled: NDArray[np.float64]
) -> str | None:
    """Why whole numbers are an identifier, or None where they are not."""
    n = len(seen)
    if n < MIN_ROWS_FOR_DISTINCT or len(sampled) < NEARLY_UNIQUE * min(n, SAMPLE_ROWS):
        return None
    distinct = len(pd.unique(seen))
    if is_id_name(name) and distinct >= NEARLY_UNIQUE * n:
        return f"{distinct} distinct whole numbers in {n} rows, and named like an identifier"
    if distinct < n or tokens(name) & TIME_TOKENS:
        return None
    # that rows are sorted by a column says nothing: people sort by what they measured, too
    counts = 0 <= seen.min() < INDEX_START and np.diff(np.sort(seen)).min() == 1
    if counts and n >= INDEX_DENSITY * (seen.max() + 1):
        return "unique whole numbers that count from 0 or 1, like a row number"
    return None


def _infer_words(name: str, series: pd.Series) -> Column:
    """Judge a column whose cells are words, or numbers and words mixed."""
    codes, words = narrow_levels(series, STRONG_MARKS)
    signs = {"+", "-"} <= set(words) and len(words) <= MIN_ROWS_FOR_DISTINCT
    kept = frozenset({"-"}) if signs else frozenset()
    if set(words) & (SOFT_MARKS - kept):
        codes, words = narrow_levels(series, (STRONG_MARKS | SOFT_MARKS) - kept)
    present = codes >= 0
    if not len(words):
        return Column(name=name, kind=ColumnKind.CONSTANT, reason="all cells are missing")
    if len(words) == 1 and present.all():
        reason = f"one value everywhere ('{words[0]}')"
        return Column(name=name, kind=ColumnKind.CONSTANT, categories=tuple(words), reason=reason)
    numbers = _numbers_in_words(name, codes, words)
    if numbers is not None:
        return numbers
    truth = find_truth(list(words))
    if truth:
        reason = f"two truth values, '{truth[0]}' and '{truth[1]}'"
        return Column(name=name, kind=ColumnKind.BOOLEAN, truth=truth, reason=reason)
    ranks = find_ranks(list(words)) if len(words) <= MIN_HIGH_CARDINALITY else None
    if ranks:
        reason = f"words with a known order, '{ranks[0]}' to '{ranks[-1]}'"
        return Column(name=name, kind=ColumnKind.ORDINAL, categories=ranks, reason=reason)
    form = find_date_format(list(words[evenly_spaced(len(words), SAMPLE_ROWS // 20)]), NUMBER_SHARE)
    if form:
        reason = f"dates written like '{words[0]}', read as {form}"
        return Column(name=name, kind=ColumnKind.DATETIME, date_format=form, reason=reason)
    return _infer_strings(name, words, int(present.sum()))


def _numbers_in_words(
    name: str, codes: NDArray[np.signedinteger], words: pd.Index[str]
) -> Column | None:
    """Make the numeric column that words spell, unless they are codes or too few of them are numbers."""
    if len(words) >= SAMPLE_ROWS:
        sample = words[evenly_spaced(len(words), SAMPLE_ROWS)]
        if np.isnan(parse_numbers(sample)).mean() > 1 - NUMBER_SHARE:
            return None
    numbers = parse_numbers(words)
    if np.isnan(numbers).all():
        return None
    counts = np.bincount(codes + 1, minlength=len(words) + 1)[1:]
    lost = int(counts[np.isnan(numbers)].sum())
    if lost > (1 - NUMBER_SHARE) * counts.sum() or looks_coded(words):
        return None
    values = np.append(numbers, np.nan)[codes]
    because = ""
    if lost:
        odd = words[np.isnan(numbers)]
        because = f"{lost} cells such as '{odd[0]}' are no number and count as missing; "
    return _infer_numbers(name, values, because)


def _infer_strings(name: str, words: pd.Index[str], n: int) -> Column:
    """Tell identifier, free text, categories and many categories, by how distinct and how long the strings are."""
    share = len(words) / n
    per_cell = mean_words(words)
    enough = n >= MIN_ROWS_FOR_DISTINCT
    many = enough and share >= MANY_DISTINCT
    named = is_id_name(name) and per_cell < MIN_TEXT_WORDS
    if enough and share >= NEARLY_UNIQUE and (named or (share == 1 and per_cell == 1)):
        reason = f"{len(words)} distinct words in {n} cells"
        return Column(name=name, kind=ColumnKind.IDENTIFIER, reason=reason)
    if (many and per_cell >= MIN_TEXT_WORDS) or _is_prose(len(words), share, per_cell):
        reason = f"{len(words)} distinct strings of {per_cell:.1f} words on average"
        return Column(name=name, kind=ColumnKind.TEXT, reason=reason)
    levels = tuple(words) if len(words) <= MAX_STORED_LEVELS else ()
    high = many or len(words) > MIN_HIGH_CARDINALITY
    kind = ColumnKind.HIGH_CARDINALITY if high else ColumnKind.CATEGORICAL
    coded = "codes that begin with zero, " if looks_coded(words) else ""
    reason = f"{coded}{len(words)} distinct words"
    return Column(name=name, kind=kind, categories=levels, reason=reason)


def mean_words(words: pd.Index[str]) -> float:
    """Count the words of distinct strings, on average, from a sample of them."""
    sample = words[evenly_spaced(len(words), SAMPLE_CELLS)]
    return float(count_words(sample.tolist()).mean()) if len(sample) else 0.0


def _is_prose(n_levels: int, share: float, per_cell: float) -> bool:
    """Whether strings are sentences: that few rows hold them, or that they occur again, makes no categories of them."""
    if n_levels < 2 or per_cell < MIN_PROSE_WORDS:
        return False
    various = share >= MANY_DISTINCT or n_levels > MIN_HIGH_CARDINALITY
    return various or (per_cell >= MIN_LONG_WORDS and n_levels > 2)


def is_id_name(name: str) -> bool:
    """Whether a column is named like an identifier.

    Parameters
    ----------
    name : str
        The column's name.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_id_name("customerId"), is_id_name("hospital_number"), is_id_name("number_of_rooms")
    (True, True, False)
    """
    parts = _split_name(name)
    return bool(parts) and (bool(set(parts) & ID_TOKENS) or parts[-1] in ID_LAST_TOKENS)


def tokens(name: str) -> frozenset[str]:
    """Split off the lower-case parts of a column name, split at case changes and at signs."""
    return frozenset(_split_name(name))


def _split_name(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [part.lower() for part in re.findall(r"[^\W_]+|[#№]", spaced)]


def evenly_spaced(n: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` positions out of ``n``, evenly spaced, first and last among them."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.linspace(0, n - 1, most).astype(np.int64)
