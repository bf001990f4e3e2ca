"""Whatever the user wants predictions for → conforming rows, in order, none left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from advisor.errors import UnreadableData
from advisor.tables.columns import FILE_KINDS, Column, ColumnKind, conform, conformance_notes
from advisor.tables.folders import find_sources
from advisor.tables.inputs import as_frame
from advisor.tables.media_columns import medium_of
from advisor.tables.media_rows import file_rows, readable, take_rows
from advisor.tables.reading import stream_table
from advisor.tables.text_folders import texts_in_files
from advisor.tables.texts import complete, has_content

CHUNK_ROWS = 100_000
"""Rows of one piece when features are streamed (our choice: 30 columns of numbers are 24 MB)."""

CHUNK_FILES = 256
"""Files of one piece (our choice: pictures are 50 MB as pixels)."""


def read_features(
    data: object, columns: Sequence[Column], *, chunk_rows: int | None = None
) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """Rows to predict → conforming pieces, in their order, none left out.

    Parameters
    ----------
    data : path, DataFrame, or list of paths
        A file (CSV, Parquet and JSON lines are streamed), a folder with ``test.*`` or one table, or rows in memory; for
        files as :func:`read_files`. For texts also a file of one text per line, a folder of text files, a list or a
        Series of texts.
    columns : sequence of Column
        The schema of the training data.
    chunk_rows : int or None
        About how many rows one piece holds; None takes 100,000.

    Yields
    ------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`advisor.tables.columns.conform` makes it.
    notes : list of str
        What had to be put right in this piece.

    Raises
    ------
    UnreadableData
        If the file cannot be read, a row is ragged, or columns are missing.
    """
    if holds_files(columns):
        for _, frame, notes in read_files(data, columns, chunk_rows=chunk_rows):
            yield frame, notes
        return
    for frame, notes in _raw_pieces(data, columns, chunk_rows or CHUNK_ROWS):
        frame = complete(frame, columns, (), "the data", notes)
        rows = conform(frame, columns)
        yield rows, [*notes, *conformance_notes(frame, columns), *_empty_note(rows, columns)]


def _empty_note(frame: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Say how many rows of texts hold nothing: they get a prediction, too, and it means nothing."""
    if not any(column.kind is ColumnKind.TEXT for column in columns):
        return []
    n = int((~has_content(frame, columns)).sum())
    return (
        [f"{n:,} of {len(frame):,} rows hold no text; what is predicted for them is a guess"]
        if n
        else []
    )


def _raw_pieces(
    data: object, columns: Sequence[Column], chunk_rows: int
) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """Rows to predict as they are written, piece by piece, and what is to be said of them."""
    if not isinstance(data, (str, Path)):
        yield as_frame(data)
        return
    path = Path(data)
    try:
        sources = find_sources(path, to_predict=True)
    except UnreadableData:
        about_texts = any(column.kind is ColumnKind.TEXT for column in columns)
        files = texts_in_files(path) if about_texts and path.is_dir() else None
        if files is None:
            raise
        yield files.frame, list(files.notes)
        return
    names = [column.name for column in columns]
    for table in stream_table(sources.test or sources.train, chunk_rows, names):
        yield table.frame, list(table.notes)


def holds_files(columns: Sequence[Column]) -> bool:
    """Whether the rows of a schema are files: pictures or recordings."""
    return any(column.kind in FILE_KINDS for column in columns)


def read_files(
    data: object, columns: Sequence[Column], *, chunk_rows: int | None = None
) -> Iterator[tuple[tuple[str, ...], pd.DataFrame, list[str]]]:
    """Files to predict → conforming pieces and what they are called, in their order, none left out.

    Parameters
    ----------
    data : path, DataFrame, or list of paths
        A file, a folder of files (its ``test`` folder or table where there is one), a table that names or holds
        them, or any of these in memory.
    columns : sequence of Column
        The schema of the training data.
    chunk_rows : int or None
        How many files one piece holds; None takes 256.

    Yields
    ------
    names : tuple of str of length n_rows
        Relative to the folder, or as the table has them.
    frame : DataFrame of shape (n_rows, n_columns)
        With a missing path where the file cannot be read.
    notes : list of str
        Which files of this piece cannot be read, and why.

    Raises
    ------
    UnreadableData
        If there are no such files.
    """
    medium = medium_of(columns)
    if medium is None:
        raise UnreadableData("expected a schema of files, got one of a table")
    rows = file_rows(data, medium)
    size = chunk_rows or CHUNK_FILES
    said = list(rows.notes)
    for start in range(0, len(rows.names), size):
        piece = take_rows(rows, start, start + size)
        frame, faults = readable(piece)
        notes = (
            [
                f"without a prediction: {medium.count(len(faults))} that cannot be read "
                f"({'; '.join(faults)})"
            ]
            if faults
            else []
        )
        for column in columns:
            if column.name not in frame.columns:
                frame[column.name] = pd.Categorical([None] * len(frame))
        yield piece.names, conform(frame, columns), [*said, *notes]
        said = []
