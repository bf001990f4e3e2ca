"""The face of the house: two short functions that call the spine.

``advise`` reads, measures and plans; ``autofit`` executes the plan. They share every step up to the report, so
advice and execution cannot drift apart.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.dataset import Dataset, Task, read_dataset
from advisor.disk import room_needed
from advisor.errors import InvalidRequest, NoStrategy, quoted
from advisor.executor import make_executor
from advisor.looking import asked_metric, check_seed, look_at
from advisor.metrics import get_metric
from advisor.report import Origin, StrategyReport, advise_only, advise_profile
from advisor.rule import apply_rules
from advisor.run import (
    Run,
    RunSettings,
    TrainedRun,
    check_plan,
    check_same_choices,
    check_same_data,
    default_folder,
    read_plan,
    read_run,
    sole_user,
    start_run,
)

if TYPE_CHECKING:
    from advisor.search import SearchState
    from advisor.suggestion import Suggestion

PROBE_SECONDS = 20.0
"""Seconds the probe may take unless told otherwise; our choice: what a person waits for without leaving."""


def advise(  # noqa: PLR0913 (keyword-only options, each with a default)
    data: object,
    *,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    metric: str | None = None,
    unlabeled: Path | str | None = None,
    groups: str | Sequence[str] | None = None,
    backbones: str | Sequence[str] = (),
    seed: int = 0,
    probe_seconds: float | None = PROBE_SECONDS,
    jobs: int | None = None,
) -> StrategyReport:
    """Say which training strategy to use on a dataset, and why.

    Parameters
    ----------
    data : path, DataFrame, Bunch or Dataset
        A file or a folder (see :func:`advisor.read_dataset`), or rows in memory.
    target : str or sequence of str or None
        The column to predict, or several 0/1 columns; ``None`` infers it and says so in ``notes``.
    task : str or None
        ``binary``, ``multiclass``, ``multilabel`` or ``regression``; ``None`` infers it.
    metric : str or None
        What to rank by, for example ``roc_auc`` or ``rmse``; ``None`` takes the task's default.
    unlabeled : path or None
        Rows without a target.
    groups : str or sequence of str or None
        Columns whose equal values must stay on one side of every split; they are not features.
    backbones : str or sequence of str
        Pretrained networks for pictures: names of ours or of timm, each perhaps with ``@`` and a file of its weights;
        several are compared. Empty for those that are already on this machine.
    seed : int
        Seed of the splits and of every fit.
    probe_seconds : float or None
        Wall-clock seconds for really cross-validating cheap strategies; ``None`` for rules only, in which case no
        expected score is given.
    jobs : int or None
        Worker processes; ``None`` for one per core.

    Returns
    -------
    StrategyReport
        The ranked plan; ``report.model_dump_json()`` is what ``autofit --plan`` reads.

    Raises
    ------
    AdvisorError
        When the data or an option cannot be used; one line that says what to do.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> report = advise(load_breast_cancer(as_frame=True), probe_seconds=None)
    >>> report.regime.name
    'tabular_small'
    """
    return advise_dataset(
        _read(data, target=target, task=task, unlabeled=unlabeled, groups=groups),
        metric=metric,
        backbones=backbones,
        seed=seed,
        probe_seconds=probe_seconds,
        jobs=jobs,
    )


def advise_dataset(
    dataset: Dataset,
    *,
    metric: str | None = None,
    backbones: str | Sequence[str] = (),
    seed: int = 0,
    probe_seconds: float | None = PROBE_SECONDS,
    jobs: int | None = None,
) -> StrategyReport:
    """Say which training strategy to use on a dataset that has been read.

    Parameters
    ----------
    dataset : Dataset
        From :func:`advisor.read_dataset`.
    metric, backbones, seed, probe_seconds, jobs
        As in :func:`advise`.

    Returns
    -------
    StrategyReport

    Raises
    ------
    AdvisorError
        When the metric is unknown or no strategy can run.
    """
    looked = look_at(dataset, metric, backbones, seed, probe_seconds, jobs)
    origin = Origin(
        dataset.source, dataset.fingerprint, dataset.targets, dataset.group_columns, dataset.notes
    )
    findings = apply_rules(looked.profile)
    if looked.judging is None:
        return advise_only(looked.profile, looked.regime, findings, origin, seed)
    return advise_profile(
        looked.profile, looked.regime, findings, looked.judging, looked.probe, origin
    )


def suggest_labels(
    data: object,
    n: int,
    *,
    metric: str | None = None,
    backbones: str | Sequence[str] = (),
    seed: int = 0,
    probe_seconds: float | None = PROBE_SECONDS,
    jobs: int | None = None,
    **reading: Any,
) -> Suggestion:
    """Choose the items of the unlabelled pool that are most worth a label, best first.

    Parameters
    ----------
    data : path, DataFrame, Bunch or Dataset
        As in :func:`advise`; with a pool.
    n : int
        How many to choose.
    metric, backbones, seed, probe_seconds, jobs
        As in :func:`advise`; the probe measures the learning curve for the forecast, without it there is none.
    **reading
        ``target``, ``task``, ``unlabeled`` and ``groups``, as in :func:`advise`.

    Returns
    -------
    Suggestion
        The items, what the model takes them for, why they were chosen, and what labels of them are expected to bring;
        :func:`advisor.labelling.write_suggestion` writes the file to fill in.

    Raises
    ------
    AdvisorError
        When the data or an option cannot be used, or there is no pool.
    """
    from advisor.suggestion import check_pool, suggest

    dataset = _read(data, **reading)
    check_pool(dataset, n)
    looked = look_at(dataset, metric, backbones, seed, probe_seconds, jobs)
    name = looked.judging.metric if looked.judging else ""
    return suggest(
        dataset, looked.profile, n, looked.probe, get_metric(name, dataset.task), seed=seed
    )


TIME_LIMIT = 300.0
"""Seconds that training may take unless told otherwise (5 minutes)."""


def autofit(  # noqa: PLR0913 (keyword-only options, each with a default)
    data: object,
    *,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    metric: str | None = None,
    unlabeled: Path | str | None = None,
    groups: str | Sequence[str] | None = None,
    backbones: str | Sequence[str] = (),
    seed: int | None = None,
    probe_seconds: float | None = None,
    plan: StrategyReport | Path | str | None = None,
    time_limit: float | None = None,
    trials: int | None = None,
    jobs: int | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    single_model: bool = False,
    progress: Callable[[SearchState], None] | None = None,
) -> TrainedRun:
    """Train hands-off within a time limit, and report a score one can believe.

    Parameters
    ----------
    data, target, task, metric, unlabeled, groups, backbones
        As in :func:`advise`.
    seed : int or None
        Seed of the splits and of every fit; ``None`` is the plan's, else 0.
    probe_seconds : float or None
        Measure cheap strategies before the search; ``None``, the default, leaves that to the search's own first
        round, which does the same on all folds.
    plan : StrategyReport, path or None
        What to do; a report as :func:`advise` returns it, or its JSON file. ``None`` makes one.
    time_limit : float or None
        Wall-clock seconds for everything; ``None`` is 300, or no limit where ``trials`` is given.
    trials : int or None
        At most this many configurations; with it and one seed, two runs are identical.
    jobs : int or None
        Worker processes; ``None`` for one per core, 0 to fit in this process.
    out : path or None
        The run directory; ``None`` for ``runs/<name>-<time>``.
    resume : path or None
        Go on with this run directory; ``time_limit``, ``trials`` and ``jobs`` are then new, all else is as it began.
    single_model : bool
        Deploy one configuration refitted on all rows, not the ensemble of fold models.
    progress : callable or None
        Called with the state of the search before and after every trial.

    Returns
    -------
    TrainedRun
        The pipeline, the result, the plan and where they are.

    Raises
    ------
    AdvisorError
        When the data, the plan or an option cannot be used, or nothing could be trained.
    KeyboardInterrupt
        When interrupted before a first configuration was done.
    """
    # Imported here: advice needs neither Optuna nor scikit-learn, and should not wait for them.
    from advisor.search import Budget
    from advisor.training import train

    started = time.monotonic()
    if time_limit is None and trials is None:
        time_limit = TIME_LIMIT
    _check_budget(time_limit, trials, jobs)
    if resume is not None and (out is not None or plan is not None):
        raise InvalidRequest("a resumed run has its folder and its plan; drop --out and --plan")
    with make_executor(jobs) as executor:
        dataset = _read(data, target=target, task=task, unlabeled=unlabeled, groups=groups)
        if resume is not None:
            run = Run(Path(resume))
            check_same_data(run, dataset)
            check_same_choices(
                run,
                metric=None if metric is None else asked_metric(metric, dataset),
                seed=seed,
                backbones=_asked(backbones) or None,
                probe_seconds=probe_seconds,
                single_model=single_model or None,
            )
        else:
            check_trainable(dataset)
            report = _plan(plan, dataset, metric, seed, probe_seconds, jobs, backbones)
            run = Run(Path(out) if out is not None else default_folder(dataset.name))
            settings = RunSettings(
                source=dataset.source,
                fingerprint=dataset.fingerprint,
                metric=report.metric,
                seed=report.seed,
                single_model=single_model,
                given_plan=plan is not None,
                backbones=_asked(backbones),
                probe_seconds=probe_seconds,
            )
            start_run(run, settings, report)
        budget = Budget(seconds=time_limit, trials=trials)
        go_on = f"go on with --resume {shlex.quote(str(run.folder))}"
        with room_needed(run.folder, go_on), sole_user(run):
            pipeline, result = train(dataset, run, executor, budget, started, progress)
    return TrainedRun(pipeline, result, read_run(run.folder)[1], run.folder)


def check_trainable(dataset: Dataset) -> None:
    """Refuse a task that this version advises on and does not train.

    Parameters
    ----------
    dataset : Dataset
        As it was read.

    Raises
    ------
    NoStrategy
        For segmentation.
    """
    if dataset.task is Task.SEGMENTATION:
        raise NoStrategy(
            f"{dataset.name} holds pictures with masks (segmentation), which this version advises on and cannot train "
            f"yet: advise {dataset.source} says what to do"
        )


def _read(data: object, **reading: Any) -> Dataset:
    """Read what is not read yet; how to read it says nothing of what is."""
    if not isinstance(data, Dataset):
        return read_dataset(data, **reading)
    if given := [name for name, value in reading.items() if value is not None]:
        raise InvalidRequest(
            f"{data.name} is a Dataset that has been read without {quoted(given)}: pass them to read_dataset, or the "
            "path or the rows in place of the Dataset"
        )
    return data


def _check_budget(time_limit: float | None, trials: int | None, jobs: int | None) -> None:
    faults = [
        f"{name} must be {wanted}, got {value}"
        for name, value, wanted, good in (
            ("time_limit", time_limit, "above 0 seconds", time_limit is None or time_limit > 0),
            ("trials", trials, "at least 1", trials is None or trials >= 1),
            ("jobs", jobs, "at least 0", jobs is None or jobs >= 0),
        )
        if not good
    ]
    if faults:
        raise InvalidRequest("; ".join(faults))


def _asked(backbones: str | Sequence[str]) -> tuple[str, ...]:
    return (backbones,) if isinstance(backbones, str) else tuple(sorted(backbones))


def _plan(
    plan: StrategyReport | Path | str | None,
    dataset: Dataset,
    metric: str | None,
    seed: int | None,
    probe_seconds: float | None,
    jobs: int | None,
    backbones: str | Sequence[str],
) -> StrategyReport:
    """The plan to execute: the one given, with what the caller overrides, or a new one."""
    if plan is None:
        return advise_dataset(
            dataset,
            metric=metric,
            backbones=backbones,
            seed=seed or 0,
            probe_seconds=probe_seconds,
            jobs=jobs,
        )
    if backbones:
        raise InvalidRequest("a plan names its backbones; drop --backbone or --plan")
    report = plan if isinstance(plan, StrategyReport) else read_plan(Path(plan))
    check_plan(report, dataset)
    check_seed(report.seed if seed is None else seed)
    changes: dict[str, object] = {}
    if metric is not None:
        changes = _judged_by(asked_metric(metric, dataset), report)
    if seed is not None and seed != report.seed:
        splits = report.splits.model_copy(update={"seed": seed})
        changes |= {"seed": seed, "splits": splits}
    return report.model_copy(update=changes)


def _judged_by(metric: str, report: StrategyReport) -> dict[str, object]:
    """What of a plan changes with the metric: figures in the units of the old one go."""
    changes: dict[str, object] = {"metric": metric, "metric_reason": "asked for"}
    if metric == report.metric:
        return changes
    told = f"The plan was ranked by {report.metric} before {metric} was asked for: its expected scores are left out."
    unscored = [r.model_copy(update={"expected": None}) for r in report.recommendations]
    changes |= {"recommendations": tuple(unscored), "notes": (*report.notes, told)}
    return changes | {"dummy": None, "flips": (), "more_labels": ""}
