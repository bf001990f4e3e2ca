"""Texts and labels → words that give a label away, phrases that most texts share, and label names in texts.

A word is a run of letters and digits or a run of other signs, in lower case, so that ``label:positive`` and ``[+]``
are seen as what they are. In scripts without spaces such a run is a whole clause: there, short runs of characters give
labels away as well, and a label's name is found within a clause.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.texts.lengths import UNSPACED

WORD = re.compile(r"[^\W_]+|(?:[^\w\s]|_)+")
"""A run of letters and digits, or of other signs."""

PART_OF_NAME = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
"""What names are compared by: a character of a script without spaces, or a run of letters and digits of another."""

CLAUSE = re.compile(rf"[{UNSPACED}]{{2,}}")
"""A run of characters of a script without spaces."""

CHARACTERS = (2, 4)
"""Characters in a row of such a script that are looked at like words; our choice: words of Chinese and Japanese have
about two, of Thai about four."""

HEAD, TAIL = 200, 50
"""Words at the beginning and at the end of a text that are looked at; our choice: a label or a boilerplate stands at
one of the two."""

TELLING_AUC = 0.98
"""AUC of a word's presence for a class from which it is said to give the class away; as for columns of a table."""

TELLING_PRECISION = 0.95
"""Share of the texts with the word that are of the class, from which it does; our choice."""

TELLING_LEAST = 15
"""Texts of a class, and of the others, from which a word can be said to; our choice: of few texts some word is always
in all of one class."""

TELLING_TOGETHER, TOGETHER_SHARE = 5, 0.5
"""Texts of a class from which a word is believed where such words tell this share of all texts: one class of ten may
have its word by chance, half of all classes do not. Our choice."""

TELLING_NAMED, PHRASES_NAMED = 10, 5
"""Words and phrases named; our choice, for the reader."""

SHARED_BY = 0.5
"""Share of the texts from which a phrase is boilerplate; our choice."""

PHRASE_WORDS = (8, 7, 6, 5, 4, 3)
"""Lengths of phrases looked for, in words, longest first; shorter ones are grammar. Our choice."""

NAME_LETTERS = 3
"""Letters and digits that a label's name has at least to be looked for in texts, blanks between its parts included:
two characters of a script without spaces are enough. Our choice."""


@dataclass(frozen=True)
class Telling:
    """A word, or two in a row, that gives a class away.

    Attributes
    ----------
    phrase : str
        In lower case.
    code : int
        Of the class.
    auc : float
        Of telling the class from the others by its presence.
    n_texts : int
        Texts it was measured on.
    """

    phrase: str
    code: int
    auc: float
    n_texts: int


def words_of(text: str) -> list[str]:
    """Cut the head and the tail of a text into words, in lower case."""
    return _ends(WORD.findall(text.lower()))


def _ends(words: list[str]) -> list[str]:
    return words if len(words) <= HEAD + TAIL else words[:HEAD] + words[-TAIL:]


