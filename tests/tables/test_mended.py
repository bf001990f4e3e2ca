"""Texts from memory that hold halves of characters."""

from __future__ import annotations

from advisor import read_dataset
from advisor.tables.columns import texts_of

TEXTS = [f"lorem ipsum dolor sit amet number {i} consectetur adipiscing" for i in range(20)]


def test_half_a_character_in_memory_is_replaced_and_told() -> None:
    """A list may hold what no table can; two halves that belong together become the character they make."""
    broken = [TEXTS[0] + " \ud83d", TEXTS[1] + " \ud83d\ude00", *TEXTS[2:]]
    dataset = read_dataset((broken, ["a", "b"] * 10))
    assert texts_of(dataset.X, dataset.columns) == [
        TEXTS[0] + " \ufffd",
        TEXTS[1] + " \U0001f600",
        *TEXTS[2:],
    ]
    assert any("2 texts held halves" in note for note in dataset.notes)
    assert not any("halves" in note for note in read_dataset((TEXTS, ["a", "b"] * 10)).notes)
