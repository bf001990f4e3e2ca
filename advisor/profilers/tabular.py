"""Tabular Dataset → TabularProfile.

Counts, missing cells and repeated rows are exact. The rest is measured on the rows with the smallest hashes, at most
``SAMPLE`` of them, in the order of their hashes: the same rows whatever order the file has, and no seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.dataset import Dataset, Modality, Task
from advisor.profile import PROFILERS, TabularProfile
from advisor.profilers.counts import count_labels
from advisor.profilers.drift import DRIFT_ROWS, find_drift
from advisor.profilers.leakage import find_leaks, find_ordered
from advisor.profilers.repetition import (
    RowHashes,
    count_repeats,
    find_groups,
    hash_labels,
    hash_rows,
    repeated_columns,
)
from advisor.profilers.shape import (
    MISSING_SHOWN,
    SKEWED,
    WORD_KINDS,
    cardinalities,
    missing_counts,
    near_constants,
    numbers,
    share_collinear,
    share_far_out,
    skewness,
)
from advisor.tables.columns import USABLE_KINDS, Column, ColumnKind

SAMPLE = 20_000
"""Rows that the expensive parts see. Shares are then known to about one point; our choice, for time."""


@PROFILERS.add(Modality.TABULAR.value)
def profile_table(dataset: Dataset, backbones: Sequence[str] = ()) -> TabularProfile:
    """Measure a table.

    Parameters
    ----------
    dataset : Dataset
        Of modality tabular.
    backbones : sequence of str
        Not used: tables have none.

    Returns
    -------
    TabularProfile
        Equal for any order of the rows.
    """
    features = [c for c in dataset.columns if c.kind in USABLE_KINDS]
    hashes = hash_rows(dataset.X, features)
    labels = hash_labels(dataset.y)
    # Sorting by features and label together: what ties are equal rows, so their order cannot matter.
    order = _smallest(hashes.total + labels * np.uint64(31), SAMPLE)
    sample = dataset.take(order)
    sampled = dataset.n_labelled > SAMPLE
    fields: dict[str, object] = {
        **count_labels(dataset),
        **_columns(dataset, features),
        **_cells(dataset, features),
        **_repeats(dataset, features, hashes, labels),
        **_sampled(dataset, sample, features, hashes.total[order]),
        "sampled": sampled,
        "sample_size": SAMPLE if sampled else None,
    }
    return TabularProfile.model_validate(fields)


def _smallest(keys: NDArray[np.uint64], most: int) -> NDArray[np.int64]:
    """Positions of the smallest keys of shape (n,), at most ``most``, in the order of the keys."""
    candidates = np.arange(len(keys), dtype=np.int64)
    if len(keys) > most:
        candidates = np.flatnonzero(keys <= np.partition(keys, most - 1)[most - 1])
    return candidates[np.argsort(keys[candidates], kind="stable")[:most]]


def _columns(dataset: Dataset, features: list[Column]) -> dict[str, object]:
    kinds: dict[str, int] = {}
    for column in dataset.columns:
        kinds[column.kind.value] = kinds.get(column.kind.value, 0) + 1

    def named(kind: ColumnKind) -> tuple[str, ...]:
        return tuple(c.name for c in dataset.columns if c.kind is kind)

    levels = cardinalities(dataset.X, features)
    widest = max(levels, key=lambda name: (levels[name], name), default="")
    words = sum(c.kind in WORD_KINDS for c in features)
    return {
        "n_columns": len(dataset.columns),
        "n_features": len(features),
        "kinds": dict(sorted(kinds.items())),
        "rows_per_feature": dataset.n_labelled / max(1, len(features)),
        "share_categorical": words / max(1, len(features)),
        "max_cardinality": levels.get(widest, 0),
        "max_cardinality_column": widest,
        "constants": named(ColumnKind.CONSTANT),
        "identifiers": named(ColumnKind.IDENTIFIER),
        "datetimes": tuple(c.name for c in dataset.columns if c.is_dated),
        "texts": named(ColumnKind.TEXT),
    }


def _cells(dataset: Dataset, features: list[Column]) -> dict[str, object]:
    n_rows = max(1, dataset.n_labelled)
    counts = missing_counts(dataset.X[[c.name for c in features]])
    most = sorted(((count, name) for name, count in counts.items() if count), reverse=True)
    return {
        "share_missing": sum(counts.values()) / (n_rows * max(1, len(features))),
        "n_columns_missing": len(most),
        "missing_columns": {name: count / n_rows for count, name in most[:MISSING_SHOWN]},
    }


def _repeats(
    dataset: Dataset,
    features: list[Column],
    hashes: RowHashes,
    labels: NDArray[np.uint64],
) -> dict[str, object]:
    repeats = count_repeats(hashes.total, labels)
    is_class = dataset.task in (Task.BINARY, Task.MULTICLASS)
    fields: dict[str, object] = {
        "n_duplicates": repeats.n_duplicates,
        "n_label_conflicts": repeats.n_conflicts if is_class else 0,
        "conflict_errors": repeats.conflict_errors if is_class else 0,
        "n_test_overlap": _overlap(dataset.X_test, features, hashes),
        "n_pool_overlap": _overlap(dataset.X_unlabelled, features, hashes, dataset.X_test),
    }
    if dataset.groups is None and dataset.n_labelled <= SAMPLE:
        fields["group_suspects"] = find_groups(dataset.X, dataset.columns, hashes)
    return fields


def _overlap(
    frame: pd.DataFrame | None,
    features: list[Column],
    hashes: RowHashes,
    others: pd.DataFrame | None = None,
) -> int:
    """Count the rows of a frame that repeat a labelled one, or one of the others."""
    if frame is None or len(frame) == 0:
        return 0
    seen = hashes.total
    if others is not None and len(others):
        seen = np.concatenate([seen, hash_rows(others, features).total])
    return int(np.isin(hash_rows(frame, features).total, seen).sum())


def _sampled(
    dataset: Dataset, sample: Dataset, features: list[Column], rows: NDArray[np.uint64]
) -> dict[str, object]:
    numeric = [c.name for c in features if c.kind is ColumnKind.NUMERIC]
    matrix = numbers(sample.X, numeric)
    skewed = [abs(skewness(values)) > SKEWED for values in matrix.T]
    fields: dict[str, object] = {
        "share_skewed": float(np.mean(skewed)) if skewed else 0.0,
        "share_outliers": share_far_out(matrix),
        "share_collinear": share_collinear(matrix),
        "near_constants": near_constants(sample.X, features),
        "duplicate_columns": repeated_columns(sample.X, features),
        "leaks": find_leaks(sample.X, features, sample.y, sample.task, rows, sample.classes),
        "ordered": find_ordered(sample.X, sample.columns, sample.y, sample.task),
    }
    if dataset.task is Task.REGRESSION:
        target = sample.y.astype(np.float64)
        fields["target_skew"] = skewness(target)
        fields["target_zero_share"] = float((target == 0).mean())
    for split, frame in (("test", dataset.X_test), ("pool", dataset.X_unlabelled)):
        if frame is not None and len(frame):
            there = frame
            if len(frame) > DRIFT_ROWS:
                there = frame.iloc[_smallest(hash_rows(frame, features).total, DRIFT_ROWS)]
            drift, share = find_drift(sample.X, there, features)
            fields[f"{split}_drift"] = drift
            fields[f"share_{split}_drift"] = share
    return fields
