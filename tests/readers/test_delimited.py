"""Delimited text with decimal commas, whole and piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import read_dataset, read_features
from advisor.errors import UnreadableData
from advisor.readers.delimited import BLOCK_BYTES
from advisor.tables.levels import parse_numbers
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


@pytest.mark.parametrize("decimals", [1, 3])
def test_rows_with_points_added_to_decimal_commas_are_refused(
    tmp_path: Path, decimals: int
) -> None:
    """They would make thousands, or words, of all the others; whoever added them is told of both spellings."""
    path = tmp_path / "t.csv"
    old = [f"{14 + i / 8:.{decimals}f}".replace(".", ",") for i in range(30)]
    body = "".join(f"{cell};{'uv'[i % 2]}\n" for i, cell in enumerate(old))
    path.write_text("a;label\n" + body)
    assert read_table(path).frame["a"].max() < 20
    added = f"{15:.{decimals}f}"
    path.write_text("a;label\n" + body + f"{added};u\n")
    with pytest.raises(UnreadableData, match=f"such as {old[0]} and {added}: "):
        read_table(path)
    beside = "".join(f"{cell};{i},5;u\n" for i, cell in enumerate([*old, added]))
    path.write_text("a;b;label\n" + beside)
    values = parse_numbers(read_table(path).frame["a"].astype(str))
    assert values[[0, -1]].tolist() == [14, 15]


def test_thousands_beside_decimal_points_are_no_second_spelling(tmp_path: Path) -> None:
    """Where another column has decimal points, or a comma parts the cells."""
    for delimiter, cell in (("\t", "{}"), (",", '"{}"')):
        rows = [
            delimiter.join((cell.format(c), f"{i}.25"))
            for i, c in enumerate(["1,200", "950.5"] * 20)
        ]
        path = tmp_path / "t.csv"
        path.write_text("\n".join([f"a{delimiter}b", *rows]) + "\n")
        values = parse_numbers(read_table(path).frame["a"].astype(str))
        assert values[:2].tolist() == [1200, 950.5]


def test_words_among_which_are_some_numbers_keep_their_spelling(tmp_path: Path) -> None:
    """Lists of numbers are no decimals."""
    frame = read_table(write(tmp_path / "t.csv", ["1,2", "1,2,3", "2,3,4", "3"] * 25)).frame
    assert frame["a"].cat.categories.tolist() == ["1,2", "1,2,3", "2,3,4", "3"]


def test_a_cell_longer_than_a_block_is_streamed_once_and_in_order(tmp_path: Path) -> None:
    """What can be trained on can be predicted: rows before it are handed out in smaller blocks already."""
    cells = [f"w{i}" for i in range(200_000)]
    cells[150_000] = "long " * (BLOCK_BYTES // 2)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))
    pieces = [piece.frame for piece in stream_table(path, chunk_rows=30_000)]
    assert len(pieces) > 1
    rows = pd.concat([piece.astype(object) for piece in pieces], ignore_index=True)
    assert rows["a"].astype(int).tolist() == list(range(len(cells)))
    assert (rows["b"].str.strip() == pd.Series(cells).str.strip()).all()
