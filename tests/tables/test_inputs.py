"""What is given in memory → raw tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import read_dataset
from advisor.tables.inputs import gather
from advisor.tasks import Task


def test_a_frame_with_columns_called_like_a_bunch_is_a_frame() -> None:
    """Columns are attributes, too."""
    frame = pd.DataFrame({"data": range(12), "x": range(12), "target": [0, 1] * 6})
    assert list(gather(frame).train.columns) == ["data", "x", "target"]
    assert [c.name for c in read_dataset(frame, target="target").columns] == ["data", "x"]


@pytest.mark.parametrize("cell", [int, bool, float, np.int8])
def test_lists_of_zeros_and_ones_are_columns_of_labels(cell: type) -> None:
    """As scikit-learn's indicator, written as lists."""
    X = pd.DataFrame({"x": np.arange(40) * 1.5})
    y = np.array([[0, 1], [1, 0], [1, 1], [0, 0]] * 10)
    rows = [[cell(flag) for flag in row] for row in y]
    dataset = read_dataset((X, rows))
    assert dataset.task is Task.MULTILABEL
    assert dataset.targets == ("y1", "y2")
    assert dataset.y.tolist() == y.tolist()


@pytest.mark.parametrize("rows", [[[0, 1], [0], [1], [1]], [["a", "b"], ["b", "c"]]])
def test_lists_of_labels_stay_lists(rows: list[list[object]]) -> None:
    """Of several lengths, without repeats, or of words."""
    X = pd.DataFrame({"x": np.arange(40) * 1.5})
    dataset = read_dataset((X, rows * (40 // len(rows))), task="multilabel")
    assert dataset.classes == tuple(sorted({str(label) for row in rows for label in row}))
