"""Sampled rows → columns that give the target away, and identifiers or dates that order it.

Each column is asked alone, cheaply: the values of a number are ranked and also cut into bins, the levels of a word are
taken as they are; every level is then worth the mean of the target over the *other* folds. Folds follow the hash of a
row, so that they depend neither on the order of the rows nor on a seed, and equal rows stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.profile import LeakSuspect, OrderedTarget
from advisor.profilers.shape import NUMBER_KINDS, WORD_KINDS, numbers
from advisor.tables.columns import Column, ColumnKind

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

LEAK_AUC = 0.99
"""AUC of one column alone from which it is suspect. The best single column of an honest table we know (a nucleus size
in breast cancer cytology) reaches .98; our choice."""

LEAK_SKILL = 0.98
"""Share of the majority class's errors that one column alone avoids (multiclass); our choice."""

LEAK_R2 = 0.98
"""R2 of one column alone (regression); our choice."""

LEAK_ROWS = 30
"""Labelled rows below which nothing is suspected: a perfect column is no wonder there; our choice."""

LEAK_CLASS = 8
"""Rows of the smaller side below which an AUC is not trusted: with 8 of 30, a column of pure noise reaches ``LEAK_AUC``
in 4 of C(30, 8) = 5.9 million orders."""

EASY_COLUMNS = 5
"""More suspects than this mean that the classes are easy to tell apart, not that so many columns leak; our choice."""

FOLDS = 5
"""Folds of the cross-validated level means."""

BINS = 50
"""Most bins of a number; fewer in small data, so that a bin holds about ten rows."""

ROWS_PER_BIN = 10
"""Rows that a bin of a number holds on average, at least."""

RARE_LEVEL = 5
"""Rows below which a level of a word is pooled with the other rare ones: one per fold."""

BINNED_COLUMNS = 500
"""Features above which numbers are only ranked and not binned, for time; our choice."""

LABELS_ASKED = 20
"""Labels of a multilabel problem that are asked, the most frequent first, for time; our choice."""

PAIR_COLUMNS = 40
"""Numeric columns up to which pairs are tried, for time; our choice."""

PAIR_ROWS = 2_000
"""Rows that pairs are tried on; our choice."""

PAIR_TOLERANCE = 1e-3
"""Deviation of a pair from the target, in standard deviations of the target, that counts as rounding; our choice."""

PAIR_SHARE = 0.98
"""Share of rows that a pair must hit; our choice."""

ORDERED = 0.3
"""|rank correlation| of an identifier or date with the target that is worth telling: Cohen's "medium" effect."""

ORDERED_SIGMA = 4.0
"""Standard errors that such a correlation must lie from 0; our choice, strict because several columns are asked."""


def find_leaks(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    y: NDArray[np.generic],
    task: Task,
    rows: NDArray[np.uint64],
    classes: Sequence[str],
) -> tuple[LeakSuspect, ...]:
    """Find columns, and for regression pairs of columns, that alone predict the target nearly perfectly.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Sampled rows.
    columns : sequence of Column
        The features.
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
        Targets as in :class:`advisor.dataset.Dataset`.
    task : Task
        What ``y`` is.
    rows : ndarray of uint64 of shape (n_rows,)
        Hashes of the rows.
    classes : sequence of str
        Names of the classes or labels; empty for regression.

    Returns
    -------
    tuple of LeakSuspect
        Best first; empty where too many columns are that good for all of them to leak.
    """
    if len(frame) < LEAK_ROWS:
        return ()
    folds = (rows % np.uint64(FOLDS)).astype(np.int64)
    if task is Task.MULTILABEL:
        counts = y.astype(np.int64).sum(axis=0)
        asked = np.argsort(-counts, kind="stable")[:LABELS_ASKED]
        found = [
            suspect.model_copy(update={"label": classes[label]})
            for label in asked
            for suspect in _alone(
                frame, columns, y[:, label].astype(np.float64), Task.BINARY, folds
            )
        ]
        return tuple(found)
    found = _alone(frame, columns, y.astype(np.float64), task, folds)
    if task is Task.REGRESSION:
        single = {suspect.columns[0] for suspect in found}
        free = [c for c in columns if c.name not in single]
        found += _pairs(frame, free, y.astype(np.float64))
    return tuple(sorted(found, key=lambda s: (-s.score, s.columns)))


