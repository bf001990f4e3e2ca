"""Folders of text files → the raw frames of one problem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from advisor.errors import UnreadableData, counted
from advisor.media.layouts import (
    LABELLED_NAMES,
    ORACLE,
    POOL_NAMES,
    TEST_NAMES,
    TRAIN_NAMES,
    VALID_NAMES,
    Layout,
    Listing,
    find_layout,
    list_files,
)
from advisor.tables.reading import HEAD_BYTES, as_raw
from advisor.texts.files import TEXT_FILES, read_text, read_texts
from advisor.texts.lines import Style, split_lines, style_of_head

TEXT = "text"
"""The column's name where a folder gives the texts."""

LABEL = "label"
"""The target's name where folders or names of files give it."""

SHOWN = 12
"""Broken files named in a note (our choice; the dataset keeps all)."""

MAX_CLASS_FILES = 100
"""Files of lines up to which each may be a class (our choice; more are items)."""

MIN_CLASS_LINES = 2.0
"""Mean lines per file from which a file holds a class and not an item (our choice)."""

POOL_CLASSES = POOL_NAMES | {"unsup", "unsupervised"}
"""Names of class folders that say that their texts have none."""

NO_ITEMS = re.compile(r"(readme|licen[cs]e|copying|notice|changelog)(\..*)?", re.IGNORECASE)
"""Names of files that are about the data."""


@dataclass(frozen=True)
class TextFolder:
    """The raw frames of a folder of texts.

    Attributes
    ----------
    train : DataFrame
        ``text`` and ``label``.
    test, pool : DataFrame or None
    source : str
        What a class is: ``folder`` or ``file``.
    notes, broken : tuple of str
        ``broken`` holds ``name: reason`` of files without a text.
    """

    train: pd.DataFrame
    test: pd.DataFrame | None
    pool: pd.DataFrame | None
    source: str
    notes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextRows:
    """Texts to predict for: a frame with the column ``text``, missing where a file holds none, and the files' names."""

    frame: pd.DataFrame
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def list_texts(folder: Path) -> Listing:
    """List the text files of a folder but for those that are about it.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Listing
    """
    listing = list_files(folder, [TEXT_FILES])
    files = (name for name in listing.files if not NO_ITEMS.fullmatch(name.rpartition("/")[2]))
    return replace(listing, files=tuple(files))


def holds_items(listing: Listing) -> bool:
    """Whether a folder holds text files of one text each: they lie in folders, or the first is no table."""
    if any("/" in name for name in listing.files):
        return True
    return bool(listing.files) and _is_plain(listing, listing.files[0])


def texts_of_folder(listing: Listing) -> TextFolder | None:
    """Class folders of text files, or a file of lines for each class → raw frames.

    Parameters
    ----------
    listing : Listing
        From :func:`list_texts`, of a folder with ``train/<class>/*.txt`` or ``<class>/*.txt`` and perhaps ``test`` and
        ``unlabeled``, or with ``<class>.txt`` in the same places.

    Returns
    -------
    TextFolder or None
        None where the folder holds no texts that names say the classes of.

    Raises
    ------
    UnreadableData
        If no file holds a text.
    """
    pools = [
        name for name in listing.files if "/" not in name and _stem(name).lower() in POOL_NAMES
    ]
    items = replace(listing, files=tuple(name for name in listing.files if name not in pools))
    layout = find_layout(items)
    if layout is None:
        return None
    if layout.is_labelled:
        return _of_class_folders(_without_pool_classes(layout), items, pools)
    return _of_class_files(listing)


def texts_in_files(folder: Path) -> TextRows | None:
    """Text files to predict for → a frame with the column ``text``, and what the files are called.

    Parameters
    ----------
    folder : Path
        Its folder ``test`` is meant where there is one. Where each file beside it is a class of one text per line, so
        is each file in it.

    Returns
    -------
    TextRows or None
        In the order of their names, none left out; None where there is no text file.
    """
    listing = list_texts(folder)
    tested = [name for name in listing.files if name.partition("/")[0].lower() in TEST_NAMES]
    in_folders = any(name.count("/") > 1 for name in listing.files)
    layout = _of_class_files(listing) if tested and not in_folders else None
    if layout is not None and layout.test is not None:
        return TextRows(layout.test[[TEXT]], tuple(tested), layout.notes)
    names = tuple(tested or listing.files)
    if not names:
        return None
    read = read_texts([str(listing.root / name) for name in names])
    faults = [f"{path.removeprefix(f'{listing.root}/')}: {why}" for path, why in read.faults]
    said = [f"files that hold no text ({len(faults)}): {'; '.join(faults)}"] if faults else []
    return TextRows(_frame(read.texts), names, (*listing.notes, *read.notes, *said))


