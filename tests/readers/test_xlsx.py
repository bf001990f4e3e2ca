"""Workbooks as programs other than Excel write them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pandas as pd

from advisor.tables.reading import read_table


def test_a_sheet_that_says_a_wrong_size_is_read_whole(tmp_path: Path) -> None:
    """The cells count, not the dimension written before them."""
    frame = pd.DataFrame({"a": [1.5, 2.5, None], "b": ["u", "v", "w"]})
    frame.to_excel(tmp_path / "right.xlsx", index=False)
    with (
        zipfile.ZipFile(tmp_path / "right.xlsx") as right,
        zipfile.ZipFile(tmp_path / "wrong.xlsx", "w") as wrong,
    ):
        for name in right.namelist():
            said = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', right.read(name))
            wrong.writestr(name, said)
    read = read_table(tmp_path / "wrong.xlsx").frame
    assert read["a"].tolist()[:2] == [1.5, 2.5]
    assert read["b"].astype(object).tolist() == ["u", "v", "w"]
