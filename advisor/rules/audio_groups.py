"""Speakers and recordings that several items share: what a split must keep together, and what a class must not be."""

from __future__ import annotations

from advisor.finding import Finding, note, warn
from advisor.profile import AudioProfile
from advisor.rule import rule

FEW_GROUPS = 5
"""Groups of a class below which a class may be told by its speakers; our choice: fewer than one per fold of five."""

CONFOUNDED_SHARE = 0.8
"""Share of the groups that hold one class only from which groups and classes are confounded; our choice."""

SPEAKERS = (
    "our measurement: spoken digits, 4 speakers to train and 2 to test (row own_unseen_speakers)"
)


@rule(reference=SPEAKERS)
def speakers_not_known(profile: AudioProfile) -> Finding | None:
    """Speech, and nothing says who speaks.

    What: looks whether there are groups, given or found in the names, and whether it sounds like speech. Why: with
    other speakers in the test the cepstrum lost 27 points at 20 labels per class (86 to 59 %) and Whisper's encoder 6;
    a split that ignores speakers promises the higher figure.
    """
    known = profile.group_source or profile.group_hint or profile.n_groups is not None
    if known or profile.content != "speech":
        return None
    return warn(
        "It is not known who speaks in which recording: if use brings new speakers, the score here is too high (by 27 "
        "points with statistics and 6 with an encoder of speech on spoken digits, 20 labels per class). Give speakers "
        "with --groups, or put them into the names of the files.",
        n_labelled=profile.n_labelled,
    )


@rule(reference=SPEAKERS)
def groups_guessed(profile: AudioProfile) -> Finding | None:
    """Groups were guessed from the names of the files, and shape every split.

    What: says how they were found and how many there are. Why: kept together they make the score that of new speakers
    or recordings; a wrong guess costs folds and score for nothing, so it can be switched off.
    """
    if profile.group_source != "names" or not profile.n_groups:
        return None
    hint = f"{profile.group_hint.rstrip('.')}: " if profile.group_hint else ""
    return note(
        f"{hint[:1].upper()}{hint[1:]}{profile.n_groups:,} groups were guessed from the names of the files, and each "
        "is kept on one side of every split, so that the score is that of new ones. If they mean nothing, or use "
        "brings the same ones again: --groups none.",
        n_groups=profile.n_groups,
    )


@rule(reference="our choice: no split can tell a class from the only speakers it has")
def groups_are_classes(profile: AudioProfile) -> Finding | None:
    """Nearly every group holds one class only, and some class has few of them, or groups were not used for that.

    What: counts groups whose recordings are all of one class, and the groups of the class with fewest. Why: where each
    class has its own speakers or places, a model may learn those instead; only many of them per class make it unlikely.
    """
    n_groups, fewest = profile.n_groups, profile.smallest_class_groups
    if not n_groups and profile.group_hint and profile.group_source != "given":
        return warn(
            f"Groups were found in the names of the files and are not used: {profile.group_hint.rstrip('.')}. The "
            "model may learn who or where instead of what, and no split can tell.",
            n_groups=0,
        )
    if not n_groups or fewest is None or profile.n_groups_one_class < CONFOUNDED_SHARE * n_groups:
        return None
    if fewest >= FEW_GROUPS:
        return None
    return warn(
        f"{profile.n_groups_one_class:,} of {n_groups:,} groups hold one class only, and some class comes from "
        f"{fewest:,}: the model may learn who or where instead of what. Record every class with several, best the same "
        "ones.",
        n_groups_one_class=profile.n_groups_one_class,
        smallest_class_groups=fewest,
    )


@rule(reference=SPEAKERS)
def test_shares_groups(profile: AudioProfile) -> Finding | None:
    """Groups of the labelled recordings occur in the test split, too.

    What: finds groups in the names of the test split in the same way. Why: the test then measures known speakers or
    places, and its score is higher than that of cross-validation, which keeps them apart.
    """
    if profile.n_test_groups_shared == 0:
        return None
    return warn(
        f"{profile.n_test_groups_shared:,} groups of the labelled recordings occur in the test split as well: its "
        "score is that of known ones and will be higher than the one cross-validated here, which is that of new ones.",
        n_test_groups_shared=profile.n_test_groups_shared,
    )