def _of_class_folders(layout: Layout, listing: Listing, pools: Sequence[str]) -> TextFolder:
    """One text per file, and perhaps a pool of one text per line."""
    parts = {"train": layout.train, "test": layout.test, "pool": layout.pool}
    root = f"{layout.root}/"
    read = read_texts([f"{root}{name}" for part in parts.values() for name in part.files])
    broken = [
        *(f"{name}: {why}" for name, why in listing.broken),
        *(f"{path.removeprefix(root)}: {why}" for path, why in read.faults),
    ]
    frames = {}
    start = 0
    for split, part in parts.items():
        texts = read.texts[start : start + len(part.files)]
        start += len(part.files)
        labels = part.labels or (None,) * len(part.files)
        rows = [
            (text, label) for text, label in zip(texts, labels, strict=True) if text is not None
        ]
        frames[split] = _frame(*zip(*rows, strict=True)) if rows else None
    train = frames["train"]
    if train is None:
        raise UnreadableData(
            f"{layout.root.name} holds no text that can be read: {'; '.join(broken[:SHOWN])}"
        )
    notes = [*layout.notes, *read.notes, *_broken_note(broken)]
    pool = [
        frame[[TEXT]]
        for frame in (frames["pool"], _lines_of(listing, pools, notes))
        if frame is not None
    ]
    return TextFolder(
        train,
        frames["test"],
        as_raw(pd.concat(pool, ignore_index=True).astype(object)) if pool else None,
        "folder",
        tuple(notes),
        tuple(broken),
    )


def _without_pool_classes(layout: Layout) -> Layout:
    """Count class folders that are called like a pool as what they are called."""
    labels = tuple(
        None if label is not None and label.lower() in POOL_CLASSES else label
        for label in layout.train.labels
    )
    return replace(layout, train=replace(layout.train, labels=labels))


def _of_class_files(listing: Listing) -> TextFolder | None:
    """Files of lines, each of them a class, in the folder itself or in ``train`` and ``test``."""
    splits: dict[str, list[str]] = {
        split: [] for split in ("train", "labelled", "valid", "test", "pool", "")
    }
    for name in listing.files:
        place, slash, _ = name.rpartition("/")
        stem = _stem(name)
        if ORACLE.match(stem):
            continue
        if stem.lower() in POOL_NAMES or place.lower() in POOL_NAMES:
            splits["pool"].append(name)
        elif not slash:
            splits[""].append(name)
        elif place.lower() in TRAIN_NAMES:
            splits["train"].append(name)
        elif place.lower() in LABELLED_NAMES:
            splits["labelled"].append(name)
        elif place.lower() in VALID_NAMES:
            splits["valid"].append(name)
        elif place.lower() in TEST_NAMES:
            splits["test"].append(name)
    splits["train"] = splits["train"] or splits["labelled"] or splits[""]
    if not 2 <= len(splits["train"]) <= MAX_CLASS_FILES or not _is_plain(
        listing, splits["train"][0]
    ):
        return None
    notes: list[str] = []
    n_classes = len(splits["train"])
    if splits["valid"]:  # cross-validation makes a validation split of its own
        place = splits["valid"][0].partition("/")[0]
        notes.append(f"{place}/ ({counted(len(splits['valid']), 'file')}) counts as labelled data")
        splits["train"] = splits["train"] + splits["valid"]
    frames = {key: _lines_of(listing, splits[key], notes) for key in ("train", "test", "pool")}
    train = frames["train"]
    if train is None or len(train) < MIN_CLASS_LINES * len(splits["train"]):
        return None
    notes.insert(0, f"each of {n_classes} files is a class and holds one text per line")
    pool = frames["pool"]
    return TextFolder(
        train,
        frames["test"],
        None if pool is None else pool[[TEXT]],
        "file",
        (*listing.notes, *notes),
    )


def _lines_of(listing: Listing, names: Sequence[str], notes: list[str]) -> pd.DataFrame | None:
    """Read the lines of files with the stem of their file as label; None where there is none."""
    texts: list[str] = []
    labels: list[str] = []
    for name in names:
        content, said = read_text(listing.root / name)
        lines = [line.strip() for line in split_lines(content) if line.strip()]
        if not lines:
            notes.append(f"{name} holds no text and was left out")
        notes.extend(said)
        texts += lines
        labels += [_stem(name)] * len(lines)
    return _frame(texts, labels) if texts else None


def _is_plain(listing: Listing, name: str) -> bool:
    """Whether a file is prose, and neither a table nor lines that hold their labels."""
    try:
        with (listing.root / name).open("rb") as file:
            return style_of_head(file.read(HEAD_BYTES), ".txt") is Style.PLAIN
    except OSError:
        return False


def _stem(name: str) -> str:
    """Find a file's name without its folder and ending."""
    base = name.rpartition("/")[2]
    return base.rpartition(".")[0] or base


def _frame(texts: Sequence[str | None], labels: Sequence[str | None] | None = None) -> pd.DataFrame:
    columns = {TEXT: pd.Series(list(texts), dtype=object)}
    if labels is not None:
        columns[LABEL] = pd.Series(list(labels), dtype=object)
    return as_raw(pd.DataFrame(columns))


def _broken_note(broken: Sequence[str]) -> list[str]:
    if not broken:
        return []
    more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return [
        f"files that hold no text were left out ({len(broken)}): {'; '.join(broken[:SHOWN])}{more}"
    ]
