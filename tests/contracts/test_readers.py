"""Every reader round-trips a table, refuses what is not its own, and raises nothing but UnreadableData."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from advisor.errors import UnreadableData
from advisor.tables.reading import HEAD_BYTES, READERS, StreamingReader, read_table, stream_table

FRAME = pd.DataFrame(
    {
        "size": [1.5, 2.5, None, 4.0],
        "count": [1, 2, 3, 4],
        "colour": ["red", "dark blue", None, "red"],
    }
)


def _write_arff(path: Path) -> None:
    head = "% made by hand\n@relation t\n@attribute size real\n@attribute 'count' integer\n"
    rows = "1.5,1,red\n2.5,2,'dark blue'\n?,3,?\n4.0,4,red\n"
    path.write_text(head + "@attribute colour {red,'dark blue'}\n@data\n" + rows)


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "delimited": (".csv", lambda path: FRAME.to_csv(path, index=False)),
    "parquet": (".parquet", lambda path: FRAME.to_parquet(path)),
    "jsonl": (".jsonl", lambda path: FRAME.to_json(path, orient="records", lines=True)),
    "xlsx": (".xlsx", lambda path: FRAME.to_excel(path, index=False)),
    "arff": (".arff", _write_arff),
}
"""For every reader of tables of any columns, how to write one that it reads."""


def _write_lines(path: Path) -> None:
    path.write_text("".join(f"__label__{i % 2} how is item {i}, please?\n" for i in range(4)))


EXAMPLES = {**WRITERS, "lines": (".txt", _write_lines)}
"""For every reader, how to write a file of four rows that it reads."""


def _words(series: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in series]


def test_every_reader_has_an_example() -> None:
    """A new format brings its example here."""
    assert set(EXAMPLES) == set(READERS)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", WRITERS)
def test_a_reader_round_trips_a_table(name: str, packed: bool, tmp_path: Path) -> None:
    """Numbers, words and missing cells come back, gzipped or not."""
    suffix, write = WRITERS[name]
    path = tmp_path / f"t{suffix}"
    write(path)
    if packed:
        content = gzip.compress(path.read_bytes())
        path = tmp_path / f"t{suffix}.gz"
        path.write_bytes(content)
    frame = read_table(path).frame
    assert list(frame.columns) == list(FRAME.columns)
    pd.testing.assert_series_equal(frame["size"], FRAME["size"])
    assert frame["count"].tolist() == [1, 2, 3, 4]
    assert _words(frame["colour"]) == ["red", "dark blue", None, "red"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_exactly_one_reader_sniffs_a_file_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    """Content decides, not the suffix."""
    path = tmp_path / "t.unknown"
    suffix, write = EXAMPLES[name]
    write(tmp_path / f"t{suffix}")
    (tmp_path / f"t{suffix}").rename(path)
    head = path.read_bytes()[:HEAD_BYTES]
    assert [other for other in READERS if READERS[other].sniff(path, head)] == [name]
    assert len(read_table(path).frame) == len(FRAME)


@pytest.mark.parametrize("name", WRITERS)
def test_streaming_gives_every_row_once_and_in_order(name: str, tmp_path: Path) -> None:
    """The pieces together are the table."""
    suffix, write = WRITERS[name]
    path = tmp_path / f"t{suffix}"
    write(path)
    pieces = [table.frame for table in stream_table(path, 3)]
    counts = [int(float(str(value))) for piece in pieces for value in piece["count"]]
    assert counts == [1, 2, 3, 4]
    if isinstance(READERS[name], StreamingReader) and name != "delimited":
        assert [len(piece) for piece in pieces] == [3, 1]


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_damaged_file_is_refused_in_one_line(name: str, cut: float, tmp_path: Path) -> None:
    """A reader raises UnreadableData or nothing, however its file is broken."""
    suffix, write = EXAMPLES[name]
    whole = tmp_path / f"t{suffix}"
    write(whole)
    content = whole.read_bytes()
    path = tmp_path / f"broken{suffix}"
    keep = max(int(cut * len(content)), 4)
    path.write_bytes(content[:keep] + b"\x00\xff\xfe" * 50)
    with pytest.raises(UnreadableData, match="broken") as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
