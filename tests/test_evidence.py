"""The evidence tables are sound, and only what was read may change a ranking."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from advisor.evidence import FAMILIES, EvidenceRow, load_evidence


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


def test_rows_speak_only_about_their_range() -> None:
    """Bounds are half-open, and wide tables have rows of their own."""
    row = load_evidence()["t3_tiny_forest"]
    assert row.covers(50, wide=False)
    assert not row.covers(300, wide=False)
    assert not row.covers(100, wide=True)
    assert load_evidence()["wide_forest"].covers(100, wide=True)
