"""The probe: what it measures is measured, what it has no time for is said."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor import probe as probing
from advisor.api import advise_dataset
from advisor.dataset import Dataset, Task, read_dataset
from advisor.evaluation import Score
from advisor.executor import ThisProcess
from advisor.measurement import Probe
from advisor.metrics import get_metric
from advisor.probe import run_probe
from advisor.profile import profile_dataset
from advisor.regime import find_regime
from advisor.sampling import sample_rows
from advisor.space import load_space
from advisor.splits import plan_splits
from advisor.strategy import STRATEGIES
from advisor.trials import CrossValidation
from advisor.workspace import Workspace
from tests.problems import small_dataset, workspace_of
from tests.profiles import healthy_image_profile

PATIENCE = 60.0
"""Seconds for a probe that is to finish: far more than it takes."""


@pytest.fixture(scope="module")
def flowers(penguins: Path) -> Dataset:
    """189 labelled penguins of three species."""
    return read_dataset(penguins, target="species")


def probe(dataset: Dataset, seconds: float = PATIENCE, metric: str = "roc_auc") -> Probe:
    """Run the probe in this process, so that a test may look over its shoulder."""
    profile = profile_dataset(dataset)
    splits = plan_splits(dataset.task, dataset.y, dataset.groups, 0)
    return run_probe(
        dataset, profile, find_regime(profile), splits, metric, seconds=seconds, jobs=0, seed=0
    )


def test_a_network_that_cannot_be_trained_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next strategy that trains one is asked, and without any there is no speed."""
    nets = [
        s for s in STRATEGIES.values() if s.card.clock == "net" and s.card.name != "from_scratch"
    ]
    unfit = {nets[0].card.name}
    for strategy in nets:
        name = strategy.card.name
        monkeypatch.setattr(strategy, "missing", lambda: "", raising=False)
        monkeypatch.setattr(
            strategy, "unfit", lambda _, name=name: name if name in unfit else "", raising=False
        )
        monkeypatch.setattr(
            strategy, "measure_speed", lambda _, name=name: _timed(name, unfit), raising=False
        )
    profile = healthy_image_profile()
    workspace = SimpleNamespace(problem=SimpleNamespace(task=profile.task, n_outputs=2), y=range(9))
    session = probing._Session(
        ThisProcess(),
        workspace,  # type: ignore[arg-type]
        profile,
        find_regime(profile),
        get_metric("accuracy", profile.task),
    )
    assert session.net_speed() == 2.0
    unfit |= {strategy.card.name for strategy in nets}
    assert session.net_speed() is None


def _timed(name: str, unfit: set[str]) -> float:
    assert name not in unfit, "a step with such a network breaks down"
    return 2.0


class FakeTrials:
    """Stands in for ``cross_validate``: predictions of a known quality after a known time."""

    def __init__(self, noise: dict[str, float], fails: tuple[str, ...] = ()) -> None:
        self.noise, self.fails = noise, fails
        self.seen: list[tuple[str, float, int]] = []

    def __call__(
        self,
        executor: object,
        workspace: Workspace,
        strategy: str,
        params: object,
        *,
        seed: int,
        seconds: float | None,
        train_fraction: float = 1.0,
    ) -> CrossValidation:
        """Answer like the real one."""
        self.seen.append((strategy, train_fraction, len(workspace.y)))
        y = np.asarray(workspace.y, dtype=np.int64)
        error = "it broke" if strategy in self.fails else ""
        return CrossValidation(
            strategy=strategy,
            params={},
            predictions=None if error else self._predict(y, strategy, train_fraction),
            seconds=0.01,
            fit_seconds=0.01,
            truncated=strategy == "linear" and "linear truncated" in self.fails,
            error=error,
        )

    def _predict(self, y: NDArray[np.int64], strategy: str, fraction: float) -> NDArray[np.float64]:
        k = int(y.max()) + 1
        if strategy == "dummy":
            return np.full((len(y), k), 1 / k)
        rng = np.random.default_rng(0)
        noisy = np.eye(k)[y] + rng.normal(0, self.noise.get(strategy, 2.0) / fraction, (len(y), k))
        chances = np.exp(noisy)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> FakeTrials:
    """No model is fitted; linear is best, forest next."""
    fake = FakeTrials({"linear": 0.5, "forest": 1.0})
    monkeypatch.setattr(probing, "cross_validate", fake)
    return fake


def test_every_cheap_strategy_is_measured_on_the_same_folds(
    flowers: Dataset, trials: FakeTrials
) -> None:
    """With time enough nothing cheap is left out, and the dummy is always first."""
    found = probe(flowers)
    cheap = {
        s.card.name
        for s in STRATEGIES.values()
        if s.card.cheap
        and flowers.modality in s.card.modalities
        and flowers.task in s.card.tasks
        and not s.missing()
    }
    assert {m.strategy for m in found.measured} | {"dummy"} == cheap | {"dummy"}
    assert trials.seen[0][0] == "dummy"
    assert isinstance(found.dummy, Score)


