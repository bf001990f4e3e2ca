"""Near copies of texts: what is one text and what is not."""

from __future__ import annotations

import random

import pytest

from advisor.texts.similarity import near_duplicates

WORDS = [f"word{i}" for i in range(400)]


def _texts(n: int, length: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=length)) for _ in range(n)]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("yes.", "Yes!"),
        ("How do I  locate my card?", "how do i locate my card"),
        ("ﬁne café", "fine cafe\u0301"),
        ("line one\nline two", "line one line two"),
        ("", "  "),
    ],
)
def test_case_signs_and_white_space_make_no_other_text(a: str, b: str) -> None:
    """Nor does the way a character is composed."""
    assert near_duplicates([a, b]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a b", "a c"),
        ("What is a fear of sleep ?", "What is a fear of water ?"),
        ("?!", "..."),
        ("\U0001f600", "\U0001f622"),
        ("5 $", "5 €"),
        ("我喜欢这部电影", "我讨厌这部电影"),
        ("", "a"),
    ],
)
def test_short_texts_must_have_equal_words(a: str, b: str) -> None:
    """One word is much of a short text."""
    assert near_duplicates([a, b]).tolist() == [0, 1]


def test_one_word_of_twenty_makes_a_copy_and_half_of_them_do_not() -> None:
    """In any place of the text, however many others there are."""
    texts = _texts(200, 20)
    changed = [
        " ".join("other" if j == i % 20 else word for j, word in enumerate(text.split()))
        for i, text in enumerate(texts)
    ]
    halved = [
        " ".join([*text.split()[:10], *_texts(1, 10, i + 1)[0].split()])
        for i, text in enumerate(texts)
    ]
    groups = near_duplicates([*texts, *changed, *halved])
    assert groups[:200].tolist() == groups[200:400].tolist() == list(range(200))
    assert set(groups[400:]).isdisjoint(groups[:200])


def test_all_variants_of_a_template_are_one_item() -> None:
    """Being the same is passed on, and many copies take no longer."""
    texts = [
        f"your order number {i} has been shipped today and will arrive at your home within three days"
        for i in range(2000)
    ]
    assert set(near_duplicates(texts).tolist()) == {0}


def test_items_are_numbered_as_they_come() -> None:
    """From 0; no text at all is no item."""
    assert near_duplicates(["b", "a", "B!", "c"]).tolist() == [0, 1, 0, 2]
    assert near_duplicates([]).tolist() == []
    assert near_duplicates(["one"]).tolist() == [0]


def test_long_texts_and_odd_characters_are_compared() -> None:
    """A megabyte, a half character, a NUL."""
    long = " ".join(_texts(1, 120_000))
    odd = "half \ud83d of a sign and \x00 some words more to compare"
    assert near_duplicates([long, long + " end", odd, odd + "!"]).tolist() == [0, 0, 1, 1]
