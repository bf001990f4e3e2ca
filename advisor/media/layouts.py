"""A folder → which of its files are labelled with what, which are the pool and which the test split.

Only names are looked at here, never contents; what counts as a file of the folder is said by its medium.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor.errors import UnreadableData, quoted
from advisor.media.medium import Medium

TRAIN_NAMES = frozenset({"train", "training"})
LABELLED_NAMES = frozenset({"labeled", "labelled"})
"""What the training part is also called beside a pool; where there is a part called train, these are no such names."""
VALID_NAMES = frozenset({"val", "valid", "validation"})
TEST_NAMES = frozenset({"test", "testing"})
POOL_NAMES = frozenset({"unlabeled", "unlabelled"})
ORACLE = re.compile(r"unlabell?ed_(labels|targets|masks).*", re.IGNORECASE)
"""True labels of the pool, kept beside it to judge with: never read."""

IGNORED_FOLDERS = frozenset({"__macosx", "__pycache__"})


@dataclass(frozen=True)
class Listing:
    """What a walk through a folder found.

    Attributes
    ----------
    root : Path
        The folder, resolved.
    medium : Medium
        What counts as a file here.
    files : tuple of str
        Relative paths with ``/``, sorted.
    empty_folders : tuple of str
        Relative paths of folders without a file of the medium in them or below.
    others : dict of str to int
        Files that are not of the medium by their name, counted by ending.
    notes : tuple of str
    broken : tuple of tuple (name, reason)
        Files whose names cannot be used.
    """

    root: Path
    medium: Medium
    files: tuple[str, ...]
    empty_folders: tuple[str, ...] = ()
    others: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """Files of one split: relative paths, and per file its class or partner (None where it has none).

    A partner is another file that belongs to it, as a mask does to a picture.
    """

    files: tuple[str, ...] = ()
    labels: tuple[str | None, ...] = ()
    partners: tuple[str | None, ...] = ()

    def __add__(self, other: Part) -> Part:
        return Part(
            self.files + other.files,
            self.labels + other.labels,
            self.partners + other.partners,
        )


@dataclass(frozen=True)
class Layout:
    """The splits of a folder of files of one medium.

    Attributes
    ----------
    root : Path
    train, test, pool : Part
        ``test`` and ``pool`` may be empty.
    kind : str
        ``classes`` (class folders), ``partners`` (pictures and masks) or ``flat`` (files without labels).
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
        """Whether the folders alone say what is to be learned: partners, or at least two classes."""
        classes = {label for label in self.train.labels if label is not None}
        return self.kind == "partners" or len(classes) > 1


def list_files(folder: Path, media: Sequence[Medium]) -> Listing:
    """Walk through a folder → the files in it that are of one medium by their names.

    Hidden files and folders, ``__MACOSX`` and the like, true labels of the pool and links that lead out of the folder
    are left alone.

    Parameters
    ----------
    folder : Path
        An existing folder.
    media : sequence of Medium
        What may be meant, at least one; where there are files of several, the one with most of them is, and a note
        says so.

    Returns
    -------
    Listing

    Raises
    ------
    UnreadableData
        If the folder cannot be opened.
    """
    root = folder.resolve()
    found: dict[Medium, list[str]] = {medium: [] for medium in media}
    folders: list[str] = []
    others: Counter[str] = Counter()
    faults: dict[str, list[str]] = {"out": [], "closed": []}
    for name, path in _walk(root, faults, media):
        if path is None:
            folders.append(name)
            continue
        medium = next((medium for medium in media if medium.is_one(path)), None)
        if medium is None:
            others[os.path.splitext(name)[1].lower()] += 1
        else:
            found[medium].append(name)
    medium = max(media, key=lambda medium: len(found[medium]))
    files = [name for name in found[medium] if _is_utf8(name)]
    unnamed = [
        name.encode("utf-8", "replace").decode() for name in found[medium] if not _is_utf8(name)
    ]
    filled = {str(parent) for name in files for parent in Path(name).parents}
    notes = _majority_note(found, medium)
    if faults["out"]:
        notes.append(
            f"links that lead out of the folder were not followed: {quoted(sorted(faults['out']), 5)}"
        )
    if faults["closed"]:
        notes.append(f"folders that cannot be opened: {quoted(sorted(faults['closed']), 5)}")
    return Listing(
        root,
        medium,
        tuple(sorted(files)),
        tuple(sorted(name for name in folders if name not in filled)),
        dict(others),
        tuple(notes),
        tuple((name, "its name is not UTF-8: rename it") for name in unnamed),
    )


def _majority_note(found: dict[Medium, list[str]], chosen: Medium) -> list[str]:
    """Say what was not read where a folder holds files of several media."""
    rest = [
        f"not read: {medium.count(len(names))} ({quoted(sorted(names), 3)})"
        for medium, names in found.items()
        if names and medium is not chosen
    ]
    if not rest:
        return []
    return [
        f"the folder holds {chosen.count(len(found[chosen]))}, more than anything else, and is read "
        f"as such; {'; '.join(rest)}"
    ]


