"""Labelled rows and a pool → a network that says of much varied rows what it says of hardly varied ones.

FixMatch [1]_ and what came after it, on a pretrained backbone: labels alone first, from a head that is a logistic
regression; then, step by step, the average of the weights so far names the class of weak views of pool rows, and the
network learns to find it in strong views of them. Which of the names are believed is a part that is exchanged
(:mod:`advisor.nets.thresholds`).

References
----------
.. [1] Sohn et al. (2020), FixMatch, arXiv 2001.07685.
.. [2] Tarvainen and Valpola (2017), Mean teachers are better role models, arXiv 1703.01780.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.deadline import Deadline
from advisor.nets.feeds import Examples
from advisor.nets.losses import loss_of
from advisor.nets.network import Headed
from advisor.nets.pool_training import PoolSettings, PoolTraining
from advisor.nets.settings import Settings
from advisor.nets.thresholds import FAIRNESS, make_threshold


@dataclass(frozen=True, kw_only=True)
class ConsistencySettings(PoolSettings):
    """What this way of learning from a pool needs besides."""

    thresholding: str = "softmatch"
    """A name in :data:`advisor.nets.thresholds.KINDS`."""
    teacher: str = "average"
    """``average`` of the weights so far, or ``student``: the weights as they are."""


def train_consistently(
    examples: Examples,
    pool: NDArray[Any],
    settings: tuple[Settings, ConsistencySettings],
    seed: int,
    deadline: Deadline,
) -> tuple[Headed, bool]:
    """Train a network on labelled rows and a pool.

    Parameters
    ----------
    examples : Examples
        Labelled rows, with class codes.
    pool : ndarray of shape (n_pool, n_columns)
        As their values, one row at least.
    settings : tuple of Settings and ConsistencySettings
        Of the training, and of what is done with the pool.
    seed : int
        Of order, views and dropout; the global generator is left as it was.
    deadline : Deadline
        Looked at before every step, and while maps are computed.

    Returns
    -------
    Headed
        In evaluation mode; on the GPU if there is one.
    bool
        Whether time ran out before the last step.

    Raises
    ------
    DeadlineExceeded
        When time ran out before there was a first head.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Consistency(examples, pool, settings, seed, deadline).run()


class _Consistency(PoolTraining):
    """One run, and how much pseudo-labels are trusted by now."""

    def __init__(
        self,
        examples: Examples,
        pool: NDArray[Any],
        settings: tuple[Settings, ConsistencySettings],
        seed: int,
        deadline: Deadline,
    ) -> None:
        super().__init__(examples, pool, settings, seed, deadline)
        own = settings[1]
        self.by_average = own.teacher == "average"
        self.threshold = make_threshold(own.thresholding, self.settings.n_outputs, len(pool))

    def loss(self, module: Any, rows: Tensor, turns: Tensor, step: int) -> Tensor:
        """Add what the strong views of pool rows cost, as far as their pseudo-labels are trusted."""
        found, times = self.drawn(step)
        guessed = self._guess(module, found, times) if len(found) else None
        labelled, answers = self.loss_of_labels(module, rows, turns)
        if guessed is None:
            return labelled
        known = answers.detach().softmax(dim=1)
        targets, weights = self.threshold.weigh(guessed, known, found)
        strong = module(self.strong.varied(found, times)).float()
        each = loss_of(strong, targets, "classes", 0.0, 0.0)
        unfair = self.threshold.fairness(guessed, strong.softmax(dim=1), weights)
        return labelled + self.pool.weight * (weights * each).mean() + FAIRNESS * unfair

    def _guess(self, module: Any, rows: Tensor, turns: Tensor) -> Tensor:
        """Tell the classes of weak views, without dropout and by the averaged weights where they are the teacher."""
        self.feed.module.eval()
        view = self.weak.varied(rows, turns)
        with torch.no_grad():
            if self.by_average:
                with self.averaged():
                    found = module(view)
            else:
                found = module(view)
        self.start_learning()
        made: Tensor = found.float().softmax(dim=1)
        return made
