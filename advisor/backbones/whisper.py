"""Whisper's encoder on CTranslate2: what it hears in a recording, without torch.

Recordings are not padded to Whisper's thirty seconds: that costs ten times as much and gains nothing.

References
----------
Radford et al. (2023), Robust speech recognition via large-scale weak supervision, ICML.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import LOADERS, AudioCard, BackboneCard
from advisor.backbones.recordings import Heard, ListeningLoader, mean_and_std, on_grid
from advisor.backbones.weights import fetch, fingerprint, need_weights, weights_file, why_absent
from advisor.cache import content_key
from advisor.cores import usable_cores
from advisor.registry import available, require
from advisor.sounds.logmel import MelPlan, whisper_mel

NEEDED = ("ctranslate2", "soundfile", "soxr")
"""Libraries without which nothing is heard."""

WEIGHTS = "model.bin"
"""CTranslate2's name of a model's weights in its folder."""

RATE, WINDOW, HOP = 16_000, 400, 160
"""Samples per second, of a frame and between frames, that every Whisper was trained with."""

LONGEST = 30.0
"""Seconds that every Whisper hears at once."""

FRAMES_OF_ONE = 2
"""Frames of the spectrogram that become one of the encoder, whose second convolution strides by as many."""

FRAMES_PER_SECOND = RATE // HOP // FRAMES_OF_ONE
"""That the encoder gives."""

LAYERS = {384: 4, 512: 6, 768: 12, 1024: 24, 1280: 32}
"""Layers by the numbers in a frame (Radford et al. 2023, table 1), which a converted folder does not say."""


class WhisperLoader(ListeningLoader):
    """Runs Whisper's encoder from a folder in CTranslate2's form."""

    def missing(self, card: BackboneCard) -> str:
        """Look for libraries and weights."""
        if not all(available(module) for module in NEEDED):
            return f"pip install 'regime-advisor[audio]' (for the backbone '{card.name}')"
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
        """Look into a folder: a Whisper that was converted for CTranslate2 says so in its configuration."""
        folder = Path(place or name)
        if not (folder / WEIGHTS).is_file() or not _is_whisper(folder / "config.json"):
            return None
        if not all(available(module) for module in NEEDED):
            return None
        weights = folder.resolve() / WEIGHTS
        listener = _listener(str(weights.parent), content_key(weights), usable_cores())
        parameters, multiply_adds = size_of(listener.width, listener.plan.bands)
        return AudioCard(
            name=name,
            loader="whisper",
            source=folder.name,
            weights=f"file:{weights}",
            width=2 * listener.width,
            rate=RATE,
            longest=LONGEST,
            domain="speech",
            parameters=parameters,
            multiply_adds=multiply_adds,
            pretraining="Whisper's, as far as its folder says",
            licence="not stated by the folder",
            reference="Radford et al. (2023), Whisper, ICML",
        )

    def listener(self, card: AudioCard, threads: int) -> Encoder:
        """Open the encoder."""
        return _listener(str(need_weights(card).parent), self.fingerprint(card), threads)

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return "ctranslate2"


class Encoder:
    """Whisper's encoder; its embedding is the mean and the standard deviation over what it gives every 20 ms.

    Parameters
    ----------
    folder : Path
        Of the converted model.
    threads : int
        Cores it may use.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._ct2 = require("ctranslate2", extra="audio")
        # Eight-bit whole numbers on every machine, lest embeddings depend on what a processor does fastest.
        self._model = self._ct2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
        )
        self.plan = MelPlan(RATE, WINDOW, HOP, self._model.n_mels)
        silence = np.zeros((1, self.plan.bands, FRAMES_OF_ONE), dtype=np.float32)
        self.width = int(self._encode(silence).shape[-1])
        """Numbers in a frame."""

    def prepare(self, wave: NDArray[np.float32]) -> Heard:
        """Compute the log-mel spectrogram of a window."""
        n = min(on_grid(len(wave), RATE), round(LONGEST * RATE))
        padded = np.zeros(n, dtype=np.float32)
        padded[: len(wave)] = wave
        return Heard(whisper_mel(padded, self.plan), len(wave))

    def run(self, values: NDArray[np.float32], n_samples: Sequence[int]) -> NDArray[np.float32]:
        """Encode windows of one length."""
        found = self._encode(values)
        n_frames = [-(-n // (FRAMES_OF_ONE * HOP)) for n in n_samples]
        return np.stack([mean_and_std(one, n) for one, n in zip(found, n_frames, strict=True)])

    def _encode(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._model.encode(self._ct2.StorageView.from_array(values)))


def size_of(width: int, bands: int) -> tuple[float, float]:
    """Count a Whisper's encoder; the decoder beside it in the file is never run.

    Parameters
    ----------
    width : int
        Numbers in one of its frames; between two of Whisper's sizes the layers lie between theirs, too.
    bands : int
        Of the spectrogram.

    Returns
    -------
    parameters, multiply_adds : float
        In millions; in 1e9, of a second of sound.

    Examples
    --------
    >>> size_of(512, 80)
    (20.55, 1.456)
    """
    layers = round(float(np.interp(width, list(LAYERS), list(LAYERS.values()))))
    frames = round(LONGEST * FRAMES_PER_SECOND)
    blocks = 12 * layers * width**2
    first, second = 3 * bands * width, 3 * width**2  # the convolutions
    attention = 2 * layers * frames * width  # of one frame to all
    parameters = blocks + first + second + frames * width
    each = blocks + FRAMES_OF_ONE * first + second + attention
    return round(parameters / 1e6, 2), round(each * FRAMES_PER_SECOND / 1e9, 3)


@lru_cache(maxsize=2)
def _listener(folder: str, weights: str, threads: int) -> Encoder:
    """Open an encoder; with another SHA-256 of its ``weights``, written anew meanwhile, it is another."""
    return Encoder(Path(folder), threads)


def _is_whisper(config: Path) -> bool:
    """Whether a converted model is a Whisper: no other has heads that align words with sound."""
    try:
        return "alignment_heads" in json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


LOADERS.add("whisper")(WhisperLoader())
