"""A folder → which of its pictures are labelled with what, which are the pool and which the test split.

Only names are looked at here, never contents: see ``files`` for what the files hold.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor.errors import UnreadableData, quoted

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)
"""Lower-case endings of a picture's name."""

MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
"""First bytes of pictures, for files whose name has no ending."""

TRAIN_NAMES = frozenset({"train", "training"})
VALID_NAMES = frozenset({"val", "valid", "validation"})
TEST_NAMES = frozenset({"test", "testing"})
POOL_NAMES = frozenset({"unlabeled", "unlabelled"})
ORACLE = re.compile(r"unlabell?ed_(labels|targets|masks).*", re.IGNORECASE)
"""True labels of the pool, kept beside it to judge with: never read."""

PICTURE_FOLDERS = frozenset({"images", "image", "imgs", "img"})
MASK_FOLDERS = frozenset({"masks", "mask"})
MASK_ENDINGS = ("_mask", "_masks", "_segmentation", "_seg")
"""What a mask's name may have after the stem of its picture."""

IGNORED_FOLDERS = frozenset({"__macosx", "__pycache__"})

MIN_MASKED = 0.5
"""Share of the masks that must belong to a picture for two folders to be pictures and masks (our choice)."""


@dataclass(frozen=True)
class Listing:
    """What a walk through a folder found.

    Attributes
    ----------
    root : Path
        The folder, resolved.
    pictures : tuple of str
        Relative paths with ``/``, sorted.
    empty_folders : tuple of str
        Relative paths of folders without a picture in them or below.
    others : dict of str to int
        Files that are no pictures by their name, counted by ending.
    notes : tuple of str
    broken : tuple of tuple (name, reason)
        Files whose names cannot be used.
    """

    root: Path
    pictures: tuple[str, ...]
    empty_folders: tuple[str, ...] = ()
    others: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """Pictures of one split: relative paths, and per picture its class or mask (None where it has none)."""

    pictures: tuple[str, ...] = ()
    labels: tuple[str | None, ...] = ()
    masks: tuple[str | None, ...] = ()

    def __add__(self, other: Part) -> Part:
        return Part(
            self.pictures + other.pictures,
            self.labels + other.labels,
            self.masks + other.masks,
        )


@dataclass(frozen=True)
class Layout:
    """The splits of a folder of pictures.

    Attributes
    ----------
    root : Path
    train, test, pool : Part
        ``test`` and ``pool`` may be empty.
    kind : str
        ``classes`` (class folders), ``masks`` (pictures and masks) or ``flat`` (pictures without labels).
    notes : tuple of str
        What was left alone or put together, in sentences for the user.
    """

    root: Path
    train: Part
    test: Part
    pool: Part
    kind: str
    notes: tuple[str, ...] = ()

    @property
    def is_labelled(self) -> bool:
        """Whether the folders alone say what is to be learned: masks, or at least two classes."""
        classes = {label for label in self.train.labels if label is not None}
        return self.kind == "masks" or len(classes) > 1


def list_pictures(folder: Path) -> Listing:
    """Walk through a folder → the pictures in it by their names.

    Hidden files and folders, ``__MACOSX`` and the like, true labels of the pool and links that lead out of the folder
    are left alone.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Returns
    -------
    Listing

    Raises
    ------
    UnreadableData
        If the folder cannot be opened.
    """
    root = folder.resolve()
    pictures: list[str] = []
    filled: set[str] = set()
    folders: list[str] = []
    others: Counter[str] = Counter()
    faults: dict[str, list[str]] = {"out": [], "closed": []}
    broken = []
    for name, path in _walk(root, faults):
        if path is None:
            folders.append(name)
        elif not is_picture(path):
            others[os.path.splitext(name)[1].lower()] += 1
        elif not _is_utf8(name):
            readable = name.encode("utf-8", "replace").decode()
            broken.append((readable, "its name is not UTF-8: rename it"))
        else:
            pictures.append(name)
            filled.update(str(parent) for parent in Path(name).parents)
    notes = []
    if faults["out"]:
        notes.append(
            f"links that lead out of the folder were not followed: {quoted(sorted(faults['out']), 5)}"
        )
    if faults["closed"]:
        notes.append(f"folders that cannot be opened: {quoted(sorted(faults['closed']), 5)}")
    empty = tuple(sorted(name for name in folders if name not in filled))
    return Listing(root, tuple(sorted(pictures)), empty, dict(others), tuple(notes), tuple(broken))


