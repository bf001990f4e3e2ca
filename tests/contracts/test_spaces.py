"""What every search space promises, whichever files there are."""

from __future__ import annotations

from importlib import resources

import pytest

from advisor.dataset import Modality, Task
from advisor.parameter import Categorical, Int, is_within
from advisor.regime import REGIMES
from advisor.space import SearchSpace, load_space, read_space_file
from advisor.strategy import STRATEGIES

REGIME_NAMES = sorted(REGIMES)
COUNTS = {"n_labelled": 40}
PAIRS = [(name, str(m)) for name in STRATEGIES for m in sorted(STRATEGIES[name].card.modalities)]


def regimes_of(modality: str) -> list[str]:
    """The regimes of a modality, and the modality alone, which narrows nothing."""
    return [modality, *(n for n in REGIME_NAMES if REGIMES[n].regime.modality == modality)]


def spaces(strategy: str, modality: str) -> list[tuple[str, Task, SearchSpace]]:
    """The space of a strategy in every regime and each of its tasks."""
    tasks = sorted(STRATEGIES[strategy].card.tasks)
    return [(r, t, load_space(strategy, r, COUNTS, t)) for r in regimes_of(modality) for t in tasks]


def test_a_regime_begins_with_its_modality() -> None:
    """By that the file of a space is found."""
    for name in REGIME_NAMES:
        assert name.partition("_")[0] == str(REGIMES[name].regime.modality)


def test_files_and_strategies_are_the_same_set() -> None:
    """No strategy without a space, no space without a strategy."""
    folder = resources.files("search_spaces")
    shared = {f.name for f in folder.iterdir() if f.name.endswith("toml")}
    found = {(f.name, m) for m in Modality for f in folder.joinpath(m).iterdir()}
    wanted = {(f"{n}.toml", m) for n in STRATEGIES for m in STRATEGIES[n].card.modalities}
    assert found == {(name, m) for name, m in wanted if name not in shared}
    assert shared <= {name for name, _ in wanted}


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_a_file_cites_and_names_known_regimes(strategy: str, modality: str) -> None:
    """Where the ranges come from, and overlays for regimes that exist."""
    written = read_space_file(strategy, modality)
    assert written["reference"]
    assert set(written.get("regimes", {})) <= set(REGIME_NAMES)
    assert set(written.get("defaults", {})) <= {
        str(task) for task in STRATEGIES[strategy].card.tasks
    }
    named = {name for start in written.get("starts", []) for name in start.get("regimes", [])}
    assert named <= set(REGIME_NAMES)


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_defaults_and_starts_lie_inside_every_narrowed_space(strategy: str, modality: str) -> None:
    """In each regime and task, also after caps by a small profile."""
    for _, _, space in spaces(strategy, modality):
        assert space.faults(space.defaults()) == []
        for start in space.starts:
            assert space.faults(start) == []


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_a_regime_only_narrows(strategy: str, modality: str) -> None:
    """Every value of a narrowed space is a value of the plain one."""
    for regime, task, narrow in spaces(strategy, modality):
        wide = load_space(strategy, modality, {}, task)
        for name, param in narrow.params.items():
            whole = wide.params[name]
            if isinstance(param, Categorical):
                assert isinstance(whole, Categorical)
                assert set(param.choices) <= set(whole.choices), (regime, name)
            else:
                assert not isinstance(whole, Categorical)
                assert whole.low <= param.low <= param.high <= whole.high, (regime, name)


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_a_default_that_a_regime_states_is_the_default_in_every_task(
    strategy: str, modality: str
) -> None:
    """What a file says of tasks moves only the others."""
    written = read_space_file(strategy, modality).get("regimes", {})
    for regime, stated in written.items():
        for task in STRATEGIES[strategy].card.tasks:
            params = load_space(strategy, regime, {}, task).params
            for name in stated.keys() & params.keys():
                wanted = stated[name].get("default", params[name].default)
                assert params[name].default == wanted, (regime, task, name)


@pytest.mark.parametrize("strategy", [name for name, modality in PAIRS if modality == "tabular"])
def test_a_table_of_few_rows_has_no_wider_ranges_than_a_tiny_one(strategy: str) -> None:
    """Fewer rows, fewer choices."""
    few, tiny = (load_space(strategy, f"tabular_{size}", {}) for size in ("few_shot", "tiny"))
    for name, param in few.params.items():
        assert is_within(param, tiny.params[name]), name


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_costs_of_texts_count_what_a_batch_holds(strategy: str, modality: str) -> None:
    """Where the length of texts is capped by the longest."""
    for param in load_space(strategy, modality, {}).params.values():
        if isinstance(param, Int) and param.at_most == "tokens":
            assert param.usual_from == "tokens_of_batch"


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_no_point_is_tried_twice(strategy: str, modality: str) -> None:
    """Starts differ from the defaults and from each other once completed."""
    for _, _, space in spaces(strategy, modality):
        points = [tuple(space.complete(s).items()) for s in ({}, *space.starts)]
        assert len(set(points)) == len(points)


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_a_space_goes_through_json(strategy: str, modality: str) -> None:
    """The plan holds spaces; reading one back gives an equal one."""
    space = load_space(strategy, modality, COUNTS)
    assert SearchSpace.model_validate_json(space.model_dump_json()) == space


@pytest.mark.parametrize(("strategy", "modality"), PAIRS)
def test_the_backbones_that_can_run_are_the_ones_to_choose_from(
    strategy: str, modality: str
) -> None:
    """The profile lists them, the best first: it is the default, and each of the others is tried."""
    lists = ("backbones", "picture_backbones", "base_models")
    listed = dict.fromkeys(lists, ("best", "other"))
    space = load_space(strategy, modality, listed)
    if "backbone" not in space.params:
        return
    assert space.defaults()["backbone"] == "best"
    assert "other" in [start.get("backbone") for start in space.starts]
