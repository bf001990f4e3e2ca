"""Files of one text per line → the texts and what they are labelled with.

Four ways to write the label beside the text are told apart by their look: fastText's ``__label__a text``, the
``LABEL:fine text`` of the TREC questions, and a label before or behind a tab. A file of none of these is one text per
line, without labels.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from advisor.texts.encoding import sure_encoding
from advisor.texts.lengths import count_words

FASTTEXT = re.compile(r"\s*((?:__label__\S+\s+)*__label__\S+)(?:\s+(.*))?$", re.DOTALL)
"""Labels and, behind them, the text."""

TREC = re.compile(r"([A-Za-z]\w*):([A-Za-z]\w*) (.+)", re.DOTALL)
"""A class, a finer one, and the text."""

PREFIX = "__label__"

SAMPLE_LINES = 500
"""Lines that are looked at to tell how a file is written (our choice: enough for a stable vote)."""

STYLE_SHARE = 0.98
"""Share of the lines that must be written in one way to call the file so (our choice: one slip in fifty)."""

FASTTEXT_SHARE = 0.5
"""For fastText it may be fewer: nothing else looks so, and lines without a label are allowed (our choice)."""

MAX_LABEL_SHARE = 0.5
"""Distinct share of the lines up to which what stands before them is a label (our choice: it comes twice)."""

MAX_LABEL_WORDS = 6
"""Words of the longest label (our choice)."""

MIN_TEXT_WORDS = 3.0
"""Mean words from which what stands beside a label is text, and the file no table of two columns (our choice)."""

TABLE_SHARE = 0.8
"""Share of the lines that must have one number of delimiters for a file to be a table (our choice: prose has commas,
but not as many in every line)."""

FEW_LINES = 5
"""Lines below which equal numbers of commas may be chance."""

MAX_CELL_WORDS = 2.0
"""Words between commas up to which they stand between the cells of a table and not within a sentence (our choice)."""

HEADERS = frozenset({"text", "texts", "sentence", "sentences"})
"""A first line that only says that texts follow."""


PLAIN_SUFFIXES = (".txt", ".text")
"""Endings of files that may hold one text per line without any labels."""

TABLE_SUFFIXES = frozenset(
    {".csv", ".json", ".jsonl", ".ndjson", ".arff", ".xlsx", ".xlsm", ".xls", ".parquet", ".pq"}
)
"""Endings of files that are no lines of text, whatever they look like."""

NO_TEXT = ("{", "[", "@relation", "%")
"""Beginnings of JSON and of ARFF with its comments."""


class Style(StrEnum):
    """How the lines of a file are written."""

    FASTTEXT = "'__label__' before each label"
    TREC = "'LABEL:fine' before the text"
    TAB_FIRST = "a label, a tab and the text"
    TAB_LAST = "the text, a tab and a label"
    PLAIN = "one text per line"


@dataclass(frozen=True)
class Line:
    """A text and its labels; none where it has no label."""

    text: str
    labels: tuple[str, ...] = ()


def style_of_head(head: bytes, suffix: str) -> Style | None:
    """Tell how the first lines of a file are written.

    Parameters
    ----------
    head : bytes
        The beginning of the file.
    suffix : str
        Its ending, with the dot.

    Returns
    -------
    Style or None
        None where the file holds no lines of text.
    """
    if suffix.lower() in TABLE_SUFFIXES:
        return None
    # the last line may be cut off, and a character in it
    whole = head[: head.rfind(b"\n") + 1] or head
    text = whole.decode(sure_encoding(whole) or "latin_1", "replace")
    if "\0" in text or text.lstrip("\ufeff \t\r\n").lower().startswith(NO_TEXT):
        return None
    return find_style(split_lines(text), may_be_plain=suffix.lower() in PLAIN_SUFFIXES)


def find_style(lines: Sequence[str], may_be_plain: bool) -> Style | None:
    """Tell how the lines of a file are written.

    Parameters
    ----------
    lines : sequence of str
        The first ones of the file; blank ones do not count.
    may_be_plain : bool
        Whether the file may hold one text per line without labels; its name must say that it is text.

    Returns
    -------
    Style or None
        None where it is a table, or there are no lines.

    Examples
    --------
    >>> find_style(["__label__good I like it", "__label__bad I do not"], may_be_plain=False).name
    'FASTTEXT'
    """
    full = [line for line in lines if line.strip()][:SAMPLE_LINES]
    if not full:
        return None
    if sum(bool(FASTTEXT.match(line)) for line in full) >= FASTTEXT_SHARE * len(full):
        return Style.FASTTEXT
    for style in (Style.TREC, Style.TAB_FIRST, Style.TAB_LAST):
        if _all_labelled(full, style):
            return style
    return Style.PLAIN if may_be_plain and not _is_table(full) else None


def parse_line(line: str, style: Style) -> Line:
    """Take a line apart.

    Parameters
    ----------
    line : str
        Without its end.
    style : Style
        How the file is written.

    Returns
    -------
    Line
        A line that is not written so is a text without a label.

    Examples
    --------
    >>> parse_line("__label__a __label__b some text", Style.FASTTEXT)
    Line(text='some text', labels=('a', 'b'))
    """
    if style is Style.FASTTEXT and (found := FASTTEXT.match(line)):
        labels = tuple(word.removeprefix(PREFIX) for word in found.group(1).split())
        return Line((found.group(2) or "").strip(), labels)
    if style is Style.TREC and (found := TREC.match(line)):
        return Line(found.group(3).strip(), (found.group(1),))
    if style is Style.TAB_FIRST and "\t" in line:
        label, _, text = line.partition("\t")
        return _labelled(text, label)
    if style is Style.TAB_LAST and "\t" in line:
        text, _, label = line.rpartition("\t")
        return _labelled(text, label)
    return Line(line.strip())


def split_lines(text: str) -> list[str]:
    r"""Split a text at the ends of its lines (\n, \r\n or \r) and nowhere else; blank lines at the end are none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _labelled(text: str, label: str) -> Line:
    return Line(text.strip(), (label.strip(),) if label.strip() else ())


