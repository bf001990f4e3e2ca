"""What comes after a search → how many seconds of the time limit it has to keep back.

The final predictor is asked about the test split, and perhaps fitted once more on all rows. A few rows of the test
split are turned into numbers to see how long that takes, and that is all that happens to them here: no trial sees any.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pandas as pd

from advisor.cores import usable_cores
from advisor.parameter import ParamValue
from advisor.representation import REPRESENTATIONS, split_name
from advisor.space import SearchSpace
from advisor.strategy import STRATEGIES
from advisor.trials import Trial
from advisor.workspace import Workspace

WARM_UP, TIMED = 8, 32
"""Rows that are represented first, since a network may have to be loaded for that, and rows that are timed (our choice:
a quarter of a second for pictures)."""


REFIT_SLACK = 1.2
"""Seconds of a fit on all rows over those of one on the rows of a fold, beside their numbers (our choice: it has fewer
of the cores' caches to itself, and a fold's model is written while the next is fitted)."""


DEAR_MEMBERS = 2
"""Members of the final predictor that take long to ask, at most (our choice: seldom is more than one network in it)."""


class Afterwards:
    """What has to happen once the search is over, within the same time limit.

    Parameters
    ----------
    workspace : Workspace
        Of the search; it does not hold the rows of the test split.
    X : DataFrame of shape (n_rows, n_columns) or None
        These, conforming to the columns of the workspace; ``None`` for none.
    single : bool
        Whether one configuration will be fitted again, on all rows, and asked alone.
    """

    def __init__(
        self, workspace: Workspace, X: pd.DataFrame | None = None, single: bool = False
    ) -> None:
        self.workspace, self.single = workspace, single
        self._X = pd.DataFrame() if X is None else X
        self._seconds: dict[str, float] = {}

    def seconds(self, best: Sequence[Trial], predicting: Mapping[str, float]) -> float:
        """Estimate what the final predictor takes if it is made of certain trials.

        Parameters
        ----------
        best : sequence of Trial
            The best of each strategy that may be part of it; all that is complete.
        predicting : mapping of str to float
            By strategy, what :meth:`predicting` says.

        Returns
        -------
        float
            Every backbone is run once and the dearest of them are asked, or one is fitted again and asked alone.
        """
        # Representations that name the same backbone share what it makes of a row.
        of_backbone: dict[str, float] = {}
        for trial in best:
            _, backbone = split_name(STRATEGIES[trial.strategy].representation(trial.params))
            seconds = self.representing(trial.strategy, trial.params)
            of_backbone[backbone] = max(seconds, of_backbone.get(backbone, 0.0))
        asked = [predicting[trial.strategy] for trial in best]
        if not self.single:
            return sum(of_backbone.values()) + sum(sorted(asked)[-DEAR_MEMBERS:])
        folds = [self.workspace.n_folds(trial.strategy) for trial in best]
        alone = [
            refit_seconds(t, self.workspace) + a / n
            for t, a, n in zip(best, asked, folds, strict=True)
        ]
        return max(of_backbone.values(), default=0.0) + max(alone, default=0.0)

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


def refit_seconds(trial: Trial, workspace: Workspace) -> float:
    """Estimate what fitting a trial's configuration once more, on all rows, takes.

    Parameters
    ----------
    trial : Trial
        A complete one.
    workspace : Workspace
        Its folds say how many more rows that is.

    Returns
    -------
    float
        Seconds, by its own fits; one that ran into its deadline will be cut off as late.
    """
    folds = workspace.problem.splits.folds
    one = trial.fit_seconds / workspace.n_folds(trial.strategy)
    return REFIT_SLACK * one * folds / (folds - 1)
