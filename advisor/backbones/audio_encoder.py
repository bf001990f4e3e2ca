"""Encoders of sound of ``transformers``: Whisper, wav2vec 2.0, HuBERT, WavLM, AST, by hub name or folder."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.backbone import LOADERS, AudioCard, BackboneCard, load_cards
from advisor.backbones.engines.text_folder import is_text_model
from advisor.backbones.recordings import ListeningLoader
from advisor.backbones.weights import (
    fetch_folder,
    folder_fingerprint,
    hub_folder,
    model_folder,
    why_absent,
)
from advisor.registry import available

if TYPE_CHECKING:
    from advisor.backbones.engines.audio_network import AudioNetwork

if TYPE_CHECKING:
    from advisor.backbones.engines.audio_network import AudioNetwork

NEEDED = ("torch", "transformers", "soundfile", "soxr")
"""Libraries without which nothing is heard."""

OF_SOUND = re.compile(r"whisper|wav2vec|hubert|wavlm|data2vec-audio|unispeech|/ast-", re.IGNORECASE)
"""In names of the hub: what our kinds of encoders of sound are called. That they are is read from the folder."""

CONFIGURATION = "config.json"
"""In the folder of a model of ``transformers``."""


class AudioEncoderLoader(ListeningLoader):
    """Runs the encoders of sound of ``transformers`` on torch."""

    def missing(self, card: BackboneCard) -> str:
        """Look for libraries and weights; neither torch nor the network is touched."""
        if not all(available(module) for module in NEEDED):
            return f"pip install 'regime-advisor[audio]' (for the backbone '{card.name}')"
        return "" if model_folder(card) is not None else why_absent(card)

    def fetch(self, card: BackboneCard) -> str:
        """Download the folder of a backbone that the user named; a sentence if that fails."""
        if not all(available(module) for module in NEEDED):
            return self.missing(card)
        return fetch_folder(card)

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell the SHA-256 of the weights."""
        return folder_fingerprint(card)

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Make the card of a folder, or of a repository of the hub that is on this machine or has a card of ours."""
        ours = (c for c in load_cards().values() if c.loader == "audio_encoder")
        known = next((card for card in ours if card.source == name), None)
        if known is not None:
            return known
        folder = Path(place or name)
        weights = f"file:{folder}"
        if not (folder / CONFIGURATION).is_file():
            if place or name.count("/") != 1:
                return None
            cached = hub_folder(name)
            if cached is None:
                return _to_be_fetched(name) if OF_SOUND.search(name) else None
            folder, weights = cached, f"hub:{name}"
        if not all(available(module) for module in NEEDED) or not _says_its_kind(folder):
            return None
        if is_text_model(folder):  # seen without torch, which an encoder of texts may not need
            return None
        from advisor.backbones.engines.audio_network import describe

        found = describe(name, folder)
        return found and found.model_copy(update={"weights": weights})

    def listener(self, card: AudioCard, threads: int) -> AudioNetwork:
        """Open the encoder."""
        return _listener(str(model_folder(card)), self.fingerprint(card), threads)

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return "torch"


def _to_be_fetched(name: str) -> AudioCard:
    """Make the card of a repository that is not here yet: what it is will be known when it is."""
    unknown = "not known before it is downloaded"
    return AudioCard(
        name=name,
        loader="audio_encoder",
        source=name,
        weights=f"hub:{name}",
        width=0,
        rate=0,
        longest=0.0,
        parameters=0.0,
        multiply_adds=0.0,
        pretraining=unknown,
        licence=unknown,
        reference=unknown,
        default=False,
    )


def _says_its_kind(folder: Path) -> bool:
    """Whether a configuration is one of ``transformers``."""
    try:
        told = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and isinstance(told.get("model_type"), str)


@lru_cache(maxsize=1)
def _listener(folder: str, weights: str, threads: int) -> AudioNetwork:
    """Open an encoder; with another SHA-256 of its ``weights``, written anew meanwhile, it is another."""
    from advisor.backbones.engines.audio_network import AudioNetwork

    return AudioNetwork(Path(folder), threads)


LOADERS.add("audio_encoder")(AudioEncoderLoader())