def measure_vocabulary(texts: Sequence[str]) -> tuple[int, float]:
    """Count the different words of texts.

    Parameters
    ----------
    texts : sequence of str
        As they come.

    Returns
    -------
    n_words : int
        Different words, in lower case, without signs.
    seen_once : float
        Share of them that occur in one text only.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({word for word in words_of(text) if word[0].isalnum()})
    once = sum(n == 1 for n in counts.values())
    return len(counts), once / len(counts) if counts else 0.0


def find_telling(
    texts: Sequence[str], members: NDArray[np.bool_]
) -> tuple[tuple[Telling, ...], float]:
    """Find the words that give classes away.

    Parameters
    ----------
    texts : sequence of str of length n
        As they come.
    members : ndarray of bool of shape (n, n_classes)
        Which classes, or labels, each has.

    Returns
    -------
    tuple of Telling
        At most one per class and ``TELLING_NAMED`` in all, the surest first.
    float
        Share of the texts that hold one of the telling words found, named or not.
    """
    n = len(texts)
    sizes = members.sum(axis=0)
    asked = np.flatnonzero((sizes >= TELLING_TOGETHER) & (n - sizes >= TELLING_LEAST))
    if not asked.size:
        return (), 0.0
    phrases = [_phrases(text) for text in texts]
    totals = Counter(phrase for held in phrases for phrase in held)
    least = TELLING_AUC * int(sizes[asked].min()) * TELLING_PRECISION
    index = {
        phrase: i for i, phrase in enumerate(sorted(p for p, k in totals.items() if k >= least))
    }
    rows = [(row, index[p]) for row, held in enumerate(phrases) for p in held if p in index]
    found: dict[int, tuple[Telling, NDArray[np.int64]]] = {}
    at = np.array(rows, dtype=np.int64).reshape(-1, 2)
    present = np.bincount(at[:, 1], minlength=len(index))
    names = list(index)
    for code in asked:
        inside = np.bincount(at[members[at[:, 0], code], 1], minlength=len(index))
        recall = inside / sizes[code]
        auc = (recall + 1.0 - (present - inside) / (n - sizes[code])) / 2
        sure = (auc >= TELLING_AUC) & (inside >= TELLING_PRECISION * present)
        if not sure.any():
            continue
        # the shorter of equally telling ones: one word before the two that it stands in
        best = min(np.flatnonzero(sure), key=lambda i: (-auc[i], len(names[i]), names[i]))
        word = Telling(names[best], int(code), round(float(auc[best]), 4), n)
        found[int(code)] = word, at[at[:, 1] == best, 0]
    if _share(found, n) < TOGETHER_SHARE:
        found = {code: one for code, one in found.items() if sizes[code] >= TELLING_LEAST}
    words = sorted((word for word, _ in found.values()), key=lambda one: (-one.auc, one.code))
    return tuple(words[:TELLING_NAMED]), _share(found, n)


def _share(found: dict[int, tuple[Telling, NDArray[np.int64]]], n: int) -> float:
    """Share of ``n`` texts that hold one of the words."""
    return len({int(row) for _, rows in found.values() for row in rows}) / n


def _phrases(text: str) -> set[str]:
    """Words and pairs of them; of clauses of a script without spaces, short runs of characters as well."""
    words = words_of(text)
    found = {*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))}
    clauses = CLAUSE.findall(text.lower())
    for n in CHARACTERS:
        runs = [one[at : at + n] for one in clauses for at in range(len(one) - n + 1)]
        found.update(_ends(runs))
    return found


def find_boilerplate(texts: Sequence[str]) -> tuple[str, ...]:
    """Find phrases that most texts share.

    Parameters
    ----------
    texts : sequence of str
        As they come; empty ones are passed over.

    Returns
    -------
    tuple of str
        Longest first, none inside another one; at most ``PHRASES_NAMED``.
    """
    words = [words_of(text) for text in texts if text.strip()]
    least = max(2.0, SHARED_BY * len(words))
    totals = Counter(word for held in words for word in set(held))
    shared = {word for word, n in totals.items() if n >= least}
    found: list[str] = []
    for length in PHRASE_WORDS:
        counts = Counter(run for held in words for run in _runs(held, shared, length))
        for phrase in sorted(run for run, n in counts.items() if n >= least):
            if any(letter.isalpha() for letter in phrase) and not any(phrase in f for f in found):
                found.append(phrase)
    return tuple(found[:PHRASES_NAMED])


def _runs(words: Sequence[str], shared: set[str], length: int) -> set[str]:
    """Phrases of so many words, each of which most texts have."""
    return {
        " ".join(words[at : at + length])
        for at in range(len(words) - length + 1)
        if all(word in shared for word in words[at : at + length])
    }


def share_naming_label(texts: Sequence[str], labels: Iterable[Sequence[str]]) -> float:
    """Share of texts that hold the name of one of their own labels, 0 to 1.

    Parameters
    ----------
    texts : sequence of str of length n
        As they come.
    labels : iterable of sequence of str, of length n
        The names of each text's classes; names of fewer than ``NAME_LETTERS`` letters are not looked for, and signs
        within a name or a text do not count.

    Returns
    -------
    float
        0 where there are no texts.

    Examples
    --------
    >>> share_naming_label(["see sci.space", "这部电影很好", "x"], [["sci.space"], ["电影"], ["y"]])
    0.6666666666666666
    """
    names: dict[str, str] = {}
    held = 0
    for text, own in zip(texts, labels, strict=True):
        words = f" {' '.join(_ends(PART_OF_NAME.findall(text.lower())))} "
        for name in own:
            if name not in names:
                kept = " ".join(PART_OF_NAME.findall(name.lower()))
                names[name] = f" {kept} " if len(kept) >= NAME_LETTERS else ""
        held += any(names[name] and names[name] in words for name in own)
    return held / len(texts) if texts else 0.0
