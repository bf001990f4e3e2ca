"""TabPFN: a transformer pretrained on synthetic tables; the weights' licence decides whether it may be used."""

from __future__ import annotations

import os
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

REPOSITORIES = ("Prior-Labs/TabPFN-v2-clf", "Prior-Labs/TabPFN-v2-reg")
FILES = ("tabpfn-v*classifier*.ckpt", "tabpfn-v*regressor*.ckpt")
"""Weights for classes and for values; the highest version that is there is taken."""


def _make(context: FitContext, n_estimators: int) -> Any:
    os.environ.setdefault(
        "TABPFN_DISABLE_TELEMETRY", "1"
    )  # read by the library when it is imported
    tabpfn = require("tabpfn", extra="foundation")
    regression = context.task is Task.REGRESSION
    weights = find_weights(REPOSITORIES[regression], FILES[regression])
    if weights is None:
        raise MissingDependency(f"strategy 'tabpfn': {_how_to_get()}")
    kind = tabpfn.TabPFNRegressor if regression else tabpfn.TabPFNClassifier
    return kind(
        n_estimators=n_estimators,
        model_path=str(weights),
        device="cpu",
        ignore_pretraining_limits=True,
        random_state=context.seed,
    )


def _how_to_get() -> str:
    return (
        "download the weights of version 2 (Prior Labs License: Apache-2.0 with attribution; 2.5 and later are for "
        f"NON-COMMERCIAL use only) with `hf download {REPOSITORIES[0]}` and `hf download {REPOSITORIES[1]}`, or put "
        f"them into {WEIGHTS_FOLDER}"
    )


class TabPfn(Strategy):
    """TabPFN, version 2 or whichever weights the user has put there."""

    card = Card(
        name="tabpfn",
        title="In-context transformer for tables (TabPFN)",
        family="in_context",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        requires=Requirements(
            modules=("tabpfn", "torch"),
            extra="foundation",
            weights="Prior-Labs/TabPFN-v2-clf and -reg on the Hugging Face hub, Prior Labs License; "
            "2.5 and later: non-commercial use only",
            max_rows=1_000,
            max_features=500,
            max_classes=10,
            limits_reference="Hollmann et al. (2025), Nature 637: 500 features and 10 classes; rows: the library's own "
            "limit on a CPU",
        ),
        reference="Hollmann et al. (2025), Accurate predictions on small data with a tabular foundation model, Nature",
        licence="Prior Labs License: version 2 Apache-2.0 with attribution; 2.5 and later NON-COMMERCIAL",
    )

    def missing(self) -> str:
        """Say what to install and which weights to fetch; nothing is downloaded."""
        absent = super().missing()
        here = all(find_weights(r, f) is not None for r, f in zip(REPOSITORIES, FILES, strict=True))
        return "; ".join(part for part in (absent, "" if here else _how_to_get()) if part)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Views times cells; not measured here, from the published times on a CPU."""
        return 2.0 + number(params, "n_estimators") * 2e-4 * n_rows * (n_features + 4)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return InContextModel(context, _make, int(number(params, "n_estimators")))

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``rows.npz``."""
        return InContextModel.load(folder, context, _make)


STRATEGIES.add("tabpfn")(TabPfn())
