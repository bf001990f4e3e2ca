"""Targets of every task as one matrix, what a network's answers cost, and what its answers mean.

Classes become rows of ones and zeros, so that Mixup, label smoothing, class weights and the focal loss are the same
few lines for one class per item and for many labels.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Kind = Literal["classes", "labels", "values", "absolute"]
"""One class per item, any number of labels, a number judged by its square, or by its absolute difference."""

ABSENT_LOGIT = 5.0
"""Of a class or a label that never or always occurs in the rows of the head; our choice: under 1 % of doubt."""

HEAD_C = 5.0
"""Inverse penalty of the first head on features whose mean squared distance from their centre is one: 3 to 10 are
within two points of each other on three sets with 5 to 25 labels per class (our measurement)."""

HEAD_ALPHA = 0.3
"""Penalty of the first head of a regression on features scaled in the same way; our choice."""

HEAD_STEPS = 200
"""Steps of the solver; our choice: training goes on from there."""

LEAST_HELD = 0.5
"""Share of the rows asked for that has to be held out, or else none is: by the one row of a small group no training may
be stopped (our choice)."""

KNEE = 0.1
"""Standard deviations of the target below which the absolute loss is a squared one, for a smooth minimum; our
choice."""


def target_matrix(y: NDArray[Any], kind: Kind, n_outputs: int) -> Tensor:
    """Turn codes, 0/1 labels or values into a matrix.

    Parameters
    ----------
    y : ndarray
        Codes (n,), 0/1 (n, n_outputs), or standardised values (n,).
    kind : Kind
        Which of them.
    n_outputs : int
        Columns of the matrix.

    Returns
    -------
    Tensor of float32 of shape (n, n_outputs)
    """
    if kind == "classes":
        codes = torch.as_tensor(np.asarray(y, dtype=np.int64))
        return functional.one_hot(codes, n_outputs).float()
    return torch.as_tensor(np.asarray(y, dtype=np.float32)).reshape(len(y), n_outputs)


def hold_out(
    target: Tensor,
    order: Tensor,
    n_held: int,
    kind: Kind,
    blocks: NDArray[np.int64] | None = None,
) -> tuple[Tensor, Tensor]:
    """Divide rows into some that early stopping watches and those that are learned from.

    A row that alone shows a class, or a label's other value, is learned from: when to stop cannot be told by what
    nothing can be learned of, least of all where rare classes weigh more. Its block goes with it.

    Parameters
    ----------
    target : Tensor of shape (n, n_outputs)
        From :func:`target_matrix`.
    order : Tensor of int of shape (n,)
        The rows, of which the first are held out.
    n_held : int
        How many, at most; fewer than all.
    kind : Kind
        Values have no classes.
    blocks : ndarray of int64 of shape (n,) or None
        Rows of equal code are held out together, or none of them. Blocks are taken as they come in ``order`` while they
        fit into ``n_held``; where less than ``LEAST_HELD`` of it is filled, nothing is held out.

    Returns
    -------
    held, kept : Tensor of int of shape (n_held or fewer,), (the others,)
    """
    codes = torch.arange(len(order)) if blocks is None else torch.as_tensor(blocks)
    taken = torch.isin(codes[order], _first_blocks(codes[order], n_held))
    if taken.sum() < LEAST_HELD * n_held:
        taken[:] = False
    held, kept = order[taken], order[~taken]
    if not len(held) or kind in ("values", "absolute"):
        return held, kept
    first = target[kept[0]]
    fixed = (target[kept] == first).all(dim=0)
    alone = ((target[held] != first) & fixed).any(dim=1)
    back = torch.isin(codes[held], codes[held][alone])
    return held[~back], torch.cat([kept, held[back]])


def _first_blocks(codes: Tensor, most: int) -> Tensor:
    """Name blocks that hold no more than so many rows in all, in the order of their first rows."""
    names, first, sizes = np.unique(codes.numpy(), return_index=True, return_counts=True)
    chosen, room = [], most
    for i in np.argsort(first):
        if sizes[i] <= room:
            chosen.append(names[i])
            room -= sizes[i]
    return torch.as_tensor(np.array(chosen, dtype=np.int64))


def rarity(target: Tensor, kind: Kind) -> Tensor:
    """Weigh rows so that every class weighs the same; of several labels the rarest one that is there counts.

    Parameters
    ----------
    target : Tensor of shape (n, n_outputs)
        From :func:`target_matrix`.
    kind : Kind
        Values all weigh the same.

    Returns
    -------
    Tensor of float32 of shape (n,)
        Of mean 1.
    """
    if kind in ("values", "absolute"):
        return torch.ones(len(target))
    counts = target.sum(dim=0)
    none = target.sum(dim=1) == 0
    each = torch.where(target > 0, 1 / counts.clamp_min(1), 0.0).amax(dim=1)
    each = torch.where(none, 1 / none.sum().clamp_min(1), each)
    return each / each.mean()


def loss_of(
    answers: Tensor, target: Tensor, kind: Kind, smoothing: float, focal_gamma: float
) -> Tensor:
    """Compute what each row's answer costs.

    Parameters
    ----------
    answers : Tensor of shape (n, n_outputs)
        The network's outputs: logits, or values.
    target : Tensor of float of shape (n, n_outputs)
        Perhaps mixed.
    kind : Kind
        Of the target.
    smoothing : float
        Share of the target that is spread over all classes, or moved towards one half for labels; not for values.
    focal_gamma : float
        Weakens what is answered well already; 0 is the plain cross-entropy.

    Returns
    -------
    Tensor of shape (n,)

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection.
    """
    if kind == "values":
        return functional.mse_loss(answers, target, reduction="none").mean(dim=1)
    if kind == "absolute":
        each = functional.smooth_l1_loss(answers, target, beta=KNEE, reduction="none")
        return each.mean(dim=1)
    if kind == "classes":
        wanted = target * (1 - smoothing) + smoothing / target.shape[1]
        logs = answers.log_softmax(dim=1)
        ease = (1 - logs.exp()) ** focal_gamma if focal_gamma > 0 else 1.0
        return -(wanted * ease * logs).sum(dim=1)
    wanted = target * (1 - smoothing) + 0.5 * smoothing
    each = functional.binary_cross_entropy_with_logits(answers, wanted, reduction="none")
    if focal_gamma > 0:
        chance = answers.sigmoid()
        each = each * (wanted * (1 - chance) + (1 - wanted) * chance) ** focal_gamma
    return each.mean(dim=1)


def meaning(answers: Tensor, kind: Kind) -> Tensor:
    """Turn a network's outputs into probabilities; values stay as they are."""
    if kind == "classes":
        return answers.softmax(dim=1)
    return answers.sigmoid() if kind == "labels" else answers


