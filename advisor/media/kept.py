"""Files → rows of numbers, computed once per content and kept: the same for what is seen and what is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.cache import ArrayCache, content_keys, default_cache
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.media.threads import in_threads

BATCH = 64
"""Files between two looks at the clock and two writes to the cache; our choice: about a second of work."""


def describe_all(
    paths: Sequence[str],
    describe: Callable[[str], NDArray[np.float32] | None],
    *,
    space: str,
    width: int,
    deadline: Deadline | None = None,
    threads: int | None = None,
    cache: ArrayCache | None = None,
) -> NDArray[np.float32]:
    """Describe files in threads, or take their descriptions from the cache.

    Parameters
    ----------
    paths : sequence of str
        Files.
    describe : callable
        From a path to a row of shape (width,), or ``None`` for a file that cannot be read; runs in threads.
    space : str
        Of the cache: names the kind of file and of description.
    width : int
        Numbers in a row.
    deadline : Deadline or None
        When to stop; what was computed by then is kept.
    threads : int or None
        How many files are worked on at once; ``None`` for one per usable core.
    cache : ArrayCache or None
        ``None`` for the cache of this user.

    Returns
    -------
    ndarray of float32 of shape (n_paths, width)
        Rows of unreadable files are NaN.

    Raises
    ------
    DeadlineExceeded
        When the deadline passes before the last file.
    """
    cache = default_cache() if cache is None else cache
    keys = content_keys(paths)
    known = dict(cache.get(space, sorted(set(keys) - {""})))
    missing = {key: path for key, path in zip(keys, paths, strict=True) if key and key not in known}
    for made in _in_batches(list(missing.items()), describe, threads, deadline or Deadline(None)):
        cache.put(space, made)
        known |= made
    unreadable = np.full(width, np.nan, dtype=np.float32)
    rows = [known.get(key, unreadable) for key in keys]
    return np.stack(rows) if rows else np.zeros((0, width), dtype=np.float32)


def sign_all(
    paths: Sequence[str],
    sign: Callable[[str], NDArray[np.uint8]],
    *,
    space: str,
    ready: Callable[[], object],
) -> tuple[tuple[str, ...], list[NDArray[Any]]]:
    """Look into every file once, those that cannot be read among them.

    Parameters
    ----------
    paths : sequence of str
        Files.
    sign : callable
        From a path to a row of bytes that tells an unreadable file, too; runs in threads.
    space : str
        Of the cache.
    ready : callable
        Loads the libraries of ``sign``: once and where there is something to do, before the threads ask together.

    Returns
    -------
    keys : tuple of str of length n_paths
        Equal for equal contents; a file that cannot be read has no content, and is like itself alone.
    rows : list of ndarray of uint8 of length n_paths
        One per path.
    """
    keys = tuple(key or f"?{path}" for key, path in zip(content_keys(paths), paths, strict=True))
    cache = default_cache()
    known = dict(cache.get(space, list(dict.fromkeys(keys))))
    new = {key: path for key, path in zip(keys, paths, strict=True) if key not in known}
    if new:
        ready()
        made = dict(zip(new, in_threads(sign, list(new.values())), strict=True))
        cache.put(space, {key: row for key, row in made.items() if key[0] != "?"})
        known |= made
    return keys, [known[key] for key in keys]


def columns_of(sizes: Mapping[str, int], blocks: Sequence[str]) -> NDArray[np.int64]:
    """Find the columns of some blocks of a description, ascending.

    Parameters
    ----------
    sizes : mapping of str to int
        Numbers in each block, in their order.
    blocks : sequence of str
        Some of their names.

    Returns
    -------
    ndarray of int64

    Examples
    --------
    >>> columns_of({"edges": 2, "colours": 1, "layout": 2}, ["edges", "layout"]).tolist()
    [0, 1, 3, 4]
    """
    marks = np.concatenate([np.full(size, name in blocks) for name, size in sizes.items()])
    return np.flatnonzero(marks)


def names_of(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Name the numbers of a description: the block and the position in it.

    Examples
    --------
    >>> names_of({"edges": 2, "layout": 1})
    ('edges.0', 'edges.1', 'layout.0')
    """
    return tuple(f"{name}.{i}" for name, size in sizes.items() for i in range(size))


def _in_batches(
    work: Sequence[tuple[str, str]],
    describe: Callable[[str], NDArray[np.float32] | None],
    threads: int | None,
    deadline: Deadline,
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Describe files batch after batch; those that cannot be read are left out."""
    with ThreadPoolExecutor(threads or usable_cores()) as pool:
        for first in range(0, len(work), BATCH):
            deadline.check()
            batch = work[first : first + BATCH]
            made = pool.map(describe, [path for _, path in batch])
            yield {key: row for (key, _), row in zip(batch, made, strict=True) if row is not None}
