"""A linear head on frozen features of the training pictures and of augmented views of them.

Views are embedded once and kept, so training on them costs a fraction of what augmentation costs a network; what they
gain is small, and the embedding takes five times as long (see ``search_spaces/linear_probe_views.toml``).
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
from advisor.representations.embedding import UPRIGHT
from advisor.representations.views import N_VIEWS
from advisor.storage import read_json, write_json
from advisor.strategies.heads import HeadModel, head_cost, load_head
from advisor.strategies.linear_probe import NEEDS
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number, word

ALL = 1 + N_VIEWS
"""The plain picture and its views."""


class ViewsModel(Model):
    """A linear head that saw every view of every training picture.

    The views of one picture weigh as much together as the picture would alone. That is the same as a penalty as many
    times stronger, so no weights of rows are needed.
    """

    def __init__(self, inner: HeadModel, average: bool) -> None:
        self.inner, self.average = inner, average

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Fit on plain pictures and views alike."""
        values = _stacked(X.values)
        info = FeatureInfo(names=X.info.names[: values.shape[1]])
        self.inner.fit(Features(values, info), np.repeat(y, ALL), deadline)
        self.truncated = self.inner.truncated
        return self

    def predict(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Predict from the plain picture, or average the predictions from all views."""
        if not self.average:
            return self.inner.predict(values[:, : values.shape[1] // ALL])
        found = self.inner.predict(_stacked(values))
        return np.asarray(found.reshape(len(values), ALL, -1).mean(axis=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``views.json`` beside what the head writes."""
        write_json(folder / "views.json", {"average": self.average})
        self.inner.save(folder)


def _stacked(values: NDArray[Any]) -> NDArray[Any]:
    """From one row per picture to one row per view: shape (n_rows * ALL, width)."""
    return values.reshape(len(values) * ALL, values.shape[1] // ALL)


class LinearProbeViews(Strategy):
    """Logistic or ridge regression on frozen features of augmented views."""

    card = Card(
        name="linear_probe_views",
        title="Linear head on augmented views of a frozen backbone",
        family="frozen",
        modalities=frozenset({Modality.IMAGE}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="views",
        requires=NEEDS,
        reference="Kornblith, Shlens and Le (2019), arXiv 1805.08974",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )

    def representation(self, params: Params) -> str:
        """Embeddings of the backbone for every view; none of them is mirrored where ``flip`` says so."""
        return f"views:{word(params, 'backbone')}{'' if params.get('flip', True) else UPRIGHT}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of the head on every view; the embedding, which is five times as long, does not count here."""
        width = find_backbone(word(params, "backbone")).width
        return head_cost("linear", ALL * n_rows, width, n_outputs, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        head: dict[str, ParamValue] = {
            "penalty": "l2",
            "C": number(params, "C") / ALL,
            "class_weight": word(params, "class_weight"),
        }
        inner = HeadModel("linear", head, word(params, "scaling"), context)
        return ViewsModel(inner, average=bool(params.get("tta")))

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        average = bool(read_json(folder / "views.json")["average"])
        return ViewsModel(load_head(folder, context), average)


STRATEGIES.add("linear_probe_views")(LinearProbeViews())
