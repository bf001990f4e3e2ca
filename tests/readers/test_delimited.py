"""Delimited text with decimal commas, whole and piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from advisor.dataset import read_dataset, read_features
from advisor.tables.reading import read_table, stream_table

ROWS = 100


def write(path: Path, cells: list[str]) -> Path:
    """A table of a column of cells, a plain number and a label, delimited by semicolons."""
    body = "".join(f"{cell};{i},5;{'uv'[i % 2]}\n" for i, cell in enumerate(cells))
    path.write_text("a;b;label\n" + body)
    return path


def test_exponents_behind_a_decimal_comma_are_read_alike_at_prediction(tmp_path: Path) -> None:
    """What training reads as numbers is not missing in the pieces."""
    values = np.arange(1, ROWS + 1) * 1.37e-5
    path = write(tmp_path / "t.csv", [f"{value:.4e}".replace(".", ",") for value in values])
    dataset = read_dataset(path, target="label")
    assert np.allclose(dataset.X["a"], values, rtol=1e-4)
    pieces = [piece for piece, _ in read_features(path, dataset.columns, chunk_rows=30)]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), dataset.X)


def test_a_column_of_exponents_alone_has_a_decimal_comma(tmp_path: Path) -> None:
    """No other number need say it."""
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "".join(f"{i},5e-03;w{i}\n" for i in range(30)))
    assert read_table(path).frame["a"].tolist() == [(i + 0.5) / 1000 for i in range(30)]


def test_a_number_spelt_with_a_comma_and_with_a_point_is_one(tmp_path: Path) -> None:
    """The other cells of such a column are not lost in a piece."""
    cells = ["1,5", "1.5", ",25", "x", ""] * 4
    (piece,) = stream_table(write(tmp_path / "t.csv", cells), chunk_rows=100)
    words = piece.frame["a"]
    assert words.cat.categories.tolist() == [".25", "1.5", "x"]
    assert words.astype(object).where(words.notna(), None).tolist() == [
        *["1.5", "1.5", ".25", "x", None] * 4
    ]


def test_signs_for_missing_cells_do_not_make_words_of_numbers(tmp_path: Path) -> None:
    """A dash is missing beside decimal commas too; "1,200" is no thousand there."""
    cells = ["-" if i % 10 == 3 else f"{i},200" for i in range(ROWS)]
    path = write(tmp_path / "t.csv", cells)
    dataset = read_dataset(path, target="label")
    assert [str(column.kind) for column in dataset.columns] == ["numeric", "numeric"]
    assert dataset.X["a"].iloc[:4].fillna(-1).tolist() == [0.2, 1.2, 2.2, -1]
    pieces = [piece for piece, _ in read_features(path, dataset.columns, chunk_rows=30)]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), dataset.X)


def test_words_among_which_are_some_numbers_keep_their_spelling(tmp_path: Path) -> None:
    """Lists of numbers are no decimals."""
    frame = read_table(write(tmp_path / "t.csv", ["1,2", "1,2,3", "2,3,4", "3"] * 25)).frame
    assert frame["a"].cat.categories.tolist() == ["1,2", "1,2,3", "2,3,4", "3"]
