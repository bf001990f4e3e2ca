"""Backbones of timm: any of its models, by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.adaptation import BY_ITSELF, Wanted
from advisor.backbone import LOADERS, BackboneCard, ImageCard, as_card
from advisor.backbones.engines.chosen import engine_name, has_cuda
from advisor.backbones.pictures import PLAIN, batches_of, view_of
from advisor.backbones.weights import fetch, fingerprint, weights_file, why_absent
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.errors import MissingDependency
from advisor.images.decoding import UnreadablePicture
from advisor.images.squares import load_square
from advisor.registry import available

BATCH = 16
"""Pictures in one batch: larger ones gain nothing measurable on a CPU (``benchmarks/throughput.py``)."""

GPU_BATCH = 64
"""Pictures in one batch on a GPU; our choice."""

NEEDED = ("torch", "timm", "PIL")
"""Libraries without which no backbone of timm runs."""

Engine = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class TimmLoader:
    """Runs the models of timm, on OpenVINO where that is faster."""

    def missing(self, card: BackboneCard) -> str:
        """Look for libraries and weights; neither torch nor the network is touched."""
        if not all(available(module) for module in NEEDED):
            return f"pip install 'regime-advisor[vision]' (for the backbone '{card.name}')"
        return "" if weights_file(card) is not None else why_absent(card)

    def fetch(self, card: BackboneCard) -> str:
        """Download the weights of a backbone that the user named; a sentence if that fails."""
        if not all(available(module) for module in NEEDED):
            return self.missing(card)
        return fetch(card)

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell the weights' SHA-256."""
        return fingerprint(card)

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Ask timm; takes the seconds that importing it takes."""
        if not all(available(module) for module in NEEDED):
            return None
        from advisor.backbones.engines.published import describe

        return describe(name)

    def embed(
        self,
        card: BackboneCard,
        items: Sequence[str],
        *,
        view: str,
        threads: int | None,
        deadline: Deadline,
    ) -> Iterator[NDArray[np.float32]]:
        """Decode and run, batch by batch, side by side."""
        self._need(card)
        seen = as_card(card, ImageCard)
        load = partial(view_of, card=seen, view=view)
        yield from embed_loaded(load, seen, items, threads=threads, deadline=deadline)

    def build(self, card: BackboneCard, *, pretrained: bool, drop: float, drop_path: float) -> Any:
        """Make the torch module."""
        if pretrained:
            self._need(card)
        from advisor.backbones.engines.network import build_net

        return build_net(
            as_card(card, ImageCard), pretrained=pretrained, drop=drop, drop_path=drop_path
        )

    def adapt(
        self,
        card: BackboneCard,
        items: Sequence[str],
        deadline: Deadline,
        seed: int,
        wanted: Wanted = BY_ITSELF,
    ) -> str:
        """Go on with self-supervised training on pictures, and name the backbone it becomes."""
        if not (wanted.from_scratch and all(available(module) for module in NEEDED)):
            self._need(card)  # random weights are at hand
        from advisor.backbones.engines.self_supervised import Shown, adapt, name_of

        seen = as_card(card, ImageCard)
        shown = Shown(square=_square, plain=partial(view_of, card=seen, view=PLAIN))
        return name_of(card.name, adapt(seen, shown, items, deadline, seed, wanted))

    def fold(self, net: Any) -> Any:
        """Fold batch norms into convolutions."""
        from advisor.backbones.engines.torch_engine import fuse

        return fuse(net)

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return engine_name()

    def _need(self, card: BackboneCard) -> None:
        lacking = self.missing(card)
        if lacking:
            raise MissingDependency(lacking)


def embed_loaded(
    load: Callable[[str], NDArray[np.uint8] | None],
    card: ImageCard,
    items: Sequence[str],
    *,
    threads: int | None,
    deadline: Deadline,
) -> Iterator[NDArray[np.float32]]:
    """Make the pictures of files and run them, batch by batch, side by side.

    Parameters
    ----------
    load : callable
        Makes the picture that the backbone sees of one file; ``None`` if it cannot.
    card : ImageCard
        Of a model of timm that can run here.
    items : sequence of str
        The files.
    threads : int or None
        Cores to use.
    deadline : Deadline
        Looked at before every batch.

    Yields
    ------
    ndarray of float32 of shape (n_of_batch, card.width)
        NaN where there is no picture.

    Raises
    ------
    DeadlineExceeded
        When the deadline passes before the last item.
    """
    deadline.check()
    threads = threads or usable_cores()
    engine = _engine(card, fingerprint(card), threads)
    size = GPU_BATCH if has_cuda() else BATCH
    for batch in batches_of(load, items, size, threads):
        deadline.check()
        yield _run(engine, batch, card.width)


def _square(path: str, side: int) -> NDArray[np.uint8] | None:
    try:
        return load_square(path, side)
    except (UnreadablePicture, OSError):
        return None


def _run(
    engine: Engine, batch: Sequence[NDArray[np.uint8] | None], width: int
) -> NDArray[np.float32]:
    found = np.full((len(batch), width), np.nan, dtype=np.float32)
    readable = [i for i, picture in enumerate(batch) if picture is not None]
    if readable:
        found[readable] = engine(np.stack([p for p in batch if p is not None]))
    return found


@lru_cache(maxsize=2)
def _engine(card: ImageCard, weights: str, threads: int) -> Engine:
    """Make the engine of a card; with another SHA-256 of its ``weights``, written anew meanwhile, it is another."""
    if engine_name() == "openvino":
        from advisor.backbones.engines.openvino_engine import NotConverted, OpenVinoEngine

        try:
            return OpenVinoEngine(card, threads, default_cache())
        except NotConverted as fault:
            warnings.warn(
                f"'{card.source}' runs on torch, which is slower: OpenVINO cannot run it ({fault})",
                stacklevel=2,
            )
    from advisor.backbones.engines.torch_engine import TorchEngine

    return TorchEngine(card, threads)


LOADERS.add("timm")(TimmLoader())