def find_layout(listing: Listing) -> Layout | None:
    """Tell class folders, files with partners and loose files apart, by the names of folders.

    Parameters
    ----------
    listing : Listing
        From :func:`list_files`.

    Returns
    -------
    Layout or None
        None where there is no file of the medium at all.
    """
    if not listing.files:
        return None
    splits = _splits(listing.files, listing.medium)
    notes = list(listing.notes)
    medium = listing.medium
    base = _part(splits["train"] or splits[""], 1 if splits["train"] else 0, medium)
    if splits["train"] and splits[""]:
        notes.append(
            f"not read: {medium.count(len(splits['']))} beside the train folder "
            f"({quoted(splits[''], 3)})"
        )
    if splits["valid"]:
        place = splits["valid"][0].partition("/")[0]
        base += _part(splits["valid"], 1, medium)
        notes.append(
            f"{place}/ ({medium.count(len(splits['valid']))}) counts as labelled data: cross-validation makes a "
            "validation split of its own superfluous"
        )
    test = _part(splits["test"], 1, medium)
    kind = _kind(base)
    apart = (
        medium.partner_folders if kind == "partners" else frozenset[str]()
    )  # else a class may be called so
    pool = [name for name in splits["pool"] if not _in_folder(name, apart)]
    if kind == "classes":
        notes.extend(_class_notes(listing, base))
    return Layout(listing.root, base, test, Part(tuple(pool)), kind, tuple(notes))


def _walk(
    root: Path, faults: dict[str, list[str]], media: Sequence[Medium]
) -> Iterator[tuple[str, str | None]]:
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
            elif entry.is_file() or (
                entry.is_symlink() and any(medium.ends_like(name) for medium in media)
            ):
                yield name, entry.path  # one that leads nowhere is broken when it is opened


def _entries(place: str, prefix: str, faults: dict[str, list[str]]) -> list[os.DirEntry[str]]:
    """What lies in a folder, but for what nobody means by its files."""
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


def _splits(names: Sequence[str], medium: Medium) -> dict[str, list[str]]:
    """Relative paths by the split that they lie in, by :func:`_split_of`, but for ``labelled``."""
    found: dict[str, list[str]] = {
        split: [] for split in ("train", "labelled", "valid", "test", "pool", "")
    }
    for name in names:
        found[_split_of(name)].append(name)
    labelled = found.pop("labelled")
    # Where no labels can be told, pictures of a class that is called so are meant, and none to validate with.
    folders = {name.partition("/")[0].lower() for name in found[""] if "/" in name}
    folders -= medium.holders | medium.partner_folders
    if folders and not found["train"] and all(name.count("/") == 1 for name in found["valid"]):
        found[""], found["valid"] = sorted(found[""] + found["valid"]), []
    # Beside other folders and without a pool, it may as well be a class.
    if not found["train"] and (found["pool"] or not found[""]):
        found["train"] = labelled
    else:
        found[""] = sorted(found[""] + labelled)
    return found


def _split_of(name: str) -> str:
    """Which split a relative path lies in, by its first folder; empty for none."""
    first, slash, _ = name.partition("/")
    if slash:
        for split, names in (
            ("train", TRAIN_NAMES),
            ("labelled", LABELLED_NAMES),
            ("valid", VALID_NAMES),
            ("test", TEST_NAMES),
            ("pool", POOL_NAMES),
        ):
            if first.lower() in names:
                return split
    return ""


def _part(names: Sequence[str], depth: int, medium: Medium) -> Part:
    """One split: classes by the folder at ``depth``, or partners where the medium has them."""
    folders = [
        name.split("/")[depth : depth + 1] if name.count("/") > depth else [] for name in names
    ]
    found = {folder[0].lower() for folder in folders if folder}
    if medium.pair and found & medium.holders and found & medium.partner_folders:
        pairs = medium.pair(names, [folder[0] if folder else "" for folder in folders])
        if pairs is not None:
            files, partners = pairs
            return Part(tuple(files), (None,) * len(files), tuple(partners))
    if found and found <= medium.holders:  # only images/: no class
        folders = [[] for _ in names]
    labels = tuple(folder[0] if folder else None for folder in folders)
    return Part(tuple(names), labels, (None,) * len(names))


def _kind(part: Part) -> str:
    if any(partner is not None for partner in part.partners):
        return "partners"
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
        notes.append(f"class folders without a {listing.medium.one} were left out: {quoted(empty)}")
    loose = sum(label is None for label in part.labels)
    if loose:
        notes.append(
            f"in the unlabelled pool: {listing.medium.count(loose)} beside the class folders, "
            "which have no class"
        )
    deep = len(_classed(part)) - len(_classed(part, exact=True))
    if deep:
        notes.append(
            f"counted to the class folder around them: {listing.medium.count(deep)} in deeper "
            "folders"
        )
    if listing.others:
        what = ", ".join(f"{n} '{end or 'no ending'}'" for end, n in sorted(listing.others.items()))
        notes.append(f"files that are no {listing.medium.many} by their name were not read: {what}")
    return notes


def _classed(part: Part, exact: bool = False) -> list[str]:
    """Files with a class; ``exact``: only those directly in its folder."""
    pairs = zip(part.files, part.labels, strict=True)
    return [
        name
        for name, label in pairs
        if label is not None and (not exact or name.split("/")[-2] == label)
    ]
