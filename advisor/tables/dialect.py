"""The bytes of a delimited text file → Dialect: encoding, delimiter, header, decimal mark.

Content is looked at, never the file's name. The encoding, NUL bytes and quotes are judged from all bytes, the rest
from the first :data:`SAMPLE_BYTES`; what was guessed against the usual (UTF-8, comma, header) is said in a note.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from advisor.errors import UnreadableData
from advisor.tables.levels import MISSING_MARKS
from advisor.texts.encoding import ENCODING_SAMPLE, guess_encoding

SAMPLE_BYTES = 2**20
"""Bytes of text that delimiter, header and decimal mark are judged from (our choice: 1 MiB)."""

SAMPLE_RECORDS = 500
"""Records of the sample that are looked at (our choice: enough for a stable vote)."""

SCAN_BYTES = 2**18
"""Bytes looked at together: they stay in the cache of a core while they are looked at several times."""

DELIMITERS = (",", ";", "\t", "|")
"""Tried in this order; the most consistent wins, ties go to the first."""

MAX_CONTROL_SHARE = 0.002
"""Fraction of control characters above which a file is not text (our choice; text has none)."""

NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
COMMA_NUMBER = re.compile(r"(\s*[-+]?\d*),(\d+(?:[eE][-+]?\d+)?\s*)")
WHOLE_OR_COMMA = re.compile(rf"\s*[-+]?\d+\s*|{COMMA_NUMBER.pattern}")

NUMERIC_SHARE = 0.9
"""Fraction of a sampled column's cells that must be numbers for it to vote on the header (our choice)."""

MAX_LEVEL_SHARE = 0.5
"""Distinct share up to which a column of words repeats itself and may vote on the header (our choice)."""


@dataclass(frozen=True)
class Dialect:
    """How a delimited text file is written.

    Attributes
    ----------
    encoding : str
        A python codec name.
    delimiter : str
        One character.
    names : tuple of str
        The header as written, or empty strings where there is none.
    has_header : bool
        Whether the first record is the header.
    skip_lines : int
        Lines before the first record: blank, or comments.
    decimal : str
        ``.`` or ``,``.
    quoted : bool
        Whether ``"`` quotes; False where there are none, or an odd number of them.
    notes : tuple of str
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    has_header: bool
    skip_lines: int
    decimal: str
    quoted: bool
    notes: tuple[str, ...]


def find_dialect(path: Path) -> Dialect:
    """Look at a delimited text file → how it is written.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    Dialect

    Raises
    ------
    UnreadableData
        If it is not text, holds nothing but blank lines, or nothing says how to read a column of numbers of which some
        have commas and some have points.
    """
    notes: list[str] = []
    encoding, quotes = _find_encoding(path, notes)
    with path.open("rb") as file:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(file.read(SAMPLE_BYTES))
    cut = len(text.encode("utf-8", "replace")) >= SAMPLE_BYTES // 4 and "\n" in text
    lines = io.StringIO(text[: text.rfind("\n") + 1] if cut else text, newline="").readlines()
    skip = _count_preamble(lines)
    if skip == len(lines):
        raise UnreadableData(f"{path.name} holds only blank lines or comments: expected a table")
    if quotes % 2:
        notes.append("the number of double quotes is odd, so they are read as plain characters")
    sample = "".join(lines[skip:])
    quoting = quotes > 0 and quotes % 2 == 0
    delimiter, records = _find_delimiter(sample, quoting)
    header, rows = records[0], records[1:]
    has_header = not _lacks_header(header, rows)
    if not has_header:
        notes.append(f"{path.name} has no header; its columns are called c1 to c{len(header)}")
    names = _header_names(header, rows, has_header, notes)
    decimal, mixed = _find_decimal(rows, delimiter, notes)
    if mixed:
        raise UnreadableData(
            f"{path.name} writes numbers of one column in two ways, such as {mixed[0]} and {mixed[1]}: expected one "
            "decimal mark; replace the other"
        )
    if delimiter != ",":
        notes.append(f"{path.name} is delimited by {_spoken(delimiter)}")
    return Dialect(
        encoding, delimiter, tuple(names), has_header, skip, decimal, quoting, tuple(notes)
    )


def _find_encoding(path: Path, notes: list[str]) -> tuple[str, int]:
    """Find the codec, and how many double quotes there are."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        notes.append(f"{path.name} is encoded as UTF-16")
        return "utf-16", _decoded_quotes(path, "utf-16")
    utf8 = codecs.getincrementaldecoder("utf-8")()
    valid, quotes, controls, size = True, 0, 0, 0
    # read into again and again: fresh memory costs as much as reading
    buffer = bytearray(SCAN_BYTES)
    numbers = np.frombuffer(buffer, dtype=np.int8)
    with path.open("rb", buffering=0) as file:
        while n := file.readinto(buffer):
            if not size:
                controls = sum(
                    byte < 32 and byte not in b"\t\n\r\f" for byte in buffer[: min(n, HEAD)]
                )
            size += n
            quotes += int(np.count_nonzero(numbers[:n] == ord('"')))
            # signed, bytes beyond ASCII are below 0
            plain = numbers[:n].min() > 0
            if not plain and b"\0" in buffer[:n]:
                raise UnreadableData(
                    f"{path.name} is not text (it holds NUL bytes): expected a table"
                )
            if valid and not (plain and utf8.getstate()[0] == b""):
                try:
                    utf8.decode(buffer[:n])
                except UnicodeDecodeError:
                    valid = False
    if controls > MAX_CONTROL_SHARE * min(size, HEAD) + 1:
        raise UnreadableData(f"{path.name} is not text (control characters): expected a table")
    # a character cut off at the very end also shows up here
    if valid and not utf8.getstate()[0]:
        return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8", quotes
    encoding = _guess_encoding(path)
    notes.append(f"{path.name} is not UTF-8; it is read as {encoding}")
    return encoding, quotes


