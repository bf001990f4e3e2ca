"""What the test split will take is known before it is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from advisor.dataset import Dataset, read_dataset
from advisor.executor import make_executor
from advisor.later_rows import TIMED, WARM_UP, LaterRows
from advisor.parameter import ParamValue
from advisor.representations.handmade import HandmadeRepresentation
from advisor.search import Budget, Search
from advisor.space import SearchSpace, load_space
from advisor.strategy import STRATEGIES
from advisor.trials import TrialStore
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
    monkeypatch.setattr("advisor.later_rows.time.monotonic", lambda: clock[0])
    later = LaterRows(workspace, X)
    for _ in range(2):
        assert later.representing("handmade", HANDMADE) == len(X) - WARM_UP - TIMED
    assert seen == [WARM_UP, TIMED]
    assert LaterRows(workspace, X[: WARM_UP + TIMED]).representing("handmade", HANDMADE) == 0.0
    assert seen == [WARM_UP, TIMED]


def test_numbers_of_tables_take_no_time(tmp_path: Path) -> None:
    """And neither does what is not there."""
    dataset = small_dataset()
    workspace = workspace_of(dataset, tmp_path / "work")
    linear = load_space("linear", "tabular_tiny", {"n_labelled": 120}, None)
    X = pd.concat([dataset.X] * 10, ignore_index=True)
    for later in (LaterRows(workspace, X), LaterRows(workspace)):
        assert later.representing("linear", linear.defaults()) == 0.0
        assert later.predicting(linear) == 0.0


def test_networks_take_longer_for_more_rows(pictures: tuple[Dataset, Workspace]) -> None:
    """By the formula of the card: a pass through every fold's network."""
    dataset, workspace = pictures
    space = load_space("lp_finetune", "image_few_shot", {}, dataset.task)
    few, many = (
        LaterRows(workspace, pd.concat([dataset.X] * times)).predicting(space) for times in (1, 10)
    )
    assert 0 < few < many
    assert many == pytest.approx(10 * few)
    assert STRATEGIES["lp_finetune"].card.clock == "net"


def test_a_search_keeps_the_seconds_back(tmp_path: Path) -> None:
    """Where they are all there is, it ends with the first trial that has to be asked later."""

    class Long(LaterRows):
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
        search = Search(executor, workspace, store, spaces, journal, later=Long(workspace))
        result = search.run(Budget(seconds=600.0, trials=9))
    assert result.reason == "time"
    assert [trial.strategy for trial in store.trials] == ["dummy", "linear"]
