"""Doing the same to many files in a few threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from advisor.cores import usable_cores

T = TypeVar("T")

MOST_THREADS = 16
"""Threads beyond which headers are not read faster (our choice)."""


def in_threads(
    work: Callable[[str], T], items: Sequence[str], threads: int | None = None
) -> list[T]:
    """Do the same to every item in a few threads → results in the order of the items.

    Parameters
    ----------
    work : callable
        From one item to its result; runs in threads.
    items : sequence of str of length n
    threads : int or None
        None takes two per core: one waits for the disk while the other computes.

    Returns
    -------
    list of length n
    """
    n_threads = min(threads or 2 * usable_cores(), MOST_THREADS, max(1, len(items)))
    if n_threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, items))
