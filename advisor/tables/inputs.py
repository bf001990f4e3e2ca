"""A path, a frame, a scikit-learn Bunch or (X, y) → the raw tables of one problem."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import UnreadableData
from advisor.images.layouts import Listing, find_layout, is_picture, list_pictures
from advisor.tables.folders import Sources, find_sources, holds_train
from advisor.tables.picture_columns import (
    IMAGE,
    MASK,
    find_picture_column,
    paths_of_cells,
    read_table_with_pictures,
)
from advisor.tables.picture_rows import picture_rows, readable
from advisor.tables.pictures import (
    Gallery,
    broken_note,
    gallery_of_folder,
    gallery_of_tables,
    path_frame,
)
from advisor.tables.reading import as_raw, read_table, unique_names
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
        Of pictures, the features are the columns ``image`` and, where ``masked``, ``mask``.
    named_classes : bool
        Whether the target's cells are names of folders: classes exactly as they are written, whatever they look like.
    masked : bool
        Whether pictures have masks.
    broken : tuple of str
        ``name: reason`` of files that cannot be read as pictures.
    """

    name: str
    source: str
    train: pd.DataFrame
    test: pd.DataFrame | None = None
    pool: pd.DataFrame | None = None
    target: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    modality: Modality = Modality.TABULAR
    named_classes: bool = False
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
        inputs = _or_pictures(_from_pair(data[0], data[1]), Path.cwd())
    elif hasattr(data, "data") and hasattr(data, "target"):
        inputs = _from_bunch(data)
    else:
        frame, notes = as_frame(data)
        inputs = _or_pictures(Inputs("data", "memory", frame, notes=tuple(notes)), Path.cwd())
    pool, notes = inputs.pool, list(inputs.notes)
    if unlabeled is not None and inputs.modality is Modality.IMAGE:
        frame, faults = readable(picture_rows(unlabeled))
        pool = frame.dropna().reset_index(drop=True)
        if inputs.masked:
            pool[MASK] = path_frame([None] * len(pool))[IMAGE]
        if faults:
            inputs = replace(inputs, broken=(*inputs.broken, *faults))
            notes.append(broken_note(faults))
    elif unlabeled is not None:
        pool, said = as_frame(unlabeled)
        notes.extend(said)
    return replace(inputs, name=name or inputs.name, pool=pool, notes=tuple(notes))


