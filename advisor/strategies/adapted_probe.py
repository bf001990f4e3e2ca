"""A linear head on the frozen features of a backbone that first goes on learning from the pool without labels.

References
----------
Reed et al. (2021), Self-supervised pretraining improves self-supervised pretraining, arXiv 2103.12718; Cole et al.
(2022), When does contrastive visual representation learning work?, arXiv 2105.05837.
"""

from __future__ import annotations

from pathlib import Path

from advisor.dataset import Modality, Task
from advisor.parameter import ParamValue
from advisor.representations.adapted import listening, seeing
from advisor.representations.embedding import joined_names
from advisor.strategies.adapted_finetune import FOLDS_SHARING, adapting_of, adapting_seconds
from advisor.strategies.heads import HeadModel, head_cost, load_head
from advisor.strategies.linear_probe import NEEDS
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Strategy,
    number,
    word,
)

WIDTH = 1_000
"""Numbers in an embedding that costs are told for: next to the adapting, the head takes no time."""

REQUIRES = NEEDS.model_copy(
    update={
        "modules": ("torch", "lightning", "lightly"),
        "extra": "vision",
        "present": {"n_pool_new": "a pool of unlabelled items to adapt to"},
    }
)


class AdaptedProbe(Strategy):
    """Logistic regression, or ridge for values, on an adapted backbone."""

    card = Card(
        name="adapted_probe",
        title="Linear head on a backbone adapted to the pool",
        family="frozen",
        modalities=frozenset({Modality.IMAGE, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="adapted_embedding",
        requires=REQUIRES,
        reference="Reed et al. (2021), arXiv 2103.12718; Chen et al. (2020), SimCLR, arXiv 2002.05709; Chen et al. "
        "(2020), MoCo v2, arXiv 2003.04297; Grill et al. (2020), BYOL, arXiv 2006.07733",
        licence="BSD-3-Clause (scikit-learn, PyTorch); MIT (lightly); the backbone's own for its weights",
        clock="net",
    )

    def representation(self, params: Params) -> str:
        """Embeddings of the adapted backbone; for recordings, of one that is shown log-mel pictures."""
        backbone = word(params, "backbone")
        if word(params, "shown") == "logmel":
            backbone = listening(seeing(backbone))
        name = joined_names([backbone])
        return f"{self.card.representation}:{name}{adapting_of(params)}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit of the head, and each fold's share of the adapting."""
        own = head_cost(_head(params), n_rows, WIDTH, n_outputs, _head_params(params))
        return own + adapting_seconds(params) / FOLDS_SHARING

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return HeadModel(_head(params), _head_params(params), word(params, "scaling"), context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        return load_head(folder, context)


def _head(params: Params) -> str:
    return "linear" if "C" in params else "ridge"


def _head_params(params: Params) -> dict[str, ParamValue]:
    made: dict[str, ParamValue] = {"class_weight": word(params, "class_weight")}
    if "C" in params:
        made |= {"penalty": "l2", "C": number(params, "C")}
    return made


STRATEGIES.add("adapted_probe")(AdaptedProbe())
