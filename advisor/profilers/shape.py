"""Sampled rows → how the columns are shaped: missing cells, cardinality, skew, outliers, collinearity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.tables.columns import Column, ColumnKind
from advisor.tables.levels import used_levels

NUMBER_KINDS = frozenset({ColumnKind.NUMERIC, ColumnKind.ORDINAL, ColumnKind.BOOLEAN})
"""Kinds that a conforming frame holds as float64."""

WORD_KINDS = frozenset({ColumnKind.CATEGORICAL, ColumnKind.HIGH_CARDINALITY})
"""Kinds that a conforming frame holds as categories to learn from."""

SKEWED = 2.0
"""|skewness|: beyond it a column is called skewed. That of an exponential distribution; our choice."""

FAR_OUT = 3.0
"""Interquartile ranges beyond the quartiles: Tukey's "far out" values (Exploratory Data Analysis, 1977)."""

COLLINEAR = 0.95
"""|r| beyond which two columns are called collinear: a variance inflation of about 10, the usual rule of thumb."""

NEAR_CONSTANT = 0.99
"""Share of the most frequent value from which a column is called nearly constant; our choice, told as a note only."""

COLLINEAR_COLUMNS = 500
"""Numeric columns that the correlation matrix is made of, for time and memory; our choice."""

MISSING_SHOWN = 10
"""Columns named in the profile as missing most; our choice, for the reader."""


def numbers(frame: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Take float64 columns of a conforming frame as a matrix of shape (n_rows, n_names)."""
    matrix: NDArray[np.float64] = frame[list(names)].to_numpy(dtype=np.float64)
    return matrix


def missing_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Count the missing cells of every column, exactly and without copying the frame."""
    counts: dict[str, int] = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            counts[str(name)] = int(np.count_nonzero(column.array.codes < 0))
        else:
            counts[str(name)] = int(np.count_nonzero(column.isna().to_numpy()))
    return counts


def cardinalities(frame: pd.DataFrame, columns: Sequence[Column]) -> dict[str, int]:
    """Count the levels that occur in each categorical column, exactly."""
    found: dict[str, int] = {}
    for column in columns:
        if column.kind in WORD_KINDS:
            values = frame[column.name].array
            used = used_levels(values.codes, len(values.categories))
            found[column.name] = int(np.count_nonzero(used))
    return found


def skewness(values: NDArray[np.float64]) -> float:
    """Skewness of the finite values of shape (n,); 0 where there is no spread."""
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.std() == 0:
        return 0.0
    z = (finite - finite.mean()) / finite.std()
    return float(np.mean(z**3))


def share_far_out(matrix: NDArray[np.float64]) -> float:
    """Share of the present cells of shape (n, p) beyond ``FAR_OUT`` interquartile ranges.

    Columns whose middle half is one value have no such range and are left out.
    """
    out = present = 0
    for values in matrix.T:
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            continue
        low, high = np.quantile(finite, [0.25, 0.75])
        reach = FAR_OUT * (high - low)
        if reach > 0:
            out += int(((finite < low - reach) | (finite > high + reach)).sum())
        present += finite.size
    return out / present if present else 0.0


def share_collinear(matrix: NDArray[np.float64]) -> float:
    """Share of the columns of a matrix of shape (n, p) that have a partner with |r| > ``COLLINEAR``."""
    matrix = matrix[:, :COLLINEAR_COLUMNS]
    spread = np.nan_to_num(np.nanstd(matrix, axis=0)) if matrix.size else np.zeros(0)
    matrix = matrix[:, spread > 0]
    if matrix.shape[1] < 2 or len(matrix) < 3:
        return 0.0
    filled = np.where(np.isnan(matrix), np.nanmean(matrix, axis=0), matrix)
    r = np.abs(np.corrcoef(filled, rowvar=False))
    np.fill_diagonal(r, 0.0)
    return float((r.max(axis=0) > COLLINEAR).mean())


def near_constants(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[str, ...]:
    """Name the columns whose most frequent value takes ``NEAR_CONSTANT`` of the present cells or more."""
    found = []
    for column in columns:
        values = frame[column.name]
        if column.kind in NUMBER_KINDS:
            cells = values.to_numpy()
            counts = np.asarray(np.unique(cells[~np.isnan(cells)], return_counts=True)[1])
        else:
            counts = np.asarray(values.value_counts(sort=False))
        if counts.sum() and counts.max() / counts.sum() >= NEAR_CONSTANT:
            found.append(column.name)
    return tuple(found)
