"""The test split → how many seconds asking the final predictor about it will take, which a search has to keep back.

A few of its rows are turned into numbers to see how long that takes, and that is all that happens to them here: no
trial sees any.
"""

from __future__ import annotations

import time

import pandas as pd

from advisor.cores import usable_cores
from advisor.parameter import ParamValue
from advisor.representation import REPRESENTATIONS, split_name
from advisor.space import SearchSpace
from advisor.strategy import STRATEGIES
from advisor.workspace import Workspace

WARM_UP, TIMED = 8, 32
"""Rows that are represented first, since a network may have to be loaded for that, and rows that are timed (our choice:
a quarter of a second for pictures)."""


class LaterRows:
    """Rows that will be predicted once the search is over, within the same time limit.

    Parameters
    ----------
    workspace : Workspace
        Of the search; it does not hold them.
    X : DataFrame of shape (n_rows, n_columns) or None
        They, conforming to the columns of the workspace; ``None`` for none.
    """

    def __init__(self, workspace: Workspace, X: pd.DataFrame | None = None) -> None:
        self.workspace = workspace
        self._X = pd.DataFrame() if X is None else X
        self._seconds: dict[str, float] = {}

    def predicting(self, space: SearchSpace) -> float:
        """Estimate the seconds that all fold models of a strategy take for the rows, once these are represented.

        Parameters
        ----------
        space : SearchSpace
            Of the strategy; its default is what is estimated.

        Returns
        -------
        float
            With all cores, by the card's formula.
        """
        strategy = STRATEGIES[space.strategy]
        one = strategy.predict_cost(len(self._X), space.for_cost(space.defaults()))
        return one * self.workspace.n_folds(space.strategy) / usable_cores()

    def representing(self, strategy: str, params: dict[str, ParamValue]) -> float:
        """Tell the seconds that turning the rows into what a strategy reads will take.

        Parameters
        ----------
        strategy : str
            One of whose fits has ended, so that its representation is there.
        params : dict
            Its parameters.

        Returns
        -------
        float
            Measured once per representation, on ``TIMED`` rows; next to nothing where the rows are in the cache, and 0
            for representations that are learned in the folds, which are quick.
        """
        name = STRATEGIES[strategy].representation(params)
        if name not in self._seconds:
            self._seconds[name] = self._measured(name)
        return self._seconds[name]

    def _measured(self, representation: str) -> float:
        n_left = len(self._X) - WARM_UP - TIMED
        kind = REPRESENTATIONS[split_name(representation)[0]]
        if kind.learns or n_left <= 0:
            return 0.0
        fitted = kind.load(self.workspace.features(0, representation).folder)
        # Other rows than before: those may be in the cache by now, where one embedding is part of another.
        every = len(self._X) // (WARM_UP + TIMED)
        rows = self._X.iloc[len(self._seconds) % every :: every]
        fitted.transform(rows[:WARM_UP])
        start = time.monotonic()
        fitted.transform(rows[WARM_UP : WARM_UP + TIMED])
        return (time.monotonic() - start) / TIMED * n_left
