"""Small problems that the tests of training share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from advisor.dataset import Dataset, Task, read_dataset
from advisor.metrics import default_metric
from advisor.splits import SplitPlan
from advisor.workspace import Workspace


def small_frame(n_rows: int = 120, task: Task = Task.BINARY, seed: int = 0) -> pd.DataFrame:
    """Numbers, categories, missing cells and a learnable target ``y`` (multilabel: ``tags``)."""
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=n_rows)
    colour = generator.choice(["red", "green", "blue"], size=n_rows)
    frame = pd.DataFrame(
        {
            "length": signal + 0.3 * generator.normal(size=n_rows),
            "width": generator.normal(size=n_rows),
            "colour": colour,
        }
    )
    frame.loc[frame.index % 11 == 0, "width"] = np.nan
    strength = signal + (colour == "red")
    if task is Task.REGRESSION:
        frame["y"] = 10 + 3 * strength
    elif task is Task.MULTICLASS:
        frame["y"] = pd.cut(strength, [-9, -0.3, 0.8, 9], labels=["low", "mid", "high"]).astype(str)
    elif task is Task.MULTILABEL:
        frame["tags"] = [
            ";".join(t for t, on in (("big", s > 0), ("red", c == "red"), ("all", True)) if on)
            for s, c in zip(strength, colour, strict=True)
        ]
    else:
        frame["y"] = np.where(strength > 0, "yes", "no")
    return frame


def small_dataset(n_rows: int = 120, task: Task = Task.BINARY, seed: int = 0) -> Dataset:
    """The frame of :func:`small_frame`, read."""
    target = "tags" if task is Task.MULTILABEL else "y"
    frame = small_frame(n_rows, task, seed)
    return read_dataset(frame, target=target, task=str(task), name="small")


def workspace_of(
    dataset: Dataset, folder: Path, folds: int = 4, metric: str | None = None, repeats: int = 1
) -> Workspace:
    """Lay a dataset with few folds, once if not asked otherwise."""
    splits = SplitPlan(
        folds=folds,
        repeats=repeats,
        stratified=dataset.task.is_classification,
        grouped=False,
        seed=0,
        reason="a test",
    )
    chosen = metric or default_metric(dataset.task, 1.0)[0]
    return Workspace.create(folder, dataset, splits, chosen, seed=0)
