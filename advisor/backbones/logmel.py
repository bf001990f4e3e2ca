"""Image backbones on log-mel pictures: any of them hears, by the name ``<image backbone>_logmel``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.adaptation import BY_ITSELF, Wanted
from advisor.backbone import (
    LOADERS,
    AudioCard,
    BackboneCard,
    ImageCard,
    Loader,
    as_card,
    find_backbone,
)
from advisor.backbones.recordings import heard_wave, number_of
from advisor.backbones.timm import embed_loaded
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest, MissingDependency
from advisor.registry import available
from advisor.sounds.pictures import LONGEST, PLAN, logmel_square

MARK = "_logmel"
"""Behind the name of an image backbone."""

NEEDED = ("soundfile", "soxr")
"""Libraries that hear; those that see are asked for by the image backbone's own loader."""


class LogMelLoader:
    """Shows log-mel pictures to image backbones."""

    def missing(self, card: BackboneCard) -> str:
        """Look for what decodes sound, then ask the image backbone's loader."""
        if not all(available(module) for module in NEEDED):
            return f"pip install 'regime-advisor[audio]' (for the backbone '{card.name}')"
        return _loader(card).missing(seen_by(card))

    def fetch(self, card: BackboneCard) -> str:
        """Download the image backbone's weights, if the user named it; a sentence if that fails."""
        if not all(available(module) for module in NEEDED):
            return self.missing(card)
        return _loader(card).fetch(seen_by(card))

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell the weights' SHA-256."""
        return _loader(card).fingerprint(seen_by(card))

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Make the card of an image backbone that listens."""
        if not name.endswith(MARK):
            return None
        try:
            seen = find_backbone(name.removesuffix(MARK))
        except InvalidRequest:
            return None
        if not isinstance(seen, ImageCard):
            return None
        return AudioCard(
            name=name,
            loader="logmel",
            source=seen.name,
            weights=seen.weights,
            sha256=seen.sha256,
            width=seen.width,
            rate=PLAN.rate,
            longest=LONGEST,
            domain="pictures",
            pooling="picture",
            parameters=seen.parameters,
            multiply_adds=seen.multiply_adds,
            pretraining=seen.pretraining,
            licence=seen.licence,
            reference=seen.reference,
            default=False,
        )

    def embed(
        self,
        card: BackboneCard,
        items: Sequence[str],
        *,
        view: str,
        threads: int | None,
        deadline: Deadline,
    ) -> Iterator[NDArray[np.float32]]:
        """Make pictures and run them, side by side."""
        if lacking := self.missing(card):
            raise MissingDependency(lacking)
        seen = seen_by(card)
        load = partial(_picture, side=seen.input_size, number=number_of(view))
        yield from embed_loaded(load, seen, items, threads=threads, deadline=deadline)

    def build(self, card: BackboneCard, *, pretrained: bool, drop: float, drop_path: float) -> Any:
        """Make the image backbone's module, which takes log-mel pictures (n, 3, side, side)."""
        seen = seen_by(card)
        return _loader(card).build(seen, pretrained=pretrained, drop=drop, drop_path=drop_path)

    def adapt(
        self,
        card: BackboneCard,
        items: Sequence[str],
        deadline: Deadline,
        seed: int,
        wanted: Wanted = BY_ITSELF,
    ) -> str:
        """Go on with self-supervised training on log-mel pictures, and name the backbone it becomes."""
        at_hand = wanted.from_scratch and all(available(module) for module in NEEDED)
        if not at_hand and (lacking := self.missing(card)):
            raise MissingDependency(lacking)
        from advisor.backbones.engines.self_supervised import Shown, adapt, name_of

        seen = seen_by(card)
        shown = Shown(
            square=partial(_picture, number=0),
            plain=partial(_picture, side=seen.input_size, number=0),
            hears=True,
        )
        return name_of(card.name, adapt(seen, shown, items, deadline, seed, wanted))

    def fold(self, net: Any) -> Any:
        """Make the same module in fewer steps, as the image backbones' loader does."""
        return LOADERS["timm"].fold(net)

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return LOADERS["timm"].engine()


def seen_by(card: BackboneCard) -> ImageCard:
    """Find the image backbone behind a card, with the weights that the card says."""
    as_card(card, AudioCard)
    seen = as_card(find_backbone(card.source), ImageCard)
    return seen.model_copy(update={"weights": card.weights, "sha256": card.sha256})


def _loader(card: BackboneCard) -> Loader:
    return LOADERS[find_backbone(card.source).loader]


def _picture(path: str, side: int, number: int) -> NDArray[np.uint8] | None:
    wave = heard_wave(path, PLAN.rate, number, LONGEST)
    return None if wave is None else logmel_square(wave, side)


LOADERS.add("logmel")(LogMelLoader())
