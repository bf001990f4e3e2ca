"""Embeddings of labelled items and of a pool → whether they are of one kind, and which classes the pool seems to hold.

Labels are mostly drawn evenly over the classes while a pool is as it comes. That alone makes the two differ, and is no
fault: so the shares of the classes are estimated first, and the rest is asked as if the labelled items had those.

Labelled items of one group (takes of a speaker, photos of a patient) lie near each other as no item of another group
does, so what is new in the pool would look foreign: whole groups are left out together, and each counts once.

References
----------
Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545; Storey (2002), A direct approach to
false discovery rates (the share of true null hypotheses).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.pools import PoolOverlap, PoolPrior
from advisor.profilers.class_shares import ClassShares, estimate_shares
from advisor.profilers.separability import directions, indicator_scores

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Embeddings = NDArray[np.float32]

AUC_PENALTY = 0.1
"""Ridge penalty of telling two sets apart, relative to the mean squared length of a centred embedding; our choice, the
middle of those that :mod:`advisor.profilers.separability` tries."""

AUC_FOLDS = 5
"""Folds of that: leaving single items out lets a model that knows nothing rank below chance."""

EXCHANGES = 199
"""Random exchanges of the two sides; our choice: a p-value is then a multiple of .005."""

FAR = 0.3
"""p-value of lying far from the labelled items up to which items of the pool may be foreign. Of those above it, in a
pool of the same kind, there are ``1 - FAR``; what is missing is foreign (Storey 2002). Of pools with 30 % of another
set it found, mean of five draws at 5, 10 and 25 labels per class: films among questions .19, .21, .25; a bank's
questions there .25, .24, .27; steel and insects in CIFAR-10 .21, .23, .26; prompts among digits .21, .29, .30; digits
among prompts .24, .28, .28; CIFAR-10 among insects .15, .21, .25; without foreign items .09 at most, mostly under .02.
``share_foreign_low`` was above 0 with a share of .2 or more in 49, 76 and 91 of 100 of the first and in 1 of 100 of the
second. Counting what lies farther than 99 % of the labelled items, as before, found .06 to .13 of films and of prompts
(our measurement)."""

FOREIGN, SOME = 0.1, 0.1
"""Where the share of foreign items seems to be as large as the second, those with a p-value up to the first are left
out of the class shares; our choice. Beside ten labelled items the least p-value is 1 / 11; without foreign items it
would be a widely spread class that is left out."""

ONE_SIDED = 1.645
"""Standard deviations below which 5 % of a normal distribution lie."""

SHIFTED = 0.05
"""p-value of other class shares up to which foreign items are looked for as if the labelled ones had these; our choice:
what is foreign is taken for some class, too, and a guess that it is not would hide it."""

FEWEST_ASKED = 20
"""Items of the pool that class shares are estimated from at least; our choice: a share is then known to .1 at best."""

FEWEST_LABELS = 2
"""Labels of each class for that at least, in as many blocks: each item is scored without itself and its block."""

MOST_CLASSES = 100
"""Classes that shares are estimated of at most; our choice: of 500 items five are of each."""


@dataclass(frozen=True)
class Labelled:
    """Labelled items beside which a pool is laid.

    Attributes
    ----------
    embeddings : ndarray of float32 of shape (n, width)
        Finite; a fair sample of each class.
    codes : ndarray of int64 of shape (n,) or None
        Their classes; ``None`` where an item has no single one.
    classes : sequence of str
        What these are called.
    shares : ndarray of float64 of shape (n_classes,)
        Of all labelled items, of which these may be a sample with other ones.
    blocks : ndarray of int64 of shape (n,) or None
        Items of equal code, as of one speaker, are left out together and count as one; ``None`` where each is alone.
    """

    embeddings: Embeddings
    codes: Codes | None
    classes: Sequence[str]
    shares: Floats
    blocks: Codes | None = None


def look_at_pool(
    labelled: Labelled, pool: Embeddings, backbone: str
) -> tuple[PoolOverlap, PoolPrior | None]:
    """Lay a pool beside the labelled items.

    Parameters
    ----------
    labelled : Labelled
        Two items or more, of two blocks or more.
    pool : ndarray of float32 of shape (m, width)
        Finite, one item or more; in any order.
    backbone : str
        Whose embeddings these are.

    Returns
    -------
    PoolOverlap, PoolPrior or None
        ``None`` without classes, or with too few labels or items for their shares.
    """
    blocks, each = _blocks(labelled)
    own, theirs = nearest_distances(labelled.embeddings, pool, blocks)
    mine, others, n_blocks = _sampled(labelled, each), np.ones(len(theirs)), int(blocks.max()) + 1
    usual = far_chances(own, theirs, mine, n_blocks)
    near = (usual > FOREIGN) | (_share_foreign(usual) < SOME)
    found = _class_shares(labelled, pool, near)
    if found is not None and labelled.codes is not None:
        prior = np.bincount(labelled.codes, each, len(found.shares)) / each.sum()
        if found.p_value <= SHIFTED:
            mine = each * (found.shares / prior)[labelled.codes]
        # a class that is not in the pool cannot be drawn from it either
        least = np.minimum(prior, 1 / len(pool))
        others = (found.chances * (prior / np.maximum(found.shares, least))).sum(axis=1)
    auc, p_value = tell_apart(labelled.embeddings, pool, others, blocks)
    foreign = _share_foreign(far_chances(own, theirs, mine, n_blocks))
    # which labelled items there are decides where FAR lies, which pool items how many are beyond
    n_both = 1 / (1 / len(theirs) + (np.bincount(blocks, mine) ** 2).sum() / mine.sum() ** 2)
    low = foreign - ONE_SIDED * np.sqrt(FAR / (1.0 - FAR) / n_both)
    overlap = PoolOverlap(
        backbone=backbone,
        n_pool=len(pool),
        auc=round(auc, 4),
        p_value=round(p_value, 4),
        share_foreign=round(foreign, 4),
        share_foreign_low=round(max(0.0, float(low)), 4),
    )
    if found is None:
        return overlap, None

    def named(values: Floats) -> dict[str, float]:
        return dict(zip(labelled.classes, (round(float(v), 4) for v in values), strict=True))

    return overlap, PoolPrior(
        backbone=backbone,
        n_pool=int(near.sum()),
        shares=named(found.shares),
        low=named(found.low),
        high=named(found.high),
        distance=round(found.distance, 4),
        p_value=round(found.p_value, 4),
    )


def _blocks(labelled: Labelled) -> tuple[Codes, Floats]:
    """Codes of the blocks from 0, and the share of its block that each item is."""
    if labelled.blocks is None:
        return np.arange(len(labelled.embeddings)), np.ones(len(labelled.embeddings))
    blocks = np.unique(labelled.blocks, return_inverse=True)[1].astype(np.int64)
    return blocks, 1.0 / np.bincount(blocks)[blocks]


def _sampled(labelled: Labelled, each: Floats) -> Floats:
    """How much each labelled item counts, so that the sample has the shares of all of them: ``each`` where it has."""
    if labelled.codes is None:
        return each
    prior = np.bincount(labelled.codes, each, len(labelled.shares)) / each.sum()
    return np.asarray(each * labelled.shares[labelled.codes] / prior[labelled.codes])


def nearest_distances(
    labelled: Embeddings, pool: Embeddings, blocks: Codes | None = None
) -> tuple[Floats, Floats]:
    """Measure how far items lie from the nearest labelled one, other than themselves and their block.

    Parameters
    ----------
    labelled, pool : ndarray of float32 of shape (n, width), (m, width)
        Embeddings; n at least 2.
    blocks : ndarray of int64 of shape (n,) or None
        Codes of the labelled items' blocks, two at least; ``None`` where each stands alone.

    Returns
    -------
    ndarray of float64 of shape (n,), ndarray of float64 of shape (m,)
        One minus the cosine of the angle.
    """
    a, b = directions(labelled), directions(pool)
    among = a @ a.T
    codes = np.arange(len(a)) if blocks is None else blocks
    among[codes[:, None] == codes] = -1.0
    return 1.0 - among.max(axis=1), 1.0 - (b @ a.T).max(axis=1)


def far_chances(
    own: Floats, theirs: Floats, weights: Floats | None = None, n_blocks: int | None = None
) -> Floats:
    """Say how usual it is for a labelled item to lie as far from the others as items of the pool do.

    Parameters
    ----------
    own, theirs : ndarray of float64 of shape (n,), (m,)
        As :func:`nearest_distances` returns.
    weights : ndarray of float64 of shape (n,) or None
        How much each labelled item counts; ``None`` for all alike.
    n_blocks : int or None
        As how many items they all count; ``None`` for n.

    Returns
    -------
    ndarray of float64 of shape (m,)
        Conformal p-values, from 1 / (n_blocks + 1) to 1: even for items of the same kind, small for foreign ones.

    Examples
    --------
    >>> far_chances(np.array([0.1, 0.2, 0.3]), np.array([0.05, 0.25, 0.9])).tolist()
    [1.0, 0.5, 0.25]
    """
    size = len(own) if n_blocks is None else n_blocks
    weights = np.ones(len(own)) if weights is None else weights
    counts = weights * (size / weights.sum())
    order = np.argsort(own)
    beyond = np.append(np.cumsum(counts[order][::-1])[::-1], 0.0)
    farther = beyond[np.searchsorted(own[order], theirs, side="left")]
    return np.asarray((1.0 + farther) / (size + 1))


def _share_foreign(chances: Floats) -> float:
    """Share of items that are missing among those that lie as near as labelled ones do."""
    return max(0.0, 1.0 - float(np.mean(chances > FAR)) / (1.0 - FAR))


def _class_shares(
    labelled: Labelled, pool: Embeddings, near: NDArray[np.bool_]
) -> ClassShares | None:
    """Shares of the classes among near items; the probabilities are of all items."""
    codes, n_classes = labelled.codes, len(labelled.classes)
    if codes is None or not 2 <= n_classes <= MOST_CLASSES or near.sum() < FEWEST_ASKED:
        return None
    blocks, _ = _blocks(labelled)
    # a class within one block counts once
    of_each = np.unique(np.stack([codes, blocks]), axis=1)[0]
    if np.bincount(of_each, minlength=n_classes).min() < FEWEST_LABELS:
        return None
    own, scores = indicator_scores(labelled.embeddings, codes, pool, blocks)
    return estimate_shares(own, codes, scores, labelled.shares, near)


def tell_apart(
    labelled: Embeddings,
    pool: Embeddings,
    weights: Floats | None = None,
    blocks: Codes | None = None,
) -> tuple[float, float]:
    """Tell labelled items from those of the pool by a ridge: a classifier two-sample test.

    It sees what lies along a line in the embedding. A large p-value does not say that both are of one kind: with few
    labels only large differences stand out. A small one does not say what the difference is: another source, other
    classes, or labelled items that were picked (the easy ones, the first ones). Only other shares of the same classes
    are made up for, by ``weights``.

    Parameters
    ----------
    labelled, pool : ndarray of float32 of shape (n, width), (m, width)
        Embeddings; as many of each are used as there are of fewer.
    weights : ndarray of float64 of shape (m,) or None
        Chances, relative to each other, with which items of the pool are drawn; ``None`` for all alike.
    blocks : ndarray of int64 of shape (n,) or None
        Of labelled items of equal code one is used: the others would tell where it lies, and its exchange with items of
        the pool would not be random. ``None`` for all.

    Returns
    -------
    auc : float
        Cross-validated, 0.5 to 1.
    p_value : float
        Share of random exchanges of the two sides with an AUC as high, the real one among them.
    """
    chances = np.ones(len(pool)) if weights is None else np.maximum(weights, 1e-12)
    even = bool(np.ptp(chances) < 1e-12)
    # half of the pool at most, so that what is drawn first can be what is wanted
    n_alone = len(labelled) if blocks is None else len(np.unique(blocks))
    size = min(n_alone, len(pool) if even else len(pool) // 2)
    if size < 2:
        return 0.5, 1.0
    generator = np.random.default_rng(0)
    drawn = np.argsort(generator.exponential(size=len(pool)) / chances, kind="stable")[:size]
    known = generator.permutation(len(labelled))
    if blocks is not None:
        known = known[np.sort(np.unique(blocks[known], return_index=True)[1])]
    known = known[:size]
    both = directions(np.concatenate([labelled[known], pool[drawn]]))
    side = np.repeat([0.0, 1.0], size)
    sides = np.stack([side, *(generator.permutation(side) for _ in range(EXCHANGES))], axis=1)
    folds = np.tile(np.arange(size) % min(AUC_FOLDS, size), 2)
    aucs = _aucs(_out_of_fold(both, folds) @ (sides - 0.5), sides)
    return max(0.5, float(aucs[0])), float(np.mean(aucs >= aucs[0]))


def _out_of_fold(x: Floats, folds: Codes) -> Floats:
    """Matrix that turns targets of shape (n,) into ridge predictions of each item by the other folds."""
    turns = np.zeros((len(x), len(x)))
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        middle = x[train].mean(axis=0)
        a, b = x[train] - middle, x[test] - middle
        kernel = a @ a.T
        penalty = AUC_PENALTY * max(float(np.trace(kernel)) / len(a), 1e-12)
        turns[np.ix_(test, train)] = np.linalg.solve(kernel + penalty * np.eye(len(a)), a @ b.T).T
    return turns


def _aucs(scores: Floats, sides: Floats) -> Floats:
    """AUC of each column of scores for the same column of sides, which are 0 or 1."""
    from scipy.stats import rankdata

    ranks, n_one = rankdata(scores, axis=0), sides.sum(axis=0)
    return np.asarray(
        ((ranks * sides).sum(axis=0) - n_one * (n_one + 1) / 2) / (n_one * (len(sides) - n_one))
    )
