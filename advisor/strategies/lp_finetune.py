"""Fine-tuning after the head: first a logistic regression on frozen features, then the network behind it.

A random head would send random gradients through good layers before it had learned anything [1]_.

References
----------
.. [1] Kumar et al. (2022), Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.strategies.finetuning import (
    ABSENT,
    NEEDS,
    START_SECONDS,
    FineTuning,
    back_share,
    forward_seconds,
    head_seconds,
    items_seen,
    seeds_of,
)
from advisor.strategy import STRATEGIES, Card, Params, number


class LpFinetune(FineTuning):
    """Fine-tune all stages or the last ones from a head that is right already."""

    card = Card(
        name="lp_finetune",
        title="Fine-tuning after a linear probe (LP-FT)",
        family="finetune",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="pixels",
        requires=NEEDS,
        native_multilabel=True,
        reference="Kumar et al. (2022), LP-FT; Howard and Ruder (2018), ULMFiT; Cubuk et al. (2020), RandAugment",
        licence="Apache-2.0 (timm, Lightning); BSD-3-Clause (PyTorch); that of the backbone",
        clock="net",
    )
    fixed: ClassVar[Mapping[str, ParamValue]] = {"warm_head": True, "views": 0}

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Features and head of every row, then steps through the network; frozen stages are spared their way back."""
        back = back_share(params) * number({**ABSENT, **params}, "unfrozen")
        each = n_rows + items_seen(n_rows, params) * (1 + back)
        one = forward_seconds(params) * each + head_seconds(n_rows, n_outputs, params)
        return START_SECONDS + one * seeds_of(params)


STRATEGIES.add("lp_finetune")(LpFinetune())
