"""The executor: jobs end, fail, overrun and die, and every one of these is a result."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from advisor import executor
from advisor.executor import LocalWorkers, make_executor, visible_gpus
from advisor.jobs import FoldJob, FoldResult
from advisor.space import load_space
from advisor.worker import _part
from advisor.workspace import Workspace
from tests.problems import small_dataset, workspace_of


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Lay a small binary problem."""
    return workspace_of(small_dataset(), tmp_path_factory.mktemp("work"))


def _job(workspace: Workspace, place: Path, fold: int = 0, **changes: object) -> FoldJob:
    job = FoldJob(
        workspace=workspace.folder,
        strategy="linear",
        params=load_space("linear", "tabular_tiny", {"n_labelled": 120}).defaults(),
        fold=fold,
        seed=0,
        predictions=place / f"{fold}.npy",
    )
    return job.model_copy(update=changes)


def _run(jobs: list[FoldJob], n_workers: int = 2) -> dict[int, FoldResult]:
    with make_executor(n_workers) as workers:
        return {result.fold: result for result in workers.run(jobs)}


def test_workers_and_this_process_give_the_same_predictions(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Where a fit runs changes nothing."""
    outcomes = []
    for n_workers in (0, 2):
        place = tmp_path / str(n_workers)
        place.mkdir()
        results = _run([_job(workspace, place, fold) for fold in range(2)], n_workers)
        assert all(not result.error for result in results.values())
        outcomes.append([np.load(place / f"{fold}.npy") for fold in range(2)])
    for here, there in zip(*outcomes, strict=True):
        np.testing.assert_allclose(here, there)


def test_a_failing_fit_is_a_result_that_says_why(workspace: Workspace, tmp_path: Path) -> None:
    """An unknown strategy fails its own job only."""
    jobs = [_job(workspace, tmp_path, 0, strategy="no_such"), _job(workspace, tmp_path, 1)]
    results = _run(jobs)
    assert "no_such" in results[0].error
    assert results[1].error == ""


def test_a_dead_worker_is_replaced(workspace: Workspace, tmp_path: Path) -> None:
    """Killing an idle worker costs at most one job, and the next one runs."""
    with LocalWorkers(1) as executor:
        executor._workers[0].process.kill()
        executor._workers[0].process.wait()
        first = next(iter(executor.run([_job(workspace, tmp_path)])))
        second = next(iter(executor.run([_job(workspace, tmp_path)])))
    assert "died" in first.error
    assert second.error == ""


def test_a_slow_start_is_no_time_of_the_fit(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine a process starts for longer than a short fit may take, and the fit still runs."""
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(3.0)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("advisor.executor.GRACE_SECONDS", 0.0)
    with LocalWorkers(1) as executor:
        job = _job(workspace, tmp_path, strategy="dummy", params={}, seconds=2.0)
        (result,) = executor.run([job])
    assert result.error == ""


def test_an_overdue_fit_is_killed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fit that ignores its deadline is stopped from outside."""
    monkeypatch.setattr("advisor.executor.GRACE_SECONDS", 0.0)
    with LocalWorkers(1) as executor:
        # A process that never answers stands for a fit that never looks at the clock.
        result = next(iter(executor.run([_job(workspace, tmp_path, seconds=0.0)])))
    assert "over its time" in result.error


def test_closing_the_iterator_ends_what_still_runs(workspace: Workspace, tmp_path: Path) -> None:
    """After an early close the executor takes new jobs."""
    with make_executor(2) as executor:
        results = executor.run([_job(workspace, tmp_path, fold) for fold in range(4)])
        next(results)
        results.close()  # type: ignore[attr-defined]
        again = list(executor.run([_job(workspace, tmp_path, 1)]))
    assert [result.error for result in again] == [""]


def test_gpus_are_those_the_user_allows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """CUDA_VISIBLE_DEVICES is obeyed; without it the driver's own list counts; workers share them in turn."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert visible_gpus() == ["2", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(executor, "GPU_FOLDER", tmp_path / "absent")
    assert visible_gpus() == []
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    monkeypatch.setattr(executor, "GPU_FOLDER", tmp_path / "gpus")
    assert visible_gpus() == ["0", "1"]


def test_cores_that_may_not_be_used_get_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of a cluster may hold two of many cores: as many workers, and all of these for one alone."""
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5}, raising=False)
    with make_executor() as executor:
        assert executor.jobs == 2
    with LocalWorkers(1) as alone:
        assert alone.threads == 2


def test_part_of_the_rows_for_a_learning_curve_holds_whole_blocks() -> None:
    """A group of which only some rows are left would make the curve that of more groups than there are."""
    blocks = np.random.default_rng(0).integers(0, 12, 240)
    rows = _part(240, blocks, 0.5, seed=3)
    held = set(blocks[rows].tolist())
    assert 0 < len(held) < 12
    assert not held & set(np.delete(blocks, rows).tolist())
    assert abs(len(rows) - 120) <= 20
    assert len(_part(240, None, 0.25, seed=3)) == 60
