"""The files themselves: broken ones, copies, odd ones."""

from __future__ import annotations

from advisor.errors import quoted
from advisor.finding import Finding, note, warn
from advisor.profile import ImageProfile
from advisor.rule import rule

BROKEN_SHARE = 0.01
"""Share of broken files from which they are warned of; our choice."""

COPY_SHARE = 0.02
"""Share of labelled pictures that repeat another one from which it is told; our choice: kept on one side of every
split, single copies are harmless."""

OVERLAP_WARNED = 0.01
"""Share of test pictures that repeat a labelled one from which the test score is doubted. CIFAR-10 has 3.3 % of them
and CIFAR-100 10 %, worth up to 14 % of the error (Barz & Denzler 2020, arXiv 1902.00423); the bound is our choice."""

NAMED = 3
"""Files named in one message; our choice, for the reader."""

SIMILARITY = (
    "our measurement: perceptual hashes (imagehash), confirmed by a coarse look, on four sets"
)


def _named(names: tuple[str, ...], total: int) -> str:
    more = total - min(NAMED, len(names))
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


@rule(reference="our choice: every broken file is named, and left out")
def broken_files(profile: ImageProfile) -> Finding | None:
    """Files that look like pictures and cannot be read.

    What: reads every header, and decodes what does not end as its format says. Why: they are left out of everything; a
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
def near_duplicate_pictures(profile: ImageProfile) -> Finding | None:
    """One labelled picture in fifty or more nearly repeats another.

    What: compares all labelled pictures. Why: a copy that is in training and in testing is remembered, not recognised;
    copies are kept on one side of every split here, and count as one label.
    """
    share = profile.n_near_duplicates / max(1, profile.n_labelled)
    if share < COPY_SHARE:
        return None
    return note(
        f"{profile.n_near_duplicates:,} of {profile.n_labelled:,} labelled pictures ({share:.0%}) nearly repeat "
        f"another one ({profile.n_duplicates:,} are the same file): count them as fewer labels; they stay on one side "
        "of every split.",
        n_near_duplicates=profile.n_near_duplicates,
        n_duplicates=profile.n_duplicates,
    )


@rule(
    reference="Northcutt et al. 2021, arXiv 2103.14749, on label errors in test sets; " + SIMILARITY
)
def near_duplicate_conflicts(profile: ImageProfile) -> Finding | None:
    """Nearly the same picture under two classes.

    What: compares all labelled pictures across classes. Why: at least one of the labels is wrong, or the classes are
    not exclusive and the task is multilabel.
    """
    if profile.n_near_conflicts == 0:
        return None
    named = f" ({'; '.join(profile.examples[:NAMED])})" if profile.examples else ""
    return warn(
        f"{profile.n_near_conflicts:,} labelled pictures nearly repeat one of another class{named}: check those "
        "labels; if both are right, the task is multilabel.",
        n_near_conflicts=profile.n_near_conflicts,
    )


@rule(reference="Barz & Denzler 2020, arXiv 1902.00423 (near duplicates in CIFAR)")
def test_repeats_labelled(profile: ImageProfile) -> Finding | None:
    """Test pictures that nearly repeat labelled ones.

    What: compares the test split with the labelled pictures. Why: they measure memory; the test score is then higher
    than on new pictures.
    """
    if profile.n_near_test_overlap == 0:
        return None
    share = profile.n_near_test_overlap / max(1, profile.n_test)
    tell = warn if share >= OVERLAP_WARNED else note
    return tell(
        f"{profile.n_near_test_overlap:,} of {profile.n_test:,} test pictures ({share:.1%}) nearly repeat a labelled "
        "one: remove them from one side, or the test score measures memory.",
        n_near_test_overlap=profile.n_near_test_overlap,
        n_test=profile.n_test,
    )


@rule(reference="our choice: named for a look, never left out")
def odd_pictures(profile: ImageProfile) -> Finding | None:
    """Pictures that are nearly black or white, or far less sharp than the others.

    What: compares mean brightness (all labelled pictures) and sharpness (a sample) with the median, in robust standard
    deviations. Why: lens caps, failed exposures and placeholders teach nothing; blurred ones may be what use will
    bring, so nothing is left out unasked.
    """
    dark, blurred = profile.brightness_outliers, profile.blurred
    if not dark and not blurred:
        return None
    parts = []
    if dark:
        parts.append(f"nearly black or white: {quoted(dark, NAMED)}")
    if blurred:
        parts.append(f"far less sharp than the rest: {quoted(blurred, NAMED)}")
    return note(f"Worth a look, {' and '.join(parts)}.", n_dark=len(dark), n_blurred=len(blurred))
