"""Whether random folds can be believed: groups, time, size of the test split."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.finding import Finding, note, warn
from advisor.profile import DatasetProfile, TabularProfile, TextProfile
from advisor.rule import rule

FEW_GROUPS = 10
"""Groups below which a score is a mean over very few things; our choice."""

COARSE_TEST = 100
"""Test rows below which one row is more than a point of accuracy."""


@rule(
    reference="BeyondArena 2026, arXiv 2606.30410: random splits on grouped data distort rankings"
)
def group_key(profile: DatasetProfile) -> Finding | None:
    """Columns that repeat like a key of persons, places or things.

    What: looks at columns whose name is that of a key and whose values repeat. Why: rows of one person are alike; when
    some are trained on and others tested, the score is that of known persons, not of new ones.
    """
    if not isinstance(profile, TabularProfile | TextProfile):
        return None
    keys = [s for s in profile.group_suspects if s.how == "key"]
    if not keys:
        return None
    first = max(keys, key=lambda s: s.share_rows)
    return warn(
        f"Column '{first.column}' repeats like a key: {first.share_rows:.0%} of the {profile.items} share one of its "
        f"{first.n_groups:,} values with others. If new data will bring new ones, pass --groups {first.column}, or the "
        "score will be too good.",
        share_rows=first.share_rows,
        n_groups=first.n_groups,
    )


@rule(
    reference="BeyondArena 2026, arXiv 2606.30410: random splits on grouped data distort rankings"
)
def rows_differ_in_one_column(profile: TabularProfile) -> Finding | None:
    """Many rows are equal in all columns but one.

    What: leaves each column out in turn and counts equal rows; tables with few possible rows are not asked. Why: such
    rows are usually one thing measured several times; a random split then tests on things it has trained on.
    """
    found = [s for s in profile.group_suspects if s.how == "all_but_one"]
    if not found:
        return None
    suspect = found[0]
    return warn(
        f"{suspect.share_rows:.0%} of the rows differ from another one only in '{suspect.column}' "
        f"({suspect.n_groups:,} distinct sets of the other columns): if those are one thing measured several times "
        "and new data will bring new things, add a column that numbers them and pass --groups with its name.",
        share_rows=suspect.share_rows,
        n_groups=suspect.n_groups,
    )


@rule(reference="our choice: 10 groups")
def few_groups(profile: DatasetProfile) -> Finding | None:
    """Few groups of rows.

    What: counts groups, and the groups in which the rarest class occurs. Why: rows of one group are alike, so groups
    are what was sampled; a score over seven hospitals is a mean of seven.
    """
    if profile.n_groups is None:
        return None
    scarce = profile.smallest_class_groups
    count = profile.n_groups if scarce is None else min(profile.n_groups, scarce)
    if count >= FEW_GROUPS:
        return None
    which = "groups" if count == profile.n_groups else "groups hold the rarest class"
    return warn(
        f"Only {count} {which}: count labels in groups, not in the {profile.n_labelled:,} {profile.items}; the "
        "interval is about those few.",
        n_groups=profile.n_groups,
        n_labelled=profile.n_labelled,
    )


@rule(
    reference="BeyondArena 2026, arXiv 2606.30410: random splits on temporal data distort rankings"
)
def target_follows_time(profile: TabularProfile) -> Finding | None:
    """Dates whose order goes with the target.

    What: rank-correlates date columns with the target. Why: with a trend, random folds fill gaps between known days,
    while use means the days to come; the score is then too good.
    """
    found = [o for o in profile.ordered if o.kind == "datetime"]
    if not found:
        return None
    first = found[0]
    return warn(
        f"The target follows '{first.column}' (rank correlation {first.correlation:+.2f}): if the model will predict "
        "later dates, random folds flatter it; keep the last rows as the test split.",
        correlation=first.correlation,
    )


@rule(
    reference="BeyondArena 2026, arXiv 2606.30410: random splits on temporal data distort rankings"
)
def has_dates(profile: TabularProfile) -> Finding | None:
    """Dates among the columns, without a trend in the target.

    What: looks for columns of dates. Why: dated rows are often used to predict later ones, and random folds do not test
    that.
    """
    trending = {o.column for o in profile.ordered}
    dates = [name for name in profile.datetimes if name not in trending]
    if not dates:
        return None
    return note(
        f"Rows are dated ('{dates[0]}'): if the model will predict later dates, make the test split by time.",
        n_datetimes=len(dates),
    )


@rule(reference="our choice: one row is more than one point")
def coarse_test(profile: DatasetProfile) -> Finding | None:
    """Test split of fewer than 100 rows.

    What: counts test rows. Why: one row more or less is then more than a point; the cross-validated interval rests on
    more rows.
    """
    if not 0 < profile.n_test < COARSE_TEST or profile.task in (Task.REGRESSION, Task.SEGMENTATION):
        return None
    return note(
        f"The test split has {profile.n_test} {profile.items}, so one is {100 / profile.n_test:.1f} points of "
        "accuracy: a difference of a few points there is noise.",
        n_test=profile.n_test,
    )
