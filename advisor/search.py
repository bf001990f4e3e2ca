"""Plan → trials: strategies race for the budget, Optuna samples within each (the only door to Optuna).

Each strategy has its own study: defaults first, then known-good points, then TPE. The race (:mod:`advisor.race`)
says which strategy is next, and where a network's default would not end in time it begins with one of fewer steps.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from advisor.afterwards import Afterwards
from advisor.errors import NoStrategy
from advisor.evaluation import Score, score_interval
from advisor.executor import Executor
from advisor.interrupts import whole
from advisor.metrics import get_metric
from advisor.parameter import Categorical, Float, ParamValue
from advisor.race import SHORTENED, Arm, Race
from advisor.space import SearchSpace
from advisor.storage import mended_lines
from advisor.strategy import STRATEGIES
from advisor.trials import CrossValidation, Trial, TrialStore, contenders, cross_validate, judged
from advisor.workspace import Workspace

STARTUP_TRIALS = 8
"""Trials of a study before TPE models them; defaults and known-good points count."""

StopReason = Literal["time", "trials", "labels", "longer", "interrupted"]
"""What ended a search; ``labels``: every strategy had as many trials as so few labels allow; ``longer``: what was left
to try would have needed more time than there was."""

IDLE_SHARE = 0.1
"""Part of the time limit that is worth telling of when nothing could be begun in it (our choice)."""


@dataclass(frozen=True)
class Budget:
    """How long a search may go on; whichever ends first, and never beyond the cap by labels.

    Attributes
    ----------
    seconds : float or None
        Wall clock.
    trials : int or None
        Trials in total, those of a resumed run included.
    """

    seconds: float | None
    trials: int | None


@dataclass(frozen=True)
class SearchState:
    """What a progress view shows; ``seconds_left`` is ``None`` without a time limit."""

    phase: str
    strategy: str
    trials_done: int
    failed: int
    best_strategy: str
    best: Score | None
    metric: str
    seconds_used: float
    seconds_left: float | None
    survivors: tuple[str, ...]


Progress = Callable[[SearchState], None]


@dataclass(frozen=True)
class SearchResult:
    """How a search ended; the trials themselves are in the store."""

    reason: StopReason
    survivors: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Search:
    """The search over one workspace.

    Parameters
    ----------
    executor, workspace, store : Executor, Workspace, TrialStore
        Where trials run, on what, and where they are written.
    spaces : sequence of SearchSpace
        One per strategy that takes part.
    journal : Path
        Optuna's journal file; studies in it are continued.
    progress : callable or None
        Called with a :class:`SearchState` before and after every trial.
    afterwards : Afterwards or None
        What will have to happen within the same time limit; ``None`` for nothing.
    """

    def __init__(
        self,
        executor: Executor,
        workspace: Workspace,
        store: TrialStore,
        spaces: Sequence[SearchSpace],
        journal: Path,
        progress: Progress | None = None,
        afterwards: Afterwards | None = None,
    ) -> None:
        problem = workspace.problem
        self.executor, self.workspace, self.store = executor, workspace, store
        self.metric = get_metric(problem.metric, problem.task)
        self.criterion = get_metric(self.metric.criterion, problem.task)
        self.progress = progress
        self._start = time.monotonic()
        self._best: tuple[int, Score] | None = None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = JournalStorage(JournalFileBackend(str(mended_lines(journal))))
        with whole():
            self._studies = {space.strategy: self._study(space, storage) for space in spaces}
        self._ahead = {space.strategy: self._planned(space) for space in spaces}
        self.afterwards = afterwards or Afterwards(workspace)
        arms = [self._arm(space) for space in spaces]
        self.race = Race(arms, workspace, self.criterion, executor.jobs)
        for arm in arms:
            self._take_over(arm)

    def run(self, budget: Budget) -> SearchResult:
        """Try configurations until the budget is used up.

        Parameters
        ----------
        budget : Budget
            Seconds count from the making of this object.

        Returns
        -------
        SearchResult

        Raises
        ------
        NoStrategy
            If no trial ended well; names the first failure.
        KeyboardInterrupt
            If interrupted before a first trial was done.
        """
        reason: StopReason = "trials"
        try:
            while budget.trials is None or len(self.store.trials) < budget.trials:
                left = self._left(budget)
                arm = self.race.next_arm(left)
                if arm is None:
                    reason = "labels" if self.race.over else self._why_idle(budget, left)
                    break
                self._tell_progress(arm.strategy, left)
                self._try(arm, left)
                self.race.judge()
                self.store.keep_models({trial.number for trial in contenders(self.store)})
                self._tell_progress(arm.strategy, self._left(budget))
        except KeyboardInterrupt:
            if not self.store.complete():
                raise
            reason = "interrupted"
        if not self.store.complete():
            self._raise_first_failure()
        return SearchResult(reason, self._survivors(), self.race.notes())

    def state(self, left: float | None, strategy: str = "") -> SearchState:
        """Where the search stands, for a progress view."""
        best = self.store.complete()[:1]
        return SearchState(
            phase="search",
            strategy=strategy,
            trials_done=len(self.store.trials),
            failed=sum(t.state == "failed" for t in self.store.trials),
            best_strategy=best[0].strategy if best else "",
            best=self._best_score(),
            metric=self.metric.name,
            seconds_used=time.monotonic() - self._start,
            seconds_left=left,
            survivors=self._survivors(),
        )

    def _try(self, arm: Arm, left: float | None) -> None:
        """One trial of one strategy: ask, fit all folds, write down, tell."""
        study = self._studies[arm.strategy]
        with whole():
            self._enqueue(study, arm, left)
            asked = study.ask()
            params = arm.space.complete(_suggest(asked, arm.space))
        origin = asked.user_attrs.get("origin", "sampled")
        number = 1 + max((t.number for t in self.store.trials), default=-1)
        done = cross_validate(
            self.executor,
            self.workspace,
            arm.strategy,
            params,
            seed=self.workspace.problem.seed,
            seconds=self.race.allowance(arm, left),
            models=self.store.models(number),
            # The default always stays in the race, so it is never stopped half-way, unless it costs minutes.
            stop_early=self.race.stop_early(arm) if origin != "default" or arm.is_net else None,
        )
        trial = self._record(done, number, origin, asked.number)
        with whole():
            self.store.add(trial, done.predictions, done.single)
            _tell(study, asked, trial)
        arm.admit(trial, done.predictions, done.single)

    def _record(self, done: CrossValidation, number: int, origin: str, study_number: int) -> Trial:
        score = loss = None
        error = done.error
        if done.predictions is not None:
            y, rows = self.workspace.y, self.race.rows
            said = judged(done.strategy, done.predictions, y, self.metric, rows)
            score = float(self.metric.score(y, said)[0])
            loss = self.criterion.error(float(self.criterion.score(y, done.predictions)[0]))
            if not np.isfinite(loss):
                score = loss = None
                error = f"{self.criterion.name} of its predictions is not a number"
        state = "stopped" if done.stopped else "failed" if loss is None else "complete"
        return Trial(
            number=number,
            strategy=done.strategy,
            params=done.params,
            origin=origin,
            state=state,
            score=score if score is None or np.isfinite(score) else None,
            loss=loss,
            seconds=done.seconds,
            fit_seconds=done.fit_seconds,
            truncated=done.truncated,
            error=error,
            study_number=study_number,
        )

    def _survivors(self) -> tuple[str, ...]:
        return tuple(arm.strategy for arm in self.race.arms if arm.alive)

    def _best_score(self) -> Score | None:
        """The leader's score with its interval on the rows of the race, computed once per leader."""
        leader = self.race.leader
        if leader.best is None or leader.best_predictions is None:
            return None
        if self._best is None or self._best[0] != leader.best.number:
            rows, y = self.race.rows, self.workspace.y[self.race.rows]
            said = judged(leader.strategy, leader.best_predictions[rows], y, self.metric)
            score = score_interval(y, said, self.metric, self.race.counts)
            self._best = (leader.best.number, score)
        return self._best[1]

    def _left(self, budget: Budget) -> float | None:
        if budget.seconds is None:
            return None
        arms = [arm for arm in self.race.arms if arm.alive]
        best = [arm.best for arm in arms if arm.best is not None]
        kept = self.afterwards.seconds(best, {arm.strategy: arm.afterwards for arm in arms})
        return max(0.0, budget.seconds - kept - (time.monotonic() - self._start))

    def _tell_progress(self, strategy: str, left: float | None) -> None:
        if self.progress is not None:
            self.progress(self.state(left, strategy))

    def _raise_first_failure(self) -> None:
        failed = [t for t in self.store.trials if t.state == "failed"]
        if failed:
            raise NoStrategy(
                f"all {len(failed)} trials failed; the first was '{failed[0].strategy}': "
                f"{failed[0].error}"
            )
        raise NoStrategy(
            "the time limit was over before any trial ended; pass a longer --time-limit"
        )

    def _study(self, space: SearchSpace, storage: JournalStorage) -> optuna.Study:
        """Open or continue a strategy's study; after a kill, settle what it left unfinished."""
        done = {t.study_number: t for t in self.store.trials if t.strategy == space.strategy}
        with warnings.catch_warnings():
            # `group` (one model per combination of active parameters) is marked as experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=self.workspace.problem.seed + len(done),
                multivariate=True,
                group=True,
                n_startup_trials=STARTUP_TRIALS,
            )
        study = optuna.create_study(
            storage=storage, sampler=sampler, study_name=space.strategy, load_if_exists=True
        )
        for unfinished in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            _settle(study, unfinished, done.get(unfinished.number))
        return study

    def _take_over(self, arm: Arm) -> None:
        """Admit the trials that a resumed run already has."""
        for trial in self.store.trials:
            if trial.strategy == arm.strategy:
                whole = trial.state == "complete"
                said = self.store.predictions(trial.number) if whole else None
                arm.admit(trial, said, self.store.single(trial.number))

    def _planned(self, space: SearchSpace) -> list[dict[str, ParamValue]]:
        """The default and the known-good points, without those that a resumed run has tried."""
        tried = [t.params for t in self.store.trials if t.strategy == space.strategy]
        points = [space.defaults(), *(space.complete(start) for start in space.starts)]
        return [point for point in points if point not in tried]

    def _enqueue(self, study: optuna.Study, arm: Arm, left: float | None) -> None:
        """Say what is asked next, unless it is to be sampled: one at a time, since the race may put one in front."""
        if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return  # what a kill had left
        if shortened := self.race.shortened(arm, left):
            study.enqueue_trial(shortened, user_attrs={"origin": SHORTENED})
        elif ahead := self._ahead[arm.strategy]:
            point = ahead.pop(0)
            origin = "default" if point == arm.space.defaults() else "start"
            study.enqueue_trial(point, user_attrs={"origin": origin})

    def _arm(self, space: SearchSpace) -> Arm:
        def cost_of(params: Mapping[str, ParamValue]) -> float:
            return self._cost(space, params)

        card = STRATEGIES[space.strategy].card
        return Arm(
            space,
            cost=cost_of(space.defaults()),
            cap=card.most_trials(len(self.workspace.y)),
            n_fits=self.workspace.n_folds(space.strategy),
            is_net=card.clock == "net",
            afterwards=self.afterwards.predicting(space),
            cost_of=cost_of,
        )

    def _cost(self, space: SearchSpace, params: Mapping[str, ParamValue]) -> float:
        """Seconds on all folds, on one core."""
        cost = STRATEGIES[space.strategy].problem_cost(
            self.workspace.problem.task,
            len(self.workspace.folds[0].train),
            len(self.workspace.columns),
            self.workspace.problem.n_outputs,
            space.for_cost(params),
        )
        return cost * self.workspace.n_folds(space.strategy)

    def _why_idle(self, budget: Budget, left: float | None) -> StopReason:
        """Tell whether time is over, or there is some in which nothing that is left could end."""
        over = budget.seconds is None or left is None or left < IDLE_SHARE * budget.seconds
        return "time" if over else "longer"


