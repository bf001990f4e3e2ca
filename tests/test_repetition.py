"""Hashes of rows, and what they are counted and sampled by."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.profilers.repetition import ROWS_AT_ONCE, count_repeats, hash_labels, hash_rows
from advisor.profilers.tabular import _smallest
from advisor.tables.columns import Column, ColumnKind

COLUMNS = [
    Column(name="a", kind=ColumnKind.NUMERIC),
    Column(name="w", kind=ColumnKind.CATEGORICAL),
    Column(name="d", kind=ColumnKind.DATETIME),
]


def rows(n: int) -> pd.DataFrame:
    """Rows of every type, missing cells and both zeros among them."""
    rng = np.random.default_rng(0)
    numbers = rng.choice([0.0, -0.0, 1.5, np.nan, 7.0], n)
    days = pd.Series(pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 9, n), "D"))
    words = pd.Categorical.from_codes(rng.integers(-1, 3, n), categories=["x", "y", "z"])
    return pd.DataFrame({"a": numbers, "w": words, "d": days.mask(rng.random(n) < 0.1)})


def test_rows_hash_alike_in_a_long_table_and_in_a_short_one() -> None:
    """A hash belongs to the row, not to the table, and adding up its columns is all it is."""
    n = 2 * ROWS_AT_ONCE + 17
    frame = rows(n)
    whole = hash_rows(frame, COLUMNS)
    for start in (0, ROWS_AT_ONCE - 5, n - 40):
        piece = frame.iloc[start : start + 40].reset_index(drop=True)
        expected = hash_rows(piece, COLUMNS).total
        assert np.array_equal(whole.total[start : start + 40], expected)
    assert np.array_equal(
        whole.without(COLUMNS[1]), hash_rows(frame, [COLUMNS[0], COLUMNS[2]]).total
    )


def test_labels_hash_alike_in_a_long_table_and_in_a_short_one() -> None:
    """Of one target and of several."""
    n = ROWS_AT_ONCE + 9
    y = np.random.default_rng(0).integers(0, 3, (n, 2))
    for targets in (y, y[:, 0]):
        whole = hash_labels(targets)
        assert np.array_equal(whole[-20:], hash_labels(targets[-20:]))
        assert len(np.unique(whole)) == (9 if targets.ndim == 2 else 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=30))
def test_repeats_and_conflicts_are_counted_exactly(pairs: list[tuple[int, int]]) -> None:
    """As by going through the rows one by one."""
    found = count_repeats(
        np.array([p[0] for p in pairs], dtype=np.uint64),
        np.array([p[1] for p in pairs], dtype=np.uint64),
    )
    labels: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for row, label in pairs:
        labels[row][label] += 1
    several = [counts for counts in labels.values() if len(counts) > 1]
    assert found.n_duplicates == len(pairs) - len(labels)
    assert found.n_conflicts == sum(counts.total() for counts in several)
    assert found.conflict_errors == sum(c.total() - max(c.values()) for c in labels.values())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 45))
def test_the_smallest_hashes_are_those_that_sorting_gives(keys: list[int], most: int) -> None:
    """Ties in the order of the rows, whether or not there are more than are wanted."""
    array = np.array(keys, dtype=np.uint64)
    assert _smallest(array, most).tolist() == np.argsort(array, kind="stable")[:most].tolist()
