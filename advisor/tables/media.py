"""Folders and tables of files, as pictures and recordings are → the raw frames that all data is read from.

A frame of files has one column of absolute paths, called as their medium says (and ``mask`` where pictures have masks),
and the target beside it. What is done with targets, groups, pool and test split is the same as for tables from here on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import UnreadableData, counted, quoted
from advisor.images.masks import mask_shares
from advisor.media.layouts import TEST_NAMES, Layout, Listing, Part
from advisor.media.medium import FileRecord, Medium
from advisor.tables.levels import as_numbers
from advisor.tables.media_columns import MASK, find_file_column, refuse_absent, use_file_column

LABEL = "label"
"""The target's name where class folders give it."""

COVERED = "mask_share"
"""The target's name for pictures with masks: the share of the picture that its mask covers."""

SHOWN = 12
"""Broken files named in a note (our choice; the dataset keeps all)."""


@dataclass(frozen=True)
class Collection:
    """The raw frames of a problem of files.

    Attributes
    ----------
    medium : Medium
    train : DataFrame
        The paths, perhaps ``mask``, and the other columns; one row per file that can be read.
    test, pool : DataFrame or None
    target : tuple of str
        Where the layout says which columns are the target; else empty.
    named_classes : bool
        Whether the target's cells are names of folders.
    masked : bool
        Whether there are masks.
    broken : tuple of str
        ``name: reason`` of every file that was left out.
    notes : tuple of str
    """

    medium: Medium
    train: pd.DataFrame
    test: pd.DataFrame | None
    pool: pd.DataFrame | None
    target: tuple[str, ...] = ()
    named_classes: bool = False
    masked: bool = False
    broken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def collection_of_folder(layout: Layout, listing: Listing, name: str) -> Collection:
    """Class folders, or files with partners → raw frames without the files that cannot be read.

    Parameters
    ----------
    layout : Layout
        Of kind ``classes`` or ``partners``.
    listing : Listing
        The same folder's.
    name : str
        What to call the data in messages.

    Returns
    -------
    Collection
        With target ``label``, the folder's name exactly, or ``mask_share``.

    Raises
    ------
    UnreadableData
        If there is one class only, or nothing that can be read.
    """
    masked = layout.kind == "partners"
    if not masked:
        _check_classes(layout.train, listing, name)
    root = str(layout.root)
    parts = (layout.train, layout.test, layout.pool)
    frames = [_frame_of(part, root, masked, listing.medium) for part in parts]
    given = Collection(
        listing.medium,
        frames[0],
        frames[1] if len(layout.test.files) else None,
        frames[2] if len(layout.pool.files) else None,
        (COVERED if masked else LABEL,),
        not masked,
        masked,
        tuple(f"{file}: {why}" for file, why in listing.broken),
        layout.notes,
    )
    return (
        _with_shares(without_broken(given, root), root) if masked else without_broken(given, root)
    )


def collection_of_tables(
    train: pd.DataFrame,
    test: pd.DataFrame | None,
    pool: pd.DataFrame | None,
    source: str,
    folder: Path,
    listing: Listing | None = None,
) -> Collection | None:
    """Tables of which one column names files → raw frames without the files that cannot be read.

    Parameters
    ----------
    train : DataFrame
        As :func:`advisor.tables.reading.as_raw` makes it.
    test, pool : DataFrame or None
    source : str
        What to call the table in messages.
    folder : Path
        What relative paths start from.
    listing : Listing or None
        All files of the folder. Those that no table names join the test split where they lie under ``test/`` and
        the unlabelled pool where not.

    Returns
    -------
    Collection or None
        None where no column names files, or none of those named exists and the table has features of its own.

    Raises
    ------
    UnreadableData
        If the files that the table is about do not exist or cannot be read.
    """
    column = find_file_column(train, folder, "train")
    if column is None:
        return None
    if not column.n_found and train.shape[1] > 2:
        return None
    refuse_absent(column, source, folder)
    medium = column.medium
    notes = [f"{medium.many}: column '{column.name}' names them"]
    frames: dict[str, pd.DataFrame | None] = {"test": test, "pool": pool}
    for which, frame in frames.items():
        if frame is not None:
            theirs = find_file_column(frame, folder, which, [medium], column.name)
            if theirs is None:
                raise UnreadableData(
                    f"the {which} table has no column of {medium.many}: expected one as '{column.name}' of "
                    f"{source}; its columns are {quoted(frame.columns)}"
                )
            frames[which] = use_file_column(frame, theirs)
    frame = use_file_column(train, column)
    flags = [name for name in frame.columns if name != medium.column and _is_flag(frame[name])]
    target = tuple(flags) if 1 < len(flags) == frame.shape[1] - 1 else ()
    if listing is not None and listing.medium is medium:
        notes.extend(_add_unnamed(frame, frames, listing))
    given = Collection(medium, frame, frames["test"], frames["pool"], target, notes=tuple(notes))
    return without_broken(given, str(folder))


