"""Predictions and truth → a score, for one or for hundreds of weightings of the rows at once.

Honest numbers on small data need the same metric hundreds of times: once per bootstrap, and once per candidate
and step inside the greedy ensemble that each bootstrap re-runs. So a :class:`Metric` scores a whole matrix of row
weights in one call: accuracy, losses and everything made of class counts by one matrix product, the ranking
metrics by one sort and cumulative sums. Why not scikit-learn's functions: they take one weight vector a call
(0.3 to 1 ms each), and importing them costs the command line a second. Equality with them is tested.

Conventions: ``pred`` is float64 of shape (n, k): class probabilities (binary: two columns), label probabilities
(multilabel) or values (regression, k = 1). ``y`` is int codes (n,), 0/1 (n, k), or float (n,). Labels are read
off as the largest column, or, multilabel, as columns above one half. The positive class is code 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.errors import InvalidRequest, did_you_mean, quoted

Array = NDArray[np.float64]
Truth = NDArray[Any]
Scorer = Callable[[Truth, Array, Array], Array]
"""(y, pred of shape (n, k), weights of shape (B, n)) → scores of shape (B,)."""

IMBALANCE_FOR_PRECISION = 10.0
"""Largest class over smallest from which the default of a binary task is average precision: with one positive in
eleven or fewer, ROC AUC is dominated by easy negatives (Saito & Rehmsmeier 2015). The value is our choice."""

IMBALANCE_FOR_BALANCED = 10.0
"""Largest class over smallest from which the default of a multiclass task is balanced accuracy: below it, accuracy
cannot be had by ignoring a class without losing several points. Our choice."""

CHUNK_ELEMENTS = 4_000_000
"""Weights converted to float64 at a time (32 MB), so that 500 bootstraps of 100,000 rows stay small. Our choice."""

TOLERANCE = 1e-12
"""Smallest weight (in rows) or variance taken for more than rounding. Our choice."""


@dataclass(frozen=True)
class Metric:
    """One way to score predictions.

    Attributes
    ----------
    name : str
        As users write it, and as scikit-learn calls it where it has it.
    tasks : frozenset of Task
        Where it means something.
    greater_is_better : bool
        Direction.
    needs : {"probabilities", "labels", "values"}
        What is read off the predictions; label metrics are the ones that a decision rule can help.
    criterion : str
        Name of the metric by which the search and the ensemble compare configurations when this one is asked
        for. See :data:`LABEL_CRITERION` for the evidence.
    lowest, highest : float
        Bounds of the score, for intervals.
    """

    name: str
    tasks: frozenset[Task]
    greater_is_better: bool
    needs: Literal["probabilities", "labels", "values"]
    criterion: str
    lowest: float
    highest: float
    scorer: Scorer = field(repr=False, compare=False)

    def score(self, y: Truth, pred: Array, weights: NDArray[Any] | None = None) -> Array:
        """Score the same predictions under each of B weightings of the rows.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, k)
            The truth.
        pred : ndarray of shape (n, k)
            Predictions.
        weights : ndarray of shape (B, n) or None
            Nonnegative; counts of a bootstrap, 0 for a row that is out. ``None``: one weighting of ones.

        Returns
        -------
        ndarray of shape (B,)
            Scores in the metric's own direction; NaN where it is undefined (no weight at all, one class only
            for ranking metrics, constant truth for r2).

        Examples
        --------
        >>> import numpy as np
        >>> accuracy = get_metric("accuracy", Task.BINARY)
        >>> y, pred = np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> accuracy.score(y, pred, np.array([[1, 1], [3, 1]])).tolist()
        [0.5, 0.75]
        """
        if weights is None:
            weights = np.ones((1, len(y)))
        step = max(1, CHUNK_ELEMENTS // max(1, weights.shape[1]))
        parts = [
            self.scorer(y, pred, np.asarray(weights[i : i + step], dtype=np.float64))
            for i in range(0, len(weights), step)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def score_stack(self, y: Truth, preds: Array, weights: NDArray[Any] | None = None) -> Array:
        """Score C candidates under one weighting of the rows.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, k)
            The truth.
        preds : ndarray of shape (C, n, k)
            One prediction per candidate.
        weights : ndarray of shape (n,) or None
            Nonnegative row weights.

        Returns
        -------
        ndarray of shape (C,)
            Scores in the metric's own direction.
        """
        w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
        return np.concatenate([self.score(y, pred, w[None, :]) for pred in preds])

    def error(self, score: float) -> float:
        """Turn a score into a loss: not negative, lower is better.

        Parameters
        ----------
        score : float
            In the metric's own direction.

        Returns
        -------
        float
            The loss itself for losses; one minus the score for all others.
        """
        return 1.0 - score if self.greater_is_better else score

    def better(self, a: float, b: float) -> bool:
        """Whether score ``a`` is strictly better than ``b``; NaN is worse than anything.

        Examples
        --------
        >>> get_metric("rmse", Task.REGRESSION).better(1.0, 2.0)
        True
        """
        if np.isnan(a) or np.isnan(b):
            return bool(np.isnan(b) and not np.isnan(a))
        return a > b if self.greater_is_better else a < b


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
    return pred.argmax(axis=1)


def _divide(a: Array, b: Array) -> Array:
    """a / b, NaN where b is nothing."""
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


def _accuracy(y: Truth, pred: Array, weights: Array) -> Array:
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
        truth = np.where(y > 0, pred, 1.0 - pred)
    else:
        truth = pred[..., np.arange(len(y)), y.astype(np.int64)]
    return np.clip(truth, tiny, 1.0 - tiny)


def _log_loss(y: Truth, pred: Array, weights: Array) -> Array:
    rows = -np.log(true_probability(y, pred))
    return _mean(rows.mean(axis=1) if y.ndim == 2 else rows, weights)


def _brier(y: Truth, pred: Array, weights: Array) -> Array:
    truth = y if y.ndim == 2 else _one_hot(y, pred.shape[1])
    squares = (pred - truth) ** 2
    # Binary in [0, 1] as everybody writes it; multiclass the sum over classes (Brier 1950), in [0, 2].
    halved = y.ndim == 2 or pred.shape[1] == 2
    return _mean(squares.mean(axis=1) if halved else squares.sum(axis=1), weights)


def _rmse(y: Truth, pred: Array, weights: Array) -> Array:
    return np.sqrt(_mean((pred[:, 0] - y) ** 2, weights))


def _mae(y: Truth, pred: Array, weights: Array) -> Array:
    return _mean(np.abs(pred[:, 0] - y), weights)


def _r2(y: Truth, pred: Array, weights: Array) -> Array:
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


def _balanced_accuracy(y: Truth, pred: Array, weights: Array) -> Array:
    hit, true, _ = _counts(y, pred, weights)
    return _mean_of_defined(_divide(hit, true))


def _f1(y: Truth, pred: Array, weights: Array) -> Array:
    hit, true, said = _counts(y, pred, weights)
    return _divide(2 * hit[:, 1], true[:, 1] + said[:, 1])


def _f1_macro(y: Truth, pred: Array, weights: Array) -> Array:
    hit, true, said = _counts(y, pred, weights)
    return _mean_of_defined(_divide(2 * hit, true + said))


def _f1_micro(y: Truth, pred: Array, weights: Array) -> Array:
    hit, true, said = _counts(y, pred, weights)
    return _divide(2 * hit.sum(axis=1), (true + said).sum(axis=1))


def _mcc(y: Truth, pred: Array, weights: Array) -> Array:
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
    np.divide(above, retrieved, out=retrieved, where=retrieved > TOLERANCE)  # precision; 0 where nothing
    return _divide(np.einsum("bi,bi->b", hits, retrieved), above[:, -1])


def _ranking(one: Callable[[NDArray[np.bool_], Array, Array], Array]) -> Scorer:
    """Macro average over one-against-rest problems; those without both sides under the weights are left out."""

    def scorer(y: Truth, pred: Array, weights: Array) -> Array:
        each = [one(positive, score, weights) for positive, score in _one_against_rest(y, pred)]
        return each[0] if len(each) == 1 else _mean_of_defined(np.stack(each, axis=-1))

    return scorer


_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS})
_ALL_CLASSIFICATION = _CLASSES | {Task.MULTILABEL}
_REGRESSION = frozenset({Task.REGRESSION})

LABEL_CRITERION = "log_loss"
"""By what candidates are compared when the user's metric is made of labels."""

