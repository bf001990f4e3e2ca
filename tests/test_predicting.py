"""Predictions for a file: complete, in order, and plain about what was wrong with it."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.api import autofit
from advisor.dataset import read_dataset
from advisor.errors import InvalidRequest, InvalidRun, UnreadableData
from advisor.manifest import MANIFEST
from advisor.pipeline import FittedPipeline, load_pipeline
from advisor.predicting import predict_file
from advisor.tables.columns import conform
from tests.problems import small_frame


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> FittedPipeline:
    """Train two trials on a small frame."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return autofit(small_frame(), target="y", trials=2, jobs=0, out=out).pipeline


def _predict(pipeline: FittedPipeline, folder: Path, frame: object) -> tuple[list[str], list[str]]:
    rows, out = folder / "rows.csv", folder / "out.csv"
    frame.to_csv(rows, index=False)  # type: ignore[attr-defined]
    notes = predict_file(pipeline, rows, out)
    with out.open(encoding="utf-8") as file:
        return [line["prediction"] for line in csv.DictReader(file)], notes


def test_chunks_change_nothing(
    pipeline: FittedPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file read in pieces gets the predictions of one read whole."""
    whole, _ = _predict(pipeline, tmp_path, small_frame(90, seed=2))
    monkeypatch.setattr("advisor.predicting.CHUNK_ROWS", 7)
    pieces, _ = _predict(pipeline, tmp_path, small_frame(90, seed=2))
    assert whole == pieces
    assert len(whole) == 90


def test_other_order_and_extra_columns_are_said(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """The target column and a stray one are ignored, and mentioned."""
    frame = small_frame(30, seed=2)
    straight, _ = _predict(pipeline, tmp_path, frame)
    mixed, notes = _predict(pipeline, tmp_path, frame[frame.columns[::-1]].assign(stray=1))
    assert straight == mixed
    assert any("stray" in note for note in notes)


def test_unseen_categories_are_said(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """A colour that training never saw is predicted for, and mentioned."""
    predicted, notes = _predict(pipeline, tmp_path, small_frame(30).assign(colour="mauve"))
    assert len(predicted) == 30
    assert any("colour" in note for note in notes)


def test_missing_columns_are_refused_by_name(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """All missing columns in one message, and no output file."""
    with pytest.raises(UnreadableData, match=r"(?s)length.*width|width.*length"):
        _predict(pipeline, tmp_path, small_frame(30)[["colour"]].assign(other=1))
    assert not (tmp_path / "out.csv").exists()
    assert not list(tmp_path.glob(".out*"))


def test_an_unwritable_place_is_said(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """A folder that is not there is one line, not a traceback."""
    rows = tmp_path / "rows.csv"
    small_frame(5).to_csv(rows, index=False)
    with pytest.raises(InvalidRequest, match="cannot write"):
        predict_file(pipeline, rows, tmp_path / "no" / "such" / "out.csv")


@pytest.mark.parametrize("place", [".", "folder"])
def test_a_folder_is_no_file_to_write(
    pipeline: FittedPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """It is said before anything is predicted, with a name that would do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidRequest, match=r"expected a file, got a folder; .*predictions\.csv"):
        predict_file(pipeline, tmp_path / "never-read.csv", Path(place))
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_what_is_to_be_predicted_is_never_written_over(
    pipeline: FittedPipeline, tmp_path: Path
) -> None:
    """Neither by its name nor by a link to it, and not the table that a folder stands for."""
    rows, link = tmp_path / "test.csv", tmp_path / "link.csv"
    small_frame(5).to_csv(rows, index=False)
    link.symlink_to(rows)
    before = rows.read_bytes()
    for data, out in ((rows, rows), (rows, link), (link, rows)):
        with pytest.raises(InvalidRequest, match="it is what is to be predicted"):
            predict_file(pipeline, data, out)
    link.unlink()
    with pytest.raises(InvalidRequest, match="it is what is to be predicted"):
        predict_file(pipeline, tmp_path, rows)
    assert rows.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["test.csv"]


def test_a_link_to_write_stays_one(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """What it leads to holds the predictions."""
    rows, kept, link = tmp_path / "rows.csv", tmp_path / "kept" / "out.csv", tmp_path / "out.csv"
    small_frame(5).to_csv(rows, index=False)
    kept.parent.mkdir()
    kept.write_text("old")
    link.symlink_to(kept)
    predict_file(pipeline, rows, link)
    assert link.is_symlink()
    assert len(kept.read_text().splitlines()) == 6
    assert list(kept.parent.iterdir()) == [kept]


def test_a_device_is_no_file_to_write(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """It would be replaced by a file."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="expected a file, got a pipe or a device"):
        predict_file(pipeline, tmp_path / "never-read.csv", tmp_path / "pipe")


def test_what_cannot_be_read_is_not_said_of_the_output(
    pipeline: FittedPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the disk that holds the data or the models is told as one."""

    def broken(*args: object, **options: object) -> object:
        raise OSError(5, "Input/output error", "model.bin")

    rows = tmp_path / "rows.csv"
    small_frame(5).to_csv(rows, index=False)
    monkeypatch.setattr(pipeline, "predict_both", broken)
    with pytest.raises(UnreadableData, match=r"cannot predict '.*rows\.csv': .*model\.bin"):
        predict_file(pipeline, rows, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_folder_of_a_test_table_alone_is_predicted(
    pipeline: FittedPipeline, tmp_path: Path
) -> None:
    """There need be nothing to train on, but where one wants to train."""
    small_frame(5).to_csv(tmp_path / "test.csv", index=False)
    predict_file(pipeline, tmp_path, tmp_path / "out.tmp")
    assert len((tmp_path / "out.tmp").read_text().splitlines()) == 6
    with pytest.raises(UnreadableData, match="expected a table"):
        read_dataset(tmp_path)


def test_frames_are_read_as_in_training(tmp_path: Path) -> None:
    """Lists of words, numbers and blanks in column names, texts of any length; no rows have no predictions."""
    rows = small_frame(60)
    lists = [["a", "b"] if colour == "red" else ["c"] for colour in rows["colour"]]
    frame = pd.DataFrame({0: rows["length"], " b": lists, "y": rows["y"]})
    made = autofit(frame, target="y", trials=1, jobs=0, out=tmp_path / "run").pipeline
    assert made.feature_names_in_.tolist() == ["0", "b"]
    joined = pd.DataFrame({"0": frame[0], "b": [";".join(cell) for cell in lists]})
    expected = made.predict_proba(joined)
    np.testing.assert_array_equal(made.predict_proba(frame), expected)
    np.testing.assert_array_equal(made.predict_proba(frame[[0, " b"]].to_numpy()), expected)
    assert conform(made._table(frame), made.manifest.columns)["b"].cat.categories.tolist() == [
        "a;b",
        "c",
    ]
    (tmp_path / "header.csv").write_text("0,b\n")
    assert made.predict(str(tmp_path / "header.csv")).shape == (0,)
    assert made.predict_proba(str(tmp_path / "header.csv")).shape == (0, 2)


def test_a_manifest_in_no_encoding_is_refused(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """As one that is no JSON."""
    shutil.copytree(pipeline.folder, tmp_path / "model")
    (tmp_path / "model" / MANIFEST).write_bytes(b'{"name": "\xff\xfe"}')
    with pytest.raises(InvalidRun, match="is not a manifest of this version"):
        load_pipeline(tmp_path)
