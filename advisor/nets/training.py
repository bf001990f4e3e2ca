"""Items as numbers and targets → a trained network: from a good start, gently, and only as long as the deadline allows.

What is good practice on few labels [1]_ [2]_: the head first, as a logistic regression; then the last stages or all of
them with small steps that are smaller the nearer to the input; batch norms that keep the statistics of pretraining;
label smoothing, decay of weights and averaging of the last ones. Fixed steps on a cosine below ``HOLD_OUT_FROM`` rows,
where nothing can be spared to stop early by.

References
----------
.. [1] Kumar et al. (2022), Fine-tuning can distort pretrained features and underperform out-of-distribution.
.. [2] Howard and Ruder (2018), Universal language model fine-tuning for text classification (discriminative rates).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.fabric import quiet_fabric
from advisor.nets.adapters import add_adapters, belongs, merge_adapters
from advisor.nets.feeds import Examples, Feed, Maps, feed_of, parts_of
from advisor.nets.losses import (
    HEAD_C,
    first_guess,
    hold_out,
    loss_of,
    rarity,
    solve_head,
    target_matrix,
)
from advisor.nets.network import Headed, make_net
from advisor.nets.picture_feeds import Pictures
from advisor.nets.settings import Settings, TextSettings
from advisor.nets.stages import count_trained, depths, stages_of, tables_of

HEAD_FACTOR = 5.0
"""Learning rate of the head over that of the last stage; our choice: 1e-3 and 2e-4 were good on three sets."""

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises; the rest follows a cosine. Our choice."""

LARGEST_GRADIENT = 1.0
"""Norm to which gradients are clipped; a common choice, and ours."""

HOLD_OUT_FROM = 1000
"""Training rows from which some are held out for early stopping; below, every row is learned from and the number of
steps is fixed. Our choice: a tenth of fewer rows cannot tell one step from another."""

HELD_OUT = 0.1
"""Share of the rows that early stopping watches; our choice."""

LOOKS = 8
"""Evaluations on the held-out rows in one training; our choice."""

PATIENCE = 3
"""Evaluations without improvement after which training stops; our choice."""

FEWEST_FOR_STATISTICS = 8
"""Items in a batch below which batch norms keep their statistics; our choice: fewer have none to speak of."""