def _alone(
    frame: pd.DataFrame, columns: Sequence[Column], y: Floats, task: Task, folds: Codes
) -> list[LeakSuspect]:
    """Ask every column alone; nothing when the rarer side is too small or the task is easy anyway."""
    measure: Literal["AUC", "accuracy", "R2"] = "accuracy"
    least = LEAK_SKILL
    if task is Task.BINARY:
        measure, least = "AUC", LEAK_AUC
        if min(y.sum(), len(y) - y.sum()) < LEAK_CLASS:
            return []
    elif task is Task.REGRESSION:
        measure, least = "R2", LEAK_R2
    majority = 0.0
    if task is Task.MULTICLASS:
        majority = float(np.bincount(y.astype(np.int64)).max() / len(y))
    found = []
    for column in columns:
        score = _score(frame[column.name], column.kind, y, task, folds, len(columns))
        skill = (score - majority) / (1 - majority) if majority < 1 else 0.0
        if skill >= least:
            found.append(
                LeakSuspect(
                    columns=(column.name,),
                    how="alone",
                    measure=measure,
                    score=min(1.0, round(score, 4)),
                    n_rows=len(y),
                )
            )
    return found if len(found) <= EASY_COLUMNS else []


def _score(
    values: pd.Series, kind: ColumnKind, y: Floats, task: Task, folds: Codes, n_columns: int
) -> float:
    """Score of one column alone: AUC, accuracy or R2."""
    best = 0.0
    if kind in NUMBER_KINDS or kind is ColumnKind.DATETIME:
        number = as_floats(values)
        best = _ranked(number, y, task)
        if n_columns > BINNED_COLUMNS:
            return best
        levels = _bins(number)
    elif kind in WORD_KINDS:
        levels = _with_rare_pooled(values.cat.codes.to_numpy().astype(np.int64) + 1)
    else:
        return best
    return max(best, _levelled(levels, y, task, folds))


def _with_rare_pooled(levels: Codes) -> Codes:
    """Make one level of all rare ones: what is true of them together can be told of one never seen."""
    rare = np.bincount(levels) < RARE_LEVEL
    return np.where(rare[levels], len(rare), levels)


def as_floats(values: pd.Series) -> Floats:
    """Numbers or dates as float64 of shape (n,), missing as NaN."""
    if values.dtype.kind == "M":
        missing = values.isna().to_numpy()
        return np.where(missing, np.nan, values.to_numpy().astype(np.int64).astype(np.float64))
    return values.to_numpy(dtype=np.float64)


def _ranked(number: Floats, y: Floats, task: Task) -> float:
    """Score the order alone: AUC in the better direction, or squared correlation of values or ranks."""
    present = ~np.isnan(number)
    # A column that is mostly missing says little by its order; its missing cells are a level of their own.
    if task is Task.MULTICLASS or present.sum() < max(LEAK_ROWS, len(y) / 2):
        return 0.0
    x, target = number[present], y[present]
    if task is Task.BINARY:
        auc = rank_auc(x, target)
        return max(auc, 1 - auc) if present.all() else 0.0
    if x.std() == 0 or target.std() == 0:
        return 0.0
    linear = np.corrcoef(x, target)[0, 1]
    monotone = np.corrcoef(ranks(x), ranks(target))[0, 1]
    return float(max(linear**2, monotone**2)) * float(present.mean())


def _bins(number: Floats) -> Codes:
    """Cut numbers into levels at quantiles; few distinct values stay themselves; missing is level 0."""
    finite = number[np.isfinite(number)]
    n_bins = int(min(BINS, max(2, finite.size // ROWS_PER_BIN)))
    distinct = np.unique(finite)
    if distinct.size == 0:
        return np.zeros(len(number), dtype=np.int64)
    edges = distinct[1:]
    if distinct.size > n_bins:
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, n_bins + 1)[1:-1]))
    levels = np.searchsorted(edges, number, side="right") + 1
    return np.where(np.isnan(number), 0, levels).astype(np.int64)


def _levelled(levels: Codes, y: Floats, task: Task, folds: Codes) -> float:
    """Out-of-fold prediction of each row by its level's mean (or majority) over the other folds, scored."""
    n_levels = int(levels.max()) + 1
    if task is Task.MULTICLASS:
        return _levelled_accuracy(levels, y.astype(np.int64), folds, n_levels)
    sums = np.zeros((FOLDS, n_levels))
    counts = np.zeros((FOLDS, n_levels))
    np.add.at(sums, (folds, levels), y)
    np.add.at(counts, (folds, levels), 1.0)
    # One row's weight of prior: a level never seen in the other folds gets the overall mean.
    other_sums = sums.sum(axis=0) - sums + y.mean()
    other_counts = counts.sum(axis=0) - counts + 1.0
    predicted = (other_sums / other_counts)[folds, levels]
    if task is Task.BINARY:
        return rank_auc(predicted, y)
    variance = float(np.mean((y - y.mean()) ** 2))
    return 1.0 - float(np.mean((y - predicted) ** 2)) / variance if variance > 0 else 0.0


