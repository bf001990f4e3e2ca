"""Pseudo-labels of several backbones: each one's own head labels the pool, and a head on all features learns the mean.

Heads on different backbones err on different items, so what they agree on is more often right than what either is sure
of, and none of them learns from itself alone. In each round a larger part of the pool is taken, the surest of each
class by the mean of the heads, and each head is fitted again; at last one on the features of all backbones, side by
side, learns from the labels and from the pool, each row weighted by how far the heads agree on it.

References
----------
Revisiting semi-supervised learning in the era of foundation models (2025), arXiv 2503.09707 (ensembles of
pseudo-labels over backbones); Blum and Mitchell (1998), Combining labeled and unlabeled data with co-training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import find_backbone
from advisor.dataset import Modality
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.representation import FeatureInfo, Features
from advisor.strategies.closed_form import RidgeHead
from advisor.strategies.heads import head_cost
from advisor.strategies.linear import LinearModel
from advisor.strategies.linear_probe import backbones_of
from advisor.strategies.pseudo_labels import (
    AXES,
    GROWTH,
    POOL_LOOKED_AT,
    REQUIRES,
    TASKS,
    Learner,
    PoolStrategy,
    calm,
    joined,
    logistic_params,
    pool_of,
    principal_axes,
    surest,
)
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, number

AXES_COST = 2e-7
"""Seconds per row and feature to find the axes and turn to them, twice; measured on one core."""

PRESENT = REQUIRES.present | {
    "further_backbones": "a second backbone that can run here (--backbone NAME NAME): one alone has nobody to agree "
    "with"
}
"""What must be there besides the features."""


class PseudoLabelEnsemble(Learner):
    """Heads that label the pool together; ``fit`` returns the linear model on the features of all backbones.

    Parameters
    ----------
    params, context : mapping, FitContext
        As for any learner.
    widths : sequence of int
        Features of each backbone, in the order in which they lie side by side.
    """

    def __init__(self, params: Params, context: FitContext, widths: Sequence[int]) -> None:
        super().__init__(params, context)
        self.widths = tuple(widths)

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> LinearModel:
        """Fit heads, let them label the pool in rounds, and fit the last on all; late, rounds are left out."""
        codes, sides = y.astype(np.int64), [on_axes(side)[0] for side in blocks(X, self.widths)]
        whole, axes = on_axes(X)
        heads = [self._head(side, codes, deadline) for side in sides]
        rounds, seconds, late = int(number(self.params, "rounds")), 0.0, deadline.passed()
        for turn in range(1, rounds + 1):
            begun = time.monotonic()
            said = [head.predict(pool_of(side)) for head, side in zip(heads, sides, strict=True)]
            late = late or deadline.left() < GROWTH * seconds
            part = 1.0 if late else turn / rounds
            labels = self._labels(said, number(self.params, "share") * part)
            if late or turn == rounds:
                break
            heads = [
                self._head(*_with_pool(side, codes, *labels), Deadline(None)) for side in sides
            ]
            seconds = time.monotonic() - begun
        model = self._head(*_with_pool(whole, codes, *labels), Deadline(None))
        judge = RidgeHead(logistic_params(self.params), self.context)
        calm(model, judge.fit(whole, codes, Deadline(None)), pool_of(whole))
        model.weights, model.truncated = model.weights @ axes, late
        return model

    def _labels(
        self, said: Sequence[NDArray[np.float64]], share: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Take the surest rows by the mean of all heads: their places in the pool, classes and weights."""
        found = np.mean(said, axis=0)
        rows = surest(found, share)
        weights = number(self.params, "weight") * agreement(said)[rows]
        return rows, found[rows].argmax(axis=1), weights

    def _head(self, X: Features, y: NDArray[np.int64], deadline: Deadline) -> LinearModel:
        model = LinearModel(logistic_params(self.params), self.context)
        model.fit(X, y, deadline)
        return model


