"""Rows and columns → what repeats: rows, rows across splits, columns, rows of one group.

Rows are compared by a 64-bit hash that is a sum over their columns, so that a column can be left out by
subtraction and neither the order of the rows nor that of the columns matters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.cores import usable_cores
from advisor.profile import ColumnPair, GroupSuspect
from advisor.profilers.shape import COLLINEAR_COLUMNS, NUMBER_KINDS, WORD_KINDS, numbers
from advisor.tables.columns import Column, ColumnKind
from advisor.tables.keys import GROUPED_ROWS, key_groups

Hashes = NDArray[np.uint64]

RECODED_LEVELS = 0.5
"""Levels per row up to which equal partitions mean a recoding: any two columns without repeats have equal
partitions."""

RESCALED = 0.999999
"""|r| from which a column counts as a linear function of another: allows for rounding to four digits, and keeps apart
neighbouring channels of a spectrum (about .99999), whose small differences may be the signal. Our choice."""

MISSING_HASH = np.uint64(1)
"""What a missing cell hashes to."""

CELLS_AT_ONCE = 2_000_000
"""Cells hashed together: 16 MB of float64, enough that wide tables are not slow column by column."""

ROWS_AT_ONCE = 16_384
"""Rows hashed together where there are more: a column of them is 128 kB of float64 and stays in a core's cache."""

MEASURED_COLUMNS = 3
"""Numeric columns that rows must agree in, besides the one left out, to be taken for one thing measured again: people
agree in many categories by chance. Our choice."""

LEFT_OUT_COLUMNS = 200
"""Features up to which each is left out in turn, for time; our choice."""

CHANCE_CELLS = 20
"""Possible value combinations per row below which rows repeat by chance (a full factorial has one); our choice."""


@dataclass(frozen=True)
class RowHashes:
    """Hashes of all rows over all columns, and a way to leave one column out."""

    total: Hashes
    frame: pd.DataFrame

    def without(self, column: Column) -> Hashes:
        """Hashes of the rows over all columns but one, of shape (n_rows,)."""
        return self.total - hash_rows(self.frame, [column]).total


def hash_rows(frame: pd.DataFrame, columns: Sequence[Column]) -> RowHashes:
    """Hash every row over the given columns; equal cells have equal hashes, missing ones too.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Conforming rows.
    columns : sequence of Column
        The columns to compare.

    Returns
    -------
    RowHashes
    """
    if len(frame) > ROWS_AT_ONCE:
        return RowHashes(_hash_long(frame, columns), frame)
    total = np.zeros(len(frame), dtype=np.uint64)
    names = np.array([column.name for column in columns], dtype=object)
    factors = _factors(columns)
    numeric = np.array([column.kind in NUMBER_KINDS for column in columns], dtype=bool)
    width = max(1, CELLS_AT_ONCE // max(1, len(frame)))
    positions = np.flatnonzero(numeric)
    for start in range(0, len(positions), width):
        block = positions[start : start + width]
        cells = numbers(frame, list(names[block])) + 0.0  # -0.0 is 0.0
        hashed = pd.util.hash_array(cells.ravel()).reshape(cells.shape)
        hashed[np.isnan(cells)] = MISSING_HASH
        total += (hashed * factors[block]).sum(axis=1, dtype=np.uint64)
    for position in np.flatnonzero(~numeric):
        total += _hash_words(frame[names[position]]) * factors[position]
    return RowHashes(total, frame)


def _factors(columns: Sequence[Column]) -> Hashes:
    """Make an odd factor of the name of each column: it tells equal values in two columns apart."""
    names = np.array([column.name for column in columns], dtype=object)
    return pd.util.hash_array(names, categorize=False) | np.uint64(1)


def _hash_long(frame: pd.DataFrame, columns: Sequence[Column]) -> Hashes:
    """Hash many rows a piece at a time, so that all of it stays in the cache of a core, on all cores."""
    total = np.zeros(len(frame), dtype=np.uint64)
    hashers = [
        _hasher(frame[column.name], factor)
        for column, factor in zip(columns, _factors(columns), strict=True)
    ]

    def fill(start: int) -> None:
        rows = slice(start, start + ROWS_AT_ONCE)
        for hasher in hashers:
            total[rows] += hasher(rows)

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(fill, range(0, len(frame), ROWS_AT_ONCE)))
    return total


