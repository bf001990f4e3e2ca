"""JSON lines, or one JSON array of objects → Table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from advisor.errors import UnreadableData
from advisor.tables.reading import READERS, Table, as_raw, unique_names

Record = dict[str, object]


class JsonLines:
    """One JSON object per line; objects need not have the same keys."""

    name = "JSON lines"
    suffixes = (".jsonl", ".ndjson", ".json")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Look for an object at the beginning, or an array of objects."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"["):
            start = start[1:].lstrip()
        return start.startswith(b"{") and start[1:].lstrip()[:1] in (b'"', b"}")

    def read(self, path: Path) -> Table:
        """Read the whole file."""
        records = list(_records(path))
        return _as_table(records, _keys(records))

    def stream(self, path: Path, chunk_rows: int) -> Iterator[Table]:
        """Pieces of exactly ``chunk_rows`` objects but for the last, each with the keys of all."""
        keys, records = _keys(_records(path)), _records(path)
        while piece := list(islice(records, chunk_rows)):
            yield _as_table(piece, keys)


def _records(path: Path) -> Iterator[Record]:
    """Read the objects, one by one."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            start = file.read(1024).lstrip()
            file.seek(0)
            if start.startswith("["):
                yield from (_object(path, i, item) for i, item in enumerate(json.load(file), 1))
                return
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _object(path, number, json.loads(line))
    except json.JSONDecodeError as error:
        raise UnreadableData(
            f"{path.name} is not JSON lines: line {locals().get('number', error.lineno)}, column "
            f"{error.colno}: {error.msg}. Expected one object per line."
        ) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UnreadableData(f"{path.name} is not JSON lines: {error}") from None


def _object(path: Path, number: int, item: object) -> Record:
    if not isinstance(item, dict):
        raise UnreadableData(
            f"{path.name}: expected an object {{...}} in record {number}, got {type(item).__name__}"
        )
    return item


def _keys(records: Iterable[Record]) -> list[str]:
    """Name what any of the objects has, in the order of the first that has it."""
    return list(dict.fromkeys(key for record in records for key in record))


def _as_table(records: list[Record], keys: list[str]) -> Table:
    names, notes = unique_names(keys)
    columns = {
        name: pd.Series([record.get(key) for record in records], dtype=object)
        for name, key in zip(names, keys, strict=True)
    }
    return Table(as_raw(pd.DataFrame(columns)), tuple(notes))


READER = READERS.add("jsonl")(JsonLines())
