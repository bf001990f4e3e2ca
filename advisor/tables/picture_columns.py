"""A table of which one column names or holds pictures → the same table with a column of their paths."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from advisor.errors import UnreadableData, quoted
from advisor.images.embedded import cell_as_path, holds_picture
from advisor.images.layouts import SUFFIXES, is_picture
from advisor.tables.kinds import evenly_spaced, tokens
from advisor.tables.levels import MISSING_MARKS, find_levels
from advisor.tables.reading import Table, frame_from_arrow, read_table, unique_names

IMAGE = "image"
"""What the column of paths is called from here on, whatever it was called in the file."""

MASK = "mask"

NAMED_PICTURE = frozenset(
    {"image", "img", "picture", "photo", "file", "filename", "path", "filepath", "id"}
)
"""Parts of a column name for which a cell without a picture's ending is looked up as a file's stem, too."""

LOOKED_AT = 200
"""Distinct cells by whose endings a column is judged to name pictures (our choice)."""

NAMES_SHARE = 0.9
"""Fraction of these that must end like a picture (our choice: a few cells may be wrong)."""

MOST_FOLDERS = 200
"""Folders beside a table that are searched for the pictures it names (our choice)."""

PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True)
class PictureColumn:
    """The column that names pictures, and where they are.

    Attributes
    ----------
    name : str
        As the table calls it.
    paths : Series of str of shape (n_rows,)
        Absolute paths, also of files that do not exist; missing where the cell is empty.
    n_found : int
        How many of the distinct files exist.
    missing : tuple of str
        Cells, as written, whose file does not exist.
    """

    name: str
    paths: pd.Series
    n_found: int
    missing: tuple[str, ...]


def find_picture_column(
    frame: pd.DataFrame, folder: Path, prefer: str = ""
) -> PictureColumn | None:
    """Find the column of a raw table that names pictures.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`advisor.tables.reading.as_raw` makes it.
    folder : Path
        What relative paths start from; pictures are also looked for one and two folders below.
    prefer : str
        Name of the sub-folder that counts where several have a picture of that name (``train`` for train.csv).

    Returns
    -------
    PictureColumn or None
        The first whose files exist, else the first whose cells look like file names; None where there is neither.
    """
    finder = _Finder(folder, prefer)
    best = None
    for name in frame.columns:
        if isinstance(frame[name].dtype, np.dtype) and not _named_like_picture(str(name)):
            continue
        column = _as_pictures(str(name), frame[name], finder)
        if column is not None and column.n_found:
            return column
        best = best or column
    return best


def use_picture_column(frame: pd.DataFrame, column: PictureColumn) -> pd.DataFrame:
    """Put the paths of a table's pictures first, in a column called ``image``.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    column : PictureColumn
        Of this frame.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Another column that is called ``image`` is now ``image.2``.
    """
    rest = frame.drop(columns=column.name).rename(columns={IMAGE: f"{IMAGE}.2"})
    return pd.concat([column.paths.rename(IMAGE), rest], axis=1)


def paths_of_cells(series: pd.Series) -> pd.Series:
    """Write pictures that are held in the cells of a column → their paths; other columns stay as they are.

    Parameters
    ----------
    series : Series of shape (n_rows,)
        Of objects: bytes, ``{"bytes", "path"}``, PIL pictures or paths; or anything else.

    Returns
    -------
    Series of shape (n_rows,)
    """
    if series.dtype != object:
        return series
    present = series.dropna()
    if not len(present) or not (
        holds_picture(present.iloc[0]) or isinstance(present.iloc[0], os.PathLike)
    ):
        return series
    return series.map(cell_as_path)


def read_table_with_pictures(path: Path) -> Table:
    """Read a table as :func:`advisor.tables.reading.read_table` does; pictures in Parquet cells become paths.

    Parameters
    ----------
    path : Path
        A table in any format; Parquet columns of ``{bytes, path}`` or of a picture's bytes are written to the cache.

    Returns
    -------
    Table

    Raises
    ------
    UnreadableData
        As ``read_table``.
    """
    if not path.name.lower().endswith(PARQUET_SUFFIXES):
        return read_table(path)
    try:
        with parquet.ParquetFile(path) as file:
            held = [field.name for field in file.schema_arrow if _may_hold_pictures(field.type)]
            held = [name for name in held if _first_holds_picture(file, name)]
            if not held:
                return read_table(path)
            return _unpack(file, held)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, UnreadableData):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UnreadableData(f"{path.name} is not a readable Parquet file: {reason}") from None


def refuse_absent(column: PictureColumn, source: str, folder: Path) -> None:
    """Raise UnreadableData where none of the pictures that a table names exists; the first are named."""
    if not column.n_found:
        raise UnreadableData(
            f"{source} names {len(column.missing)} pictures in column '{column.name}', and none of them "
            f"exists: {quoted(column.missing, 3)}. Expected paths that are absolute or start from {folder}."
        )


class _Finder:
    """Looks up what a table calls a picture."""

    def __init__(self, folder: Path, prefer: str) -> None:
        self.folder, self.prefer = folder, prefer
        self._by_name: dict[str, list[str]] | None = None

    def find(self, word: str) -> tuple[str, bool]:
        """Path of one picture, and whether it exists."""
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

    def _names(self) -> dict[str, list[str]]:
        """Names and stems of the pictures in the folders near the table, listed when first needed."""
        if self._by_name is None:
            self._by_name = {}
            for place in _near(self.folder):
                for name in _names_in(place):
                    if is_picture(os.path.join(place, name)):
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


def _named_like_picture(name: str) -> bool:
    return bool(tokens(name) & NAMED_PICTURE)


def _as_pictures(name: str, series: pd.Series, finder: _Finder) -> PictureColumn | None:
    """One column as a column of pictures, or None where it is none."""
    few = _some_words(series)
    if not len(few):
        return None
    by_ending = np.mean([_ends_like_picture(word) for word in few]) >= NAMES_SHARE
    if not by_ending and not _named_like_picture(name):
        return None
    if not by_ending and np.mean([finder.find(word)[1] for word in few]) < NAMES_SHARE:
        return None
    codes, words = find_levels(series)
    found = [finder.find(word) for word in words]
    places = pd.Series([*(path for path, _ in found), None], dtype="object")
    paths = pd.Series(pd.Categorical(places.to_numpy()[codes]))
    missing = tuple(word for word, (_, there) in zip(words, found, strict=True) if not there)
    return PictureColumn(name, paths, len(found) - len(missing), missing)


def _some_words(series: pd.Series) -> list[str]:
    """A few cells by which to judge a column, without looking at a million."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        words = series.cat.categories
        some = [str(word).strip() for word in words[evenly_spaced(len(words), LOOKED_AT)]]
        return [word for word in some if word not in MISSING_MARKS]
    return list(find_levels(series.iloc[evenly_spaced(len(series), LOOKED_AT)])[1])


def _ends_like_picture(word: str) -> bool:
    return os.path.splitext(word.strip())[1].lower() in SUFFIXES and "://" not in word


def _may_hold_pictures(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return {kind.field(i).name for i in range(kind.num_fields)} == {"bytes", "path"}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _first_holds_picture(file: parquet.ParquetFile, name: str) -> bool:
    """Whether the first cell of a column that is not empty holds a picture."""
    for batch in file.iter_batches(batch_size=16, columns=[name]):
        for cell in batch.column(0).to_pylist():
            if cell is not None:
                return holds_picture(cell)
    return False


def _unpack(file: parquet.ParquetFile, held: Sequence[str]) -> Table:
    """Write the pictures of some columns, a few rows at a time, and read the other columns."""
    columns: dict[str, pa.Array] = {}
    for name in held:
        paths: list[str | None] = []
        for batch in file.iter_batches(batch_size=64, columns=[name]):
            paths.extend(cell_as_path(cell) for cell in batch.column(0).to_pylist())
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
