"""Files → what kind of picture each one is, or why it is none, from headers and structure alone.

Headers tell size, mode and format; the end of a file tells whether it is whole. Only a file whose end is not as it
should be is decoded to see whether it can be used, so counting and sizing stays at thousands of files a second.
"""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from advisor.images.decoding import FORMATS, quiet_pillow, reason_of
from advisor.media.threads import in_threads

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

CHECK_SIDE = 64
"""Pixels a JPEG may be shrunk to when it is decoded only to see whether that works (our choice: all of its data is
read, a fraction of it transformed)."""

ORIENTATION, STRIPS, TILES = 274, (273, 279), (324, 325)
"""TIFF tags: the orientation; offsets and lengths of strips and of tiles."""

TRIED, SLOW_SECONDS = 50, 1e-3
"""Headers read one after the other, and the seconds for one from which threads pay. Where files come from memory, two
threads that wait for each other read 11,000 headers a second and one reads 35,000 (our measurement); where each comes
from a slow disk, threads wait together."""

SIDEWAYS = 5
"""EXIF orientations from here on lie on their side."""

_PIXELS = re.compile(r"\((\d+) pixels\) exceeds limit of (\d+)")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """What the header of a picture says.

    Attributes
    ----------
    path : str
    format : str
        As Pillow calls it: ``JPEG``, ``PNG``, ``WEBP``, ``BMP``, ``TIFF``, ``GIF`` ….
    width, height : int
        Pixels of the upright picture.
    mode : str
        Pillow's mode as stored: ``RGB``, ``L``, ``P``, ``CMYK``, ``I;16`` ….
    n_bytes : int
        Size of the file.
    orientation : int
        EXIF orientation, 1 for upright.
    """

    path: str
    format: str
    width: int
    height: int
    mode: str
    n_bytes: int
    orientation: int = 1


_Seen = tuple[int, int, bool, PictureFile | str]
_seen: dict[str, _Seen] = {}
"""Per path: size, time of change, whether it was decoded, and what was found. A changed file is looked at again."""


def scan_pictures(
    paths: Sequence[str], *, decode: bool = False, threads: int | None = None
) -> tuple[list[PictureFile], list[tuple[str, str]]]:
    """Look at files → what each is, and which are broken and why. No fault of a file is raised.

    Parameters
    ----------
    paths : sequence of str of length n
        Files; each looked at once in a process as long as it does not change.
    decode : bool
        Decode every file to be sure of it; else only those whose structure is suspicious.
    threads : int or None
        How many look at a time; None finds out whether threads pay.

    Returns
    -------
    pictures : list of PictureFile
        Those that can be used, in the order of ``paths``.
    broken : list of tuple (path, reason)
        The others, in the order of ``paths``.
    """
    found: list[PictureFile | str] = []
    began = time.monotonic()
    if threads is None and not decode:
        found = [_look(path, decode) for path in paths[:TRIED]]
        quick = time.monotonic() - began < SLOW_SECONDS * len(found)
        threads = 1 if quick else None
    found += in_threads(lambda path: _look(path, decode), paths[len(found) :], threads)
    pictures = [record for record in found if isinstance(record, PictureFile)]
    broken = [
        (path, record) for path, record in zip(paths, found, strict=True) if isinstance(record, str)
    ]
    return pictures, broken


def _look(path: str, decode: bool) -> PictureFile | str:
    """Find what is known of a file, or open it."""
    try:
        now = os.stat(path)
    except (OSError, ValueError) as fault:
        missing = isinstance(fault, FileNotFoundError)
        return "it does not exist" if missing else reason_of(fault)
    seen = _seen.get(path)
    if seen and seen[:2] == (now.st_size, now.st_mtime_ns) and (seen[2] or not decode):
        return seen[3]
    if not now.st_size:
        found: PictureFile | str = "it is empty (0 bytes)"
    else:
        found = _open(path, now.st_size, decode)
    _seen[path] = (now.st_size, now.st_mtime_ns, decode, found)
    return found


def _open(path: str, n_bytes: int, decode: bool) -> PictureFile | str:
    """Read header and structure; decode where asked to, or where the structure is odd."""
    pillow = quiet_pillow()
    whole = True
    try:
        with open(path, "rb") as file, pillow.open(file, formats=FORMATS) as picture:
            turned = _orientation(picture)
            width, height = picture.size if turned < SIDEWAYS else picture.size[::-1]
            record = PictureFile(
                path, picture.format or "", width, height, picture.mode, n_bytes, turned
            )
            whole = _is_whole(picture, file, n_bytes)
            if decode or not whole:
                file.seek(0)
                picture.draft("RGB", (CHECK_SIDE, CHECK_SIDE))
                picture.load()
            return record
    except pillow.DecompressionBombError as fault:
        return _bomb(str(fault))
    except Exception as fault:  # Pillow's parsers raise nearly anything on damaged files
        reason = reason_of(fault)
        return reason if whole or "truncated" in reason else f"it is cut off or damaged: {reason}"


def _orientation(picture: ImageFile) -> int:
    """EXIF orientation; 1 where there is none or it means nothing."""
    try:
        if picture.format == "TIFF":
            turned = picture.tag_v2.get(ORIENTATION, 1)  # type: ignore[attr-defined]
        elif "exif" in picture.info:
            turned = picture.getexif().get(ORIENTATION, 1)
        else:
            return 1
    except Exception:  # damaged EXIF beside good pixels
        return 1
    return turned if isinstance(turned, int) and 1 <= turned <= 8 else 1


def _is_whole(picture: ImageFile, file: IO[bytes], n_bytes: int) -> bool:
    """Whether a file ends as its format says it must; False means that nobody knows, not that it is broken."""
    form = picture.format
    if form == "TIFF":
        return _tiff_ends(picture) <= n_bytes
    if form in ("JPEG", "MPO"):
        return _tail(file, 2) == b"\xff\xd9"
    if form == "PNG":
        return _tail(file, 8) == b"IEND\xaeB`\x82"
    if form == "GIF":
        return _tail(file, 1) == b";"
    file.seek(0)
    head = file.read(12)
    if form == "WEBP":
        return bool(struct.unpack("<I", head[4:8])[0] + 8 <= n_bytes)
    if form == "BMP":
        return bool(0 < struct.unpack("<I", head[2:6])[0] <= n_bytes)
    return False


def _tail(file: IO[bytes], n: int) -> bytes:
    file.seek(-n, os.SEEK_END)
    return file.read(n)


def _tiff_ends(picture: ImageFile) -> int:
    """Where the last strip or tile of the first page ends, in bytes from the beginning."""
    tags = picture.tag_v2  # type: ignore[attr-defined]
    ends = [0]
    for offsets, lengths in (STRIPS, TILES):
        starts, sizes = tags.get(offsets, ()), tags.get(lengths, ())
        ends += [start + size for start, size in zip(starts, sizes, strict=False)]
    return max(ends)


def _bomb(text: str) -> str:
    found = _PIXELS.search(text)
    if found is None:
        return f"it is too large to decode ({text})"
    return (
        f"it would unpack to {int(found[1]):,} pixels, more than the {int(found[2]):,} that are "
        "decoded (a decompression bomb, or cut it into tiles)"
    )
