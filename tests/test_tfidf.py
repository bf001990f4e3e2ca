"""Counts of words and characters, and the strategies on them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from encoders import NAME
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun
from advisor.fitting import fit_model, load_model
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features, make_representation
from advisor.representations.lexical import COLUMNS, count_terms
from advisor.representations.views import N_VIEWS
from advisor.space import load_space
from advisor.storage import read_matrix, write_matrix
from advisor.strategies.tfidf import TfidfModel
from advisor.strategy import STRATEGIES, FitContext, Model
from advisor.tables.columns import Column, ColumnKind

TOPICS = (
    ("ship", "harbour", "cargo", "sailor", "anchor"),
    ("wheat", "harvest", "farmer", "barley", "tractor"),
    ("court", "judge", "verdict", "lawyer", "appeal"),
)
FILLING = ("the", "and", "of", "a", "new", "has", "said", "today", "more", "than")
INFO = FeatureInfo(names=("words", "characters"))
CONTEXT = FitContext(task=Task.MULTICLASS, n_outputs=3, info=INFO, seed=0)


def texts(each: int, seed: int = 0) -> tuple[list[str], NDArray[np.int64]]:
    """Sentences of three topics: two words of the topic among others."""
    draw = np.random.default_rng(seed)
    y = np.repeat(np.arange(3), each)
    made = [
        " ".join(draw.permutation([*draw.choice(TOPICS[c], 2), *draw.choice(FILLING, 6)]))
        for c in y
    ]
    return made, y


def params(
    name: str = "tfidf", task: Task = Task.MULTICLASS, **values: ParamValue
) -> dict[str, ParamValue]:
    """A configuration: the defaults but for some values."""
    return load_space(name, "text", {}, task).complete(values)


def fitted(
    chosen: dict[str, ParamValue],
    X: Features,
    y: NDArray[np.generic],
    context: FitContext = CONTEXT,
    name: str = "tfidf",
) -> Model:
    """Fit without a deadline."""
    return fit_model(STRATEGIES[name], chosen, context, X, y, Deadline(None))


def counted(rows: list[str]) -> Features:
    """Counts of texts."""
    return Features(count_terms(rows), INFO)


def block(row: csr_matrix, first: int) -> int:
    """Count the terms of a block of one row."""
    return int(row[:, first * COLUMNS : (first + 1) * COLUMNS].sum())


def test_words_pairs_and_runs_of_characters_are_counted() -> None:
    """Case does not matter, signs are no words, and equal terms are counted together."""
    one = count_terms(["Who is who?"])
    assert one.shape == (1, 2 * COLUMNS)
    assert block(one, 0) == 3 + 2
    assert one[:, :COLUMNS].max() == 2  # who
    assert (one != count_terms(["who IS who!!"]))[:, :COLUMNS].nnz == 0
    assert block(count_terms([""]), 0) == block(count_terms([""]), 1) == 0
    assert count_terms([]).shape == (0, 2 * COLUMNS)


@pytest.mark.parametrize(
    "pair", [("我喜欢这部电影", "我喜欢这本书"), ("ฉันชอบหนังเรื่องนี้", "ฉันชอบหนังสือ")]
)
def test_languages_without_spaces_share_characters(pair: tuple[str, str]) -> None:
    """As words the two sentences have nothing in common, as runs of characters much."""
    first, second = (count_terms([text]) for text in pair)
    shared = first.minimum(second)
    assert block(shared, 1) >= 6


def test_a_matrix_comes_back_from_files(tmp_path: Path) -> None:
    """Sparse or dense, mapped into memory, and its rows can be taken; a missing part is an InvalidRun."""
    sparse = count_terms(["a b", "", "c"])
    write_matrix(tmp_path, "sparse", sparse)
    write_matrix(tmp_path, "dense", np.eye(3, dtype=np.float32))
    back = read_matrix(tmp_path, "sparse")
    assert (back != sparse).nnz == 0
    assert (back[np.array([2, 0])] != sparse[[2, 0]]).nnz == 0
    np.testing.assert_array_equal(read_matrix(tmp_path, "dense"), np.eye(3))
    (tmp_path / "sparse.indices.npy").unlink()
    with pytest.raises(InvalidRun):
        read_matrix(tmp_path, "sparse")


@pytest.mark.parametrize("blocks", ["both", "words", "characters"])
@pytest.mark.parametrize("model", ["logistic", "svm", "bayes"])
def test_every_model_learns_topics_from_few_texts(model: str, blocks: str) -> None:
    """On texts not seen in training, with honest probabilities; a text of unknown words is not judged for sure."""
    rows, y = texts(8)
    new, truth = texts(40, seed=1)
    found = fitted(params(model=model, blocks=blocks), counted(rows), y).predict(count_terms(new))
    assert (found.argmax(axis=1) == truth).mean() > 0.9
    assert -np.log(found[np.arange(len(truth)), truth]).mean() < 0.7
    empty = fitted(params(model=model, blocks=blocks), counted(rows), y).predict(count_terms([""]))
    np.testing.assert_allclose(empty, 1 / 3, atol=0.15)


def test_solving_in_the_space_of_the_rows_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same probabilities as in that of the terms."""
    rows, y = texts(10)
    new = count_terms(texts(20, seed=2)[0])
    short = fitted(params(), counted(rows), y).predict(new)
    monkeypatch.setattr("advisor.strategies.linear_classes.ROTATED", 0)
    np.testing.assert_allclose(fitted(params(), counted(rows), y).predict(new), short, atol=0.01)


