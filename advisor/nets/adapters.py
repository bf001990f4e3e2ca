"""Low-rank changes of an encoder's weights, which are all that trains, and which are merged into them afterwards.

What is saved is the network as it was before, with other weights: loading it needs no library for adapters.

References
----------
Hu et al. (2022), LoRA: low-rank adaptation of large language models, ICLR.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from advisor.nets.network import Headed
from advisor.nets.stages import stages_of
from advisor.torchvision_cure import require_cured

ALPHA = 2.0
"""Scale of the changes per rank (``lora_alpha / r``); a common choice, and ours."""

MARK = "lora_"
"""In the names of the parameters that belong to the changes."""


def add_adapters(net: Headed, rank: int, dropout: float) -> None:
    """Put low-rank changes beside every linear layer of the stages; they change nothing before they have learned.

    Parameters
    ----------
    net : Headed
        Changed in place; all parameters but those of the changes and of the head are frozen.
    rank : int
        Of the changes.
    dropout : float
        Of what goes into them.
    """
    peft = require_cured("peft", extra="text")
    names = [
        ".".join((*stage.path, name))
        for stage in stages_of(net.body, net.settings.backbone)
        for name, part in stage.module.named_modules()
        if isinstance(part, nn.Linear)
    ]
    config = peft.LoraConfig(
        r=rank, lora_alpha=ALPHA * rank, lora_dropout=dropout, target_modules=names
    )
    peft.inject_adapter_in_model(config, net.body)


def merge_adapters(net: Headed) -> None:
    """Add the changes to the weights, and take them out of the network."""
    layers = require_cured("peft.tuners.lora", extra="text")
    for path, part in list(net.body.named_modules()):
        if isinstance(part, layers.LoraLayer):
            changed: Any = part
            changed.merge()
            parent, _, child = path.rpartition(".")
            setattr(net.body.get_submodule(parent), child, changed.get_base_layer())


def belongs(name: str) -> bool:
    """Whether a parameter of this name is one of the changes."""
    return MARK in name
