"""Strategy and parameters → a Trial: every fold fitted, predictions pooled, written down.

A candidate has predictions for all rows or for none: a configuration that is stopped early, or whose folds did not
all end, is kept and shown but never compared.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.deadline import Deadline
from advisor.decision import fit_decision
from advisor.disk import check_room
from advisor.errors import AdvisorError, DeadlineExceeded
from advisor.evaluation import pooled
from advisor.executor import Executor
from advisor.jobs import FoldJob
from advisor.metrics import Metric
from advisor.parameter import ParamValue
from advisor.strategy import STRATEGIES
from advisor.workspace import Workspace

FIRST_FOLDS = 2
"""Folds after which a configuration may be stopped (our choice: the fewest that show fold-to-fold spread, and
one round on two cores)."""

StopEarly = Callable[[NDArray[np.int64], NDArray[np.float64]], bool]
"""Given validation rows and their predictions so far: is this configuration clearly behind?"""


@dataclass(frozen=True)
class CrossValidation:
    """What cross-validating one configuration gave.

    Attributes
    ----------
    predictions : ndarray of shape (n_rows, n_outputs) or None
        Out-of-fold, averaged over repeats; ``None`` unless every fold ended.
    single : ndarray of shape (n_rows, n_outputs) or None
        Those of the first repeat alone: what other predictions of one model a row are compared with, since an average
        of several is ahead of the very same configuration. ``None`` where there is one repeat.
    seconds : float
        Wall clock.
    fit_seconds : float
        Sum over folds, one process each.
    truncated : bool
        Whether a fold's fit was cut short by its deadline (the model is usable).
    stopped : bool
        Clearly behind after the first folds.
    error : str
        Why there are no predictions.
    """

    strategy: str
    params: dict[str, ParamValue]
    predictions: NDArray[np.float64] | None
    seconds: float
    fit_seconds: float = 0.0
    truncated: bool = False
    stopped: bool = False
    error: str = ""
    single: NDArray[np.float64] | None = None


def cross_validate(  # noqa: PLR0913 (keyword-only options)
    executor: Executor,
    workspace: Workspace,
    strategy: str,
    params: Mapping[str, ParamValue],
    *,
    seed: int,
    seconds: float | None,
    train_fraction: float = 1.0,
    models: Path | None = None,
    stop_early: StopEarly | None = None,
) -> CrossValidation:
    """Fit one configuration on every fold of the workspace.

    Parameters
    ----------
    executor : Executor
        Where the folds are fitted.
    workspace : Workspace
        Data and folds.
    strategy, params : str, mapping
        The configuration.
    seed : int
        Each fold's fit gets a seed made from this and its position.
    seconds : float or None
        Wall clock for all folds together; each fit's share of it is its deadline.
    train_fraction : float
        Train on this part of each fold's training rows (for a learning curve).
    models : Path or None
        Keep the fold models in ``models/fold<i>``.
    stop_early : callable or None
        Asked once, after the first folds.

    Returns
    -------
    CrossValidation
    """
    start = time.monotonic()
    folds = workspace.folds[: workspace.n_folds(strategy)]
    representation = STRATEGIES[strategy].representation(params)
    try:
        # Here and not in the workers: what all folds share is computed once, with all cores.
        workspace.prepare(representation, Deadline(seconds), pooled=STRATEGIES[strategy].card.pool)
    except (AdvisorError, DeadlineExceeded, OSError, RuntimeError) as failure:
        return CrossValidation(
            strategy=strategy,
            params=dict(params),
            predictions=None,
            seconds=time.monotonic() - start,
            error=f"{representation}: {failure}",
        )
    if seconds is not None:
        seconds = max(0.0, seconds - (time.monotonic() - start))
    rounds = -(-len(folds) // executor.jobs)
    with tempfile.TemporaryDirectory(dir=workspace.folder) as scratch:
        jobs = [
            FoldJob(
                workspace=workspace.folder,
                strategy=strategy,
                params=dict(params),
                fold=i,
                seed=fold_seed(seed, i),
                seconds=None if seconds is None else seconds / rounds,
                train_fraction=train_fraction,
                predictions=Path(scratch) / f"{i}.npy",
                model=None if models is None else models / f"fold{i}",
            )
            for i in range(len(folds))
        ]
        outcome = _run(executor, workspace, jobs, stop_early)
        predictions = single = None
        if not outcome.error and not outcome.stopped:
            parts = [np.load(job.predictions) for job in jobs]
            predictions = pooled(parts, folds, len(workspace.y))
            if len(folds) > (once := workspace.problem.splits.folds):
                single = pooled(parts[:once], folds[:once], len(workspace.y))
    if predictions is None and models is not None:
        shutil.rmtree(models, ignore_errors=True)
    return CrossValidation(
        strategy=strategy,
        params=dict(params),
        predictions=predictions,
        seconds=time.monotonic() - start,
        fit_seconds=outcome.seconds,
        truncated=outcome.truncated,
        stopped=outcome.stopped,
        error=outcome.error,
        single=single,
    )


def judged(
    strategy: str,
    predictions: NDArray[np.float64],
    y: NDArray[np.generic],
    metric: Metric,
    rows: NDArray[np.int64] | slice = slice(None),
) -> NDArray[np.float64]:
    """Bring out-of-fold predictions into the form in which a trained predictor would be scored.

    Parameters
    ----------
    strategy : str
        Whose they are.
    predictions : ndarray of shape (n_rows, n_outputs)
        Of all rows.
    y : ndarray
        The truth.
    metric : Metric
        The user's.
    rows : ndarray of int64 or slice
        Those that the decision is fitted on.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
        With :func:`advisor.decision.fit_decision` applied: one parameter out of a handful is fitted on the rows that
        are then scored, which flatters less than a class left out hurts. The dummy's stay as they are: all it says
        differs by are the shares of classes in its folds.
    """
    if STRATEGIES[strategy].card.is_dummy:
        return predictions
    return fit_decision(predictions[rows], y[rows], metric).apply(predictions)


def fold_seed(seed: int, fold: int) -> int:
    """The seed of the fit of one fold, made from the run's seed and the fold's position."""
    return (seed * 1009 + fold + 1) % 2**31


@dataclass
class _Outcome:
    seconds: float = 0.0
    truncated: bool = False
    stopped: bool = False
    error: str = ""


def _run(
    executor: Executor, workspace: Workspace, jobs: Sequence[FoldJob], stop_early: StopEarly | None
) -> _Outcome:
    """Run first folds, ask whether to stop, run the rest; the first failure ends the trial."""
    outcome = _Outcome()
    first = min(FIRST_FOLDS, len(jobs)) if stop_early is not None else len(jobs)
    for part in (jobs[:first], jobs[first:]):
        results = executor.run(part)
        for result in results:
            outcome.seconds += result.seconds
            outcome.truncated |= result.truncated
            if result.error:
                outcome.error = f"fold {result.fold}: {result.error}"
                results.close()  # type: ignore[attr-defined]  # a generator: ends the other folds
                return outcome
        if stop_early is not None and part is not jobs[first:] and len(jobs) > first:
            rows = np.concatenate([workspace.folds[job.fold].valid for job in part])
            predictions = np.concatenate([np.load(job.predictions) for job in part])
            if stop_early(rows, predictions):
                outcome.stopped = True
                return outcome
    return outcome


class Trial(BaseModel):
    """One configuration that was tried; written to ``trials/<number>/trial.json`` when it ends.

    ``loss`` is what the search compares (the criterion as an error, lower is better); ``score`` the same
    predictions in the user's metric.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    strategy: str
    params: dict[str, ParamValue]
    origin: Literal["default", "start", "sampled", "shortened"]
    state: Literal["complete", "stopped", "failed"]
    score: float | None = None
    loss: float | None = None
    seconds: float
    fit_seconds: float
    truncated: bool = False
    error: str = ""
    study_number: int
    """Its number within the strategy's Optuna study."""


