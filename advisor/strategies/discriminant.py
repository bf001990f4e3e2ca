"""Regularised discriminant analysis: Gaussian classes, between linear and quadratic boundaries [1]_.

The best of the simple models where classes are clouds rather than boxes (shapes of vehicles, gene expression), and
free: a fit takes milliseconds.

References
----------
.. [1] Friedman (1989), Regularized discriminant analysis.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.splits import inner_folds
from advisor.storage import read_arrays, write_arrays
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Requirements,
    Strategy,
    number,
)

INNER_FOLDS = 5
"""Folds of the training rows on which the temperature is learned; our choice."""

SMALLEST_ROOT = 1e-9
"""Variances below this share of the mean variance are raised to it, so that they can be divided by."""

LOG_FACTORS = (-6.0, 1.0)
"""Range of the logarithm of the factor on log densities; our choice: from next to nothing to somewhat sharper."""


class DiscriminantModel(Model):
    """Per class a mean, a whitening matrix and an offset, in the space spanned by the training rows.

    Densities in many dimensions are far too sure of themselves, so they are cooled by one number, learned on inner
    held-out rows (temperature scaling).
    """

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.arrays: dict[str, NDArray[np.float64]] = {}

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Estimate the classes' densities, and how far to trust them."""
        deadline.check()
        codes, n_classes = y.astype(np.int64), self.context.n_outputs
        centre, turn = X.values.mean(axis=0), np.eye(X.values.shape[1])
        if X.values.shape[1] > X.values.shape[0]:
            # Nothing varies outside the span of the rows, and shrinking towards a sphere commutes with rotation.
            turn = np.linalg.svd(X.values - centre, full_matrices=False)[2].T
        rows = (X.values - centre) @ turn
        scores, known = np.zeros((len(rows), n_classes)), np.zeros(len(rows), dtype=bool)
        for fold in inner_folds(codes, X.blocks, INNER_FOLDS, self.context.seed):
            if len(np.unique(codes[fold.train])) == n_classes:
                inner = self._densities(rows[fold.train], codes[fold.train])
                scores[fold.valid], known[fold.valid] = _scores(inner, rows[fold.valid]), True
        warmth = _warmth(scores[known], codes[known]) if known.any() else 1.0
        self.arrays = {"centre": centre, "turn": turn, "warmth": np.array(warmth)}
        self.arrays |= self._densities(rows, codes)
        return self

    def _densities(
        self, rows: NDArray[np.float64], codes: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """Estimate covariances, shrunk towards their pool and towards a sphere."""
        pooling, shrinkage = number(self.params, "pooling"), number(self.params, "shrinkage")
        n_classes = self.context.n_outputs
        means = np.stack([rows[codes == c].mean(axis=0) for c in range(n_classes)])
        residuals = rows - means[codes]
        pooled = residuals.T @ residuals
        size = float(np.trace(pooled)) / (len(pooled) * len(rows)) or 1.0
        whitenings, offsets = [], []
        for c in range(n_classes):
            own = residuals[codes == c]
            # Friedman's weights: a class counts by its rows, so a small one leans on the pool by itself.
            mixed = (1 - pooling) * own.T @ own + pooling * pooled
            mixed /= (1 - pooling) * len(own) + pooling * len(rows)
            mixed = (1 - shrinkage) * mixed + shrinkage * size * np.eye(len(pooled))
            roots, axes = np.linalg.eigh(mixed)
            roots = np.maximum(roots, size * SMALLEST_ROOT)
            whitenings.append(axes / np.sqrt(roots))
            offsets.append(np.log(len(own) / len(rows)) - 0.5 * np.log(roots).sum())
        return {"means": means, "whitenings": np.stack(whitenings), "offsets": np.array(offsets)}

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compare the log densities."""
        from scipy.special import softmax

        rows = (values - self.arrays["centre"]) @ self.arrays["turn"]
        scores = _scores(self.arrays, rows) * self.arrays["warmth"]
        return np.asarray(softmax(scores, axis=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``discriminant.npz``."""
        write_arrays(folder / "discriminant.npz", self.arrays)


def _scores(a: dict[str, NDArray[np.float64]], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log densities plus log priors: shape (n_rows, n_classes)."""
    classes = zip(a["means"], a["whitenings"], a["offsets"], strict=True)
    return np.column_stack(
        [
            offset - 0.5 * (((rows - mean) @ whitening) ** 2).sum(axis=1)
            for mean, whitening, offset in classes
        ]
    )


def _warmth(scores: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """Find the factor on the scores that makes held-out rows most likely."""
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    own = scores[np.arange(len(codes)), codes]

    def loss(log_factor: float) -> float:
        factor = np.exp(log_factor)
        return float((logsumexp(factor * scores, axis=1) - factor * own).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_FACTORS, method="bounded").x))


class Discriminant(Strategy):
    """Regularised discriminant analysis."""

    card = Card(
        name="discriminant",
        title="Regularised discriminant analysis",
        family="linear",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL}),
        representation="linear",
        requires=Requirements(
            max_rows=50_000,
            max_features=20_000,
            limits_reference="our choice: a covariance of thousands of columns per class",
        ),
        cheap=True,
        reference="Friedman (1989), Regularized discriminant analysis, JASA",
        licence="Apache-2.0",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Covariances and their axes."""
        width = min(n_rows, n_features)
        return 0.002 + 1e-9 * (n_rows * n_features * width + 10 * n_outputs * width**3)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return DiscriminantModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``discriminant.npz``."""
        model = DiscriminantModel({}, context)
        arrays = read_arrays(folder / "discriminant.npz")
        names = ("centre", "turn", "warmth", "means", "whitenings", "offsets")
        model.arrays = {name: arrays[name] for name in names}
        return model


STRATEGIES.add("discriminant")(Discriminant())
