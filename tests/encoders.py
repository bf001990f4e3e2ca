"""A tiny encoder of texts with random weights and its own loader, for tests that must not need the hub."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advisor.backbone import LOADERS, BackboneCard, TextCard, as_card
from advisor.deadline import Deadline

NAME = "tiny_encoder"
"""The backbone that the loader knows."""

WIDTH, WORDS, LONGEST = 16, 500, 24


class Stage(nn.Module):
    """Two linear layers beside a short cut."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.norm, self.first = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.drop, self.second = nn.Dropout(drop), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Add the two."""
        changed: Tensor = self.second(self.drop(self.first(self.norm(x)).relu()))
        return x + changed


class TinyEncoder(nn.Module):
    """Ids (n, length), -1 behind the end, to the mean over tokens of what three stages make of them."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {
                "words": nn.Embedding(WORDS, WIDTH),
                "layers": nn.ModuleList(Stage(drop) for _ in range(3)),
                "norm": nn.LayerNorm(WIDTH),
            }
        )
        self.lengths: list[int] = []

    @property
    def stages(self) -> list[nn.Module]:
        """From input to output."""
        layers: Any = self.encoder["layers"]
        return list(layers)

    def forward(self, ids: Tensor) -> Tensor:
        """Compute features."""
        self.lengths.append(ids.shape[1])
        there = (ids >= 0).float()[:, :, None]
        x = self.encoder["words"](ids.clamp(min=0))
        for stage in self.stages:
            x = stage(x)
        found: Tensor = (self.encoder["norm"](x) * there).sum(dim=1) / there.sum(dim=1)
        return found


class TinyLoader:
    """Words are numbered by a digest; the first and the last token say that a text begins and ends."""

    def missing(self, card: BackboneCard) -> str:
        """Nothing is."""
        return ""

    def fetch(self, card: BackboneCard) -> str:
        """Nothing to fetch."""
        return ""

    def fingerprint(self, card: BackboneCard) -> str:
        """Always the same."""
        return "0" * 64

    def engine(self) -> str:
        """Torch."""
        return "torch"

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Know one name."""
        if name != NAME:
            return None
        return TextCard(
            name=NAME,
            loader=NAME,
            source=NAME,
            weights="package:tests",
            width=WIDTH,
            parameters=0.01,
            multiply_adds=0.001,
            pretraining="none",
            licence="none",
            reference="none",
            longest=LONGEST,
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
        """Views are made before they are embedded; every text is a batch of its own."""
        loader = TinyLoader()
        net = loader.build(card, pretrained=True, drop=0.0, drop_path=0.0).eval()
        for item in items:
            deadline.check()
            text = item if view == "plain" else f"{view} {item}"
            ids = torch.from_numpy(loader.tokens(as_card(card, TextCard), [text], LONGEST)).long()
            with torch.inference_mode():
                yield net(ids).numpy()

    def build(self, card: BackboneCard, *, pretrained: bool, drop: float, drop_path: float) -> Any:
        """The same weights every time when they are wanted."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0 if pretrained else 1)
            return TinyEncoder(drop)

    def fold(self, net: Any) -> Any:
        """Nothing to fold."""
        return net

    def tokens(self, card: TextCard, texts: Sequence[str], longest: int) -> NDArray[np.int32]:
        """Cut at blanks."""
        made = np.full((len(texts), longest), -1, dtype=np.int32)
        for row, text in enumerate(texts):
            words = [2 + zlib.crc32(word.encode()) % (WORDS - 2) for word in text.split()]
            ids = [0, *words[: longest - 2], 1]
            made[row, : len(ids)] = ids
        return made

    def varied(
        self, card: TextCard, texts: Sequence[str], view: str, deadline: Deadline
    ) -> list[str]:
        """Put the view's name before the text."""
        deadline.check()
        return [f"{view} {text}" for text in texts]


if NAME not in LOADERS:
    LOADERS.add(NAME)(TinyLoader())