HEAD = 65_536
"""Bytes whose control characters are counted."""


def _guess_encoding(path: Path) -> str:
    """Guess the most likely code page, by charset-normalizer; cp1252 where it cannot tell."""
    with path.open("rb") as file:
        encoding = guess_encoding(file.read(ENCODING_SAMPLE))
    if encoding is None:
        raise UnreadableData(f"{path.name} is not text in any known encoding: save it as UTF-8")
    try:
        with path.open(encoding=encoding) as text:
            while text.read(SCAN_BYTES):
                pass
    except (UnicodeDecodeError, LookupError):
        return "latin_1"  # reads any byte; the sample fitted, a later byte did not
    return encoding


def _decoded_quotes(path: Path, encoding: str) -> int:
    try:
        with path.open(encoding=encoding, newline="") as text:
            return sum(piece.count('"') for piece in iter(lambda: text.read(SCAN_BYTES), ""))
    except UnicodeError:
        raise UnreadableData(f"{path.name} begins like {encoding} but is not") from None


def _count_preamble(lines: Sequence[str]) -> int:
    """Blank lines, and comment lines that hold no delimiter, before the first record."""
    for number, line in enumerate(lines):
        bare = line.strip().strip("\ufeff")
        if bare and not (bare.startswith("#") and not any(mark in bare for mark in DELIMITERS)):
            return number
    return len(lines)


def _find_delimiter(sample: str, quoting: bool) -> tuple[str, list[list[str]]]:
    """Find the delimiter that splits the sample most evenly, and the records it makes."""
    best: tuple[bool, bool, float, int] = (False, False, -1.0, 0)
    chosen, records = DELIMITERS[0], [[sample]]
    for delimiter in DELIMITERS:
        split = _split(sample, delimiter, quoting)
        counts = Counter(len(record) for record in split)
        # the header decides between equals; one field everywhere is no evidence at all
        width, votes = max(counts.items(), key=lambda item: (item[1], item[0]))
        share = round(votes / len(split), 1) if width > 1 else 0.0
        # names hold no decimal commas: what splits the rows and not the header is in the cells
        fits = len(split[0]) > 1 and len(split[0]) in (width, width - 1)
        commas = [cell for record in split[1:] for cell in record if "," in cell]
        decimal = bool(commas) and all(map(COMMA_NUMBER.fullmatch, commas))
        if (score := (fits, decimal, share, width)) > best:
            best, chosen, records = score, delimiter, split
    return chosen, records


