"""Predictions for pictures: one line each, in order, those that cannot be read among them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.api import autofit
from advisor.backbone import LOADERS
from advisor.errors import UnreadableData
from advisor.images.medium import PICTURES
from advisor.pipeline import FittedPipeline
from advisor.predicting import predict_file
from advisor.tables.media_rows import file_rows
from tests.pictures import as_bytes, broken_files, class_folders, draw, put, small_problem


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> FittedPipeline:
    """Train two trials on a few small pictures, without a backbone, which would take longer to load."""
    folder = small_problem(tmp_path_factory.mktemp("data"), each=10)
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for loader in LOADERS.values():
            patch.setattr(type(loader), "missing", lambda self, card: "left out of this test")
        return autofit(folder, trials=2, jobs=0, out=out).pipeline


def predicted(pipeline: FittedPipeline, data: Path, out: Path) -> tuple[pd.DataFrame, list[str]]:
    """The lines of the output, as text, and what was said."""
    notes = predict_file(pipeline, data, out)
    with out.open(encoding="utf-8") as file:
        return pd.DataFrame(list(csv.DictReader(file))), notes


def test_every_file_has_a_line_and_broken_ones_an_empty_one(
    pipeline: FittedPipeline, tmp_path: Path
) -> None:
    """Named with their reasons, also where only decoding tells."""
    folder = class_folders(tmp_path / "new", each=2, seed=300)
    for name, (content, _) in broken_files().items():
        put(folder / "red" / name, content)
    lines, notes = predicted(pipeline, folder, tmp_path / "out.csv")
    assert lines.columns.tolist() == ["file", "prediction", "green", "red"]
    assert lines["file"].tolist() == sorted(lines["file"])
    assert len(lines) == 4 + len(broken_files())
    empty = lines[lines["prediction"] == ""]
    assert {Path(name).name for name in empty["file"]} == set(broken_files())
    assert (empty[["green", "red"]] == "").all(axis=None)
    good = lines[lines["prediction"] != ""]
    assert good["prediction"].tolist() == ["green", "green", "red", "red"]
    assert good["file"].tolist() == ["green/0.png", "green/1.png", "red/0.png", "red/1.png"]
    chances = good[["green", "red"]].astype(float)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    for name in broken_files():
        assert any(f"red/{name}" in note for note in notes)


def test_chunks_change_nothing(
    pipeline: FittedPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder read in pieces gets the lines of one read whole."""
    folder = class_folders(tmp_path / "new", each=4, seed=500)
    put(folder / "a.png", b"text")
    whole, _ = predicted(pipeline, folder, tmp_path / "out.csv")
    monkeypatch.setattr("advisor.predicting.CHUNK_FILES", 3)
    pieces, notes = predicted(pipeline, folder, tmp_path / "out.csv")
    pd.testing.assert_frame_equal(whole, pieces)
    assert len(notes) == 1


def test_tables_and_lists_are_predicted_in_their_order(
    pipeline: FittedPipeline, tmp_path: Path
) -> None:
    """As written in the table, whatever its column is called; a list of paths is enough in memory."""
    folder = class_folders(tmp_path, each=1, seed=700)
    put(tmp_path / "t.csv", b"photo,y\nred/0.png,1\nno.png,1\ngreen/0.png,0\n")
    lines, notes = predicted(pipeline, tmp_path / "t.csv", tmp_path / "out.csv")
    assert lines["file"].tolist() == ["red/0.png", "no.png", "green/0.png"]
    assert lines["prediction"].tolist() == ["red", "", "green"]
    assert any("no.png: it does not exist" in note for note in notes)
    paths = [str(folder / name) for name in ("red/0.png", "no.png", "green/0.png")]
    for given in (paths, pd.DataFrame({"image": paths})):
        with pytest.warns(UserWarning, match=r"no prediction for '.*no\.png: it does not"):
            assert pipeline.predict(given).tolist() == ["red", None, "green"]
        with pytest.warns(UserWarning, match=r"no\.png"):
            chances = pipeline.predict_proba(given)
        assert np.isnan(chances).all(axis=1).tolist() == [False, True, False]


def test_scores_leave_out_what_cannot_be_read(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """Neither right nor wrong; where nothing is left, that is said."""
    paths = [str(put(tmp_path / f"{c}.png", as_bytes(draw(c, 900)))) for c in ("red", "green")]
    bad = str(put(tmp_path / "bad.png", b"text"))
    clean = pipeline.score(paths, ["red", "green"])  # type: ignore[arg-type]
    assert pipeline.score([*paths, bad], ["red", "green", "red"]) == clean  # type: ignore[arg-type]
    with pytest.raises(UnreadableData, match="nothing to score"):
        pipeline.score([bad], ["red"])  # type: ignore[arg-type]


def test_nothing_to_predict_leaves_no_file(pipeline: FittedPipeline, tmp_path: Path) -> None:
    """One line of error, and no output."""
    put(tmp_path / "t.csv", b"a,b\n1,2\n")
    with pytest.raises(UnreadableData, match="no column of pictures"):
        predict_file(pipeline, tmp_path / "t.csv", tmp_path / "out.csv")
    assert not list(tmp_path.glob("*out.csv*"))


def test_only_masks_beside_their_pictures_are_left_out(tmp_path: Path) -> None:
    """A class of masked faces below a folder of pictures is one of pictures; what is left out is said."""
    picture = as_bytes(draw())
    for name in ("images/face/a.png", "images/mask/b.png", "images/mask/c.png"):
        put(tmp_path / name, picture)
    rows = file_rows(tmp_path, PICTURES)
    assert rows.names == ("images/face/a.png", "images/mask/b.png", "images/mask/c.png")
    assert not rows.notes
    put(tmp_path / "masks" / "mask" / "b.png", picture)
    rows = file_rows(tmp_path, PICTURES)
    assert rows.names == ("images/face/a.png", "images/mask/b.png", "images/mask/c.png")
    assert rows.notes == ("masks beside the pictures were left out: 'masks/mask/b.png'",)