def is_picture(path: str) -> bool:
    """Whether a file is a picture by its name, or by its first bytes where the name has no ending."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix:
        return suffix in SUFFIXES
    try:
        with open(path, "rb") as file:
            return file.read(6).startswith(MAGIC)
    except OSError:
        return False


def find_layout(listing: Listing) -> Layout | None:
    """Tell class folders, pictures with masks and loose pictures apart, by the names of folders.

    Parameters
    ----------
    listing : Listing
        From :func:`list_pictures`.

    Returns
    -------
    Layout or None
        None where there is no picture at all.
    """
    if not listing.pictures:
        return None
    splits: dict[str, list[str]] = {"train": [], "valid": [], "test": [], "pool": [], "": []}
    for name in listing.pictures:
        splits[_split_of(name)].append(name)
    notes = list(listing.notes)
    base = _part(splits["train"], depth=1) if splits["train"] else _part(splits[""], depth=0)
    if splits["train"] and splits[""]:
        notes.append(
            f"{len(splits[''])} pictures beside the train folder were not read: "
            f"{quoted(splits[''], 3)}"
        )
    if splits["valid"]:
        place = splits["valid"][0].partition("/")[0]
        base += _part(splits["valid"], depth=1)
        notes.append(
            f"{place}/ ({len(splits['valid'])} pictures) counts as labelled data: cross-validation makes a "
            "validation split of its own superfluous"
        )
    test = _part(splits["test"], depth=1)
    pool = [p for p in splits["pool"] if not _in_folder(p, MASK_FOLDERS)]
    kind = _kind(base)
    if kind == "classes":
        notes.extend(_class_notes(listing, base))
    return Layout(listing.root, base, test, Part(tuple(pool)), kind, tuple(notes))


def _walk(root: Path, faults: dict[str, list[str]]) -> Iterator[tuple[str, str | None]]:
    """Every file as (relative name, path) and every folder as (relative name, None)."""
    waiting = [(str(root), "", frozenset({str(root)}))]
    while waiting:
        place, prefix, above = waiting.pop()
        for entry in _entries(place, prefix, faults):
            name, real = prefix + entry.name, entry.path
            if entry.is_symlink():
                real = os.path.realpath(entry.path)
                if not Path(real).is_relative_to(root):
                    faults["out"].append(name)
                    continue
            if entry.is_dir():
                if real not in above:  # a link to a folder that it lies in would never end
                    yield name, None
                    waiting.append((entry.path, f"{name}/", above | {real}))
            elif entry.is_file() or (entry.is_symlink() and is_picture(name)):
                yield name, entry.path  # one that leads nowhere is broken when it is opened


def _entries(place: str, prefix: str, faults: dict[str, list[str]]) -> list[os.DirEntry[str]]:
    """What lies in a folder, but for what nobody means by its pictures."""
    try:
        entries = list(os.scandir(place))
    except OSError as fault:
        if not prefix:
            raise UnreadableData(f"{place} cannot be opened: {fault.strerror}") from None
        faults["closed"].append(prefix.rstrip("/"))
        return []
    return [
        entry
        for entry in entries
        if not entry.name.startswith(".")
        and entry.name.lower() not in IGNORED_FOLDERS
        and (prefix or not ORACLE.fullmatch(entry.name))
    ]


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _split_of(name: str) -> str:
    """Which split a relative path lies in, by its first folder; empty for none."""
    first, slash, _ = name.partition("/")
    if slash:
        for split, names in (
            ("train", TRAIN_NAMES),
            ("valid", VALID_NAMES),
            ("test", TEST_NAMES),
            ("pool", POOL_NAMES),
        ):
            if first.lower() in names:
                return split
    return ""


def _part(names: Sequence[str], depth: int) -> Part:
    """One split: classes by the folder at ``depth``, or masks by the stem of their pictures."""
    folders = [
        name.split("/")[depth : depth + 1] if name.count("/") > depth else [] for name in names
    ]
    found = {folder[0].lower() for folder in folders if folder}
    if found & PICTURE_FOLDERS and found & MASK_FOLDERS:
        part = _masked(names, [folder[0] if folder else "" for folder in folders])
        if part is not None:
            return part
    if found and found <= PICTURE_FOLDERS:  # only images/: no class
        folders = [[] for _ in names]
    labels = tuple(folder[0] if folder else None for folder in folders)
    return Part(tuple(names), labels, (None,) * len(names))


def _masked(names: Sequence[str], folders: Sequence[str]) -> Part | None:
    """Pictures with the masks of their stems, or None where the stems have nothing in common."""
    masks = {}
    for name, folder in zip(names, folders, strict=True):
        if folder.lower() in MASK_FOLDERS:
            masks[_stem(name, masked=True)] = name
    pictures = [
        name
        for name, folder in zip(names, folders, strict=True)
        if folder.lower() in PICTURE_FOLDERS
    ]
    stems = [_stem(name) for name in pictures]
    if len(masks.keys() & set(stems)) < MIN_MASKED * len(masks):
        return None
    return Part(tuple(pictures), (None,) * len(pictures), tuple(masks.get(stem) for stem in stems))


def _stem(name: str, masked: bool = False) -> str:
    stem = os.path.splitext(name.rpartition("/")[2])[0]
    if masked:
        for ending in MASK_ENDINGS:
            if stem.lower().endswith(ending):
                return stem[: -len(ending)]
    return stem


def _kind(part: Part) -> str:
    if any(mask is not None for mask in part.masks):
        return "masks"
    return "classes" if any(label is not None for label in part.labels) else "flat"


def _in_folder(name: str, folders: frozenset[str]) -> bool:
    return any(place.lower() in folders for place in name.split("/")[1:-1])


def _class_notes(listing: Listing, part: Part) -> list[str]:
    """Say which class folders are empty, and what lies loose or deep."""
    notes = []
    homes = {name.rpartition("/")[0].rpartition("/")[0] for name in _classed(part, exact=True)}
    empty = [
        name
        for name in listing.empty_folders
        if name.rpartition("/")[0] in homes and _split_of(f"{name}/") not in ("pool", "test")
    ]
    if empty:
        notes.append(f"class folders without a picture were left out: {quoted(empty)}")
    loose = sum(label is None for label in part.labels)
    if loose:
        notes.append(
            f"{loose} pictures lie beside the class folders and have no class: they are in the "
            "unlabelled pool"
        )
    deep = len(_classed(part)) - len(_classed(part, exact=True))
    if deep:
        notes.append(f"{deep} pictures lie deeper and count to the class folder that they are in")
    if listing.others:
        what = ", ".join(f"{n} '{end or 'no ending'}'" for end, n in sorted(listing.others.items()))
        notes.append(f"files that are no pictures by their name were not read: {what}")
    return notes


def _classed(part: Part, exact: bool = False) -> list[str]:
    """Pictures with a class; ``exact``: only those directly in its folder."""
    pairs = zip(part.pictures, part.labels, strict=True)
    return [
        name
        for name, label in pairs
        if label is not None and (not exact or name.split("/")[-2] == label)
    ]
