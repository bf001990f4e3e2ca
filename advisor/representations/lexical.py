"""Texts → counts of words, of pairs of words and of runs of characters, as a sparse matrix.

Terms are hashed into a fixed number of columns, so nothing is learned and one matrix serves every fold; what learns on
it weighs the columns by the training rows (:mod:`advisor.strategies.tfidf`). Runs of characters read languages that are
written without spaces, and survive misspelling.

``lexical`` counts the texts as they are; ``lexical:BACKBONE+eda`` puts the counts of copies behind them that the loader
of a backbone varied, view by view. ``lexical_embedding:BACKBONE`` puts embeddings behind the counts.

References
----------
Weinberger et al. (2009), Feature hashing for large scale multitask learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np
import pandas as pd

from advisor.backbone import LOADERS, TextCard, TextLoader, as_card, find_backbone
from advisor.deadline import Deadline
from advisor.representation import REPRESENTATIONS, Features
from advisor.representations.embedding import BackboneRepresentation, EmbeddingRepresentation
from advisor.representations.items import ItemsRepresentation
from advisor.representations.views import views_of
from advisor.tasks import Modality

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

COLUMNS = 2**20
"""Columns of each of the two blocks. Our choice: of the million terms of ten thousand long texts a third share their
column, of those of a thousand short ones a hundredth; an empty column costs nothing."""

WORDS, CHARACTERS = (1, 2), (2, 5)
"""Shortest and longest run of words, and of characters within a word. Common ranges for classifying short texts."""

TEXTS = frozenset({Modality.TEXT})


@REPRESENTATIONS.add("lexical")
class LexicalRepresentation(BackboneRepresentation):
    """Counts: ``COLUMNS`` columns of words, then as many of characters; the same again for every view."""

    modalities: ClassVar[frozenset[Modality]] = TEXTS

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.judges = False
        """Whether rows are only predicted, as after :meth:`load`: their views are then left empty."""
        self._deadline = Deadline(None)

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Keep nothing, since counting again is quick: ``transform`` raises DeadlineExceeded from now on, too."""
        deadline.check()
        self._deadline = deadline

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what was saved; from now on the views are left empty, since predictions have no use for them."""
        made = super().load(folder)
        made.judges = True
        return made

    def compute(self, items: Sequence[str], deadline: Deadline) -> csr_matrix:
        """Count the terms of texts, and of their views if the argument asks for them.

        Parameters
        ----------
        items : sequence of str
            The texts.
        deadline : Deadline
            Looked at before each view.

        Returns
        -------
        csr_matrix of float32 of shape (n_items, n_views * 2 * COLUMNS)
            No row is NaN: one of an empty text is empty.
        """
        deadline.check()
        blocks = [count_terms(items)]
        if not self.variant:
            return blocks[0]
        from scipy.sparse import csr_matrix, hstack

        views = views_of(Modality.TEXT, self.variant)[1:]
        if self.judges:  # without the backbone, which may be gone
            blocks += [csr_matrix(blocks[0].shape, dtype=np.float32) for _ in views]
            return hstack(blocks, format="csr")
        card = as_card(find_backbone(self.backbone), TextCard)
        loader = cast(TextLoader, LOADERS[card.loader])
        for view in views:
            deadline.check()
            blocks.append(count_terms(loader.varied(card, items, view, deadline)))
        return hstack(blocks, format="csr")

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn texts into counts.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            A sparse matrix; the row of a missing text is empty but for columns beside.

        Raises
        ------
        DeadlineExceeded
            When the deadline of :meth:`prepare` passes first; one that only predicts has none.
        """
        return self.joined(self.compute(every_text(self, X), self._deadline), X)

    def names(self) -> tuple[str, ...]:
        """Name the two blocks: a list of two million columns would be longer than the texts."""
        return ("words", "characters")


@REPRESENTATIONS.add("lexical_embedding")
class LexicalEmbeddingRepresentation(EmbeddingRepresentation):
    """The counts of ``lexical``, then the embedding of each text: NaN where there is no text."""

    modalities: ClassVar[frozenset[Modality]] = TEXTS

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn texts into counts and embeddings.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            A sparse matrix of ``2 * COLUMNS`` counts, the embedding, and the columns beside.
        """
        from scipy.sparse import hstack

        items, present = self.items(X)
        dense = np.full((len(X), self.widths()), np.nan, dtype=np.float32)
        dense[present] = self.compute(items, Deadline(None))
        counts = count_terms(every_text(self, X))
        return self.joined(hstack([counts, dense], format="csr"), X)

    def names(self) -> tuple[str, ...]:
        """Name the blocks: words, characters and the embedding."""
        return ("words", "characters", "embedding")


def every_text(representation: ItemsRepresentation, X: pd.DataFrame) -> list[str]:
    """Take one text per row of a frame, empty where there is none.

    Parameters
    ----------
    representation : ItemsRepresentation
        Fitted: it knows the columns.
    X : DataFrame of shape (n_rows, n_columns)
        Conforming rows.

    Returns
    -------
    list of str of length n_rows
    """
    found, present = representation.items(X)
    left = iter(found)
    return [next(left) if there else "" for there in present]


def count_terms(texts: Sequence[str]) -> csr_matrix:
    """Count the terms of texts.

    Parameters
    ----------
    texts : sequence of str
        In any language.

    Returns
    -------
    csr_matrix of float32 of shape (n_texts, 2 * COLUMNS)
        Words and pairs of words, then runs of characters.

    Examples
    --------
    >>> count_terms(["so so", ""]).sum(axis=1).A1.tolist()
    [15.0, 0.0]
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    common = {
        "n_features": COLUMNS,
        "norm": None,
        "alternate_sign": False,
        "dtype": np.float32,
    }
    words = HashingVectorizer(ngram_range=WORDS, token_pattern=r"(?u)\b\w+\b", **common)
    runs = HashingVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, **common)
    if not len(texts):
        return csr_matrix((0, 2 * COLUMNS), dtype=np.float32)
    return hstack([words.transform(texts), runs.transform(texts)], format="csr")
