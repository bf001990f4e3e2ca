"""Labels spread over a graph of nearest neighbours among labelled rows and the pool, then a linear head learns them.

Spreading by itself labels only the rows of the graph; a logistic regression on the spread labels, each weighted by how
sure it is, predicts new rows [1]_. It follows the shape of clusters where a straight border cannot, and fails where
classes overlap.

References
----------
.. [1] Zhou et al. (2004), Learning with local and global consistency; Iscen et al. (2019), Label propagation for deep
   semi-supervised learning, arXiv 1904.04717 (weights by certainty).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.strategies.heads import head_cost
from advisor.strategies.linear import LinearModel
from advisor.strategies.pseudo_labels import (
    AXES,
    MODALITIES,
    POOL_LOOKED_AT,
    REQUIRES,
    TASKS,
    Learner,
    PoolStrategy,
    class_shares,
    joined,
    logistic_params,
    pool_of,
    principal_axes,
)
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, number, word

MAX_ROWS = 5_000
"""Labelled rows at most: with the pool the graph then has 10,000, whose neighbours take 15 s to find on one core; with
so many labels no pool was seen to gain anything (our choice)."""

STEPS = 50
"""Steps of spreading; our choice: what is passed on then is 0.9**50, half a hundredth."""

SMALLEST = 1e-12
"""Keeps logarithms and divisions finite."""


class LabelSpreading(Learner):
    """Spread labels, then fit; ``fit`` returns a linear model."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> LinearModel:
        """Build the graph, spread, and fit on labelled rows and pool."""
        codes, axes = y.astype(np.int64), principal_axes(np.vstack([X.values, pool_of(X)]))
        X = replace(X, values=X.values @ axes.T, pool=pool_of(X) @ axes.T)
        pool = pool_of(X)
        n_classes = self.context.n_outputs
        values = np.vstack([X.values, pool])
        neighbours = min(int(number(self.params, "neighbours")), len(values) - 1)
        graph = neighbour_graph(values, neighbours)
        deadline.check()
        prior = class_shares(X, codes, n_classes)
        start = np.zeros((len(values), n_classes))
        start[np.arange(len(codes)), codes] = 1.0
        start /= start.sum(
            axis=0
        )  # each class gives out as much as it is frequent, whoever was labelled
        spread = spread_labels(graph, start * prior, number(self.params, "alpha"))[len(codes) :]
        reached = spread.sum(axis=1) > SMALLEST
        pool, spread = pool[reached], spread[reached]
        if word(self.params, "shares") == "labels" and len(spread):
            spread = spread * (prior / np.maximum(spread.mean(axis=0), SMALLEST))
        found = spread / np.maximum(spread.sum(axis=1, keepdims=True), SMALLEST)
        weights = number(self.params, "weight") * certainty(found)
        deadline.check()
        model = LinearModel(logistic_params(self.params), self.context)
        model.fit(*joined(X, codes, pool, found.argmax(axis=1), weights), deadline)
        model.weights = model.weights @ axes
        return model


def neighbour_graph(values: NDArray[np.float64], neighbours: int) -> Any:
    """Link each row with its nearest ones.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_rows, n_features)
        Rows.
    neighbours : int
        Links that go out from each.

    Returns
    -------
    csr_matrix of shape (n_rows, n_rows)
        Symmetric; links fall off with the squared distance, in units of the mean one, and are divided by the roots
        of what both ends have in all.
    """
    from scipy.sparse import diags
    from sklearn.neighbors import kneighbors_graph

    links = kneighbors_graph(values, neighbours, mode="distance")
    squares = links.data**2
    links.data = np.exp(-squares / max(float(squares.mean()), SMALLEST))
    links = links.maximum(links.T)
    root = diags(1.0 / np.sqrt(np.maximum(np.asarray(links.sum(axis=1)).ravel(), SMALLEST)))
    return (root @ links @ root).tocsr()


def spread_labels(graph: Any, start: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Let every row take over a part of what its neighbours hold, again and again.

    Parameters
    ----------
    graph : csr_matrix of shape (n_rows, n_rows)
        As :func:`neighbour_graph` gives it.
    start : ndarray of float64 of shape (n_rows, n_classes)
        What labelled rows hold; zeros for the others.
    alpha : float
        The part.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_classes)
        What each holds at the end.
    """
    held = start
    for _ in range(STEPS):
        held = alpha * (graph @ held) + (1.0 - alpha) * start
    return np.asarray(held, dtype=np.float64)


def certainty(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the entropy of each row over that of knowing nothing, shape (n_rows,)."""
    entropy = -(found * np.log(found + SMALLEST)).sum(axis=1)
    return np.asarray(np.clip(1.0 - entropy / np.log(found.shape[1]), 0.0, 1.0), dtype=np.float64)


class SpreadLabels(PoolStrategy):
    """Logistic regression on labels spread over the pool."""

    card = Card(
        name="label_spreading",
        title="Labels spread over the pool",
        family="frozen",
        modalities=MODALITIES,
        tasks=TASKS,
        representation="embedding",
        requires=REQUIRES.model_copy(
            update={
                "max_rows": MAX_ROWS,
                "limits_reference": "our choice: the graph takes time with the square",
            }
        ),
        pool=True,
        reference="Zhou et al. (2004), Learning with local and global consistency; Iscen et al. (2019), arXiv "
        "1904.04717",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )
    head = "linear"

    def learner(self, params: Params, context: FitContext) -> Model:
        """Make what spreads."""
        return LabelSpreading(params, context)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """The neighbours of all rows, and one fit on all of them."""
        width, size = self.width(n_features, params), n_rows + POOL_LOOKED_AT
        return 1e-10 * size**2 * (min(width, AXES) + 50) + head_cost(
            "linear", size, width, n_outputs, params
        )


STRATEGIES.add("label_spreading")(SpreadLabels())
