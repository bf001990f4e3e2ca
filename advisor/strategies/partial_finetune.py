"""The last stages of a pretrained network trained on kept maps of a few views: fine-tuning that a CPU can afford.

Most of the sums of a network are done in its first stages, which change least in fine-tuning. Here they are done once
for each of a few augmented views of every picture, and only what comes behind is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.strategies.finetuning import (
    BACKWARD_SHARE,
    NEEDS,
    START_SECONDS,
    FineTuning,
    forward_seconds,
    head_seconds,
    items_seen,
)
from advisor.strategy import STRATEGIES, Card, Params, number

TAIL_TIME = 0.58
"""Time of the tail over that of the whole network, per share of the stages that it holds; measured on lite0."""


class PartialFinetune(FineTuning):
    """Fine-tune the last stages, on kept maps."""

    card = Card(
        name="partial_finetune",
        title="Fine-tuning of the last stages (kept maps of augmented views)",
        family="finetune",
        modalities=frozenset({Modality.IMAGE, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="pixels",
        requires=NEEDS,
        native_multilabel=True,
        reference="Yosinski et al. (2014), How transferable are features; Kumar et al. (2022), LP-FT",
        licence="Apache-2.0 (timm, Lightning); BSD-3-Clause (PyTorch); that of the backbone",
        clock="net",
    )
    fixed: ClassVar[Mapping[str, ParamValue]] = {"warm_head": True, "frozen_statistics": True}

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Maps of every row and view, the head, then steps through the tail."""
        seen = items_seen(n_rows, params)
        maps = n_rows + min(seen, n_rows * number(params, "views"))
        tail = TAIL_TIME * number(params, "unfrozen") * (1 + BACKWARD_SHARE)
        head = head_seconds(n_rows, n_outputs, params)
        return START_SECONDS + head + forward_seconds(params) * (maps + seen * tail)


STRATEGIES.add("partial_finetune")(PartialFinetune())
