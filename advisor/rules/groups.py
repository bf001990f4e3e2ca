"""Groups that no split can tell from the classes."""

from __future__ import annotations

from advisor.finding import Finding, warn
from advisor.profile import AudioProfile, DatasetProfile
from advisor.rule import rule

FEW_GROUPS = 5
"""Groups of a class below which a class may be told by its groups; our choice: fewer than one per fold of five."""

CONFOUNDED_SHARE = 0.8
"""Share of the groups that hold one class only from which groups and classes are confounded; our choice."""


@rule(reference="our choice: no split can tell a class from the only groups it has")
def classes_have_own_groups(profile: DatasetProfile) -> Finding | None:
    """Nearly every group holds one class only, and some class has few of them, or each class has just one.

    What: counts groups whose rows are all of one class, and the groups of the class with fewest. Why: what tells the
    groups apart then tells the classes apart, too; and a class of one group is never trained on and tested at once.
    Of recordings only the latter is told here: see groups_are_classes.
    """
    n_groups, fewest, of_one = (
        profile.n_groups,
        profile.smallest_class_groups,
        profile.n_groups_one_class,
    )
    if not n_groups or fewest is None or of_one < CONFOUNDED_SHARE * n_groups:
        return None
    if of_one == n_groups == profile.n_classes:
        return warn(
            f"Each of the {n_groups:,} classes comes from one group of its own: no score can be measured, for a class "
            "is never in the rows that are learned from while it is tested. Give other --groups, or leave them out if "
            "use brings the same ones again; else label every class in several.",
            n_groups_one_class=of_one,
            smallest_class_groups=fewest,
        )
    if fewest >= FEW_GROUPS or isinstance(profile, AudioProfile):
        return None
    return warn(
        f"{of_one:,} of {n_groups:,} groups hold one class only, and some class comes from {fewest:,}: a model may "
        "learn the group instead of the class. Label every class in several groups, best in the same ones.",
        n_groups_one_class=of_one,
        smallest_class_groups=fewest,
    )
