"""Effects and measurements → one ranking of all strategies, in the metric's own units.

Every number is either *measured* (the probe cross-validated it here) or *estimated*: what the measured ones say
about how hard this dataset is, times the published effects of the evidence tables,

    error(s) = mean over anchors r of [error(r) / product of (1 + effect on r)]  x  product of (1 + effect on s)

where the mean is geometric and the anchors are the measured strategies of the same family, or of the one it is kin
to, or else all measured ones. Why not one reference: the best measured one is the luckiest one, and the linear one,
from which the tables count for tables, says little where the data is not linear; how far the anchors disagree is how
little the evidence explains of this dataset, and widens the interval. Without a probe the product alone ranks, relative
to the reference family, and no score is promised.

Intervals are combined in logarithms: the widths of independent factors add as squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.dataset import Modality
from advisor.evaluation import Score
from advisor.evidence import Effect
from advisor.finding import Finding
from advisor.measurement import Measurement, Probe
from advisor.metrics import Metric
from advisor.probe import counts_of
from advisor.profile import DatasetProfile, TabularProfile
from advisor.regime import Regime
from advisor.rejection import Rejection, find_rejection
from advisor.space import SearchSpace, load_space
from advisor.splits import SplitPlan
from advisor.strategy import STRATEGIES, Card, Strategy

REFERENCES = dict.fromkeys(Modality, "linear_probe") | {Modality.TABULAR: "linear"}
"""The strategy of the family that the evidence tables count effects from, and so what relative errors refer to."""

KIN = {"finetune": "frozen", "scratch": "frozen"}
"""Families that are estimated from one other family where that was measured: fine-tuning starts from the same backbone
as frozen features, while features made by hand lie 1.5 to 5.5 times as far off (row own_handmade) and so say little."""

TIE = 0.01
"""Relative difference of error below which two strategies count as equal and the cheaper goes first, a measured one
before an estimated one (our choice: a hundredth of the error is far inside any interval of a few thousand rows)."""

UNKNOWN_SPREAD = 0.13
"""Relative width added to an estimate: the error of CatBoost and of LightGBM, two boosters that share all effects,
differed by up to 13 % between the row bands of github.com/firefly1248/SmallDataBenchmarks."""

SMALLEST_ERROR = 1e-6
"""Errors are floored here before logarithms: a perfect score on few rows is not an error of zero."""

SMALLEST_FACTOR = 0.05
"""Floor of 1 + effect, so that a product of effects cannot promise more than twentyfold (our choice)."""


@dataclass(frozen=True)
class Candidate:
    """A strategy that may run, with what evidence and measurement say about it.

    Attributes
    ----------
    log_factor : float
        Logarithm of the product of its effects.
    anchors : tuple of str
        The measured strategies that an estimate was had from.
    error : tuple of float or None
        Expected error with its lower and upper bound; ``None`` without a probe.
    relative : float
        Expected error over the reference's; what ranks.
    """

    strategy: Strategy
    space: SearchSpace
    effects: tuple[tuple[Finding, Effect], ...]
    log_factor: float
    seconds: float
    measurement: Measurement | None = None
    anchors: tuple[str, ...] = ()
    error: tuple[float, float, float] | None = None
    relative: float = 1.0

    @property
    def card(self) -> Card:
        """The strategy's card."""
        return self.strategy.card


@dataclass(frozen=True)
class Ranking:
    """Candidates, best first; the rejected; and the strategy that relative errors refer to."""

    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejection, ...]
    reference: str


