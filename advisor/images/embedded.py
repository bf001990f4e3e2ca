"""Pictures held in memory or in a table's cells → files, named by their content.

Everything below works on paths, so a picture without one is written once into the cache folder. Its name is the
sha256 of its bytes: the same picture is written once however often it is read.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from advisor.cache import default_cache

FOLDER = "pictures"
"""Name of the folder within the cache's."""

ENDINGS = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG\r\n": ".png",
    b"GIF8": ".gif",
    b"RIFF": ".webp",
    b"BM": ".bmp",
    b"II*\x00": ".tif",
    b"MM\x00*": ".tif",
}
"""First bytes of picture files, and how such a file is called."""


def write_picture(content: bytes) -> str:
    """Write the bytes of a picture file into the cache folder → its path.

    Parameters
    ----------
    content : bytes
        A whole picture file; what does not decode is found out when it is read.

    Returns
    -------
    str
        Absolute path, the same for the same bytes.
    """
    name = hashlib.sha256(content).hexdigest()
    ending = next((end for magic, end in ENDINGS.items() if content.startswith(magic)), ".png")
    place = _folder() / name[:2] / f"{name}{ending}"
    if not place.exists() or place.stat().st_size != len(content):
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{uuid.uuid4().hex}")
        draft.write_bytes(content)
        os.replace(draft, place)  # another process sees all of it or nothing
    return str(place)


def cell_as_path(cell: Any) -> Any:
    """Turn a cell that holds a picture → the path of its file; other cells stay as they are.

    Parameters
    ----------
    cell : bytes, dict of ``bytes`` and ``path``, PIL image, path, or anything
        As Parquet files, ``datasets`` and users have them.

    Returns
    -------
    object
        A path as str for the first four, else ``cell``.
    """
    if isinstance(cell, dict):
        content = cell.get("bytes")
        return cell_as_path(content) if content else cell.get("path")
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return write_picture(bytes(cell))
    if isinstance(cell, os.PathLike):
        return os.fspath(cell)
    if hasattr(cell, "save") and hasattr(cell, "getbbox"):
        buffer = io.BytesIO()
        cell.save(buffer, format="PNG" if cell.mode not in ("F", "CMYK") else "TIFF")
        return write_picture(buffer.getvalue())
    return cell


def holds_picture(cell: Any) -> bool:
    """Whether a cell holds a picture itself, and not only a path.

    Parameters
    ----------
    cell : object

    Returns
    -------
    bool

    Examples
    --------
    >>> holds_picture(b"GIF89a"), holds_picture({"bytes": None, "path": "a.png"}), holds_picture("a.png")
    (True, True, False)
    """
    if isinstance(cell, dict):
        return set(cell) == {"bytes", "path"}
    if isinstance(cell, (bytes, bytearray)):
        return bytes(cell[:8]).startswith(tuple(ENDINGS))
    return hasattr(cell, "save") and hasattr(cell, "getbbox")


def _folder() -> Path:
    return _usable(default_cache().folder / FOLDER)


@cache
def _usable(folder: Path) -> Path:
    """The folder, made; a temporary one where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{uuid.uuid4().hex}"
        draft.touch()
        draft.unlink()
    except OSError as fault:
        instead = Path(tempfile.mkdtemp(prefix="advisor-pictures-"))
        warnings.warn(
            f"'{folder}' cannot be written ({fault.strerror}): pictures that a table holds go to '{instead}'",
            stacklevel=2,
        )
        return instead
    return folder