def _split(sample: str, delimiter: str, quoting: bool) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
    )
    try:
        records = [record for record in islice(reader, SAMPLE_RECORDS) if record]
    except csv.Error:  # a field beyond csv's limit of 128 KiB: arrow has none
        records = [line.split(delimiter) for line in sample.splitlines()[:SAMPLE_RECORDS] if line]
    return records or [[sample]]


def _lacks_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record is clearly data: every cell that can tell looks like those below it."""
    if not rows or _counts_up(first):
        return False
    alike = 0
    for position, cell in enumerate(first):
        below = [row[position].strip() for row in rows if len(row) > position]
        below = [value for value in below if value not in MISSING_MARKS]
        if not below or cell.strip() in MISSING_MARKS:
            continue
        numeric = sum(map(_is_number, below)) / len(below)
        if numeric >= NUMERIC_SHARE:
            if not _is_number(cell):
                return False
            alike += 1
        elif len(set(below)) <= MAX_LEVEL_SHARE * len(below):
            if cell.strip() not in below:
                return False
            alike += 1
    return alike > 0


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or COMMA_NUMBER.fullmatch(cell))


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether the cells are consecutive whole numbers: names that a program gave, or years."""
    if not all(cell.strip().isdecimal() for cell in cells) or len(cells) < len(DELIMITERS) - 1:
        return False
    values = [int(cell) for cell in cells]
    return values == list(range(values[0], values[0] + len(values)))


def _header_names(
    header: Sequence[str], rows: Sequence[Sequence[str]], has_header: bool, notes: list[str]
) -> list[str]:
    """One name per field; a header one short of every row gets a name for the row names before it."""
    if not has_header:
        return [f"c{number}" for number in range(1, len(header) + 1)]
    names = [name.strip("\ufeff") for name in header]
    if rows and all(len(row) == len(header) + 1 for row in rows):
        if all(not row[-1].strip() for row in rows):
            return [*names, ""]
        notes.append("the header is one name short; the first column is taken for row names")
        return ["row", *names]
    return names


def _find_decimal(
    rows: Sequence[Sequence[str]], delimiter: str, notes: list[str]
) -> tuple[str, tuple[str, str] | None]:
    """Whether numbers are written with a decimal comma, by a vote of the sampled columns; and what contradicts it.

    Beside columns of decimal commas a number is read alike in either spelling; elsewhere a comma would part thousands,
    and all rows of a table to which a few with points were added would change.
    """
    commas = points = 0
    mixed: list[list[str]] = []
    for position in range(max((len(row) for row in rows), default=0)):
        cells = [row[position].strip() for row in rows if len(row) > position]
        cells = [cell for cell in cells if cell not in MISSING_MARKS]
        if not cells:
            continue
        if all(WHOLE_OR_COMMA.fullmatch(cell) for cell in cells):
            commas += any(COMMA_NUMBER.fullmatch(cell) for cell in cells)
            continue
        plain = sum(bool(NUMBER.fullmatch(cell)) for cell in cells) >= NUMERIC_SHARE * len(cells)
        both = all(any(mark in cell for cell in cells) for mark in ",.")
        # quotes around a comma, where commas part the cells, are a slip among many points
        if both and all(map(_is_number, cells)) and not (plain and delimiter == ","):
            mixed.append(cells)
        elif plain:
            points += 1
    if commas <= points or (delimiter == "," and _thousands(rows)):
        sure = points > 0 or delimiter == ","
        wrong = [cells for cells in mixed if not (sure and _thousands([cells]))]
        if not wrong:
            return ".", None
        comma, point = (next(cell for cell in wrong[0] if mark in cell) for mark in ",.")
        return ".", (comma, point)
    notes.append("numbers are written with a decimal comma")
    return ",", None


def _thousands(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the commas in quoted numbers all stand before three digits, as thousands separators do."""
    found = [cell for row in rows for cell in row if COMMA_NUMBER.fullmatch(cell)]
    return all(re.fullmatch(r"\s*[-+]?\d{1,3},\d{3}\s*", cell) for cell in found)


def _spoken(delimiter: str) -> str:
    return {"\t": "tabs", ";": "semicolons", "|": "bars"}[delimiter]
