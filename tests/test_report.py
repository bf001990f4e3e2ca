"""The ranking: what is measured, what is estimated, what is out, and what would change it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_report import curve, effect, finding, probe, profile, report, score

from advisor.dataset import Modality, Task
from advisor.errors import NoStrategy
from advisor.metrics import get_metric
from advisor.profile import TabularProfile
from advisor.prospects import with_labels, worth_of_labels
from advisor.ranking import combine_effects, default_cost, to_score
from advisor.report import Recommendation, StrategyReport
from advisor.space import load_space
from advisor.strategy import STRATEGIES, Strategy

AUC = get_metric("roc_auc", Task.BINARY)
FAMILIES = ("linear", "kernel", "forest", "boosting", "neural", "in_context")


def of(found: StrategyReport, name: str) -> Recommendation:
    """The recommendation of one strategy."""
    return next(r for r in found.recommendations if r.strategy == name)


@pytest.fixture
def everything_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every strategy is ready, whatever this machine has."""
    monkeypatch.setattr(Strategy, "missing", lambda self: "")
    for strategy in STRATEGIES.values():
        if "missing" in type(strategy).__dict__:
            monkeypatch.setattr(type(strategy), "missing", lambda self: "")


@pytest.mark.parametrize("measured", [None, probe()], ids=["rules only", "probed"])
def test_report_is_equal_after_json_and_back(measured: object) -> None:
    """The plan loses nothing on its way through a file, the class of the profile included."""
    found = report(measured, [finding(effect("boosting", -0.1, -0.2, 0.01))])  # type: ignore[arg-type]
    again = StrategyReport.model_validate_json(found.model_dump_json())
    assert again == found
    assert isinstance(again.profile, TabularProfile)


@settings(max_examples=20)
@given(st.dictionaries(st.sampled_from(FAMILIES), st.floats(-0.9, 3.0)), st.booleans())
def test_ranks_are_a_permutation_in_the_order_of_error(
    effects: dict[str, float], probed: bool
) -> None:
    """Whatever rules claim, ranks count up from 1 and errors do not fall beyond a tie."""
    found = report(
        probe() if probed else None, [finding(*(effect(f, e) for f, e in effects.items()))]
    )
    assert [r.rank for r in found.recommendations] == list(range(1, len(found.recommendations) + 1))
    errors = [r.relative_error for r in found.recommendations]
    assert all(later > earlier / 1.011 for earlier, later in pairwise(errors))


def test_the_dummy_is_shown_and_never_ranked() -> None:
    """A baseline is no recommendation."""
    found = report(probe())
    assert found.dummy == score(0.5, 0.02)
    assert "dummy" not in [r.strategy for r in found.recommendations]


def test_measured_scores_are_reported_as_measured() -> None:
    """What the probe measured stands in the report unchanged, with the rows it was measured on."""
    linear = of(report(probe()), "linear")
    assert linear.source == "measured"
    assert linear.expected == score(1 - 0.169)
    assert "2,227 rows" in linear.basis


def test_an_estimate_is_a_measured_error_times_effects() -> None:
    """error(forest) = error(linear) x (1 - 0.2) when only linear was measured."""
    found = report(probe({"linear": 0.2}), [finding(effect("forest", -0.2))])
    forest = of(found, "forest")
    assert forest.source == "estimated"
    assert forest.expected is not None
    assert forest.expected.value == pytest.approx(1 - 0.2 * 0.8)
    assert forest.expected.low < forest.expected.value < forest.expected.high
    assert "made_up_forest" in forest.basis
    assert any("-20%" in reason and "made_up_forest" in reason for reason in forest.reasons)


def test_what_could_not_be_scored_is_ranked_behind_what_could() -> None:
    """A metric that means nothing for one strategy's predictions says nothing for it."""
    found = report(probe({"linear": 0.2, "forest": float("nan")}))
    names = [r.strategy for r in found.recommendations]
    assert names.index("linear") < names.index("forest")


def test_a_measured_sibling_speaks_for_its_family(everything_installed: None) -> None:
    """XGBoost is estimated from LightGBM, not from the linear model."""
    xgboost = of(report(probe({"lightgbm": 0.1, "linear": 0.3})), "xgboost")
    assert xgboost.expected is not None
    assert xgboost.expected.value == pytest.approx(0.9)
    assert "lightgbm" in xgboost.basis


