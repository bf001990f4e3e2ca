"""Items and which of them are the same → repeats within the labelled ones and across splits, and fair samples.

Pictures, texts and recordings differ in what makes two of them nearly equal; what is counted then is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Dataset, Task
from advisor.pools import COMPARED as COMPARED

PAIRS_NAMED = 5
"""Pairs named in the profile; our choice, for the reader."""


@dataclass(frozen=True)
class Copies:
    """Which items of the labelled ones, the test split and the pool are the same, in this order.

    Attributes
    ----------
    names : list of str
        What each is called in a message.
    keys : list of str
        Equal for equal contents.
    codes : ndarray of int64 of shape (n,)
        Equal for nearly equal contents.
    n_labelled, n_test : int
        How many of them are labelled, and how many of the rest are of the test split.
    """

    names: list[str]
    keys: list[str]
    codes: NDArray[np.int64]
    n_labelled: int
    n_test: int

    def first_of_each(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave out labelled rows that are copies of an earlier one."""
        _, first = np.unique(self.codes[rows], return_index=True)
        return rows[np.sort(first)]


def short_name(path: str) -> str:
    """Name a file by itself and the folder that it is in."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def name_hashes(names: Sequence[str]) -> NDArray[np.uint64]:
    """Hash names (or texts), so that an order drawn by them does not depend on the one they come in.

    Parameters
    ----------
    names : sequence of str of length n
        What is hashed.

    Returns
    -------
    ndarray of uint64 of shape (n,)
    """
    digests = (hashlib.sha256(name.encode("utf-8", "replace")).digest() for name in names)
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)


def drawn(items: Sequence[str], hashes: NDArray[np.uint64], limit: int) -> list[str]:
    """Draw items by their hashes.

    Parameters
    ----------
    items : sequence of str of length n
        Paths or texts.
    hashes : ndarray of uint64 of shape (n,)
        As :func:`name_hashes` makes them.
    limit : int
        Most items.

    Returns
    -------
    list of str
        In an order that does not depend on that of ``items``.
    """
    return [items[row] for row in _order(items, hashes)[:limit]]


def evenly_drawn(
    items: Sequence[str], hashes: NDArray[np.uint64], dataset: Dataset, limit: int
) -> NDArray[np.int64]:
    """Draw labelled items, as many of each class as there are, by their hashes.

    Parameters
    ----------
    items : sequence of str of length n
        The labelled ones: paths or texts.
    hashes : ndarray of uint64 of shape (n,)
        As :func:`name_hashes` makes them.
    dataset : Dataset
        Whose ``y`` says the classes; labels of several at once and values are not balanced.
    limit : int
        Most items.

    Returns
    -------
    ndarray of int64
        Rows, in an order that does not depend on the order of ``items``.
    """
    order = _order(items, hashes)
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return order[:limit]
    turns = np.zeros(len(items), dtype=np.int64)
    for code in np.unique(dataset.y):
        members = order[dataset.y[order] == code]
        turns[members] = np.arange(len(members))
    return order[np.argsort(turns[order], kind="stable")][:limit]


def _order(items: Sequence[str], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.array(sorted(range(len(items)), key=lambda row: (hashes[row], items[row])), np.int64)


def count_copies(dataset: Dataset, copies: Copies) -> dict[str, object]:
    """Count items that repeat others, and name some.

    Parameters
    ----------
    dataset : Dataset
        Whose labels may contradict each other.
    copies : Copies
        Of its labelled items, and of those of its test split and pool that were compared.

    Returns
    -------
    dict of str to object
        The fields ``n_duplicates``, ``n_near_duplicates``, ``n_near_conflicts``, ``n_near_test_overlap``,
        ``n_pool_overlap`` and ``examples`` of :class:`advisor.profile.PerceivedProfile`.
    """
    n, n_test = copies.n_labelled, copies.n_test
    codes = copies.codes
    here, test, pool = codes[:n], codes[n : n + n_test], codes[n + n_test :]
    in_conflict = np.zeros(n, dtype=np.bool_)
    if dataset.task in (Task.BINARY, Task.MULTICLASS):
        kinds = np.unique(np.stack([here, dataset.y.astype(np.int64)], axis=1), axis=0)
        several = kinds[:, 0][1:][np.diff(kinds[:, 0]) == 0]
        in_conflict = np.isin(here, several)
    return {
        "n_duplicates": n - len(set(copies.keys[:n])),
        "n_near_duplicates": n - int(np.unique(here).size),
        "n_near_conflicts": int(in_conflict.sum()),
        "n_near_test_overlap": int(np.isin(test, here).sum()),
        "n_pool_overlap": int(np.isin(pool, codes[: n + n_test]).sum()),
        "examples": _pairs(dataset, copies, in_conflict),
    }


def _pairs(dataset: Dataset, copies: Copies, in_conflict: NDArray[np.bool_]) -> tuple[str, ...]:
    """Name the first pairs across classes, then those across splits."""
    n, n_test = copies.n_labelled, copies.n_test
    pairs: list[tuple[int, int]] = []
    for code in np.unique(copies.codes[:n][in_conflict])[:PAIRS_NAMED]:
        rows = np.flatnonzero(copies.codes[:n] == code)
        other = rows[dataset.y[rows] != dataset.y[rows[0]]][0]
        pairs.append((int(rows[0]), int(other)))
    where = {int(code): row for row, code in reversed(list(enumerate(copies.codes[:n])))}
    for row in range(n, n + n_test):
        if int(copies.codes[row]) in where and len(pairs) < PAIRS_NAMED:
            pairs.append((where[int(copies.codes[row])], row))
    return tuple(f"{copies.names[a]} ~ {copies.names[b]}" for a, b in pairs[:PAIRS_NAMED])
