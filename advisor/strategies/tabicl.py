"""TabICL: a transformer pretrained on synthetic tables, which reads the training rows as its prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.dataset import Modality, Task
from advisor.errors import MissingDependency
from advisor.nets.in_context import WEIGHTS_FOLDER, InContextModel, find_weights
from advisor.registry import require
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Requirements,
    Strategy,
    number,
)

REPOSITORY = "jingang/TabICL"
FILES = ("tabicl-classifier-v2-20260212.ckpt", "tabicl-regressor-v2-20260212.ckpt")
"""Weights of version 2, for classes and for values."""


def _make(context: FitContext, n_estimators: int) -> Any:
    tabicl = require("tabicl", extra="foundation")
    regression = context.task is Task.REGRESSION
    weights = find_weights(REPOSITORY, FILES[regression])
    if weights is None:
        raise MissingDependency(f"strategy 'tabicl': {_how_to_get()}")
    kind = tabicl.TabICLRegressor if regression else tabicl.TabICLClassifier
    return kind(
        n_estimators=n_estimators,
        model_path=weights,
        allow_auto_download=False,
        device="cpu",
        random_state=context.seed,
        n_jobs=context.threads,
    )


def _how_to_get() -> str:
    return (
        f"download the weights (BSD-3-Clause, 2 files of about 110 MB) with "
        f"`hf download {REPOSITORY} {' '.join(FILES)}`, or put them into {WEIGHTS_FOLDER}"
    )


class TabIcl(Strategy):
    """TabICL, version 2."""

    card = Card(
        name="tabicl",
        title="In-context transformer for tables (TabICL)",
        family="in_context",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        requires=Requirements(
            modules=("tabicl", "torch"),
            extra="foundation",
            weights=f"{REPOSITORY} on the Hugging Face hub, BSD-3-Clause",
            max_rows=20_000,
            max_features=500,
            limits_reference="our choice for a CPU; the authors validate 300 to 100,000 rows on a GPU",
        ),
        reference="Qu, Holzmüller, Varoquaux and Le Morvan (2025), TabICL, ICML",
        licence="BSD-3-Clause (code and weights)",
    )

    def missing(self) -> str:
        """Say what to install and which weights to fetch; nothing is downloaded."""
        absent = super().missing()
        here = all(find_weights(REPOSITORY, file) is not None for file in FILES)
        return "; ".join(part for part in (absent, "" if here else _how_to_get()) if part)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Views times (cells of the table, rows squared), prediction of as many rows included."""
        views = number(params, "n_estimators")
        return 1.0 + views * (1.5e-4 * n_rows * (n_features + 4) + 1e-7 * n_rows**2)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return InContextModel(context, _make, int(number(params, "n_estimators")))

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``rows.npz``."""
        return InContextModel.load(folder, context, _make)


STRATEGIES.add("tabicl")(TabIcl())
