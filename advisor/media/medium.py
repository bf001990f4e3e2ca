"""What kind of file one item is: how it is called, told by its name or first bytes, and looked at.

All that reads folders and tables of files works on a :class:`Medium` and knows nothing of pixels or samples; each kind
of file has one, beside the code that decodes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from advisor.cache import content_keys
from advisor.errors import counted
from advisor.tasks import Modality


class FileRecord(Protocol):
    """What the header of a file says, as far as every medium has it."""

    @property
    def path(self) -> str:
        """The file, as it was asked for."""

    @property
    def format(self) -> str:
        """What it is, whatever its name says."""


Broken = list[tuple[str, str]]
"""Paths, each with the reason why its file cannot be used."""

Scan = Callable[[Sequence[str]], tuple[Sequence[FileRecord], Broken]]
"""From paths to what their headers say, and those that are broken."""

Examine = Callable[[Sequence[str]], tuple[Broken, list[str]]]
"""From paths whose headers are good to those that cannot be decoded after all, and sentences on odd ones."""

Pair = Callable[[Sequence[str], Sequence[str]], tuple[list[str], list[str | None]] | None]
"""From names and their folders to items and their partners, or None where they do not belong together."""


@dataclass(frozen=True)
class PlainRecord:
    """A file that is judged by its being there alone."""

    path: str
    format: str = ""


def find_files(paths: Sequence[str]) -> tuple[Sequence[FileRecord], Broken]:
    """Look whether files exist, which is all that some media ask before they are read.

    Parameters
    ----------
    paths : sequence of str

    Returns
    -------
    records : list of PlainRecord
    broken : list of tuple (path, reason)
    """
    there = {path: os.path.isfile(path) for path in paths}
    broken = [(path, "it does not exist") for path, good in there.items() if not good]
    return [PlainRecord(path) for path in paths if there[path]], broken


def find_nothing(paths: Sequence[str]) -> tuple[Broken, list[str]]:
    """Find no fault: for media whose scan has seen all there is."""
    return [], []


def hold_nothing(cell: object) -> bytes | None:
    """Find no item in a cell: for media that no object in memory stands for."""
    return None


def number_by_content(paths: Sequence[str]) -> NDArray[np.int64]:
    """Number the different files: those of equal content share a number.

    Parameters
    ----------
    paths : sequence of str of length n

    Returns
    -------
    ndarray of int64 of shape (n,)
    """
    numbers: dict[str, int] = {}
    keys = [key or f"?{path}" for key, path in zip(content_keys(paths), paths, strict=True)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Medium:
    """A kind of file that one looks at, listens to or reads.

    Attributes
    ----------
    modality : Modality
    column : str
        What the column of paths is called, whatever it was called in the data.
    one, many : str
        What an item is called in messages: ``picture``, ``pictures``.
    suffixes : frozenset of str
        Lower-case endings of names, with the dot.
    magic : tuple of tuple (pattern, suffix)
        First bytes of files, for those whose name has no ending or that have no name, and how such a file is called.
    plain_suffix : str
        How a file of no known format is called.
    named : frozenset of str
        Parts of a column's name for which its cells are looked up as stems of files, too.
    endings : mapping of str to frozenset of str
        Per format, as ``scan`` calls it, how its files are called.
    holders : frozenset of str
        Names of folders that say only what they hold, and so are no classes.
    partner_folders : frozenset of str
        Names of folders of files that belong to items, as masks do.
    pair : callable or None
        Finds the partners of items; None where items have none.
    scan, examine : callable
        Look at headers; at content.
    near_duplicates : callable
        From paths to numbers that nearly equal items share, from 0 in the order in which they first occur.
    encode : callable
        From an object in memory to the bytes of a file, or None where it is no item.
    """

    modality: Modality
    column: str
    one: str
    many: str
    suffixes: frozenset[str]
    magic: tuple[tuple[re.Pattern[bytes], str], ...] = ()
    plain_suffix: str = ""
    named: frozenset[str] = frozenset({"file", "filename", "path", "filepath", "id"})
    endings: Mapping[str, frozenset[str]] = field(default_factory=dict)
    holders: frozenset[str] = frozenset()
    partner_folders: frozenset[str] = frozenset()
    pair: Pair | None = None
    scan: Scan = find_files
    examine: Examine = find_nothing
    near_duplicates: Callable[[Sequence[str]], NDArray[np.int64]] = number_by_content
    encode: Callable[[object], bytes | None] = hold_nothing

    def count(self, n: int) -> str:
        """Write a number of items: ``1 picture``, ``2 pictures``."""
        return counted(n, self.one, self.many)

    def ends_like(self, name: str) -> bool:
        """Whether a name ends as files of this medium do."""
        return os.path.splitext(name)[1].lower() in self.suffixes

    def is_one(self, path: str) -> bool:
        """Whether a file is of this medium by its name, or by its first bytes where the name has no ending."""
        if os.path.splitext(path)[1]:
            return self.ends_like(path)
        if not self.magic:
            return False
        try:
            with open(path, "rb") as file:
                return self.suffix_of(file.read(MAGIC_BYTES)) is not None
        except OSError:
            return False

    def suffix_of(self, content: bytes) -> str | None:
        """How a file that begins with these bytes is called; None where it is of no known format."""
        head = content[:MAGIC_BYTES]
        return next((suffix for pattern, suffix in self.magic if pattern.match(head)), None)


MAGIC_BYTES = 16
"""Bytes by which a format is told."""
