"""A few steps of training → seconds per picture or text on this machine."""

from __future__ import annotations

import time

import torch

from advisor.nets.network import make_net
from advisor.nets.settings import PictureSettings, Settings, TextSettings

BATCH, STEPS = 8, 2
"""Items in a timed step, and timed steps after one that is not; our choice: under a second on a slow core."""

WORDS = 100
"""Token ids are drawn below this one, which every vocabulary has; which ones they are takes no time."""


def seconds_per_item(settings: Settings, length: int = 0) -> float:
    """Time forward and backward passes through the whole network, as a worker would do them: on one thread.

    Parameters
    ----------
    settings : Settings
        The network and the size of its input; its weights stay random.
    length : int
        Tokens of each timed text; for texts only.

    Returns
    -------
    float
        Wall-clock seconds per picture or text of one training step, without the making of views.
    """
    threads = torch.get_num_threads()
    place = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]):
        net = make_net(settings, pretrained=False).to(place).train()
        batch = _example(net.settings, length).to(place)
        try:
            torch.set_num_threads(1)
            for step in range(STEPS + 1):
                if step == 1:
                    start = time.perf_counter()
                loss = net(batch).square().mean()
                loss.backward()
                net.zero_grad()
            if place == "cuda":
                torch.cuda.synchronize()
            return (time.perf_counter() - start) / (STEPS * BATCH)
        finally:
            torch.set_num_threads(threads)


def _example(settings: Settings, length: int) -> torch.Tensor:
    """A batch of noise."""
    if isinstance(settings, PictureSettings):
        pictures = torch.rand(BATCH, 3, settings.size, settings.size)
        return pictures.contiguous(memory_format=torch.channels_last)
    if isinstance(settings, TextSettings):
        return torch.randint(1, WORDS, (BATCH, min(length, settings.longest)))
    raise TypeError(f"nothing to time for {type(settings).__name__}")
