"""Delimited text with decimal commas, whole and piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import read_dataset, read_features
from advisor.errors import UnreadableData
from advisor.readers.delimited import BLOCK_BYTES
from advisor.tables.columns import Column, ColumnKind
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


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_empty_lines_of_one_column_are_missing_cells_but_at_the_end(
    tmp_path: Path, newline: str, end: str
) -> None:
    """One line of output is promised for each line; at the end there are no more lines."""
    path = tmp_path / "t.csv"
    path.write_bytes(("x\n1.5\n\n3.5\n\n\n2.5" + end).replace("\n", newline).encode())
    want = [1.5, np.nan, 3.5, np.nan, np.nan, 2.5]
    np.testing.assert_array_equal(read_table(path).frame["x"], want)
    columns = [Column(name="x", kind=ColumnKind.NUMERIC)]
    pieces = [piece for piece, _ in read_features(path, columns)]
    np.testing.assert_array_equal(pd.concat(pieces)["x"], want)


def test_empty_lines_at_the_end_of_many_blocks_are_no_rows(tmp_path: Path) -> None:
    """Also where more than a block of them ends the file."""
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "1.5\n" * (BLOCK_BYTES // 2) + "\n" * 1000)
    rows = sum(len(piece.frame) for piece in stream_table(path, 100_000))
    assert rows == BLOCK_BYTES // 2 == len(read_table(path).frame)


def test_the_only_row_of_a_file_without_header_is_predicted(tmp_path: Path) -> None:
    """A model of columns that had no names takes the first line for a row."""
    train = tmp_path / "train.csv"
    train.write_text("".join(f"{i * 0.7:.2f},q{i % 3},{'uv'[i % 2]}\n" for i in range(40)))
    dataset = read_dataset(train)
    (tmp_path / "new.csv").write_text("2.5,q1\n")
    ((piece, _),) = read_features(tmp_path / "new.csv", dataset.columns)
    assert piece.astype(object).to_numpy().tolist() == [[2.5, "q1"]]


def test_one_line_without_the_names_of_the_columns_is_not_taken_for_no_rows(tmp_path: Path) -> None:
    """Nothing would be predicted, and nothing said."""
    path = tmp_path / "t.csv"
    path.write_text("2.5,q1\n")
    columns = [Column(name=name, kind=ColumnKind.NUMERIC) for name in ("size", "weight")]
    with pytest.raises(UnreadableData, match="does not name 'size', 'weight'"):
        list(read_features(path, columns))


def test_a_test_split_headed_by_numbers_is_read_by_the_names_of_the_training_columns(
    tmp_path: Path,
) -> None:
    """All of its rows are there, and its columns are found."""
    rows = [f"{i * 0.5},{i * 0.25},{20 - i}" for i in range(20)]
    labelled = [f"{row},{'uv'[i % 2]}" for i, row in enumerate(rows)]
    (tmp_path / "train.csv").write_text("400,402,405,y\n" + "\n".join(labelled) + "\n")
    (tmp_path / "test.csv").write_text("400,402,405\n" + "\n".join(rows) + "\n")
    dataset = read_dataset(tmp_path)
    assert dataset.X_test is not None
    assert dataset.X_test.to_numpy().tolist() == dataset.X.to_numpy().tolist()
