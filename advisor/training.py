"""Plan and dataset → a trained model in a run directory, and a score one can believe.

The stages of a run: lay the workspace, search, select, deploy, tell.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.afterwards import Afterwards
from advisor.belief import beliefs_of
from advisor.dataset import Dataset
from advisor.deployment import deploy
from advisor.downsampling import rows_in_time
from advisor.errors import InvalidRequest, InvalidRun, NoStrategy, quoted
from advisor.executor import Executor
from advisor.metrics import Metric, get_metric
from advisor.pipeline import FittedPipeline
from advisor.probe import probe_of
from advisor.profile import DatasetProfile
from advisor.report import (
    NOTHING_MEASURED,
    Judging,
    Origin,
    StrategyReport,
    advise_profile,
    installed_versions,
)
from advisor.run import Result, Run, RunSettings, read_run
from advisor.search import Budget, Progress, Search, SearchResult
from advisor.selection import Selection, select
from advisor.space import SearchSpace
from advisor.strategy import STRATEGIES
from advisor.trials import CrossValidation, Trial, TrialStore
from advisor.workspace import Workspace

FINISH_SECONDS, FINISH_SHARE = 1.0, 0.06
"""Kept back from the time limit for choosing, scoring and writing the final predictor: this many seconds plus this
part of the limit (measured: 1-4 s for the bias correction on up to 20,000 rows)."""

DUMMY = "dummy"


def train(
    dataset: Dataset,
    run: Run,
    executor: Executor,
    budget: Budget,
    started: float,
    progress: Progress | None,
) -> tuple[FittedPipeline, Result]:
    """Search, select and deploy within a run directory.

    Parameters
    ----------
    dataset : Dataset
        Of which only the labelled rows are seen before the very end.
    run : Run
        Made by :func:`start_run`; finished trials in it are taken over.
    executor : Executor
        Where fits run.
    budget : Budget
        ``seconds`` count from ``started``.
    started : float
        ``time.monotonic()`` when the user's command began.
    progress : callable or None
        Gets a :class:`SearchState` now and then.

    Returns
    -------
    tuple of FittedPipeline and Result

    Raises
    ------
    NoStrategy
        If nothing could be trained.
    """
    settings, report = read_run(run.folder)
    kept = rows_in_time(dataset, report, budget.seconds, executor.jobs)
    workspace = _workspace(run, dataset, kept, report)
    store = TrialStore(run.trials)
    _check_rows(store, workspace)
    X_test = None if dataset.y_test is None else dataset.X_test
    after = Afterwards(workspace, X_test, settings.single_model)
    search = Search(executor, workspace, store, _spaces(report), run.journal, progress, after)
    outcome = search.run(_search_budget(budget, started))
    outcome = replace(outcome, notes=(*_sampled(workspace, report.profile), *outcome.notes))
    if progress is not None:
        progress(replace(search.state(None), phase="finish"))
    ends = None if budget.seconds is None else started + budget.seconds
    with _resumable(run):
        selection = select(workspace, store, settings.single_model, beliefs_of(report))
        pipeline, told = deploy(
            run, workspace, store, selection, executor, settings.single_model, ends
        )
    outcome = replace(outcome, notes=(*told, *outcome.notes))
    result = _result(dataset, pipeline, store, selection, outcome, settings, started)
    if not settings.given_plan:
        measured = measured_report(report, workspace, store, executor.jobs)
        run.report.write_text(measured.model_dump_json(indent=1), "utf-8")
    _write_leaderboard(run.leaderboard, store, selection)
    run.result.write_text(result.model_dump_json(indent=1), "utf-8")
    shutil.rmtree(run.work / "features", ignore_errors=True)
    return pipeline, result


def measured_report(
    report: StrategyReport, workspace: Workspace, store: TrialStore, jobs: int
) -> StrategyReport:
    """Rank the strategies again, now that the search has measured the default of each that it tried.

    Parameters
    ----------
    report : StrategyReport
        The plan by rules alone, or with a probe of the cheap strategies.
    workspace, store : Workspace, TrialStore
        The search's.
    jobs : int
        Its workers.

    Returns
    -------
    StrategyReport
        As :func:`advisor.api.advise` would give with a probe long enough for all of them.
    """
    defaults = [t for t in store.complete() if t.origin == "default" and not t.truncated]
    done = [
        CrossValidation(
            strategy=trial.strategy,
            params=trial.params,
            predictions=store.predictions(trial.number),
            seconds=trial.seconds,
            fit_seconds=trial.fit_seconds,
        )
        for trial in defaults
    ]
    if not done:
        return report
    seconds = sum(trial.seconds for trial in defaults)
    probe = probe_of(workspace, report.profile, report.regime, done, jobs, seconds)
    judging = Judging(report.metric, report.metric_reason, report.splits, report.seed)
    notes = tuple(note for note in report.notes if note != NOTHING_MEASURED)
    origin = Origin(report.source, report.fingerprint, report.targets, report.group_columns, notes)
    measured = advise_profile(
        report.profile, report.regime, report.findings, judging, probe, origin
    )
    # A search draws no learning curve: what was said of one stays.
    return measured.model_copy(update={"more_labels": report.more_labels})


@contextmanager
def _resumable(run: Run) -> Iterator[None]:
    """Tell who interrupts while there is no model yet that no trial is lost."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"all trials are kept; the model is made by the same command with --resume {run.folder}"
        ) from None


