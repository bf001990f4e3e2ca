"""A network and a pool → step after step, with looks, checkpoints and a best state: what all adapting has in common.

What is learned depends on items, weights, settings and seed alone, step by step: each step draws from a generator of
its own, so that training can stop anywhere and go on from its last checkpoint, and is done once for the same pool.
"""

from __future__ import annotations

import math
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor, nn

from advisor.adaptation import Progress, Told
from advisor.backbones.engines.checkpoints import read_checkpoint, write_checkpoint
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRequest
from advisor.storage import write_json

LARGEST_GRADIENT = 1.0
"""Norm to which gradients are clipped; a common choice, and ours."""

PATIENCE = 3
"""Looks without improvement after which training stops; our choice."""

STATE, REPORT = "state.safetensors", "adapted.json"
"""The checkpoint of an adaptation under way; what is told of one that is done."""

FULL_RATE = "full_rate"
"""Of a group of parameters: its learning rate between warm-up and decline."""

AGAIN = 0.1
"""Seconds until a lock that another process holds is tried again; our choice: adapting takes minutes."""


@contextmanager
def undisturbed(threads: int) -> Iterator[None]:
    """Train with so many threads, and leave torch's generators and its own number of threads as they were."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def sole_adapter(place: Path, deadline: Deadline) -> Iterator[None]:
    """Keep other processes from making the same while this one does; wait while another does.

    Parameters
    ----------
    place : Path
        Where the result will be; the lock beside it is the operating system's, so that none is left behind by a process
        that was killed.
    deadline : Deadline
        Looked at while waiting.

    Yields
    ------
    None
        With the lock; what another process made meanwhile is in place then.

    Raises
    ------
    DeadlineExceeded
        When the deadline passes before the other process has ended.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.with_name(f"{place.name}.lock"))
    while not lock.is_locked:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if deadline.passed():
                raise DeadlineExceeded(
                    "another process adapts the same backbone to the same items; what it learns is used the next time"
                ) from None
            time.sleep(AGAIN)
    try:
        yield
    finally:
        lock.release()


class Adapting(ABC):
    """One adaptation: what trains, and how far it has come.

    Parameters
    ----------
    part : Path
        Folder of what is under way.
    seed : int
        Of all that is drawn.
    batch : int
        Items in a step.
    """

    noun: ClassVar[str]
    """What is adapted, for messages."""
    looks: ClassVar[int]
    """Looks, and checkpoints, if all steps are taken."""
    named: dict[str, nn.Parameter]
    """All that is kept in a checkpoint and has, or may have, a gradient."""
    optimiser: torch.optim.Optimizer
    kept: NDArray[np.int64]
    """The rows that are learned from."""

    def __init__(self, part: Path, seed: int, batch: int) -> None:
        self.part, self.seed, self.batch = part, seed, batch
        self.progress, self.best = Progress(), dict[str, Tensor]()

    @abstractmethod
    def rate(self, step: int) -> float:
        """Give the share of the full learning rate at a step."""

    @abstractmethod
    def loss(self, rows: Sequence[int], draw: torch.Generator) -> Tensor:
        """Compute the loss of some rows, in training mode, with a gradient."""

    @abstractmethod
    def judge(self) -> None:
        """Look: add to the losses or scores, and keep what is best."""

    @abstractmethod
    def write(self, folder: Path) -> dict[str, Any]:
        """Write the best network into a folder, and give what is to be told of it besides the progress."""

    def buffers(self) -> Mapping[str, Tensor]:
        """Give what a checkpoint keeps besides the parameters."""
        return {}

    def after_step(self) -> None:  # noqa: B027 (most have nothing to do)
        """Do what follows a step of the optimiser."""

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.progress.step >= self.progress.steps or self.progress.waited >= PATIENCE

    def go_on(self, deadline: Deadline, tell: Told | None) -> None:
        """Train from the last checkpoint to the end.

        Parameters
        ----------
        deadline : Deadline
            Looked at before every step.
        tell : callable or None
            Called after every step and every look.

        Raises
        ------
        DeadlineExceeded
            When the deadline passes before the end; what was learned is kept.
        """
        fresh = not self._restore()
        p = self.progress
        look = max(1, p.steps // self.looks)
        tell = tell or (lambda progress: None)
        if fresh:
            self.judge()
        tell(p)
        begun, first = time.monotonic(), p.step
        while not self.over:
            if deadline.passed():
                self._keep()
                raise DeadlineExceeded(
                    f"adapting {self.noun} was stopped at step {p.step} of at most {p.steps}; it goes on from there "
                    "the next time"
                )
            self._step()
            if p.step % look == 0 or p.step == p.steps:
                self.judge()
                self._keep()
            spent = time.monotonic() - begun
            p.seconds_left = spent / (p.step - first) * (p.steps - p.step)
            tell(p)

    def finish(self, place: Path) -> None:
        """Write the result into place, and forget the checkpoint."""
        draft = self.part / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        told = self.write(draft)
        write_json(draft / REPORT, {**told, **self.progress.told()})
        draft.rename(place)
        shutil.rmtree(self.part, ignore_errors=True)

    def finite(self, loss: float) -> float:
        """Give a loss back, unless it is none: nothing is learned from it, and nothing after it.

        Parameters
        ----------
        loss : float
            Of a step or a look.

        Returns
        -------
        float

        Raises
        ------
        InvalidRequest
            If it is not a finite number.
        """
        if not math.isfinite(loss):
            raise InvalidRequest(
                f"expected losses that are numbers while adapting {self.noun}, got {loss} at step "
                f"{self.progress.step}; use it as it is, or pass another --backbone"
            )
        return loss

    def put_best(self) -> None:
        """Put the best values in the place of the present ones."""
        present = {**self.named, **self.buffers()}
        with torch.no_grad():
            for name, value in self.best.items():
                present[name].copy_(value)

    def rows(self, step: int) -> list[int]:
        """Choose the rows of a step: those of a pass in a random order, pass after pass."""
        first, n = step * self.batch, len(self.kept)
        rows: list[int] = []
        for place in range(first, first + min(self.batch, n)):
            if not rows or place % n == 0:
                order = np.random.default_rng((self.seed, place // n)).permutation(n)
            rows.append(int(self.kept[order[place % n]]))
        return rows

    def _step(self) -> None:
        step = self.progress.step
        share = self.rate(step)
        for group in self.optimiser.param_groups:
            group["lr"] = share * group[FULL_RATE]
        # Seeded by the step, so that a run that was interrupted draws what one in a piece would have drawn.
        torch.manual_seed((self.seed * 1_000_003 + step) % 2**63)
        loss = self.loss(self.rows(step), torch.Generator().manual_seed(self.seed + 7919 * step))
        value = self.finite(float(loss.detach()))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.named.values(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.progress.step += 1
        self.progress.summed += value
        self.progress.counted += 1
        self.after_step()

    def _keep(self) -> None:
        """Write a checkpoint."""
        file, told = self.part / STATE, self.progress.told()
        write_checkpoint(file, self.named, self.optimiser, self.best, told, self.buffers())

    def _restore(self) -> bool:
        """Go back to the last checkpoint, if there is one that can be read; else begin anew."""
        found = read_checkpoint(self.part / STATE, self.named, self.optimiser, self.buffers())
        if found is None:
            return False
        self.best, told = found
        self.progress = Progress(**told)
        return True
