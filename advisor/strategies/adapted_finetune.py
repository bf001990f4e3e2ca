"""A base language model that first reads the pool without labels, then is fine-tuned as by ``lp_finetune``.

Training on masked words of the field's own texts gained up to 8.4 points with few labels [1]_. It is done once, before
the folds, from texts that no fold and no test split judges by (:mod:`advisor.representations.adapted_tokens`).

References
----------
.. [1] Frohmann et al. (2023), AdaSent: efficient domain-adapted sentence embeddings, arXiv 2311.00408.
"""

from __future__ import annotations

from advisor.dataset import Modality, Task
from advisor.errors import InvalidRequest
from advisor.strategies.finetuning import BATCH, NEEDS, back_share, forward_seconds
from advisor.strategies.lp_finetune import LpFinetune
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, word

ADAPT_STEPS = 300
"""Steps that adapting is taken to need; it ends when held-out texts are guessed no better, after 1,000 at most."""

FOLDS_SHARING = 6
"""Folds that adapting once serves (see ``division.NET_FOLDS``)."""


ADAPTABLE = {
    "base_models": "a base language model (--backbone roberta-base): predicting masked words would undo what makes a "
    "sentence encoder embed sentences",
    "n_unlabelled": "a pool of unlabelled texts to adapt to",
}
"""What must be there besides the libraries."""


class AdaptedFinetune(LpFinetune):
    """LP-FT of a language model that was adapted to the pool."""

    card = Card(
        name="adapted_finetune",
        title="Language model adapted to the pool, then fine-tuned",
        family="finetune",
        modalities=frozenset({Modality.TEXT}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="adapted_tokens",
        requires=NEEDS.model_copy(update={"present": ADAPTABLE}),
        native_multilabel=True,
        reference="Frohmann et al. (2023), AdaSent, arXiv 2311.00408; Gururangan et al. (2020), Don't stop pretraining",
        licence="Apache-2.0 (Lightning, transformers); BSD-3-Clause (PyTorch); that of the backbone",
        clock="net",
    )

    def representation(self, params: Params) -> str:
        """Tokens, and the adapting that their making brings about."""
        return f"{self.card.representation}:{word(params, 'backbone')}"

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
        once = ADAPT_STEPS * BATCH * forward_seconds(params) * (1 + back_share(params))
        return super().cost(n_rows, n_features, n_outputs, params) + once / FOLDS_SHARING


STRATEGIES.add("adapted_finetune")(AdaptedFinetune())
