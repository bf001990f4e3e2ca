"""Columns that repeat like keys: by name and by how often values come again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from advisor import read_dataset
from advisor.tables.keys import key_groups, told_keys

TWICE = pd.Series([i // 2 for i in range(60)])


@pytest.mark.parametrize("name", ["speaker", "user_id", "PatientID", "patient", "Subject No"])
def test_a_key_is_known_by_its_name(name: str) -> None:
    """However it is written."""
    assert key_groups(name, TWICE) == (30, 1.0)


@pytest.mark.parametrize("name", ["usage", "width", "identity", "patience"])
def test_other_columns_that_repeat_are_none(name: str) -> None:
    """Repeating is what most features do."""
    assert key_groups(name, TWICE) is None


def test_a_key_has_many_values_that_come_again() -> None:
    """A number of its own for every row is no group, and neither is one of a few kinds; missing cells are of none."""
    assert key_groups("patient", pd.Series(np.arange(60))) is None
    assert key_groups("patient", pd.Series(np.arange(60) % 4)) is None
    found = key_groups("patient", TWICE.where(TWICE < 15))
    assert found == (15, 0.5)


def test_a_key_beside_files_is_told_of_and_can_be_passed_on(tmp_path: Path) -> None:
    """It is not learned from, so that nobody else would say so."""
    for row in range(40):
        Image.new("RGB", (8, 8), (row, 5 * row, 0)).save(tmp_path / f"{row}.png")
    table = pd.DataFrame({"file": [f"{row}.png" for row in range(40)]})
    table["label"] = np.where(table.index % 2, "a", "b")
    table["patient"], table["shape"] = table.index // 2, table.index // 2
    table.to_csv(tmp_path / "labels.csv", index=False)
    told = [note for note in read_dataset(tmp_path / "labels.csv").notes if "key" in note]
    assert len(told) == 1
    assert "--groups patient" in told[0]
    grouped = read_dataset(tmp_path / "labels.csv", groups="patient")
    assert grouped.groups is not None
    assert len(np.unique(grouped.groups)) == 20
    assert not any("key" in note for note in grouped.notes)
    assert told_keys(table, ["shape", "label"]) == []
