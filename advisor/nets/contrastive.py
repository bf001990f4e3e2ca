"""Labelled tokens → a sentence encoder whose embeddings of one class lie together.

The first half of SetFit's recipe [1]_: from few labels come many pairs. Every step draws some classes and some rows of
each, so that all pairs within the step count, those of one class and those of two weighing the same. How much is
learned is bounded by steps and rows per step, not by the pairs that there are: their number grows with the square of
the rows, which would make an hour's work of a thousand labels.

References
----------
.. [1] Tunstall et al. (2022), Efficient few-shot learning without prompts, arXiv 2209.11055.
.. [2] Khosla et al. (2020), Supervised contrastive learning, arXiv 2004.11362.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.fabric import quiet_fabric
from advisor.nets.feeds import parts_of
from advisor.nets.losses import solve_head
from advisor.nets.network import Headed, make_net
from advisor.nets.settings import TextSettings
from advisor.nets.stages import tables_of
from advisor.nets.text_feeds import Tokens
from advisor.nets.training import LARGEST_GRADIENT, WARM_UP

ROWS_OF_CLASS = 4
"""Rows of one class in a step, where there are classes enough to fill it; our choice: six pairs of each class, and as
many classes against each other as fit."""

TEMPERATURE = 0.1
"""Of the supervised contrastive loss; Khosla et al. (2020) found 0.1 best."""

EMBED_ROWS = 64
"""Texts embedded at once, of similar length; our choice: larger batches are no faster on a CPU."""

RESERVE = 1.5
"""Time kept for the last pass over the rows and the head, over what the first one took; our choice."""


@dataclass(frozen=True)
class PairSettings:
    """What tuning on pairs needs to know beside the settings of every network."""

    loss: str = "cosine"
    """``cosine``: squared distance of the cosine to the share of labels in common; ``contrast``: supervised contrastive
    loss."""
    C: float = 10.0
    """Inverse penalty of the head on the tuned embeddings."""


def train_on_pairs(
    values: NDArray[np.int32],
    y: NDArray[Any],
    settings: TextSettings,
    pairs: PairSettings,
    seed: int,
    deadline: Deadline,
) -> tuple[Headed, bool]:
    """Tune an encoder on pairs and fit a head on its embeddings.

    Parameters
    ----------
    values : ndarray of int32 of shape (n, n_views * longest)
        Token ids, as the representation ``tokens`` makes them.
    y : ndarray of int
        Class codes of shape (n,), or labels 0/1 of shape (n, n_outputs).
    settings : TextSettings
        Network, steps, rows per step, learning rate.
    pairs : PairSettings
        The rest.
    seed : int
        Of pairs and dropout; the global generator is left as it was.
    deadline : Deadline
        Looked at before every step; some time is kept for the last embeddings.

    Returns
    -------
    Headed
        In evaluation mode; on the GPU if there is one.
    bool
        Whether time ran out: fewer steps were taken, or none and the head is that of the encoder as it came.

    Raises
    ------
    DeadlineExceeded
        When time ran out before there was a first head.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Pairing(values, y, settings, pairs, seed, deadline).run()


class _Pairing:
    """One run: the network, its feed, and the labels of the rows."""

    def __init__(
        self,
        values: NDArray[np.int32],
        y: NDArray[Any],
        settings: TextSettings,
        pairs: PairSettings,
        seed: int,
        deadline: Deadline,
    ) -> None:
        self.fabric, self.pairs, self.deadline = quiet_fabric(), pairs, deadline
        self.net = make_net(settings, pretrained=True).to(self.fabric.device)
        self.settings, self.y = self.net.settings, y
        self.feed = Tokens(values, self.net, torch.Generator().manual_seed(seed))
        self.labels = label_matrix(y)
        self.batches = Batches(self.labels, settings.batch, np.random.default_rng(seed))

    def run(self) -> tuple[Headed, bool]:
        """Fit the head on the encoder as it came, tune, and fit it again."""
        start = time.monotonic()
        self._fit_head()
        reserve = RESERVE * (time.monotonic() - start)
        trained = self._trained()
        before = [parameter.detach().clone() for parameter in trained]
        left = self.deadline.left() - reserve
        truncated = not self._steps(trained, Deadline(left if math.isfinite(left) else None))
        try:
            self._fit_head()
        except DeadlineExceeded:  # the first head belongs to the encoder as it came
            truncated = True
            with torch.no_grad():
                for parameter, value in zip(trained, before, strict=True):
                    parameter.copy_(value)
        for parameter in self.net.parameters():
            parameter.requires_grad_(True).grad = None
        return self.net.eval(), truncated

    def _trained(self) -> list[nn.Parameter]:
        """Freeze the tables of words and positions, of which few labels touch few rows; list what trains."""
        tables = tables_of(self.net.body)
        for name, parameter in self.net.body.named_parameters():
            parameter.requires_grad_(name not in tables)
        return [p for p in self.net.body.parameters() if p.requires_grad]

    def _steps(self, trained: list[nn.Parameter], deadline: Deadline) -> bool:
        """Take all steps; whether there was time for them."""
        s = self.settings
        optimiser: Any = torch.optim.AdamW(
            trained, lr=s.learning_rate, weight_decay=s.weight_decay, fused=True
        )
        module, optimiser = self.fabric.setup(self.net.body, optimiser)
        module.train()
        for step in range(s.steps):
            if deadline.passed():
                return False
            for group in optimiser.param_groups:
                group["lr"] = s.learning_rate * rate_at(step, s.steps)
            rows = self.batches.next()
            turns = torch.full((len(rows),), step)
            embeddings = module(self.feed.varied(torch.from_numpy(rows), turns)).float()
            shared = torch.from_numpy(overlap(self.labels[rows])).to(embeddings.device)
            self.fabric.backward(pair_loss(embeddings, shared, self.pairs.loss))
            self.fabric.clip_gradients(module, optimiser, max_norm=LARGEST_GRADIENT)
            optimiser.step()
            optimiser.zero_grad()
        return True

    def _fit_head(self) -> None:
        """Embed all rows, those of similar length together, and solve for the head."""
        body, s = self.net.body.eval(), self.settings
        features: NDArray[np.float32] | None = None
        with torch.inference_mode():
            for rows in parts_of(self.feed.order, EMBED_ROWS):
                self.deadline.check()
                with self.fabric.autocast():
                    found = body(self.feed.plain(rows)).float().cpu().numpy()
                if features is None:
                    features = np.empty((len(self.y), found.shape[1]), dtype=np.float32)
                features[rows.numpy()] = found
        assert features is not None
        weights, bias = solve_head(features, self.y, s.kind, s.n_outputs, self.pairs.C)
        with torch.no_grad():
            self.net.head.weight.copy_(weights)
            self.net.head.bias.copy_(bias)


