"""Files and frames to datasets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import advisor
from advisor.dataset import Dataset, Task, read_dataset, read_features
from advisor.errors import AdvisorError, InvalidRequest, UnknownTarget, UnreadableData
from advisor.profile import profile_dataset

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TABLES = ["car", "colon_gene_expression", "credit_data", "digits8x8", "penguins", "titanic", "mpg"]


def write(path: Path, text: str | bytes) -> Path:
    """Write a small file."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(n: int = 20) -> str:
    """Rows of two numbers and a class."""
    return "".join(f"{i * 37 % 101},{i * 0.5},{'uv'[i % 3 % 2]}\n" for i in range(n))


def said(dataset: Dataset) -> str:
    """All notes."""
    return "\n".join(dataset.notes)


@pytest.mark.parametrize("name", TABLES)
def test_real_tables_are_read_as_their_index_says(name: str) -> None:
    """Target, task and counts of real folders are found without any option."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is absent")
    index = {entry["name"]: entry for entry in json.loads((SHARED / "index.json").read_text())}
    dataset = read_dataset(SHARED / name)
    entry = index[name]
    assert dataset.targets == (entry["target"],)
    assert str(dataset.task) == entry["task"].split()[0]
    assert dataset.n_labelled == entry["n_labelled"]
    assert dataset.n_unlabelled == entry["n_unlabelled"]
    assert dataset.X_test is not None
    assert len(dataset.X_test) == entry["n_test"]


BAD: dict[str, tuple[bytes, str]] = {
    "zero": (b"", "empty"),
    "blank": (b"\n\n", "blank lines"),
    "header": (b"a,b,y\n", "no rows"),
    "one": (b"a\n1\n2\n", "one column"),
    "single": (b"a,b,y\n1,2,x\n3,4,x\n5,6,x\n", "only one class"),
    "row": (b"a,b,y\n1,2,0\n", "only one class"),
    "few": (b"a,a,y\n1,2,0\n3,4,1\n5,6,0\n", "only 3 rows"),
    "ragged": (b"a,b,y\n1,2\n3,4,1,9\n5,6,0\n", "row 2 has 2, row 3 has 4"),
    "nolabel": (b"a,b,y\n1,,\n3,4,\n5,6,\n", "missing in all 3 rows"),
    "nul": (b"a,b\x00,y\n1,2,3\n", "not text"),
    "constant": (b"a,y\n" + b"1,2.5\n2,2.5\n" * 5, "only one class"),
    "ids": (b"a,y\n" + b"".join(b"1,w%d\n" % i for i in range(30)), "no classes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """One line says what is wrong."""
    content, part = BAD[name]
    with pytest.raises(AdvisorError, match=part) as caught:
        read_dataset(write(tmp_path / f"{name}.csv", content))
    assert "\n" not in str(caught.value)


def test_wrong_paths_targets_tasks_and_groups_are_named(tmp_path: Path) -> None:
    """The error names what is wrong and what was perhaps meant."""
    path = write(tmp_path / "houses.csv", "area,rooms,cost\n" + rows())
    with pytest.raises(UnreadableData, match=r"Did you mean 'houses\.csv'"):
        read_dataset(tmp_path / "house.csv")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableData, match="is a pipe or a device"):
        read_dataset(tmp_path / "pipe")
    with pytest.raises(UnknownTarget, match=r"'cots' is not a column .* Did you mean 'cost'"):
        read_dataset(path, target="cots")
    with pytest.raises(UnknownTarget, match="--groups"):
        read_dataset(path, groups="street")
    with pytest.raises(InvalidRequest, match="dance"):
        read_dataset(path, task="dance")
    with pytest.raises(UnknownTarget, match=r"no number in 20 of 20 .* row 1 \('u'\)"):
        read_dataset(path, task="regression")


def test_a_folder_gives_train_test_and_pool_but_never_the_oracle(tmp_path: Path) -> None:
    """The target is what the pool lacks; foreign classes of the test split are dropped and said."""
    write(
        tmp_path / "train.csv",
        "kind,a,b\n" + "".join(f"{'xy'[i % 2]},{i % 7},{i}\n" for i in range(12)),
    )
    write(tmp_path / "unlabeled.csv", "b,a\n1,2\n3,4\n")
    write(tmp_path / "unlabeled_labels.csv", "row,kind\n0,x\n1,y\n")
    write(tmp_path / "test.csv", "a,b,kind\n1,2,x\n1,2,new\n3,4,\n")
    write(tmp_path / "README.md", "hello")
    dataset = read_dataset(tmp_path)
    assert dataset.targets == ("kind",)
    assert dataset.n_unlabelled == 2
    assert dataset.X_test is not None
    assert dataset.y_test is not None
    assert dataset.y_test.tolist() == [0]
    assert len(dataset.X_test) == 1
    assert "classes not in train" in said(dataset)
    assert "unlabeled_labels" not in said(dataset)


@pytest.mark.parametrize("name", ["labeled", "labelled"])
def test_a_labelled_table_beside_the_pool_is_to_train_on(name: str, tmp_path: Path) -> None:
    """Whatever other tables there are, unless one of them is called train."""
    write(tmp_path / f"{name}.csv", "a,b,y\n" + rows())
    write(tmp_path / "unlabeled.csv", "a,b\n1,2\n3,4\n")
    write(tmp_path / "prices.csv", "c\n1\n")
    dataset = read_dataset(tmp_path)
    assert (dataset.targets, dataset.n_labelled, dataset.n_unlabelled) == (("y",), 20, 2)
    assert "'prices.csv'" in said(dataset)
    write(tmp_path / "train.csv", "a,b,y\n" + rows() + rows())
    assert read_dataset(tmp_path).n_labelled == 40


def test_a_test_table_without_target_is_kept_unscored(tmp_path: Path) -> None:
    """All its rows stay; there is nothing to score."""
    write(tmp_path / "train.csv", "a,b,y\n" + rows())
    write(tmp_path / "test.csv", "a,b\n1,2\n3,4\n")
    dataset = read_dataset(tmp_path)
    assert dataset.X_test is not None
    assert len(dataset.X_test) == 2
    assert dataset.y_test is None


def test_unrelated_tables_in_a_folder_are_listed(tmp_path: Path) -> None:
    """The advisor does not guess between files."""
    write(tmp_path / "a.csv", "a,y\n1,2\n")
    write(tmp_path / "b.tsv", "a\ty\n1\t2\n")
    with pytest.raises(UnreadableData, match=r"'a\.csv', 'b\.tsv'"):
        read_dataset(tmp_path)


def test_rows_without_a_target_are_the_pool_and_classes_keep_their_names(tmp_path: Path) -> None:
    """Whole classes that missing cells made floats are written as in the data; 10 comes after 9."""
    body = "".join(f"{i * 0.5},{[9, 10, ''][i % 3]}\n" for i in range(30))
    dataset = read_dataset(write(tmp_path / "t.csv", "a,y\n" + body))
    assert dataset.classes == ("9", "10")
    assert dataset.n_labelled == 20
    assert dataset.n_unlabelled == 10
    assert dataset.y[:4].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 20, Task.BINARY),
        (["a", "b", "c", "a"] * 10, Task.MULTICLASS),
        ([1, 2, 3, 4] * 10, Task.MULTICLASS),
        ([i * 0.5 for i in range(40)], Task.REGRESSION),
        (list(range(40)), Task.REGRESSION),
        (["a;b", "b", "a", "c;a", "b;c"] * 8, Task.MULTILABEL),
        ([["a", "b"], ["b"], ["a"], ["c"]] * 10, Task.MULTILABEL),
    ],
)
def test_the_task_is_inferred_and_its_reason_said(values: list[object], task: Task) -> None:
    """From the target's values alone."""
    dataset = read_dataset(pd.DataFrame({"f": np.arange(40) * 37 % 101, "y": values}))
    assert dataset.task is task
    assert "task: " in said(dataset)


