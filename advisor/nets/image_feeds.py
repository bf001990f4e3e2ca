"""Rows → what a network is fed with while it trains: pictures, or maps of them that were computed once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.deadline import Deadline
from advisor.nets.image_model import Headed, folded, normalise
from advisor.nets.image_views import as_pictures, crop_source, plain_view, random_view

MOST_MAPS = 1 << 30
"""Bytes of maps kept at most; of larger ones fewer views are kept. Our choice: several workers share the memory."""


class Feed(Protocol):
    """Rows to what the trained module takes; ``module`` is that module."""

    module: Headed

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Compute beforehand what the batches to come will need."""

    def plain(self, rows: Tensor) -> Tensor:
        """The view that predictions are made of."""

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """A random view; ``turns`` says how often each row has come before."""


class Pixels:
    """Feeds pictures to the whole network."""

    def __init__(self, values: NDArray[np.uint8], net: Headed, draw: torch.Generator) -> None:
        self.module, self.draw = net, draw
        self.pictures = as_pictures(values)
        varies = net.settings.augmentation != "none"
        self.source = crop_source(self.pictures, net.settings.size) if varies else self.pictures
        self.place = next(net.parameters()).device

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Nothing: views are made as they are needed."""

    def plain(self, rows: Tensor) -> Tensor:
        """Resize and cut."""
        s = self.module.settings
        view = plain_view(self.pictures[rows], s.size, s.crop_share)
        return normalise(view, s).to(self.place)

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """Draw new views, whatever ``turns`` says."""
        s = self.module.settings
        if s.augmentation == "none":
            return self.plain(rows)
        pictures = self.source[rows].to(self.place)
        return normalise(random_view(pictures, s.size, s.recipe, self.draw), s)


class Maps:
    """Feeds the tail with maps of a few views of each picture, computed once."""

    def __init__(
        self,
        pixels: Pixels,
        autocast: Callable[[], AbstractContextManager[Any]],
        deadline: Deadline,
    ) -> None:
        self.pixels, self.autocast, self.deadline = pixels, autocast, deadline
        self.module = pixels.module.split()[1]
        # The stem only predicts, so it may be the faster one.
        self.cut = folded(pixels.module.eval()).split()[0]
        self.maps = torch.empty(0)
        self.place = torch.empty(0, dtype=torch.long)
        self.n_views = 1

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Compute the maps of as many views as are wanted, will be drawn, and may be kept."""
        s = self.module.settings
        n = len(self.pixels.pictures)
        size = self.plain(torch.zeros(1, dtype=torch.long)).nbytes
        most = min(s.views, int(turns.max()) + 1, max(1, MOST_MAPS // (size * n)))
        self.n_views = most if s.augmentation != "none" else 1
        needed = torch.unique(rows * self.n_views + turns % self.n_views)
        self.place = torch.full((n * self.n_views,), -1)
        self.place[needed] = torch.arange(len(needed))
        done = 0
        for part in parts_of(needed, s.batch):
            self.deadline.check()
            found = self._stem(self.pixels.varied(part // self.n_views, part % self.n_views))
            if not done:
                self.maps = found.new_empty((len(needed), *found.shape[1:]))
            self.maps[done : done + len(part)] = found
            done += len(part)

    def plain(self, rows: Tensor) -> Tensor:
        """Compute the maps of the plain view."""
        return self._stem(self.pixels.plain(rows))

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """Take maps that are kept: those of one view after the other."""
        batch = self.maps[self.place[rows * self.n_views + turns % self.n_views]]
        return batch.contiguous(memory_format=torch.channels_last) if batch.dim() == 4 else batch

    def _stem(self, pictures: Tensor) -> Tensor:
        self.pixels.module.eval()
        with torch.no_grad(), self.autocast():
            return self.cut.stem(pictures)


def parts_of(rows: Tensor, size: int) -> list[Tensor]:
    """Cut a list of rows into parts of at most ``size``."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
