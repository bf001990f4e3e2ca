"""Metrics agree with scikit-learn, under any weights, and say NaN where they mean nothing."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.errors import InvalidRequest
from advisor.metrics import (
    IMBALANCE_FOR_BALANCED,
    IMBALANCE_FOR_PRECISION,
    METRICS,
    default_metric,
    get_metric,
)

Floats = NDArray[np.float64]
Problem = tuple[NDArray[np.generic], Floats, Floats]


def classification(seed: int, k: int, tied: bool = False, n: int = 60) -> Problem:
    """Codes with every class present, probabilities (rounded to tie), and three bootstraps as weights."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    raw = rng.random((n, k)) + 0.5 * (y[:, None] == np.arange(k))
    raw = np.round(raw, 1) + 0.1 if tied else raw
    pred = raw / raw.sum(axis=1, keepdims=True)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=3).astype(np.float64)
    weights[:, :k] += 1  # every class keeps weight, so that scikit-learn defines every metric
    return y, pred, weights


def regression(seed: int) -> Problem:
    """Values with a large mean, which an unstable variance would lose, and weights."""
    rng = np.random.default_rng(seed)
    y = 1e4 + rng.normal(size=80)
    return y, (y + rng.normal(size=80))[:, None], rng.integers(0, 3, (3, 80)).astype(np.float64)


def multilabel(seed: int) -> Problem:
    """Three labels, none of them empty."""
    rng = np.random.default_rng(seed)
    y = (rng.random((50, 3)) < [0.5, 0.3, 0.15]).astype(np.int8)
    y[0], y[1] = 1, 0
    pred = np.clip(0.6 * rng.random(y.shape) + 0.4 * y, 0, 1)
    weights = rng.integers(0, 3, (3, 50)).astype(np.float64)
    weights[:, :2] += 1
    return y, pred, weights


def theirs(name: str, y: NDArray[np.generic], pred: Floats, w: Floats) -> float:
    """Score with scikit-learn."""
    k = pred.shape[1]
    flat = y.ndim == 1
    labels = pred.argmax(axis=1) if flat else (pred > 0.5).astype(int)
    f1 = {"f1": "binary", "f1_macro": "macro", "f1_micro": "micro"}
    ranking = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}
    if name in f1:
        return float(sk.f1_score(y, labels, average=f1[name], sample_weight=w))
    if name in ranking:
        truth = y if not flat or k == 2 else (y[:, None] == np.arange(k)).astype(int)
        return float(ranking[name](truth, pred[:, 1] if flat and k == 2 else pred, sample_weight=w))
    if name == "log_loss" and not flat:
        each = [sk.log_loss(y[:, j], pred[:, j], sample_weight=w, labels=[0, 1]) for j in range(k)]
        return float(np.mean(each))
    if name == "brier":
        if not flat:
            each = [sk.brier_score_loss(y[:, j], pred[:, j], sample_weight=w) for j in range(k)]
            return float(np.mean(each))
        squares = ((pred - (y[:, None] == np.arange(k))) ** 2).sum(axis=1)
        return float(np.average(squares, weights=w)) / (2 if k == 2 else 1)
    plain = {
        "accuracy": lambda: sk.accuracy_score(y, labels, sample_weight=w),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, labels, sample_weight=w),
        "mcc": lambda: sk.matthews_corrcoef(y, labels, sample_weight=w),
        "log_loss": lambda: sk.log_loss(y, pred, sample_weight=w, labels=np.arange(k)),
        "rmse": lambda: sk.root_mean_squared_error(y, pred[:, 0], sample_weight=w),
        "mae": lambda: sk.mean_absolute_error(y, pred[:, 0], sample_weight=w),
        "r2": lambda: sk.r2_score(y, pred[:, 0], sample_weight=w),
    }
    return float(plain[name]())


PROBLEMS = {
    Task.BINARY: lambda seed, tied: classification(seed, 2, tied),
    Task.MULTICLASS: lambda seed, tied: classification(seed, 4, tied),
    Task.MULTILABEL: lambda seed, tied: multilabel(seed),
    Task.REGRESSION: lambda seed, tied: regression(seed),
}
CASES = [(name, task) for name, metric in METRICS.items() for task in sorted(metric.tasks)]


