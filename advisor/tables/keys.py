"""A column's name and values → whether it repeats like a key of persons, places or things."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from advisor.tables.kinds import tokens

KEY_TOKENS = frozenset(
    {
        *("id", "ids", "patient", "subject", "person", "user", "customer", "client", "household"),
        *("participant", "speaker", "donor", "animal", "specimen", "hospital", "school"),
        *("session", "device", "machine"),
    }
)
"""Parts of a column's name that keys go by."""

KEY_GROUPS = 10
"""Distinct values that a key of persons or places has at least; our choice."""

GROUPED_ROWS = 0.3
"""Share of rows in groups of two or more from which they are called grouped; our choice."""


def key_groups(name: str, values: pd.Series) -> tuple[int, float] | None:
    """Count the groups of a column that goes by the name of a key and repeats like one.

    Parameters
    ----------
    name : str
        Of the column.
    values : Series of shape (n_rows,)
        Its cells; missing ones are of no group.

    Returns
    -------
    tuple of int and float or None
        Groups, and the share of the rows, in [0, 1], that share theirs with another one; ``None`` where it is no such
        column.

    Examples
    --------
    >>> key_groups("PatientID", pd.Series([i // 2 for i in range(40)]))
    (20, 1.0)
    >>> key_groups("colour", pd.Series([i // 2 for i in range(40)]))
    """
    if not tokens(name) & KEY_TOKENS:
        return None
    counts = values.value_counts(sort=False).to_numpy()
    counts = counts[counts > 0]
    share = float(counts[counts > 1].sum() / max(1, len(values)))
    if counts.size < KEY_GROUPS or share < GROUPED_ROWS:
        return None
    return int(counts.size), share


def told_keys(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Say which columns that are not learned from repeat like a key, and what to pass.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        A table of files and what is known of them.
    names : sequence of str
        The columns to look at.

    Returns
    -------
    list of str
        A sentence for each that does.
    """
    found = {name: key_groups(name, frame[name]) for name in names}
    return [
        f"column '{name}' repeats like a key ({groups[0]:,} values): if new data will bring new ones, pass "
        f"--groups {name}, or the score will be too good"
        for name, groups in found.items()
        if groups
    ]
