"""Pictures → embeddings of the plain picture and of augmented views of it, side by side.

The argument is the backbone's name, perhaps with ``+upright`` for views that are never mirrored. Views are drawn from a
picture's content, so the same file has the same views in every fold and every run; a strategy takes the ones it wants
(:mod:`advisor.strategies.linear_probe_views`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import find_backbone
from advisor.deadline import Deadline
from advisor.embedding import embed
from advisor.representation import REPRESENTATIONS
from advisor.representations.embedding import UPRIGHT, BackboneRepresentation

N_VIEWS = 4
"""Augmented views beside the plain one; our choice: they cost five times the embedding and gained little."""

VIEWS = ("plain", *(f"view{i}" for i in range(1, N_VIEWS + 1)))
UPRIGHT_VIEWS = ("plain", *(f"upright{i}" for i in range(1, N_VIEWS + 1)))


@REPRESENTATIONS.add("views")
class ViewsRepresentation(BackboneRepresentation):
    """The embeddings of all views of a picture in one row, the plain one first."""

    def compute(self, paths: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Embed every view of the files, or take the embeddings from the cache.

        Parameters
        ----------
        paths : sequence of str
            Picture files.
        deadline : Deadline
            When to stop; what was computed by then is in the cache.

        Returns
        -------
        ndarray of float32 of shape (n_paths, (1 + N_VIEWS) * width)
            NaN for unreadable files.
        """
        views = UPRIGHT_VIEWS if self.argument.endswith(UPRIGHT) else VIEWS
        return np.hstack([embed(paths, self.backbone, view=v, deadline=deadline) for v in views])

    def names(self) -> tuple[str, ...]:
        """Name the numbers by view and position."""
        width = find_backbone(self.backbone).width
        return tuple(f"{view}.e{i}" for view in VIEWS for i in range(width))
