"""Scores are honest: selection is paid for, intervals hold fresh data, bootstraps respect blocks and classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.ensemble import select_blend
from advisor.evaluation import (
    Score,
    bias_corrected_score,
    bootstrap_counts,
    paired_difference,
    permutation_p,
    pooled,
    score_interval,
)
from advisor.metrics import METRICS, get_metric
from advisor.splits import SplitPlan, split

Floats = NDArray[np.float64]


def noise_candidates(
    rng: np.random.Generator, n: int, candidates: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Predictions that know nothing, and balanced classes."""
    y = np.arange(n) % 2
    p = rng.random((candidates, n))
    return np.stack([1 - p, p], axis=-1), y


def informed(rng: np.random.Generator, y: NDArray[np.int64], strength: float) -> Floats:
    """Binary probabilities that know something."""
    p = 1 / (1 + np.exp(-(strength * (2 * y - 1) + rng.normal(size=len(y)))))
    return np.stack([1 - p, p], axis=-1)


def test_pooling_averages_repeats_and_leaves_gaps() -> None:
    """Rows judged twice are averaged; rows not judged yet are NaN."""
    y = np.arange(10) % 2
    folds = split(SplitPlan(folds=5, repeats=2), y, None)
    every = [np.full((len(f.valid), 2), float(i >= 5)) for i, f in enumerate(folds)]
    assert np.all(pooled(every, folds, 10) == 0.5)
    first = pooled(every[:1], folds[:1], 10)
    assert np.isnan(first).any(axis=1).sum() == 8


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    copies=st.integers(1, 3),
    seed=st.integers(0, 50),
)
def test_bootstraps_draw_whole_blocks_within_classes(
    sizes: list[int], copies: int, seed: int
) -> None:
    """A class keeps its size; one of two blocks or more is in every bag and out of every bag."""
    y = np.repeat(np.repeat(np.arange(len(sizes)), sizes), copies)
    blocks = np.repeat(np.arange(sum(sizes)), copies)
    counts = bootstrap_counts(y, blocks, 20, seed)
    assert counts.shape == (20, len(y))
    assert np.array_equal(counts, np.repeat(counts[:, ::copies], copies, axis=1))
    for code, size in enumerate(sizes):
        of_class = counts[:, y == code]
        assert np.all(of_class.sum(axis=1) == size * copies)
        if size > 1:
            assert np.all((of_class == 0).any(axis=1))
    assert np.array_equal(counts, bootstrap_counts(y, blocks, 20, seed))


@pytest.mark.parametrize("task", [Task.MULTILABEL, Task.REGRESSION])
def test_bootstraps_of_other_targets_leave_a_third_out(task: Task) -> None:
    """Labels and values are drawn with replacement, and rare labels are in every bag."""
    rng = np.random.default_rng(0)
    y = rng.random((200, 3)) < [0.5, 0.2, 0.015]
    y[:3, 2] = True
    target = y.astype(np.int8) if task is Task.MULTILABEL else rng.normal(size=200)
    counts = bootstrap_counts(target, None, 50, 0)
    assert np.all(counts.sum(axis=1) == 200)
    assert 0.33 < (counts == 0).mean() < 0.40
    if task is Task.MULTILABEL:
        assert np.all((counts @ target[:, 2].astype(np.int64)) > 0)


def test_choosing_among_noise_is_not_rewarded() -> None:
    """The best of 40 random candidates looks skilled; the corrected score says chance."""
    metric = METRICS["roc_auc"]
    naive, corrected = [], []
    for seed in range(12):
        preds, y = noise_candidates(np.random.default_rng(seed), 80, 40)

        def select(w: Floats, preds: Floats = preds, y: NDArray[np.int64] = y) -> Floats:
            return select_blend(preds, y, metric, weights=w).predict(preds)

        counts = bootstrap_counts(y, None, 30, seed)
        naive.append(metric.score(y, select(np.ones(80)))[0])
        corrected.append(bias_corrected_score(y, metric, select, counts).value)
    assert np.mean(naive) > 0.65
    assert abs(np.mean(corrected) - 0.5) < 0.04


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "brier"])
def test_a_choice_that_resampling_improves_by_luck_is_scored_no_better_than_it_did(
    name: str,
) -> None:
    """What is corrected for is optimism; where bootstraps find less than none, the naive score stands."""
    metric, y = METRICS[name], np.tile([0, 1], 30)
    good, poor = (np.stack([1 - p, p], axis=1) for p in (0.1 + 0.8 * y, 0.6 - 0.2 * y))

    def select(weights: Floats) -> Floats:
        return poor if np.all(weights == 1.0) else good

    naive = float(metric.score(y, poor)[0])
    corrected = bias_corrected_score(y, metric, select, bootstrap_counts(y, None, 30, 0))
    assert corrected.value == pytest.approx(naive)


