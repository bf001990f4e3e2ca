"""Ranking and probe → what would change the advice: a closer race, more labels, one more library.

A first choice without its breaking points is an oracle's; with them a reader can see how firm it is and what it
would cost to make it firmer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from advisor.measurement import Probe
from advisor.metrics import Metric
from advisor.profile import DatasetProfile, TabularProfile
from advisor.ranking import Candidate, Ranking, rank_strategies
from advisor.regime import Regime, find_regime
from advisor.rule import apply_rules
from advisor.splits import SplitPlan

CLEAR_WIN = 0.05
"""Share of resamples in which a runner-up may still win before the race counts as open: one side of a 90 % interval."""

FARTHEST = 16.0
"""A regime that begins beyond this many times today's labels is not worth telling of (our choice)."""

NO_ERROR = 1e-4
"""An error below this leaves nothing to improve: it is smaller than one row in ten thousand. Errors in the target's own
unit are not held against it."""

SIGNIFICANT = 3
"""Digits of a figure in a sentence."""

NOISE_SHARE = 0.2
"""When fewer rows did better in more than this share of resamples, the learning curve is noise (our choice)."""


def find_flips(
    profile: DatasetProfile,
    regime: Regime,
    ranking: Ranking,
    splits: SplitPlan,
    metric: Metric,
    probe: Probe | None,
) -> tuple[str, ...]:
    """Say what would change the first choice.

    Parameters
    ----------
    profile, regime : DatasetProfile, Regime
        Where we stand.
    ranking : Ranking
        What was ranked.
    splits : SplitPlan
        How often a configuration is fitted.
    metric : Metric
        What it was ranked by.
    probe : Probe or None
        What was measured.

    Returns
    -------
    tuple of str
        Sentences: the race within the interval, what is not installed, the next regime.
    """
    ready = [c for c in ranking.candidates if not c.strategy.missing()]
    if not ready:
        return ()
    return (
        *_installs(ranking, ready[0]),
        *_close_race(ready, probe),
        *_next_regime(profile, regime, ready[0], splits, metric),
    )


def worth_of_labels(
    profile: DatasetProfile, probe: Probe | None, metric: Metric, n_more: int | None = None
) -> str:
    """Say what more labels would be worth, from the probe's learning curve.

    A power law is drawn through the points in logarithms (the best of the simple curves over 130 datasets,
    Brumen 2021) and followed for one doubling, but only when every point is better than the one before and the
    last step is more than noise: about one learning curve in seven is not well-behaved (LCDB 1.1, arXiv 2505.15657).
    Of grouped data its points hold whole groups, so it tells what as many more groups are worth, and nothing of single
    labels: how many new groups those come from is not known.

    Parameters
    ----------
    profile : DatasetProfile
        Counts the labels.
    probe : Probe or None
        With the curve.
    metric : Metric
        Its direction.
    n_more : int or None
        How many more labels; ``None`` for as many as there are.

    Returns
    -------
    str
        One sentence, or two where the curve would have to be followed too far; empty without a probe.
    """
    if probe is None:
        return ""
    if unknown := _why_unknown(profile, probe):
        return f"What more labels are worth is not known: {unknown}."
    if n_more is not None and profile.n_groups is not None:
        return (
            f"What {n_more:,} more labels are worth is not known: it depends on how many new groups they come from."
            f" {worth_of_labels(profile, probe, metric)}"
        )
    growth = 2.0 if n_more is None else 1.0 + n_more / max(1, profile.n_labelled)
    if n_more is not None and growth > 2.0:
        return (
            f"What {n_more:,} more labels are worth is not known: the curve can be followed for one doubling only."
            f" {worth_of_labels(profile, probe, metric)}"
        )
    what = f"{n_more:,} more labels" if n_more is not None else "Twice the labels"
    if profile.n_groups is not None:
        what = (
            f"Twice the labels from {2 * profile.n_groups:,} groups instead of {profile.n_groups:,}"
        )
    curve, name = probe.curve, probe.curve_strategy
    path = ", ".join(f"{_figure(point.score.value)} at {point.n_train:,}" for point in curve)
    errors = [point.error for point in curve]
    falling = all(after < before for before, after in pairwise(errors))
    in_units = metric.needs == "values" and not metric.greater_is_better
    if errors[-1] <= (0.0 if in_units else NO_ERROR):  # a small error in small units is one
        return f"More labels cannot improve {metric.name}: {name} makes no error on these folds."
    if not falling:
        return (
            f"What more labels are worth is not known: the curve of {name} is not monotone ({path} training"
            f" {profile.items})."
        )
    if max(point.better_than_all for point in curve[-2:-1]) > NOISE_SHARE:
        return (
            f"{what} would change little: with half the {profile.items} {name} did about as well"
            f" ({path} training {profile.items}; the difference is within the noise)."
        )
    slope = float(
        np.polyfit(np.log([point.n_train for point in curve]), np.log(np.array(errors)), 1)[0]
    )
    error = errors[-1] * growth**slope
    score = 1.0 - error if metric.greater_is_better else error
    return (
        f"{what} ({profile.n_labelled + (n_more or profile.n_labelled):,}) should bring {name} from {metric.name}"
        f" {_figure(curve[-1].score.value)} to about {_figure(score)} ({path} training {profile.items})."
    )


