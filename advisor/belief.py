"""Plan → what is believed of its strategies before cross-validation speaks, and how much that weighs beside it.

Two ways. What costs much or can harm has to prove itself: networks, augmentation, strategies that use the pool, where
no evidence puts them ahead (:data:`advisor.gate.BELIEVED_LEVEL`). And where evidence does put a strategy that uses
the pool ahead of the same strategy without it, that weighs as much as its own uncertainty allows: on thirty labels two
heads have the same accuracy in cross-validation, and differ in how sure they are, while the pool halves the error on
the test split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from advisor.parameter import Categorical, ParamValue
from advisor.ranking import combine_effects
from advisor.report import StrategyReport
from advisor.strategy import STRATEGIES, Card

RANGE_IN_SPREADS = 3.0
"""Standard deviations that the range of an evidence row spans; our choice: a range of ten draws has three."""

LEAST_SPREAD = 0.2
"""Standard deviation of the logarithm of an error that evidence is believed to have at least; our choice: figures of
other data do not say to less than a fifth what will happen on this."""

DISPROVED = 2.0
"""Standard deviations by which cross-validation says the opposite of the evidence, from which that no longer counts:
the usual bound of what chance does."""

Gates = Mapping[str, Mapping[str, ParamValue]]
"""Per strategy its gated parameters, each with the value that needs no proof."""


@dataclass(frozen=True)
class Prospect:
    """How the error of a strategy with the pool is expected to compare with that without it.

    Attributes
    ----------
    log_ratio : float
        Logarithm of the ratio of the errors, below zero.
    spread : float
        Its standard deviation.
    """

    log_ratio: float
    spread: float

    def updated(self, measured: float, error: float) -> tuple[float, float]:
        """Weigh what was measured with what was expected, each by its precision; the latter not where it is disproved.

        Parameters
        ----------
        measured : float
            Logarithm of the ratio of the errors in cross-validation.
        error : float
            Its standard deviation.

        Returns
        -------
        tuple of float
            Mean and standard deviation of the posterior of the logarithm (both normal); what was measured, where that
            is on the other side of zero than expected by more than ``DISPROVED`` standard deviations.

        Examples
        --------
        >>> middle, spread = Prospect(log_ratio=-0.4, spread=0.2).updated(measured=0.0, error=0.2)
        >>> round(middle, 3), round(spread, 3)
        (-0.2, 0.141)
        """
        error = max(error, 1e-6)
        if measured * self.log_ratio < 0 and abs(measured) > DISPROVED * error:
            return measured, error
        known, seen = self.spread**-2, error**-2
        whole = known + seen
        return (known * self.log_ratio + seen * measured) / whole, whole**-0.5


@dataclass(frozen=True)
class Beliefs:
    """What is believed of the strategies of a plan.

    Attributes
    ----------
    doubted : frozenset of str
        Strategies that have to win beyond chance to be chosen.
    gated : mapping of str to mapping of str to value
        Per strategy the parameters of which another value than the one given has to win in the same way.
    ahead, behind : mapping of str to Prospect
        Strategies with the pool that the evidence puts ahead of the same without it, and those that it puts behind or
        says nothing of.
    """

    doubted: frozenset[str] = frozenset()
    gated: Gates = field(default_factory=dict)
    ahead: Mapping[str, Prospect] = field(default_factory=dict)
    behind: Mapping[str, Prospect] = field(default_factory=dict)


def beliefs_of(report: StrategyReport) -> Beliefs:
    """Read a plan's evidence.

    Parameters
    ----------
    report : StrategyReport
        The plan: its findings bring effects, its recommendations strategies and their spaces.

    Returns
    -------
    Beliefs
    """
    cards = {strategy.card.name: strategy.card for strategy in STRATEGIES.values()}
    effects = [effect for finding in report.findings for effect in finding.effects]
    doubted: set[str] = set()
    ahead, behind = {}, {}
    for r in report.recommendations:
        card = cards.get(r.strategy)
        if card is None or not has_to_prove(card):
            continue
        if combine_effects([e for e in effects if e.family in (r.family, r.strategy)])[0] >= 0:
            doubted.add(r.strategy)
        ratio, below, above = combine_effects([e for e in effects if e.family == r.strategy])
        prospect = Prospect(ratio, max((below + above) / RANGE_IN_SPREADS, LEAST_SPREAD))
        if card.pool and ratio < 0 and r.strategy not in doubted:
            ahead[r.strategy] = prospect
        elif card.pool and ratio >= 0:
            behind[r.strategy] = prospect
    gated = {
        r.strategy: {
            name: param.default
            for name, param in r.space.params.items()
            if isinstance(param, Categorical) and param.gated
        }
        for r in report.recommendations
    }
    return Beliefs(frozenset(doubted), gated, ahead, behind)


def has_to_prove(card: Card) -> bool:
    """Say whether a strategy needs evidence, or else a win beyond chance: it costs much, or harms some data.

    Parameters
    ----------
    card : Card
        Of the strategy.

    Returns
    -------
    bool
    """
    return card.clock == "net" or card.augments or card.pool
