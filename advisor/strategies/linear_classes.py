"""Linear models of classes on sparse rows, and the scores they give to rows that were held out.

All of them end as one row of weights and one intercept per class, so that what is kept and how it predicts is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.splits import inner_folds
from advisor.strategy import FitContext, Params, balanced_weights, number, word

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

INNER_FOLDS = 4
"""Folds of the training rows whose held-out scores teach how sure to be; our choice, as for the kernel machine."""

MAX_ITERATIONS = 300
"""Steps of the solver of logistic regression; our choice: the gain beyond is below what folds can tell."""

MACHINE_ITERATIONS = 3000
"""The same for support vector machines, whose steps are shorter."""

ROTATED = 1000
"""Rows up to which logistic regression is solved in the space of the rows: measured to be several times faster than in
that of the terms at 600 rows of 77 classes, and no faster beyond."""

NEGLIGIBLE, TINY = 1e-10, 1e-12
"""Share of the largest squared length below which a direction is rounding, and the least such length."""

Weights = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Of shape (n_classes, n_features) and (n_classes,)."""


def fit_classes(
    kind: str, params: Params, context: FitContext, rows: csr_matrix, y: NDArray[np.generic]
) -> Weights:
    """Fit a linear model of classes.

    Parameters
    ----------
    kind : str
        ``"logistic"``, ``"svm"`` (one machine per class) or ``"bayes"`` (complement naive Bayes).
    params : mapping
        ``C`` of the first two, ``smoothing`` of the last, ``class_weight``.
    context : FitContext
        The task: binary or multiclass.
    rows : csr_matrix of shape (n_rows, n_features)
        Training rows.
    y : ndarray of int of shape (n_rows,)
        Codes, all of them present.

    Returns
    -------
    weights : ndarray of float64 of shape (n_classes, n_features)
    intercepts : ndarray of float64 of shape (n_classes,)
        Scores are ``rows @ weights.T + intercepts``; for logistic regression their softmax is the probability.
    """
    if kind == "bayes":
        return _bayes(params, context, rows, y)
    weight = word(params, "class_weight")
    common: dict[str, Any] = {
        "C": number(params, "C"),
        "class_weight": None if weight == "none" else weight,
        "random_state": context.seed,
    }
    if kind == "svm":
        from sklearn.svm import LinearSVC

        solver: Any = LinearSVC(max_iter=MACHINE_ITERATIONS, **common).fit(rows, y)
        weights, intercepts = solver.coef_, solver.intercept_
    else:
        from sklearn.linear_model import LogisticRegression

        solver = LogisticRegression(max_iter=MAX_ITERATIONS, tol=1e-3, **common)
        if rows.shape[0] <= ROTATED:
            turned, directions = _rotated(rows)
            solver.fit(turned, y)
            weights = (rows.T @ (directions @ solver.coef_.T)).T
        else:
            weights = solver.fit(rows, y).coef_
        intercepts = solver.intercept_
    if len(weights) == 1:  # two classes share one row: the other's is its opposite
        return np.vstack([-weights, weights]) / 2, np.concatenate([-intercepts, intercepts]) / 2
    return weights, intercepts


def _rotated(rows: csr_matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the few directions that the rows span, to which a squared penalty is the same.

    Returns the rows in them, shape (n_rows, rank), and what turns weights in them into shares of the rows.
    """
    energies, vectors = np.linalg.eigh((rows @ rows.T).toarray())
    kept = energies > NEGLIGIBLE * max(float(energies[-1]), TINY)
    sizes, vectors = np.sqrt(energies[kept]), vectors[:, kept]
    if not sizes.size:  # no row holds any known term
        return np.zeros((rows.shape[0], 1)), np.zeros((rows.shape[0], 1))
    return vectors * sizes, vectors / sizes


def _bayes(
    params: Params, context: FitContext, rows: csr_matrix, y: NDArray[np.generic]
) -> Weights:
    """Weigh terms by how much rarer they are in the other classes; columns beside, which come last, get no weight."""
    weights = balanced_weights(y, word(params, "class_weight"))
    member = np.eye(context.n_outputs)[y.astype(np.int64)]
    if weights is not None:
        member = member * weights[:, None]
    n_beside = max(1, context.info.beside)
    terms = np.asarray((rows.T @ member).T)[:, :-n_beside]
    others = terms.sum(axis=0) - terms + number(params, "smoothing")
    logs = np.log(others / others.sum(axis=1, keepdims=True))
    return np.hstack([-logs, np.zeros((len(logs), n_beside))]), np.zeros(len(logs))


def held_out_scores(
    kind: str,
    params: Params,
    context: FitContext,
    rows: csr_matrix,
    y: NDArray[np.generic],
    blocks: NDArray[np.int64] | None,
    deadline: Deadline,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Score training rows by models that did not see them.

    Parameters
    ----------
    kind, params, context, rows, y
        As for :func:`fit_classes`.
    blocks : ndarray of int64 of shape (n_rows,) or None
        Rows of equal code are left out together.
    deadline : Deadline
        Looked at before every fit.

    Returns
    -------
    scores : ndarray of float64 of shape (n_scored, n_classes)
        Of rows whose model knew all classes; of all rows, by a model that saw them, where there are none.
    codes : ndarray of int64 of shape (n_scored,)
        Their classes.
    """
    codes = y.astype(np.int64)
    scores = np.zeros((len(codes), context.n_outputs))
    known = np.zeros(len(codes), dtype=np.bool_)
    for fold in inner_folds(codes, blocks, INNER_FOLDS, context.seed):
        deadline.check()
        if len(np.unique(codes[fold.train])) < context.n_outputs:
            continue
        train = rows[fold.train]
        weights, intercepts = fit_classes(kind, params, context, train, codes[fold.train])
        scores[fold.valid] = rows[fold.valid] @ weights.T + intercepts
        known[fold.valid] = True
    if not known.any():
        weights, intercepts = fit_classes(kind, params, context, rows, codes)
        return np.asarray(rows @ weights.T + intercepts), codes
    return scores[known], codes[known]