def train(
    examples: Examples, settings: Settings, seed: int, deadline: Deadline
) -> tuple[Headed, bool]:
    """Train a network on pictures, recordings as pictures, or texts.

    Parameters
    ----------
    examples : Examples
        Pixels or tokens, whichever the settings speak of, and their targets.
    settings : Settings
        What to train and how.
    seed : int
        Of weights, order, views and dropout; the global generator is left as it was.
    deadline : Deadline
        Looked at before every step.

    Returns
    -------
    Headed
        In evaluation mode; on the GPU if there is one.
    bool
        Whether time ran out before the last step.

    Raises
    ------
    DeadlineExceeded
        When time ran out before there was anything usable: the warm head, or else one pass over the rows.
    InvalidRequest
        If a part of the backbone is to be trained and it cannot be taken apart.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Training(examples, settings, seed, deadline).run()


class Training:
    """One run: the network, the order of the rows, the schedule, and the best state so far.

    Another way of training overrides what happens in it: ``first_head``, ``prepare`` and ``loss``.

    Parameters
    ----------
    examples, settings, seed, deadline
        As :func:`train` takes them.
    """

    def __init__(
        self, examples: Examples, settings: Settings, seed: int, deadline: Deadline
    ) -> None:
        self.fabric, self.deadline = quiet_fabric(), deadline
        self.draw = torch.Generator().manual_seed(seed)
        self.net = make_net(settings, pretrained=True).to(self.fabric.device)
        self.settings = s = self.net.settings  # resolved
        self.y, n = examples.y, len(examples.y)
        self.target = target_matrix(self.y, s.kind, s.n_outputs)
        order = torch.randperm(n, generator=self.draw)
        n_held = int(HELD_OUT * n) if n >= HOLD_OUT_FROM else 0
        held, kept = hold_out(self.target, order, n_held, s.kind, examples.blocks)
        self.held, self.kept = held.sort().values, kept.sort().values
        whole = feed_of(examples.values, self.net, self.draw)
        self.feed: Feed = whole
        if s.views and isinstance(whole, Pictures):
            self.feed = Maps(whole, self.fabric.autocast, deadline)
        self.batch = min(s.batch, len(self.kept))
        self.rarity = rarity(self.target, s.kind) if s.balance != "none" else None
        self.average: list[Tensor] = []

    def run(self) -> tuple[Headed, bool]:
        """Warm up the head, then train step by step."""
        usable = self._start_head()
        adapted = isinstance(self.settings, TextSettings) and self.settings.adapter == "lora"
        if isinstance(self.settings, TextSettings) and adapted:
            add_adapters(self.net, self.settings.rank, self.settings.dropout)
        groups = _parameter_groups(self.net)
        optimiser: Any = torch.optim.AdamW(groups, fused=True)
        self.trained = [p for group in groups for p in group["params"]]
        module, optimiser = self.fabric.setup(self.feed.module, optimiser)
        rows, turns = self._order()
        truncated = False
        try:
            self.prepare(rows, turns)
            truncated = not self._steps(module, optimiser, rows, turns, usable)
        except DeadlineExceeded:
            if not usable:
                raise
            truncated = True
        with torch.no_grad():
            for parameter, mean in zip(self.trained, self.average, strict=False):
                parameter.copy_(mean)
        if adapted:
            merge_adapters(self.net)
        for parameter in self.net.parameters():
            parameter.requires_grad_(True).grad = None
        return self.net.eval(), truncated

    def _start_head(self) -> bool:
        """Give the head a start; whether it is one that can be used as it is."""
        s, head = self.settings, self.net.head
        with torch.no_grad():
            if not s.warm_head:
                head.weight.mul_(0.1)
                head.bias.copy_(first_guess(self.target[self.kept], s.kind))
                return False
            rows = self.feed.order[torch.isin(self.feed.order, self.kept)]
            weights, bias = self.first_head(self.features(self.feed, rows), self.y[rows.numpy()])
            head.weight.copy_(weights)
            head.bias.copy_(bias)
        return True

    def features(self, feed: Feed, rows: Tensor) -> NDArray[np.float32]:
        """Compute what the head sees of the plain views of rows, shape (n, width)."""
        self.feed.module.eval()
        found = []
        with torch.no_grad():
            for part in parts_of(rows, self.settings.batch):
                self.deadline.check()
                with self.fabric.autocast():
                    found.append(self.feed.module.body(feed.plain(part)).float().cpu())
        return np.asarray(torch.cat(found).numpy())

    def first_head(self, features: NDArray[np.float32], y: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Solve for the weights and the bias that the head starts from."""
        s = self.settings
        return solve_head(features, y, s.kind, s.n_outputs, _head_strength(s))

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Do what all steps need, and what is in their order."""
        self.feed.prepare(rows, turns)

    def _order(self) -> tuple[Tensor, Tensor]:
        """Which rows come when, and how often each has come before; shape (steps * batch,) both."""
        s, n = self.settings, len(self.kept)
        wanted = s.steps * self.batch
        if s.balance == "sampling":
            chances = rarity(self.target[self.kept], s.kind)
            places = torch.multinomial(chances, wanted, replacement=True, generator=self.draw)
        else:
            passes = [torch.randperm(n, generator=self.draw) for _ in range(-(-wanted // n))]
            places = torch.cat(passes)[:wanted]
        turns, seen = torch.zeros(wanted, dtype=torch.long), [0] * n
        for i, place in enumerate(places.tolist()):
            turns[i] = seen[place]
            seen[place] += 1
        return self.kept[places], turns

    def _steps(
        self, module: Any, optimiser: Any, rows: Tensor, turns: Tensor, usable: bool
    ) -> bool:
        """Take all steps; whether there was time for them."""
        steps, best, waited, state = self.settings.steps, math.inf, 0, None
        norms = [part for part in self.net.modules() if isinstance(part, _BatchNorm)]
        statistics = [buffer for norm in norms for buffer in norm.buffers()]
        look = max(1, steps // LOOKS)
        done = True
        for step in range(steps):
            if self.deadline.passed():
                done = False
                if not usable and step * self.batch < len(self.kept):
                    raise DeadlineExceeded("the fit ran out of time before one pass over the rows")
                break
            part = slice(step * self.batch, (step + 1) * self.batch)
            self._step(module, optimiser, rows[part], turns[part], step)
            if len(self.held) and ((step + 1) % look == 0 or step + 1 == steps):
                loss = self._held_out_loss(module)
                waited += 1
                if loss < best:
                    best, waited = loss, 0
                    state = [p.detach().clone() for p in self.average or self.trained]
                    judged_with = [buffer.clone() for buffer in statistics]
                elif waited >= PATIENCE:
                    break
        if state is not None:
            self.average = state
            for buffer, best_one in zip(statistics, judged_with, strict=True):
                buffer.copy_(best_one)
        return done

    def _step(self, module: Any, optimiser: Any, rows: Tensor, turns: Tensor, step: int) -> None:
        s = self.settings
        rate = self.rate(step)
        for group in optimiser.param_groups:
            group["lr"] = group["full_rate"] * rate
        self.start_learning()
        self.fabric.backward(self.loss(module, rows, turns, step))
        self.fabric.clip_gradients(module, optimiser, max_norm=LARGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad()
        if s.average > 0:
            self._update_average(step)

    def rate(self, step: int) -> float:
        """Tell the learning rate of a step over the full one."""
        return rise_and_fall((step + 1) / self.settings.steps)

    def start_learning(self) -> None:
        """Put the network in training mode, but for the batch norms that are to keep their statistics."""
        frozen = self.settings.frozen_statistics or self.batch < FEWEST_FOR_STATISTICS
        _train_mode(self.feed.module, frozen=frozen)

    def loss(self, module: Any, rows: Tensor, turns: Tensor, step: int) -> Tensor:
        """Compute what a step makes smaller; ``turns`` says how often each row has come before."""
        return self.loss_of_labels(module, rows, turns)[0]

    def loss_of_labels(self, module: Any, rows: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what the labelled rows of a step cost, and what the network answers to them."""
        s = self.settings
        told = self.target[rows]
        counts = self.rarity if s.balance == "weights" else None
        each = torch.ones(len(rows)) if counts is None else counts[rows]
        # What an item counts is blended with it.
        both = torch.hstack([told, each[:, None].to(told)]).to(self.fabric.device)
        batch, both = self.feed.mixed(self.feed.varied(rows, turns), both)
        answers = module(batch).float()
        loss = loss_of(answers, both[:, :-1], s.kind, s.label_smoothing, s.focal_gamma)
        return (loss * both[:, -1]).mean(), answers

    def _update_average(self, step: int) -> None:
        """Exponential average of the weights that forgets within ``average`` of the steps, faster at first."""
        if not self.average:
            self.average = [p.detach().clone() for p in self.trained]
            return
        memory = max(1.0, self.settings.average * self.settings.steps)
        keep = min(1 - 1 / memory, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [p.detach() for p in self.trained], 1 - keep)

    def _held_out_loss(self, module: Any) -> float:
        """Weigh rows as training does: judged without, every step towards rare classes would be a worse one."""
        s, total = self.settings, 0.0
        weights = torch.ones(len(self.y)) if self.rarity is None else self.rarity
        self.feed.module.eval()
        with torch.no_grad(), self.averaged():
            for part in parts_of(self.held, s.batch):
                target = self.target[part].to(self.fabric.device)
                answers = module(self.feed.plain(part)).float()
                each = loss_of(answers, target, s.kind, 0.0, 0.0)
                total += float((each * weights[part].to(each.device)).sum())
        return total / float(weights[self.held].sum())

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the averaged weights in place for a while, if there are any; nothing is copied."""
        own = [p.data for p in self.trained] if self.average else []
        for parameter, mean in zip(self.trained, self.average, strict=False):
            parameter.data = mean
        try:
            yield
        finally:
            for parameter, value in zip(self.trained, own, strict=False):
                parameter.data = value


def rise_and_fall(share: float) -> float:
    """Tell the learning rate over the full one when a share of the steps is done: up in a line, down on a cosine."""
    if share < WARM_UP:
        return min(1.0, share / WARM_UP)
    return min(1.0, 0.5 * (1 + math.cos(math.pi * share)))


def _head_strength(settings: Settings) -> float:
    """Tell the inverse penalty of the first head.

    Of texts it grows with the root of the number of classes: the more there are, the further a logit has to rise before
    its class is likely. A head that hardly says anything of 77 classes was lost in tuning (see ``head_C`` in
    ``search_spaces/text/lp_finetune.toml``).
    """
    if not isinstance(settings, TextSettings):
        return HEAD_C
    n_classes = settings.n_outputs if settings.kind == "classes" else 2
    return settings.head_C * math.sqrt(n_classes)


def _train_mode(module: nn.Module, *, frozen: bool) -> None:
    """Training mode, but for batch norms that are to keep their statistics: all, or those of frozen stages."""
    module.train()
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            learns = any(p.requires_grad for p in part.parameters())
            part.train(learns and not frozen)


def _parameter_groups(net: Headed) -> list[dict[str, Any]]:
    """Freeze what does not train; group the rest by learning rate and by whether it is decayed.

    Norms, biases, and what a backbone says itself (positions, tokens) are not decayed. Tables of words train
    where the settings say so. Where there are low-rank changes, they alone train.
    """
    s = net.settings
    adapted = isinstance(s, TextSettings) and s.adapter == "lora"
    tables = tables_of(net.body) if isinstance(s, TextSettings) and s.frozen_tables else set()
    apart = s.unfrozen < 1 or s.layer_decay < 1
    stages = stages_of(net.body, s.backbone) if apart else []
    if s.views:  # the tail leaves one stage at least to the stem
        n_trained = min(len(stages) - 1, count_trained(stages, s.unfrozen))
    else:
        n_trained = count_trained(stages, s.unfrozen) if s.unfrozen < 1 else len(stages) + 1
    depth_of = depths(net.body, stages) if apart else {}
    spared: set[str] = getattr(net.body, "no_weight_decay", set)()
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, parameter in net.body.named_parameters():
        above = len(stages) - depth_of.get(name, len(stages))
        trains = above < n_trained and name not in tables and (belongs(name) or not adapted)
        parameter.requires_grad_(trains)
        if trains:
            decays = parameter.dim() > 1 and name not in spared
            rate = s.learning_rate * s.layer_decay**above
            groups.setdefault((rate, decays), []).append(parameter)
    rate = s.learning_rate * (HEAD_FACTOR if s.warm_head else 1.0)
    groups.setdefault((rate, True), []).append(net.head.weight)
    groups.setdefault((rate, False), []).append(net.head.bias)
    return [
        {
            "params": parameters,
            "lr": rate,
            "full_rate": rate,
            "weight_decay": s.weight_decay if decays else 0.0,
        }
        for (rate, decays), parameters in groups.items()
    ]
