"""Fine-tuning on labels and on what a teacher said once of the pool: the cheap way to let a network learn from it.

The teacher is either a logistic head on the network's own frozen features that was made steadier by self-training
(:mod:`advisor.strategies.self_training`), which costs one pass over the pool, or a network that was fine-tuned on the
labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.strategies.consistency_finetune import (
    PooledFineTuning,
    PooledModel,
    pool_seen,
    step_share,
    steps_cost,
)
from advisor.strategies.finetuning import (
    FOLDED_GAIN,
    NEEDS,
    START_SECONDS,
    forward_seconds,
    seeds_of,
)
from advisor.strategies.heads import HeadModel
from advisor.strategies.pseudo_labels import PRESENT
from advisor.strategies.self_training import SelfTraining
from advisor.strategy import STRATEGIES, Card, Params, number, word

if TYPE_CHECKING:
    from advisor.nets.feeds import Examples
    from advisor.nets.network import Headed

SELF_TRAINING: dict[str, ParamValue] = {
    "C": 100.0,
    "class_weight": "none",
    "rounds": 5,
    "scaling": "power",
    "share": 1.0,
    "shares": "pool",
    "threshold": 0.0,
    "weight": 0.3,
}
"""Of the head that teaches: the defaults of ``self_training`` on pictures and recordings."""

OF_TEXTS: dict[str, ParamValue] = {"C": 10.0, "scaling": "length"}
"""What differs in those on texts."""


class DistilledModel(PooledModel):
    """A student of a teacher that labelled the pool."""

    def train(self, examples: Examples, seed: int, deadline: Deadline) -> tuple[Headed, bool]:
        """Train one student, and its teacher before it where that is a network."""
        from advisor.nets.distillation import DistillationSettings, ask, distil

        pool = self.pool
        how = DistillationSettings(
            temperature=number(self.params, "temperature"), **{"alone": 0.0, **self.pool_settings()}
        )
        both = (self.settings(), how)
        if word(self.params, "teacher") == "head":
            return distil(examples, pool, both, self._head, seed, deadline)
        net, truncated = super().train(examples, seed, deadline)
        if truncated:
            return net, True

        def tell(features: Any, codes: Any, found: Any, rows: Any) -> NDArray[np.float64]:
            return ask(net, pool, rows)

        return distil(examples, pool, both, tell, seed, deadline)

    def _head(
        self,
        features: NDArray[np.float32],
        codes: NDArray[Any],
        pool: NDArray[np.float32],
        rows: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Label rows of the pool by self-training on the network's features."""
        info = FeatureInfo(names=tuple(f"e{i}" for i in range(features.shape[1])))
        X = Features(features, info, pool=pool)
        params = SELF_TRAINING | (OF_TEXTS if "length" in self.params else {})
        learner = SelfTraining(params, self.context)
        head = HeadModel("linear", params, word(params, "scaling"), self.context, learner=learner)
        return head.fit(X, codes, Deadline(None)).predict(pool.astype(np.float64))


class DistilledFinetune(PooledFineTuning):
    """Fine-tune on labels and on a teacher's labels of the pool."""

    card = Card(
        name="distilled_finetune",
        title="Fine-tuning on pseudo-labels of the pool (distillation)",
        family="finetune",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS}),
        representation="pixels",
        requires=NEEDS.model_copy(update={"present": PRESENT}),
        pool=True,
        reference="Su et al. (2021), arXiv 2104.00679; Hinton et al. (2015), arXiv 1503.02531",
        licence="Apache-2.0 (timm, Lightning); BSD-3-Clause (PyTorch, scikit-learn); that of the backbone",
        clock="net",
    )
    model: ClassVar[type[DistilledModel]] = DistilledModel

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """As of the labelled rows alone, twice where the teacher is a network, and the pool: features, maps, steps."""
        seen, rows = pool_seen(params)
        own = steps_cost(n_rows, params)
        each = own + rows + seen * step_share(params)
        if "views" in params:
            each += min(seen, rows * number(params, "pool_views"))
        if word(params, "teacher") == "finetuned":
            each += own + rows / (1.0 if "length" in params else FOLDED_GAIN)
        return START_SECONDS + forward_seconds(params) * each * seeds_of(params)


STRATEGIES.add("distilled_finetune")(DistilledFinetune())
