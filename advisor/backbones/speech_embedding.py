"""Google's speech embedding in the ONNX form of openWakeWord, for whoever named it.

Apache-2.0 itself; the licence of the files that openWakeWord bundles it with forbids commercial use, so it is never
taken unasked.

References
----------
Lin et al. (2020), Training keyword spotters with limited and synthesized speech data, ICASSP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import LOADERS, AudioCard, BackboneCard
from advisor.backbones.recordings import Heard, ListeningLoader, on_grid
from advisor.backbones.weights import weights_file
from advisor.cache import content_key
from advisor.errors import MissingDependency
from advisor.registry import available, require

NEEDED = ("onnxruntime", "soundfile", "soxr")
"""Libraries without which nothing is heard."""

SPECTRUM, EMBEDDING = "melspectrogram.onnx", "embedding_model.onnx"
"""The two networks, by openWakeWord's names of them; one feeds the other."""

RATE, HOP = 16_000, 160
"""Samples per second, and between two frames of the first network's spectrogram."""

FRAMES, STEP = 76, 8
"""Frames that the second network sees at once, and between two such looks: 0.76 and 0.08 seconds."""

FULL_SCALE = 32_767.0
"""The first network wants whole numbers of 16 bits."""

LEAD = 0.5
"""Seconds of silence put before and behind a recording. The network spots words as they pass through its window: with
none, half of the spoken digits that it tells apart are lost (48 instead of 97 % at 5 of each)."""

WIDTH = 96
"""Numbers in one look."""


class SpeechEmbeddingLoader(ListeningLoader):
    """Runs the speech embedding on ONNX Runtime."""

    def missing(self, card: BackboneCard) -> str:
        """Look for libraries and both networks."""
        if not all(available(module) for module in NEEDED):
            return (
                f"'{card.name}' ({card.licence}) needs onnxruntime and what decodes sound: "
                "pip install onnxruntime 'regime-advisor[audio]'"
            )
        if _folder(card) is None:
            return (
                f"'{card.name}' needs {EMBEDDING} and {SPECTRUM} ({card.licence}): pip install --no-deps "
                "'openwakeword<0.6', or name a folder with both behind an @"
            )
        return ""

    def fetch(self, card: BackboneCard) -> str:
        """Say what is missing: there is nothing that we could download."""
        return self.missing(card)

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell the SHA-256 of both networks together."""
        folder = self._need(card)
        both = content_key(folder / SPECTRUM) + content_key(folder / EMBEDDING)
        return hashlib.sha256(both.encode()).hexdigest()

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Nothing beside the card of the house."""
        return None

    def listener(self, card: AudioCard, threads: int) -> SpeechEmbedding:
        """Open both networks."""
        return _listener(str(self._need(card)), self.fingerprint(card), threads)

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return "onnxruntime"

    def _need(self, card: BackboneCard) -> Path:
        if lacking := self.missing(card):
            raise MissingDependency(lacking)
        folder = _folder(card)
        assert folder is not None  # or something was missing
        return folder


class SpeechEmbedding:
    """Both networks; the embedding is the mean, the largest and the standard deviation over the looks.

    Parameters
    ----------
    folder : Path
        With both.
    threads : int
        Cores they may use.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        onnx = require("onnxruntime", extra="audio")
        options = onnx.SessionOptions()
        options.intra_op_num_threads = threads
        self._spectrum, self._embedding = (
            onnx.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in (SPECTRUM, EMBEDDING)
        )

    def prepare(self, wave: NDArray[np.float32]) -> Heard:
        """Put silence on both sides."""
        lead = round(LEAD * RATE)
        padded = np.zeros(on_grid(lead + len(wave) + lead, RATE), dtype=np.float32)
        padded[lead : lead + len(wave)] = np.round(wave * FULL_SCALE)
        return Heard(padded, lead + len(wave))

    def run(self, values: NDArray[np.float32], n_samples: Sequence[int]) -> NDArray[np.float32]:
        """Embed windows of one length."""
        (name,) = (one.name for one in self._spectrum.get_inputs())
        # One by one: what is silence to the first network depends on the loudest of all that it is given.
        spectra = [self._spectrum.run(None, {name: one[None]})[0] for one in values]
        frames = np.stack([one.reshape(-1, one.shape[-1]) for one in spectra])
        # To what the embedding was trained on: openWakeWord's conversion of the spectrogram of Google's version.
        frames = frames / 10 + 2
        looks = np.lib.stride_tricks.sliding_window_view(frames, FRAMES, axis=1)[:, ::STEP]
        flat = np.ascontiguousarray(looks.reshape(-1, looks.shape[2], FRAMES).transpose(0, 2, 1))
        (name,) = (one.name for one in self._embedding.get_inputs())
        found = self._embedding.run(None, {name: flat[..., None]})[0]
        found = found.reshape(len(values), -1, WIDTH)
        rows = []
        for looks_of_one, n in zip(found, n_samples, strict=True):
            real = looks_of_one[
                : -(-n // (STEP * HOP))
            ]  # those that begin before the recording ends
            rows.append(np.concatenate([real.mean(axis=0), real.max(axis=0), real.std(axis=0)]))
        return np.stack(rows)


def _folder(card: BackboneCard) -> Path | None:
    """Find the folder of both networks: the one that the user named, or the package's."""
    if card.path is not None:
        folder = card.path if card.path.is_dir() else card.path.parent
    else:
        file = weights_file(card)
        if file is None:
            return None
        folder = file.parent
    both = all((folder / name).is_file() for name in (SPECTRUM, EMBEDDING))
    return folder if both else None


@lru_cache(maxsize=2)
def _listener(folder: str, weights: str, threads: int) -> SpeechEmbedding:
    """Open both networks; with another SHA-256 of their ``weights``, written anew meanwhile, they are others."""
    return SpeechEmbedding(Path(folder), threads)


LOADERS.add("speech_embedding")(SpeechEmbeddingLoader())