def _hasher(values: pd.Series, factor: np.uint64) -> Callable[[slice], Hashes]:
    """Make what hashes a piece of one column, times the column's factor."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, levels = values.array.codes, _level_hashes(values) * factor
        return lambda rows: levels.take(codes[rows])
    if values.dtype.kind == "M":
        return lambda rows: _hash_words(values.iloc[rows]) * factor
    cells = values.to_numpy(dtype=np.float64)

    def hashed(rows: slice) -> Hashes:
        some = cells[rows] + 0.0  # -0.0 is 0.0
        found: Hashes = pd.util.hash_array(some)
        found[np.isnan(some)] = MISSING_HASH
        found *= factor
        return found

    return hashed


def _level_hashes(values: pd.Series) -> Hashes:
    """Hash the words of a categorical column; code -1 is missing and reads the last entry."""
    levels = pd.util.hash_array(np.asarray(values.cat.categories, dtype=object))
    hashed: Hashes = np.append(levels, MISSING_HASH)
    return hashed


def _hash_words(values: pd.Series) -> Hashes:
    """Hash categories by their words, so that two frames with other codes agree, and dates by their instant."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        spread: Hashes = _level_hashes(values).take(values.array.codes)
        return spread
    instants = values.to_numpy().astype("datetime64[ns]")
    hashed: Hashes = pd.util.hash_array(instants.astype(np.int64))
    hashed[np.isnat(instants)] = MISSING_HASH
    return hashed