def agreement(said: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Measure how far heads agree on each row.

    Parameters
    ----------
    said : sequence of ndarray of float64 of shape (n_rows, n_classes)
        Class probabilities by each head.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
        What all of them give to the same classes: 1 for equal probabilities, 0 for none in common.

    Examples
    --------
    >>> agreement([np.array([[0.75, 0.25]]), np.array([[0.25, 0.75]])])
    array([0.5])
    """
    return np.asarray(np.min(said, axis=0).sum(axis=1), dtype=np.float64)


def blocks(X: Features, widths: Sequence[int]) -> list[Features]:
    """Cut rows and pool into the features of each backbone.

    Parameters
    ----------
    X : Features of shape (n_rows, n_features)
        With a pool.
    widths : sequence of int
        Features of each backbone, in their order; what follows them, columns of a table beside the texts, every head
        sees.

    Returns
    -------
    list of Features
        One for each.

    Raises
    ------
    InvalidRequest
        If there are not two backbones at least, or fewer features than they have.
    """
    n_features = X.values.shape[1]
    if len(widths) < 2 or sum(widths) > n_features:
        raise InvalidRequest(
            f"expected features of two backbones, got {n_features} numbers for widths {list(widths)}; name a second "
            "one with --backbone, or use self_training"
        )
    pool, ends = pool_of(X), np.cumsum([0, *widths])
    beside = np.arange(ends[-1], n_features)
    made = []
    for first, end in pairwise(ends.tolist()):
        own = np.concatenate([np.arange(first, end), beside])
        info = FeatureInfo(names=tuple(f"f{i}" for i in own))
        made.append(replace(X, values=X.values[:, own], info=info, pool=pool[:, own]))
    return made


def on_axes(X: Features) -> tuple[Features, NDArray[np.float64]]:
    """Turn rows and pool to the directions in which they vary most, and give these, too."""
    axes = principal_axes(np.vstack([X.values, pool_of(X)]))
    return replace(X, values=X.values @ axes.T, pool=pool_of(X) @ axes.T), axes


def _with_pool(
    X: Features,
    codes: NDArray[np.int64],
    rows: NDArray[np.int64],
    taken: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[Features, NDArray[np.int64]]:
    return joined(X, codes, pool_of(X)[rows], taken, weights)


class LabelledByBackbones(PoolStrategy):
    """A linear head on the features of two backbones, and on what their own heads say of the pool."""

    card = Card(
        name="pseudo_label_ensemble",
        title="Pseudo-labels of two backbones",
        family="frozen",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=TASKS,
        representation="embedding",
        requires=REQUIRES.model_copy(update={"present": PRESENT}),
        pool=True,
        reference="Revisiting semi-supervised learning in the era of foundation models (2025), arXiv 2503.09707; Blum "
        "and Mitchell (1998), Co-training",
        licence="BSD-3-Clause (scikit-learn); the backbones' own for their weights",
    )
    head = "linear"

    def learner(self, params: Params, context: FitContext) -> Model:
        """Make the heads."""
        widths = [find_backbone(name).width for name in backbones_of(params)]
        return PseudoLabelEnsemble(params, context, widths)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Heads on the labels, one of each backbone and round on a growing part of the pool, and the last."""
        widths = [min(AXES, find_backbone(name).width) for name in backbones_of(params)]
        rounds, most = int(number(params, "rounds")), number(params, "share") * POOL_LOOKED_AT
        sizes = [n_rows + int(most * turn / rounds) for turn in range(rounds)]
        heads = sum(
            head_cost("linear", size, width, n_outputs, params)
            for size in sizes
            for width in widths
        )
        size = n_rows + int(most)
        turning = AXES_COST * size * sum(find_backbone(name).width for name in backbones_of(params))
        return heads + turning + head_cost("linear", size, AXES, n_outputs, params)


STRATEGIES.add("pseudo_label_ensemble")(LabelledByBackbones())
