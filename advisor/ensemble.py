"""Out-of-fold predictions of many candidates → a Blend: their weights and the decision rule.

The selection is one value and one function, :func:`select_blend`, because it is run many times: once for the
final model, and once for each bootstrap of the bias-corrected score, where it must be exactly the same thing.

The blend is Caruana's greedy forward selection with replacement, begun from the best single candidate; the best
point of the path is kept, the shortest among equals. It is fast because of what each criterion allows: squared
losses need only the candidates' Gram matrix, log loss only the probability of what came true, ROC AUC one sort of
all candidates at once.

References
----------
.. [1] Caruana, R., Niculescu-Mizil, A., Crew, G., Ksikes, A. (2004). Ensemble selection from libraries of models.
   ICML.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.decision import Decision, fit_decision
from advisor.metrics import METRICS, Metric
from advisor.scorers import TOLERANCE, Array, Truth, true_probability

GREEDY_STEPS = 15
"""Members with repetition: weights are multiples of 1/15 at the finest. On the tables of
:data:`advisor.metrics.LABEL_CRITERION` 8, 15, 30 and 60 steps gave the same test score within 0.3 points."""

LEAST_GAIN = 1e-9
"""By how much (relative to the error) a longer path must win to be preferred. Only guards against rounding."""


class Blend(BaseModel):
    """A selection as a value: the candidates' weights, in their order, and the decision.

    ``average`` gives the blended probabilities (what calibration starts from), ``predict`` what the metric reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[float, ...]
    decision: Decision = Decision()

    def average(self, preds: Array) -> Array:
        """Blend predictions: (C, n, k) → (n, k)."""
        used = np.flatnonzero(self.weights)
        return np.asarray(np.tensordot(np.asarray(self.weights)[used], preds[used], axes=1))

    def predict(self, preds: Array) -> Array:
        """Blend predictions and apply the decision: (C, n, k) → (n, k)."""
        return self.decision.apply(self.average(preds))


def greedy_ensemble(
    preds: Array,
    y: Truth,
    metric: Metric,
    weights: NDArray[Any] | None = None,
    steps: int = GREEDY_STEPS,
) -> Array:
    """Choose weights of candidates by greedy forward selection with replacement.

    Parameters
    ----------
    preds : ndarray of shape (C, n, k)
        Out-of-fold predictions of each candidate.
    y : ndarray
        The truth.
    metric : Metric
        What to improve.
    weights : ndarray of shape (n,) or None
        Row weights, for example the counts of a bootstrap; rows of weight 0 are not seen.
    steps : int
        Longest path.

    Returns
    -------
    ndarray of shape (C,)
        Nonnegative, sums to one. All on the first candidate where the metric is undefined for every one.
    """
    n_candidates = len(preds)
    if n_candidates == 1:
        return np.ones(1)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if (w == 0).any():
        seen = np.flatnonzero(w)
        preds, y, w = preds[:, seen], y[seen], w[seen]
    errors_of = _errors(preds, y, metric, w)

    counts = np.zeros(n_candidates)
    best_counts, best_error = counts, np.inf
    for step in range(steps):
        errors = errors_of(counts, step)
        chosen = int(
            np.argmin(errors)
        )  # the first of equals: an earlier candidate is a cheaper one
        counts = counts + np.eye(n_candidates)[chosen]
        if step == 0 or errors[chosen] < best_error - LEAST_GAIN * abs(best_error):
            best_counts, best_error = counts, errors[chosen]
        if errors[chosen] == np.inf:
            break
    return np.asarray(best_counts / best_counts.sum())


StepErrors = Callable[[Array, int], Array]
"""(members so far, how many) → error after adding each candidate, shape (C,); infinite where undefined."""


def _errors(preds: Array, y: Truth, metric: Metric, w: Array) -> StepErrors:
    """The fastest way to a step's errors that the metric allows."""
    binary = y.ndim == 1 and preds.shape[2] == 2
    if metric.name in ("rmse", "r2", "brier"):
        return _squared_errors(preds, y, w)
    if metric.name == "log_loss":
        return _log_errors(preds, y, w)
    if metric.name == "roc_auc" and binary:
        return _auc_errors(preds, y, w)
    return _any_errors(preds, y, metric, w)