@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "log_loss", "brier", "mcc"])
@pytest.mark.parametrize("n", [60, 300])
def test_intervals_hold_a_fresh_sample_of_the_same_size(name: str, n: int) -> None:
    """In at least 90 of 100 runs, and the value itself is not optimistic."""
    metric = METRICS[name]
    held, gap = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y, fresh = (rng.random((2, n)) < 0.4).astype(np.int64)
        score = score_interval(
            y, informed(rng, y, 1.0), metric, bootstrap_counts(y, None, 60, seed)
        )
        truth = metric.score(fresh, informed(rng, fresh, 1.0))[0]
        held.append(score.low <= truth <= score.high)
        gap.append(score.value - truth)
    assert sum(held) >= 90
    assert abs(np.mean(gap)) < 3 * np.std(gap) / 10


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
def test_intervals_of_values_hold_a_fresh_sample(name: str) -> None:
    """With errors of heavy tails too (Student's t with three degrees of freedom)."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y, fresh = rng.normal(size=(2, 80)) * 3
        pred, later = (t[:, None] + rng.standard_t(3, size=(80, 1)) for t in (y, fresh))
        counts = bootstrap_counts(y, None, 60, seed)
        score = score_interval(y, pred, METRICS[name], counts)
        held += score.low <= METRICS[name].score(fresh, later)[0] <= score.high
    assert held >= 90


@pytest.mark.parametrize(("name", "least"), [("accuracy", 3 / 40), ("roc_auc", 1.5 / 20)])
def test_a_perfect_score_is_not_certain(name: str, least: float) -> None:
    """No error in forty rows excludes neither three in forty fresh ones nor bounds the score beyond its range."""
    y = np.arange(40) % 2
    pred = np.eye(2)[y] * 0.8 + 0.1
    score = score_interval(y, pred, METRICS[name], bootstrap_counts(y, None, 50, 0))
    assert score.value == pytest.approx(1.0)
    assert score.high <= 1.0
    assert score.low == pytest.approx(1 - least)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_low_is_below_high_in_either_direction(task: Task) -> None:
    """For losses as for scores; and the value lies between."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2 if task is Task.BINARY else rng.normal(size=60)
    pred = (
        informed(rng, np.arange(60) % 2, 1.0)
        if task is Task.BINARY
        else (y + rng.normal(size=60))[:, None]
    )
    for metric in METRICS.values():
        if task in metric.tasks:
            score = score_interval(y, pred, metric, bootstrap_counts(y, None, 50, 0))
            assert metric.lowest <= score.low < score.value < score.high <= metric.highest


def test_an_undefined_metric_gets_its_whole_range() -> None:
    """One class only: the value is NaN and the interval says that nothing is known."""
    y, pred = np.zeros(12, dtype=np.int64), np.full((12, 2), 0.5)
    counts = bootstrap_counts(y, None, 10, 0)
    score = score_interval(y, pred, METRICS["roc_auc"], counts)
    assert np.isnan(score.value)
    assert (score.low, score.high) == (0.0, 1.0)


@pytest.mark.parametrize(("name", "task"), [("roc_auc", Task.BINARY), ("log_loss", Task.BINARY)])
def test_the_paired_difference_is_positive_where_b_is_worse(name: str, task: Task) -> None:
    """Clearly behind has a lower end above zero; equal predictions have a difference of nothing."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    good, bad = informed(rng, y, 1.5), informed(rng, y, 0.2)
    counts = bootstrap_counts(y, None, 200, 0)
    metric = get_metric(name, task)
    mean, low, high = paired_difference(y, good, bad, metric, counts)
    assert 0 < low < mean < high
    assert paired_difference(y, good, good, metric, counts) == (0.0, 0.0, 0.0)
    bad[150:] = np.nan  # folds that were not run
    assert paired_difference(y, good, bad, metric, counts) == paired_difference(
        y[:150], good[:150], bad[:150], metric, counts[:, :150]
    )


def test_permutations_tell_signal_from_noise() -> None:
    """Informed predictions of twelve rows are significant, shuffled ones are not."""
    rng = np.random.default_rng(0)
    y = np.arange(12) % 2
    metric = METRICS["roc_auc"]
    assert permutation_p(y, informed(rng, y, 3.0), metric, seed=0) < 0.02
    of_noise = [
        permutation_p(y, noise_candidates(np.random.default_rng(s), 12, 1)[0][0], metric, s, n=99)
        for s in range(40)
    ]
    assert 0.35 < np.mean(of_noise) < 0.65


def test_a_score_survives_json() -> None:
    """The report stores it."""
    score = Score(value=0.8, low=0.7, high=0.9)
    assert Score.model_validate_json(score.model_dump_json()) == score


def test_an_interval_without_a_bootstrap_is_finite() -> None:
    """With one block per class nothing is ever out of the bag: what has no end ends at the value, and reads back."""
    y = np.repeat([0, 1], 20)
    counts = bootstrap_counts(y, y, 10, 0)
    found = score_interval(y, np.full((40, 2), 0.5), METRICS["log_loss"], counts)
    assert (found.low, found.high) == (0.0, found.value)
    assert found.value == pytest.approx(np.log(2))
    assert Score.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
@pytest.mark.parametrize("unit", [1e-13, 1e9])
def test_the_unit_of_the_target_changes_nothing(name: str, unit: float) -> None:
    """Of a score in farads or in micrograms, and of its chance: both are those of unit 1, in the other unit."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=60)
    pred = (0.3 * y + rng.normal(size=60))[:, None]
    metric = METRICS[name]
    counts = bootstrap_counts(y, None, 50, 0)
    one, other = (score_interval(y * u, pred * u, metric, counts) for u in (1.0, unit))
    factor = 1.0 if name == "r2" else unit
    for end in ("value", "low", "high"):
        assert getattr(other, end) == pytest.approx(getattr(one, end) * factor, rel=1e-6, abs=0)
    chances = [permutation_p(y * u, pred * u, metric, 0, n=50) for u in (1.0, unit)]
    assert chances[0] == chances[1] < 1.0
