"""A recording → a few hundred numbers about its spectrum, how that changes, and its loudness, with no network.

What could be learned from recordings before pretrained networks could be had: the floor that a backbone has to beat,
and the way out where none can run.

References
----------
Davis and Mermelstein (1980), Comparison of parametric representations for monosyllabic word recognition (MFCC);
Furui (1986), Speaker-independent isolated word recognition using dynamic features (their change in time); Peeters
(2004), A large set of audio features (centroid, bandwidth, crossings).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.cache import ArrayCache
from advisor.deadline import Deadline
from advisor.media.kept import columns_of, describe_all, names_of
from advisor.sounds.decoding import UnreadableSound, load_sound
from advisor.sounds.logmel import MelPlan, decibels, mel_filters, power_spectrum

SPACE = "sounds-handmade-v1"
"""Where the cache keeps descriptors; the number changes with anything that changes them."""

PLAN = MelPlan(rate=16_000, window=512, hop=160, bands=64)
"""Frames of 32 ms every 10 ms, as is customary for speech; our choice of 64 bands up to 8 kHz."""

LONGEST = 120.0
"""Seconds of a recording that are described; our choice: what is behind them rarely sounds otherwise."""

SPAN = 80.0
"""Decibels between the loudest and the faintest that is told from silence; librosa's default."""

COEFFICIENTS = 20
"""Of the cepstrum; librosa's default."""

REACH = 4
"""Frames before and behind one that its change is computed from; the customary nine in all."""

THIRDS = 3
"""Parts of a recording whose cepstrum is told apart, so that it is known which sound comes first; our choice, worth 6
points on spoken digits."""

BLOCKS: dict[str, int] = {
    "mfcc_mean": COEFFICIENTS,
    "mfcc_std": COEFFICIENTS,
    "mfcc_delta": 2 * COEFFICIENTS,
    "mfcc_thirds": THIRDS * COEFFICIENTS,
    "logmel_mean": PLAN.bands,
    "logmel_std": PLAN.bands,
    "logmel_delta": PLAN.bands,
    "logmel_max": PLAN.bands,
    "loudness": 4,
    "crossings": 2,
    "centroid": 2,
    "bandwidth": 2,
    "duration": 1,
}
"""Numbers in each block, in their order."""

N_DESCRIPTORS = sum(BLOCKS.values())

TINY = 1e-12
"""Against division by zero."""


def block_columns(blocks: Sequence[str]) -> NDArray[np.int64]:
    """Find the columns of some blocks.

    Parameters
    ----------
    blocks : sequence of str
        Names in ``BLOCKS``.

    Returns
    -------
    ndarray of int64
        Positions among the ``N_DESCRIPTORS`` numbers, ascending.

    Examples
    --------
    >>> len(block_columns(["mfcc_mean", "duration"]))
    21
    """
    return columns_of(BLOCKS, blocks)


def descriptor_names() -> tuple[str, ...]:
    """Name the numbers: the block and the position in it.

    Returns
    -------
    tuple of str of length ``N_DESCRIPTORS``

    Examples
    --------
    >>> descriptor_names()[0], descriptor_names()[-1]
    ('mfcc_mean.0', 'duration.0')
    """
    return names_of(BLOCKS)


