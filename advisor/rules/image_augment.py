"""Augmentation: what must not be changed in these pictures, and what needs more of them."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.finding import Finding, note, warn
from advisor.profile import ImageProfile
from advisor.rule import rule, told_labels

MIRROR_LOSS = 0.3
"""Loss of accuracy on mirrored pictures from which mirroring is called harmful. Our choice: it was .65 to .80 on
handwritten digits, 0 to .01 on photos and .13 on steel surfaces (our measurement)."""

COLOUR_SKILL = 0.5
"""Skill of the mean colour alone from which colour counts as part of the label. Our choice: it was .25 on photos of
insects and .08 on CIFAR-10 (our measurement)."""

MIXING_FROM = 25
"""Labels of the smallest class from which Mixup and CutMix are worth trying. Our choice, between the 4 and the 100 per
class of the source, where they gain only moderately."""

FLAT_SHARE = 0.8
"""Share of pictures on one flat light ground from which a set is treated as documents; our choice."""


def _is_trained(profile: ImageProfile) -> bool:
    return profile.task is not Task.SEGMENTATION and profile.n_labelled > 0


@rule(reference="our measurement: mirrored digits lose .65 to .80 of accuracy, photos nothing")
def no_mirroring(profile: ImageProfile) -> Finding | None:
    """Left and right mean something: a mirrored picture is taken for another class.

    What: tells each picture, and its mirror image, by its nearest unmirrored neighbour in 16 x 16 pixels. Why: flipping
    is the most usual augmentation, and for digits, letters, signs or sides it makes wrong examples; averaging over
    mirrored pictures at prediction does the same.
    """
    loss = profile.mirror_confuses
    if not _is_trained(profile) or loss is None or loss < MIRROR_LOSS:
        return None
    return warn(
        "Do not mirror these pictures, neither in training nor at prediction: by their nearest neighbours mirrored "
        f"ones are told {loss:.0%} worse, as is so with digits and text.",
        mirror_confuses=loss,
    ).narrowing(flip=(False,), pool_flip=(False,))


@rule(reference="our choice: text has a direction whether or not the classes need it")
def document_pictures(profile: ImageProfile) -> Finding | None:
    """Most pictures lie on one flat light ground, as scans, drawings and product shots do.

    What: looks for one light tone that takes half of a picture. Why: writing must not be mirrored, and a centre crop or
    a random crop loses what stands at the border.
    """
    if not _is_trained(profile) or profile.share_bright_flat < FLAT_SHARE:
        return None
    return note(
        f"{profile.share_bright_flat:.0%} of the pictures lie on one flat light ground: if they hold writing, use "
        "neither flips nor strong crops; small rotations and shifts are the natural changes.",
        share_bright_flat=profile.share_bright_flat,
    )


@rule(reference="our choice: half of the way from guessing to always right")
def colour_is_the_label(profile: ImageProfile) -> Finding | None:
    """The mean colour alone tells the classes.

    What: asks which class the pictures of the nearest mean colour have. Why: where ripe is red, a shift of the hue
    makes wrong examples. It may also be a trace of the camera or the place, which new pictures will not have.
    """
    told = profile.colour_tells
    if not _is_trained(profile) or told is None or told < COLOUR_SKILL:
        return None
    return warn(
        f"The mean colour alone goes {told:.0%} of the way from guessing to always right: no colour jitter, if colour "
        "is what makes the class; if it is a trace of camera, light or place, the score will not hold for new "
        "pictures.",
        colour_tells=told,
    ).narrowing(colour=(False,), pool_colour=(False,))


@rule(
    reference="RandMSAugment 2023, arXiv 2311.16508; arXiv 2307.09136 (some classes gain, others lose)"
)
def no_mixing(profile: ImageProfile) -> Finding | None:
    """Fewer than 25 labels in the smallest class: no Mixup and no CutMix.

    What: counts labels of the smallest class. Why: with few pictures per class mixing gains only moderately and
    unevenly where RandAugment-like changes excel; above, it is in the search space and cross-validation decides.
    """
    if not _is_trained(profile) or profile.label_scarcity >= MIXING_FROM:
        return None
    return note(
        f"{told_labels(profile)} are too few for Mixup and CutMix to be worth trying; "
        "crops, flips and RandAugment first.",
        label_scarcity=profile.label_scarcity,
    ).narrowing(mixup=(0.0,), cutmix=(0.0,))
