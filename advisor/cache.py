"""Content → arrays computed from it, kept on this machine.

What is slow to compute from a file (embeddings, hand-made features, converted networks) is kept under what it was
computed from: a *space* names the computation in full, a *key* the content. Nothing here can go stale, so nothing is
ever asked whether it has; what was not used for longest is deleted when the limit is reached.

One SQLite file holds all arrays: it stands several processes that write at once, and is one file where a folder of
arrays would be a hundred thousand. What must be a file of its own lies in a folder beside it, and is counted and
cleared like a space, but not bounded by the limit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from advisor import cache_tables
from advisor.cache_tables import SpaceUsage
from advisor.cores import usable_cores
from advisor.errors import InvalidRequest

T = TypeVar("T")

FOLDER_VARIABLE = "REGIME_ADVISOR_CACHE"
"""Environment variable with the folder of the cache."""

LIMIT_VARIABLE = "REGIME_ADVISOR_CACHE_LIMIT"
"""Environment variable with the most bytes the cache may hold: a number, perhaps followed by MB or GB."""

LIMIT = 5 * 10**9
"""Bytes of arrays kept unless ``LIMIT_VARIABLE`` says otherwise; our choice: a million embeddings of 1,280 numbers."""

BUSY = 30.0
"""Seconds to wait for another process that is writing."""

AGAIN = 0.05
"""Seconds until what another process was in the way of is tried again."""

UNITS = {"": 1, "MB": 10**6, "GB": 10**9}
"""What a size may be given in."""

FILE = "arrays.sqlite"
"""Name of the file in the cache's folder."""

WEIGHTS = "weights"
"""Name of a folder there that is the user's: weights downloaded by hand, which are neither counted nor cleared."""

NO_TABLES = "no such table"
"""What SQLite says of a file that is new: this fault has no code of its own."""


