"""Problems of texts: when a table is one, folders and lines of texts, copies, and rows to predict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import Dataset, Modality, Task, read_dataset, read_features
from advisor.errors import UnreadableData
from advisor.tables.columns import ColumnKind, texts_of

SENTENCES = (
    "the card has not arrived at my house, number %d",
    "I would like to know the fee for transfer %d please",
    "why is my balance wrong again today, the %d",
    "what a lovely day for a walk to number %d",
)
N = 40
TEXTS = [SENTENCES[i % 4] % i for i in range(N)]
LABELS = ["a", "b"] * (N // 2)


def _frame(**others: object) -> pd.DataFrame:
    return pd.DataFrame({"body": TEXTS, **others, "label": LABELS})


def _folder(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def _kinds(dataset: Dataset) -> dict[str, ColumnKind]:
    return {column.name: column.kind for column in dataset.columns}


def _texts(dataset: Dataset) -> list[str]:
    return texts_of(dataset.X, dataset.columns)


# -- when a table is about texts ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "task", "classes", "pool"),
    [
        ("banking77", Task.MULTICLASS, 77, 6000),
        ("trec_questions", Task.MULTICLASS, 6, 5068),
        ("movie_reviews_mr", Task.BINARY, 2, 6000),
        ("reuters_multilabel", Task.MULTILABEL, 15, 1410),
    ],
)
def test_real_texts_are_read_without_being_told_anything(
    name: str, task: Task, classes: int, pool: int, shared_data: Path
) -> None:
    """The target, the task, the pool and the test split."""
    dataset = read_dataset(shared_data / name)
    assert (dataset.modality, dataset.task) == (Modality.TEXT, task)
    assert (dataset.n_classes, dataset.n_unlabelled) == (classes, pool)
    assert dataset.y_test is not None
    assert list(_kinds(dataset).values()) == [ColumnKind.TEXT]


@pytest.mark.parametrize("name", ["titanic", "mpg", "ames", "zoo", "soybean"])
def test_tables_with_names_stay_tables(name: str, shared_data: Path) -> None:
    """A short name beside numbers is not what a table is about."""
    assert read_dataset(shared_data / name).modality is Modality.TABULAR


def test_text_and_other_columns_are_both_kept() -> None:
    """What stands beside a text stays in the features, and a note says so."""
    dataset = read_dataset(_frame(age=np.linspace(0.5, 70, N), town=["x", "y", "z", "x"] * 10))
    assert dataset.modality is Modality.TEXT
    assert _kinds(dataset) == {
        "body": ColumnKind.TEXT,
        "age": ColumnKind.NUMERIC,
        "town": ColumnKind.CATEGORICAL,
    }
    assert any("'age', 'town' beside it" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "cells",
    [
        [f"Ford Mustang {i}" for i in range(N)],
        [f"{i} Main Street, Springfield, IL 62{i:03d}" for i in range(N)],
        [f"Smith, Mr. John Henry {i}" for i in range(N)],
        ["the first of two long answers here", "the second of two long answers"] * (N // 2),
    ],
)
def test_names_addresses_and_categories_beside_numbers_make_no_problem_of_texts(
    cells: list[str],
) -> None:
    """Words that stand for a thing say nothing by themselves."""
    frame = pd.DataFrame({"words": cells, "x": np.linspace(0.1, 9, N), "label": LABELS})
    assert read_dataset(frame).modality is Modality.TABULAR


@pytest.mark.parametrize(
    "cells",
    [
        TEXTS,
        [f"我非常喜欢这部电影因为演员很好{i}" for i in range(N)],
        [f"Мне очень понравился этот фильм номер {i}" for i in range(N)],
        [f"<p>Dear <b>sir</b>, this is letter {i}</p>" for i in range(N)],
        [f"2021-03-{i % 28 + 1:02d} the server went down again" for i in range(N)],
        TEXTS[:5] * 8,
        [f"Name{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(N)],
        [f"red chair {i}" for i in range(N)],
    ],
)
def test_what_alone_is_there_to_learn_from_is_text(cells: list[str]) -> None:
    """In any script, short or long, also where texts occur again."""
    dataset = read_dataset(pd.DataFrame({"id": range(7, N + 7), "t": cells, "label": LABELS}))
    assert dataset.modality is Modality.TEXT
    assert _texts(dataset) == cells


@pytest.mark.parametrize("n", [6, 12, 19])
def test_few_rows_of_sentences_are_texts(n: int) -> None:
    """What a sentence is does not depend on how many there are."""
    assert read_dataset(_frame()[:n]).modality is Modality.TEXT


def test_several_columns_of_text_are_read_as_one() -> None:
    """Joined by a line end, missing ones passed over."""
    frame = _frame(title=[None if i == 1 else f"About the matter {i}" for i in range(N)])
    dataset = read_dataset(frame)
    assert _texts(dataset)[0] == f"{TEXTS[0]}\nAbout the matter 0"
    assert _texts(dataset)[1] == TEXTS[1]


def test_equal_texts_everywhere_are_no_text() -> None:
    """A constant column says nothing."""
    frame = pd.DataFrame({"t": ["one text for all of them"] * 10, "label": LABELS[:10]})
    dataset = read_dataset(frame.assign(size=range(10)))
    assert _kinds(dataset) == {"t": ColumnKind.CONSTANT, "size": ColumnKind.NUMERIC}


def test_the_label_is_found_in_front_of_the_text() -> None:
    """Where neither column says what it is, the last one is no target if it holds prose."""
    dataset = read_dataset(pd.DataFrame({"kind": LABELS, "words": TEXTS}))
    assert dataset.targets == ("kind",)


# -- cells --------------------------------------------------------------------------------------


def test_texts_stay_exactly_as_they_are(tmp_path: Path) -> None:
    """Line ends, emoji and NUL, from CSV with quotes and from JSON lines."""
    texts = [f'a "quoted" line\r\nand {i}\n\U0001f600 é e\u0301\u200d end, yes' for i in range(N)]
    pd.DataFrame({"t": texts, "label": LABELS}).to_csv(tmp_path / "t.csv", index=False)
    assert _texts(read_dataset(tmp_path / "t.csv")) == texts
    texts = [f"{text} \x00 more" for text in texts]
    rows = [json.dumps({"t": t, "label": c}) for t, c in zip(texts, LABELS, strict=True)]
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    assert _texts(read_dataset(tmp_path / "t.jsonl")) == texts


def test_half_a_character_is_replaced_and_no_crash(tmp_path: Path) -> None:
    """JSON may hold what no encoding can write."""
    rows = [
        f'{{"t": "half \\ud83d of an emoji in text {i}", "label": "{c}"}}'
        for i, c in enumerate(LABELS)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    assert _texts(read_dataset(tmp_path / "t.jsonl"))[3] == "half ? of an emoji in text 3"


def test_a_text_that_says_none_is_a_text() -> None:
    """Only what nobody writes as a text means missing."""
    frame = _frame()
    frame.loc[:5, "body"] = ["None", "none", "-", ".", "n/a", ""]
    dataset = read_dataset(frame)
    assert _texts(dataset)[:4] == ["None", "none", "-", "."]
    assert dataset.n_labelled == N - 2
    assert any("2 of 40 rows" in note and "left out" in note for note in dataset.notes)


def test_rows_without_text_are_left_out_unless_something_stands_beside() -> None:
    """Of the labelled rows, the pool and the test split alike."""
    body = [*TEXTS[:-2], None, "  "]
    pool = pd.DataFrame({"body": ["some text for the pool", ""]})
    alone = pd.DataFrame({"id": range(9, N + 9), "body": body, "label": LABELS})
    dataset = read_dataset(alone, unlabeled=pool)
    assert (dataset.n_labelled, len(dataset.y), dataset.n_unlabelled) == (N - 2, N - 2, 1)
    beside = read_dataset(alone.assign(x=np.linspace(0.1, 7, N)))
    assert beside.n_labelled == N
    assert _texts(beside)[-1] == ""


def test_one_huge_text_is_read() -> None:
    """A megabyte of it."""
    huge = "word " * 200_000
    dataset = read_dataset(pd.DataFrame({"t": [*TEXTS[:9], huge], "label": LABELS[:10]}))
    assert _texts(dataset)[-1] == huge.strip()


# -- folders and lines ----------------------------------------------------------------------------


def _class_folders() -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        f"train/{label}/{i}.txt": text
        for i, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))
    }
    files |= {f"test/{label}/{i}.txt": TEXTS[i] for i, label in enumerate(LABELS[:6])}
    return files | {f"unlabeled/{i}.txt": TEXTS[i] for i in range(9)}


def test_class_folders_of_text_files_are_read(tmp_path: Path) -> None:
    """Labels by folder; files without a text are listed; what is about the data is no item."""
    odd = {
        "README.txt": "about",
        "train/a/none.txt": "",
        "train/a/bin.txt": bytes(range(256)),
        "train/b/latin.txt": "Überraschung für Ärzte in Österreich".encode("latin-1"),
    }
    dataset = read_dataset(_folder(tmp_path, {**_class_folders(), **odd}))
    assert (dataset.modality, dataset.task) == (Modality.TEXT, Task.BINARY)
    assert (dataset.n_labelled, dataset.n_unlabelled) == (N + 1, 9)
    assert dataset.X_test is not None
    assert len(dataset.X_test) == 6
    assert "Überraschung für Ärzte in Österreich" in _texts(dataset)
    assert [line.partition(":")[0] for line in dataset.broken] == [
        "train/a/bin.txt",
        "train/a/none.txt",
    ]


@pytest.mark.parametrize("name", ["labeled", "labelled"])
def test_labelled_texts_beside_a_pool_are_to_train_on(name: str, tmp_path: Path) -> None:
    """A text per file in class folders, or a file of lines per class."""
    files = {f"{name}/{label}/{i}.txt": TEXTS[i] for i, label in enumerate(LABELS)}
    pool = {f"unlabelled/{i}.txt": TEXTS[i] for i in range(9)}
    dataset = read_dataset(_folder(tmp_path / "files", {**files, **pool}))
    assert (dataset.classes, dataset.n_labelled, dataset.n_unlabelled) == (("a", "b"), N, 9)
    lines = {f"{name}/pos.txt": "\n".join(TEXTS[:20]), f"{name}/neg.txt": "\n".join(TEXTS[20:])}
    dataset = read_dataset(_folder(tmp_path / "lines", lines | {"unlabeled.txt": TEXTS[0]}))
    assert (dataset.classes, dataset.n_labelled) == (("neg", "pos"), N)


def test_files_without_ending_and_a_pool_of_lines_are_read(tmp_path: Path) -> None:
    """As in the news groups, with the pool in one file and one called unsup."""
    files = {f"{label}/{i}": TEXTS[i] for i, label in enumerate(LABELS)}
    pool = {"unlabeled.txt": "\n".join(TEXTS[:7]), "unsup/1": TEXTS[0], "LICENSE": "free"}
    dataset = read_dataset(_folder(tmp_path, {**files, **pool}))
    assert dataset.classes == ("a", "b")
    assert (dataset.n_labelled, dataset.n_unlabelled) == (N, 8)


@pytest.mark.parametrize("place", ["", "train/"])
def test_a_file_of_lines_for_each_class_is_read(place: str, tmp_path: Path) -> None:
    """In the folder itself, or in train and test."""
    files = {
        f"{place}pos.txt": "\n".join(TEXTS[:20]),
        f"{place}neg.txt": "\r\n".join(TEXTS[20:]) + "\r\n\r\n",
        "unlabeled.txt": "\n".join(TEXTS),
    }
    if place:
        files |= {"test/pos.txt": TEXTS[0], "test/neg.txt": TEXTS[1]}
    dataset = read_dataset(_folder(tmp_path, files))
    assert dataset.classes == ("neg", "pos")
    assert (dataset.n_labelled, dataset.n_unlabelled) == (N, N)
    assert sorted(_texts(dataset)) == sorted(TEXTS)
    assert (dataset.X_test is not None) == bool(place)


@pytest.mark.parametrize(
    "written",
    ["__label__{label} {text}", "{label}\t{text}", "{text}\t{label}", "{label}:fine {text}"],
)
def test_lines_with_their_label_are_read(written: str, tmp_path: Path) -> None:
    """With a pool of lines without and a test split with labels."""
    lines = [written.format(label=c, text=t) for c, t in zip(LABELS, TEXTS, strict=True)]
    files = {
        "train.txt": "\n".join(lines),
        "test.txt": "\n".join(lines[:8]),
        "unlabeled.txt": "\n".join(TEXTS),
    }
    dataset = read_dataset(_folder(tmp_path, files))
    assert (dataset.modality, dataset.task, dataset.classes) == (
        Modality.TEXT,
        Task.BINARY,
        ("a", "b"),
    )
    assert _texts(dataset) == TEXTS
    assert (dataset.n_unlabelled, len(dataset.X_test if dataset.X_test is not None else ())) == (
        N,
        8,
    )


def test_lines_with_several_labels_are_multilabel(tmp_path: Path) -> None:
    """As fastText writes it; a line without any is in the pool."""
    lines = [
        f"__label__{label} {'__label__c ' if i % 3 else ''}{text}"
        for i, (label, text) in enumerate(zip(LABELS, TEXTS, strict=True))
    ]
    dataset = read_dataset(_folder(tmp_path, {"train.txt": "\n".join([*lines, "no label at all"])}))
    assert (dataset.task, dataset.classes) == (Task.MULTILABEL, ("a", "b", "c"))
    assert dataset.n_unlabelled == 1


def test_lists_of_labels_are_multilabel(tmp_path: Path) -> None:
    """An empty list is a row that has none of them."""
    cells = [["x"], ["x", "y"], [], ["z"]]
    rows = [json.dumps({"text": t, "labels": cells[i % 4]}) for i, t in enumerate(TEXTS)]
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    dataset = read_dataset(tmp_path / "t.jsonl")
    assert (dataset.task, dataset.n_labelled) == (Task.MULTILABEL, N)
    assert dataset.y[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("kept", [["sentence"], ["text"]])
def test_a_pool_of_texts_needs_no_other_columns(kept: list[str]) -> None:
    """Nor the column's own name; what is missing is said, and counts as empty."""
    frame = pd.DataFrame(
        {"id": range(N), "sentence": TEXTS, "x": np.linspace(0.1, 3, N), "label": LABELS}
    )
    pool = pd.DataFrame({kept[0]: TEXTS[:5]})
    dataset = read_dataset(frame, unlabeled=pool)
    assert dataset.X_unlabelled is not None
    assert texts_of(dataset.X_unlabelled, dataset.columns) == TEXTS[:5]
    assert _kinds(dataset)["id"] is ColumnKind.IDENTIFIER
    assert any("lacks the columns 'id', 'x'" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({f"{i}.txt": text for i, text in enumerate(TEXTS[:9])}, "nothing that says what they are"),
        (
            {f"a/{i}.txt": text for i, text in enumerate(TEXTS[:9])},
            "nothing that says what they are",
        ),
        ({"train.txt": "one text alone"}, "one column"),
        ({"train.txt": ""}, "empty"),
        ({"train.txt": "\n \n"}, "blank"),
        ({"a/1.txt": "", "b/1.txt": " "}, "no text"),
    ],
)
def test_what_is_no_problem_of_texts_is_refused(
    files: dict[str, str], message: str, tmp_path: Path
) -> None:
    """In one line."""
    with pytest.raises(UnreadableData, match=message) as caught:
        read_dataset(_folder(tmp_path, files))
    assert "\n" not in str(caught.value)


