"""What every representation promises, whichever files there are: first those of tables, then those of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pictures import as_bytes, draw, put

from advisor.backbone import missing_for
from advisor.deadline import Deadline
from advisor.encoding import numbers_of
from advisor.errors import DeadlineExceeded, InvalidRun, UnreadableData
from advisor.representation import REPRESENTATIONS, Features, Representation, make_representation
from advisor.tables.columns import Column, ColumnKind

TABULAR = [kind for kind in REPRESENTATIONS.values() if kind.learns]
each = pytest.mark.parametrize("kind", TABULAR, ids=lambda r: r.__name__)

BACKBONE = "efficientnet_lite0"
ARGUMENTS = {"embedding": (BACKBONE, f"{BACKBONE}+flip"), "views": (BACKBONE,)}
"""What the representations that want an argument are tried with."""

OF_PICTURES = [
    f"{name}:{argument}" if argument else name
    for name in REPRESENTATIONS
    if not REPRESENTATIONS[name].learns
    for argument in ARGUMENTS.get(name, ("",))
]
each_of_pictures = pytest.mark.parametrize("name", OF_PICTURES)
PICTURES = [Column(name="picture", kind=ColumnKind.IMAGE)]

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


def picture_rows(folder: Path) -> pd.DataFrame:
    """Three pictures, a damaged file, a file that is gone, and no path at all."""
    folder.mkdir(exist_ok=True)
    made = [draw(colour, seed) for seed, colour in enumerate(("red", "green", "blue"))]
    paths = [str(put(folder / f"{i}.png", as_bytes(one))) for i, one in enumerate(made)]
    paths += [str(put(folder / "damaged.png", b"no picture")), str(folder / "gone.png")]
    return pd.DataFrame({"picture": pd.Series([*paths, None], dtype="category")})


def of_pictures(name: str) -> Representation:
    """Make a representation and show it the schema; skip what is not installed."""
    if ":" in name and missing_for(BACKBONE):
        pytest.skip(missing_for(BACKBONE))
    return make_representation(name).fit(pd.DataFrame({"picture": []}), PICTURES, seed=0)


def unlike(features: Features) -> int:
    """Count the different rows."""
    return len(np.unique(np.nan_to_num(features.values, nan=-1), axis=0))


@each_of_pictures
def test_pictures_become_a_matrix(name: str, tmp_path: Path) -> None:
    """One row each; those that cannot be read are all alike and the others are not."""
    features = of_pictures(name).transform(picture_rows(tmp_path))
    assert features.values.dtype == (np.uint8 if name == "pixels" else np.float32)
    assert len(features.info.names) in (1, features.values.shape[1])
    assert np.isfinite(features.values[:3]).all()
    np.testing.assert_array_equal(features.values[3], features.values[4])
    np.testing.assert_array_equal(features.values[3], features.values[5])
    assert unlike(features) == 4


@each_of_pictures
def test_a_picture_means_the_same_alone_and_among_others(name: str, tmp_path: Path) -> None:
    """Whether it was computed in the same batch or later does not matter."""
    X = picture_rows(tmp_path)
    alone = of_pictures(name).transform(X.iloc[[1]]).values
    whole = of_pictures(name).transform(X).values
    np.testing.assert_allclose(alone, whole[[1]], atol=1e-4)


@each_of_pictures
def test_pictures_that_are_prepared_are_transformed_alike(name: str, tmp_path: Path) -> None:
    """`prepare` comes before `fit`, and no pictures at all are no obstacle to either."""
    X = picture_rows(tmp_path)
    before = of_pictures(name).transform(X).values
    unfitted = make_representation(name)
    unfitted.prepare(X, Deadline(None))
    np.testing.assert_array_equal(unfitted.fit(X, PICTURES, 0).transform(X).values, before)
    assert unfitted.transform(X.iloc[:0]).values.shape == (0, before.shape[1])


@each_of_pictures
def test_one_of_pictures_comes_back_from_a_folder(name: str, tmp_path: Path) -> None:
    """With its argument; altered or missing files are an InvalidRun."""
    X, saved = picture_rows(tmp_path / "pictures"), tmp_path / "saved"
    kind = REPRESENTATIONS[name.partition(":")[0]]
    saved.mkdir()
    with pytest.raises(InvalidRun):
        kind.load(saved)
    representation = of_pictures(name)
    representation.save(saved)
    loaded = kind.load(saved)
    assert loaded.argument == representation.argument
    before, after = (r.transform(X) for r in (representation, loaded))
    np.testing.assert_array_equal(before.values, after.values)
    assert before.info == after.info
    for file in saved.glob("*.json"):
        file.write_text("{}")
    with pytest.raises(InvalidRun):
        kind.load(saved)


@each_of_pictures
def test_a_table_without_pictures_is_refused(name: str) -> None:
    """The message says what there is instead."""
    with pytest.raises(UnreadableData, match="'size'"):
        make_representation(name).fit(frame(), COLUMNS, seed=0)


@pytest.mark.parametrize("name", [name for name in OF_PICTURES if name != "pixels"])
def test_preparing_stops_at_the_deadline(name: str, tmp_path: Path) -> None:
    """What is slow looks at the clock; a picture that nobody has computed before is not computed then."""
    picture = put(tmp_path / "new.png", as_bytes(draw("blue", seed=len(name) + 100)))
    X = pd.DataFrame({"picture": [str(picture)]})
    of_pictures(name)
    with pytest.raises(DeadlineExceeded):
        make_representation(name).prepare(X, Deadline(0.0))
