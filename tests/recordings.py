"""Recordings made on the spot: small problems, and a gallery of odd and broken files."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8_000
"""Samples per second of a made recording."""

PITCHES = {"low": 200.0, "middle": 600.0, "high": 1_500.0, "shrill": 3_000.0}
"""Classes that any model can tell apart, in Hertz."""


def make(
    kind: str = "low", seed: int = 0, seconds: float = 0.4, rate: int = RATE
) -> NDArray[np.float32]:
    """A tone that glides and swells, with overtones and noise: no two seeds sound alike."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    bends = generator.normal(0, 0.06, size=4)
    pitch = PITCHES[kind] * (
        1
        + sum(bend * np.sin(2 * np.pi * (i + 1) * time + 7 * bend) for i, bend in enumerate(bends))
    )
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    swell = 0.55 + 0.45 * np.sin(
        2 * np.pi * generator.uniform(2, 6) * time + generator.uniform(0, 6)
    )
    tone = np.sin(phase) + generator.uniform(0.1, 0.5) * np.sin(2 * phase)
    noise = generator.normal(0, 0.01, size=len(time))
    return np.asarray(0.5 * swell * tone / 1.5 + noise, dtype=np.float32)


def as_bytes(
    wave: NDArray[np.float32], form: str = "WAV", rate: int = RATE, subtype: str | None = None
) -> bytes:
    """Encode samples of shape (n_samples,) or (n_samples, n_channels)."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def put(path: Path, content: bytes) -> Path:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def class_folders(
    root: Path, kinds: Sequence[str] = ("low", "high"), each: int = 6, seed: int = 0
) -> Path:
    """One folder of recordings per kind."""
    for number, kind in enumerate(kinds):
        for i in range(each):
            put(root / kind / f"{i}.wav", as_bytes(make(kind, seed + 1000 * number + i)))
    return root


def small_problem(root: Path, each: int = 8) -> Path:
    """Nested ``train``, ``test`` and ``unlabeled`` folders of two classes."""
    class_folders(root / "train", each=each)
    class_folders(root / "test", each=3, seed=50)
    for i in range(4):
        put(root / "unlabeled" / f"{i}.wav", as_bytes(make("high", 90 + i)))
    return root


def spoken_folders(
    root: Path, people: Sequence[str] = ("ann", "bob", "eve"), takes: int = 2
) -> Path:
    """Class folders in which names say who speaks: ``low_ann_0.wav``."""
    for number, kind in enumerate(("low", "high")):
        for i, person in enumerate(people):
            for take in range(takes):
                wave = make(kind, 1000 * number + 10 * i + take)
                put(root / kind / f"{kind}_{person}_{take}.wav", as_bytes(wave))
    return root


def odd_files() -> Mapping[str, bytes]:
    """Files that are unusual and can be read, by their names."""
    wave = make()
    two = np.stack([wave, wave[::-1]], axis=1)
    holes = wave.copy()
    holes[100:120] = np.nan
    stream = bytearray(as_bytes(wave))
    stream[40:44] = b"\xff\xff\xff\xff"
    return {
        "plain.wav": as_bytes(wave),
        "stereo.wav": as_bytes(two),
        "eight channels.wav": as_bytes(np.tile(two, 4)),
        "float.wav": as_bytes(wave, subtype="FLOAT"),
        "loud.wav": as_bytes(wave * 900, subtype="FLOAT"),
        "holes.wav": as_bytes(holes, subtype="FLOAT"),
        "24 bit.wav": as_bytes(wave, subtype="PCM_24"),
        "8 bit.wav": as_bytes(wave, subtype="PCM_U8"),
        "telephone.wav": as_bytes(wave, subtype="ULAW"),
        "slow.WAV": as_bytes(wave, rate=4_000),
        "fast.wav": as_bytes(make(rate=96_000, seconds=0.1), rate=96_000),
        "odd rate.wav": as_bytes(wave, rate=11_127),
        "stream.wav": bytes(stream),
        "plain.flac": as_bytes(wave, "FLAC"),
        "plain.ogg": as_bytes(wave, "OGG", subtype="VORBIS"),
        "plain.opus": as_bytes(make(rate=48_000), "OGG", 48_000, "OPUS"),
        "plain.mp3": as_bytes(make(rate=44_100), "MP3", 44_100),
        "plain.aiff": as_bytes(wave, "AIFF"),
        "plain.au": as_bytes(wave, "AU"),
        "plain.caf": as_bytes(wave, "CAF"),
        "really flac.wav": as_bytes(wave, "FLAC"),
        "bare": as_bytes(wave),
        "größe 1.wav": as_bytes(wave[:1]),
        "silent.wav": as_bytes(np.zeros(4_000, dtype=np.float32)),
    }


def broken_files() -> Mapping[str, tuple[bytes, str]]:
    """Files that look like recordings by their names and cannot be read, with a part of the reason."""
    wave = make(seconds=2.0)
    wav, flac, ogg = as_bytes(wave), as_bytes(wave, "FLAC"), as_bytes(wave, "OGG")
    absurd = bytearray(wav)
    absurd[24:28] = struct.pack("<I", 3)
    nothing = np.full(4_000, np.nan, dtype=np.float32)
    return {
        "empty.wav": (b"", "empty"),
        "text.wav": (b"this is no sound\n" * 20, "no sound"),
        "page.mp3": (b"<!doctype html><html><body>404</body></html>", "no sound"),
        "zeros.flac": (bytes(400), "no sound"),
        "picture.ogg": (b"\x89PNG\r\n\x1a\n" + bytes(200), "no sound"),
        "no samples.wav": (as_bytes(wave[:0]), "no samples"),
        "cut.wav": (wav[: len(wav) // 2], "cut off"),
        "cut.flac": (flac[: len(flac) // 2], "cut off"),
        "cut.ogg": (ogg[: len(ogg) // 2], "cut off"),
        "absurd.wav": (bytes(absurd), "3 samples per second"),
        "no number.wav": (as_bytes(nothing, subtype="FLOAT"), "is a number"),
        "tape.m4a": (b"\x00\x00\x00\x20ftypM4A " + bytes(200), "convert it"),
    }
