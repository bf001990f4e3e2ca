"""Schemas of labelled rows beside a pool."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import Dataset, read_dataset
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
