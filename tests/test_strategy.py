"""The contract's own parts, and what fitting adds around every strategy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun, InvalidSpace
from advisor.fitting import fit_model, load_model
from advisor.representation import FeatureInfo, Features
from advisor.space import load_space
from advisor.storage import read_arrays, read_estimator, write_arrays, write_estimator
from advisor.strategy import (
    STRATEGIES,
    FitContext,
    Model,
    Params,
    Strategy,
    balanced_weights,
    number,
)


class Echo(Model):
    """Predicts what it is told to, and remembers what it was fitted with."""

    def __init__(self, answer: NDArray[np.float64]) -> None:
        self.answer, self.seen = answer, np.zeros(0)

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Remember the target."""
        self.seen = np.asarray(y, dtype=np.float64)
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Repeat the answer."""
        return np.tile(self.answer, (len(values), 1))

    def save(self, folder: Path) -> None:
        """Nothing to save."""


class Toy(Strategy):
    """A strategy whose model is an Echo."""

    card = STRATEGIES["dummy"].card

    def __init__(self, *answer: float) -> None:
        self.model, self.params = Echo(np.array(answer)), dict[str, object]()

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Free."""
        return 0.0

    def build(self, params: Params, context: FitContext) -> Model:
        """Hand out the echo, and note the parameters."""
        self.params = dict(params)
        return self.model

    def load(self, folder: Path, context: FitContext) -> Model:
        """Hand out the echo."""
        return self.model


INFO = FeatureInfo(names=("x",))
X = Features(np.zeros((4, 1)), INFO)


def context(task: Task, n_outputs: int) -> FitContext:
    """A context of one feature."""
    return FitContext(task=task, n_outputs=n_outputs, info=INFO, seed=0)


def fit(toy: Toy, task: Task, n_outputs: int, y: list[object], **params: str) -> Model:
    """Fit an echo to four rows."""
    return fit_model(toy, params, context(task, n_outputs), X, np.array(y), Deadline(None))


def test_values_are_standardised_for_the_strategy_and_back_for_the_user() -> None:
    """The strategy sees mean 0 and deviation 1; one of its deviations above the mean is one of the data's."""
    toy = Toy(1.0)
    model = fit(toy, Task.REGRESSION, 1, [10.0, 20.0, 30.0, 40.0])
    assert toy.model.seen.mean() == pytest.approx(0.0)
    assert toy.model.seen.std() == pytest.approx(1.0)
    assert model.predict(X.values)[0, 0] == pytest.approx(25 + np.std([10, 20, 30, 40]))


@pytest.mark.parametrize("unit", [1e-170, 1e-3, 1e200])
def test_values_of_any_size_are_standardised(unit: float) -> None:
    """Squares of the largest and of the smallest numbers are not: the deviation is found all the same."""
    toy, y = Toy(1.0), unit * np.array([10.0, 20.0, 30.0, 40.0])
    model = fit(toy, Task.REGRESSION, 1, y.tolist())
    np.testing.assert_allclose(toy.model.seen, np.array([-3, -1, 1, 3]) / np.sqrt(5))
    wanted = unit * (25 + np.std([10, 20, 30, 40]))
    np.testing.assert_allclose(model.predict(X.values), wanted, rtol=1e-12)


def test_predictions_do_not_leave_the_range_of_the_target_by_far() -> None:
    """Half the range beyond it, at most."""
    model = fit(Toy(1e6), Task.REGRESSION, 1, [0.0, 1.0, 2.0, 4.0])
    assert model.predict(X.values)[0, 0] == pytest.approx(6.0)


@pytest.mark.parametrize("y", [[0.0, 9.0, 99.0, 999.0], [-99.0, -3.0, 5.0, 999.0]])
def test_a_log_target_is_undone(y: list[object]) -> None:
    """A strategy that predicts the mean of the logs predicts their inverse; `target` stays here."""
    toy = Toy(0.0)
    model = fit(toy, Task.REGRESSION, 1, y, target="log", other="kept")
    values = np.array(y, dtype=float)
    logs = np.sign(values) * np.log1p(np.abs(values))
    wanted = np.sign(logs.mean()) * np.expm1(np.abs(logs.mean()))
    assert model.predict(X.values)[0, 0] == pytest.approx(wanted)
    assert toy.params == {"other": "kept"}


