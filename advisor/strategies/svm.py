"""Support vector machines with a Gaussian kernel; probabilities calibrated inside the training rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.splits import inner_folds
from advisor.storage import read_arrays, read_estimator, write_arrays, write_estimator
from advisor.strategies.closed_form import find_sureness
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Requirements,
    Strategy,
    balanced_weights,
    number,
    word,
)

INNER_FOLDS = 4
"""Folds of the training rows whose held-out margins teach the calibration; our choice."""

MAX_ITERATIONS = 200_000
"""Steps of the solver: a limit on time, reached only by extreme parameters. Our choice."""

CALIBRATION_C = 1.0
"""Inverse penalty of the map from margins to probabilities; our choice: it keeps tiny folds from certainty."""


class SvmModel(Model):
    """A kernel machine and, for classes, the map from its margins to probabilities."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.machine: Any = None
        self.slopes: NDArray[np.float64] = np.zeros((0, 0))
        self.offsets: NDArray[np.float64] = np.zeros(0)

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Fit the machine, and for classes its calibration on margins of inner held-out rows."""
        deadline.check()
        if self.context.task is Task.REGRESSION:
            self.machine = self._make(X.values).fit(X.values, y)
        else:
            self._calibrate(X, y, deadline)
            deadline.check()
            self.machine = self._make(X.values).fit(X.values, y)
        self.truncated = bool(np.max(self.machine.n_iter_) >= MAX_ITERATIONS)
        return self

    def _make(self, values: NDArray[np.float64]) -> Any:
        from sklearn.svm import SVC, SVR

        variance = float(values.var())
        common: dict[str, Any] = {
            "C": number(self.params, "C"),
            "gamma": number(self.params, "gamma") / (values.shape[1] * (variance or 1.0)),
            "max_iter": MAX_ITERATIONS,
            "cache_size": 200,
        }
        if self.context.task is Task.REGRESSION:
            return SVR(epsilon=number(self.params, "epsilon"), **common)
        weight = word(self.params, "class_weight")
        return SVC(class_weight=None if weight == "none" else weight, **common)

    def _calibrate(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> None:
        """Learn a multinomial logistic map on margins of rows that the machine did not see.

        Why not Platt scaling as built into libsvm: it fits each pair of classes apart and does not follow the seed.
        """
        n_classes, values = self.context.n_outputs, X.values
        margins = np.zeros((len(y), 1 if n_classes == 2 else n_classes))
        known = np.zeros(len(y), dtype=bool)
        for fold in inner_folds(y, X.blocks, INNER_FOLDS, self.context.seed):
            deadline.check()
            # A class with a single row is absent from some inner fold: its margins cannot be compared there.
            if len(np.unique(y[fold.train])) == n_classes:
                machine = self._make(values).fit(values[fold.train], y[fold.train])
                margins[fold.valid] = _margins(machine, values[fold.valid])
                known[fold.valid] = True
        if not known.any():
            machine = self._make(values).fit(values, y)
            margins, known = _margins(machine, values), np.ones(len(y), dtype=bool)
        if len(np.unique(y[known])) < n_classes:
            self._learn_factor(margins[known], y[known])
        else:
            self._learn_map(margins[known], y[known])

    def _learn_map(self, margins: NDArray[np.float64], y: NDArray[np.generic]) -> None:
        from sklearn.linear_model import LogisticRegression

        map_ = LogisticRegression(C=CALIBRATION_C, max_iter=500).fit(margins, y)
        self.slopes, self.offsets = map_.coef_, map_.intercept_

    def _learn_factor(self, margins: NDArray[np.float64], y: NDArray[np.generic]) -> None:
        """Learn one factor for all classes: all that can be told where rows of some are never left out."""
        how = word(self.params, "class_weight")
        weights = balanced_weights(y, how)
        n_classes = self.context.n_outputs
        codes = y.astype(np.int64)
        w = np.ones(len(codes)) if weights is None else weights
        both = np.hstack([-margins, margins]) / 2 if n_classes == 2 else margins
        even = np.full(n_classes, 1.0 / n_classes)
        _, sureness = find_sureness(both, even, codes, w)
        self.slopes = sureness * np.eye(margins.shape[1])
        self.offsets = np.zeros(margins.shape[1])

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values, or margins turned into probabilities."""
        from scipy.special import expit, softmax

        if self.context.task is Task.REGRESSION:
            return np.asarray(self.machine.predict(values), dtype=np.float64)[:, None]
        scores = _margins(self.machine, values) @ self.slopes.T + self.offsets
        if scores.shape[1] == 1:
            positive = expit(scores)
            return np.hstack([1 - positive, positive])
        return np.asarray(softmax(scores, axis=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``svm.skops`` and ``calibration.npz``."""
        write_estimator(folder / "svm.skops", self.machine)
        write_arrays(folder / "calibration.npz", {"slopes": self.slopes, "offsets": self.offsets})


def _margins(machine: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.asarray(machine.decision_function(values), dtype=np.float64)
    return found.reshape(len(values), -1)


class Svm(Strategy):
    """Support vector classification and regression."""

    card = Card(
        name="svm",
        title="Support vector machine, Gaussian kernel",
        family="kernel",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="linear",
        requires=Requirements(
            max_rows=10_000, limits_reference="our choice: time grows with the square of the rows"
        ),
        cheap=True,
        reference="Cortes and Vapnik (1995); Drucker et al. (1997); calibration after Platt (1999)",
        licence="BSD-3-Clause (scikit-learn, libsvm)",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Kernel entries times features, for the inner folds too."""
        return 0.01 + 1.2e-9 * n_rows**2 * (n_features + 20) * (1 + 0.1 * n_outputs)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return SvmModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``svm.skops`` and ``calibration.npz``."""
        model = SvmModel({}, context)
        model.machine = read_estimator(folder / "svm.skops")
        arrays = read_arrays(folder / "calibration.npz")
        model.slopes, model.offsets = arrays["slopes"], arrays["offsets"]
        return model


STRATEGIES.add("svm")(Svm())
