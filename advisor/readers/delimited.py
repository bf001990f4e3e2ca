"""CSV, TSV and other delimited text → Table, parsed by arrow.

Types are inferred from the head and given to the parser, because arrow keeps the whole text in memory while it
infers (736 MB against 350 MB on a file of 215 MB); where a later cell contradicts, that column is inferred again.
Words become dictionary codes while they are parsed. Why not polars or pandas: arrow is installed anyway, and is as
fast as the first and leaner than the second.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from advisor.errors import UnreadableData, quoted
from advisor.tables.arrow_frames import frame_from_arrow
from advisor.tables.decimals import COMMA_NUMBER, with_points
from advisor.tables.dialect import SAMPLE_BYTES, Dialect, find_dialect
from advisor.tables.kinds import NUMBER_SHARE
from advisor.tables.levels import STRONG_MARKS, find_levels, looks_coded, parse_numbers
from advisor.tables.reading import READERS, Table, unique_names
from advisor.texts.lines import style_of_head

WORDS = pa.dictionary(pa.int32(), pa.string())

MARKS = STRONG_MARKS | {f" {mark}" for mark in STRONG_MARKS}
"""Words that mean a missing cell, also where a blank stands before them."""

BLOCK_BYTES = 2**20
"""Bytes that arrow parses at a time: large enough for long texts, small enough that the memory of a block is used again
(blocks of 4 MiB cost 0.1 to 0.4 s more in page faults on a file of 245 MB)."""

MAX_BLOCK_BYTES = 2**30
"""Largest block that is tried for a row that does not fit into a smaller one."""

MAX_RAGGED_SHARE = 0.05
"""Fraction of rows with too few or too many fields that is dropped and said, not refused (our choice)."""

MAX_DICTIONARY = 100_000
"""Distinct words per column that arrow encodes while it infers types; beyond that it is plain text first."""

MAX_FLOAT_DIGITS = 9
"""Digits up to which whole numbers are read as floats at once: later ones may grow to 2**53 and stay exact."""

MAX_RETYPED = 8
"""Columns whose inferred type may turn out wrong before all types are inferred from the whole file."""

RAGGED_SHOWN = 5

END_BYTES = 2**20
"""Bytes at the end of a file of one column that are looked at for empty lines (our choice)."""


COMMA_CELL = rf"^{COMMA_NUMBER.pattern}$"


class Delimited:
    """Rows of fields between commas, semicolons, tabs or bars."""

    name = "delimited text"
    suffixes = (".csv", ".tsv", ".tab", ".txt", ".data")

    def __init__(self, known: Collection[str] = ()) -> None:
        self.known = known

    def knowing(self, names: Collection[str]) -> Delimited:
        """Make a reader of files that are known to have columns with these names."""
        return Delimited(names)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Look for a delimiter in the first lines of what is no JSON object, no ARFF header and no lines of prose."""
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return True
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if b"\0" in head or start[:1] in (b"{", b"[") or start[:9].lower() == b"@relation":
            return False
        # ARFF may begin with comments, so its header is looked for a little further down
        if start.startswith(b"%") and b"@relation" in head.lower():
            return False
        if style_of_head(head, path.suffix) is not None:
            return False
        return any(mark in head for mark in (b",", b";", b"\t", b"|"))

    def read(self, path: Path) -> Table:
        """Read the whole file; up to 5 % of ragged rows are dropped and named."""
        dialect = find_dialect(path, self.known)
        names, notes = unique_names(dialect.names)
        ragged = _Ragged()
        types = _sampled_types(path, dialect, names)
        table = _parse(path, dialect, names, types, ragged)
        if ragged.rows:
            # arrow numbers the rows only when one thread reads them
            ragged = _Ragged()
            table = _parse(path, dialect, names, types, ragged, threads=False)
            notes.append(ragged.note(path, table.num_rows))
        if len(names) == 1:
            table = table.slice(0, table.num_rows - _blank_end(path))
        unnamed = [f"c{i}" for i, name in enumerate(dialect.names, start=1) if not name.strip()]
        for name in unnamed:
            if name in table.column_names and table.column(name).null_count == table.num_rows:
                table = table.drop_columns([name])
                notes = [note for note in notes if f"'{name}'" not in note or len(unnamed) > 1]
        frame = frame_from_arrow(table, MARKS)
        if dialect.decimal == ",":
            for worded in frame.select_dtypes("category"):
                pointed = _numbers_with_points(frame[worded], dialect)
                if pointed is not None:
                    frame[worded] = pointed
        return Table(frame, (*dialect.notes, *notes))

    def stream(self, path: Path, chunk_rows: int) -> Iterator[Table]:
        """Pieces with every column as words, so that no piece can contradict the types of another."""
        dialect = find_dialect(path, self.known)
        names, notes = unique_names(dialect.names)
        pieces: list[pa.RecordBatch] = []
        said = (*dialect.notes, *notes)
        batches = _batches(path, dialect, names)
        if len(names) == 1:
            batches = _without_last(batches, _blank_end(path))
        n_rows = 0
        for batch in batches:
            pieces.append(batch)
            n_rows += batch.num_rows
            if sum(piece.num_rows for piece in pieces) >= chunk_rows:
                yield Table(_words_frame(pieces, dialect), said)
                pieces, said = [], ()
        if pieces:
            yield Table(_words_frame(pieces, dialect), said)
        lacking = [name for name in self.known if name not in names]
        if not n_rows and lacking:
            raise UnreadableData(
                f"{path.name} has no rows below its first line, which is taken for the header but does not name "
                f"{quoted(lacking)}: put the names of the columns above the rows"
            )


