"""Frozen features, fine-tuning or training from nothing: by labels, and by how well the backbone knows the classes.

What a probe measures here overrules all of it. How well the frozen features know the classes (separability) is measured
when the profile is made; where no backbone can run, nothing of this can be used.
"""

from __future__ import annotations

from advisor.dataset import Task
from advisor.evidence import Effect, effects_of
from advisor.finding import Finding, note, veto
from advisor.profile import ImageProfile
from advisor.rule import rule, skill, told_labels, told_skill

FEW_SHOT_BELOW = 10
"""Labels of the smallest class below which fine-tuning is not expected to pay: the end of the few-shot regime."""

MANY_FROM = 100
"""Labels of the smallest class from which fine-tuning is expected to be ahead in general: where the scarce regime
ends."""

SCRATCH_FROM = 1_000
"""Labels of the smallest class from which training from scratch is worth a try: where the ample regime begins."""

SMALL_FROM = 5
"""Labels of the smallest class from which fine-tuning small pictures was ahead (CIFAR-10, our curves begin there)."""

KNOWN_FROM = 0.8
"""Separability over that of guessing from which frozen features are said to know the classes. Our choice, between
CIFAR-10 (.65 at 50 labels per class), where fine-tuning gained, and insects (.90), where it did not."""

KNOWN_SMALL_FROM = 0.95
"""The same for small pictures. Our choice: upscaled ones leave more to gain, so next to nothing must be left."""

SMALL_SHARE = 0.5
"""Share of small pictures from which a set counts as upscaled; our choice."""

OWN_CURVES = "our measurement: three sets, EfficientNet-lite0, 5 to 100 labels per class (rows own_* of the evidence)"


def _is_known(profile: ImageProfile) -> bool:
    known = skill(profile)
    enough = KNOWN_SMALL_FROM if _is_small(profile) else KNOWN_FROM
    return known is not None and known >= enough


def _is_small(profile: ImageProfile) -> bool:
    return profile.share_small >= SMALL_SHARE


def _is_strange(profile: ImageProfile) -> bool:
    """Whether the pictures are upscaled, unknown, and enough to fine-tune on."""
    return _is_small(profile) and not _is_known(profile) and profile.label_scarcity >= SMALL_FROM


def _applies(profile: ImageProfile) -> bool:
    """Whether there is a choice of families: a backbone can run, and the task can be trained."""
    return bool(profile.backbones) and profile.task is not Task.SEGMENTATION


def _effects(profile: ImageProfile, *names: str) -> tuple[Effect, ...]:
    """Effects of the rows that speak about so many labels of such pictures."""
    return effects_of(names, profile.label_scarcity, small=_is_small(profile))


@rule(
    reference="Kim et al. 2022, arXiv 2205.07874; contradicted by FEWTRANS, arXiv 2603.00478 (10 sets)"
)
def frozen_for_few_labels(profile: ImageProfile) -> Finding | None:
    """Fewer than 10 labels in the smallest class: a linear head on frozen features first.

    What: counts labels of the smallest class; small pictures have a rule of their own from 5. Why: with extremely few
    samples a linear head is ahead of fine-tuning, costs a hundredth, and has next to nothing to choose. One newer
    source finds fine-tuning very strong even there, so it stays in the race and cross-validation decides.
    """
    if not _applies(profile) or profile.label_scarcity >= FEW_SHOT_BELOW:
        return None
    if _is_strange(profile):  # see finetune_small_pictures
        return None
    return note(
        f"{told_labels(profile)}: begin with a linear head on frozen features "
        f"({told_skill(profile)}); fine-tuning has too little to learn from, though sources disagree, so it stays "
        "in the race.",
        effects=_effects(profile, "few_labels_finetune", "own_handmade", "own_views"),
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=OWN_CURVES)
def finetune_small_pictures(profile: ImageProfile) -> Finding | None:
    """Half of the pictures or more are small, 5 labels or more per class: fine-tune.

    What: looks at short sides under 112 px, half of what a backbone sees. Why: upscaled they look unlike anything it
    was pretrained on, so its features fit badly: on CIFAR-10 (32 px) fine-tuning the last stages gained 7 points at 5
    labels per class and 10 at 10 and 25.
    """
    if not _applies(profile) or not _is_strange(profile):
        return None
    return note(
        f"{profile.share_small:.0%} of the pictures have a short side under 112 px (median {profile.width[1]} x "
        f"{profile.height[1]}): upscaled they are unlike what the backbone knows ({told_skill(profile)}), and "
        "fine-tuning is expected to gain: 7 to 10 points on CIFAR-10.",
        effects=_effects(
            profile,
            *("own_finetune_small_5", "own_finetune_small_10", "own_finetune_small_25"),
            *("own_finetune_whole_net", "ft_at_once"),
            *("own_handmade", "own_views"),
        ),
        share_small=profile.share_small,
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=OWN_CURVES)
def frozen_features_suffice(profile: ImageProfile) -> Finding | None:
    """Frozen features already tell the classes apart, 10 labels or more per class.

    What: a ridge head on frozen features predicts each sampled picture from the others; from four fifths of the way
    from guessing to always right (small pictures: nineteen twentieths) the classes count as known. Why: on photos of
    insects, things the backbone was pretrained on, fine-tuning was at or below the head alone, and a hundred times
    slower.
    """
    if not _applies(profile) or profile.label_scarcity < FEW_SHOT_BELOW or not _is_known(profile):
        return None
    return note(
        f"Frozen features already tell these classes apart ({told_skill(profile)}): a linear head is expected to "
        "do as well as fine-tuning, in seconds.",
        effects=_effects(profile, "own_finetune_known", "own_handmade", "own_views"),
        skill=skill(profile) or 0.0,
        label_scarcity=profile.label_scarcity,
    )


