"""What every representation promises, whichever files there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.encoding import numbers_of
from advisor.errors import InvalidRun
from advisor.representation import REPRESENTATIONS, Representation
from advisor.tables.columns import Column, ColumnKind

each = pytest.mark.parametrize("kind", REPRESENTATIONS.values(), ids=lambda r: r.__name__)

COLUMNS = [
    Column(name="size", kind=ColumnKind.NUMERIC),
    Column(name="income", kind=ColumnKind.NUMERIC),
    Column(name="grade", kind=ColumnKind.ORDINAL, categories=("low", "mid", "high")),
    Column(name="old", kind=ColumnKind.BOOLEAN),
    Column(name="colour", kind=ColumnKind.CATEGORICAL, categories=("blue", "green", "red")),
    Column(name="town", kind=ColumnKind.HIGH_CARDINALITY),
    Column(name="day", kind=ColumnKind.DATETIME),
    Column(name="words", kind=ColumnKind.TEXT),
    Column(name="id", kind=ColumnKind.IDENTIFIER),
    Column(name="same", kind=ColumnKind.CONSTANT),
]


def frame(n_rows: int = 50) -> pd.DataFrame:
    """Rows of every kind of column, with gaps, conforming."""
    draw = np.random.default_rng(0)
    numbers = np.arange(n_rows)
    made = pd.DataFrame(
        {
            "size": draw.normal(size=n_rows),
            "income": np.exp(3 * draw.normal(size=n_rows)),
            "grade": draw.integers(0, 3, n_rows).astype(float),
            "old": draw.integers(0, 2, n_rows).astype(float),
            "colour": pd.Categorical(
                draw.choice(["red", "blue"], n_rows), ["blue", "green", "red"]
            ),
            "town": pd.Categorical([f"town {i}" for i in numbers // 2]),
            "day": pd.Timestamp("2020-02-28") + pd.to_timedelta(numbers * 5, unit="D"),
            "words": pd.Categorical(
                ["a {} story {}".format("good" if i % 2 else "bad", i) for i in numbers]
            ),
            "id": pd.Categorical([f"x{i}" for i in numbers]),
            "same": pd.Categorical(["one"] * n_rows),
        }
    )
    made.loc[::7, ["size", "colour", "day", "words", "town"]] = None
    return made


def fitted(kind: type[Representation], X: pd.DataFrame, columns: list[Column]) -> Representation:
    """Fit on all rows of a frame."""
    return kind().fit(X, columns, seed=1)


@each
def test_rows_become_a_matrix_with_a_name_per_column(kind: type[Representation]) -> None:
    """Identifiers and constants are left out; every other column leaves a trace."""
    features = fitted(kind, frame(), COLUMNS).transform(frame())
    assert features.values.dtype == np.float64
    assert features.values.shape == (50, len(features.info.names))
    assert len(set(features.info.names)) == len(features.info.names)
    for column in COLUMNS:
        seen = any(name.startswith(column.name) for name in features.info.names)
        assert seen == (column.name not in ("id", "same")), column.name


@each
def test_codes_stay_within_their_cardinality(kind: type[Representation]) -> None:
    """Categorical positions hold whole numbers 0..cardinality-1 or NaN."""
    features = fitted(kind, frame(), COLUMNS).transform(frame())
    assert len(features.info.categorical) == len(features.info.cardinality)
    for position, cardinality in zip(
        features.info.categorical, features.info.cardinality, strict=True
    ):
        codes = features.values[:, position]
        assert set(codes[~np.isnan(codes)]) <= set(range(cardinality))


@each
def test_a_row_means_the_same_alone_and_among_others(kind: type[Representation]) -> None:
    """Nothing is learned in `transform`."""
    representation = fitted(kind, frame(), COLUMNS)
    whole = representation.transform(frame()).values
    alone = representation.transform(frame().iloc[[8]]).values
    np.testing.assert_allclose(alone, whole[[8]], equal_nan=True, rtol=1e-12)


@each
def test_what_was_not_seen_in_training_gets_through(kind: type[Representation]) -> None:
    """New levels, new words, gaps where there were none, and values far away: finite or NaN."""
    representation = fitted(kind, frame(), COLUMNS)
    rows = frame(4)
    rows["colour"] = pd.Categorical(["violet"] * 4)
    rows["words"] = pd.Categorical(["never heard"] * 4)
    rows["old"] = np.nan
    rows["size"] = [1e300, -1e300, np.inf, 0.0]
    rows["day"] = pd.Timestamp("2100-01-01")
    values = representation.transform(rows).values
    assert not np.isinf(values).any()
    assert values.shape[1] == representation.transform(frame()).values.shape[1]


@each
def test_columns_that_say_nothing_in_training_are_left_out(kind: type[Representation]) -> None:
    """A column missing in every training row cannot be learned from, nor break anything."""
    training = frame()
    training["size"] = np.nan
    training["colour"] = pd.Categorical([None] * 50, ["red"])
    training["words"] = pd.Categorical([None] * 50)
    representation = fitted(kind, training, COLUMNS)
    names = representation.transform(frame()).info.names
    assert not any(name.startswith(("size", "colour", "words")) for name in names)


@each
def test_no_usable_column_gives_one_constant(kind: type[Representation], tmp_path: Path) -> None:
    """So that a dummy can still be fitted."""
    representation = fitted(kind, frame(), [c for c in COLUMNS if c.name in ("id", "same")])
    representation.save(tmp_path)
    for one in (representation, kind.load(tmp_path)):
        np.testing.assert_array_equal(one.transform(frame()).values, np.zeros((50, 1)))


@each
def test_a_saved_one_transforms_alike(kind: type[Representation], tmp_path: Path) -> None:
    """Save and load lose nothing."""
    representation = fitted(kind, frame(), COLUMNS)
    representation.save(tmp_path)
    before, after = (r.transform(frame()) for r in (representation, kind.load(tmp_path)))
    np.testing.assert_array_equal(before.values, after.values)
    assert before.info == after.info


@each
def test_a_damaged_folder_is_refused(kind: type[Representation], tmp_path: Path) -> None:
    """Altered or missing files are an InvalidRun."""
    with pytest.raises(InvalidRun):
        kind.load(tmp_path)
    fitted(kind, frame(), COLUMNS).save(tmp_path)
    for file in tmp_path.glob("*.json"):
        file.write_text("{}")
    with pytest.raises(InvalidRun):
        kind.load(tmp_path)


def test_the_linear_one_is_complete_and_scaled() -> None:
    """No gaps, and no column whose few large values would rule the others."""
    values = REPRESENTATIONS["linear"]().fit(frame(), COLUMNS, 0).transform(frame()).values
    assert np.isfinite(values).all()
    assert np.abs(values[:, :5]).max() < 6


def test_codes_follow_frequency() -> None:
    """The most frequent level is 0, whatever the order of the categories is."""
    X = pd.DataFrame({"c": pd.Categorical(["b", "b", "a", None], ["a", "b", "z"])})
    columns = [Column(name="c", kind=ColumnKind.CATEGORICAL, categories=("a", "b", "z"))]
    features = REPRESENTATIONS["trees"]().fit(X, columns, 0).transform(X)
    np.testing.assert_array_equal(features.values[:, 0], [0, 0, 1, np.nan])
    assert features.info.cardinality == (2,)


def test_numbers_stay_within_float32() -> None:
    """XGBoost and the forests store float32, where a larger number would be infinite."""
    values = numbers_of(pd.Series([1e300, -1e300, np.inf, 2.0]))
    assert np.isfinite(values[[0, 1, 3]].astype(np.float32)).all()
    assert np.isnan(values[2])
