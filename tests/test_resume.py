"""A run that is killed with no warning goes on, and repeats nothing that was finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.problems import small_frame

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
