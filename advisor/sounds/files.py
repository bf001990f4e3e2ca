"""Files → what kind of recording each one is, or why it is none, from headers and structure alone.

Headers tell length, rate and format; the sizes that they declare, or the last frame, tell whether a file is whole. Only
where asked to is a file decoded, so counting and measuring stays at thousands of files a second.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np

from advisor.media.threads import in_threads
from advisor.sounds.decoding import (
    BLOCK,
    UNREAD,
    UnreadableSound,
    open_sound,
    reason_of,
    sound_library,
)

__all__ = ["ENDINGS", "UNREAD", "SoundFile", "scan_sounds"]

ENDINGS = {
    "WAV": frozenset({".wav", ".wave"}),
    "WAVEX": frozenset({".wav", ".wave"}),
    "RF64": frozenset({".wav", ".wave", ".rf64"}),
    "W64": frozenset({".w64"}),
    "FLAC": frozenset({".flac"}),
    "OGG": frozenset({".ogg", ".oga", ".opus"}),
    "MP3": frozenset({".mp3", ".mp2", ".mpga"}),
    "AIFF": frozenset({".aif", ".aiff", ".aifc"}),
    "AU": frozenset({".au", ".snd"}),
    "CAF": frozenset({".caf"}),
    "NIST": frozenset({".sph", ".nist", ".wav"}),
    "VOC": frozenset({".voc"}),
}
"""How files of a format are called."""

WHOLE = 0.99
"""Share of the declared bytes or frames that a file must hold not to be called cut off (our choice: some writers round
up to their block)."""

COUNTLESS = 2**40
"""Frames from which a header does not know how many there are (a stream that was written as it came)."""

HALF_RANGE, ROUNDED = 2**31, 2**16
"""A size in the header of a file that was written as a stream is 0, or a little below the largest that a writer knows:
2**32 or 2**31 bytes, which it rounds down to its block (SoX begins with 0x7ffff000). Bytes; the second our choice, as
much as a block of 16 bits' size can take."""

