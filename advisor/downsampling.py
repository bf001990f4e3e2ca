"""Plan and time limit → the labelled rows to learn from, where all of them would not end in time.

A search that can end no fit returns the dummy, however many rows there are; one on a part of them returns a model that
is close to that of all, and says of how many rows it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Dataset
from advisor.profile import TabularProfile
from advisor.ranking import default_cost
from advisor.report import Recommendation, StrategyReport
from advisor.sampling import COMPARED_ROWS, sample_rows
from advisor.strategy import STRATEGIES

FIRST_CONSIDERED = 3
"""Strategies at the head of the plan of which one must be able to end: in `tabular_large` the three libraries of
gradient boosting, whose costs differ by a factor of ten (our choice)."""

DEFAULT_SHARE = 1 / 6
"""Part of the time limit that the quickest of them may take for its default on all folds (our choice: the handful of
trials that a race needs, beside reading and scoring. Of Ames replicated to a million rows and 60 s, all rows ended in
the dummy, 200,000 in seven trials and rmse 34,700, 100,000 in eight trials and 31,900)."""


def rows_in_time(
    dataset: Dataset, report: StrategyReport, seconds: float | None, jobs: int
) -> NDArray[np.int64] | None:
    """Choose the labelled rows of a large table that a time limit allows to learn from.

    Parameters
    ----------
    dataset : Dataset
        Of any modality; only tables are cut, since what is slow about other items is not their number alone.
    report : StrategyReport
        The plan: its strategies, best first, its folds and its seed.
    seconds : float or None
        The time limit; ``None`` for none.
    jobs : int
        Workers that folds are spread over.

    Returns
    -------
    ndarray of int64 of shape (n,) or None
        Positions in ``dataset.X``, ascending, classes in proportion and groups whole; ``None`` for all. Never fewer
        than ``COMPARED_ROWS``. It depends on the costs of the cards and not on the clock, so that two runs agree.
    """
    if seconds is None or not isinstance(report.profile, TabularProfile):
        return None
    ready = [one for one in report.recommendations if not one.missing][:FIRST_CONSIDERED]
    most = DEFAULT_SHARE * seconds * max(1, jobs)
    n_rows = dataset.n_labelled
    if not ready or _cost(ready, report, n_rows) <= most:
        return None
    low, high = min(COMPARED_ROWS, n_rows), n_rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _cost(ready, report, middle) <= most else (low, middle)
    return sample_rows(dataset, low, report.seed) if low < n_rows else None


def _cost(ready: list[Recommendation], report: StrategyReport, n_rows: int) -> float:
    """Seconds of the quickest default on all folds, on one core."""
    profile, splits = report.profile, report.splits
    return splits.n_fits * min(
        default_cost(STRATEGIES[one.strategy], one.space, profile, splits, n_rows) for one in ready
    )