def hash_labels(y: NDArray[np.generic]) -> Hashes:
    """Hash the targets of shape (n_rows,) or (n_rows, n_labels) row by row."""
    matrix = y.reshape(len(y), -1)
    total = np.zeros(len(y), dtype=np.uint64)
    for start in range(0, len(y), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        for position, values in enumerate(matrix[rows].astype(np.float64).T + 0.0):
            total[rows] += pd.util.hash_array(values) * np.uint64(2 * position + 1)
    return total


@dataclass(frozen=True)
class Repeats:
    """How many labelled rows repeat, contradict each other, and cannot all be right."""

    n_duplicates: int
    n_conflicts: int
    conflict_errors: int


def count_repeats(rows: Hashes, labels: Hashes) -> Repeats:
    """Count repeated rows and rows whose equals carry another label, exactly.

    Parameters
    ----------
    rows, labels : ndarray of uint64 of shape (n_rows,)
        Hashes of the features and of the targets.

    Returns
    -------
    Repeats
        ``conflict_errors``: rows outside the most frequent label of their equals.
    """
    if rows.size == 0:
        return Repeats(0, 0, 0)
    group = pd.factorize(rows)[0]
    sizes = np.bincount(group)
    label = pd.factorize(labels)[0]
    repeated = sizes[group] > 1
    pairs = group[repeated].astype(np.int64) * (int(label.max()) + 1) + label[repeated]
    cells, counts = np.unique(pairs, return_counts=True)
    owner = cells // (int(label.max()) + 1)
    firsts = np.r_[True, owner[1:] != owner[:-1]] if owner.size else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(firsts)
    if starts.size == 0:
        return Repeats(0, 0, 0)
    totals = np.add.reduceat(counts, starts)
    largest = np.maximum.reduceat(counts, starts)
    return Repeats(
        n_duplicates=int(rows.size - sizes.size),
        n_conflicts=int(totals[totals > largest].sum()),
        conflict_errors=int((totals - largest).sum()),
    )


def repeated_columns(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[ColumnPair, ...]:
    """Find columns that say the same as an earlier one.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Sampled rows.
    columns : sequence of Column
        The features.

    Returns
    -------
    tuple of ColumnPair
        Each repeated column once, with the first column it repeats, in the order of the columns.
    """
    alike: dict[bytes, list[str]] = {}
    few: set[bytes] = set()
    for column in columns:
        codes, levels = pd.factorize(frame[column.name])
        if len(levels) < 2:
            continue
        key = codes.astype(np.int32).tobytes()
        if len(levels) <= RECODED_LEVELS * len(frame):
            few.add(key)
        # Nearly all columns without repeats have one partition: only numbers can still be compared.
        elif column.kind not in NUMBER_KINDS or len(alike.get(key, ())) >= COLLINEAR_COLUMNS:
            continue
        alike.setdefault(key, []).append(column.name)
    pairs = []
    for key, group in alike.items():
        if len(group) > 1:
            pairs += _recoded(frame, group) if key in few else _rescaled(frame, group)
    position = {column.name: k for k, column in enumerate(columns)}
    return tuple(sorted(pairs, key=lambda pair: position[pair.second]))


def _recoded(frame: pd.DataFrame, group: Sequence[str]) -> list[ColumnPair]:
    """Pair the columns of one partition of the rows with the first of them."""
    first = frame[group[0]]
    pairs = []
    for name in group[1:]:
        relation: Literal["equal", "recoded"] = "recoded"
        if first.dtype.kind == frame[name].dtype.kind:
            equal = first.astype(object).equals(frame[name].astype(object))
            relation = "equal" if equal else "recoded"
        pairs.append(ColumnPair(first=group[0], second=name, relation=relation))
    return pairs


def _rescaled(frame: pd.DataFrame, group: Sequence[str]) -> list[ColumnPair]:
    """Pair numeric columns without repeats with the first one they are a linear function of."""
    matrix = numbers(frame, group)
    matrix = matrix[~np.isnan(matrix).any(axis=1)]
    same = np.abs(np.corrcoef(matrix, rowvar=False)) >= RESCALED
    pairs = []
    for second in range(1, len(group)):
        (earlier,) = np.nonzero(same[second, :second])
        if earlier.size:
            first = int(earlier[0])
            equal = np.array_equal(matrix[:, first], matrix[:, second])
            pairs.append(
                ColumnPair(
                    first=group[first],
                    second=group[second],
                    relation="equal" if equal else "rescaled",
                )
            )
    return pairs


def find_groups(
    frame: pd.DataFrame, columns: Sequence[Column], hashes: RowHashes
) -> tuple[GroupSuspect, ...]:
    """Find columns that repeat like keys, and a column whose leaving out makes many rows equal.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        All labelled rows.
    columns : sequence of Column
        All columns, identifiers too.
    hashes : RowHashes
        Of the features of the same rows.

    Returns
    -------
    tuple of GroupSuspect
        Keys first; at most one column of the other kind, the one that leaves the most rows equal.
    """
    return (*find_keys(frame, columns), *_all_but_one(frame, columns, hashes))


def find_keys(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[GroupSuspect, ...]:
    """Find the columns that repeat like a key; parameters as in :func:`find_groups`."""
    suspects = []
    for column in columns:
        if column.kind in (ColumnKind.CONSTANT, ColumnKind.TEXT):
            continue
        if found := key_groups(column.name, frame[column.name]):
            n_groups, share = found
            suspects.append(
                GroupSuspect(column=column.name, how="key", n_groups=n_groups, share_rows=share)
            )
    return tuple(suspects)


def _all_but_one(
    frame: pd.DataFrame, columns: Sequence[Column], hashes: RowHashes
) -> tuple[GroupSuspect, ...]:
    features = [c for c in columns if c.kind in NUMBER_KINDS | WORD_KINDS]
    n_measured = sum(c.kind is ColumnKind.NUMERIC for c in features)
    if len(frame) == 0 or n_measured < MEASURED_COLUMNS or len(features) > LEFT_OUT_COLUMNS:
        return ()
    # Logarithms of the levels: their sum is that of the number of possible rows.
    rooms = {c.name: float(np.log(max(1, frame[c.name].nunique()))) for c in features}
    room, needed = sum(rooms.values()), float(np.log(CHANCE_CELLS * len(frame)))
    n_repeated = len(frame) - np.unique(hashes.total).size
    best: GroupSuspect | None = None
    for column in features:
        measured = n_measured - (column.kind is ColumnKind.NUMERIC)
        if measured < MEASURED_COLUMNS or room - rooms[column.name] < needed:
            continue
        _, counts = np.unique(hashes.without(column), return_counts=True)
        share = float(counts[counts > 1].sum() / len(frame))
        if share < GROUPED_ROWS + n_repeated / len(frame):
            continue
        if best is None or share > best.share_rows:
            best = GroupSuspect(
                column=column.name, how="all_but_one", n_groups=int(counts.size), share_rows=share
            )
    return () if best is None else (best,)
