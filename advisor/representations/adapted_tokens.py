"""Texts → ids of their tokens, for a language model that has read the pool.

The argument is a base language model, as for ``tokens``. The adapting is done once, by the process that searches and
with all its cores; what is learned from is said by ``info.source``, the name of the adapted model.
"""

from __future__ import annotations

import pandas as pd

from advisor.deadline import Deadline
from advisor.representation import REPRESENTATIONS
from advisor.representations.adapted import AdaptedItems, adapted_name
from advisor.representations.tokens import TokensRepresentation
from advisor.tables.columns import texts_of


@REPRESENTATIONS.add("adapted_tokens")
class AdaptedTokensRepresentation(AdaptedItems, TokensRepresentation):
    """One row of ids per text; the tokeniser is that of the model as it came."""

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Adapt the model to the texts of the pool, or find it adapted.

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
            If there is no pool, it is too small, or the model is a sentence encoder.
        DeadlineExceeded
            When the deadline passes first.
        """
        texts = None if pool is None else texts_of(pool, self.columns)
        self.source = adapted_name(self.backbone, texts, deadline)