def describe_sound(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the descriptors of one recording.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        Mono, at ``PLAN.rate``; of any length, silence too.

    Returns
    -------
    ndarray of float32 of shape (``N_DESCRIPTORS``,)
        Cepstrum (mean, spread, change, and the mean of each third), loudness of the mel bands in decibels (mean,
        spread, spread of the change, most), overall loudness (mean, spread, least, most), share of crossings of zero,
        centre and width of the spectrum in kHz (mean and spread of each), logarithm of the seconds.
    """
    from scipy.fft import dct

    power = power_spectrum(wave, PLAN)
    logmel = decibels(power @ mel_filters(PLAN), SPAN)
    cepstrum = dct(logmel, norm="ortho")[:, :COEFFICIENTS]
    change = _change(cepstrum)
    third_means = [
        (part if len(part) else cepstrum).mean(axis=0) for part in np.array_split(cepstrum, THIRDS)
    ]
    blocks = [
        cepstrum.mean(axis=0),
        cepstrum.std(axis=0),
        change.mean(axis=0),
        change.std(axis=0),
        *third_means,
        logmel.mean(axis=0),
        logmel.std(axis=0),
        _change(logmel).std(axis=0),
        logmel.max(axis=0),
        *_simple(wave, power),
    ]
    return np.concatenate(blocks).astype(np.float32)


def describe_sounds(
    paths: Sequence[str],
    deadline: Deadline | None = None,
    *,
    threads: int | None = None,
    cache: ArrayCache | None = None,
) -> NDArray[np.float32]:
    """Compute the descriptors of files, or take them from the cache.

    Parameters
    ----------
    paths : sequence of str
        Recordings.
    deadline : Deadline or None
        When to stop; what was computed by then is kept.
    threads : int or None
        How many recordings are worked on at once; ``None`` for one per usable core.
    cache : ArrayCache or None
        ``None`` for the cache of this user.

    Returns
    -------
    ndarray of float32 of shape (n_paths, ``N_DESCRIPTORS``)
        Rows of unreadable files are NaN.

    Raises
    ------
    DeadlineExceeded
        When the deadline passes before the last file.
    """
    return describe_all(
        paths,
        _describe_file,
        space=SPACE,
        width=N_DESCRIPTORS,
        deadline=deadline,
        threads=threads,
        cache=cache,
    )


def _describe_file(path: str | Path) -> NDArray[np.float32] | None:
    try:
        return describe_sound(load_sound(path, PLAN.rate, LONGEST))
    except (UnreadableSound, OSError):
        return None


def _change(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope of each column over nine frames, by least squares; beyond the ends stands the last frame."""
    steps = range(1, REACH + 1)
    padded = np.pad(frames, ((REACH, REACH), (0, 0)), mode="edge")
    n = len(frames)
    total = sum(
        k * (padded[REACH + k : REACH + k + n] - padded[REACH - k : REACH - k + n]) for k in steps
    )
    return np.asarray(total / (2 * sum(k * k for k in steps)), dtype=np.float64)


def _simple(wave: NDArray[np.float32], power: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Loudness, crossings, centroid, bandwidth and duration."""
    energy = power.sum(axis=1) / PLAN.window**2
    loud = decibels(energy)
    frequencies = np.linspace(0.0, PLAN.rate / 2000, power.shape[1])
    share = power / (power.sum(axis=1, keepdims=True) + TINY)
    centre = share @ frequencies
    width = np.sqrt(np.maximum(share @ frequencies**2 - centre**2, 0.0))
    # The loud frames say what a recording sounds like; the others weigh as little as they are heard.
    weight = (
        energy / (energy.sum() + TINY)
        if energy.sum() > TINY
        else np.full(len(energy), 1 / len(energy))
    )
    crossings = _crossings(wave, len(power))
    return [
        np.array([loud.mean(), loud.std(), loud.min(), loud.max()]),
        np.array([crossings.mean(), crossings.std()]),
        *[np.array([weight @ one, one.std()]) for one in (centre, width)],
        np.array([np.log(max(len(wave), 1) / PLAN.rate)]),
    ]


def _crossings(wave: NDArray[np.float32], n_frames: int) -> NDArray[np.float64]:
    """Share of the samples of each frame's hop where the sign changes."""
    changes = np.diff(np.signbit(wave).astype(np.int8)) != 0
    whole = np.zeros(n_frames * PLAN.hop, dtype=np.float64)
    whole[: len(changes)] = changes[: len(whole)]
    return np.asarray(whole.reshape(n_frames, PLAN.hop).mean(axis=1), dtype=np.float64)