LAST_PAGE = 65_307
"""Bytes of the longest page of Ogg: the last one begins within as many of the file's end."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """What the header of a recording says.

    Attributes
    ----------
    path : str
    format, subtype : str
        As libsndfile calls them: ``WAV``, ``FLAC``, ``OGG``, ``MP3`` …; ``PCM_16``, ``FLOAT``, ``VORBIS`` ….
    rate : int
        Samples per second.
    channels : int
    seconds : float
    """

    path: str
    format: str
    subtype: str
    rate: int
    channels: int
    seconds: float


_Seen = tuple[int, int, bool, SoundFile | str]
_seen: dict[str, _Seen] = {}
"""Per path: size, time of change, whether it was decoded, and what was found. A changed file is looked at again."""


def scan_sounds(
    paths: Sequence[str], decode: bool = False
) -> tuple[list[SoundFile], list[tuple[str, str]]]:
    """Look at files → what each is, and which are broken and why. No fault of a file is raised.

    Parameters
    ----------
    paths : sequence of str of length n
        Files; each looked at once in a process as long as it does not change.
    decode : bool
        Decode every file to be sure of it; else only its structure is judged.

    Returns
    -------
    recordings : list of SoundFile
        Those that can be used, in the order of ``paths``.
    broken : list of tuple (path, reason)
        The others, in the order of ``paths``.

    Raises
    ------
    MissingDependency
        If ``soundfile`` is not installed.
    """
    if paths:
        sound_library()  # once, before the threads ask for it together
    found = in_threads(partial(_look, decode=decode), paths)
    recordings = [record for record in found if isinstance(record, SoundFile)]
    broken = [
        (path, record) for path, record in zip(paths, found, strict=True) if isinstance(record, str)
    ]
    return recordings, broken


def _look(path: str, decode: bool) -> SoundFile | str:
    """Find what is known of a file, or open it."""
    try:
        now = os.stat(path)
    except (OSError, ValueError) as fault:
        return reason_of(fault, path)
    seen = _seen.get(path)
    if seen and seen[:2] == (now.st_size, now.st_mtime_ns) and (seen[2] or not decode):
        return seen[3]
    found = _open(path, decode) if now.st_size else "it is empty (0 bytes)"
    _seen[path] = (now.st_size, now.st_mtime_ns, decode, found)
    return found


def _open(path: str, decode: bool) -> SoundFile | str:
    """Read header and structure, and all samples where asked to."""
    try:
        with open_sound(path) as file:
            counted = file.frames < COUNTLESS
            cut = _missing_part(path, file) if counted else ""
            if cut:
                return cut
            n_frames = int(file.frames)
            if decode or not counted:
                n_frames = _decode(file)
                if counted and n_frames < WHOLE * file.frames:
                    return _cut(n_frames, file)
            seconds = n_frames / file.samplerate
            return SoundFile(
                path, file.format, file.subtype, file.samplerate, file.channels, seconds
            )
    except UnreadableSound as fault:
        return str(fault)
    except Exception as fault:  # libsndfile says little of damaged files, and in several ways
        return reason_of(fault, path)


def _missing_part(path: str, file: Any) -> str:
    """Say that a file ends before its header says it does; empty where it does not, or nobody knows."""
    if file.format in ("WAV", "WAVEX", "AIFF", "AU"):
        with open(path, "rb") as raw:
            share = _declared_share(raw, file.format, os.stat(path).st_size)
        if share < WHOLE:
            return f"it is cut off: it holds {share:.0%} of the bytes that its header declares"
    elif file.format == "FLAC" and file.seekable():
        # The end is found by jumping: what is missing cannot be jumped to.
        if not _reaches(file, file.frames - 1):
            return "it is cut off or damaged: its last samples cannot be read"
    elif file.format == "MP3" and file.seekable():
        # The length is what the first frame declares; an encoder may round it up.
        if not _reaches(file, int(WHOLE * file.frames)):
            return "it is cut off or damaged: its last samples cannot be read"
    elif file.format == "OGG":
        with open(path, "rb") as raw:
            if not _ends_stream(raw):
                return "it is cut off: its last page is missing"
    return ""


def _reaches(file: Any, frame: int) -> bool:
    """Whether a frame can be jumped to and read; the file is at its beginning afterwards."""
    try:
        file.seek(frame)
        n_read = len(file.read(1))
        file.seek(0)
    except Exception:  # libsndfile says little of damaged files, and in several ways
        return False
    return bool(n_read)


def _declared_share(raw: IO[bytes], form: str, n_bytes: int) -> float:
    """Share of the bytes of samples that are there, at most 1."""
    order = "<" if form.startswith("WAV") else ">"
    if form == "AU":
        raw.seek(4)
        start, size = struct.unpack(">II", raw.read(8))
        return 1.0 if _is_unknown(size) else min(1.0, (n_bytes - start) / size)
    if raw.read(4) == b"RIFX":
        order = ">"
    raw.seek(12)
    while len(head := raw.read(8)) == 8:
        name, size = head[:4], struct.unpack(f"{order}I", head[4:])[0]
        if name in (b"data", b"SSND"):
            there = n_bytes - raw.tell()
            return 1.0 if _is_unknown(size) else min(1.0, there / size)
        raw.seek(size + size % 2, os.SEEK_CUR)
    return 1.0


def _is_unknown(size: int) -> bool:
    """Whether a size in a header stands for one that was not known when it was written."""
    return not size or size % HALF_RANGE >= HALF_RANGE - ROUNDED


def _ends_stream(raw: IO[bytes]) -> bool:
    """Whether the last page of an Ogg file is marked as the last one."""
    raw.seek(0, os.SEEK_END)
    raw.seek(-min(LAST_PAGE, raw.tell()), os.SEEK_CUR)
    tail = raw.read()
    start = tail.rfind(b"OggS")
    return start < 0 or len(tail) <= start + 5 or bool(tail[start + 5] & 4)


def _decode(file: Any) -> int:
    """Read all samples → how many frames there were.

    Raises
    ------
    UnreadableSound
        If none of the samples is a number.
    """
    n_frames, some = 0, False
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        n_frames += len(block)
        some = some or bool(np.isfinite(block).any())
    if not n_frames:
        raise UnreadableSound("it holds no samples that can be decoded")
    if not some:
        raise UnreadableSound("none of its samples is a number")
    return n_frames


def _cut(n_frames: int, file: Any) -> str:
    rate = file.samplerate
    return f"it is cut off: it holds {n_frames / rate:.2f} of {file.frames / rate:.2f} seconds"
