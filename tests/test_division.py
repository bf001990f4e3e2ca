"""Which rows of a pool may be learned from: none that a labelled or a test row nearly repeats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from advisor import division
from advisor.dataset import Dataset, read_dataset
from advisor.division import blocks_of, unseen_positions, unseen_rows
from advisor.workspace import Workspace
from tests import pictures, recordings
from tests.problems import workspace_of

LONG = [
    "the quick brown fox jumps over the lazy dog while the {} cat sleeps on the warm stone wall",
    "every morning the {} baker opens the shop at six and sells bread to people on their way to work",
    "a {} storm took the roof of the old barn and nobody in the village had seen one like it before",
    "the {} orchestra played the second movement far too fast and the audience left before the end",
]
"""Texts of which one word may be another."""


def names_of(dataset: Dataset) -> set[str]:
    """Names of the files that may be learned from."""
    rows = unseen_rows(dataset)
    return set() if rows is None else {Path(str(path)).name for path in rows.iloc[:, 0]}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A pool with smaller, brighter and recompressed copies of a labelled and of a test picture, and three others."""
    root = tmp_path / "photos"
    kept: dict[str, Image.Image] = {}
    for part, each in (("train", 6), ("test", 2)):
        for number, colour in enumerate(("red", "green")):
            for i in range(each):
                picture = pictures.draw(colour, 100 * number + i + 50 * (part == "test"), side=96)
                kept[f"{part}/{colour}/{i}"] = picture
                pictures.put(root / part / colour / f"{i}.png", pictures.as_bytes(picture))
    first, last = kept["train/red/3"], kept["test/green/1"]
    copies = {
        "smaller.png": pictures.as_bytes(first.resize((72, 72))),
        "worse.jpg": pictures.as_bytes(last, "JPEG", quality=70),
        "same.png": pictures.as_bytes(first),
    }
    others = {
        f"new{i}.png": pictures.as_bytes(pictures.draw("blue", 700 + i, side=96)) for i in range(3)
    }
    for name, content in (copies | others).items():
        pictures.put(root / "unlabeled" / name, content)
    return root


def test_near_copies_of_pictures_are_left_out(photos: Path) -> None:
    """Those that were stored anew, of labelled and of test pictures; what is new stays."""
    assert names_of(read_dataset(photos)) == {"new0.png", "new1.png", "new2.png"}


def test_near_copies_of_recordings_are_left_out(tmp_path: Path) -> None:
    """Quieter and in another format; another take of the same kind stays."""
    for part, each in (("train", 5), ("test", 2)):
        for kind in ("low", "high"):
            for i in range(each):
                wave = recordings.make(kind, 10 * i + (part == "test"), seconds=0.8)
                recordings.put(tmp_path / part / kind / f"{i}.wav", recordings.as_bytes(wave))
    pool = {
        "quiet.flac": recordings.as_bytes(0.2 * recordings.make("low", 20, seconds=0.8), "FLAC"),
        "held.flac": recordings.as_bytes(0.5 * recordings.make("high", 11, seconds=0.8), "FLAC"),
        "new.wav": recordings.as_bytes(recordings.make("low", 999, seconds=0.8)),
    }
    for name, content in pool.items():
        recordings.put(tmp_path / "unlabeled" / name, content)
    assert names_of(read_dataset(tmp_path)) == {"new.wav"}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Three labelled kinds of texts, a test text, and a pool of near copies of both and one new text."""
    rows = [
        {"text": text.format(word), "label": "ab"[i % 2]}
        for i, text in enumerate(LONG[:3])
        for word in ("red", "small")
    ]
    other = [{"text": f"short note number {i}", "label": "ab"[i % 2]} for i in range(6)]
    root = tmp_path / "texts"
    root.mkdir()
    pd.DataFrame(rows + other).to_csv(root / "train.csv", index=False)
    test = [{"text": LONG[3].format("local"), "label": "a"}, {"text": "a b c d", "label": "b"}]
    pd.DataFrame(test).to_csv(root / "test.csv", index=False)
    pool = [
        LONG[0].format("old"),
        "  SHORT note number 3",
        LONG[3].format("famous"),
        "all of it is new",
    ]
    pd.DataFrame({"text": pool}).to_csv(root / "unlabeled.csv", index=False)
    return root


def test_near_copies_of_texts_are_left_out(texts: Path) -> None:
    """With one word in eighteen changed, or written in other letters."""
    pytest.importorskip("datasketch")
    rows = unseen_rows(read_dataset(texts, target="label"))
    assert rows is not None
    assert rows["text"].astype(str).tolist() == ["all of it is new"]


def test_near_copies_are_looked_for_once(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is kept; other data are looked at anew, however many pieces the pool is in."""
    pytest.importorskip("datasketch")
    dataset = read_dataset(texts, target="label")
    found = unseen_positions(dataset).tolist()
    looks: list[int] = []
    copies = Dataset.copies

    def counting(self: Dataset) -> np.ndarray:
        looks.append(len(self.X))
        return copies(self)

    monkeypatch.setattr(Dataset, "copies", counting)
    assert unseen_positions(dataset).tolist() == found
    assert looks == []
    monkeypatch.setattr(division, "COMPARED_AT_ONCE", 1)
    fewer = dataset.take(np.arange(dataset.n_labelled - 1))
    assert unseen_positions(fewer).tolist() == found
    assert looks


