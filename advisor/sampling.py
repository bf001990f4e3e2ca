"""Dataset → the rows a quick look needs: a sample that keeps rare classes and whole groups."""

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

COMPARED_ROWS = 20_000
"""Rows that strategies and configurations are compared on; above, evenly spaced ones (our choice: of a million, the
counts of 200 bootstrap samples took 16 s and 800 MB, and what differs by two per cent shows on these)."""


def item_cap(profile: DatasetProfile) -> int:
    """Say how many pictures, texts or recordings a probe may look at.

    Parameters
    ----------
    profile : DatasetProfile
        Of any modality but tables; its lengths say what embedding one item takes.

    Returns
    -------
    int
    """
    each = PICTURE_SECONDS
    if isinstance(profile, TextProfile):
        each = WORD_SECONDS * max(1.0, profile.words[1])
    elif isinstance(profile, AudioProfile):
        each = RECORDING_SECONDS + SOUND_SECONDS * profile.seconds[1]
    return min(MOST_ITEMS, max(FEWEST_ITEMS, round(EMBEDDING_SECONDS / each)))


def sample_rows(dataset: Dataset, cap: int, seed: int) -> NDArray[np.int64]:
    """Choose the rows a probe looks at: all, or a sample that keeps classes and whole groups.

    Parameters
    ----------
    dataset : Dataset
        Of any task.
    cap : int
        How many rows at most, but for the rows that rare classes and whole groups bring.
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
        # Groups in the order of their first row in the permutation, until the cap is reached.
        codes = dataset.groups[order]
        _, first = np.unique(codes, return_index=True)
        sizes = np.bincount(dataset.groups)
        drawn = codes[np.sort(first)]
        taken = drawn[: max(1, int(np.searchsorted(np.cumsum(sizes[drawn]), cap, side="right")))]
        return np.flatnonzero(np.isin(dataset.groups, taken)).astype(np.int64)
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return np.sort(order[:cap]).astype(np.int64)
    codes = np.asarray(dataset.y, dtype=np.int64)[order]
    rank_in_class = np.empty(n_rows, dtype=np.int64)
    for code in np.unique(codes):
        rank_in_class[codes == code] = np.arange(np.count_nonzero(codes == code))
    quota = np.maximum(np.bincount(codes) * cap // n_rows, MIN_ROWS_PER_CLASS)
    return np.sort(order[rank_in_class < quota[codes]]).astype(np.int64)


def compared_rows(n_rows: int) -> NDArray[np.int64]:
    """Positions of the rows that candidates are compared on.

    Parameters
    ----------
    n_rows : int
        How many there are.

    Returns
    -------
    ndarray of int64 of shape (n,)
        All, or ``COMPARED_ROWS`` evenly spaced ones.
    """
    if n_rows <= COMPARED_ROWS:
        return np.arange(n_rows, dtype=np.int64)
    return np.linspace(0, n_rows - 1, COMPARED_ROWS).astype(np.int64)
