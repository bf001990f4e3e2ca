"""Targets and groups → a SplitPlan → the folds that everything is judged on.

One algorithm serves all tasks. Every row is turned into the *strata* it belongs to (its class, its quantile of a
numeric target, its labels), and folds are filled, rarest stratum first, so that each stratum is spread as evenly
as its members allow. Rows of one *block* (a group, or exact duplicates, or both joined) move together; big blocks
are placed first, single rows then even out what the blocks left uneven.

Why not scikit-learn's splitters: ``StratifiedKFold`` refuses nothing but warns below ``n_splits`` members and
knows no groups, ``StratifiedGroupKFold`` knows no multilabel or numeric target and is slow when most blocks are
single rows, and none of them is needed to *read* a plan, which must not import scikit-learn.

References
----------
.. [1] Sechidis, K., Tsoumakas, G., Vlahavas, I. (2011). On the stratification of multi-label data. ECML PKDD.
.. [2] Kohavi, R. (1995). A study of cross-validation and bootstrap for accuracy estimation and model selection.
   IJCAI. Stratified folds have less bias and less variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from advisor.dataset import Task
from advisor.errors import InvalidRequest

Codes = NDArray[np.int64]

SPLITS_BY_ROWS: tuple[tuple[int, int, int], ...] = (
    (100, 5, 4),
    (300, 8, 2),
    (2_000, 8, 1),
    (20_000, 6, 1),
)
"""(rows below, folds, repeats). Our choice. The fewer the rows, the more a score depends on how they were split, and
the cheaper a fit: below 100 rows four repeats of five folds average that out while every fold still holds a dozen
rows; below 300 two repeats; from 300 on one pass over eight folds trains on 88 % of the rows, so that the score of
the fold models is close to that of a model of all rows. Above 2,000 rows the last few per cent of rows no longer
matter and fits are slow. The number of fits is even everywhere, because machines have an even number of cores."""

SPLITS_OF_MANY_ROWS = (4, 1)
"""Folds and repeats from 20,000 rows: each fit is slow and already trained on 15,000 rows. Our choice."""

MOST_TARGET_STRATA = 10
"""Quantiles that a numeric target is stratified by, at most. Our choice: finer ones no longer move the folds' means."""

LEAST_FOLDS = 2
"""Fewer is not cross-validation."""

SMALLEST_ODD = 3
"""An odd number of folds is lowered by one to keep all cores busy, except three: two folds halve the training rows.
Our choice."""


class SplitPlan(BaseModel):
    """How labelled rows are split, as a value that the report stores and training reads back.

    Attributes
    ----------
    folds, repeats : int
        ``folds * repeats`` fits for each configuration.
    stratified : bool
        Classes, labels or quantiles of the target are spread evenly.
    grouped : bool
        Rows of one group stay on one side.
    seed : int
        Makes the folds reproducible.
    reason : str
        Why this many, a sentence for the report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folds: int = Field(ge=LEAST_FOLDS)
    repeats: int = Field(ge=1)
    stratified: bool = True
    grouped: bool = False
    seed: int = 0
    reason: str = ""

    @property
    def n_fits(self) -> int:
        """Models fitted for one configuration on all folds."""
        return self.folds * self.repeats


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to train on and of the rows to judge on, int64 and ascending."""

    train: Codes
    valid: Codes


