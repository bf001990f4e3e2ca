"""Fine-tuning of all layers from the start, as is usual where labels are plenty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.strategies.finetuning import (
    NEEDS,
    START_SECONDS,
    FineTuning,
    back_share,
    forward_seconds,
    items_seen,
    seeds_of,
)
from advisor.strategy import STRATEGIES, Card, Params


class FullFinetune(FineTuning):
    """Fine-tune everything at once, with a head that knows nothing yet."""

    card = Card(
        name="full_finetune",
        title="Fine-tuning of the whole network",
        family="finetune",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="pixels",
        requires=NEEDS,
        native_multilabel=True,
        reference="Kornblith et al. (2019), Do better ImageNet models transfer better; Kolesnikov et al. (2020), BiT",
        licence="Apache-2.0 (timm, Lightning); BSD-3-Clause (PyTorch); that of the backbone",
        clock="net",
    )
    fixed: ClassVar[Mapping[str, ParamValue]] = {"warm_head": False, "views": 0, "unfrozen": 1.0}

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Steps through the whole network and back."""
        seen = items_seen(n_rows, params)
        each = seen * (1 + back_share(params)) * seeds_of(params)
        return START_SECONDS + forward_seconds(params) * each


STRATEGIES.add("full_finetune")(FullFinetune())
