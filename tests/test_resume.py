"""A run that is killed with no warning goes on, and repeats nothing that was finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor import advise, autofit
from advisor.dataset import read_dataset
from advisor.errors import InvalidRun
from advisor.workspace import Workspace
from tests.pictures import as_bytes, class_folders, draw, put
from tests.problems import small_frame, workspace_of

PATIENCE = 120.0
"""Seconds to wait for a few trials on a busy machine before the test gives up."""


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from advisor.cli import run_autofit; run_autofit()", *arguments]


def _records(run: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text("utf-8") for path in run.glob("trials/*/trial.json")}


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """Kill -9 in the middle; the finished trials stay as they were, and more are added."""
    table, run = tmp_path / "table.csv", tmp_path / "run"
    small_frame(150).to_csv(table, index=False)
    options = (str(table), "--target", "y", "--quiet", "--jobs", "1")
    process = subprocess.Popen(
        _command(*options, "--trials", "200", "--time-limit", "1h", "--out", str(run)),
        start_new_session=True,
    )
    ends = time.monotonic() + PATIENCE
    while len(_records(run)) < 4 and time.monotonic() < ends and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = _records(run)
    assert len(before) >= 4
    assert not (run / "result.json").exists()

    wanted = len(before) + 3
    subprocess.run(
        _command(*options, "--trials", str(wanted), "--resume", str(run)), check=True, timeout=300
    )
    after = _records(run)
    assert {name: after[name] for name in before} == before
    assert json.loads((run / "result.json").read_text("utf-8"))["trials"] == wanted == len(after)


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_the_best_so_far(tmp_path: Path, word: signal.Signals) -> None:
    """Ctrl-C and a polite kill end with exit code 130, a model and a result."""
    table, run = tmp_path / "table.csv", tmp_path / "run"
    small_frame(150).to_csv(table, index=False)
    options = (str(table), "--target", "y", "--quiet", "--jobs", "1", "--time-limit", "1h")
    process = subprocess.Popen(_command(*options, "--out", str(run)))
    ends = time.monotonic() + PATIENCE
    while len(_records(run)) < 3 and time.monotonic() < ends and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(word)
    assert process.wait(timeout=PATIENCE) == 130
    result = json.loads((run / "result.json").read_text("utf-8"))
    assert result["stopped_by"] == "interrupted"
    assert (run / "model" / "manifest.json").exists()


def test_a_run_goes_on_where_its_pictures_have_been_moved(tmp_path: Path) -> None:
    """Folds and the refit that come later learn from them in their new place, and nothing is repeated."""
    pytest.importorskip("PIL")
    data, run = class_folders(tmp_path / "data", each=15), tmp_path / "run"
    report = advise(data)
    quick = tuple(r for r in report.recommendations if r.strategy == "handmade")
    splits = report.splits.model_copy(update={"folds": 3, "repeats": 1})
    plan = report.model_copy(update={"recommendations": quick, "splits": splits})
    autofit(data, plan=plan, trials=1, jobs=0, out=run, single_model=True)  # the dummy
    before = _records(run)
    moved = data.rename(tmp_path / "moved")
    found = autofit(moved, trials=2, jobs=0, resume=run)
    assert {name: text for name, text in _records(run).items() if name in before} == before
    assert found.result.score.value > 0.9
    assert set(found.result.members) != {"dummy"}
    asked = [str(moved / colour / "0.png") for colour in ("red", "green")]
    assert list(found.pipeline.predict(pd.DataFrame({"image": asked}))) == ["red", "green"]


def test_rows_and_pool_follow_their_files(tmp_path: Path) -> None:
    """Also where only a part of the rows was written and the pool has been put in another order."""
    pytest.importorskip("PIL")
    data = class_folders(tmp_path / "data", each=8)
    for i in range(5):
        put(tmp_path / "more" / f"{i}.png", as_bytes(draw("blue", 50 + i)))
    dataset = read_dataset(data, unlabeled=tmp_path / "more")
    part = dataset.take(np.array([0, 3, 9, 11, 12, 15, 4, 7]))
    before = workspace_of(part, tmp_path / "work", folds=2)
    assert before.pool is not None
    kept = [Path(path).read_bytes() for rows in (before.X, before.pool) for path in rows["image"]]

    moved = data.rename(tmp_path / "moved")
    for i in range(5):
        put(tmp_path / "elsewhere" / f"{9 - i}.png", (tmp_path / "more" / f"{i}.png").read_bytes())
        (tmp_path / "more" / f"{i}.png").unlink()
    now = read_dataset(moved, unlabeled=tmp_path / "elsewhere")
    before.follow(now)
    after = Workspace(tmp_path / "work")
    assert after.pool is not None
    paths = [Path(path) for rows in (after.X, after.pool) for path in rows["image"]]
    assert {path.parts[-3] for path in paths[:8]} == {"moved"}
    assert [path.read_bytes() for path in paths] == kept


def test_files_that_are_found_nowhere_are_told(tmp_path: Path) -> None:
    """In one line that says what to do; also for rows that an older version wrote, which go on where nothing moved."""
    pytest.importorskip("PIL")
    data = class_folders(tmp_path / "data", each=6)
    dataset = read_dataset(data)
    work = workspace_of(dataset, tmp_path / "work", folds=2)
    (data / "red" / "0.png").unlink()
    with pytest.raises(InvalidRun, match=r"1 of 12 files .* put the data back .* new run$"):
        work.follow(read_dataset(data))

    class_folders(data, each=6)
    (tmp_path / "work" / "rows.contents.json").unlink()
    work.follow(dataset)
    assert list(Workspace(tmp_path / "work").X["image"]) == list(dataset.X["image"])
    with pytest.raises(InvalidRun, match="12 of 12 files"):
        work.follow(read_dataset(data.rename(tmp_path / "moved")))


def test_an_interrupt_before_there_is_a_model_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the final predictor is chosen; the trials are there, and resuming makes the model."""
    frame, run = small_frame(60), tmp_path / "run"

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("advisor.training.select", stop)
        with pytest.raises(KeyboardInterrupt, match="--resume"):
            autofit(frame, target="y", trials=2, jobs=0, out=run)
    assert autofit(frame, target="y", trials=2, jobs=0, resume=run).result.trials == 2
