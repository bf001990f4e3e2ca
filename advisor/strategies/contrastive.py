"""A sentence encoder tuned on pairs of few labelled texts, and a logistic head on its embeddings (SetFit's recipe).

Where labels are few, pairs are many: the encoder learns to put texts of one class together and those of two apart, and
a head on embeddings that are so tidy needs next to nothing. Pairs are drawn step by step and the steps are bounded, so
that many labels take no longer (:mod:`advisor.nets.contrastive`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.strategies.finetuning import (
    NEEDS,
    START_SECONDS,
    FineTuneModel,
    FineTuning,
    back_share,
    forward_seconds,
    head_seconds,
    seeds_of,
)
from advisor.strategy import STRATEGIES, Card, Params, number, word

if TYPE_CHECKING:
    from advisor.nets.feeds import Examples
    from advisor.nets.network import Headed
    from advisor.nets.settings import TextSettings


class ContrastiveModel(FineTuneModel):
    """An encoder that was tuned on pairs, with its head; or several of other seeds that are averaged."""

    def train(self, examples: Examples, seed: int, deadline: Deadline) -> tuple[Headed, bool]:
        """Tune one; where time ran out before the first step, the head is that of the encoder as it came."""
        from advisor.nets.contrastive import PairSettings, train_on_pairs

        p = self.params
        settings = replace(
            cast("TextSettings", self.settings()), batch=int(number(p, "batch")), dropout=DROPOUT
        )
        pairs = PairSettings(loss=word(p, "loss"), C=number(p, "C"))
        tokens = np.asarray(examples.values, dtype=np.int32)
        return train_on_pairs(tokens, examples.y, settings, pairs, seed, deadline)


DROPOUT = 0.1
"""Inside the encoder while it is tuned: what nearly all were trained with."""


class Contrastive(FineTuning):
    """Tune a sentence encoder on pairs, then fit a head."""

    card = Card(
        name="contrastive",
        title="Contrastive fine-tuning of a sentence encoder (SetFit)",
        family="finetune",
        modalities=frozenset({Modality.TEXT}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL}),
        representation="tokens",
        requires=NEEDS,
        native_multilabel=True,
        reference="Tunstall et al. (2022), SetFit, arXiv 2209.11055; Khosla et al. (2020), arXiv 2004.11362",
        licence="Apache-2.0 (Lightning, transformers); BSD-3-Clause (PyTorch); that of the backbone",
        clock="net",
    )
    fixed: ClassVar[Mapping[str, ParamValue]] = {"warm_head": True, "weight_decay": 0.01}
    model = ContrastiveModel

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Embeddings and head of every row before and after, and steps through the network, however many rows."""
        seen = number(params, "steps") * min(number(params, "batch"), max(1, n_rows))
        each = 2 * n_rows + seen * (1 + back_share(params))
        one = forward_seconds(params) * each + 2 * head_seconds(n_rows, n_outputs, params)
        return START_SECONDS + one * seeds_of(params)


STRATEGIES.add("contrastive")(Contrastive())
