"""Extremely randomised trees: forests with random thresholds, smoother and faster than random forests."""

from __future__ import annotations

from pathlib import Path

from advisor.dataset import Modality, Task
from advisor.strategies.forest import ForestModel, forest_cost, load_forest
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy


class ExtraTrees(Strategy):
    """Extremely randomised trees."""

    card = Card(
        name="extra_trees",
        title="Extremely randomised trees",
        family="forest",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        cheap=True,
        reference="Geurts, Ernst and Wehenkel (2006)",
        licence="BSD-3-Clause (scikit-learn)",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Trees times rows; thresholds are not searched for."""
        return 0.7 * forest_cost(n_rows, n_features, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return ForestModel(params, context, extra=True)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``forest.npz``."""
        return load_forest(folder, context, extra=True)


STRATEGIES.add("extra_trees")(ExtraTrees())
