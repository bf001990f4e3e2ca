"""A recording → how loud, silent, clipped and broad it is, and whether it sounds like speech.

Speech is told by three things that the signal alone shows: parts of it have a pitch between 70 and 400 Hz and parts
have none, that pitch moves by a few semitones, and its loudness goes up and down with the syllables. Music, machines,
rain and animals each lack one of them, usually.

References
----------
Houtgast and Steeneken (1985), A review of the MTF concept in room acoustics (speech is modulated at 2 to 8 Hz);
Boersma (1993), Accurate short-term analysis of the fundamental frequency (autocorrelation).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from advisor.media.threads import in_threads
from advisor.sounds.decoding import UnreadableSound, wave_pieces
from advisor.sounds.files import SoundFile

Floats = NDArray[np.float64]

LONGEST = 10.0
"""Seconds of a recording that are listened to; our choice, for time. Of one that begins with silence, the first as many
that hold sound."""

FRAME, HOP = 0.04, 0.02
"""Seconds of a frame and between two: three periods of the lowest voice; our choice."""

QUIET = -60.0
"""Decibels below full scale under which there is no sound: a thousandth of full scale; our choice."""

BELOW_LOUDEST = -40.0
"""Decibels below the loudest frame under which a frame is silence; our choice, about the noise of a room."""

FULL_SCALE, FLAT, RUN = 0.98, 0.999, 4
"""Level of the peak from which a recording can be clipped, share of it that a sample of a flat top has at least, and
how many in a row are one: a round top has fewer above 50 Hz. Our choice."""

CLIPPED_SHARE = 0.0005
"""Share of the samples in such runs from which a recording is called clipped; our choice."""

ENERGY = 0.99
"""Share of the energy that lies below what is called the bandwidth."""

PITCH = (70.0, 400.0)
"""Hertz between which voices lie."""

VOICED = 0.55
"""Autocorrelation at the best period, over that at none, from which a frame has a pitch; our choice, near the .45 of
Boersma's (1993) program."""

VOICED_SHARE = (0.2, 0.97)
"""Share of the sounding frames that have a pitch in speech; our choice: it was .5 to .9 on two sets of speech."""

PITCH_MOVES = (0.2, 9.0)
"""Semitones by which the pitch of speech moves about its median; our choice: a held tone has none, noise more."""

SYLLABLES = 3.0
"""Decibels by which the loudness of sounding frames goes up and down at least in speech; our choice."""


@dataclass(frozen=True)
class Heard:
    """What was heard of one recording.

    Attributes
    ----------
    loudness : float
        Root mean square in decibels below full scale.
    silence : float
        Share of the frames that are silent.
    silent : bool
        Whether there is no sound at all, from beginning to end.
    clipped : bool
        Whether any of its channels is cut off at full scale.
    bandwidth : float
        Hertz below which ``ENERGY`` of its energy lies.
    speech : bool
        Whether it sounds like speech.
    """

    loudness: float
    silence: float
    silent: bool
    clipped: bool
    bandwidth: float
    speech: bool


def listen_to(recordings: Sequence[SoundFile]) -> list[Heard | None]:
    """Listen to the beginnings of recordings, and to all of those that begin with silence until there is sound.

    Parameters
    ----------
    recordings : sequence of SoundFile of length n
        As :func:`advisor.sounds.files.scan_sounds` finds them.

    Returns
    -------
    list of Heard or None of length n
        ``None`` where one cannot be decoded.
    """
    return in_threads(_listen, [recording.path for recording in recordings])


def _listen(path: str) -> Heard | None:
    first: Heard | None = None
    try:
        with closing(wave_pieces(path, LONGEST)) as pieces:
            for wave, rate in pieces:
                heard = hear(wave, rate)
                if not heard.silent:
                    return heard
                first = first or heard
    except UnreadableSound:
        return None
    return first


