"""A classical head on the features of a frozen pretrained backbone: pictures, recordings and texts alike.

The first thing to try on few labels, and often the last: the backbone is run once per item, and every head after that
takes milliseconds. How features are best scaled depends on what made them (``search_spaces/*/linear_probe.toml``): on
pictures square roots and rows of unit length were worth one to two points of accuracy, on recordings columns of equal
variance; which head comes next to nothing.
"""

from __future__ import annotations

from pathlib import Path

from advisor.backbone import find_backbone
from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.representations.embedding import FLIP, joined_names
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
    weights="of the backbone: the smallest come with packages (efficientnet_lite0, all_minilm_l6_v2, whisper_tiny_en; "
    "Apache-2.0 and MIT), others are named by the user",
)
"""What every strategy on a frozen backbone asks for; what the backbone itself needs is said by its loader."""


class LinearProbe(Strategy):
    """Logistic regression, ridge, nearest class mean or a kernel machine on frozen features."""

    card = Card(
        name="linear_probe",
        title="Head on a frozen backbone",
        family="frozen",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="embedding",
        requires=NEEDS,
        cheap=True,
        reference="Donahue et al. (2014), DeCAF; Kornblith, Shlens and Le (2019), arXiv 1805.08974",
        licence="BSD-3-Clause (scikit-learn); the backbone's own for its weights",
    )

    def representation(self, params: Params) -> str:
        """Embeddings of the backbones, averaged with those of the mirror image where ``flip`` says so."""
        names = joined_names(backbones_of(params))
        return f"embedding:{names}{FLIP if params.get('flip') else ''}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of the head; the backbones' width stands for the features."""
        width = sum(find_backbone(name).width for name in backbones_of(params))
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


def backbones_of(params: Params) -> tuple[str, ...]:
    """Name the backbones of a configuration.

    Parameters
    ----------
    params : mapping
        ``backbone``, and perhaps ``second``.

    Returns
    -------
    tuple of str
        One or two, in the order of their names, so that each pair is computed once.
    """
    names = {word(params, "backbone"), word(params, "second")} - {"none"}
    return tuple(sorted(names))


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
