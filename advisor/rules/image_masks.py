"""Pictures with masks: recognised and advised on, not trained."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.finding import Finding, warn
from advisor.profile import ImageProfile
from advisor.rule import rule

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
