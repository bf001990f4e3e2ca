"""Predictions of any system + true targets → one score, by scikit-learn alone.

The referee shares no code with the package under test. Predictions come as a CSV with a column
``prediction`` and, for classification, a probability column per class, named as the class is
written in the data.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
    roc_auc_score,
)

METRIC_NAMES = {"macro_f1": "f1_macro"}
"""Names of the data's index that differ from scikit-learn's."""

ERRORS = frozenset({"rmse", "mae"})
"""Metrics of which less is better."""

RANKED = frozenset({"roc_auc", "average_precision"})
"""Metrics of the probability of the positive class."""

PERCENT = 100.0


def score(metric: str, truth: pd.Series, predictions: pd.DataFrame, positive: str | None) -> float:
    """Score predictions against the truth.

    Parameters
    ----------
    metric : str
        ``accuracy``, ``balanced_accuracy``, ``f1_macro``, ``roc_auc``, ``average_precision``,
        ``rmse`` or ``mae``.
    truth : Series of shape (n,)
        True targets as they are written in the data.
    predictions : DataFrame of shape (n, 1 + n_classes)
        As the module says, read with every cell as text.
    positive : str or None
        The class whose probability is ranked; for ``roc_auc`` and ``average_precision``.

    Returns
    -------
    float
        In the metric's own unit (errors in that of the target).

    Raises
    ------
    ValueError
        If the predictions have the wrong length, a gap, or no column for the positive class.
    """
    if len(truth) != len(predictions):
        raise ValueError(f"expected {len(truth)} predictions, got {len(predictions)}")
    if metric in ERRORS:
        error = mean_absolute_error if metric == "mae" else mean_squared_error
        value = float(error(truth.astype(float), _numbers(predictions["prediction"])))
        return value if metric == "mae" else float(np.sqrt(value))
    if metric in RANKED:
        if positive not in predictions:
            raise ValueError(f"no probability column '{positive}' in {list(predictions)}")
        ranked = roc_auc_score if metric == "roc_auc" else average_precision_score
        return float(ranked(truth == positive, _numbers(predictions[positive])))
    named = predictions["prediction"].astype(str)
    if metric == "accuracy":
        return float(accuracy_score(truth, named))
    if metric == "balanced_accuracy":
        return float(balanced_accuracy_score(truth, named))
    return float(f1_score(truth, named, average="macro"))


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    values = np.asarray(column, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"column '{column.name}' has {int((~np.isfinite(values)).sum())} gaps")
    return values


def optimism(metric: str, reported: float, test: float) -> float:
    """Say by how much a system's own figure flatters it.

    Parameters
    ----------
    metric : str
        Name of the metric.
    reported : float
        What the system said of itself before the test.
    test : float
        What the referee found.

    Returns
    -------
    float
        Points (hundredths of the metric), or per cent of the test error for rmse and mae;
        positive is too optimistic.
    """
    if metric in ERRORS:
        return PERCENT * (test - reported) / test
    return PERCENT * (reported - test)
