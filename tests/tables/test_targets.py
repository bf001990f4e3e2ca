"""Which columns are targets; several labels per row, in columns or in lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import read_dataset
from advisor.tasks import Task
from tests import pictures

X = pd.DataFrame({"x": np.arange(40) * 1.5})
FLAGS = np.array([[False, True], [True, False], [True, True], [False, False]] * 10)
NAMED = pd.DataFrame(FLAGS, columns=["rain", "snow"])

FORMS: dict[str, Callable[[], object]] = {
    "columns": lambda: X.join(NAMED),
    "words": lambda: X.join(NAMED.astype(str)),
    "nullable": lambda: X.join(NAMED.astype("boolean")),
    "frame": lambda: (X, NAMED),
    "array": lambda: (X, FLAGS),
}


@pytest.mark.parametrize("form", FORMS)
def test_columns_of_false_and_true_are_labels(form: str) -> None:
    """Of numpy, of pandas or as words."""
    data = FORMS[form]()
    dataset = read_dataset(data, target=None if isinstance(data, tuple) else "rain,snow")
    assert dataset.task is Task.MULTILABEL
    assert dataset.y.tolist() == FLAGS.astype(int).tolist()


def test_pictures_with_columns_of_false_and_true_have_labels(tmp_path: Path) -> None:
    """What is taken for the labels of pictures can be read as labels."""
    paths = [
        pictures.put(tmp_path / f"{i}.png", pictures.as_bytes(pictures.draw("red", i)))
        for i in range(12)
    ]
    dataset = read_dataset(NAMED[:12].assign(image=[str(path) for path in paths]))
    assert dataset.targets == ("rain", "snow")
    assert dataset.y.tolist() == FLAGS[:12].astype(int).tolist()


def test_rows_without_a_flag_are_the_pool(tmp_path: Path) -> None:
    """An empty cell is neither false nor true."""
    frame = X.join(NAMED.astype(object))
    frame.loc[:7, "snow"] = None
    frame.to_csv(tmp_path / "t.csv", index=False)
    dataset = read_dataset(tmp_path / "t.csv", target="rain,snow")
    assert (dataset.n_labelled, dataset.n_unlabelled) == (32, 8)


@pytest.mark.parametrize("task", [None, "multilabel"])
def test_a_semicolon_within_a_label_does_not_cut_it(task: str | None) -> None:
    """Lists are joined by another sign then, and parted by it again."""
    lists = [["rain; wet", "wind"], ["wind"], ["rain; wet"], ["snow", "wind"], ["snow"]] * 8
    dataset = read_dataset(X.assign(y=lists), target="y", task=task)
    assert dataset.task is Task.MULTILABEL
    assert dataset.classes == ("rain; wet", "snow", "wind")


def test_a_target_may_be_named_by_a_number() -> None:
    """As the columns of a frame made from an array are."""
    frame = pd.DataFrame(np.c_[np.arange(40) * 1.5, np.arange(40) * 0.7, np.arange(40) % 2])
    assert read_dataset(frame, target=2).targets == ("2",)  # type: ignore[arg-type]
    assert read_dataset(frame, target=[2]).targets == ("2",)  # type: ignore[list-item]


def test_a_frame_without_a_name_is_not_named_like_a_column() -> None:
    """``data`` is what a frame is called for want of a name, and Italian for a date."""
    days = pd.date_range("2020-01-01", periods=40)
    frame = pd.DataFrame({"data": days, "a": np.arange(40) % 7, "prezzo": np.arange(40) * 1.5})
    assert read_dataset(frame).targets == ("prezzo",)
    assert read_dataset(X.assign(mood=["p", "q"] * 20)[["mood", "x"]], name="mood").targets == (
        "mood",
    )
