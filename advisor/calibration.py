"""Out-of-fold probabilities → a Calibrator sized to the data, or none when it does not help.

One parameter (temperature) for few rows, two (Platt's sigmoid) for a binary task with many, never isotonic
regression, which overfits below some thousand rows [2]_. Both are strictly monotone, so that ROC AUC and the most
probable class of a temperature do not change. It is kept only if a cross-fitted log loss says it helps.

Why calibrate an ensemble at all: averages of models are under-confident, boosted trees over-confident [1]_.

References
----------
.. [1] Guo, C., Pleiss, G., Sun, Y., Weinberger, K. (2017). On calibration of modern neural networks. ICML.
.. [2] Niculescu-Mizil, A., Caruana, R. (2005). Predicting good probabilities with supervised learning. ICML.
.. [3] Platt, J. (1999). Probabilistic outputs for support vector machines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.dataset import Task
from advisor.scorers import Array, Truth, true_probability
from advisor.splits import LEAST_FOLDS, SplitPlan, split

ROWS_FOR_SIGMOID = 1_000
"""Rows from which a binary task can afford a second parameter, the intercept. Our choice: DESIGN says below about
1,000 rows one parameter, and the standard error of an intercept, 2/sqrt(n) in logits, is then below 0.07."""

ROWS_TO_CALIBRATE = 30
"""Below this many rows nothing is fitted: the gate below could not tell gain from noise. Our choice."""

GATE_FOLDS = 5
"""Folds of the cross-fitted check. Our choice."""

GATE_ERRORS = 1.0
"""Standard errors of the mean gain in log loss by which calibration must win to be kept. Our choice. In
simulation (60 sets each of 100, 500 and 2,000 rows) 0 to 2 % of needless calibrators were kept, and of needed ones 37 %
(logits halved, 100 rows) to 100 % (500 rows and more); where kept, log loss fell by .014 to .135."""

SLOPE_SPREAD = 0.2
"""Standard deviation of the logarithm of a single model's slope, before the folds have spoken. Chosen among .1 to 2, on
18 draws of 5 and 10 labels per class of eight sets of pictures, texts and recordings: the better of two heads by Brier
score had 25.9 % error on the test splits, by that of probabilities as they came 26.8 %, and the best of each 25.7 %;
with four more that use the pool 23.0, 23.2 and 22.5 %."""

LEAST_PROBABILITY = 1e-7
"""Probabilities are moved this far from 0 and 1 before the logarithm (a logit of 16)."""

LARGEST_LOG_SLOPE = 3.0
"""Slopes are searched between exp(-3) and exp(3): beyond that the candidate is broken, not miscalibrated."""


class Calibrator(BaseModel):
    """A monotone map of probabilities.

    Attributes
    ----------
    kind : {"none", "temperature", "sigmoid"}
        ``temperature``: log-probabilities times ``slope``, normalised again (multilabel: logits times ``slope``);
        ``sigmoid``: binary, logit times ``slope`` plus ``intercept``.
    slope : float
        Positive; one over the temperature.
    intercept : float
        Added to the logit of class 1; 0 for a temperature.
    multilabel : bool
        Whether columns are labels of their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["none", "temperature", "sigmoid"] = "none"
    slope: float = 1.0
    intercept: float = 0.0
    multilabel: bool = False

    def apply(self, pred: Array) -> Array:
        """Calibrate probabilities.

        Parameters
        ----------
        pred : ndarray of shape (n, k)
            Class probabilities, label probabilities, or (kind ``none``) values.

        Returns
        -------
        ndarray of shape (n, k)
            Of the same kind; class probabilities sum to one.

        Examples
        --------
        >>> import numpy as np
        >>> Calibrator(kind="temperature", slope=2.0).apply(np.array([[0.8, 0.2]])).round(3).tolist()
        [[0.941, 0.059]]
        """
        if self.kind == "none":
            return pred
        clipped = np.clip(pred, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
        if self.multilabel or pred.shape[1] == 2:
            p = clipped if self.multilabel else clipped[:, 1:]
            yes = _sigmoid(self.slope * np.log(p / (1.0 - p)) + self.intercept)
            return yes if self.multilabel else np.hstack([1.0 - yes, yes])
        logs = self.slope * np.log(clipped)
        powers = np.exp(
            logs - logs.max(axis=1, keepdims=True)
        )  # the largest is 1: nothing overflows
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))  # no overflow on either side