def _why_unknown(profile: DatasetProfile, probe: Probe) -> str:
    """Say why there is no curve that could be followed from today's labels; empty where there is one."""
    if len(probe.curve) < 2:
        too_few = (
            ""
            if profile.n_groups is None
            else f", or {profile.n_groups:,} groups were too few for one"
        )
        return f"the probe had no time for a learning curve{too_few}"
    if probe.n_rows < probe.n_labelled:  # it ends where it ends, far before today's labels
        return (
            f"the curve was drawn on {probe.n_rows:,} of {probe.n_labelled:,} labelled"
            f" {profile.items}"
        )
    return ""


def _figure(value: float) -> str:
    """Write a figure with the digits a sentence can bear, never as a power of ten."""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, SIGNIFICANT - 1 - magnitude)}f}"


def _close_race(ready: list[Candidate], probe: Probe | None) -> Iterator[str]:
    """Name the best measured rival, by how often resampling the rows puts it ahead, and the best estimated one."""
    first, rivals = ready[0], ready[1:]
    if probe is None or not probe.measured or first.error is None:
        return
    ahead = {m.strategy: m.beats_best for m in probe.measured}
    if first.card.name == probe.measured[0].strategy:
        open_race = [c.card.name for c in rivals if ahead.get(c.card.name, 0.0) > CLEAR_WIN]
        for name in open_race[:1]:
            yield (
                f"Chance: in {ahead[name]:.0%} of the resamples of the rows {name} is ahead of"
                f" {first.card.name}; autofit races both."
            )
    guessed = rivals if first.measurement is None else [c for c in rivals if not c.measurement]
    for rival in guessed[:1]:
        if rival.error and rival.error[0] <= first.error[2]:
            guess = rival if first.measurement is not None else first
            yield (
                f"A measurement: {rival.card.name} lies within the interval of {first.card.name}, and"
                f" {guess.card.name} is only estimated; autofit measures both."
            )


def _installs(ranking: Ranking, first: Candidate) -> Iterator[str]:
    for candidate in ranking.candidates:
        if candidate is first:
            return
        yield (
            f"Once ready, {candidate.card.name} is expected to be ahead of {first.card.name}:"
            f" {candidate.strategy.missing()}."
        )


def _next_regime(
    profile: DatasetProfile, regime: Regime, first: Candidate, splits: SplitPlan, metric: Metric
) -> Iterator[str]:
    """With how many more labels another regime begins, and whom its evidence puts first."""
    n_labels = _labels_to_next_regime(profile, regime)
    if n_labels is None:
        return
    larger = with_labels(profile, n_labels)
    there = find_regime(larger)
    more = n_labels - profile.n_labelled
    ranking = rank_strategies(larger, there, apply_rules(larger), splits, metric, None)
    ready = [c.card for c in ranking.candidates if not c.strategy.missing()]
    text = f"More labels: {more:,} more make this {there.name}, where the evidence"
    if ready and ready[0].family != first.card.family:
        yield f"{text} puts the {ready[0].family} family ({ready[0].name}) first."
    else:
        yield f"{text} keeps the {first.card.family} family first."


def _labels_to_next_regime(profile: DatasetProfile, regime: Regime) -> int | None:
    """Find the smallest number of labels of another regime, by bisection between doublings."""
    here = profile.n_labelled
    low, high = here, here
    while find_regime(with_labels(profile, high)).name == regime.name:
        low, high = high, max(high * 2, high + 1)
        if high > here * FARTHEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if find_regime(with_labels(profile, middle)).name == regime.name:
            low = middle
        else:
            high = middle
    return high


def with_labels(profile: DatasetProfile, n_labelled: int) -> DatasetProfile:
    """Imagine the same data with another number of labels; everything counted in labels grows alike.

    Parameters
    ----------
    profile : DatasetProfile
        As it is.
    n_labelled : int
        As it might be.

    Returns
    -------
    DatasetProfile
        Of the same class.
    """
    growth = n_labelled / max(1, profile.n_labelled)
    changes: dict[str, object] = {
        "n_labelled": n_labelled,
        "n_rows": profile.n_rows + n_labelled - profile.n_labelled,
        "smallest_class": math.floor(profile.smallest_class * growth),
        "labels_per_class": profile.labels_per_class * growth,
        "class_counts": {k: math.floor(v * growth) for k, v in profile.class_counts.items()},
    }
    if profile.n_groups is not None:
        changes["n_groups"] = math.floor(profile.n_groups * growth)
    if isinstance(profile, TabularProfile):
        changes["rows_per_feature"] = profile.rows_per_feature * growth
    return profile.model_copy(update=changes)
