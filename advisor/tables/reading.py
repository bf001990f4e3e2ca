"""A table file → Table, by the reader that recognises its content.

Readers are ribs in ``advisor/readers``, one per format. This module holds their contract, unpacks gzip once for all
of them, and brings what they read into one small set of dtypes: numpy numbers and bools, ``datetime64``, and
``category`` of ``str`` for words, so that a million rows of words cost a million codes.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from advisor.errors import UnreadableData, quoted
from advisor.registry import Registry
from advisor.tables.dates import without_zone
from advisor.tables.levels import find_levels

HEAD_BYTES = 65_536
"""Bytes of the beginning that a reader may look at to recognise its format (our choice)."""

GZIP_MAGIC = b"\x1f\x8b"

MAX_UNPACKED_BYTES = 4 * 2**30
"""Bytes a gzip file may grow to before it is refused as a bomb or a mistake (our choice: 4 GiB)."""

COPY_BYTES = 2**20

LABEL_SEPARATORS = (";", "|", ",", "/", "\t")
"""Tried in this order to join a cell that holds a list; the first that is in no entry is used."""


@dataclass(frozen=True)
class Table:
    """What a reader made of a file.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Columns of distinct ``str`` names in the order of the file; dtypes as :func:`as_raw` gives them.
    notes : tuple of str
        What was guessed or repaired, in sentences for the user.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """One file format.

    Attributes
    ----------
    name : str
        The format's name, for messages.
    suffixes : tuple of str
        Lower-case file endings with their dot; they only decide where the content does not.
    """

    @property
    def name(self) -> str:
        """The format's name."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Lower-case file endings with their dot."""

    def sniff(self, path: Path, head: bytes) -> bool:
        """Tell whether the first bytes of the (unpacked) file look like this format."""

    def read(self, path: Path) -> Table:
        """Read the whole file.

        Raises
        ------
        UnreadableData
            If the content cannot be made into a table; no other exception leaves a reader.
        """


@runtime_checkable
class StreamingReader(Protocol):
    """A reader that can also hand out a large file piece by piece."""

    def stream(self, path: Path, chunk_rows: int) -> Iterator[Table]:
        """Pieces of about ``chunk_rows`` rows, in order; no row is dropped, a broken one is an error."""


@runtime_checkable
class HeadedReader(Protocol):
    """A reader of files whose first line may be a header or a row: known names of columns tell which."""

    def knowing(self, names: Collection[str]) -> Reader:
        """Make a reader of files that are known to have columns with these names."""


READERS: Registry[Reader] = Registry("reader", "advisor.readers")
"""All formats that can be read."""


def read_table(path: Path, names: Collection[str] = ()) -> Table:
    """Read a file of any known format, gzipped or not → Table.

    Parameters
    ----------
    path : Path
        The file.
    names : collection of str
        Of the columns, where they are known from another file: they tell a header from a row.

    Returns
    -------
    Table
        With at least one row and one column.

    Raises
    ------
    UnreadableData
        If the file is missing, empty, of an unknown format, damaged, or has no rows.
    """
    with opened(path) as (local, reader):
        table = _knowing(reader, names).read(local)
    return _not_empty(table, path)


def stream_table(path: Path, chunk_rows: int, names: Collection[str] = ()) -> Iterator[Table]:
    """Read a file of any known format → its rows piece by piece, or all at once where the format cannot stream.

    Parameters
    ----------
    path : Path
        The file.
    chunk_rows : int
        About how many rows one piece holds.
    names : collection of str
        As :func:`read_table`.

    Yields
    ------
    Table
        Every row of the file is in exactly one piece, in order.

    Raises
    ------
    UnreadableData
        As :func:`read_table`, and for any row that :func:`read_table` would have dropped.
    """
    with opened(path) as (local, found):
        reader = _knowing(found, names)
        if isinstance(reader, StreamingReader):
            yield from reader.stream(local, chunk_rows)
        else:
            yield _not_empty(reader.read(local), path)


def _knowing(reader: Reader, names: Collection[str]) -> Reader:
    return reader.knowing(names) if names and isinstance(reader, HeadedReader) else reader


@contextmanager
def opened(path: Path) -> Iterator[tuple[Path, Reader]]:
    """Open a file, unpacked into a temporary folder where it is gzipped, and the reader for it."""
    try:
        if path.stat().st_size == 0:
            raise UnreadableData(f"{path.name} is empty (0 bytes): expected a table with a header")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableData(f"{path} cannot be opened: {error.strerror}") from None
    if not head.startswith(GZIP_MAGIC):
        yield path, find_reader(path, head)
        return
    with tempfile.TemporaryDirectory(prefix="advisor-") as folder:
        name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
        local = Path(folder) / name
        _unpack(path, local)
        with local.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if not head:
            raise UnreadableData(f"{path.name} is empty once unpacked: expected a table")
        yield local, find_reader(local, head)


def find_reader(path: Path, head: bytes) -> Reader:
    """Find the reader that recognises the content; the suffix decides between several, or where none does.

    Parameters
    ----------
    path : Path
        For its suffix.
    head : bytes
        The first bytes of the unpacked file.

    Returns
    -------
    Reader

    Raises
    ------
    UnreadableData
        If neither content nor suffix is known.
    """
    readers = READERS.values()
    by_suffix = [reader for reader in readers if path.suffix.lower() in reader.suffixes]
    sniffed = [reader for reader in readers if reader.sniff(path, head)]
    both = [reader for reader in sniffed if reader in by_suffix]
    for reader in (*both, *sniffed, *by_suffix):
        return reader
    known = ", ".join(sorted({suffix for reader in readers for suffix in reader.suffixes}))
    raise UnreadableData(
        f"{path.name} is not a table in a known format: expected one of {known} (also with .gz)"
    )


