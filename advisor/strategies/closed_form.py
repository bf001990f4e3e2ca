"""Heads that need no solver and no search: ridge regression and nearest class means.

What both predict of rows that are left out has a closed form, so what a head must choose (the penalty, how sure it may
be) is chosen on rows it did not see, at next to no cost: the manner for few labels, where a search over penalties has
only noise to go by. Rows of one block are left out together.

References
----------
Hoerl and Kennard (1970), Ridge regression; Mensink et al. (2013), Distance-based image classification (class means).
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.left_out import left_out_residuals, rows_together
from advisor.representation import Features
from advisor.storage import read_arrays, write_arrays
from advisor.strategy import FitContext, Model, Params, balanced_weights, word

PENALTIES = 10.0 ** np.arange(-4.0, 2.1, 0.5)
"""Penalties tried, relative to the mean squared length of a row; our choice: from interpolation to class means."""

SURENESS = (-3.0, 9.0)
"""Range of the logarithm of the factor between scores and logits; our choice: from indifference to certainty."""

STEPS = 60
"""Halvings by the golden section when the factor is sought: more digits than matter."""

NEGLIGIBLE = 1e-12
"""Share of the largest squared singular value below which one is rounding."""

SMALLEST = 1e-9
"""Keeps a division finite where a row is its own only neighbour, or where there is no variation at all."""

_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


class RidgeHead(Model):
    """Ridge regression on values, or on class indicators with the scores turned into probabilities."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.arrays: dict[str, NDArray[np.float64]] = {}

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Decompose once, try every penalty on rows left out, and solve with the best."""
        deadline.check()
        regression = self.context.task is Task.REGRESSION
        w = row_weights(X, y, "none" if regression else word(self.params, "class_weight"))
        values, targets = np.asarray(X.values, dtype=np.float64), self._targets(y)
        centre, mean = np.average(values, axis=0, weights=w), np.average(targets, axis=0, weights=w)
        root = np.maximum(np.sqrt(w), SMALLEST)[:, None]
        rows = root * (values - centre)
        left, energies = _directions(rows)
        rotated = left.T @ (root * (targets - mean))
        scale = float(energies.sum() / w.sum()) or 1.0
        best, together = (np.inf, 0.0, 0.0), rows_together(X.blocks)
        for penalty in PENALTIES * scale:
            shrunk = energies / (energies + penalty)
            residuals = root * (targets - mean) - left @ (shrunk[:, None] * rotated)
            factor = np.hstack([left * np.sqrt(shrunk), root / np.sqrt(w.sum())])
            scores = targets - left_out_residuals(residuals, factor, together) / root
            if regression:
                loss = float(np.average(((scores - targets)[:, 0]) ** 2, weights=w))
                sureness = 1.0
            else:
                loss, sureness = find_sureness(scores - mean, mean, y.astype(np.int64), w)
            best = min(best, (loss, float(penalty), sureness))
        _, penalty, sureness = best
        self.arrays = {
            "weights": rows.T @ (left @ (rotated / (energies + penalty)[:, None])),
            "centre": centre,
            "mean": mean,
            "sureness": np.array(sureness),
        }
        return self

    def _targets(self, y: NDArray[np.generic]) -> NDArray[np.float64]:
        """Values in one column, or one column of 0/1 per class."""
        if self.context.task is Task.REGRESSION:
            return y.astype(np.float64)[:, None]
        return np.eye(self.context.n_outputs)[y.astype(np.int64)]

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weigh and sum; scores of classes become probabilities."""
        a = self.arrays
        scores = (values - a["centre"]) @ a["weights"]
        if self.context.task is Task.REGRESSION:
            return np.asarray(scores + a["mean"], dtype=np.float64)
        return _probabilities(scores, a["mean"], float(a["sureness"]))

    def save(self, folder: Path) -> None:
        """Write ``ridge.npz``."""
        write_arrays(folder / "ridge.npz", self.arrays)

    def restore(self, folder: Path) -> Model:
        """Read what ``save`` wrote."""
        arrays = read_arrays(folder / "ridge.npz")
        self.arrays = {name: arrays[name] for name in ("weights", "centre", "mean", "sureness")}
        return self