# -- copies, content, rows to predict ---------------------------------------------------------------


def test_near_copies_share_a_number_where_the_rest_is_equal() -> None:
    """Texts by their words; columns beside them must be the same."""
    frame = _frame()
    frame.loc[1, "body"] = TEXTS[0].upper() + "!!"
    assert read_dataset(frame).copies()[:3].tolist() == [0, 0, 1]
    beside = frame.assign(x=np.linspace(0.1, 5, N))
    assert read_dataset(beside).copies()[:3].tolist() == [0, 1, 2]


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    """The same texts from anywhere are the same data; another letter is not."""
    read = [read_dataset(_folder(tmp_path / name, _class_folders())) for name in "ab"]
    changed = read_dataset(
        _folder(tmp_path / "c", {**_class_folders(), "train/a/0.txt": "Another text"})
    )
    assert read[0].fingerprint == read[1].fingerprint != changed.fingerprint


def test_texts_to_predict_come_from_anywhere(tmp_path: Path) -> None:
    """A list, a Series, a frame, lines, files or a table; each row in its place, empty ones too."""
    columns = read_dataset(
        pd.DataFrame({"id": range(5, N + 5), "t": TEXTS, "label": LABELS})
    ).columns
    asked = ["Hello there, one", "", "a third"]
    _folder(
        tmp_path,
        {"lines.txt": "\n".join(asked), "t.jsonl": "\n".join(json.dumps({"t": t}) for t in asked)},
    )
    _folder(tmp_path / "files", {f"{i}.txt": text for i, text in enumerate(asked)})
    given = [
        asked,
        pd.Series(asked),
        pd.DataFrame({"text": asked}),
        tmp_path / "lines.txt",
        tmp_path / "t.jsonl",
        tmp_path / "files",
    ]
    for data in given:
        pieces = list(read_features(data, columns, chunk_rows=2))
        assert [text for piece, _ in pieces for text in texts_of(piece, columns)] == asked


