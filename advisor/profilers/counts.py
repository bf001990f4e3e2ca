"""Dataset → rows, labels per class and groups, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Dataset, Task


def count_labels(dataset: Dataset) -> dict[str, object]:
    """Count what every modality has, for the fields of :class:`advisor.profile.DatasetProfile`.

    Parameters
    ----------
    dataset : Dataset
        Of any modality and task.

    Returns
    -------
    dict of str to object
        The fields from ``name`` to ``n_groups_one_class``.
    """
    per_class = _class_counts(dataset)
    fields: dict[str, object] = {
        "name": dataset.name,
        "modality": dataset.modality,
        "task": dataset.task,
        "n_rows": dataset.n_labelled + dataset.n_unlabelled,
        "n_labelled": dataset.n_labelled,
        "n_unlabelled": dataset.n_unlabelled,
        "n_test": 0 if dataset.X_test is None else len(dataset.X_test),
        "n_classes": dataset.n_classes,
        "class_counts": per_class,
        "smallest_class": min(per_class.values(), default=dataset.n_labelled),
        "labels_per_class": (
            sum(per_class.values()) / len(per_class) if per_class else float(dataset.n_labelled)
        ),
        "imbalance": _imbalance(dataset, per_class),
    }
    if dataset.groups is not None:
        fields["n_groups"] = int(np.unique(dataset.groups).size)
        fields["smallest_class_groups"] = _smallest_class_groups(dataset, dataset.groups)
        fields["n_groups_one_class"] = _groups_of_one_class(dataset, dataset.groups)
    return fields


def _class_counts(dataset: Dataset) -> dict[str, int]:
    if not dataset.task.is_classification:
        return {}
    if dataset.task is Task.MULTILABEL:
        counts = dataset.y.astype(np.int64).sum(axis=0)
    else:
        counts = np.bincount(dataset.y.astype(np.int64), minlength=dataset.n_classes)
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}


def _imbalance(dataset: Dataset, per_class: dict[str, int]) -> float:
    if not per_class:
        return 1.0
    smallest = max(1, min(per_class.values()))
    if dataset.task is Task.MULTILABEL:
        return max(1.0, (dataset.n_labelled - smallest) / smallest)
    return max(1, *per_class.values()) / smallest


def _smallest_class_groups(dataset: Dataset, groups: NDArray[np.int64]) -> int | None:
    if not dataset.task.is_classification:
        return None
    y = dataset.y.astype(np.int64)
    if dataset.task is Task.MULTILABEL:
        members = [groups[y[:, label] > 0] for label in range(y.shape[1])]
    else:
        members = [groups[y == code] for code in range(dataset.n_classes)]
    return min(int(np.unique(rows).size) for rows in members)


def _groups_of_one_class(dataset: Dataset, groups: NDArray[np.int64]) -> int:
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return 0
    pairs = np.unique(np.stack([groups, dataset.y.astype(np.int64)], axis=1), axis=0)
    n_classes = np.unique(pairs[:, 0], return_counts=True)[1]
    return int((n_classes == 1).sum())
