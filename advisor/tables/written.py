"""Conforming rows → their cells as the data writes them: words for ranks and for yes and no, days in their format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from advisor.tables.columns import Column, ColumnKind, conform
from advisor.tables.levels import ISO

DAY, MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f"
"""How dates are written where the data did not say how: without a time of day where there is none."""


def written_cells(rows: pd.DataFrame, columns: Sequence[Column]) -> list[dict[str, str]]:
    """Write the cells of conforming rows as the data has them.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Conforming to ``columns``.
    columns : sequence of Column
        The schema.

    Returns
    -------
    list of dict of str to str
        Per row: column to cell; empty for a missing one.

    Examples
    --------
    >>> schema = [Column(name="paid", kind=ColumnKind.BOOLEAN, truth=("no", "yes"))]
    >>> written_cells(pd.DataFrame({"paid": [1.0, None]}), schema)
    [{'paid': 'yes'}, {'paid': ''}]
    """
    written = {column.name: _column(rows[column.name], column) for column in columns}
    return [{name: cells[i] for name, cells in written.items()} for i in range(len(rows))]


def _column(values: pd.Series, column: Column) -> list[str]:
    words = _words_of(column)
    return ["" if pd.isna(value) else _cell(value, column, words) for value in values]


def _cell(value: Any, column: Column, words: dict[float, str]) -> str:
    if column.kind is ColumnKind.DATETIME:
        plain = DAY if value == value.normalize() else MOMENT
        # the name of a standard is no format to write by
        form = None if column.date_format == ISO else column.date_format
        return str(value.strftime(form or plain))
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return words.get(number) or (str(int(number)) if number.is_integer() else repr(number))
    return str(value)


def _words_of(column: Column) -> dict[float, str]:
    """The words that numbers of a conforming frame stand for."""
    written = column.truth or column.categories
    if column.kind not in (ColumnKind.ORDINAL, ColumnKind.BOOLEAN) or not written:
        return {}
    values = conform(pd.DataFrame({column.name: list(written)}, dtype=object), [column])
    return {float(value): word for value, word in zip(values[column.name], written, strict=True)}
