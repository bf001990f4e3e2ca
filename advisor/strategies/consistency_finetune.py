"""Fine-tuning that learns from the pool in its steps: what weak views of its rows are taken for, strong ones must be.

FixMatch and its successors as one recipe, made for few labels and a pretrained backbone: the head first, labels alone
for a share of the steps, then pseudo-labels by the averaged weights, trusted in one of five published ways. Of pictures
and recordings the last stages are trained on kept maps, as by ``partial_finetune``; of texts the whole encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.parameter import ParamValue
from advisor.representation import Features
from advisor.representations.embedding import joined_names
from advisor.strategies.finetuning import (
    NEEDS,
    START_SECONDS,
    FineTuneModel,
    FineTuning,
    back_share,
    batch_of,
    forward_seconds,
    items_seen,
    seeds_of,
)
from advisor.strategies.partial_finetune import TAIL_TIME
from advisor.strategies.pseudo_labels import NO_POOL, POOL_LOOKED_AT, PRESENT
from advisor.strategy import STRATEGIES, Card, Model, Params, number, word

if TYPE_CHECKING:
    from advisor.nets.feeds import Examples
    from advisor.nets.network import Headed


class PooledModel(FineTuneModel):
    """A network, or several, that learned from the pool; the pool itself is not kept."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Train as :meth:`FineTuneModel.fit` does, with ``X.pool`` of the same columns as ``X.values``.

        InvalidRequest is raised where there is no pool: no row of it could be read, or all are labelled or test rows.
        """
        if X.pool is None or not X.pool.shape[0]:
            raise InvalidRequest(NO_POOL)
        self.pool: NDArray[Any] = np.asanyarray(X.pool)
        try:
            return super().fit(X, y, deadline)
        finally:
            del self.pool

    def pool_settings(self) -> dict[str, Any]:
        """Read the parameters that all such strategies have, by the names of ``PoolSettings``."""
        p = self.params
        read: dict[str, Any] = {"strong": word(p, "strong"), "weight": number(p, "pool_weight")}
        read |= {"share": number(p, "pool_batch"), "rows": int(number(p, "pool_rows"))}
        read |= {"alone": number(p, "alone")} if "alone" in p else {}
        return read | ({"views": int(number(p, "pool_views"))} if "pool_views" in p else {})


class PooledFineTuning(FineTuning):
    """A strategy whose networks learn from the pool."""

    model: ClassVar[type[FineTuneModel]] = PooledModel
    fixed: ClassVar[Mapping[str, ParamValue]] = {"warm_head": True, "frozen_statistics": True}

    def representation(self, params: Params) -> str:
        """Pixels; or the tokens of a backbone for texts, with views where ``strong`` names some."""
        if "length" not in params:
            return self.card.representation
        views = word(params, "strong")
        name = joined_names([word(params, "backbone")])
        return f"tokens:{name}{'' if views == 'none' else f'+{views}'}"


def steps_cost(n_rows: int, params: Params) -> float:
    """Count the passes of the labelled rows, in passes through the whole network: maps or features, then steps.

    Parameters
    ----------
    n_rows : int
        Labelled ones.
    params : mapping
        Of a strategy with a pool.

    Returns
    -------
    float
    """
    seen = items_seen(n_rows, params)
    maps = float(n_rows)
    if "views" in params:
        maps += min(seen, n_rows * number(params, "views"))
    return maps + seen * step_share(params)


def step_share(params: Params, *, back: bool = True) -> float:
    """Tell the time of an item in a step, there and back or only there, over that of a pass through the network."""
    there = TAIL_TIME * number(params, "unfrozen") if "views" in params else 1.0
    share = number(params, "unfrozen") if "unfrozen" in params and "views" not in params else 1.0
    return there * (1 + back_share(params) * share) if back else there


def pool_seen(params: Params, alone: float = 0.0) -> tuple[float, float]:
    """Count the rows of the pool in all steps after the first share of them, and how many different ones these are."""
    each = number(params, "pool_batch") * batch_of(params)
    seen = number(params, "steps") * (1 - alone) * each
    return seen, min(number(params, "pool_rows"), POOL_LOOKED_AT, seen)


class ConsistencyModel(PooledModel):
    """Trained on labels and on agreement between views of the pool."""

    def train(self, examples: Examples, seed: int, deadline: Deadline) -> tuple[Headed, bool]:
        """Train one network."""
        from advisor.nets.consistency import ConsistencySettings, train_consistently

        how = ConsistencySettings(
            thresholding=word(self.params, "thresholding"),
            teacher=word(self.params, "teacher"),
            **self.pool_settings(),
        )
        both = (self.settings(), how)
        return train_consistently(examples, self.pool, both, seed, deadline)


class ConsistencyFinetune(PooledFineTuning):
    """Fine-tune on labels and on agreement between weak and strong views of the pool."""

    card = Card(
        name="consistency_finetune",
        title="Fine-tuning with the pool (weak and strong views agree)",
        family="finetune",
        modalities=frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS}),
        representation="pixels",
        requires=NEEDS.model_copy(update={"present": PRESENT}),
        pool=True,
        reference="FixMatch, arXiv 2001.07685; FlexMatch, 2110.08263; FreeMatch, 2205.07246; SoftMatch, 2301.10921; "
        "AdaMatch, 2106.04732",
        licence="Apache-2.0 (timm, Lightning); BSD-3-Clause (PyTorch); that of the backbone",
        clock="net",
    )
    model = ConsistencyModel

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """As of the labelled rows alone, and weak and strong views of the pool: their maps, then their steps."""
        seen, rows = pool_seen(params, number(params, "alone"))
        maps = 0.0
        if "views" in params:
            maps = rows + min(seen, rows * number(params, "pool_views"))
        steps = seen * (step_share(params) + step_share(params, back=False))
        each = steps_cost(n_rows, params) + maps + steps
        return START_SECONDS + forward_seconds(params) * each * seeds_of(params)


STRATEGIES.add("consistency_finetune")(ConsistencyFinetune())
