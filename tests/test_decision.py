"""Decisions help label metrics without overfitting, and leave the others alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.decision import PRIOR_POWERS, Decision, fit_decision
from advisor.metrics import METRICS
from advisor.trials import judged

Floats = NDArray[np.float64]


def guesses(n_classes: int) -> tuple[Floats, NDArray[np.int64]]:
    """Probabilities that know something of evenly frequent classes, and the classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 120)
    raw = np.exp(2.0 * np.eye(n_classes)[y] + rng.normal(size=(120, n_classes)))
    return raw / raw.sum(axis=1, keepdims=True), y


def _logistic(z: NDArray[Any]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)))


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "accuracy", "rmse"])
def test_metrics_that_need_no_rule_get_none(name: str) -> None:
    """Probabilities and values stay as they are; accuracy takes the most probable class."""
    pred, y = guesses(2)
    pred, y = (pred[:, 1:], pred[:, 0]) if name == "rmse" else (pred, y)
    decision = fit_decision(pred, y, METRICS[name])
    assert decision == Decision()
    assert np.array_equal(decision.apply(pred), pred)


@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro", "mcc", "f1"])
def test_the_decision_lifts_metrics_of_rare_classes_on_fresh_rows(name: str) -> None:
    """With one row in twelve positive, the most probable class is hardly ever the positive one."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=4000), np.zeros(4000, dtype=np.int64)
    p = _logistic(1.3 * x - 3.1)
    y[rng.random(4000) < p] = 1
    pred = np.stack([1 - p, p], axis=-1)
    metric = METRICS[name]
    decision = fit_decision(pred[:400], y[:400], metric)
    assert decision.power in PRIOR_POWERS
    later, truth = pred[400:], y[400:]
    gain = metric.score(truth, decision.apply(later)) - metric.score(truth, later)
    assert gain[0] > 0.05
    assert np.allclose(decision.apply(later).sum(axis=1), 1.0)


def test_the_decision_of_labels_is_one_threshold() -> None:
    """Rare labels are found from a lower probability; scores cross one half exactly there."""
    rng = np.random.default_rng(0)
    p = _logistic(1.3 * rng.normal(size=(500, 3)) - 2.2)
    y = (rng.random(p.shape) < p).astype(np.int8)
    decision = fit_decision(p, y, METRICS["f1_macro"])
    assert decision.threshold < 0.5
    assert np.array_equal(decision.apply(p) > 0.5, p > decision.threshold)
    assert fit_decision(p, y, METRICS["accuracy"]) == Decision()


def test_a_class_without_rows_is_not_boosted() -> None:
    """A bootstrap may miss a class; its multiplier stays finite and the smallest there is a reason for."""
    pred, y = guesses(4)
    w = (y != 3).astype(np.float64)
    decision = fit_decision(pred, y, METRICS["balanced_accuracy"], w)
    assert len(decision.multipliers) == 4
    assert max(decision.multipliers) == 1.0
    assert np.isfinite(decision.apply(pred)).all()


def test_a_class_of_one_row_is_not_multiplied_by_a_hundred() -> None:
    """Its share is too uncertain for that: it counts as if there were two, the usual class as what it is."""
    y = np.repeat([0, 1, 2], [100, 10, 1])
    decision = fit_decision(np.full((111, 3), 1 / 3), y, METRICS["balanced_accuracy"])
    usual, rarer, rarest = decision.multipliers
    assert rarest / usual == pytest.approx(101 / 2)
    assert rarer / usual == pytest.approx(101 / 11)


def test_all_but_the_dummy_are_judged_as_they_will_decide() -> None:
    """The dummy's shares differ from fold to fold, and by nothing else: a multiplier would make them an answer."""
    rng = np.random.default_rng(0)
    p = _logistic(1.3 * rng.normal(size=(600, 3)) - 2.2)
    y = (rng.random(p.shape) < p).astype(np.int8)
    metric, some = METRICS["f1_macro"], np.arange(0, 600, 2)
    assert judged("dummy", p, y, metric) is p
    expected = fit_decision(p[some], y[some], metric).apply(p)
    assert np.array_equal(judged("linear", p, y, metric, some), expected)
    assert metric.score(y, expected)[0] > metric.score(y, p)[0]
