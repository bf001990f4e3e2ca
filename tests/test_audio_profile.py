"""What is measured of recordings: lengths, silence, clipping, speech, groups, and what the loudness tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from advisor.backbone import BackboneCard, find_backbone
from advisor.dataset import Dataset, Modality, Task
from advisor.profile import AudioProfile, profile_dataset
from advisor.profilers import frozen
from advisor.profilers.separability import neighbour_skill
from advisor.sounds.files import scan_sounds
from advisor.sounds.listening import LONGEST, hear, listen_to
from advisor.tables.columns import Column, ColumnKind

RATE = 16_000

Wave = NDArray[np.float64]


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Wave:
    """Noise of a level, another one for every seed."""
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE))


def tone(seconds: float, pitch: float, level: float = 0.3) -> Wave:
    """A held tone."""
    return np.asarray(level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE))


def voice(seconds: float) -> Wave:
    """Overtones of a pitch that falls and rises, four syllables a second, with a hiss between."""
    at = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * at)) / RATE
    overtones = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 4 * at), 0, None) ** 2
    hiss = noise(seconds, 0.02) * (np.sin(2 * np.pi * 4 * at) < 0)
    return np.asarray(0.2 * overtones * syllables + hiss)


def write(folder: Path, waves: Mapping[str, Wave], rate: int = RATE) -> list[str]:
    """Write recordings as WAV under their names; paths in the same order."""
    soundfile = pytest.importorskip("soundfile")
    paths = []
    for name, wave in waves.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave.clip(-1, 1), rate)
        paths.append(str(path))
    return paths


def frame(paths: list[str]) -> pd.DataFrame:
    """A column of paths."""
    return pd.DataFrame({"audio": pd.Categorical(pd.Series(paths, dtype="str"))})


def sounds_dataset(paths: list[str], y: list[int]) -> Dataset:
    """A dataset of recordings of two classes."""
    return Dataset(
        name="made",
        modality=Modality.AUDIO,
        task=Task.BINARY,
        X=frame(paths),
        y=np.asarray(y, dtype=np.int64),
        columns=(Column(name="audio", kind=ColumnKind.AUDIO),),
        classes=("a", "b"),
        targets=("label",),
    )


@pytest.fixture
def no_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no backbone can run."""
    monkeypatch.setattr(frozen, "usable_backbones", lambda modality, asked=(): ())


def profile_of(dataset: Dataset) -> AudioProfile:
    """Its profile, as the type it is."""
    profile = profile_dataset(dataset)
    assert isinstance(profile, AudioProfile)
    return profile


@pytest.mark.parametrize(
    ("wave", "speech"),
    [
        (voice(3), True),
        (noise(3), False),
        (tone(3, 220), False),
        (tone(3, 220) + tone(3, 277) + tone(3, 330), False),
        (np.zeros(RATE), False),
        (np.zeros(1), False),
    ],
)
def test_a_moving_voice_is_told_from_noise_and_tones(wave: Wave, speech: bool) -> None:
    """By pitch, by how it moves, and by syllables."""
    assert hear(wave.astype(np.float32), RATE).speech is speech


def test_silence_clipping_and_bandwidth_are_heard() -> None:
    """A peak alone is no clipping; half a recording of nothing is half silence."""
    loud = hear(np.clip(tone(1, 200, 3.0), -1, 1).astype(np.float32), RATE)
    full = hear(tone(1, 200, 1.0).astype(np.float32), RATE)
    half = hear(np.concatenate([noise(1), np.zeros(RATE)]).astype(np.float32), RATE)
    quiet = hear(noise(1, 1e-5).astype(np.float32), RATE)
    assert (loud.clipped, full.clipped, half.clipped) == (True, False, False)
    assert half.silence == pytest.approx(0.5, abs=0.03)
    assert (quiet.silent, half.silent) == (True, False)
    assert hear(tone(1, 1000).astype(np.float32), RATE).bandwidth == pytest.approx(1000, abs=60)
    assert full.loudness == pytest.approx(-3.01, abs=0.05)


def test_clipping_of_one_channel_is_heard() -> None:
    """The mean of it and of a quiet one is nowhere near full scale."""
    loud = np.clip(tone(1, 200, 3.0), -1, 1)
    both = np.stack([noise(1), loud], axis=1).astype(np.float32)
    assert hear(both, RATE).clipped
    assert not hear(both / 2, RATE).clipped
    assert hear(both.mean(axis=1), RATE) == replace(hear(both, RATE), clipped=False)


def test_a_recording_that_begins_with_silence_is_heard_to_its_sound(tmp_path: Path) -> None:
    """Silent is only what has no sound to its end."""
    quiet = np.zeros(round((LONGEST + 3) * RATE))
    waves = {"a.wav": np.concatenate([quiet, noise(2)]), "b.wav": quiet}
    recordings, _ = scan_sounds(write(tmp_path, waves))
    late, silent = listen_to(recordings)
    assert late is not None
    assert not late.silent
    assert late.loudness > -40
    assert silent is not None
    assert silent.silent


