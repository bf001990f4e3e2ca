"""How a delimited file is written, judged from all of its bytes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from advisor.errors import UnreadableData
from advisor.tables.dialect import SCAN_BYTES, find_dialect
from advisor.tables.reading import read_table

ROW = b"1,abcdefg\n"


def long_file(path: Path, tail: bytes, at: int = SCAN_BYTES) -> Path:
    """A table whose first ``at`` bytes are plain, and then ``tail``."""
    head = b"n,word\n"
    fill = (at - len(head)) // len(ROW)
    pad = at - len(head) - fill * len(ROW)
    rows = ROW * (fill - 1) + b"1," + b"x" * (len(ROW) - 3 + pad) + b"\n"
    path.write_bytes(head + rows + tail)
    return path


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_a_character_cut_by_the_piece_that_is_looked_at_is_one_character(
    tmp_path: Path, shift: int
) -> None:
    """UTF-8 stays UTF-8 wherever the pieces end."""
    tail = b"1," + "é€😀é".encode() + b"\n"
    path = long_file(tmp_path / "t.csv", tail, SCAN_BYTES - 2 - shift)
    assert find_dialect(path).encoding == "utf-8"
    words = read_table(path).frame["word"]
    assert words.iloc[-1] == "é€😀é"


def test_a_late_byte_that_is_no_utf8_changes_the_encoding(tmp_path: Path) -> None:
    """One such byte behind the first piece is enough."""
    path = long_file(tmp_path / "t.csv", "1,café crème\n".encode("cp1252") * 3)
    dialect = find_dialect(path)
    assert not dialect.encoding.startswith("utf")
    assert any("not UTF-8" in note for note in dialect.notes)


def test_a_late_nul_byte_is_refused(tmp_path: Path) -> None:
    """What is no text is told at once, wherever it shows."""
    with pytest.raises(UnreadableData, match="NUL"):
        find_dialect(long_file(tmp_path / "t.csv", b"1,a\0b\n"))


@pytest.mark.parametrize(("tail", "quoted"), [(b'1,"a,b"\n', True), (b'1,a"b\n', False)])
def test_late_quotes_are_counted(tmp_path: Path, tail: bytes, quoted: bool) -> None:
    """An even number of them quotes, an odd number are plain characters."""
    assert find_dialect(long_file(tmp_path / "t.csv", tail)).quoted is quoted


def test_missing_cells_of_a_file_of_many_blocks_are_missing(tmp_path: Path) -> None:
    """The marks of missing cells are found among the words of every block."""
    marks = ["", "NA", "?", " null", "b"]
    rows = [f"{i},{marks[i % 5]},{'' if i % 2 else i}" for i in range(120_000)]
    path = tmp_path / "t.csv"
    path.write_text("i,word,n\n" + "\n".join(rows) + "\n")
    frame = read_table(path).frame
    assert frame["word"].cat.categories.tolist() == ["b"]
    assert int(frame["word"].isna().sum()) == 4 * 24_000
    assert int(frame["n"].isna().sum()) == 60_000
    assert pd.api.types.is_float_dtype(frame["n"])


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_no_delimiters(
    tmp_path: Path, delimiter: str, label: bool, header: bool
) -> None:
    """Also where every row has as many of them as fields, or more."""
    values = pd.DataFrame({name: [i + 0.25 for i in range(100)] for name in "abcd"})
    frame = values.assign(y=["u", "v"] * 50) if label else values
    path = tmp_path / "t.csv"
    frame.to_csv(path, sep=delimiter, decimal=",", index=False, header=header)
    read = read_table(path).frame
    assert read.shape == frame.shape
    assert list(read.columns)[:2] == (["a", "b"] if header else ["c1", "c2"])
    assert read.iloc[:, :4].to_numpy().tolist() == values.to_numpy().tolist()


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("first", ["sep={}", '"sep={}"', "SEP={}"])
def test_a_first_line_that_says_the_delimiter_is_no_header(
    tmp_path: Path, first: str, mark: str
) -> None:
    """Excel writes it, and reads it again."""
    path = tmp_path / "t.csv"
    rows = [first.format(mark), mark.join("ab"), *(f"{i}{mark}w{i}" for i in range(5))]
    path.write_text("\r\n".join(rows) + "\r\n")
    frame = read_table(path).frame
    assert list(frame.columns) == ["a", "b"]
    assert frame["a"].tolist() == [0, 1, 2, 3, 4]


def test_known_names_that_are_numbers_are_a_header(tmp_path: Path) -> None:
    """Spectra are headed by wavelengths: as numbers as what stands below them."""
    path = tmp_path / "t.csv"
    path.write_text("400,402,404,406\n" + "0.5,0.25,0.75,1.5\n" * 4)
    assert not find_dialect(path).has_header
    dialect = find_dialect(path, ["400", "402", "404", "406", "class"])
    assert dialect.has_header
    assert dialect.names == ("400", "402", "404", "406")
    assert not find_dialect(path, ["a", "b", "c", "d"]).has_header


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ("1,2.5,q1\n", False),
        ("p,q,r\np,q,s\n", False),
        (",2.5,q\n1,,r\n1,2,q\n", False),
        ("size,w,v\n1,2,a\n", True),
        ("c1,c2,c3\n", True),
    ],
)
def test_the_first_line_is_a_row_where_the_known_file_had_no_header(
    tmp_path: Path, rows: str, header: bool
) -> None:
    """Unless it says the names that were given, or words stand above numbers."""
    path = tmp_path / "t.csv"
    path.write_text(rows)
    assert find_dialect(path, ["c1", "c2", "c3"]).has_header is header
