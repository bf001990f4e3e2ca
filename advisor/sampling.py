"""Dataset → the rows a quick look needs: a sample that keeps rare classes and some rows of every group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Dataset, Task
from advisor.profile import AudioProfile, DatasetProfile, TextProfile

EMBEDDING_SECONDS = 10.0
"""Seconds that embedding what a probe looks at may take on two cores; our choice: half of its default 20 s."""

PICTURE_SECONDS = 1 / 150
"""Seconds per picture on two cores: 150 pictures/s (our measurement, EfficientNet-lite0)."""

WORD_SECONDS = 1 / 4_000
"""Seconds per word of a text on two cores: 415 texts/s of 10 words (our measurement, MiniLM)."""

RECORDING_SECONDS, SOUND_SECONDS = 0.013, 0.004
"""Seconds per recording, and per second of it, on two cores: 16.5 ms for 0.44 s, 34 ms for 5 s (our measurement,
Whisper's smallest encoder)."""

FEWEST_ITEMS, MOST_ITEMS = 200, 5_000
"""Items that a probe looks at however slow or fast they are; our choice: fewer say nothing about strategies, and of
more intervals are narrower than the differences."""

MIN_ROWS_PER_CLASS = 25
"""Rows of each class that sampling keeps, where there are so many (our choice: five per fold of five)."""

WEIGHED_ROWS = 500
"""Rows of a rare class that are kept, where rows of other classes stand for several (our choice: a rate among these
is known to two points)."""

COMPARED_ROWS = 20_000
"""Rows that strategies and configurations are compared on; above, evenly spaced ones (our choice: of a million, the
counts of 200 bootstrap samples took 16 s and 800 MB, and what differs by two per cent shows on these)."""


def item_seconds(profile: DatasetProfile) -> float:
    """Say what embedding a typical picture, text or recording takes.

    Parameters
    ----------
    profile : DatasetProfile
        Of any modality but tables; its lengths matter.

    Returns
    -------
    float
        Seconds on two cores, with the backbones that come with the extras.
    """
    if isinstance(profile, TextProfile):
        return WORD_SECONDS * max(1.0, profile.words[1])
    if isinstance(profile, AudioProfile):
        return RECORDING_SECONDS + SOUND_SECONDS * profile.seconds[1]
    return PICTURE_SECONDS


def item_cap(profile: DatasetProfile) -> int:
    """Say how many pictures, texts or recordings a probe may look at.

    Parameters
    ----------
    profile : DatasetProfile
        As for :func:`item_seconds`.

    Returns
    -------
    int
    """
    return min(MOST_ITEMS, max(FEWEST_ITEMS, round(EMBEDDING_SECONDS / item_seconds(profile))))


def sample_rows(dataset: Dataset, cap: int, seed: int) -> NDArray[np.int64]:
    """Choose the rows a probe looks at: all, or a sample with the classes in proportion and of every group some.

    Parameters
    ----------
    dataset : Dataset
        Of any task. Groups are not taken whole: few large ones would be fewer than the folds.
    cap : int
        How many rows at most, but for those that rare classes and small groups bring.
    seed : int
        Seed of the choice.

    Returns
    -------
    ndarray of int of shape (n,)
        Positions in ``dataset.X``, ascending.
    """
    n_rows = dataset.n_labelled
    if n_rows <= cap:
        return np.arange(n_rows, dtype=np.int64)
    order = np.random.default_rng(seed).permutation(n_rows)
    if dataset.groups is not None:
        # One row of every group goes first, as far as these are no more than the cap.
        first = np.unique(dataset.groups[order], return_index=True)[1]
        order = np.concatenate([order[np.sort(first)], np.delete(order, first)])
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return np.sort(order[:cap]).astype(np.int64)
    codes = np.asarray(dataset.y, dtype=np.int64)[order]
    rank_in_class = np.empty(n_rows, dtype=np.int64)
    for code in np.unique(codes):
        rank_in_class[codes == code] = np.arange(np.count_nonzero(codes == code))
    quota = np.maximum(np.bincount(codes) * cap // n_rows, MIN_ROWS_PER_CLASS)
    return np.sort(order[rank_in_class < quota[codes]]).astype(np.int64)


def compared_rows(y: NDArray[np.generic]) -> NDArray[np.int64]:
    """Positions of the rows that candidates are compared on.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, k)
        Codes of classes, values, or 0/1 labels.

    Returns
    -------
    ndarray of int64 of shape (m,)
        All, or ``COMPARED_ROWS`` evenly spaced ones and as many more as rare classes and labels need to have
        ``MIN_ROWS_PER_CLASS`` of theirs among them; ascending.
    """
    if len(y) <= COMPARED_ROWS:
        return np.arange(len(y), dtype=np.int64)
    chosen = np.zeros(len(y), dtype=bool)
    chosen[np.linspace(0, len(y) - 1, COMPARED_ROWS).astype(np.int64)] = True
    for members in _members_of_classes(y):
        if np.count_nonzero(chosen[members]) < MIN_ROWS_PER_CLASS:
            chosen[_spaced(members, MIN_ROWS_PER_CLASS)] = True
    return np.flatnonzero(chosen)


def weighed_rows(
    y: NDArray[np.generic], cap: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw rows to score by, so that rare classes are seen and count for no more than they are.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, k)
        Codes of classes, values, or 0/1 labels.
    cap : int
        How many rows at most, but for those of rare classes.
    seed : int
        Seed of the choice.

    Returns
    -------
    rows : ndarray of int64 of shape (m,)
        Ascending; all where there are no more than ``cap``. Drawn from all alike, unless fewer than
        ``MIN_ROWS_PER_CLASS`` of some class could be expected: then up to ``WEIGHED_ROWS`` of that are kept.
    weights : ndarray of int64 of shape (m,)
        How many rows each stands for, up to a common factor; all 1 where all were drawn alike.
    """
    n_rows = len(y)
    if n_rows <= cap:
        return np.arange(n_rows, dtype=np.int64), np.ones(n_rows, dtype=np.int64)
    random = np.random.default_rng(seed)
    members = [] if y.ndim == 2 else _members_of_classes(y)
    expected = [len(rows) * cap / n_rows for rows in members]
    if min(expected, default=np.inf) >= MIN_ROWS_PER_CLASS:
        rows = np.sort(random.choice(n_rows, cap, replace=False)).astype(np.int64)
        return rows, np.ones(cap, dtype=np.int64)
    weights = np.zeros(n_rows, dtype=np.int64)
    for rows, usual in zip(members, expected, strict=True):
        kept = WEIGHED_ROWS if usual < MIN_ROWS_PER_CLASS else usual
        each = max(1, round(len(rows) / kept))
        weights[random.choice(rows, max(1, len(rows) // each), replace=False)] = each
    chosen = np.flatnonzero(weights)
    return chosen, weights[chosen]


def _spaced(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Take at most so many of some rows, evenly spaced."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _members_of_classes(y: NDArray[np.generic]) -> list[NDArray[np.int64]]:
    """Rows of each class, or of each label that some row has; none of a regression."""
    if y.ndim == 2:
        return [np.flatnonzero(column > 0) for column in np.asarray(y).T]
    if y.dtype.kind == "f":
        return []
    return [np.flatnonzero(y == code) for code in np.unique(y)]
