"""Lines of text: how they are written, and what is a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.tables.reading import find_reader, read_table, stream_table
from advisor.texts.lines import Line, Style, find_style, parse_line, split_lines

TEXTS = [f"where is the card number {i}, that I asked for" for i in range(12)]

STYLES = {
    Style.FASTTEXT: [f"__label__{i % 2} {text}" for i, text in enumerate(TEXTS)],
    Style.TREC: [f"{'NUM' if i % 2 else 'LOC'}:fine {text} ?" for i, text in enumerate(TEXTS)],
    Style.TAB_FIRST: [f"{'ham' if i % 2 else 'spam'}\t{text}" for i, text in enumerate(TEXTS)],
    Style.TAB_LAST: [f"{text}\t{'ham' if i % 2 else 'spam'}" for i, text in enumerate(TEXTS)],
    Style.PLAIN: TEXTS,
}


@pytest.mark.parametrize("style", STYLES)
def test_every_way_to_write_lines_is_told(style: Style) -> None:
    """Each of them by its look alone."""
    assert find_style(STYLES[style], may_be_plain=True) is style


@pytest.mark.parametrize("style", [style for style in STYLES if style is not Style.PLAIN])
def test_labels_and_texts_are_taken_apart(style: Style) -> None:
    """Two labels, and the texts whole."""
    found = [parse_line(line, style) for line in STYLES[style]]
    assert len({line.labels for line in found}) == 2
    assert [line.text.removesuffix(" ?") for line in found] == TEXTS


@pytest.mark.parametrize(
    "lines",
    [
        ["a,b", "1,2", "3,4"],
        ["text,label", *(f'"{text}",x' for text in TEXTS)],
        ["label\ttext", *STYLES[Style.TAB_FIRST]],
        ["x;y;z", "1,5;2;3", "2,5;2;3", "3,5;2;3", "4,5;2;3"],
        [],
        ["  ", ""],
    ],
)
def test_a_table_is_no_lines_of_text(lines: list[str]) -> None:
    """Also where its cells are texts, or there is a header above labels and tabs."""
    assert find_style(lines, may_be_plain=True) is None


def test_prose_is_only_read_from_what_is_called_text() -> None:
    """A file of another name must say its labels."""
    assert find_style(TEXTS, may_be_plain=False) is None


def test_a_line_that_breaks_the_rule_is_a_text_without_a_label() -> None:
    """Nothing is lost."""
    assert parse_line("no label here", Style.FASTTEXT) == Line("no label here")
    assert parse_line("__label__a", Style.FASTTEXT) == Line("", ("a",))
    assert parse_line("a\tb\tc", Style.TAB_FIRST) == Line("b\tc", ("a",))


def test_lines_end_where_files_say_so() -> None:
    """At every kind of line end, and at no other sign that python calls one."""
    assert split_lines("a\r\nb\rc\u2028d\x0be\n\nf\n") == ["a", "b", "c\u2028d\x0be", "", "f"]


def test_several_labels_of_a_line_are_kept(tmp_path: Path) -> None:
    """In one cell with a separator."""
    path = tmp_path / "t.txt"
    path.write_text("__label__a __label__b one two\n__label__a three four\nno label\n")
    frame = read_table(path).frame
    assert frame["label"].astype(object).fillna("").tolist() == ["a;b", "a", ""]


def test_blank_lines_are_left_out_of_training_but_not_of_prediction(tmp_path: Path) -> None:
    """A stream loses no row."""
    path = tmp_path / "t.txt"
    path.write_text("one text, here\n\nand another one\n\n")
    assert len(read_table(path).frame) == 2
    pieces = [piece.frame["text"].isna().tolist() for piece in stream_table(path, 2)]
    assert pieces == [[False, True], [False]]


def test_a_table_called_txt_is_still_a_table(tmp_path: Path) -> None:
    """Prose has commas, but not as many in every line."""
    path = tmp_path / "t.txt"
    path.write_text("size,colour\n" + "1,red\n2,blue\n" * 5)
    assert find_reader(path, path.read_bytes()).name == "delimited text"


def test_lines_in_another_encoding_are_read(tmp_path: Path) -> None:
    """The questions of TREC are not UTF-8."""
    path = tmp_path / "train.label"
    lines = [f"LOC:city Où est né le café numéro {i} ?" for i in range(6)]
    path.write_bytes("\n".join([*lines, "NUM:x one two ?"] * 2).encode("latin-1"))
    table = read_table(path)
    assert table.frame["text"].iloc[0] == "Où est né le café numéro 0 ?"
    assert any("not UTF-8" in note for note in table.notes)
