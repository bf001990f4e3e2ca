"""Dataset of recordings → AudioProfile.

Counts, lengths, rates and formats are of all labelled recordings, copies of those and of most others; what needs
listening or a backbone is measured on a sample that is drawn by file names, evenly over classes: the same recordings
whatever order they come in, and no seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.backbone import (
    AudioCard,
    BackboneCard,
    as_card,
    fetch_backbone,
    find_backbone,
    usable_backbones,
)
from advisor.cache import content_keys
from advisor.dataset import Dataset, Modality, Task
from advisor.profile import PROFILERS, AudioProfile
from advisor.profilers.copies import (
    COMPARED,
    Copies,
    count_copies,
    drawn,
    evenly_drawn,
    name_hashes,
    short_name,
)
from advisor.profilers.counts import count_labels
from advisor.profilers.frozen import measure_backbones
from advisor.profilers.separability import neighbour_skill
from advisor.sounds.decoding import MOST_SECONDS
from advisor.sounds.files import SoundFile, scan_sounds
from advisor.sounds.listening import Heard, listen_to
from advisor.sounds.similarity import near_duplicates

LISTENED_TO = 400
"""Labelled recordings that are listened to: shares are then known to about five points. Our choice, for time: ten
seconds of sound take about four milliseconds."""

ASKED = 600
"""Labelled recordings that backbones are asked about. Our choice: a share is then known to four points, and embedding
as many of five seconds takes about half a minute with both of the house."""

MOSTLY, HARDLY = 0.6, 0.3
"""Shares of recordings that sound like speech from which a set is called that, and up to which it is called sound. Our
choice: it was .78 on single digits and .91 on phrases (our measurement), and a digit is short to tell."""

NAMED = 10
"""Recordings named in the profile; our choice, for the reader."""


@PROFILERS.add(Modality.AUDIO.value)
def profile_recordings(dataset: Dataset, backbones: Sequence[str] = ()) -> AudioProfile:
    """Measure a set of recordings.

    Parameters
    ----------
    dataset : Dataset
        Of modality audio.
    backbones : sequence of str
        Those the user asked for, for sound or for pictures; none for the ones of the house that can run here.

    Returns
    -------
    AudioProfile
        Equal for any order of the recordings.
    """
    labelled = _paths_of(dataset.X)
    recordings, unreadable = scan_sounds(labelled)
    hashes = _hashes(labelled)
    copies = _find_copies(dataset, labelled)
    sample = evenly_drawn(labelled, hashes, dataset, LISTENED_TO)
    heard = _listen(labelled, recordings, sample)
    asked = copies.first_of_each(evenly_drawn(labelled, hashes, dataset, ASKED))
    for_pictures = [
        n for n in backbones if find_backbone(n, Modality.AUDIO).modality is Modality.IMAGE
    ]
    median = float(np.median([r.seconds for r in recordings] or [1.0]))

    def size(card: BackboneCard) -> float:
        if as_card(card, AudioCard).domain == "pictures":  # one of each, whatever its length
            return 1.0
        return max(0.1, min(median, MOST_SECONDS))

    # those that were unreadable when the folder was read, and those that became so since
    broken = [*dataset.broken, *(f"{short_name(path)}: {reason}" for path, reason in unreadable)]
    fields: dict[str, object] = {
        **count_labels(dataset),
        **count_copies(dataset, copies),
        "n_broken": len(broken),
        "broken": tuple(broken[:NAMED]),
        **_files(recordings),
        **_sound([(labelled[row], one) for row, one in heard]),
        "loudness_tells": _loudness_skill(dataset, heard),
        **_groups(dataset),
        **measure_backbones(
            dataset,
            asked,
            [name for name in backbones if name not in for_pictures],
            labelled=labelled,
            pool=_paths_of(dataset.X_unlabelled),
            size=size,
        ),
        "sampled": len(sample) < len(labelled),
        "sample_size": len(sample) if len(sample) < len(labelled) else None,
    }
    fields["picture_backbones"] = _picture_backbones(fields, for_pictures)
    fields |= _windows(recordings, cast("tuple[str, ...]", fields["backbones"]))
    return AudioProfile.model_validate(fields)


def _paths_of(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None else [str(path) for path in frame.iloc[:, 0]]


def _hashes(paths: Sequence[str]) -> NDArray[np.uint64]:
    return name_hashes([short_name(path) for path in paths])


def _find_copies(dataset: Dataset, labelled: list[str]) -> Copies:
    test, pool = (
        drawn(paths, _hashes(paths), COMPARED)
        for paths in (_paths_of(dataset.X_test), _paths_of(dataset.X_unlabelled))
    )
    paths = [*labelled, *test, *pool]
    keys = [key or f"?{path}" for key, path in zip(content_keys(paths), paths, strict=True)]
    names, codes = [short_name(path) for path in paths], near_duplicates(paths)
    return Copies(names, keys, codes, len(labelled), len(test))


def _listen(
    labelled: Sequence[str], recordings: Sequence[SoundFile], rows: NDArray[np.int64]
) -> list[tuple[int, Heard]]:
    """What was heard of each of the rows that can be decoded."""
    known = {recording.path: recording for recording in recordings}
    there = [int(row) for row in rows if labelled[row] in known]
    heard = listen_to([known[labelled[row]] for row in there])
    return [(row, one) for row, one in zip(there, heard, strict=True) if one is not None]


def _files(recordings: Sequence[SoundFile]) -> dict[str, object]:
    """Lengths, rates, channels and formats from headers."""
    seconds = np.array([recording.seconds for recording in recordings] or [0.0])
    return {
        "formats": _counted([recording.format for recording in recordings]),
        "rates": _counted([recording.rate for recording in recordings]),
        "channels": _counted([recording.channels for recording in recordings]),
        "seconds": (float(seconds.min()), float(np.median(seconds)), float(seconds.max())),
        "hours": float(seconds.sum()) / 3600,
    }


def _counted(values: Sequence[int] | Sequence[str]) -> dict[int | str, int]:
    return dict(sorted(Counter[int | str](values).items(), key=lambda item: (-item[1], item[0])))


def _sound(heard: Sequence[tuple[str, Heard]]) -> dict[str, object]:
    """Silence, clipping, bandwidth, and whether it is speech, of the recordings listened to."""
    if not heard:
        return {}
    silent = sorted(short_name(path) for path, one in heard if one.silent)
    clipped = sorted(short_name(path) for path, one in heard if one.clipped)
    sounding = [one for _, one in heard if not one.silent]
    speech = float(np.mean([one.speech for one in sounding])) if sounding else 0.0
    content: Literal["speech", "sound", "mixed"] = "mixed"
    if sounding and (speech >= MOSTLY or speech <= HARDLY):
        content = "speech" if speech >= MOSTLY else "sound"
    return {
        "silent": tuple(silent[:NAMED]),
        "n_silent": len(silent),
        "clipped": tuple(clipped[:NAMED]),
        "n_clipped": len(clipped),
        "share_silence": float(np.median([one.silence for _, one in heard])),
        "bandwidth": float(np.median([one.bandwidth for one in sounding])) if sounding else 0.0,
        "content": content,
        "content_reason": (
            f"{speech:.0%} of {len(sounding):,} have a moving pitch of a voice and the loudness of syllables"
        ),
    }


def _loudness_skill(dataset: Dataset, heard: Sequence[tuple[int, Heard]]) -> float | None:
    """How well the loudness alone tells the classes."""
    if dataset.task not in (Task.BINARY, Task.MULTICLASS) or not heard:
        return None
    codes = dataset.y[[row for row, _ in heard]].astype(np.int64)
    return neighbour_skill(np.array([[one.loudness] for _, one in heard]), codes)


def _groups(dataset: Dataset) -> dict[str, object]:
    """Where the groups come from, and how many the test split shares."""
    groups = dataset.groups
    fields: dict[str, object] = {
        "group_source": dataset.group_source,
        "group_hint": dataset.group_hint,
    }
    if groups is None:
        return fields
    if dataset.test_groups is not None:
        fields["n_test_groups_shared"] = int(np.intersect1d(groups, dataset.test_groups).size)
    return fields


def _picture_backbones(fields: dict[str, object], asked: Sequence[str]) -> tuple[str, ...]:
    """Backbones for pictures that can be fine-tuned on log-mel pictures; those asked for that cannot are told."""
    missing = cast("dict[str, str]", fields["backbones_missing"])
    missing |= {name: why for name in asked if (why := fetch_backbone(name))}
    wanted = [name for name in asked if name not in missing]
    return usable_backbones(Modality.IMAGE, wanted) or usable_backbones(Modality.IMAGE)


def _windows(recordings: Sequence[SoundFile], backbones: tuple[str, ...]) -> dict[str, object]:
    """What the best backbone was trained on and hears at once, and how many recordings are longer."""
    if not backbones or not recordings:
        return {}
    card = as_card(find_backbone(backbones[0]), AudioCard)
    share = float(np.mean([recording.seconds > card.longest for recording in recordings]))
    return {"domain": card.domain, "longest": card.longest, "share_cut": share}
