"""SQL of the cache: the tables of its file, and what is asked of them.

Each function takes an open connection without implicit transactions. Totals per space are kept by triggers, since
summing over a million rows at every write would cost more than the write.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOM = 0.1
"""Share of the limit that is freed when it is reached, so that not every write frees a little. Our choice."""

STALE = 3600.0
"""Seconds after which a read notes that an array was used; finer would turn every read into a write. Our choice."""

AT_ONCE = 500
"""Keys in one query; SQLite's older builds allow 999 parameters."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS spaces (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, n INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS arrays (
    space INTEGER NOT NULL, key TEXT NOT NULL, used REAL NOT NULL, bytes INTEGER NOT NULL,
    dtype TEXT NOT NULL, shape TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (space, key)
);
CREATE INDEX IF NOT EXISTS arrays_by_use ON arrays (used, bytes);
CREATE TRIGGER IF NOT EXISTS array_added AFTER INSERT ON arrays BEGIN
    UPDATE spaces SET n = n + 1, bytes = bytes + new.bytes WHERE id = new.space;
END;
CREATE TRIGGER IF NOT EXISTS array_removed AFTER DELETE ON arrays BEGIN
    UPDATE spaces SET n = n - 1, bytes = bytes - old.bytes WHERE id = old.space;
END;
"""


class SpaceUsage(NamedTuple):
    """How much one kind of computation keeps."""

    space: str
    n: int
    """Arrays, or files."""
    bytes: int
    """Of the arrays alone; the file is a little larger."""


def read(db: sqlite3.Connection, space: str, keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read arrays of a space by key, and note that they were used.

    Parameters
    ----------
    db : sqlite3.Connection
        Of a file with ``SCHEMA``, as for all functions here.
    space : str
        Its name.
    keys : sequence of str
        What is looked for.

    Returns
    -------
    dict of str to ndarray
        What is there; the arrays are read-only.
    """
    number = _number(db, space)
    if number is None:
        return {}
    found: dict[str, NDArray[Any]] = {}
    stale: list[str] = []
    now = time.time()
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        marks = ",".join("?" * len(part))
        rows = db.execute(
            f"SELECT key, used, dtype, shape, data FROM arrays WHERE space = ? AND key IN ({marks})",
            (number, *part),
        )
        for key, used, dtype, shape, data in rows:
            found[key] = np.frombuffer(data, dtype=dtype).reshape(json.loads(shape))
            if now - used > STALE:
                stale.append(key)
    if stale:
        _touch(db, number, stale, now)
    return found


def _touch(db: sqlite3.Connection, number: int, keys: Sequence[str], now: float) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        update = "UPDATE arrays SET used = ? WHERE space = ? AND key = ?"
        db.executemany(update, [(now, number, key) for key in keys])
        db.execute("COMMIT")
    except sqlite3.OperationalError:
        pass  # a cache that may only be read is still a cache


def write(
    db: sqlite3.Connection, space: str, arrays: Mapping[str, NDArray[Any]], limit: int
) -> None:
    """Add arrays that are not there, then delete those not used for longest until the limit is kept.

    Parameters
    ----------
    db : sqlite3.Connection
        As above.
    space : str
        Its name; made if new.
    arrays : mapping of str to ndarray
        By key.
    limit : int
        Most bytes of all spaces together.
    """
    now = time.time()
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("INSERT OR IGNORE INTO spaces (name) VALUES (?)", (space,))
        number = _number(db, space)
        db.executemany(
            "INSERT OR IGNORE INTO arrays VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (number, key, now, array.nbytes, array.dtype.str, json.dumps(array.shape), data)
                for key, array in arrays.items()
                for data in (np.ascontiguousarray(array).tobytes(),)
            ),
        )
        _evict(db, limit)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _evict(db: sqlite3.Connection, limit: int) -> None:
    total = db.execute("SELECT coalesce(sum(bytes), 0) FROM spaces").fetchone()[0]
    if total <= limit:
        return
    excess = total - (1 - ROOM) * limit
    oldest: list[tuple[int]] = []
    for rowid, size in db.execute("SELECT rowid, bytes FROM arrays ORDER BY used, rowid"):
        if excess <= 0:
            break
        oldest.append((rowid,))
        excess -= size
    db.executemany("DELETE FROM arrays WHERE rowid = ?", oldest)


def delete(db: sqlite3.Connection, space: str | None) -> int:
    """Delete one space, or all for ``None``; returns the bytes that its arrays had."""
    where, values = ("", ()) if space is None else ("WHERE name = ?", (space,))
    query = f"SELECT coalesce(sum(bytes), 0) FROM spaces {where}"
    freed = int(db.execute(query, values).fetchone()[0])
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"DELETE FROM arrays WHERE space IN (SELECT id FROM spaces {where})", values)
    db.execute("COMMIT")
    # The room goes back to the disk now, or, where another process is reading, to later arrays.
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return freed


def usage(db: sqlite3.Connection) -> list[SpaceUsage]:
    """List all spaces that there are or were."""
    return [SpaceUsage(*row) for row in db.execute("SELECT name, n, bytes FROM spaces")]


def _number(db: sqlite3.Connection, space: str) -> int | None:
    row = db.execute("SELECT id FROM spaces WHERE name = ?", (space,)).fetchone()
    return None if row is None else int(row[0])
