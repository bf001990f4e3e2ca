"""Self-training and spread labels, each with its own head, and the mean of what both say.

The first asks where the border lies, the second which rows lie close together, so they err on different rows: where one
of them is misled by the pool the other holds against it, and where both are right the mean is better than either.

References
----------
Zhou and Li (2005), Tri-training: exploiting unlabeled data using three classifiers; Revisiting semi-supervised learning
in the era of foundation models (2025), arXiv 2503.09707 (ensembles of pseudo-labels).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.representation import Features
from advisor.storage import read_json, write_json
from advisor.strategies.label_spreading import SpreadLabels
from advisor.strategies.pseudo_labels import MODALITIES, TASKS
from advisor.strategies.self_training import SelfTrained
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number

SPREADING, TRAINING = SpreadLabels(), SelfTrained()
"""What is averaged. Spreading comes first in a fit: it is all or nothing, while self-training leaves out rounds where
time is short."""

SETTLED: Mapping[str, Mapping[str, ParamValue]] = {
    SPREADING.card.name: {},
    TRAINING.card.name: {"share": 1.0, "threshold": 0.0, "shares": "pool"},
}
"""Parameters of each that are not looked for: the defaults of their spaces."""

USUAL: Mapping[str, ParamValue] = {"shares": "labels"}
"""The default of what was settled for spreading before it was looked for: runs planned then do not say it."""


class BlendModel(Model):
    """Two fitted heads whose probabilities are averaged.

    Parameters
    ----------
    spread, trained : Model
        Of label spreading, and of self-training.
    balance : float
        Weight of the latter; the other has the rest.
    """

    def __init__(self, spread: Model, trained: Model, balance: float) -> None:
        self.spread, self.trained, self.balance = spread, trained, balance

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Fit one after the other on the same rows and pool."""
        self.spread = self.spread.fit(X, y, deadline)
        self.trained = self.trained.fit(X, y, deadline)
        self.truncated = self.trained.truncated
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average what both say."""
        spread, trained = self.spread.predict(values), self.trained.predict(values)
        return (1.0 - self.balance) * spread + self.balance * trained

    def save(self, folder: Path) -> None:
        """Write ``blend.json`` and both heads in folders of their own."""
        write_json(folder / "blend.json", {"balance": self.balance})
        parts = ((SPREADING, self.spread), (TRAINING, self.trained))
        for strategy, model in parts:
            (folder / strategy.card.name).mkdir()
            model.save(folder / strategy.card.name)


class PoolBlend(Strategy):
    """Label spreading and self-training, averaged."""

    card = Card(
        name="pool_blend",
        title="Self-training and spread labels, averaged",
        family="frozen",
        modalities=MODALITIES - {Modality.TABULAR},
        tasks=TASKS,
        representation="embedding",
        requires=SPREADING.card.requires,
        pool=True,
        reference="Zhou and Li (2005), Tri-training; arXiv 2503.09707",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )

    def representation(self, params: Params) -> str:
        """Embeddings, as either takes them."""
        return TRAINING.representation(params)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of both."""
        return sum(
            part.cost(n_rows, n_features, n_outputs, _params_of(part, params))
            for part in (SPREADING, TRAINING)
        )

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        spread, trained = (
            part.build(_params_of(part, params), context) for part in (SPREADING, TRAINING)
        )
        return BlendModel(spread, trained, number(params, "balance"))

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        spread, trained = (
            part.load(folder / part.card.name, context) for part in (SPREADING, TRAINING)
        )
        return BlendModel(spread, trained, float(read_json(folder / "blend.json")["balance"]))


def _params_of(part: Strategy, params: Params) -> Params:
    return {**USUAL, **params, **SETTLED[part.card.name]}


STRATEGIES.add("pool_blend")(PoolBlend())