_INF = float("inf")
METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("roc_auc", _ALL_CLASSIFICATION, True, "probabilities", "roc_auc", 0, 1, _ranking(_auc_one)),
        Metric(
            "average_precision", _ALL_CLASSIFICATION, True, "probabilities", "average_precision", 0, 1,
            _ranking(_average_precision_one),
        ),
        Metric("log_loss", _ALL_CLASSIFICATION, False, "probabilities", "log_loss", 0, _INF, _log_loss),
        Metric("brier", _ALL_CLASSIFICATION, False, "probabilities", "brier", 0, 2, _brier),
        Metric("accuracy", _ALL_CLASSIFICATION, True, "labels", LABEL_CRITERION, 0, 1, _accuracy),
        Metric("balanced_accuracy", _CLASSES, True, "labels", LABEL_CRITERION, 0, 1, _balanced_accuracy),
        Metric("f1", frozenset({Task.BINARY}), True, "labels", LABEL_CRITERION, 0, 1, _f1),
        Metric("f1_macro", _ALL_CLASSIFICATION, True, "labels", LABEL_CRITERION, 0, 1, _f1_macro),
        Metric("f1_micro", _ALL_CLASSIFICATION, True, "labels", LABEL_CRITERION, 0, 1, _f1_micro),
        Metric("mcc", _CLASSES, True, "labels", LABEL_CRITERION, -1, 1, _mcc),
        Metric("rmse", _REGRESSION, False, "values", "rmse", 0, _INF, _rmse),
        Metric("mae", _REGRESSION, False, "values", "mae", 0, _INF, _mae),
        Metric("r2", _REGRESSION, True, "values", "rmse", -_INF, 1, _r2),
    )
}
"""Every metric by name. Bounds are of the score itself."""

