"""The unlabelled pool of pictures, texts or recordings: what it could be worth, and whether it is of the same kind."""

from __future__ import annotations

from advisor.dataset import Modality, Task
from advisor.evidence import Effect, effects_of
from advisor.finding import Finding, note, warn
from advisor.pools import COMPARED
from advisor.profile import PerceivedProfile, PoolOverlap
from advisor.regime import find_regime
from advisor.rule import rule, skill

FOREIGN_SHARE = 0.2
"""Share of the pool unlike every labelled item from which it is warned of; our choice: with a fifth of other classes
semi-supervised learning already lost in Oliver et al. 2018."""

APART = 0.8
"""AUC of telling pool from labelled items from which the two are called different; our choice."""

FEW_LABELS = 25
"""Labels of the smallest class up to which self-training on frozen features gained more than a point on pictures (our
measurement)."""

WORTH = {
    Modality.IMAGE: "about a third off the error in published comparisons with few labels",
    Modality.TEXT: "an eighth off the error in published comparisons with few labels",
    Modality.AUDIO: "about a quarter off the error in published comparisons with few labels",
}
"""Of adaptive-threshold consistency (rows usb_consistency, usb_texts, usb_recordings)."""

OURS_FEW = {
    Modality.IMAGE: ", and 1 to 5 points in ours up to 10 labels per class",
    Modality.TEXT: ", and 3 to 15 points on questions but none on sentiments in ours",
    Modality.AUDIO: ", and half the error on spoken digits but nothing on languages in ours",
}
"""What self-training a head on frozen features gained with few labels (our measurements)."""

OURS_MANY = {
    Modality.IMAGE: ", and next to nothing in ours at 100 per class",
    Modality.TEXT: ", and 1 point in ours at 256 per class",
    Modality.AUDIO: "",
}
"""The same with many."""

KNOWN_FROM = 0.8
"""Skill of frozen features from which they are said to know the classes; our choice, between CIFAR-10 (.22 to
.50 at 5 and 10 labels per class) and languages (.25 to .60), where the pool gained nothing reliable, and steel and
digits (.84 to .98), where it took half off the error; insects are on either side (0 to .80 at 5, .90 at 10)."""

GUESSED = 0.2
"""Skill on texts below which nothing is known that a pool could spread; our choice, between film reviews (below 0 at
5 and 10 labels per class, where the pool won or lost by chance) and questions (.44 and more)."""

KNOWN = {
    Modality.IMAGE: (
        *("own_pool_known_5", "own_pool_known_10", "own_spread_known_5", "own_spread_known_10"),
        *("own_prototypes_known_5", "own_consistency_known_5", "own_consistency_known_10"),
        "own_blend_known",
    ),
    Modality.AUDIO: (
        *("own_pool_known_sounds_5", "own_pool_known_sounds_10"),
        *("own_spread_known_sounds_5", "own_spread_known_sounds_10"),
        *("own_consistency_known_sounds", "own_blend_known_sounds"),
    ),
}
"""Evidence where frozen features know the classes."""

UNKNOWN = {
    Modality.IMAGE: ("own_pool_unknown", "own_consistency_unknown", "own_blend_unknown"),
    Modality.AUDIO: (
        *("own_pool_unknown_sounds", "own_consistency_unknown_sounds"),
        "own_blend_unknown_sounds",
    ),
}
"""Evidence where they do not."""

OF_TEXTS = (
    *("own_pool_texts_8", "own_pool_texts_16", "own_pool_texts_64", "own_pool_texts_256"),
    *("own_spread_texts", "own_prototypes_texts", "own_consistency_texts", "own_blend_texts"),
)
"""Evidence on texts, where it does not depend on that."""

HEADS = ("pool_blend", "self_training", "label_spreading", "prototypes", "consistency_head")
"""Heads on frozen features that learn from the pool of an item's one class, as their cards say."""

ONE_CLASS = frozenset({"consistency_head"})
"""Those of them that do not know several labels at once."""

ADAPTED = {
    Modality.IMAGE: "adapted_finetune, adapted_probe",
    Modality.TEXT: "adapted_finetune",
    Modality.AUDIO: "adapted_finetune, adapted_probe",
}
"""What adapts a backbone to the pool, as cards say: all that uses it where values are learned."""

PSEUDO_LABELS = {
    Modality.IMAGE: "15 of 28",
    Modality.TEXT: "8 of 10",
    Modality.AUDIO: "6 of 9",
}
"""Published settings in which plain pseudo-labels made it worse: of all three together, of texts, of recordings."""