def _all_labelled(lines: Sequence[str], style: Style) -> bool:
    """Whether nearly all lines have a label in a style, few labels in all, and prose beside them."""
    if style is Style.TREC:
        shaped = [line for line in lines if TREC.fullmatch(line)]
    else:
        shaped = [line for line in lines if line.count("\t") == 1]
    if len(shaped) < 2 or len(shaped) < STYLE_SHARE * len(lines):
        return False
    pairs = [parse_line(line, style) for line in shaped]
    labels = Counter(pair.labels[0] for pair in pairs if pair.labels)
    if not labels or max(count_words(list(labels))) > MAX_LABEL_WORDS:
        return False
    # a header is a label that nothing else has
    if len(labels) > max(MAX_LABEL_SHARE * len(pairs), 2) or labels[_first(pairs)] < min(
        2, len(pairs) - 1
    ):
        return False
    return float(count_words([pair.text for pair in pairs]).mean()) >= MIN_TEXT_WORDS


def _first(pairs: Sequence[Line]) -> str:
    return pairs[0].labels[0] if pairs[0].labels else ""


def _is_table(lines: Sequence[str]) -> bool:
    """Whether most lines have the same number of delimiters."""
    for delimiter in (",", ";", "\t", "|"):
        rows = _cells(lines, delimiter)
        width, votes = Counter(len(row) for row in rows).most_common(1)[0]
        if width == 1 or votes < TABLE_SHARE * len(rows):
            continue
        if delimiter != "," or _holds_short_cells([row for row in rows if len(row) == width], rows):
            return True
    return False


def _holds_short_cells(even: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> bool:
    """Whether what stands between commas is shorter than parts of a sentence: in the header, or in a column."""
    header = max(count_words(list(even[0])))
    columns = [float(count_words(cells).mean()) for cells in zip(*even[1:], strict=True)]
    if len(rows) < FEW_LINES:
        return len(even) == len(rows) > 1 and max(header, *columns) <= MAX_CELL_WORDS
    return header <= MAX_CELL_WORDS or min(columns) <= MAX_CELL_WORDS


def _cells(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:  # a field beyond csv's limit
        return [line.split(delimiter) for line in lines]