def path_frame(paths: Sequence[str | None], name: str) -> pd.DataFrame:
    """Paths → a raw frame with the one column ``name``."""
    return pd.DataFrame({name: _paths(paths)})


def without_broken(collection: Collection, root: str) -> Collection:
    """Leave out the rows whose file cannot be read, and say which.

    Parameters
    ----------
    collection : Collection
        Perhaps with broken files.
    root : str
        The folder that names are told relative to.

    Returns
    -------
    Collection

    Raises
    ------
    UnreadableData
        If no labelled file can be read.
    """
    medium, column = collection.medium, collection.medium.column
    records, faults, odd = _find_faults(collection)
    notes = [*collection.notes, *_misnamed(records, root, medium), *odd]
    frames: list[pd.DataFrame | None] = []
    n_empty = 0
    for frame in (collection.train, collection.test, collection.pool):
        if frame is None:
            frames.append(None)
            continue
        bad = frame[column].isin(list(faults)) | frame[column].isna()
        n_empty += int(frame[column].isna().sum())
        kept = frame if not bad.any() else frame[~bad].reset_index(drop=True)
        frames.append(kept)
    told = [f"{shown(path, root)}: {why}" for path, why in faults.items()]
    broken = tuple(dict.fromkeys([*collection.broken, *told]))
    if broken:
        notes.append(broken_note(broken, medium))
    if n_empty:
        notes.append(f"left out: {counted(n_empty, 'row')} without the name of a {medium.one}")
    train = frames[0]
    if train is None or not len(train):
        raise UnreadableData(
            f"none of the {len(collection.train)} labelled {medium.many} can be read: {quoted(broken, 3)}"
        )
    return replace(
        collection, train=train, test=frames[1], pool=frames[2], broken=broken, notes=tuple(notes)
    )


def broken_note(broken: Sequence[str], medium: Medium) -> str:
    """Say which files were left out, and why."""
    named = "; ".join(broken[:SHOWN])
    more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    files, were = ("file", "was") if len(broken) == 1 else ("files", "were")
    return (
        f"{len(broken)} {files} that cannot be read as {medium.many} {were} left out: {named}{more}"
    )


def shown(path: str, root: str) -> str:
    """How a file is called in messages: relative to the data's folder where it lies in it."""
    return path[len(root) :].lstrip(os.sep) if path.startswith(root + os.sep) else path


