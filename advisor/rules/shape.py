"""The shape of the table: rows per feature, skew, cardinality, collinearity, missing cells, texts."""

from __future__ import annotations

from advisor.errors import quoted
from advisor.evidence import load_evidence
from advisor.finding import Finding, note
from advisor.profile import TabularProfile
from advisor.rule import rule

ROWS_PER_FEATURE = 5.0
"""Labelled rows per feature below which a flexible model has little to hold on to; our choice (20 events per variable
are usually asked for logistic regression alone)."""

SKEWED_SHARE = 0.5
"""Share of strongly skewed numeric columns from which a table is called irregular; our choice."""

SKEWED_COLUMNS = 3
"""Numeric columns that a table must have for a share of them to mean anything; our choice."""

MANY_LEVELS = 50
"""Levels of a categorical column from which one-hot columns become many and rare; our choice."""

ROWS_PER_LEVEL = 10.0
"""Labelled rows per level below which a column is called high-cardinality for its table; our choice."""

COLLINEAR_SHARE = 0.5
"""Share of numeric columns with a partner beyond |r| = .95 from which it is worth telling; our choice."""

MOSTLY_MISSING = 0.5
"""Share of missing cells from which a column is named; our choice."""

TARGET_SKEW = 2.0
"""Skewness of a target from which a few rows dominate a squared error: that of an exponential distribution."""

TARGET_ZEROS = 0.2
"""Share of exact zeros from which a target is called zero-inflated; our choice."""


@rule(
    reference="Knauer & Rodner 2024, arXiv 2409.01635; Varma & Simon 2006, BMC Bioinformatics 7:91"
)
def wide_table(profile: TabularProfile) -> Finding | None:
    """More features than labelled rows.

    What: compares the number of features with that of labelled rows. Why: a linear model can then fit any labels, even
    shuffled ones, and choosing features on all rows before cross-validating makes noise look like signal.
    """
    if profile.n_features <= profile.n_labelled:
        return None
    return note(
        f"{profile.n_features:,} features on {profile.n_labelled:,} labelled rows: any labels can be fitted, so "
        "trust only scores whose feature selection was done inside the folds (autofit does).",
        n_features=profile.n_features,
        n_labelled=profile.n_labelled,
    )


@rule(reference="our choice; the usual rule of 10 to 20 events per variable points the same way")
def few_rows_per_feature(profile: TabularProfile) -> Finding | None:
    """Fewer than 5 labelled rows per feature, though more rows than features.

    What: divides labelled rows by features. Why: the more freedom per row, the more strongly a model must be
    regularised, and the less a long search over its parameters can find that is not luck.
    """
    if profile.n_features > profile.n_labelled or profile.rows_per_feature >= ROWS_PER_FEATURE:
        return None
    return note(
        f"Only {profile.rows_per_feature:.1f} labelled rows per feature ({profile.n_labelled:,} rows, "
        f"{profile.n_features:,} features): strong regularisation, and fewer features if you know which matter.",
        rows_per_feature=profile.rows_per_feature,
    )


@rule(reference="McElfresh et al. 2023, arXiv 2305.02997 (176 tables)")
def irregular_features(profile: TabularProfile) -> Finding | None:
    """Half or more of the numeric columns are strongly skewed.

    What: counts numeric columns with a skewness beyond 2. Why: trees only see the order of values, while scaled linear
    models, SVMs and networks are pulled by the tail; over 176 tables boosting was ahead on irregular features.
    """
    n_numeric = profile.kinds.get("numeric", 0)
    if n_numeric < SKEWED_COLUMNS or profile.share_skewed < SKEWED_SHARE:
        return None
    row = load_evidence()["a2_irregular_boosting"]
    wide = profile.n_features > profile.n_labelled
    return note(
        f"{profile.share_skewed:.0%} of the {n_numeric} numeric columns are strongly skewed: this favours trees, which "
        "only see the order of values.",
        effects=row.effects() if row.covers(profile.n_labelled, wide=wide) else (),
        share_skewed=profile.share_skewed,
    )


