"""A waveform and a seed → the same recording, as it might have sounded another time.

Which numbers are drawn is ours, from the seed alone; audiomentations only carries them out. Its own way of drawing goes
through the random numbers of the whole process, which others use, and which threads share.
"""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.registry import require

SHARE = 0.5
"""Part of the views that each change is made in; audiomentations' default."""

SPEED = (0.85, 1.18)
"""Range of the factor of the speed. Our choice, like the ranges below: milder than audiomentations' defaults, since
what few labels are learned from has to stay what it was."""

SEMITONES = (-2.0, 2.0)
"""Range of the shift in pitch."""

SHIFT = (-0.1, 0.1)
"""Range of the shift in time, as a part of the length; what leaves at one end comes in at the other."""

GAIN = (-6.0, 6.0)
"""Range of the change of loudness, in decibels."""

NOISE = (15.0, 40.0)
"""Range of how much louder the recording is than the noise, in decibels."""

SHORTEST = 0.02
"""Seconds below which a recording is neither stretched nor shifted in pitch: less than one period of a low voice."""


def varied(wave: NDArray[np.float32], rate: int, seed: int) -> NDArray[np.float32]:
    """Change speed, pitch, beginning, loudness and noise, each in half of all views.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        Mono.
    rate : int
        Samples per second.
    seed : int
        Not negative; the same seed and recording give the same view, everywhere.

    Returns
    -------
    ndarray of float32
        Of another length where the speed changed. Nothing global is touched, random numbers least of all.
    """
    rng = np.random.default_rng(seed)
    # All is drawn, used or not, so that each part of a view depends on the seed alone.
    use = rng.random(5) < SHARE
    speed, semitones, shift, gain, noise = (
        float(rng.uniform(*span)) for span in (SPEED, SEMITONES, SHIFT, GAIN, NOISE)
    )
    if not use.any():
        use[rng.integers(len(use))] = True
    if use[0] and len(wave) >= SHORTEST * rate:
        wave = _applied("TimeStretch", wave, rate, {"rate": speed})
    if use[1] and len(wave) >= SHORTEST * rate:
        wave = _applied("PitchShift", wave, rate, {"num_semitones": semitones})
    if use[2]:
        wave = _applied("Shift", wave, rate, {"shift_amount": shift})
    if use[3]:
        wave = _applied("Gain", wave, rate, {"amplitude_ratio": 10 ** (gain / 20)})
    if use[4]:
        loudness = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if len(wave) else 0.0
        hiss = rng.standard_normal(len(wave), dtype=np.float32)
        # Not AddGaussianSNR, which takes its noise from the random numbers of the whole process.
        wave = wave + np.float32(loudness * 10 ** (-noise / 20)) * hiss
    return np.ascontiguousarray(wave, dtype=np.float32)


def _applied(
    change: str, wave: NDArray[np.float32], rate: int, parameters: dict[str, float]
) -> NDArray[np.float32]:
    """Carry out one change with given numbers."""
    settings: dict[str, Any] = {"TimeStretch": {"leave_length_unchanged": False}}.get(change, {})
    transform = getattr(_audiomentations(), change)(p=1.0, **settings)
    transform.parameters = {"should_apply": True, **parameters}
    return np.asarray(transform.apply(wave, rate), dtype=np.float32)


@cache
def _audiomentations() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optional libraries that it does without
        return require("audiomentations", extra="audio")