def test_disagreeing_measurements_widen_an_estimate(everything_installed: None) -> None:
    """Where evidence explains little of a dataset, estimates say so."""

    def width(other: float) -> float:
        expected = of(report(probe({"linear": 0.2, "forest": other})), "svm").expected
        assert expected is not None
        return expected.high - expected.low

    assert width(0.4) > width(0.2)


def test_without_a_probe_no_score_is_promised() -> None:
    """Rules alone rank, relative to the linear model."""
    found = report(None, [finding(effect("boosting", -0.3))])
    assert all(r.expected is None and r.source == "estimated" for r in found.recommendations)
    assert of(found, "lightgbm").relative_error == pytest.approx(0.7)
    assert of(found, "linear").relative_error == pytest.approx(1.0)
    assert found.recommendations[0].family == "boosting"


def test_one_model_per_label_takes_the_seconds_of_all() -> None:
    """A tree is grown for each of the labels, so three times as many labels take three times as long."""
    few, many = (profile(task=Task.MULTILABEL, n_classes=n) for n in (4, 12))
    space = load_space("forest", "tabular_small", {}, Task.MULTILABEL)
    splits = report().splits
    seconds = [default_cost(STRATEGIES["forest"], space, p, splits, 500) for p in (few, many)]
    assert seconds[1] == pytest.approx(3 * seconds[0])


def test_a_tie_goes_to_the_measured_and_then_to_the_cheaper(everything_installed: None) -> None:
    """Among equal errors nobody is asked to wait."""
    measured = probe({"linear": 0.2, "forest": 0.2005})
    slow, fast = measured.measured
    slow = slow.model_copy(update={"fit_seconds": 60.0})
    found = report(measured.model_copy(update={"measured": (slow, fast)}))
    assert [r.strategy for r in found.recommendations[:2]] == ["forest", "linear"]
    assert of(found, "extra_trees").rank > 2


@pytest.mark.parametrize("named", ["boosting", "lightgbm"], ids=["a family", "a strategy"])
def test_a_veto_rejects_whom_it_names(named: str) -> None:
    """A vetoed strategy is not ranked but listed with the rule and its words."""
    veto = finding(rule="no_boosting", severity="veto", vetoes=(named,), message="Not here.")
    found = report(probe(), [veto])
    assert "lightgbm" not in [r.strategy for r in found.recommendations]
    out = next(r for r in found.rejected if r.strategy == "lightgbm")
    assert (out.rule, out.reason) == ("no_boosting", "Not here.")


def test_a_task_that_a_strategy_cannot_do_rejects_it() -> None:
    """The reason says what it does and what this is."""
    found = report(probe())
    for out in (r for r in found.rejected if r.rule == "task"):
        assert Task.BINARY not in STRATEGIES[out.strategy].card.tasks
        assert "binary" in out.reason


def test_beyond_its_limits_a_strategy_is_rejected_with_the_numbers() -> None:
    """A limit is part of the card, and the report quotes it."""
    limited = [
        s.card
        for s in STRATEGIES.values()
        if s.card.requires.max_rows is not None and Modality.TABULAR in s.card.modalities
    ]
    found = report(None, n_labelled=10**7, n_rows=10**7)
    for card in limited:
        out = next(r for r in found.rejected if r.strategy == card.name)
        assert out.rule in ("limits", "task")
        assert out.rule == "task" or "10,000,000" in out.reason


def test_what_is_not_installed_keeps_its_rank_and_is_no_first_choice(
    monkeypatch: pytest.MonkeyPatch, everything_installed: None
) -> None:
    """The report tells what it would be worth to install it."""
    monkeypatch.setattr(
        type(STRATEGIES["lightgbm"]), "missing", lambda self: "pip install lightgbm"
    )
    found = report(None, [finding(effect("lightgbm", -0.5))])
    first = found.recommendations[0]
    assert (first.strategy, first.ready) == ("lightgbm", False)
    assert found.first_choice.strategy != "lightgbm"
    assert any("pip install lightgbm" in line for line in found.flips)


