"""How many rows a time limit allows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from advisor.api import advise_dataset
from advisor.dataset import Dataset, read_dataset
from advisor.downsampling import rows_in_time
from advisor.report import StrategyReport
from advisor.sampling import COMPARED_ROWS

N_ROWS = 60_000


@pytest.fixture(scope="module")
def large() -> tuple[Dataset, StrategyReport]:
    """A table of two classes, one of them rare, and its plan."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N_ROWS, 4)), columns=["a", "b", "c", "d"])
    frame["y"] = np.where(rng.random(N_ROWS) < 0.01, "rare", "usual")
    dataset = read_dataset(frame, target="y")
    return dataset, advise_dataset(dataset, probe_seconds=None)


@pytest.mark.parametrize("seconds", [None, 3_600.0])
def test_all_rows_where_there_is_time(
    large: tuple[Dataset, StrategyReport], seconds: float | None
) -> None:
    """No limit or an hour: nothing is left out."""
    assert rows_in_time(*large, seconds, jobs=2) is None


def test_a_table_that_can_be_compared_whole_is_learned_whole(
    large: tuple[Dataset, StrategyReport],
) -> None:
    """However short the time."""
    dataset, report = large
    few = dataset.take(np.arange(COMPARED_ROWS))
    assert rows_in_time(few, report, 0.01, jobs=2) is None


def test_less_time_is_fewer_rows_but_never_too_few(large: tuple[Dataset, StrategyReport]) -> None:
    """Rows fall with the limit down to those that candidates are compared on; twice the workers are twice the time."""
    dataset, report = large

    def rows(seconds: float, jobs: int = 1) -> int:
        kept = rows_in_time(dataset, report, seconds, jobs)
        return dataset.n_labelled if kept is None else len(kept)

    counts = [rows(seconds) for seconds in (60.0, 2.8, 2.0, 1.7, 0.01)]
    assert all(more >= fewer for more, fewer in pairwise(counts))
    assert COMPARED_ROWS < counts[2] < N_ROWS
    assert counts[-1] == pytest.approx(COMPARED_ROWS, rel=0.01)
    assert rows(1.0, jobs=2) == counts[2]


def test_classes_keep_their_shares(large: tuple[Dataset, StrategyReport]) -> None:
    """The rare class is as rare as before, and the choice is the same each time."""
    dataset, report = large
    kept = rows_in_time(dataset, report, 0.01, jobs=1)
    assert kept is not None
    assert np.all(np.diff(kept) > 0)
    assert dataset.y[kept].mean() == pytest.approx(dataset.y.mean(), rel=0.02)
    again = rows_in_time(dataset, report, 0.01, jobs=1)
    assert np.array_equal(kept, again)