def rate_at(step: int, steps: int) -> float:
    """Share of the full learning rate at a step: up in a line, and down in a line.

    Examples
    --------
    >>> [round(rate_at(step, 20), 2) for step in (0, 1, 2, 11, 19)]
    [0.5, 1.0, 1.0, 0.5, 0.06]
    """
    rising = max(1, round(WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(1, steps - rising)


def label_matrix(target: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Make labels of shape (n, n_labels) from class codes of shape (n,), or take them as they are."""
    if target.ndim == 2:
        return np.asarray(target != 0, dtype=np.bool_)
    classes, codes = np.unique(target, return_inverse=True)
    return np.asarray(np.eye(len(classes), dtype=np.bool_)[codes])


def overlap(labels: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Count how much each two rows have in common: labels of both over labels of either.

    Parameters
    ----------
    labels : ndarray of bool of shape (n, n_labels)
        Of the rows.

    Returns
    -------
    ndarray of float32 of shape (n, n)
        1 for equal labels (also for two rows without any), 0 for none in common.

    Examples
    --------
    >>> overlap(np.array([[True, False], [True, True]]))[0].tolist()
    [1.0, 0.5]
    """
    ones = labels.astype(np.float32)
    both = ones @ ones.T
    either = ones.sum(axis=1)[:, None] + ones.sum(axis=1)[None, :] - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0).astype(np.float32)


class Batches:
    """Rows of step after step: a few of each of some classes, classes and their rows in turn.

    Parameters
    ----------
    labels : ndarray of bool of shape (n, n_labels)
        Of all rows; rows without any label are a class of their own.
    size : int
        Rows in a step.
    draw : Generator
        Of the order.
    """

    def __init__(self, labels: NDArray[np.bool_], size: int, draw: np.random.Generator) -> None:
        groups = [np.flatnonzero(column) for column in labels.T]
        groups.append(np.flatnonzero(~labels.any(axis=1)))
        self.groups = [group for group in groups if len(group)]
        self.draw = draw
        self.n_groups = min(len(self.groups), max(2, size // ROWS_OF_CLASS))
        self.n_rows = max(2, size // self.n_groups)
        self.order: list[int] = []
        self.waiting: list[list[int]] = [[] for _ in self.groups]

    def next(self) -> NDArray[np.int64]:
        """Draw the rows of one step; a class with fewer rows than wanted gives those it has."""
        rows: list[int] = []
        for group in self._take(self.order, len(self.groups), self.n_groups):
            wanted = min(self.n_rows, len(self.groups[group]))
            places = self._take(self.waiting[group], len(self.groups[group]), wanted)
            rows += self.groups[group][places].tolist()
        return np.unique(np.array(rows, dtype=np.int64))

    def _take(self, waiting: list[int], n: int, wanted: int) -> list[int]:
        """Take the next ones of a shuffled list of ``n``; it is shuffled anew when it runs out."""
        while len(waiting) < wanted:
            fresh = [one for one in self.draw.permutation(n).tolist() if one not in waiting]
            waiting.extend(fresh or self.draw.permutation(n).tolist())
        taken = waiting[:wanted]
        del waiting[:wanted]
        return taken


def pair_loss(embeddings: Tensor, shared: Tensor, loss: str) -> Tensor:
    """Judge the pairs of a step.

    Parameters
    ----------
    embeddings : Tensor of shape (n, width)
        Of any length.
    shared : Tensor of shape (n, n)
        From :func:`overlap`.
    loss : str
        As :class:`PairSettings` has it.

    Returns
    -------
    Tensor
        One number; 0 where there is no pair.
    """
    n = len(embeddings)
    unit = nn.functional.normalize(embeddings, dim=1)
    cosines = unit @ unit.T
    others = ~torch.eye(n, dtype=torch.bool, device=embeddings.device)
    if loss == "contrast":
        return _contrast(cosines / TEMPERATURE, shared, others)
    squares = (cosines - shared) ** 2
    sides = (others & (shared > 0), others & (shared == 0))
    parts = [squares[side].mean() for side in sides if side.any()]
    return torch.stack(parts).mean() if parts else cosines.sum() * 0.0


def _contrast(logits: Tensor, shared: Tensor, others: Tensor) -> Tensor:
    """Cross-entropy of finding the rows of one's own class among all other rows."""
    logits = logits.masked_fill(~others, -math.inf)
    chances = torch.log_softmax(logits, dim=1).masked_fill(~others, 0.0)
    weights = shared * others
    totals = weights.sum(dim=1)
    each = -(weights * chances).sum(dim=1) / totals.clamp(min=1e-6)
    known = totals > 0
    return each[known].mean() if known.any() else chances.sum() * 0.0
