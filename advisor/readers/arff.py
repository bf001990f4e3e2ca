"""ARFF (Weka) → Table, dense and sparse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from advisor.errors import UnreadableData
from advisor.tables.levels import parse_numbers
from advisor.tables.reading import READERS, Table, as_raw, unique_names

ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{]+)\s*(\{.*\}|\S+.*)$""",
    re.IGNORECASE,
)
FIELD = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]*?)\s*(?:,|$)""")
NUMBER_TYPES = ("numeric", "real", "integer")


@dataclass(frozen=True)
class _Attribute:
    name: str
    numeric: bool
    first_level: str
    """What a cell left out of a sparse row means."""


class Arff:
    """Attributes with types above comma-separated rows."""

    name = "ARFF"
    suffixes = (".arff",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Look for ``@relation`` as the first word that is no comment."""
        for line in head.removeprefix(b"\xef\xbb\xbf").splitlines():
            bare = line.strip().lower()
            if bare and not bare.startswith(b"%"):
                return bare.startswith(b"@relation")
        return False

    def read(self, path: Path) -> Table:
        """Read the whole file."""
        content = path.read_bytes()
        if b"\0" in content:
            raise UnreadableData(f"{path.name} is damaged: an ARFF file holds no NUL bytes")
        try:
            text, notes = content.decode("utf-8-sig"), []
        except UnicodeDecodeError:
            text, notes = (
                content.decode("cp1252", "replace"),
                [f"{path.name} is not UTF-8; it is read as cp1252"],
            )
        lines = enumerate(text.splitlines(), start=1)
        attributes = _header(path, lines)
        names, repaired = unique_names([attribute.name for attribute in attributes])
        rows = list(_data(path, lines, attributes))
        columns = {}
        for i, (name, attribute) in enumerate(zip(names, attributes, strict=True)):
            cells = pd.Series([row[i] for row in rows], dtype="str")
            columns[name] = (
                pd.Series(parse_numbers(cells.tolist()))
                if attribute.numeric
                else cells.mask(cells == "?").astype(object)
            )
        return Table(as_raw(pd.DataFrame(columns)), (*notes, *repaired))


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> list[_Attribute]:
    """Read the attributes, up to ``@data``."""
    attributes: list[_Attribute] = []
    for number, line in lines:
        bare = line.strip()
        if bare.lower().startswith("@data"):
            if not attributes:
                break
            return attributes
        if not bare.lower().startswith("@attribute"):
            continue
        match = ATTRIBUTE.match(bare)
        if not match or match.group(2).lower().startswith("relational"):
            raise UnreadableData(f"{path.name}, line {number}: cannot read '{bare[:80]}'")
        kind = match.group(2).strip()
        levels = _fields(kind[1:-1]) if kind.startswith("{") else []
        numeric = kind.lower().startswith(NUMBER_TYPES)
        first = "0" if numeric or not levels else levels[0]
        attributes.append(_Attribute(_unquoted(match.group(1)), numeric, first))
    raise UnreadableData(f"{path.name}: expected @attribute lines and @data, as ARFF has them")


def _data(
    path: Path, lines: Iterator[tuple[int, str]], attributes: list[_Attribute]
) -> Iterator[list[str]]:
    """Read the rows, each with one word per attribute."""
    for number, line in lines:
        bare = line.strip()
        if not bare or bare.startswith("%"):
            continue
        sparse = bare.startswith("{")
        row = _sparse(path, number, bare, attributes) if sparse else _fields(bare)
        if len(row) != len(attributes):
            raise UnreadableData(
                f"{path.name}, line {number}: expected {len(attributes)} fields, got {len(row)}"
            )
        yield row


def _sparse(path: Path, number: int, line: str, attributes: list[_Attribute]) -> list[str]:
    """``{3 x, 7 1}`` as a full row."""
    row = [attribute.first_level for attribute in attributes]
    for entry in _fields(line.strip("{} \t")):
        place, _, value = entry.partition(" ")
        if not entry:
            continue
        if not place.isdecimal() or int(place) >= len(row):
            raise UnreadableData(f"{path.name}, line {number}: no attribute number '{place}'")
        row[int(place)] = _unquoted(value.strip())
    return row


def _fields(line: str) -> list[str]:
    """Comma-separated words, each perhaps in single or double quotes."""
    fields: list[str] = []
    position = 0
    while position <= len(line):
        match = FIELD.match(line, position)
        if match is None:
            return [*fields, line[position:]]
        fields.append(_unquoted(match.group(1)))
        if match.end() == len(line) and not match.group(0).endswith(","):
            break
        position = match.end()
    return fields


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word


READER = READERS.add("arff")(Arff())
