"""Numbers and facts as a person reads them; shared by all views."""

from __future__ import annotations

import math
from collections.abc import Iterable

from advisor.errors import counted
from advisor.evaluation import Score
from advisor.profile import (
    AudioProfile,
    DatasetProfile,
    ImageProfile,
    PerceivedProfile,
    TabularProfile,
    TextProfile,
)
from advisor.report import Recommendation, StrategyReport

MOST_DECIMALS = 4
"""No more decimals than this, not counting the zeros that small units begin with: an interval that narrow does not
happen on small data."""

PLAIN_DECIMALS = 6
"""With more decimals than this a number is written with a power of ten where that is shorter (our choice)."""

USUAL_DECIMALS = 3
"""Of scores whose interval is narrower than 1, as is usual for rates."""

SIGNIFICANT = 1
"""Digits of an interval's width that are shown beyond its leading one."""

MINUTE, HOUR = 60.0, 3600.0
"""Seconds."""

DISTANT = 0.6
"""A dummy farther than this many widths of the chart outside of it is not drawn but pointed at (our choice)."""

MOST_FORMATS = 3
"""Formats of pictures named, most frequent first; our choice."""

KINDS = {
    "photo": "colour pictures",
    "greyscale": "grey pictures",
    "document": "pictures on a light ground",
    "tiny": "small pictures",
    "mixed": "pictures of several kinds",
}
"""What the contents of an image profile are called."""

MARGIN = 0.04
"""Free space at each end of a chart's scale, as a fraction of its range."""


def decimals_for(scores: Iterable[Score]) -> int:
    """Choose how many decimals a column of scores needs, from its narrowest interval and its largest number.

    Parameters
    ----------
    scores : iterable of Score
        All that stand in one column.

    Returns
    -------
    int
        0 to ``MOST_DECIMALS``, and as many more as the largest number has zeros behind its point.

    Examples
    --------
    >>> decimals_for([Score(value=0.842, low=0.821, high=0.862, level=0.95)])
    3
    """
    shown = list(scores)
    widths = [score.high - score.low for score in shown if score.high > score.low]
    widths = [width for width in widths if math.isfinite(width)]
    sizes = [abs(size) for score in shown for size in (score.value, score.low, score.high)]
    visible = _decimals_of(max(filter(math.isfinite, sizes), default=0.0))
    if not widths:
        return max(USUAL_DECIMALS, visible)
    decimals = max(_decimals_of(min(widths)), USUAL_DECIMALS if min(widths) < 1 else 0)
    return min(decimals, MOST_DECIMALS + max(0, visible - SIGNIFICANT - 1))


def _decimals_of(size: float) -> int:
    """Decimals that show two digits of a number, 0 for nothing or much."""
    return max(0, SIGNIFICANT - math.floor(math.log10(size))) if size > 0 else 0


def format_score(score: Score, decimals: int) -> str:
    """Write a score with its interval.

    Parameters
    ----------
    score : Score
        In the metric's own units.
    decimals : int
        From :func:`decimals_for`.

    Returns
    -------
    str

    Examples
    --------
    >>> format_score(Score(value=0.842, low=0.821, high=0.8624, level=0.95), 3)
    '0.842 [0.821, 0.862]'
    """
    value, low, high = (format_number(v, decimals) for v in (score.value, score.low, score.high))
    return f"{value} [{low}, {high}]"


def format_number(value: float, decimals: int) -> str:
    """Write one number with thousands separators, or with a power of ten where that is shorter than many decimals.

    Examples
    --------
    >>> format_number(23451.2, 0), format_number(0.00000031, 8)
    ('23,451', '3.1e-07')
    """
    plain = f"{value:,.{decimals}f}"
    if decimals <= PLAIN_DECIMALS or not math.isfinite(value):
        return plain
    kept = round(value, decimals)
    if not kept:
        return "0"
    digits = max(0, decimals + math.floor(math.log10(abs(kept))))
    return min(plain, f"{kept:.{digits}e}", key=len)


