"""The table of words of an encoder → words near a word, for where there is no dictionary of synonyms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.backbones.engines.text_tokens import tokeniser_of
from advisor.backbones.weights import weights_in
from advisor.errors import MissingDependency
from advisor.registry import require
from advisor.texts.views import NEAREST, is_inflected

TABLES = ("word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight")
"""Ends of the names that encoders give to the table of tokens."""

STARTS = ("\u0120", "\u2581")
"""Signs that tokenisers of bytes and of sentence pieces put before a token that begins a word."""

LETTERS = 3
"""A word has at least; our choice: shorter ones are grammar or parts of words."""

COSINE = 0.4
"""From which a word counts as near, the mean of all words taken away; our choice, from looking at MiniLM's table: below
it words of the same field end and anything begins."""


class Neighbours:
    """Whole words whose entries in an encoder's table point the same way; call it with a word in lower case.

    Parameters
    ----------
    folder : Path
        Of the encoder.

    Raises
    ------
    MissingDependency
        If its weights have no such table.
    """

    def __init__(self, folder: Path) -> None:
        table = _table(folder)
        words = whole_words(tokeniser_of(folder).get_vocab())
        self._words = [word for word, place in words.items() if place < len(table)]
        rows = table[[words[word] for word in self._words]].astype(np.float32)
        rows -= rows.mean(axis=0)
        self._rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        self._places = {word: i for i, word in enumerate(self._words)}
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, word: str) -> tuple[str, ...]:
        """List the nearest words, without forms of the word itself; empty for a word that is not in the table."""
        if word not in self._known:
            self._known[word] = self._near(word)
        return self._known[word]

    def _near(self, word: str) -> tuple[str, ...]:
        place = self._places.get(word)
        if place is None:
            return ()
        cosines = self._rows @ self._rows[place]
        near = np.argsort(-cosines, kind="stable")[: 10 * NEAREST]
        others = [self._words[i] for i in near if cosines[i] >= COSINE and i != place]
        return tuple(other for other in others if not is_inflected(word, other))[:NEAREST]


def whole_words(vocabulary: dict[str, int]) -> dict[str, int]:
    """Find the tokens that are words of their own.

    Parameters
    ----------
    vocabulary : dict of str to int
        From tokens, as the tokeniser writes them, to places.

    Returns
    -------
    dict of str to int
        From words in lower case, letters only, to places.

    Examples
    --------
    >>> whole_words({"film": 0, "##film": 1, "[CLS]": 2, "is": 3})
    {'film': 0}
    >>> whole_words({"\u0120film": 0, "film": 1})
    {'film': 0}
    """
    marked = any(token.startswith(STARTS) for token in vocabulary)
    found: dict[str, int] = {}
    for token, place in sorted(vocabulary.items(), key=lambda one: one[1]):
        if marked and not token.startswith(STARTS):
            continue
        word = token[1:] if marked else token
        if word.isalpha() and len(word) >= LETTERS and word == word.lower():
            found.setdefault(word, place)
    return found


def _table(folder: Path) -> NDArray[Any]:
    for file in weights_in(folder):
        if file.suffix != ".safetensors":
            torch = require("torch", extra="text")
            state = torch.load(file, map_location="cpu", weights_only=True)
            name = next((key for key in state if key.endswith(TABLES)), None)
            if name is not None:
                return np.asarray(state[name].float().numpy())
            continue
        with require("safetensors", extra="text").safe_open(file, framework="numpy") as opened:
            name = next((key for key in opened.keys() if key.endswith(TABLES)), None)  # noqa: SIM118
            if name is not None:
                return np.asarray(opened.get_tensor(name))
    raise MissingDependency(
        f"expected a table of words in the weights of '{folder.name}', got none: install WordNet for synonyms "
        "(python -m nltk.downloader wordnet)"
    )
