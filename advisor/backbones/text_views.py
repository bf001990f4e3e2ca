"""Texts and a card → one view of each text, with synonyms from WordNet or from the encoder's own table of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from advisor.backbone import TextCard
from advisor.backbones.weights import folder_fingerprint
from advisor.deadline import Deadline
from advisor.texts.views import (
    EDA,
    TRANSLATION,
    Synonyms,
    eda,
    parse_view,
    with_synonyms,
    wordnet,
)

ENGLISH = "en"
"""The language of WordNet; an encoder of unknown languages is taken for one of English."""


def vary(
    card: TextCard, folder: Path, texts: Sequence[str], view: str, deadline: Deadline
) -> list[str]:
    """Make one view of each text.

    Parameters
    ----------
    card : TextCard
        Of the encoder that will read them.
    folder : Path
        Its folder.
    texts : sequence of str
        As they are.
    view : str
        As :func:`advisor.texts.views.parse_view` takes it.
    deadline : Deadline
        Looked at between texts.

    Returns
    -------
    list of str
        A text that cannot be varied comes back as it is.

    Raises
    ------
    InvalidRequest
        If there is no such view.
    MissingDependency
        If what makes it is not on this machine; says what to install.
    DeadlineExceeded
        When the deadline passes before the last text.
    """
    kind, number, pair = parse_view(view)
    if kind == TRANSLATION:
        from advisor.backbones.translation import back_translate

        return back_translate(texts, number, pair, deadline)
    change = partial(eda if kind == EDA else with_synonyms, number=number)
    english = ENGLISH in card.languages or not card.languages
    source = synonyms_of(folder, folder_fingerprint(card), english)
    found = []
    for text in texts:
        deadline.check()
        found.append(change(text, synonyms=source))
    return found


@lru_cache(maxsize=4)
def synonyms_of(folder: Path, weights: str, english: bool) -> Synonyms:
    """Find a source of synonyms: WordNet where it is here and the language is its own, else neighbours in a table.

    Parameters
    ----------
    folder : Path
        Of the encoder.
    weights : str
        Their SHA-256: those written anew into the folder have other neighbours.
    english : bool
        Whether it reads English.

    Returns
    -------
    callable
        As :data:`advisor.texts.views.Synonyms`.
    """
    known = wordnet() if english else None
    if known is not None:
        return known
    from advisor.backbones.engines.text_neighbours import Neighbours

    return Neighbours(folder)
