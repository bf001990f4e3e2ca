"""TF-IDF and a head on frozen embeddings, each fitted by itself, and their opinions pooled.

Words that tell the label by themselves and the meaning of the whole err on different texts; where both are about as
good, the blend is better than either.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import find_backbone
from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.representations.embedding import joined_names
from advisor.representations.lexical import COLUMNS
from advisor.storage import read_json, write_json
from advisor.strategies.heads import HeadModel, head_cost, load_head
from advisor.strategies.linear_probe import NEEDS, backbones_of
from advisor.strategies.tfidf import TfidfModel, tfidf_cost, without_embedding
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number, word

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST = 1e-9
"""Probabilities below this count as this much, so that one model cannot rule out what the other sees."""


class BlendModel(Model):
    """Two models; the logarithms of their probabilities are averaged, or their values."""

    def __init__(
        self, lexical: TfidfModel, head: HeadModel, share: float, context: FitContext
    ) -> None:
        self.lexical, self.head, self.share, self.context = lexical, head, share, context
        self.n_beside = 0
        self.width = 0

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Fit both."""
        self.n_beside = X.info.beside
        self.width = X.values.shape[1] - 2 * COLUMNS - self.n_beside
        self.lexical.fit(without_embedding(X, self.width), y, deadline)
        info = FeatureInfo(names=("embedding",), beside=self.n_beside)
        self.head.fit(replace(X, values=self._dense(X.values), info=info), y, deadline)
        self.truncated = self.head.truncated
        return self

    def predict(self, values: csr_matrix) -> NDArray[np.float64]:
        """Pool what both say."""
        features = Features(values, FeatureInfo(names=(), beside=self.n_beside))
        terms = self.lexical.predict(without_embedding(features, self.width).values)
        meaning = self.head.predict(self._dense(values))
        if self.context.task is Task.REGRESSION:
            return (1 - self.share) * terms + self.share * meaning
        logs = [np.log(np.maximum(found, LEAST)) for found in (terms, meaning)]
        pooled = np.exp((1 - self.share) * logs[0] + self.share * logs[1])
        return np.asarray(pooled / pooled.sum(axis=1, keepdims=True), dtype=np.float64)

    def _dense(self, values: csr_matrix) -> NDArray[np.float64]:
        """The embedding and the columns beside."""
        return np.asarray(values[:, 2 * COLUMNS :].toarray(), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``blend.json`` and both models in folders of their own."""
        state = {"share": self.share, "n_beside": self.n_beside, "width": self.width}
        write_json(folder / "blend.json", state)
        for name, model in (("lexical", self.lexical), ("embedding", self.head)):
            (folder / name).mkdir()
            model.save(folder / name)


class TfidfBlend(Strategy):
    """TF-IDF with logistic regression, and a head on frozen embeddings."""

    card = Card(
        name="tfidf_blend",
        title="TF-IDF blended with a frozen backbone",
        family="frozen",
        modalities=frozenset({Modality.TEXT}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="lexical_embedding",
        requires=NEEDS,
        cheap=True,
        reference="Genest and Zidek (1986), Combining probability distributions (logarithmic pool)",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )

    def representation(self, params: Params) -> str:
        """Counts and the embeddings of the backbones."""
        return f"lexical_embedding:{joined_names(backbones_of(params))}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of both; the backbones' width stands for the features."""
        width = sum(find_backbone(name).width for name in backbones_of(params))
        head = head_cost("linear", n_rows, width, n_outputs, params)
        return head + tfidf_cost(n_rows, n_outputs, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        weight = word(params, "class_weight")
        strengths: dict[str, ParamValue] = {
            "penalty": "l2",
            "C": number(params, "head_C"),
            "class_weight": weight,
        }
        head = HeadModel("linear", strengths, "length", context)
        lexical = TfidfModel({"model": "logistic", **params}, context)
        return BlendModel(lexical, head, number(params, "share"), context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        state = read_json(folder / "blend.json")
        lexical = TfidfModel({}, context).restore(folder / "lexical")
        head = load_head(folder / "embedding", context)
        model = BlendModel(lexical, head, float(state["share"]), context)
        model.n_beside, model.width = int(state["n_beside"]), int(state["width"])
        return model


STRATEGIES.add("tfidf_blend")(TfidfBlend())
