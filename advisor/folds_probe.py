"""Embeddings of labelled items → how well they tell classes or values, on the folds that all else is judged on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.adaptation import Embed
from advisor.dataset import Dataset, Task
from advisor.division import blocks_of, plan_for
from advisor.left_out import left_out_residuals, rows_together
from advisor.splits import split

Floats = NDArray[np.float64]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties of the probe, for embeddings of length one; the best by leaving out single training rows counts, or
whole blocks of them. Our choice."""

MOST_PROBED = 200
"""Labelled rows that the probe asks about at most: it is asked at every look, and 200 pictures take ten seconds on two
cores. Our choice."""


STRENGTH, MOST_ITERATIONS = 100.0, 200
"""Inverse penalty of logistic regression, the default of ``linear_probe``; and its steps at most (our choice)."""


class FoldsProbe:
    """A linear head on frozen embeddings, judged on the first repeat of the folds that everything else is judged on.

    Classes by logistic regression on square roots of unit length, as ``linear_probe`` does it, since a probe that likes
    other features than the head that follows chooses other weights; labels and values by ridge regression.

    Parameters
    ----------
    dataset : Dataset
        Of pictures or recordings.
    seed : int
        Of the folds, and of the rows where there are more than ``MOST_PROBED``.

    Raises
    ------
    InvalidRequest
        If the labelled rows cannot be divided.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        plan = plan_for(dataset, seed)
        self.blocks = blocks_of(dataset)
        folds = split(plan, dataset.y, self.blocks)[: plan.folds]
        order = np.random.default_rng(seed).permutation(dataset.n_labelled)
        self.rows = np.sort(order[:MOST_PROBED])
        self.folds = [
            (np.intersect1d(f.train, self.rows), np.intersect1d(f.valid, self.rows)) for f in folds
        ]
        self.items = [str(path) for path in dataset.X.iloc[:, 0]]
        self.task, self.y = dataset.task, dataset.y

    def __call__(self, embed: Embed) -> float:
        """Embed the labelled items, and predict each from the others.

        Parameters
        ----------
        embed : callable
            Items to embeddings.

        Returns
        -------
        float
            Accuracy balanced over classes, its mean over labels for multilabel, or R2.
        """
        found = np.nan_to_num(embed([self.items[row] for row in self.rows]).astype(np.float64))
        found = np.sign(found) * np.sqrt(np.abs(found))
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        if self.task in (Task.BINARY, Task.MULTICLASS):
            return self._accuracy(found)
        values = np.zeros((len(self.items), found.shape[1]))
        values[self.rows] = found
        wanted = self.y.reshape(len(self.y), -1).astype(np.float64)
        truth, told = [], []
        for train, valid in self.folds:
            if len(valid) and len(train) > 1:
                blocks = None if self.blocks is None else self.blocks[train]
                found = _ridge(values[train], wanted[train], values[valid], blocks)
                if self.task is Task.REGRESSION:  # back to its own unit
                    found = found * wanted[train].std(axis=0) + wanted[train].mean(axis=0)
                truth.append(wanted[valid])
                told.append(found)
        return self._score(np.concatenate(truth), np.concatenate(told))

    def _accuracy(self, found: NDArray[np.float64]) -> float:
        """Mean over classes of the share that is told right by models that did not see it."""
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        codes = self.y[self.rows].astype(np.int64)
        told = np.full(len(codes), -1)
        for train, valid in self.folds:
            here, there = np.searchsorted(self.rows, train), np.searchsorted(self.rows, valid)
            if len(there) and len(np.unique(codes[here])) > 1:
                middle = found[here].mean(axis=0)
                head = LogisticRegression(C=STRENGTH, max_iter=MOST_ITERATIONS)
                with threadpool_limits(1):  # so few rows gain nothing from more
                    head.fit(found[here] - middle, codes[here])
                told[there] = head.predict(found[there] - middle)
        asked = told >= 0
        codes, told = codes[asked], told[asked]
        return float(np.mean([(told[codes == c] == c).mean() for c in np.unique(codes)]))

    def _score(self, truth: NDArray[np.float64], told: NDArray[np.float64]) -> float:
        if self.task is Task.REGRESSION:
            spread = float(((truth - truth.mean()) ** 2).sum())
            return 1.0 - float(((truth - told) ** 2).sum()) / spread if spread else 0.0
        right = [
            ((told[truth[:, j] == v, j] > 0.0) == bool(v)).mean()
            for j in range(truth.shape[1])
            for v in (0, 1)
            if (truth[:, j] == v).any()
        ]
        return float(np.mean(right))


def _ridge(
    values: Floats, wanted: Floats, others: Floats, blocks: NDArray[np.int64] | None = None
) -> Floats:
    """Predict by ridge regressions on standardised targets, so that a rare class is not outvoted by a frequent one."""
    middle, spread = wanted.mean(axis=0), wanted.std(axis=0)
    scaled = (wanted - middle) / np.where(spread > 0, spread, 1.0)
    scaled = np.where(
        spread > 0, scaled, -1.0
    )  # a class that the fold does not hold is never guessed
    centre, offset = values.mean(axis=0), scaled.mean(axis=0)
    left, sizes, right = np.linalg.svd(values - centre, full_matrices=False)
    turned, together = left.T @ (scaled - offset), rows_together(blocks)
    best, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        kept = sizes**2 / (sizes**2 + penalty)
        factor = np.hstack([left * np.sqrt(kept), np.full((len(left), 1), len(left) ** -0.5)])
        residuals = scaled - offset - left @ (kept[:, None] * turned)
        error = float(np.mean(left_out_residuals(residuals, factor, together) ** 2))
        if error < least:
            best, least = penalty, error
    weights = right.T @ ((sizes / (sizes**2 + best))[:, None] * turned)
    return np.asarray((others - centre) @ weights + offset)
