"""Schemas of labelled rows beside a pool, and what pool and test split lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import Dataset, read_dataset
from advisor.errors import InvalidRequest, UnreadableData
from advisor.tables.columns import ColumnKind

RNG = np.random.default_rng(0)
NUMBERS = {
    "id": range(100),
    "patient": [f"row{i}" for i in range(100)],
    "line": np.arange(100) * 7 + 3,
}


def rows(**more: object) -> pd.DataFrame:
    """A hundred rows of a number and a word."""
    words = np.array([f"w{i}" for i in range(60)])[RNG.integers(0, 60, 100)]
    return pd.DataFrame({**more, "x": RNG.normal(size=100), "word": words})


def kind_of(dataset: Dataset, name: str) -> ColumnKind:
    """The kind of a column."""
    return next(column.kind for column in dataset.columns if column.name == name)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("gaps", [False, True])
def test_numbers_of_rows_that_start_again_in_the_pool_are_identifiers(
    name: str, gaps: bool
) -> None:
    """In each table they are; labels that are missing change nothing."""
    numbers = {name: NUMBERS[name]}
    train = rows(**numbers).assign(kind=["a", "b"] * 50)
    if gaps:
        train.loc[::3, "kind"] = None
    dataset = read_dataset(train, target="kind", unlabeled=rows(**numbers))
    assert kind_of(dataset, name) is ColumnKind.IDENTIFIER
    assert kind_of(dataset, "word") is ColumnKind.HIGH_CARDINALITY


def test_numbers_of_rows_of_which_some_have_no_label_are_identifiers() -> None:
    """The order of the table is what counts, not labelled rows first."""
    train = rows(line=NUMBERS["line"]).assign(kind=["a", "b"] * 50)
    train.loc[::3, "kind"] = None
    assert kind_of(read_dataset(train, target="kind"), "line") is ColumnKind.IDENTIFIER


def test_numbers_of_rows_beside_texts_are_identifiers() -> None:
    """A table of texts has them as well."""
    texts = [f"the {word} cat sat on the mat and slept" for word in NUMBERS["patient"]]
    pool = pd.DataFrame({"id": range(100), "text": texts})
    dataset = read_dataset(pool.assign(kind=["a", "b"] * 50), target="kind", unlabeled=pool)
    assert kind_of(dataset, "id") is ColumnKind.IDENTIFIER


def test_words_that_come_again_in_the_pool_are_no_identifier() -> None:
    """That few labelled rows have different ones says nothing."""
    train = rows()[:30].assign(word=[f"w{i}" for i in range(30)], kind=["a", "b"] * 15)
    assert kind_of(read_dataset(train, target="kind"), "word") is ColumnKind.IDENTIFIER
    dataset = read_dataset(train, target="kind", unlabeled=rows())
    assert kind_of(dataset, "word") is ColumnKind.HIGH_CARDINALITY


def measured(n: int = 40, **more: object) -> pd.DataFrame:
    """Rows of two measured features and a class."""
    features = {"x": RNG.normal(size=n), "z": RNG.normal(size=n)}
    return pd.DataFrame({**features, "label": ["a", "b"] * (n // 2), **more})


@pytest.mark.parametrize("kept", ["label", "kind"])
def test_a_saved_index_is_never_the_target(tmp_path: Path, kept: str) -> None:
    """Whatever the target is called: train alone has the index, and the others are read without it."""
    frame = measured().rename(columns={"label": kept})
    frame.to_csv(tmp_path / "train.csv")
    frame.to_csv(tmp_path / "test.csv", index=False)
    frame[["x", "z"]].to_csv(tmp_path / "unlabeled.csv", index=False)
    dataset = read_dataset(tmp_path)
    assert dataset.targets == (kept,)
    assert kind_of(dataset, "c1") is ColumnKind.IDENTIFIER
    assert dataset.n_unlabelled == len(dataset.X_test) == 40  # type: ignore[arg-type]
    for what in ("the unlabelled table", "the test table"):
        assert f"{what}: columns that no model uses are not there: 'c1'" in dataset.notes


def test_a_column_named_like_a_target_goes_before_one_that_only_train_has(tmp_path: Path) -> None:
    """Such as the number of the fold."""
    measured(fold=[1, 2, 3, 4] * 10).to_csv(tmp_path / "train.csv", index=False)
    measured().to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(UnreadableData, match=r"lacks 1 of 3 feature columns: 'fold'"):
        read_dataset(tmp_path)


def test_a_pool_without_a_feature_is_refused() -> None:
    """Only what no model uses may be missing."""
    with pytest.raises(UnreadableData, match=r"lacks 1 of 2 feature columns: 'z'"):
        read_dataset(measured(), unlabeled=measured()[["x"]])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": range(40)}, r"identifiers \('id'\)\."),
        ({"a": [1] * 40, "b": ["q"] * 40}, r"constant \('a', 'b'\)\."),
        ({"id": range(40), "a": [1] * 40}, r"identifiers \('id'\) or constant \('a'\)\."),
    ],
)
@pytest.mark.parametrize("gaps", [False, True])
def test_a_table_without_a_usable_feature_is_refused(
    columns: dict[str, object], said: str, gaps: bool
) -> None:
    """It says which columns there are, instead of advice that rests on none."""
    frame = pd.DataFrame({**columns, "y": ["p", "q"] * 20})
    if gaps:
        frame.loc[::3, "y"] = None
    with pytest.raises(UnreadableData, match=f"nothing to learn from.*{said}"):
        read_dataset(frame, target="y")


def test_a_test_column_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """It is empty from then on."""
    measured(k=[1, 2, 3, 4] * 10).to_csv(tmp_path / "train.csv", index=False)
    measured(k=["unknown"] * 40).to_csv(tmp_path / "test.csv", index=False)
    dataset = read_dataset(tmp_path, target="label")
    assert dataset.X_test is not None
    assert dataset.X_test["k"].isna().all()
    said = "the test table: 40 cells of 'k' could not be read as ordinal and count as missing"
    assert said in dataset.notes


def test_rows_without_any_value_are_no_pool() -> None:
    """Empty lines, as spreadsheets write them below a table, are left out of both tables, and that is said."""
    frame = rows(y=np.resize([0, 1], 100))
    lines = pd.DataFrame(None, index=range(5), columns=frame.columns)
    marks = lines.assign(word="NA")
    table = pd.concat([frame, lines.astype(object)])
    dataset = read_dataset(
        table, target="y", unlabeled=pd.concat([frame[:4], marks]).drop(columns="y")
    )
    assert (dataset.n_labelled, dataset.n_unlabelled) == (100, 4)
    assert "5 rows of the table without any value were left out" in dataset.notes
    assert "5 rows of the unlabelled table without any value were left out" in dataset.notes
    assert read_dataset(table, target="y").X_unlabelled is None


def test_a_row_with_one_value_is_of_the_pool() -> None:
    """What is known of it may be enough."""
    frame = rows(y=np.resize([0, 1], 100)).astype(object)
    frame.iloc[3:5] = None
    frame.iloc[4, 1] = 1.0
    dataset = read_dataset(frame.set_axis([f"r{i}" for i in range(100)]), target="y")
    assert dataset.n_unlabelled == 1
    assert dataset.pool_rows is not None
    assert dataset.pool_rows.tolist() == [5]


def test_the_target_is_no_group_column() -> None:
    """No class would be on both sides of a split."""
    frame = rows(y=np.resize([0, 1], 100))
    with pytest.raises(InvalidRequest, match="'y' cannot be the target and a group column"):
        read_dataset(frame, target="y", groups="y")
