"""Whatever the user wants predictions for → pictures, one row each, in order, none left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.errors import UnreadableData
from advisor.images.embedded import cell_as_path, holds_picture
from advisor.images.files import scan_pictures
from advisor.images.layouts import TEST_NAMES, is_picture, list_pictures
from advisor.tables.folders import find_sources, is_table, stem
from advisor.tables.picture_columns import (
    IMAGE,
    find_picture_column,
    paths_of_cells,
    read_table_with_pictures,
    refuse_absent,
)
from advisor.tables.reading import as_raw


@dataclass(frozen=True)
class PictureRows:
    """Pictures to predict for.

    Attributes
    ----------
    names : tuple of str of length n_rows
        Relative to the folder that was given, or as written in the table.
    paths : tuple of str or None of length n_rows
        Absolute; None where a row names no picture.
    notes : tuple of str
    """

    names: tuple[str, ...]
    paths: tuple[str | None, ...]
    notes: tuple[str, ...] = ()


def picture_rows(data: object) -> PictureRows:
    """Find the pictures of a file, a folder, a table, a frame or a list of paths.

    Parameters
    ----------
    data : path, DataFrame, Series, array or sequence of paths
        A folder stands for its table ``test.*``, else for its folder ``test``, else for all pictures in it, else for
        its one table. A frame needs a column of pictures, such as ``image``.

    Returns
    -------
    PictureRows
        In the order of the table or list, or sorted by name.

    Raises
    ------
    UnreadableData
        If there are no pictures.
    """
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        if path.is_dir():
            return _of_folder(path)
        if path.is_file() and is_picture(str(path)):
            return PictureRows((path.name,), (str(path.resolve()),))
        return _of_table(find_sources(path).train)
    if not isinstance(data, pd.DataFrame) and hasattr(data, "to_pandas"):
        data = data.to_pandas()  # polars
    if isinstance(data, np.ndarray):
        data = data.ravel().tolist()
    if isinstance(data, (pd.Series, list, tuple)):
        return _of_cells(list(data))
    if not isinstance(data, pd.DataFrame):
        raise UnreadableData(
            "expected a picture, a folder of pictures, a table that names them, a DataFrame with a column "
            f"'{IMAGE}' or a list of paths, got {type(data).__name__}"
        )
    if IMAGE in data.columns:
        return _of_cells(list(data[IMAGE]))
    frame = data.rename(columns=str)
    return _of_frame(
        as_raw(frame.apply(paths_of_cells) if len(frame) else frame), "the DataFrame", Path.cwd()
    )


def readable(rows: PictureRows) -> tuple[pd.DataFrame, list[str]]:
    """Pictures → a raw frame in which those that cannot be read are missing, and why.

    Parameters
    ----------
    rows : PictureRows

    Returns
    -------
    frame : DataFrame of shape (n_rows, 1)
        With the column ``image``.
    faults : list of str
        ``name: reason`` of each that cannot be read.
    """
    _, broken = scan_pictures(list(dict.fromkeys(path for path in rows.paths if path)))
    faults = dict(broken)
    kept = [None if path is None or path in faults else path for path in rows.paths]
    frame = pd.DataFrame({IMAGE: pd.Categorical(np.array([*kept, None], dtype=object)[:-1])})
    told = [
        f"{name}: {'no picture is named' if path is None else faults[path]}"
        for name, path in zip(rows.names, rows.paths, strict=True)
        if path is None or path in faults
    ]
    return frame, told


def take_rows(rows: PictureRows, start: int, stop: int) -> PictureRows:
    """Cut out the pictures from ``start`` to before ``stop``."""
    return PictureRows(rows.names[start:stop], rows.paths[start:stop])


def _of_folder(folder: Path) -> PictureRows:
    tables = [entry for entry in sorted(folder.iterdir()) if entry.is_file() and is_table(entry)]
    tests = [table for table in tables if stem(table).lower() in TEST_NAMES]
    if tests:
        return _of_table(tests[0])
    listing = list_pictures(folder)
    if not listing.pictures:
        return _of_table(find_sources(folder).train)
    tested = [name for name in listing.pictures if name.partition("/")[0].lower() in TEST_NAMES]
    names = tuple(tested or listing.pictures)
    if any("/masks/" in f"/{name}" for name in names) and any("/images/" in f"/{n}" for n in names):
        names = tuple(name for name in names if "/masks/" not in f"/{name}")
    notes = [*listing.notes, *(f"{name}: {why}" for name, why in listing.broken)]
    if tested and len(tested) < len(listing.pictures):
        notes.append(f"the {len(tested)} pictures of the test folder are predicted")
    return PictureRows(names, tuple(str(listing.root / name) for name in names), tuple(notes))


def _of_table(path: Path) -> PictureRows:
    table = read_table_with_pictures(path)
    found = _of_frame(table.frame, path.name, path.parent.resolve())
    return PictureRows(found.names, found.paths, table.notes)


def _of_frame(frame: pd.DataFrame, source: str, folder: Path) -> PictureRows:
    column = find_picture_column(frame, folder, "test")
    if column is None:
        raise UnreadableData(
            f"{source} has no column of pictures: expected one of file names, as in training; its columns are "
            f"{', '.join(map(str, frame.columns))}"
        )
    refuse_absent(column, source, folder)
    written = frame[column.name].astype(object)
    names = tuple("" if pd.isna(cell) else str(cell) for cell in written)
    paths = tuple(None if pd.isna(path) else str(path) for path in column.paths.astype(object))
    return PictureRows(names, paths)


def _of_cells(cells: Sequence[object]) -> PictureRows:
    """Paths or pictures in memory."""
    if not len(cells):
        raise UnreadableData("there are no pictures: expected at least one path")
    paths: list[str | None] = []
    for cell in cells:
        held = cell_as_path(cell) if holds_picture(cell) else cell
        if isinstance(held, os.PathLike):
            held = os.fspath(held)
        paths.append(os.path.abspath(held) if isinstance(held, str) and held else None)
    names = tuple(
        str(cell) if isinstance(cell, (str, os.PathLike)) else path or ""
        for cell, path in zip(cells, paths, strict=True)
    )
    return PictureRows(names, tuple(paths))