def _check_rows(store: TrialStore, workspace: Workspace) -> None:
    """Refuse trials on other rows than are laid out now: their predictions could be compared with nothing."""
    for trial in store.complete()[:1]:
        n_then, n_now = len(store.predictions(trial.number)), len(workspace.y)
        if n_then != n_now:
            raise InvalidRun(
                f"the run learned from {n_then:,} rows, and with this time limit it would from {n_now:,}; resume with "
                "the limit it began with, or start a new run"
            )


def _workspace(
    run: Run, dataset: Dataset, kept: NDArray[np.int64] | None, report: StrategyReport
) -> Workspace:
    """Open the run's workspace, with files where they are now, or lay it of the rows kept where there is none yet."""
    try:
        workspace = Workspace(run.work)
    except InvalidRun:
        used = dataset if kept is None else dataset.take(kept)
        return Workspace.create(run.work, used, report.splits, report.metric, report.seed)
    workspace.follow(dataset)
    for scratch in run.work.glob("tmp*"):  # of a killed process
        shutil.rmtree(scratch, ignore_errors=True)
    return workspace


def _spaces(report: StrategyReport) -> list[SearchSpace]:
    """Spaces of the strategies that the plan names and this machine can run, the dummy first."""
    ready = [r.space for r in report.recommendations if not r.missing and r.strategy != DUMMY]
    unknown = [space.strategy for space in ready if space.strategy not in STRATEGIES]
    if unknown:
        raise InvalidRequest(f"the plan names unknown strategies: {quoted(unknown)}")
    torn = [(r.strategy, r.space.strategy) for r in report.recommendations]
    torn = [(name, of) for name, of in torn if name != of]
    if torn:
        raise InvalidRequest(
            f"the plan recommends '{torn[0][0]}' with the search space of '{torn[0][1]}': give both one name"
        )
    if not ready:
        needed = sorted({r.missing for r in report.recommendations if r.missing})
        raise NoStrategy(f"no strategy of the plan can run here; install one: {'; '.join(needed)}")
    return [SearchSpace(strategy=DUMMY, params={}), *ready]


def _search_budget(budget: Budget, started: float) -> Budget:
    """What is left for the search once the finish is kept back."""
    if budget.seconds is None:
        return budget
    reserve = FINISH_SECONDS + FINISH_SHARE * budget.seconds
    left = budget.seconds - reserve - (time.monotonic() - started)
    return Budget(seconds=max(0.0, left), trials=budget.trials)


def _result(
    dataset: Dataset,
    pipeline: FittedPipeline,
    store: TrialStore,
    selection: Selection,
    outcome: SearchResult,
    settings: RunSettings,
    started: float,
) -> Result:
    metric = get_metric(settings.metric, dataset.task)
    test_score = None
    if dataset.X_test is not None and dataset.y_test is not None and len(dataset.X_test):
        measured = pipeline.score_codes(dataset.X_test, dataset.y_test)
        test_score = measured if math.isfinite(measured) else None
    weights: dict[str, float] = {}
    for member in pipeline.manifest.members:
        weights[member.strategy] = weights.get(member.strategy, 0.0) + member.weight
    names = sorted(weights, key=lambda name: (-weights[name], name))
    dummies = [t.score for t in store.trials if t.strategy == DUMMY and t.score is not None]
    beaten = _beaten_by_dummy(selection.score.value, dummies[:1], metric)
    return Result(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        score=selection.score,
        naive_score=selection.naive,
        dummy_score=dummies[0] if dummies else None,
        test_score=test_score,
        strategy=names[0] if len(names) == 1 else f"ensemble({', '.join(names)})",
        members={name: round(weights[name], 6) for name in names},
        seconds=round(time.monotonic() - started, 3),
        trials=len(store.trials),
        seed=settings.seed,
        stopped_by=outcome.reason,
        versions=installed_versions(),
        notes=(*beaten, *selection.notes, *outcome.notes),
    )


def _sampled(workspace: Workspace, profile: DatasetProfile) -> tuple[str, ...]:
    """Say so where not all that is labelled was learned from."""
    used, given = len(workspace.y), profile.n_labelled
    if used == given:
        return ()
    return (
        f"learned from {used:,} of {given:,} labelled {profile.items}, drawn at random: with more, hardly a model "
        "would have ended in time; start again with a longer --time-limit for more of them",
    )


def _beaten_by_dummy(score: float, dummies: Sequence[float], metric: Metric) -> tuple[str, ...]:
    """Say so where what ignores the features is no worse than what was trained."""
    return tuple(
        f"this is no better than the dummy, which ignores the features ({metric.name} {score:.3g} and {dummy:.3g}): "
        "nothing that was tried found what the target depends on"
        for dummy in dummies
        if (score <= dummy if metric.greater_is_better else score >= dummy)
    )


LEADERBOARD = (
    "trial",
    "strategy",
    "state",
    "origin",
    "score",
    "loss",
    "weight",
    "seconds",
    "fit_seconds",
    "truncated",
    "params",
    "error",
)


def _write_leaderboard(path: Path, store: TrialStore, selection: Selection) -> None:
    """Write every candidate, the complete ones first and best first."""
    weights = dict(zip((t.number for t in selection.members), selection.weights, strict=True))
    complete = store.complete()
    others: Sequence[Trial] = [t for t in store.trials if t not in complete]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(LEADERBOARD)
        for t in [*complete, *others]:
            table.writerow(
                [
                    t.number,
                    t.strategy,
                    t.state,
                    t.origin,
                    "" if t.score is None else repr(t.score),
                    "" if t.loss is None else repr(t.loss),
                    np.round(weights.get(t.number, 0.0), 6),
                    round(t.seconds, 3),
                    round(t.fit_seconds, 3),
                    t.truncated,
                    json.dumps(t.params),
                    t.error,
                ]
            )
