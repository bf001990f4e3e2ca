"""Dataset → Probe: cheap strategies really cross-validated here, within seconds.

A table of evidence says what was true of other people's data; the probe says what is true of this. Default
configurations of the strategies whose card says ``cheap`` are fitted on the same folds, cheapest first, until
the seconds are spent. The strategies that were not measured are estimated *from* the measured ones (see
:mod:`advisor.ranking`), and their seconds from the measured speed of this machine.

Why not all strategies on one split: a single split of a few hundred rows cannot tell strategies apart, and the
first thing to learn about a small dataset is how wide its intervals are.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Dataset, Modality
from advisor.evaluation import Counts, Score, bootstrap_counts, score_interval
from advisor.executor import Executor, ThisProcess, make_executor
from advisor.measurement import CurvePoint, Measurement, Probe
from advisor.metrics import Metric, get_metric
from advisor.parameter import ParamValue, ProfileField
from advisor.profile import DatasetProfile
from advisor.regime import Regime
from advisor.sampling import compared_rows, item_cap, sample_rows
from advisor.space import load_space
from advisor.splits import SplitPlan
from advisor.strategy import STRATEGIES, Card, Strategy
from advisor.trials import CrossValidation, cross_validate, judged
from advisor.workspace import Workspace

ROW_CAP = 5_000
"""Rows the probe looks at (our choice: five folds of the cheap strategies on 5,000 x 30 end within the default
20 s on two cores, and intervals are narrower than the differences by then)."""

BOOTSTRAPS = 400
"""Resamples behind an interval of the probe (our choice: the 2.5 % point then rests on ten resamples)."""

LEVEL = 0.95
"""Level of the intervals."""

CURVE_FRACTIONS = (0.5, 0.25)
"""Parts of the training rows of the learning curve, most informative first (our choice)."""

CURVE_SHARE = 0.2
"""Part of the seconds kept back for the learning curve (our choice: it refits the cheapest good strategy
on fewer rows, which costs less than measuring one more strategy)."""

GRACE_SECONDS, GRACE_SHARE = 2.0, 1.3
"""What an executor may grant a fit beyond its deadline (see :mod:`advisor.executor`): taken off beforehand, so
that the seconds hold also for a fit that ignores its deadline."""

MIN_USEFUL_SECONDS = 0.5
"""Below this many seconds no further strategy is begun (our choice: it could not end)."""

MIN_TIMED_SECONDS = 0.05
"""A fit that should be shorter than this says more about imports than about speed, and is not used to rescale
costs (our choice)."""

SLOWEST, FASTEST = 4.0, 0.25
"""Bounds of the measured over the predicted seconds of a fit: machines in use differ by less (our choice)."""


def run_probe(  # noqa: PLR0913 (the whole of what judging here depends on)
    dataset: Dataset,
    profile: DatasetProfile,
    regime: Regime,
    splits: SplitPlan,
    metric: str,
    *,
    seconds: float,
    jobs: int | None = None,
    seed: int = 0,
) -> Probe:
    """Cross-validate cheap strategies with their default parameters.

    Parameters
    ----------
    dataset : Dataset
        Its labelled rows; of more than ``ROW_CAP``, or more items than :func:`advisor.sampling.item_cap`
        allows, a stratified sample is taken and said.
    profile, regime : DatasetProfile, Regime
        What the defaults depend on.
    splits : SplitPlan
        Its folds are used, without repeats.
    metric : str
        The user's metric.
    seconds : float
        Wall clock for everything, the start of the workers included.
    jobs : int or None
        Worker processes; ``None`` for one per core, 0 for this process.
    seed : int
        Seed of the sample, the folds and the fits.

    Returns
    -------
    Probe
        Only strategies whose every fold ended, uncut, count as measured.
    """
    start = time.monotonic()
    cap = ROW_CAP if dataset.modality is Modality.TABULAR else item_cap(profile)
    rows = sample_rows(dataset, cap, seed)
    sampled = len(rows) < dataset.n_labelled
    subset = dataset.take(rows) if sampled else dataset
    once = splits.model_copy(update={"repeats": 1})
    with (
        make_executor(jobs) as executor,  # first: the workers import while the folds are written
        tempfile.TemporaryDirectory(prefix="advisor-probe-") as folder,
    ):
        workspace = Workspace.create(Path(folder), subset, once, metric, seed)
        session = _Session(executor, workspace, profile, regime, get_metric(metric, dataset.task))
        session.seed, session.ends = seed, start + seconds
        session.measure_all(reserve=seconds * CURVE_SHARE)
        curve_strategy, curve = session.learning_curve()
        measured, dummy = session.measurements()
        notes: tuple[str, ...] = ()
        if sampled:
            notes = (
                f"The probe looked at {len(rows):,} of {dataset.n_labelled:,} labelled {profile.items}"
                " (a stratified sample).",
            )
        return Probe(
            n_rows=len(rows),
            n_labelled=dataset.n_labelled,
            folds=len(workspace.folds),
            metric=metric,
            measured=measured,
            dummy=dummy,
            curve_strategy=curve_strategy,
            curve=curve,
            speed=session.speed(),
            net_speed=session.net_speed(),
            jobs=executor.jobs,
            seconds=time.monotonic() - start,
            unfinished=session.unfinished,
            notes=notes,
        )


def probe_of(
    workspace: Workspace,
    profile: DatasetProfile,
    regime: Regime,
    done: Sequence[CrossValidation],
    jobs: int,
    seconds: float,
) -> Probe:
    """Turn default configurations that a search has cross-validated into what a probe would say of them.

    Parameters
    ----------
    workspace : Workspace
        The search's; all its folds count.
    profile, regime : DatasetProfile, Regime
        What the defaults depend on.
    done : sequence of CrossValidation
        With predictions; at most one per strategy.
    jobs : int
        Worker processes of the search.
    seconds : float
        Wall clock that they took.

    Returns
    -------
    Probe
        Without a learning curve.
    """
    metric = get_metric(workspace.problem.metric, workspace.problem.task)
    session = _Session(ThisProcess(), workspace, profile, regime, metric)
    session.done = {outcome.strategy: outcome for outcome in done}
    measured, dummy = session.measurements()
    return Probe(
        n_rows=len(workspace.y),
        n_labelled=profile.n_labelled,
        folds=workspace.problem.splits.folds,
        metric=metric.name,
        measured=measured,
        dummy=dummy,
        speed=session.speed(),
        jobs=jobs,
        seconds=seconds,
    )


def counts_of(profile: DatasetProfile) -> dict[str, ProfileField]:
    """List the plain numbers and the lists of names of a profile: what a search space may refer to."""
    more = {"further_backbones": getattr(profile, "further_backbones", ())}
    return {
        name: value
        for name, value in (profile.model_dump() | more).items()
        if isinstance(value, int | float | tuple) and not isinstance(value, bool)
    }


@dataclass
class _Session:
    """One probe under way."""

    executor: Executor
    workspace: Workspace
    profile: DatasetProfile
    regime: Regime
    metric: Metric
    seed: int = 0
    ends: float = 0.0
    done: dict[str, CrossValidation] = field(default_factory=dict)
    points: dict[float, CrossValidation] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)

    def left(self, reserve: float = 0.0) -> float:
        """Seconds that a cross-validation may be given now, such that overtime stays inside."""
        wall = self.ends - time.monotonic() - reserve - GRACE_SECONDS
        rounds = -(-len(self.workspace.folds) // self.executor.jobs)
        return wall / (1 + (GRACE_SHARE - 1) / rounds)

    def measure_all(self, reserve: float) -> None:
        """Measure the dummy first, then the cheap strategies in the order of their cost."""
        cheap = [s for s in STRATEGIES.values() if self._suits(s)]
        for strategy in sorted(cheap, key=lambda s: (not s.card.is_dummy, self.predicted(s))):
            name = strategy.card.name
            if missing := strategy.missing():
                self.unfinished[name] = missing
                continue
            seconds = self.left(0.0 if not self.done else reserve)
            expected = self.predicted(strategy) * (self.speed() or 1.0) * self._rounds()
            if seconds < MIN_USEFUL_SECONDS or expected > seconds:
                self.unfinished[name] = (
                    f"about {expected:.0f} s expected, {max(0.0, seconds):.0f} s were left"
                )
                continue
            self._measure(strategy, seconds)

    def learning_curve(self) -> tuple[str, tuple[CurvePoint, ...]]:
        """Refit the best measured strategy on parts of the training rows."""
        measured, _ = self.measurements()
        if not measured:
            return "", ()
        # The best one whose curve fits into what is left: a slow winner would cost the curve.
        for best in measured:
            cost = self.done[best.strategy].seconds * sum(CURVE_FRACTIONS)
            if cost < self.left():
                break
        else:
            return "", ()
        for fraction in CURVE_FRACTIONS:
            seconds = self.left()
            if seconds < MIN_USEFUL_SECONDS or not self.workspace.can_be_cut(fraction):
                break
            outcome = self._cross_validate(STRATEGIES[best.strategy], seconds, fraction)
            if outcome.predictions is None or outcome.truncated:
                break
            self.points[fraction] = outcome
        return best.strategy, self._curve(best)

    def measurements(self) -> tuple[tuple[Measurement, ...], Score | None]:
        """Scores of all that is done, best first, and the dummy's."""
        resampled = {name: self._resampled(cv) for name, cv in self.done.items()}
        scores = {name: self._score(cv) for name, cv in self.done.items()}
        names = [name for name in self.done if not STRATEGIES[name].card.is_dummy]
        errors = {name: float(self.metric.error(scores[name].value)) for name in self.done}
        names.sort(key=lambda name: (errors[name], self.done[name].fit_seconds, name))
        rows = [
            Measurement(
                strategy=name,
                score=scores[name],
                error=errors[name],
                fit_seconds=self.done[name].fit_seconds / self.workspace.n_folds(name),
                beats_best=float(np.mean(resampled[names[0]] - resampled[name] > 0)),
            )
            for name in names
        ]
        dummies = [score for name, score in scores.items() if STRATEGIES[name].card.is_dummy]
        return tuple(rows), dummies[-1] if dummies else None

    def speed(self) -> float | None:
        """Median of measured over predicted seconds of the fits that were long enough to tell."""
        ratios = [
            (cv.fit_seconds / self.workspace.n_folds(name)) / predicted
            for name, cv in self.done.items()
            if STRATEGIES[name].card.clock == "general"
            and (predicted := self.predicted(STRATEGIES[name])) >= MIN_TIMED_SECONDS
        ]
        return float(np.clip(np.median(ratios), FASTEST, SLOWEST)) if ratios else None

    def predicted(self, strategy: Strategy) -> float:
        """Seconds of one fit on the probe's rows, by the strategy's own formula."""
        n_train = min(len(fold.train) for fold in self.workspace.folds)
        return strategy.problem_cost(
            self.workspace.problem.task,
            n_train,
            max(1, len(self.workspace.columns)),
            self.workspace.problem.n_outputs,
            self._defaults(strategy),
        )

    def net_speed(self) -> float | None:
        """Measured over predicted seconds of training a network, where a strategy that does can tell."""
        for strategy in STRATEGIES.values():
            card = strategy.card
            if card.clock == "net" and self._does(card) and not strategy.missing():
                params = self._defaults(strategy)
                measured = None if strategy.unfit(params) else strategy.measure_speed(params)
                if measured is not None:
                    return float(np.clip(measured, FASTEST, SLOWEST))
        return None

    def _does(self, card: Card) -> bool:
        return (
            self.profile.modality in card.modalities and self.workspace.problem.task in card.tasks
        )

    def _rounds(self) -> int:
        return -(-len(self.workspace.folds) // self.executor.jobs)

    def _suits(self, strategy: Strategy) -> bool:
        card, limits = strategy.card, strategy.card.requires
        problem = self.workspace.problem
        return (
            (card.cheap or card.is_dummy)
            and self._does(card)
            and len(self.workspace.y) <= (limits.max_rows or np.inf)
            and len(self.workspace.columns) <= (limits.max_features or np.inf)
            and problem.n_outputs <= (limits.max_classes or np.inf)
        )

    def _defaults(self, strategy: Strategy) -> dict[str, ParamValue]:
        problem = self.workspace.problem
        counts = {**counts_of(self.profile), "n_labelled": len(self.workspace.y)}
        space = load_space(strategy.card.name, self.regime.name, counts, problem.task)
        return space.defaults()

    def _cross_validate(
        self, strategy: Strategy, seconds: float, train_fraction: float = 1.0
    ) -> CrossValidation:
        return cross_validate(
            self.executor,
            self.workspace,
            strategy.card.name,
            self._defaults(strategy),
            seed=self.seed,
            seconds=seconds,
            train_fraction=train_fraction,
        )

    def _measure(self, strategy: Strategy, seconds: float) -> None:
        outcome = self._cross_validate(strategy, seconds)
        if outcome.predictions is None:
            self.unfinished[strategy.card.name] = outcome.error or "no predictions"
        elif outcome.truncated:
            self.unfinished[strategy.card.name] = "a fit was cut short by the probe's seconds"
        else:
            self.done[strategy.card.name] = outcome

    @cached_property
    def _drawn(self) -> tuple[NDArray[np.int64], Counts]:
        rows, blocks = compared_rows(self.workspace.y), self.workspace.blocks
        blocks = None if blocks is None else blocks[rows]
        return rows, bootstrap_counts(self.workspace.y[rows], blocks, BOOTSTRAPS, self.seed)

    def _judged(self, outcome: CrossValidation) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
        """The truth of the rows that are compared, and what was said of them."""
        assert outcome.predictions is not None
        rows, _ = self._drawn
        y = self.workspace.y[rows]
        return y, judged(outcome.strategy, outcome.predictions[rows], y, self.metric)

    def _score(self, outcome: CrossValidation) -> Score:
        y, said = self._judged(outcome)
        return score_interval(y, said, self.metric, self._drawn[1], LEVEL)

    def _resampled(self, outcome: CrossValidation) -> NDArray[np.float64]:
        """Score every bootstrap resample, as errors; the resamples are the same for all, so differences pair."""
        y, said = self._judged(outcome)
        scores = self.metric.score(y, said, weights=self._drawn[1])
        return np.array([self.metric.error(float(score)) for score in scores])

    def _curve(self, best: Measurement) -> tuple[CurvePoint, ...]:
        n_train = round(float(np.mean([len(fold.train) for fold in self.workspace.folds])))
        full = self._resampled(self.done[best.strategy])
        points = [
            CurvePoint(n_train=n_train, score=best.score, error=best.error, better_than_all=0.0)
        ]
        for fraction, outcome in self.points.items():
            score = self._score(outcome)
            points.append(
                CurvePoint(
                    n_train=round(n_train * fraction),
                    score=score,
                    error=float(self.metric.error(score.value)),
                    better_than_all=float(np.mean(self._resampled(outcome) < full)),
                )
            )
        return tuple(sorted(points, key=lambda point: point.n_train)) if self.points else ()
