"""Parquet → Table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from advisor.errors import UnreadableData
from advisor.tables.arrow_frames import frame_from_arrow
from advisor.tables.reading import READERS, Table, unique_names

MAGIC = b"PAR1"
INDEX_PREFIX = "__index_level_"
"""What pandas calls a row index that it saved as a column."""


class Parquet:
    """Columns with types, as arrow, pandas and databases write them."""

    name = "Parquet"
    suffixes = (".parquet", ".pq")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Look for the magic bytes."""
        return head.startswith(MAGIC)

    def read(self, path: Path) -> Table:
        """Read the whole file."""
        try:
            with parquet.ParquetFile(path) as file:
                return _as_table(file.read())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, error) from None

    def stream(self, path: Path, chunk_rows: int) -> Iterator[Table]:
        """Pieces of exactly ``chunk_rows`` rows but for the last."""
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=chunk_rows):
                    yield _as_table(pa.Table.from_batches([batch]))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, error) from None


def _as_table(table: pa.Table) -> Table:
    kept = [i for i, name in enumerate(table.column_names) if not name.startswith(INDEX_PREFIX)]
    table = table.select(kept)
    names, notes = unique_names(table.column_names)
    return Table(frame_from_arrow(table.rename_columns(names)), tuple(notes))


def _damaged(path: Path, error: Exception) -> UnreadableData:
    reason = " ".join(str(error).split())[:200]
    return UnreadableData(f"{path.name} is not a readable Parquet file: {reason}")


READER = READERS.add("parquet")(Parquet())
