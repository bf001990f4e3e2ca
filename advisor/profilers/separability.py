"""Embeddings → how well they tell classes apart, and how much items look like each class.

All by ridge regression, whose predictions of items left out have a closed form: nothing is trained, and five labels per
class are enough to ask. It is the probe's cheaper sister, run on every backbone before one is chosen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.left_out import left_out_residuals, rows_together
from advisor.tasks import Task

Floats = NDArray[np.float64]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties tried, relative to the mean squared length of a centred embedding; the one with the least
leave-one-out error counts. Our choice: four orders of magnitude around that length."""

FEWEST_MEMBERS = 2
"""Items of a class that leaving one out can score: without the only one, nothing is known of its class."""

NEIGHBOURS = 5
"""Items that vote on a colour or a loudness; our choice, odd."""


def leave_one_out_score(
    embeddings: NDArray[np.float32],
    y: NDArray[np.generic],
    task: Task,
    groups: NDArray[np.int64] | None = None,
) -> float | None:
    """Score a linear head on frozen embeddings, each item predicted by all the others, or by those of other groups.

    Parameters
    ----------
    embeddings : ndarray of float32 of shape (n, width)
        Finite.
    y : ndarray of shape (n,) or (n, n_labels)
        Targets as in :class:`advisor.dataset.Dataset`.
    task : Task
        What ``y`` is.
    groups : ndarray of int64 of shape (n,) or None
        Items of equal code, as of one speaker, are left out together.

    Returns
    -------
    float or None
        Accuracy balanced over classes of two items (or of two groups) or more; its mean over labels for multilabel; R2
        for regression, not below 0. ``None`` where there are no such classes, or no others to tell them from, or one
        group alone.
    """
    blocks = np.arange(len(y)) if groups is None else groups
    if len(np.unique(blocks)) < FEWEST_MEMBERS:
        return None
    if task is Task.REGRESSION:
        values = y.astype(np.float64)
        predicted = _leave_one_out(embeddings, values[:, None], blocks=groups)[0][:, 0]
        spread = float(np.sum((values - values.mean()) ** 2))
        return max(0.0, 1.0 - float(np.sum((values - predicted) ** 2)) / spread) if spread else 0.0
    if task is Task.MULTILABEL:
        members = y.astype(np.float64)
        n_with = members.sum(axis=0)
        members = members[:, np.minimum(n_with, len(members) - n_with) >= FEWEST_MEMBERS]
        if members.shape[1] == 0:
            return None
        told = _leave_one_out(embeddings, _standardised(members), blocks=groups)[0] > 0
        right = [
            (told[members[:, j] == v, j] == v).mean()
            for j in range(members.shape[1])
            for v in (0, 1)
        ]
        return float(np.mean(right))
    classes, codes = np.unique(y, return_inverse=True)
    pairs = np.unique(np.stack([codes, blocks]), axis=1)  # a class within one block counts once
    several = np.bincount(pairs[0])[codes] >= FEWEST_MEMBERS
    if classes.size < 2 or not several.any():
        return None
    # Standardised indicators: a rare class is not outvoted by a frequent one.
    targets = _standardised(np.eye(classes.size)[codes])
    scores = _leave_one_out(embeddings, targets, blocks=groups)[0]
    return balanced_accuracy(codes[several], np.argmax(scores, axis=1)[several])


def balanced_accuracy(codes: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Mean over classes of the share that was predicted right.

    Parameters
    ----------
    codes, predicted : ndarray of int of shape (n,)
        True and predicted classes.

    Returns
    -------
    float
    """
    right = codes == predicted
    return float(np.mean([right[codes == code].mean() for code in np.unique(codes)]))


def neighbour_skill(features: Floats, codes: NDArray[np.int64]) -> float:
    """Say how well a few numbers tell classes by the nearest items.

    Parameters
    ----------
    features : ndarray of float64 of shape (n, n_numbers)
        Few and on one scale, for example a mean colour.
    codes : ndarray of int64 of shape (n,)
        Classes.

    Returns
    -------
    float
        Accuracy (balanced) of the five nearest items, each left out of its own vote, above that of guessing: 0 for
        guessing, 1 for always right.
    """
    n_classes = np.unique(codes).size
    if n_classes < 2 or len(codes) <= NEIGHBOURS:
        return 0.0
    apart = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = codes[np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]]
    members = np.eye(int(codes.max()) + 1)
    votes = members[nearest].sum(axis=1) / np.maximum(members[codes].sum(axis=0), 1)
    accuracy = balanced_accuracy(codes, np.argmax(votes, axis=1))
    return max(0.0, (accuracy - 1 / n_classes) / (1 - 1 / n_classes))


def indicator_scores(
    embeddings: NDArray[np.float32],
    codes: NDArray[np.int64],
    others: NDArray[np.float32],
    blocks: NDArray[np.int64] | None = None,
) -> tuple[Floats, Floats]:
    """Score how much items look like each class, by a ridge on standardised indicators.

    Parameters
    ----------
    embeddings : ndarray of float32 of shape (n, width)
        Of labelled items, finite.
    codes : ndarray of int64 of shape (n,)
        Their classes, from 0; each occurs, and there are two at least.
    others : ndarray of float32 of shape (m, width)
        Of items without a label.
    blocks : ndarray of int64 of shape (n,) or None
        Labelled items of equal code, as of one speaker, are left out together; ``None`` where each stands alone.

    Returns
    -------
    ndarray of float64 of shape (n, n_classes), ndarray of float64 of shape (m, n_classes)
        Scores of the labelled items, each by all the others or those of other blocks, and of those without a label.
    """
    targets = _standardised(np.eye(int(codes.max()) + 1)[codes])
    return _leave_one_out(embeddings, targets, others, blocks)


def _standardised(members: Floats) -> Floats:
    scaled: Floats = (members - members.mean(axis=0)) / members.std(axis=0)
    return scaled


def directions(embeddings: NDArray[np.float32]) -> Floats:
    """Scale embeddings of shape (n, width) to length one."""
    long = embeddings.astype(np.float64)
    return np.asarray(long / np.maximum(np.linalg.norm(long, axis=1, keepdims=True), 1e-12))


def _leave_one_out(
    embeddings: NDArray[np.float32],
    targets: Floats,
    others: NDArray[np.float32] | None = None,
    blocks: NDArray[np.int64] | None = None,
) -> tuple[Floats, Floats]:
    """Predictions of ridge regressions with an intercept: of items left out with their blocks, and of others by all.

    Of shape (n, n_targets) and (m, n_targets).
    """
    x = directions(embeddings)
    middle = x.mean(axis=0)
    x -= middle
    offset = targets.mean(axis=0)
    centred = targets - offset
    values, vectors = np.linalg.eigh(x @ x.T)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ centred
    scale = max(float(values.mean()), 1e-12)
    together = rows_together(blocks)
    best, chosen, least = np.zeros_like(targets), PENALTIES[0], np.inf
    for penalty in PENALTIES:
        kept = values / (values + penalty * scale)
        fitted = vectors @ (kept[:, None] * turned)
        factor = np.hstack([vectors * np.sqrt(kept), np.full((len(x), 1), len(x) ** -0.5)])
        errors = left_out_residuals(centred - fitted, factor, together)
        if float(np.mean(errors**2)) < least:
            best, chosen, least = targets - errors, penalty, float(np.mean(errors**2))
    if others is None:
        return best, np.empty((0, targets.shape[1]))
    weights = x.T @ (vectors @ (turned / (values + chosen * scale)[:, None]))
    return best, (directions(others) - middle) @ weights + offset