def table_suffix(name: str) -> str | None:
    """Find the known suffix that a file name ends with, ``.gz`` included, or None."""
    lowered = name.lower()
    plain = lowered.removesuffix(".gz")
    for reader in READERS.values():
        for suffix in reader.suffixes:
            if plain.endswith(suffix):
                return lowered[len(plain) - len(suffix) :]
    return None


def unique_names(names: Sequence[object]) -> tuple[list[str], list[str]]:
    """Column names as written → distinct, trimmed, never empty ones, and notes on what was changed.

    Parameters
    ----------
    names : sequence of object
        As the file has them.

    Returns
    -------
    names : list of str
        ``a, a`` becomes ``a, a.2``; an empty name becomes ``c1`` with the column's number.
    notes : list of str

    Examples
    --------
    >>> unique_names(["a", " a", ""])[0]
    ['a', 'a.2', 'c3']
    """
    plain = ["" if name is None else str(name).strip() for name in names]
    given, taken = set(plain), set[str]()
    copies: dict[str, int] = {}
    result: list[str] = []
    for position, name in enumerate(plain, start=1):
        base = name or f"c{position}"
        new, copy = base, copies.get(base, 1)
        while new in taken or (new != name and new in given):
            copy += 1
            new = f"{base}.{copy}"
        copies[base] = copy
        taken.add(new)
        result.append(new)
    notes = []
    twice = [new for new, name in zip(result, plain, strict=True) if name and new != name]
    if twice:
        notes.append(f"column names occur more than once; the later ones are now {quoted(twice)}")
    unnamed = [new for new, name in zip(result, plain, strict=True) if not name]
    if unnamed:
        notes.append(f"columns without a name are called {quoted(unnamed)}")
    return result, notes


def as_raw(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring a frame of any dtypes → numbers, bools, dates and categories of ``str`` only.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        With distinct ``str`` names; not changed.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        numpy ints, floats and bools, ``datetime64``, or ``category`` of ``str``, and a fresh index.
        Cells that hold lists are joined by a separator that is in none of their entries.
    """
    parts = {name: _raw_column(frame[name].reset_index(drop=True)) for name in frame.columns}
    return pd.DataFrame(parts, index=pd.RangeIndex(len(frame)), copy=False)


def _raw_column(series: pd.Series) -> pd.Series:
    """One column in a raw dtype; numpy numbers and categories of str pass as they are."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iufbM":
        return series
    if isinstance(dtype, pd.CategoricalDtype) and pd.api.types.is_string_dtype(
        dtype.categories.dtype
    ):
        return series
    if pd.api.types.is_datetime64_any_dtype(dtype):
        # arrow's dates among them, which pandas' own accessor for zones does not know
        return pd.Series(without_zone(pd.DatetimeIndex(series)), name=series.name)
    if pd.api.types.is_numeric_dtype(dtype) and dtype.kind in "iuf":
        missing = series.isna().any()
        return series.astype("float64" if missing or dtype.kind == "f" else "int64")
    if pd.api.types.is_bool_dtype(dtype) and not series.isna().any():
        return series.astype(bool)
    if pd.api.types.is_object_dtype(dtype):
        return _raw_objects(series)
    return _worded(series)


def _raw_objects(series: pd.Series) -> pd.Series:
    """Python objects as numbers, dates or words; lists as joined words."""
    lists = series.map(lambda cell: isinstance(cell, (list, tuple, set, np.ndarray)))
    if lists.any():
        entries = [str(entry) for cell in series[lists] for entry in cell]
        free = [s for s in LABEL_SEPARATORS if not any(s in entry for entry in entries)]
        joint = free[0] if free else LABEL_SEPARATORS[0]
        joined = series[lists].map(lambda cell: joint.join(map(str, cell)) or joint)
        return _worded(series.mask(lists, joined))
    try:
        better = series.infer_objects()
    except (
        UnicodeEncodeError
    ):  # half of a character that UTF-16 writes in two: arrow takes no such text
        return _worded(series)
    if better.dtype != object:
        return _raw_column(better)
    return _worded(series)


def _worded(series: pd.Series) -> pd.Series:
    """Hold a column as a category of its untouched spellings (missing marks are judged later)."""
    codes, words = find_levels(series, frozenset())
    return pd.Series(pd.Categorical.from_codes(codes, categories=words), name=series.name)


def _not_empty(table: Table, path: Path) -> Table:
    if not table.frame.shape[0] or not table.frame.shape[1]:
        raise UnreadableData(f"{path.name} has no rows: expected at least one below the header")
    return table


def _unpack(path: Path, local: Path) -> None:
    """Gunzip into a new file, with a limit on how far it may grow."""
    written = 0
    try:
        with gzip.open(path, "rb") as packed, local.open("wb") as plain:
            while piece := packed.read(COPY_BYTES):
                written += len(piece)
                if written > MAX_UNPACKED_BYTES:
                    raise UnreadableData(
                        f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES / 2**30:.0f} GiB; "
                        "unpack it yourself if that is meant"
                    )
                plain.write(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableData(f"{path.name} is a damaged gzip file: {error}") from None
