"""Predictions for recordings: one line each, in order, those that cannot be read among them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from advisor.api import autofit
from advisor.backbone import LOADERS
from advisor.errors import UnreadableData
from advisor.pipeline import FittedPipeline
from advisor.predicting import predict_file
from tests.recordings import as_bytes, broken_files, class_folders, make, put, small_problem


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> FittedPipeline:
    """Train two trials on a few short recordings, without a backbone, which would take longer to load."""
    folder = small_problem(tmp_path_factory.mktemp("data"), each=10)
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for loader in LOADERS.values():
            patch.setattr(type(loader), "missing", lambda self, card: "left out of this test")
        return autofit(folder, trials=2, jobs=0, out=out).pipeline


def test_every_file_has_a_line_and_broken_ones_an_empty_one(
    pipeline: FittedPipeline, tmp_path: Path
) -> None:
    """Named with their reasons, also where only decoding tells."""
    folder = class_folders(tmp_path / "new", each=2, seed=300)
    for name, (content, _) in broken_files().items():
        put(folder / "low" / name, content)
    notes = predict_file(pipeline, folder, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["file", "prediction", "high", "low"]
    assert [line["file"] for line in lines] == sorted(line["file"] for line in lines)
    empty = {Path(line["file"]).name for line in lines if not line["prediction"]}
    assert empty == set(broken_files())
    good = [(line["file"], line["prediction"]) for line in lines if line["prediction"]]
    assert good == [(f"{kind}/{i}.wav", kind) for kind in ("high", "low") for i in range(2)]
    for name in broken_files():
        assert any(f"low/{name}" in note for note in notes)


def test_one_recording_a_table_and_paths_are_predicted(
    pipeline: FittedPipeline, tmp_path: Path
) -> None:
    """In their order, whatever the column is called."""
    paths = [
        str(put(tmp_path / f"{kind}.flac", as_bytes(make(kind, 900), "FLAC")))
        for kind in ("high", "low")
    ]
    wanted = [paths[0], str(tmp_path / "no.wav"), paths[1]]
    assert pipeline.predict(wanted).tolist() == ["high", None, "low"]  # type: ignore[arg-type]
    predict_file(pipeline, Path(paths[1]), tmp_path / "one.csv")
    assert (tmp_path / "one.csv").read_text().splitlines()[1].startswith("low.flac,low,")
    table = put(tmp_path / "t.csv", b"clip,y\nlow.flac,1\nno.wav,1\nhigh.flac,0\n")
    predict_file(pipeline, table, tmp_path / "many.csv")
    lines = (tmp_path / "many.csv").read_text().splitlines()[1:]
    assert [line.split(",")[:2] for line in lines] == [
        ["low.flac", "low"],
        ["no.wav", ""],
        ["high.flac", "high"],
    ]
    put(tmp_path / "u.csv", b"a,b\n1,2\n")
    with pytest.raises(UnreadableData, match="no column of recordings"):
        predict_file(pipeline, tmp_path / "u.csv", tmp_path / "out.csv")
