"""Dataset → how it is divided: folds, what stays together in them, and which unlabelled rows may be learned from."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cache import content_keys, default_cache
from advisor.dataset import Dataset, Modality
from advisor.splits import SplitPlan, merge_blocks, plan_splits
from advisor.tables.columns import distinguishing, texts_of

KEPT_GROUPS = 0.5
"""Share of the groups that must stay apart once copies of rows are merged; below it groups alone count (our
choice)."""

NET_FOLDS, NET_FOLDS_OF_MANY, MANY_ROWS = 6, 4, 500
"""Folds at most where networks are among the strategies, and from so many labelled rows (our choice: each fold costs
one of them a minute; six are three rounds on two cores, and with many rows a third fewer change little)."""

COMPARED_AT_ONCE = 1_000
"""Rows of the pool that are searched for near copies of labelled and test rows at once, or as many as there are of
these, for which the pairs are fewest: time grows with the pool and not with its square (our choice)."""

NEAR_SPACE = "near copies in the pool (2)"
"""Space of the cache; raise the number when it changes which items :meth:`Dataset.copies` calls the same."""


def plan_for(dataset: Dataset, seed: int) -> SplitPlan:
    """Choose the folds of a dataset, whose groups and exact duplicates stay together.

    Parameters
    ----------
    dataset : Dataset
        The labelled rows.
    seed : int
        Kept in the plan.

    Returns
    -------
    SplitPlan

    Raises
    ------
    InvalidRequest
        If there are fewer than two distinct rows or two groups.
    """
    blocks = blocks_of(dataset)
    n_blocks = None if blocks is None else len(np.unique(blocks))
    most = None
    if dataset.modality is not Modality.TABULAR:
        most = NET_FOLDS if dataset.n_labelled < MANY_ROWS else NET_FOLDS_OF_MANY
    return plan_splits(dataset.task, dataset.y, dataset.groups, seed, n_blocks, most)


def blocks_of(dataset: Dataset) -> NDArray[np.int64] | None:
    """Codes of rows that must stay together: groups, merged with rows that are copies of one another.

    Where copies link most of the groups to each other, as they do in tables of a few coarse columns, the groups alone
    count: rows that agree by chance are no reason to have nothing to split.

    Parameters
    ----------
    dataset : Dataset
        The labelled rows.

    Returns
    -------
    ndarray of int of shape (n_labelled,) or None
        ``None`` where every row stands alone.
    """
    merged = merge_blocks(dataset.groups, dataset.copies())
    if dataset.groups is None or merged is None:
        return merged
    alone = merge_blocks(dataset.groups, None)
    n_groups = len(np.unique(dataset.groups))
    return merged if len(np.unique(merged)) >= KEPT_GROUPS * n_groups else alone


def unseen_rows(dataset: Dataset, most: int | None = None) -> pd.DataFrame | None:
    """Find the unlabelled rows that may be learned from before any labelled one is judged.

    Parameters
    ----------
    dataset : Dataset
        With a pool or without.
    most : int or None
        Rows at most, as for :func:`unseen_positions`.

    Returns
    -------
    DataFrame of shape (n_unseen, n_columns) or None
        Rows of the pool that hold something, and neither the same nor nearly the same as a labelled or a test row,
        since by those is judged: texts whatever their case and spacing, files by their content, rows of a table by the
        cells that are learned from, and of texts and files also those that
        :meth:`advisor.dataset.Dataset.copies` finds nearly equal.
        ``None`` where there are none.
    """
    positions = unseen_positions(dataset, most)
    if dataset.X_unlabelled is None or not len(positions):
        return None
    return dataset.X_unlabelled.iloc[positions].reset_index(drop=True)


def unseen_positions(dataset: Dataset, most: int | None = None) -> NDArray[np.int64]:
    """Find where the rows of :func:`unseen_rows` stand in the pool.

    Parameters
    ----------
    dataset : Dataset
        With a pool or without.
    most : int or None
        Rows that are searched for near copies at most, drawn evenly from those of other content than labelled and test
        rows: that takes 2 ms per photo. ``None`` for all.

    Returns
    -------
    ndarray of int64 of shape (n_unseen,)
        Positions in ``X_unlabelled``, ascending; empty where there are none.
    """
    if dataset.X_unlabelled is None or not len(dataset.X_unlabelled):
        return np.empty(0, dtype=np.int64)
    judged = [dataset.X] if dataset.X_test is None else [dataset.X, dataset.X_test]
    seen = {""}.union(*(_contents(rows, dataset) for rows in judged))
    new = [content not in seen for content in _contents(dataset.X_unlabelled, dataset)]
    positions = np.flatnonzero(new).astype(np.int64)
    if most is not None and len(positions) > most:
        positions = positions[np.linspace(0, len(positions) - 1, most).astype(np.int64)]
    if dataset.modality is Modality.TABULAR or not len(positions):
        return positions
    return positions[~_near_copies(dataset, judged, dataset.X_unlabelled.iloc[positions])]


def _near_copies(
    dataset: Dataset, judged: list[pd.DataFrame], pool: pd.DataFrame
) -> NDArray[np.bool_]:
    """Say which rows of the pool nearly repeat a row that is judged by; found once and kept in the cache."""
    digest = hashlib.sha256()
    for rows in (*judged, pool):
        digest.update(f"{len(rows)};".encode())
        digest.update(_signature(rows, dataset))
    key, cache = digest.hexdigest(), default_cache()
    kept = cache.get(NEAR_SPACE, [key])
    if key in kept:
        return np.asarray(kept[key], dtype=np.bool_)
    first = pd.concat(judged, ignore_index=True)
    near = np.zeros(len(pool), dtype=np.bool_)
    size = max(COMPARED_AT_ONCE, len(first))
    for start in range(0, len(pool), size):
        part = pool.iloc[start : start + size]
        both = pd.concat([first, part], ignore_index=True)
        codes = replace(dataset, X=both).copies()
        near[start : start + size] = np.isin(codes[len(first) :], codes[: len(first)])
    cache.put(NEAR_SPACE, {key: near.astype(np.uint8)})
    return near


def _signature(rows: pd.DataFrame, dataset: Dataset) -> bytes:
    """Tell rows of texts or files apart by all that decides whether they are copies."""
    if dataset.modality is Modality.TEXT:
        return pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()
    return "\0".join(_contents(rows, dataset)).encode()


def _contents(X: pd.DataFrame, dataset: Dataset) -> list[str]:
    """Name what each row holds, such that equal names are the same thing; empty for nothing."""
    if dataset.modality is Modality.TEXT:
        return [" ".join(text.casefold().split()) for text in texts_of(X, dataset.columns)]
    if dataset.modality is Modality.TABULAR:
        told = X[distinguishing(dataset.columns)]
        return [str(number) for number in pd.util.hash_pandas_object(told, index=False)]
    paths = X.iloc[:, 0].astype(object)
    return content_keys(["" if pd.isna(path) else str(path) for path in paths])
