"""A full disk is told, costs no result, and is no reason to begin anew."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from advisor.api import autofit
from advisor.disk import FULL, check_room, is_full, room_needed
from advisor.errors import NoRoom
from tests.problems import small_frame


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every disk has no byte left."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))


@pytest.mark.parametrize("code", sorted(FULL))
def test_what_the_system_says_is_believed(code: int) -> None:
    """Also where nothing is known of the place."""
    assert is_full(OSError(code, os.strerror(code)))


def test_other_faults_are_not_taken_for_it(tmp_path: Path) -> None:
    """A missing file is a missing file; what says nothing is judged by the disk."""
    assert not is_full(FileNotFoundError(errno.ENOENT, "no such file"), tmp_path)
    assert not is_full(OSError("4000 requested and 0 written"), tmp_path)
    assert not is_full(OSError("4000 requested and 0 written"))
    with pytest.raises(FileNotFoundError), room_needed(tmp_path, "start again"):
        (tmp_path / "absent").read_text("utf-8")
    check_room(tmp_path)


@pytest.mark.usefixtures("full_disk")
def test_a_write_that_says_nothing_on_a_full_disk(tmp_path: Path) -> None:
    """NumPy's own error has no code."""
    assert is_full(OSError("4000 requested and 0 written"), tmp_path)
    with pytest.raises(OSError, match="No space left"):
        check_room(tmp_path)


def test_a_run_on_a_full_disk_says_how_to_go_on_and_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fit that fails for want of room is no trial of its strategy: once there is room it is tried again."""
    frame, out = small_frame(150), tmp_path / "a run"
    whole = autofit(frame, target="y", trials=5, jobs=0, out=tmp_path / "whole")
    autofit(frame, target="y", trials=2, jobs=0, out=out)

    def fails(job: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as change:
        change.setattr("advisor.worker._fit", fails)
        change.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
        with pytest.raises(
            NoRoom, match=r"none left; free some, then go on with --resume '.*a run'"
        ):
            autofit(frame, target="y", trials=5, jobs=0, resume=out)
    again = autofit(frame, target="y", trials=5, jobs=0, resume=out)
    assert again.result.trials == 5
    assert again.result.score == whole.result.score
    assert "failed" not in (out / "leaderboard.csv").read_text("utf-8")
