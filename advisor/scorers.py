"""Truth, predictions and a matrix of row weights → one score per weighting.

The numerics of :mod:`advisor.metrics`. Every function takes ``y`` (int codes (n,), 0/1 (n, k), or float (n,)), ``pred``
(n, k) and nonnegative ``weights`` (B, n), and returns (B,): NaN where the metric means nothing. Means of row losses
and class counts are one matrix product; ranking metrics sort once and cumulate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Truth = NDArray[Any]

TOLERANCE = 1e-12
"""Smallest weight (in rows) or variance taken for more than rounding. Our choice."""


def predicted_labels(y: Truth, pred: Array) -> NDArray[np.int64]:
    """Read labels off predictions: the largest column, or, for a 0/1 matrix ``y``, columns above one half.

    Returns
    -------
    ndarray of int64 of shape (n,) or (n, k)
    """
    if y.ndim == 2:
        return (pred > 0.5).astype(np.int64)
    if pred.shape[1] == 2:  # ties go to the first class, as argmax has it
        return (pred[:, 1] > pred[:, 0]).astype(np.int64)
    return np.asarray(pred.argmax(axis=1))


def _divide(a: Array, b: Array) -> Array:
    """Divide; NaN where ``b`` is nothing."""
    out = np.full(np.broadcast_shapes(a.shape, b.shape), np.nan)
    np.divide(a, b, out=out, where=b > TOLERANCE)
    return out


def _mean_of_defined(values: Array) -> Array:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def _one_hot(codes: NDArray[Any], k: int) -> Array:
    return np.asarray(codes[:, None] == np.arange(k), dtype=np.float64)


def _mean(rows: Array, weights: Array) -> Array:
    """Weighted mean of one number a row: (B, n) x (n,) → (B,)."""
    return _divide(weights @ rows, weights.sum(axis=1))


# --- metrics that are means of a loss per row ----------------------------------------------------------------


def accuracy(y: Truth, pred: Array, weights: Array) -> Array:
    """Weighted share of rows whose label, or whole label set, is right."""
    right = predicted_labels(y, pred) == y
    exact = right.all(axis=1) if y.ndim == 2 else right
    return _mean(exact.astype(np.float64), weights)


def true_probability(y: Truth, pred: Array) -> Array:
    """Probability given to what came true, clipped away from 0 and 1 as scikit-learn does.

    Returns
    -------
    ndarray of shape (..., n) or, for a 0/1 matrix ``y``, (..., n, k)
        For ``pred`` of shape (..., n, k).
    """
    tiny = np.finfo(np.float64).eps  # keeps the log finite
    if y.ndim == 2:
        return np.clip(np.where(y > 0, pred, 1.0 - pred), tiny, 1.0 - tiny)
    return np.clip(pred[..., np.arange(len(y)), y.astype(np.int64)], tiny, 1.0 - tiny)


def log_loss(y: Truth, pred: Array, weights: Array) -> Array:
    """Weighted mean of minus the log of what came true; labels of a row are averaged."""
    rows = -np.log(true_probability(y, pred))
    return _mean(rows.mean(axis=1) if y.ndim == 2 else rows, weights)


def brier(y: Truth, pred: Array, weights: Array) -> Array:
    """Weighted mean squared distance of probabilities from the truth."""
    truth = y if y.ndim == 2 else _one_hot(y, pred.shape[1])
    squares = (pred - truth) ** 2
    # Binary in [0, 1] as everybody writes it; multiclass the sum over classes (Brier 1950), in [0, 2].
    halved = y.ndim == 2 or pred.shape[1] == 2
    return _mean(squares.mean(axis=1) if halved else squares.sum(axis=1), weights)


def rmse(y: Truth, pred: Array, weights: Array) -> Array:
    """Root of the weighted mean squared error, in the unit of the target."""
    return np.sqrt(_mean((pred[:, 0] - y) ** 2, weights))


def mae(y: Truth, pred: Array, weights: Array) -> Array:
    """Weighted mean absolute error, in the unit of the target."""
    return _mean(np.abs(pred[:, 0] - y), weights)


def r2(y: Truth, pred: Array, weights: Array) -> Array:
    """One minus the residual over the total variance under the weights."""
    centred = y - y.mean()  # the identity E(y²) - E(y)² loses digits unless y is centred first
    spread = _mean(centred**2, weights) - _mean(centred, weights) ** 2
    residual = _mean((pred[:, 0] - y) ** 2, weights)
    scale = max(float(np.var(y)), np.finfo(np.float64).tiny)
    return 1.0 - _divide(residual / scale, spread / scale)


# --- metrics made of weighted counts per class -----------------------------------------------------------------


def _counts(y: Truth, pred: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Weight that is right, true and predicted, per class: three arrays of shape (B, k)."""
    labels = predicted_labels(y, pred)
    if y.ndim == 2:
        true, said = y.astype(np.float64), labels.astype(np.float64)
    else:
        k = pred.shape[1]
        true, said = _one_hot(y, k), _one_hot(labels, k)
    return weights @ (true * said), weights @ true, weights @ said