def test_measurements_come_best_first_with_their_paired_chance(
    flowers: Dataset, trials: FakeTrials
) -> None:
    """The best never beats itself, and the others not in all resamples."""
    measured = probe(flowers).measured
    assert measured[0].strategy == "linear"
    assert measured[0].beats_best == 0.0
    assert [m.error for m in measured] == sorted(m.error for m in measured)
    assert all(0.0 <= m.beats_best < 1.0 for m in measured)


def test_the_learning_curve_is_of_the_best_on_parts_of_the_rows(
    flowers: Dataset, trials: FakeTrials
) -> None:
    """Fewest rows first; the last point is all rows, which was measured anyhow."""
    found = probe(flowers)
    assert found.curve_strategy == "linear"
    rows = [point.n_train for point in found.curve]
    assert rows == sorted(rows)
    assert rows[-1] == pytest.approx(4 * rows[0], abs=3)
    assert found.curve[-1].score == found.measured[0].score


@pytest.mark.parametrize("how", ["linear", "linear truncated"])
def test_what_did_not_end_is_not_called_measured(
    monkeypatch: pytest.MonkeyPatch, flowers: Dataset, how: str
) -> None:
    """A failed or a shortened fit is named with the reason and has no score."""
    monkeypatch.setattr(probing, "cross_validate", FakeTrials({}, fails=(how,)))
    found = probe(flowers)
    assert "linear" not in [m.strategy for m in found.measured]
    assert found.unfinished["linear"]


def test_no_time_means_nothing_measured_and_all_of_it_said(
    flowers: Dataset, trials: FakeTrials
) -> None:
    """Even then the ranking can be made, from evidence."""
    found = probe(flowers, seconds=0.0)
    assert found.measured == ()
    assert "linear" in found.unfinished
    assert not trials.seen


def test_a_large_table_is_sampled_and_the_report_says_so(
    monkeypatch: pytest.MonkeyPatch, flowers: Dataset, trials: FakeTrials
) -> None:
    """The cap is a cap of rows, and the note names both numbers."""
    monkeypatch.setattr(probing, "ROW_CAP", 100)
    found = probe(flowers)
    assert found.n_rows < found.n_labelled == flowers.n_labelled
    assert {rows for _, _, rows in trials.seen} == {found.n_rows}
    assert f"{found.n_rows} of {flowers.n_labelled}" in found.notes[0]


def test_a_sample_keeps_rare_classes() -> None:
    """Five rows in a thousand are still there in a sample of a tenth."""
    y = np.array([0] * 995 + [1] * 5)
    rows = sample_rows(_dataset(y, None), 100, seed=0)
    assert np.count_nonzero(y[rows] == 1) == 5
    assert 100 <= len(rows) <= 110
    assert np.all(np.diff(rows) > 0)


@pytest.mark.parametrize(("n_groups", "size"), [(3, 1_000), (8, 400), (150, 20)])
@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_sample_keeps_rows_of_every_group(n_groups: int, size: int, task: Task) -> None:
    """However few they are, there are no fewer to make folds of, the one of a single row included."""
    groups = np.append(np.repeat(np.arange(n_groups), size), n_groups)
    dataset = replace(_dataset(groups % 2, groups), task=task)
    rows = sample_rows(dataset, 205, seed=0)
    assert len(np.unique(groups[rows])) == n_groups + 1
    assert 200 <= len(rows) <= 210


def test_all_rows_are_taken_where_they_are_few() -> None:
    """No sampling without need."""
    assert len(sample_rows(_dataset(np.zeros(50, dtype=np.int64), None), 100, seed=0)) == 50


def test_what_a_fit_should_take_counts_one_model_per_label(tmp_path: Path) -> None:
    """What is begun and how fast this machine is are told by that."""
    dataset = small_dataset(task=Task.MULTILABEL)
    work, found = workspace_of(dataset, tmp_path / "work"), profile_dataset(dataset)
    metric = get_metric("roc_auc", dataset.task)
    session = probing._Session(ThisProcess(), work, found, find_regime(found), metric)
    forest = STRATEGIES["forest"]
    params = load_space("forest", find_regime(found).name, {}, dataset.task).defaults()
    one = forest.cost(min(len(f.train) for f in work.folds), len(work.columns), 2, params)
    assert session.predicted(forest) == pytest.approx(work.problem.n_outputs * one)


def test_a_real_probe_measures_and_leaves_nothing_behind(
    flowers: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real fits in real workers: better than the dummy, within the seconds, and its folder is gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    start = time.monotonic()
    found = advise_dataset(flowers, seed=0, probe_seconds=PATIENCE / 6, jobs=2)
    assert time.monotonic() - start < PATIENCE
    assert found.dummy is not None
    measured = [r.expected for r in found.recommendations if r.source == "measured"]
    assert measured[0] is not None
    assert measured[0].value > found.dummy.value
    assert list(tmp_path.iterdir()) == []


def _dataset(y: NDArray[np.int64], groups: NDArray[np.int64] | None) -> Dataset:
    import pandas as pd

    return replace(
        Dataset(
            name="made up",
            modality="tabular",  # type: ignore[arg-type]
            task=Task.BINARY,
            X=pd.DataFrame({"x": np.arange(len(y), dtype=np.float64)}),
            y=y,
            columns=(),
            classes=("a", "b"),
            targets=("t",),
        ),
        groups=groups,
    )
