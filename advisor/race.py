"""Which strategy gets the next trial, and which is out of the race.

Everything here is decided by trial counts, losses and the cost formulas of the cards, never by the clock, so that
two runs with one seed try the same configurations in the same order; the clock only decides how far they get. There is
one exception, and it is marked as what it is: where a network's default would not end, its first trial takes as many
steps as the time that is left allows (:meth:`Race.shortened`), and two runs may then differ in that number.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advisor.evaluation import bootstrap_counts, paired_difference
from advisor.metrics import Metric
from advisor.parameter import Int, ParamValue
from advisor.sampling import compared_rows
from advisor.space import SearchSpace
from advisor.trials import StopEarly, Trial
from advisor.workspace import Workspace

RACE_AFTER = 2
"""Complete trials before a strategy may be dropped: its default and one known-good point (our choice)."""

BEHIND_MARGIN = 0.02
"""A strategy or a configuration is dropped when it is behind with 95 % confidence and by at least this part of
the leader's loss: what is nearly as good still serves an ensemble (our choice)."""

FIRST_SHARE, NEXT_SHARE = 0.25, 0.4
"""Parts of the remaining time that a strategy's first trial, and any later one, may take (our choice): one slow
model must not eat the budget."""

FIRST_MOST, FIRST_SLACK = 0.5, 2.0
"""A first trial that its card says needs more than its share gets this many times what it needs, up to that part of the
remaining time (our choice): many short folds must not each be cut off at a second."""

NET_SHARE = 0.85
"""Part of the remaining time that the first trial of a network may take, which is not begun if it is expected to need
more (our choice: a network cut short says little of what it can do, what was cheap has been tried before, and a network
that is clearly behind after the first folds is stopped there)."""

SHORTENED_SHARE = 0.7
"""Part of the remaining time that a first trial with fewer steps is expected to take (our choice: less than what it is
given, since estimates are rough, and a training that is cut short has not come down to small steps)."""

STEPS = "steps"
"""The parameter that says how long a network trains; a strategy without it is not shortened."""

SHORTENED = "shortened"
"""Origin of a trial that is a default with fewer steps."""

HOPELESS = 4.0
"""A trial expected to take more than this many times its share is not begun (our choice; cost formulas are
rough, and iterative learners keep what they have at the deadline)."""

LONGER = 1.5
"""A later trial may take this many times the median of its strategy's earlier ones (our choice)."""

TIMED_SECONDS, MOST_APART = 1.0, 5.0
"""Trials of fewer seconds by the card say nothing of a machine's speed, and no machine is believed to be more than
this many times faster or slower than the cards say (our choice)."""

LEAST_SECONDS = 1.0
"""No trial is given less, while there is that much."""

RACE_BOOTSTRAPS = 200
"""Bootstrap samples for comparisons within the race: enough for a 95 % bound to two digits."""


@dataclass
class Arm:
    """One strategy in the race.

    Attributes
    ----------
    space : SearchSpace
        What it may try; its name is the strategy's.
    cost : float
        Seconds of its default on all folds by the card's formula; the race's currency.
    cost_of : callable or None
        The same of any parameter values; without it no trial is shortened.
    spent : float
        ``cost`` times the trials it had.
    best, best_predictions, best_single : Trial, ndarray of shape (n_rows, n_outputs), the same, or None
        Its best complete trial; averaged over repeats, and of the first repeat alone.
    cap : int
        Trials it may have.
    n_fits : int
        Models of one configuration, over all folds and repeats.
    is_net : bool
        Whether its fits train a network (see :attr:`advisor.strategy.Card.clock`).
    afterwards : float
        Seconds that scoring the test split takes if it is part of the final predictor; kept back for it.
    alive : bool
        Still in the race.
    """

    space: SearchSpace
    cost: float
    cap: int = 1_000
    n_fits: int = 1
    is_net: bool = False
    afterwards: float = 0.0
    cost_of: Callable[[Mapping[str, ParamValue]], float] | None = None
    spent: float = 0.0
    trials: list[Trial] = field(default_factory=list)
    best: Trial | None = None
    best_predictions: NDArray[np.float64] | None = None
    best_single: NDArray[np.float64] | None = None
    alive: bool = True

    @property
    def strategy(self) -> str:
        """Its name."""
        return self.space.strategy

    @property
    def loss(self) -> float:
        """Of its best trial; infinite before there is one."""
        return float("inf") if self.best is None or self.best.loss is None else self.best.loss

    def complete(self) -> int:
        """How many of its trials ended with predictions for all rows."""
        return sum(t.state == "complete" for t in self.trials)

    def measured_seconds(self) -> float:
        """Median over its complete trials of the seconds that all folds took together, one after the other."""
        return statistics.median(
            t.fit_seconds * self.longer(t) for t in self.trials if t.state == "complete"
        )

    def longer(self, trial: Trial) -> float:
        """Tell the seconds of the default over those of a trial of its own: 1, but for one that was shortened."""
        if trial.origin != SHORTENED or self.cost_of is None:
            return 1.0
        return self.cost / self.cost_of(trial.params)

    def open(self) -> bool:
        """In the race, and with something left to try: a strategy without parameters is tried once."""
        cap = self.cap if self.space.params else 1
        return self.alive and len(self.trials) < cap

    def admit(
        self,
        trial: Trial,
        predictions: NDArray[np.float64] | None,
        single: NDArray[np.float64] | None = None,
    ) -> None:
        """Take over a trial that has ended; without ``single`` there is one repeat."""
        self.trials.append(trial)
        self.spent += self.cost
        if trial.state == "complete" and trial.loss is not None and trial.loss < self.loss:
            self.best, self.best_predictions = trial, predictions
            self.best_single = predictions if single is None else single
        elif self.complete() == 0 and len(self.trials) >= RACE_AFTER:
            self.alive = False  # nothing of it ever ended