def test_rows_of_a_table_are_left_out_only_where_they_are_equal(tmp_path: Path) -> None:
    """A row that differs by a little is another row."""
    frame = pd.DataFrame({"x": np.arange(30) * 1.5, "y": np.arange(30) % 7 * 0.25})
    frame.assign(kind=["a", "b"] * 15).to_csv(tmp_path / "train.csv", index=False)
    pool = pd.concat([frame[:2], frame[:2] + 0.01])
    pool.to_csv(tmp_path / "unlabeled.csv", index=False)
    assert unseen_positions(read_dataset(tmp_path, target="kind")).tolist() == [2, 3]


def test_the_pool_that_strategies_learn_from_is_without_them(photos: Path, tmp_path: Path) -> None:
    """What the workspace keeps is what may be learned from."""
    dataset = read_dataset(photos)
    workspace: Workspace = workspace_of(dataset, tmp_path / "work")
    assert workspace.pool is not None
    assert {Path(str(path)).name for path in workspace.pool.iloc[:, 0]} == names_of(dataset)


PAIRS = np.arange(60) // 2
"""Thirty rows, each twice."""


@pytest.mark.parametrize("numbered", [False, True])
def test_the_number_of_a_row_makes_no_other_row_of_it(numbered: bool) -> None:
    """Copies in a table stay together, and what the pool repeats is not learned from."""
    frame = pd.DataFrame({"x": PAIRS * 1.5, "y": PAIRS % 7 * 0.25})
    train, pool = frame.assign(kind=["a", "b"] * 30), frame.copy()
    if numbered:
        train.insert(0, "customer_id", range(1000, 1060))
        pool.insert(0, "customer_id", range(5000, 5060))
    dataset = read_dataset(train, target="kind", unlabeled=pool)
    copies, blocks = dataset.copies(), blocks_of(dataset)
    assert blocks is not None
    for codes in (copies, blocks):
        assert np.array_equal(codes[::2], codes[1::2])
        assert len(np.unique(codes)) == 30
    assert unseen_positions(dataset).tolist() == []


def test_only_so_many_of_a_large_pool_are_searched_for_near_copies(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn evenly from those of other content; the workspace asks for so many, and what it keeps is without copies."""
    pytest.importorskip("datasketch")
    pool = pd.read_csv(texts / "unlabeled.csv")["text"].tolist()
    words = ["river", "music", "window", "garden", "paper", "engine", "winter", "market"]
    new = [" ".join(np.roll(words, i)) + f" and {words[i % 8]} {i}" for i in range(60)]
    pd.DataFrame({"text": [*new[:30], *pool, *new[30:]]}).to_csv(
        texts / "unlabeled.csv", index=False
    )
    dataset, looked = read_dataset(texts, target="label"), []
    whole = unseen_positions(dataset)

    def counted(data: Dataset, judged: list[pd.DataFrame], rows: pd.DataFrame) -> np.ndarray:
        looked.append(len(rows))
        return near_copies(data, judged, rows)

    near_copies = division._near_copies
    monkeypatch.setattr(division, "_near_copies", counted)
    few = unseen_positions(dataset, 20)
    assert looked == [20]
    assert 15 <= len(few) <= 20
    assert set(few) <= set(whole)
    assert (few[0], few[-1]) == (whole[0], whole[-1])
    monkeypatch.setattr("advisor.workspace.POOL_KEPT", 20)
    workspace: Workspace = workspace_of(dataset, tmp_path / "work")
    assert workspace.pool is not None
    assert len(workspace.pool) == len(few)
    assert looked == [20, 20]


def test_the_number_of_a_text_makes_no_other_text_of_it() -> None:
    """But what is learned from beside it does."""
    texts = [f"this is the {i}th of all short notes" for i in PAIRS]
    frame = pd.DataFrame({"id": range(60), "text": texts, "label": ["a", "b"] * 30})
    assert len(np.unique(read_dataset(frame, target="label").copies())) == 30
    beside = frame.assign(size=np.arange(60) * 0.37)
    assert len(np.unique(read_dataset(beside, target="label").copies())) == 60


def test_rows_of_numbers_alone_are_told_apart_by_them() -> None:
    """Where nothing can be learned from, all columns count."""
    frame = pd.DataFrame({"id": range(60), "size": 1.0, "label": ["a", "b"] * 30})
    frame.loc[:9, "size"] = 2.0
    dataset = read_dataset(frame, target="label")
    (number,) = (column for column in dataset.columns if column.name == "id")
    alone = replace(dataset, X=dataset.X[["id"]], columns=(number,))
    assert len(np.unique(alone.copies())) == 60
