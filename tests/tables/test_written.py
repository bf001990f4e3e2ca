"""Cells in the spelling of the data."""

from __future__ import annotations

import pandas as pd
import pytest

from advisor.tables.columns import ColumnKind, conform
from advisor.tables.kinds import infer_columns
from advisor.tables.written import written_cells


@pytest.mark.parametrize(
    ("days", "written"),
    [
        (["2024-03-01", "2024-04-02"], ["2024-03-01", "2024-04-02"]),
        (["01.03.2024", "15.04.2024"], ["01.03.2024", "15.04.2024"]),
        (["2024-03-01T10:30:00", "2024-04-02"], ["2024-03-01 10:30:00.000000", "2024-04-02"]),
    ],
)
def test_days_that_are_words_are_written_as_days(days: list[str], written: list[str]) -> None:
    """The name of a standard is never in their place."""
    frame = pd.DataFrame({"day": pd.Categorical(days)})
    columns = infer_columns(frame)
    assert columns[0].kind is ColumnKind.DATETIME
    assert [row["day"] for row in written_cells(conform(frame, columns), columns)] == written