class _Ragged:
    """The rows that have too few or too many fields, as arrow reports them."""

    def __init__(self, skip: bool = True) -> None:
        self.rows: list[tuple[int | None, int, int]] = []
        self.skip = skip

    def __call__(self, row: arrow_csv.InvalidRow) -> str:
        self.rows.append((row.number, row.expected_columns, row.actual_columns))
        return "skip" if self.skip else "error"

    def described(self) -> str:
        shown = [
            f"row {number} has {actual}" if number else f"a row has {actual}"
            for number, _, actual in self.rows[:RAGGED_SHOWN]
        ]
        more = len(self.rows) - len(shown)
        tail = f" and {more} more" if more else ""
        return f"expected {self.rows[0][1]} fields, but {', '.join(shown)}{tail}"

    def note(self, path: Path, kept: int) -> str:
        total = kept + len(self.rows)
        if len(self.rows) > MAX_RAGGED_SHARE * total:
            raise UnreadableData(
                f"{path.name} is ragged in {len(self.rows)} of {total} rows: {self.described()} "
                "(the header is row 1). Check the delimiter and quotes."
            )
        return f"{len(self.rows)} of {total} rows of {path.name} were dropped: {self.described()}"


def _options(
    dialect: Dialect, names: list[str], types: dict[str, pa.DataType], ragged: _Ragged
) -> tuple[arrow_csv.ParseOptions, arrow_csv.ConvertOptions]:
    parse = arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char='"' if dialect.quoted else False,
        newlines_in_values=dialect.quoted,
        ignore_empty_lines=len(names) > 1,  # in a table of one column they are missing cells
        invalid_row_handler=ragged,
    )
    convert = arrow_csv.ConvertOptions(
        column_types=types,
        check_utf8=False,  # all bytes were looked at when the encoding was found
        null_values=sorted(MARKS),
        strings_can_be_null=False,  # cheaper to look for among the distinct words
        true_values=[],  # true/false stay words, so that classes keep their spelling
        false_values=[],
        auto_dict_encode=True,
        auto_dict_max_cardinality=MAX_DICTIONARY,
        decimal_point=dialect.decimal,
    )
    return parse, convert


def _read_options(
    dialect: Dialect, names: list[str], block: int, threads: bool = True
) -> arrow_csv.ReadOptions:
    plain = dialect.encoding in ("utf-8", "utf-8-sig")
    return arrow_csv.ReadOptions(
        use_threads=threads,
        block_size=block,
        skip_rows=dialect.skip_lines,
        column_names=names,
        skip_rows_after_names=int(dialect.has_header),
        encoding="utf-8" if plain else dialect.encoding,
    )


def _parse(
    source: Path | io.BytesIO,
    dialect: Dialect,
    names: list[str],
    types: dict[str, pa.DataType],
    ragged: _Ragged,
    threads: bool = True,
) -> pa.Table:
    """Parse the file by arrow, with wrong types taken back and blocks enlarged until it fits."""
    types, block, retyped = dict(types), BLOCK_BYTES, 0
    while True:
        ragged.rows.clear()
        parse, convert = _options(dialect, names, types, ragged)
        read = _read_options(dialect, names, block, threads)
        try:
            return arrow_csv.read_csv(source, read, parse, convert)
        except pa.ArrowInvalid as error:
            wrong = re.search(r"In CSV column #(\d+)", str(error))
            if wrong and names[int(wrong.group(1))] in types:
                retyped += 1
                if retyped > MAX_RETYPED:
                    types.clear()
                types.pop(names[int(wrong.group(1))], None)
            elif "straddl" in str(error) and block < min(MAX_BLOCK_BYTES, _size(source)):
                block = min(8 * block, MAX_BLOCK_BYTES)
            else:
                raise _unreadable(source, error) from None
        except (UnicodeError, OSError, pa.ArrowException) as error:
            raise _unreadable(source, error) from None


def _size(source: Path | io.BytesIO) -> int:
    return source.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes


def _unreadable(source: Path | io.BytesIO, error: Exception) -> UnreadableData:
    name = source.name if isinstance(source, Path) else "the file"
    reason = " ".join(str(error).split())[:200]
    return UnreadableData(f"{name} cannot be parsed as delimited text: {reason}")


