"""A run directory: what is in it, how it begins, and how it is gone on with.

    run.json           how the data was read and split
    report.json        the plan (a StrategyReport)
    study.journal      Optuna's studies, one per strategy
    trials/            a folder per trial: its record, predictions and fold models
    leaderboard.csv    every candidate
    model/             the trained pipeline
    result.json        what it came to
    run.lock           held by the process that works on it
    work/              data and folds as the workers read them; may be deleted when the run is done

Everything is written whole or not at all, so that a run can be gone on with after any interruption.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from advisor.dataset import Dataset
from advisor.errors import InvalidRequest, InvalidRun, quoted
from advisor.evaluation import Score
from advisor.report import StrategyReport

if TYPE_CHECKING:
    from advisor.pipeline import FittedPipeline


LONGEST_NAME = 50
"""Characters of a dataset's name in that of its run; our choice: file systems take 255 bytes, at most four for each."""


class Result(BaseModel):
    """``RUN/result.json``: what a run came to.

    ``score`` is bias-corrected with its interval; ``naive_score`` is the same choice scored on the rows that made
    it, for comparison; ``test_score`` was computed once, after every choice, and is ``None`` without a labelled
    test split.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    greater_is_better: bool
    score: Score
    naive_score: float
    dummy_score: float | None
    test_score: float | None
    strategy: str
    members: dict[str, float]
    """Weight of each strategy in the final predictor."""
    seconds: float
    trials: int
    seed: int
    stopped_by: str
    """What ended the search: time, trials, labels (the cap) or interrupted."""
    versions: dict[str, str]
    notes: tuple[str, ...] = ()


class RunSettings(BaseModel):
    """``RUN/run.json``: how the data was read and split, so that a resumed run does the same."""

    model_config = ConfigDict(frozen=True)

    source: str
    fingerprint: str
    metric: str
    seed: int
    single_model: bool = False
    given_plan: bool = False
    """Whether the user gave the plan; else the report is ranked again by what the search measured."""
    backbones: tuple[str, ...] = ()
    """Those that were asked for, sorted."""
    probe_seconds: float | None = None
    """What measuring before the search was allowed to take; ``None`` where it was not asked for."""


@dataclass(frozen=True)
class Run:
    """A run directory and what is in it."""

    folder: Path

    @property
    def settings(self) -> Path:
        """How the data was read and split."""
        return self.folder / "run.json"

    @property
    def report(self) -> Path:
        """The plan."""
        return self.folder / "report.json"

    @property
    def result(self) -> Path:
        """What it came to."""
        return self.folder / "result.json"

    @property
    def leaderboard(self) -> Path:
        """Every candidate."""
        return self.folder / "leaderboard.csv"

    @property
    def journal(self) -> Path:
        """Optuna's studies."""
        return self.folder / "study.journal"

    @property
    def lock(self) -> Path:
        """Held by the process that works on it."""
        return self.folder / "run.lock"

    @property
    def work(self) -> Path:
        """The workspace; may be deleted when the run is done."""
        return self.folder / "work"

    @property
    def trials(self) -> Path:
        """A folder per trial."""
        return self.folder / "trials"

    @property
    def model(self) -> Path:
        """The saved pipeline."""
        return self.folder / "model"


def start_run(run: Run, settings: RunSettings, report: StrategyReport) -> None:
    """Make a new run directory.

    Parameters
    ----------
    run : Run
        Its folder must not hold a run.
    settings, report : RunSettings, StrategyReport
        Written there.

    Raises
    ------
    InvalidRequest
        If the folder is in use.
    """
    if run.folder.exists() and (not run.folder.is_dir() or any(run.folder.iterdir())):
        raise InvalidRequest(
            f"'{run.folder}' is not an empty folder; choose another --out, or go on with the run in "
            "it: --resume"
        )
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        run.report.write_text(report.model_dump_json(indent=1), "utf-8")
        run.settings.write_text(settings.model_dump_json(indent=1), "utf-8")
    except OSError as error:
        raise InvalidRequest(f"cannot write to '{run.folder}': {error.strerror}") from error


def read_run(folder: Path) -> tuple[RunSettings, StrategyReport]:
    """Read the settings and the plan of an existing run.

    Parameters
    ----------
    folder : Path
        The run directory.

    Returns
    -------
    tuple of RunSettings and StrategyReport

    Raises
    ------
    InvalidRun
        If it is not a run directory, or one of another version.
    """
    run = Run(folder)
    if not run.settings.is_file() or not run.report.is_file():
        raise InvalidRun(
            f"'{folder}' is not a run directory (expected run.json and report.json in it); start one "
            "with autofit DATA --out RUN"
        )
    try:
        return (
            RunSettings.model_validate_json(run.settings.read_text("utf-8")),
            StrategyReport.model_validate_json(run.report.read_text("utf-8")),
        )
    except ValidationError as error:
        raise InvalidRun(
            f"'{folder}' cannot be gone on with: {error.errors()[0]['msg']}"
        ) from error


