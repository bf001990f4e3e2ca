"""Every registered rule fires on its own example, is silent on a healthy table, and can be explained."""

from __future__ import annotations

import pytest

from advisor.dataset import Task
from advisor.evidence import FAMILIES, load_evidence
from advisor.profile import (
    ColumnDrift,
    ColumnPair,
    DatasetProfile,
    GroupSuspect,
    LeakSuspect,
    OrderedTarget,
    PoolOverlap,
    PoolPrior,
)
from advisor.rule import RULES, explain
from advisor.strategy import STRATEGIES
from tests.profiles import (
    healthy_audio_profile,
    healthy_image_profile,
    healthy_profile,
    healthy_text_profile,
)

LEAK = LeakSuspect(columns=("alive",), how="alone", measure="AUC", score=1.0, n_rows=400)
PARTS = LeakSuspect(columns=("a", "b"), how="sum", measure="share", score=1.0, n_rows=400)
DRIFT = ColumnDrift(column="age", distance=0.4, measure="KS")
REGRESSION: dict[str, object] = {"task": Task.REGRESSION, "class_counts": {}, "n_classes": 0}

UNKNOWN: dict[str, object] = {"separability": {"small": 0.6}}
UNKNOWN_TEXTS: dict[str, object] = {"separability": {"all_minilm_l6_v2": 0.7}}
STRANGE = PoolOverlap(backbone="small", n_pool=300, auc=0.99, share_foreign=0.7)
SHIFTED = PoolPrior(
    backbone="small",
    n_pool=480,
    shares={"ants": 0.8, "bees": 0.2},
    low={"ants": 0.7, "bees": 0.1},
    high={"ants": 0.9, "bees": 0.3},
    distance=0.28,
    p_value=0.01,
)

TELLING = LeakSuspect(
    columns=("refund",), how="alone", measure="AUC", score=1.0, n_rows=600, label="trade"
)

