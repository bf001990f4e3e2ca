"""Conforming rows → their cells as the data writes them: words for ranks and for yes and no, days, decimal marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advisor.errors import UnreadableData
from advisor.tables.columns import Column, ColumnKind, conform
from advisor.tables.dates import ISO
from advisor.tables.dialect import find_dialect
from advisor.tables.folders import find_sources
from advisor.tables.reading import opened

DAY, MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f"
"""How dates are written where the data did not say how: without a time of day where there is none."""

DELIMITED = (".csv", ".tsv", ".txt")
"""Endings of those that have a dialect."""


def labelled_table(source: str) -> Path | None:
    """Find the file that holds the labelled rows of a dataset.

    Parameters
    ----------
    source : str
        What the dataset was read from.

    Returns
    -------
    Path or None
        The file itself, or the one of a folder that is trained on; None where there is none.
    """
    try:
        return find_sources(Path(source)).train
    except UnreadableData:  # it was in memory, or in a folder of files
        return None


def marks_of(source: str) -> tuple[str, str]:
    """Tell how the table of the labelled rows separates cells, and whole numbers from what follows.

    Parameters
    ----------
    source : str
        What the dataset was read from.

    Returns
    -------
    delimiter, decimal : str
        Comma and point where it is no delimited text, or gone.
    """
    table = labelled_table(source)
    if table is None:
        return ",", "."
    with opened(table) as (plain, _):
        if plain.suffix.lower() not in DELIMITED:
            return ",", "."
        dialect = find_dialect(plain)
    return dialect.delimiter, dialect.decimal


def written_cells(
    rows: pd.DataFrame, columns: Sequence[Column], decimal: str = "."
) -> list[dict[str, str]]:
    """Write the cells of conforming rows as the data has them.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Conforming to ``columns``.
    columns : sequence of Column
        The schema.
    decimal : str
        Mark between whole numbers and what follows.

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
    written = {column.name: _column(rows[column.name], column, decimal) for column in columns}
    return [{name: cells[i] for name, cells in written.items()} for i in range(len(rows))]


def _column(values: pd.Series, column: Column, decimal: str) -> list[str]:
    words = _words_of(column)
    return ["" if pd.isna(value) else _cell(value, column, words, decimal) for value in values]


def _cell(value: Any, column: Column, words: dict[float, str], decimal: str) -> str:
    if column.kind is ColumnKind.DATETIME:
        plain = DAY if value == value.normalize() else MOMENT
        # the name of a standard is no format to write by
        form = None if column.date_format == ISO else column.date_format
        return str(value.strftime(form or plain))
    if isinstance(value, (float, np.floating)):
        number = float(value)
        plain = str(int(number)) if number.is_integer() else repr(number).replace(".", decimal)
        return words.get(number) or plain
    return str(value)


def _words_of(column: Column) -> dict[float, str]:
    """The words that numbers of a conforming frame stand for."""
    written = column.truth or column.categories
    if column.kind not in (ColumnKind.ORDINAL, ColumnKind.BOOLEAN) or not written:
        return {}
    values = conform(pd.DataFrame({column.name: list(written)}, dtype=object), [column])
    return {float(value): word for value, word in zip(values[column.name], written, strict=True)}
