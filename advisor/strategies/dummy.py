"""The floor: the prior of the classes, or the mean; what any real model has to beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.storage import read_json, write_json
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy


class DummyModel(Model):
    """The same prediction for every row."""

    def __init__(self, context: FitContext, row: NDArray[np.float64] | None = None) -> None:
        self.context = context
        self.row = np.zeros(context.n_outputs) if row is None else row

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Learn the prior, the mean, or for an absolute error the median."""
        if self.context.task is Task.REGRESSION:
            centre = np.median if self.context.metric == "mae" else np.mean
            self.row = np.array([float(centre(y.astype(np.float64)))])
        else:
            counts = np.bincount(y.astype(np.int64), minlength=self.context.n_outputs)
            self.row = counts / counts.sum()
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Repeat it."""
        return np.tile(self.row, (len(values), 1))

    def save(self, folder: Path) -> None:
        """Write ``dummy.json``."""
        write_json(folder / "dummy.json", self.row.tolist())


class Dummy(Strategy):
    """Prior or mean."""

    card = Card(
        name="dummy",
        title="Prior of the classes, or mean",
        family="dummy",
        modalities=frozenset(Modality),
        tasks=frozenset(Task) - {Task.SEGMENTATION},
        representation="nothing",
        cheap=True,
        reference="the usual floor",
        licence="Apache-2.0",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Next to nothing."""
        return 1e-3

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return DummyModel(context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``dummy.json``."""
        return DummyModel(context, np.array(read_json(folder / "dummy.json"), dtype=np.float64))


STRATEGIES.add("dummy")(Dummy())
