"""A linear head, or one with a hidden layer, on frozen features: of noisy ones it is to say what it says of clean ones.

What semi-supervised networks do with views of pictures, done in a second with views of features: the head begins as the
logistic regression on the labels; in every step it labels rows of the pool, a threshold that moves with what it has
learned says which of them to trust, and it learns those on features with noise. It gains less than self-training where
that gains much, and loses less where that loses: the labels keep most of the say.

References
----------
Wang et al. (2023), FreeMatch, arXiv 2205.07246; Sohn et al. (2020), FixMatch, arXiv 2001.07685; Chen et al. (2023),
SoftMatch, arXiv 2301.10921; Berthelot et al. (2022), AdaMatch, arXiv 2106.04732.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.registry import require
from advisor.representation import Features
from advisor.strategies.closed_form import RidgeHead
from advisor.strategies.heads import HeadModel, head_cost
from advisor.strategies.linear import LinearModel
from advisor.strategies.mlp import MlpModel
from advisor.strategies.pseudo_labels import (
    AXES,
    MODALITIES,
    POOL_LOOKED_AT,
    REQUIRES,
    Learner,
    PoolStrategy,
    calming_factor,
    logistic_params,
    pool_of,
    principal_axes,
)
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    balanced_weights,
    number,
    word,
)

if TYPE_CHECKING:
    from advisor.nets.feature_consistency import ConsistencySettings, Rows
    from advisor.nets.tabular_mlp import PackedMlp

BATCH_ROWS = 1_024
"""Rows of the pool in a step (``feature_consistency.POOL_BATCH``)."""

STEP_SECONDS, NOISE_SECONDS, SUM_SECONDS = 1e-3, 1.2e-8, 4e-11
"""Seconds of a step whatever its size, of noise per number, and per multiply-add there and back; measured on one
core."""

AXES_COST = 2e-7
"""Seconds per row and feature to find the axes and turn to them; measured on one core."""

HALVED = 2.0
"""What the penalty of two classes is multiplied by, so that training begins where the logistic regression ended: with
w / 2 and -w / 2 the squares are |w|² / 2, and those of the regression |w|² (arithmetic)."""


class ConsistencyHead(Learner):
    """Logistic regression on the labels, then steps with the pool; ``fit`` returns a linear model or a network."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Start on the labelled rows, then go on with the pool until done or out of time."""
        torch = require("torch", extra="deep")
        from advisor.nets.feature_consistency import start_net, train_consistency

        torch.set_num_threads(self.context.threads)
        codes, axes = y.astype(np.int64), principal_axes(np.vstack([X.values, pool_of(X)]))
        X = replace(X, values=X.values @ axes.T, pool=pool_of(X) @ axes.T)
        pool = pool_of(X)
        start = LinearModel(logistic_params(self.params), self.context)
        start.fit(X, codes, deadline)
        unit = float(np.sqrt(np.mean(np.vstack([X.values, pool]) ** 2))) or 1.0
        weights, intercepts = two_sided(start.weights * unit, start.intercepts)
        net = start_net(weights, intercepts, int(number(self.params, "hidden")), self.context.seed)
        rows, settings = self._rows(X, codes, unit), self._settings(codes, unit)
        net, truncated = train_consistency(net, rows, settings, self.context.seed, deadline)
        judge = RidgeHead(logistic_params(self.params), self.context)
        wanted = judge.fit(X, codes, Deadline(None)).predict(pool).max(axis=1).mean()
        model = self._settled(net, axes, pool, unit, float(wanted))
        model.truncated = truncated
        return model

    def _rows(self, X: Features, codes: NDArray[np.int64], unit: float) -> Rows:
        from advisor.nets.feature_consistency import as_rows

        balanced = balanced_weights(codes, word(self.params, "class_weight"))
        weights = np.ones(len(codes)) if balanced is None else balanced
        if X.weights is not None:
            weights = weights * X.weights / X.weights.mean()
        values, pool = X.values / unit, pool_of(X) / unit
        return as_rows(values, codes, weights, pool, scatter_of(values, codes, pool))

    def _settings(self, codes: NDArray[np.int64], unit: float) -> ConsistencySettings:
        from advisor.nets.feature_consistency import ConsistencySettings

        p = self.params
        # two rows of half the weights (:func:`two_sided`) have half the squares of the one row that was fitted
        rows = HALVED if self.context.n_outputs == 2 else 1.0
        return ConsistencySettings(
            threshold=word(p, "threshold"),
            steps=int(number(p, "steps")),
            noise=number(p, "noise"),
            dropout=number(p, "dropout"),
            weight=number(p, "weight"),
            penalty=rows / (number(p, "C") * len(codes) * unit**2),
            rate=number(p, "rate"),
        )

    def _settled(
        self,
        net: PackedMlp,
        axes: NDArray[np.float64],
        pool: NDArray[np.float64],
        unit: float,
        wanted: float,
    ) -> Model:
        """Turn the network back to the features that came, and make it no surer than it may be."""
        from advisor.nets.feature_consistency import scores_of, turned

        factor = calming_factor(scores_of(net, pool / unit), wanted)
        net = turned(net, axes / unit, factor)
        if net.settings.layers:
            deep = MlpModel(self.params, self.context)
            deep.net = net
            return deep
        linear = LinearModel(self.params, self.context)
        weights = net.weights[0][0].detach().numpy().astype(np.float64).T
        intercepts = net.biases[0][0, 0].detach().numpy().astype(np.float64)
        if len(weights) == 2:  # as it is fitted: one row tells two classes apart
            weights, intercepts = weights[1:] - weights[:1], intercepts[1:] - intercepts[:1]
        linear.weights, linear.intercepts = weights, intercepts
        return linear


