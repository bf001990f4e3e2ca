"""Adapting a backbone to a pool of pictures or recordings: how large that has to be."""

from __future__ import annotations

from advisor.adaptation import FEWEST_PICTURES
from advisor.finding import Finding, veto
from advisor.profile import PerceivedProfile
from advisor.rule import rule
from advisor.tasks import Modality, Task


@rule(
    reference="our choice; Reed et al. (2021), arXiv 2103.12718, and Cole et al. (2022), arXiv 2105.05837: going on "
    "from pretrained weights is robust to small pools, starting from scratch is not"
)
def pool_too_small_to_adapt_to(profile: PerceivedProfile) -> Finding | None:
    """A pool of pictures or recordings that is too small to go on training a backbone on.

    What: counts unlabelled items. Why: a few dozen pictures are told apart by their backgrounds within a few steps, and
    nothing is learned from that.
    """
    if profile.modality is Modality.TEXT or profile.task is Task.SEGMENTATION:
        return None
    if not 0 < profile.n_unlabelled < FEWEST_PICTURES:
        return None
    return veto(
        f"{profile.n_unlabelled:,} unlabelled items are too few to adapt a backbone to (at least {FEWEST_PICTURES}): "
        "it is used as it is.",
        ("adapted_finetune", "adapted_probe"),
        n_unlabelled=profile.n_unlabelled,
    )
