"""A linear head on frozen features of the training items and of augmented views of them.

Views are embedded once and kept, so training on them costs a fraction of what augmentation costs a network; what they
gain is small, and the embedding takes five times as long (see ``search_spaces/*/linear_probe_views.toml``). For texts
augmentation is off unless it wins beyond chance: it does not help pretrained encoders as a rule (Longpre et al. 2020).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import find_backbone
from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.representations.embedding import UPRIGHT, joined_names
from advisor.representations.views import N_VIEWS
from advisor.storage import read_json, write_json
from advisor.strategies.heads import HeadModel, head_cost, load_head
from advisor.strategies.linear_probe import NEEDS, backbones_of
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number, word

ALL = 1 + N_VIEWS
"""The plain item and its views."""

EMBEDDING_RATE = 40.0
"""1e9 multiply-adds per second of embedding on one core, decoding included; measured (EfficientNet-lite0: 202 pictures
per second on two)."""

FOLDS_SHARING = 6
"""Folds that embedding once serves (see ``division.NET_FOLDS``)."""


class ViewsModel(Model):
    """A linear head that saw every view of every training item.

    The views of one item weigh as much together as the item would alone. That is the same as a penalty as many times
    stronger, so no weights of rows are needed.
    """

    def __init__(self, inner: HeadModel, n_views: int, average: bool) -> None:
        self.inner, self.n_views, self.average = inner, n_views, average
        self.n_beside = 0

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Fit on plain items and views alike."""
        self.n_beside = X.info.beside
        values = stacked_views(X.values, self.n_views, self.n_beside)
        info = FeatureInfo(names=("view",), beside=self.n_beside)
        items = np.arange(len(y)) if X.blocks is None else X.blocks
        rows = Features(values, info, blocks=np.repeat(items, self.n_views))
        self.inner.fit(rows, np.repeat(y, self.n_views), deadline)
        self.truncated = self.inner.truncated
        return self

    def predict(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Predict from the plain item, or average the predictions from all views."""
        views = stacked_views(values, self.n_views, self.n_beside)
        if not self.average:
            return self.inner.predict(views[:: self.n_views])
        found = self.inner.predict(views)
        return np.asarray(
            found.reshape(len(values), self.n_views, -1).mean(axis=1), dtype=np.float64
        )

    def save(self, folder: Path) -> None:
        """Write ``views.json`` beside what the head writes."""
        state = {"average": self.average, "n_views": self.n_views, "n_beside": self.n_beside}
        write_json(folder / "views.json", state)
        self.inner.save(folder)


def stacked_views(values: NDArray[Any], n_views: int, n_beside: int) -> NDArray[Any]:
    """Turn one row per item into one row per view.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_views * width + n_beside)
        The views side by side, the plain one first, and the columns beside.
    n_views, n_beside : int
        How many there are.

    Returns
    -------
    ndarray of shape (n_rows * n_views, width + n_beside)
        The views of a row follow each other; each has the columns beside of its row.
    """
    end = values.shape[1] - n_beside
    views = values[:, :end].reshape(len(values) * n_views, end // n_views)
    return np.hstack([views, np.repeat(values[:, end:], n_views, axis=0)])


class LinearProbeViews(Strategy):
    """Logistic or ridge regression on frozen features of augmented views."""

    card = Card(
        name="linear_probe_views",
        title="Linear head on augmented views of a frozen backbone",
        family="frozen",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="training_views",
        requires=NEEDS,
        augments=True,
        reference="Kornblith, Shlens and Le (2019), arXiv 1805.08974",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )

    def representation(self, params: Params) -> str:
        """Embeddings of every view, which predictions ask for with ``tta``; no view is mirrored without ``flip``."""
        names = joined_names(backbones_of(params))
        kind = "views" if params.get("tta") else "training_views"
        if "augmentation" in params:
            return f"{kind}:{names}+{word(params, 'augmentation')}"
        return f"{kind}:{names}{'' if params.get('flip', True) else UPRIGHT}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of the head on every view, and each fold's share of embedding the varied ones."""
        cards = [find_backbone(name) for name in backbones_of(params)]
        width, work = sum(c.width for c in cards), sum(c.multiply_adds for c in cards)
        embedding = (ALL - 1) * n_rows * work / EMBEDDING_RATE / FOLDS_SHARING
        return embedding + head_cost("linear", ALL * n_rows, width, n_outputs, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        head: dict[str, ParamValue] = {
            "penalty": "l2",
            "C": number(params, "C") / ALL,
            "class_weight": word(params, "class_weight"),
        }
        inner = HeadModel("linear", head, word(params, "scaling"), context)
        return ViewsModel(inner, ALL, average=bool(params.get("tta")))

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        state = read_json(folder / "views.json")
        model = ViewsModel(
            load_head(folder, context), int(state["n_views"]), bool(state["average"])
        )
        model.n_beside = int(state["n_beside"])
        return model


STRATEGIES.add("linear_probe_views")(LinearProbeViews())