def rank_strategies(
    profile: DatasetProfile,
    regime: Regime,
    findings: Sequence[Finding],
    splits: SplitPlan,
    metric: Metric,
    probe: Probe | None,
) -> Ranking:
    """Rank every registered strategy of the profile's modality.

    Parameters
    ----------
    profile, regime : DatasetProfile, Regime
        Where we stand.
    findings : sequence of Finding
        Their effects and vetoes are applied.
    splits : SplitPlan
        How often a configuration is fitted.
    metric : Metric
        Turns errors into scores and back.
    probe : Probe or None
        What was measured; ``None`` for rules only.

    Returns
    -------
    Ranking
        Best first; ties within ``TIE`` go to the measured, then to the cheaper. The dummy is never ranked.
    """
    candidates: list[Candidate] = []
    rejected: list[Rejection] = []
    for strategy in STRATEGIES.values():
        if strategy.card.is_dummy or profile.modality not in strategy.card.modalities:
            continue
        rejection = find_rejection(strategy.card, profile, findings)
        if rejection is None:
            candidate = _candidate(strategy, profile, regime, findings, splits, probe)
            if not (unfit := strategy.unfit(candidate.space.defaults())):
                candidates.append(candidate)
                continue
            rejection = Rejection(strategy.card.name, "backbone", unfit)
        rejected.append(rejection)
    candidates = [_with_error(candidate, candidates, probe, metric) for candidate in candidates]
    reference = _reference_of_all(candidates, profile.modality)
    base = next((c for c in candidates if c.card.name == reference), None)
    if base is not None:
        candidates = [_relative_to(base, candidate) for candidate in candidates]
    return Ranking(tuple(_ordered(candidates)), tuple(rejected), reference)


def combine_effects(effects: Sequence[Effect]) -> tuple[float, float, float]:
    """Multiply relative changes of error, in logarithms.

    Parameters
    ----------
    effects : sequence of Effect
        On one family.

    Returns
    -------
    log_factor, log_below, log_above : float
        Logarithm of the product of ``1 + mean``, and how far its interval reaches below and above.

    Examples
    --------
    >>> less = Effect(family="forest", mean=-0.1, low=-0.1, high=-0.1, evidence="x")
    >>> log_factor, below, above = combine_effects([less, less])
    >>> round(math.exp(log_factor), 4), below, above
    (0.81, 0.0, 0.0)
    """
    middle = below = above = 0.0
    for effect in effects:
        mean = _log_of(effect.mean)
        middle += mean
        below = math.hypot(below, mean - _log_of(min(effect.low, effect.mean)))
        above = math.hypot(above, _log_of(max(effect.high, effect.mean)) - mean)
    return middle, below, above


def to_score(error: tuple[float, float, float], metric: Metric, level: float) -> Score:
    """Turn an expected error with bounds into a score with bounds.

    Parameters
    ----------
    error : tuple of float
        Expected error, its lower and its upper bound.
    metric : Metric
        Its direction and its limits.
    level : float
        Of the interval.

    Returns
    -------
    Score
    """
    values = [1.0 - e if metric.greater_is_better else e for e in error]
    value, *ends = (min(max(v, metric.lowest), metric.highest) for v in values)
    return Score(value=value, low=min(ends), high=max(ends), level=level)


def _log_of(effect: float) -> float:
    return math.log(max(1.0 + effect, SMALLEST_FACTOR))


def _candidate(
    strategy: Strategy,
    profile: DatasetProfile,
    regime: Regime,
    findings: Sequence[Finding],
    splits: SplitPlan,
    probe: Probe | None,
) -> Candidate:
    card = strategy.card
    effects = tuple(
        (finding, effect)
        for finding in findings
        for effect in finding.effects
        if effect.family in (card.family, card.name)
    )
    space = load_space(card.name, regime.name, counts_of(profile), profile.task)
    for finding in findings:
        space = space.narrowed(finding.narrows)
    measured = {m.strategy: m for m in probe.measured} if probe else {}
    measurement = measured.get(card.name)
    return Candidate(
        strategy,
        space,
        effects,
        combine_effects([effect for _, effect in effects])[0],
        seconds=_seconds(strategy, space, profile, splits, probe, measurement),
        measurement=measurement,
    )


