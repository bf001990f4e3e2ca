"""What is wrong with the rows and columns: leaks, conflicts, repeats, identifiers."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.errors import quoted
from advisor.finding import Finding, note, warn
from advisor.profile import LeakSuspect, TabularProfile
from advisor.rule import rule

DUPLICATE_SHARE = 0.05
"""Share of repeated rows from which it is told; our choice: single repeats are common and harmless."""

CONFLICT_SHARE = 0.01
"""Share of rows that cannot be right from which it is told; our choice: a point of accuracy."""

OVERLAP_TOLD = 0.02
"""Share of test rows that also occur in train from which it is told; our choice."""

OVERLAP_WARNED = 0.05
"""Share of such test rows from which it is warned of: the score may be up to five points too good; our choice."""

OVERLAP_ROWS = 5
"""Such rows below which nothing is told; our choice."""

NAMED = 6
"""Columns named in one message; our choice, for the reader."""


@rule(reference="Kaufman et al. 2012, Leakage in data mining, doi.org/10.1145/2382577.2382579")
def leaking_column(profile: TabularProfile) -> Finding | None:
    """One column alone predicts the target nearly perfectly.

    What: scores each column alone by the means of its levels over other folds. Why: such a column is mostly the target
    written out, or filled in after the outcome; with it any score is high and worth nothing in use. Nothing is dropped
    unasked: you know whether the column is there at the moment of prediction.
    """
    leaks = [leak for leak in profile.leaks if leak.how == "alone"]
    if not leaks:
        return None
    named = "; ".join(_told(leak) for leak in leaks[:NAMED])
    columns = quoted([leak.columns[0] for leak in leaks], NAMED)
    return warn(
        f"Leak suspect: {named}. Unless {columns} is really known at the moment of prediction, drop it from the "
        "file: with it every score here is worth nothing.",
        score=leaks[0].score,
        n_columns=len(leaks),
    )


def _told(leak: LeakSuspect) -> str:
    what = f"label '{leak.label}'" if leak.label else "the target"
    return (
        f"column '{leak.columns[0]}' alone predicts {what} with {leak.measure} {leak.score:.3f} "
        f"on {leak.n_rows:,} rows"
    )


@rule(reference="Kaufman et al. 2012, Leakage in data mining, doi.org/10.1145/2382577.2382579")
def target_from_parts(profile: TabularProfile) -> Finding | None:
    """Target that is the sum, difference or product of two columns.

    What: tries every pair of numeric columns. Why: parts of the target are not known before the target is; a model then
    learns arithmetic.
    """
    parts = [leak for leak in profile.leaks if leak.how != "alone"]
    if not parts:
        return None
    named = "; ".join(
        f"the {p.how} of '{p.columns[0]}' and '{p.columns[1]}' is the target in {p.score:.0%} of the rows"
        for p in parts[:NAMED]
    )
    return warn(
        f"Leak: {named}. Drop both unless they are known beforehand: with them a model learns arithmetic and its "
        "score is worth nothing.",
        score=parts[0].score,
        n_pairs=len(parts),
    )


@rule(reference="our choice: 5 % of the rows; equal rows stay on one side of every split")
def duplicate_rows(profile: TabularProfile) -> Finding | None:
    """More than one row in twenty repeats another row's features.

    What: counts repeated feature rows exactly. Why: a repeat that is in training and in testing is remembered, not
    predicted; here equal rows are kept on one side of every split.
    """
    share = profile.n_duplicates / max(1, profile.n_labelled)
    if share < DUPLICATE_SHARE:
        return None
    return note(
        f"{profile.n_duplicates:,} of {profile.n_labelled:,} labelled rows ({share:.0%}) repeat the features of "
        "another row; count them as fewer labels, and keep repeats on one side of every split.",
        n_duplicates=profile.n_duplicates,
    )


@rule(
    reference="our choice: 1 % of the rows; Northcutt et al. 2021, arXiv 2103.14749, on label errors in test sets"
)
def label_conflicts(profile: TabularProfile) -> Finding | None:
    """Equal features with different labels.

    What: groups rows with equal features and counts those outside the most frequent label of their group. Why: no
    classifier can be right on those, so it is a ceiling of accuracy on this data; the labels are noisy, or a column
    that decides is not there.
    """
    if profile.task not in (Task.BINARY, Task.MULTICLASS):
        return None
    share = profile.conflict_errors / max(1, profile.n_labelled)
    if share < CONFLICT_SHARE:
        return None
    return warn(
        f"{profile.n_label_conflicts:,} rows have the same features as a row of another class: at least "
        f"{profile.conflict_errors:,} of {profile.n_labelled:,} ({share:.1%}) cannot be predicted right by anything. "
        "Check those labels, or look for the column that tells them apart.",
        n_label_conflicts=profile.n_label_conflicts,
        conflict_errors=profile.conflict_errors,
    )


@rule(reference="our choice: 2 % and 5 % of the test rows; Barz & Denzler 2020, arXiv 1902.00423")
def overlapping_test(profile: TabularProfile) -> Finding | None:
    """Test rows whose features also occur among the labelled rows.

    What: counts them exactly. Why: they measure memory. The test score is then higher than on new rows, unless such
    repeats are what use will bring.
    """
    share = profile.n_test_overlap / max(1, profile.n_test)
    if profile.n_test_overlap < OVERLAP_ROWS or share < OVERLAP_TOLD:
        return None
    tell = warn if share >= OVERLAP_WARNED else note
    return tell(
        f"{profile.n_test_overlap:,} of {profile.n_test:,} test rows ({share:.0%}) have the same features as a "
        "labelled row: the test score partly measures memory; remove them from the test split unless new data will "
        "repeat as well.",
        n_test_overlap=profile.n_test_overlap,
        n_test=profile.n_test,
    )


@rule(reference="our choice: what differs in every row cannot generalise")
def identifiers_left_out(profile: TabularProfile) -> Finding | None:
    """Columns that number or name the rows.

    What: names the columns of kind identifier. Why: a value that never comes again teaches nothing; they are kept in
    the schema and left out of the features.
    """
    if not profile.identifiers:
        return None
    return note(
        f"Left out as identifiers: {quoted(profile.identifiers, NAMED)} (a different value in nearly every row).",
        n_identifiers=len(profile.identifiers),
    )


@rule(reference="Kaufman et al. 2012, Leakage in data mining, doi.org/10.1145/2382577.2382579")
def ordered_by_identifier(profile: TabularProfile) -> Finding | None:
    """Identifiers whose order goes with the target.

    What: rank-correlates numeric identifiers with the target. Why: the rows were numbered by class, by time or by
    source; other columns may carry the same trace, and a random split then flatters.
    """
    found = [o for o in profile.ordered if o.kind == "identifier"]
    if not found or any(o.kind == "datetime" for o in profile.ordered):
        return None  # a date that does the same is told by target_follows_time
    named = ", ".join(
        f"'{o.column}' (rank correlation {o.correlation:+.2f})" for o in found[:NAMED]
    )
    return warn(
        f"The target goes with the order of {named}, which is left out as an identifier: were rows numbered by time, "
        "source or outcome? Then random folds flatter, and new rows will differ.",
        correlation=found[0].correlation,
    )


@rule(reference="our choice: constant, or one value in 99 % of the rows")
def constant_columns(profile: TabularProfile) -> Finding | None:
    """Columns that are the same in all or nearly all rows.

    What: names them. Why: constants are left out; what is nearly constant can only tell the few rows that differ.
    """
    if not profile.constants and not profile.near_constants:
        return None
    parts = []
    if profile.constants:
        parts.append(f"left out as constant: {quoted(profile.constants, NAMED)}")
    if profile.near_constants:
        parts.append(f"nearly constant: {quoted(profile.near_constants, NAMED)}")
    text = "; ".join(parts)
    return note(
        f"{text[0].upper()}{text[1:]}.",
        n_constants=len(profile.constants),
        n_near_constants=len(profile.near_constants),
    )


@rule(reference="our choice: equal partitions of the rows, or |r| > .999999")
def repeated_columns(profile: TabularProfile) -> Finding | None:
    """Columns that say the same as another one.

    What: compares how columns partition the rows, and finds linear copies. Why: copies weigh double in distances and in
    random choices of columns, and share their importance; nothing is lost without them.
    """
    if not profile.duplicate_columns:
        return None
    words = {"equal": "equals", "recoded": "recodes", "rescaled": "rescales"}
    named = ", ".join(
        f"'{p.second}' {words[p.relation]} '{p.first}'" for p in profile.duplicate_columns[:NAMED]
    )
    more = len(profile.duplicate_columns) - NAMED
    return note(
        f"Columns that repeat another: {named}{f' and {more} more' if more > 0 else ''}; nothing is lost without them.",
        n_duplicate_columns=len(profile.duplicate_columns),
    )
