"""Files of recordings → which of them are (nearly) the same recording.

Two recordings are the same when their files are, or when a coarse look at what sounds when agrees and, of the first
second in which something sounds, the waveform itself agrees as well. The coarse look alone is not enough: one speaker
says one word nearly the same way each time. The waveform never is: the vibrations of two takes run apart within a few
periods, while those of a copy stay together through other formats, rates, volumes and silence around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.media.clusters import Rows, cluster
from advisor.media.kept import sign_all
from advisor.registry import require
from advisor.sounds.decoding import UnreadableSound, read_wave, sound_library
from advisor.sounds.logmel import MelPlan, mel_power

SPACE = "sound-similarity-1"
"""Name of the signatures in the cache; raise the number when what they hold changes."""

PLAN = MelPlan(rate=8_000, window=256, hop=80, bands=32)
"""What the coarse look sees: up to 4 kHz, every 10 ms."""

LOOKED_AT = 60.0
"""Seconds of a recording that are looked at (our choice)."""

QUIET = 30.0
"""Decibels below the loudest frame at which frames before and after the sound are silence."""

FLOOR = 40.0
"""Decibels below the loudest band at which loudness is cut off: what is weaker, lossy formats change."""

TIMES, BANDS = 32, 16
"""Cells of the coarse look: moments of equal length between first and last sound, and bands."""

WAVE_RATES = (2_000, 8_000)
"""Samples per second of the waveform that is kept: the first, unless hardly anything of it is left at so few."""

LOW_SHARE = 0.05
"""Share of the power that must be left at the first of ``WAVE_RATES`` (our choice): a voice has half of it there, a
whistle nothing."""

N_WAVE = 2_100
"""Samples that are kept: at 2 kHz a second from the first sound on."""

BEFORE = 100
"""Samples of these that lie before the first sound."""

COARSE_AGREES = 0.85
"""Least correlation of the coarse looks. Of 120 spoken digits and telephone prompts, 98 to 100 % of the copies
as flac, ogg and mp3, at 16 and 44 kHz, at a tenth of the volume and with silence around them stay above (our
measurement); of those in 8 bits, whose hiss is heard, 55 to 95 %."""

LENGTHS_AGREE = 0.8
"""Least ratio of the lengths between first and last sound: .86 among these copies."""

WAVES_AGREE = 0.98
"""Least correlation of the waveforms, however they are shifted. Nearly all of these copies stay above .99; of
3,962 pairs of takes among 1,080 spoken digits the two that are most alike have .967 (our measurement)."""

LEAST_CONTRAST = 1.0
"""Standard deviation of the coarse look, in decibels around each band's mean, below which only equal files are called
the same: nothing happens in such a recording; our choice."""

STEPS = np.arange(-2, 3) / 8
"""Samples around the best half shift at which waveforms are laid upon each other."""

PAIRS = 256
"""Pairs whose waveforms are compared at once: 40 MB."""

_N_COARSE = TIMES * BANDS
_SILENT, _SOUNDING, _ODD, _HIGH = 1, 2, 4, 8
"""Bits of the first byte of a signature; 0 for a recording that is not decoded."""


@dataclass(frozen=True)
class Signatures:
    """What recordings are compared by.

    Attributes
    ----------
    keys : tuple of str
        Keys of the files' contents, of length n.
    frames : ndarray of int64 of shape (n,)
        Frames of 10 ms between first and last sound.
    coarse : ndarray of uint8 of shape (n, TIMES, BANDS)
        Loudness, 0 for ``FLOOR`` decibels below the loudest band, 255 for the loudest.
    waves : ndarray of int8 of shape (n, N_WAVE)
        Waveform from just before the first sound on, its peak at 127.
    high : ndarray of bool of shape (n,)
        True where the waveform is at the second of ``WAVE_RATES``.
    decoded : ndarray of bool of shape (n,)
        False for those that cannot be; all else of them is 0.
    odd : ndarray of bool of shape (n,)
        True for those that hold samples that are no numbers.
    comparable : ndarray of bool of shape (n,)
        False for those that are not decoded, silent or without any change.
    """

    keys: tuple[str, ...]
    frames: NDArray[np.int64]
    coarse: NDArray[np.uint8]
    waves: NDArray[np.int8]
    high: NDArray[np.bool_]
    decoded: NDArray[np.bool_]
    odd: NDArray[np.bool_]
    comparable: NDArray[np.bool_]


def near_duplicates(paths: Sequence[str]) -> NDArray[np.int64]:
    """Number the different recordings among files: nearly equal ones share a number.

    Parameters
    ----------
    paths : sequence of str
        Of recordings.

    Returns
    -------
    ndarray of int64 of shape (n_paths,)
        From 0, in the order in which they first occur. Being the same is passed on: of three recordings, the first may
        be the same as the third because both are the same as the second.
    """
    return find_clusters(read_signatures(paths))


def read_signatures(paths: Sequence[str]) -> Signatures:
    """Listen to every recording once; what was listened to before is known.

    Parameters
    ----------
    paths : sequence of str
        Of recordings; one that cannot be decoded is not comparable.

    Returns
    -------
    Signatures
        One per path.
    """
    keys, signed = sign_all(paths, _sign, space=SPACE, ready=sound_library)
    rows = np.array(signed, dtype=np.uint8)
    rows = rows.reshape(len(keys), 3 + _N_COARSE + N_WAVE)
    coarse = rows[:, 3 : 3 + _N_COARSE].reshape(-1, TIMES, BANDS)
    contrast = (coarse - coarse.mean(axis=1, keepdims=True)).std(axis=(1, 2)) * (FLOOR / 255)
    return Signatures(
        keys=keys,
        frames=rows[:, 1].astype(np.int64) * 256 + rows[:, 2],
        coarse=coarse,
        waves=np.ascontiguousarray(rows[:, 3 + _N_COARSE :]).view(np.int8),
        high=(rows[:, 0] & _HIGH) > 0,
        decoded=rows[:, 0] > 0,
        odd=(rows[:, 0] & _ODD) > 0,
        comparable=((rows[:, 0] & _SOUNDING) > 0) & (contrast >= LEAST_CONTRAST),
    )


def find_clusters(signatures: Signatures) -> NDArray[np.int64]:
    """Number the different recordings among those listened to.

    Parameters
    ----------
    signatures : Signatures
        Of n recordings.

    Returns
    -------
    ndarray of int64 of shape (n,)
        As :func:`near_duplicates` returns.
    """
    looks = signatures.coarse.astype(np.float32)
    looks -= looks.mean(axis=1, keepdims=True)
    looks = looks.reshape(-1, _N_COARSE)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), np.float32(1e-6))
    frames = signatures.frames.astype(np.float32)

    def alike(rows: Rows, later: Rows) -> tuple[Rows, Rows]:
        ratio = frames[rows, None] / np.maximum(frames[None, later], 1)
        lengths = (ratio >= LENGTHS_AGREE) & (ratio <= 1 / LENGTHS_AGREE)
        i, j = np.nonzero(lengths & (looks[rows] @ looks[later].T >= COARSE_AGREES))
        return i, j

    def agree(a: Rows, b: Rows) -> NDArray[np.bool_]:
        same_rate = signatures.high[a] == signatures.high[b]
        agrees = same_rate & (_correlation(signatures.waves, a, b) >= WAVES_AGREE)
        return np.asarray(agrees, dtype=np.bool_)

    return cluster(signatures.keys, signatures.comparable, alike, agree)


def _correlation(waves: NDArray[np.int8], a: Rows, b: Rows) -> NDArray[np.float64]:
    """Greatest correlation of pairs of waveforms over all shifts, of shape (n_pairs,); turned over counts as well."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(2 * N_WAVE, real=True)
    turns = np.exp(2j * np.pi / size * np.outer(np.arange(size // 2 + 1), STEPS)).astype(
        np.complex64
    )
    most = np.zeros(len(a))
    for start in range(0, len(a), PAIRS):
        part = slice(start, start + PAIRS)
        x, y = waves[a[part]].astype(np.float32), waves[b[part]].astype(np.float32)
        both = rfft(x, size) * np.conj(rfft(y, size))
        # Half shifts of all, since what is near half the rate is lost between whole ones; finer ones of the best.
        best = np.abs(irfft(both, 2 * size)).argmax(axis=1)
        angles = np.outer(best, np.arange(both.shape[1])) % (2 * size)
        at_best = both * np.exp((1j * np.pi / size) * angles).astype(np.complex64)
        at_best[:, 0] /= 2
        finer = np.abs((at_best @ turns).real).max(axis=1) * (2 / size)
        power = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
        most[part] = finer / np.maximum(power, 1e-9)
    return most


def _sign(path: str) -> NDArray[np.uint8]:
    """Signature of one file: what is known of it, its length in frames, the coarse look, the waveform."""
    signature = np.zeros(3 + _N_COARSE + N_WAVE, dtype=np.uint8)
    try:
        wave, own_rate, n_odd = read_wave(path, LOOKED_AT)
    except UnreadableSound:
        return signature
    odd = _ODD if n_odd else 0
    signature[0] = _SILENT | odd
    soxr = require("soxr", extra="audio")
    wave = np.asarray(soxr.resample(wave, own_rate, PLAN.rate), dtype=np.float32)
    power = mel_power(wave, PLAN)
    if not wave.any() or not len(power):
        return signature
    loud = power.sum(axis=1)
    sounding = np.flatnonzero(loud >= loud.max() * 10 ** (-QUIET / 10))
    first, last = int(sounding[0]), int(sounding[-1]) + 1
    signature[1], signature[2] = divmod(min(last - first, 2**16 - 1), 256)
    signature[3 : 3 + _N_COARSE] = _coarse_look(power, first, last).ravel()
    kept, is_high = _wave_from(wave, first)
    signature[3 + _N_COARSE :] = kept.view(np.uint8)
    signature[0] = _SOUNDING | odd | (_HIGH if is_high else 0)
    return signature


def _coarse_look(power: NDArray[np.float64], first: int, last: int) -> NDArray[np.uint8]:
    """Loudness between two frames in few cells, of shape (TIMES, BANDS)."""
    least = power.max() * 10 ** (-FLOOR / 10)
    decibels = 10 * np.log10(np.maximum(power[first:last], least) / least)
    bands = decibels.reshape(last - first, BANDS, -1).mean(axis=2)
    total = np.vstack([np.zeros(BANDS), np.cumsum(bands, axis=0)])
    edges = np.linspace(0, last - first, TIMES + 1)
    sums = [np.interp(edges, np.arange(len(total)), total[:, band]) for band in range(BANDS)]
    cells = np.diff(np.stack(sums, axis=1), axis=0) * (TIMES / (last - first))
    return np.round(cells * (255 / FLOOR)).clip(0, 255).astype(np.uint8)


def _wave_from(wave: NDArray[np.float32], first: int) -> tuple[NDArray[np.int8], bool]:
    """The waveform from just before a frame on, of shape (N_WAVE,), and whether it is at the higher rate."""
    soxr = require("soxr", extra="audio")
    middle = max(0, first * PLAN.hop - PLAN.window // 2)
    kept = np.zeros(N_WAVE)
    for rate in WAVE_RATES:
        step = PLAN.rate // rate
        start = max(0, middle - BEFORE * step)
        # a little more, so that the filter sees what follows
        piece = wave[start : start + (N_WAVE + BEFORE) * step]
        slow = np.asarray(soxr.resample(piece, PLAN.rate, rate))[:N_WAVE]
        kept[:] = 0
        kept[: len(slow)] = slow
        if step * (slow**2).sum() >= LOW_SHARE * (piece**2).sum():
            break
    peak = max(float(np.abs(kept).max()), 1e-9)
    return np.round(kept * (127 / peak)).astype(np.int8), rate == WAVE_RATES[1]
