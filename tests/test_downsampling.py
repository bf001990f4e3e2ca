"""How many rows a time limit allows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor import downsampling
from advisor.api import advise_dataset
from advisor.dataset import Dataset, read_dataset
from advisor.downsampling import rows_in_time
from advisor.profile import PerceivedProfile
from advisor.report import StrategyReport
from advisor.sampling import COMPARED_ROWS, item_cap
from advisor.space import load_space
from tests.profiles import (
    healthy_audio_profile,
    healthy_image_profile,
    healthy_text_profile,
)

N_ROWS = 60_000


@pytest.fixture(scope="module")
def large() -> tuple[Dataset, StrategyReport]:
    """A table of two classes, one of them rare, and its plan."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N_ROWS, 4)), columns=["a", "b", "c", "d"])
    frame["y"] = np.where(rng.random(N_ROWS) < 0.01, "rare", "usual")
    dataset = read_dataset(frame, target="y")
    return dataset, advise_dataset(dataset, probe_seconds=None)


@pytest.mark.parametrize("seconds", [None, 3_600.0])
def test_all_rows_where_there_is_time(
    large: tuple[Dataset, StrategyReport], seconds: float | None
) -> None:
    """No limit or an hour: nothing is left out."""
    assert rows_in_time(*large, seconds, jobs=2) is None


def test_a_table_that_can_be_compared_whole_is_learned_whole(
    large: tuple[Dataset, StrategyReport],
) -> None:
    """However short the time."""
    dataset, report = large
    few = dataset.take(np.arange(COMPARED_ROWS))
    assert rows_in_time(few, report, 0.01, jobs=2) is None


def test_less_time_is_fewer_rows_but_never_too_few(large: tuple[Dataset, StrategyReport]) -> None:
    """Rows fall with the limit down to those that candidates are compared on; twice the workers are twice the time."""
    dataset, report = large

    def rows(seconds: float, jobs: int = 1) -> int:
        kept = rows_in_time(dataset, report, seconds, jobs)
        return dataset.n_labelled if kept is None else len(kept)

    counts = [rows(seconds) for seconds in (60.0, 7.0, 5.0, 4.0, 0.01)]
    assert all(more >= fewer for more, fewer in pairwise(counts))
    assert COMPARED_ROWS < counts[2] < N_ROWS
    assert counts[-1] == pytest.approx(COMPARED_ROWS, rel=0.01)
    assert rows(2.5, jobs=2) == counts[2]


def test_classes_keep_their_shares(large: tuple[Dataset, StrategyReport]) -> None:
    """The rare class is as rare as before, and the choice is the same each time."""
    dataset, report = large
    kept = rows_in_time(dataset, report, 0.01, jobs=1)
    assert kept is not None
    assert np.all(np.diff(kept) > 0)
    assert dataset.y[kept].mean() == pytest.approx(dataset.y.mean(), rel=0.02)
    again = rows_in_time(dataset, report, 0.01, jobs=1)
    assert np.array_equal(kept, again)


@pytest.mark.parametrize("profile", [healthy_image_profile(), healthy_audio_profile()])
def test_of_many_items_those_that_can_be_embedded(
    large: tuple[Dataset, StrategyReport],
    profile: PerceivedProfile,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Their number rises with the limit and the cores, from what a probe looks at to all of them."""
    dataset, report = large
    plan = report.model_copy(update={"profile": profile})
    monkeypatch.setattr(downsampling, "GPU_FOLDER", tmp_path / "none")

    def items(seconds: float | None, cores: int = 2) -> int:
        monkeypatch.setattr(downsampling, "usable_cores", lambda: cores)
        kept = rows_in_time(dataset, plan, seconds, jobs=2)
        return dataset.n_labelled if kept is None else len(kept)

    few = items(60.0)
    assert item_cap(profile) < few < N_ROWS
    assert items(120.0) == items(60.0, cores=4) == pytest.approx(2 * few, rel=0.03)
    assert items(0.01) == pytest.approx(item_cap(profile), rel=0.05)
    assert items(36_000.0) == items(None) == N_ROWS
    monkeypatch.setattr(downsampling, "GPU_FOLDER", tmp_path)
    assert items(60.0) == N_ROWS


def test_texts_are_cut_where_they_have_to_be_embedded(
    large: tuple[Dataset, StrategyReport], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Counting words is quick: a plan with a strategy that does just that keeps all of them."""
    dataset, report = large
    monkeypatch.setattr(downsampling, "GPU_FOLDER", tmp_path / "none")
    space = load_space("linear_probe", "text_moderate", {"backbones": ("all_minilm_l6_v2",)}, None)
    probe = report.recommendations[0].model_copy(
        update={"strategy": "linear_probe", "space": space}
    )
    plan = report.model_copy(update={"profile": healthy_text_profile()})
    embedded = plan.model_copy(update={"recommendations": (probe,)})
    kept = rows_in_time(dataset, embedded, 60.0, jobs=2)
    assert kept is not None
    assert item_cap(plan.profile) < len(kept) < N_ROWS
    counted = plan.model_copy(update={"recommendations": (probe, *plan.recommendations[:1])})
    assert rows_in_time(dataset, counted, 60.0, jobs=2) is None


def test_networks_are_not_asked(large: tuple[Dataset, StrategyReport]) -> None:
    """They take as many steps as there is time for, however many rows there are."""
    dataset, report = large
    space = load_space("full_finetune", "text_moderate", {}, dataset.task)
    net = report.recommendations[0].model_copy(update={"strategy": "full_finetune", "space": space})
    plan = report.model_copy(update={"recommendations": (net,)})
    assert rows_in_time(dataset, plan, 0.01, jobs=2) is None
