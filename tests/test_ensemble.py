"""The greedy blend is Caruana's, by whatever fast way, and decisions help label metrics without overfitting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.ensemble import (
    GREEDY_STEPS,
    Blend,
    _any_errors,
    _errors,
    greedy_ensemble,
    select_blend,
)
from advisor.metrics import METRICS

Floats = NDArray[np.float64]
Truth = NDArray[Any]


def problem(task: Task, seed: int = 0, n: int = 120, candidates: int = 6) -> tuple[Floats, Truth]:
    """Candidates of unequal quality with their own noise, and the truth."""
    rng = np.random.default_rng(seed)
    noise = np.linspace(0.5, 2.5, candidates)[:, None]
    if task is Task.REGRESSION:
        y: Truth = rng.normal(size=n)
        return (y + noise * rng.normal(size=(candidates, n)))[:, :, None], y
    if task is Task.MULTILABEL:
        y = (rng.random((n, 3)) < 0.3).astype(np.int8)
        return _logistic(3.0 * y - 1.5 + noise[:, :, None] * rng.normal(size=(candidates, n, 3))), y
    k = 2 if task is Task.BINARY else 4
    y = rng.integers(0, k, n)
    hot = y[:, None] == np.arange(k)
    raw = np.exp(2.0 * hot + noise[:, :, None] * rng.normal(size=(candidates, n, k)))
    return raw / raw.sum(axis=2, keepdims=True), y


def _logistic(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-z))


CASES = [(name, task) for name, metric in METRICS.items() for task in sorted(metric.tasks)]


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("rounded", [False, True])
def test_fast_ways_order_candidates_as_the_metric_does(
    name: str, task: Task, rounded: bool
) -> None:
    """Gram matrix, true probabilities and the one sort rank every next member as scoring it would."""
    preds, y = problem(task)
    preds = np.round(preds, 1) if rounded else preds  # ties
    w = np.random.default_rng(1).integers(1, 4, len(y)).astype(np.float64)
    counts = np.array([1.0, 0, 2, 0, 0, 0])
    fast = _errors(preds, y, METRICS[name], w)(counts, 3)
    slow = _any_errors(preds, y, METRICS[name], w)(counts, 3)
    if name == "rmse":
        fast = np.sqrt(fast)
    if name not in ("r2", "brier"):  # those differ by a constant factor or offset
        assert np.ptp(fast - slow) < 1e-10
    assert fast.argsort().tolist() == slow.argsort().tolist()


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_blend_is_never_worse_than_the_best_single(name: str, task: Task) -> None:
    """On the rows it is chosen on; weights are a share of the steps and sum to one."""
    preds, y = problem(task)
    metric = METRICS[name]
    weights = greedy_ensemble(preds, y, metric)
    assert weights.sum() == pytest.approx(1.0)
    assert np.all(weights >= 0)
    blended = metric.score(y, np.tensordot(weights, preds, axes=1))[0]
    alone = metric.score_stack(y, preds)
    assert metric.error(blended) <= min(metric.error(s) for s in alone) + 1e-9


def test_rows_of_no_weight_are_not_seen() -> None:
    """What is out of the bag cannot leak into the selection."""
    preds, y = problem(Task.BINARY)
    w = (np.arange(len(y)) % 3 > 0).astype(np.float64)
    altered = preds.copy()
    altered[:, w == 0] = altered[:, w == 0][:, :, ::-1]
    metric = METRICS["accuracy"]
    assert select_blend(preds, y, metric, weights=w) == select_blend(altered, y, metric, weights=w)


def test_counts_are_rows_written_several_times() -> None:
    """A bootstrap by weights is a bootstrap by rows."""
    preds, y = problem(Task.BINARY)
    counts = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), counts)
    for name in ("roc_auc", "log_loss", "brier", "average_precision"):
        by_weight = greedy_ensemble(preds, y, METRICS[name], counts)
        by_rows = greedy_ensemble(preds[:, rows], y[rows], METRICS[name])
        assert by_weight == pytest.approx(by_rows)


def test_equals_are_settled_for_the_fewest_and_first() -> None:
    """Copies of one candidate add nothing, so one is used alone, the first."""
    preds, y = problem(Task.REGRESSION, candidates=1)
    weights = greedy_ensemble(np.repeat(preds, 4, axis=0), y, METRICS["rmse"])
    assert weights.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_an_undefined_metric_uses_the_first_candidate() -> None:
    """One class only cannot be ranked: nothing is preferred."""
    preds, y = problem(Task.BINARY)
    for name in ("roc_auc", "average_precision"):
        weights = greedy_ensemble(preds, np.zeros_like(y), METRICS[name])
        assert weights.tolist() == [1.0, 0, 0, 0, 0, 0]


def test_a_blend_of_independent_noise_beats_its_members_on_fresh_rows() -> None:
    """The reason to ensemble at all."""
    preds, y = problem(Task.REGRESSION, n=200, candidates=4)
    fresh, truth = problem(Task.REGRESSION, seed=1, n=2000, candidates=4)
    blend = select_blend(preds, y, METRICS["rmse"])
    assert 2 <= np.count_nonzero(blend.weights) <= GREEDY_STEPS
    alone = METRICS["rmse"].score_stack(truth, fresh)
    assert METRICS["rmse"].score(truth, blend.predict(fresh))[0] < alone.min()


def test_a_blend_survives_json_and_predicts_alike() -> None:
    """It is saved with the pipeline."""
    preds, y = problem(Task.MULTICLASS)
    blend = select_blend(preds, y, METRICS["f1_macro"])
    again = Blend.model_validate_json(blend.model_dump_json())
    assert again == blend
    assert np.array_equal(again.predict(preds), blend.predict(preds))
