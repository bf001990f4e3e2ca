"""Views of texts are drawn from the text alone, and change what they say they change."""

from __future__ import annotations

from collections import Counter

import pytest

from advisor.errors import InvalidRequest
from advisor.texts.views import eda, is_inflected, parse_view, with_synonyms, wordnet

TEXT = "The new film tells a very old story, and the loan of its Bank is dull"

KNOWN = {"film": ["picture"], "story": ["tale"], "bank": ["lender"], "loan": ["credit"]}


def synonyms(word: str) -> list[str]:
    """A small dictionary."""
    return KNOWN.get(word, [])


@pytest.mark.parametrize("number", range(1, 9))
def test_the_same_view_of_the_same_text_is_the_same(number: int) -> None:
    """And another number gives another one, sooner or later."""
    assert eda(TEXT, number, synonyms) == eda(TEXT, number, synonyms)
    assert eda(TEXT, number, synonyms) != TEXT
    assert len({eda(TEXT, n, synonyms) for n in range(1, 9)}) > 4


def test_each_operation_does_what_it_says() -> None:
    """Replacing keeps the number of words, inserting adds, swapping keeps the words, deleting takes some away."""
    words = Counter(TEXT.split())
    replaced, inserted, swapped, deleted = (
        Counter(eda(TEXT, number, synonyms).split()) for number in (1, 2, 3, 4)
    )
    assert replaced.total() == words.total()
    assert 1 <= (replaced - words).total() <= 2
    assert words < inserted
    assert set(inserted - words) <= {"picture", "tale", "lender", "credit"}
    assert swapped == words
    assert deleted < words


def test_synonyms_keep_signs_and_capitals() -> None:
    """What stands around a word stays, and a name at the beginning keeps its capital."""
    assert with_synonyms("Bank!", 1, synonyms) == "Lender!"
    assert with_synonyms("(LOAN)", 1, synonyms) == "(CREDIT)"


def test_words_without_meaning_of_their_own_are_not_replaced() -> None:
    """A dictionary that knows everything may not change a not."""
    found = eda("it is not very good", 1, lambda word: ["changed"])
    assert found == "it is not very changed"


@pytest.mark.parametrize("text", ["", "word", "   ", "the of"])
@pytest.mark.parametrize("number", [1, 2])
def test_what_cannot_be_varied_stays(text: str, number: int) -> None:
    """Also an empty text."""
    assert eda(text, number, synonyms) == text
    assert with_synonyms(text, number, synonyms) == text


def test_two_words_are_never_deleted_both() -> None:
    """Something is left of every text."""
    assert all(eda(f"film {i}", 4, synonyms, alpha=0.9) for i in range(20))


@pytest.mark.parametrize("view", ["eda", "eda0", "views1", "eda1:a,b", "translation1:a", ""])
def test_an_unknown_view_is_refused(view: str) -> None:
    """The message names those that there are."""
    with pytest.raises(InvalidRequest, match="translation1:THERE,BACK"):
        parse_view(view)


def test_forms_of_one_word_are_told_from_others() -> None:
    """As far as letters tell."""
    assert is_inflected("question", "questions")
    assert not is_inflected("good", "great")


def test_wordnet_is_never_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its data there is no source, and nobody looks for it elsewhere."""
    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setattr(nltk, "download", lambda *a, **k: pytest.fail("a download was tried"))
    reader = nltk.corpus.wordnet
    if type(reader).__name__ != "LazyCorpusLoader":
        pytest.skip("WordNet was loaded before")
    wordnet.cache_clear()
    try:
        assert wordnet() is None
    finally:
        wordnet.cache_clear()
