"""A backbone and a head: made from settings, and made faster for predicting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from advisor.backbone import LOADERS, ImageCard, TextCard, as_card, find_backbone
from advisor.nets.settings import PictureSettings, Settings, TextSettings
from advisor.nets.small_nets import NETS, SCRATCH_PREFIX
from advisor.nets.stages import SplitNet


class Headed(nn.Module):
    """A network that makes features, dropout, and a linear head.

    Parameters
    ----------
    body : Module
        To features of shape (n, width).
    head : Linear
        From them to the outputs.
    dropout : float
        Of the features.
    settings : Settings
        Resolved: the size or the length is one that the body takes.
    """

    def __init__(
        self, body: nn.Module, head: nn.Linear, dropout: float, settings: Settings
    ) -> None:
        super().__init__()
        self.body, self.head, self.dropout = body, head, nn.Dropout(dropout)
        self.settings = settings
        self.card: TextCard | None = None
        """Of an encoder of texts, which says how its outputs become an embedding."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs: logits, or values."""
        found: Tensor = self.head(self.dropout(self.body(x)))
        return found

    def split(self) -> tuple[SplitNet, Headed]:
        """Cut the body where ``unfrozen`` says; the tail shares this network's weights and head.

        Returns
        -------
        SplitNet
            Computes the maps at the cut.
        Headed
            From those maps to the outputs.
        """
        s = self.settings
        if not isinstance(s, PictureSettings):
            raise TypeError("maps are kept of pictures only")
        cut = SplitNet(self.body, s.unfrozen, s.backbone, s.size)
        return cut, Headed(cut.tail, self.head, s.dropout, s)


def make_net(settings: Settings, *, pretrained: bool, card: TextCard | None = None) -> Headed:
    """Build the network that the settings describe.

    Parameters
    ----------
    settings : Settings
        What to build; what the backbone's card knows better is taken from there.
    pretrained : bool
        Whether the backbone's weights are loaded, or left random since others are loaded afterwards.
    card : TextCard or None
        Of an encoder of texts that the settings only name; ``None`` to find it by that name.

    Returns
    -------
    Headed
        On the CPU; for pictures in channels-last order of memory.

    Raises
    ------
    InvalidRequest
        If nobody knows the backbone.
    """
    body: nn.Module
    if isinstance(settings, TextSettings):
        card = card or as_card(find_backbone(settings.backbone), TextCard)
        width = card.width
        body = LOADERS[card.loader].build(
            card, pretrained=pretrained, drop=settings.dropout, drop_path=settings.drop_path
        )
    elif settings.backbone.startswith(SCRATCH_PREFIX):
        _, name, channels = settings.backbone.split(":")
        body, width = NETS[name](int(channels)), 8 * int(channels)
    else:
        body, width, settings = _picture_body(settings, pretrained)
    net = Headed(body, nn.Linear(width, settings.n_outputs), settings.dropout, settings)
    net.card = card
    return _in_order(net)


def _picture_body(settings: Settings, pretrained: bool) -> tuple[nn.Module, int, PictureSettings]:
    """A backbone for pictures, its width, and the settings with what its card says of its input."""
    if not isinstance(settings, PictureSettings):
        raise TypeError(f"expected settings of pictures, got {type(settings).__name__}")
    card = as_card(find_backbone(settings.backbone), ImageCard)
    body = LOADERS[card.loader].build(
        card, pretrained=pretrained, drop=0.0, drop_path=settings.drop_path
    )
    size = _fit_to_size(body, settings.size, card.input_size)
    share = 1.0 if settings.whole else card.crop_share
    resolved = replace(settings, size=size, crop_share=share, mean=card.mean, std=card.std)
    return body, card.width, resolved


def _fit_to_size(body: Any, size: int, own: int) -> int:
    """Set the input size of a backbone that has positions or windows for one size only, and say what it became.

    What is made for one size and cannot be set to another, such as a mixer, keeps its ``own``: it sees larger pictures.
    """
    patches = getattr(body, "patch_embed", None)
    patch = getattr(patches, "patch_size", None)
    if patch is not None:
        side = int(patch[0] if isinstance(patch, tuple | list) else patch)
        size = max(1, round(size / side)) * side
    if callable(getattr(body, "set_input_size", None)):
        body.set_input_size(img_size=(size, size))
        return size
    # Of our own small networks and of cards that are no timm models nothing is published.
    fixed = (getattr(body, "pretrained_cfg", None) or {}).get("fixed_input_size", False)
    return own if fixed else size


def folded(net: Headed) -> Headed:
    """Make the same network for predicting: batch norms become part of the convolutions before them, where that can be.

    Parameters
    ----------
    net : Headed
        Trained; not changed, and given back as it is on a GPU, where its backbone cannot be folded, and for texts,
        whose encoders have no batch norms.

    Returns
    -------
    Headed
        In evaluation mode; about 1.6 times as fast on a CPU (EfficientNet-lite0).
    """
    s = net.settings
    if not isinstance(s, PictureSettings) or s.backbone.startswith(SCRATCH_PREFIX):
        return net
    if next(net.parameters()).device.type != "cpu":
        return net
    body = LOADERS[find_backbone(s.backbone).loader].fold(net.body.eval())
    return _in_order(Headed(body, net.head, s.dropout, s).eval())


def _in_order(net: Headed) -> Headed:
    """Put a network of pictures in channels-last order of memory, in which a CPU convolves faster."""
    if isinstance(net.settings, PictureSettings):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net