def conflict_note(paths: pd.Series, y: NDArray[np.generic], medium: Medium) -> list[str]:
    """Say which files have several rows with different targets.

    Parameters
    ----------
    paths : Series of str of shape (n_rows,)
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
    medium : Medium
        Of the files.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    if not paths.duplicated().any():
        return []
    rows = pd.DataFrame(np.asarray(y).reshape(len(y), -1))
    rows.insert(0, "path", paths.astype("object").to_numpy())
    distinct = rows.drop_duplicates()
    twice = distinct["path"][distinct["path"].duplicated()].unique()
    if not len(twice):
        return []
    names = quoted([os.path.basename(path) for path in twice], 3)
    return [f"in several rows with different targets: {medium.count(len(twice))} ({names})"]


def _add_unnamed(
    train: pd.DataFrame, frames: dict[str, pd.DataFrame | None], listing: Listing
) -> list[str]:
    """Add the files of a folder that no table names to its test split and pool; returns notes."""
    column = listing.medium.column
    tables = [frame for frame in (train, *frames.values()) if frame is not None]
    named = {os.path.realpath(path) for frame in tables for path in frame[column].dropna()}
    tested: list[str | None] = []
    others: list[str | None] = []
    for name in listing.files:
        path = str(listing.root / name)
        if os.path.realpath(path) not in named:
            in_test = name.partition("/")[0].lower() in TEST_NAMES
            (tested if in_test else others).append(path)
    if tested and frames["test"] is None:
        frames["test"] = path_frame(tested, column)
    if not others:
        return []
    pool = frames["pool"]
    frames["pool"] = path_frame([*([] if pool is None else pool[column]), *others], column)
    found = listing.medium.count(len(others))
    return [f"in the unlabelled pool: {found} that no table names"]


def _check_classes(part: Part, listing: Listing, name: str) -> None:
    classes = sorted({label for label in part.labels if label is not None})
    many = listing.medium.many
    if len(classes) < 2:
        empty = [folder.rpartition("/")[2] for folder in listing.empty_folders]
        but = f" (the folders {quoted(empty)} are empty)" if empty else ""
        raise UnreadableData(
            f"{name} has {many} of only one class, {quoted(classes)}{but}: expected a folder of {many} for each "
            "of at least two classes, or a table with a column of file names and one of labels"
        )


def _frame_of(part: Part, root: str, masked: bool, medium: Medium) -> pd.DataFrame:
    """One split as a raw frame."""
    frame = path_frame([os.path.join(root, name) for name in part.files], medium.column)
    if masked:
        masks = part.partners or (None,) * len(part.files)
        frame[MASK] = _paths([None if m is None else os.path.join(root, m) for m in masks])
    elif any(label is not None for label in part.labels):
        frame[LABEL] = pd.Categorical(np.array([*part.labels, None], dtype=object)[:-1])
    return frame


def _paths(paths: Sequence[str | None]) -> pd.Categorical:
    return pd.Categorical(np.array([*paths, None], dtype=object)[:-1])


def _find_faults(
    collection: Collection,
) -> tuple[list[FileRecord], dict[str, str], list[str]]:
    """Look at all files; those that are to be learned from or judged by are decoded, too.

    The pool is judged by structure alone, for nothing fails where one of it turns out unreadable.
    """
    medium, column = collection.medium, collection.medium.column
    judged = _distinct_paths((collection.train, collection.test), column)
    paths = list(dict.fromkeys([*judged, *_distinct_paths((collection.pool,), column)]))
    records, broken = medium.scan(paths)
    whole = {record.path for record in records}
    undecoded, odd = medium.examine([path for path in judged if path in whole])
    faults = dict([*broken, *undecoded])
    return [record for record in records if record.path not in faults], faults, odd


def _distinct_paths(frames: Sequence[pd.DataFrame | None], column: str) -> list[str]:
    """Every path of some frames once, in their order."""
    return list(
        dict.fromkeys(
            path for frame in frames if frame is not None for path in frame[column].dropna()
        )
    )


def _misnamed(records: Sequence[FileRecord], root: str, medium: Medium) -> list[str]:
    """Say which files have another format than their name says."""
    odd = [
        f"{shown(record.path, root)} ({record.format})"
        for record in records
        if (end := os.path.splitext(record.path)[1].lower())
        not in medium.endings.get(record.format, {end})
    ]
    if not odd:
        return []
    return [
        f"read as what they are: {counted(len(odd), 'file')} in another format than the name says ({quoted(odd, 5)})"
    ]


def _with_shares(collection: Collection, root: str) -> Collection:
    """Add the share that each mask covers; a picture whose mask is missing or broken has none."""
    broken, notes = list(collection.broken), list(collection.notes)
    frames: list[pd.DataFrame | None] = []
    for frame in (collection.train, collection.test):
        if frame is None:
            frames.append(None)
            continue
        frame = frame.copy()
        masks = frame[MASK].dropna().astype(object)
        found = dict(zip(masks.index, mask_shares(list(masks)), strict=True))
        for row, share in found.items():
            if isinstance(share, str):
                broken.append(f"{shown(str(masks[row]), root)}: {share}")
                notes.append(f"a mask cannot be read and counts as missing: {broken[-1]}")
        good = {row: share for row, share in found.items() if isinstance(share, float)}
        frame[COVERED] = pd.Series(good, dtype="float64").reindex(frame.index)
        frames.append(frame)
    train = frames[0]
    if train is None or train[COVERED].isna().all():
        raise UnreadableData(
            f"none of the {len(collection.train)} pictures has a mask that can be read"
        )
    return replace(
        collection, train=train, test=frames[1], broken=tuple(broken), notes=tuple(notes)
    )


def _is_flag(series: pd.Series) -> bool:
    """Whether a column holds only 0 and 1."""
    values = as_numbers(series)
    return (
        bool(len(values))
        and bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())
        and not bool(np.isnan(values).all())
    )
