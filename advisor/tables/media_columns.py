"""A table of which one column names or holds files, as pictures are → the same table with a column of their paths."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from advisor.errors import UnreadableData, quoted
from advisor.images.medium import PICTURES
from advisor.media.embedded import cell_as_path, holds_item
from advisor.media.medium import Medium
from advisor.sounds.medium import SOUNDS
from advisor.tables.arrow_frames import frame_from_arrow
from advisor.tables.columns import Column, ColumnKind
from advisor.tables.kinds import evenly_spaced, tokens
from advisor.tables.levels import MISSING_MARKS, find_levels
from advisor.tables.reading import Table, read_table, unique_names

MEDIA = (PICTURES, SOUNDS)
"""The kinds of files that a table may name or hold."""

MASK = "mask"
"""The column of a picture's mask."""

LOOKED_AT = 200
"""Distinct cells by whose endings a column is judged to name files (our choice)."""

NAMES_SHARE = 0.9
"""Fraction of these that must end like a file of the medium (our choice: a few cells may be wrong)."""

MOST_FOLDERS = 200
"""Folders beside a table that are searched for the files it names (our choice)."""

PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True)
class FileColumn:
    """The column that names files of a medium, and where they are.

    Attributes
    ----------
    medium : Medium
    name : str
        As the table calls it.
    paths : Series of str of shape (n_rows,)
        Absolute paths, also of files that do not exist; missing where the cell is empty.
    n_found : int
        How many of the distinct files exist.
    missing : tuple of str
        Cells, as written, whose file does not exist.
    by_ending : bool
        Whether the cells end like files of the medium; else they are names without an ending.
    """

    medium: Medium
    name: str
    paths: pd.Series
    n_found: int
    missing: tuple[str, ...]
    by_ending: bool = True


def find_file_column(
    frame: pd.DataFrame,
    folder: Path,
    prefer: str = "",
    media: Sequence[Medium] = MEDIA,
    like: str = "",
) -> FileColumn | None:
    """Find the column of a raw table that names files.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`advisor.tables.reading.as_raw` makes it.
    folder : Path
        What relative paths start from; files are also looked for one and two folders below.
    prefer : str
        Name of the sub-folder that counts where several have a file of that name (``train`` for train.csv).
    media : sequence of Medium
        What the files may be.
    like : str
        Name of the column in another table of the same data: it counts where its files exist.

    Returns
    -------
    FileColumn or None
        The first whose cells end like files that exist; else the one that numbers most of them, for a class or a
        person numbers few; else the first whose cells look like file names; None where there is none.
    """
    finders = [_Finder(folder, prefer, medium) for medium in media]
    best, order = None, (0, 0)
    for name in sorted(frame.columns, key=lambda name: name != like):
        for finder in finders:
            if isinstance(frame[name].dtype, np.dtype) and not finder.is_named(str(name)):
                continue
            column = _as_files(str(name), frame[name], finder)
            if column is None:
                continue
            if column.n_found and (column.by_ending or name == like):
                return column
            found = (2, column.n_found) if column.n_found else (1, 0)
            if found > order:
                best, order = column, found
    return best


def medium_of(columns: Sequence[Column]) -> Medium | None:
    """Find out what kind of files the rows of a schema are.

    Parameters
    ----------
    columns : sequence of Column

    Returns
    -------
    Medium or None
        None for tables and texts.
    """
    kinds = {column.kind for column in columns}
    return next((medium for medium in MEDIA if ColumnKind(medium.modality) in kinds), None)


def use_file_column(frame: pd.DataFrame, column: FileColumn) -> pd.DataFrame:
    """Put the paths of a table's files first, in a column called as their medium says, such as ``image``.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    column : FileColumn
        Of this frame.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Another column that is called so has ``.2`` behind its name.
    """
    name = column.medium.column
    rest = frame.drop(columns=column.name).rename(columns={name: f"{name}.2"})
    return pd.concat([column.paths.rename(name), rest], axis=1)


