"""A small network trained from nothing: what pretraining is worth, measured on the data at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.strategies.finetuning import NEEDS, START_SECONDS, FineTuning, items_seen
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, number, word

SECONDS: Mapping[str, float] = {"small_cnn": 2.6e-8, "resnet10": 2.2e-8}
"""Seconds per picture, pixel of the input, and channel of the first stage, forward and back, on one core; measured."""

VIEW_SECONDS = 1.2e-3
"""Seconds for the random view of a picture; measured."""


class FromScratch(FineTuning):
    """Train a small convolutional network with random weights."""

    card = Card(
        name="from_scratch",
        title="Small network from scratch",
        family="scratch",
        modalities=frozenset({Modality.IMAGE, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="pixels",
        requires=NEEDS,
        native_multilabel=True,
        reference="He et al. (2016), ResNet; Brigato and Iocchi (2021), A close look at deep learning with small data",
        licence="Apache-2.0 (Lightning); BSD-3-Clause (PyTorch)",
        clock="net",
    )
    fixed: ClassVar[Mapping[str, ParamValue]] = {
        "warm_head": False,
        "frozen_statistics": False,
        "views": 0,
        "unfrozen": 1.0,
    }

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Steps through the network and back."""
        pixels = number(params, "size") ** 2
        each = SECONDS[word(params, "net")] * pixels * number(params, "width")
        return START_SECONDS + items_seen(n_rows, params) * (each + VIEW_SECONDS)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        # The prefix of advisor.nets.small_nets.SCRATCH_PREFIX, which is not imported here: it would bring torch.
        name = f"scratch:{word(params, 'net')}:{int(number(params, 'width'))}"
        return super().build({**params, "backbone": name}, context)


STRATEGIES.add("from_scratch")(FromScratch())