@rule(
    reference="Kim et al. 2022, arXiv 2205.07874; Kumar et al. 2022, arXiv 2202.10054; Woerner 2024, arXiv 2408.08058"
)
def finetune_unknown_pictures(profile: ImageProfile) -> Finding | None:
    """Pictures of usual size whose classes frozen features do not tell apart, 10 labels or more per class.

    What: as for known ones, below the bound. Why: fine-tuning overtakes a frozen head as labels grow, where the
    pictures are not what the backbone was pretrained on; with hundreds of labels it is ahead by about 2 points, with
    the head trained first by 1 more. Between 10 and 25 labels no difference was measured that is larger than chance.
    """
    if not _applies(profile) or profile.label_scarcity < FEW_SHOT_BELOW:
        return None
    if _is_small(profile) or _is_known(profile):
        return None
    many = profile.label_scarcity >= MANY_FROM
    grey = (
        " The pictures are grey, which ImageNet is not." if profile.content == "greyscale" else ""
    )
    expect = "is expected to be ahead" if many else "may be ahead: let cross-validation decide"
    return note(
        f"Frozen features tell these classes apart only in part ({told_skill(profile)}).{grey} Fine-tuning, with "
        f"the head trained first, {expect}.",
        effects=_effects(
            profile,
            *("own_finetune_texture", "scarce_finetune", "many_labels_finetune"),
            *("lp_before_ft", "own_handmade", "own_views"),
        ),
        skill=skill(profile) or 0.0,
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=OWN_CURVES)
def from_scratch(profile: ImageProfile) -> Finding | None:
    """Training from scratch where a pretrained backbone can run.

    What: looks whether one can, and counts labels of the smallest class. Why: a small network from scratch was 22
    points (CIFAR-10, 10 labels per class) and 24 points (insects, 50) behind a linear head on a pretrained backbone,
    for a hundred times the seconds. From 1,000 labels per class it may be tried.
    """
    if not _applies(profile) or profile.label_scarcity >= SCRATCH_FROM:
        return None
    return veto(
        f"Training from scratch with {told_labels(profile)}: it was 22 to 24 points "
        "of accuracy behind a linear head on a pretrained backbone (10 and 50 labels per class), and one can run here.",
        ("scratch",),
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=OWN_CURVES)
def scratch_with_many_labels(profile: ImageProfile) -> Finding | None:
    """A thousand labels per class or more: training from scratch is allowed, not recommended.

    What: counts labels of the smallest class. Why: its distance shrinks with labels, nobody has measured for us by how
    much; what is claimed is what was measured on fewer.
    """
    if not _applies(profile) or profile.label_scarcity < SCRATCH_FROM:
        return None
    return note(
        f"{told_labels(profile)} allow training from scratch, for comparison: with "
        "10 to 50 labels it was 22 to 24 points behind a pretrained backbone.",
        effects=_effects(profile, "own_scratch"),
        label_scarcity=profile.label_scarcity,
    )