def fewer_steps(
    space: SearchSpace, cost_of: Callable[[Mapping[str, ParamValue]], float], most: float
) -> dict[str, ParamValue] | None:
    """Lower the steps of a default until its cost fits.

    Parameters
    ----------
    space : SearchSpace
        Of which ``steps`` may be a parameter; its lower bound holds.
    cost_of : callable
        Seconds of parameter values, rising with the steps.
    most : float
        What the seconds may be.

    Returns
    -------
    dict or None
        The default with the most steps that fit, fewer than its own; ``None`` where there is none.
    """
    param, values = space.params.get(STEPS), space.defaults()
    if not isinstance(param, Int):
        return None
    low, high = param.low, param.default - 1
    if low > high or cost_of({**values, STEPS: low}) > most:
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if cost_of({**values, STEPS: middle}) <= most:
            low = middle
        else:
            high = middle - 1
    return {**values, STEPS: low}


class Race:
    """The arms of one search, and the two decisions about them.

    Parameters
    ----------
    arms : sequence of Arm
        The strategies that take part.
    workspace : Workspace
        Targets and blocks, for paired comparisons.
    criterion : Metric
        What is compared.
    jobs : int
        Workers that the folds of a trial are spread over.

    Attributes
    ----------
    rows : ndarray of int of shape (n,)
        Those that strategies are compared on: :func:`advisor.sampling.compared_rows`.
    """

    def __init__(
        self, arms: Sequence[Arm], workspace: Workspace, criterion: Metric, jobs: int
    ) -> None:
        self.arms = list(arms)
        self.workspace, self.criterion, self.jobs = workspace, criterion, jobs
        self.rows = compared_rows(workspace.y)
        self._counts = self._bootstrap(self.rows)

    @property
    def leader(self) -> Arm:
        """The arm with the least loss."""
        return min(self.arms, key=lambda arm: (arm.loss, arm.strategy))

    @property
    def over(self) -> bool:
        """Whether no arm has anything left to try."""
        return not any(arm.open() for arm in self.arms)

    @property
    def counts(self) -> NDArray[np.uint16]:
        """The bootstrap samples of ``rows``, which comparisons are made on."""
        return self._counts

    def next_arm(self, left: float | None) -> Arm | None:
        """Choose: the cheapest untried strategy first, then the survivor with the least of its share spent.

        Shares fall with rank (1, 1/2, 1/3 ...): most to the leader, something to all who are not behind. Networks that
        would have to be shortened come after all that need not, in the order of the plan: there is time for one.

        Parameters
        ----------
        left : float or None
            Seconds left.

        Returns
        -------
        Arm or None
            ``None`` when no trial could end in time or nothing is left to try.
        """
        able = [arm for arm in self.arms if arm.open() and self._fits(arm, left)]
        untried = [arm for arm in able if not arm.trials]
        whole = [arm for arm in untried if self.shortened(arm, left) is None]
        if whole:
            return min(whole, key=lambda arm: (arm.cost, arm.strategy))
        if untried:
            return untried[0]
        ranked = sorted(able, key=lambda arm: (arm.loss, arm.strategy))
        shares = [(arm.spent * (rank + 1), rank) for rank, arm in enumerate(ranked)]
        return ranked[min(shares)[1]] if shares else None

    def allowance(self, arm: Arm, left: float | None) -> float | None:
        """Seconds that the next trial of an arm may take; ``None`` for no limit."""
        if left is None:
            return None
        if not arm.complete():
            free, least = left - arm.afterwards, min(left, LEAST_SECONDS)
            if arm.is_net:
                return max(NET_SHARE * free, least)
            needed = min(FIRST_SLACK * self.expected_seconds(arm), FIRST_MOST * free)
            return max(FIRST_SHARE * free, needed, least)
        usual = LONGER * self.expected_seconds(arm)
        return max(NEXT_SHARE * left, min(left, max(usual, LEAST_SECONDS)))

    def shortened(self, arm: Arm, left: float | None) -> dict[str, ParamValue] | None:
        """Find the default of a network with as many steps as end in time, where all of them would not.

        Parameters
        ----------
        arm : Arm
            A strategy that has not been tried.
        left : float or None
            Seconds left.

        Returns
        -------
        dict or None
            Parameter values; ``None`` where the default can end, or not even the fewest steps of the space can.
        """
        if left is None or arm.cost_of is None or not arm.is_net or arm.trials:
            return None
        expected, left = self.expected_seconds(arm), left - arm.afterwards
        if expected <= NET_SHARE * left:
            return None
        most = SHORTENED_SHARE * left * arm.cost / expected
        return fewer_steps(arm.space, arm.cost_of, most)

    def expected_seconds(self, arm: Arm) -> float:
        """Seconds of a trial: from its own ones, else from its card scaled by how the others' cards held here.

        Of a network whose trials were shortened it is that of the default.
        """
        measured = [t.seconds * arm.longer(t) for t in arm.trials if t.state == "complete"]
        if measured:
            return statistics.median(measured)
        # Cards speak of one core; the folds are spread over the workers. How fast this machine is shows in
        # fits long enough to be more than start-up: those of networks, if there are any, tell of networks.
        timed = [other for other in self.arms if other.complete() and other.cost >= TIMED_SECONDS]
        alike = [other for other in timed if other.is_net == arm.is_net] or timed
        ratios = [other.measured_seconds() / other.cost for other in alike]
        speed = min(max(statistics.median(ratios), 1 / MOST_APART), MOST_APART) if ratios else 1.0
        return arm.cost * speed / self.jobs

    def notes(self) -> tuple[str, ...]:
        """Say which strategies were tried with fewer steps and never with all of theirs."""
        said = []
        for arm in self.arms:
            done = {t.origin: t for t in arm.trials if t.state == "complete"}
            if SHORTENED in done and "default" not in done:
                steps, usual = done[SHORTENED].params[STEPS], arm.space.defaults()[STEPS]
                said.append(
                    f"{arm.strategy} was tried with {steps} steps and not with the {usual} of its default, which would "
                    "not have ended in time: pass a longer --time-limit to try them"
                )
        return tuple(said)

    def judge(self) -> None:
        """Drop the strategies that are clearly behind the leader."""
        leader, y = self.leader, self.workspace.y[self.rows]
        for arm in self.arms:
            if arm is leader or not arm.alive or arm.complete() < RACE_AFTER:
                continue
            lead, own = leader.best_predictions, arm.best_predictions
            if leader.n_fits != arm.n_fits:
                lead, own = leader.best_single, arm.best_single  # one model a row with one model
            if lead is None or own is None:
                continue
            arm.alive = not self._behind(y, lead[self.rows], own[self.rows], self._counts)

    def stop_early(self, arm: Arm) -> StopEarly | None:
        """Compare the first folds of a configuration with those of its own strategy's best.

        One model a row with one model a row: an average over repeats would be ahead of the very same configuration.
        The first trial of a network is compared with the leader: all its folds would take minutes.
        """
        best = arm.best_single
        if arm.best is None and arm.is_net:
            best = self.leader.best_single
        if best is None:
            return None

        def behind(rows: NDArray[np.int64], predictions: NDArray[np.float64]) -> bool:
            some = compared_rows(self.workspace.y[rows])
            counts = self._bootstrap(rows[some])
            y = self.workspace.y[rows[some]]
            return self._behind(y, best[rows[some]], predictions[some], counts)

        return behind

    def _fits(self, arm: Arm, left: float | None) -> bool:
        """Whether a trial of this strategy can end in time."""
        if left is None:
            return True
        expected = self.expected_seconds(arm)
        if arm.complete():
            return expected <= left
        if arm.is_net:
            whole = expected <= NET_SHARE * (left - arm.afterwards)
            return whole or self.shortened(arm, left) is not None
        return left > 0 and expected <= HOPELESS * FIRST_SHARE * left

    def _bootstrap(self, rows: NDArray[np.int64]) -> NDArray[np.uint16]:
        blocks = None if self.workspace.blocks is None else self.workspace.blocks[rows]
        y = self.workspace.y[rows]
        return bootstrap_counts(y, blocks, RACE_BOOTSTRAPS, self.workspace.problem.seed)

    def _behind(
        self,
        y: NDArray[np.generic],
        leader: NDArray[np.float64],
        other: NDArray[np.float64],
        counts: NDArray[np.uint16],
    ) -> bool:
        """Whether ``other`` loses on the same rows beyond doubt and beyond the margin."""
        lead, low, _ = paired_difference(y, leader, other, self.criterion, counts)
        loss = float(self.criterion.error(float(self.criterion.score(y, leader)[0])))
        return low > 0 and lead > BEHIND_MARGIN * loss