def format_seconds(seconds: float) -> str:
    """Write a duration in the unit that suits it.

    Examples
    --------
    >>> [format_seconds(s) for s in (0.04, 3.21, 42, 59.7, 95, 5400)]
    ['<0.1s', '3.2s', '42s', '1m00s', '1m35s', '1h30m']
    """
    if seconds < 0.1:
        return "<0.1s"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < MINUTE - 0.5:
        return f"{seconds:.0f}s"
    if seconds < HOUR - 0.5:
        minutes, rest = divmod(round(seconds), int(MINUTE))
        return f"{minutes}m{rest:02d}s"
    hours, rest = divmod(round(seconds / MINUTE), int(HOUR / MINUTE))
    return f"{hours}h{rest:02d}m"


def facts(profile: DatasetProfile) -> tuple[str, ...]:
    """Say how much of what there is, in a handful of phrases.

    Parameters
    ----------
    profile : DatasetProfile
        Of any modality.

    Returns
    -------
    tuple of str
        For example ``("2,227 labelled rows", "13 features (9 numeric, 4 categorical)")``.
    """
    phrases = [counted(profile.n_labelled, f"labelled {profile.items[:-1]}")]
    if profile.n_unlabelled:
        phrases.append(f"{profile.n_unlabelled:,} unlabelled")
    if profile.n_test:
        phrases.append(f"{profile.n_test:,} in the test split")
    if isinstance(profile, TabularProfile):
        kinds = sorted(profile.kinds.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{count} {kind.replace('_', '-')}" for kind, count in kinds if count)
        phrases.append(f"{counted(profile.n_features, 'feature')} ({listed})")
        if profile.share_missing:
            phrases.append(f"{profile.share_missing:.1%} of cells missing")
    if isinstance(profile, ImageProfile):
        phrases += _facts_of_pictures(profile)
    elif isinstance(profile, TextProfile):
        phrases += _facts_of_texts(profile)
    elif isinstance(profile, AudioProfile):
        phrases += _facts_of_recordings(profile)
    if profile.class_counts:
        smallest = min(profile.class_counts, key=lambda name: profile.class_counts[name])
        noun = "label" if profile.task.value == "multilabel" else "class"
        phrases.append(
            f"{counted(profile.n_classes, noun, noun + ('s' if noun == 'label' else 'es'))},"
            f" fewest: {smallest} ({profile.smallest_class:,})"
        )
    if profile.n_groups is not None:
        phrases.append(counted(profile.n_groups, "group"))
    if profile.n_duplicates:
        phrases.append(counted(profile.n_duplicates, f"repeated {profile.items[:-1]}"))
    return tuple(phrases)


def _facts_of_pictures(profile: ImageProfile) -> list[str]:
    """Say of what kind and size the pictures are, and what cannot be read."""
    formats = ", ".join(list(profile.formats)[:MOST_FORMATS])
    width, height = profile.width, profile.height
    size = f"{width[1]:,} x {height[1]:,} px"
    if width[0] != width[2] or height[0] != height[2]:
        size += (
            f" in the middle, sides {min(width[0], height[0]):,} to {max(width[2], height[2]):,}"
        )
    kind = KINDS[profile.content]
    phrases = [f"{kind} ({formats})" if formats else kind, size]
    return phrases + _broken(profile)


def _facts_of_texts(profile: TextProfile) -> list[str]:
    """Say how long the texts are, in which languages, and what stands beside them."""
    fewest, middle, most = profile.words
    phrases = [f"{middle:,.0f} words in the middle, {fewest:,} to {most:,}"]
    if profile.languages:
        listed = [f"{name} {share:.0%}" for name, share in profile.languages.items()]
        phrases.append(" ".join(listed[:MOST_FORMATS]))
    if profile.other_columns:
        phrases.append(f"{counted(len(profile.other_columns), 'column')} beside the text")
    return phrases + _broken(profile)


def _facts_of_recordings(profile: AudioProfile) -> list[str]:
    """Say how long the recordings are, at which rate, and of what kind."""
    shortest, middle, longest = profile.seconds
    rates = " and ".join(f"{rate / 1000:g}" for rate in list(profile.rates)[:MOST_FORMATS])
    kind = "sounds" if profile.content == "mixed" else profile.content
    formats = ", ".join(list(profile.formats)[:MOST_FORMATS])
    phrases = [f"{kind} ({formats}, {rates} kHz)" if profile.rates else kind]
    phrases.append(f"{middle:.3g} s in the middle, {shortest:.2g} to {longest:.3g}")
    return phrases + _broken(profile)


def _broken(profile: PerceivedProfile) -> list[str]:
    """Say how many files were left out."""
    if not profile.n_broken:
        return []
    return [f"{counted(profile.n_broken, 'file')} left out as broken"]


def splits_in_words(report: StrategyReport) -> str:
    """Say on what the scores rest, for example ``8 folds, stratified, seed 0``."""
    plan = report.splits
    times = f" x {plan.repeats}" if plan.repeats > 1 else ""
    parts = [f"{plan.folds} folds{times}"]
    parts += ["stratified"] if plan.stratified else []
    parts += ["groups kept together"] if plan.grouped else []
    return ", ".join([*parts, f"seed {report.seed}"])


def task_in_words(report: StrategyReport) -> str:
    """Say what is predicted, for example ``binary target Status``."""
    targets = ", ".join(report.targets[:3]) + (" ..." if len(report.targets) > 3 else "")
    return f"{report.profile.task} target {targets}" if targets else str(report.profile.task)


def rejections(report: StrategyReport) -> list[tuple[str, str, str]]:
    """Put strategies that are out for one reason together.

    Parameters
    ----------
    report : StrategyReport
        With or without any.

    Returns
    -------
    list of tuple (strategies, reason, rule)
        In the order of the report; strategies with commas between them.
    """
    named: dict[tuple[str, str], list[str]] = {}
    for one in report.rejected:
        named.setdefault((one.reason, one.rule), []).append(one.strategy)
    return [(", ".join(names), reason, rule) for (reason, rule), names in named.items()]


ADVICE_ONLY = "This version recognises {task} and advises on it; it cannot train it yet."
"""What stands in place of a ranking for a task that is only advised on."""


def advice_only(report: StrategyReport) -> str:
    """Say why a report has no ranking; empty where it has one."""
    return "" if report.recommendations else ADVICE_ONLY.format(task=report.profile.task)


class Scale:
    """The common axis of an interval chart: what the recommendations span, and the dummy where it is near.

    Parameters
    ----------
    scores : sequence of Score
        Everything that is drawn.
    dummy : Score or None
        Drawn as a mark; left out of the scale when it lies far away.
    """

    def __init__(self, scores: list[Score], dummy: Score | None) -> None:
        self.low = min(score.low for score in scores)
        self.high = max(score.high for score in scores)
        width = (self.high - self.low) or abs(self.high) or 1.0
        self.dummy: float | None = None
        if dummy is not None and (
            self.low - DISTANT * width <= dummy.value <= self.high + DISTANT * width
        ):
            self.dummy = dummy.value
            self.low, self.high = min(self.low, dummy.value), max(self.high, dummy.value)
        width = (self.high - self.low) or abs(self.high) or 1.0
        self.low, self.high = self.low - MARGIN * width, self.high + MARGIN * width

    def place(self, value: float) -> float:
        """Where a value stands, as a fraction in [0, 1] of the axis."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self, most: int = 6) -> list[float]:
        """Round values along the axis."""
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        return [i * step for i in range(first, last + 1)]


def scored(report: StrategyReport) -> list[Recommendation]:
    """List the recommendations that have an expected score."""
    return [r for r in report.recommendations if r.expected is not None]


def scale_of(report: StrategyReport) -> Scale | None:
    """Make the axis of the report's chart; ``None`` where nothing was measured."""
    scores = [r.expected for r in report.recommendations if r.expected is not None]
    return Scale(scores, report.dummy) if scores else None