def test_classes_are_coded_anew_without_the_absent_ones() -> None:
    """Codes 1 and 3 of four classes are 0 and 1 for the strategy, and come back in their places."""
    toy = Toy(0.25, 0.75)
    model = fit(toy, Task.MULTICLASS, 4, [1, 3, 3, 1])
    assert set(toy.model.seen) == {0, 1}
    np.testing.assert_allclose(model.predict(X.values)[0], [0, 0.25, 0, 0.75], atol=1e-5)


def test_probabilities_are_made_to_sum_to_one() -> None:
    """Rounding of a library is not passed on."""
    model = fit(Toy(0.2, 0.3), Task.BINARY, 2, [0, 1, 0, 1])
    np.testing.assert_allclose(model.predict(X.values)[0], [0.4, 0.6])


def test_labels_that_never_vary_are_not_fitted() -> None:
    """All on, all off, and one that varies."""
    y: list[object] = [[1, 0, 1], [1, 0, 0], [1, 0, 1], [1, 0, 0]]
    model = fit(Toy(0.3, 0.7), Task.MULTILABEL, 3, y)
    np.testing.assert_allclose(model.predict(X.values)[0], [1, 0, 0.7], atol=1e-5)


@pytest.mark.parametrize("name", ["forest", "extra_trees", "svm", "tabpfn", "tabicl", "linear"])
def test_one_model_per_label_costs_as_many(name: str) -> None:
    """Which formulas need not know of; a network that learns all labels at once costs what its own says."""
    strategy = STRATEGIES[name]
    params = load_space(name, "tabular_small", {}, Task.MULTILABEL).defaults()
    one = strategy.problem_cost(Task.BINARY, 500, 10, 2, params)
    assert strategy.problem_cost(Task.MULTILABEL, 500, 10, 14, params) == pytest.approx(14 * one)
    net = STRATEGIES["mlp"]
    params = load_space("mlp", "tabular_small", {}, Task.MULTILABEL).defaults()
    cost = net.cost(500, 10, 14, params)
    assert net.problem_cost(Task.MULTILABEL, 500, 10, 14, params) == cost


def test_a_wide_table_costs_a_linear_model_its_columns() -> None:
    """They are rotated away, or passed over; a table that is not wide costs what it did."""
    linear = STRATEGIES["linear"]
    for penalty in ("l2", "l1", "elasticnet"):
        wide, wider = (linear.cost(200, p, 2, {"penalty": penalty}) for p in (10_000, 100_000))
        assert wider > 5 * wide
    assert linear.cost(200, 10_000, 2, {"penalty": "l2"}) > 0.1  # .27 s measured
    assert 0.05 < linear.cost(200, 10_000, 2, {"penalty": "l1"}) < 0.2  # .10 s measured


@pytest.mark.parametrize(
    ("task", "n_outputs", "y", "wanted"),
    [
        (Task.BINARY, 2, [0, 0, 0, 1], [0.75, 0.25]),
        (Task.MULTICLASS, 3, [0, 2, 1, 1], [0.25, 0.5, 0.25]),
        (Task.REGRESSION, 1, [1.0, 2.0, 3.0, 6.0], [3.0]),
    ],
)
def test_catboost_says_the_prior_where_no_feature_varies(
    task: Task, n_outputs: int, y: list[object], wanted: list[float], tmp_path: Path
) -> None:
    """It raises by itself; new rows may vary; the same after a save and a load."""
    strategy, told = STRATEGIES["catboost"], context(task, n_outputs)
    if strategy.missing():
        pytest.skip(strategy.missing())
    params = load_space("catboost", "tabular_tiny", {"n_labelled": 4}, task).complete({})
    rows = Features(np.array([[1.0], [1.0], [1.0], [1.0 + 1e-12]]), INFO)
    model = fit_model(strategy, params, told, rows, np.array(y), Deadline(None))
    model.save(tmp_path)
    for one in (model, load_model(strategy, tmp_path, told)):
        found = one.predict(np.array([[1.0], [5.0]]))
        np.testing.assert_allclose(found, [wanted, wanted], rtol=1e-12)


def test_a_rare_class_that_weighs_more_is_learned_before_early_stopping() -> None:
    """Rows held out weigh as in training; without, the first epoch looks best, which says the prior."""
    found = network(Task.BINARY, rare_rows(600)[1], class_weight="balanced")
    assert found[:, 1].mean() > 0.15


