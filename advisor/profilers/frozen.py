"""Pictures and backbones → how well each backbone's frozen features know the classes, and where the pool lies.

The choice among backbones is made here, by measurement on this data, and not by reputation (a linear or nearest
neighbour probe is the best general predictor of what a backbone is worth later: arXiv 2407.12210, 26 models, 11 sets).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from advisor.backbone import fetch_backbone, find_backbone, usable_backbones
from advisor.dataset import Dataset, Task
from advisor.embedding import embed
from advisor.profile import PoolOverlap
from advisor.profilers.separability import apartness, leave_one_out_score

SECONDS = 25.0
"""Seconds that embedding the sample may take, for all backbones together; our choice."""

MULTIPLY_ADDS = 60e9
"""Multiply-adds a second of a backbone on two cores: 150 pictures/s of 0.4e9 (our measurement, OpenVINO)."""

FEWEST = 50
"""Pictures that are embedded however slow the backbones are; our choice."""

POOL_ASKED = 500
"""Pictures of the pool that are embedded; our choice: a share is then known to four points."""


def measure_backbones(
    dataset: Dataset, labelled: Sequence[str], rows: NDArray[np.int64], asked: Sequence[str]
) -> dict[str, object]:
    """Ask every backbone that can run here how well it knows these classes.

    Parameters
    ----------
    dataset : Dataset
        Whose targets are asked about, and whose pool.
    labelled : sequence of str
        Paths of the labelled pictures.
    rows : ndarray of int64
        Which of them to embed, most important first; the more a backbone costs, the fewer.
    asked : sequence of str
        Backbones the user asked for; none for those of the house.

    Returns
    -------
    dict of str to object
        ``backbones``, ``backbones_missing``, ``separability`` and ``pool_overlap``; next to nothing where no backbone
        can run.
    """
    missing = {name: why for name in asked if (why := fetch_backbone(name))}
    # Where nothing that was asked for can run, what is there is better than nothing; the missing ones are told.
    names = usable_backbones(dataset.modality, asked) or usable_backbones(dataset.modality)
    fields: dict[str, object] = {"backbones": names, "backbones_missing": missing}
    if not names or len(rows) < 2:
        return fields
    cost = sum(find_backbone(name).multiply_adds * 1e9 for name in names)
    rows = rows[: max(FEWEST, int(SECONDS * MULTIPLY_ADDS / max(cost, 1.0)))]
    paths = [labelled[row] for row in rows]
    known = {name: embed(paths, name) for name in names}
    if dataset.task is not Task.SEGMENTATION:
        scores = {name: _score(known[name], dataset, rows) for name in names}
        fields["separability"] = {name: round(score, 4) for name, score in scores.items()}
        # usable_backbones lists the smallest first, so that equal ones stay in that order
        names = tuple(sorted(names, key=lambda name: -scores[name]))
        fields["backbones"] = names
    fields["pool_overlap"] = _pool(dataset, names[0], known[names[0]])
    return fields


def _score(embeddings: NDArray[np.float32], dataset: Dataset, rows: NDArray[np.int64]) -> float:
    whole = np.isfinite(embeddings).all(axis=1)
    with threadpool_limits(1):  # several threads on matrices this small wait for each other
        return leave_one_out_score(embeddings[whole], dataset.y[rows[whole]], dataset.task)


def _pool(dataset: Dataset, backbone: str, known: NDArray[np.float32]) -> PoolOverlap | None:
    if dataset.X_unlabelled is None or len(dataset.X_unlabelled) == 0:
        return None
    # Evenly spaced: a pool listed by source or by class is seen from its beginning to its end.
    paths = [str(path) for path in dataset.X_unlabelled.iloc[:, 0].sort_values()]
    picked = np.unique(np.linspace(0, len(paths) - 1, min(POOL_ASKED, len(paths))).astype(int))
    there = embed([paths[i] for i in picked], backbone)
    there, here = (part[np.isfinite(part).all(axis=1)] for part in (there, known))
    if len(here) < 2 or len(there) == 0:
        return None
    with threadpool_limits(1):
        auc, foreign = apartness(here, there)
    return PoolOverlap(
        backbone=backbone, n_pool=len(there), auc=round(auc, 4), share_foreign=round(foreign, 4)
    )
