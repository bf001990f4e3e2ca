"""Scaled features of labelled rows and of a pool, and a linear start → a head that says the same of noisy features.

Frozen features have no pictures or texts to vary, so a strong view is the features with Gaussian noise, in units of how
rows of one class scatter, and with some features left out; the weak view is the features themselves. What the weak
view says is learned for the strong one where a threshold trusts it (:mod:`advisor.nets.thresholds`). The average of
the weights over the last steps is what predicts.

References
----------
Sohn et al. (2020), FixMatch, arXiv 2001.07685; Wang et al. (2023), FreeMatch, arXiv 2205.07246; Tarvainen and Valpola
(2017), Mean teachers, arXiv 1703.01780 (averaged weights; noise on features).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from advisor.deadline import Deadline
from advisor.nets.tabular_mlp import MlpSettings, PackedMlp
from advisor.nets.thresholds import FAIRNESS, make_threshold

POOL_BATCH = 1_024
"""Rows of the pool in a step, at most; our choice: a step takes 5 ms on one core, and so many name every class."""

LABELLED_BATCH = 1_024
"""Labelled rows in a step, at most; our choice, for time."""

MOMENTUM = 0.9
"""Of the steps; usual."""

AVERAGED = 0.99
"""Share that averaged weights keep in a step, at most: of the last hundred steps; our choice for a few hundred."""

PAIRED = 2.0
"""Units that carry a score, and the squared length of the weights that carry it on: one and minus one
(:func:`start_net`)."""

YOUNG = 10
"""In step t averaged weights keep (1 + t) / (10 + t) at most, so that the start is forgotten; our choice."""

SMALLEST = 1e-9
"""Keeps a division finite."""


@dataclass(frozen=True)
class ConsistencySettings:
    """How a head is trained.

    Attributes
    ----------
    threshold : str
        A name for :func:`advisor.nets.thresholds.make_threshold`.
    steps : int
        Steps, each with up to ``POOL_BATCH`` rows of the pool.
    noise : float
        Standard deviation of what is added to each feature, in those of rows about the mean of their class.
    dropout : float
        Share of features left out.
    weight : float
        What the pool counts against labelled rows.
    penalty : float
        Of the squared weights of the first layer, against the mean loss of labelled rows.
    rate : float
        Length of a step, in units of the longest that is stable for the linear head.
    """

    threshold: str
    steps: int
    noise: float
    dropout: float
    weight: float
    penalty: float
    rate: float


@dataclass(frozen=True)
class Rows:
    """What is learned from: float32 features of equal scale, on axes where rows of a class scatter by ``scatter``.

    Attributes
    ----------
    labelled : Tensor of shape (n_rows, n_features)
        Features of labelled rows.
    codes : Tensor of int64 of shape (n_rows,)
        Their classes.
    weights : Tensor of shape (n_rows,)
        What each counts, of mean one.
    pool : Tensor of shape (n_pool, n_features)
        Features of the pool.
    scatter : Tensor of shape (n_features,)
        Standard deviation of each feature about the mean of the class.
    """

    labelled: Tensor
    codes: Tensor
    weights: Tensor
    pool: Tensor
    scatter: Tensor


def as_rows(
    labelled: NDArray[np.float64],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64],
    pool: NDArray[np.float64],
    scatter: NDArray[np.float64],
) -> Rows:
    """Turn arrays into the tensors of :class:`Rows`, whose fields they are."""
    arrays = {"labelled": labelled, "weights": weights, "pool": pool, "scatter": scatter}
    made = {name: torch.as_tensor(a, dtype=torch.float32) for name, a in arrays.items()}
    return Rows(codes=torch.as_tensor(codes), **made)


def start_net(
    weights: NDArray[np.float64], intercepts: NDArray[np.float64], hidden: int, seed: int
) -> PackedMlp:
    """Make a network that says what a linear model says.

    Parameters
    ----------
    weights, intercepts : ndarray of shape (n_classes, n_features), (n_classes,)
        Of the linear model.
    hidden : int
        Units of a hidden layer besides those that carry the linear model; 0 for no layer.
    seed : int
        Of the units' first weights; the global generator is left as it was.

    Returns
    -------
    PackedMlp
        With one member. A pair of units carries a score z, because silu(z) - silu(-z) = z; the others begin with no
        say.
    """
    n_classes, n_features = weights.shape
    width = 2 * n_classes + hidden
    settings = MlpSettings(
        kind="classes",
        n_features=n_features,
        n_outputs=n_classes,
        members=1,
        width=width,
        layers=1 if hidden else 0,
        dropout=0.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = PackedMlp(settings)
    scores = torch.as_tensor(weights.T, dtype=torch.float32)
    offsets = torch.as_tensor(intercepts, dtype=torch.float32)
    with torch.no_grad():
        net.weights[0][0, :, :n_classes] = scores
        net.biases[0][0, 0, :n_classes] = offsets
        if hidden:
            net.weights[0][0, :, n_classes : 2 * n_classes] = -scores
            net.biases[0][0, 0, n_classes : 2 * n_classes] = -offsets
            net.weights[1][0, :n_classes] = torch.eye(n_classes)
            net.weights[1][0, n_classes : 2 * n_classes] = -torch.eye(n_classes)
    return net


def train_consistency(
    net: PackedMlp, rows: Rows, settings: ConsistencySettings, seed: int, deadline: Deadline
) -> tuple[PackedMlp, bool]:
    """Train a head on labelled rows and the pool.

    Parameters
    ----------
    net : PackedMlp
        As :func:`start_net` makes it; changed in place.
    rows : Rows
        What is learned from.
    settings : ConsistencySettings
        How.
    seed : int
        Of noise and order; the global generator is left as it was.
    deadline : Deadline
        Looked at before every step; what was learned by then is kept.

    Returns
    -------
    PackedMlp
        The average of the weights, in evaluation mode.
    bool
        Whether time ran out before the last step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Training(net, rows, settings).run(deadline)


