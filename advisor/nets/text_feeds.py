"""Rows of token ids → batches for a network that reads texts, as short as their longest text."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.nets.network import Headed
from advisor.nets.settings import Settings, TextSettings

ABSENT = -1
"""Stands behind the end of a text."""


class Tokens:
    """Feeds token ids to the whole network.

    Parameters
    ----------
    values : ndarray of int32 of shape (n, n_views * longest)
        As the representation ``tokens`` makes them: the ids of the text, then those of each view of it.
    net : Headed
        The network.
    draw : Generator
        Not used: which view comes when is said by how often a row has come.
    settings : Settings or None
        Other ones than the network's, for texts that are varied in another way.
    lean : bool
        Whether the text itself is no view of it, where there are others.
    """

    def __init__(
        self,
        values: NDArray[Any],
        net: Headed,
        draw: torch.Generator,
        settings: Settings | None = None,
        *,
        lean: bool = False,
    ) -> None:
        settings = settings or net.settings
        if not isinstance(settings, TextSettings):
            raise TypeError("expected a network that reads texts")
        self.module, self.settings = net, settings
        s = self.settings
        self.views = split_views(values, s.longest)
        if s.augmentation == "none":
            self.views = self.views[:, :1]
        self.first = 1 if lean and self.views.shape[1] > 1 else 0
        self.lengths = (self.views[:, 0] != ABSENT).sum(axis=1)
        self.order = torch.as_tensor(np.argsort(-self.lengths, kind="stable"))
        self.place = next(net.parameters()).device

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Nothing: the representation has made the views."""

    def plain(self, rows: Tensor) -> Tensor:
        """Take the texts as they are."""
        return self._batch(self.views[rows.numpy(), 0])

    def judged(self, rows: Tensor) -> list[Tensor]:
        """Judge texts as they are."""
        return [self.plain(rows)]

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """Take one view after the other, and the text itself first; one without tokens is replaced by the text."""
        which = (self.first + turns % (self.views.shape[1] - self.first)).numpy()
        found = self.views[rows.numpy(), which]
        empty = (found == ABSENT).all(axis=1)
        found[empty] = self.views[rows.numpy()[empty], 0]
        return self._batch(found)

    def mixed(self, batch: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Leave ids as they are: a mean of two of them is another word."""
        return batch, target

    def _batch(self, ids: NDArray[np.int32]) -> Tensor:
        return trimmed(ids, self.settings.length).to(self.place)


def split_views(values: NDArray[Any], longest: int) -> NDArray[np.int32]:
    """View rows of ids as views of texts: (n, n_views * longest) → (n, n_views, longest)."""
    return np.asarray(values, dtype=np.int32).reshape(
        len(values), values.shape[1] // longest, longest
    )


def trimmed(ids: NDArray[np.int32], length: int) -> Tensor:
    """Cut a batch of texts to their longest one, and to ``length`` tokens at most.

    Parameters
    ----------
    ids : ndarray of int32 of shape (n, longest)
        Token ids, -1 behind the end.
    length : int
        Tokens at most; of a longer text the last one is kept in the last place, since it says that the text ends.

    Returns
    -------
    Tensor of int64 of shape (n, m)
        With m the number of tokens of the longest text that is left, at least 1.

    Examples
    --------
    >>> trimmed(np.array([[5, 6, 7, 8, -1], [5, 8, -1, -1, -1]], dtype=np.int32), 3).tolist()
    [[5, 6, 8], [5, 8, -1]]
    """
    ends = (ids != ABSENT).sum(axis=1)
    width = max(1, min(length, int(ends.max(initial=0))))
    made = ids[:, :width].astype(np.int64)
    cut = ends > width
    made[cut, -1] = ids[cut, ends[cut] - 1]
    return torch.from_numpy(made)
