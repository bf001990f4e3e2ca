"""A file → the waveform of one channel at one rate, whatever it is stored as."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import AdvisorError
from advisor.registry import require

LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000
"""Samples per second beyond which a header is taken for damaged (our choice: seismographs and bat detectors are
within)."""

BLOCK = 2**20
"""Frames that are read at once: bounds the memory of many channels (our choice)."""

MARGIN = 0.05
"""Seconds read beyond the part that is asked for, so that the resampling filter sees what follows; our choice."""

MOST_SECONDS = 60.0
"""Of a recording that encoders of sound listen to; our choice: what is behind them rarely sounds otherwise, and costs
as much."""

UNREAD = frozenset({".m4a", ".aac", ".wma", ".amr", ".mp4", ".ape"})
"""Endings of recordings in formats that libsndfile does not read."""


MPEG = frozenset({".mp3", ".mp2", ".mpga"})

MPEG_HEAD = 4096
"""Bytes within which a file of MPEG sound must have a frame (our choice: tags begin with their own sign, ID3, and
pictures within them with another that passes as one)."""

TAG = b"ID3"
"""How the tag of a file of MPEG sound begins."""

STANDARD_ERROR = 2
"""Its number, for all of a process."""

NO_SOUND = "its content is no sound in a known format"

UNKNOWN = ("Format not recognised", "Unspecified internal error", "not a regular file")
"""What libsndfile says of content that it does not know, the last of what should be MPEG."""


class UnreadableSound(AdvisorError):
    """A file that cannot be decoded as sound; the message is the reason alone, without the file's name."""


def load_sound(path: Path | str, rate: int, longest: float | None = None) -> NDArray[np.float32]:
    """Decode a recording: mean of its channels, resampled, nothing beyond full scale.

    Samples that are no numbers count as 0; a recording whose peak is beyond 1 (floating point, or lossy formats) is
    scaled down by it.

    Parameters
    ----------
    path : Path or str
        wav, flac, ogg, opus, mp3, aiff or what else libsndfile reads.
    rate : int
        Samples per second that are wanted.
    longest : float or None
        Seconds; of a longer recording the first ones are taken. None for all of it.

    Returns
    -------
    ndarray of float32 of shape (n_samples,)
        In [-1, 1]; at least one sample.

    Raises
    ------
    UnreadableSound
        If it cannot be decoded, or holds nothing.
    """
    wave, own_rate, _ = read_wave(path, longest)
    if own_rate != rate:
        soxr = require("soxr", extra="audio")
        wave = np.asarray(soxr.resample(wave, own_rate, rate), dtype=np.float32)
    if longest is not None:
        wave = wave[: max(1, round(longest * rate))]
    if not len(wave):  # shorter than one sample at this rate
        return np.zeros(1, dtype=np.float32)
    peak = float(np.abs(wave).max())
    return np.ascontiguousarray(wave / peak if peak > 1 else wave, dtype=np.float32)


def read_wave(path: Path | str, longest: float | None) -> tuple[NDArray[np.float32], int, int]:
    """Decode a recording at its own rate: the mean of its channels, without what is no number.

    Parameters
    ----------
    path : Path or str
    longest : float or None
        Seconds; a little more than the first of these are read, so that a resampling filter sees what follows.

    Returns
    -------
    wave : ndarray of float32 of shape (n_samples,)
        At least one sample, perhaps beyond full scale.
    rate : int
        Samples per second.
    n_odd : int
        Samples, of all channels, that were no finite numbers and are 0 now.

    Raises
    ------
    UnreadableSound
        If it cannot be decoded, holds nothing, or nothing but what is no number.
    """
    try:
        with open_sound(path) as file:
            wave, n_odd = _read(file, longest)
            if not len(wave):
                raise UnreadableSound("it holds no samples that can be decoded")
            if n_odd == len(wave) * file.channels:
                raise UnreadableSound("none of its samples is a number")
            return wave, int(file.samplerate), n_odd
    except UnreadableSound:
        raise
    except Exception as fault:  # libsndfile says little of damaged files, and in several ways
        raise UnreadableSound(reason_of(fault, path)) from fault


def wave_pieces(
    path: Path | str, seconds: float
) -> Generator[tuple[NDArray[np.float32], int], None, None]:
    """Decode a recording piece by piece: all channels at its own rate, 0 for what is no number.

    Parameters
    ----------
    path : Path or str
    seconds : float
        Length of a piece; the last may be shorter.

    Yields
    ------
    piece : ndarray of float32 of shape (n_samples, n_channels)
        At least one sample, perhaps beyond full scale.
    rate : int
        Samples per second.

    Raises
    ------
    UnreadableSound
        If it cannot be decoded, or a piece holds nothing but what is no number.
    """
    try:
        with open_sound(path) as file:
            size = max(1, round(seconds * file.samplerate))
            block, n_odd = _read_block(file, size)
            if not len(block):
                raise UnreadableSound("it holds no samples that can be decoded")
            while len(block):
                if n_odd == block.size:
                    raise UnreadableSound("none of its samples is a number")
                yield block, int(file.samplerate)
                block, n_odd = _read_block(file, size)
    except UnreadableSound:
        raise
    except Exception as fault:  # libsndfile says little of damaged files, and in several ways
        raise UnreadableSound(reason_of(fault, path)) from fault


