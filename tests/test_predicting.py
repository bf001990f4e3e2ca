"""Predictions for a file: complete, in order, and plain about what was wrong with it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from advisor.api import autofit
from advisor.errors import InvalidRequest, UnreadableData
from advisor.pipeline import FittedPipeline
from advisor.predicting import predict_file
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
