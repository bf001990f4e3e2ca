"""What every representation promises, whichever files there are: those of tables, then those of items.

Items are pictures, recordings and texts: what holds for one of them holds for all that a representation can read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from encoders import NAME
from numpy.typing import NDArray
from pictures import as_bytes, draw, put

from advisor.backbone import missing_for
from advisor.deadline import Deadline
from advisor.encoding import numbers_of
from advisor.errors import DeadlineExceeded, InvalidRun, UnreadableData
from advisor.representation import REPRESENTATIONS, Features, Representation, make_representation
from advisor.representations.items import ItemsRepresentation
from advisor.tables.columns import Column, ColumnKind
from advisor.tasks import Modality

TABULAR = [kind for kind in REPRESENTATIONS.values() if kind.learns]
each = pytest.mark.parametrize("kind", TABULAR, ids=lambda r: r.__name__)

ARGUMENTS: dict[str, dict[Modality, tuple[str, ...]]] = {
    "embedding": {
        Modality.IMAGE: ("efficientnet_lite0", "efficientnet_lite0+flip"),
        Modality.AUDIO: ("whisper_tiny_en,efficientnet_lite0_logmel",),
        Modality.TEXT: (NAME,),
    },
    "views": {
        Modality.IMAGE: ("efficientnet_lite0",),
        Modality.AUDIO: ("efficientnet_lite0_logmel",),
        Modality.TEXT: (f"{NAME}+synonyms",),
    },
    # Leaves views out after a save: see its own test.
    "training_views": dict.fromkeys(Modality, ()),
    "lexical_embedding": {Modality.TEXT: (NAME,)},
    "tokens": {Modality.TEXT: (NAME,)},
    "adapted_tokens": {Modality.TEXT: (NAME,)},
    "adapted_pixels": dict.fromkeys(
        (Modality.IMAGE, Modality.AUDIO), ("efficientnet_lite0+simclr",)
    ),
    "adapted_embedding": dict.fromkeys((Modality.IMAGE, Modality.AUDIO), ()),  # has to be prepared
}
"""What the representations that want an argument are tried with; that of texts is a network of random weights."""

OF_ITEMS = [
    (f"{name}:{argument}" if argument else name, modality)
    for name in REPRESENTATIONS
    if issubclass(kind := REPRESENTATIONS[name], ItemsRepresentation)
    for modality in sorted(kind.modalities)
    for argument in ARGUMENTS.get(name, {}).get(modality, ("",))
]
each_of_items = pytest.mark.parametrize(
    ("name", "modality"), OF_ITEMS, ids=[f"{name}-{modality}" for name, modality in OF_ITEMS]
)
KINDS = {
    Modality.IMAGE: ColumnKind.IMAGE,
    Modality.AUDIO: ColumnKind.AUDIO,
    Modality.TEXT: ColumnKind.TEXT,
}

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


def schema(modality: Modality) -> list[Column]:
    """One column of items."""
    return [Column(name="item", kind=KINDS[modality])]


def tone(path: Path, hertz: float) -> Path:
    """Write 0.4 seconds of a tone."""
    soundfile = pytest.importorskip("soundfile", reason="recordings need the extra 'audio'")
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(6400) / 16000)
    soundfile.write(path, wave.astype(np.float32), 16000)
    return path


def item_rows(folder: Path, modality: Modality) -> pd.DataFrame:
    """Three items, two that cannot be read, and none at all; of texts, all of the latter are missing."""
    folder.mkdir(exist_ok=True)
    items: list[str | None]
    if modality is Modality.TEXT:
        items = ["a ship sank", "wheat is dear today", "the court of appeal sat", None, None]
    else:
        if modality is Modality.IMAGE:
            made = [draw(colour, seed) for seed, colour in enumerate(("red", "green", "blue"))]
            files = [put(folder / f"{i}.png", as_bytes(one)) for i, one in enumerate(made)]
        else:
            files = [tone(folder / f"{i}.wav", hertz) for i, hertz in enumerate((220, 880, 3000))]
        damaged = put(folder / f"damaged{files[0].suffix}", b"nothing of the kind")
        items = [*map(str, files), str(damaged), str(folder / f"gone{files[0].suffix}")]
    return pd.DataFrame({"item": pd.Series([*items, None], dtype="category")})


def of_items(name: str, modality: Modality) -> Representation:
    """Make a representation and show it the schema; skip what is not installed."""
    representation = make_representation(name)
    for backbone in getattr(representation, "backbones", ("",)):
        if backbone and missing_for(backbone):
            pytest.skip(missing_for(backbone))
    return representation.fit(pd.DataFrame({"item": []}), schema(modality), seed=0)


def dense(features: Features) -> NDArray[Any]:
    """The matrix as an array, whatever it is kept as; columns of counts that no text has are left out."""
    if isinstance(features.values, np.ndarray):
        return features.values
    used = np.unique(features.values.indices)
    return np.asarray(features.values[:, used].toarray())


@each_of_items
def test_items_become_a_matrix(name: str, modality: Modality, tmp_path: Path) -> None:
    """One row each; those that cannot be read are all alike and the others are not."""
    features = of_items(name, modality).transform(item_rows(tmp_path, modality))
    values = dense(features)
    wanted = {"pixels": np.uint8, "tokens": np.int32}
    assert features.values.dtype == wanted.get(
        name.partition(":")[0].removeprefix("adapted_"), np.float32
    )
    assert len(features.info.names) <= features.values.shape[1]
    assert np.isfinite(values[:3]).all()
    np.testing.assert_array_equal(values[3], values[4])
    np.testing.assert_array_equal(values[3], values[5])
    assert len(np.unique(np.nan_to_num(values, nan=-1), axis=0)) == 4


@each_of_items
def test_an_item_means_the_same_alone_and_among_others(
    name: str, modality: Modality, tmp_path: Path
) -> None:
    """Whether it was computed in the same batch or later does not matter."""
    X = item_rows(tmp_path, modality)
    whole = of_items(name, modality).transform(X).values
    alone = of_items(name, modality).transform(X.iloc[[1]]).values
    if isinstance(alone, np.ndarray):
        np.testing.assert_allclose(alone, whole[[1]], atol=1e-3)
    else:
        assert abs(alone - whole[[1]]).max() < 1e-4


@each_of_items
def test_items_that_are_prepared_are_transformed_alike(
    name: str, modality: Modality, tmp_path: Path
) -> None:
    """And no items at all are no obstacle to either."""
    X = item_rows(tmp_path, modality)
    representation = of_items(name, modality)
    before = dense(representation.transform(X))
    if not name.startswith("adapted"):  # which wants texts to adapt to
        representation.prepare(X, Deadline(None))
    np.testing.assert_array_equal(dense(representation.transform(X)), before)
    none = representation.transform(X.iloc[:0]).values
    assert none.shape == (0, representation.transform(X).values.shape[1])


@each_of_items
def test_one_of_items_comes_back_from_a_folder(
    name: str, modality: Modality, tmp_path: Path
) -> None:
    """With its argument; altered or missing files are an InvalidRun."""
    X, saved = item_rows(tmp_path / "items", modality), tmp_path / "saved"
    kind = REPRESENTATIONS[name.partition(":")[0]]
    saved.mkdir()
    with pytest.raises(InvalidRun):
        kind.load(saved)
    representation = of_items(name, modality)
    representation.save(saved)
    loaded = kind.load(saved)
    assert loaded.argument == representation.argument
    before, after = (r.transform(X) for r in (representation, loaded))
    np.testing.assert_array_equal(dense(before), dense(after))
    assert before.info == after.info
    for file in saved.glob("*.json"):
        file.write_text("{}")
    with pytest.raises(InvalidRun):
        kind.load(saved)


@each_of_items
def test_a_table_without_items_is_refused(name: str, modality: Modality) -> None:
    """The message says what there is instead."""
    columns = [column for column in COLUMNS if column.kind is not ColumnKind.TEXT]
    with pytest.raises(UnreadableData, match="'size'"):
        make_representation(name).fit(frame(), columns, seed=0)


@pytest.mark.parametrize("name", [f"embedding:{NAME}", "lexical", f"lexical_embedding:{NAME}"])
def test_columns_beside_texts_stand_behind(name: str, tmp_path: Path) -> None:
    """Scaled as by `linear`, learned from the rows shown, also for a row without a text, and kept by a save."""
    columns, X = [c for c in COLUMNS if c.name != "town"], frame()
    kind = REPRESENTATIONS[name.partition(":")[0]]
    assert kind.learns_from(columns)
    representation = make_representation(name).fit(X, columns, seed=0)
    found = representation.transform(X)
    others = [column for column in columns if column.kind is not ColumnKind.TEXT]
    wanted = REPRESENTATIONS["linear"]().fit(X, others, 0).transform(X)
    assert found.info.beside == wanted.values.shape[1]
    assert found.info.names[-found.info.beside :] == wanted.info.names
    last = found.values[:, found.values.shape[1] - found.info.beside :]
    last = last if isinstance(last, np.ndarray) else last.toarray()
    np.testing.assert_allclose(last, wanted.values, atol=1e-5)
    representation.save(tmp_path)
    again = kind.load(tmp_path).transform(X.iloc[::-1].reset_index(drop=True))
    np.testing.assert_allclose(dense(again)[::-1], dense(found), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "modality"),
    [(n, m) for n, m in OF_ITEMS if n.partition(":")[0] not in ("pixels", "tokens")],
)
def test_preparing_stops_at_the_deadline(name: str, modality: Modality, tmp_path: Path) -> None:
    """What is slow looks at the clock; an item that nobody has computed before is not computed then."""
    if name.startswith("adapted"):
        pytest.skip("wants texts to adapt to: see its own tests")
    seed = len(name) + 100
    if modality is Modality.TEXT:
        item = f"never seen before by {name}"
    elif modality is Modality.IMAGE:
        item = str(put(tmp_path / "new.png", as_bytes(draw("blue", seed=seed))))
    else:
        item = str(tone(tmp_path / "new.wav", 100.0 + seed))
    representation = of_items(name, modality)
    with pytest.raises(DeadlineExceeded):
        representation.prepare(pd.DataFrame({"item": [item]}), Deadline(0.0))


def test_the_dummy_looks_at_no_row() -> None:
    """Whatever rows hold, it gets a column of zeros, once for all folds: the floor costs nothing."""
    kind = REPRESENTATIONS["nothing"]
    assert not kind.learns_from(COLUMNS)
    values = kind().fit(frame(), COLUMNS, 0).transform(frame()).values
    np.testing.assert_array_equal(values, np.zeros((len(frame()), 1)))


def test_nothing_is_saved_as_a_file_too(tmp_path: Path) -> None:
    """A run that a time limit left with the dummy alone is saved and loaded: each part of it has a file."""
    kind = REPRESENTATIONS["nothing"]
    with pytest.raises(InvalidRun):
        kind.load(tmp_path)
    fitted(kind, frame(), COLUMNS).save(tmp_path)
    assert list(tmp_path.iterdir())
    assert kind.load(tmp_path).transform(frame()).values.shape == (50, 1)
