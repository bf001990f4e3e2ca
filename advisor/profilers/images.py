"""Dataset of pictures → ImageProfile.

Counts, sizes and formats are of all labelled pictures, copies of those and of most others; what needs pixels or a
backbone is measured on a sample that is drawn by file names, evenly over classes: the same pictures whatever order
they come in, and no seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.dataset import Dataset, Modality, Task
from advisor.images.files import PictureFile, scan_pictures
from advisor.images.looks import BLACK, WHITE, Looks, look_at
from advisor.images.similarity import Signatures, find_clusters, read_signatures
from advisor.profile import PROFILERS, ImageProfile
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
from advisor.profilers.meaning import colour_skill, mirror_loss

LOOKED_AT = 400
"""Labelled pictures whose pixels are looked at: shares are then known to about five points. Our choice, for time."""

ASKED = 1_000
"""Labelled pictures that colour, mirror images and backbones are asked about. Our choice: a share is then known to
three points, and embedding them takes about seven seconds on two cores."""

SMALL_SIDE = 112
"""Short side in pixels under which a picture is small: half of the 224 that backbones usually see."""

MOSTLY = 0.8
"""Share of the pictures that must look alike before the set is called by that; our choice."""

OUTLYING_LIGHT = 4.0
"""Robust standard deviations from the median brightness beyond which a nearly black or white picture stands out; our
choice."""

OUTLYING_BLUR = 4.0
"""Robust standard deviations below the median sharpness from which a picture is called blurred; our choice."""

NAMED = 10
"""Pictures named in the profile; our choice, for the reader."""

ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
"""Modes of Pillow with a channel of transparency."""


@PROFILERS.add(Modality.IMAGE.value)
def profile_pictures(dataset: Dataset, backbones: Sequence[str] = ()) -> ImageProfile:
    """Measure a set of pictures.

    Parameters
    ----------
    dataset : Dataset
        Of modality image.
    backbones : sequence of str
        Those the user asked for; none for the ones of the house that can run here.

    Returns
    -------
    ImageProfile
        Equal for any order of the pictures.
    """
    labelled = paths_of(dataset.X)
    hashes = _hashes(labelled)
    signatures, copies = _find_copies(dataset, labelled)
    sample = evenly_drawn(labelled, hashes, dataset, LOOKED_AT)
    asked = copies.first_of_each(evenly_drawn(labelled, hashes, dataset, ASKED))
    looks = look_at([labelled[row] for row in sample])
    fields: dict[str, object] = {
        **count_labels(dataset),
        **_files(dataset, labelled),
        **count_copies(dataset, copies),
        **_appearance([labelled[row] for row in sample], looks),
        **_light(labelled, signatures),
        **_meaning(dataset, signatures, asked),
        **measure_backbones(
            dataset,
            asked,
            backbones,
            labelled=labelled,
            pool=paths_of(dataset.X_unlabelled),
        ),
        "sampled": len(sample) < len(labelled),
        "sample_size": len(sample) if len(sample) < len(labelled) else None,
    }
    fields.update(_content(fields))
    return ImageProfile.model_validate(fields)


def paths_of(frame: pd.DataFrame | None) -> list[str]:
    """Read the paths out of a conforming frame of pictures; none for ``None``."""
    return [] if frame is None else [str(path) for path in frame.iloc[:, 0]]


def _hashes(paths: Sequence[str]) -> NDArray[np.uint64]:
    return name_hashes([short_name(path) for path in paths])


def _find_copies(dataset: Dataset, labelled: list[str]) -> tuple[Signatures, Copies]:
    test, pool = (
        drawn(paths, _hashes(paths), COMPARED)
        for paths in (paths_of(dataset.X_test), paths_of(dataset.X_unlabelled))
    )
    paths = [*labelled, *test, *pool]
    signatures = read_signatures(paths)
    names, codes = [short_name(path) for path in paths], find_clusters(signatures)
    return signatures, Copies(names, list(signatures.keys), codes, len(labelled), len(test))


def _files(dataset: Dataset, labelled: list[str]) -> dict[str, object]:
    """Sizes, formats and modes from headers, and what was broken."""
    pictures, unreadable = scan_pictures(labelled)
    formats: dict[str, int] = {}
    for picture in pictures:
        formats[picture.format] = formats.get(picture.format, 0) + 1
    sides = np.array([(p.width, p.height) for p in pictures], dtype=np.int64).reshape(-1, 2)
    # those that were unreadable when the folder was read, and those that became so since
    broken = [*dataset.broken, *(f"{short_name(path)}: {reason}" for path, reason in unreadable)]
    return {
        "n_broken": len(broken),
        "broken": tuple(broken[:NAMED]),
        "formats": dict(sorted(formats.items(), key=lambda item: (-item[1], item[0]))),
        "width": _range(sides[:, 0]),
        "height": _range(sides[:, 1]),
        "share_small": float((sides.min(axis=1) < SMALL_SIDE).mean()) if len(sides) else 0.0,
        "share_alpha": _share([_has_alpha(picture) for picture in pictures]),
        # the target of pictures with masks is the share that each mask covers
        "mask_share": _mean(dataset.y) if dataset.task is Task.SEGMENTATION else None,
    }


def _mean(values: NDArray[np.generic]) -> float | None:
    return float(values.astype(np.float64).mean()) if values.size else None


def _range(sides: NDArray[np.int64]) -> tuple[int, int, int]:
    if sides.size == 0:
        return (0, 0, 0)
    return int(sides.min()), int(np.median(sides)), int(sides.max())


def _has_alpha(picture: PictureFile) -> bool:
    return picture.mode in ALPHA_MODES


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if len(flags) else 0.0


def _appearance(paths: Sequence[str], looks: Sequence[Looks | None]) -> dict[str, object]:
    seen = [(path, look) for path, look in zip(paths, looks, strict=True) if look is not None]
    sharpness = np.array([look.sharpness for _, look in seen])
    low = np.flatnonzero(_robust_z(sharpness) < -OUTLYING_BLUR)
    return {
        "share_greyscale": _share([look.grey for _, look in seen]),
        "share_bright_flat": _share([look.flat_ground for _, look in seen]),
        "blurred": tuple(
            short_name(seen[row][0])
            for row in low[np.argsort(sharpness[low], kind="stable")][:NAMED]
        ),
    }


def _robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances from the median in robust standard deviations; all 0 where most values are one."""
    if values.size == 0:
        return values
    off = values - np.median(values)
    spread = 1.4826 * float(np.median(np.abs(off)))
    return off / spread if spread > 0 else np.zeros_like(values)


