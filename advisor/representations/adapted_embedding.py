"""Pictures or recordings → embeddings of a frozen backbone that has seen the pool.

The argument is a backbone and the method by which it is adapted: ``adapted_embedding:efficientnet_lite0+simclr``; after
``prepare`` the backbone is the adapted one, whose weights are saved with the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.representation import REPRESENTATIONS
from advisor.representations.adapted import METHOD_MARK, adapted_name
from advisor.representations.embedding import EmbeddingRepresentation, joined_names
from advisor.tasks import Modality


@REPRESENTATIONS.add("adapted_embedding")
class AdaptedEmbeddingRepresentation(EmbeddingRepresentation):
    """One embedding per item."""

    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE, Modality.AUDIO})

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.adapted = False
        """Whether the backbone is the adapted one: after ``prepare``, or read from a saved run."""

    @property
    def variant(self) -> str:
        """The method, with its mark."""
        _, mark, method = self.argument.rpartition(METHOD_MARK)
        return f"{mark}{method}"

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Adapt the backbone to the pool, or find it adapted; then embed the rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Embedded, and not learned from: they are what is judged by.
        deadline : Deadline
            When to stop; another call goes on from there.
        pool : DataFrame or None
            Unlabelled rows, none of which is a labelled or a test one.

        Raises
        ------
        InvalidRequest
            If there is no pool, it is too small, or the method cannot train this backbone.
        DeadlineExceeded
            When the deadline passes first.
        """
        files = None if pool is None else self.items(pool)[0]
        method = self.variant.removeprefix(METHOD_MARK)
        name = adapted_name(self.backbone, files, deadline, method)
        self.argument = f"{joined_names([name])}{METHOD_MARK}{method}"
        self.adapted = True
        super().prepare(X, deadline)

    def compute(self, items: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Embed items; InvalidRequest is raised where nothing was adapted."""
        if not self.adapted:
            raise InvalidRequest(
                f"expected '{self.backbone}' to be adapted to a pool, got none; pass --unlabeled, or use linear_probe"
            )
        return super().compute(items, deadline)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what was saved after ``prepare``: the adapted weights are copied there unless they are large."""
        made = super().load(folder)
        made.adapted = True
        return made