EXAMPLES: dict[str, DatasetProfile] = {
    "adapt_the_base_model": healthy_text_profile(base_models=("roberta",), n_unlabelled=900),
    "boilerplate_phrases": healthy_text_profile(boilerplate=("sent from my phone",)),
    "clipped_recordings": healthy_audio_profile(n_clipped=90, clipped=("yes/1.wav",)),
    "columns_beside_texts": healthy_text_profile(other_columns=("stars", "country")),
    "contrastive_for_few_texts": healthy_text_profile(smallest_class=8, **UNKNOWN_TEXTS),
    "contrastive_for_scarce_texts": healthy_text_profile(smallest_class=32, **UNKNOWN_TEXTS),
    "embedding_for_other_sound": healthy_audio_profile(content="sound"),
    "embedding_for_speech": healthy_audio_profile(),
    "empty_texts": healthy_text_profile(n_empty=3),
    "finetune_many_texts": healthy_text_profile(**UNKNOWN_TEXTS),
    "frozen_suffices_for_topics": healthy_text_profile(),
    "groups_are_classes": healthy_audio_profile(
        n_groups=4, smallest_class_groups=2, n_groups_one_class=4
    ),
    "groups_guessed": healthy_audio_profile(group_source="names", group_hint="first parts"),
    "label_names_in_texts": healthy_text_profile(label_named=0.6),
    "language_unknown_to_encoder": healthy_text_profile(languages={"de": 0.9, "en": 0.1}),
    "longer_than_heard_at_once": healthy_audio_profile(seconds=(2.0, 50.0, 90.0), share_cut=0.9),
    "longer_than_the_window": healthy_text_profile(tokens=(20, 300.0, 2_000), share_cut=0.6),
    "loudness_is_the_label": healthy_audio_profile(loudness_tells=0.9),
    "mixed_rates": healthy_audio_profile(rates={16_000: 300, 44_100: 100}),
    "mostly_silence": healthy_audio_profile(share_silence=0.7),
    "no_adapting_of_sentence_encoders": healthy_text_profile(n_unlabelled=900),
    "no_label_name_examples": healthy_text_profile(smallest_class=8),
    "no_text_augmentation": healthy_text_profile(n_labelled=100),
    "non_commercial_weights": healthy_audio_profile(licences={"birdnet": "CC BY-NC-SA 4.0"}),
    "pool_too_small_to_adapt_to": healthy_image_profile(n_unlabelled=40),
    "nothing_to_adapt_to": healthy_text_profile(base_models=("roberta",), n_unlabelled=9),
    "several_languages": healthy_text_profile(
        languages={"en": 0.7, "de": 0.3}, encoder_languages=("en", "de")
    ),
    "silent_recordings": healthy_audio_profile(n_silent=1, silent=("yes/1.wav",)),
    "sound_from_scratch": healthy_audio_profile(),
    "sound_from_scratch_with_many_labels": healthy_audio_profile(smallest_class=4_000),
    "speakers_not_known": healthy_audio_profile(n_groups=None, group_source=""),
    "telephone_bandwidth": healthy_audio_profile(rates={8_000: 400}),
    "telling_words": healthy_text_profile(telling=(TELLING,), telling_share=0.5),
    "test_shares_groups": healthy_audio_profile(n_test_groups_shared=3),
    "word_counts_catch_up": healthy_text_profile(smallest_class=2_000),
    "backbone_choice": healthy_image_profile(separability={"small": 0.91, "large": 0.96}),
    "backbone_missing": healthy_image_profile(backbones_missing={"vit": "no weights here"}),
    "broken_files": healthy_image_profile(n_broken=1, broken=("a/b.jpg: it is empty (0 bytes)",)),
    "colour_is_the_label": healthy_image_profile(colour_tells=0.9),
    "document_pictures": healthy_image_profile(share_bright_flat=0.9),
    "finetune_small_pictures": healthy_image_profile(share_small=1.0, **UNKNOWN),
    "finetune_unknown_pictures": healthy_image_profile(**UNKNOWN),
    "foreign_pool": healthy_image_profile(n_unlabelled=500, pool_overlap=STRANGE),
    "from_scratch": healthy_image_profile(),
    "frozen_features_suffice": healthy_image_profile(),
    "frozen_for_few_labels": healthy_image_profile(smallest_class=5),
    "keep_resolution": healthy_image_profile(width=(300, 400, 500), height=(300, 400, 500)),
    "masks_not_trained": healthy_image_profile(
        task=Task.SEGMENTATION, class_counts={}, n_classes=0, mask_share=0.01
    ),
    "near_duplicate_conflicts": healthy_image_profile(
        n_near_conflicts=2, examples=("ants/1.jpg ~ bees/2.jpg",)
    ),
    "near_duplicates": healthy_image_profile(n_near_duplicates=40, n_duplicates=10),
    "no_backbone": healthy_image_profile(backbones=(), separability={}),
    "no_mirroring": healthy_image_profile(mirror_confuses=0.7),
    "no_mixing": healthy_image_profile(smallest_class=12),
    "odd_pictures": healthy_image_profile(blurred=("ants/1.jpg",)),
    "pool_worth_using": healthy_image_profile(n_unlabelled=900),
    "pool_has_other_shares": healthy_image_profile(n_unlabelled=9_000, pool_prior=SHIFTED),
    "pool_is_small": healthy_image_profile(n_unlabelled=900),
    "pool_repeats_others": healthy_image_profile(n_pool_overlap=3),
    "scratch_with_many_labels": healthy_image_profile(smallest_class=4_000),
    "slow_without_gpu": healthy_image_profile(n_labelled=6_000),
    "test_repeats_labelled": healthy_image_profile(n_near_test_overlap=4),
    "classes_have_own_groups": healthy_profile(
        n_groups=6, smallest_class_groups=2, n_groups_one_class=6
    ),
    "coarse_test": healthy_profile(n_test=40),
    "collinear_features": healthy_profile(share_collinear=0.9),
    "constant_columns": healthy_profile(constants=("a",), near_constants=("b",)),
    "drifted_pool": healthy_profile(pool_drift=(DRIFT,), share_pool_drift=0.1),
    "drifted_test": healthy_profile(test_drift=(DRIFT,), share_test_drift=0.1),
    "duplicate_rows": healthy_profile(n_duplicates=100),
    "few_groups": healthy_profile(n_groups=5),
    "few_rows_per_feature": healthy_profile(n_features=500, rows_per_feature=2.0),
    "free_text": healthy_profile(texts=("comment",)),
    "group_key": healthy_profile(
        group_suspects=(GroupSuspect(column="patient_id", how="key", n_groups=200, share_rows=0.9),)
    ),
    "has_dates": healthy_profile(datetimes=("day",)),
    "high_cardinality": healthy_profile(max_cardinality=300, max_cardinality_column="zip"),
    "identifiers_left_out": healthy_profile(identifiers=("id",)),
    "imbalanced_classes": healthy_profile(
        class_counts={"no": 970, "yes": 30}, smallest_class=30, imbalance=970 / 30
    ),
    "in_context_out_of_range": healthy_profile(n_features=5_000, n_labelled=6_000),
    "irregular_features": healthy_profile(share_skewed=0.8),
    "kernel_too_many_rows": healthy_profile(n_labelled=50_000),
    "label_conflicts": healthy_profile(n_label_conflicts=200, conflict_errors=60),
    "large_table": healthy_profile(n_labelled=1_000_000),
    "leaking_column": healthy_profile(leaks=(LEAK,)),
    "many_classes": healthy_profile(task=Task.MULTICLASS, n_classes=200, labels_per_class=5.0),
    "many_features_slow_trees": healthy_profile(n_features=10_000),
    "mostly_missing": healthy_profile(missing_columns={"deck": 0.8, "age": 0.2}),
    "network_on_few_rows": healthy_profile(n_labelled=60),
    "ordered_by_identifier": healthy_profile(
        ordered=(OrderedTarget(column="id", kind="identifier", correlation=0.7),)
    ),
    "overlapping_test": healthy_profile(n_test_overlap=100),
    "pool_available": healthy_profile(n_unlabelled=9_000),
    "pool_rows_repeat": healthy_profile(n_unlabelled=9_000, n_pool_overlap=9_000),
    "prior_few_shot": healthy_profile(n_labelled=30),
    "prior_large": healthy_profile(n_labelled=30_000),
    "prior_medium": healthy_profile(n_labelled=3_000),
    "prior_small": healthy_profile(n_labelled=500),
    "prior_tiny": healthy_profile(n_labelled=100),
    "prior_wide": healthy_profile(n_features=2_000),
    "rare_label": healthy_profile(
        task=Task.MULTILABEL, class_counts={"a": 400, "b": 20}, smallest_class=20, imbalance=49.0
    ),
    "repeated_columns": healthy_profile(
        duplicate_columns=(ColumnPair(first="pclass", second="class", relation="recoded"),)
    ),
    "rows_differ_in_one_column": healthy_profile(
        group_suspects=(
            GroupSuspect(column="age", how="all_but_one", n_groups=300, share_rows=0.7),
        )
    ),
    "search_overfits": healthy_profile(n_labelled=70),
    "skewed_target": healthy_profile(**REGRESSION, target_skew=12.0),
    "target_follows_time": healthy_profile(
        ordered=(OrderedTarget(column="day", kind="datetime", correlation=0.6),)
    ),
    "target_from_parts": healthy_profile(**REGRESSION, leaks=(PARTS,)),
    "tiny_class": healthy_profile(class_counts={"no": 996, "yes": 4}, smallest_class=4),
    "too_few_to_choose": healthy_profile(n_labelled=30),
    "wide_table": healthy_profile(n_features=2_000),
    "zero_inflated_target": healthy_profile(**REGRESSION, target_zero_share=0.5),
}


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    """A new rule comes with the profile it fires on."""
    assert set(EXAMPLES) == set(RULES)


