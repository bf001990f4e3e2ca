"""Spaces are data: read, narrowed, checked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.dataset import Task
from advisor.errors import InvalidSpace
from advisor.parameter import Categorical, Float, Int
from advisor.space import SearchSpace, load_space, make_space

WRITTEN: dict[str, Any] = {
    "reference": "a test",
    "params": {
        "rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True, "default": 0.1},
        "leaves": {"type": "int", "low": 2, "high": 100, "default": 31, "at_most": "n_labelled"},
        "kind": {"type": "categorical", "choices": ["plain", "dart"], "default": "plain"},
        "drop": {"type": "float", "low": 0, "high": 1, "default": 0.5, "when": {"kind": "dart"}},
        "weight": {
            "type": "categorical",
            "choices": ["none", "balanced"],
            "default": "none",
            "only": "classification",
        },
    },
    "starts": [
        {"kind": "dart", "reference": "someone"},
        {"leaves": 90},
        {"weight": "balanced"},
        {"rate": 0.1},
        {"rate": 0.5, "regimes": ["other"]},
        {"rate": 0.7, "only": "regression"},
    ],
    "defaults": {"binary": {"rate": 0.3, "leaves": 90}},
    "regimes": {"tiny": {"leaves": {"high": 40, "default": 8}, "kind": {"choices": ["plain"]}}},
}


def space(regime: str = "", n_labelled: int = 1000, task: Task | None = None) -> SearchSpace:
    """The written space, narrowed."""
    return make_space("toy", WRITTEN, regime, {"n_labelled": n_labelled}, task)


def changed(table: str, name: str, **changes: object) -> dict[str, Any]:
    """The written space with some values of one parameter, or of one overlay, replaced."""
    made: dict[str, Any] = {**WRITTEN, "params": {**WRITTEN["params"]}}
    if table == "params":
        made["params"][name] = {**WRITTEN["params"].get(name, {}), **changes}
    else:
        made["regimes"] = {"tiny": {name: changes}}
    return made


def test_an_inactive_parameter_is_left_out() -> None:
    """`when` decides, on the values given and on the defaults."""
    assert "drop" not in space().defaults()
    assert space().complete({"kind": "dart"})["drop"] == 0.5
    assert "drop" not in space().complete({"drop": 0.3})


def test_a_profile_caps_range_and_default() -> None:
    """`at_most` lowers high, and the default with it, but never below low."""
    capped = space(n_labelled=20).params["leaves"]
    assert isinstance(capped, Int)
    assert (capped.high, capped.default) == (20, 20)
    floor = space(n_labelled=1).params["leaves"]
    assert isinstance(floor, Int)
    assert (floor.low, floor.high, floor.default) == (2, 2, 2)


def test_a_regime_narrows_and_moves_the_default() -> None:
    """The overlay of the named regime alone is laid over."""
    leaves = space("tiny").params["leaves"]
    assert isinstance(leaves, Int)
    assert (leaves.high, leaves.default) == (40, 8)
    assert space("unheard of").params == space().params


def test_starts_are_brought_inside_and_never_repeat() -> None:
    """What a regime cuts off is moved to its edge; what then equals another point is dropped."""
    assert space("tiny").starts == ({"leaves": 40}, {"weight": "balanced"}, {"rate": 0.7})
    assert {"rate": 0.1} not in space().starts  # the defaults
    assert {"rate": 0.5} in space("other").starts


def test_a_task_leaves_out_what_means_nothing_in_it() -> None:
    """`only` works on parameters and on starts."""
    assert "weight" not in space(task=Task.REGRESSION).params
    assert {"weight": "balanced"} not in space(task=Task.REGRESSION).starts
    assert "weight" in space(task=Task.MULTILABEL).params
    assert {"rate": 0.7} not in space(task=Task.BINARY).starts


def test_a_task_may_move_defaults_but_not_out_of_the_regime() -> None:
    """What suits two classes need not suit numbers."""
    assert space(task=Task.BINARY).defaults()["rate"] == 0.3
    assert space(task=Task.REGRESSION).defaults()["rate"] == 0.1
    low = {**WRITTEN, "regimes": {"tiny": {"leaves": {"high": 40}}}}
    assert make_space("toy", low, "tiny", {}, Task.BINARY).defaults()["leaves"] == 40


def test_a_default_that_the_regime_states_goes_before_that_of_the_task() -> None:
    """A task's was measured on small tables; the regime knows how many rows there are."""
    tiny = space("tiny", task=Task.BINARY).defaults()
    assert (tiny["leaves"], tiny["rate"]) == (8, 0.3)  # of the rate the regime says nothing


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({**WRITTEN, "defaults": {"binary": {"rate": 5.0}}}, "'rate' = 5.0 is not in [0.01, 1.0]"),
        (changed("params", "rate", default=2.0), "default 2.0 is not in [0.01, 1.0]"),
        (changed("params", "rate", low=3.0), "low 3.0 is above high 1.0"),
        (changed("params", "rate", low=0.0), "a log range must start above 0"),
        (changed("params", "kind", default="tart"), "default 'tart' is not in"),
        (changed("params", "drop", when={"kid": "dart"}), "'kid', which is not a parameter"),
        (changed("params", "rate", type="real"), "type 'real' is not one of"),
        (changed("params", "rate", step=1), "Extra inputs"),
        (changed("regimes", "leaves", high=200), "may only narrow"),
        (changed("regimes", "kind", choices=["tart"], default="tart"), "may only narrow"),
        (changed("regimes", "leaves", log=True), "'log' cannot be changed by a regime"),
        (changed("regimes", "leaf", high=5), "'leaf' is not a parameter Did you mean 'leaves'?"),
        ({**WRITTEN, "param": {}}, "'param' is not a table"),
        ({**WRITTEN, "starts": [{"speed": 1}]}, "start 1 sets 'speed'"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(written: dict[str, Any], fault: str) -> None:
    """The message names the parameter and what is wrong with it, whichever regime is asked for."""
    with pytest.raises(InvalidSpace) as caught:
        make_space("toy", written, "", {})
    assert fault in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    """Whoever edits a file need not run it once per fault."""
    written = changed("params", "rate", default=2.0)
    written["params"]["leaves"] = {**WRITTEN["params"]["leaves"], "default": 999}
    with pytest.raises(InvalidSpace, match=r"'rate'.*'leaves'"):
        make_space("toy", written, "", {})


def test_an_unknown_strategy_is_refused() -> None:
    """There is one file per strategy."""
    with pytest.raises(InvalidSpace, match=r"search_spaces/tabular/nothing\.toml"):
        load_space("nothing", "tabular_tiny", {})


def test_values_of_a_plan_are_checked() -> None:
    """Unknown names are given their nearest neighbour, values their range; types count."""
    with pytest.raises(InvalidSpace) as caught:
        space().check({"leafs": 3, "rate": 7.0, "leaves": 2.5, "kind": "tart"})
    message = str(caught.value)
    assert "Did you mean 'leaves'?" in message
    assert all(name in message for name in ("'rate' = 7.0", "'leaves' = 2.5", "'kind' = 'tart'"))
    assert space().faults({"leaves": True}) != []
    space().check({"leaves": 3})


def test_a_space_of_a_plan_is_checked_too() -> None:
    """What comes in as JSON obeys the same rules."""
    with pytest.raises(ValidationError, match="default"):
        SearchSpace(strategy="toy", params={"a": Float(low=0, high=1, default=2)})
    with pytest.raises(ValidationError, match="start 1"):
        SearchSpace(
            strategy="toy",
            params={"a": Categorical(choices=("x",), default="x")},
            starts=({"a": "y"},),
        )


@given(n_labelled=st.integers(0, 10**6), regime=st.sampled_from(["", "tiny"]))
def test_defaults_and_starts_are_valid_for_any_profile(n_labelled: int, regime: str) -> None:
    """Whatever the counts are, nothing offered lies outside."""
    made = space(regime, n_labelled)
    assert made.faults(made.defaults()) == []
    assert all(made.faults(start) == [] for start in made.starts)


def test_choices_come_from_the_profile_and_all_of_them_are_tried() -> None:
    """What the profile lists replaces the file's choices: the first is the default, the others are starts."""
    written = {
        "params": {
            "net": {
                "type": "categorical",
                "choices": ["none"],
                "choices_from": "backbones",
                "default": "none",
            }
        }
    }
    named = make_space("toy", written, "", {"backbones": ("big", "small")})
    assert named.defaults() == {"net": "big"}
    assert named.starts == ({"net": "small"},)
    assert make_space("toy", written, "", {"backbones": ()}).defaults() == {"net": "none"}


def test_a_narrowed_space_keeps_its_defaults_and_starts_inside() -> None:
    """What a finding rules out is neither a default nor a start, and a start that has become another is dropped."""
    plain = space().narrowed({"kind": ("dart",), "absent": (1,)})
    assert plain.defaults()["kind"] == "dart"
    assert all(plain.complete(start)["kind"] == "dart" for start in plain.starts)
    assert len(plain.starts) == len({str(plain.complete(s)) for s in plain.starts})
    assert space().narrowed({"kind": ("nothing",)}) == space()


def test_numbers_are_narrowed_to_what_lies_between_the_wanted() -> None:
    """One value fixes a number, on a log range too, and one outside is left aside, as are words and truths."""
    fixed = space().narrowed({"rate": (0.5,), "leaves": (4, 16, 900)})
    rate, leaves = fixed.params["rate"], fixed.params["leaves"]
    assert isinstance(rate, Float)
    assert (rate.low, rate.high, rate.default, rate.log) == (0.5, 0.5, 0.5, True)
    assert isinstance(leaves, Int)
    assert (leaves.low, leaves.high, leaves.default) == (4, 16, 16)
    assert all(fixed.faults(start) == [] for start in fixed.starts)
    assert SearchSpace.model_validate_json(fixed.model_dump_json()) == fixed
    assert space().narrowed({"rate": (7.0,), "leaves": (True, "many")}) == space()


def test_costs_count_what_is_usual_and_not_the_cap() -> None:
    """A cap that is seldom reached stays what is tried; below what is usual it is what is counted."""
    length = {"type": "int", "low": 16, "high": 512, "default": 128, "at_most": "tokens"}
    written = {"params": {"length": {**length, "usual_from": "typical"}, "rate": RATE}}
    space = make_space("one", written, "text_tiny", {"tokens": (4, 12.0, 90), "typical": 31.5})
    assert space.defaults() == {"length": 90, "rate": 0.1}
    assert space.for_cost(space.defaults()) == {"length": 31.5, "rate": 0.1}
    assert space.for_cost({"length": 20, "rate": 0.1})["length"] == 20
    unknown = make_space("one", written, "text_tiny", {"typical": 0.0})
    assert unknown.for_cost(unknown.defaults()) == unknown.defaults()


RATE = {"type": "float", "low": 0.0, "high": 1.0, "default": 0.1}