def test_several_targets_are_a_multilabel_problem() -> None:
    """0/1 columns become the labels, in the order given; others are refused."""
    frame = pd.DataFrame(
        {"f": range(10), "a": [0, 1] * 5, "b": [1, 1, 0, 0, 1] * 2, "c": range(10)}
    )
    dataset = read_dataset(frame, target="b,a")
    assert dataset.classes == ("b", "a")
    assert dataset.y.dtype == np.int8
    assert dataset.y[:2].tolist() == [[1, 0], [1, 1]]
    with pytest.raises(UnknownTarget, match="'c' does not"):
        read_dataset(frame, target=["a", "c"])


def test_the_same_problem_reads_alike_from_file_frame_pair_and_bunch(tmp_path: Path) -> None:
    """The form of the input leaves features, codes and fingerprint."""
    polars = pytest.importorskip("polars")
    frame = pd.DataFrame(
        {
            "f": np.linspace(0, 1, 30),
            "g": ["u", "v", "w"] * 10,
            "d": [f"2020-02-{i % 28 + 1:02d}" for i in range(30)],
            "y": ["p", "q"] * 15,
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    forms = [
        tmp_path / "t.csv",
        frame,
        polars.DataFrame(frame),
        (frame[["f", "g", "d"]], frame["y"]),
    ]
    prints = {read_dataset(form).fingerprint for form in forms}
    assert len(prints) == 1
    changed = frame.assign(y=frame["y"].replace({"p": "z"}))
    assert read_dataset(changed).fingerprint not in prints


def test_a_bunch_brings_its_class_names() -> None:
    """scikit-learn's codes are written as their names."""
    datasets = pytest.importorskip("sklearn.datasets")
    dataset = read_dataset(datasets.load_iris())
    assert dataset.classes == ("setosa", "versicolor", "virginica")
    assert dataset.X.shape == (150, 4)


def test_groups_are_coded_and_are_no_features() -> None:
    """Rows without a group stand alone."""
    frame = pd.DataFrame(
        {"f": range(8), "who": ["a", "b", "a", None, None, "b", "a", "a"], "y": [0, 1] * 4}
    )
    dataset = read_dataset(frame, groups="who")
    assert [column.name for column in dataset.columns] == ["f"]
    assert dataset.groups is not None
    codes = dataset.groups.tolist()
    assert codes[0] == codes[2] != codes[1]
    assert len(set(codes)) == 4


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (("größe;b;y\n" + "1,5;é;ja\n2,5;ü;nein\n" * 10).encode("cp1252"), "not UTF-8"),
        (("a;b;y\n" + "1,5;x;ja\n2,5;z;nein\n" * 10).encode(), "decimal comma"),
        (("a,b,y\n" + "1.5,x,ja\n2.5,z,nein\n" * 10).encode("utf-16"), "UTF-16"),
        (("a,b,y\n" + "1.5,x,ja\n2.5,z,nein\n" * 30 + "1,2\n").encode(), "were dropped"),
        (("1.5,x,ja\n2.5,z,nein\n" * 10).encode(), "no header"),
        (("a,a,y\n" + "1.5,x,ja\n2.5,z,nein\n" * 10).encode(), "more than once"),
    ],
)
def test_what_can_be_repaired_is_repaired_and_said(
    content: bytes, note: str, tmp_path: Path
) -> None:
    """The numbers arrive as numbers, and a note says what was done."""
    dataset = read_dataset(write(tmp_path / "t.csv", content))
    assert note in said(dataset)
    assert set(dataset.X.iloc[:, 0]) <= {1.0, 1.5, 2.5}
    assert dataset.classes == ("ja", "nein")


