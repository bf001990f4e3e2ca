"""Spectra, descriptors, pictures and views of recordings, whatever their length and loudness."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pretrained import save_sounds

from advisor.cache import ArrayCache
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.sounds import descriptors
from advisor.sounds.decoding import load_sound
from advisor.sounds.descriptors import (
    BLOCKS,
    N_DESCRIPTORS,
    SPACE,
    block_columns,
    describe_sound,
    describe_sounds,
    descriptor_names,
)
from advisor.sounds.logmel import MelPlan, decibels, mel_power, whisper_mel
from advisor.sounds.pictures import load_logmel_square, logmel_square
from advisor.sounds.views import varied
from advisor.torchvision_cure import require_cured

RATE = 16_000
WHISPER = MelPlan(RATE, 400, 160, 80)


def tone(hertz: float, seconds: float, loud: float = 0.3) -> NDArray[np.float32]:
    """A sine at 16 kHz."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (loud * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def noise(n: int) -> NDArray[np.float32]:
    """White, and fading."""
    rng = np.random.default_rng(n)
    return (0.3 * rng.standard_normal(n) * np.exp(-np.arange(n) / 9000)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 399, 7041, 100_003])
def test_whisper_is_shown_what_its_own_extractor_makes(n: int) -> None:
    """Of a recording padded to thirty seconds, the first frames, to 1e-4."""
    extractor = require_cured("transformers").WhisperFeatureExtractor(feature_size=80)
    (expected,) = extractor(noise(n), sampling_rate=RATE, return_tensors="np")["input_features"]
    # The extractor mirrors what stands before the beginning out of the padding behind the end, where there is nothing.
    found = whisper_mel(np.pad(noise(n), (0, max(0, 400 - n))), WHISPER)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=1e-4)


def test_many_frames_are_the_same_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long recording is worked on in parts; sums of another length may round otherwise."""
    whole = mel_power(noise(20_000), WHISPER)
    monkeypatch.setattr("advisor.sounds.logmel.FRAMES_AT_ONCE", 7)
    np.testing.assert_allclose(mel_power(noise(20_000), WHISPER), whole, rtol=1e-12)


def test_a_tone_is_in_its_band() -> None:
    """The loudest band rises with the pitch, and by the power."""
    low, high = (mel_power(tone(hertz, 0.5), WHISPER).mean(axis=0) for hertz in (300, 3000))
    assert low.argmax() < high.argmax()
    loud, faint = (decibels(mel_power(tone(500, 1, a), WHISPER)).max() for a in (0.5, 0.05))
    assert loud - faint == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("n", [0, 1, 100, 511, 513, 700, 16_000])
@pytest.mark.parametrize("make", [np.zeros, noise])
def test_every_recording_is_described(n: int, make: type) -> None:
    """Silence and clips shorter than a window give finite numbers, with a name each, and a picture."""
    wave = np.asarray(make(n), dtype=np.float32)
    row = describe_sound(wave)
    assert row.shape == (N_DESCRIPTORS,) == (len(descriptor_names()),)
    assert row.dtype == np.float32
    assert np.isfinite(row).all()
    assert logmel_square(wave, 64).shape == (64, 64, 3)


def test_blocks_share_out_the_numbers() -> None:
    """Every number belongs to one block."""
    found = np.concatenate([block_columns([name]) for name in BLOCKS])
    np.testing.assert_array_equal(found, np.arange(N_DESCRIPTORS))


def test_blocks_tell_what_they_are_named_after() -> None:
    """Pitch moves the centre and the crossings, loudness and length their own blocks alone."""

    def block(name: str, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        return describe_sound(wave)[block_columns([name])]

    low, high = tone(300, 1), tone(3000, 1)
    assert block("centroid", low)[0] == pytest.approx(0.3, abs=0.05)
    assert block("centroid", high)[0] == pytest.approx(3.0, abs=0.05)
    assert block("crossings", high)[0] == pytest.approx(6000 / RATE, rel=0.03)
    quiet = tone(300, 1, 0.03)
    np.testing.assert_allclose(block("centroid", low), block("centroid", quiet), atol=0.02)
    assert block("loudness", low)[0] - block("loudness", quiet)[0] == pytest.approx(20, abs=0.5)
    assert block("duration", tone(300, 2))[0] == pytest.approx(np.log(2))
    rising = np.concatenate([low, high])
    falling = np.concatenate([high, low])
    same = np.abs(block("mfcc_mean", rising) - block("mfcc_mean", falling)).max()
    assert np.abs(block("mfcc_thirds", rising) - block("mfcc_thirds", falling)).max() > 10 * same


def test_files_are_described_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal content is computed once, kept, and not computed again; what cannot be read is NaN."""
    first, second = save_sounds(tmp_path, (0.3, 0.5))
    copy = str(shutil.copy(first, tmp_path / "copy.wav"))
    (tmp_path / "damaged.wav").write_bytes(b"no sound")
    paths = [first, second, copy, str(tmp_path / "damaged.wav"), str(tmp_path / "gone.wav")]
    cache = ArrayCache(tmp_path / "cache", limit_bytes=10**7)
    values = describe_sounds(paths, cache=cache, threads=2)
    assert np.isfinite(values).all(axis=1).tolist() == [True, True, True, False, False]
    np.testing.assert_array_equal(values[0], values[2])
    np.testing.assert_array_equal(values[1], describe_sound(load_sound(second, RATE)))
    assert [(use.space, use.n) for use in cache.usage()] == [(SPACE, 2)]

    def never(wave: NDArray[np.float32]) -> NDArray[np.float32]:
        raise AssertionError("computed again")

    monkeypatch.setattr(descriptors, "describe_sound", never)
    np.testing.assert_array_equal(describe_sounds(paths, cache=cache), values)


