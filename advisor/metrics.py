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

from advisor import scorers
from advisor.dataset import Task
from advisor.errors import InvalidRequest, did_you_mean, quoted
from advisor.scorers import Array, Truth

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


LABEL_CRITERION = "brier"
"""By what candidates are compared when the metric is made of labels. Labels throw away most of what a probability
says, so comparing by them follows noise. Measured on 14 small tables (glass, ecoli, titanic, car, vehicle, zoo,
page_blocks, sonar, horse_colic, penguins, mlc_churn, soybean, phoneme, oil_spill; at most 300 training rows, 5
resplits each, ten candidates, greedy ensemble): test score in points less that of the ensemble chosen by log loss,
with its standard error:

    chosen by          accuracy      balanced      f1_macro      mcc           f1 (30 runs)
    the metric         -0.41 (.18)   -0.81 (.37)   -0.78 (.26)   -1.53 (.45)   -2.10 (.64)
    metric + log loss  -0.13 (.09)   -0.31 (.20)   -0.14 (.20)   -0.40 (.24)   -0.29 (.44)
    roc_auc            -0.15 (.11)   -0.17 (.23)   -0.09 (.25)   -0.80 (.36)   -0.65 (.57)
    clipped log loss   +0.03 (.05)   -0.08 (.12)   -0.00 (.17)   -0.21 (.25)   -0.43 (.50)
    brier              +0.05 (.08)   -0.14 (.16)   +0.22 (.16)   -0.01 (.21)   -0.03 (.25)
    one, by log loss   -0.94 (.26)   -1.84 (.33)   -1.26 (.28)   -2.53 (.47)   -2.43 (.81)
    one, by brier      -0.41 (.13)   -1.30 (.28)   -1.06 (.28)   not measured  not measured

Brier equals log loss for ensembles, is half a point of accuracy better for picking one (a forest or neighbour model
that once says 0 has a huge log loss), and is the fastest, being quadratic. Ranking metrics choose by themselves: for
ROC AUC and average precision ensembles by log loss or Brier were the same within 0.05 points (0.2), single picks
0.1 to 0.9 points worse."""

_INF = float("inf")
_BINARY = frozenset({Task.BINARY})
_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS})
_ANY_CLASS = _CLASSES | {Task.MULTILABEL}
_VALUES = frozenset({Task.REGRESSION})


def _ranks(name: str, scorer: Scorer) -> Metric:
    return Metric(name, _ANY_CLASS, True, "probabilities", name, 0.0, 1.0, scorer)


def _loss(name: str, highest: float, scorer: Scorer) -> Metric:
    return Metric(name, _ANY_CLASS, False, "probabilities", name, 0.0, highest, scorer)


def _labels(name: str, tasks: frozenset[Task], scorer: Scorer, lowest: float = 0.0) -> Metric:
    return Metric(name, tasks, True, "labels", LABEL_CRITERION, lowest, 1.0, scorer)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _ranks("roc_auc", scorers.roc_auc),
        _ranks("average_precision", scorers.average_precision),
        _loss("log_loss", _INF, scorers.log_loss),
        _loss("brier", 2.0, scorers.brier),
        _labels("accuracy", _ANY_CLASS, scorers.accuracy),
        _labels("balanced_accuracy", _CLASSES, scorers.balanced_accuracy),
        _labels("f1", _BINARY, scorers.f1),
        _labels("f1_macro", _ANY_CLASS, scorers.f1_macro),
        _labels("f1_micro", _ANY_CLASS, scorers.f1_micro),
        _labels("mcc", _CLASSES, scorers.mcc, lowest=-1.0),
        Metric("rmse", _VALUES, False, "values", "rmse", 0.0, _INF, scorers.rmse),
        Metric("mae", _VALUES, False, "values", "mae", 0.0, _INF, scorers.mae),
        Metric("r2", _VALUES, True, "values", "rmse", -_INF, 1.0, scorers.r2),
    )
}
"""Every metric by name. Of r2 the criterion is rmse: on one set of rows they order alike."""

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
        return (
            "roc_auc",
            "it needs no threshold and does not depend on how frequent the classes are",
        )
    if imbalance >= IMBALANCE_FOR_BALANCED:
        return "balanced_accuracy", (
            f"the largest class is {imbalance:.0f} times the smallest, so accuracy could ignore the rare ones"
        )
    return "accuracy", "the classes are of similar size"
