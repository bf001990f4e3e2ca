"""Cells as they are written → levels, numbers and truth values; dates are in :mod:`advisor.tables.dates`.

Everything here works on the *distinct* values of a column (its levels) and spreads the result over the rows by
integer codes, so a million rows with fifty levels cost fifty conversions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

STRONG_MARKS = frozenset(
    {"", "?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan", "-NaN"}
    | {"null", "NULL", "Null", "NaT"}
)
"""Spellings that mean "missing" in any column, targets included (pandas' and R's, and UCI's ``?``)."""

SOFT_MARKS = frozenset({"-", "--", ".", "None"})
"""Spellings that mean "missing" in a feature but may well be a class; ``-`` is a level beside ``+``."""

MISSING_MARKS = STRONG_MARKS | SOFT_MARKS
"""All spellings that a feature column reads as missing."""

TRUTH_WORDS = (
    ("no", "yes"),
    ("n", "y"),
    ("false", "true"),
    ("f", "t"),
    ("off", "on"),
    ("0", "1"),
)
"""Pairs of words for 0 and 1, compared without regard to case."""

SPACERS = "\u00a0\u202f\u2009\u2019'"
"""Signs that part thousands and nothing else: no-break and thin spaces, apostrophes."""
NUMBER_DRESS = (
    rf"^\s*[-+]?[$€£]?\s*(?:\d{{1,3}}(?:,\d{{3}})+|\d{{1,3}}(?:[{SPACERS}]\d{{3}})+|\d*)"
    r"(?:\.\d+)?\s*[%€£$]?\s*$"
)
"""A number with a currency sign, thousands separators or a percent sign."""
IN_PARENTHESES = r"^\s*\((?=[$€£\s]*[\d.])([^()]*)\)\s*$"
"""A negative number as accountants write it."""
UNIT = r"(?:[^\W\d_]|[%°€$£¥/])[^\d;|]{0,15}(?:(?<=[^\W\d_])[23])?"
"""What may follow a number that is measured in it: letters and signs, and the power of an area or a volume."""
MEASURED = rf"^\s*([-+]?(?!0\d\d)[\d,.{SPACERS}]*\d)\s*({UNIT})\s*$"
UNIT_SHARE = 0.9
"""Fraction of the words with a digit that must have one and the same unit (our choice)."""
CODE_SHAPE = re.compile(r"0\d{2,}")
"""Digits of a code whose leading zero means something: at least three, so that ``01`` stays a month."""
CODE_SAME_LENGTH = 0.8
"""Fraction of the levels of a code that share one length (our choice: zero-padding makes one length)."""
DIGIT = re.compile(r"[0-9]")

USED_ROWS = 32_768
"""Rows looked at together for the levels that occur (our choice: most columns show all of theirs at once)."""

FEW_WORDS = 1_000
"""Levels up to which each is looked at by itself; for more, pandas is faster (our choice)."""

Levels = tuple[NDArray[np.int64], "pd.Index[str]"]
"""Codes of shape (n_rows,), -1 where missing, and the distinct trimmed words they point to, sorted."""


def find_levels(series: pd.Series, marks: frozenset[str] = MISSING_MARKS) -> Levels:
    """Any column → codes and the sorted distinct words that they point to.

    Parameters
    ----------
    series : Series of shape (n_rows,)
        Of any dtype. Whole numbers are spelt without a point, also where missing cells made them floats.
    marks : frozenset of str
        Words that mean missing.

    Returns
    -------
    codes : ndarray of int64 of shape (n_rows,)
        -1 where missing.
    words : Index of str
        Trimmed, distinct, sorted, each used at least once.

    Examples
    --------
    >>> codes, words = find_levels(pd.Series(["b", " a", None, "?", "b"]))
    >>> codes.tolist(), words.tolist()
    ([1, 0, -1, -1, 1], ['a', 'b'])
    """
    codes, words = narrow_levels(series, marks)
    return codes.astype(np.int64, copy=False), words


def narrow_levels(
    series: pd.Series, marks: frozenset[str] = MISSING_MARKS
) -> tuple[NDArray[np.signedinteger], pd.Index[str]]:
    """Any column → as :func:`find_levels`, with codes as narrow as the column has them.

    Parameters
    ----------
    series : Series of shape (n_rows,)
        Of any dtype.
    marks : frozenset of str
        Words that mean missing.

    Returns
    -------
    codes : ndarray of a signed integer type of shape (n_rows,)
        -1 where missing; one may be added without overflow. The column's own memory where they are the same: do not
        write into it.
    words : Index of str
    """
    codes, words = _raw_levels(series)
    used = used_levels(codes, len(words))
    if used.all() and _are_levels(words, marks):
        return codes, pd.Index(words)
    trimmed = words.str.strip()
    if marks:
        trimmed = trimmed.where(~trimmed.isin(list(marks)), None)
    keep = used & trimmed.notna().to_numpy()
    final = pd.Index(trimmed[keep].unique()).sort_values()
    to_final = np.full(len(words) + 1, -1, dtype=codes.dtype)
    to_final[:-1][keep] = final.get_indexer(pd.Index(trimmed[keep]))
    if np.array_equal(to_final[:-1], np.arange(len(words))):
        return codes, final
    return to_final.take(codes), final


def used_levels(codes: NDArray[np.signedinteger], n_levels: int) -> NDArray[np.bool_]:
    """Codes of a column → which of its levels occur, looking no further than where all of them were seen.

    Parameters
    ----------
    codes : ndarray of a signed integer type of shape (n_rows,)
        -1 where missing.
    n_levels : int
        All codes are below it.

    Returns
    -------
    ndarray of bool of shape (n_levels,)

    Examples
    --------
    >>> used_levels(np.array([2, -1, 0]), 3).tolist()
    [True, False, True]
    """
    used = np.zeros(n_levels, dtype=bool)
    step = max(USED_ROWS, n_levels)
    for start in range(0, len(codes), step):
        some = codes[start : start + step].astype(np.intp)
        used |= np.bincount(some + 1, minlength=n_levels + 1)[1:] > 0
        if used.all():
            break
    return used


def _are_levels(words: pd.Series, marks: frozenset[str]) -> bool:
    """Whether a few words are trimmed, ascending and no marks already."""
    if len(words) > FEW_WORDS:
        return False
    spelt = list(words)
    trimmed = all(word == word.strip() and word not in marks for word in spelt)
    return trimmed and all(low < high for low, high in pairwise(spelt))


def parse_numbers(words: Sequence[str] | pd.Index) -> NDArray[np.float64]:
    """Words → numbers, NaN where a word is none; infinities are not numbers here.

    Parameters
    ----------
    words : sequence of str of length n
        ``1,200``, ``$5``, ``12%``, ``(5)`` for -5, and a unit such as ``cm`` that all of them have are understood; a
        decimal comma is the reader's affair.

    Returns
    -------
    ndarray of float64 of shape (n,)

    Examples
    --------
    >>> parse_numbers(["1", "2.5e1", "$1,200", "x", "inf"]).tolist()
    [1.0, 25.0, 1200.0, nan, nan]
    """
    if len(words) <= FEW_WORDS and not any(DIGIT.search(str(word)) for word in words):
        return np.full(len(words), np.nan)
    text = pd.Series(words, dtype="str")
    # to_numeric reads 'True' as 1.0, so a word without a digit is never a number
    digits = text.where(text.str.contains(r"[0-9]", regex=True))
    values = pd.to_numeric(digits, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    rest = np.flatnonzero(np.isnan(values) & digits.notna().to_numpy())
    if rest.size:
        values[rest] = _undressed(text.iloc[rest])
        rest = rest[np.isnan(values[rest])]
    if rest.size and rest.size >= UNIT_SHARE * digits.notna().sum():
        values[rest] = _measured(text.iloc[rest], int(digits.notna().sum()))
    values[~np.isfinite(values)] = np.nan
    return values


def _undressed(text: pd.Series) -> NDArray[np.float64]:
    """Numbers with currency signs, thousands separators, percent signs or parentheses; NaN for other words."""
    inner = text.str.replace(IN_PARENTHESES, r"-\1", regex=True)
    dressed = inner.where(inner.str.match(NUMBER_DRESS))
    plain = dressed.str.replace(rf"[$€£%,\s{SPACERS}]", "", regex=True)
    return pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, copy=True)


def _measured(text: pd.Series, n_words: int) -> NDArray[np.float64]:
    """Numbers before the unit that most of all words have; NaN for other words, or where there is no such unit."""
    parts = text.str.extract(MEASURED)
    counts = parts[1].value_counts()
    if not len(counts) or counts.iloc[0] < UNIT_SHARE * n_words:
        return np.full(len(text), np.nan)
    return _undressed(parts[0].where(parts[1] == counts.index[0]))


def as_numbers(series: pd.Series) -> NDArray[np.float64]:
    """Any column → float64, NaN where a cell is missing, no number, or infinite.

    Parameters
    ----------
    series : Series of shape (n_rows,)
        Of any dtype.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
        A view of the column where it already holds finite float64; do not write into it.
    """
    if pd.api.types.is_numeric_dtype(series.dtype) and not is_complex(series):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        infinite = np.isinf(values)
        return np.where(infinite, np.nan, values) if infinite.any() else values
    codes, words = find_levels(series)
    return np.append(parse_numbers(words), np.nan)[codes]


def is_complex(series: pd.Series) -> bool:
    """Whether a column holds complex numbers, which no model here can use."""
    return pd.api.types.is_complex_dtype(series.dtype)


def find_truth(words: Sequence[str]) -> tuple[str, str] | None:
    """Two words → the word for 0 and the word for 1, or None where they are no such pair.

    Parameters
    ----------
    words : sequence of str
        The levels of a column.

    Returns
    -------
    tuple of (str, str) or None

    Examples
    --------
    >>> find_truth(["Yes", "No"])
    ('No', 'Yes')
    """
    by_fold = {word.casefold(): word for word in words}
    if len(words) != len(by_fold):
        return None
    for no, yes in TRUTH_WORDS:
        if by_fold.keys() == {no, yes}:
            return by_fold[no], by_fold[yes]
    return None


def looks_coded(words: Sequence[str] | pd.Index) -> bool:
    """Whether digit words are codes (``02208``), whose leading zeros a number would lose.

    Parameters
    ----------
    words : sequence of str
        The levels of a column.

    Returns
    -------
    bool
        True where a word of three digits or more begins with zero and most words have one length.
    """
    sizes = [len(word) for word in words]
    if not any(CODE_SHAPE.fullmatch(word) for word in words):
        return False
    return max(sizes.count(size) for size in set(sizes)) >= CODE_SAME_LENGTH * len(sizes)


def _raw_levels(series: pd.Series) -> tuple[NDArray[np.signedinteger], pd.Series]:
    """Codes into, and the untrimmed words of, the distinct values of a column."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes: NDArray[np.signedinteger] = series.array.codes
        if pd.api.types.is_string_dtype(dtype.categories.dtype):
            return codes, pd.Series(dtype.categories.astype("str"))
        return codes, pd.Series([_spell(value) for value in dtype.categories], dtype="str")
    if pd.api.types.is_integer_dtype(dtype) and not series.hasnans:
        # arrow spells a million whole numbers in the time python spells ten thousand
        uniques = pd.unique(series)
        spelt = pa.array(np.asarray(uniques)).cast(pa.string())
        codes = np.asarray(pd.Index(uniques).get_indexer(pd.Index(series)), dtype=np.int64)
        return codes, pd.Series(spelt.to_pylist(), dtype="str")
    plain = series
    if pd.api.types.is_object_dtype(dtype):
        # lists and other unhashable cells cannot be factorised as they are
        plain = series.map(_spell, na_action="ignore")
    found, values = pd.factorize(plain, use_na_sentinel=True)
    words = pd.Series([_spell(value) for value in values], dtype="str")
    return np.asarray(found, dtype=np.int64), words


def _spell(value: object) -> str:
    """One cell as a word: whole floats without a point, all else as python prints it; half a character is a "?"."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    word = str(value)
    return word if word.isascii() else word.encode("utf-8", "replace").decode()
