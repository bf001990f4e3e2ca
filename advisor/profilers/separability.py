"""Embeddings → how well they tell classes apart, and whether two sets of items lie in one place.

All by ridge regression, whose leave-one-out predictions have a closed form: nothing is trained, and five labels per
class are enough to ask. It is the probe's cheaper sister, run on every backbone before one is chosen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.tasks import Task

Floats = NDArray[np.float64]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties tried, relative to the mean squared length of a centred embedding; the one with the least
leave-one-out error counts. Our choice: four orders of magnitude around that length."""

AUC_PENALTY = 0.1
"""Ridge penalty of telling two sets apart, relative as above; our choice, the middle of ``PENALTIES``."""

AUC_FOLDS = 5
"""Folds of that: leaving single items out lets a model that knows nothing rank below chance."""

NEIGHBOURS = 5
"""Items that vote on a colour or a loudness; our choice, odd."""

NEAR_QUANTILE = 0.99
"""Quantile of the distances from labelled items to the nearest other one, beyond which an item is foreign: by that
measure 1 % of items of the same kind are, too."""


def leave_one_out_score(
    embeddings: NDArray[np.float32], y: NDArray[np.generic], task: Task
) -> float:
    """Score a linear head on frozen embeddings, each item predicted by all the others.

    Parameters
    ----------
    embeddings : ndarray of float32 of shape (n, width)
        Finite.
    y : ndarray of shape (n,) or (n, n_labels)
        Targets as in :class:`advisor.dataset.Dataset`.
    task : Task
        What ``y`` is.

    Returns
    -------
    float
        Accuracy balanced over classes; its mean over labels for multilabel; R2 for regression, not below 0.
    """
    if task is Task.REGRESSION:
        values = y.astype(np.float64)
        predicted = _leave_one_out(embeddings, values[:, None])[:, 0]
        spread = float(np.sum((values - values.mean()) ** 2))
        return max(0.0, 1.0 - float(np.sum((values - predicted) ** 2)) / spread) if spread else 0.0
    if task is Task.MULTILABEL:
        members = y.astype(np.float64)
        members = members[:, (members.min(axis=0) == 0) & (members.max(axis=0) == 1)]
        if members.shape[1] == 0:
            return 0.0
        told = _leave_one_out(embeddings, _standardised(members)) > 0
        right = [
            (told[members[:, j] == v, j] == v).mean()
            for j in range(members.shape[1])
            for v in (0, 1)
        ]
        return float(np.mean(right))
    classes, codes = np.unique(y, return_inverse=True)
    if classes.size < 2:
        return 0.0
    # Standardised indicators: a rare class is not outvoted by a frequent one.
    scores = _leave_one_out(embeddings, _standardised(np.eye(classes.size)[codes]))
    return balanced_accuracy(codes, np.argmax(scores, axis=1))


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


def apartness(labelled: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[float, float]:
    """Say how far other items lie from the labelled ones.

    Parameters
    ----------
    labelled : ndarray of float32 of shape (n, width)
        Embeddings, n at least 2.
    others : ndarray of float32 of shape (m, width)
        Embeddings, m at least 1.

    Returns
    -------
    auc : float
        Cross-validated AUC of telling the two apart by a ridge: about 0.5 for one kind of items, 1 for two.
    share_foreign : float
        Share of the others farther (by angle) from every labelled item than ``NEAR_QUANTILE`` of the labelled ones are
        from each other.
    """
    # As many of each as there are of fewer, so that neither side is rare.
    size = min(len(labelled), len(others))
    both = np.concatenate([labelled[:size], others[:size]])
    side = np.repeat([0.0, 1.0], size)
    folds = np.tile(np.arange(size) % min(AUC_FOLDS, size), 2)
    auc = _cross_validated_auc(both, side, folds) if size > 1 else 0.5
    a, b = _directions(labelled), _directions(others)
    among = a @ a.T
    np.fill_diagonal(among, -1.0)
    reach = float(np.quantile(1.0 - among.max(axis=1), NEAR_QUANTILE))
    return auc, float(np.mean(1.0 - (b @ a.T).max(axis=1) > reach))


def _standardised(members: Floats) -> Floats:
    scaled: Floats = (members - members.mean(axis=0)) / members.std(axis=0)
    return scaled


def _directions(embeddings: NDArray[np.float32]) -> Floats:
    long = embeddings.astype(np.float64)
    return np.asarray(long / np.maximum(np.linalg.norm(long, axis=1, keepdims=True), 1e-12))


def _leave_one_out(embeddings: NDArray[np.float32], targets: Floats) -> Floats:
    """Leave-one-out predictions of ridge regressions with an intercept, of shape (n, n_targets)."""
    x = _directions(embeddings)
    x -= x.mean(axis=0)
    offset = targets.mean(axis=0)
    centred = targets - offset
    values, vectors = np.linalg.eigh(x @ x.T)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ centred
    scale = max(float(values.mean()), 1e-12)
    best, least = np.zeros_like(targets), np.inf
    for penalty in PENALTIES:
        kept = values / (values + penalty * scale)
        fitted = vectors @ (kept[:, None] * turned)
        own = np.minimum((vectors**2) @ kept + 1.0 / len(x), 1.0 - 1e-6)
        errors = (centred - fitted) / (1.0 - own)[:, None]
        if float(np.mean(errors**2)) < least:
            best, least = targets - errors, float(np.mean(errors**2))
    return best


def _cross_validated_auc(
    embeddings: NDArray[np.float32], side: Floats, folds: NDArray[np.int64]
) -> float:
    """AUC of out-of-fold ridge scores for ``side`` (0 or 1), not below 0.5."""
    x = _directions(embeddings)
    ranks = np.zeros(len(x))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        middle = x[train].mean(axis=0)
        a, b = x[train] - middle, x[test] - middle
        kernel = a @ a.T
        penalty = AUC_PENALTY * max(float(np.trace(kernel)) / len(a), 1e-12)
        weights = np.linalg.solve(kernel + penalty * np.eye(len(a)), side[train] - 0.5)
        ranks[test] = b @ (a.T @ weights)
    order = np.argsort(np.argsort(ranks, kind="stable"), kind="stable") + 1
    n_one = int(side.sum())
    n_zero = len(side) - n_one
    auc = (float(order[side > 0].sum()) - n_one * (n_one + 1) / 2) / (n_one * n_zero)
    return max(0.5, auc)
