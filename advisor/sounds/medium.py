"""Recordings as a medium: how their files are called and looked at."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.media.medium import Broken, Medium
from advisor.registry import require
from advisor.sounds.files import ENDINGS, UNREAD, scan_sounds
from advisor.sounds.similarity import near_duplicates, read_signatures
from advisor.tasks import Modality


def examine_sounds(paths: Sequence[str]) -> tuple[Broken, list[str]]:
    """Decode recordings whose headers are good → those that cannot be, and what is odd about others.

    The decoding is that of :func:`advisor.sounds.similarity.read_signatures`, which the folds need anyway and which is
    kept in the cache.

    Parameters
    ----------
    paths : sequence of str

    Returns
    -------
    broken : list of tuple (path, reason)
    notes : list of str
    """
    if not paths:
        return [], []
    signatures = read_signatures(paths)
    pairs = zip(paths, signatures.decoded, strict=True)
    suspects = [path for path, good in pairs if not good]
    broken = scan_sounds(suspects, decode=True)[1]
    n_odd = int((signatures.odd & signatures.decoded).sum())
    notes = (
        [f"{n_odd} recordings hold samples that are no numbers; these count as 0"] if n_odd else []
    )
    return broken, notes


def encode_sound(cell: Any) -> bytes | None:
    """Write a recording in memory as the bytes of a file.

    Parameters
    ----------
    cell : dict of ``array`` and ``sampling_rate``, or object
        As the ``datasets`` library decodes recordings: samples of shape (n_samples,) or (n_channels, n_samples).

    Returns
    -------
    bytes or None
        A wav file of 32-bit floats; None where it is no recording.
    """
    if not (isinstance(cell, dict) and {"array", "sampling_rate"} <= set(cell)):
        return None
    samples = np.asarray(cell["array"], dtype=np.float32)
    buffer = io.BytesIO()
    soundfile = require("soundfile", extra="audio")
    soundfile.write(buffer, samples.T, int(cell["sampling_rate"]), format="WAV", subtype="FLOAT")
    return buffer.getvalue()


SOUNDS = Medium(
    modality=Modality.AUDIO,
    column="audio",
    one="recording",
    many="recordings",
    suffixes=frozenset().union(*ENDINGS.values()) | UNREAD,
    magic=(
        (re.compile(rb"(RIFF|RF64|RIFX).{4}WAVE", re.DOTALL), ".wav"),
        (re.compile(rb"fLaC"), ".flac"),
        (re.compile(rb"OggS"), ".ogg"),
        (re.compile(rb"FORM.{4}AIF", re.DOTALL), ".aiff"),
        (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), ".mp3"),
        (re.compile(rb"\.snd"), ".au"),
        (re.compile(rb"caff"), ".caf"),
    ),
    plain_suffix=".wav",
    named=frozenset(
        {"audio", "sound", "recording", "wav", "clip", "file", "filename", "path", "filepath", "id"}
    ),
    endings=ENDINGS,
    holders=frozenset({"audio", "wav", "wavs", "sound", "sounds", "clips", "recordings"}),
    scan=scan_sounds,
    examine=examine_sounds,
    near_duplicates=near_duplicates,
    encode=encode_sound,
)
"""What is read of recordings."""