def fit_calibrator(
    pred_oof: Array, y: Truth, task: Task, weights: Array | None = None
) -> Calibrator:
    """Fit a calibrator on out-of-fold probabilities and keep it only if it helps rows it has not seen.

    Parameters
    ----------
    pred_oof : ndarray of shape (n, k)
        Blended out-of-fold probabilities.
    y : ndarray
        int codes (n,) or 0/1 (n, k).
    task : Task
        Regression gets no calibrator.
    weights : ndarray of shape (n,) or None
        How many rows each stands for, where classes were not drawn alike; ``None`` for one.

    Returns
    -------
    Calibrator
        Of kind ``none`` below 30 rows, with one class only, or when the cross-fitted log loss does not improve by
        one standard error.
    """
    nothing = Calibrator(multilabel=task is Task.MULTILABEL)
    if not task.is_classification or len(y) < ROWS_TO_CALIBRATE or len(np.unique(y)) < LEAST_FOLDS:
        return nothing
    fit = _fit_sigmoid if task is Task.BINARY and len(y) >= ROWS_FOR_SIGMOID else _fit_temperature
    each = np.ones(len(y)) if weights is None else weights
    return fit(pred_oof, y, each) if _helps(fit, pred_oof, y, each) else nothing


def temper(pred_oof: Array, y: Truth, weights: Array) -> Calibrator:
    """Make one model as sure as the folds say, so that it can be compared and blended with others.

    A head that is hardly sure of any of 77 classes loses against a worse one that is, although the most probable
    class, by which labels are told, is the same at any sureness.

    Parameters
    ----------
    pred_oof : ndarray of shape (n, k)
        Out-of-fold class probabilities of one configuration.
    y : ndarray of int of shape (n,)
        Codes.
    weights : ndarray of shape (n,)
        How many rows each stands for.

    Returns
    -------
    Calibrator
        A temperature, nearer to none the fewer rows there are (see ``SLOPE_SPREAD``).
    """
    return _fit_temperature(pred_oof, y, weights, SLOPE_SPREAD)


def _helps(
    fit: Callable[[Array, Truth, Array], Calibrator], pred: Array, y: Truth, weights: Array
) -> bool:
    gain = np.zeros(len(y))
    for fold in split(SplitPlan(folds=GATE_FOLDS, repeats=1), y, None):
        fitted = fit(pred[fold.train], y[fold.train], weights[fold.train])
        calibrated = fitted.apply(pred[fold.valid])
        gain[fold.valid] = _loss(pred[fold.valid], y[fold.valid]) - _loss(calibrated, y[fold.valid])
    mean = np.average(gain, weights=weights)
    error = np.sqrt((weights**2 * (gain - mean) ** 2).sum()) / weights.sum()
    return bool(mean > GATE_ERRORS * error)


def _loss(pred: Array, y: Truth) -> NDArray[np.float64]:
    """Log loss per row, with the clipping of ``apply`` on both sides of a comparison."""
    truth = np.clip(true_probability(y, pred), LEAST_PROBABILITY, 1.0)
    rows = -np.log(truth)
    return np.asarray(rows.mean(axis=1) if rows.ndim == 2 else rows)


def _fit_temperature(pred: Array, y: Truth, weights: Array, spread: float = np.inf) -> Calibrator:
    """The slope of least log loss: a search in one dimension over its logarithm, expected about 0 give or take."""
    from scipy.optimize import minimize_scalar

    def loss(log_slope: float) -> float:
        unlikely = (log_slope / spread) ** 2 / (2 * len(y))
        losses = _loss(make(log_slope).apply(pred), y)
        return float(np.average(losses, weights=weights)) + unlikely

    def make(log_slope: float) -> Calibrator:
        slope = float(np.exp(log_slope))
        return Calibrator(kind="temperature", slope=slope, multilabel=y.ndim == 2)

    bounds = (-LARGEST_LOG_SLOPE, LARGEST_LOG_SLOPE)
    return make(float(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _fit_sigmoid(pred: Array, y: Truth, weights: Array) -> Calibrator:
    """Slope and intercept of least log loss against Platt's softened targets; the slope is kept positive."""
    from scipy.optimize import minimize

    p = np.clip(pred[:, 1], LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
    logit = np.log(p / (1.0 - p))
    n_yes = float((y == 1).sum())
    n_no = len(y) - n_yes
    target = np.where(y == 1, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))
    share = weights / weights.sum()

    def loss(v: Array) -> tuple[float, Array]:
        slope = np.exp(v[0])
        z = slope * logit + v[1]
        # log(1 + e^z) - t z is the log loss in logits; its derivative is sigmoid(z) - t.
        slack = share * (_sigmoid(z) - target)
        gradient = np.array([slack @ logit * slope, slack.sum()])
        return float(share @ (np.logaddexp(0.0, z) - target * z)), gradient

    limits = [(-LARGEST_LOG_SLOPE, LARGEST_LOG_SLOPE), (None, None)]
    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=limits)
    return Calibrator(kind="sigmoid", slope=float(np.exp(found.x[0])), intercept=float(found.x[1]))
