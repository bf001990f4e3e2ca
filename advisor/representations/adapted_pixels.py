"""Pictures, or recordings as log-mel pictures → pixels, for a backbone that has seen the pool.

The argument is an image backbone and the method by which it is adapted: ``adapted_pixels:efficientnet_lite0+simclr``.
What is to be trained from is said by ``info.source``, the name of the adapted backbone.
"""

from __future__ import annotations

import pandas as pd

from advisor.deadline import Deadline
from advisor.representation import REPRESENTATIONS
from advisor.representations.adapted import (
    METHOD_MARK,
    AdaptedItems,
    adapted_name,
    listening,
    seeing,
)
from advisor.representations.pixels import PixelsRepresentation
from advisor.tasks import Modality


@REPRESENTATIONS.add("adapted_pixels")
class AdaptedPixelsRepresentation(AdaptedItems, PixelsRepresentation):
    """The pixels are those of ``pixels``."""

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Adapt the backbone to the pool, or find it adapted.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Not learned from: they are what is judged by.
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
        super().prepare(X, deadline)
        backbone, _, method = self.argument.rpartition(METHOD_MARK)
        hears = self.modality is Modality.AUDIO
        files = None if pool is None else self.items(pool)[0]
        name = adapted_name(listening(backbone) if hears else backbone, files, deadline, method)
        self.source = seeing(name)