def paths_of_cells(series: pd.Series) -> pd.Series:
    """Write items that are held in the cells of a column → their paths; other columns stay as they are.

    Parameters
    ----------
    series : Series of shape (n_rows,)
        Of objects: bytes, ``{"bytes", "path"}``, pictures of PIL, paths; or anything else.

    Returns
    -------
    Series of shape (n_rows,)
    """
    if series.dtype != object:
        return series
    # the first may be empty or broken
    first = series.dropna().iloc[:LOOKED_AT]
    if not any(holds_item(cell, MEDIA) or isinstance(cell, os.PathLike) for cell in first):
        return series
    return series.map(lambda cell: cell_as_path(cell, MEDIA))


def read_table_with_files(path: Path, names: Collection[str] = ()) -> Table:
    """Read a table as :func:`advisor.tables.reading.read_table` does; files in Parquet cells become paths.

    Parameters
    ----------
    path : Path
        A table in any format; Parquet columns of ``{bytes, path}`` or of a file's bytes are written to the cache.
    names : collection of str
        As ``read_table``.

    Returns
    -------
    Table

    Raises
    ------
    UnreadableData
        As ``read_table``.
    """
    if not path.name.lower().endswith(PARQUET_SUFFIXES):
        return read_table(path, names)
    try:
        with parquet.ParquetFile(path) as file:
            held = [field.name for field in file.schema_arrow if _may_hold_files(field.type)]
            held = [name for name in held if _holds_files(file, name)]
            if not held:
                return read_table(path)
            return _unpack(file, held)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, UnreadableData):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UnreadableData(f"{path.name} is not a readable Parquet file: {reason}") from None


def refuse_absent(column: FileColumn, source: str, folder: Path) -> None:
    """Raise UnreadableData where none of the files that a table names exists; the first are named."""
    if not column.n_found:
        raise UnreadableData(
            f"{source} names {len(column.missing)} {column.medium.many} in column '{column.name}', and none of them "
            f"exists: {quoted(column.missing, 3)}. Expected paths that are absolute or start from {folder}."
        )


class _Finder:
    """Looks up what a table calls a file."""

    def __init__(self, folder: Path, prefer: str, medium: Medium) -> None:
        self.folder, self.prefer, self.medium = folder, prefer, medium
        self._by_name: dict[str, list[str]] | None = None

    def is_named(self, column: str) -> bool:
        """Whether a column is called like one of files."""
        return bool(tokens(column) & self.medium.named)

    def find(self, word: str) -> tuple[str, bool]:
        """Path of one file, and whether it exists."""
        direct = os.path.join(self.folder, word)
        if os.path.isfile(direct):
            return direct, True
        if "\\" in word:
            return self.find(word.replace("\\", "/"))
        known = self._names().get(word, [])
        if len(known) > 1:
            preferred = [
                p for p in known if f"{os.sep}{self.prefer}{os.sep}" in p[len(str(self.folder)) :]
            ]
            known = preferred if self.prefer else known
        return (known[0], True) if len(known) == 1 else (direct, False)

    def names_one(self, word: str) -> bool:
        """Whether a word stands for a file that exists and is not plainly one of another medium."""
        path, there = self.find(word)
        others = (medium for medium in MEDIA if medium is not self.medium)
        return there and not any(medium.is_one(path) for medium in others)

    def _names(self) -> dict[str, list[str]]:
        """Names and stems of the files in the folders near the table, listed when first needed."""
        if self._by_name is None:
            self._by_name = {}
            for place in _near(self.folder):
                for name in _names_in(place):
                    if self.medium.is_one(os.path.join(place, name)):
                        for key in {name, os.path.splitext(name)[0], f"{place.name}/{name}"}:
                            self._by_name.setdefault(key, []).append(str(place / name))
        return self._by_name


