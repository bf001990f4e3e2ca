"""What the test split will take is known before it is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from advisor.afterwards import TIMED, WARM_UP, Afterwards, refit_seconds
from advisor.dataset import Dataset, read_dataset
from advisor.executor import make_executor
from advisor.parameter import ParamValue
from advisor.representations.handmade import HandmadeRepresentation
from advisor.search import Budget, Search
from advisor.space import SearchSpace, load_space
from advisor.strategy import STRATEGIES
from advisor.trials import Trial, TrialStore
from advisor.workspace import Workspace
from tests.pictures import class_folders
from tests.problems import small_dataset, workspace_of

HANDMADE = load_space("handmade", "image_few_shot", {}, None).defaults()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Workspace]:
    """Twelve pictures of two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    dataset = read_dataset(class_folders(folder / "data"))
    return dataset, workspace_of(dataset, folder / "work")


def test_a_few_rows_are_timed_once_and_tell_of_the_rest(
    pictures: tuple[Dataset, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second for each row timed is as many seconds as there are other rows."""
    dataset, workspace = pictures
    workspace.features(0, "handmade")
    X = pd.concat([dataset.X] * 100, ignore_index=True)
    clock, seen = [0.0], []
    original = HandmadeRepresentation.transform

    def slow(self: HandmadeRepresentation, rows: pd.DataFrame) -> Any:
        seen.append(len(rows))
        clock[0] += len(rows)
        return original(self, rows)

    monkeypatch.setattr(HandmadeRepresentation, "transform", slow)
    monkeypatch.setattr("advisor.afterwards.time.monotonic", lambda: clock[0])
    later = Afterwards(workspace, X)
    for _ in range(2):
        assert later.representing("handmade", HANDMADE) == len(X) - WARM_UP - TIMED
    assert seen == [WARM_UP, TIMED]
    assert Afterwards(workspace, X[: WARM_UP + TIMED]).representing("handmade", HANDMADE) == 0.0
    assert seen == [WARM_UP, TIMED]


def test_numbers_of_tables_take_no_time(tmp_path: Path) -> None:
    """And neither does what is not there."""
    dataset = small_dataset()
    workspace = workspace_of(dataset, tmp_path / "work")
    linear = load_space("linear", "tabular_tiny", {"n_labelled": 120}, None)
    X = pd.concat([dataset.X] * 10, ignore_index=True)
    for later in (Afterwards(workspace, X), Afterwards(workspace)):
        assert later.representing("linear", linear.defaults()) == 0.0
        assert later.predicting(linear) == 0.0


def test_networks_take_longer_for_more_rows(pictures: tuple[Dataset, Workspace]) -> None:
    """By the formula of the card: a pass through every fold's network."""
    dataset, workspace = pictures
    space = load_space("lp_finetune", "image_few_shot", {}, dataset.task)
    few, many = (
        Afterwards(workspace, pd.concat([dataset.X] * times)).predicting(space) for times in (1, 10)
    )
    assert 0 < few < many
    assert many == pytest.approx(10 * few)
    assert STRATEGIES["lp_finetune"].card.clock == "net"


def test_a_search_keeps_the_seconds_back(tmp_path: Path) -> None:
    """Where they are all there is, it ends with the first trial that has to be asked later."""

    class Long(Afterwards):
        def representing(self, strategy: str, params: dict[str, ParamValue]) -> float:
            return 1e6 if strategy == "linear" else 0.0

    workspace = workspace_of(small_dataset(), tmp_path / "work")
    spaces = [
        SearchSpace(strategy="dummy", params={}),
        load_space("linear", "tabular_tiny", {"n_labelled": 120}),
    ]
    store = TrialStore(tmp_path / "trials")
    with make_executor(0) as executor:
        journal = tmp_path / "study.journal"
        search = Search(executor, workspace, store, spaces, journal, afterwards=Long(workspace))
        result = search.run(Budget(seconds=600.0, trials=9))
    assert result.reason == "time"
    assert [trial.strategy for trial in store.trials] == ["dummy", "linear"]


def _trial(strategy: str, params: dict[str, ParamValue], fit_seconds: float = 1.0) -> Trial:
    return Trial(
        number=0,
        strategy=strategy,
        params=params,
        origin="default",
        state="complete",
        seconds=fit_seconds,
        fit_seconds=fit_seconds,
        study_number=0,
    )


def test_every_backbone_runs_once_and_one_model_is_fitted_again(
    pictures: tuple[Dataset, Workspace],
) -> None:
    """Heads on one backbone share it; a refit takes what a fold takes and a little more."""

    class Slow(Afterwards):
        def representing(self, strategy: str, params: dict[str, ParamValue]) -> float:
            return 10.0 if strategy == "linear_probe" else 7.0

    _, workspace = pictures
    counts = {"backbones": ("one", "two"), "further_backbones": ("two",)}
    probe, heads = (
        load_space(name, "image_few_shot", counts, None).defaults()
        for name in ("linear_probe", "prototypes")
    )
    asked = {"linear_probe": 1.0, "prototypes": 2.0, "svm": 4.0}
    same = [_trial("linear_probe", probe, 8.0), _trial("prototypes", heads, 4.0)]
    other = [same[0], _trial("prototypes", {**heads, "backbone": "two"}, 4.0)]
    assert Slow(workspace).seconds(same, asked) == 10.0 + 1.0 + 2.0
    assert Slow(workspace).seconds(other, asked) == 10.0 + 7.0 + 1.0 + 2.0
    assert Slow(workspace).seconds([], asked) == 0.0
    n = workspace.n_folds("linear_probe")
    again = refit_seconds(same[0], workspace)
    assert again > 8.0 / n
    alone = Slow(workspace, single=True).seconds(other, asked)
    assert alone == pytest.approx(10.0 + again + 1.0 / n)
