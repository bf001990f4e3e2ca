"""Text files of one item per line → Table with the columns ``text`` and ``label``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from advisor.errors import UnreadableData
from advisor.tables.reading import READERS, Table, as_raw
from advisor.texts.files import read_text
from advisor.texts.lines import (
    HEADERS,
    PLAIN_SUFFIXES,
    Line,
    Style,
    find_style,
    parse_line,
    split_lines,
    style_of_head,
)


class Lines:
    """One text per line, perhaps with its labels: fastText, TREC, or a label beside a tab."""

    name = "lines of text"
    suffixes = (*PLAIN_SUFFIXES, ".label")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Look for labels at one place of every line, or for prose in a file called ``.txt``."""
        return style_of_head(head, path.suffix) is not None

    def read(self, path: Path) -> Table:
        """Read the whole file; blank lines are left out."""
        lines, style, notes = _lines(path)
        items = [parse_line(line, style) for line in lines if line.strip()]
        if not items:
            raise UnreadableData(f"{path.name} holds only blank lines: expected one text per line")
        return Table(_frame(items, style), (*notes, *_said(path, style)))

    def stream(self, path: Path, chunk_rows: int) -> Iterator[Table]:
        """Pieces of exactly ``chunk_rows`` lines but for the last; a blank line is a text that is missing."""
        lines, style, notes = _lines(path)
        for start in range(0, len(lines), chunk_rows):
            items = [parse_line(line, style) for line in lines[start : start + chunk_rows]]
            yield Table(_frame(items, style), tuple(notes) if start == 0 else ())


def _lines(path: Path) -> tuple[list[str], Style, list[str]]:
    """Every line of a file, how it is written, and what is to be said of it."""
    text, notes = read_text(path)
    lines = split_lines(text)
    style = find_style(lines, may_be_plain=True) or Style.PLAIN
    if style is Style.PLAIN and lines and lines[0].strip().lower() in HEADERS:
        lines = lines[1:]
    return lines, style, notes


def _said(path: Path, style: Style) -> list[str]:
    said = [f"{path.name} is read as lines: {style}"]
    if style is Style.TREC:
        said.append("of 'LABEL:fine', LABEL is the label; the fine one was not read")
    return said


def _frame(items: Sequence[Line], style: Style) -> pd.DataFrame:
    columns = {"text": pd.Series([item.text or None for item in items], dtype=object)}
    if style is not Style.PLAIN:
        several = any(len(item.labels) > 1 for item in items)
        cells: list[object] = [
            (list(item.labels) if several else item.labels[0]) if item.labels else None
            for item in items
        ]
        columns["label"] = pd.Series(cells, dtype=object)
    return as_raw(pd.DataFrame(columns))


READER = READERS.add("lines")(Lines())