class ArrayCache:
    """Arrays by space and key in one file of bounded size, shared by processes.

    A cache that cannot be used (no right to write, a full disk, a damaged file) holds nothing and takes nothing: what
    needs it goes on without, and one warning says so.

    Parameters
    ----------
    folder : Path
        Where the file is, or is made at the first write.
    limit_bytes : int
        Most bytes of arrays; those not used for longest go first.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> cache = ArrayCache(Path(tempfile.mkdtemp()), limit_bytes=10**6)
    >>> cache.put("lengths", {"abc": np.array([3])})
    >>> cache.get("lengths", ["abc", "unknown"])
    {'abc': array([3])}
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit_bytes
        self._told = False
        self._tables_made = False

    @property
    def file(self) -> Path:
        """The one file."""
        return self.folder / FILE

    def get(self, space: str, keys: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Read arrays.

        Parameters
        ----------
        space : str
            The computation they came from.
        keys : sequence of str
            The contents they are of.

        Returns
        -------
        dict of str to ndarray
            Those that are kept, read-only; in no order.
        """
        if not self.file.exists():
            return {}
        return self._try({}, lambda db: cache_tables.read(db, space, keys))

    def put(self, space: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays; what is kept already stays as it is, since equal content gives equal arrays.

        Parameters
        ----------
        space : str
            The computation they came from.
        arrays : mapping of str to ndarray
            By key; numbers only.

        Raises
        ------
        TypeError
            If an array holds objects.
        """
        if any(array.dtype.hasobject for array in arrays.values()):
            raise TypeError(f"expected arrays of numbers for the cache, got objects in '{space}'")
        if arrays:
            self._try(None, lambda db: cache_tables.write(db, space, arrays, self.limit))

    def usage(self) -> list[SpaceUsage]:
        """List how much is kept, per space or folder of files, largest first."""
        return sorted([*self.arrays(), *self.files()], key=lambda one: (-one.bytes, one.space))

    def arrays(self) -> list[SpaceUsage]:
        """List how much is kept per space, which is what the limit bounds."""
        nothing: list[SpaceUsage] = []
        used = self._try(nothing, cache_tables.usage) if self.file.exists() else nothing
        return [one for one in used if one.n]

    def files(self) -> list[SpaceUsage]:
        """List how much is kept per folder of files, which no limit bounds."""
        return [one for one in map(_folder_usage, self._folders()) if one.n]

    def clear(self, space: str | None = None) -> int:
        """Delete what is kept.

        Parameters
        ----------
        space : str or None
            One of :meth:`usage`; ``None`` for all of them, which also removes a damaged file.

        Returns
        -------
        int
            Bytes that the arrays and files took; for a damaged file of arrays, its size.

        Raises
        ------
        InvalidRequest
            If the cache cannot be written.
        """
        try:
            freed = self._clear_arrays(space) if self.file.exists() else 0
            for folder in self._folders():
                if space in (None, folder.name):
                    freed += _folder_usage(folder).bytes
                    shutil.rmtree(folder)
        except (OSError, sqlite3.Error) as fault:
            raise InvalidRequest(
                f"expected a cache that can be written at '{self.folder}', got {fault}; "
                "delete the folder by hand when no run uses it"
            ) from fault
        return freed

    def _clear_arrays(self, space: str | None) -> int:
        try:
            return self._do(lambda db: cache_tables.delete(db, space))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # damaged
            if space is not None:
                raise
            freed = self.file.stat().st_size
            for rest in self.folder.glob(f"{FILE}*"):
                rest.unlink()
            return freed

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [f for f in sorted(self.folder.iterdir()) if f.is_dir() and f.name != WEIGHTS]

    def _try(self, otherwise: T, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._do(work)
        except (OSError, sqlite3.Error) as fault:
            self._tell(fault)
            return otherwise

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do a piece of work, again while another process is in the way.

        SQLite waits by itself for most locks, but not for the change to WAL, nor for the last connection that closes.
        Where somebody deleted the file since its tables were made, the work begins anew on a new one.
        """
        end = time.monotonic() + BUSY
        while True:
            try:
                with self._open() as db:
                    return work(db)
            except sqlite3.OperationalError as fault:
                gone = str(fault).startswith(NO_TABLES)
                if not (gone or _is_busy(fault)) or time.monotonic() > end:
                    raise
                if gone:
                    self._tables_made = False
            time.sleep(AGAIN)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open for one piece of work: a connection may not be shared by threads, nor survive a fork."""
        self.folder.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.file, timeout=BUSY, isolation_level=None)
        try:
            if not self._tables_made:
                # Readers and one writer side by side; a lost last batch after a power cut is only recomputed.
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(cache_tables.SCHEMA)
                self._tables_made = True
            db.execute("PRAGMA synchronous = OFF")
            yield db
        finally:
            db.close()

    def _tell(self, fault: Exception) -> None:
        if self._told:
            return
        self._told = True
        warnings.warn(
            f"the cache at '{self.file}' cannot be used, so everything is computed anew: {fault}; set "
            f"{FOLDER_VARIABLE} to a folder that can be written, or empty it with `advisor cache --clear`",
            stacklevel=4,
        )


def _is_busy(fault: sqlite3.Error) -> bool:
    # The higher bits say what for; an error of Python's own module has no code.
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _folder_usage(folder: Path) -> SpaceUsage:
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return SpaceUsage(folder.name, len(sizes), sum(sizes))


def default_cache() -> ArrayCache:
    """Find the cache of this user on this machine.

    Returns
    -------
    ArrayCache
        In the folder of the environment variable ``REGIME_ADVISOR_CACHE``, else in ``regime-advisor`` of
        ``XDG_CACHE_HOME`` or ``~/.cache``, absolute; the same object for the same settings, so that its warning comes
        once.

    Raises
    ------
    InvalidRequest
        If ``REGIME_ADVISOR_CACHE_LIMIT`` is not a size.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        folder = str(Path(base) / "regime-advisor")
    place = Path(folder).expanduser().absolute()
    return _cache_at(place, _size(os.environ.get(LIMIT_VARIABLE)))


@lru_cache(maxsize=8)
def _cache_at(folder: Path, limit: int) -> ArrayCache:
    return ArrayCache(folder, limit)


def _size(text: str | None) -> int:
    if not text:
        return LIMIT
    number = text.strip().upper().rstrip("BGM")
    unit = text.strip().upper()[len(number) :]
    try:
        return int(float(number) * UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise InvalidRequest(
            f"expected bytes, MB or GB in {LIMIT_VARIABLE}, for example 2GB, got '{text}'"
        ) from None


_keys: dict[str, tuple[tuple[int, int], str]] = {}
_lock = threading.Lock()


def content_key(path: Path | str) -> str:
    """Hash a file's content; remembered by path, size and time of change for as long as the process lives.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    str
        SHA-256 in hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    name = os.fspath(path)
    state = os.stat(name)
    stamp = (state.st_size, state.st_mtime_ns)
    with _lock:
        known = _keys.get(name)
    if known is not None and known[0] == stamp:
        return known[1]
    with open(name, "rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()
    with _lock:
        _keys[name] = (stamp, key)
    return key


def content_keys(paths: Sequence[Path | str]) -> list[str]:
    """Hash many files at once.

    Parameters
    ----------
    paths : sequence of Path or str
        The files.

    Returns
    -------
    list of str
        As :func:`content_key` in the order of ``paths``; empty for a file that cannot be read.
    """

    def key_or_nothing(path: Path | str) -> str:
        try:
            return content_key(path)
        except OSError:
            return ""

    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(key_or_nothing, paths))
