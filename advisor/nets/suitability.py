"""A backbone for pictures, what is to be done with it → what it cannot go through: found out by doing it, on noise."""

from __future__ import annotations

import torch

from advisor.errors import InvalidRequest
from advisor.nets.network import make_net
from advisor.nets.settings import PictureSettings
from advisor.nets.stages import in_brief, stages_of

BATCH = 2
"""Pictures in the step that is tried: the fewest that a batch norm can be trained on."""


def why_unsuited(settings: PictureSettings) -> str:
    """Say why a backbone cannot be trained as the settings want it, whatever the pictures.

    Parameters
    ----------
    settings : PictureSettings
        The backbone, the size, and whether its stages are to be told apart or it is to be cut; its weights stay random.

    Returns
    -------
    str
        A sentence; empty where a step forward and back, the stages and the cut are there.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            net = make_net(settings, pretrained=False).train()
            seen = net.settings
            side = seen.size if isinstance(seen, PictureSettings) else settings.size
            net(torch.rand(BATCH, 3, side, side)).square().mean().backward()
            if settings.unfrozen < 1 or settings.layer_decay < 1:
                stages_of(net.body, settings.backbone)
            if settings.views:
                net.split()
        except InvalidRequest as refusal:
            return str(refusal)
        except Exception as fault:  # whatever a model does that is made for something else
            return (
                f"expected a backbone that can be trained on pictures of {settings.size} px, got '{settings.backbone}' "
                f"({in_brief(fault)}); use a head on its features, or another backbone"
            )
    return ""
