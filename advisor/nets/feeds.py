"""Rows → what a network is fed with while it trains: items, or maps of them that were computed once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.deadline import Deadline
from advisor.nets.network import Headed, folded
from advisor.nets.picture_feeds import Pictures
from advisor.nets.settings import Settings, TextSettings
from advisor.nets.stages import SplitNet
from advisor.nets.text_feeds import Tokens

MOST_MAPS = 1 << 30
"""Bytes of maps kept at most; of larger ones fewer views are kept. Our choice: several workers share the memory."""


@dataclass(frozen=True)
class Examples:
    """What a network is trained on.

    Attributes
    ----------
    values : ndarray of shape (n, n_columns)
        As the representation ``pixels`` or ``tokens`` makes them.
    y : ndarray
        Codes (n,), 0/1 (n, n_outputs), or standardised values (n,).
    blocks : ndarray of int64 of shape (n,) or None
        Rows of equal code are on one side where some are held out to stop early by.
    """

    values: NDArray[Any]
    y: NDArray[Any]
    blocks: NDArray[np.int64] | None = None


class Feed(Protocol):
    """Rows to what the trained module takes; ``module`` is that module."""

    module: Headed
    order: Tensor
    """All rows, in the order in which they are looked at in the least time."""

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Compute beforehand what the batches to come will need."""

    def plain(self, rows: Tensor) -> Tensor:
        """The view that a network is judged by."""

    def judged(self, rows: Tensor) -> list[Tensor]:
        """The views that predictions are averaged over, the plain one first."""

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """A random view; ``turns`` says how often each row has come before."""

    def mixed(self, batch: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Blend the items of a batch, and their targets in the same shares, where the settings ask for it."""


def feed_of(
    values: NDArray[Any],
    net: Headed,
    draw: torch.Generator,
    settings: Settings | None = None,
    *,
    lean: bool = False,
) -> Pictures | Tokens:
    """Choose what feeds a network.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        Pixels or token ids, as their representations make them.
    net : Headed
        The network, whose settings say what it reads.
    draw : Generator
        Of random views, on the CPU.
    settings : Settings or None
        Other ones than the network's: the same network sees the rows of a pool in other ways.
    lean : bool
        As the feeds take it.

    Returns
    -------
    Pictures or Tokens
        A feed of the whole network.
    """
    if isinstance(net.settings, TextSettings):
        return Tokens(values, net, draw, settings, lean=lean)
    return Pictures(values, net, draw, settings, lean=lean)


class Maps:
    """Feeds the tail with maps of a few views of each item, computed once.

    Parameters
    ----------
    whole : Pictures
        What feeds the whole network.
    autocast : callable
        Makes the context in which the stem computes.
    deadline : Deadline
        Looked at while maps are computed.
    beside : Maps or None
        Of other rows for the same tail, whose stem is taken.
    """

    def __init__(
        self,
        whole: Pictures,
        autocast: Callable[[], AbstractContextManager[Any]],
        deadline: Deadline,
        beside: Maps | None = None,
    ) -> None:
        self.whole, self.autocast, self.deadline = whole, autocast, deadline
        self.order = whole.order
        # The stem only predicts, so it may be the faster one.
        self.module: Headed = beside.module if beside else whole.module.split()[1]
        self.cut: SplitNet = beside.cut if beside else folded(whole.module.eval()).split()[0]
        self.maps = torch.empty(0)
        self.place = torch.empty(0, dtype=torch.long)
        self.n_views = 1

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Compute the maps of as many views as are wanted, will be drawn, and may be kept."""
        s = self.whole.settings
        n = len(self.order)
        size = self.size()
        most = min(s.views, int(turns.max()) + 1, max(1, MOST_MAPS // (size * n)))
        self.n_views = most if s.augmentation != "none" else 1
        needed = torch.unique(rows * self.n_views + turns % self.n_views)
        self.place = torch.full((len(self.whole.pictures) * self.n_views,), -1)
        self.place[needed] = torch.arange(len(needed))
        done = 0
        for part in parts_of(needed, s.batch):
            self.deadline.check()
            found = self._stem(self.whole.varied(part // self.n_views, part % self.n_views))
            if not done:
                self.maps = found.new_empty((len(needed), *found.shape[1:]))
            self.maps[done : done + len(part)] = found
            done += len(part)

    def size(self) -> int:
        """Count the bytes of one map."""
        return self.plain(self.order[:1]).nbytes

    def plain(self, rows: Tensor) -> Tensor:
        """Compute the maps of the plain view."""
        return self._stem(self.whole.plain(rows))

    def judged(self, rows: Tensor) -> list[Tensor]:
        """Compute the maps of the views that predictions are made of."""
        return [self._stem(view) for view in self.whole.judged(rows)]

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """Take maps that are kept: those of one view after the other."""
        batch = self.maps[self.place[rows * self.n_views + turns % self.n_views]]
        return batch.contiguous(memory_format=torch.channels_last) if batch.dim() == 4 else batch

    def mixed(self, batch: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Blend maps as their items would be."""
        return self.whole.mixed(batch, target)

    def _stem(self, items: Tensor) -> Tensor:
        self.whole.module.eval()
        with torch.no_grad(), self.autocast():
            return self.cut.stem(items)


def parts_of(rows: Tensor, size: int) -> list[Tensor]:
    """Cut a list of rows into parts of at most ``size``."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
