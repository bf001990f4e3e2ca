"""Rows without a target → those that say anything."""

from __future__ import annotations

import numpy as np
import pandas as pd

from advisor.tables.levels import find_levels


def without_empty(frame: pd.DataFrame, what: str, notes: list[str]) -> pd.DataFrame:
    """Leave out the rows without a value in any column, as spreadsheets write them below a table, and say so.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Raw features.
    what : str
        What to call the table in notes.
    notes : list of str
        How many rows were left out is added to it.

    Returns
    -------
    DataFrame
        With the index of what is left.

    Examples
    --------
    >>> told: list[str] = []
    >>> frame = pd.DataFrame({"a": [1.0, None], "b": [None, None]})
    >>> without_empty(frame, "the table", told)["a"].tolist(), told
    ([1.0], ['1 row of the table without any value was left out'])
    """
    empty = np.arange(len(frame))
    for name in frame.columns:
        if not len(empty):
            return frame
        cells = frame[name].iloc[empty]
        lacking = cells.isna().to_numpy()
        if isinstance(cells.dtype, pd.CategoricalDtype):
            lacking = find_levels(cells)[0] < 0  # words that stand for nothing
        empty = empty[lacking]
    if not len(empty):
        return frame
    rows, were = ("row", "was") if len(empty) == 1 else ("rows", "were")
    notes.append(f"{len(empty):,} {rows} of {what} without any value {were} left out")
    return frame[~np.isin(np.arange(len(frame)), empty)]
