"""Gaussian process regression: a smooth surface and a plane, with scales learned from the rows themselves.

The marginal likelihood chooses length scales and noise inside the fit [1]_, so it needs no search and no held-out rows:
the right trade for smooth responses of a few hundred rows (mixtures, spectra, physical measurements).

References
----------
.. [1] Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, chapters 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
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
    word,
)

Array = NDArray[np.float64]

ROOT5 = float(np.sqrt(5.0))
JITTER = 1e-8
"""Added to the diagonal, relative to a variance of 1, so that equal rows do not make the matrix singular."""

LEARN_ON = 600
"""Rows that the scales are learned on at most; the surface itself uses all rows. Our choice: a second per fit."""

MAX_STEPS = 60
"""Steps of the optimiser; our choice: the likelihood is flat long before."""

WORST = 1e12
"""Loss of scales whose matrix cannot be factorised."""

NOISE_START = 0.1
"""Share of the target's variance taken as noise at the start; our choice."""


@dataclass
class _Kernel:
    """k(x, x') = s² Matérn-5/2(|x - x'| / l) + v² x·x' / n_features + noise² [x = x'].

    ``theta`` holds the logarithms of: length scales (one, or one per feature), s², v², noise².
    """

    theta: Array

    def between(self, A: Array, B: Array) -> Array:
        """Covariances of the noise-free function: shape (len(A), len(B))."""
        surface, plane, _ = np.exp(self.theta[-3:])
        lengths = np.exp(self.theta[:-3])
        r = np.sqrt(_squared_distances(A / lengths, B / lengths))
        matern = (1 + ROOT5 * r + 5 / 3 * r**2) * np.exp(-ROOT5 * r)
        covariance: Array = surface * matern + plane * (A @ B.T) / A.shape[1]
        return covariance


def _squared_distances(A: Array, B: Array) -> Array:
    found = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1)[None, :] - 2 * A @ B.T
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def _loss(theta: Array, X: Array, y: Array, prior: tuple[Array, Array]) -> tuple[float, Array]:
    """Negative log posterior of the scales and its gradient.

    With A = a a' - K⁻¹, a = K⁻¹ y, the derivative of the log likelihood is ½ Σ A∘∂K. For a length scale l_d,
    ∂K_ij = W_ij (x_id - x_jd)² / l_d², and Σ W_ij (x_i - x_j)² = 2 (x²·W1 - x'Wx): all of them by one product.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    surface, plane, noise = np.exp(theta[-3:])
    scaled = X / np.exp(theta[:-3])
    r = np.sqrt(_squared_distances(scaled, scaled))
    decay = np.exp(-ROOT5 * r)
    matern = (1 + ROOT5 * r + 5 / 3 * r**2) * decay
    linear = X @ X.T / X.shape[1]
    K = surface * matern + plane * linear
    K[np.diag_indices_from(K)] += noise + JITTER
    try:
        factor = cho_factor(K, lower=True)
    except (
        LinAlgError
    ):  # too little noise for rows this alike: a place for the line search to turn back from
        return WORST, np.zeros_like(theta)
    alpha = cho_solve(factor, y)
    A = np.outer(alpha, alpha) - cho_solve(factor, np.eye(len(y)))
    W = A * (surface * 5 / 3 * (1 + ROOT5 * r) * decay)
    lengths = (scaled**2).T @ W.sum(axis=1) - np.einsum("id,id->d", scaled, W @ scaled)
    if len(theta) == 4:
        lengths = lengths.sum(keepdims=True)
    rest = [surface * (A * matern).sum(), plane * (A * linear).sum(), noise * np.trace(A)]
    gradient = np.concatenate([lengths, 0.5 * np.array(rest)])
    value = -0.5 * float(y @ alpha) - float(np.log(np.diag(factor[0])).sum())
    centre, width = prior
    value -= 0.5 * float((((theta - centre) / width) ** 2).sum())
    return -value, -(gradient - (theta - centre) / width**2)


class GaussianProcessModel(Model):
    """The training rows, their weights, and the scales."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.rows: Array = np.zeros((0, 0))
        self.weights: Array = np.zeros(0)
        self.kernel = _Kernel(np.zeros(4))

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Learn the scales on at most ``LEARN_ON`` rows, then weigh all rows."""
        from scipy.linalg import cho_factor, cho_solve

        deadline.check()
        values, target = X.values, y.astype(np.float64)
        draw = np.random.default_rng(self.context.seed)
        some = draw.permutation(len(target))[:LEARN_ON]
        self.kernel = _Kernel(self._learn(values[some], target[some], deadline))
        K = self.kernel.between(values, values)
        K[np.diag_indices_from(K)] += np.exp(self.kernel.theta[-1]) + JITTER
        self.rows, self.weights = values, cho_solve(cho_factor(K, lower=True), target)
        return self

    def _learn(self, X: Array, y: Array, deadline: Deadline) -> Array:
        from scipy.optimize import minimize

        n_lengths = X.shape[1] if word(self.params, "lengths") == "per_feature" else 1
        start = np.log(np.sqrt(X.shape[1]) * number(self.params, "length_scale"))
        centre = np.array([start] * n_lengths + [0.0, -1.0, np.log(NOISE_START)])
        width = np.array([number(self.params, "length_freedom")] * n_lengths + [1.5, 2.0, 2.0])
        best = centre.copy()

        def note(intermediate_result: Any) -> None:
            best[:] = intermediate_result.x
            if deadline.passed():
                self.truncated = True
                raise StopIteration

        found = minimize(
            _loss,
            centre,
            args=(X, y, (centre, width)),
            jac=True,
            method="L-BFGS-B",
            bounds=[(start - 8, start + 8)] * n_lengths + [(-8.0, 6.0), (-12.0, 6.0), (-10.0, 2.0)],
            options={"maxiter": MAX_STEPS},
            callback=note,
        )
        return best if self.truncated else np.asarray(found.x, dtype=np.float64)

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weigh the covariances with the training rows."""
        found: Array = self.kernel.between(values, self.rows) @ self.weights
        return found[:, None]

    def save(self, folder: Path) -> None:
        """Write ``gaussian_process.npz``."""
        arrays = {"rows": self.rows, "weights": self.weights, "theta": self.kernel.theta}
        write_arrays(folder / "gaussian_process.npz", arrays)


class GaussianProcess(Strategy):
    """Gaussian process regression."""

    card = Card(
        name="gaussian_process",
        title="Gaussian process",
        family="kernel",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.REGRESSION}),
        representation="linear",
        requires=Requirements(
            max_rows=3_000,
            max_features=1_000,
            limits_reference="our choice: time grows with the cube of the rows",
        ),
        cheap=True,
        reference="Rasmussen and Williams (2006), Gaussian Processes for Machine Learning",
        licence="Apache-2.0",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Steps times factorisations of the learning rows, and one of all."""
        learn = min(n_rows, LEARN_ON)
        return 0.02 + MAX_STEPS * (1e-10 * learn**3 + 1e-7 * learn**2) + 5e-11 * n_rows**3

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return GaussianProcessModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``gaussian_process.npz``."""
        model, arrays = (
            GaussianProcessModel({}, context),
            read_arrays(folder / "gaussian_process.npz"),
        )
        model.rows, model.weights = arrays["rows"], arrays["weights"]
        model.kernel = _Kernel(arrays["theta"])
        return model


STRATEGIES.add("gaussian_process")(GaussianProcess())