def first_guess(target: Tensor, kind: Kind) -> Tensor:
    """Find the outputs that say what the dummy says: the classes' shares, or the centre; shape (n_outputs,)."""
    if kind == "classes":
        counts = target.sum(dim=0) + 1
        return (counts / counts.sum()).log()
    if kind == "labels":
        return target.mean(dim=0).clamp(1e-3, 1 - 1e-3).logit()
    return target.median(dim=0).values if kind == "absolute" else target.mean(dim=0)


def solve_head(
    features: NDArray[np.float32], y: NDArray[Any], kind: Kind, n_outputs: int, C: float = HEAD_C
) -> tuple[Tensor, Tensor]:
    """Fit the linear head on frozen features, from which fine-tuning starts.

    A random head sends random gradients into good layers and spoils them before it has learned anything.

    Parameters
    ----------
    features : ndarray of shape (n, width)
        Of the plain views.
    y : ndarray
        As for :func:`target_matrix`.
    kind : Kind
        Of the target.
    n_outputs : int
        Rows of the weights.
    C : float
        Inverse penalty of classes and labels.

    Returns
    -------
    weights : Tensor of shape (n_outputs, width)
    bias : Tensor of shape (n_outputs,)

    References
    ----------
    Kumar et al. (2022), Fine-tuning can distort pretrained features and underperform out-of-distribution.
    """
    from sklearn.linear_model import Ridge

    # One scale for all features, so that one strength of the penalty suits every backbone; taken from their spread, and
    # not from their length, since items that are much alike have features that are nearly the same.
    rows = features.astype(np.float64)
    scale = float(np.sqrt(rows.var(axis=0).sum())) or 1.0
    rows /= scale
    if kind in ("values", "absolute"):
        ridge = Ridge(alpha=HEAD_ALPHA).fit(rows, np.asarray(y, dtype=np.float64))
        weights, bias = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
    else:
        columns = [y] if kind == "classes" else list(np.asarray(y).T)
        parts = [_logistic(rows, column, n_outputs // len(columns), C) for column in columns]
        weights = np.vstack([part[0] for part in parts])
        bias = np.concatenate([part[1] for part in parts])
    return (
        torch.as_tensor(weights / scale, dtype=torch.float32),
        torch.as_tensor(bias, dtype=torch.float32),
    )


def _logistic(
    rows: NDArray[np.float64], y: NDArray[Any], n_classes: int, C: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and biases of a softmax over ``n_classes``, or of a sigmoid for one label (``n_classes`` = 1).

    A class that no row is of gets no weights, and a low bias.
    """
    from sklearn.linear_model import LogisticRegression

    present = np.unique(y).astype(np.int64)
    weights = np.zeros((n_classes, rows.shape[1]))
    bias = np.full(n_classes, -ABSENT_LOGIT)
    if len(present) == 1:
        bias[0 if n_classes == 1 else present[0]] = (
            ABSENT_LOGIT if present[0] or n_classes > 1 else -ABSENT_LOGIT
        )
        return weights, bias
    head = LogisticRegression(C=C, max_iter=HEAD_STEPS).fit(rows, y)
    found, offset = head.coef_, head.intercept_
    if n_classes == 1:
        return found, offset
    if len(present) == 2:  # the softmax of (-z/2, z/2) is the sigmoid of z
        found, offset = np.vstack([-found, found]) / 2, np.concatenate([-offset, offset]) / 2
    weights[present], bias[present] = found, offset
    return weights, bias