def _levelled_accuracy(levels: Codes, y: Codes, folds: Codes, n_levels: int) -> float:
    n_classes = int(y.max()) + 1
    overall = int(np.bincount(y).argmax())
    correct = 0
    for fold in range(FOLDS):
        held = folds == fold
        table = np.zeros((n_levels, n_classes))
        np.add.at(table, (levels[~held], y[~held]), 1.0)
        choice = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), overall)
        correct += int((choice[levels[held]] == y[held]).sum())
    return correct / len(y)


def _pairs(frame: pd.DataFrame, columns: Sequence[Column], y: Floats) -> list[LeakSuspect]:
    """Try sum, difference and product of every two numeric columns against the target."""
    names = [c.name for c in columns if c.kind in (ColumnKind.NUMERIC, ColumnKind.ORDINAL)]
    if not 2 <= len(names) <= PAIR_COLUMNS or y.std() == 0:
        return []
    matrix, target = numbers(frame, names)[:PAIR_ROWS], y[:PAIR_ROWS]
    tolerance = PAIR_TOLERANCE * float(y.std())
    found = []
    for i, j in combinations(range(len(names)), 2):
        a, b = matrix[:, i], matrix[:, j]
        made: tuple[tuple[Literal["sum", "difference", "product"], Floats], ...] = (
            ("sum", a + b),
            ("difference", np.abs(a - b)),
            ("product", a * b),
        )
        for how, values in made:
            wanted = np.abs(target) if how == "difference" else target
            share = float((np.abs(values - wanted) <= tolerance).mean())
            if share >= PAIR_SHARE:
                found.append(
                    LeakSuspect(
                        columns=(names[i], names[j]),
                        how=how,
                        measure="share",
                        score=round(share, 4),
                        n_rows=len(target),
                    )
                )
    return found


def find_ordered(
    frame: pd.DataFrame, columns: Sequence[Column], y: NDArray[np.generic], task: Task
) -> tuple[OrderedTarget, ...]:
    """Find identifiers and dates whose order goes with the target.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Sampled rows.
    columns : sequence of Column
        All columns; only identifiers and dates are asked.
    y : ndarray of shape (n_rows,)
        Targets.
    task : Task
        Multilabel problems are not asked.

    Returns
    -------
    tuple of OrderedTarget
        With |correlation| of at least ``ORDERED``.
    """
    found: list[OrderedTarget] = []
    if task is Task.MULTILABEL or len(frame) < LEAK_ROWS:
        return ()
    for column in columns:
        if column.is_dated:
            order = as_floats(frame[column.name])
        elif column.kind is ColumnKind.IDENTIFIER:
            words = frame[column.name].astype(object)
            order = np.asarray(pd.to_numeric(words, errors="coerce"), dtype=np.float64)
        else:
            continue
        present = ~np.isnan(order)
        if present.mean() < 0.9 or np.unique(order[present]).size < LEAK_ROWS:
            continue
        r = _strongest(ranks(order[present]), y[present].astype(np.float64), task)
        if abs(r) >= ORDERED and abs(r) * np.sqrt(present.sum()) >= ORDERED_SIGMA:
            kind: Literal["identifier", "datetime"] = (
                "datetime" if column.kind is ColumnKind.DATETIME else "identifier"
            )
            found.append(OrderedTarget(column=column.name, kind=kind, correlation=round(r, 3)))
    return tuple(found)


def _strongest(order: Floats, y: Floats, task: Task) -> float:
    """Rank correlation with the target, with the positive class, or of several with the one that follows most."""
    if task is Task.REGRESSION:
        targets = [ranks(y)]
    else:
        classes = [y.max()] if task is Task.BINARY else np.unique(y)
        targets = [(y == c).astype(np.float64) for c in classes]
    correlations = [
        float(np.corrcoef(order, target)[0, 1]) if target.std() > 0 else 0.0 for target in targets
    ]
    return max(correlations, key=abs)


def ranks(values: Floats) -> Floats:
    """Average ranks, from 1, of values of shape (n,) without missing ones."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: Floats = (last - (counts - 1) / 2.0)[inverse]
    return mean


def rank_auc(score: Floats, positive: Floats) -> float:
    """Area under the ROC curve of scores of shape (n,) for 0/1 targets; 0.5 where one class is absent.

    Uses the Mann-Whitney identity: the area is the mean rank of the positives, shifted and scaled.
    """
    n_positive = float(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return 0.5
    rank_sum = float(ranks(score)[positive > 0].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
