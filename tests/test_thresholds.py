"""Tests that pseudo-labels are trusted as the papers say, by figures worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from advisor.errors import InvalidRequest
from advisor.nets.thresholds import (
    FIXED,
    KINDS,
    RELATIVE,
    FlexMatch,
    FreeMatch,
    SoftMatch,
    aligned,
    hardened,
    make_threshold,
)

KNOWN = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
"""Labelled rows, of mean probability 0.8 and of shares 0.6 and 0.4."""


def of_first(*chances: float) -> Tensor:
    """Rows of two classes, by the probability of the first."""
    return torch.tensor([[chance, 1 - chance] for chance in chances])


@pytest.mark.parametrize("name", KINDS)
def test_each_gives_a_distribution_and_a_weight_for_every_row(name: str) -> None:
    """Targets sum to one, weights lie between zero and one, and nothing has a gradient."""
    threshold = make_threshold(name, 3, 50)
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        weak = torch.randn(8, 3, generator=draw).requires_grad_().softmax(dim=1)
        labelled = torch.randn(4, 3, generator=draw).requires_grad_().softmax(dim=1)
        rows = torch.randperm(50, generator=draw)[:8]
        targets, weights = threshold.weigh(weak, labelled, rows)
        assert targets.shape == (8, 3)
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(8))
        assert weights.shape == (8,)
        assert float(weights.min()) >= 0
        assert float(weights.max()) <= 1
        assert not targets.requires_grad
        assert not weights.requires_grad


@pytest.mark.parametrize("name", KINDS)
def test_no_rows_of_the_pool_are_no_step(name: str) -> None:
    """Nothing moves where nothing was seen."""
    threshold = make_threshold(name, 2, 5)
    targets, weights = threshold.weigh(torch.empty(0, 2), KNOWN, torch.empty(0, dtype=torch.long))
    assert targets.shape == (0, 2)
    assert weights.shape == (0,)
    assert threshold.turn == 0
    assert float(threshold.fairness(targets, targets, weights)) == 0


def test_another_name_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(InvalidRequest, match="softmatch"):
        make_threshold("matchmatch", 2, 5)


def test_fixmatch_takes_what_is_surer_than_its_bound() -> None:
    """As hard labels, either all or nothing."""
    targets, weights = make_threshold("fixmatch", 2, 3).weigh(
        of_first(0.96, 0.9, 0.01), KNOWN, torch.arange(3)
    )
    assert targets.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert weights.tolist() == [1, 0, 1]


def test_flexmatch_asks_less_of_a_class_that_is_seldom_sure() -> None:
    """Two sure rows of the first class and one of the second: x = 0.5, and the bound is a third of the fixed one."""
    threshold = make_threshold("flexmatch", 2, 10)
    assert isinstance(threshold, FlexMatch)
    _, first = threshold.weigh(of_first(0.97, 0.98, 0.04), KNOWN, torch.tensor([0, 1, 2]))
    assert first.tolist() == [1, 1, 1]
    # Two more that are unsure: x = 2/2 and 1/2, bounds 0.95 and 0.95 / 3.
    _, then = threshold.weigh(of_first(0.9, 0.4), KNOWN, torch.tensor([3, 4]))
    assert then.tolist() == [0, 1]
    assert FIXED * 0.5 / 1.5 < 0.6
    assert threshold.labels[:5].tolist() == [0, 0, 1, -1, -1]


def test_flexmatch_counts_a_row_by_what_it_was_last_sure_of() -> None:
    """A row that turns from one class to another is no longer counted for the first."""
    threshold = make_threshold("flexmatch", 2, 4)
    assert isinstance(threshold, FlexMatch)
    threshold.weigh(of_first(0.99), KNOWN, torch.tensor([2]))
    threshold.weigh(of_first(0.01), KNOWN, torch.tensor([2]))
    assert threshold.labels.tolist() == [-1, -1, 1, -1]


def test_freematch_moves_its_bound_with_how_sure_the_network_is() -> None:
    """In the first step a tenth is kept of one half, and nine tenths are the mean of what was seen."""
    threshold = make_threshold("freematch", 2, 4)
    assert isinstance(threshold, FreeMatch)
    _, weights = threshold.weigh(of_first(0.9, 0.7, 0.4), KNOWN, torch.arange(3))
    sure = 0.1 * 0.5 + 0.9 * (0.9 + 0.7 + 0.6) / 3
    first = 0.1 * 0.5 + 0.9 * 2.0 / 3
    assert float(threshold.sure) == pytest.approx(sure)
    assert threshold.shares.tolist() == pytest.approx([first, 1 - first])
    # Bounds: 0.71 of the first class; 0.71 * 0.35 / 0.65 = 0.38 of the second.
    assert weights.tolist() == [1, 0, 1]


def test_freematch_is_fairest_where_the_step_is_unlike_what_is_expected() -> None:
    """The penalty is the sum of expected shares times the log of those found, both over how often classes are named."""
    threshold = make_threshold("freematch", 2, 4)
    assert isinstance(threshold, FreeMatch)
    threshold.shares, threshold.named = torch.tensor([0.6, 0.4]), torch.tensor([0.75, 0.25])
    strong = of_first(0.8, 0.6, 0.1, 0.99).requires_grad_()
    penalty = threshold.fairness(strong, strong, torch.tensor([1.0, 1.0, 1.0, 0.0]))
    # Expected 0.8 and 1.6 become 1/3 and 2/3; found 0.5 / (2/3) and 0.5 / (1/3) become 1/3 and 2/3, as well.
    assert float(penalty.detach()) == pytest.approx(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3)
    penalty.backward()
    assert strong.grad is not None
    assert bool(strong.grad[:3].any())
    assert not bool(strong.grad[3].any())


def test_freematch_says_nothing_of_classes_that_no_row_is_named_by() -> None:
    """The penalty stays finite, and is zero where no row is trusted."""
    threshold = make_threshold("freematch", 2, 4)
    strong = of_first(0.8, 0.9)
    assert math.isfinite(float(threshold.fairness(strong, strong, torch.ones(2))))
    assert float(threshold.fairness(strong, strong, torch.zeros(2))) == 0


def test_freematch_is_as_strict_with_the_others_where_a_class_is_never_named() -> None:
    """A third class that nobody names any more takes nothing of what is expected of the two that are named."""
    two, three = (make_threshold("freematch", n, 4) for n in (2, 3))
    assert isinstance(two, FreeMatch)
    assert isinstance(three, FreeMatch)
    two.shares, two.named = torch.tensor([0.6, 0.4]), torch.tensor([0.75, 0.25])
    three.shares, three.named = torch.tensor([0.6, 0.39, 0.01]), torch.tensor([0.75, 0.25, 1e-10])
    strong = of_first(0.8, 0.6, 0.1)
    wider = torch.cat([strong, torch.zeros(3, 1)], dim=1)
    expected = float(two.fairness(strong, strong, torch.ones(3)))
    assert expected < -0.6
    found = float(three.fairness(wider, wider, torch.ones(3)))
    assert found == pytest.approx(expected, rel=0.01)


def test_softmatch_weighs_by_how_far_below_the_mean_a_row_is() -> None:
    """One at and above the mean, and exp(-2 d² / variance) below it, after shares were made uniform."""
    threshold = make_threshold("softmatch", 2, 4)
    assert isinstance(threshold, SoftMatch)
    threshold.shares = torch.tensor([0.5, 0.5])
    weak = of_first(0.9, 0.1, 0.6, 0.4)  # shares are uniform already
    targets, weights = threshold.weigh(weak, KNOWN, torch.arange(4))
    mean = 0.1 * 0.5 + 0.9 * 0.75
    variance = 0.1 * 1.0 + 0.9 * (4 * 0.15**2 / 3)
    low = math.exp(-((mean - 0.6) ** 2) / (2 * variance / 4))
    assert weights.tolist() == pytest.approx([1, 1, low, low])
    assert targets.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_adamatch_gives_labels_the_shares_of_labelled_rows() -> None:
    """Shares and bound are those of the labelled rows, and targets stay soft."""
    threshold = make_threshold("adamatch", 2, 2)
    weak = of_first(0.8, 0.6)
    targets, weights = threshold.weigh(weak, KNOWN, torch.arange(2))
    wanted, found = 0.1 * 0.5 + 0.9 * 0.6, 0.1 * 0.5 + 0.9 * 0.7
    ratio = (wanted / found) / ((1 - wanted) / (1 - found))
    first = [odds * ratio / (1 + odds * ratio) for odds in (4.0, 1.5)]
    assert targets[:, 0].tolist() == pytest.approx(first)
    assert pytest.approx(0.72) == RELATIVE * 0.8
    assert [chance >= RELATIVE * 0.8 for chance in first] == [True, False]
    assert weights.tolist() == [1, 0]


def test_rows_are_put_on_their_surest_class_and_shares_are_moved() -> None:
    """Hard labels keep the kind of number; a class that is never found does no harm."""
    assert hardened(of_first(0.4)).tolist() == [[0, 1]]
    made = aligned(torch.tensor([[1.0, 0.0]]), torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
    assert made.tolist() == [[1, 0]]
