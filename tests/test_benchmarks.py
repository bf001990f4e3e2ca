"""The benchmark's referee, clock and report are right: people will quote their figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cost import added, cell
from curve_sets import FileSet, TableSet
from meter import measure
from readme import write_section
from referee import optimism, score
from rivals.job import Job, load
from splits import Table, list_tables, make_split
from tabular import done_keys, key
from tabular_report import behind, ranks, shared


def told(values: list[str], **probabilities: list[float]) -> pd.DataFrame:
    """Predictions as the referee reads them: every cell as text."""
    return pd.DataFrame({"prediction": values} | probabilities).astype(str)


def test_the_referee_scores_by_the_definition() -> None:
    """Hand-made predictions get the scores that the definitions give."""
    truth = pd.Series(["a", "a", "b", "b"])
    named = told(["a", "b", "b", "b"], a=[0.9, 0.4, 0.3, 0.2], b=[0.1, 0.6, 0.7, 0.8])
    assert score("accuracy", truth, named, "b") == pytest.approx(0.75)
    assert score("balanced_accuracy", truth, named, "b") == pytest.approx(0.75)
    assert score("f1_macro", truth, named, "b") == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert score("roc_auc", truth, named, "b") == pytest.approx(1.0)
    numbers = pd.Series(["1.0", "3.0"])
    assert score("rmse", numbers, told(["1.0", "5.0"]), None) == pytest.approx(np.sqrt(2.0))
    assert score("mae", numbers, told(["1.0", "5.0"]), None) == pytest.approx(1.0)


def test_the_referee_refuses_an_answer_that_is_short_or_has_gaps() -> None:
    """A missing row or a NaN is a failure, not a score."""
    truth = pd.Series(["1.0", "3.0"])
    with pytest.raises(ValueError, match="expected 2 predictions, got 1"):
        score("rmse", truth, told(["1.0"]), None)
    with pytest.raises(ValueError, match="1 gaps"):
        score("rmse", truth, told(["1.0", "nan"]), None)
    with pytest.raises(ValueError, match="no probability column"):
        score("roc_auc", truth, told(["1.0", "3.0"]), "3.0")


def test_optimism_is_positive_where_the_own_figure_is_too_rosy() -> None:
    """A higher own AUC and a lower own error are both too rosy."""
    assert optimism("roc_auc", reported=0.9, test=0.8) == pytest.approx(10.0)
    assert optimism("rmse", reported=8.0, test=10.0) == pytest.approx(20.0)


def test_ranks_share_ties_and_put_failures_last() -> None:
    """Ties get the mean of their ranks, a failure the last, and a half-run split does not count."""
    scores = {
        ("x", 0): [("a", 1.0), ("b", 1.0), ("c", None)],
        ("y", 0): [("a", 2.0), ("b", 3.0), ("c", 1.0)],
        ("z", 0): [("a", 1.0), ("b", 2.0)],
    }
    rows = pd.DataFrame(
        [
            {
                "dataset": dataset,
                "seed": seed,
                "system": system,
                "metric": "rmse" if dataset == "y" else "accuracy",
                "test_score": value,
            }
            for (dataset, seed), runs in scores.items()
            for system, value in runs
        ]
    )
    ranked = ranks(rows, ["a", "b", "c"])
    assert ranked.loc[("x", 0)].to_list() == [1.5, 1.5, 3.0]
    assert ranked.loc[("y", 0)].to_list() == [2.0, 3.0, 1.0]
    assert ("z", 0) not in ranked.index
    assert set(shared(rows, ["a", "b", "c"])["dataset"]) == {"x", "y"}
    share, n_splits = behind(rows, "b", ours="a")  # a tie, a win (less is better), a loss
    assert (share, n_splits) == (0.5, 3)
    assert behind(rows, "c", ours="a") == (0.5, 2)


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    """Writing one section leaves every other as it was."""
    readme = tmp_path / "README.md"
    write_section("one", "first", readme)
    write_section("two", "second", readme)
    write_section("one", "again", readme)
    text = readme.read_text(encoding="utf-8")
    assert "first" not in text
    assert text.count("again") == text.count("second") == text.count("<!-- begin one -->") == 1


def test_memory_of_children_is_measured(tmp_path: Path) -> None:
    """The peak holds what a child process takes, and the exit code comes through."""
    child = "import time; block = bytearray(200_000_000); time.sleep(0.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); sys.exit(3)"
    measured = measure([sys.executable, "-c", code], 60.0, tmp_path)
    assert measured.code == 3
    assert measured.peak_mb > 200.0
    assert measured.failure is not None


def test_a_run_past_its_timeout_is_killed(tmp_path: Path) -> None:
    """What does not end is ended, and says so."""
    measured = measure([sys.executable, "-c", "import time; time.sleep(600)"], 0.3, tmp_path)
    assert measured.code is None
    assert "killed" in str(measured.failure)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_split_keeps_sizes_and_gives_away_no_target(
    penguins: Path, tmp_path: Path, seed: int
) -> None:
    """Every seed has the sizes of the given split, and no system can see a test target."""
    table = Table("penguins", penguins, "multiclass", "species", "f1_macro")
    split = make_split(table, seed, tmp_path)
    given = pd.read_csv(penguins / "test.csv")
    test = pd.read_csv(tmp_path / "test.csv")
    assert "species" not in test
    assert len(test) == len(split.truth) == len(given)
    assert len(pd.read_csv(tmp_path / "train" / "train.csv")) == len(
        pd.read_csv(penguins / "train.csv")
    )
    assert (split.truth.to_list() == given["species"].to_list()) == (seed == 0)


def test_a_driver_sees_numbers_as_numbers_and_the_positive_class_as_one(
    credit: Path, tmp_path: Path
) -> None:
    """The frames that rivals learn from are typed, with the rarer class coded 1."""
    split = make_split(Table("credit", credit, "binary", "Status", "roc_auc"), 0, tmp_path)
    job = Job(str(tmp_path), "Status", "binary", "roc_auc", split.positive, 1.0, 1, 0)
    frames = load(job)
    assert frames.classes == ("good", "bad")
    assert frames.texts == ["Home", "Marital", "Records", "Job"]
    assert set(frames.y) == {0, 1}
    assert frames.X["Income"].isna().any()


def test_finished_runs_are_not_repeated(tmp_path: Path) -> None:
    """A results file says what is done; failures count as done unless a retry is asked for."""
    run = {"system": "a", "dataset": "x", "seed": 0, "limit": 60.0, "jobs": 2, "error": None}
    failed = run | {"seed": 1, "error": "killed"}
    results = tmp_path / "results.jsonl"
    results.write_text("".join(json.dumps(row) + "\n" for row in (run, failed)), encoding="utf-8")
    assert done_keys(results, retry=False) == {key(run), key(failed)}
    assert done_keys(results, retry=True) == {key(run)}
    assert done_keys(tmp_path / "none.jsonl", retry=False) == set()


def test_every_table_of_the_index_is_there(shared_data: Path) -> None:
    """The benchmark's list of tables can be read, in scikit-learn's names of metrics."""
    tables = list_tables(shared_data)
    assert len(tables) > 20
    assert {table.task for table in tables} == {"binary", "multiclass", "regression"}
    assert all(table.folder.is_dir() for table in tables)
    assert "macro_f1" not in {table.metric for table in tables}


def table_set(folder: Path) -> TableSet:
    """Forty texts with one or two of three labels, the third one rare."""
    labels = [("a",) if i % 2 else ("b", "c") if i % 5 == 0 else ("b",) for i in range(40)]
    rows = pd.DataFrame({"text": [f"text {i}" for i in range(40)], "labels": map(list, labels)})
    test = folder / "test.csv"
    test.write_text("text,labels\nheld out,a\n", encoding="utf-8")
    return TableSet("texts", "f1_macro", rows, labels, test)


def test_a_draw_of_texts_holds_every_label_often_enough(tmp_path: Path) -> None:
    """A rare label gives all it has, and the smaller draw of a seed is part of the larger one."""
    items = table_set(tmp_path)
    drawn = [
        pd.read_json(items.draw(n, 0, tmp_path / str(n)) / "train.jsonl", lines=True)
        for n in (2, 6)
    ]
    counts = [frame["labels"].explode().value_counts() for frame in drawn]
    assert counts[0].min() == 2
    assert counts[1]["c"] == 4
    assert counts[1][["a", "b"]].min() == 6
    assert set(drawn[0]["text"]) <= set(drawn[1]["text"])
    assert items.holds(16)
    assert not items.holds(30)


def test_a_draw_of_files_keeps_the_test_split_whole(tmp_path: Path) -> None:
    """So many files of each class, and never one of the test split."""
    source = tmp_path / "source"
    for split, n in (("train", 6), ("test", 3)):
        for name in ("x", "y"):
            place = source / split / name
            place.mkdir(parents=True)
            for i in range(n):
                (place / f"{split}{i}.wav").write_bytes(b"")
    labelled = {c.name: sorted(c.iterdir()) for c in sorted((source / "train").iterdir())}
    place = FileSet("set", "accuracy", labelled, source / "test").draw(4, 1, tmp_path)
    assert len(list((place / "train" / "x").iterdir())) == 4
    assert {f.name for f in (place / "train").rglob("*.wav")} <= {f"train{i}.wav" for i in range(6)}
    assert len(list((place / "test").rglob("*.wav"))) == 6


def test_the_pool_of_a_draw_is_all_the_rest_without_its_labels(tmp_path: Path) -> None:
    """Texts without the column, files under names that tell nothing; the labelled ones are those without a pool."""
    items = table_set(tmp_path)
    alone = pd.read_json(items.draw(2, 0, tmp_path / "a") / "train.jsonl", lines=True)
    place = items.draw(2, 0, tmp_path / "b", pooled=True)
    drawn, pool = (
        pd.read_json(place / f"{name}.jsonl", lines=True) for name in ("train", "unlabeled")
    )
    assert drawn["text"].tolist() == alone["text"].tolist()
    assert list(pool.columns) == ["text"]
    assert sorted([*drawn["text"], *pool["text"]]) == sorted(items.rows["text"])
    source = tmp_path / "source"
    for name in ("cat", "dog"):
        for part in ("train", "test"):
            (source / part / name).mkdir(parents=True)
        for i in range(5):
            (source / "train" / name / f"{name}{i}.png").write_bytes(f"{name}{i}".encode())
    labelled = {name: sorted((source / "train" / name).iterdir()) for name in ("cat", "dog")}
    place = FileSet("set", "accuracy", labelled, source / "test").draw(
        2, 0, tmp_path / "c", pooled=True
    )
    rest = sorted((place / "unlabeled").iterdir())
    assert len(rest) == 6
    assert not any(name in file.name for file in rest for name in ("cat", "dog"))
    known = {file.read_bytes() for file in (place / "train").rglob("*.png")}
    assert known.isdisjoint(file.read_bytes() for file in rest)


def test_costs_measured_apart_are_joined() -> None:
    """What is measured again counts, what is not is kept, and what is missing is a dash."""
    size = {"rows": 10, "columns": 3, "mb": 0.1, "error": None, "peak_mb": 5.0}
    earlier = [size | {"what": what, "seconds": 1.0} for what in ("polars", "profile")]
    again = [
        size | {"what": "profile", "seconds": 2.0},
        size | {"what": "autofit 60s", "seconds": 63.0, "fit_seconds": 60.5},
    ]
    joined = {row["what"]: cell(row) for row in added(again, earlier)}
    assert joined == {
        "polars": "1.0 s, 5 MB",
        "profile": "2.0 s, 5 MB",
        "autofit 60s": "63.0 s (60.5), 5 MB",
    }
    assert cell(None) == "–"
    assert cell(size | {"error": "exit 1"}) == "failed"
