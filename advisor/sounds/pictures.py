"""A recording → its log-mel picture: what image backbones are shown of a sound.

Low pitch is at the bottom, time goes from left to right and fills the picture whatever the length, loudness is
brightness. Grey in three equal channels, since the backbones want colour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.registry import require
from advisor.sounds.decoding import load_sound
from advisor.sounds.logmel import MelPlan, decibels, mel_power

SIDE = 256
"""Pixels of the square that is stored for training, as for pictures."""

PLAN = MelPlan(rate=16_000, window=512, hop=128, bands=64)
"""Frames of 32 ms every 8 ms, 64 bands up to 8 kHz. Our choice, by spoken digits and languages: 128 bands, longer
windows, 4 kHz, padding to one or two seconds, tiling, and 60 dB were no better, or worse by up to 3 points."""

SPAN = 80.0
"""Decibels between white and black; what is fainter is black."""

LONGEST = 30.0
"""Seconds of a recording that are shown; our choice: in 224 columns more would be smeared."""


def load_logmel_square(path: str, side: int = SIDE) -> NDArray[np.uint8]:
    """Make the log-mel picture of a file.

    Parameters
    ----------
    path : str
        The recording.
    side : int
        Pixels.

    Returns
    -------
    ndarray of uint8 of shape (side, side, 3)
        Of its first ``LONGEST`` seconds.

    Raises
    ------
    UnreadableSound
        If it cannot be decoded.
    """
    return logmel_square(load_sound(path, PLAN.rate, LONGEST), side)


def logmel_square(wave: NDArray[np.float32], side: int = SIDE) -> NDArray[np.uint8]:
    """Make the log-mel picture of a waveform.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        Mono, at ``PLAN.rate``; of any length.
    side : int
        Pixels.

    Returns
    -------
    ndarray of uint8 of shape (side, side, 3)
        The loudest is white; silence is black.
    """
    pillow = require("PIL.Image", extra="vision")
    loud = decibels(mel_power(wave, PLAN), SPAN)
    bright = np.clip((loud - loud.max()) / SPAN + 1.0, 0.0, 1.0) if np.ptp(loud) else loud * 0.0
    grey = pillow.fromarray((255.0 * bright.T[::-1]).astype(np.float32))
    scaled = np.asarray(grey.resize((side, side), pillow.Resampling.BILINEAR))
    return np.repeat(np.round(scaled).astype(np.uint8)[:, :, None], 3, axis=2)