def _near(folder: Path) -> list[Path]:
    """The folder, those in it, and those in these; hidden ones and links left out."""
    found, level = [folder], [folder]
    for _ in range(2):
        level = [
            place / name
            for place in level
            for name in _names_in(place)
            if not name.startswith(".")
            and (place / name).is_dir()
            and not (place / name).is_symlink()
        ]
        found.extend(level)
        if len(found) > MOST_FOLDERS:
            break
    return found[:MOST_FOLDERS]


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _as_files(name: str, series: pd.Series, finder: _Finder) -> FileColumn | None:
    """One column as a column of files, or None where it is none."""
    few = _some_words(series)
    if not len(few):
        return None
    by_ending = np.mean([_ends_like(word, finder.medium) for word in few]) >= NAMES_SHARE
    if not by_ending and not finder.is_named(name):
        return None
    if not by_ending and np.mean([finder.names_one(word) for word in few]) < NAMES_SHARE:
        return None
    codes, words = find_levels(series)
    found = [finder.find(word) for word in words]
    places = pd.Series([*(path for path, _ in found), None], dtype="object")
    paths = pd.Series(pd.Categorical(places.to_numpy()[codes]))
    missing = tuple(word for word, (_, there) in zip(words, found, strict=True) if not there)
    n_found = len(found) - len(missing)
    return FileColumn(finder.medium, name, paths, n_found, missing, bool(by_ending))


def _some_words(series: pd.Series) -> list[str]:
    """A few cells by which to judge a column, without looking at a million."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        words = series.cat.categories
        some = [str(word).strip() for word in words[evenly_spaced(len(words), LOOKED_AT)]]
        return [word for word in some if word not in MISSING_MARKS]
    return list(find_levels(series.iloc[evenly_spaced(len(series), LOOKED_AT)])[1])


def _ends_like(word: str, medium: Medium) -> bool:
    return medium.ends_like(word.strip()) and "://" not in word


def _may_hold_files(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return {kind.field(i).name for i in range(kind.num_fields)} == {"bytes", "path"}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _holds_files(file: parquet.ParquetFile, name: str) -> bool:
    """Whether one of the first cells of a column that are not empty holds a file; the very first may be broken."""
    seen = 0
    for batch in file.iter_batches(batch_size=16, columns=[name]):
        cells = [cell for cell in batch.column(0).to_pylist() if cell is not None]
        if any(holds_item(cell, MEDIA) for cell in cells):
            return True
        seen += len(cells)
        if seen >= LOOKED_AT:
            break
    return False


def _unpack(file: parquet.ParquetFile, held: Sequence[str]) -> Table:
    """Write the files of some columns, a few rows at a time, and read the other columns."""
    columns: dict[str, pa.Array] = {}
    for name in held:
        paths: list[str | None] = []
        for batch in file.iter_batches(batch_size=64, columns=[name]):
            paths.extend(cell_as_path(cell, MEDIA) for cell in batch.column(0).to_pylist())
        columns[name] = pa.array(paths, pa.string())
    others = [name for name in file.schema_arrow.names if name not in held]
    table = file.read(columns=others)
    for place, name in enumerate(file.schema_arrow.names):
        if name in columns:
            table = table.add_column(min(place, table.num_columns), name, columns[name])
    names, notes = unique_names(table.column_names)
    frame = frame_from_arrow(table.rename_columns(names))
    for name, words in _class_names(file.schema_arrow).items():
        if name in frame and frame[name].dtype.kind in "iuf":
            codes = frame[name].where(frame[name].between(0, len(words) - 1), -1).astype(int)
            frame[name] = pd.Categorical.from_codes(codes, categories=pd.Index(words, dtype="str"))
            notes.append(
                f"the numbers of '{name}' are written as the class names that the file gives"
            )
    return Table(frame, tuple(notes))


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of the classes that numbers in a column stand for, as the ``datasets`` library notes them."""
    try:
        about = json.loads((schema.metadata or {})[b"huggingface"])
        features = about["info"]["features"].items()
        named = {name: kind["names"] for name, kind in features if "names" in kind}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
    return {name: words for name, words in named.items() if len(set(words)) == len(words) > 1}