class CentroidHead(Model):
    """The class whose mean is nearest; distances become probabilities."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.arrays: dict[str, NDArray[np.float64]] = {}

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Average each class, and learn from left-out rows how much a difference of distances says."""
        deadline.check()
        values, codes = np.asarray(X.values, dtype=np.float64), y.astype(np.int64)
        own = np.eye(self.context.n_outputs)[codes] * row_weights(X, y, "none")[:, None]
        masses = own.sum(axis=0)
        self.settle(own.T @ values / masses[:, None], masses, X, codes)
        return self

    def settle(
        self,
        means: NDArray[np.float64],
        masses: NDArray[np.float64],
        X: Features,
        codes: NDArray[np.int64],
    ) -> None:
        """Take class means, and learn from left-out rows how much a difference of distances says.

        Parameters
        ----------
        means : ndarray of float64 of shape (n_classes, n_features)
            Of the classes.
        masses : ndarray of float64 of shape (n_classes,)
            Sums of the weights that each mean comes from, those of ``X`` among them.
        X : Features of shape (n_rows, n_features)
            Labelled rows.
        codes : ndarray of int64 of shape (n_rows,)
            Their classes.
        """
        own, w = (row_weights(X, codes, how) for how in ("none", word(self.params, "class_weight")))
        prior = np.bincount(codes, w, self.context.n_outputs) / w.sum()
        values = np.asarray(X.values, dtype=np.float64)
        distances = _squared_distances(values, means)
        # Without a row its class mean moves away from it, by this factor; a class of one row has no mean without it.
        left = masses[codes] - own
        known = left > SMALLEST * masses[codes]
        rows = np.flatnonzero(known)
        distances[rows, codes[rows]] *= (masses[codes[rows]] / left[rows]) ** 2
        blocks = chain.from_iterable(rows_together(X.blocks))
        for rows in blocks:  # they move the means of all their classes
            shares = np.eye(len(masses))[codes[rows]] * own[rows, None]
            left = masses - shares.sum(axis=0)
            there = left > SMALLEST * masses
            without = np.where(there, left, 1.0)[:, None]
            moved = (masses[:, None] * means - shares.T @ values[rows]) / without
            found = _squared_distances(values[rows], np.where(there[:, None], moved, means))
            distances[rows], known[rows] = found, there[codes[rows]]
        spread = float(distances.mean()) or 1.0
        sureness = 1.0
        if known.any():
            scores = -distances[known] / spread
            _, sureness = find_sureness(scores, prior, codes[known], w[known])
        self.arrays = {"means": means, "prior": prior, "sureness": np.array(sureness / spread)}

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn squared distances into probabilities."""
        a = self.arrays
        return _probabilities(
            -_squared_distances(values, a["means"]), a["prior"], float(a["sureness"])
        )

    def save(self, folder: Path) -> None:
        """Write ``centroid.npz``."""
        write_arrays(folder / "centroid.npz", self.arrays)

    def restore(self, folder: Path) -> Model:
        """Read what ``save`` wrote."""
        arrays = read_arrays(folder / "centroid.npz")
        self.arrays = {name: arrays[name] for name in ("means", "prior", "sureness")}
        return self


def row_weights(X: Features, y: NDArray[np.generic], how: str) -> NDArray[np.float64]:
    """Say how much each row counts in a fit.

    Parameters
    ----------
    X : Features of shape (n_rows, n_features)
        With weights or without.
    y : ndarray of shape (n_rows,)
        Class codes.
    how : str
        How classes are weighed besides: see :func:`advisor.strategy.balanced_weights`.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    own = np.ones(len(y)) if X.weights is None else np.asarray(X.weights, dtype=np.float64)
    balanced = balanced_weights(y, how)
    return own if balanced is None else own * balanced


def _directions(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Left singular vectors of a matrix and the squares of its singular values; those that are zero are left out.

    By the smaller of the two squares of the matrix: several times faster than its decomposition, and what rounding
    costs lies far below the smallest penalty.
    """
    wide = rows.shape[1] > rows.shape[0]
    energies, vectors = np.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
    kept = energies > NEGLIGIBLE * max(float(energies[-1]), SMALLEST)
    energies, vectors = energies[kept], vectors[:, kept]
    return (vectors if wide else rows @ vectors / np.sqrt(energies)), energies


def _squared_distances(
    values: NDArray[np.float64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    cross = values @ means.T
    return np.asarray(
        (values**2).sum(axis=1)[:, None] - 2 * cross + (means**2).sum(axis=1), dtype=np.float64
    )


def _log_probabilities(
    scores: NDArray[np.float64], prior: NDArray[np.float64], sureness: float
) -> NDArray[np.float64]:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(sureness * scores + np.log(prior), axis=1), dtype=np.float64)


def _probabilities(
    scores: NDArray[np.float64], prior: NDArray[np.float64], sureness: float
) -> NDArray[np.float64]:
    return np.exp(_log_probabilities(scores, prior, sureness))


def find_sureness(
    scores: NDArray[np.float64],
    prior: NDArray[np.float64],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[float, float]:
    """Find the factor between scores and logits that has the least log loss on rows that were left out.

    Targets are those of the rule of succession: n right of n are no certainty.

    Parameters
    ----------
    scores : ndarray of float64 of shape (n_rows, n_classes)
        Larger for likelier classes, 0 for what is no evidence.
    prior : ndarray of float64 of shape (n_classes,)
        Probabilities where all scores are 0.
    codes : ndarray of int64 of shape (n_rows,)
        The true classes.
    weights : ndarray of float64 of shape (n_rows,)
        Of the rows.

    Returns
    -------
    loss, sureness : float
        The least log loss, in nats, and the factor.
    """
    n_rows, n_classes = scores.shape
    wrong = 1.0 / (n_rows + 2)
    targets = np.full(scores.shape, wrong / (n_classes - 1))
    targets[np.arange(n_rows), codes] = 1.0 - wrong

    def loss(logarithm: float) -> float:
        found = _log_probabilities(scores, prior, float(np.exp(logarithm)))
        return float(-np.average((targets * found).sum(axis=1), weights=weights))

    low, high = SURENESS
    for _ in range(STEPS):
        step = _GOLDEN * (high - low)
        if step < 1e-3:
            break
        if loss(high - step) < loss(low + step):
            high = low + step
        else:
            low = high - step
    middle = (low + high) / 2
    return loss(middle), float(np.exp(middle))