def scores_of(net: PackedMlp, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute what a softmax makes probabilities of: (n_rows, n_features) → (n_rows, n_classes)."""
    with torch.no_grad():
        found = net(torch.as_tensor(values, dtype=torch.float32)[None])[0]
    return np.asarray(found.numpy(), dtype=np.float64)


def turned(net: PackedMlp, axes: NDArray[np.float64], factor: float) -> PackedMlp:
    """Let a network take what its features were made of, and multiply its scores.

    Parameters
    ----------
    net : PackedMlp
        Trained on ``values @ axes.T``.
    axes : ndarray of float64 of shape (n_axes, n_features)
        Directions.
    factor : float
        What scores are multiplied by.

    Returns
    -------
    PackedMlp
        Of the same answers on ``values`` where the factor is one; in evaluation mode.
    """
    made = PackedMlp(replace(net.settings, n_features=axes.shape[1]))
    state = net.state_dict()
    first = torch.as_tensor(axes, dtype=torch.float32).T @ state["weights.0"]
    last = len(net.weights) - 1
    changed = state | {"weights.0": first}
    for part in (f"weights.{last}", f"biases.{last}"):
        changed[part] = changed[part] * factor
    made.load_state_dict(changed)
    return made.eval()


class _Training:
    """One run: the network, its average, the threshold and the order of rows."""

    def __init__(self, net: PackedMlp, rows: Rows, settings: ConsistencySettings) -> None:
        self.net, self.rows, self.settings = net, rows, settings
        self.average = copy.deepcopy(net)
        self.threshold = make_threshold(settings.threshold, net.settings.n_outputs, len(rows.pool))
        self.orders = {name: torch.zeros(0, dtype=torch.int64) for name in ("labelled", "pool")}
        # A step is stable up to twice the inverse of the curvature, which is half the largest moment at most.
        curvature = sum(0.5 * float(torch.linalg.eigvalsh(m)[-1]) for m in self._moments())
        curvature += settings.penalty
        self.longest = 1.0 / (curvature * (1.0 + settings.weight))
        self.optimiser = torch.optim.SGD(
            net.parameters(), lr=settings.rate * self.longest, momentum=MOMENTUM, nesterov=True
        )

    def _moments(self) -> list[Tensor]:
        """Squares of what each layer takes, on average, (n_in, n_in) each; of the first as the second weighs it."""
        pool, weights = self.rows.pool, self.net.weights
        moments = [pool.T @ pool / len(pool)]
        if len(weights) > 1:
            with torch.no_grad():
                inner = functional.silu(pool @ weights[0][0] + self.net.biases[0][0])
            moments = [PAIRED * moments[0], inner.T @ inner / len(inner)]
        return moments

    def run(self, deadline: Deadline) -> tuple[PackedMlp, bool]:
        """Take the steps."""
        truncated = False
        for turn in range(self.settings.steps):
            if deadline.passed():
                truncated = True
                break
            for group in self.optimiser.param_groups:
                share = 0.5 * (1 + math.cos(math.pi * turn / self.settings.steps))
                group["lr"] = self.settings.rate * self.longest * share
            self.optimiser.zero_grad()
            self._loss().backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self._add_to_average(turn)
        return self.average.eval(), truncated

    def _loss(self) -> Tensor:
        rows, s = self.rows, self.settings
        own = self._next("labelled", len(rows.labelled), LABELLED_BATCH)
        taken = self._next("pool", len(rows.pool), POOL_BATCH)
        found = self.net(rows.labelled[own][None])[0]
        each = functional.cross_entropy(found, rows.codes[own], reduction="none")
        loss = (each * rows.weights[own]).mean()
        with torch.no_grad():
            weak = self.net(rows.pool[taken][None])[0].softmax(dim=1)
        strong = self.net(self._strong(rows.pool[taken])[None])[0]
        targets, weights = self.threshold.weigh(weak, found.detach().softmax(dim=1), taken)
        each = functional.cross_entropy(strong, targets, reduction="none")
        loss = loss + s.weight * (each * weights).mean()
        loss = loss + FAIRNESS * self.threshold.fairness(weak, strong.softmax(dim=1), weights)
        # Of two layers the first alone is kept small, which holds each weight of the start twice.
        squares: Tensor = (self.net.weights[0] ** 2).sum()
        held = PAIRED if len(self.net.weights) > 1 else 1.0
        whole: Tensor = loss + 0.5 * s.penalty * squares / held
        return whole

    def _strong(self, values: Tensor) -> Tensor:
        """Leave features out, and add noise."""
        s = self.settings
        if s.dropout:
            values = functional.dropout(values, s.dropout)
        if s.noise:
            values = values + s.noise * self.rows.scatter * torch.randn_like(values)
        return values

    def _next(self, side: str, size: int, most: int) -> Tensor:
        """Take the next rows of a shuffled order; all of them where a step holds them."""
        if size <= most:
            return torch.arange(size)
        if len(self.orders[side]) < most:
            self.orders[side] = torch.cat([self.orders[side], torch.randperm(size)])
        taken, self.orders[side] = self.orders[side][:most], self.orders[side][most:]
        return taken

    def _add_to_average(self, turn: int) -> None:
        keep = min(AVERAGED, (1 + turn) / (YOUNG + turn))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
