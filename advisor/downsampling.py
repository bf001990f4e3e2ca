"""Plan and time limit → the labelled rows to learn from, where all of them would not end in time.

A search that can end no fit returns the dummy, however many rows there are; one on a part of them returns a model that
is close to that of all, and says of how many rows it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.cores import usable_cores
from advisor.dataset import Dataset
from advisor.executor import GPU_FOLDER
from advisor.profile import DatasetProfile, TabularProfile, TextProfile
from advisor.ranking import default_cost
from advisor.report import Recommendation, StrategyReport
from advisor.representation import split_name
from advisor.sampling import COMPARED_ROWS, item_cap, item_seconds, sample_rows
from advisor.strategy import STRATEGIES

FIRST_CONSIDERED = 3
"""Strategies at the head of the plan of which one must be able to end: in `tabular_large` the three libraries of
gradient boosting, whose costs differ by a factor of ten (our choice). Networks are not asked: they take as many steps
as there is time for."""

DEFAULT_SHARE = 1 / 6
"""Part of the time limit that the quickest of them may take for its default on all folds (our choice: the handful of
trials that a race needs, beside reading and scoring. Of Ames replicated to a million rows and 60 s, all rows ended in
the dummy, 200,000 in seven trials and rmse 34,700, 100,000 in eight trials and 31,900)."""

EMBEDDING_SHARE = 1 / 2
"""Part of the time limit that embedding what it learns from may take (our choice: that is done once, and what is left
does for the heads. Of CIFAR-10 and 60 s, 4,000 pictures gave accuracy .763, 3,000 of them .748)."""


def rows_in_time(
    dataset: Dataset, report: StrategyReport, seconds: float | None, jobs: int
) -> NDArray[np.int64] | None:
    """Choose the labelled rows of a large dataset that a time limit allows to learn from.

    Parameters
    ----------
    dataset : Dataset
        Of any modality.
    report : StrategyReport
        The plan: its strategies, best first, its folds and its seed.
    seconds : float or None
        The time limit; ``None`` for none.
    jobs : int
        Workers that folds are spread over.

    Returns
    -------
    ndarray of int64 of shape (n,) or None
        Positions in ``dataset.X``, as :func:`advisor.sampling.sample_rows` draws them; ``None`` for all. Never fewer
        than ``COMPARED_ROWS`` of a table, or than a probe looks at of other items. It depends on what fits and
        embeddings usually cost and not on the clock, so that two runs agree.
    """
    if seconds is None:
        return None
    ready = [
        one
        for one in report.recommendations
        if not one.missing and STRATEGIES[one.strategy].card.clock != "net"
    ][:FIRST_CONSIDERED]

    def ends(n_rows: int) -> bool:
        return any(
            _fitting(one, report, n_rows) <= DEFAULT_SHARE * seconds * max(1, jobs)
            and _embedding(one, report.profile, n_rows) <= EMBEDDING_SHARE * seconds
            for one in ready
        )

    profile, n_rows = report.profile, dataset.n_labelled
    least = COMPARED_ROWS if isinstance(profile, TabularProfile) else item_cap(profile)
    if not ready or n_rows <= least or ends(n_rows):
        return None
    low, high = least, n_rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ends(middle) else (low, middle)
    return sample_rows(dataset, low, report.seed)


def _fitting(one: Recommendation, report: StrategyReport, n_rows: int) -> float:
    """Seconds of a default on all folds, on one core."""
    strategy, splits = STRATEGIES[one.strategy], report.splits
    return splits.n_fits * default_cost(strategy, one.space, report.profile, splits, n_rows)


def _embedding(one: Recommendation, profile: DatasetProfile, n_rows: int) -> float:
    """Seconds of reading items as a strategy does, on all cores; none where a GPU does that or words are counted."""
    if isinstance(profile, TabularProfile) or GPU_FOLDER.exists():
        return 0.0
    params = one.space.complete(one.space.defaults())
    _, backbone = split_name(STRATEGIES[one.strategy].representation(params))
    if isinstance(profile, TextProfile) and not backbone:
        return 0.0
    return item_seconds(profile) * n_rows * 2 / usable_cores()
