"""Class means that the pool refines: each row of it belongs to every class in part, and moves the means a little.

Soft k-means that begins at the means of the labelled rows. How sure a distance may be is learned on labelled rows,
again after every step. With two well-separated classes of very few labels it is as good as any, and it harms where a
class is no single cloud.

References
----------
Ren et al. (2018), Meta-learning for semi-supervised few-shot classification, arXiv 1803.00676 (soft k-means); Snell et
al. (2017), Prototypical networks, arXiv 1703.05175.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.strategies.closed_form import CentroidHead, row_weights
from advisor.strategies.heads import head_cost
from advisor.strategies.pseudo_labels import (
    MODALITIES,
    POOL_LOOKED_AT,
    REQUIRES,
    TASKS,
    PoolStrategy,
    pool_of,
)
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, number, word


class PrototypeHead(CentroidHead):
    """Nearest class means, of labelled rows and of the parts of the pool that belong to each class."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Begin at the labelled rows; in each step divide the pool among the classes, and average anew."""
        pool, codes = pool_of(X), y.astype(np.int64)
        super().fit(X, codes, deadline)
        own = np.eye(self.context.n_outputs)[codes] * row_weights(X, codes, "none")[:, None]
        values = np.asarray(X.values, dtype=np.float64)
        for _ in range(int(number(self.params, "steps"))):
            if deadline.passed():
                self.truncated = True
                break
            parts = number(self.params, "weight") * self._parts(pool)
            masses = own.sum(axis=0) + parts.sum(axis=0)
            means = (own.T @ values + parts.T @ pool) / masses[:, None]
            self.settle(means, masses, X, codes)
        return self

    def _parts(self, pool: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much each row of the pool belongs to each class, shape (n_pool, n_classes)."""
        found = self.predict(pool)
        if word(self.params, "shares") == "labels":  # classes get what they have among the labelled
            found = found * (self.arrays["prior"] / found.mean(axis=0))
            found = found / found.sum(axis=1, keepdims=True)
        return found


class Prototypes(PoolStrategy):
    """Nearest class means, refined on the pool."""

    card = Card(
        name="prototypes",
        title="Class means refined on the pool",
        family="frozen",
        modalities=MODALITIES,
        tasks=TASKS,
        representation="embedding",
        requires=REQUIRES,
        pool=True,
        reference="Ren et al. (2018), arXiv 1803.00676; Snell et al. (2017), arXiv 1703.05175",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )
    head = "centroid"

    def learner(self, params: Params, context: FitContext) -> Model:
        """Make the class means."""
        return PrototypeHead(params, context)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Scaling, and distances in every step."""
        width, size = self.width(n_features, params), n_rows + POOL_LOOKED_AT
        once = head_cost("centroid", size, width, n_outputs, params)
        return once + number(params, "steps") * (0.002 + 1e-9 * size * width * n_outputs)


STRATEGIES.add("prototypes")(Prototypes())
