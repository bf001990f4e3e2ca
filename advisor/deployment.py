"""Chosen trials → ``RUN/model``: their fold models and what these read, or one model of all rows.

Built aside, sealed with hashes, and renamed when whole.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from advisor.afterwards import refit_seconds
from advisor.executor import Executor
from advisor.jobs import FoldJob
from advisor.manifest import FoldPart, Manifest, Member, link_tree, seal
from advisor.pipeline import FittedPipeline
from advisor.report import installed_versions
from advisor.representation import FeatureInfo
from advisor.run import Run
from advisor.selection import Selection
from advisor.strategy import STRATEGIES
from advisor.trials import Trial, TrialStore, fold_seed
from advisor.workspace import WHOLE, Workspace


def deploy(
    run: Run,
    workspace: Workspace,
    store: TrialStore,
    selection: Selection,
    executor: Executor,
    single: bool,
    ends: float | None,
) -> tuple[FittedPipeline, tuple[str, ...]]:
    """Make the final predictor of a run.

    Parameters
    ----------
    run, workspace, store : Run, Workspace, TrialStore
        Where the models of the folds are.
    selection : Selection
        Which of them, and how they are put together.
    executor : Executor
        Where a model of all rows is fitted.
    single : bool
        Whether to fit the best configuration once more, on all rows.
    ends : float or None
        When the time limit is over, by ``time.monotonic``; ``None`` without one. A model of all rows gets what is left,
        and no less than the fits of the folds suggest.

    Returns
    -------
    pipeline : FittedPipeline
        Of ``RUN/model``.
    notes : tuple of str
        What the user should know.
    """
    draft = run.folder / "model.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    members: list[Member] = []
    notes: tuple[str, ...] = ()
    if single:
        members, notes = _refit(draft, workspace, selection.members[0], executor, ends)
    if not members:
        members = [
            _gather(draft, workspace, store, trial, weight)
            for trial, weight in zip(selection.members, selection.weights, strict=True)
        ]
    own = selection.calibrators[: len(members)]
    manifest = Manifest(
        problem=workspace.problem,
        columns=workspace.columns,
        members=tuple(
            member.model_copy(update={"calibrator": calibrator})
            for member, calibrator in zip(members, own, strict=True)
        ),
        calibrator=selection.calibrator,
        decision=selection.decision,
        versions=installed_versions(),
    )
    seal(draft, manifest)
    shutil.rmtree(run.model, ignore_errors=True)
    draft.rename(run.model)
    return FittedPipeline(run.model), notes


def _gather(
    draft: Path, workspace: Workspace, store: TrialStore, trial: Trial, weight: float
) -> Member:
    """Link one member's fold models and the representations they read into the draft."""
    representation = STRATEGIES[trial.strategy].representation(trial.params)
    folds = []
    for i in range(workspace.n_folds(trial.strategy)):
        model = f"models/{trial.number:05d}/fold{i}"
        (draft / model).parent.mkdir(parents=True, exist_ok=True)
        link_tree(store.models(trial.number) / f"fold{i}", draft / model)
        folds.append(_part(draft, workspace, representation, i, model))
    return Member(
        strategy=trial.strategy,
        params=trial.params,
        representation=representation,
        weight=weight,
        folds=tuple(folds),
    )


def _refit(
    draft: Path, workspace: Workspace, trial: Trial, executor: Executor, ends: float | None
) -> tuple[list[Member], tuple[str, ...]]:
    """Train a configuration once more, on all rows; no member, and why, where that fails."""
    representation = STRATEGIES[trial.strategy].representation(trial.params)
    model = f"models/{trial.number:05d}/whole"
    usual = refit_seconds(trial, workspace)
    job = FoldJob(
        workspace=workspace.folder,
        strategy=trial.strategy,
        params=trial.params,
        fold=WHOLE,
        seed=fold_seed(workspace.problem.seed, WHOLE),
        seconds=None if ends is None else max(usual, ends - time.monotonic()),
        predictions=workspace.folder / "refit.npy",
        model=draft / model,
    )
    for result in executor.run([job]):
        if result.error:
            shutil.rmtree(draft / "models", ignore_errors=True)
            return [], (
                f"fitting '{trial.strategy}' once more on all rows failed ({result.error}): the predictor is made "
                f"of its {workspace.n_folds(trial.strategy)} fold models",
            )
    member = Member(
        strategy=trial.strategy,
        params=trial.params,
        representation=representation,
        weight=1.0,
        folds=(_part(draft, workspace, representation, WHOLE, model),),
    )
    return [member], ()


def _part(
    draft: Path, workspace: Workspace, representation: str, fold: int, model: str
) -> FoldPart:
    features = workspace.features(fold, representation)
    place = f"representations/{features.folder.parent.name}"
    if not (draft / place).exists():
        (draft / place).parent.mkdir(parents=True, exist_ok=True)
        link_tree(features.folder, draft / place)
    info: FeatureInfo = features.train.info
    return FoldPart(
        model=model,
        representation=place,
        seed=fold_seed(workspace.problem.seed, fold),
        info=info,
    )