def test_rare_terms_are_left_out_and_frequent_ones_weigh_less() -> None:
    """By the training rows alone."""
    X, y = (
        counted(["the ship sank", "the ship came", "the court", "the judge"]),
        np.array([0, 0, 1, 1]),
    )
    context = replace(CONTEXT, task=Task.BINARY, n_outputs=2)
    chosen = params(task=Task.BINARY, blocks="words", min_df=2)
    model = TfidfModel(chosen, context)
    model.fit(X, y, Deadline(None))
    assert len(model.arrays["columns"]) == 3  # the, ship, the ship
    assert sorted(model.arrays["rarity"])[0] == pytest.approx(1.0)  # the


@pytest.mark.parametrize("model", ["logistic", "svm", "bayes"])
def test_one_text_of_each_class_is_enough(model: str) -> None:
    """There is nothing to hold out for calibration, and still a prediction."""
    rows, y = ["the ship sank", "wheat and barley", "the judge"], np.arange(3)
    found = fitted(params(model=model), counted(rows), y).predict(count_terms(rows))
    assert found.argmax(axis=1).tolist() == [0, 1, 2]


def test_many_classes_keep_the_most_frequent_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terms times classes are bounded, since the solver's memory grows with them."""
    rows, y = texts(8)
    monkeypatch.setattr("advisor.strategies.tfidf.MOST_WEIGHTS", 90)
    model = TfidfModel(params(), CONTEXT)
    model.fit(counted(rows), y, Deadline(None))
    columns = model.arrays["columns"]
    assert len(columns) == 30
    assert (np.diff(columns) > 0).all()
    documents = np.bincount(count_terms(rows).indices, minlength=2 * COLUMNS)
    left_out = np.setdiff1d(np.flatnonzero(documents), columns)
    assert documents[left_out].max() <= documents[columns].min()


def test_words_are_as_good_for_a_number() -> None:
    """A target that counts words of one topic is predicted."""
    rows, y = texts(30)
    target = np.where(y == 1, 5.0, 0.0) + np.random.default_rng(0).normal(size=90) * 0.1
    context = replace(CONTEXT, task=Task.REGRESSION, n_outputs=1)
    new, truth = texts(20, seed=4)
    model = fitted(params(task=Task.REGRESSION), counted(rows), target, context)
    found = model.predict(count_terms(new))
    assert np.corrcoef(found[:, 0], truth == 1)[0, 1] > 0.9


