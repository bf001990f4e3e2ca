"""What is chosen becomes a folder that predicts, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from advisor.api import autofit
from advisor.executor import ThisProcess
from advisor.jobs import FoldJob, FoldResult
from advisor.workspace import WHOLE
from tests.problems import small_frame


class _Watched(ThisProcess):
    """Notes what it is asked for, and may fail the fit on all rows."""

    def __init__(self, fails: bool) -> None:
        self.fails, self.whole = fails, list[FoldJob]()

    def run(self, jobs: Sequence[FoldJob]) -> Iterator[FoldResult]:
        """As its parent, but for the fit on all rows."""
        for job in jobs:
            if job.fold == WHOLE:
                self.whole.append(job)
                if self.fails:
                    yield FoldResult(fold=job.fold, seconds=1.0, error="killed")
                    continue
            yield from super().run([job])


@pytest.mark.parametrize("fails", [False, True])
def test_a_refit_ends_in_time_or_leaves_the_fold_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """It gets what is left of the limit; where it fails, the run does not: what there is predicts, and that is said."""
    executor, frame = _Watched(fails), small_frame(150)
    monkeypatch.setattr("advisor.api.make_executor", lambda jobs: executor)
    run = autofit(
        frame, target="y", trials=3, time_limit=600.0, single_model=True, out=tmp_path / "run"
    )
    (job,) = executor.whole
    assert job.seconds is not None
    assert 0 < job.seconds <= 600.0
    (member,) = run.pipeline.manifest.members
    assert (len(member.folds) == 1) is not fails
    assert (
        any("once more on all rows failed (killed)" in note for note in run.result.notes) is fails
    )
    assert len(run.pipeline.predict(frame)) == len(frame)
