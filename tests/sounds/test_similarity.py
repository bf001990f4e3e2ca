"""Copies of recordings, and takes that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from advisor.sounds.similarity import near_duplicates, read_signatures
from tests.recordings import PITCHES, as_bytes, make, put


def speech_like(seed: int = 3) -> NDArray[np.float32]:
    """A second of sound that changes all the time."""
    return np.concatenate([make("low", seed, 0.6), make("middle", seed + 1, 0.4)])


def test_copies_share_a_number_whatever_they_are_stored_as(tmp_path: Path) -> None:
    """Format, rate, volume, channels and silence around it; in the order of their first."""
    wave = speech_like()
    fast = soxr.resample(wave, 8_000, 44_100)
    still = np.zeros(2_345, dtype=np.float32)
    contents = {
        "other.wav": as_bytes(speech_like(50)),
        "plain.wav": as_bytes(wave),
        "again.wav": as_bytes(wave),
        "lossless.flac": as_bytes(wave, "FLAC"),
        "lossy.ogg": as_bytes(wave, "OGG"),
        "lossy.mp3": as_bytes(fast, "MP3", 44_100),
        "fast.wav": as_bytes(fast, rate=44_100),
        "quiet.wav": as_bytes(0.1 * wave),
        "late.wav": as_bytes(np.concatenate([still, wave, still, still])),
        "stereo.wav": as_bytes(np.stack([wave, 0.5 * wave], axis=1)),
    }
    paths = [str(put(tmp_path / name, content)) for name, content in contents.items()]
    assert near_duplicates(paths).tolist() == [0] + [1] * 9
    assert near_duplicates(paths).tolist() == [0] + [1] * 9  # from the cache
    assert near_duplicates([]).tolist() == []


def test_different_recordings_of_one_kind_stay_apart(tmp_path: Path) -> None:
    """Tones of one class, noises, and recordings in which nothing happens unless their files are equal."""
    waves = [make(kind, seed) for kind in PITCHES for seed in range(15)]
    generator = np.random.default_rng(0)
    waves += [generator.normal(0, 0.1, 4_000).astype(np.float32) for _ in range(15)]
    paths = [str(put(tmp_path / f"{i}.wav", as_bytes(wave))) for i, wave in enumerate(waves)]
    assert near_duplicates(paths).tolist() == list(range(75))
    still = [np.zeros(n, dtype=np.float32) for n in (4_000, 4_000, 5_000)]
    paths = [str(put(tmp_path / f"s{i}.wav", as_bytes(wave))) for i, wave in enumerate(still)]
    assert near_duplicates(paths).tolist() == [0, 0, 1]


def test_unreadable_files_are_like_themselves_alone(tmp_path: Path) -> None:
    """And told as not decoded; samples that are no numbers as odd."""
    holes = speech_like()
    holes[5] = np.nan
    names = {"a.wav": b"text", "b.wav": b"words", "c.wav": as_bytes(holes, subtype="FLOAT")}
    paths = [str(put(tmp_path / name, content)) for name, content in names.items()]
    paths.append(str(tmp_path / "gone.wav"))
    assert near_duplicates(paths).tolist() == [0, 1, 2, 3]
    signatures = read_signatures(paths)
    assert signatures.decoded.tolist() == [False, False, True, False]
    assert signatures.odd.tolist() == [False, False, True, False]


@pytest.mark.parametrize(("name", "n_copies"), [("spoken_digits_fsdd", 0), ("spoken_language", 0)])
def test_takes_of_one_word_are_no_copies(name: str, n_copies: int, shared_data: Path) -> None:
    """Real recordings by one speaker of one word."""
    paths = [str(path) for path in sorted((shared_data / name / "train").rglob("*.wav"))]
    assert len(paths) - np.unique(near_duplicates(paths)).size == n_copies
