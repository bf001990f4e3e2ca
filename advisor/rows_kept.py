"""Conforming rows ↔ files that a worker reads at once, however many columns there are.

Parquet keeps every column by itself, and a worker that reads twenty thousand of them has no time left for a fit. Of a
table with more columns than rows the numbers are therefore kept as one matrix beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.tables.columns import NUMBER_KINDS, Column, conform

MATRIX = ".npy"
"""Suffix of the file with the numbers, in the place of that of the table."""


def write_rows(place: Path, frame: pd.DataFrame, columns: Sequence[Column]) -> None:
    """Write rows.

    Parameters
    ----------
    place : Path
        A file name with the suffix ``.parquet``; what was there is replaced.
    frame : DataFrame of shape (n_rows, n_columns)
        Conforming rows.
    columns : sequence of Column
        Their schema.
    """
    place.with_suffix(MATRIX).unlink(missing_ok=True)
    if len(columns) > len(frame):
        numbers = [column.name for column in columns if column.kind in NUMBER_KINDS]
        np.save(place.with_suffix(MATRIX), frame[numbers].to_numpy(dtype=np.float64))
        frame = frame.drop(columns=numbers)
    frame.to_parquet(place, index=False)


def read_rows(place: Path, columns: Sequence[Column]) -> pd.DataFrame:
    """Read what :func:`write_rows` wrote.

    Parameters
    ----------
    place : Path
        As it was written.
    columns : sequence of Column
        The schema.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Equal to the one that was written.
    """
    rest = pd.read_parquet(place)
    if not place.with_suffix(MATRIX).exists():
        return conform(rest, columns)
    numbers = [column.name for column in columns if column.kind in NUMBER_KINDS]
    made = pd.DataFrame(np.load(place.with_suffix(MATRIX)), columns=numbers, copy=False)
    others = [column for column in columns if column.kind not in NUMBER_KINDS]
    if not others:
        return made
    both = pd.concat([made, conform(rest, others)], axis=1)
    return both[[column.name for column in columns]]