def as_frame(data: object) -> tuple[pd.DataFrame, list[str]]:
    """Read a path or a frame-like value → raw frame with distinct ``str`` column names, and notes.

    Parameters
    ----------
    data : path, pandas DataFrame, polars DataFrame, or array of shape (n_rows, n_columns)

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
        if path.is_dir():
            path = find_sources(path).train
        table = read_table(path)
        return table.frame, list(table.notes)
    if isinstance(data, np.ndarray) and data.ndim == 2:
        data = pd.DataFrame(data, columns=[f"c{i}" for i in range(1, data.shape[1] + 1)])
    elif not isinstance(data, pd.DataFrame) and hasattr(data, "to_pandas"):
        data = data.to_pandas()  # polars, arrow
    if isinstance(data, pd.Series):
        data = data.to_frame()
    if not isinstance(data, pd.DataFrame):
        raise UnreadableData(
            f"expected a path, a pandas or polars DataFrame, a Bunch or (X, y), got "
            f"{type(data).__name__}"
        )
    if not len(data):
        raise UnreadableData("the DataFrame has no rows: expected at least one")
    names, notes = unique_names(list(data.columns))
    named = data.set_axis(names, axis=1)
    return as_raw(named.assign(**{name: paths_of_cells(named[name]) for name in names})), notes


def _from_path(path: Path, skip_pool: bool) -> Inputs:
    """A file or folder: class folders, tables of pictures, or tables."""
    sources, refusal = _find(path)
    listing = None
    if path.is_dir() and not (sources and holds_train(sources)):
        listing = list_pictures(path)
        layout = find_layout(listing)
        if layout is not None and (
            layout.is_labelled or (sources is None and layout.kind != "flat")
        ):
            name = path.resolve().name
            return _of_gallery(
                Inputs(name, str(path), pd.DataFrame(), notes=_unread_tables(sources)),
                gallery_of_folder(layout, listing, name),
            )
        if layout is not None and sources is None:
            raise UnreadableData(_unlabelled(path, len(listing.pictures)))
    if sources is None:
        raise refusal or UnreadableData(f"{path} holds nothing to read")
    if path.is_file() and is_picture(str(path)):
        raise UnreadableData(
            f"{path} is one picture: expected the folder that it and others lie in"
        )
    tables = _read_tables(sources, path, skip_pool)
    folder = (path if path.is_dir() else path.parent).resolve()
    if path.is_dir() and listing is None and find_picture_column(tables.train, folder, "train"):
        listing = list_pictures(path)
    return _or_pictures(tables, folder, listing)


def _find(path: Path) -> tuple[Sources | None, UnreadableData | None]:
    """Find the tables of a path, or why there are none: it may hold pictures instead."""
    try:
        return find_sources(path), None
    except UnreadableData as refusal:
        return None, refusal


def _read_tables(sources: Sources, path: Path, skip_pool: bool) -> Inputs:
    train = read_table_with_pictures(sources.train)
    notes = [*sources.notes, *train.notes]
    test = read_table_with_pictures(sources.test) if sources.test else None
    pool = read_table_with_pictures(sources.pool) if sources.pool and not skip_pool else None
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


def _or_pictures(inputs: Inputs, folder: Path, listing: Listing | None = None) -> Inputs:
    """The same problem as one of pictures, where a column names pictures."""
    gallery = gallery_of_tables(
        inputs.train, inputs.test, inputs.pool, inputs.name, folder, listing
    )
    return inputs if gallery is None else _of_gallery(inputs, gallery)


def _of_gallery(inputs: Inputs, gallery: Gallery) -> Inputs:
    return replace(
        inputs,
        train=gallery.train,
        test=gallery.test,
        pool=gallery.pool,
        target=gallery.target or inputs.target,
        notes=(*inputs.notes, *gallery.notes),
        modality=Modality.IMAGE,
        named_classes=gallery.named_classes,
        masked=gallery.masked,
        broken=gallery.broken,
    )


def _unread_tables(sources: Sources | None) -> tuple[str, ...]:
    """Say that a table beside class folders is not what they are labelled by."""
    if sources is None:
        return ()
    return (
        f"the class folders give the labels; the table {sources.train.name} beside them was not read (point "
        "at it to read it instead)",
    )


def _unlabelled(path: Path, n: int) -> str:
    return (
        f"{path} holds {n} pictures and nothing that says what they show: expected a folder for each class "
        "(train/<class>/), a table with a column of file names and one of labels (labels.csv), or the "
        "folders images/ and masks/"
    )


def _from_pair(X: object, y: object, source: str = "memory") -> Inputs:
    """Features and target held apart."""
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], (str, os.PathLike)):
        X = pd.DataFrame({IMAGE: [os.fspath(cell) for cell in X]})
    frame, notes = as_frame(X)
    labels = _target_frame(y, list(frame.columns))
    if len(labels) != len(frame):
        raise UnreadableData(
            f"X has {len(frame)} rows but y has {len(labels)}: expected as many of each"
        )
    train = pd.concat([frame, labels], axis=1)
    return Inputs("data", source, train, target=tuple(labels.columns), notes=tuple(notes))


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
    free = [f"{name}.y" if name in set(taken) else name for name in frame.columns]
    return as_raw(frame.set_axis(unique_names(free)[0], axis=1))


def _listed(y: object) -> NDArray[np.generic]:
    """Hold a sequence of cells as an array that keeps each cell as it is."""
    if not isinstance(y, Sequence) or isinstance(y, str):
        raise UnreadableData(f"expected an array, a Series or a list as y, got {type(y).__name__}")
    return pd.Series(list(y)).to_numpy()


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