ALIASES: dict[str, str] = {
    "macro_f1": "f1_macro",
    "micro_f1": "f1_micro",
    "auc": "roc_auc",
    "logloss": "log_loss",
    "matthews_corrcoef": "mcc",
    "brier_score": "brier",
}
"""Other spellings in use."""


def get_metric(name: str, task: Task) -> Metric:
    """Look a metric up by the name a user wrote.

    Parameters
    ----------
    name : str
        In any case, with dashes or underscores, or an alias such as ``macro_f1``.
    task : Task
        The metric must mean something for it.

    Returns
    -------
    Metric

    Raises
    ------
    InvalidRequest
        If there is no such metric, or it does not fit the task; names the ones that do.
    """
    asked = name.strip().lower().replace("-", "_").replace(" ", "_")
    asked = ALIASES.get(asked, asked)
    valid = [m for m, metric in METRICS.items() if task in metric.tasks]
    if asked in valid:
        return METRICS[asked]
    problem = f"does not fit a {task} task" if asked in METRICS else "is not a metric"
    hint = "" if asked in METRICS else did_you_mean(asked, [*valid, *ALIASES])
    raise InvalidRequest(
        f"metric '{name}' {problem}; metrics for {task} are {quoted(valid, most=len(METRICS))}.{hint} "
        "Pass one of them as --metric."
    )


def default_metric(task: Task, imbalance: float) -> tuple[str, str]:
    """Choose the metric when the user named none.

    Parameters
    ----------
    task : Task
        What is predicted.
    imbalance : float
        Largest class over smallest; 1.0 for regression.

    Returns
    -------
    name, reason : str, str
        The reason is a sentence for the report.

    References
    ----------
    Saito, T., Rehmsmeier, M. (2015). The precision-recall plot is more informative than the ROC plot when
    evaluating binary classifiers on imbalanced datasets. PLoS ONE 10(3).
    """
    if task is Task.REGRESSION:
        return "rmse", "the usual error of a regression, in the unit of the target"
    if task is Task.MULTILABEL:
        return "f1_macro", "every label counts the same, the rare ones too"
    if task is Task.BINARY:
        if imbalance >= IMBALANCE_FOR_PRECISION:
            return "average_precision", (
                f"one class is {imbalance:.0f} times the other, and ROC AUC hides errors on the rare one"
            )
        return "roc_auc", "it needs no threshold and does not depend on how frequent the classes are"
    if imbalance >= IMBALANCE_FOR_BALANCED:
        return "balanced_accuracy", (
            f"the largest class is {imbalance:.0f} times the smallest, so accuracy could ignore the rare ones"
        )
    return "accuracy", "the classes are of similar size"
