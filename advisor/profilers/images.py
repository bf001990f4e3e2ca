"""Dataset of pictures → ImageProfile.

Counts, sizes and formats are of all labelled pictures, copies of those and of most others; what needs pixels or a
backbone is measured on a sample that is drawn by file names, evenly over classes: the same pictures whatever order
they come in, and no seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.dataset import Dataset, Modality, Task
from advisor.images.files import PictureFile, scan_pictures
from advisor.images.looks import BLACK, WHITE, Looks, look_at
from advisor.images.similarity import Signatures, find_clusters, read_signatures
from advisor.profile import PROFILERS, ImageProfile
from advisor.profilers.counts import count_labels
from advisor.profilers.frozen import measure_backbones
from advisor.profilers.meaning import colour_skill, mirror_loss

LOOKED_AT = 400
"""Labelled pictures whose pixels are looked at: shares are then known to about five points. Our choice, for time."""

COMPARED = 5_000
"""Pictures of the pool, and of the test split, that are searched for copies of labelled ones. Our choice, for time:
a photo takes 2 ms on two cores."""

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

NAMED, PAIRS_NAMED = 10, 5
"""Pictures and pairs named in the profile; our choice, for the reader."""

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
    copies = _find_copies(dataset, labelled)
    sample = evenly_drawn(labelled, dataset, LOOKED_AT)
    asked = copies.first_of_each(evenly_drawn(labelled, dataset, ASKED))
    looks = look_at([labelled[row] for row in sample])
    fields: dict[str, object] = {
        **count_labels(dataset),
        **_files(dataset, labelled),
        **_repeats(dataset, copies),
        **_appearance([labelled[row] for row in sample], looks),
        **_light(labelled, copies.signatures),
        **_meaning(dataset, copies.signatures, asked),
        **measure_backbones(dataset, labelled, asked, backbones),
        "sampled": len(sample) < len(labelled),
        "sample_size": len(sample) if len(sample) < len(labelled) else None,
    }
    fields.update(_content(fields))
    return ImageProfile.model_validate(fields)


def paths_of(frame: pd.DataFrame | None) -> list[str]:
    """Read the paths out of a conforming frame of pictures; none for ``None``."""
    return [] if frame is None else [str(path) for path in frame.iloc[:, 0]]


def evenly_drawn(paths: Sequence[str], dataset: Dataset, limit: int) -> NDArray[np.int64]:
    """Draw labelled pictures, as many of each class as there are, by the hashes of their names.

    Parameters
    ----------
    paths : sequence of str of length n
        The labelled pictures.
    dataset : Dataset
        Whose ``y`` says the classes; labels of several at once and values are not balanced.
    limit : int
        Most pictures.

    Returns
    -------
    ndarray of int64
        Rows, in an order that does not depend on the order of ``paths``.
    """
    keys = np.array([_name_hash(path) for path in paths], dtype=np.uint64)
    order = np.lexsort((np.array(paths, dtype=str), keys))
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return order[:limit].astype(np.int64)
    turns = np.zeros(len(paths), dtype=np.int64)
    for code in np.unique(dataset.y):
        members = order[dataset.y[order] == code]
        turns[members] = np.arange(len(members))
    return order[np.argsort(turns[order], kind="stable")][:limit].astype(np.int64)


def short_name(path: str) -> str:
    """Name a picture by its file and the folder that it is in."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def _name_hash(path: str) -> int:
    return int.from_bytes(hashlib.sha256(short_name(path).encode()).digest()[:8], "big")


@dataclass(frozen=True)
class _Copies:
    """Which pictures of the labelled ones, the test split and the pool are the same, in this order."""

    paths: list[str]
    signatures: Signatures
    codes: NDArray[np.int64]
    n_labelled: int
    n_test: int

    def first_of_each(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave out labelled rows that are copies of an earlier one."""
        _, first = np.unique(self.codes[rows], return_index=True)
        return rows[np.sort(first)]


def _find_copies(dataset: Dataset, labelled: list[str]) -> _Copies:
    test, pool = (
        sorted(paths_of(frame), key=lambda path: (_name_hash(path), path))[:COMPARED]
        for frame in (dataset.X_test, dataset.X_unlabelled)
    )
    paths = [*labelled, *test, *pool]
    signatures = read_signatures(paths)
    return _Copies(paths, signatures, find_clusters(signatures), len(labelled), len(test))


def _repeats(dataset: Dataset, copies: _Copies) -> dict[str, object]:
    n, n_test = copies.n_labelled, copies.n_test
    codes = copies.codes
    here, test, pool = codes[:n], codes[n : n + n_test], codes[n + n_test :]
    keys = copies.signatures.keys[:n]
    in_conflict = np.zeros(n, dtype=np.bool_)
    if dataset.task in (Task.BINARY, Task.MULTICLASS):
        kinds = np.unique(np.stack([here, dataset.y.astype(np.int64)], axis=1), axis=0)
        several = np.flatnonzero(np.bincount(kinds[:, 0]) > 1)
        in_conflict = np.isin(here, several)
    return {
        "n_duplicates": n - len(set(keys)),
        "n_near_duplicates": n - int(np.unique(here).size),
        "n_near_conflicts": int(in_conflict.sum()),
        "n_near_test_overlap": int(np.isin(test, here).sum()),
        "n_pool_overlap": int(np.isin(pool, codes[: n + n_test]).sum()),
        "examples": _pairs(dataset, copies, in_conflict),
    }


def _pairs(dataset: Dataset, copies: _Copies, in_conflict: NDArray[np.bool_]) -> tuple[str, ...]:
    """Name the first pairs across classes, then those across splits."""
    n, n_test = copies.n_labelled, copies.n_test
    pairs: list[tuple[str, str]] = []
    for code in np.unique(copies.codes[:n][in_conflict])[:PAIRS_NAMED]:
        rows = np.flatnonzero(copies.codes[:n] == code)
        other = rows[dataset.y[rows] != dataset.y[rows[0]]][0]
        pairs.append((copies.paths[rows[0]], copies.paths[other]))
    where = {int(code): row for row, code in reversed(list(enumerate(copies.codes[:n])))}
    for row in range(n, n + n_test):
        if int(copies.codes[row]) in where and len(pairs) < PAIRS_NAMED:
            pairs.append((copies.paths[where[int(copies.codes[row])]], copies.paths[row]))
    return tuple(f"{short_name(a)} ~ {short_name(b)}" for a, b in pairs[:PAIRS_NAMED])


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