def two_sided(
    weights: NDArray[np.float64], intercepts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give each of two classes a row of weights where one row tells them apart."""
    if len(weights) > 1:
        return weights, intercepts
    return np.vstack([-weights, weights]) / 2, np.concatenate([-intercepts, intercepts]) / 2


def scatter_of(
    values: NDArray[np.float64], codes: NDArray[np.int64], pool: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure how rows of a class scatter about its mean, feature by feature.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_rows, n_features)
        Labelled rows.
    codes : ndarray of int64 of shape (n_rows,)
        Their classes.
    pool : ndarray of float64 of shape (n_pool, n_features)
        Stands in where there is one labelled row of each class: there it is all the scatter that there is.

    Returns
    -------
    ndarray of float64 of shape (n_features,)
        Standard deviations.
    """
    counts = np.bincount(codes)
    spare = len(codes) - len(counts)
    if spare < 1:
        return np.asarray(pool.std(axis=0), dtype=np.float64)
    means = np.array([values[codes == c].mean(axis=0) for c in range(len(counts))])
    squares = ((values - means[codes]) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(squares / spare), dtype=np.float64)


class Consistent(PoolStrategy):
    """A head that says the same of noisy features as of clean ones."""

    card = Card(
        name="consistency_head",
        title="Head consistent under noise on the pool",
        family="frozen",
        modalities=MODALITIES,
        tasks=frozenset({Task.BINARY, Task.MULTICLASS}),
        representation="embedding",
        requires=REQUIRES.model_copy(update={"modules": ("torch",), "extra": "deep"}),
        pool=True,
        reference="Wang et al. (2023), FreeMatch, arXiv 2205.07246; Sohn et al. (2020), FixMatch, arXiv 2001.07685",
        licence="Apache-2.0; BSD-3-Clause (PyTorch, scikit-learn); the backbone's own for its weights",
    )
    head = "linear"

    def learner(self, params: Params, context: FitContext) -> Model:
        """Make what trains."""
        return ConsistencyHead(params, context)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one; with a hidden layer it is saved as a network."""
        head = "mlp" if number(params, "hidden") else self.head
        learner = self.learner(params, context)
        return HeadModel(head, params, word(params, "scaling"), context, learner=learner)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """The start on the labels, and steps."""
        whole, hidden = self.width(n_features, params), number(params, "hidden")
        width, size = min(AXES, whole), n_rows + POOL_LOOKED_AT
        units = 2 * n_outputs + hidden if hidden else 0
        sums = 3 * BATCH_ROWS * (width * max(units, n_outputs) + units * n_outputs)
        step = STEP_SECONDS + NOISE_SECONDS * BATCH_ROWS * width + SUM_SECONDS * sums
        start = head_cost("linear", n_rows, width, n_outputs, params) + AXES_COST * size * whole
        return start + number(params, "steps") * step


STRATEGIES.add("consistency_head")(Consistent())