@cache
def sound_library() -> ModuleType:
    """Load ``soundfile`` → the module.

    Returns
    -------
    module

    Raises
    ------
    MissingDependency
        If it is not installed.
    """
    return require("soundfile", extra="audio")


@contextmanager
def open_sound(path: Path | str) -> Iterator[Any]:
    """Open a recording and read its header; close it at the end of the ``with`` block.

    Parameters
    ----------
    path : Path or str

    Yields
    ------
    soundfile.SoundFile

    Raises
    ------
    UnreadableSound
        If its header says what no recording can have: an absurd rate, or no samples.
    OSError, soundfile.SoundFileError
        If it cannot be opened; see :func:`reason_of`.
    """
    with open(path, "rb") as raw:
        head = raw.read(MPEG_HEAD)
    is_mpeg = os.path.splitext(path)[1].lower() in MPEG
    # libmpg123 would search the whole file for a frame
    if is_mpeg and head and not _may_be_mpeg(head):
        raise UnreadableSound(NO_SOUND)
    # whatever it is called: a file is read as what it is
    quiet = is_mpeg or head[:3] == TAG or _is_frame(head, 0)
    with _QUIET if quiet else nullcontext(), sound_library().SoundFile(path) as file:
        _check_header(file)
        yield file


class _Quiet:
    """Keeps libmpg123, which cannot be asked to be silent through libsndfile, from writing to the terminal.

    It writes its notes on harmless oddities to the standard error of the process, which goes nowhere while at least
    one thread is within.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_within = 0
        self._kept = -1

    def __enter__(self) -> None:
        with self._lock:
            self._n_within += 1
            if self._n_within > 1:
                return
            try:
                self._kept = os.dup(STANDARD_ERROR)
                nowhere = os.open(os.devnull, os.O_WRONLY)
            except OSError:  # closed: nothing is written anyway
                return
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(nowhere, STANDARD_ERROR)
            os.close(nowhere)

    def __exit__(self, *fault: object) -> None:
        with self._lock:
            self._n_within -= 1
            if not self._n_within and self._kept >= 0:
                os.dup2(self._kept, STANDARD_ERROR)
                os.close(self._kept)
                self._kept = -1


_QUIET = _Quiet()


def _may_be_mpeg(head: bytes) -> bool:
    """Whether the beginning of a file has a tag or a frame of MPEG sound somewhere."""
    return head[:3] == TAG or any(_is_frame(head, i) for i in range(len(head) - 1))


def _is_frame(head: bytes, at: int) -> bool:
    return head[at : at + 1] == b"\xff" and head[at + 1 : at + 2] >= b"\xe0"


def _check_header(file: Any) -> None:
    """Raise UnreadableSound where the rate is absurd or there are no samples."""
    if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
        raise UnreadableSound(
            f"its header gives {file.samplerate:,} samples per second: expected {LOWEST_RATE:,} to {HIGHEST_RATE:,}"
        )
    if not file.frames:  # Ogg tells its length at its end
        cut = "is cut off or " if file.format == "OGG" else ""
        raise UnreadableSound(f"it {cut}holds no samples (0 seconds)")


def reason_of(fault: Exception, path: Path | str) -> str:
    """Say in one line, without the file's name, what libsndfile found wrong with a file.

    Parameters
    ----------
    fault : Exception
        As it was raised.
    path : Path or str
        The file, which is looked at when libsndfile only says "System error".

    Returns
    -------
    str
    """
    try:
        n_bytes = os.stat(path).st_size
    except FileNotFoundError:
        return "it does not exist"
    except (OSError, ValueError) as closed:
        return f"it cannot be opened ({getattr(closed, 'strerror', None) or closed})"
    if not n_bytes:
        return "it is empty (0 bytes)"
    if isinstance(fault, OSError) and fault.strerror:
        return f"it cannot be opened ({fault.strerror})"
    ending = os.path.splitext(path)[1].lower()
    if ending in UNREAD:
        return f"'{ending}' is not read: convert it to flac or wav"
    text = " ".join(str(getattr(fault, "error_string", "") or fault).split()).rstrip(".")
    if any(sign in text for sign in UNKNOWN):
        return NO_SOUND
    if "System error" in text and not os.access(path, os.R_OK):
        return "it cannot be opened (Permission denied)"
    if "lost sync" in text:
        return f"it is cut off or damaged ({text})"
    return f"it cannot be decoded ({text})"


def _read(file: Any, longest: float | None) -> tuple[NDArray[np.float32], int]:
    """The mean of the channels, from the beginning, and how many samples were no numbers."""
    wanted = None if longest is None else int((longest + MARGIN) * file.samplerate) + 1
    pieces: list[NDArray[np.float32]] = []
    n_read = n_odd = 0
    while wanted is None or n_read < wanted:
        size = BLOCK if wanted is None else min(BLOCK, wanted - n_read)
        block, n_odd_in_block = _read_block(file, size)
        if not len(block):
            break
        n_odd += n_odd_in_block
        pieces.append(block.mean(axis=1, dtype=np.float32))
        n_read += len(block)
    return (np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)), n_odd


def _read_block(file: Any, size: int) -> tuple[NDArray[np.float32], int]:
    """The next frames of all channels, empty at the end, and how many samples were no numbers and are 0 now."""
    block: NDArray[np.float32] = file.read(size, dtype="float32", always_2d=True)
    finite = np.isfinite(block)
    if finite.all():
        return block, 0
    return np.where(finite, block, np.float32(0)), int(finite.size - finite.sum())
