"""Calibration helps where it can be seen to help, changes no ranking, and otherwise stays away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.calibration import ROWS_FOR_SIGMOID, ROWS_TO_CALIBRATE, Calibrator, fit_calibrator
from advisor.dataset import Task
from advisor.metrics import METRICS

Floats = NDArray[np.float64]


def problem(
    task: Task, n: int, sharpness: float, seed: int = 0
) -> tuple[Floats, NDArray[np.int64]]:
    """Probabilities whose logits are ``sharpness`` times what they should be."""
    rng = np.random.default_rng(seed)
    if task is Task.MULTICLASS:
        logits = 1.5 * rng.normal(size=(n, 4))
        p, said = (np.exp(s * logits) for s in (1.0, sharpness))
        p /= p.sum(axis=1, keepdims=True)
        y = (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1)
        return said / said.sum(axis=1, keepdims=True), y
    z = 1.5 * rng.normal(size=(n, 3) if task is Task.MULTILABEL else n)
    y = (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(np.int64)
    said = 1 / (1 + np.exp(-sharpness * z))
    return (said if task is Task.MULTILABEL else np.stack([1 - said, said], axis=-1)), y


CLASSIFICATION = [Task.BINARY, Task.MULTICLASS, Task.MULTILABEL]


@pytest.mark.parametrize("task", CLASSIFICATION)
@pytest.mark.parametrize("n", [300, 1_500])
@pytest.mark.parametrize("sharpness", [0.4, 3.0])
def test_bad_probabilities_become_good_on_fresh_rows(task: Task, n: int, sharpness: float) -> None:
    """Over- and under-confidence are both undone: the slope found is about one over the fault."""
    pred, y = problem(task, n, sharpness)
    calibrator = fit_calibrator(pred, y, task)
    assert calibrator.slope * sharpness == pytest.approx(1.0, rel=0.35)
    fresh, truth = problem(task, 2_000, sharpness, seed=1)
    loss = METRICS["log_loss"]
    assert loss.score(truth, calibrator.apply(fresh))[0] < loss.score(truth, fresh)[0] - 0.01


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_good_probabilities_are_left_alone(task: Task) -> None:
    """In nine of ten data sets nothing is fitted that is not needed."""
    kinds = [fit_calibrator(*problem(task, 200, 1.0, seed), task).kind for seed in range(20)]
    assert kinds.count("none") >= 18


def test_the_method_is_sized_to_the_rows() -> None:
    """Two parameters only for a binary task with many rows."""
    assert fit_calibrator(*problem(Task.BINARY, 400, 3.0), Task.BINARY).kind == "temperature"
    many = ROWS_FOR_SIGMOID
    assert fit_calibrator(*problem(Task.BINARY, many, 3.0), Task.BINARY).kind == "sigmoid"
    assert (
        fit_calibrator(*problem(Task.MULTICLASS, many, 3.0), Task.MULTICLASS).kind == "temperature"
    )


def test_what_cannot_be_judged_is_not_calibrated() -> None:
    """Few rows, one class, or values instead of probabilities."""
    few = ROWS_TO_CALIBRATE - 1
    assert fit_calibrator(*problem(Task.BINARY, few, 3.0), Task.BINARY).kind == "none"
    pred, y = problem(Task.BINARY, 200, 3.0)
    assert fit_calibrator(pred, np.zeros_like(y), Task.BINARY).kind == "none"
    values = pred[:, :1]
    calibrator = fit_calibrator(values, values[:, 0], Task.REGRESSION)
    assert calibrator.kind == "none"
    assert calibrator.apply(values) is values


@pytest.mark.parametrize(
    "calibrator",
    [
        Calibrator(kind="temperature", slope=0.3),
        Calibrator(kind="sigmoid", slope=2.5, intercept=-1.0),
    ],
)
def test_binary_rankings_do_not_change(calibrator: Calibrator) -> None:
    """Strictly monotone, so that ROC AUC is the same to the last digit."""
    pred, y = problem(Task.BINARY, 500, 2.0)
    out = calibrator.apply(pred)
    assert np.allclose(out.sum(axis=1), 1.0)
    auc = METRICS["roc_auc"]
    assert auc.score(y, out)[0] == auc.score(y, pred)[0]


def test_a_temperature_keeps_the_most_probable_class() -> None:
    """Rows still sum to one, and certain or impossible classes stay finite."""
    pred, _ = problem(Task.MULTICLASS, 300, 2.0)
    pred[0] = [1.0, 0.0, 0.0, 0.0]
    out = Calibrator(kind="temperature", slope=0.2).apply(pred)
    assert np.allclose(out.sum(axis=1), 1.0)
    assert np.array_equal(out.argmax(axis=1), pred.argmax(axis=1))
    assert np.isfinite(out).all()


def test_a_calibrator_survives_json() -> None:
    """It is saved with the pipeline."""
    calibrator = fit_calibrator(*problem(Task.MULTILABEL, 300, 3.0), Task.MULTILABEL)
    assert calibrator.multilabel
    assert Calibrator.model_validate_json(calibrator.model_dump_json()) == calibrator
