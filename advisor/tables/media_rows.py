"""Whatever the user wants predictions for → files of a medium, one row each, in order, none left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.errors import UnreadableData, quoted
from advisor.media.embedded import cell_as_path, holds_item
from advisor.media.layouts import TEST_NAMES, list_files
from advisor.media.medium import Medium
from advisor.tables.folders import find_sources, is_table, stem
from advisor.tables.levels import find_levels
from advisor.tables.media_columns import (
    find_file_column,
    paths_of_cells,
    read_table_with_files,
    refuse_absent,
)
from advisor.tables.reading import as_raw


@dataclass(frozen=True)
class FileRows:
    """Files to predict for.

    Attributes
    ----------
    medium : Medium
    names : tuple of str of length n_rows
        Relative to the folder that was given, or as written in the table.
    paths : tuple of str or None of length n_rows
        Absolute; None where a row names no file.
    notes : tuple of str
    """

    medium: Medium
    names: tuple[str, ...]
    paths: tuple[str | None, ...]
    notes: tuple[str, ...] = ()


def file_rows(data: object, medium: Medium, *, whole: bool = False) -> FileRows:
    """Find the files of a medium that a file, a folder, a table, a frame or a list of paths stands for.

    Parameters
    ----------
    data : path, DataFrame, Series, array or sequence of paths
        A folder stands for its table ``test.*``, else for its folder ``test``, else for all files of the
        medium in it, else for its one table. A frame needs a column of files, such as ``image``.
    medium : Medium
        What is meant.
    whole : bool
        Of a folder, all files of the medium in it: one that is a pool has no test split.

    Returns
    -------
    FileRows
        In the order of the table or list, or sorted by name.

    Raises
    ------
    UnreadableData
        If there are no such files.
    """
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        if path.is_dir():
            return _of_folder(path, medium, whole=whole)
        if path.is_file() and medium.is_one(str(path)):
            return FileRows(medium, (path.name,), (str(path.resolve()),))
        return _of_table(find_sources(path).train, medium)
    if not isinstance(data, pd.DataFrame) and hasattr(data, "to_pandas"):
        data = data.to_pandas()  # polars
    if isinstance(data, np.ndarray):
        data = data.ravel().tolist()
    if isinstance(data, (pd.Series, list, tuple)):
        return _of_cells(list(data), medium)
    if not isinstance(data, pd.DataFrame):
        raise UnreadableData(
            f"expected a {medium.one}, a folder of {medium.many}, a table that names them, a DataFrame with a "
            f"column '{medium.column}' or a list of paths, got {type(data).__name__}"
        )
    if medium.column in data.columns:
        return _of_cells(list(data[medium.column]), medium)
    frame = data.rename(columns=str)
    raw = as_raw(frame.apply(paths_of_cells) if len(frame) else frame)
    return _of_frame(raw, "the DataFrame", Path.cwd(), medium)


def readable(rows: FileRows) -> tuple[pd.DataFrame, list[str]]:
    """Files → a raw frame in which those that cannot be read are missing, and why.

    Parameters
    ----------
    rows : FileRows

    Returns
    -------
    frame : DataFrame of shape (n_rows, 1)
        With the column of the medium.
    faults : list of str
        ``name: reason`` of each that cannot be read.
    """
    _, broken = rows.medium.scan(list(dict.fromkeys(path for path in rows.paths if path)))
    faults = dict(broken)
    kept = [None if path is None or path in faults else path for path in rows.paths]
    cells = pd.Categorical(np.array([*kept, None], dtype=object)[:-1])
    told = [
        f"{name or 'an empty row'}: {f'no {rows.medium.one} is named' if path is None else faults[path]}"
        for name, path in zip(rows.names, rows.paths, strict=True)
        if path is None or path in faults
    ]
    return pd.DataFrame({rows.medium.column: cells}), told


def take_rows(rows: FileRows, start: int, stop: int) -> FileRows:
    """Cut out the files from ``start`` to before ``stop``."""
    return FileRows(rows.medium, rows.names[start:stop], rows.paths[start:stop])


def _of_folder(folder: Path, medium: Medium, *, whole: bool) -> FileRows:
    tables = [entry for entry in sorted(folder.iterdir()) if entry.is_file() and is_table(entry)]
    tests = [table for table in tables if stem(table).lower() in TEST_NAMES]
    if tests and not whole:
        return _of_table(tests[0], medium)
    listing = list_files(folder, [medium])
    if not listing.files:
        return _of_table(find_sources(folder).train, medium)
    tested = [name for name in listing.files if name.partition("/")[0].lower() in TEST_NAMES]
    names = tuple(listing.files if whole else tested or listing.files)
    notes = [*listing.notes, *(f"{name}: {why}" for name, why in listing.broken)]
    # as in training, masks stand beside their pictures; a folder below them is one of pictures
    held = {place for name in names for place in _places(name, medium.holders)}
    kept = tuple(name for name in names if not held & _places(name, medium.partner_folders))
    if len(kept) < len(names):
        masks = quoted(sorted({*names} - {*kept}), 3)
        notes.append(f"masks beside the {medium.many} were left out: {masks}")
    names = kept
    if tested and not whole and len(tested) < len(listing.files):
        notes.append(f"predicted: {medium.count(len(tested))} of the test folder")
    return FileRows(medium, names, tuple(str(listing.root / name) for name in names), tuple(notes))


def _places(name: str, folders: frozenset[str]) -> set[str]:
    """Where in a relative path folders of these names stand."""
    parts = name.split("/")
    return {"/".join(parts[:i]) for i, part in enumerate(parts[:-1]) if part.lower() in folders}


def _of_table(path: Path, medium: Medium) -> FileRows:
    table = read_table_with_files(path)
    found = _of_frame(table.frame, path.name, path.parent.resolve(), medium)
    return FileRows(medium, found.names, found.paths, table.notes)


def _of_frame(frame: pd.DataFrame, source: str, folder: Path, medium: Medium) -> FileRows:
    column = find_file_column(frame, folder, "test", [medium])
    if column is None:
        raise UnreadableData(
            f"{source} has no column of {medium.many}: expected one of file names, as in training; its columns are "
            f"{', '.join(map(str, frame.columns))}"
        )
    refuse_absent(column, source, folder)
    codes, words = find_levels(frame[column.name])
    names = tuple("" if code < 0 else str(words[code]) for code in codes)
    paths = tuple(None if pd.isna(path) else str(path) for path in column.paths.astype(object))
    return FileRows(medium, names, paths)


def _of_cells(cells: Sequence[object], medium: Medium) -> FileRows:
    """Paths or items in memory."""
    if not len(cells):
        raise UnreadableData(f"there are no {medium.many}: expected at least one path")
    paths: list[str | None] = []
    for cell in cells:
        held = cell_as_path(cell, [medium]) if holds_item(cell, [medium]) else cell
        if isinstance(held, os.PathLike):
            held = os.fspath(held)
        missing = held is None or held is pd.NA or (isinstance(held, float) and np.isnan(held))
        if not missing and not isinstance(held, str):
            raise UnreadableData(
                f"a list of {medium.many} holds a {type(held).__name__}: expected paths or {medium.many} in memory"
            )
        paths.append(os.path.abspath(held) if isinstance(held, str) and held else None)
    names = tuple(
        str(cell) if isinstance(cell, (str, os.PathLike)) else path or ""
        for cell, path in zip(cells, paths, strict=True)
    )
    return FileRows(medium, names, tuple(paths))
