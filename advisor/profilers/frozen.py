"""Items and backbones → how well each backbone's frozen features know the classes, and where the pool lies.

Items are pictures, texts or recordings; only backbones of their own modality are asked. The choice among backbones is
made here, by measurement on this data, and not by reputation (a linear or nearest neighbour probe is the best general
predictor of what a backbone is worth later: arXiv 2407.12210, 26 models, 11 sets).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from advisor.backbone import fetch_backbone, find_backbone, usable_backbones
from advisor.dataset import Dataset, Modality, Task
from advisor.embedding import embed
from advisor.profile import ITEMS
from advisor.profilers.pool import Labelled, look_at_pool
from advisor.profilers.separability import leave_one_out_score

SECONDS = 25.0
"""Seconds that embedding the sample and a part of the pool may take, for all backbones together; our choice."""

MULTIPLY_ADDS = 60e9
"""Multiply-adds a second of a backbone on two cores: 150 pictures/s of 0.4e9 with OpenVINO, 415 texts/s of 12 tokens
with MiniLM, 30 recordings/s of 5 s with Whisper's smallest encoder (our measurements)."""

FEWEST = 50
"""Items that are embedded however slow the backbones are; our choice."""

POOL_ASKED = 500
"""Items of the pool that are embedded; our choice: a share is then known to four points."""


def measure_backbones(
    dataset: Dataset,
    rows: NDArray[np.int64],
    asked: Sequence[str],
    *,
    labelled: Sequence[str],
    pool: Sequence[str],
    size: float = 1.0,
) -> dict[str, object]:
    """Ask every backbone that can run here how well it knows these classes.

    Parameters
    ----------
    dataset : Dataset
        Whose targets are asked about.
    rows : ndarray of int64
        Which labelled items to embed, most important first; the more a backbone costs, the fewer.
    asked : sequence of str
        Backbones the user asked for; none for those of the house.
    labelled, pool : sequence of str
        The labelled items and those of the pool: paths of files, or texts.
    size : float
        What an item costs beside what the cards tell: one for a picture, hundreds of tokens, seconds of sound.

    Returns
    -------
    dict of str to object
        ``backbones``, ``backbones_missing``, ``licences``, ``separability``, ``pool_overlap`` and ``pool_prior``; next
        to nothing where no backbone can run.
    """
    names, missing = _find_usable(dataset.modality, asked)
    fields: dict[str, object] = {
        "backbones": names,
        "backbones_missing": missing,
        "licences": {name: find_backbone(name).licence for name in names},
    }
    if not names or len(rows) < 2:
        return fields
    cost = size * sum(find_backbone(name).multiply_adds * 1e9 for name in names)
    most = max(FEWEST, int(SECONDS * MULTIPLY_ADDS / max(cost, 1.0)))
    rows = rows[: max(FEWEST, most * 2 // 3)]
    items = [labelled[row] for row in rows]
    known = {name: embed(items, name) for name in names}
    if dataset.task is not Task.SEGMENTATION:
        scores = {name: _score(known[name], dataset, rows) for name in names}
        fields["separability"] = {name: round(score, 4) for name, score in scores.items()}
        # usable_backbones lists the smallest first, so that equal ones stay in that order
        names = tuple(sorted(names, key=lambda name: -scores[name]))
        fields["backbones"] = names
    here = _labelled(dataset, rows, known[names[0]])
    limit = min(POOL_ASKED, max(FEWEST, most // 3))
    return fields | _pool(pool, limit, names[0], here)


def _find_usable(
    modality: Modality, asked: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """List the backbones that can run here, and say of those asked for that cannot what they lack."""
    missing: dict[str, str] = {}
    for name in asked:
        of = find_backbone(name, modality).modality
        why = f"it is for {ITEMS[of]}" if of is not modality else fetch_backbone(name)
        if why:
            missing[name] = why
    wanted = [name for name in asked if name not in missing]
    # Where nothing that was asked for can run, what is there is better than nothing; the missing ones are told.
    names = usable_backbones(modality, wanted) or usable_backbones(modality)
    return names, missing


def _score(embeddings: NDArray[np.float32], dataset: Dataset, rows: NDArray[np.int64]) -> float:
    whole = np.isfinite(embeddings).all(axis=1)
    with threadpool_limits(1):  # several threads on matrices this small wait for each other
        return leave_one_out_score(embeddings[whole], dataset.y[rows[whole]], dataset.task)


def _labelled(
    dataset: Dataset, rows: NDArray[np.int64], embeddings: NDArray[np.float32]
) -> Labelled:
    """Pair readable embeddings with their classes, where each item has one."""
    whole = np.isfinite(embeddings).all(axis=1)
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return Labelled(embeddings[whole], None, (), np.empty(0))
    counts = np.bincount(dataset.y.astype(np.int64), minlength=dataset.n_classes)
    codes = dataset.y[rows[whole]].astype(np.int64)
    return Labelled(embeddings[whole], codes, dataset.classes, counts / max(1, counts.sum()))


def _pool(pool: Sequence[str], limit: int, backbone: str, labelled: Labelled) -> dict[str, object]:
    """Lay a part of the pool beside the labelled items, where there are any of both."""
    # Evenly spaced: a pool listed by source or by class is seen from its beginning to its end.
    items = sorted(pool)
    picked = np.unique(np.linspace(0, len(items) - 1, min(limit, len(items))).astype(int))
    there = embed([items[i] for i in picked], backbone)
    there = there[np.isfinite(there).all(axis=1)]
    if len(labelled.embeddings) < 2 or len(there) == 0:
        return {"pool_overlap": None}
    with threadpool_limits(1):
        overlap, prior = look_at_pool(labelled, there, backbone)
    return {"pool_overlap": overlap, "pool_prior": prior}
