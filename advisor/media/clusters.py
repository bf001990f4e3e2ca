"""Pairs of items that are the same → one number per different item.

Being the same is passed on: of three items, the first may be the same as the third because both are the same as the
second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

BLOCK = 128
"""Items compared with all others at once: at 50,000 pictures a block is 50 MB, and all of them take 2 s."""

Alike = Callable[[Rows, Rows], tuple[Rows, Rows]]
"""From a block of rows and those not before it to the positions of pairs that may be the same."""

Confirm = Callable[[Rows, Rows], NDArray[np.bool_]]
"""From the rows of pairs that may be the same to whether they are."""


def number_linked(links: Sequence[tuple[Rows, Rows]], n: int) -> NDArray[np.int64]:
    """Number the different items among those that are linked in pairs.

    Parameters
    ----------
    links : sequence of tuple (a, b)
        Rows of the two ends of pairs, as arrays of one length.
    n : int
        How many items there are.

    Returns
    -------
    ndarray of int64 of shape (n,)
        From 0, in the order in which they first occur.

    Examples
    --------
    >>> number_linked([(np.array([0, 3]), np.array([2, 1]))], 5).tolist()
    [0, 1, 0, 1, 2]
    """
    groups = _components(links, n) if links else np.arange(n, dtype=np.int64)
    _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first, kind="stable"), kind="stable")[codes].astype(np.int64)


def cluster(
    keys: Sequence[str], comparable: NDArray[np.bool_], alike: Alike, confirm: Confirm
) -> NDArray[np.int64]:
    """Number the different items: those of one key are the same, and those that compare so.

    Without the groups found so far a thousand frames of one scene would be a million pairs to confirm; with them, most
    are linked to each other before their turn comes.

    Parameters
    ----------
    keys : sequence of str of length n
        Of the items' contents.
    comparable : ndarray of bool of shape (n,)
        Those that may be the same as another one of another key.
    alike : callable
        Which pairs may be the same: from ``BLOCK`` rows and all comparable rows from the first of them on to the
        positions in these two arrays. Cheap.
    confirm : callable
        Which of these are.

    Returns
    -------
    ndarray of int64 of shape (n,)
        From 0, in the order in which they first occur.
    """
    n = len(keys)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    _, first, same = np.unique(np.array(keys), return_index=True, return_inverse=True)
    links = [(np.arange(n), first[same])]
    rows = np.sort(first[comparable[first]])
    groups = _components(links, n)
    for start in range(0, len(rows), BLOCK):
        later = rows[start:]
        i, j = alike(later[:BLOCK], later)
        a, b = later[i[i < j]], later[j[i < j]]
        new = groups[a] != groups[b]
        a, b = a[new], b[new]
        agree = confirm(a, b)
        if agree.any():
            links.append((a[agree], b[agree]))
            groups = _components(links, n)
    return number_linked(links, n)


def _components(links: Sequence[tuple[Rows, Rows]], n: int) -> Rows:
    """Number the sets of linked rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = (np.concatenate(ends) for ends in zip(*links, strict=True))
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
