"""Files of any kind to one waveform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from advisor.sounds.decoding import UnreadableSound, load_sound
from tests.recordings import as_bytes, broken_files, make, odd_files, put


@pytest.mark.parametrize("name", odd_files())
def test_every_odd_file_becomes_a_mono_waveform(name: str, tmp_path: Path) -> None:
    """Of the rate that is asked for, in [-1, 1], without what is no number."""
    path = put(tmp_path / name, odd_files()[name])
    wave = load_sound(path, 16_000)
    assert wave.dtype == np.float32
    assert wave.ndim == 1
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() <= 1
    assert len(wave) >= 1


@pytest.mark.parametrize("name", broken_files())
def test_broken_files_say_why(name: str, tmp_path: Path) -> None:
    """In one line without the file's name; what is cut off may be read as far as it goes."""
    content, reason = broken_files()[name]
    path = put(tmp_path / name, content)
    if name == "cut.wav":
        assert 0 < len(load_sound(path, 8_000)) < 16_000
        return
    with pytest.raises(UnreadableSound) as fault:
        load_sound(path, 8_000)
    assert reason in str(fault.value)
    assert name not in str(fault.value)


def test_channels_are_averaged_and_rates_changed(tmp_path: Path) -> None:
    """What is opposite in two channels cancels; a tone keeps its pitch and length."""
    wave = make()
    path = put(tmp_path / "a.wav", as_bytes(np.stack([wave, -wave], axis=1)))
    assert np.abs(load_sound(path, 8_000)).max() < 1e-4
    tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    heard = load_sound(put(tmp_path / "b.wav", as_bytes(tone, rate=44_100)), 16_000)
    assert len(heard) == 16_000
    assert np.abs(np.fft.rfft(heard)).argmax() == 440


def test_the_longest_are_the_first_seconds(tmp_path: Path) -> None:
    """Exactly as the whole recording begins; a shorter one is as it is."""
    path = put(tmp_path / "a.wav", as_bytes(make(seconds=2.0)))
    whole, start = load_sound(path, 16_000), load_sound(path, 16_000, longest=0.5)
    assert len(start) == 8_000
    np.testing.assert_allclose(start, whole[:8_000], atol=1e-4)
    assert len(load_sound(path, 16_000, longest=9.0)) == len(whole)
