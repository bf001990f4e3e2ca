"""Backbones: which can run here, which one to take, at which resolution."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.finding import Finding, note, veto, warn
from advisor.profile import ImageProfile
from advisor.rule import rule

CLOSE = 0.02
"""Difference in separability below which backbones count as equally good: two pictures in a hundred; our choice."""

USUAL_SIDE = 224
"""Pixels of the square that most backbones were pretrained on."""

SLOW_FROM = 1_000
"""Labelled pictures from which fine-tuning on a CPU takes long enough to be told; our choice."""

PICTURES_A_SECOND = 38.0
"""Pictures that a training step sees per second: EfficientNet-lite0 at 160 px on two cores (our measurement)."""

EPOCHS = 10
"""Epochs that the estimate is for; our choice."""


@rule(
    reference="our measurement: without a backbone the error is two to five times as large; see own_handmade"
)
def no_backbone(profile: ImageProfile) -> Finding | None:
    """No pretrained backbone can run here.

    What: asks every backbone of the house, or those that were asked for, what it lacks. Why: frozen features and
    fine-tuning both start from one; what is left are features made by hand and training from scratch, with two to five
    times the error.
    """
    if profile.backbones or profile.task is Task.SEGMENTATION:
        return None
    lacks = "; ".join(f"{name}: {why}" for name, why in sorted(profile.backbones_missing.items()))
    return veto(
        "No pretrained backbone can run here, which costs more accuracy than anything else on this page: "
        + (
            lacks
            or "pip install 'regime-advisor[vision]' brings a small one that needs no download"
        )
        + ". Until then features made by hand are what is left.",
        ("frozen", "finetune"),
        n_missing=len(profile.backbones_missing),
    )


@rule(reference="our choice: what was asked for and is not there is said")
def backbone_missing(profile: ImageProfile) -> Finding | None:
    """Some of the backbones that were asked for cannot run here, others can.

    What: names them with what they lack. Why: the advice below is about the others.
    """
    if not profile.backbones_missing or not profile.backbones:
        return None
    lacks = "; ".join(f"'{name}': {why}" for name, why in sorted(profile.backbones_missing.items()))
    return warn(
        f"Asked for and not usable here: {lacks}. The advice is about {', '.join(profile.backbones)}.",
        n_missing=len(profile.backbones_missing),
    )


@rule(
    reference="arXiv 2407.12210: linear and nearest-neighbour probes predict best what a backbone is worth (26 models)"
)
def backbone_choice(profile: ImageProfile) -> Finding | None:
    """Several backbones can run here.

    What: compares leave-one-out scores of a ridge head on the frozen features of each, on the same pictures. Why:
    reputation and transferability scores mislead; a probe on the data itself does so least. The order is that of frozen
    features, which correlates with that after fine-tuning.
    """
    if len(profile.separability) < 2:
        return None
    order = sorted(profile.separability.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name} {score:.3f}" for name, score in order)
    (best, first), (rival, second) = order[0], order[1]
    verdict = (
        f"{best} and {rival} are as good as equal; take the cheaper one, or let the search try both"
        if first - second < CLOSE
        else f"{best} knows these pictures best and is the default"
    )
    return note(
        f"Separability of frozen features by backbone: {told}: {verdict}.",
        best=first,
        second=second,
        n_backbones=len(order),
    )


@rule(reference="our measurement: frozen features at 160 instead of 224 px, four sets")
def keep_resolution(profile: ImageProfile) -> Finding | None:
    """Photos or grey pictures at least as large as what a backbone sees.

    What: looks at the median short side. Why: at 160 px instead of 224 real photos lost 3 to 4 points, as much as
    fine-tuning can gain; upscaled small pictures lost nothing.
    """
    side = min(profile.width[1], profile.height[1])
    if profile.content not in ("photo", "greyscale", "mixed") or side < USUAL_SIDE:
        return None
    if profile.task is Task.SEGMENTATION or not profile.backbones:
        return None
    return note(
        f"Keep the full {USUAL_SIDE} px of the backbone (median short side {side} px): at 160 px real photos lost 3 to "
        "4 points, as much as fine-tuning can gain.",
        side=side,
    )


@rule(reference="our measurement: 38 pictures/s, EfficientNet-lite0, 160 px, two cores")
def slow_without_gpu(profile: ImageProfile) -> Finding | None:
    """A thousand labelled pictures or more: fine-tuning without a GPU takes long.

    What: counts labelled pictures. Why: two cores train on 38 pictures a second at 160 px, so ten epochs on five folds
    are an hour from about 2,700 pictures on; frozen features are computed once, at 150 a second.
    """
    if profile.n_labelled < SLOW_FROM or profile.task is Task.SEGMENTATION or not profile.backbones:
        return None
    minutes = profile.n_labelled * EPOCHS / PICTURES_A_SECOND / 60
    return note(
        f"Without a GPU one fine-tuning of {EPOCHS} epochs on {profile.n_labelled:,} pictures takes about "
        f"{minutes:,.0f} min on two cores at 160 px, and every fold as much again; frozen features take seconds per "
        "hundred, once.",
        n_labelled=profile.n_labelled,
        minutes=minutes,
    )
