"""The evidence tables are sound, and only what was read may change a ranking."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from advisor.evidence import FAMILIES, EvidenceRow, effects_of, load_evidence


def test_every_row_names_its_source_and_known_families() -> None:
    """A row speaks of families, or of strategies relative to a family."""
    for row in load_evidence().values():
        assert row.source, row.id
        assert row.reference in FAMILIES, row.id
        strategies = set(row.families) - set(FAMILIES)
        assert not strategies or row.reference != "linear", row.id


def test_recalled_figures_give_no_effects() -> None:
    """A remembered figure is a pointer for the reader, whatever it says."""
    row = EvidenceRow(
        id="x",
        claim="c",
        families=("forest",),
        mean=-0.5,
        low=-0.6,
        high=-0.4,
        source="memory",
        status="recalled",
    )
    assert row.effects() == ()
    assert not any(r.usable for r in load_evidence().values() if r.status == "recalled")


def test_effects_carry_the_id_of_their_row() -> None:
    """So that a report can say where a number comes from."""
    row = load_evidence()["t3_tiny_forest"]
    (effect,) = row.effects()
    assert (effect.family, effect.evidence) == ("forest", "t3_tiny_forest")
    assert effect.low <= effect.mean <= effect.high


@pytest.mark.parametrize(
    ("row", "score", "reference", "one_sided"),
    [
        ("t3_tiny_in_context", 0.899, 0.814, 1.0),
        ("t3_tiny_forest", 0.877, 0.814, 9 / 15),
        ("t3_tiny_kernel", 0.872, 0.814, 9 / 15),
        ("t3_tiny_boosting", 0.865, 0.814, 0.0),
        ("t3_tiny_catboost", 0.882, 0.814, 9 / 15),
        ("tabmini_in_context", 0.850, 0.819, 13 / 17),
        ("t3_large_boosting", 0.922, 0.837, 1.0),
        ("t3_large_forest", 0.919, 0.837, 1.0),
    ],
)
def test_figures_follow_from_the_published_scores(
    row: str, score: float, reference: float, one_sided: float
) -> None:
    """The arithmetic that the table's notes tell."""
    change = (1 - score) / (1 - reference) - 1
    assert load_evidence()[row].mean == pytest.approx(change * one_sided, abs=0.002)


@pytest.mark.parametrize(
    ("row", "pairs"),
    [
        ("own_finetune_known", [(87.8, 91.3), (98.3, 98.0)]),
        ("own_finetune_small_5", [(58.8, 50.5), (55.2, 50.4), (58.4, 51.8)]),
        ("own_finetune_small_10", [(66.6, 55.6), (65.2, 54.5), (62.6, 53.5)]),
        ("own_finetune_small_25", [(75.6, 63.4), (72.3, 64.2), (72.6, 63.6)]),
        ("own_scratch", [(37.4, 59.3), (70.6, 94.3)]),
        (
            "own_handmade",
            [
                *((63.5, 91.6), (66.5, 93.9)),
                *((88.1, 97.0), (91.8, 97.5)),
                *((36.3, 57.7), (43.7, 64.0)),
            ],
        ),
        ("own_words_8", [(48.4, 55.1), (51.4, 56.2)]),
        ("own_words_16", [(45.6, 64.0), (54.4, 61.0), (54.7, 73.7), (58.3, 67.1)]),
        ("own_words_256", [(81.9, 84.7), (63.8, 69.2)]),
        (
            "own_handmade_speech",
            [
                *((67.3, 96.2), (83.9, 97.8), (90.8, 98.8)),
                *((45.6, 91.3), (55.1, 92.3), (59.2, 93.0)),
            ],
        ),
        ("own_handmade_sound", [(79.1, 80.4), (80.8, 86.6), (83.6, 90.9)]),
        ("t1_finetune_8", [(42.1, 51.0), (42.4, 51.0)]),
        ("t1_finetune_64", [(67.7, 61.3), (68.2, 61.3)]),
        ("t1_known_finetune", [(90.1, 90.4)]),
        ("t1_contrastive_8", [(60.8, 42.1), (60.8, 42.4)]),
        ("t1_contrastive_16", [(65.9, 50.6), (65.9, 52.3)]),
        ("t1_contrastive_32", [(69.8, 60.9), (69.8, 61.2)]),
        ("t1_contrastive_64", [(73.7, 67.7), (73.7, 68.2)]),
    ],
)
def test_figures_follow_from_our_accuracies(row: str, pairs: list[tuple[float, float]]) -> None:
    """The mean of the logarithms of the ratios of errors, all of which lie in the range."""
    ratios = [(100 - family) / (100 - reference) for family, reference in pairs]
    found = load_evidence()[row]
    mean = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios)) - 1
    assert found.mean == pytest.approx(mean, abs=0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 0.02 <= min(ratios) - 1
    assert max(ratios) - 1 <= found.high + 0.02


def test_contrastive_leads_frozen_embeddings_by_what_was_published() -> None:
    """Its effect comes on top of that of fine-tuning: 60.8 against 51.0 % at 8 labels per class, 73.7 at 64 to 61.3."""
    for labels, contrastive, frozen in ((8, 60.8, 51.0), (64, 73.7, 61.3)):
        names = [f"t1_finetune_{labels}", f"t1_contrastive_{labels}"]
        effects = effects_of(names, labels)
        assert [effect.family for effect in effects] == ["finetune", "contrastive"]
        product = math.prod(1 + effect.mean for effect in effects)
        assert product == pytest.approx((100 - contrastive) / (100 - frozen), abs=0.02)


def test_only_rows_that_speak_about_so_many_labels_have_effects() -> None:
    """Whatever names are asked for."""
    names = ("t1_finetune_8", "t1_finetune_16", "t1_finetune_64", "label_names")
    found = [{e.evidence for e in effects_of(names, count)} for count in (0, 15, 16, 63, 64, 9e9)]
    expected = ["t1_finetune_8"] * 2 + ["t1_finetune_16"] * 2 + ["t1_finetune_64"] * 2
    assert found == [{name} for name in expected]


@pytest.mark.parametrize(
    ("low", "mean", "high"), [(0.1, 0.0, 0.2), (-0.2, 0.3, 0.2), (-1.5, 0.0, 0.2)]
)
def test_a_range_that_misses_its_mean_is_refused(low: float, mean: float, high: float) -> None:
    """The mean lies in its range, and no error is below zero."""
    with pytest.raises(ValidationError):
        EvidenceRow(
            id="x",
            claim="c",
            families=("forest",),
            mean=mean,
            low=low,
            high=high,
            source="s",
            status="seen",
        )


def test_rows_about_pictures_count_labels_of_the_smallest_class() -> None:
    """And some speak only about small pictures, or only about others."""
    row = load_evidence()["own_finetune_small_10"]
    assert row.covers(10, small=True)
    assert not row.covers(25, small=True)
    assert not row.covers(10, small=False)
    assert not load_evidence()["own_finetune_known"].covers(10, small=True)
    assert load_evidence()["own_handmade"].covers(10, small=True)


def test_rows_speak_only_about_their_range() -> None:
    """Bounds are half-open, and wide tables have rows of their own."""
    row = load_evidence()["t3_tiny_forest"]
    assert row.covers(50, wide=False)
    assert not row.covers(300, wide=False)
    assert not row.covers(100, wide=True)
    assert load_evidence()["wide_forest"].covers(100, wide=True)