@rule(
    reference="github.com/microsoft/Semi-supervised-learning (USB, 28 settings); our measurements, six sets"
)
def pool_worth_using(profile: PerceivedProfile) -> Finding | None:
    """Unlabelled pool worth using.

    What: counts it and looks where it lies in the embedding of a backbone. Why: with the same pretrained backbone
    consistency methods (FreeMatch, SoftMatch, AdaMatch) had a third less error than labels alone on pictures, a quarter
    on recordings, an eighth on texts; naive pseudo-labels were worse in 15 of 28 settings. Self-training a head on
    frozen features gained 1 to 5 points up to 10 labels per class on pictures and up to 15 on texts, next to nothing
    with a hundred or more, and lost on a pool whose classes were of other shares; a head consistent under noise gained
    less and lost less, and so did the mean of self-training and spread labels. On pictures and recordings the pool
    gained most where frozen features knew the classes already, and little elsewhere. All these give the pool classes:
    for values a backbone can be adapted to it, and what to label next can be chosen from it.
    """
    if not find_regime(profile).name.endswith("_pool"):
        return None
    modality, items = profile.modality, profile.items
    ours = OURS_FEW if profile.label_scarcity <= FEW_LABELS else OURS_MANY
    several = profile.task is Task.MULTILABEL
    heads = ", ".join(name for name in HEADS if not (several and name in ONE_CLASS))
    worth = (
        f"methods that learn from a pool took {WORTH[modality]}{ours[modality]}. Plain pseudo-labels hurt in "
        f"{PSEUDO_LABELS[modality]} published settings, so what learns from the pool here ({heads}) is judged on "
        "labelled folds beside what does not."
    )
    if profile.task is Task.REGRESSION:
        worth = (
            "methods that label a pool need classes. For values it is used only where a backbone is adapted to it "
            f"({ADAPTED[modality]}), and by --suggest-labels, which says what to label next."
        )
    return note(
        f"{profile.n_unlabelled:,} unlabelled {items} lie beside {profile.n_labelled:,} labelled "
        f"ones{_place(profile)}: {worth} Labelling some is the surest gain (see what more labels are worth).",
        effects=_effects(profile),
        n_unlabelled=profile.n_unlabelled,
        n_labelled=profile.n_labelled,
    )


def _effects(profile: PerceivedProfile) -> tuple[Effect, ...]:
    """What the pool did on sets like this one.

    Nothing is promised of a pool that looks foreign, where guessing would do as well, or of anything but one class.
    """
    overlap, known = profile.pool_overlap, skill(profile)
    if known is None or (overlap is not None and _is_foreign(overlap)):
        return ()
    one_class = profile.task in (Task.BINARY, Task.MULTICLASS)
    if not one_class or (profile.modality is Modality.TEXT and known < GUESSED):
        return ()
    modality = profile.modality
    names: tuple[str, ...] = OF_TEXTS
    if modality is not Modality.TEXT:
        names = (KNOWN if known >= KNOWN_FROM else UNKNOWN)[modality]
    return effects_of(names, profile.label_scarcity)


def _is_foreign(overlap: PoolOverlap) -> bool:
    foreign = overlap.share_foreign >= FOREIGN_SHARE and overlap.holds_foreign
    return foreign or (overlap.auc >= APART and overlap.stands_apart)


def _place(profile: PerceivedProfile) -> str:
    overlap = profile.pool_overlap
    if overlap is None:
        return ""
    return f" ({overlap.share_foreign:.0%} of {overlap.n_pool:,} looked at are unlike all labelled ones)"


@rule(
    reference="Oliver et al. 2018, arXiv 1804.09170; Su et al. 2021, arXiv 2104.00679: out-of-class pools are harmful"
)
def foreign_pool(profile: PerceivedProfile) -> Finding | None:
    """The pool holds other things than the labelled items.

    What: in the embedding of the best backbone, estimates the share of the pool that lies farther from every labelled
    item than those lie from each other, and asks how well the two can be told apart, and whether by chance. Why: a pool
    of other classes hurts whatever learns from it, and labels drawn from another source do not stand for what use will
    bring.
    """
    overlap = profile.pool_overlap
    if overlap is None or not _is_foreign(overlap):
        return None
    return warn(
        f"Of {overlap.n_pool:,} pool {profile.items} {overlap.share_foreign:.0%} are unlike every labelled one, and a "
        f"linear model tells pool from labelled with AUC {overlap.auc:.2f}: another source or other classes. Sort it "
        f"before learning from it; if use brings {profile.items} like the pool, label some of those.",
        share_foreign=overlap.share_foreign,
        auc=overlap.auc,
        n_pool=overlap.n_pool,
    )


@rule(reference="our choice: a held-out or labelled item in the pool is told whenever there is one")
def pool_repeats_others(profile: PerceivedProfile) -> Finding | None:
    """Items of the pool that nearly repeat labelled or test items.

    What: compares them, 5,000 of the pool at most. Why: labelled ones bring nothing new; test items in the pool make
    every method that learns from the pool look better than it is.
    """
    if profile.n_pool_overlap == 0:
        return None
    compared = f"{COMPARED:,} compared of the " if profile.n_unlabelled > COMPARED else ""
    return note(
        f"{profile.n_pool_overlap:,} of the {compared}pool's {profile.items} nearly "
        f"{'repeats' if profile.n_pool_overlap == 1 else 'repeat'} a labelled or a test one: they are left out of "
        "whatever learns from the pool here; a tool that is given the files would learn from them.",
        n_pool_overlap=profile.n_pool_overlap,
    )
