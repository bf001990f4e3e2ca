"""Rows of pixels → batches for a network that sees pictures, or recordings as log-mel pictures."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from advisor.augment.picture_views import (
    as_pictures,
    crop_source,
    mix_pictures,
    plain_view,
    random_view,
)
from advisor.augment.spectrogram_views import GENTLE, GENTLY, random_spectrogram
from advisor.nets.network import Headed
from advisor.nets.settings import PictureSettings, Settings


class Pictures:
    """Feeds pictures to the whole network.

    Parameters
    ----------
    values : ndarray of uint8 of shape (n, 256 * 256 * 3)
        As the representation ``pixels`` makes them.
    net : Headed
        The network.
    draw : Generator
        Of random views, on the CPU.
    settings : Settings or None
        Other ones than the network's, for pictures that are varied in another way.
    lean : bool
        Whether pictures are shrunk as they are needed rather than all at once: of a pool that is mapped into memory,
        few are looked at.
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
        if not isinstance(settings, PictureSettings):
            raise TypeError("expected a network that sees pictures")
        self.module, self.draw, self.settings, self.lean = net, draw, settings, lean
        self.pictures = as_pictures(values)
        self.order = torch.arange(len(values))
        self.source: Tensor | None = None
        self.place = next(net.parameters()).device

    def prepare(self, rows: Tensor, turns: Tensor) -> None:
        """Nothing: views are made as they are needed."""

    def plain(self, rows: Tensor) -> Tensor:
        """Resize and cut."""
        s = self.settings
        view = plain_view(self.pictures[rows], s.size, s.crop_share)
        return normalise(view, s).to(self.place)

    def judged(self, rows: Tensor) -> list[Tensor]:
        """Add the mirrored picture where predictions are averaged with it."""
        plain = self.plain(rows)
        return [plain, plain.flip(-1)] if self.settings.mirror else [plain]

    def varied(self, rows: Tensor, turns: Tensor) -> Tensor:
        """Draw new views, whatever ``turns`` says."""
        s = self.settings
        if s.augmentation == "none":
            return self.plain(rows)
        if s.is_spectrogram:
            strength = GENTLY if s.augmentation == GENTLE else 1.0
            view = random_spectrogram(self.pictures[rows], s.size, self.draw, strength)
            return normalise(view, s).to(self.place)
        if self.lean:
            pictures = crop_source(self.pictures[rows], s.size).to(self.place)
            return normalise(random_view(pictures, s.size, s.recipe, self.draw), s)
        if self.source is None:  # shrinking all once is less than cutting from the large ones
            self.source = crop_source(self.pictures, s.size)
        pictures = self.source[rows].to(self.place)
        return normalise(random_view(pictures, s.size, s.recipe, self.draw), s)

    def mixed(self, batch: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mixup and CutMix."""
        return mix_pictures(batch, target, (self.settings.mixup, self.settings.cutmix), self.draw)


def normalise(batch: Tensor, settings: PictureSettings) -> Tensor:
    """Subtract the mean and divide by the deviation of pretraining, in place; pictures in [0, 1]."""
    mean = torch.tensor(settings.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(settings.std, device=batch.device).view(1, 3, 1, 1)
    return batch.sub_(mean).div_(std)
