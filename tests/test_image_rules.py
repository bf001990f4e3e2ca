"""Rules on pictures: which family comes first, and what is said with which numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from advisor.dataset import Modality, Task
from advisor.evaluation import Score
from advisor.evidence import FAMILIES, load_evidence
from advisor.finding import Finding
from advisor.measurement import Measurement, Probe
from advisor.metrics import get_metric
from advisor.parameter import Float
from advisor.profile import ImageProfile, PerceivedProfile, PoolOverlap
from advisor.prospects import with_labels
from advisor.ranking import Candidate, rank_strategies
from advisor.regime import find_regime
from advisor.render.figures import facts
from advisor.rule import apply_rules
from advisor.splits import plan_splits
from advisor.strategy import STRATEGIES
from tests.profiles import (
    healthy_audio_profile,
    healthy_image_profile,
    healthy_text_profile,
    image_profiles,
)

MAKERS: dict[Modality, Callable[..., PerceivedProfile]] = {
    Modality.IMAGE: healthy_image_profile,
    Modality.TEXT: healthy_text_profile,
    Modality.AUDIO: healthy_audio_profile,
}

FAMILY_OF = {
    "linear_probe": "frozen",
    "partial_finetune": "finetune",
    "lp_finetune": "finetune",
    "full_finetune": "finetune",
    "handmade": "handmade",
    "from_scratch": "scratch",
}


def told(profile: ImageProfile) -> dict[str, Finding]:
    """Findings by the rule that found them."""
    return {finding.rule: finding for finding in apply_rules(profile)}


def first_family(profile: ImageProfile) -> str:
    """The family with the smallest product of effects; vetoed ones are out, ties go to the first named."""
    findings = apply_rules(profile)
    vetoed = {name for f in findings for name in f.vetoes}
    factors = {
        name: prod(1 + e.mean for f in findings for e in f.effects if e.family in (name, family))
        for name, family in FAMILY_OF.items()
        if not {name, family} & vetoed
    }
    return FAMILY_OF[min(factors, key=lambda name: round(factors[name], 6))]


def pictures(smallest: int, separability: float, **changes: object) -> ImageProfile:
    """Two classes with so many labels that a backbone knows so well."""
    return healthy_image_profile(
        smallest_class=smallest, separability={"efficientnet_lite0": separability}, **changes
    )


@pytest.mark.parametrize(
    ("profile", "family"),
    [
        (pictures(5, 0.70), "frozen"),
        (pictures(4, 0.70, share_small=1.0), "frozen"),
        (pictures(5, 0.70, share_small=1.0), "finetune"),
        (pictures(10, 0.95), "frozen"),
        (pictures(120, 0.95), "frozen"),
        (pictures(900, 0.99), "frozen"),
        (pictures(10, 0.70, share_small=1.0), "finetune"),
        (pictures(50, 0.70, share_small=1.0), "finetune"),
        (pictures(50, 0.70), "finetune"),
        (pictures(300, 0.70), "finetune"),
        (pictures(50, 0.99, content="greyscale"), "frozen"),
        (healthy_image_profile(backbones=(), separability={}), "handmade"),
    ],
)
def test_first_family_follows_from_labels_and_domain(profile: ImageProfile, family: str) -> None:
    """Few labels or known classes: frozen. Upscaled or unknown ones: fine-tuning. No backbone: by hand."""
    assert first_family(profile) == family


@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        (pictures(12, 0.70), {"partial_finetune": 0.0, "lp_finetune": 0.0}),
        (pictures(12, 0.70, share_small=1.0), {"partial_finetune": -0.23, "lp_finetune": -0.23}),
        (pictures(50, 0.70, share_small=1.0), {"partial_finetune": -0.28, "lp_finetune": -0.28}),
    ],
)
def test_a_head_trained_first_counts_once(profile: ImageProfile, wanted: dict[str, float]) -> None:
    """Our own figures are of such networks already; what is published is of networks fine-tuned at once."""
    effects = [e for finding in apply_rules(profile) for e in finding.effects]
    for name, change in wanted.items():
        found = prod(1 + e.mean for e in effects if e.family in (name, "finetune"))
        assert found - 1 == pytest.approx(change)
    published = [e for f in apply_rules(pictures(120, 0.70)) for e in f.effects]
    assert any(e.family == "partial_finetune" and e.mean < 0 for e in published)


@pytest.mark.parametrize("smallest", [1, 50, 999])
def test_scratch_is_vetoed_with_its_measured_cost(smallest: int) -> None:
    """As long as a backbone can run and labels are not in the thousands."""
    finding = told(pictures(smallest, 0.7))["from_scratch"]
    assert finding.vetoes == ("scratch",)
    assert "22 to 24 points" in finding.message


@pytest.mark.parametrize(
    "profile", [pictures(1_000, 0.7), healthy_image_profile(backbones=(), separability={})]
)
def test_scratch_is_allowed_with_many_labels_or_without_a_backbone(profile: ImageProfile) -> None:
    """Nothing vetoes it there."""
    assert "scratch" not in {name for f in apply_rules(profile) for name in f.vetoes}


def test_without_a_backbone_it_is_said_what_to_install() -> None:
    """By the backbones that were asked for, or by the extra that brings one."""
    bare = healthy_image_profile(backbones=(), separability={})
    assert "regime-advisor[vision]" in told(bare)["no_backbone"].message
    asked = bare.model_copy(update={"backbones_missing": {"vit": "its weights are not here"}})
    assert "vit: its weights are not here" in told(asked)["no_backbone"].message
    assert told(bare)["no_backbone"].vetoes == ("frozen", "finetune")


def test_backbones_that_are_as_good_as_equal_are_not_told_apart() -> None:
    """Two pictures in a hundred are no difference."""
    close = healthy_image_profile(separability={"small": 0.90, "large": 0.91})
    apart = healthy_image_profile(separability={"small": 0.80, "large": 0.91})
    assert "as good as equal" in told(close)["backbone_choice"].message
    assert "large knows these pictures best" in told(apart)["backbone_choice"].message


def test_digits_are_not_mirrored_and_ripe_fruit_not_jittered() -> None:
    """Each for its own reason, with its own number."""
    digits = told(healthy_image_profile(mirror_confuses=0.65))
    fruit = told(healthy_image_profile(colour_tells=0.8))
    assert "65%" in digits["no_mirroring"].message
    assert "80%" in fruit["colour_is_the_label"].message
    assert "no_mirroring" not in fruit
    assert "colour_is_the_label" not in digits


@pytest.mark.parametrize(("smallest", "said"), [(24, True), (25, False)])
def test_mixing_waits_for_25_labels(smallest: int, said: bool) -> None:
    """Mixup and CutMix are searched above, and only there."""
    profile = pictures(smallest, 0.9)
    assert ("no_mixing" in told(profile)) is said
    splits = plan_splits(profile.task, np.arange(smallest * 2) % 2, None, 0)
    metric = get_metric("accuracy", profile.task)
    ranking = rank_strategies(
        profile, find_regime(profile), apply_rules(profile), splits, metric, None
    )
    mixing = [
        param.high
        for candidate in ranking.candidates
        for name, param in candidate.space.params.items()
        if name in ("mixup", "cutmix") and isinstance(param, Float)
    ]
    assert mixing
    assert (max(mixing) == 0.0) is said


def test_a_strange_pool_is_warned_of_and_not_recommended() -> None:
    """Its pictures are counted, but not as a pool worth using."""
    strange = PoolOverlap(backbone="small", n_pool=300, auc=0.99, share_foreign=0.7)
    findings = told(healthy_image_profile(n_unlabelled=900, pool_overlap=strange))
    assert findings["foreign_pool"].severity == "warn"
    assert "pool_worth_using" not in findings


@pytest.mark.parametrize(("separability", "ahead"), [(0.97, True), (0.7, False)])
def test_a_pool_is_put_ahead_where_features_know_the_classes(
    separability: float, ahead: bool
) -> None:
    """With few labels; elsewhere what learns from it has to win beyond chance."""
    known = pictures(6, separability, n_unlabelled=900)
    effects = {e.family: e.mean for e in told(known)["pool_worth_using"].effects}
    assert (effects["self_training"] < 0) is ahead
    assert ("label_spreading" in effects) is ahead


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION])
def test_only_what_can_run_is_said_to_learn_from_a_pool(task: Task) -> None:
    """What is named has the task on its card; nothing is promised for values, nor by the regime."""
    labels: dict[str, object] = {"smallest_class": 6, "separability": {"some": 0.97}}
    if task is Task.REGRESSION:
        labels |= {"smallest_class": 60, "n_labelled": 60}
    for modality, make in MAKERS.items():
        profile = make(task=task, n_unlabelled=900, **labels)
        finding = next(f for f in apply_rules(profile) if f.rule == "pool_worth_using")
        cards = [s.card for s in STRATEGIES.values() if s.card.name in finding.message]
        assert cards
        assert all(task in card.tasks and modality in card.modalities for card in cards)
        values = task is Task.REGRESSION
        assert any(card.pool for card in cards) is not values
        assert bool(finding.effects) is (task in (Task.BINARY, Task.MULTICLASS))
        assert ("heads and networks" in find_regime(profile).because) is not values
        assert "--suggest-labels" in find_regime(profile).because


def test_copies_are_told_as_a_share_of_what_was_compared() -> None:
    """Of a large test split and a large pool 5,000 items are searched for copies."""
    found = told(
        healthy_image_profile(
            n_test=20_000, n_near_test_overlap=1_500, n_unlabelled=20_000, n_pool_overlap=40
        )
    )
    test = found["test_repeats_labelled"].message
    assert test.startswith("1,500 of the 5,000 compared of 20,000 test pictures (30.0%) ")
    pool = found["pool_repeats_others"].message
    assert pool.startswith("40 of the 5,000 compared of the pool's pictures nearly repeat ")
    small = told(healthy_image_profile(n_test=200, n_near_test_overlap=4, n_pool_overlap=1))
    assert small["test_repeats_labelled"].message.startswith("4 of 200 test pictures (2.0%) ")
    assert small["pool_repeats_others"].message.startswith("1 of the pool's pictures nearly repe")


def test_no_rule_on_rows_of_tables_speaks_of_pictures() -> None:
    """What is said of pictures does not call them rows."""
    scarce = healthy_image_profile(n_labelled=40, n_test=20, n_groups=4, smallest_class=4)
    for finding in apply_rules(scarce):
        assert " rows" not in finding.message, finding.rule


def measured(strategy: str, error: float) -> Measurement:
    """A strategy that was cross-validated here."""
    score = Score(value=1 - error, low=1 - error - 0.05, high=1 - error + 0.05, level=0.95)
    return Measurement(strategy=strategy, score=score, error=error, fit_seconds=0.2, beats_best=0.0)


def ranked(
    profile: ImageProfile, *measurements: Measurement, **fields: Any
) -> dict[str, Candidate]:
    """Candidates by name, in their order."""
    probe = Probe(
        n_rows=profile.n_labelled,
        n_labelled=profile.n_labelled,
        folds=5,
        metric="accuracy",
        measured=measurements,
        dummy=None,
        jobs=1,
        seconds=1.0,
        **fields,
    )
    splits = plan_splits(profile.task, np.arange(profile.n_labelled) % 2, None, 0)
    metric = get_metric("accuracy", profile.task)
    regime, findings = find_regime(profile), apply_rules(profile)
    ranking = rank_strategies(profile, regime, findings, splits, metric, probe)
    return {candidate.card.name: candidate for candidate in ranking.candidates}


def test_finetuning_is_estimated_from_frozen_features_alone() -> None:
    """Features made by hand say how hard it is by hand, not what a backbone makes of it."""
    small = pictures(50, 0.7, share_small=1.0)
    alone = ranked(small, measured("linear_probe", 0.30))["lp_finetune"]
    beside = ranked(small, measured("linear_probe", 0.30), measured("handmade", 0.35))[
        "lp_finetune"
    ]
    assert beside.anchors == ("linear_probe",)
    assert beside.error == alone.error
    assert beside.error is not None
    assert beside.error[0] < 0.30


def test_seconds_of_networks_go_with_the_clock_of_networks() -> None:
    """A machine may be fast at one and slow at the other."""
    small = pictures(50, 0.7, share_small=1.0)
    slow, fast = (
        ranked(small, measured("linear_probe", 0.3), net_speed=speed, speed=1.0)["full_finetune"]
        for speed in (3.0, 1.0)
    )
    assert slow.seconds == pytest.approx(3 * fast.seconds)


def test_more_labels_are_imagined_of_pictures() -> None:
    """What the next regime would say needs a profile with more labels."""
    more = with_labels(healthy_image_profile(), 800)
    assert isinstance(more, ImageProfile)
    assert (more.n_labelled, more.smallest_class, more.n_unlabelled) == (800, 380, 0)


def test_the_line_of_facts_speaks_of_pictures() -> None:
    """Their kind, formats and sizes, and what is broken."""
    line = facts(healthy_image_profile(n_broken=2))
    assert line[0] == "400 labelled pictures"
    assert "colour pictures (JPEG)" in line
    assert "200 x 200 px in the middle, sides 180 to 260" in line
    assert "2 files left out as broken" in line


@given(image_profiles())
def test_rules_speak_of_any_pictures_in_sentences(profile: ImageProfile) -> None:
    """No profile breaks a rule; effects cover the profile and come from rows about pictures."""
    for finding in apply_rules(profile):
        assert finding.message[0].isupper() or finding.message[0].isdigit()
        assert finding.message.rstrip()[-1] in ".?", finding.message
        assert set(finding.vetoes) <= {*FAMILIES, *STRATEGIES}
        for effect in finding.effects:
            row = load_evidence()[effect.evidence]
            assert row.modality is profile.modality
            assert row.covers(profile.label_scarcity, small=profile.share_small >= 0.5)


@given(image_profiles())
def test_exactly_one_rule_orders_the_families(profile: ImageProfile) -> None:
    """Where there is a choice of families, one finding says which comes first."""
    order = {
        *("frozen_for_few_labels", "finetune_small_pictures"),
        *("frozen_features_suffice", "finetune_unknown_pictures", "no_backbone"),
    }
    spoken = order & set(told(profile))
    assert len(spoken) == (profile.task is not Task.SEGMENTATION)


def test_what_a_finding_rules_out_is_not_in_the_plan() -> None:
    """Where mirroring confuses, no strategy's space holds it, neither as a default nor as a start."""
    found = ranked(healthy_image_profile(mirror_confuses=0.7, n_unlabelled=900))
    for name in ("adapted_probe", "adapted_finetune"):
        assert found[name].space.defaults()["pool_flip"] is False
        assert found[name].space.defaults()["pool_colour"] is True
    for candidate in found.values():
        flip = candidate.space.params.get("flip")
        assert flip is None or flip.default is False
        assert all(start.get("flip", False) is False for start in candidate.space.starts)
    assert ranked(healthy_image_profile())["lp_finetune"].space.defaults()["flip"] is True
