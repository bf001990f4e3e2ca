"""Heads on several backbones that label the pool together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.fitting import fit_model
from advisor.parameter import ParamValue
from advisor.probe import counts_of
from advisor.rejection import find_rejection
from advisor.representation import FeatureInfo, Features
from advisor.space import load_space
from advisor.strategies.linear import LinearModel
from advisor.strategies.pseudo_label_ensemble import PseudoLabelEnsemble, agreement, blocks
from advisor.strategy import STRATEGIES, FitContext, Model
from tests.profiles import healthy_audio_profile, healthy_image_profile

WIDTH = 40
INFO = FeatureInfo(names=())
BINARY = FitContext(task=Task.BINARY, n_outputs=2, info=INFO, seed=0)
PARAMS: dict[str, ParamValue] = {
    "C": 1.0,
    "class_weight": "none",
    "rounds": 1,
    "share": 1.0,
    "weight": 0.3,
}


def two_views(n_rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two classes, and two blocks of numbers that tell them by one column each, among noise of their own."""
    draw = np.random.default_rng(seed)
    y = draw.permutation(np.arange(n_rows) % 2)
    values = draw.normal(size=(n_rows, 2 * WIDTH))
    values[:, [0, WIDTH]] += 1.3 * (2 * y - 1)[:, None]
    return values, y


def accuracy(model: Model) -> float:
    """Share of new rows that are right."""
    new, truth = two_views(600, seed=3)
    return float((model.predict(new).argmax(axis=1) == truth).mean())


@pytest.mark.parametrize(("rounds", "gain"), [(1, 0.0), (4, 0.04)])
def test_heads_that_agree_teach_one_on_all_features(rounds: int, gain: float) -> None:
    """Better than the labels alone can, and the more so the oftener they label."""
    values, y = two_views(12, seed=1)
    pool, _ = two_views(400, seed=2)
    learner = PseudoLabelEnsemble({**PARAMS, "rounds": rounds}, BINARY, (WIDTH, WIDTH))
    helped = learner.fit(Features(values, INFO, pool=pool), y, Deadline(None))
    alone = LinearModel({"penalty": "l2", "C": 1.0, "class_weight": "none"}, BINARY)
    alone.fit(Features(values, INFO), y, Deadline(None))
    assert accuracy(helped) > accuracy(alone) + gain
    assert not helped.truncated


def test_late_rounds_are_left_out() -> None:
    """What the first heads say of the pool is still learned."""

    class Late(Deadline):
        """Passes when it is looked at the second time and later: the first heads are fitted by then."""

        looks = 0

        def passed(self) -> bool:
            self.looks += 1
            return self.looks > 2

    values, y = two_views(12, seed=1)
    pool, _ = two_views(400, seed=2)
    learner = PseudoLabelEnsemble({**PARAMS, "rounds": 4}, BINARY, (WIDTH, WIDTH))
    model = learner.fit(Features(values, INFO, pool=pool), y, Late(None))
    assert model.truncated
    assert accuracy(model) > 0.75


def test_agreement_is_what_all_give_to_the_same_classes() -> None:
    """One for the same, none for nothing in common; three heads agree by the least."""
    one, other, even = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])
    assert agreement([one, one]).tolist() == [1.0]
    assert agreement([one, other]).tolist() == [0.0]
    assert agreement([one, even, one]).tolist() == [0.5]


def test_blocks_are_the_features_of_each_backbone() -> None:
    """Rows and pool alike, columns beside in each; too few features are told, not guessed at."""
    X = Features(np.arange(10.0).reshape(2, 5), INFO, pool=np.arange(5.0)[None])
    first, second = blocks(X, (2, 3))
    assert first.values.tolist() == [[0.0, 1.0], [5.0, 6.0]]
    assert second.pool is not None
    assert second.pool.tolist() == [[2.0, 3.0, 4.0]]
    with_beside = blocks(X, (2, 2))
    assert [side.values[0].tolist() for side in with_beside] == [[0.0, 1.0, 4.0], [2.0, 3.0, 4.0]]
    for widths in ((5,), (3, 3)):
        with pytest.raises(InvalidRequest, match="two backbones"):
            blocks(X, widths)


def test_with_one_backbone_it_is_not_offered() -> None:
    """With two it is, with the second best beside the best."""
    card = STRATEGIES["pseudo_label_ensemble"].card
    one = healthy_image_profile(n_unlabelled=500, backbones=("efficientnet_lite0",))
    rejection = find_rejection(card, one, [])
    assert rejection is not None
    assert "second backbone" in rejection.reason
    two = healthy_audio_profile(n_unlabelled=500, backbones=("whisper_tiny_en", "other", "third"))
    assert find_rejection(card, two, []) is None
    space = load_space(card.name, "audio", counts_of(two), Task.MULTICLASS)
    assert space.defaults()["backbone"] == "whisper_tiny_en"
    assert space.defaults()["second"] == "other"
    assert {"second": "third"} in space.starts


def test_widths_come_from_the_backbones() -> None:
    """The strategy cuts the embedding where one backbone ends, whichever is named first."""
    strategy = STRATEGIES["pseudo_label_ensemble"]
    names = {"backbone": "whisper_tiny_en", "second": "efficientnet_lite0_logmel"}
    chosen = load_space("pseudo_label_ensemble", "audio", {}, Task.BINARY).complete({}) | names
    draw = np.random.default_rng(0)
    y = np.arange(20) % 2
    rows, pool = (draw.normal(size=(n, 1280 + 768)) for n in (20, 60))
    rows[:, 5] += 9.0 * y
    model = fit_model(strategy, chosen, BINARY, Features(rows, INFO, pool=pool), y, Deadline(None))
    assert model.predict(rows).shape == (20, 2)
    short = Features(rows[:, :2000], INFO, pool=pool[:, :2000])
    with pytest.raises(InvalidRequest, match="two backbones"):
        fit_model(strategy, chosen, BINARY, short, y, Deadline(None))
