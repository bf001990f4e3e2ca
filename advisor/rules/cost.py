"""What cannot run here in reasonable time or memory."""

from __future__ import annotations

from advisor.finding import Finding, note, veto
from advisor.profile import TabularProfile
from advisor.rule import rule

KERNEL_ROWS = 20_000
"""Labelled rows above which an SVM is out: its kernel matrix grows with the square of the rows, 3.2 GB of float64
here."""

IN_CONTEXT_ROWS = 100_000
"""Labelled rows above which in-context models are out: the range TabICLv2 was published for (300 to 100k)."""

IN_CONTEXT_FEATURES = 2_000
"""Features above which in-context models are out: the range TabPFN-2.5 was published for."""

WIDE_TREES = 5_000
"""Features from which untuned boosting can take minutes: CatBoost took 180 s on 10,000 columns, 2 cores (our
measurement)."""

LARGE_ROWS = 200_000
"""Labelled rows from which a table is told to take long; our choice."""


@rule(reference="scikit-learn user guide, SVM complexity: between quadratic and cubic in the rows")
def kernel_too_many_rows(profile: TabularProfile) -> Finding | None:
    """More labelled rows than a kernel matrix can hold.

    What: counts labelled rows. Why: time and memory of an SVM grow with their square or faster.
    """
    if profile.n_labelled <= KERNEL_ROWS:
        return None
    gigabytes = profile.n_labelled**2 * 8 / 1e9
    return veto(
        f"A kernel matrix of {profile.n_labelled:,} rows would take {gigabytes:,.0f} GB: no SVM above {KERNEL_ROWS:,} "
        "rows.",
        ("kernel",),
        n_labelled=profile.n_labelled,
    )


@rule(reference="github.com/soda-inria/tabicl, README; TabPFN-2.5 report, arXiv 2511.08667")
def in_context_out_of_range(profile: TabularProfile) -> Finding | None:
    """Tables outside the range that in-context models were made for.

    What: compares rows and features with their published ranges. Why: nothing is known about them there, and their
    memory grows with rows times features. Each model's own, narrower limits are on its card.
    """
    reasons = []
    if profile.n_labelled > IN_CONTEXT_ROWS:
        reasons.append(f"{profile.n_labelled:,} labelled rows (at most {IN_CONTEXT_ROWS:,})")
    if profile.n_features > IN_CONTEXT_FEATURES:
        reasons.append(f"{profile.n_features:,} features (at most {IN_CONTEXT_FEATURES:,})")
    if not reasons:
        return None
    return veto(
        f"In-context models were not made for {' and '.join(reasons)}.",
        ("in_context",),
        n_labelled=profile.n_labelled,
        n_features=profile.n_features,
    )


@rule(reference="our measurement: CatBoost, 10,000 columns, 2 cores: 180 s")
def many_features_slow_trees(profile: TabularProfile) -> Finding | None:
    """Thousands of features for boosted trees.

    What: counts features. Why: every split looks at every feature, so one fit takes minutes where a linear model takes
    a second.
    """
    if profile.n_features < WIDE_TREES:
        return None
    return note(
        f"Boosted trees look at all {profile.n_features:,} features for every split: a fit can take minutes where "
        "a linear model takes seconds.",
        n_features=profile.n_features,
    )


@rule(reference="our choice: 200,000 rows")
def large_table(profile: TabularProfile) -> Finding | None:
    """Hundreds of thousands of labelled rows.

    What: counts labelled rows. Why: scarcity is not the problem here; what is known about few labels does not apply,
    and a learning curve on a sample tells soon whether the rest is needed.
    """
    if profile.n_labelled < LARGE_ROWS:
        return None
    return note(
        f"{profile.n_labelled:,} labelled rows are plenty: in a short --time-limit autofit learns from a sample of "
        "them and says so; see on a tenth whether the score still grows before you pay for all.",
        n_labelled=profile.n_labelled,
    )
