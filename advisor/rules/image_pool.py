"""The unlabelled pool of pictures: what it could be worth, and whether it is of the same kind."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.finding import Finding, note, warn
from advisor.profile import ImageProfile
from advisor.regime import find_regime
from advisor.rule import rule

FOREIGN_SHARE = 0.2
"""Share of the pool unlike every labelled picture from which it is warned of; our choice: with a fifth of other classes
semi-supervised learning already lost in Oliver et al. 2018."""

APART = 0.8
"""AUC of telling pool from labelled pictures from which the two are called different; our choice."""

FEW_LABELS = 25
"""Labels of the smallest class up to which self-training on frozen features gained more than a point (our
measurement)."""


@rule(
    reference="github.com/microsoft/Semi-supervised-learning (USB, 9 settings of pictures); our measurement, four sets"
)
def pool_of_pictures(profile: ImageProfile) -> Finding | None:
    """Unlabelled pool worth using.

    What: counts it and looks where it lies in the embedding of a backbone. Why: with the same pretrained backbone
    consistency methods (FreeMatch, SoftMatch, AdaMatch) had a third less error than labels alone, about what four times
    the labels bring; naive pseudo-labels were worse in 15 of 28 settings. Self-training a head on frozen features
    gained 1 to 5 points up to 10 labels per class, nothing at 100, and lost on a pool whose classes were of other
    shares.
    """
    if not find_regime(profile).name.endswith("_pool"):
        return None
    few = profile.label_scarcity <= FEW_LABELS
    worth = (
        "methods that learn from a pool took about a third off the error in published comparisons, and 1 to 5 points "
        "in ours up to 10 labels per class"
        if few
        else "methods that learn from a pool took about a third off the error in published comparisons with few "
        "labels, "
        "and next to nothing in ours at 100 per class"
    )
    return note(
        f"{profile.n_unlabelled:,} unlabelled pictures lie beside {profile.n_labelled:,} labelled "
        f"ones{_place(profile)}: {worth}. This version does not train on them (plain pseudo-labels hurt in 15 of 28 "
        "settings): labelling some is the surest gain (see what more labels are worth).",
        n_unlabelled=profile.n_unlabelled,
        n_labelled=profile.n_labelled,
    )


def _place(profile: ImageProfile) -> str:
    overlap = profile.pool_overlap
    if overlap is None:
        return ""
    return f" ({overlap.share_foreign:.0%} of {overlap.n_pool:,} looked at are unlike all labelled ones)"


@rule(
    reference="Oliver et al. 2018, arXiv 1804.09170; Su et al. 2021, arXiv 2104.00679: out-of-class pools are harmful"
)
def foreign_pool(profile: ImageProfile) -> Finding | None:
    """The pool holds other things than the labelled pictures.

    What: in the embedding of the best backbone, counts pool pictures farther from every labelled one than 99 % of those
    are from each other, and asks how well the two can be told apart. Why: a pool of other classes hurts whatever learns
    from it, and labels drawn from another source do not stand for the pictures that use will bring.
    """
    overlap = profile.pool_overlap
    if overlap is None or (overlap.share_foreign < FOREIGN_SHARE and overlap.auc < APART):
        return None
    return warn(
        f"Of {overlap.n_pool:,} pool pictures {overlap.share_foreign:.0%} are unlike every labelled one, and a linear "
        f"model tells pool from labelled with AUC {overlap.auc:.2f}: another source or other classes. Sort it before "
        "learning from it; if use brings pictures like the pool, label some of those.",
        share_foreign=overlap.share_foreign,
        auc=overlap.auc,
        n_pool=overlap.n_pool,
    )


@rule(
    reference="our choice: a held-out or labelled picture in the pool is told whenever there is one"
)
def pool_repeats_others(profile: ImageProfile) -> Finding | None:
    """Pool pictures that nearly repeat labelled or test pictures.

    What: compares them. Why: labelled ones bring nothing new; test pictures in the pool make every method that learns
    from the pool look better than it is.
    """
    if profile.n_pool_overlap == 0:
        return None
    return note(
        f"{profile.n_pool_overlap:,} pool pictures nearly repeat a labelled or a test picture: take them out of the "
        "pool before anything learns from it.",
        n_pool_overlap=profile.n_pool_overlap,
    )


FEW_MASKS = 100
"""Masks below which a set is called small; our choice."""

THIN_MASKS = 0.05
"""Share of a picture that masks cover on average below which the background dominates; our choice."""


@rule(reference="Ronneberger et al. 2015, arXiv 1505.04597; the bounds are our choice")
def masks_not_trained(profile: ImageProfile) -> Finding | None:
    """Pictures with masks.

    What: counts them and looks how much the masks cover. Why: this version does not train them, and with few masks the
    regime is hard: neighbouring pixels are alike, so a mask is worth far fewer labels than pixels, and folds must keep
    whole pictures (and whole patients or plates) together.
    """
    if profile.task is not Task.SEGMENTATION:
        return None
    cover = profile.mask_share
    thin = (
        f" The masks cover {cover:.1%} on average: use a Dice or focal loss and judge by Dice, not by pixel accuracy."
        if cover is not None and cover < THIN_MASKS
        else " Judge by Dice or intersection over union per picture, not by pixel accuracy."
    )
    size = "a hard regime" if profile.n_labelled < FEW_MASKS else "a moderate number"
    return warn(
        f"{profile.n_labelled:,} pictures with masks are {size}, and this version cannot train them: take a U-Net with "
        "a pretrained encoder, train on random crops with flips, elastic and colour changes, cross-validate by whole "
        f"pictures (by patient, slide or plate where there are), and begin with a frozen encoder.{thin}",
        n_labelled=profile.n_labelled,
    )
