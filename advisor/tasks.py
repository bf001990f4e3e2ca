"""What is predicted from what: the modality of a dataset and its task."""

from __future__ import annotations

from enum import StrEnum

from advisor.errors import InvalidRequest, did_you_mean, quoted


class Modality(StrEnum):
    """What one row of the data is."""

    TABULAR = "tabular"
    IMAGE = "image"
    TEXT = "text"
    AUDIO = "audio"


class Task(StrEnum):
    """What is to be predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    REGRESSION = "regression"
    SEGMENTATION = "segmentation"

    @property
    def is_classification(self) -> bool:
        """Whether predictions are probabilities of classes or labels."""
        return self in (Task.BINARY, Task.MULTICLASS, Task.MULTILABEL)


def parse_task(task: str | None) -> str | None:
    """Check the ``--task`` option → a task's name, ``classification``, or None."""
    if task is None or task == "classification":
        return task
    names = [str(name) for name in Task] + ["classification"]
    if task not in names:
        hint = did_you_mean(task, names)
        raise InvalidRequest(f"task '{task}' is not one of {quoted(names)}.{hint} Pass --task.")
    return str(task)
