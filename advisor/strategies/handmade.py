"""Classical models on features made by hand: the floor that a pretrained backbone has to beat.

It needs no weights and a few milliseconds a file: on grey textures it comes near to a backbone, on recordings it is
what MFCC and a kernel machine can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.strategies.heads import HeadModel, Parts, head_cost, load_head
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

SHARES = {
    "edges": 0.4,
    "fine_texture": 0.15,
    "coarse_texture": 0.15,
    "colours": 0.1,
    "moments": 0.1,
    "layout": 0.1,
    "mfcc_mean": 0.14,
    "mfcc_std": 0.14,
    "mfcc_delta": 0.14,
    "mfcc_thirds": 0.2,
    "logmel_mean": 0.06,
    "logmel_std": 0.06,
    "logmel_delta": 0.06,
    "logmel_max": 0.06,
    "loudness": 0.04,
    "crossings": 0.03,
    "centroid": 0.03,
    "bandwidth": 0.03,
    "duration": 0.01,
}
"""Share of each block in the squared length of a row, among the blocks that are used. Measured: on pictures even shares
lose 3 points on CIFAR-10, columns of variance one (0.6, 0.11, 0.11, 0.05, 0.02, 0.09) 2 to 3 points on photos and steel
surfaces."""

SUBSETS = {
    "all": frozenset(SHARES),
    "histograms": frozenset({"fine_texture", "coarse_texture", "colours", "moments"}),
    "cepstrum": frozenset({"mfcc_mean", "mfcc_std", "mfcc_delta", "mfcc_thirds"}),
}
"""What the parameter ``blocks`` means: everything; what does not depend on where things are in a picture; what is
customary for speech."""

WIDEST = 527
"""Numbers at most: those of a picture."""


class Handmade(Strategy):
    """Trees, a linear model or a kernel machine on edges, texture and colours, or on a spectrum."""

    card = Card(
        name="handmade",
        title="Hand-made features",
        family="handmade",
        modalities=frozenset({Modality.IMAGE, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="handmade",
        requires=Requirements(),
        cheap=True,
        reference="Dalal and Triggs (2005); Ojala, Pietikäinen and Mäenpää (2002); Swain and Ballard (1991); "
        "Davis and Mermelstein (1980)",
        licence="BSD-3-Clause (scikit-image, scikit-learn)",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of the head; the descriptors, which are computed once, do not count here."""
        return head_cost(word(params, "head"), n_rows, WIDEST, n_outputs, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        head, weight = word(params, "head"), word(params, "class_weight")
        made: dict[str, ParamValue] = {"class_weight": weight}
        if head == "extra_trees":
            made |= {name: params.get(name) for name in ("n_estimators", "min_samples_leaf")}
            made |= {"max_features": "auto", "criterion": "entropy"}
        elif head == "svm":
            made |= {name: number(params, f"svm_{name}") for name in ("C", "gamma")}
            made |= {"epsilon": SVR_EPSILON}
        else:
            made |= {"penalty": "l2", "C": number(params, "C")}
        parts = _parts(context.info.names, SUBSETS[word(params, "blocks")])
        return HeadModel(head, made, "parts", context, parts)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        return load_head(folder, context)


def _parts(names: Sequence[str], wanted: frozenset[str]) -> Parts:
    """Find the columns of the blocks that are wanted, by the names of the descriptors."""
    blocks = np.array([name.partition(".")[0] for name in names])
    used = [block for block in SHARES if block in wanted and block in blocks]
    total = sum(SHARES[block] for block in used)
    return [(np.flatnonzero(blocks == block), SHARES[block] / total) for block in used]


SVR_EPSILON = 0.05
"""Standard deviations of the target within which an error does not count: the default of the strategy ``svm``."""


STRATEGIES.add("handmade")(Handmade())