@rule(reference="BeyondArena 2026, arXiv 2606.30410 (142 tables)")
def high_cardinality(profile: TabularProfile) -> Finding | None:
    """Categorical columns with many levels and few rows per level.

    What: looks at the categorical column with the most levels. Why: one-hot columns become many and rare, and a target
    encoding learned outside the folds leaks; in-context models lose their lead on such tables.
    """
    levels = profile.max_cardinality
    if levels < MANY_LEVELS or profile.n_labelled / levels >= ROWS_PER_LEVEL:
        return None
    return note(
        f"Column '{profile.max_cardinality_column}' has {levels:,} levels, {profile.n_labelled / levels:.1f} "
        "labelled rows each: encode it inside the folds only (autofit does), and expect little from its rare levels.",
        effects=load_evidence()["a9_high_cardinality_trees"].effects(),
        max_cardinality=levels,
    )


@rule(reference="Belsley, Kuh & Welsch 1980, Regression Diagnostics; threshold |r| > .95")
def collinear_features(profile: TabularProfile) -> Finding | None:
    """Half or more of the numeric columns are nearly linear copies of another one.

    What: counts numeric columns with a partner beyond |r| = .95. Why: single coefficients and importances mean nothing
    then, and an unpenalised linear model is unstable; predictions of penalised models are not hurt.
    """
    if (
        profile.kinds.get("numeric", 0) < SKEWED_COLUMNS
        or profile.share_collinear < COLLINEAR_SHARE
    ):
        return None
    return note(
        f"{profile.share_collinear:.0%} of the numeric columns nearly repeat another one (|r| > .95): do not read "
        "single coefficients or importances; penalised models cope.",
        share_collinear=profile.share_collinear,
    )


@rule(reference="our choice: a column with fewer values than gaps says more by its gaps")
def mostly_missing(profile: TabularProfile) -> Finding | None:
    """Columns with more than half of their cells missing.

    What: names them. Why: what is imputed outweighs what was measured. That a cell is missing is kept as a feature,
    which may carry the signal, or leak it if the cell was filled in after the outcome.
    """
    columns = {n: s for n, s in profile.missing_columns.items() if s > MOSTLY_MISSING}
    if not columns:
        return None
    named = ", ".join(f"'{name}' ({share:.0%})" for name, share in columns.items())
    return note(
        f"Mostly missing: {named}. Missingness is kept as a feature; drop such a column if it is filled in only after "
        "the outcome is known.",
        share_missing=profile.share_missing,
        n_columns=len(columns),
    )


@rule(reference="our choice: skewness of an exponential distribution")
def skewed_target(profile: TabularProfile) -> Finding | None:
    """Regression target with a long tail.

    What: measures its skewness. Why: under a squared error a few large values decide every choice; an absolute error,
    or the logarithm of the target, listens to all rows.
    """
    if profile.target_skew is None or abs(profile.target_skew) < TARGET_SKEW:
        return None
    return note(
        f"The target has a long tail (skewness {profile.target_skew:.1f}): a few rows dominate rmse and r2. If those "
        "are not what you care about, use --metric mae, or the logarithm of the target.",
        target_skew=profile.target_skew,
    )


@rule(reference="our choice: a fifth of all rows")
def zero_inflated_target(profile: TabularProfile) -> Finding | None:
    """Regression target that is exactly zero in a fifth of the rows or more.

    What: counts zeros. Why: whether it is zero and how large it is otherwise are two questions; one regression answers
    the mean of both, which no row has.
    """
    share = profile.target_zero_share
    if share is None or share < TARGET_ZEROS:
        return None
    return note(
        f"{share:.0%} of the targets are exactly 0: consider two models, one for zero or not (a classification) and "
        "one for the size of the others.",
        target_zero_share=share,
    )


@rule(reference="our choice: any column of free text is named")
def free_text(profile: TabularProfile) -> Finding | None:
    """Columns of free text in a table.

    What: names them. Why: in a table they are reduced to word counts; when they carry the meaning, a text model is the
    better tool.
    """
    if not profile.texts:
        return None
    return note(
        f"Free text in {quoted(profile.texts)} is reduced to word counts here; if the text is what decides, treat "
        "the problem as a text problem.",
        n_texts=len(profile.texts),
    )
