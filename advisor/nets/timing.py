"""A few steps of training → seconds per picture or text on this machine, whatever else it is doing."""

from __future__ import annotations

import time

import torch
from torch import nn

from advisor.nets.network import make_net
from advisor.nets.settings import PictureSettings, Settings, TextSettings

BATCH, STEPS = 8, 3
"""Items in a timed step, and timed steps after one that is not; our choice: a second or two on a slow core."""

WORDS = 100
"""Token ids are drawn below this one, which every vocabulary has; which ones they are takes no time."""


def seconds_per_item(settings: Settings, length: int = 0) -> float:
    """Time forward and backward passes through the whole network, as a worker would do them: on one thread.

    The figure is kept (see :meth:`advisor.strategy.Strategy.measure_speed`), so it must not tell of what else the
    machine was doing: it is the quickest of a few steps, and on a CPU the time that this process had of it, of which
    waiting for others is no part. What sharing a cache or a core's two threads costs is left in it.

    Parameters
    ----------
    settings : Settings
        The network and the size of its input; its weights stay random.
    length : int
        Tokens of each timed text; for texts only.

    Returns
    -------
    float
        Seconds per picture or text of one training step, without the making of views: CPU time, or wall clock of a GPU.
    """
    threads = torch.get_num_threads()
    place = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]):
        net = make_net(settings, pretrained=False).to(place).train()
        batch = _example(net.settings, length).to(place)
        try:
            torch.set_num_threads(1)
            taken = [_timed_step(net, batch) for _ in range(STEPS + 1)]
            return min(taken[1:]) / BATCH
        finally:
            torch.set_num_threads(threads)


def _timed_step(net: nn.Module, batch: torch.Tensor) -> float:
    """Seconds of a step forward and back."""
    clock = time.perf_counter if batch.is_cuda else time.process_time
    start = clock()
    net(batch).square().mean().backward()
    net.zero_grad()
    if batch.is_cuda:
        torch.cuda.synchronize()
    return clock() - start


def _example(settings: Settings, length: int) -> torch.Tensor:
    """A batch of noise."""
    if isinstance(settings, PictureSettings):
        pictures = torch.rand(BATCH, 3, settings.size, settings.size)
        return pictures.contiguous(memory_format=torch.channels_last)
    if isinstance(settings, TextSettings):
        return torch.randint(1, WORDS, (BATCH, min(length, settings.longest)))
    raise TypeError(f"nothing to time for {type(settings).__name__}")