def _suggest(asked: optuna.Trial, space: SearchSpace) -> dict[str, ParamValue]:
    """Draw every active parameter; what ``when`` refers to is drawn before what depends on it."""
    values: dict[str, ParamValue] = {}
    waiting = dict(space.params)
    while waiting:
        ready = [n for n, p in waiting.items() if all(other in values for other in p.when)]
        if not ready:  # what they wait for is itself inactive
            return values
        for name in ready:
            param = waiting.pop(name)
            if any(values[other] != wanted for other, wanted in param.when.items()):
                continue
            if isinstance(param, Categorical):
                values[name] = asked.suggest_categorical(name, list(param.drawn))
            elif isinstance(param, Float):
                values[name] = asked.suggest_float(name, param.low, param.high, log=param.log)
            else:
                values[name] = asked.suggest_int(name, param.low, param.high, log=param.log)
    return values


def _tell(study: optuna.Study, asked: optuna.Trial | int, trial: Trial) -> None:
    """Pass a trial's outcome on to its study."""
    if trial.state == "complete":
        study.tell(asked, trial.loss)
    else:
        state = TrialState.PRUNED if trial.state == "stopped" else TrialState.FAIL
        study.tell(asked, state=state)


def _settle(study: optuna.Study, unfinished: optuna.trial.FrozenTrial, trial: Trial | None) -> None:
    """After a kill: a trial whose record is there is told to the study, any other that was sampled is tried again.

    The default and the known-good points come again by themselves.
    """
    if trial is not None:
        _tell(study, unfinished.number, trial)
        return
    study.tell(unfinished.number, state=TrialState.FAIL)
    if "origin" not in unfinished.user_attrs:
        study.enqueue_trial(unfinished.params)
