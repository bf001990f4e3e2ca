"""Labelled rows and a pool that a teacher labels once → a student that starts anew from the pretrained backbone.

What is left of learning from a pool when all that moves is taken out: the teacher is done when the student begins, its
labels are soft, and how sure it is of them says how much they count. Distilled self-training after fine-tuning was the
most robust of the ways that Su et al. [1]_ compared on realistic pools.

References
----------
.. [1] Su, Cheng and Maji (2021), A realistic evaluation of semi-supervised learning for fine-grained classification,
   arXiv 2104.00679.
.. [2] Hinton et al. (2015), Distilling the knowledge in a neural network, arXiv 1503.02531.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.deadline import Deadline
from advisor.nets.answers import predict
from advisor.nets.feeds import Examples
from advisor.nets.losses import loss_of
from advisor.nets.network import Headed
from advisor.nets.pool_training import PoolSettings, PoolTraining
from advisor.nets.settings import Settings

Teacher = Callable[
    [NDArray[np.float32], NDArray[Any], NDArray[np.float32], NDArray[np.int64]],
    NDArray[np.float64],
]
"""From features of labelled rows (n, width), their codes (n,), features of rows of the pool (m, width) and where these
stand in the pool (m,) to class probabilities of the latter, (m, n_classes)."""

ASKED_AT_ONCE = 256
"""Rows of the pool that a network labels at once; our choice: the pixels of so many are 50 MB."""


@dataclass(frozen=True, kw_only=True)
class DistillationSettings(PoolSettings):
    """What this way of learning from a pool needs besides."""

    temperature: float = 1.0
    """Above 1 for softer labels than the teacher's, below for harder ones."""


def distil(
    examples: Examples,
    pool: NDArray[Any],
    settings: tuple[Settings, DistillationSettings],
    teacher: Teacher,
    seed: int,
    deadline: Deadline,
) -> tuple[Headed, bool]:
    """Train a student on labelled rows and on what a teacher says of rows of a pool.

    Parameters
    ----------
    examples : Examples
        Labelled rows, with class codes.
    pool : ndarray of shape (n_pool, n_columns)
        As their values, one row at least.
    settings : tuple of Settings and DistillationSettings
        Of the training, and of what is done with the pool.
    teacher : callable
        Asked once, before the first step.
    seed : int
        Of order, views and dropout; the global generator is left as it was.
    deadline : Deadline
        Looked at before every step, and while features and maps are computed.

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
        return _Distillation(examples, pool, settings, teacher, seed, deadline).run()


class _Distillation(PoolTraining):
    """One run, and what the teacher said."""

    def __init__(
        self,
        examples: Examples,
        pool: NDArray[Any],
        settings: tuple[Settings, DistillationSettings],
        teacher: Teacher,
        seed: int,
        deadline: Deadline,
    ) -> None:
        super().__init__(examples, pool, settings, seed, deadline)
        self.teacher, self.temperature = teacher, settings[1].temperature
        self.targets = torch.zeros(len(pool), self.settings.n_outputs)
        self.sureness = torch.zeros(len(pool))

    def first_head(self, features: NDArray[np.float32], y: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Ask the teacher, then solve for a head that agrees with the labels and with what was said."""
        rows = self.weak.order
        found = self.features(self.weak, rows)
        said = torch.from_numpy(self.teacher(features, y, found, rows.numpy()))
        self.targets[rows], sureness = softened(said.float(), self.temperature)
        # A teacher made no surer than it may be is sure of little; what counts is which rows it is surer of.
        self.sureness[rows] = sureness / sureness.mean() if sureness.any() else 0.0
        codes = self.targets[rows].argmax(dim=1).numpy()
        return super().first_head(np.vstack([features, found]), np.concatenate([y, codes]))

    def loss(self, module: Any, rows: Tensor, turns: Tensor, step: int) -> Tensor:
        """Add what the rows of the pool cost, by how sure the teacher was of them."""
        labelled, _ = self.loss_of_labels(module, rows, turns)
        found, times = self.drawn(step)
        if not len(found):
            return labelled
        answers = module(self.strong.varied(found, times)).float()
        targets = self.targets[found].to(answers.device)
        each = loss_of(answers, targets, "classes", 0.0, 0.0)
        sureness = self.sureness[found].to(each.device)
        return labelled + self.pool.weight * (sureness * each).mean()


def softened(probabilities: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Turn what a teacher says into targets and weights.

    Parameters
    ----------
    probabilities : Tensor of float of shape (n, n_classes)
        Of classes.
    temperature : float
        Above 1 for softer targets.

    Returns
    -------
    targets : Tensor of shape (n, n_classes)
        Each row sums to one.
    sureness : Tensor of shape (n,)
        One less the entropy of what was said over that of a guess: 0 for a guess, 1 for a certainty.

    Examples
    --------
    >>> targets, sureness = softened(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), 2.0)
    >>> sureness.tolist()
    [0.0, 1.0]
    """
    chances = probabilities.clamp(min=0)
    powers = chances ** (1 / temperature)
    entropy = -torch.special.xlogy(chances, chances).sum(dim=1)
    sureness = 1 - entropy / math.log(max(2, probabilities.shape[1]))
    return powers / powers.sum(dim=1, keepdim=True), sureness.clamp(0, 1)


def ask(net: Headed, pool: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Let a trained network label rows of a pool, few at a time: pixels of all would not fit.

    Parameters
    ----------
    net : Headed
        Trained.
    pool : ndarray of shape (n_pool, n_columns)
        As it was trained on; may be mapped into memory.
    rows : ndarray of int of shape (m,)
        Which ones.

    Returns
    -------
    ndarray of float64 of shape (m, n_classes)
        Class probabilities.
    """
    parts = range(0, len(rows), ASKED_AT_ONCE)
    return np.vstack([predict(net, pool[rows[i : i + ASKED_AT_ONCE]]) for i in parts])
