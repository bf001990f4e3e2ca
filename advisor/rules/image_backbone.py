"""Backbones for pictures: at which resolution, and what fine-tuning one costs."""

from __future__ import annotations

from advisor.dataset import Task
from advisor.finding import Finding, note
from advisor.profile import ImageProfile
from advisor.rule import rule

USUAL_SIDE = 224
"""Pixels of the square that most backbones were pretrained on."""

SLOW_FROM = 1_000
"""Labelled pictures from which fine-tuning on a CPU takes long enough to be told; our choice."""

PICTURES_A_SECOND = 38.0
"""Pictures that a training step sees per second: EfficientNet-lite0 at 160 px on two cores (our measurement)."""

EPOCHS = 10
"""Epochs that the estimate is for; our choice."""


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
