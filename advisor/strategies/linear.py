"""Linear models: logistic regression, ridge, lasso and elastic net.

The baseline that is hard to beat below a few hundred rows [1]_, and the safe choice where columns outnumber rows.

References
----------
.. [1] Knauer and Rodner (2024), Squeezing Lemons with Hammers: https://arxiv.org/abs/2405.07662
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.storage import read_arrays, write_arrays
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number, word

MAX_ITERATIONS = 400
"""Steps of the solver; our choice: the gain beyond is below what folds can tell."""


class LinearModel(Model):
    """Weights and intercepts; probabilities by sigmoid, softmax, or normalised one-against-the-rest."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.weights: NDArray[np.float64] = np.zeros((0, 0))
        self.intercepts: NDArray[np.float64] = np.zeros(0)
        self.one_against_rest = False

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Solve; wide problems with a squared penalty are solved exactly in the space of their rows."""
        deadline.check()
        penalty, strength = word(self.params, "penalty"), number(self.params, "C")
        values, turn = X.values, None
        if penalty == "l2" and values.shape[1] > values.shape[0]:
            # A squared penalty does not change under rotation, and the rows span at most n_rows directions.
            values, turn = _rotate_to_rows(values)
        rows = replace(X, values=values)
        if self.context.task is Task.REGRESSION:
            self._fit_values(rows, y.astype(np.float64), penalty, strength)
        else:
            self._fit_classes(rows, y, penalty, strength)
        if turn is not None:
            self.weights = self.weights @ turn
        return self

    def _fit_values(
        self, X: Features, y: NDArray[np.float64], penalty: str, strength: float
    ) -> None:
        from sklearn.linear_model import ElasticNet, Ridge

        solver: Any
        if penalty == "l2":
            solver = Ridge(alpha=1.0 / strength)
        else:
            share = 1.0 if penalty == "l1" else number(self.params, "l1_ratio")
            mass = len(y) if X.weights is None else float(X.weights.sum())
            alpha = 1.0 / (
                strength * mass
            )  # the same meaning of C as in the logistic loss: a sum over rows
            solver = ElasticNet(alpha=alpha, l1_ratio=share, max_iter=5 * MAX_ITERATIONS, tol=1e-3)
        solver.fit(X.values, y, sample_weight=X.weights)
        self.weights, self.intercepts = (
            np.atleast_2d(solver.coef_),
            np.atleast_1d(solver.intercept_),
        )

    def _fit_classes(
        self, X: Features, y: NDArray[np.generic], penalty: str, strength: float
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        weight = word(self.params, "class_weight")
        common: dict[str, Any] = {
            "C": strength,
            "class_weight": None if weight == "none" else weight,
            "max_iter": MAX_ITERATIONS,
            "random_state": self.context.seed,
        }
        if penalty == "l1":
            self._fit_one_against_rest(X, y, common)
            return
        if penalty == "l2":
            solver = LogisticRegression(l1_ratio=0.0, solver="lbfgs", **common)
        else:
            ratio = number(self.params, "l1_ratio")
            solver = LogisticRegression(l1_ratio=ratio, solver="saga", tol=1e-3, **common)
        solver.fit(X.values, y, sample_weight=X.weights)
        self.weights, self.intercepts = solver.coef_, solver.intercept_

    def _fit_one_against_rest(
        self, X: Features, y: NDArray[np.generic], common: dict[str, Any]
    ) -> None:
        """Coordinate descent is by far the fastest for an absolute penalty, and knows two classes only."""
        from sklearn.linear_model import LogisticRegression

        classes = [1] if self.context.n_outputs == 2 else list(range(self.context.n_outputs))
        solvers = [
            LogisticRegression(l1_ratio=1.0, solver="liblinear", **common).fit(
                X.values, y == c, sample_weight=X.weights
            )
            for c in classes
        ]
        self.weights = np.vstack([solver.coef_ for solver in solvers])
        self.intercepts = np.concatenate([solver.intercept_ for solver in solvers])
        self.one_against_rest = len(classes) > 1

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weigh and sum."""
        from scipy.special import expit, softmax

        scores = values @ self.weights.T + self.intercepts
        if self.context.task is Task.REGRESSION:
            return np.asarray(scores, dtype=np.float64)
        if scores.shape[1] == 1:
            positive = expit(scores)
            return np.hstack([1 - positive, positive])
        found = expit(scores) + 1e-12 if self.one_against_rest else softmax(scores, axis=1)
        return np.asarray(found / found.sum(axis=1, keepdims=True), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``linear.npz``."""
        write_arrays(
            folder / "linear.npz",
            {
                "weights": self.weights,
                "intercepts": self.intercepts,
                "one_against_rest": np.array(self.one_against_rest),
            },
        )


def _rotate_to_rows(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find an orthonormal basis of the rows: X = Z @ turn with Z of shape (n_rows, n_rows)."""
    left, sizes, turn = np.linalg.svd(values, full_matrices=False)
    return left * sizes, turn


class Linear(Strategy):
    """Logistic regression, or linear regression, with a penalty."""

    card = Card(
        name="linear",
        title="Penalised linear model",
        family="linear",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="linear",
        cheap=True,
        reference="Cox (1958); Hoerl and Kennard (1970); Tibshirani (1996); Zou and Hastie (2005)",
        licence="BSD-3-Clause (scikit-learn)",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Iterations times the size of the table; absolute penalties take several times as long.

        Of a wide table a squared penalty sees the rotated rows; coordinate descent soon leaves most columns alone.
        """
        penalty, rank = word(params, "penalty"), min(n_features, n_rows)
        cells = n_rows * n_features * max(1, n_outputs)
        if penalty == "elasticnet":
            return 0.01 + 3.6e-7 * cells
        wide = n_features > n_rows
        solved = 6e-8 * n_rows * rank * max(1, n_outputs)
        if penalty == "l1":
            return 0.01 + 6 * solved + (1.5e-8 * cells if wide else 0.0)
        return 0.01 + solved + (4e-10 * n_rows * n_rows * n_features if wide else 0.0)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return LinearModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``linear.npz``."""
        model, arrays = LinearModel({}, context), read_arrays(folder / "linear.npz")
        model.weights, model.intercepts = arrays["weights"], arrays["intercepts"]
        model.one_against_rest = bool(arrays["one_against_rest"])
        return model


STRATEGIES.add("linear")(Linear())
