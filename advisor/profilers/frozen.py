"""Items and backbones → how well each backbone's frozen features know the classes, and where the pool lies.

Items are pictures, texts or recordings; only backbones of their own modality are asked. The choice among backbones is
made here, by measurement on this data, and not by reputation (a linear or nearest neighbour probe is the best general
predictor of what a backbone is worth later: arXiv 2407.12210, 26 models, 11 sets).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from advisor.backbone import BackboneCard, fetch_backbone, find_backbone, usable_backbones
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

OF_A_CLASS = 3
"""Items of a class that are embedded where there is no time for as many of each: some classes are left out then. Our
choice: every item is then told by two others."""

POOL_ASKED = 500
"""Items of the pool that are embedded; our choice: a share is then known to four points."""


def measure_backbones(
    dataset: Dataset,
    rows: NDArray[np.int64],
    asked: Sequence[str],
    *,
    labelled: Sequence[str],
    pool: Sequence[str],
    size: Callable[[BackboneCard], float] = lambda card: 1.0,
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
    size : callable
        What an item costs a backbone beside what its card tells: one for a picture, hundreds of tokens, seconds of
        sound, and no more of them than it reads.

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
    cards = [find_backbone(name) for name in names]
    cost = sum(size(card) * card.multiply_adds * 1e9 for card in cards)
    most = max(FEWEST, int(SECONDS * MULTIPLY_ADDS / max(cost, 1.0)))
    limit = max(FEWEST, most * 2 // 3)
    if dataset.task is not Task.SEGMENTATION:
        scores = _scores(names, dataset, _several_of_each(rows, dataset, limit), labelled)
        fields["separability"] = {name: round(score, 4) for name, score in scores.items()}
        # usable_backbones lists the smallest first, so that equal ones stay in that order
        names = tuple(sorted(names, key=lambda name: -scores.get(name, 0.0)))
        fields["backbones"] = names
    if not pool:
        return fields | {"pool_overlap": None}
    # of as many classes as can be, for a pool may hold any of them; what was embedded before is kept
    rows = rows[:limit]
    here = _labelled(dataset, rows, embed([labelled[row] for row in rows], names[0]))
    return fields | _pool(pool, min(POOL_ASKED, max(FEWEST, most // 3)), names[0], here)


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


def _several_of_each(rows: NDArray[np.int64], dataset: Dataset, limit: int) -> NDArray[np.int64]:
    """The first rows; where they would be one or two of a class, ``OF_A_CLASS`` of each of fewer classes.

    These are the first in the order of the rows, and those of fewer items come last.
    """
    if dataset.task not in (Task.BINARY, Task.MULTICLASS) or len(rows) <= limit:
        return rows[:limit]
    codes = dataset.y[rows]
    if limit >= OF_A_CLASS * np.unique(codes).size:
        return rows[:limit]
    members = [rows[codes == code][:OF_A_CLASS] for code in dict.fromkeys(codes.tolist())]
    return np.concatenate(sorted(members, key=lambda few: -len(few)))[:limit]


def _scores(
    names: Sequence[str], dataset: Dataset, rows: NDArray[np.int64], labelled: Sequence[str]
) -> dict[str, float]:
    """Separability by backbone; empty where the rows hold no class twice."""
    found: dict[str, float] = {}
    for name in names:
        embeddings = embed([labelled[row] for row in rows], name)
        whole = np.isfinite(embeddings).all(axis=1)
        with threadpool_limits(1):  # several threads on matrices this small wait for each other
            kept = rows[whole]
            groups = None if dataset.groups is None else dataset.groups[kept]
            score = leave_one_out_score(embeddings[whole], dataset.y[kept], dataset.task, groups)
        if score is not None:
            found[name] = score
    return found


def _labelled(
    dataset: Dataset, rows: NDArray[np.int64], embeddings: NDArray[np.float32]
) -> Labelled:
    """Pair readable embeddings with their classes, where each item has one."""
    whole = np.isfinite(embeddings).all(axis=1)
    groups = None if dataset.groups is None else dataset.groups[rows[whole]]
    if dataset.task not in (Task.BINARY, Task.MULTICLASS):
        return Labelled(embeddings[whole], None, (), np.empty(0), groups)
    counts = np.bincount(dataset.y.astype(np.int64), minlength=dataset.n_classes)
    codes = dataset.y[rows[whole]].astype(np.int64)
    shares = counts / max(1, counts.sum())
    return Labelled(embeddings[whole], codes, dataset.classes, shares, groups)


def _pool(pool: Sequence[str], limit: int, backbone: str, labelled: Labelled) -> dict[str, object]:
    """Lay a part of the pool beside the labelled items, where there are any of both, and of several groups."""
    # Evenly spaced: a pool listed by source or by class is seen from its beginning to its end.
    items = sorted(pool)
    picked = np.unique(np.linspace(0, len(items) - 1, min(limit, len(items))).astype(int))
    there = embed([items[i] for i in picked], backbone)
    there = there[np.isfinite(there).all(axis=1)]
    n_alone = len(labelled.embeddings if labelled.blocks is None else np.unique(labelled.blocks))
    if n_alone < 2 or len(there) == 0:
        return {"pool_overlap": None}
    with threadpool_limits(1):
        overlap, prior = look_at_pool(labelled, there, backbone)
    return {"pool_overlap": overlap, "pool_prior": prior}