def default_cost(
    strategy: Strategy, space: SearchSpace, profile: DatasetProfile, splits: SplitPlan, n_rows: int
) -> float:
    """Tell the seconds of one fit of a default configuration by the card's formula, on one core.

    Parameters
    ----------
    strategy, space : Strategy, SearchSpace
        What is fitted.
    profile : DatasetProfile
        Says how many features and classes there are.
    splits : SplitPlan
        Says which part of the rows a fold trains on.
    n_rows : int
        Labelled rows that are divided into the folds.

    Returns
    -------
    float
    """
    n_features = profile.n_features if isinstance(profile, TabularProfile) else 1
    n_train = max(2, n_rows * (splits.folds - 1) // splits.folds)
    params = space.for_cost(space.defaults())
    n_outputs = max(1, profile.n_classes)
    return strategy.problem_cost(profile.task, n_train, max(1, n_features), n_outputs, params)


def _seconds(
    strategy: Strategy,
    space: SearchSpace,
    profile: DatasetProfile,
    splits: SplitPlan,
    probe: Probe | None,
    measurement: Measurement | None,
) -> float:
    """Wall clock of the default configuration on all folds: measured where it was, else by formula."""
    jobs = max(1, probe.jobs) if probe else 1
    one_fit = default_cost(strategy, space, profile, splits, profile.n_labelled)
    if measurement is not None and probe is not None:
        there = default_cost(strategy, space, profile, splits, probe.n_rows)
        growth = one_fit / max(there, SMALLEST_ERROR)
        one_fit = measurement.fit_seconds * max(1.0, growth)
    elif probe is not None:
        speed = probe.net_speed if strategy.card.clock == "net" else probe.speed
        one_fit *= 1.0 if speed is None else speed
    repeats = strategy.card.judged_repeats(splits.repeats)
    return one_fit * splits.folds * repeats / jobs


def _with_error(
    candidate: Candidate, all_of_them: Sequence[Candidate], probe: Probe | None, metric: Metric
) -> Candidate:
    """Add the expected error: measured, or estimated from the measured ones."""
    if probe is None or not probe.measured:
        return candidate
    if candidate.measurement is not None:
        return replace(candidate, error=_measured_error(candidate.measurement, metric))
    measured = [c for c in all_of_them if c.measurement is not None]
    anchors = _anchors(candidate.card.family, measured)
    if not anchors:
        return candidate
    logs = np.log(
        [np.maximum(_measured_error(c.measurement, metric), SMALLEST_ERROR) for c in anchors]
    )
    hardness = logs[:, 0] - [c.log_factor for c in anchors]
    # Effects that work on the anchors as well cancel, in the value and in the width.
    shared = [effect for c in anchors for _, effect in c.effects]
    own = [effect for _, effect in candidate.effects if effect not in shared]
    _, below, above = combine_effects(own)
    spread = max(float(np.std(hardness)), math.log1p(UNKNOWN_SPREAD))
    value = float(hardness.mean()) + candidate.log_factor
    error = (
        math.exp(value),
        math.exp(value - _root_of_squares(float((logs[:, 0] - logs[:, 1]).mean()), below, spread)),
        math.exp(value + _root_of_squares(float((logs[:, 2] - logs[:, 0]).mean()), above, spread)),
    )
    return replace(candidate, anchors=tuple(c.card.name for c in anchors), error=error)


def _anchors(family: str, measured: list[Candidate]) -> list[Candidate]:
    """The measured strategies to estimate one of ``family`` from."""
    for kin in (family, KIN.get(family)):
        found = [c for c in measured if c.card.family == kin]
        if found:
            return found
    return measured


def _measured_error(measurement: Measurement | None, metric: Metric) -> tuple[float, float, float]:
    assert measurement is not None
    ends = [metric.error(measurement.score.low), metric.error(measurement.score.high)]
    return measurement.error, min(ends), max(ends)


def _root_of_squares(*widths: float) -> float:
    return math.sqrt(sum(width * width for width in widths))


def _reference_of_all(candidates: Sequence[Candidate], modality: Modality) -> str:
    """Choose what relative errors refer to: the modality's reference where it is in the race."""
    names = [c.card.name for c in candidates]
    reference = REFERENCES.get(modality, "")
    return reference if reference in names else next(iter(names), "")


def _relative_to(base: Candidate, candidate: Candidate) -> Candidate:
    if base.error is not None and candidate.error is not None:
        relative = candidate.error[0] / max(base.error[0], SMALLEST_ERROR)
    else:
        relative = math.exp(candidate.log_factor - base.log_factor)
    return replace(candidate, relative=relative)


def _ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Order best first; what lies within TIE of the best of the rest: measured before estimated, then cheap first."""
    # What could not be scored comes last.
    errors = {c.card.name: math.inf if math.isnan(c.relative) else c.relative for c in candidates}
    waiting = sorted(candidates, key=lambda c: (errors[c.card.name], c.seconds, c.card.name))
    ordered: list[Candidate] = []
    while waiting:
        limit = errors[waiting[0].card.name] * (1.0 + TIE)
        tied = [c for c in waiting if errors[c.card.name] <= limit]
        ordered += sorted(tied, key=lambda c: (c.measurement is None, c.seconds, c.card.name))
        waiting = waiting[len(tied) :]
    return ordered
