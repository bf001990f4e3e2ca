"""Texts → the languages and the scripts that they are in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from advisor.registry import require

CLEAR = 0.9
"""Confidence from which a text alone says its language; our choice. Short questions stay below it and would otherwise
be scattered over languages that nobody wrote in."""

REAL = 0.02
"""Share of the clear texts from which a language counts as there at all; our choice."""

JOINED = 20
"""Texts that are joined where none is clear by itself; our choice: a few hundred characters are enough for any
language."""

LONGEST = 1_000
"""Characters of a text that are looked at; our choice, for time."""


def find_languages(texts: Sequence[str]) -> dict[str, float]:
    """Tell the languages of texts, short ones by what the clear ones are written in.

    Parameters
    ----------
    texts : sequence of str
        As they come; those without a letter say nothing.

    Returns
    -------
    dict of str to float
        ISO 639-1 code -> share of the texts, most frequent first; empty where no text has letters.

    Raises
    ------
    MissingDependency
        If py3langid is not installed.
    """
    langid = require("py3langid.langid", extra="text")
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    told = [text[:LONGEST] for text in texts if any(letter.isalpha() for letter in text[:LONGEST])]
    if not told:
        return {}
    first = [identifier.classify(text) for text in told]
    clear = Counter(language for language, confidence in first if confidence >= CLEAR)
    if not clear:
        pieces = ("\n".join(told[at : at + JOINED]) for at in range(0, len(told), JOINED))
        clear = Counter(identifier.classify(piece)[0] for piece in pieces)
    real = [language for language, n in clear.items() if n >= REAL * clear.total()]
    identifier.set_languages(real or list(clear))  # where all are rare, all are there
    counts = Counter(identifier.classify(text)[0] for text in told)
    # by frequency, then by name: the order of the texts has no say
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {language: round(n / len(told), 4) for language, n in order}


def share_other_script(texts: Sequence[str]) -> float:
    """Share of the letters of texts that are not Latin, 0 to 1.

    Parameters
    ----------
    texts : sequence of str
        As they come.

    Returns
    -------
    float
        0 where there are no letters.
    """
    letters = Counter(letter for text in texts for letter in text[:LONGEST] if letter.isalpha())
    other = sum(
        n
        for letter, n in letters.items()
        if not unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN"))
    )
    return other / letters.total() if letters else 0.0