def test_nothing_left_is_an_error_that_says_why() -> None:
    """A report without a recommendation is no report."""
    veto = finding(severity="veto", vetoes=tuple(STRATEGIES), message="None of them.")
    with pytest.raises(NoStrategy, match=r"None of them\."):
        report(None, [veto])


def test_a_runner_up_within_the_noise_is_said() -> None:
    """The share of resamples that it wins is quoted."""
    lines = " ".join(report(probe({"linear": 0.2, "svm": 0.21})).flips)
    assert "20%" in lines
    assert "svm" in lines


def test_the_next_regime_is_told_with_the_labels_it_takes() -> None:
    """From 1,900 labels it is 100 to the medium regime."""
    counts = {"good": 1000, "bad": 900}
    found = report(None, n_labelled=1900, n_rows=1900, class_counts=counts, smallest_class=900)
    assert any("100 more" in line and "tabular_medium" in line for line in found.flips)


def test_imagining_labels_keeps_everything_else() -> None:
    """Twice the labels are twice the labels of each class, and the same features."""
    twice = with_labels(profile(), 4454)
    assert (twice.n_labelled, twice.smallest_class) == (4454, 1254)
    assert isinstance(twice, TabularProfile)
    assert twice.n_features == 13


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (curve(0.4, 0.2, 0.1), "to about 0.95"),
        (curve(0.4, 0.1, 0.2), "not monotone"),
        (curve(0.4, 0.2, 0.1, better_than_all=0.4), "change little"),
        ((), "not known"),
    ],
    ids=["a power law", "a dent", "noise", "no time"],
)
def test_more_labels_are_worth_what_the_curve_says(points: tuple[object, ...], said: str) -> None:
    """Only a monotone curve is followed, and only for one doubling."""
    measured = probe(curve=points, curve_strategy="linear")
    assert said in worth_of_labels(profile(), measured, AUC)


@pytest.mark.parametrize("n_more", [None, 1000, 10**7])
def test_curve_of_a_sample_says_nothing_of_more_labels(n_more: int | None) -> None:
    """It ends long before the labels that there are, so no doubling of theirs can be read off it."""
    measured = probe(curve=curve(0.4, 0.2, 0.1), curve_strategy="linear", n_rows=5000)
    measured = measured.model_copy(update={"n_labelled": 100_000})
    said = worth_of_labels(profile(n_labelled=100_000), measured, AUC, n_more)
    assert said == (
        "What more labels are worth is not known: the curve was drawn on 5,000 of 100,000 labelled rows."
    )


@pytest.mark.parametrize(("name", "improves"), [("rmse", True), ("mae", True), ("r2", False)])
def test_small_error_is_none_only_where_it_has_no_unit(name: str, improves: bool) -> None:
    """Targets of tiny numbers have tiny errors that can be improved; none at all cannot."""
    metric = get_metric(name, Task.REGRESSION)
    small = probe(curve=curve(8e-5, 6e-5, 5e-5), curve_strategy="linear")
    assert ("should bring" in worth_of_labels(profile(), small, metric)) == improves
    none = probe(curve=curve(8e-5, 6e-5, 0.0), curve_strategy="linear")
    assert "cannot improve" in worth_of_labels(profile(), none, metric)


@given(st.lists(st.floats(-0.9, 2.0), max_size=5))
def test_effects_multiply_in_any_order(means: list[float]) -> None:
    """The product does not depend on who speaks first."""
    effects = [effect("forest", mean, mean - 0.05, mean + 0.05) for mean in means]
    forwards, backwards = combine_effects(effects), combine_effects(effects[::-1])
    assert forwards == pytest.approx(backwards)


@pytest.mark.parametrize(
    ("name", "task", "check"),
    [
        ("accuracy", Task.BINARY, lambda s: s.low == 0.0 and s.value == 0.0),
        ("rmse", Task.REGRESSION, lambda s: (s.low, s.value, s.high) == (1.0, 1.2, 1.5)),
    ],
)
def test_an_error_becomes_a_score_within_the_limits_of_its_metric(
    name: str, task: Task, check: Callable[[object], bool]
) -> None:
    """An accuracy is not negative, and an interval's ends are in order."""
    assert check(to_score((1.2, 1.0, 1.5), get_metric(name, task), 0.95))
