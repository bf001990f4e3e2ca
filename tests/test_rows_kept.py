"""Rows come back as they were, whatever the shape of their table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from advisor.dataset import read_dataset
from advisor.rows_kept import MATRIX, read_rows, write_rows
from tests.problems import small_frame


@pytest.mark.parametrize(("n_rows", "wide"), [(120, False), (30, True)])
@pytest.mark.parametrize("words", [True, False])
def test_rows_come_back_equal(n_rows: int, wide: bool, words: bool, tmp_path: Path) -> None:
    """Numbers, names and missing cells, in the order of the columns; a wide table has its numbers apart."""
    frame = small_frame(n_rows)
    more = {f"gene{i}": frame["length"] * i + frame["width"] for i in range(n_rows)}
    frame = pd.concat([frame, pd.DataFrame(more if wide else {})], axis=1)
    dataset = read_dataset(frame if words else frame.drop(columns="colour"), target="y")
    place = tmp_path / "rows.parquet"
    for X in (dataset.X, dataset.X[: n_rows // 2].reset_index(drop=True)):
        write_rows(place, X, dataset.columns)
        pd.testing.assert_frame_equal(read_rows(place, dataset.columns), X)
    assert place.with_suffix(MATRIX).exists() is wide


def test_a_wide_table_of_names_alone_comes_back_equal(tmp_path: Path) -> None:
    """There is no number to keep apart."""
    frame = pd.DataFrame({f"c{i}": [*"abc", "ab"[i % 2]] * 5 for i in range(30)})
    frame["y"] = ["u", "v"] * 10
    dataset = read_dataset(frame, target="y")
    write_rows(tmp_path / "rows.parquet", dataset.X, dataset.columns)
    found = read_rows(tmp_path / "rows.parquet", dataset.columns)
    pd.testing.assert_frame_equal(found, dataset.X)


def test_a_narrow_table_replaces_a_wide_one(tmp_path: Path) -> None:
    """Nothing of it is left."""
    dataset = read_dataset(small_frame(60), target="y")
    place = tmp_path / "rows.parquet"
    write_rows(place, dataset.X[:2], dataset.columns)
    assert place.with_suffix(MATRIX).exists()
    write_rows(place, dataset.X, dataset.columns)
    pd.testing.assert_frame_equal(read_rows(place, dataset.columns), dataset.X)
