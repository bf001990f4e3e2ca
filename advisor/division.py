"""Dataset → how it is divided: folds, what stays together in them, and which unlabelled rows may be learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cache import content_keys
from advisor.dataset import Dataset, Modality
from advisor.splits import SplitPlan, merge_blocks, plan_splits
from advisor.tables.columns import texts_of

KEPT_GROUPS = 0.5
"""Share of the groups that must stay apart once copies of rows are merged; below it groups alone count (our
choice)."""

NET_FOLDS, NET_FOLDS_OF_MANY, MANY_ROWS = 6, 4, 500
"""Folds at most where networks are among the strategies, and from so many labelled rows (our choice: each fold costs
one of them a minute; six are three rounds on two cores, and with many rows a third fewer change little)."""


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


def unseen_rows(dataset: Dataset) -> pd.DataFrame | None:
    """Find the unlabelled rows that may be learned from before any labelled one is judged.

    Parameters
    ----------
    dataset : Dataset
        With a pool or without.

    Returns
    -------
    DataFrame of shape (n_unseen, n_columns) or None
        Rows of the pool that hold something, and not the same as a labelled or a test row, since by those is judged:
        texts whatever their case and spacing, files by their content, rows of a table by their cells. ``None`` where
        there are none.
    """
    positions = unseen_positions(dataset)
    if dataset.X_unlabelled is None or not len(positions):
        return None
    return dataset.X_unlabelled.iloc[positions].reset_index(drop=True)


def unseen_positions(dataset: Dataset) -> NDArray[np.int64]:
    """Find where the rows of :func:`unseen_rows` stand in the pool.

    Parameters
    ----------
    dataset : Dataset
        With a pool or without.

    Returns
    -------
    ndarray of int64 of shape (n_unseen,)
        Positions in ``X_unlabelled``, ascending; empty where there are none.
    """
    if dataset.X_unlabelled is None or not len(dataset.X_unlabelled):
        return np.empty(0, dtype=np.int64)
    judged = {"", *_contents(dataset.X, dataset)}
    if dataset.X_test is not None:
        judged.update(_contents(dataset.X_test, dataset))
    unseen = [content not in judged for content in _contents(dataset.X_unlabelled, dataset)]
    return np.flatnonzero(unseen).astype(np.int64)


def _contents(X: pd.DataFrame, dataset: Dataset) -> list[str]:
    """Name what each row holds, such that equal names are the same thing; empty for nothing."""
    if dataset.modality is Modality.TEXT:
        return [" ".join(text.casefold().split()) for text in texts_of(X, dataset.columns)]
    if dataset.modality is Modality.TABULAR:
        return [str(number) for number in pd.util.hash_pandas_object(X, index=False)]
    paths = X.iloc[:, 0].astype(object)
    return content_keys(["" if pd.isna(path) else str(path) for path in paths])