def _squared_errors(preds: Array, y: Truth, w: Array) -> StepErrors:
    """Mean squared errors of blends are quadratic forms of the candidates' Gram matrix: no row is read again."""
    if preds.shape[2] == 1:
        truth = y[:, None].astype(np.float64)
    elif y.ndim == 2:
        truth = y.astype(np.float64)
    else:
        truth = np.asarray(y[:, None] == np.arange(preds.shape[2]), dtype=np.float64)
    residual = (preds - truth) * np.sqrt(w / w.sum())[:, None]
    flat = residual.reshape(len(preds), -1)
    gram = flat @ flat.T
    alone = np.diag(gram)

    def errors(counts: Array, step: int) -> Array:
        cross = gram @ counts
        return np.asarray((counts @ cross + 2 * cross + alone) / (step + 1) ** 2)

    return errors


def _log_errors(preds: Array, y: Truth, w: Array) -> StepErrors:
    """The probability of what came true blends linearly, so it is all that is kept of a prediction."""
    truth = true_probability(y, preds)
    rows = w if truth.ndim == 2 else np.repeat(w, truth.shape[2])
    truth = np.ascontiguousarray(truth.reshape(len(preds), -1))
    rows = rows / rows.sum()

    def errors(counts: Array, step: int) -> Array:
        return np.asarray(-np.log((counts @ truth + truth) / (step + 1)) @ rows)

    return errors


def _auc_errors(preds: Array, y: Truth, w: Array) -> StepErrors:
    """One minus ROC AUC of all candidates by one sort; ties count half."""
    score = np.ascontiguousarray(preds[:, :, 1])
    hit, miss = w * (y == 1), w * (y != 1)
    pairs = hit.sum() * miss.sum()

    def errors(counts: Array, step: int) -> Array:
        if pairs <= TOLERANCE:
            return np.full(len(score), np.inf)
        blended = counts @ score + score
        order = np.argsort(blended, axis=1)
        ranked = np.take_along_axis(blended, order, axis=1)
        below = np.cumsum(miss[order], axis=1)  # negatives at or below each row
        hits = hit[order]
        fresh = np.diff(ranked, axis=1) > 0
        counted = below if fresh.all() else _shared(below, fresh)
        return np.asarray(1.0 - np.einsum("cn,cn->c", hits, counted) / pairs)

    return errors


def _shared(below: Array, fresh: NDArray[np.bool_]) -> Array:
    """Negatives below each row plus half of those tied with it, from sorted cumulative sums of shape (C, n)."""
    n_candidates, n = below.shape
    edge = np.ones((n_candidates, 1), dtype=bool)
    position = np.arange(n)
    first = np.maximum.accumulate(np.where(np.hstack([edge, fresh]), position, 0), axis=1)
    last = np.where(np.hstack([fresh, edge]), position, n)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    before = np.where(first > 0, np.take_along_axis(below, np.maximum(first - 1, 0), axis=1), 0.0)
    return 0.5 * (before + np.take_along_axis(below, last, axis=1))


def _any_errors(preds: Array, y: Truth, metric: Metric, w: Array) -> StepErrors:
    """Any metric, scored candidate by candidate."""

    def errors(counts: Array, step: int) -> Array:
        blended = (np.tensordot(counts, preds, axes=1) + preds) / (step + 1)
        scores = metric.score_stack(y, blended, w)
        lower = -scores if metric.greater_is_better else scores
        return np.where(np.isnan(lower), np.inf, lower)

    return errors


def select_blend(
    preds: Array,
    y: Truth,
    metric: Metric,
    criterion: Metric | None = None,
    weights: NDArray[Any] | None = None,
) -> Blend:
    """Select: weigh the candidates by the criterion, then fit the decision for the metric.

    Parameters
    ----------
    preds : ndarray of shape (C, n, k)
        Out-of-fold predictions of each candidate.
    y : ndarray
        The truth.
    metric : Metric
        The user's, for the decision.
    criterion : Metric or None
        For the weights; ``None``: the one that ``metric.criterion`` names.
    weights : ndarray of shape (n,) or None
        Row weights: this is what a bootstrap varies.

    Returns
    -------
    Blend
    """
    criterion = METRICS[metric.criterion] if criterion is None else criterion
    blend = Blend(weights=tuple(greedy_ensemble(preds, y, criterion, weights).tolist()))
    return Blend(
        weights=blend.weights, decision=fit_decision(blend.average(preds), y, metric, weights)
    )
