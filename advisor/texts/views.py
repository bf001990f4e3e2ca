"""Texts → the same texts said a little differently: words replaced, inserted, swapped or deleted.

Drawn from the text and a number, so that the same view of the same text is the same everywhere. Where synonyms come
from is the caller's: WordNet, or the neighbours of a word in the table of an encoder.

References
----------
Wei & Zou (2019), EDA: easy data augmentation techniques for boosting performance on text classification tasks, EMNLP.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import numpy as np

from advisor.errors import InvalidRequest
from advisor.registry import available, require

Synonyms = Callable[[str], Sequence[str]]
"""From a word in lower case to words that can stand in its place, the nearest first; empty where none are known."""

EDA, SYNONYMS, TRANSLATION = "eda", "synonyms", "translation"
"""Before the number of a view."""

ALPHA = 0.1
"""Share of the words that one operation changes, at least one; Wei & Zou recommend 0.05 to 0.1 for few texts."""

REPLACED = 0.2
"""Share of the words that ``synonyms`` replaces; our choice: it does nothing else."""

NEAREST = 5
"""Synonyms that one is drawn from; our choice: those behind are often of another meaning."""

VIEW = re.compile(rf"({EDA}|{SYNONYMS}|{TRANSLATION})([1-9]\d*)(?::([^,]+),([^,]+))?")
"""A kind, a number and, for a translation, perhaps the models there and back."""

PARTS = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
"""Signs before a word, the word, and signs behind it."""


def parse_view(view: str) -> tuple[str, int, tuple[str, str] | None]:
    """Read the name of a view of texts.

    Parameters
    ----------
    view : str
        For example ``"eda1"``, ``"synonyms2"``, ``"translation1"`` or ``"translation1:THERE,BACK"`` with the names or
        folders of two models.

    Returns
    -------
    kind : str
        ``eda``, ``synonyms`` or ``translation``.
    number : int
        From 1.
    pair : tuple of two str, or None
        The models that translate there and back, where they are named.

    Raises
    ------
    InvalidRequest
        If it names no view of texts.

    Examples
    --------
    >>> parse_view("translation2:opus-en-de,opus-de-en")
    ('translation', 2, ('opus-en-de', 'opus-de-en'))
    """
    found = VIEW.fullmatch(view)
    if found is None or (found[3] and found[1] != TRANSLATION):
        raise InvalidRequest(
            f"expected a view of texts such as eda1, synonyms1, translation1 or translation1:THERE,BACK, got '{view}'"
        )
    return found[1], int(found[2]), (found[3], found[4]) if found[3] else None


def eda(text: str, number: int, synonyms: Synonyms, alpha: float = ALPHA) -> str:
    """Change a text by one of the four operations of EDA; views 1 to 4 take one each, 5 to 8 again.

    Parameters
    ----------
    text : str
        Words between spaces.
    number : int
        1: some words are replaced by synonyms; 2: synonyms of some are inserted anywhere; 3: pairs of words change
        places; 4: words are deleted at random.
    synonyms : callable
        Where synonyms come from.
    alpha : float
        Share of the words that change.

    Returns
    -------
    str
        The text itself where it has fewer than two words or nothing can be changed.

    Examples
    --------
    >>> eda("a fine film", 3, lambda word: [])
    'fine a film'
    """
    words = text.split()
    if len(words) < 2:
        return text
    rng = _draw(text, number)
    n = max(1, round(alpha * len(words)))
    operation = (number - 1) % 4
    if operation == 0:
        _replace(words, n, synonyms, rng)
    elif operation == 1:
        _insert(words, n, synonyms, rng)
    elif operation == 2:
        for _ in range(n):
            i, j = rng.choice(len(words), size=2, replace=False)
            words[i], words[j] = words[j], words[i]
    else:
        kept = rng.random(len(words)) >= alpha
        if kept.all():  # as many as the others change, at least one
            kept[rng.integers(len(words))] = False
        words = [word for word, keep in zip(words, kept, strict=True) if keep] or words[:1]
    return " ".join(words)


def with_synonyms(text: str, number: int, synonyms: Synonyms, share: float = REPLACED) -> str:
    """Replace a share of the words of a text by synonyms.

    Parameters
    ----------
    text : str
        Words between spaces.
    number : int
        Of the view; another number draws other words.
    synonyms : callable
        Where they come from.
    share : float
        Of the words, at least one.

    Returns
    -------
    str
        The text itself where no word has a synonym.
    """
    words = text.split()
    if not words or not _replace(
        words, max(1, round(share * len(words))), synonyms, _draw(text, number)
    ):
        return text
    return " ".join(words)


@cache
def wordnet() -> Synonyms | None:
    """Find WordNet, in English, where nltk and its data are on this machine; nothing is downloaded.

    Returns
    -------
    callable or None
        ``None`` where it is not there.
    """
    if not available("nltk"):
        return None
    corpus = require("nltk.corpus", extra="text").wordnet
    try:
        corpus.ensure_loaded()
    except LookupError:
        return None

    @lru_cache(maxsize=50_000)
    def synonyms(word: str) -> tuple[str, ...]:
        """List lemmas of all meanings, those of the most common first."""
        lemmas = (name for meaning in corpus.synsets(word) for name in meaning.lemma_names())
        plain = (name.replace("_", " ").lower() for name in lemmas)
        return tuple(dict.fromkeys(name for name in plain if name != word))

    return synonyms


def is_inflected(word: str, other: str) -> bool:
    """Whether two words look like forms of one, as far as letters tell: the same beginning, and short endings.

    Examples
    --------
    >>> is_inflected("movie", "movies"), is_inflected("loan", "credit"), is_inflected("walked", "walking")
    (True, False, True)
    """
    same = 0
    for a, b in zip(word, other, strict=False):
        if a != b:
            break
        same += 1
    return same >= min(3, len(word), len(other)) and max(len(word), len(other)) - same <= 3


def _replace(words: list[str], n: int, synonyms: Synonyms, rng: np.random.Generator) -> int:
    """Replace up to n words in place; says how many were."""
    done = 0
    for i in _content_words(words, rng):
        if done == n:
            break
        found = _synonym(words[i], synonyms, rng)
        if found:
            words[i], done = found, done + 1
    return done


def _insert(words: list[str], n: int, synonyms: Synonyms, rng: np.random.Generator) -> None:
    """Insert synonyms of up to n words anywhere."""
    told: list[str] = []
    for i in _content_words(words, rng):
        if len(told) == n:
            break
        found = _synonym(words[i], synonyms, rng)
        if found:
            told.append(PARTS.sub(r"\2", found))
    for word in told:
        words.insert(int(rng.integers(len(words) + 1)), word)


def _content_words(words: Sequence[str], rng: np.random.Generator) -> list[int]:
    """The places of words that carry meaning, in a random order."""
    return [int(i) for i in rng.permutation(len(words)) if _core(words[i]) not in _stop_words()]


def _core(word: str) -> str:
    return PARTS.sub(r"\2", word).lower()


def _synonym(word: str, synonyms: Synonyms, rng: np.random.Generator) -> str:
    """Draw a synonym, written as the word is and between the same signs; empty where there is none."""
    parts = PARTS.match(word)
    if parts is None or not parts[2]:
        return ""
    known = list(synonyms(parts[2].lower()))[:NEAREST]
    if not known:
        return ""
    found = known[int(rng.integers(len(known)))]
    if parts[2].isupper() and len(parts[2]) > 1:
        found = found.upper()
    elif parts[2][0].isupper():
        found = found[:1].upper() + found[1:]
    return f"{parts[1]}{found}{parts[3]}"


@cache
def _stop_words() -> frozenset[str]:
    """English words without a meaning of their own, ``not`` among them; no word at all counts as one."""
    return frozenset(
        require("sklearn.feature_extraction.text", extra="text").ENGLISH_STOP_WORDS
    ) | {""}


def _draw(text: str, number: int) -> np.random.Generator:
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return np.random.default_rng([int.from_bytes(digest[:8], "big"), number])
