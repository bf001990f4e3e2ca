"""Frames of any dtypes → raw frames."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from advisor.dataset import read_dataset
from advisor.tables.reading import as_raw

DAYS = [dt.date(2024, 1 + i % 12, 1 + i) for i in range(20)]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("ns"), pa.timestamp("s"), pa.date32(), pa.date64()], ids=str
)
def test_dates_that_arrow_holds_are_dates(kind: pa.DataType) -> None:
    """As ``dtype_backend="pyarrow"`` reads them."""
    cells = pd.array([*DAYS, None], dtype=pd.ArrowDtype(pa.date32())).astype(pd.ArrowDtype(kind))
    raw = as_raw(pd.DataFrame({"day": cells}))["day"]
    assert raw.dtype == "datetime64[ns]"
    assert raw.dt.date.tolist()[:20] == DAYS
    assert raw.isna().tolist() == [False] * 20 + [True]


def test_zoned_dates_that_arrow_holds_are_in_utc() -> None:
    """As those that pandas holds."""
    plain = pd.Series(pd.to_datetime(DAYS) + pd.Timedelta("12h")).dt.tz_localize("Asia/Tokyo")
    arrow = plain.astype(pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo")))
    raw = as_raw(pd.DataFrame({"plain": plain, "arrow": arrow}))
    assert raw["arrow"].tolist() == raw["plain"].tolist()
    assert raw["arrow"].iloc[0] == pd.Timestamp("2024-01-01 03:00")


def test_a_frame_of_arrow_dates_is_read_as_one_of_pandas_dates() -> None:
    """Down to the fingerprint."""
    frame = pd.DataFrame({"day": pd.to_datetime(DAYS), "y": [0, 1] * 10})
    arrow = frame.astype({"day": pd.ArrowDtype(pa.timestamp("ns"))})
    assert read_dataset(arrow).fingerprint == read_dataset(frame).fingerprint