def balanced_accuracy(y: Truth, pred: Array, weights: Array) -> Array:
    """Mean recall over the classes that have weight."""
    hit, true, _ = _counts(y, pred, weights)
    return _mean_of_defined(_divide(hit, true))


def f1(y: Truth, pred: Array, weights: Array) -> Array:
    """F1 of class 1; NaN where it is neither true nor predicted."""
    hit, true, said = _counts(y, pred, weights)
    return _divide(2 * hit[:, 1], true[:, 1] + said[:, 1])


def f1_macro(y: Truth, pred: Array, weights: Array) -> Array:
    """Mean F1 over the classes or labels that are true or predicted somewhere under the weights."""
    hit, true, said = _counts(y, pred, weights)
    return _mean_of_defined(_divide(2 * hit, true + said))


def f1_micro(y: Truth, pred: Array, weights: Array) -> Array:
    """F1 of all decisions pooled."""
    hit, true, said = _counts(y, pred, weights)
    return _divide(2 * hit.sum(axis=1), (true + said).sum(axis=1))


def mcc(y: Truth, pred: Array, weights: Array) -> Array:
    """Matthews correlation in Gorodkin's (2004) multiclass form; 0 where the labels said are all the same."""
    hit, true, said = _counts(y, pred, weights)
    total = weights.sum(axis=1)
    true_spread = total**2 - (true**2).sum(axis=1)
    said_spread = total**2 - (said**2).sum(axis=1)
    above = hit.sum(axis=1) * total - (true * said).sum(axis=1)
    score = np.nan_to_num(_divide(above, np.sqrt(np.maximum(true_spread * said_spread, 0.0))))
    return np.where(true_spread > TOLERANCE, score, np.nan)


# --- ranking metrics -------------------------------------------------------------------------------------------


def _one_against_rest(y: Truth, pred: Array) -> list[tuple[NDArray[np.bool_], Array]]:
    """(is positive, score) of each ranking problem: one for binary, one per class or label otherwise."""
    if y.ndim == 2:
        return [(y[:, j] > 0, pred[:, j]) for j in range(pred.shape[1])]
    if pred.shape[1] == 2:
        return [(y == 1, pred[:, 1])]
    return [(y == j, pred[:, j]) for j in range(pred.shape[1])]


def _ranked(
    positive: NDArray[np.bool_], score: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """Weights (B, m) of positives and of negatives per distinct score, best first, and positives cumulated.

    Ties share one of the m entries: that is all it takes to treat them right.
    """
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    everything = weights[:, order]
    hits = everything * positive[order]
    if len(starts) < len(score):
        everything = np.add.reduceat(everything, starts, axis=1)
        hits = np.add.reduceat(hits, starts, axis=1)
    everything -= hits
    return hits, everything, np.cumsum(hits, axis=1)


def _auc_one(positive: NDArray[np.bool_], score: Array, weights: Array) -> Array:
    hits, misses, above = _ranked(positive, score, weights)
    # Each negative counts the positives ranked above it, and half of those it ties with.
    area = np.einsum("bi,bi->b", misses, above) - 0.5 * np.einsum("bi,bi->b", misses, hits)
    return _divide(area, above[:, -1] * misses.sum(axis=1))


def _average_precision_one(positive: NDArray[np.bool_], score: Array, weights: Array) -> Array:
    hits, misses, above = _ranked(positive, score, weights)
    retrieved = above + np.cumsum(misses, axis=1)
    np.divide(
        above, retrieved, out=retrieved, where=retrieved > TOLERANCE
    )  # precision; 0 where nothing
    return _divide(np.einsum("bi,bi->b", hits, retrieved), above[:, -1])


def roc_auc(y: Truth, pred: Array, weights: Array) -> Array:
    """Area under the ROC curve: binary, or the mean over the one-against-rest problems that have both sides."""
    return _macro([_auc_one(*problem, weights) for problem in _one_against_rest(y, pred)])


def average_precision(y: Truth, pred: Array, weights: Array) -> Array:
    """Average precision: binary, or the mean over the classes or labels that have weight."""
    return _macro([_average_precision_one(*p, weights) for p in _one_against_rest(y, pred)])


def _macro(each: list[Array]) -> Array:
    return each[0] if len(each) == 1 else _mean_of_defined(np.stack(each, axis=-1))
