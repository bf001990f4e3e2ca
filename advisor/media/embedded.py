"""Items held in memory or in a table's cells → files, named by their content.

Everything below works on paths, so an item without one is written once into the cache folder. Its name is the sha256
of its bytes: the same item is written once however often it is read.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from advisor.cache import default_cache
from advisor.media.medium import Medium


def write_item(content: bytes, medium: Medium, suffix: str) -> str:
    """Write the bytes of a file into the cache folder → its path.

    Parameters
    ----------
    content : bytes
        A whole file; what does not decode is found out when it is read.
    medium : Medium
        What it is.
    suffix : str
        How its name shall end.

    Returns
    -------
    str
        Absolute path, the same for the same bytes.
    """
    name = hashlib.sha256(content).hexdigest()
    place = _usable(default_cache().folder / medium.many) / name[:2] / f"{name}{suffix}"
    if not place.exists() or place.stat().st_size != len(content):
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{uuid.uuid4().hex}")
        draft.write_bytes(content)
        os.replace(draft, place)  # another process sees all of it or nothing
    return str(place)


def cell_as_path(cell: Any, media: Sequence[Medium]) -> Any:
    """Turn a cell that holds an item → the path of its file; other cells stay as they are.

    Parameters
    ----------
    cell : bytes, dict of ``bytes`` and ``path``, object of a medium, path, or anything
        As Parquet files, ``datasets`` and users have them.
    media : sequence of Medium
        What it may be; bytes of no known format are taken for the first.

    Returns
    -------
    object
        A path as str for the first four, else ``cell``.
    """
    if _is_pair(cell):
        content = cell.get("bytes")
        if not content:
            return cell.get("path")
        return _write(content, media, str(cell.get("path") or ""))
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return _write(bytes(cell), media, "")
    if isinstance(cell, os.PathLike):
        return os.fspath(cell)
    for medium in media:
        content = medium.encode(cell)
        if content is not None:
            return write_item(content, medium, medium.suffix_of(content) or medium.plain_suffix)
    return cell


def holds_item(cell: Any, media: Sequence[Medium]) -> bool:
    """Whether a cell holds an item itself, and not only a path.

    Parameters
    ----------
    cell : object
    media : sequence of Medium
        What it may be.

    Returns
    -------
    bool
    """
    if _is_pair(cell):
        return True
    if isinstance(cell, (bytes, bytearray)):
        return any(medium.suffix_of(bytes(cell[:64])) is not None for medium in media)
    if cell is None or isinstance(cell, (str, int, float)):
        return False
    return any(medium.encode(cell) is not None for medium in media)


def _is_pair(cell: Any) -> bool:
    """Whether a cell is what ``datasets`` writes for a file: its bytes, its path, or both."""
    return isinstance(cell, dict) and set(cell) == {"bytes", "path"}


def _write(content: bytes, media: Sequence[Medium], path: str) -> str:
    """Write a file of the medium that its first bytes or its name tell."""
    for medium in media:
        suffix = medium.suffix_of(content)
        if suffix is not None:
            return write_item(content, medium, suffix)
    medium = next((medium for medium in media if medium.ends_like(path)), media[0])
    ending = os.path.splitext(path)[1].lower() if medium.ends_like(path) else ""
    return write_item(content, medium, ending or medium.plain_suffix)


@cache
def _usable(folder: Path) -> Path:
    """The folder, made; a temporary one where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{uuid.uuid4().hex}"
        draft.touch()
        draft.unlink()
    except OSError as fault:
        instead = Path(tempfile.mkdtemp(prefix=f"advisor-{folder.name}-"))
        warnings.warn(
            f"'{folder}' cannot be written ({fault.strerror}): {folder.name} that a table holds go to '{instead}'",
            stacklevel=2,
        )
        return instead
    return folder
