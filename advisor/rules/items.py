"""Pictures, texts and recordings themselves: broken ones, and copies."""

from __future__ import annotations

from advisor.finding import Finding, note, warn
from advisor.pools import COMPARED
from advisor.profile import PerceivedProfile
from advisor.rule import rule

BROKEN_SHARE = 0.01
"""Share of broken files from which they are warned of; our choice."""

COPY_SHARE = 0.02
"""Share of labelled items that repeat another one from which it is told; our choice: kept on one side of every
split, single copies are harmless."""

OVERLAP_WARNED = 0.01
"""Share of test items that repeat a labelled one from which the test score is doubted. CIFAR-10 has 3.3 % of them
and CIFAR-100 10 %, worth up to 14 % of the error (Barz & Denzler 2020, arXiv 1902.00423); the bound is our choice."""

NAMED = 3
"""Files named in one message; our choice, for the reader."""

SIMILARITY = (
    "our measurement: hashes of pictures and of spectra, MinHash of texts, confirmed by the content"
)


def _named(names: tuple[str, ...], total: int) -> str:
    more = total - min(NAMED, len(names))
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


@rule(reference="our choice: every broken file is named, and left out")
def broken_files(profile: PerceivedProfile) -> Finding | None:
    """Files that look like data and cannot be read.

    What: reads every header, and decodes what is not as its format says. Why: they are left out of everything; a
    share of them worth telling often means an interrupted copy, and then others are missing as well.
    """
    if profile.n_broken == 0:
        return None
    tell = warn if profile.n_broken >= BROKEN_SHARE * max(1, profile.n_rows) else note
    files = "1 file" if profile.n_broken == 1 else f"{profile.n_broken:,} files"
    return tell(
        f"{files} cannot be read and {'is' if profile.n_broken == 1 else 'are'} left out: "
        f"{_named(profile.broken, profile.n_broken)}.",
        n_broken=profile.n_broken,
    )


@rule(reference=SIMILARITY)
def near_duplicates(profile: PerceivedProfile) -> Finding | None:
    """One labelled item in fifty or more nearly repeats another.

    What: compares all labelled items. Why: a copy that is in training and in testing is remembered, not recognised;
    copies are kept on one side of every split here, and count as one label.
    """
    share = profile.n_near_duplicates / max(1, profile.n_labelled)
    if share < COPY_SHARE:
        return None
    return note(
        f"{profile.n_near_duplicates:,} of {profile.n_labelled:,} labelled {profile.items} ({share:.0%}) nearly repeat "
        f"another one ({profile.n_duplicates:,} are exactly the same): count them as fewer labels; they stay on "
        "one side of every split.",
        n_near_duplicates=profile.n_near_duplicates,
        n_duplicates=profile.n_duplicates,
    )


@rule(
    reference="Northcutt et al. 2021, arXiv 2103.14749, on label errors in test sets; " + SIMILARITY
)
def near_duplicate_conflicts(profile: PerceivedProfile) -> Finding | None:
    """Nearly the same item under two classes.

    What: compares all labelled items across classes. Why: at least one of the labels is wrong, or the classes are
    not exclusive and the task is multilabel.
    """
    if profile.n_near_conflicts == 0:
        return None
    named = f" ({'; '.join(profile.examples[:NAMED])})" if profile.examples else ""
    return warn(
        f"{profile.n_near_conflicts:,} labelled {profile.items} nearly repeat one of another class{named}: check those "
        "labels; if both are right, the task is multilabel.",
        n_near_conflicts=profile.n_near_conflicts,
    )


@rule(reference="Barz & Denzler 2020, arXiv 1902.00423 (near duplicates in CIFAR)")
def test_repeats_labelled(profile: PerceivedProfile) -> Finding | None:
    """Test items that nearly repeat labelled ones.

    What: compares the test split, 5,000 of it at most, with the labelled items. Why: they measure memory; the test
    score is then higher than on new ones.
    """
    if profile.n_near_test_overlap == 0:
        return None
    compared = min(profile.n_test, COMPARED)
    share = profile.n_near_test_overlap / max(1, compared)
    tell = warn if share >= OVERLAP_WARNED else note
    of = f"the {compared:,} compared of " if compared < profile.n_test else ""
    return tell(
        f"{profile.n_near_test_overlap:,} of {of}{profile.n_test:,} test {profile.items} ({share:.1%}) nearly repeat a "
        "labelled one: remove them from one side, or the test score measures memory.",
        n_near_test_overlap=profile.n_near_test_overlap,
        n_compared=compared,
        n_test=profile.n_test,
    )
