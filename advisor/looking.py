"""Dataset → what is known of it before anything is advised: profile, regime, how it is judged, what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.dataset import Dataset, Task
from advisor.division import plan_for
from advisor.measurement import Probe
from advisor.metrics import default_metric, get_metric
from advisor.probe import run_probe
from advisor.profile import DatasetProfile, profile_dataset
from advisor.regime import Regime, find_regime
from advisor.report import Judging


@dataclass(frozen=True)
class Looked:
    """What is known of a dataset.

    Attributes
    ----------
    profile, regime : DatasetProfile, Regime
        What it is and where it stands.
    judging : Judging or None
        By which metric and folds; None for pictures with masks, which nothing here judges.
    probe : Probe or None
        What was measured, if anything.
    """

    profile: DatasetProfile
    regime: Regime
    judging: Judging | None = None
    probe: Probe | None = None


def look_at(
    dataset: Dataset,
    metric: str | None,
    backbones: str | Sequence[str],
    seed: int,
    probe_seconds: float | None,
    jobs: int | None,
) -> Looked:
    """Profile a dataset and, if asked to, measure cheap strategies on it.

    Parameters
    ----------
    dataset : Dataset
        From :func:`advisor.read_dataset`.
    metric, backbones, seed, probe_seconds, jobs
        As in :func:`advisor.advise`.

    Returns
    -------
    Looked

    Raises
    ------
    AdvisorError
        When the metric is unknown or the rows cannot be divided.
    """
    asked = (backbones,) if isinstance(backbones, str) else tuple(backbones)
    profile = profile_dataset(dataset, asked)
    regime = find_regime(profile)
    if dataset.task is Task.SEGMENTATION:
        return Looked(profile, regime)
    if metric is None:
        metric, reason = default_metric(dataset.task, profile.imbalance)
    else:
        metric, reason = get_metric(metric, dataset.task).name, "asked for"
    splits = plan_for(dataset, seed)
    probe = None
    if probe_seconds is not None:
        probe = run_probe(
            dataset,
            profile,
            regime,
            splits,
            metric,
            seconds=probe_seconds,
            jobs=jobs,
            seed=seed,
        )
    return Looked(profile, regime, Judging(metric, reason, splits, seed), probe)
