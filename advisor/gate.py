"""Candidates and what is believed of their strategies → which of them may be part of the final predictor.

Cross-validation on few labels likes the lucky. So what costs much or can harm has to win beyond chance, what evidence
puts behind has to win against that evidence, too, and what evidence puts ahead of its like is ahead where the folds
cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.belief import Beliefs, Prospect
from advisor.evaluation import paired_difference
from advisor.metrics import Metric
from advisor.strategy import STRATEGIES
from advisor.trials import Trial

BELIEVED_LEVEL = 0.8
"""A strategy that the evidence does not put ahead, or augmentation that a space marks as gated, has to beat the others
with its lower bound of an interval of this level, nine times in ten, before it may be part of the final predictor (our
choice). On ten pictures of two classes cross-validation preferred a fine-tuned network that was 14 points behind on the
test split."""

BELIEVED_DEVIATIONS = 1.2816
"""The same as standard deviations of a normal distribution: nine tenths lie below."""

FOLDS_DOUBT = 2.0
"""What the spread of a ratio of losses over bootstrap samples is multiplied by, where it is weighed with evidence. In
120 comparisons of heads at 5 and 10 labels per class (eight sets, one or two draws) what cross-validation said lay 1.7
to 2.4 such spreads (root mean square; median 1.0 to 1.3) from what the test split said: a bootstrap knows neither other
labelled items nor other folds."""

SMALLEST_LOSS = 1e-6
"""Losses are floored here before logarithms: none at all on few rows is luck."""


class Gate:
    """Judges the candidates of one run on the rows that they are chosen by.

    Parameters
    ----------
    answers : mapping of int to ndarray of shape (n_rows, n_outputs)
        What each trial, by its number, said of the rows.
    y : ndarray
        The truth.
    criterion : Metric
        What candidates are compared by.
    weights : ndarray of shape (1 + n_samples, n_rows)
        How much each row counts, among all of them and in each bootstrap sample.
    beliefs : Beliefs
        What is known of strategies before they were tried.
    """

    def __init__(
        self,
        answers: Mapping[int, NDArray[np.float64]],
        y: NDArray[np.generic],
        criterion: Metric,
        weights: NDArray[np.float64],
        beliefs: Beliefs,
    ) -> None:
        self.answers, self.y, self.criterion = answers, y, criterion
        self.weights, self.beliefs = weights, beliefs
        self._known: dict[int, NDArray[np.float64]] = {}

    def passed(self, trials: Sequence[Trial]) -> tuple[list[Trial], tuple[str, ...]]:
        """Leave out what is ahead by luck.

        First whole strategies are judged; then what is gated, against the best without it of all that is believed by
        then, and against what evidence says where its strategy has not won without it.

        Parameters
        ----------
        trials : sequence of Trial
            Best first.

        Returns
        -------
        tuple of list of Trial and tuple of str
            Those that stay, in their order, and what the user should know of the others.
        """
        off = {t.number: why for t in trials if (why := self._off(t))}
        strange = {t.number: t.strategy for t in trials if t.strategy in self.beliefs.doubted}
        plain = [trial for trial in trials if trial.number not in off]
        believed, said = self._believed(plain, strange, self.beliefs.behind)
        passing = [t for t in trials if t.number in off or t in believed]
        proven = {trial.strategy for trial in believed}
        behind = {n: prospect for n, prospect in self.beliefs.behind.items() if n not in proven}
        kept, more = self._believed(passing, off, behind)
        return kept, (*said, *more)

    def factors(self, trials: Sequence[Trial]) -> NDArray[np.float64]:
        """Tell what the losses of trials are multiplied by, since evidence puts their strategies ahead.

        The evidence says how a strategy with the pool compares with its family without it, so it is weighed with that
        comparison alone: of how the family does beside others the folds are the judge.

        Parameters
        ----------
        trials : sequence of Trial
            Best first.

        Returns
        -------
        ndarray of shape (n_trials,)
            One where nothing is known, or the family has no trial without the pool.
        """
        factors = np.ones(len(trials))
        for i, trial in enumerate(trials):
            prospect = self.beliefs.ahead.get(trial.strategy)
            reference = None if prospect is None else _without_pool(trial, trials)
            if prospect is None or reference is None:
                continue
            measured, error = self._log_ratio(trial, reference)
            if np.isfinite(measured):  # samples of one class alone have no score
                posterior, _ = prospect.updated(measured, error)
                factors[i] = np.exp(posterior - measured)
        return factors

    def _off(self, trial: Trial) -> str:
        """Say which gated parameters of a trial are off the value that needs no proof; empty where none is."""
        usual = self.beliefs.gated.get(trial.strategy, {})
        off = [n for n, value in usual.items() if n in trial.params and trial.params[n] != value]
        told = " and ".join(f"{name}={trial.params[name]}" for name in sorted(off))
        return f"{trial.strategy} with {told}" if off else ""

    def _believed(
        self, trials: list[Trial], doubts: Mapping[int, str], behind: Mapping[str, Prospect]
    ) -> tuple[list[Trial], tuple[str, ...]]:
        """Leave out the doubted that do not clearly beat the best of the others; all stay where all are doubted."""
        others = [trial for trial in trials if trial.number not in doubts]
        if not others:
            return trials, ()
        best = others[0]
        kept, lucky = [], set()
        for i, trial in enumerate(trials):
            prospect = behind.get(trial.strategy)
            if trial.number not in doubts or self._beats(trial, best, prospect):
                kept.append(trial)
            elif i < trials.index(best):
                lucky.add(doubts[trial.number])
        lucky -= {doubts[trial.number] for trial in kept if trial.number in doubts}
        if not lucky:
            return kept, ()
        them, left = ("it", "it is") if len(lucky) == 1 else ("them", "they are")
        return kept, (
            f"{', '.join(sorted(lucky))} did better on these folds than {best.strategy}, but not beyond chance, and no "
            f"evidence puts {them} ahead on such data: {left} left out",
        )

    def _beats(self, trial: Trial, best: Trial, prospect: Prospect | None) -> bool:
        """Whether a trial wins beyond chance, and beyond what evidence says against its strategy."""
        own, other = self.answers[trial.number], self.answers[best.number]
        _, low, _ = paired_difference(
            self.y, own, other, self.criterion, self.weights[1:], BELIEVED_LEVEL
        )
        if not low > 0 or prospect is None:
            return low > 0
        middle, spread = prospect.updated(*self._log_ratio(trial, best))
        return middle + BELIEVED_DEVIATIONS * spread < 0

    def _log_ratio(self, trial: Trial, reference: Trial) -> tuple[float, float]:
        """Logarithm of the ratio of two trials' losses, and how far it may be from that on other rows."""
        ratios = self._log_losses(trial) - self._log_losses(reference)
        return float(ratios[0]), FOLDS_DOUBT * float(np.nanstd(ratios[1:]))

    def _log_losses(self, trial: Trial) -> NDArray[np.float64]:
        """Logarithms of the loss on all rows, then on every bootstrap sample; computed once."""
        if trial.number not in self._known:
            scores = self.criterion.score(self.y, self.answers[trial.number], self.weights)
            losses = [self.criterion.error(float(score)) for score in scores]
            self._known[trial.number] = np.log(np.maximum(losses, SMALLEST_LOSS))
        return self._known[trial.number]


def _without_pool(trial: Trial, trials: Sequence[Trial]) -> Trial | None:
    """Find the best trial, of trials best first, of the same family that does not use the pool."""
    family = STRATEGIES[trial.strategy].card.family
    for other in trials:
        card = STRATEGIES[other.strategy].card
        if card.family == family and not card.pool:
            return other
    return None