def _sampled_types(path: Path, dialect: Dialect, names: list[str]) -> dict[str, pa.DataType]:
    """Infer the type of each column that the head of the file lets one tell; codes with leading zeros are words."""
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    if not whole:
        head = head[: max(head.rfind(b"\n"), 0) + 1]
    types: dict[str, pa.DataType] = {}
    try:
        typed = _parse(io.BytesIO(head), dialect, names, {}, _Ragged())
        worded = _parse(io.BytesIO(head), dialect, names, dict.fromkeys(names, WORDS), _Ragged())
    except UnreadableData:
        return types  # a quoted field cut in two: all is inferred from the whole file
    for field in typed.schema:
        kind = field.type
        if pa.types.is_int64(kind):
            cells = worded.column(field.name).unique().cast(pa.string()).to_pylist()
            words = [cell for cell in cells if cell not in MARKS]
            small = all(len(word) <= MAX_FLOAT_DIGITS for word in words)
            kind = WORDS if looks_coded(words) else pa.float64() if small else kind
        elif pa.types.is_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_time(kind):
            kind = WORDS
        if not pa.types.is_null(kind):
            types[field.name] = kind
    return types


def _batches(path: Path, dialect: Dialect, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Blocks of the file with every column as words, enlarged as in training; a ragged row is an error."""
    ragged = _Ragged(skip=False)
    parse, convert = _options(dialect, names, dict.fromkeys(names, WORDS), ragged)
    block, done = BLOCK_BYTES, 0
    while True:
        read = _read_options(dialect, names, block)
        again = done  # rows of this pass that an earlier one handed out
        try:
            for batch in arrow_csv.open_csv(path, read, parse, convert):
                new = batch.slice(min(again, batch.num_rows))
                again -= batch.num_rows - new.num_rows
                done += new.num_rows
                yield new
            return
        except (UnicodeError, OSError, pa.ArrowException) as error:
            if ragged.rows:
                raise UnreadableData(
                    f"{path.name} is ragged: {ragged.described()}. Every row must be predicted, so none "
                    "is dropped: put it right."
                ) from None
            if "straddl" not in str(error) or block >= min(MAX_BLOCK_BYTES, _size(path)):
                raise _unreadable(path, error) from None
            block = min(8 * block, MAX_BLOCK_BYTES)


def _without_last(batches: Iterator[pa.RecordBatch], n: int) -> Iterator[pa.RecordBatch]:
    """Blocks of rows without the last ``n`` rows of all of them."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        while sum(later.num_rows for later in held[1:]) >= n:
            yield held.pop(0)
            if not held:
                break
    left = sum(batch.num_rows for batch in held) - n
    for batch in held:
        yield batch.slice(0, max(left, 0))
        left -= batch.num_rows


def _blank_end(path: Path) -> int:
    """Count the empty lines at the end of a file, below its last row."""
    with path.open("rb") as file:
        file.seek(max(_size(path) - END_BYTES, 0))
        end = file.read().replace(b"\0", b"")
    breaks = end[len(end.rstrip(b"\r\n")) :]
    return max(max(breaks.count(b"\n"), breaks.count(b"\r")) - 1, 0)


def _words_frame(pieces: list[pa.RecordBatch], dialect: Dialect) -> pd.DataFrame:
    """Make words of the batches, with a decimal point in place of the comma."""
    frame = frame_from_arrow(pa.Table.from_batches(pieces), MARKS)
    if dialect.decimal == ",":
        for name in frame.columns:
            pointed = _numbers_with_points(frame[name], dialect)
            if pointed is None:
                words = frame[name].cat.categories
                pointed = _respelt(frame[name], words.str.replace(COMMA_CELL, r"\1.\2", regex=True))
            frame[name] = pointed
    return frame


def _numbers_with_points(cells: pd.Series, dialect: Dialect) -> pd.Series | None:
    """Words with a decimal point in place of the comma, also where a unit follows; None where they are no numbers."""
    pointed = _respelt(cells, with_points(cells.cat.categories, dialect.grouped))
    return pointed if _are_numbers(pointed) else None


def _respelt(cells: pd.Series, words: Sequence[str] | pd.Index[str]) -> pd.Series:
    """The same cells with other words for their levels; a number spelt either way is one word."""
    levels, codes = np.unique(np.asarray(words, dtype=object), return_inverse=True)
    codes = np.append(codes, -1).take(cells.cat.codes)
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(levels, dtype="str")))


def _are_numbers(cells: pd.Series) -> bool:
    """Whether words are numbers but for few, such as signs for missing cells, for which arrow leaves all as words."""
    codes, words = find_levels(cells)
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    found = counts[~np.isnan(parse_numbers(words))].sum()
    return bool(found) and found >= NUMBER_SHARE * counts.sum()


READER = READERS.add("delimited")(Delimited())
