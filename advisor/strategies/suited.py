"""Whether a backbone for pictures can be trained as a strategy wants it: tried once on a machine, and kept."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

import numpy as np

from advisor.backbone import find_backbone
from advisor.cache import default_cache
from advisor.registry import require

SPACE = "backbones that can be trained"
"""Where the cache keeps what a backbone was seen to go through."""


@lru_cache(maxsize=64)
def why_unfit(backbone: str, size: int, staged: bool, share: float) -> str:
    """Say why a backbone cannot be trained so, whatever the pictures.

    Parameters
    ----------
    backbone : str
        One that can run here.
    size : int
        Side of the pictures that are wanted, in pixels.
    staged : bool
        Whether its stages are told apart: some are frozen, or learn more slowly.
    share : float
        Of its stages, those that are cut off and trained on kept maps; 1 for no cut.

    Returns
    -------
    str
        A sentence; empty where it can. That it cannot is found out anew by every process: it may have been for want of
        memory.
    """
    card = find_backbone(backbone)
    asked = f"{card.loader}, {card.source}, {size} px, {staged}, {share:g}"
    key = f"{asked}, torch {version('torch')}, timm {version('timm')}"
    kept = default_cache()
    if kept.get(SPACE, [key]):
        return ""
    require("torch", extra="vision")
    from advisor.nets.settings import PictureSettings
    from advisor.nets.suitability import why_unsuited

    tried = PictureSettings(
        kind="classes",
        n_outputs=2,
        backbone=backbone,
        steps=1,
        learning_rate=0.0,
        size=size,
        unfrozen=share,
        views=int(share < 1),
        layer_decay=0.5 if staged else 1.0,
    )
    why = why_unsuited(tried)
    if not why:
        kept.put(SPACE, {key: np.ones(1)})
    return why
