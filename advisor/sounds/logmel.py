"""A waveform → its log-mel spectrogram: how loud each band of pitch is, frame by frame.

The one place where spectra are computed; descriptors, pictures and backbones differ in the :class:`MelPlan` alone.
Numpy and scipy do it, since librosa's filters wait for numba to compile.

References
----------
Slaney (1998), Auditory Toolbox (the mel scale and the filters of equal area); Davis and Mermelstein (1980).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LINEAR_UP_TO = 1000.0
"""Hertz below which Slaney's mel scale is linear."""

LINEAR_STEP = 200.0 / 3
"""Hertz of one mel below ``LINEAR_UP_TO``."""

LOG_STEP = np.log(6.4) / 27
"""Logarithm of the ratio of frequencies one mel apart above ``LINEAR_UP_TO``."""

FLOOR = 1e-10
"""Least power of a band: the logarithm of silence is taken of this (as Whisper and librosa do)."""

FRAMES_AT_ONCE = 4096
"""Frames whose spectra are held at once; our choice: some 20 MB, whatever the recording's length."""

BELS = 10.0
"""Decibels of a factor of ten in power."""


class MelPlan(NamedTuple):
    """How a waveform is cut into frames and a frame's spectrum into bands."""

    rate: int
    """Samples per second."""
    window: int
    """Samples of a frame (Hann)."""
    hop: int
    """Samples between the beginnings of two frames."""
    bands: int
    """Mel bands from 0 Hz to half the rate."""


def mel_power(wave: NDArray[np.float32], plan: MelPlan) -> NDArray[np.float64]:
    """Compute the power in every band of every frame.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        Mono, from -1 to 1; of any length from zero up.
    plan : MelPlan
        Frames and bands.

    Returns
    -------
    ndarray of shape (max(1, n_samples // plan.hop), plan.bands)
        The frame i is centred at the sample i * hop; before its beginning the recording is mirrored, behind its end it
        is silent.

    Examples
    --------
    >>> mel_power(np.zeros(16000, dtype=np.float32), MelPlan(16000, 400, 160, 80)).shape
    (100, 80)
    """
    filters = mel_filters(plan)
    parts = [power @ filters for power in _power_parts(wave, plan)]
    return np.concatenate(parts)


def power_spectrum(wave: NDArray[np.float32], plan: MelPlan) -> NDArray[np.float64]:
    """Compute the power at every frequency of every frame.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        As for :func:`mel_power`.
    plan : MelPlan
        Its bands do not matter.

    Returns
    -------
    ndarray of shape (n_frames, plan.window // 2 + 1)
        Frequencies go in equal steps from 0 Hz to half the rate.
    """
    return np.concatenate(_power_parts(wave, plan))


def decibels(power: NDArray[np.float64], span: float | None = None) -> NDArray[np.float64]:
    """Turn power into decibels.

    Parameters
    ----------
    power : ndarray
        Of any shape, not negative.
    span : float or None
        What lies more than this many decibels below the loudest is raised to there; ``None`` for no such floor.

    Returns
    -------
    ndarray of the same shape
        At least -100 dB.

    Examples
    --------
    >>> decibels(np.array([1.0, 0.0, 1e-3]), span=20.0).tolist()
    [0.0, -20.0, -20.0]
    """
    loud = BELS * np.log10(np.maximum(power, FLOOR))
    return loud if span is None else np.maximum(loud, loud.max(initial=-np.inf) - span)


def whisper_mel(wave: NDArray[np.float32], plan: MelPlan) -> NDArray[np.float32]:
    """Compute what Whisper hears: the logarithm of the power of each band, the loudest eight decades of it.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        At 16,000 samples per second.
    plan : MelPlan
        Windows of 400, hops of 160, 80 or 128 bands.

    Returns
    -------
    ndarray of float32 of shape (plan.bands, n_frames)
        The same as the first frames that Whisper's own extractor makes of the recording padded to 30 seconds.

    References
    ----------
    Radford et al. (2023), Robust speech recognition via large-scale weak supervision, ICML.
    """
    loud = np.log10(np.maximum(mel_power(wave, plan), FLOOR))
    scaled = (np.maximum(loud, loud.max() - 8.0) + 4.0) / 4.0
    return np.ascontiguousarray(scaled.T, dtype=np.float32)


@lru_cache(maxsize=16)
def mel_filters(plan: MelPlan) -> NDArray[np.float64]:
    """Make the triangular filters of the bands, each of the same area.

    Parameters
    ----------
    plan : MelPlan
        Rate, window and bands.

    Returns
    -------
    ndarray of shape (plan.window // 2 + 1, plan.bands)
        Read-only. Where the window is too short to tell low bands apart, some of them are zero.
    """
    frequencies = np.linspace(0.0, plan.rate / 2, plan.window // 2 + 1)
    edges = _hertz(np.linspace(0.0, _mel(plan.rate / 2), plan.bands + 2))
    widths = np.diff(edges)
    distance = edges[None, :] - frequencies[:, None]
    rising, falling = -distance[:, :-2] / widths[:-1], distance[:, 2:] / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))
    filters.flags.writeable = False
    return filters


def _mel(hertz: float) -> float:
    if hertz < LINEAR_UP_TO:
        return hertz / LINEAR_STEP
    return float(LINEAR_UP_TO / LINEAR_STEP + np.log(hertz / LINEAR_UP_TO) / LOG_STEP)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    turn = LINEAR_UP_TO / LINEAR_STEP
    above = LINEAR_UP_TO * np.exp(LOG_STEP * (np.maximum(mels, turn) - turn))
    return np.where(mels < turn, mels * LINEAR_STEP, above)


def _power_parts(wave: NDArray[np.float32], plan: MelPlan) -> list[NDArray[np.float64]]:
    """Power spectra of the frames, some thousand frames at a time."""
    half = plan.window // 2
    n_frames = max(1, len(wave) // plan.hop)
    # One sample cannot be mirrored, nor can more than there are: what is missing before the beginning is silence.
    mirrored = wave[1 : half + 1][::-1]
    before = np.concatenate([np.zeros(half - len(mirrored), dtype=np.float32), mirrored])
    behind = np.zeros(plan.window, dtype=np.float32)
    padded = np.concatenate([before, wave, behind])
    frames = np.lib.stride_tricks.sliding_window_view(padded, plan.window)[:: plan.hop][:n_frames]
    hann = _hann(plan.window)
    parts = []
    for first in range(0, n_frames, FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[first : first + FRAMES_AT_ONCE] * hann)
        parts.append(spectrum.real**2 + spectrum.imag**2)
    return parts


@lru_cache(maxsize=16)
def _hann(size: int) -> NDArray[np.float64]:
    """A period of a raised cosine, as spectra want it."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
