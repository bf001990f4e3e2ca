"""Encoders of sound of ``transformers``: a folder → its card, and the network that listens.

Three kinds: those that take a log-mel spectrogram of any length (Whisper), those that take the waveform itself (wav2vec
2.0 and what grew out of it), and those that take a spectrogram of one length, cut into patches (AST).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advisor.backbone import AudioCard
from advisor.backbones.engines.quiet import quiet_transformers
from advisor.backbones.recordings import Heard, mean_and_std, on_grid
from advisor.sounds.logmel import MelPlan, whisper_mel
from advisor.torchvision_cure import require_cured

RATE = 16_000
"""Samples per second that all of these were trained with."""

WHISPER, PATCHES = "whisper", "audio-spectrogram-transformer"
"""Kinds of model, as configurations name them; all others in ``KINDS`` take the waveform."""

KINDS = {
    WHISPER: 30.0,
    PATCHES: 10.24,
    "wav2vec2": 20.0,
    "hubert": 20.0,
    "wavlm": 20.0,
    "data2vec-audio": 20.0,
    "unispeech-sat": 20.0,
}
"""Seconds that each kind hears at once. Of those that take the waveform it is our choice: they were trained with about
16 seconds, and their cost grows with the square of the length."""

SPEECH = frozenset(KINDS) - {PATCHES}
"""Kinds that were trained on speech."""

WHISPER_WINDOW, HOP = 400, 160
"""Samples of a frame and between two frames of the spectrograms."""

TINY = 1e-7
"""Added to a variance before dividing by its root, as Hugging Face's extractor does."""


def describe(name: str, folder: Path) -> AudioCard | None:
    """Make the card of a model from its folder, without reading its weights.

    Parameters
    ----------
    name : str
        Of the card.
    folder : Path
        With ``config.json``.

    Returns
    -------
    AudioCard or None
        ``None`` if it holds no encoder of sound that we know.
    """
    transformers = require_cured("transformers", extra="audio")
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = config.model_type
    if kind not in KINDS:
        return None
    longest = config.max_length * HOP / RATE if kind == PATCHES else KINDS[kind]
    with torch.device("meta"):
        net = _encoder(transformers.AutoModel.from_config(config))
    parameters = sum(p.numel() for p in net.parameters())
    tokens = _steps(config, longest) * _bands(config)
    return AudioCard(
        name=name,
        loader="audio_encoder",
        source=name,
        weights=f"file:{folder}",
        width=2 * config.hidden_size,
        rate=RATE,
        longest=longest,
        domain="speech" if kind in SPEECH else "sound",
        parameters=round(parameters / 1e6, 2),
        multiply_adds=round(parameters * tokens / longest / 1e9, 3),
        pretraining=f"a {kind} model, as far as its folder says",
        licence="not stated by its folder",
        reference=f"{', '.join(config.architectures or [kind])} of transformers",
        default=False,
    )