@pytest.mark.parametrize(("name", "task"), CASES)
@settings(max_examples=8)  # scikit-learn takes a tenth of a second for each
@given(seed=st.integers(0, 10_000), tied=st.booleans())
def test_scores_equal_scikit_learn_under_weights_and_ties(
    name: str, task: Task, seed: int, tied: bool
) -> None:
    """Every metric, every task it is for: the same number as scikit-learn's ``sample_weight``."""
    y, pred, weights = PROBLEMS[task](seed, tied)
    ours = get_metric(name, task).score(y, pred, weights)
    assert ours == pytest.approx([theirs(name, y, pred, w) for w in weights], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_count_of_two_is_the_row_written_twice(name: str, task: Task) -> None:
    """Bootstrap counts and repeated rows are the same thing; rows of weight 0 are not there."""
    y, pred, weights = PROBLEMS[task](3, False)
    metric = get_metric(name, task)
    counts = weights.astype(np.uint16)
    repeated = [np.repeat(np.arange(len(y)), row) for row in counts]
    expected = [metric.score(y[rows], pred[rows])[0] for rows in repeated]
    assert metric.score(y, pred, counts) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_stack_of_candidates_is_scored_as_one_by_one(name: str, task: Task) -> None:
    """``score_stack`` only turns the loop around."""
    y, pred, weights = PROBLEMS[task](5, False)
    stack = np.stack([pred, pred[::-1]])
    metric = get_metric(name, task)
    expected = [metric.score(y, p, weights[:1])[0] for p in stack]
    assert metric.score_stack(y, stack, weights[0]) == pytest.approx(expected)


def test_many_weightings_are_scored_in_chunks_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Working through the weights piece by piece changes nothing."""
    y, pred, weights = classification(1, 2)
    whole = METRICS["roc_auc"].score(y, pred, weights)
    monkeypatch.setattr("advisor.metrics.CHUNK_ELEMENTS", 1)
    assert METRICS["roc_auc"].score(y, pred, weights).tolist() == whole.tolist()


@pytest.mark.parametrize("name", ["roc_auc", "mcc"])
def test_one_class_alone_has_no_score(name: str) -> None:
    """Nothing can be ranked or correlated when only one class has weight."""
    y, pred, _ = classification(0, 2)
    assert np.isnan(METRICS[name].score(y, pred, (y == 1)[None])).all()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_no_weight_at_all_has_no_score(name: str) -> None:
    """An empty out-of-bag sample is NaN, not an exception and not a zero."""
    y, pred, _ = regression(0) if METRICS[name].needs == "values" else classification(0, 3)
    assert np.isnan(METRICS[name].score(y, pred, np.zeros((2, len(y))))).all()


def test_a_constant_truth_has_no_r2() -> None:
    """There is no variance to explain."""
    assert np.isnan(METRICS["r2"].score(np.full(5, 3.0), np.arange(5.0)[:, None])).all()


def test_macro_scores_pass_over_classes_without_weight() -> None:
    """A class that a bootstrap missed does not count as missed by the model."""
    y, pred = np.array([0, 0, 1, 2]), np.eye(4)[[0, 1, 1, 3]][:, :3]
    without_last = np.array([[1.0, 1.0, 1.0, 0.0]])
    assert METRICS["balanced_accuracy"].score(y, pred, without_last)[0] == pytest.approx(0.75)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_error_is_a_loss_that_orders_as_the_metric_does(name: str, task: Task) -> None:
    """A better score is a smaller error, and no error is negative."""
    y, pred, _ = PROBLEMS[task](2, False)
    metric = get_metric(name, task)
    rng = np.random.default_rng(0)
    a, b = metric.score(y, pred)[0], metric.score(y, pred[rng.permutation(len(y))])[0]
    assert metric.better(a, b)
    assert 0 <= metric.error(a) < metric.error(b)


def test_nan_is_worse_than_anything() -> None:
    """A metric that could not be computed never wins."""
    metric = METRICS["rmse"]
    assert metric.better(5.0, float("nan"))
    assert not metric.better(float("nan"), 5.0)
    assert not metric.better(float("nan"), float("nan"))


@pytest.mark.parametrize("written", ["macro_f1", "F1-macro", "f1_macro"])
def test_names_are_understood_as_people_write_them(written: str) -> None:
    """Case, dashes and the other common order."""
    assert get_metric(written, Task.MULTICLASS).name == "f1_macro"


def test_a_misspelt_metric_is_answered_with_the_nearest() -> None:
    """One line with what there is and what was meant."""
    with pytest.raises(InvalidRequest, match=r"Did you mean 'accuracy'\?") as caught:
        get_metric("acuracy", Task.BINARY)
    assert "'mcc'" in str(caught.value)
    assert "'rmse'" not in str(caught.value)


def test_a_metric_of_another_task_is_refused() -> None:
    """It names the ones that fit."""
    with pytest.raises(InvalidRequest, match=r"does not fit a regression task.*'rmse'"):
        get_metric("roc_auc", Task.REGRESSION)


@pytest.mark.parametrize(
    ("task", "imbalance", "name"),
    [
        (Task.BINARY, 1.0, "roc_auc"),
        (Task.BINARY, IMBALANCE_FOR_PRECISION, "average_precision"),
        (Task.MULTICLASS, 1.0, "accuracy"),
        (Task.MULTICLASS, IMBALANCE_FOR_BALANCED, "balanced_accuracy"),
        (Task.MULTILABEL, 1.0, "f1_macro"),
        (Task.REGRESSION, 1.0, "rmse"),
    ],
)
def test_the_default_fits_the_task_and_is_reasoned(task: Task, imbalance: float, name: str) -> None:
    """Each task has one, and it says why."""
    chosen, reason = default_metric(task, imbalance)
    assert chosen == get_metric(chosen, task).name == name
    assert reason


def test_every_criterion_is_a_metric_of_the_same_tasks() -> None:
    """What the search compares by exists wherever the metric does."""
    for metric in METRICS.values():
        assert metric.tasks <= METRICS[metric.criterion].tasks
