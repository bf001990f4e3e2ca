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
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from advisor.errors import UnreadableData
from advisor.tables.decimals import COMMA_CELL, NUMERIC_SHARE, find_decimal, is_number
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

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
"""What Excel writes before the header to say what parts the cells."""

UNNAMED = re.compile(r"c[1-9]\d*")
"""What the columns of a file without a header are called."""

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
        Lines before the first record: blank, comments, or what says the delimiter.
    decimal : str
        ``.`` or ``,``.
    grouped : bool
        Whether points part thousands, as in ``8.107,37``.
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
    grouped: bool
    quoted: bool
    notes: tuple[str, ...]


def find_dialect(path: Path, known: Collection[str] = ()) -> Dialect:
    """Look at a delimited text file → how it is written.

    Parameters
    ----------
    path : Path
        An existing file.
    known : collection of str
        Names of the columns that such files are known to have: they tell what is a header.

    Returns
    -------
    Dialect

    Raises
    ------
    UnreadableData
        If it is not text, holds nothing but blank lines, or nothing says how to read commas in its numbers.
    """
    notes: list[str] = []
    encoding, quotes = _find_encoding(path, notes)
    with path.open("rb") as file:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(file.read(SAMPLE_BYTES))
    cut = len(text.encode("utf-8", "replace")) >= SAMPLE_BYTES // 4 and "\n" in text
    lines = io.StringIO(text[: text.rfind("\n") + 1] if cut else text, newline="").readlines()
    skip = _count_preamble(lines)
    said = SEPARATOR_LINE.fullmatch(lines[skip].lstrip("\ufeff")) if skip < len(lines) else None
    if said:
        skip += 1 + _count_preamble(lines[skip + 1 :])
    if skip == len(lines):
        raise UnreadableData(f"{path.name} holds only blank lines or comments: expected a table")
    if quotes % 2:
        notes.append("the number of double quotes is odd, so they are read as plain characters")
    sample = "".join(lines[skip:])
    quoting = quotes > 0 and quotes % 2 == 0
    delimiter, records = (
        (said[1], _split(sample, said[1], quoting)) if said else _find_delimiter(sample, quoting)
    )
    header, rows = records[0], records[1:]
    has_header = _has_header(header, rows, known)
    if not has_header:
        notes.append(f"{path.name} has no header; its columns are called c1 to c{len(header)}")
    names = _header_names(header, rows, has_header, notes)
    decimal, grouped = find_decimal(path.name, rows if has_header else records, delimiter, notes)
    if delimiter != ",":
        notes.append(f"{path.name} is delimited by {_spoken(delimiter)}")
    return Dialect(
        encoding,
        delimiter,
        tuple(names),
        has_header,
        skip,
        decimal,
        grouped,
        quoting,
        tuple(notes),
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
        decimal = bool(commas) and all(map(COMMA_CELL.fullmatch, commas))
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


def _has_header(
    first: Sequence[str], rows: Sequence[Sequence[str]], known: Collection[str]
) -> bool:
    """Whether the first record is the header: what is known of the columns decides where it can."""
    cells = {cell.strip().strip("\ufeff") for cell in first}
    shared = cells & set(known)
    if len(cells) == len(first) and shared and (shared == cells or 2 * len(shared) > len(known)):
        return True
    if known and all(map(UNNAMED.fullmatch, known)) and len(first) >= len(known):
        return _is_headed(first, rows)
    return not _lacks_header(first, rows)


def _is_headed(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a word stands above a column of numbers: only then is there a header where none is expected."""
    for position, cell in enumerate(first):
        below = [row[position].strip() for row in rows if len(row) > position]
        below = [value for value in below if value not in MISSING_MARKS]
        numeric = bool(below) and sum(map(is_number, below)) >= NUMERIC_SHARE * len(below)
        if numeric and not is_number(cell) and cell.strip() not in MISSING_MARKS:
            return True
    return False


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
        numeric = sum(map(is_number, below)) / len(below)
        if numeric >= NUMERIC_SHARE:
            if not is_number(cell):
                return False
            alike += 1
        elif len(set(below)) <= MAX_LEVEL_SHARE * len(below):
            if cell.strip() not in below:
                return False
            alike += 1
    return alike > 0


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


def _spoken(delimiter: str) -> str:
    return {"\t": "tabs", ";": "semicolons", "|": "bars"}.get(delimiter, f"'{delimiter}'")