@pytest.mark.parametrize("name", list(RULES))
def test_rule_fires_on_its_example(name: str) -> None:
    """And says something that is a sentence."""
    finding = RULES[name].apply(EXAMPLES[name])
    assert finding is not None
    assert finding.rule == name
    assert finding.message[0].isupper() or finding.message[0].isdigit()
    assert finding.numbers


@pytest.mark.parametrize("name", [n for n in RULES if n != "prior_small"])
def test_rule_is_silent_on_a_healthy_table(name: str) -> None:
    """Only the prior of its regime speaks there."""
    assert RULES[name].apply(healthy_profile()) is None


@pytest.mark.parametrize(
    "name", [n for n in RULES if n not in ("from_scratch", "frozen_features_suffice")]
)
def test_rule_is_silent_on_healthy_pictures(name: str) -> None:
    """Only what says which family comes first, and that scratch comes last, speaks there."""
    assert RULES[name].apply(healthy_image_profile()) is None


@pytest.mark.parametrize(
    "name",
    [n for n in RULES if n != "frozen_suffices_for_topics"],
)
def test_rule_is_silent_on_healthy_texts(name: str) -> None:
    """Only what says which family comes first speaks there."""
    assert RULES[name].apply(healthy_text_profile()) is None


@pytest.mark.parametrize(
    "name", [n for n in RULES if n not in ("embedding_for_speech", "sound_from_scratch")]
)
def test_rule_is_silent_on_healthy_recordings(name: str) -> None:
    """Only what says which embedding comes first, and that scratch comes last, speaks there."""
    assert RULES[name].apply(healthy_audio_profile()) is None


@pytest.mark.parametrize("name", list(RULES))
def test_effects_come_from_usable_rows_about_known_families(name: str) -> None:
    """No number of a rule's own, no recalled figure."""
    finding = RULES[name].apply(EXAMPLES[name])
    assert finding is not None
    for effect in finding.effects:
        row = load_evidence()[effect.evidence]
        assert row.usable
        assert effect.family in row.families
        assert (effect.mean, effect.low, effect.high) == (row.mean, row.low, row.high)


@pytest.mark.parametrize("name", list(RULES))
def test_only_vetoes_reject_and_they_reject_what_there_is(name: str) -> None:
    """A note that rejects would be a veto in disguise."""
    finding = RULES[name].apply(EXAMPLES[name])
    assert finding is not None
    assert bool(finding.vetoes) == (finding.severity == "veto")
    assert set(finding.vetoes) <= {*FAMILIES, *STRATEGIES}


@pytest.mark.parametrize("name", list(RULES))
def test_rule_says_what_why_and_who(name: str) -> None:
    """What ``advise --explain`` prints."""
    text = explain(name)
    assert all(word in text for word in ("What:", "Why:", "Reference:"))
