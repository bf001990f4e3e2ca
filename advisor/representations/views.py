"""Items → embeddings of the plain item and of augmented views of it, side by side.

The argument is the names of backbones as for ``embedding``, perhaps with ``+upright`` for views of pictures that are
never mirrored, or with how texts are varied: ``+eda``, ``+synonyms`` or ``+translation``. Views are drawn from an
item's content, so the same item has the same views in every fold and every run; a strategy takes the ones it wants
(:mod:`advisor.strategies.linear_probe_views`). ``training_views`` is the same for models that judge by the plain item.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.representation import REPRESENTATIONS
from advisor.representations.embedding import OF_TEXTS, UPRIGHT, BackboneRepresentation
from advisor.tasks import Modality

N_VIEWS = 4
"""Augmented views beside the plain one; our choice: they cost five times the embedding and gained little."""


def views_of(modality: Modality, variant: str = "") -> tuple[str, ...]:
    """Name the views of an item, the plain one first.

    Parameters
    ----------
    modality : Modality
        What the item is.
    variant : str
        What the argument of the representation ends with; empty for the views that its modality has by itself.

    Returns
    -------
    tuple of str
        As :func:`advisor.embedding.embed` takes them.

    Examples
    --------
    >>> views_of(Modality.TEXT, "+synonyms")
    ('plain', 'synonyms1', 'synonyms2', 'synonyms3', 'synonyms4')
    """
    known = {Modality.TEXT: OF_TEXTS, Modality.IMAGE: (UPRIGHT,)}.get(modality, ())
    own = OF_TEXTS[0][1:] if modality is Modality.TEXT else "view"
    stem = variant[1:] if variant in known else own
    return ("plain", *(f"{stem}{i}" for i in range(1, N_VIEWS + 1)))


@REPRESENTATIONS.add("views")
class ViewsRepresentation(BackboneRepresentation):
    """The embeddings of all views of an item in one row, the plain one first."""

    def compute(self, items: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Embed every view of the items, or take the embeddings from the cache.

        Parameters
        ----------
        items : sequence of str
            Paths of files, or texts.
        deadline : Deadline
            When to stop; what was computed by then is in the cache.

        Returns
        -------
        ndarray of float32 of shape (n_items, (1 + N_VIEWS) * width)
            NaN for unreadable files.
        """
        views = views_of(self.modality, self.variant)
        return np.hstack([self.embedded(items, view, deadline) for view in views])

    def names(self) -> tuple[str, ...]:
        """Name the numbers by view and position."""
        views, width = views_of(self.modality, self.variant), self.widths()
        return tuple(f"{view}.e{i}" for view in views for i in range(width))


@REPRESENTATIONS.add("training_views")
class TrainingViewsRepresentation(ViewsRepresentation):
    """As ``views``, until it is saved: its predictions have no use for the varied ones, which take most of the time."""

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.judges = False
        """Whether rows are only predicted, as after :meth:`load`: all views but the plain one are then left empty."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what was saved; the varied views are zero from now on."""
        made = super().load(folder)
        made.judges = True
        return made

    def embedded(self, items: Sequence[str], view: str, deadline: Deadline) -> NDArray[np.float32]:
        """Embed one view, or leave it empty where it is a varied one and rows are only predicted."""
        if self.judges and view != "plain":
            return np.zeros((len(items), self.widths()), dtype=np.float32)
        return super().embedded(items, view, deadline)
