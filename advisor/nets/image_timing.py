"""A few steps of training → seconds per picture on this machine."""

from __future__ import annotations

import time

import torch

from advisor.nets.image_model import ImageSettings, make_net

BATCH, STEPS = 8, 2
"""Pictures in a timed step, and timed steps after one that is not; our choice: under a second on a slow core."""


def seconds_per_picture(settings: ImageSettings) -> float:
    """Time forward and backward passes through the whole network, as a worker would do them: on one thread.

    Parameters
    ----------
    settings : ImageSettings
        The network and the size of its input; its weights stay random.

    Returns
    -------
    float
        Wall-clock seconds per picture of one training step, without the making of views.
    """
    threads = torch.get_num_threads()
    place = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]):
        net = make_net(settings, pretrained=False).to(place).train()
        size = net.settings.size
        pictures = torch.rand(BATCH, 3, size, size, device=place)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        try:
            torch.set_num_threads(1)
            for step in range(STEPS + 1):
                if step == 1:
                    start = time.perf_counter()
                loss = net(pictures).square().mean()
                loss.backward()
                net.zero_grad()
            if place == "cuda":
                torch.cuda.synchronize()
            return (time.perf_counter() - start) / (STEPS * BATCH)
        finally:
            torch.set_num_threads(threads)
