"""Folds partition the rows, keep together what belongs together, and spread what is rare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.dataset import Task
from advisor.errors import InvalidRequest
from advisor.splits import Fold, SplitPlan, merge_blocks, plan_splits, split


def same(a: list[Fold], b: list[Fold]) -> bool:
    """Whether two lists of folds are equal."""
    return all(np.array_equal(x.valid, z.valid) for x, z in zip(a, b, strict=True))


@given(
    n=st.integers(12, 150),
    classes=st.integers(1, 6),
    folds=st.integers(2, 8),
    repeats=st.integers(1, 3),
    n_blocks=st.one_of(st.none(), st.integers(10, 60)),
    seed=st.integers(0, 100),
)
def test_every_row_is_judged_once_a_repeat_and_blocks_stay_whole(
    n: int, classes: int, folds: int, repeats: int, n_blocks: int | None, seed: int
) -> None:
    """A partition per repeat; training and validation never share a row or a block; no fold is empty."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    blocks = None if n_blocks is None else np.arange(n) % n_blocks
    made = split(SplitPlan(folds=folds, repeats=repeats, seed=seed), y, blocks)
    assert len(made) == folds * repeats
    for start in range(0, len(made), folds):
        judged = np.concatenate([fold.valid for fold in made[start : start + folds]])
        assert sorted(judged) == list(range(n))
    for fold in made:
        assert len(fold.valid) > 0
        assert sorted([*fold.train, *fold.valid]) == list(range(n))
        if blocks is not None:
            assert not set(blocks[fold.train]) & set(blocks[fold.valid])


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.integers(2, 8))
def test_classes_are_spread_as_evenly_as_they_can_be(sizes: list[int], folds: int) -> None:
    """No class differs by more than one row between folds, however small it is."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    if len(y) < folds:
        return
    for fold in split(SplitPlan(folds=folds, repeats=1), y, None):
        share = np.bincount(y[fold.valid], minlength=len(sizes))
        assert np.all(share >= np.array(sizes) // folds)
        assert np.all(share <= -(-np.array(sizes) // folds))


def test_a_class_of_two_is_always_in_training() -> None:
    """Its members are judged in different folds; a class of one is missing from one training set only."""
    y = np.array([0] * 30 + [1] * 2 + [2])
    folds = split(SplitPlan(folds=5, repeats=4), y, None)
    assert all(1 in y[fold.train] for fold in folds)
    assert sum(2 not in y[fold.train] for fold in folds) == 4  # once a repeat


def test_classes_are_spread_over_blocks_of_any_size() -> None:
    """Blocks of one class first, of up to nine rows: every fold still gets its part of both classes."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 10, 80)
    blocks = np.repeat(np.arange(80), sizes)
    y = np.repeat(rng.integers(0, 2, 80), sizes)
    share = [y[fold.valid].mean() for fold in split(SplitPlan(folds=5, repeats=1), y, blocks)]
    assert np.ptp(share) < 0.05
    assert np.ptp([len(f.valid) for f in split(SplitPlan(folds=5, repeats=1), y, blocks)]) <= 3


def test_rare_labels_are_spread() -> None:
    """A label of eight rows is judged in every one of eight folds (plain shuffling would miss some)."""
    rng = np.random.default_rng(1)
    y = (rng.random((400, 4)) < [0.5, 0.3, 0.1, 0.0]).astype(np.int8)
    y[rng.choice(400, 8, replace=False), 3] = 1
    for fold in split(SplitPlan(folds=8, repeats=1), y, None):
        assert y[fold.valid, 3].sum() == 1


def test_a_numeric_target_is_alike_in_all_folds() -> None:
    """Stratified folds have closer means than shuffled ones, for a skewed target with many ties too."""
    rng = np.random.default_rng(2)
    y = np.maximum(0.0, np.exp(rng.normal(size=200)) - 1)

    def spread(stratified: bool) -> float:
        plan = SplitPlan(folds=8, repeats=5, stratified=stratified)
        return float(np.std([np.sqrt(y[f.valid]).mean() for f in split(plan, y, None)]))

    assert spread(True) < 0.5 * spread(False)


def test_folds_are_a_function_of_the_seed() -> None:
    """The same seed, the same folds; another one, others; and repeats differ among themselves."""
    y = np.arange(60) % 3
    plan = SplitPlan(folds=5, repeats=2, seed=1)
    folds = split(plan, y, None)
    assert same(folds, split(plan, y, None))
    assert not same(folds, split(plan.model_copy(update={"seed": 2}), y, None))
    assert not same(folds[:5], folds[5:])


@pytest.mark.parametrize("n", [10, 99, 100, 299, 300, 1_999, 2_000, 19_999, 20_000])
def test_the_number_of_fits_is_even(n: int) -> None:
    """All cores have the same work, and small data are repeated more."""
    plan = plan_splits(Task.REGRESSION, np.zeros(n), None, 0)
    assert plan.n_fits % 2 == 0
    assert plan.folds <= n
    assert f"{n:,} rows" in plan.reason


def test_few_groups_bound_the_folds() -> None:
    """No more folds than groups, and leaving one group out is not repeated."""
    y = np.zeros(500, dtype=np.int64)
    plan = plan_splits(Task.BINARY, y, np.arange(500) % 3, 0)
    assert (plan.folds, plan.repeats, plan.grouped) == (3, 1, True)
    assert "only 3 groups" in plan.reason
    assert plan_splits(Task.BINARY, y, np.arange(500) % 5, 0).folds == 4


def test_one_group_cannot_be_split() -> None:
    """It says what was expected and what to do."""
    with pytest.raises(InvalidRequest, match=r"at least 2 labelled groups.*got 1; name another"):
        plan_splits(Task.BINARY, np.zeros(9), np.zeros(9), 0)


def test_a_plan_of_more_folds_than_blocks_is_refused() -> None:
    """An edited plan that cannot be carried out is an error, not fewer folds."""
    with pytest.raises(InvalidRequest, match=r"at least 5 .*got 3; lower 'folds'"):
        split(SplitPlan(folds=5, repeats=1), np.zeros(9, dtype=np.int64), np.arange(9) % 3)


def test_groups_and_duplicates_are_joined_through_chains() -> None:
    """Groups 7 and 9 share a duplicate, 9 and 4 another: all three are one block."""
    groups = np.array([7, 7, 9, 9, 4, 1])
    duplicates = np.array([0, 1, 1, 2, 2, 3])
    joined = merge_blocks(groups, duplicates)
    assert joined is not None
    assert joined.tolist() == [0, 0, 0, 0, 0, 1]


def test_nothing_to_keep_together_is_no_blocks() -> None:
    """All rows distinct and no groups."""
    assert merge_blocks(None, None) is None
    assert merge_blocks(None, np.array([3, 1, 2])) is None


def test_a_plan_survives_json() -> None:
    """The report stores it."""
    plan = plan_splits(Task.BINARY, np.zeros(50), None, 3)
    assert SplitPlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(("n", "n_groups", "folds"), [(60, 5, 5), (60, 4, 4), (5, 5, 5)])
def test_leaving_one_out_is_done_once(n: int, n_groups: int, folds: int) -> None:
    """Also where there are just as many groups as folds would be wanted: a second time would be the same."""
    groups = None if n_groups == n else np.arange(n) % n_groups
    plan = plan_splits(Task.BINARY, np.zeros(n, dtype=np.int64), groups, 0)
    assert (plan.folds, plan.repeats) == (folds, 1)
    assert plan.reason.startswith(f"only {n_groups} {'rows' if groups is None else 'groups'}: ")
    assert "repeated" not in plan.reason
