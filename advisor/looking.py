"""Dataset → what is known of it before anything is advised: profile, regime, how it is judged, what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.dataset import Dataset, Task
from advisor.division import plan_for
from advisor.errors import InvalidRequest, quoted
from advisor.measurement import Probe
from advisor.metrics import Metric, default_metric, get_metric
from advisor.probe import run_probe
from advisor.profile import DatasetProfile, profile_dataset
from advisor.regime import Regime, find_regime
from advisor.report import Judging

LARGEST_SEED = 2**31 - 1
"""What all libraries take: scikit-learn and Optuna end at 32 bits, some at 31, and the search counts on from it."""

LARGEST_VALUE = 1e100
"""Largest value of a regression target; our choice: errors are squared and summed, and numbers end at 1.8e308."""


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
        When the metric is unknown or undefined here, the seed too large or the rows cannot be divided.
    """
    check_seed(seed)
    asked = (backbones,) if isinstance(backbones, str) else tuple(backbones)
    profile = profile_dataset(dataset, asked)
    regime = find_regime(profile)
    if dataset.task is Task.SEGMENTATION:
        return Looked(profile, regime)
    if metric is None:
        metric, reason = default_metric(dataset.task, profile.imbalance)
        _check_says_something(get_metric(metric, dataset.task), dataset)
    else:
        metric, reason = asked_metric(metric, dataset), "asked for"
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


def check_seed(seed: int) -> None:
    """Refuse a seed that a library underneath would break down on.

    Parameters
    ----------
    seed : int
        Of splits and fits.

    Raises
    ------
    InvalidRequest
        If it is not 0 to ``LARGEST_SEED``.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise InvalidRequest(f"expected 0 to {LARGEST_SEED} as seed, got {seed}")


def asked_metric(name: str, dataset: Dataset) -> str:
    """Look a metric up by the name a user wrote, and make sure that it can say anything about a dataset.

    Parameters
    ----------
    name : str
        As :func:`advisor.metrics.get_metric` takes it.
    dataset : Dataset
        What is to be judged by it.

    Returns
    -------
    str
        Its own name.

    Raises
    ------
    InvalidRequest
        If there is no such metric, it does not fit the task, or it is undefined here even for perfect predictions.
    """
    metric = get_metric(name, dataset.task)
    _check_says_something(metric, dataset)
    return metric.name


def _check_says_something(metric: Metric, dataset: Dataset) -> None:
    """Refuse a metric that is undefined even for perfect predictions, and values whose errors cannot be summed."""
    # of several labels at once each may be constant; a single target that is was refused when it was read
    if dataset.task is Task.MULTILABEL:
        y = dataset.y.astype(np.float64)
        if np.isnan(metric.score(dataset.y, y)[0]):
            raise InvalidRequest(
                f"metric '{metric.name}' is undefined here: none of {quoted(dataset.classes)} is 0 in some and 1 in "
                f"other of the {dataset.n_labelled:,} labelled rows; pass another --target, or another --metric"
            )
    if dataset.task is Task.REGRESSION and (most := float(np.abs(dataset.y).max())) > LARGEST_VALUE:
        raise InvalidRequest(
            f"target {quoted(dataset.targets)} has values up to {most:.3g}, whose squared errors no number can hold: "
            f"expected {LARGEST_VALUE:g} at most; write it in a larger unit, or as its logarithm"
        )
