"""What every search space promises, whichever files there are."""

from __future__ import annotations

from importlib import resources

import pytest

from advisor.dataset import Task
from advisor.parameter import Categorical
from advisor.regime import REGIMES
from advisor.space import SearchSpace, load_space, read_space_file
from advisor.strategy import STRATEGIES

REGIME_NAMES = sorted(REGIMES)
COUNTS = {"n_labelled": 40}


def spaces(strategy: str) -> list[tuple[str, Task, SearchSpace]]:
    """The space of a strategy in every regime and each of its tasks."""
    tasks = sorted(STRATEGIES[strategy].card.tasks)
    return [(r, t, load_space(strategy, r, COUNTS, t)) for r in REGIME_NAMES for t in tasks]


def test_files_and_strategies_are_the_same_set() -> None:
    """No strategy without a space, no space without a strategy."""
    files = {f.name for f in resources.files("search_spaces").iterdir() if f.name.endswith("toml")}
    assert files == {f"{name}.toml" for name in STRATEGIES}


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_file_cites_and_names_known_regimes(strategy: str) -> None:
    """Where the ranges come from, and overlays for regimes that exist."""
    written = read_space_file(strategy)
    assert written["reference"]
    assert set(written.get("regimes", {})) <= set(REGIME_NAMES)
    assert set(written.get("defaults", {})) <= {
        str(task) for task in STRATEGIES[strategy].card.tasks
    }
    named = {name for start in written.get("starts", []) for name in start.get("regimes", [])}
    assert named <= set(REGIME_NAMES)


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_defaults_and_starts_lie_inside_every_narrowed_space(strategy: str) -> None:
    """In each regime and task, also after caps by a small profile."""
    for _, _, space in spaces(strategy):
        assert space.faults(space.defaults()) == []
        for start in space.starts:
            assert space.faults(start) == []


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_regime_only_narrows(strategy: str) -> None:
    """Every value of a narrowed space is a value of the plain one."""
    for regime, task, narrow in spaces(strategy):
        wide = load_space(strategy, "", {}, task)
        for name, param in narrow.params.items():
            whole = wide.params[name]
            if isinstance(param, Categorical):
                assert isinstance(whole, Categorical)
                assert set(param.choices) <= set(whole.choices), (regime, name)
            else:
                assert not isinstance(whole, Categorical)
                assert whole.low <= param.low <= param.high <= whole.high, (regime, name)


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_no_point_is_tried_twice(strategy: str) -> None:
    """Starts differ from the defaults and from each other once completed."""
    for _, _, space in spaces(strategy):
        points = [tuple(space.complete(s).items()) for s in ({}, *space.starts)]
        assert len(set(points)) == len(points)


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_space_goes_through_json(strategy: str) -> None:
    """The plan holds spaces; reading one back gives an equal one."""
    space = load_space(strategy, "tabular_tiny", COUNTS)
    assert SearchSpace.model_validate_json(space.model_dump_json()) == space


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_the_backbones_that_can_run_are_the_ones_to_choose_from(strategy: str) -> None:
    """The profile lists them, the best first: it is the default, and each of the others is tried."""
    listed = {"backbones": ("best", "other")}
    space = load_space(strategy, "image_scarce", listed)
    if "backbone" not in space.params:
        assert STRATEGIES[strategy].representation(space.defaults()).count(":") == 0
        return
    assert space.defaults()["backbone"] == "best"
    assert "other" in [start.get("backbone") for start in space.starts]
