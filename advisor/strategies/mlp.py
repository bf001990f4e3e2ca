"""A small ensemble of regularised multilayer perceptrons; see :mod:`advisor.nets.tabular_mlp`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.registry import require
from advisor.representation import Features
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Requirements,
    Strategy,
    balanced_weights,
    number,
    word,
)

if TYPE_CHECKING:
    from advisor.nets.losses import Kind
    from advisor.nets.tabular_mlp import MlpSettings, PackedMlp

WAVES_UP_TO = 64
"""Features up to which each is seen through cosines; beyond, the first layer would outgrow small data. Our choice."""


class MlpModel(Model):
    """The packed ensemble."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.net: PackedMlp | None = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Train epoch by epoch until done, no longer improving, or out of time."""
        deadline.check()
        torch = require("torch", extra="deep")
        from advisor.nets.tabular_mlp import train_mlp

        torch.set_num_threads(self.context.threads)
        weights = None
        if self.context.task is not Task.REGRESSION:
            weights = self._weights(y)
        settings = self._settings(X.values.shape[1])
        self.net, self.truncated = train_mlp(
            X.values, y, weights, X.blocks, settings, self.context.seed, deadline
        )
        return self

    def _weights(self, y: NDArray[np.generic]) -> NDArray[np.float64] | None:
        """Weigh rows, or of labels every cell: each label as a problem of two classes."""
        how = word(self.params, "class_weight")
        if self.context.task is not Task.MULTILABEL or how == "none":
            return balanced_weights(y, how)
        found = [balanced_weights(label, how) for label in y.T]
        return np.column_stack([each for each in found if each is not None])

    def _settings(self, n_features: int) -> MlpSettings:
        from advisor.nets.tabular_mlp import MlpSettings

        p = self.params
        smoothing = (
            number(p, "label_smoothing") if self.context.task is not Task.REGRESSION else 0.0
        )
        return MlpSettings(
            kind=self._kind(),
            n_features=n_features,
            n_outputs=self.context.n_outputs,
            members=int(number(p, "members")),
            width=int(number(p, "width")),
            layers=int(number(p, "layers")),
            frequencies=int(number(p, "frequencies")) if n_features <= WAVES_UP_TO else 0,
            dropout=number(p, "dropout"),
            weight_decay=number(p, "weight_decay"),
            label_smoothing=smoothing,
            learning_rate=number(p, "learning_rate"),
            epochs=int(number(p, "epochs")),
        )

    def _kind(self) -> Kind:
        if self.context.task is Task.REGRESSION:
            return "absolute" if self.context.metric == "mae" else "values"
        return "labels" if self.context.task is Task.MULTILABEL else "classes"

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average the members."""
        from advisor.nets.tabular_mlp import predict_mlp

        if self.net is None:
            raise RuntimeError("predict before fit")
        return predict_mlp(self.net, values)

    def save(self, folder: Path) -> None:
        """Write ``mlp.safetensors`` and ``mlp.json``."""
        from advisor.nets.tabular_mlp import save_mlp

        if self.net is None:
            raise RuntimeError("save before fit")
        save_mlp(self.net, folder)


class Mlp(Strategy):
    """Regularised multilayer perceptrons."""

    card = Card(
        name="mlp",
        title="Regularised neural network (ensemble of perceptrons)",
        family="neural",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="linear",
        requires=Requirements(modules=("torch",), extra="deep"),
        native_multilabel=True,
        reference="Kadra et al. (2021); Holzmüller et al. (2024), RealMLP; Gorishniy et al. (2025), TabM",
        licence="Apache-2.0; BSD-3-Clause (PyTorch)",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Steps times (overhead and sums of one batch)."""
        batch = min(max(n_rows // 8, 16), 256)
        steps = number(params, "epochs") * max(1, n_rows // batch)
        waves = number(params, "frequencies") if n_features <= WAVES_UP_TO else 0
        per_row = number(params, "members") * (
            number(params, "width") * (n_features * (4 if waves else 1) + number(params, "width"))
            + 40 * n_features * waves
        )
        return 0.05 + steps * (1e-3 + 2e-10 * batch * per_row)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return MlpModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``mlp.safetensors`` and ``mlp.json``."""
        require("torch", extra="deep")
        from advisor.nets.tabular_mlp import load_mlp

        model = MlpModel({}, context)
        model.net = load_mlp(folder)
        return model


STRATEGIES.add("mlp")(Mlp())