def test_varied_copies_are_counted_behind_a_text(tmp_path: Path) -> None:
    """As the loader of a backbone makes them; a saved one leaves them empty, since predictions do not look at them."""
    columns, X = COLUMNS_OF_TABLE[:1], pd.DataFrame({"title": ["ship ahoy", "wheat"]})
    chosen = params(augmentation="eda") | {"varied_by": NAME}
    name = STRATEGIES["tfidf"].representation(chosen)
    representation = make_representation(name).fit(X, columns, 0)
    values = representation.transform(X).values
    assert values.shape == (2, (1 + N_VIEWS) * 2 * COLUMNS)
    assert (values[:, : 2 * COLUMNS] != count_terms(list(X["title"]))).nnz == 0
    last = values[:, N_VIEWS * 2 * COLUMNS :]
    assert (last != count_terms([f"eda{N_VIEWS} ship ahoy", f"eda{N_VIEWS} wheat"])).nnz == 0
    representation.save(tmp_path)
    later = type(representation).load(tmp_path).transform(X).values
    assert later.shape == values.shape
    assert later[:, 2 * COLUMNS :].nnz == 0


def test_varied_copies_have_a_deadline_in_training_and_none_in_prediction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of preparing, since it is transforming that makes them."""
    columns, X = COLUMNS_OF_TABLE[:1], pd.DataFrame({"title": ["ship ahoy", "wheat"]})
    name = STRATEGIES["tfidf"].representation(params(augmentation="eda") | {"varied_by": NAME})
    representation = make_representation(name).fit(X, columns, 0)
    deadline = Deadline(60.0)
    representation.prepare(X, deadline)
    monkeypatch.setattr(deadline, "_at", 0.0)
    with pytest.raises(DeadlineExceeded):
        representation.transform(X)
    representation.save(tmp_path)
    assert type(representation).load(tmp_path).transform(X).values.nnz


def with_views(rows: list[str], varied: list[str]) -> Features:
    """Counts of texts, and of the same copy of each as every view."""
    blocks = [count_terms(rows), *[count_terms(varied)] * N_VIEWS]
    return Features(hstack(blocks, format="csr"), INFO)


def test_views_teach_and_are_not_looked_at_in_prediction() -> None:
    """Words that stand in copies only are known; copies of a new text change nothing."""
    rows, y = texts(6)
    copies = [f"{text} {['xenon', 'argon', 'krypton'][c]}" for text, c in zip(rows, y, strict=True)]
    model = fitted(params(augmentation="eda"), with_views(rows, copies), y)
    new = ["xenon", "argon", "krypton"]
    found = model.predict(with_views(new, ["ship"] * 3).values)
    assert found.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(found, model.predict(with_views(new, [""] * 3).values))


@pytest.mark.parametrize("model", [{"model": "svm", "svm_C": 0.1}, {"model": "bayes"}])
def test_copies_that_say_the_same_make_a_model_no_surer(model: dict[str, ParamValue]) -> None:
    """How sure to be is learned from models that are held as the final one is."""
    rows, y = texts(8)
    chosen = params(**model)
    alone = fitted(chosen, counted(rows), y)
    among = fitted({**chosen, "augmentation": "eda"}, with_views(rows, rows), y)
    new, _ = texts(20, seed=4)
    found = among.predict(with_views(new, new).values)
    np.testing.assert_allclose(found, alone.predict(count_terms(new)), atol=0.1)


@pytest.mark.parametrize("name", ["tfidf", "tfidf_blend"])
def test_columns_beside_a_text_are_learned_from(name: str, tmp_path: Path) -> None:
    """Where the words say nothing they tell; after a save, too."""
    numbers = np.random.default_rng(5)
    y = np.repeat([0, 1], 30)
    rows = [" ".join(numbers.choice(FILLING, 6)) for _ in y]
    column = (y[:, None] - 0.5) * 2 + 0.2 * numbers.normal(size=(60, 1))
    middle = [numbers.normal(size=(60, 4))] if name == "tfidf_blend" else []
    info = INFO.model_copy(update={"beside": 1})
    X = Features(hstack([count_terms(rows), *middle, column], format="csr"), info)
    context = FitContext(task=Task.BINARY, n_outputs=2, info=info, seed=0)
    model = fitted(params(name, Task.BINARY), X, y, context, name)
    found = model.predict(X.values)
    assert (found.argmax(axis=1) == y).mean() > 0.95
    model.save(tmp_path)
    loaded = load_model(STRATEGIES[name], tmp_path, context)
    np.testing.assert_allclose(loaded.predict(X.values), found, atol=1e-12)


def test_a_blend_goes_from_words_to_meaning() -> None:
    """Where the two disagree, the share decides."""
    rows, y = texts(8)
    meaning = np.eye(3)[y] + 0.1 * np.random.default_rng(1).normal(size=(24, 3))
    X = Features(hstack([count_terms(rows), meaning], format="csr"), INFO)
    words_of_ships = hstack([count_terms(["ship harbour"]), np.eye(3)[[2]]], format="csr")
    for share, wanted in ((0.2, 0), (0.9, 2)):
        model = fitted(params("tfidf_blend", share=share), X, y, name="tfidf_blend")
        assert model.predict(words_of_ships).argmax() == wanted


def test_nothing_of_pickle_is_kept(tmp_path: Path) -> None:
    """Arrays and plain values."""
    rows, y = texts(5)
    fitted(params(), counted(rows), y).save(tmp_path)
    files = {file.suffix for file in tmp_path.rglob("*") if file.is_file()}
    assert files <= {".npz", ".json"}


COLUMNS_OF_TABLE = [
    Column(name="title", kind=ColumnKind.TEXT),
    Column(name="price", kind=ColumnKind.NUMERIC),
    Column(name="body", kind=ColumnKind.TEXT),
]


def test_a_table_is_read_whole_and_comes_back_from_a_folder(tmp_path: Path) -> None:
    """Texts are joined, numbers stand behind; scales are those of the training rows."""
    X = pd.DataFrame(
        {
            "title": pd.Series(["ship", None, "court"], dtype="category"),
            "price": [1.0, 2.0, np.nan],
            "body": pd.Series(["sank", None, "sat"], dtype="category"),
        }
    )
    representation = make_representation("lexical").fit(X, COLUMNS_OF_TABLE, 0)
    assert representation.learns_from(COLUMNS_OF_TABLE)
    assert not representation.learns_from(COLUMNS_OF_TABLE[:1])
    found = representation.transform(X)
    assert (
        found.info.beside == found.values.shape[1] - 2 * COLUMNS == 2
    )  # the price, and where it is missing
    assert (
        found.values[:, : 2 * COLUMNS] != count_terms(["ship\nsank", "", "court\nsat"])
    ).nnz == 0
    representation.save(tmp_path)
    later = type(representation).load(tmp_path).transform(X.iloc[:1])
    assert (later.values != found.values[:1]).nnz == 0
    state = json.loads((tmp_path / "items.json").read_text())
    (tmp_path / "items.json").write_text(json.dumps({**state, "columns": 3}))
    with pytest.raises(InvalidRun):
        type(representation).load(tmp_path)


def test_real_questions_are_told_apart(shared_data: Path) -> None:
    """Fifty labels of each of six kinds of question at most: far above guessing."""
    folder = shared_data / "trec_questions"
    if not folder.is_dir():
        pytest.skip(f"no questions in {shared_data}")
    train, test = (pd.read_csv(folder / f"{side}.csv") for side in ("train", "test"))
    kinds = sorted(train["label"].unique())
    y, truth = (side["label"].map(kinds.index).to_numpy() for side in (train, test))
    context = replace(CONTEXT, n_outputs=len(kinds))
    found = fitted(params(), counted(list(train["text"])), y, context).predict(
        count_terms(list(test["text"]))
    )
    assert (found.argmax(axis=1) == truth).mean() > 0.5