def test_class_files_to_validate_with_are_labelled_too(tmp_path: Path) -> None:
    """As those of class folders are."""
    lines = {
        f"{split}/{name}.txt": "\n".join(f"{split} {name} text number {i}" for i in range(n))
        for split, n in (("train", 12), ("val", 4))
        for name in ("good", "bad")
    }
    dataset = read_dataset(_folder(tmp_path, lines))
    assert (dataset.n_labelled, dataset.classes) == (32, ("bad", "good"))
    assert any("val/ (2 files) counts as labelled" in note for note in dataset.notes)


def test_test_files_of_lines_are_predicted_line_by_line(tmp_path: Path) -> None:
    """As they were read with their labels; where files lie in class folders, each stays one text."""
    lines = {
        f"{split}/{name}.txt": "\n".join(f"{split} {name} text number {i}" for i in range(n))
        for split, n in (("train", 12), ("test", 3))
        for name in ("good", "bad")
    }
    dataset = read_dataset(_folder(tmp_path / "lines", lines))
    assert dataset.X_test is not None
    ((frame, _),) = read_features(tmp_path / "lines", dataset.columns)
    assert texts_of(frame, dataset.columns) == texts_of(dataset.X_test, dataset.columns)
    assert len(frame) == 6
    files = {**_class_folders(), "test/a/x.txt": "One text\nin two lines"}
    columns = read_dataset(_folder(tmp_path / "files", files)).columns
    ((frame, _),) = read_features(tmp_path / "files", columns)
    assert len(frame) == sum(name.startswith("test/") for name in files)


def test_rows_to_predict_without_a_text_are_told() -> None:
    """They get a prediction, too, so the user has to know that it means nothing."""
    texts = [f"one two three four five number {i}" for i in range(10)]
    columns = read_dataset((texts, [0, 1] * 5)).columns
    ((frame, notes),) = read_features(["a text", "", "another"], columns)
    assert len(frame) == 3
    assert any("1 of 3 rows hold no text" in note for note in notes)


def test_rows_to_predict_must_have_what_is_learned_from() -> None:
    """A number beside the text is not made up."""
    columns = read_dataset(_frame(x=np.linspace(0.1, 5, N))).columns
    with pytest.raises(UnreadableData, match="'x'"):
        list(read_features(["only a text"], columns))
