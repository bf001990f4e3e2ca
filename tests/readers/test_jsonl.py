"""JSON lines whose objects do not all have the same keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.tables.reading import stream_table


@pytest.mark.parametrize("as_list", [False, True])
def test_a_key_that_a_piece_lacks_is_an_empty_column_there(as_list: bool, tmp_path: Path) -> None:
    """Every piece has the keys of all objects, in one order."""
    records = [{"a": i} if i < 20 else {"b": i, "a": i} for i in range(25)]
    path = tmp_path / "t.jsonl"
    lines = "\n".join(map(json.dumps, records))
    path.write_text(json.dumps(records) if as_list else lines)
    pieces = [piece.frame for piece in stream_table(path, chunk_rows=10)]
    assert [list(piece.columns) for piece in pieces] == [["a", "b"]] * 3
    assert [int(piece["b"].notna().sum()) for piece in pieces] == [0, 0, 5]