@contextmanager
def sole_user(run: Run) -> Iterator[None]:
    """Keep other processes from working on a run while this one does: two would number their trials alike.

    Parameters
    ----------
    run : Run
        An existing run. The lock is the operating system's, so none is left behind by a process that was killed.

    Yields
    ------
    None

    Raises
    ------
    InvalidRun
        If another process is at work on it, or nothing may be written there.
    """
    lock = FileLock(run.lock)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise InvalidRun(
            f"expected '{run.folder}' to be free, got one that another process is at work on; wait for that to end, "
            "or begin another run with --out"
        ) from error
    except PermissionError as error:
        raise InvalidRun(
            f"cannot write to '{run.folder}': {error.strerror}; copy the run to where you may write, and go on there"
        ) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class TrainedRun:
    """What ``autofit`` returns.

    Attributes
    ----------
    pipeline : FittedPipeline
        Predicts; with the manners of a fitted scikit-learn estimator.
    result : Result
        The score and how it came about.
    report : StrategyReport
        The plan that was executed.
    folder : Path
        The run directory.
    """

    pipeline: FittedPipeline
    result: Result
    report: StrategyReport
    folder: Path

    @property
    def interrupted(self) -> bool:
        """Whether the search was stopped by hand; the pipeline is the best so far."""
        return self.result.stopped_by == "interrupted"


def default_folder(name: str) -> Path:
    """Name a new run directory after the data and the time: ``runs/<name>-<time>``.

    Parameters
    ----------
    name : str
        The dataset's name.

    Returns
    -------
    Path
    """
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip(".-") or "data"
    stem = Path("runs") / f"{safe[:LONGEST_NAME]}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, again = stem, 2
    while folder.exists():
        folder, again = stem.with_name(f"{stem.name}-{again}"), again + 1
    return folder


def read_plan(path: Path) -> StrategyReport:
    """Read a plan as ``advise --json`` prints it.

    Parameters
    ----------
    path : Path
        A JSON file.

    Returns
    -------
    StrategyReport

    Raises
    ------
    InvalidRequest
        If it cannot be read as a plan; names the first field at fault.
    """
    try:
        return StrategyReport.model_validate_json(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidRequest(f"cannot read the plan '{path}': {error.strerror}") from error
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        place = ".".join(str(part) for part in first["loc"]) if first else ""
        what = f"{place}: {first['msg']}".removeprefix(": ") if first else "not text"
        raise InvalidRequest(
            f"'{path}' is not a plan ({what}); make one with advise DATA --json > plan.json"
        ) from error


def check_plan(report: StrategyReport, dataset: Dataset) -> None:
    """Refuse a plan that was made for other data.

    Parameters
    ----------
    report, dataset : StrategyReport, Dataset
        The plan and the data it is to be carried out on.

    Raises
    ------
    InvalidRequest
        If task, columns or content differ.
    """
    if report.profile.task != dataset.task:
        raise InvalidRequest(
            f"the plan is for a {report.profile.task} task, but '{dataset.name}' is {dataset.task}; "
            "pass the same --target and --task as to advise"
        )
    if report.fingerprint != dataset.fingerprint:
        columns = ((report.targets, report.group_columns), (dataset.targets, dataset.group_columns))
        planned, read = (f"{quoted(t)} (groups: {quoted(g) or 'none'})" for t, g in columns)
        raise InvalidRequest(
            f"the plan was made for other data ('{report.dataset}'), not for '{dataset.name}' as it is "
            "now; make a new plan with advise"
            if planned == read  # they are part of the fingerprint, and are easily left out
            else f"the plan predicts {planned}, this reads {read}; pass the same --target and --groups as to advise"
        )


def check_same_data(run: Run, dataset: Dataset) -> None:
    """Refuse to go on with a run on data that has changed.

    Parameters
    ----------
    run, dataset : Run, Dataset
        An existing run and the data it is to go on with.

    Raises
    ------
    InvalidRun
        If there is no run, or its data was different.
    """
    settings, _ = read_run(run.folder)
    if settings.fingerprint != dataset.fingerprint:
        raise InvalidRun(
            f"the run in '{run.folder}' began with other data than '{dataset.name}' is now; pass the "
            "same DATA and options, or start a new run"
        )


def check_same_choices(run: Run, **asked: object) -> None:
    """Refuse options by which a run would have begun otherwise.

    Parameters
    ----------
    run : Run
        An existing run.
    **asked
        Fields of :class:`RunSettings` as the user wants them now; ``None`` for those that were not asked for.

    Raises
    ------
    InvalidRequest
        Names all that differ, with what the run began with.
    """
    settings, _ = read_run(run.folder)
    began = {name: getattr(settings, name) for name in asked}
    other = [
        f"{name} {_told(began[name])} and not {_told(value)}"
        for name, value in asked.items()
        if value not in (None, began[name])
    ]
    if other:
        raise InvalidRequest(
            f"the run in '{run.folder}' began with {', '.join(other)}; leave that out, or start a new run without "
            "--resume"
        )


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "of the house"
    return (
        "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )
