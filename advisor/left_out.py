"""Residuals of a linear fit → what they would be without a row, or without the whole block that it belongs to.

What a linear fit predicts is a matrix times the targets, so leaving rows out needs no second fit: one division for a
row alone [1]_, a small system of equations for rows that are left out together, as pictures of one patient have to be.

References
----------
.. [1] Allen (1974), The relationship between variable selection and data augmentation and a method for prediction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_LEFT = 1e-9
"""Least share of a row that is not its own doing; keeps a division finite where a row is its own only neighbour."""


def left_out_residuals(
    residuals: Floats, factor: Floats, blocks: NDArray[np.int64] | None = None
) -> Floats:
    """Turn residuals of a linear fit into those of fits that have not seen the rows.

    Parameters
    ----------
    residuals : ndarray of float64 of shape (n, n_targets)
        Targets less what the fit says of them, scaled by the root of the rows' weights.
    factor : ndarray of float64 of shape (n, rank)
        Times its own transpose it gives the matrix that makes predictions of targets.
    blocks : ndarray of int64 of shape (n,) or None
        Rows of equal code are left out together; ``None``: each row alone.

    Returns
    -------
    ndarray of float64 of shape (n, n_targets)

    Examples
    --------
    Of the mean of three values, with the second and third left out together:

    >>> values = np.array([[0.0], [1.0], [5.0]])
    >>> mean = np.full((3, 1), 1 / np.sqrt(3))
    >>> left_out_residuals(values - 2, mean, np.array([0, 1, 1])).ravel().round(6).tolist()
    [-3.0, 1.0, 5.0]
    """
    own = (factor**2).sum(axis=1)
    found: Floats = residuals / np.maximum(1.0 - own, LEAST_LEFT)[:, None]
    for rows in several_together(blocks):
        part = factor[rows]
        n, rank = part.shape
        gram = part @ part.T if n <= rank else part.T @ part
        kept = (1.0 + LEAST_LEFT) * np.eye(len(gram)) - gram
        if n <= rank:
            found[rows] = np.linalg.solve(kept, residuals[rows])
        else:  # the smaller system says the same (Woodbury's identity)
            found[rows] = residuals[rows] + part @ np.linalg.solve(kept, part.T @ residuals[rows])
    return found


def several_together(blocks: NDArray[np.int64] | None) -> list[NDArray[np.int64]]:
    """List the rows of each block that holds more than one.

    Parameters
    ----------
    blocks : ndarray of int64 of shape (n,) or None
        Code of each row's block; ``None`` where every row stands alone.

    Returns
    -------
    list of ndarray of int64
        Positions, ascending.

    Examples
    --------
    >>> [rows.tolist() for rows in several_together(np.array([4, 0, 4, 2, 0]))]
    [[1, 4], [0, 2]]
    """
    if blocks is None:
        return []
    order = np.argsort(blocks, kind="stable")
    ends = np.flatnonzero(np.diff(blocks[order])) + 1
    return [rows for rows in np.split(order, ends) if len(rows) > 1]