def hear(wave: NDArray[np.float32], rate: int) -> Heard:
    """Say what a recording sounds like.

    Parameters
    ----------
    wave : ndarray of float32 of shape (n_samples,) or (n_samples, n_channels)
        The mean of the channels is heard, scaled down where its peak is beyond 1; clipping is that of each.
    rate : int
        Samples per second.

    Returns
    -------
    Heard
    """
    channels = wave.reshape(len(wave), -1)
    wave = channels.mean(axis=1, dtype=np.float32)
    wave = wave / np.float32(max(1.0, float(np.abs(wave).max())))
    frames = _frames(wave, rate)
    levels = _decibels(np.mean(frames**2, axis=1))
    sounding = (levels > QUIET) & (levels > levels.max() + BELOW_LOUDEST)
    power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1)) ** 2
    return Heard(
        loudness=float(_decibels(np.mean(wave.astype(np.float64) ** 2))),
        silence=float(np.mean(~sounding)),
        silent=bool(levels.max() <= QUIET),
        clipped=any(_is_clipped(channel) for channel in channels.T),
        bandwidth=_bandwidth(power.sum(axis=0), rate),
        speech=bool(sounding.any()) and _is_speech(frames[sounding], levels[sounding], rate),
    )


def _frames(wave: NDArray[np.float32], rate: int) -> Floats:
    """Cut a wave into frames of shape (n_frames, width); a shorter one is one frame, filled with silence."""
    width, hop = max(8, round(FRAME * rate)), max(4, round(HOP * rate))
    padded = np.pad(wave, (0, max(0, width - len(wave)))).astype(np.float64)
    return np.asarray(sliding_window_view(padded, width)[::hop])


def _decibels(power: Floats | np.floating[Any]) -> Floats:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def _is_clipped(wave: NDArray[np.float32]) -> bool:
    level = np.abs(wave)
    peak = float(level.max())
    if peak < FULL_SCALE or len(wave) < RUN:
        return False
    full = level >= FLAT * peak
    runs = sliding_window_view(full, RUN).all(axis=1)
    return bool(runs.mean() >= CLIPPED_SHARE)


def _bandwidth(power: Floats, rate: int) -> float:
    total = float(power.sum())
    if total <= 0:
        return 0.0
    at = int(np.searchsorted(np.cumsum(power), ENERGY * total))
    return float(at * rate / 2 / (len(power) - 1))


def _is_speech(frames: Floats, levels: Floats, rate: int) -> bool:
    strength, semitones = _pitches(frames, rate)
    voiced = strength >= VOICED
    if not VOICED_SHARE[0] <= voiced.mean() <= VOICED_SHARE[1]:
        return False
    found = semitones[voiced]
    moves = 1.4826 * float(np.median(np.abs(found - np.median(found))))
    return PITCH_MOVES[0] <= moves <= PITCH_MOVES[1] and float(levels.std()) >= SYLLABLES


def _pitches(frames: Floats, rate: int) -> tuple[Floats, Floats]:
    """Autocorrelation of each frame at its best period, over that at none, and the period's pitch in semitones."""
    width = frames.shape[1]
    window = np.hanning(width)
    size = 1 << (2 * width - 1).bit_length()
    plain = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2, size)
    centred = (frames - frames.mean(axis=1, keepdims=True)) * window
    own = np.fft.irfft(np.abs(np.fft.rfft(centred, size, axis=1)) ** 2, size, axis=1)
    first, last = int(rate / PITCH[1]), min(width - 1, int(rate / PITCH[0]))
    if last <= first:
        return np.zeros(len(frames)), np.zeros(len(frames))
    # over that of the window alone, which shrinks with the period
    lags = slice(first, last + 1)
    likeness = own[:, lags] / np.maximum(own[:, :1], 1e-12) / (plain[lags] / plain[0])
    best = likeness.argmax(axis=1)
    strength = likeness[np.arange(len(frames)), best]
    return strength, 12 * np.log2(rate / (best + first) / PITCH[0])
