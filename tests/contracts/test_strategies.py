"""What every strategy promises, whichever files there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun
from advisor.fitting import fit_model, load_model
from advisor.images.descriptors import N_DESCRIPTORS
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.representations.pixels import SIDE
from advisor.representations.views import N_VIEWS
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext, Model, Strategy

QUICK: dict[str, ParamValue] = {
    "n_estimators": 100,
    "iterations": 100,
    "epochs": 20,
    "members": 4,
    "width": 32,
}
"""Sizes that keep the tests short, where a strategy has them; all inside the spaces."""

QUICKER: dict[str, ParamValue] = {"steps": 12, "views": 2, "size": 64, "width": 16}
"""The same for networks on pixels, whose spaces hold nothing that is quick enough for a test."""

TINY = {Modality.TABULAR: "tabular_tiny", Modality.IMAGE: "image_few_shot"}
SMALL = {Modality.TABULAR: "tabular_small", Modality.IMAGE: "image_scarce"}
"""Regimes of few rows, and of some more."""


@dataclass
class Problem:
    """Rows in the representation that a strategy wants, and the signal that tells their target."""

    X: Features
    y: NDArray[np.generic]
    context: FitContext
    signal: NDArray[np.float64]


def tree_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """Numbers with gaps and one category."""
    values = linear_rows(signal, draw).values
    n_rows = len(signal)
    values[::9, 1] = np.nan
    values[:, 3] = np.where(draw.random(n_rows) < 0.1, np.nan, draw.integers(0, 3, n_rows))
    info = FeatureInfo(names=("a", "b", "c", "d"), categorical=(3,), cardinality=(3,))
    return Features(values, info)


def linear_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """Complete and scaled numbers, the first of which is the signal."""
    values = draw.normal(size=(len(signal), 4))
    values[:, 0] = signal
    return Features(values, FeatureInfo(names=("a", "b", "c", "d")))


def embedded_rows(signal: NDArray[np.float64], draw: np.random.Generator, width: int) -> Features:
    """Numbers from zero up, as networks give them, a third of which follow the signal; one file was unreadable."""
    values = np.abs(draw.normal(size=(len(signal), width)))
    values[:, ::3] += np.exp(signal)[:, None]
    values[7] = np.nan
    names = tuple(f"e{i}" for i in range(width))
    return Features(values.astype(np.float32), FeatureInfo(names=names))


def viewed_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """The embeddings of every view side by side; of another picture one view alone is missing."""
    views = [embedded_rows(signal, draw, 24) for _ in range(1 + N_VIEWS)]
    values = np.hstack([view.values for view in views])
    values[11, -1] = np.nan
    names = tuple(f"v{i}" for i in range(values.shape[1]))
    return Features(values, FeatureInfo(names=names))


def pixel_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """Noise, the redder the larger the signal is; one file was unreadable and is black."""
    red = np.clip(128 + 50 * signal, 0, 255)
    values = draw.integers(0, 256, size=(len(signal), SIDE * SIDE, 3), dtype=np.uint8)
    values[:, :, 0] = red[:, None]
    values[7] = 0
    return Features(values.reshape(len(signal), -1), FeatureInfo(names=("pixels",)))


EXAMPLES: dict[str, Callable[[NDArray[np.float64], np.random.Generator], Features]] = {
    "trees": tree_rows,
    "linear": linear_rows,
    "embedding": lambda signal, draw: embedded_rows(signal, draw, 48),
    "views": viewed_rows,
    "handmade": lambda signal, draw: embedded_rows(signal, draw, N_DESCRIPTORS),
    "pixels": pixel_rows,
}
"""How rows look in each representation."""


def problem(strategy: Strategy, task: Task) -> Problem:
    """Make rows whose signal tells the target, in the representation the strategy wants."""
    draw = np.random.default_rng(7)
    signal = draw.normal(size=16 if strategy in SLOW else 60)
    X = EXAMPLES[strategy.card.representation](signal, draw)
    y, n_outputs = target(task, signal)
    context = FitContext(task=task, n_outputs=n_outputs, info=X.info, seed=3)
    return Problem(X, y, context, signal)


def target(task: Task, signal: NDArray[np.float64]) -> tuple[NDArray[np.generic], int]:
    """Make a target of the task from a signal, and say how many outputs it has."""
    if task is Task.REGRESSION:
        return 100 + 20 * signal, 1
    if task is Task.BINARY:
        return (signal > 0).astype(np.int64), 2
    if task is Task.MULTICLASS:
        return np.digitize(signal, [-0.5, 0.5]).astype(np.int64), 3
    return np.column_stack([signal > 0, signal > 1, np.zeros(len(signal))]).astype(np.int8), 3


def modality(strategy: Strategy) -> Modality:
    """Whose regimes to take: tables, where a strategy can do both."""
    return next(m for m in TINY if m in strategy.card.modalities)


def quick(strategy: Strategy, task: Task) -> dict[str, ParamValue]:
    """The defaults of the smallest regime, with small sizes."""
    space = load_space(strategy.card.name, TINY[modality(strategy)], {"n_labelled": 60}, task)
    sizes = QUICKER if strategy in SLOW else QUICK
    return space.complete({k: v for k, v in sizes.items() if k in space.params})


def fitted(strategy: Strategy, p: Problem, seconds: float | None = None) -> Model:
    """Fit with small sizes."""
    params = quick(strategy, p.context.task)
    return fit_model(strategy, params, p.context, p.X, p.y, Deadline(seconds))


@cache
def fitted_once(name: str, task: Task) -> Model:
    """A model that several tests may look at."""
    return fitted(STRATEGIES[name], problem(STRATEGIES[name], task))


def ready(strategy: Strategy) -> Strategy:
    """Skip what is not installed, with the reason."""
    if strategy.missing():
        pytest.skip(strategy.missing())
    return strategy


def check(predictions: NDArray[np.float64], n_rows: int, context: FitContext) -> None:
    """Assert the shape, finiteness and range that the contract names."""
    assert predictions.shape == (n_rows, context.n_outputs)
    assert predictions.dtype == np.float64
    assert np.isfinite(predictions).all()
    if context.task.is_classification:
        assert predictions.min() >= 0
        assert predictions.max() <= 1
    if context.task in (Task.BINARY, Task.MULTICLASS):
        np.testing.assert_allclose(predictions.sum(axis=1), 1.0, atol=1e-9)


EVERY = [s for s in STRATEGIES.values() if s.card.modalities & set(TINY)]
SLOW = [s for s in EVERY if s.card.representation == "pixels"]
"""Those whose smallest fit takes seconds: they are fitted once, and their own tests say the rest."""
QUICK_ONES = [s for s in EVERY if s not in SLOW]
CASES = [(s, task) for s in QUICK_ONES for task in sorted(s.card.tasks)]
CASES += [(s, sorted(s.card.tasks)[0]) for s in SLOW]
each_strategy = pytest.mark.parametrize("strategy", EVERY, ids=lambda s: s.card.name)
each_quick_one = pytest.mark.parametrize("strategy", QUICK_ONES, ids=lambda s: s.card.name)
each_case = pytest.mark.parametrize(
    ("strategy", "task"), CASES, ids=[f"{s.card.name}-{task}" for s, task in CASES]
)


@each_strategy
def test_a_card_is_complete(strategy: Strategy) -> None:
    """A name that finds it, a family, a source and a licence."""
    card = strategy.card
    assert STRATEGIES[card.name] is strategy
    assert all([card.title, card.family, card.reference, card.licence, card.tasks])


@each_case
def test_it_fits_predicts_and_comes_back_from_a_folder(
    strategy: Strategy, task: Task, tmp_path: Path
) -> None:
    """Valid predictions, also for one row; after a save and a load the same ones."""
    p = problem(ready(strategy), task)
    model = fitted_once(strategy.card.name, task)
    before = model.predict(p.X.values)
    check(before, len(p.y), p.context)
    check(model.predict(p.X.values[:1]), 1, p.context)
    assert not model.truncated
    model.save(tmp_path)
    after = load_model(strategy, tmp_path, p.context).predict(p.X.values)
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


@each_case
def test_it_learns(strategy: Strategy, task: Task) -> None:
    """A column that tells the target is used; only the dummy does not look."""
    p = problem(ready(strategy), task)
    found = fitted_once(strategy.card.name, task).predict(p.X.values)
    output = {Task.REGRESSION: 0, Task.MULTILABEL: 0, Task.BINARY: 1, Task.MULTICLASS: 2}[task]
    if strategy.card.family == "dummy":
        assert np.ptp(found[:, output]) == 0
    else:
        assert np.corrcoef(p.signal, found[:, output])[0, 1] > 0.6


@each_quick_one
def test_a_seed_makes_it_reproducible(strategy: Strategy) -> None:
    """Two fits under one seed predict the same."""
    p = problem(ready(strategy), sorted(strategy.card.tasks)[0])
    first, second = (fitted(strategy, p).predict(p.X.values) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@each_quick_one
def test_a_class_absent_from_the_fold_gets_next_to_nothing(strategy: Strategy) -> None:
    """The output keeps a column for it, and its probability is small and not zero."""
    if Task.MULTICLASS not in strategy.card.tasks:
        pytest.skip("regression only")
    p = problem(ready(strategy), Task.MULTICLASS)
    p.y = np.where(p.y == 1, 0, p.y)
    found = fitted(strategy, p).predict(p.X.values)
    check(found, 60, p.context)
    assert 0 < found[:, 1].max() < 1e-3


@each_quick_one
def test_a_class_with_one_row_is_no_obstacle(strategy: Strategy) -> None:
    """Rare classes are the rule on small data."""
    if Task.MULTICLASS not in strategy.card.tasks:
        pytest.skip("regression only")
    p = problem(ready(strategy), Task.MULTICLASS)
    p.y = np.where(p.y == 1, 0, p.y)
    p.y[0] = 1
    check(fitted(strategy, p).predict(p.X.values), 60, p.context)


@each_quick_one
def test_a_fold_with_a_single_target_value_gives_that_value(
    strategy: Strategy, tmp_path: Path
) -> None:
    """One class, or one number: a constant, which can be saved too."""
    task = Task.BINARY if Task.BINARY in strategy.card.tasks else Task.REGRESSION
    p = problem(ready(strategy), task)
    p.y = np.ones_like(p.y)
    model = fitted(strategy, p)
    np.testing.assert_allclose(model.predict(p.X.values)[:, -1], 1.0, atol=1e-5)
    model.save(tmp_path)
    loaded = load_model(strategy, tmp_path, p.context)
    np.testing.assert_array_equal(loaded.predict(p.X.values), model.predict(p.X.values))


@each_quick_one
def test_codes_not_seen_and_gaps_not_seen_are_predicted(strategy: Strategy) -> None:
    """New rows may lack what training rows had; models on codes get NaN for it."""
    p = problem(ready(strategy), sorted(strategy.card.tasks)[0])
    model = fitted(strategy, p)
    rows = p.X.values[:5].copy()
    if strategy.card.representation == "trees":
        rows[:] = np.nan
    else:
        rows[:] = 50  # far away: still finite
    check(model.predict(rows), 5, p.context)


@each_strategy
def test_a_deadline_that_has_passed_is_honoured(strategy: Strategy) -> None:
    """No model, or a truncated one; only what takes no time may be whole."""
    p = problem(ready(strategy), sorted(strategy.card.tasks)[0])
    if strategy.card.family == "dummy":
        assert not fitted(strategy, p, seconds=0.0).truncated
        return
    try:
        model = fitted(strategy, p, seconds=0.0)
    except DeadlineExceeded:
        return
    assert model.truncated


@each_strategy
def test_every_start_of_its_space_can_be_built(strategy: Strategy) -> None:
    """Defaults and known-good points are accepted by `build`."""
    for task in sorted(strategy.card.tasks):
        p = problem(strategy, task)
        regime = SMALL[modality(strategy)]
        space = load_space(strategy.card.name, regime, {"n_labelled": 60}, task)
        for start in [{}, *space.starts]:
            params = space.complete(start)
            assert strategy.build(params, p.context) is not None
            assert 0 < strategy.cost(60, 4, p.context.n_outputs, params) < 3600


@each_strategy
def test_a_damaged_folder_is_refused(strategy: Strategy, tmp_path: Path) -> None:
    """Altered files are an InvalidRun, not a crash and not a wrong model."""
    task = sorted(strategy.card.tasks)[0]
    fitted_once(ready(strategy).card.name, task).save(tmp_path)
    for file in (tmp_path / "0").rglob("*"):
        if file.is_file():
            file.write_bytes(b"no such thing")
    with pytest.raises(InvalidRun):
        load_model(strategy, tmp_path, problem(strategy, task).context)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "forest", "mlp"])
def test_a_fit_cut_short_keeps_what_it_has(name: str) -> None:
    """The deadline passes inside the fit: a smaller model, marked as such."""
    strategy = ready(STRATEGIES[name])
    p = problem(strategy, Task.BINARY)
    model = fit_model(
        strategy, quick(strategy, Task.BINARY), p.context, p.X, p.y, LateDeadline(looks=2)
    )
    assert model.truncated
    check(model.predict(p.X.values), 60, p.context)


class LateDeadline(Deadline):
    """Passes after so many looks at the clock, whatever the clock says."""

    def __init__(self, looks: int) -> None:
        super().__init__(None)
        self.looks = looks

    def passed(self) -> bool:
        """Count a look."""
        self.looks -= 1
        return self.looks < 0