def test_labels_can_be_balanced_by_a_network() -> None:
    """A rare label is more likely then, and one that half the rows have is as likely as it was."""
    rows, y = rare_rows(200)
    labels = np.column_stack([y, rows[:, 1] > 0]).astype(np.int8)
    plain, balanced = (
        network(Task.MULTILABEL, labels, class_weight=how).mean(axis=0)
        for how in ("none", "balanced")
    )
    assert balanced[0] > 2 * plain[0]
    assert balanced[1] == pytest.approx(plain[1], abs=0.05)


def rare_rows(n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Four numbers, the first of which is larger where the target is one: in a row of twenty."""
    y = (np.arange(n) % 20 == 0).astype(np.int64)
    rows = np.random.default_rng(0).normal(size=(n, 4))
    rows[:, 0] += y
    return rows, y


def network(task: Task, y: NDArray[np.generic], **params: str) -> NDArray[np.float64]:
    """Fit a small one to such rows, and predict them."""
    strategy = STRATEGIES["mlp"]
    if strategy.missing():
        pytest.skip(strategy.missing())
    rows, info = rare_rows(len(y))[0], FeatureInfo(names=("a", "b", "c", "d"))
    space = load_space("mlp", "tabular_tiny", {"n_labelled": len(y)}, task)
    small = {"members": 4, "width": 32, "epochs": 20, "frequencies": 0}
    told = FitContext(task=task, n_outputs=2, info=info, seed=0)
    complete = space.complete({**small, **params})
    return fit_model(strategy, complete, told, Features(rows, info), y, Deadline(None)).predict(
        rows
    )


@pytest.mark.parametrize("answer", [(np.nan, 1.0), (1.0,)])
def test_a_strategy_that_breaks_its_contract_fails(answer: tuple[float, ...]) -> None:
    """Not finite, or the wrong shape: an error that names it, not a bad score."""
    model = fit(Toy(*answer), Task.BINARY, 2, [0, 1, 0, 1])
    with pytest.raises(ArithmeticError, match="dummy"):
        model.predict(X.values)


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    """A folder without what belongs there cannot be loaded."""
    toy = Toy(0.5, 0.5)
    fit(toy, Task.BINARY, 2, [0, 1, 0, 1]).save(tmp_path)
    (tmp_path / "fit.json").write_text('{"parts": 3}')
    with pytest.raises(InvalidRun):
        load_model(toy, tmp_path, context(Task.BINARY, 2))


def test_a_type_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    """An estimator file may hold what it is expected to hold, and nothing else."""
    from sklearn.preprocessing import FunctionTransformer

    write_estimator(tmp_path / "a.skops", FunctionTransformer(Echo))
    with pytest.raises(InvalidRun, match=r"trusted types in 'a\.skops'"):
        read_estimator(tmp_path / "a.skops")


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    """They would be pickles."""
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "a.npz", {"a": np.array([{}])})
    np.savez(tmp_path / "b.npz", a=np.array([{}]))
    with pytest.raises(InvalidRun):
        read_arrays(tmp_path / "b.npz")


def test_a_deadline_passes() -> None:
    """None never does; zero has at once."""
    assert Deadline(None).left() == float("inf")
    assert not Deadline(None).passed()
    assert Deadline(0.0).passed()
    with pytest.raises(DeadlineExceeded):
        Deadline(0.0).check()


def test_balanced_weights_make_classes_weigh_the_same() -> None:
    """Their mean stays 1, so that other regularisation keeps its meaning."""
    y = np.array([0] * 9 + [1])
    weights = balanced_weights(y, "balanced")
    assert weights is not None
    assert weights[:9].sum() == pytest.approx(weights[9])
    assert weights.mean() == pytest.approx(1.0)
    half = balanced_weights(y, "sqrt")
    assert half is not None
    assert half[9] / half[0] == pytest.approx(3.0)
    assert balanced_weights(y, "none") is None


@pytest.mark.parametrize("value", [None, True, "3"])
def test_a_parameter_that_should_be_a_number_must_be_one(value: str | bool | None) -> None:
    """A plan that was edited by hand is told which parameter is wrong."""
    with pytest.raises(InvalidSpace, match="'C'"):
        number({"C": value}, "C")