class AudioNetwork:
    """An encoder of sound; its embedding is the mean and standard deviation over its last layer, padding left out.

    Parameters
    ----------
    folder : Path
        With configuration and weights.
    threads : int
        Cores it may use, where it runs on the CPU.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._threads = threads
        with quiet_transformers() as transformers:
            whole = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32
            )
        self._config = whole.config
        self._net = _encoder(whole).eval().to(self._device)
        self._kind = str(self._config.model_type)
        extractor = folder / "preprocessor_config.json"
        told = json.loads(extractor.read_text(encoding="utf-8")) if extractor.is_file() else {}
        self._normalised = bool(told.get("do_normalize", True))
        if self._kind == PATCHES:
            self._extractor = transformers.ASTFeatureExtractor(
                num_mel_bins=self._config.num_mel_bins,
                max_length=self._config.max_length,
                **{key: told[key] for key in ("mean", "std", "do_normalize") if key in told},
            )

    def prepare(self, wave: NDArray[np.float32]) -> Heard:
        """Turn a window into what the encoder takes, padded with silence."""
        if self._kind == PATCHES:
            return Heard(self._patches_of(wave), len(wave))
        if self._normalised and self._kind != WHISPER:
            wave = (wave - wave.mean()) / np.sqrt(wave.var() + TINY) if len(wave) else wave
        most = round(KINDS[self._kind] * RATE)
        padded = np.zeros(min(on_grid(len(wave), RATE), most), dtype=np.float32)
        padded[: len(wave)] = wave
        if self._kind != WHISPER:
            return Heard(padded, len(wave))
        plan = MelPlan(RATE, WHISPER_WINDOW, HOP, self._config.num_mel_bins)
        return Heard(whisper_mel(padded, plan), len(wave))

    def run(self, values: NDArray[np.float32], n_samples: Sequence[int]) -> NDArray[np.float32]:
        """Embed windows of one shape."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                found = self._frames(torch.from_numpy(values).to(self._device), n_samples)
        finally:
            torch.set_num_threads(before)
        frames = found.float().cpu().numpy()
        if self._kind == PATCHES:
            return np.stack(
                [_pooled_patches(*pair) for pair in zip(frames, self._real(n_samples), strict=True)]
            )
        return np.stack(
            [mean_and_std(*pair) for pair in zip(frames, self._real(n_samples), strict=True)]
        )

    def _frames(self, values: Tensor, n_samples: Sequence[int]) -> Tensor:
        """The last layer: (n, steps, width), or (n, steps, bands, width) of patches."""
        if self._kind == WHISPER:
            return _whisper_frames(self._net, values)
        if self._kind == PATCHES:
            hidden: Tensor = self._net(values).last_hidden_state
            # Two tokens of the whole come first; then all steps of the lowest band, of the next ...
            n, _, width = hidden.shape
            return hidden[:, 2:].reshape(n, _bands(self._config), -1, width).transpose(1, 2)
        if getattr(self._config, "feat_extract_norm", "group") == "group":
            # These were trained without a mask, on recordings padded with silence.
            return self._net(values).last_hidden_state  # type: ignore[no-any-return]
        real = torch.tensor(n_samples, device=values.device)
        mask = (torch.arange(values.shape[1], device=values.device)[None] < real[:, None]).long()
        return self._net(values, attention_mask=mask).last_hidden_state  # type: ignore[no-any-return]

    def _real(self, n_samples: Sequence[int]) -> list[int]:
        """How many steps of the last layer are of the recording."""
        return [max(1, _steps(self._config, n / RATE)) for n in n_samples]

    def _patches_of(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        # A frame of Kaldi's spectrogram is 25 ms, and there has to be one.
        padded = np.pad(wave, (0, max(0, WHISPER_WINDOW - len(wave))))
        found = self._extractor(padded, sampling_rate=RATE, return_tensors="np")
        return np.asarray(found["input_values"][0], dtype=np.float32)


def _encoder(whole: Any) -> nn.Module:
    net: nn.Module = whole.encoder if whole.config.model_type == WHISPER else whole
    return net


def _whisper_frames(net: Any, mel: Tensor) -> Tensor:
    """What Whisper's encoder does, but of any length: its own refuses all but thirty seconds."""
    hidden = nn.functional.gelu(net.conv1(mel))
    hidden = nn.functional.gelu(net.conv2(hidden)).transpose(1, 2)
    hidden = hidden + net.embed_positions.weight[: hidden.shape[1]]
    for layer in net.layers:
        found = layer(hidden, None)
        hidden = found[0] if isinstance(found, tuple) else found
    normal: Tensor = net.layer_norm(hidden)
    return normal


def _steps(config: Any, seconds: float) -> int:
    """How many steps of the last layer some seconds become; of patches, in time alone."""
    samples = round(seconds * RATE)
    if config.model_type == WHISPER:
        return -(-samples // (2 * HOP))
    if config.model_type == PATCHES:
        return int((samples // HOP - config.patch_size) // config.time_stride + 1)
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return samples


def _bands(config: Any) -> int:
    """How many bands of patches there are in each step; one where the last layer has no bands."""
    if config.model_type != PATCHES:
        return 1
    return int((config.num_mel_bins - config.patch_size) // config.frequency_stride + 1)


def _pooled_patches(patches: NDArray[np.float32], n_steps: int) -> NDArray[np.float32]:
    """Mean and standard deviation over all bands of the first steps."""
    real = patches[: max(1, n_steps)].reshape(-1, patches.shape[-1])
    return mean_and_std(real, len(real))