class TrialStore:
    """The trials of one run on disk: a folder each, complete or not there.

    Parameters
    ----------
    folder : Path
        ``RUN/trials``; made if absent. Leftovers of a killed process are removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.trials: list[Trial] = []
        for place in sorted(folder.iterdir()):
            record = place / "trial.json"
            if record.exists():
                self.trials.append(Trial.model_validate_json(record.read_text("utf-8")))
            else:
                shutil.rmtree(place, ignore_errors=True)

    def place(self, number: int) -> Path:
        """The folder of a trial."""
        return self.folder / f"{number:05d}"

    def models(self, number: int) -> Path:
        """Where a trial's fold models are."""
        return self.place(number) / "models"

    def add(
        self,
        trial: Trial,
        predictions: NDArray[np.float64] | None,
        single: NDArray[np.float64] | None = None,
    ) -> None:
        """Write a trial down; predictions first, the record last, so that a record means all is there.

        Parameters
        ----------
        trial : Trial
            That has ended.
        predictions : ndarray of shape (n_rows, n_outputs) or None
            Its out-of-fold predictions, where it is complete.
        single : ndarray of shape (n_rows, n_outputs) or None
            Those of its first repeat alone (see :class:`CrossValidation`).

        Raises
        ------
        OSError
            If the disk is full: also for a trial that failed on one, which says nothing of its strategy.
        """
        if trial.state == "failed":
            check_room(self.folder)
        place = self.place(trial.number)
        place.mkdir(exist_ok=True)
        if predictions is not None:
            np.save(place / "predictions.npy", predictions)
        if single is not None:
            np.save(place / "single.npy", single)
        draft = place / "trial.draft"
        draft.write_text(trial.model_dump_json(indent=2), "utf-8")
        draft.rename(place / "trial.json")
        self.trials.append(trial)

    def predictions(self, number: int) -> NDArray[np.float64]:
        """Out-of-fold predictions of a complete trial, of shape (n_rows, n_outputs)."""
        values: NDArray[np.float64] = np.load(self.place(number) / "predictions.npy")
        return values

    def single(self, number: int) -> NDArray[np.float64] | None:
        """Those of its first repeat alone; ``None`` where there is one, or an earlier version wrote the trial."""
        path = self.place(number) / "single.npy"
        return np.load(path) if path.exists() else None

    def complete(self) -> list[Trial]:
        """Trials that may be compared, best first."""
        done = [t for t in self.trials if t.state == "complete" and t.loss is not None]
        return sorted(done, key=lambda t: (t.loss, t.number))

    def keep_models(self, numbers: set[int]) -> None:
        """Delete the fold models of all trials but these."""
        for trial in self.trials:
            if trial.number not in numbers:
                shutil.rmtree(self.models(trial.number), ignore_errors=True)


CANDIDATES, PER_STRATEGY = 16, 4
"""Configurations that the final ensemble chooses from, and how many of them may be of one strategy (our choice: a
longer list costs time in every bootstrap of the bias correction, and near copies of one model add luck, not skill)."""


def contenders(store: TrialStore) -> list[Trial]:
    """The complete trials that the final predictor may use, best first.

    Parameters
    ----------
    store : TrialStore
        All trials.

    Returns
    -------
    list of Trial
        The best of every strategy, then the next best by loss. The dummy only where there is nothing else.
    """
    done = store.complete()
    able = [trial for trial in done if trial.strategy != "dummy"] or done
    ranks: dict[str, int] = {}
    placed = []
    for trial in able:
        rank = ranks.get(trial.strategy, 0)
        ranks[trial.strategy] = rank + 1
        if rank < PER_STRATEGY:
            placed.append((rank > 0, trial.loss, trial.number))
    chosen = {number for *_, number in sorted(placed)[:CANDIDATES]}
    return [trial for trial in able if trial.number in chosen]
