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

from advisor.metrics import METRICS, Metric
from advisor.scorers import TOLERANCE, Array, Truth, true_probability

GREEDY_STEPS = 15
"""Members with repetition: weights are multiples of 1/15 at the finest. On the tables of
:data:`advisor.metrics.LABEL_CRITERION` 8, 15, 30 and 60 steps gave the same test score within 0.3 points."""

LEAST_GAIN = 1e-9
"""By how much (relative to the error) a longer path must win to be preferred. Only guards against rounding."""

PRIOR_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Grid of tau in ``argmax p_c / prior_c^tau``: 0 is the most probable class, 1 the optimum of balanced accuracy for
calibrated probabilities. One parameter on a coarse grid, because a threshold per class overfits. Our choice."""

DECISION_GAIN = 0.01
"""By how much of the metric (in [0, 1]) another tau must beat the one that theory names. Our choice."""

LABEL_THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Grid of the one threshold shared by all labels of a multilabel problem. The optimum of F1 is half the F1 that can
be reached (Lipton, Elkan & Naryanaswamy 2014), so never above one half."""

LEAST_PRIOR = 1e-6
"""Floor of a class's share, so that a class without weight does not get an infinite multiplier."""


class Decision(BaseModel):
    """How labels are read off averaged probabilities.

    Attributes
    ----------
    power : float
        tau of ``argmax p_c / prior_c^tau``; 0 for the identity.
    multipliers : tuple of float
        What class probabilities are multiplied by; empty for the identity.
    threshold : float
        Multilabel: the probability from which a label is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    power: float = 0.0
    multipliers: tuple[float, ...] = ()
    threshold: float = 0.5

    def apply(self, pred: Array) -> Array:
        """Move probabilities so that the decision is the largest column, or (multilabel) above one half.

        Parameters
        ----------
        pred : ndarray of shape (n, k)
            Probabilities, or values, which pass unchanged.

        Returns
        -------
        ndarray of shape (n, k)
            Scores between 0 and 1; rows of class scores sum to one. Not calibrated probabilities.

        Examples
        --------
        >>> import numpy as np
        >>> Decision(power=1.0, multipliers=(1.0, 3.0)).apply(np.array([[0.6, 0.4]])).round(2).tolist()
        [[0.33, 0.67]]
        """
        if self.multipliers:
            scaled = pred * np.asarray(self.multipliers)
            total = scaled.sum(axis=1, keepdims=True)
            return np.asarray(scaled / np.where(total > 0, total, 1.0))
        if self.threshold != 0.5:
            # The odds are divided by those of the threshold: monotone, and exactly 1/2 at the threshold.
            yes, no = pred * (1.0 - self.threshold), (1.0 - pred) * self.threshold
            return np.asarray(yes / (yes + no))
        return pred


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


def fit_decision(
    pred: Array, y: Truth, metric: Metric, weights: NDArray[Any] | None = None
) -> Decision:
    """Choose how labels are read off probabilities so that a label metric gains.

    Parameters
    ----------
    pred : ndarray of shape (n, k)
        Out-of-fold probabilities, averaged, not calibrated.
    y : ndarray
        The truth.
    metric : Metric
        The user's.
    weights : ndarray of shape (n,) or None
        Row weights; rows of weight 0 are not seen.

    Returns
    -------
    Decision
        The identity for metrics of probabilities or values, and for accuracy, whose optimum is the most
        probable class.
    """
    if metric.needs != "labels":
        return Decision()
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if y.ndim == 2:
        if metric.name == "accuracy":
            return Decision()
        options = [Decision(threshold=t) for t in LABEL_THRESHOLDS]
        usual = LABEL_THRESHOLDS.index(0.5)
    else:
        usual = PRIOR_POWERS.index(THEORY.get(metric.name, 0.0))
        if metric.name in FIXED:
            return _prior_decision(y, w, pred.shape[1], PRIOR_POWERS[usual])
        options = [_prior_decision(y, w, pred.shape[1], power) for power in PRIOR_POWERS]
    scores = np.array([metric.score(y, option.apply(pred), w[None, :])[0] for option in options])
    if np.isnan(scores).all():
        return options[usual]
    # The gain must be clear, or the choice follows the noise of a few rows.
    best = int(np.nanargmax(scores))
    return options[best if scores[best] > scores[usual] + DECISION_GAIN else usual]


THEORY: dict[str, float] = {"balanced_accuracy": 1.0, "f1_macro": 0.5, "mcc": 0.5, "f1": 0.5}
"""The tau to prefer: 1 is the optimum of balanced accuracy for calibrated probabilities (Menon et al. 2013). The
optima of F1 and MCC depend on the data and lie between the two: on the tables of
:data:`advisor.metrics.LABEL_CRITERION`, tau = 0, .5, 1 had f1_macro 83.1, 84.4, 81.6, MCC 75.9, 76.9, 73.9 and
F1 69.7, 74.3, 71.0; the fitted tau had 84.3, 77.0 and 74.4."""

FIXED: frozenset[str] = frozenset({"accuracy", "f1_micro", "balanced_accuracy"})
"""Metrics whose optimal decision is known and not searched: a fitted tau cost balanced accuracy 0.2 points (0.14) there
and gained accuracy 0.04 (0.07)."""


def _prior_decision(y: Truth, w: Array, k: int, power: float) -> Decision:
    if power == 0:
        return Decision()
    prior = np.bincount(y.astype(np.int64), weights=w, minlength=k) / w.sum()
    factor = np.maximum(prior, LEAST_PRIOR) ** -power
    factor[prior <= 0] = 1.0  # a class that was not seen is not boosted
    return Decision(power=power, multipliers=tuple(float(f) for f in factor / factor.max()))


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
