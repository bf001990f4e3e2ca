"""A path, a frame, a scikit-learn Bunch or (X, y) → the raw tables of one problem."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import UnreadableData
from advisor.media.layouts import Listing, find_layout, list_files
from advisor.media.medium import Medium
from advisor.tables.columns import Column
from advisor.tables.folders import Sources, find_sources, holds_train
from advisor.tables.media import (
    Collection,
    broken_note,
    collection_of_folder,
    collection_of_tables,
    path_frame,
)
from advisor.tables.media_columns import (
    MASK,
    MEDIA,
    find_file_column,
    paths_of_cells,
    read_table_with_files,
)
from advisor.tables.media_rows import file_rows, readable
from advisor.tables.reading import as_raw, read_table, unique_names
from advisor.tables.text_folders import (
    LABEL,
    TEXT,
    TextFolder,
    holds_items,
    list_texts,
    texts_in_files,
    texts_of_folder,
)
from advisor.tables.texts import mended
from advisor.tasks import Modality


@dataclass(frozen=True)
class Inputs:
    """The raw tables of one problem.

    Attributes
    ----------
    name, source : str
        Of the dataset; ``source`` is the path as given, or ``memory``.
    train : DataFrame
    test, pool : DataFrame or None
    target : tuple of str
        Where the input says which columns are the target ((X, y), Bunch, class folders); else empty.
    notes : tuple of str
    modality : Modality
    medium : Medium or None
        What the rows are files of; the features are its column and, where ``masked``, ``mask``. None for tables.
    named_classes : bool
        Whether the target's cells are names of folders: classes exactly as they are written, whatever they look like.
    class_source : str
        Whose names these are: ``folder`` or ``file``.
    schema : tuple of Column
        Of a problem of texts, once it is known to be one; else empty.
    judged : tuple of Column
        Columns whose kinds were judged on all rows of ``train``.
    masked : bool
        Whether pictures have masks.
    broken : tuple of str
        ``name: reason`` of files that cannot be read.
    """

    name: str
    source: str
    train: pd.DataFrame
    test: pd.DataFrame | None = None
    pool: pd.DataFrame | None = None
    target: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    modality: Modality = Modality.TABULAR
    medium: Medium | None = None
    named_classes: bool = False
    class_source: str = "folder"
    schema: tuple[Column, ...] = ()
    judged: tuple[Column, ...] = ()
    masked: bool = False
    broken: tuple[str, ...] = ()


def gather(data: object, unlabeled: object = None, name: str | None = None) -> Inputs:
    """Whatever the user gave → raw tables with distinct column names.

    Parameters
    ----------
    data : path, DataFrame (pandas or polars), Bunch, or tuple (X, y)
        The problem.
    unlabeled : path, DataFrame or None
        Rows without a target; they replace the folder's own.
    name : str or None
        The dataset's name; None takes the file's or folder's.

    Returns
    -------
    Inputs

    Raises
    ------
    UnreadableData
        If it is none of these, or cannot be read.
    """
    if isinstance(data, (str, os.PathLike)):
        inputs = _from_path(Path(data), skip_pool=unlabeled is not None)
    elif isinstance(data, tuple) and len(data) == 2:
        inputs = _or_files(_from_pair(data[0], data[1]), Path.cwd())
    elif not isinstance(data, pd.DataFrame) and hasattr(data, "data") and hasattr(data, "target"):
        # a DataFrame has the columns that are called so as attributes, and is no Bunch for that
        inputs = _from_bunch(data)
    else:
        frame, notes = as_frame(data)
        inputs = _or_files(Inputs("data", "memory", frame, notes=tuple(notes)), Path.cwd())
    pool, notes, medium = inputs.pool, list(inputs.notes), inputs.medium
    if unlabeled is not None and medium is not None:
        frame, faults = readable(rows := file_rows(unlabeled, medium, whole=True))
        notes.extend(rows.notes)
        pool = frame.dropna().reset_index(drop=True)
        if inputs.masked:
            pool[MASK] = path_frame([None] * len(pool), MASK)[MASK]
        if faults:
            inputs = replace(inputs, broken=(*inputs.broken, *faults))
            notes.append(broken_note(faults, medium))
    elif unlabeled is not None:
        pool, said = as_frame(unlabeled, list(inputs.train.columns))
        notes.extend(said)
    return replace(inputs, name=name or inputs.name, pool=pool, notes=tuple(notes))


def as_frame(data: object, known: Sequence[str] = ()) -> tuple[pd.DataFrame, list[str]]:
    """Read a path or a frame-like value → raw frame with distinct ``str`` column names, and notes.

    Parameters
    ----------
    data : path, pandas DataFrame, polars DataFrame, or array of shape (n_rows, n_columns)
    known : sequence of str, the names of columns by which a file's header is told from its rows

    Returns
    -------
    frame : DataFrame
        With the dtypes of :func:`advisor.tables.reading.as_raw`.
    notes : list of str

    Raises
    ------
    UnreadableData
        If it is none of these.
    """
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        sources, refusal = _find(path)
        if sources is not None:
            table = read_table(sources.train, known)
            return table.frame, list(table.notes)
        texts = texts_in_files(path) if path.is_dir() else None
        if texts is None:
            raise refusal or UnreadableData(f"{path} holds nothing to read")
        return texts.frame, list(texts.notes)
    said: list[str] = []
    if isinstance(data, (list, tuple)) and data and all(isinstance(cell, str) for cell in data):
        made, said = mended(data)
        data = pd.DataFrame({TEXT: made})
    if isinstance(data, np.ndarray) and data.ndim == 2:
        data = pd.DataFrame(data, columns=[f"c{i}" for i in range(1, data.shape[1] + 1)])
    elif not isinstance(data, pd.DataFrame) and hasattr(data, "to_pandas"):
        data = data.to_pandas()  # polars, arrow
    if isinstance(data, pd.Series):
        data = data.to_frame(TEXT if data.name is None else data.name)
    if not isinstance(data, pd.DataFrame):
        raise UnreadableData(
            f"expected a path, a pandas or polars DataFrame, a Bunch or (X, y), got {type(data).__name__}"
        )
    if not len(data):
        raise UnreadableData("the DataFrame has no rows: expected at least one")
    names, notes = unique_names(list(data.columns))
    named = data.set_axis(names, axis=1)
    cells = {name: paths_of_cells(named[name]) for name in names}
    return as_raw(named.assign(**cells)), [*notes, *said]


def _from_path(path: Path, skip_pool: bool) -> Inputs:
    """A file or folder: class folders, tables of files, or tables."""
    sources, refusal = _find(path)
    listing = None
    if path.is_dir() and not (sources and holds_train(sources)):
        listing = list_files(path, MEDIA)
        layout = find_layout(listing)
        if layout is not None and (
            layout.is_labelled or (sources is None and layout.kind != "flat")
        ):
            name = path.resolve().name
            return _of_collection(
                Inputs(name, str(path), pd.DataFrame(), notes=_unread_tables(sources)),
                collection_of_folder(layout, listing, name),
            )
        written = list_texts(path)
        texts = texts_of_folder(written) if sources is None or layout is None else None
        if texts is not None:
            return _of_texts(path, texts, sources)
        if layout is not None and sources is None:
            raise UnreadableData(_unlabelled(path, listing))
        if sources is None and holds_items(written):
            raise UnreadableData(_unlabelled(path, written))
    if sources is None:
        raise refusal or UnreadableData(f"{path} holds nothing to read")
    one = next((medium.one for medium in MEDIA if path.is_file() and medium.is_one(str(path))), "")
    if one:
        raise UnreadableData(f"{path} is one {one}: expected the folder that it and others lie in")
    tables = _read_tables(sources, path, skip_pool)
    folder = (path if path.is_dir() else path.parent).resolve()
    if path.is_dir() and listing is None:
        named = find_file_column(tables.train, folder, "train")
        listing = None if named is None else list_files(path, [named.medium])
    return _or_files(tables, folder, listing)


def _find(path: Path) -> tuple[Sources | None, UnreadableData | None]:
    """Find the tables of a path, or why there are none: it may hold other files instead."""
    try:
        return find_sources(path), None
    except UnreadableData as refusal:
        return None, refusal


def _read_tables(sources: Sources, path: Path, skip_pool: bool) -> Inputs:
    train = read_table_with_files(sources.train)
    known, notes = list(train.frame.columns), [*sources.notes, *train.notes]
    test = read_table_with_files(sources.test, known) if sources.test else None
    pool = None if skip_pool or not sources.pool else read_table_with_files(sources.pool, known)
    for table in (test, pool):
        if table is not None:
            notes.extend(note for note in table.notes if note not in notes)
    return Inputs(
        sources.name,
        str(path),
        train.frame,
        None if test is None else test.frame,
        None if pool is None else pool.frame,
        notes=tuple(notes),
    )


def _or_files(inputs: Inputs, folder: Path, listing: Listing | None = None) -> Inputs:
    """The same problem as one of files, where a column names files."""
    collection = collection_of_tables(
        inputs.train, inputs.test, inputs.pool, inputs.name, folder, listing
    )
    return inputs if collection is None else _of_collection(inputs, collection)


def _of_collection(inputs: Inputs, collection: Collection) -> Inputs:
    return replace(
        inputs,
        train=collection.train,
        test=collection.test,
        pool=collection.pool,
        target=collection.target or inputs.target,
        notes=(*inputs.notes, *collection.notes),
        modality=collection.medium.modality,
        medium=collection.medium,
        named_classes=collection.named_classes,
        masked=collection.masked,
        broken=collection.broken,
    )


def _of_texts(path: Path, texts: TextFolder, sources: Sources | None) -> Inputs:
    return Inputs(
        path.resolve().name,
        str(path),
        texts.train,
        texts.test,
        texts.pool,
        target=(LABEL,),
        notes=(*_unread_tables(sources), *texts.notes),
        modality=Modality.TEXT,
        named_classes=True,
        class_source=texts.source,
        broken=texts.broken,
    )


def _unread_tables(sources: Sources | None) -> tuple[str, ...]:
    """Say that a table beside class folders is not what they are labelled by."""
    if sources is None:
        return ()
    return (
        f"the class folders give the labels; the table {sources.train.name} beside them was not read (point "
        "at it to read it instead)",
    )


def _unlabelled(path: Path, listing: Listing) -> str:
    medium, n_files = listing.medium, len(listing.files)
    held = (
        f"1 {medium.one} and nothing that says what it is"
        if n_files == 1
        else f"{n_files} {medium.many} and nothing that says what they are"
    )
    masks = ", or the folders images/ and masks/" if medium.pair else ""
    if medium.modality is Modality.TEXT:
        return (
            f"{path} holds {held}: expected a folder for each class (train/<class>/), a file of lines for each class "
            "(<class>.txt), or a table of texts and labels"
        )
    return (
        f"{path} holds {held}: expected a folder for each class (train/<class>/), or a table with a column of file "
        f"names and one of labels (labels.csv){masks}"
    )


def _from_pair(X: object, y: object, source: str = "memory") -> Inputs:
    """Features and target held apart."""
    said: list[str] = []
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], (str, os.PathLike)):
        first = os.fspath(X[0])
        medium = next((medium for medium in MEDIA if medium.ends_like(first)), None)
        column = medium.column if medium else "image" if os.path.isfile(first) else TEXT
        cells = [os.fspath(cell) for cell in X]
        if column == TEXT:
            cells, said = mended(cells)
        X = pd.DataFrame({column: cells})
    frame, notes = as_frame(X)
    labels = _target_frame(y, list(frame.columns))
    if len(labels) != len(frame):
        raise UnreadableData(
            f"X has {len(frame)} rows but y has {len(labels)}: expected as many of each"
        )
    train = pd.concat([frame, labels], axis=1)
    return Inputs("data", source, train, target=tuple(labels.columns), notes=(*notes, *said))


def _target_frame(y: object, taken: Sequence[str]) -> pd.DataFrame:
    """Bring a target of any array-like type as columns that no feature is called by."""
    if hasattr(y, "to_pandas"):
        y = y.to_pandas()
    if isinstance(y, pd.Series):
        name = "target" if y.name is None else str(y.name)
        frame = y.reset_index(drop=True).to_frame(name)
    elif isinstance(y, pd.DataFrame):
        frame = y.reset_index(drop=True).rename(columns=str)
    else:
        array: NDArray[np.generic] = np.asarray(y if isinstance(y, np.ndarray) else _listed(y))
        if array.ndim not in (1, 2):
            raise UnreadableData(f"y has {array.ndim} dimensions: expected 1 or 2")
        if array.size == len(array):
            frame = pd.DataFrame({"target": array.ravel()})
        else:
            frame = pd.DataFrame(array, columns=[f"y{i}" for i in range(1, array.shape[1] + 1)])
    features = set(taken)
    free = [f"{name}.y" if name in features else name for name in frame.columns]
    return as_raw(frame.set_axis(unique_names(free)[0], axis=1))


def _listed(y: object) -> NDArray[np.generic]:
    """Hold a sequence of cells as an array that keeps each cell as it is."""
    if not isinstance(y, Sequence) or isinstance(y, str):
        raise UnreadableData(f"expected an array, a Series or a list as y, got {type(y).__name__}")
    cells = list(y)
    return np.asarray(cells) if _is_indicator(cells) else pd.Series(cells).to_numpy()


def _is_indicator(rows: Sequence[Any]) -> bool:
    """Whether rows are 0 or 1 for each label, and no lists of labels, in which none is named twice."""
    if not all(isinstance(row, (list, tuple, np.ndarray)) for row in rows):
        return False
    plain = (int, float, np.number, np.bool_)
    flags = [[isinstance(cell, plain) and cell in (0, 1) for cell in row] for row in rows]
    same_length = len({len(row) for row in rows}) == 1
    return same_length and all(map(all, flags)) and any(len(set(row)) < len(row) for row in rows)


def _from_bunch(bunch: object) -> Inputs:
    """Take apart a scikit-learn Bunch, its class numbers written as their names."""
    features, target = bunch.data, bunch.target  # type: ignore[attr-defined]
    if isinstance(features, np.ndarray) and features.ndim == 2:
        named = getattr(bunch, "feature_names", None)
        if named is not None and len(named) == features.shape[1]:
            features = pd.DataFrame(features, columns=[str(name) for name in named])
    classes = getattr(bunch, "target_names", None)
    codes = np.asarray(target)
    if classes is not None and codes.ndim == 1 and codes.dtype.kind in "iu":
        names = np.asarray(classes, dtype=str)
        if codes.min() >= 0 and codes.max() < len(names):
            index = getattr(target, "name", None) or "target"
            target = pd.Series(names[codes], name=str(index))
    return _from_pair(features, target)
