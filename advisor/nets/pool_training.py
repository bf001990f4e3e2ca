"""Labelled rows, a pool and settings → training that sees rows of the pool in its steps, too.

What learning from a pool has in common: which of its rows are looked at and when, and two feeds of them for the same
network, one that varies them little and one that varies them much. What the rows are taken for is left to others
(:mod:`advisor.nets.consistency`, :mod:`advisor.nets.distillation`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.augment.spectrogram_views import GENTLE
from advisor.deadline import Deadline
from advisor.nets.feeds import MOST_MAPS, Examples, Feed, Maps, feed_of
from advisor.nets.picture_feeds import Pictures
from advisor.nets.settings import PictureSettings, Settings
from advisor.nets.training import Training, rise_and_fall

POOL_LOOKED_AT = 2_000
"""Rows of the pool that one training looks at, at most; our choice: the maps of so many take a quarter of a minute on
two cores, and a few hundred steps do not come round to more."""


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """What learning from a pool needs to know beside the settings of every network."""

    weight: float = 1.0
    """Of the pool's rows in the loss, over the labelled ones."""
    share: float = 1.0
    """Rows of the pool in a step over the labelled rows of a full one."""
    rows: int = 500
    """Rows of the pool looked at, at most ``POOL_LOOKED_AT``."""
    alone: float = 0.3
    """Share of the steps in which the labelled rows are alone."""
    strong: str = "randaugment"
    """How rows of the pool are varied where much is asked; the name of an augmentation, ``none`` for dropout alone."""
    views: int = 2
    """Such views that are kept of each row, where maps are kept."""


class PoolTraining(Training):
    """Training with a pool: rows in turn, as weak and as strong views.

    Parameters
    ----------
    examples : Examples
        Labelled rows, as :func:`advisor.nets.training.train` takes them.
    pool : ndarray of shape (n_pool, n_columns)
        As their values; may be mapped into memory, and is not read whole.
    settings : tuple of Settings and PoolSettings
        Of the training, and of what is done with the pool.
    seed : int
        Of weights, order, views and dropout.
    deadline : Deadline
        Looked at before every step, and while maps are computed.
    """

    def __init__(
        self,
        examples: Examples,
        pool: NDArray[Any],
        settings: tuple[Settings, PoolSettings],
        seed: int,
        deadline: Deadline,
    ) -> None:
        super().__init__(examples, settings[0], seed, deadline)
        self.pool, s = settings[1], self.settings
        self.alone = min(s.steps - 1, round(self.pool.alone * s.steps))
        self.per_step = max(1, round(self.pool.share * s.batch))
        views = self.pool.views if s.views else 0
        mild = replace(s, augmentation=_mild(s), views=min(1, views), mixup=0.0, cutmix=0.0)
        if isinstance(mild, PictureSettings):
            mild = replace(mild, colour=False)
        self.weak = self._feed(pool, mild, lean=False)
        self.strong = self._feed(pool, replace(s, augmentation=self.pool.strong, views=views))
        self.chosen = self._choose(len(pool))
        self.order, self.turns = self._pool_order()

    def _feed(self, pool: NDArray[Any], settings: Settings, *, lean: bool = True) -> Feed:
        """Feed the same network, or its tail, with rows of the pool."""
        lean = lean or isinstance(settings, PictureSettings)
        whole = feed_of(pool, self.net, self.draw, settings, lean=lean)
        if isinstance(self.feed, Maps) and isinstance(whole, Pictures):
            return Maps(whole, self.fabric.autocast, self.deadline, beside=self.feed)
        return whole

    def _choose(self, n: int) -> Tensor:
        """Draw the rows of the pool that are looked at, in ascending order: no more than come up, or may be kept."""
        most = min(self.pool.rows, POOL_LOOKED_AT, n)
        most = min(most, self.per_step * (self.settings.steps - self.alone))
        if isinstance(self.strong, Maps):
            most = min(most, max(1, MOST_MAPS // (2 * self.strong.size())))
        chosen = torch.randperm(n, generator=self.draw)[:most].sort().values
        for feed in (self.weak, self.strong):
            feed.order = feed.order[torch.isin(feed.order, chosen)]
        return chosen

    def _pool_order(self) -> tuple[Tensor, Tensor]:
        """Which rows of the pool come when, and how often each has come before; all once, then all again."""
        wanted, n = self.per_step * (self.settings.steps - self.alone), len(self.chosen)
        passes = [torch.randperm(n, generator=self.draw) for _ in range(-(-wanted // n))]
        return self.chosen[torch.cat(passes)[:wanted]], torch.arange(wanted) // n

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Compute the maps of the pool, too, where maps are kept."""
        super().prepare(rows, turns)
        for feed in (self.weak, self.strong):
            feed.prepare(self.order, self.turns)

    def rate(self, step: int) -> float:
        """Let the rate rise and fall while labels are alone, and once more with the pool.

        What is learned from the labels alone is then as good as without a pool before the first pseudo-label is made.
        """
        if step < self.alone:
            return rise_and_fall((step + 1) / self.alone)
        return rise_and_fall((step + 1 - self.alone) / (self.settings.steps - self.alone))

    def drawn(self, step: int) -> tuple[Tensor, Tensor]:
        """Tell the rows of the pool in a step, and how often each has come before; none while labels are alone."""
        start = max(0, step - self.alone) * self.per_step
        part = slice(start, start + (self.per_step if step >= self.alone else 0))
        return self.order[part], self.turns[part]


def _mild(settings: Settings) -> str:
    """Name the views that pseudo-labels are told from: crops, sounds that are hardly changed, or texts as they are."""
    if not isinstance(settings, PictureSettings):
        return "none"
    return GENTLE if settings.whole else "light"