def test_a_deadline_stops_describing(tmp_path: Path) -> None:
    """Before the first batch already."""
    with pytest.raises(DeadlineExceeded):
        describe_sounds(save_sounds(tmp_path, (0.1,)), Deadline(0))
    assert describe_sounds([]).shape == (0, N_DESCRIPTORS)


def test_a_picture_shows_pitch_upwards_and_time_to_the_right(tmp_path: Path) -> None:
    """Short and long clips fill it; grey in three channels; silence is black."""
    for seconds in (0.2, 3.0):
        rising = np.concatenate([tone(200, seconds), tone(6000, seconds)])
        picture = logmel_square(rising)
        assert picture.shape == (256, 256, 3)
        assert picture.dtype == np.uint8
        assert (picture[..., 0] == picture[..., 2]).all()
        brightest = picture[..., 0].astype(int).argmax(axis=0)
        assert brightest[40] > 200 > 60 > brightest[215]
        assert picture.max() > 240
    assert not logmel_square(np.zeros(9000, dtype=np.float32)).any()
    (path,) = save_sounds(tmp_path, (0.4,))
    np.testing.assert_array_equal(load_logmel_square(path), logmel_square(load_sound(path, RATE)))


@pytest.mark.parametrize("n", [1, 5, 200, 400, 7041])
def test_views_depend_on_the_seed_alone(n: int) -> None:
    """The same seed gives the same view; others differ; the random numbers of the process are not touched."""
    wave = noise(n)
    before = wave.copy()
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 (the state that must stay)
    states = random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    views = [varied(wave, RATE, seed) for seed in range(8)]
    for seed, view in enumerate(views):
        assert view.dtype == np.float32
        assert np.isfinite(view).all()
        np.testing.assert_array_equal(view, varied(wave, RATE, seed))
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # type: ignore[index]  # noqa: NPY002
    np.testing.assert_array_equal(wave, before)
    if n > 1:
        assert len({view.tobytes() for view in views}) == len(views)


def test_views_keep_what_is_said() -> None:
    """Most of the length and, without a shift in pitch of more than two semitones, the band of a tone."""
    wave = tone(1000, 1.0)
    loudest = mel_power(wave, WHISPER).mean(axis=0).argmax()
    for seed in range(12):
        view = varied(wave, RATE, seed)
        assert 0.8 < len(view) / len(wave) < 1.25
        assert abs(int(mel_power(view, WHISPER).mean(axis=0).argmax()) - int(loudest)) <= 4


def test_describing_loads_nothing_heavy(tmp_path: Path) -> None:
    """Neither torch nor librosa nor numba."""
    (path,) = save_sounds(tmp_path, (0.3,))
    script = (
        "import sys; from advisor.sounds.descriptors import describe_sounds\n"
        "from advisor.sounds.pictures import load_logmel_square\n"
        "describe_sounds(sys.argv[1:]); load_logmel_square(sys.argv[1])\n"
        "print([m for m in ('torch', 'librosa', 'numba', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
