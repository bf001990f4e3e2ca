"""Labelled rows and other rows → the columns whose distributions differ.

A column counts as drifted only when the difference is both large (effect size) and no accident (a test corrected for
the number of columns): in large data everything is significant, in small data everything is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.profile import ColumnDrift
from advisor.profilers.leakage import as_floats
from advisor.profilers.shape import NUMBER_KINDS, WORD_KINDS
from advisor.tables.columns import Column, ColumnKind

DRIFT_DISTANCE = 0.1
"""Kolmogorov-Smirnov or total variation distance below which a difference is not worth telling; our choice."""

DRIFT_ALPHA = 0.01
"""Chance of one false alarm per table, shared out over the columns (Bonferroni)."""

DRIFT_ROWS = 20_000
"""Rows per side that are compared; our choice: the critical distance is then 0.02, far below ``DRIFT_DISTANCE``."""

LEVELS_COMPARED = 50
"""Most frequent levels of a word that are compared; the others are one level together."""

DRIFT_SHOWN = 10
"""Columns named in the profile; our choice, for the reader."""


def find_drift(
    here: pd.DataFrame, there: pd.DataFrame, columns: Sequence[Column]
) -> tuple[tuple[ColumnDrift, ...], float]:
    """Compare every feature between two sets of rows.

    Parameters
    ----------
    here : DataFrame of shape (n_rows, n_columns)
        Labelled rows.
    there : DataFrame of shape (m_rows, n_columns)
        Rows of the test split or of the pool.
    columns : sequence of Column
        The features.

    Returns
    -------
    tuple of ColumnDrift
        The columns that drifted, farthest first, at most ``DRIFT_SHOWN``.
    float
        Share of the comparable features that drifted.
    """
    n, m = len(here), len(there)
    compared = [c for c in columns if c.kind in NUMBER_KINDS | WORD_KINDS | {ColumnKind.DATETIME}]
    if not compared or n == 0 or m == 0:
        return (), 0.0
    alpha = DRIFT_ALPHA / len(compared)
    found = []
    for column in compared:
        if column.name not in there.columns:
            continue
        drift = _column_drift(here[column.name], there[column.name], column, alpha)
        if drift is not None:
            found.append(drift)
    found.sort(key=lambda d: (-d.distance, d.column))
    return tuple(found[:DRIFT_SHOWN]), len(found) / len(compared)


def _column_drift(
    here: pd.Series, there: pd.Series, column: Column, alpha: float
) -> ColumnDrift | None:
    measure: Literal["KS", "TV", "missing"]
    if column.kind in WORD_KINDS:
        distance, critical = _total_variation(here, there, alpha)
        measure = "TV"
        gap = abs(float(here.isna().mean()) - float(there.isna().mean()))
    else:
        a, b = as_floats(here), as_floats(there)
        distance, critical = _kolmogorov(a[~np.isnan(a)], b[~np.isnan(b)], alpha)
        measure = "KS"
        gap = abs(float(np.isnan(a).mean()) - float(np.isnan(b).mean()))
    # The share of missing cells is bounded by the same inequality as a distribution function.
    gap_critical = _critical(len(here), len(there), alpha)
    if gap > distance and gap > max(gap_critical, DRIFT_DISTANCE):
        return ColumnDrift(column=column.name, distance=round(gap, 3), measure="missing")
    if distance > max(critical, DRIFT_DISTANCE):
        return ColumnDrift(column=column.name, distance=round(distance, 3), measure=measure)
    return None


def _critical(n: int, m: int, alpha: float) -> float:
    """Critical distance between two empirical distribution functions (Smirnov's asymptotic formula)."""
    if n == 0 or m == 0:
        return 1.0
    return float(np.sqrt(-np.log(alpha / 2) / 2 * (n + m) / (n * m)))


def _kolmogorov(
    a: NDArray[np.float64], b: NDArray[np.float64], alpha: float
) -> tuple[float, float]:
    if a.size == 0 or b.size == 0:
        return 0.0, 1.0
    a, b = np.sort(a), np.sort(b)
    points = np.concatenate([a, b])
    below_a = np.searchsorted(a, points, side="right") / a.size
    below_b = np.searchsorted(b, points, side="right") / b.size
    return float(np.abs(below_a - below_b).max()), _critical(a.size, b.size, alpha)


def _total_variation(here: pd.Series, there: pd.Series, alpha: float) -> tuple[float, float]:
    """Half the summed differences of the level shares, and the value that chance reaches with probability alpha.

    Under equal distributions the expected total variation of k levels is about sqrt(k / (2 pi)) x the root of
    (1/n + 1/m); a bounded-differences inequality adds the tail.
    """
    a, b = here.dropna().astype(str), there.dropna().astype(str)
    if len(a) == 0 or len(b) == 0:
        return 0.0, 1.0
    top = a.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    top = top.iloc[:LEVELS_COMPARED]
    share_a = (top / len(a)).to_numpy(dtype=np.float64)
    share_b = (b.value_counts().reindex(top.index, fill_value=0) / len(b)).to_numpy(np.float64)
    rest = abs(share_a.sum() - share_b.sum())
    distance = float((np.abs(share_a - share_b).sum() + rest) / 2)
    width = float(np.sqrt(1 / len(a) + 1 / len(b)))
    expected = float(np.sqrt((len(top) + 1) / (2 * np.pi))) * width
    return distance, expected + float(np.sqrt(-np.log(alpha) / 2)) * width
