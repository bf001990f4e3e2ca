"""Whether the test split and the pool look like the labelled rows."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.finding import Finding, note, warn
from advisor.profile import ColumnDrift, TabularProfile
from advisor.rule import rule

NAMED = 3
"""Columns named in one message; our choice, for the reader."""

FAR = 0.3
"""Distance from which one drifted column alone is worth a warning; our choice."""

MUCH = 0.2
"""Share of drifted columns from which the sets are called different; our choice."""


@rule(
    reference="Smirnov's two-sample test and total variation, Bonferroni over columns; effect size >= .1 is our choice"
)
def drifted_test(profile: TabularProfile) -> Finding | None:
    """Test split and labelled rows are distributed differently.

    What: compares every column, by effect size and by a test corrected for their number. Why: the cross-validated score
    speaks about rows like the labelled ones; where test rows are others, it promises too much.
    """
    if not profile.test_drift:
        return None
    message = (
        f"{_share(profile.share_test_drift, profile)} differ between test and labelled rows "
        f"({_named(profile.test_drift)}): the cross-validated score may not hold there; was the split made by time or "
        "by source?"
    )
    return _graded(message, profile.test_drift, profile.share_test_drift)


@rule(
    reference="Oliver et al. 2018, arXiv 1804.09170: semi-supervised learning is hurt by a pool of other classes"
)
def drifted_pool(profile: TabularProfile) -> Finding | None:
    """Unlabelled pool and labelled rows are distributed differently.

    What: compares every column, by effect size and by a test corrected for their number. Why: a pool of other rows
    teaches the wrong thing, and labels chosen by convenience do not stand for the rows a model will see.
    """
    if not profile.pool_drift:
        return None
    message = (
        f"{_share(profile.share_pool_drift, profile)} differ between pool and labelled rows "
        f"({_named(profile.pool_drift)}): the labelled rows are no random sample of the pool, so neither learn from "
        "the pool nor expect the score there."
    )
    return _graded(message, profile.pool_drift, profile.share_pool_drift)


def _share(share: float, profile: TabularProfile) -> str:
    """How many columns drifted of those that were compared: of free text no distribution is known."""
    compared = max(1, profile.n_features - len(profile.texts))
    columns = "columns other than free text" if profile.texts else "columns"
    return f"{round(share * compared)} of {compared} {columns}"


def _named(drift: Sequence[ColumnDrift]) -> str:
    more = len(drift) - NAMED
    named = ", ".join(f"'{d.column}' by {d.distance:.2f}" for d in drift[:NAMED])
    return f"{named} ..." if more > 0 else named


def _graded(message: str, drift: Sequence[ColumnDrift], share: float) -> Finding:
    tell = warn if share >= MUCH or drift[0].distance >= FAR else note
    return tell(message, share=share, largest=drift[0].distance)
