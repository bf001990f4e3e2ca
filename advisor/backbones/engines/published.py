"""The name of a model of timm → its card, from what timm publishes and the network's own shape."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from advisor.backbone import ImageCard
from advisor.backbones.engines.network import make_net
from advisor.errors import InvalidRequest
from advisor.tasks import Modality
from advisor.torchvision_cure import require_cured


class NetSize(NamedTuple):
    """How large a network without classifier is."""

    width: int
    """Numbers in one embedding."""
    parameters: float
    """In millions."""
    multiply_adds: float
    """Of one picture, in 1e9."""


@lru_cache(maxsize=64)
def describe(name: str) -> ImageCard | None:
    """Make the card of a model of timm from what timm publishes about it, without its weights.

    Parameters
    ----------
    name : str
        An architecture, perhaps with a tag: ``resnet50`` or ``resnet50.a1_in1k``.

    Returns
    -------
    ImageCard or None
        ``None`` if timm does not know it.

    Raises
    ------
    InvalidRequest
        If the model does not turn a square RGB picture into one row of numbers.
    """
    timm = require_cured("timm")
    if not timm.is_model(name):
        return None
    try:
        published = timm.get_pretrained_cfg(name)
    except RuntimeError:  # an architecture of timm, with a tag that it does not have
        return None
    channels, side, other_side = published.input_size
    if channels != 3 or side != other_side:
        raise InvalidRequest(
            f"expected a model that sees square RGB pictures, got '{name}' which sees {published.input_size}"
        )
    size = size_of(name, side)
    hub = "/".join(filter(None, (published.hf_hub_id, published.hf_hub_filename)))
    return ImageCard(
        name=name,
        modality=Modality.IMAGE,
        loader="timm",
        source=name,
        weights=f"hub:{hub}",
        width=size.width,
        input_size=side,
        crop_share=published.crop_pct,
        mean=published.mean,
        std=published.std,
        interpolation="bilinear" if published.interpolation == "bilinear" else "bicubic",
        parameters=size.parameters,
        multiply_adds=size.multiply_adds,
        pretraining=f"'{published.tag}' of timm" if published.tag else "not stated by timm",
        licence=published.license or "not stated by timm",
        reference=published.paper_ids or published.origin_url or "Wightman (2019), timm",
    )


def size_of(source: str, side: int) -> NetSize:
    """Count a network without making its numbers.

    Parameters
    ----------
    source : str
        timm's name.
    side : int
        Of the pictures, in pixels.

    Returns
    -------
    NetSize

    Raises
    ------
    InvalidRequest
        If the model does not turn pictures into rows of numbers.
    """
    with torch.device("meta"), torch.inference_mode():
        net = make_net(source, side).eval()
        with FlopCounterMode(display=False) as counter:
            found = net(torch.zeros(1, 3, side, side))
    if not isinstance(found, torch.Tensor) or found.ndim != 2:
        raise InvalidRequest(f"expected a model that gives one row per picture, got '{source}'")
    parameters = sum(p.numel() for p in net.parameters())
    return NetSize(
        width=found.shape[1],
        parameters=round(parameters / 1e6, 2),
        multiply_adds=round(counter.get_total_flops() / 2e9, 3),
    )