def plan_splits(
    task: Task,
    y: NDArray[Any],
    groups: NDArray[Any] | None,
    seed: int,
    n_blocks: int | None = None,
    most_folds: int | None = None,
) -> SplitPlan:
    """Choose how many folds and repeats a dataset needs.

    Parameters
    ----------
    task : Task
        What is predicted.
    y : ndarray of shape (n,) or (n, k)
        Targets; only their number matters.
    groups : ndarray of shape (n,) or None
        Codes of the rows that must stay together.
    seed : int
        Kept in the plan.
    n_blocks : int or None
        How many blocks rows fall into once copies of a row are kept together as well; ``None``: no copies.
    most_folds : int or None
        Where fits are dear: fewer folds, repeated as often as makes up for it.

    Returns
    -------
    SplitPlan

    Raises
    ------
    InvalidRequest
        If there are fewer than two distinct rows or two groups.

    Examples
    --------
    >>> import numpy as np
    >>> plan = plan_splits(Task.BINARY, np.tile([0, 1], 40), None, seed=0)
    >>> plan.folds, plan.repeats
    (5, 4)
    """
    n = len(y)
    units = n if groups is None else len(np.unique(groups))
    noun = "rows" if groups is None else "groups"
    if n_blocks is not None and n_blocks < units:
        units, noun = n_blocks, f"distinct {noun}"
    if units < LEAST_FOLDS:
        raise InvalidRequest(
            f"expected at least {LEAST_FOLDS} labelled {noun} for cross-validation, got {units}; "
            + ("label more rows." if groups is None else "name another --groups column, or none.")
        )
    wanted, repeats = next(
        ((folds, times) for below, folds, times in SPLITS_BY_ROWS if n < below), SPLITS_OF_MANY_ROWS
    )
    if most_folds is not None and wanted > most_folds:
        wanted, repeats = most_folds, -(-wanted * repeats // most_folds)
    folds = min(wanted, units)
    why = f"{n:,} rows"
    if folds == units:
        repeats = 1  # leaving one out has only one way to do it
        why = f"only {units} {noun}"
    if folds < wanted and folds % 2 and folds > SMALLEST_ODD:
        folds -= 1
    kind = {Task.REGRESSION: "quantiles of the target", Task.MULTILABEL: "labels"}.get(
        task, "classes"
    )
    reason = f"{why}: {_words(folds, repeats)}, {kind} spread evenly"
    reason += ", groups kept together" if groups is not None else ""
    return SplitPlan(
        folds=folds, repeats=repeats, grouped=groups is not None, seed=seed, reason=reason
    )


def _words(folds: int, repeats: int) -> str:
    return f"{folds} folds" + (f", repeated {repeats} times" if repeats > 1 else "")


def merge_blocks(groups: NDArray[Any] | None, duplicate_codes: NDArray[Any] | None) -> Codes | None:
    """Join groups and duplicates into blocks: rows linked by either, through any chain, share a block.

    Parameters
    ----------
    groups : ndarray of shape (n,) or None
        Group codes.
    duplicate_codes : ndarray of shape (n,) or None
        Equal for rows that are copies of each other; a row without a copy has a code of its own.

    Returns
    -------
    ndarray of int64 of shape (n,) or None
        Codes 0, 1, ... in order of first appearance; None when there is nothing to keep together.

    Examples
    --------
    >>> import numpy as np
    >>> merge_blocks(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    given = [
        np.unique(c, return_inverse=True)[1] for c in (groups, duplicate_codes) if c is not None
    ]
    if not given:
        return None
    blocks = given[0]
    if len(given) == 2:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        # A bipartite graph of groups and duplicate sets with one edge per row: blocks are its components.
        n_groups, n_sets = int(given[0].max()) + 1, int(given[1].max()) + 1
        edges = (np.ones(len(blocks)), (given[0], n_groups + given[1]))
        graph = coo_array(edges, shape=(n_groups + n_sets,) * 2)
        blocks = connected_components(graph, directed=False)[1][given[0]]
    _, first, codes = np.unique(blocks, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    merged: Codes = rank[codes]
    return merged if len(first) < len(merged) else None


def split(plan: SplitPlan, y: NDArray[Any], blocks: NDArray[Any] | None) -> list[Fold]:
    """Make the folds of a plan, repeat after repeat.

    Parameters
    ----------
    plan : SplitPlan
        How many, and the seed.
    y : ndarray
        int codes (n,), 0/1 labels (n, k), or float values (n,).
    blocks : ndarray of shape (n,) or None
        Rows of equal code stay on one side.

    Returns
    -------
    list of Fold
        ``folds * repeats`` of them; each run of ``folds`` partitions the rows, so that every row is judged
        exactly ``repeats`` times.

    Raises
    ------
    InvalidRequest
        If there are fewer rows or blocks than folds.
    """
    n = len(y)
    codes = np.arange(n) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    n_blocks = int(codes.max()) + 1 if n else 0
    if n_blocks < plan.folds:
        raise InvalidRequest(
            f"expected at least {plan.folds} {'rows' if blocks is None else 'groups or distinct rows'} for "
            f"{plan.folds} folds, got {n_blocks}; lower 'folds' in the plan."
        )
    everyone = np.arange(n)
    out: list[Fold] = []
    for repeat in range(plan.repeats):
        rng = np.random.default_rng([plan.seed, repeat])
        members = _memberships(y, plan.folds, rng) if plan.stratified else np.zeros((n, 0), bool)
        assigned = _assign(members, codes, plan.folds, rng)
        out += [Fold(everyone[assigned != f], everyone[assigned == f]) for f in range(plan.folds)]
    return out


def inner_folds(y: NDArray[Any], blocks: NDArray[Any] | None, most: int, seed: int) -> list[Fold]:
    """Divide the rows of one fit, for what it has to learn on rows that it did not see.

    Parameters
    ----------
    y, blocks : ndarray
        As :func:`split` takes them.
    most : int
        Folds, or as many as there are blocks.
    seed : int
        Makes them reproducible.

    Returns
    -------
    list of Fold
        Empty where all rows are one block.
    """
    n_blocks = len(y) if blocks is None else len(np.unique(blocks))
    if n_blocks < LEAST_FOLDS:
        return []
    return split(SplitPlan(folds=min(most, n_blocks), repeats=1, seed=seed), y, blocks)


def _memberships(y: NDArray[Any], folds: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which strata each row belongs to: bool of shape (n, n_strata)."""
    if y.ndim == 2:
        return np.asarray(y > 0)
    if y.dtype.kind == "f":
        strata = max(1, min(MOST_TARGET_STRATA, len(y) // folds))
        order = np.lexsort((rng.random(len(y)), y))  # equal values are ranked at random
        codes = np.empty(len(y), dtype=np.int64)
        codes[order] = np.arange(len(y)) * strata // len(y)
    else:
        codes = np.unique(y, return_inverse=True)[1]
    return np.asarray(codes[:, None] == np.arange(codes.max() + 1))


def _assign(
    members: NDArray[np.bool_], blocks: Codes, folds: int, rng: np.random.Generator
) -> Codes:
    """Put every row into a fold: int64 of shape (n,)."""
    n = len(members)
    # The last stratum holds every row: it keeps the folds equally large.
    tally = np.hstack([members, np.ones((n, 1), dtype=bool)]).astype(np.float64)
    filled = np.zeros((folds, tally.shape[1]))
    assigned = np.full(n, -1, dtype=np.int64)

    sizes = np.bincount(blocks)
    for block, vector in _large_blocks(tally, blocks, sizes, rng):
        # Fill the fold where the sum of squared shares grows least: (c + v)² - c² = 2cv + v², v² alike for all.
        cost = filled @ vector
        fold = int(rng.choice(np.flatnonzero(cost <= cost.min())))
        filled[fold] += tally[block].sum(axis=0)
        assigned[block] = fold

    single = sizes[blocks] == 1
    totals = tally.sum(axis=0)
    for stratum in np.argsort(totals, kind="stable"):  # rarest first; all rows last
        rows = np.flatnonzero(single & (assigned < 0) & (tally[:, stratum] > 0))
        if len(rows) == 0:
            continue
        rng.shuffle(rows)
        chosen = _level(filled[:, stratum], filled[:, -1], len(rows), rng)
        assigned[rows] = chosen
        np.add.at(filled, chosen, tally[rows])
    return assigned


def _large_blocks(
    tally: NDArray[np.float64], blocks: Codes, sizes: Codes, rng: np.random.Generator
) -> list[tuple[Codes, NDArray[np.float64]]]:
    """Blocks of several rows with their shares of the strata, the hardest to place first."""
    large = np.flatnonzero(sizes > 1)
    if len(large) == 0:
        return []
    rows = np.argsort(blocks, kind="stable")
    ends = np.cumsum(sizes)
    weight = 1.0 / np.maximum(tally.sum(axis=0), 1.0) ** 2
    found = [rows[ends[b] - sizes[b] : ends[b]] for b in large]
    sums = np.stack([tally[block].sum(axis=0) for block in found])
    order = np.lexsort((rng.random(len(large)), -(sums**2 @ weight)))
    return [(found[i], sums[i] * weight) for i in order]


def _level(
    filled: NDArray[np.float64], size: NDArray[np.float64], count: int, rng: np.random.Generator
) -> Codes:
    """Folds for ``count`` single rows so that the stratum ends as level as it can; ties go to the smaller fold.

    Rows are poured like water: each fold offers the places filled, filled + 1, ..., and the lowest are taken.
    """
    folds = len(filled)
    most = int(min(count, np.ceil(filled.max() - filled.min() + count / folds) + 1))
    level = (filled[:, None] + np.arange(most)).ravel()
    fold = np.repeat(np.arange(folds), most)
    order = np.lexsort((rng.random(folds)[fold], size[fold], level))
    return fold[order[:count]]