def test_numbers_that_tell_the_class_are_told_from_those_that_do_not() -> None:
    """The nearest five vote, and none for itself."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 100)
    assert neighbour_skill(codes[:, None] + rng.normal(0, 0.1, (200, 1)), codes) > 0.95
    assert neighbour_skill(rng.normal(0, 1, (200, 1)), codes) < 0.3
    assert neighbour_skill(np.zeros((0, 1)), np.zeros(0, dtype=np.int64)) == 0.0


@pytest.mark.usefixtures("no_backbone")
def test_headers_and_faults_of_recordings_are_counted(tmp_path: Path) -> None:
    """Rates, lengths, a silent one, a clipped one, and one that became unreadable."""
    pytest.importorskip("soxr")
    waves = {f"a/{i}.wav": noise(1.0, 0.1, i) for i in range(6)}
    waves |= {f"b/{i}.wav": noise(0.5, 0.1, 10 + i) for i in range(5)}
    waves["b/silent.wav"] = np.zeros(RATE)
    paths = write(tmp_path, waves)
    paths += write(tmp_path, {"b/clipped.wav": np.clip(tone(1, 200, 3.0), -1, 1)}, 8_000)
    (tmp_path / "b" / "broken.wav").write_bytes(b"RIFF, and no more")
    paths.append(str(tmp_path / "b" / "broken.wav"))
    profile = profile_of(sounds_dataset(paths, [0] * 6 + [1] * 8))
    assert profile.rates == {16_000: 12, 8_000: 1}
    assert profile.formats == {"WAV": 13}
    assert profile.seconds == pytest.approx((0.5, 1.0, 2.0))
    assert profile.silent == ("b/silent.wav",)
    assert profile.clipped == ("b/clipped.wav",)
    assert profile.n_broken == 1
    assert profile.broken[0].startswith("b/broken.wav: ")
    assert profile.content == "sound"


@pytest.mark.usefixtures("no_backbone")
def test_groups_of_one_class_and_shared_with_the_test_split_are_counted(tmp_path: Path) -> None:
    """Three speakers: one says both words, and one is in the test split, too."""
    paths = write(tmp_path, {f"a/{i}.wav": noise(0.3, 0.1, i) for i in range(8)})
    dataset = replace(
        sounds_dataset(paths, [0, 0, 1, 1, 0, 0, 1, 1]),
        groups=np.array([0, 0, 0, 0, 1, 1, 2, 2]),
        group_source="names",
        group_hint="part 1 of each name",
        X_test=frame(paths[:2]),
        test_groups=np.array([0, 3]),
    )
    profile = profile_of(dataset)
    assert (profile.n_groups, profile.n_groups_one_class) == (3, 2)
    assert profile.n_test_groups_shared == 1
    assert (profile.group_source, profile.group_hint) == ("names", "part 1 of each name")
    assert profile.n_near_test_overlap == 2


@pytest.mark.usefixtures("no_backbone")
def test_the_order_of_the_recordings_has_no_influence(tmp_path: Path) -> None:
    """Whatever they are drawn by."""
    paths = write(tmp_path, {f"{'ab'[i % 2]}/{i}.wav": noise(0.3, 0.1, i) for i in range(12)})
    y = [i % 2 for i in range(12)]
    turned = np.random.default_rng(0).permutation(12)
    one = profile_of(sounds_dataset(paths, y))
    other = profile_of(sounds_dataset([paths[i] for i in turned], [y[i] for i in turned]))
    assert one == other


def test_a_backbone_for_pictures_is_taken_for_their_log_mel_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked to hear, and not called missing."""
    monkeypatch.setattr(frozen, "usable_backbones", lambda modality, asked=(): ())
    paths = write(tmp_path, {f"a/{i}.wav": noise(0.3, 0.1, i) for i in range(8)})
    profile = profile_dataset(sounds_dataset(paths, [0, 1] * 4), ["efficientnet_lite0"])
    assert isinstance(profile, AudioProfile)
    assert "it is for" not in str(profile.backbones_missing)
    if not profile.backbones_missing:
        assert profile.picture_backbones == ("efficientnet_lite0",)


def test_a_recording_costs_no_more_than_what_is_heard_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds up to the most that are decoded, and one picture whatever they are."""
    asked: list[Callable[[BackboneCard], float]] = []

    def measure(
        *_: object, size: Callable[[BackboneCard], float], **__: object
    ) -> dict[str, object]:
        asked.append(size)
        return {"backbones": (), "backbones_missing": {}}

    monkeypatch.setattr("advisor.profilers.sounds.measure_backbones", measure)
    monkeypatch.setattr("advisor.profilers.sounds.MOST_SECONDS", 0.5)
    for seconds, heard in ((0.3, 0.3), (0.8, 0.5)):
        paths = write(tmp_path, {f"{seconds}/{i}.wav": noise(seconds, 0.1, i) for i in range(4)})
        profile_of(sounds_dataset(paths, [0, 1] * 2))
        assert asked[-1](find_backbone("whisper_tiny_en")) == pytest.approx(heard)
        assert asked[-1](find_backbone("efficientnet_lite0_logmel")) == 1.0
