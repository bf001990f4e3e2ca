"""A backbone that first goes on learning from the pool without labels, then is fine-tuned as by ``lp_finetune``.

Training on masked words of the field's own texts gained up to 8.4 points with few labels [1]_; going on with
self-supervised training on the pool's own pictures was better than pretraining alone on 16 sets [2]_, though not with
other pictures than the task's own [3]_. It is done once, before the folds, from items that no fold and no test split
judges by (:mod:`advisor.representations.adapted`).

References
----------
.. [1] Frohmann et al. (2023), AdaSent: efficient domain-adapted sentence embeddings, arXiv 2311.00408.
.. [2] Reed et al. (2021), Self-supervised pretraining improves self-supervised pretraining, arXiv 2103.12718.
.. [3] Cole et al. (2022), When does contrastive visual representation learning work?, arXiv 2105.05837.
"""

from __future__ import annotations

from advisor.dataset import Modality, Task
from advisor.errors import InvalidRequest
from advisor.representations.adapted import COLOURS_KEPT, METHOD_MARK, SIDES_KEPT
from advisor.representations.embedding import joined_names
from advisor.strategies.finetuning import BATCH, NEEDS, back_share, forward_seconds
from advisor.strategies.lp_finetune import LpFinetune
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, word

ADAPT_STEPS = 300
"""Steps that adapting takes: of pictures exactly so many; of texts, where it ends when held-out ones are guessed no
better, after 1,000 at most."""

ADAPT_SIZE = 96
"""Side in pixels of the views that pictures are adapted on."""

VIEWS = {"simclr": 2.0, "moco": 2.5, "byol": 2.5, "mae": 0.5}
"""Passes of a step over those through one view of each picture, forward and backward: two views, and half as much for
the slow copies, which have no way back. An autoencoder sees a quarter of one view, and has a decoder."""

FOLDS_SHARING = 6
"""Folds that adapting once serves (see ``division.NET_FOLDS``)."""


ADAPTABLE = {
    "base_models": "a base language model (--backbone roberta-base): predicting masked words would undo what makes a "
    "sentence encoder embed sentences",
    "n_pool_new": "a pool of unlabelled texts (or pictures, or recordings) to adapt to",
}
"""What must be there besides the libraries; the first is asked of texts alone."""


class AdaptedFinetune(LpFinetune):
    """LP-FT of a backbone that was adapted to the pool."""

    card = Card(
        name="adapted_finetune",
        title="Backbone adapted to the pool, then fine-tuned",
        family="finetune",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="adapted_tokens",
        requires=NEEDS.model_copy(update={"present": ADAPTABLE}),
        native_multilabel=True,
        reference="Frohmann et al. (2023), AdaSent, arXiv 2311.00408; Gururangan et al. (2020), arXiv 2004.10964; "
        "Reed et al. (2021), arXiv 2103.12718; Chen et al. (2020), SimCLR, arXiv 2002.05709",
        licence="Apache-2.0 (Lightning, transformers, timm); MIT (lightly); BSD-3-Clause (PyTorch); the backbone's own",
        clock="net",
    )

    def representation(self, params: Params) -> str:
        """Tokens or pixels, and the adapting that their making brings about."""
        backbone = word(params, "backbone")
        if "length" in params:
            return f"{self.card.representation}:{joined_names([backbone])}"
        return f"adapted_pixels:{backbone}{adapting_of(params)}"

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one from the adapted model; InvalidRequest is raised where nothing was adapted."""
        if not context.info.source:
            raise InvalidRequest(
                f"expected '{word(params, 'backbone')}' to be adapted to a pool, got none; pass --unlabeled, or use "
                "lp_finetune"
            )
        return super().build({**params, "backbone": context.info.source}, context)

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """As ``lp_finetune``, and each fold's share of the adapting."""
        own = super().cost(n_rows, n_features, n_outputs, params)
        return own + adapting_seconds(params) / FOLDS_SHARING


def adapting_of(params: Params) -> str:
    """Write how a backbone is adapted, as it stands behind its name in the argument of a representation.

    Parameters
    ----------
    params : mapping
        With ``method``; of pictures also ``pool_flip`` and ``pool_colour``, which are true where they are missing.

    Returns
    -------
    str
        The method with its mark, and what its views keep.
    """
    sides = "" if params.get("pool_flip", True) else SIDES_KEPT
    colours = "" if params.get("pool_colour", True) else COLOURS_KEPT
    return f"{METHOD_MARK}{word(params, 'method')}{sides}{colours}"


def adapting_seconds(params: Params) -> float:
    """Estimate the seconds that adapting takes on one core of the reference machine.

    Parameters
    ----------
    params : mapping
        With ``backbone``, and ``method`` or ``length``.

    Returns
    -------
    float
    """
    passes, seen = 1.0, params
    if "length" not in params:
        passes, seen = VIEWS[word(params, "method")], {**params, "size": ADAPT_SIZE}
    return passes * ADAPT_STEPS * BATCH * forward_seconds(seen) * (1 + back_share(seen))


STRATEGIES.add("adapted_finetune")(AdaptedFinetune())
