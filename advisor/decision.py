"""Probabilities → the labels a metric asks for: the most probable class is best for accuracy, and for little else.

One parameter, fitted where the metric is known to gain from it: a power of the classes' shares, or one threshold for
all labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.metrics import Metric
from advisor.scorers import Array, Truth

PRIOR_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Grid of tau in ``argmax p_c / prior_c^tau``: 0 is the most probable class, 1 the optimum of balanced accuracy for
calibrated probabilities. One parameter on a coarse grid, because a threshold per class overfits. Our choice."""

DECISION_GAIN = 0.01
"""By how much of the metric (in [0, 1]) another tau must beat the one that theory names. Our choice."""

LABEL_THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Grid of the one threshold shared by all labels of a multilabel problem. The optimum of F1 is half the F1 that can
be reached (Lipton, Elkan & Naryanaswamy 2014), so never above one half."""

ADDED_ROWS = 1.0
"""Rows added to each class before its share is taken (Laplace): what one row says of a class deserves no multiplier of
a hundred. On eight tables (300 rows or half, 16 splits, forests and logistic regression) 0, 1, 2, 5 added rows had
balanced accuracy 79.2, 79.4, 79.4, 79.2; with classes of one or two rows (ecoli) 63.1, 65.4, 66.5, 66.4."""

THEORY: dict[str, float] = {"balanced_accuracy": 1.0, "f1_macro": 0.5, "mcc": 0.5, "f1": 0.5}
"""The tau to prefer: 1 is the optimum of balanced accuracy for calibrated probabilities (Menon et al. 2013). The
optima of F1 and MCC depend on the data and lie between the two: on the tables of
:data:`advisor.metrics.LABEL_CRITERION`, tau = 0, .5, 1 had f1_macro 83.1, 84.4, 81.6, MCC 75.9, 76.9, 73.9 and
F1 69.7, 74.3, 71.0; the fitted tau had 84.3, 77.0 and 74.4."""

FIXED: frozenset[str] = frozenset({"accuracy", "f1_micro", "balanced_accuracy"})
"""Metrics whose optimal decision is known and not searched: a fitted tau cost balanced accuracy 0.2 points (0.14) there
and gained accuracy 0.04 (0.07)."""


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


def _prior_decision(y: Truth, w: Array, k: int, power: float) -> Decision:
    if power == 0:
        return Decision()
    seen = np.bincount(y.astype(np.int64), weights=w, minlength=k)
    factor = ((seen + ADDED_ROWS) / w.sum()) ** -power
    factor[seen <= 0] = 1.0  # a class that was not seen is not boosted
    return Decision(power=power, multipliers=tuple(float(f) for f in factor / factor.max()))