def _light(labelled: list[str], signatures: Signatures) -> dict[str, object]:
    """Name nearly black or white labelled pictures that stand out from the others."""
    coarse = signatures.coarse[: len(labelled)]
    light = coarse.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    extreme = signatures.decoded[: len(labelled)] & ((light < BLACK) | (light > WHITE))
    out = np.flatnonzero(extreme & (np.abs(_robust_z(light)) > OUTLYING_LIGHT))
    named = sorted(short_name(labelled[row]) for row in out)
    return {"brightness_outliers": tuple(named[:NAMED])}


def _meaning(
    dataset: Dataset, signatures: Signatures, rows: NDArray[np.int64]
) -> dict[str, object]:
    """Whether colour tells the classes, and whether mirroring confuses them."""
    if dataset.task not in (Task.BINARY, Task.MULTICLASS) or len(rows) == 0:
        return {}
    codes = dataset.y[rows].astype(np.int64)
    coarse = signatures.coarse[rows]
    return {
        "colour_tells": colour_skill(coarse, codes),
        "mirror_confuses": mirror_loss(coarse, codes),
    }


def _content(fields: dict[str, object]) -> dict[str, object]:
    """Say what kind of pictures they are, as far as pixels can tell, and from what."""
    small, grey, flat = (
        float(str(fields[name])) for name in ("share_small", "share_greyscale", "share_bright_flat")
    )
    if small >= MOSTLY:
        return _named("tiny", f"{small:.0%} have a short side under {SMALL_SIDE} px")
    if flat >= MOSTLY:
        return _named("document", f"{flat:.0%} lie mostly on one flat light ground")
    if grey >= MOSTLY:
        return _named("greyscale", f"{grey:.0%} are without colour")
    if max(small, grey, flat) <= 1 - MOSTLY:
        reason = f"{1 - grey:.0%} are in colour, {1 - flat:.0%} without a flat light ground"
        return _named("photo", f"{reason}, {1 - small:.0%} of {SMALL_SIDE} px or more")
    return _named("mixed", f"{small:.0%} small, {grey:.0%} grey, {flat:.0%} on a flat light ground")


def _named(content: str, reason: str) -> dict[str, object]:
    return {"content": content, "content_reason": reason}
