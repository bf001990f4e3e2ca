"""Rows that candidates are compared on, and scored by."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.sampling import (
    COMPARED_ROWS,
    MIN_ROWS_PER_CLASS,
    WEIGHED_ROWS,
    compared_rows,
    weighed_rows,
)


@pytest.mark.parametrize("n", [1, COMPARED_ROWS])
def test_all_of_few_rows_are_compared(n: int) -> None:
    """Nothing is left out that can be afforded."""
    assert np.array_equal(compared_rows(np.zeros(n)), np.arange(n))


@pytest.mark.parametrize("n", [COMPARED_ROWS + 1, 1_000_003])
def test_of_many_rows_some_are_compared_evenly(n: int) -> None:
    """From the first to the last, each once."""
    rows = compared_rows(np.zeros(n, dtype=np.int64))
    assert len(rows) == len(np.unique(rows)) == COMPARED_ROWS
    assert (rows[0], rows[-1]) == (0, n - 1)
    assert np.diff(rows).max() - np.diff(rows).min() <= 1


@pytest.mark.parametrize("n_rare", [1, 10, 400])
def test_rare_classes_and_labels_are_among_the_compared(n_rare: int) -> None:
    """All of what is rare, or a few dozen; values have no classes."""
    y = np.zeros(200_000, dtype=np.int64)
    y[np.random.default_rng(0).choice(len(y), n_rare, replace=False)] = 1
    for truth in (y, np.column_stack([y, 1 - y])):
        rows = compared_rows(truth)
        assert y[rows].sum() >= min(n_rare, MIN_ROWS_PER_CLASS)
        assert COMPARED_ROWS <= len(rows) <= COMPARED_ROWS + MIN_ROWS_PER_CLASS
        assert np.all(np.diff(rows) > 0)
    assert len(compared_rows(y.astype(np.float64))) == COMPARED_ROWS


def test_rows_are_drawn_alike_where_every_class_is_seen() -> None:
    """Then none stands for more than another."""
    y = np.arange(50_000) % 3
    rows, weights = weighed_rows(y, 10_000, seed=0)
    assert len(rows) == 10_000
    assert np.all(weights == 1)
    few, ones = weighed_rows(y[:40], 10_000, seed=0)
    assert np.array_equal(few, np.arange(40))
    assert np.array_equal(ones, np.ones(40))


@pytest.mark.parametrize("n_rare", [1, 10, 200])
def test_weights_keep_the_shares_of_rare_classes(n_rare: int) -> None:
    """A rare class is whole, and its rows count for as little as they are."""
    y = np.zeros(200_000, dtype=np.int64)
    y[np.random.default_rng(0).choice(len(y), n_rare, replace=False)] = 1
    rows, weights = weighed_rows(y, 10_000, seed=0)
    assert y[rows].sum() == n_rare <= WEIGHED_ROWS
    assert len(rows) == pytest.approx(10_000, rel=0.05)
    share = weights[y[rows] == 1].sum() / weights.sum()
    assert share == pytest.approx(n_rare / len(y), rel=0.05)
