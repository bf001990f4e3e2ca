"""Classes: how unequal, how small, how many."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.errors import quoted
from advisor.finding import Finding, note, warn
from advisor.profile import DatasetProfile
from advisor.rule import rule

IMBALANCED = 9.0
"""Largest class over smallest, from which accuracy says little: always naming the larger of two classes is then right
nine times in ten. Our choice."""

TINY_CLASS = 10
"""Labels of a class below which five folds hold less than two each for testing; our choice."""

FOLDS = 5
"""Folds of the usual cross-validation: a class with fewer rows is absent from some of them."""

NAMED = 6
"""Classes named in one message; our choice, for the reader."""

FEW_PER_CLASS = 10.0
"""Labels per class below which many classes cannot be learned apart; our choice."""

MANY_CLASSES = 10
"""Classes from which labels per class are worth telling; our choice."""


@rule(reference="Resampling and calibration: arXiv 2606.29720 (single author, 5 sets, trees)")
def imbalanced_classes(profile: DatasetProfile) -> Finding | None:
    """Largest class nine times the smallest or more.

    What: divides the class counts. Why: accuracy rewards ignoring the small class. Weights and a threshold are the safe
    answer; random undersampling took the calibration error from .008 to .395.
    """
    if profile.task not in (Task.BINARY, Task.MULTICLASS) or profile.imbalance < IMBALANCED:
        return None
    rarest = min(profile.class_counts, key=lambda name: (profile.class_counts[name], name))
    metric = "average_precision" if profile.task is Task.BINARY else "balanced_accuracy or f1_macro"
    return note(
        f"Class '{rarest}' has {profile.smallest_class:,} of {profile.n_labelled:,} labels (1 : "
        f"{profile.imbalance:.0f}): judge by {metric}, not by accuracy; use class weights and a threshold rather "
        "than resampling.",
        imbalance=profile.imbalance,
        smallest_class=profile.smallest_class,
    )


@rule(reference="our choice: two test rows per fold of five")
def tiny_class(profile: DatasetProfile) -> Finding | None:
    """Classes with fewer than 10 labels.

    What: looks at the labels per class. Why: scarcity is counted in labels of the smallest class, not in rows: what a
    fold says about a class with one test row is one coin.
    """
    if profile.task is Task.REGRESSION:
        return None
    small = {n: c for n, c in profile.class_counts.items() if c < TINY_CLASS}
    if not small:
        return None
    named = ", ".join(f"'{name}' ({small[name]})" for name in sorted(small)[:NAMED])
    more = f" and {len(small) - NAMED} more" if len(small) > NAMED else ""
    doubt = (
        f"a class with fewer than {FOLDS} is absent from some test folds; collect more of it, merge it with another "
        "class, or read its score as a guess."
        if min(small.values()) < FOLDS
        else "their share of any score is a rough guess, and more labels of them are worth more than any others."
    )
    return warn(
        f"Classes with fewer than {TINY_CLASS} labels: {named}{more}: {doubt}",
        smallest_class=profile.smallest_class,
        n_small=len(small),
    )


@rule(reference="our choice: 10 labels per class")
def many_classes(profile: DatasetProfile) -> Finding | None:
    """Ten classes or more with fewer than ten labels each on average.

    What: divides labels by classes. Why: the number of pairs to tell apart grows with the square of the classes, the
    labels do not.
    """
    if profile.task is not Task.MULTICLASS or profile.n_classes < MANY_CLASSES:
        return None
    if profile.labels_per_class >= FEW_PER_CLASS:
        return None
    return warn(
        f"{profile.n_classes} classes share {profile.n_labelled:,} labels, {profile.labels_per_class:.1f} each: expect "
        "confusions; coarser classes would be learned sooner.",
        labels_per_class=profile.labels_per_class,
        n_classes=profile.n_classes,
    )


@rule(reference="our choice: 10 positives per label")
def rare_label(profile: DatasetProfile) -> Finding | None:
    """Multilabel with a label that is rare among many rows.

    What: compares presences with absences of the rarest label. Why: one model per label is fitted, and each is as
    scarce as its label.
    """
    if profile.task is not Task.MULTILABEL or profile.imbalance < IMBALANCED:
        return None
    rare = [
        n for n, c in profile.class_counts.items() if c * (IMBALANCED + 1) <= profile.n_labelled
    ]
    return note(
        f"Labels present in a tenth of the {profile.items} or fewer: {quoted(sorted(rare), 6)}; judge each label by "
        "average_precision, and expect the rare ones to be learned last.",
        imbalance=profile.imbalance,
        n_rare=len(rare),
    )