def test_codes_with_leading_zeros_keep_them(tmp_path: Path) -> None:
    """A lesion code is no number."""
    body = "".join(f"{['00000', '02208', '11300'][i % 3]},{i % 2}\n" for i in range(30))
    dataset = read_dataset(write(tmp_path / "t.csv", "lesion,y\n" + body))
    assert set(dataset.X["lesion"].cat.categories) == {"00000", "02208", "11300"}


def test_types_that_change_far_down_the_file_are_followed(tmp_path: Path) -> None:
    """A column of whole numbers in the first megabyte may hold decimals or words later."""
    head = "".join(f"{i % 500},{i % 7},{i % 2}\n" for i in range(150_000))
    tail = "".join(f"{i % 500}.5,w{i % 3},{i % 2}\n" for i in range(50))
    dataset = read_dataset(write(tmp_path / "t.csv", "a,b,y\n" + head + tail), target="y")
    assert dataset.n_labelled == 150_050
    assert dataset.X["a"].iloc[-1] == 49.5
    assert "50 cells of 'b'" in said(dataset)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_features_are_streamed_in_order_and_alike(suffix: str, tmp_path: Path) -> None:
    """Pieces together equal the whole, in every format that streams."""
    frame = pd.DataFrame(
        {
            "a": [None if i % 9 == 0 else i * 0.5 for i in range(300)],
            "b": [["u", "v", None][i % 3] for i in range(300)],
            "y": [i % 2 for i in range(300)],
        }
    )
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    dataset = read_dataset(path, target="y")
    pieces = list(read_features(path, dataset.columns, chunk_rows=100))
    together = pd.concat([piece for piece, _ in pieces], ignore_index=True)
    pd.testing.assert_frame_equal(together, dataset.X)
    assert any("'y'" in note for _, notes in pieces for note in notes)


