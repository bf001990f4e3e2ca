"""Features of labelled and unlabelled items, and how sure a model is of each → which of them to label next.

What is worth a label stands for many others, is unlike those chosen beside it, and is not what the model knows anyway.
One clustering asks for all three: k-means with as many clusters as there will be new labels, in which items count by
the model's doubt (Zhdanov 2019, arXiv 1901.05954), and from each cluster, the heaviest first, of the doubted items the
one at its centre.
With one or two labels per class the model doubts nearly all there is, and what is chosen is what is typical of the pool
(TypiClust: Hacohen et al. 2022, arXiv 2202.02794): at 1, 2 and 5 labels per class weighing by doubt was never worse
than not weighing beyond the noise of the draws, so that there is one rule and no switch (our measurement).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from advisor.tasks import Task

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

DIRECTIONS = 256
"""Directions of the largest spread that clusters are found in. As good as all of them, and faster; with 64 the choice
among film reviews was no better than chance (our measurement, 16 and 24 draws)."""

DOUBTED = 0.75
"""Share of a cluster's doubt that is held by the items that may stand for it, the most doubted ones: no item that the
model is sure of is then chosen where there are others. It costs nothing (our measurement: 5, 20 labels per class)."""

MOST_CLUSTERS = 1_000
"""Clusters at most, for time: 20,000 items are in so many within seconds. Beyond it several items come from one."""

EXACT_CLUSTERS = 100
"""Clusters above which k-means learns from a part of the items at a time, for time (our choice)."""

BATCH = 2_048
"""Items of such a part."""

ROUNDS = 50
"""Rounds of k-means at most; our choice: it hardly moves after twenty."""

STEPS = 200
"""Steps of the fit of a logistic regression at most."""


@dataclass(frozen=True)
class Belief:
    """What a model of the labelled items makes of others.

    Attributes
    ----------
    values : ndarray
        What it takes them for: codes of classes, 0/1 per label, or numbers, as ``y`` of a dataset.
    chances : ndarray of shape (n,) or None
        How probable that is, in its opinion; None for numbers and several labels.
    doubts : ndarray of shape (n,)
        From 0, it is sure, to 1: two classes are equally probable, or one label may as well be as not. All 1 for
        numbers, of which this model does not say how sure it is.
    rivals : ndarray of int64 of shape (n,) or None
        The second most probable class.
    """

    values: NDArray[Any]
    chances: Floats | None
    doubts: Floats
    rivals: Rows | None = None


def believe(known: Floats, y: NDArray[Any], others: Floats, task: Task) -> Belief:
    """Fit a linear model on labelled items and ask it about others.

    Parameters
    ----------
    known : ndarray of shape (n_labelled, n_features)
        Finite.
    y : ndarray
        Their targets as in :class:`advisor.dataset.Dataset`.
    others : ndarray of shape (n, n_features)
        Finite.
    task : Task
        What ``y`` is.

    Returns
    -------
    Belief
    """
    centre, spread = known.mean(axis=0), float(known.std(axis=0).mean()) or 1.0
    known, others = (known - centre) / spread, (others - centre) / spread
    with threadpool_limits(1):  # sums in one order, whatever the machine
        if task is Task.REGRESSION:
            from sklearn.linear_model import Ridge

            model = Ridge(alpha=float(known.shape[1])).fit(known, y.astype(np.float64))
            return Belief(model.predict(others), None, np.ones(len(others)))
        if task is Task.MULTILABEL:
            members = np.column_stack([_chances(known, column, others)[:, -1] for column in y.T])
            doubts = (1.0 - np.abs(2.0 * members - 1.0)).max(axis=1)
            return Belief((members >= 0.5).astype(np.int8), None, doubts)
        chances = _chances(known, y, others)
    codes = np.unique(y).astype(np.int64)
    order = np.argsort(-chances, axis=1, kind="stable")
    rows = np.arange(len(others))
    best = chances[rows, order[:, 0]]
    if len(codes) < 2:
        return Belief(codes[order[:, 0]], best, np.ones(len(others)))
    second = chances[rows, order[:, 1]]
    return Belief(codes[order[:, 0]], best, 1.0 - (best - second), codes[order[:, 1]])


def _chances(known: Floats, y: NDArray[Any], others: Floats) -> Floats:
    """Ask a logistic regression how probable each class that occurs is, of shape (n, n_classes)."""
    found = np.unique(y)
    if len(found) < 2:
        return np.full((len(others), 1), float(found[0]) if len(found) else 0.0)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=STEPS).fit(known, y)
    return np.asarray(model.predict_proba(others), dtype=np.float64)


@dataclass(frozen=True)
class Order:
    """Unlabelled items by how much a label of each is worth.

    Attributes
    ----------
    rows : ndarray of int64 of shape (n,)
        All items, the one most worth a label first.
    stands_for : ndarray of int64 of shape (n,)
        Per item, in the order of the items and not of ``rows``: how many are in its cluster.
    """

    rows: Rows
    stands_for: Rows


def order_items(items: Floats, weights: Floats, n: int, seed: int) -> Order:
    """Order unlabelled items by how much a label of each is worth, when ``n`` of them will get one.

    Parameters
    ----------
    items : ndarray of shape (n_items, n_features)
        Finite.
    weights : ndarray of shape (n_items,)
        How much each counts; equal ones make the choice one of typical items alone.
    n : int
        How many will be labelled, 1 or more.
    seed : int
        Seed of the clustering.

    Returns
    -------
    Order
        The first ``n`` are of different clusters, the heaviest first, and each is the one nearest to the centre of its
        own among those doubted most.

    Examples
    --------
    >>> items = np.array([[0.0], [0.1], [5.0], [5.1], [5.2], [9.0]])
    >>> order_items(items, np.ones(6), 3, seed=0).rows[:3].tolist()
    [3, 0, 5]
    """
    with threadpool_limits(1):  # sums in one order, whatever the machine
        items = _reduced(items)
        weights = np.maximum(
            weights, np.finfo(np.float32).eps
        )  # where all are sure: still a choice
        n_clusters = min(n, MOST_CLUSTERS, len(np.unique(items, axis=0)))
        clusters, centres = _cluster(items, weights, n_clusters, seed)
    mass = np.bincount(clusters, weights, minlength=n_clusters).astype(np.float64)
    distance = ((items - centres[clusters]) ** 2).sum(axis=1)
    place = _place_within(clusters, distance, weights < _least_doubt(clusters, weights, mass))
    rows = np.lexsort((clusters, -mass[clusters], place))
    return Order(rows.astype(np.int64), np.bincount(clusters, minlength=n_clusters)[clusters])


def _reduced(items: Floats) -> Floats:
    """Look at items in the directions in which they differ most."""
    if items.shape[1] <= DIRECTIONS or len(items) < items.shape[1]:
        return items  # few are clustered faster than turned
    centred = items - items.mean(axis=0)
    return np.asarray(centred @ np.linalg.eigh(centred.T @ centred)[1][:, -DIRECTIONS:])


def _cluster(values: Floats, weights: Floats, n_clusters: int, seed: int) -> tuple[Rows, Floats]:
    """Find clusters by k-means; the number of each row's, and their centres."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if n_clusters <= EXACT_CLUSTERS:
        model = KMeans(n_clusters, n_init=1, max_iter=ROUNDS, random_state=seed)
    else:
        model = MiniBatchKMeans(
            n_clusters, n_init=1, max_iter=ROUNDS, batch_size=BATCH, random_state=seed
        )
    model.fit(values, sample_weight=weights)
    return np.asarray(model.labels_, dtype=np.int64), np.asarray(model.cluster_centers_)


def _least_doubt(clusters: Rows, weights: Floats, mass: Floats) -> Floats:
    """Find, for each item, from which weight on items of its cluster may stand for it."""
    order = np.lexsort((-weights, clusters))
    ordered = clusters[order]
    begins = np.searchsorted(ordered, ordered)
    total = np.r_[0.0, np.cumsum(weights[order])]
    may = total[:-1] - total[begins] < DOUBTED * mass[ordered]
    least = np.full(len(mass), np.inf)
    np.minimum.at(least, ordered[may], weights[order][may])
    return np.asarray(least[clusters])


def _place_within(clusters: Rows, distance: Floats, sure: NDArray[np.bool_]) -> Rows:
    """Number the items of each cluster from 0, the nearest to its centre first, sure ones behind all others."""
    order = np.lexsort((np.arange(len(clusters)), distance, sure, clusters))
    ordered = clusters[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[begins, len(ordered)])
    place = np.empty(len(clusters), dtype=np.int64)
    place[order] = np.arange(len(clusters)) - np.repeat(begins, sizes)
    return place
