"""Rows that candidates are compared on."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.sampling import COMPARED_ROWS, compared_rows


@pytest.mark.parametrize("n", [1, COMPARED_ROWS])
def test_all_of_few_rows_are_compared(n: int) -> None:
    """Nothing is left out that can be afforded."""
    assert np.array_equal(compared_rows(n), np.arange(n))


@pytest.mark.parametrize("n", [COMPARED_ROWS + 1, 1_000_003])
def test_of_many_rows_some_are_compared_evenly(n: int) -> None:
    """From the first to the last, each once."""
    rows = compared_rows(n)
    assert len(rows) == len(np.unique(rows)) == COMPARED_ROWS
    assert (rows[0], rows[-1]) == (0, n - 1)
    assert np.diff(rows).max() - np.diff(rows).min() <= 1