def calls_of(work: Callable[[], object]) -> int:
    """Count our own functions and steps of generators that a piece of work takes."""
    seen, own = 0, str(Path(advisor.__file__).parent)

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        seen += event == "call" and frame.f_code.co_filename.startswith(own)

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen


def test_work_grows_with_columns_and_not_with_their_square() -> None:
    """A table of all genes has twenty thousand."""
    random = np.random.default_rng(0)
    counts = []
    for n_columns in (100, 200, 400):
        values = random.normal(size=(30, n_columns)).round(3)
        frame = pd.DataFrame(values, columns=[f"gene{i}" for i in range(n_columns)])
        frame["y"] = ["ab"[i % 2] for i in range(30)]
        counts.append(calls_of(lambda: profile_dataset(read_dataset(frame, target="y"))))  # noqa: B023
    first, second, third = counts
    # Of a line the second step is twice the first, of a square four times.
    assert third - second < 2.4 * (second - first)


def test_a_ragged_row_to_predict_is_an_error_not_a_gap(tmp_path: Path) -> None:
    """Every input line gets a prediction, so none is dropped."""
    dataset = read_dataset(write(tmp_path / "t.csv", "a,b,y\n" + rows()))
    path = write(tmp_path / "p.csv", "a,b\n" + "1,2\n" * 50 + "1\n")
    with pytest.raises(UnreadableData, match="ragged"):
        list(read_features(path, dataset.columns))


TABLE_TEXT = st.lists(
    st.lists(st.text(alphabet='ab01.,;"\n\r\t -?é', max_size=6), min_size=1, max_size=4),
    max_size=12,
).map(lambda lines: "\n".join(",".join(line) for line in lines).encode())


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.one_of(st.binary(max_size=300), TABLE_TEXT))
def test_no_bytes_raise_anything_but_an_advisor_error(content: bytes, tmp_path: Path) -> None:
    """Any file reads, or is refused in one line."""
    path = write(tmp_path / f"f{os.getpid()}.csv", content)
    refusal, dataset = "", None
    try:
        dataset = read_dataset(path)
    except AdvisorError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert dataset is None or len(dataset.X) == len(dataset.y) > 0
