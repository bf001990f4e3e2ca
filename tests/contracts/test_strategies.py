"""What every strategy promises, whichever files there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from encoders import LONGEST, NAME, WORDS
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun
from advisor.fitting import fit_model, load_model
from advisor.images import descriptors as of_pictures
from advisor.parameter import ParamValue, ProfileField
from advisor.representation import FeatureInfo, Features, split_name
from advisor.representations.lexical import count_terms
from advisor.representations.pixels import LOGMEL, SIDE
from advisor.representations.views import N_VIEWS
from advisor.sounds import descriptors as of_sounds
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

QUICKER: dict[str, ParamValue] = {
    "steps": 12,
    "views": 2,
    "size": 64,
    "width": 16,
    "length": 16,
    "batch": 16,
}
"""The same for networks, whose spaces hold nothing that is quick enough for a test."""

TINY = {
    Modality.TABULAR: "tabular_tiny",
    Modality.IMAGE: "image_few_shot",
    Modality.TEXT: "text_few_shot",
    Modality.AUDIO: "audio_few_shot",
}
SMALL = {
    Modality.TABULAR: "tabular_small",
    Modality.IMAGE: "image_scarce",
    Modality.TEXT: "text_scarce",
    Modality.AUDIO: "audio_scarce",
}
"""Regimes of few rows, and of some more."""

FIELDS: dict[str, ProfileField] = {"n_labelled": 60, "tokens": (1, 5.0, LONGEST)}
"""What a profile says that narrows spaces; the backbone of texts is one of random weights."""


SECOND = "efficientnet_lite0_logmel"
"""A backbone beside the first: nothing is embedded here, its width alone counts."""

EMBEDDED = tuple(f"e{i}" for i in range(48))
"""Names of the numbers of an embedding."""


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


def embedded_rows(
    signal: NDArray[np.float64], draw: np.random.Generator, names: tuple[str, ...] = EMBEDDED
) -> Features:
    """Numbers from zero up, as networks give them, a third of which follow the signal; one file was unreadable."""
    values = np.abs(draw.normal(size=(len(signal), len(names))))
    values[:, ::3] += np.exp(signal)[:, None]
    values[7] = np.nan
    return Features(values.astype(np.float32), FeatureInfo(names=names))


def viewed_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """The embeddings of every view side by side; of another picture one view alone is missing."""
    views = [embedded_rows(signal, draw, EMBEDDED[:24]) for _ in range(1 + N_VIEWS)]
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


def steps_of(signal: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the signal lies above each of five steps: what words can say of it."""
    return signal[:, None] > np.linspace(-1, 1, 5)


def counted_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """Words that say how large the signal is, among others; one text is empty."""
    noise = draw.integers(0, 30, size=(len(signal), 5))
    texts = [
        " ".join([f"{'above' if up else 'below'}{i}" for i, up in enumerate(row)])
        + " ".join(f" noise{n}" for n in more)
        for row, more in zip(steps_of(signal), noise, strict=True)
    ]
    texts[7] = ""
    return Features(count_terms(texts), FeatureInfo(names=("words", "characters")))


def blended_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """The same with an embedding behind it, and one column of the table."""
    from scipy.sparse import hstack

    parts = [counted_rows(signal, draw).values, embedded_rows(signal, draw).values]
    values = hstack([*parts, draw.normal(size=(len(signal), 1))], format="csr")
    return Features(values, FeatureInfo(names=("words", "characters", "embedding"), beside=1))


def token_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """Ids that say how large the signal is, among others, of texts of different length."""
    values = draw.integers(20, WORDS, size=(len(signal), LONGEST)).astype(np.int32)
    values[:, :10] = np.repeat(2 * np.arange(5) + steps_of(signal) + 2, 2, axis=1)
    values[::3, LONGEST - 6 :] = -1
    return Features(values, FeatureInfo(names=("plain",)))


def adapted_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """The same for a model that was adapted to a pool."""
    found = token_rows(signal, draw)
    return Features(found.values, found.info.model_copy(update={"source": NAME}))


def adapted_pixel_rows(signal: NDArray[np.float64], draw: np.random.Generator) -> Features:
    """Pixels for a backbone that was adapted to a pool; of recordings, too."""
    found = pixel_rows(signal, draw)
    return Features(found.values, found.info.model_copy(update={"source": "efficientnet_lite0"}))


EXAMPLES: dict[str, Callable[[NDArray[np.float64], np.random.Generator], Features]] = {
    "nothing": tree_rows,
    "trees": tree_rows,
    "linear": linear_rows,
    "embedding": embedded_rows,
    "views": viewed_rows,
    "training_views": viewed_rows,
    "pixels": pixel_rows,
    "lexical": counted_rows,
    "lexical_embedding": blended_rows,
    "tokens": token_rows,
    "adapted_tokens": adapted_rows,
    "adapted_pixels": adapted_pixel_rows,
    "adapted_embedding": embedded_rows,
}
"""How rows look in each representation."""


@dataclass(frozen=True)
class Recipe:
    """A strategy for data of one modality."""

    strategy: Strategy
    modality: Modality

    def params(
        self, task: Task, regimes: dict[Modality, str] = TINY
    ) -> list[dict[str, ParamValue]]:
        """The defaults of a regime and its starts, as the space gives them."""
        own: dict[str, ProfileField] = {"further_backbones": (SECOND,)}
        own |= {"backbones": (NAME,)} if self.modality is Modality.TEXT else {}
        regime = regimes[self.modality]
        space = load_space(self.strategy.card.name, regime, {**FIELDS, **own}, task)
        return [space.complete(start) for start in ({}, *space.starts)]

    def kind(self, params: dict[str, ParamValue]) -> str:
        """What a configuration learns from."""
        return split_name(self.strategy.representation(params))[0]

    @property
    def slow(self) -> bool:
        """Whether it trains networks on files or texts: its smallest fit takes seconds, its own tests say the rest."""
        return self.strategy.card.clock == "net"

    @property
    def tasks(self) -> list[Task]:
        """What it can do."""
        return sorted(self.strategy.card.tasks)

    def __str__(self) -> str:
        return f"{self.strategy.card.name}-{self.modality}"


def rows_for(recipe: Recipe, kind: str, signal: NDArray[np.float64]) -> Features:
    """Make rows of a representation in which the signal can be seen or heard or read."""
    draw = np.random.default_rng(7)
    if kind == "handmade":
        made = of_sounds if recipe.modality is Modality.AUDIO else of_pictures
        return embedded_rows(signal, draw, made.descriptor_names())
    if "further_backbones" in recipe.strategy.card.requires.present:
        width = recipe.strategy.width(0, recipe.params(Task.BINARY)[0])
        return embedded_rows(signal, draw, tuple(f"e{i}" for i in range(width)))
    found = EXAMPLES[kind](signal, draw)
    if kind == "pixels" and recipe.modality is Modality.AUDIO:
        return Features(found.values, FeatureInfo(names=(LOGMEL,)))
    return found


def problem(recipe: Recipe, task: Task) -> Problem:
    """Make rows whose signal tells the target, in the representation the strategy wants."""
    signal = np.random.default_rng(7).normal(size=16 if recipe.slow else 60)
    kind = recipe.kind(quick(recipe, task))
    X = rows_for(recipe, kind, signal)
    if recipe.strategy.card.pool:
        more = np.random.default_rng(8).normal(size=40)
        X = replace(X, pool=rows_for(recipe, kind, more).values)
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


def quick(recipe: Recipe, task: Task) -> dict[str, ParamValue]:
    """The defaults of the smallest regime, with small sizes."""
    defaults = recipe.params(task)[0]
    quicker = {"size", "length"} & set(defaults) or "views" in defaults
    sizes = QUICKER if quicker else QUICK
    return defaults | {k: v for k, v in sizes.items() if k in defaults}


def fitted(recipe: Recipe, p: Problem, seconds: float | None = None) -> Model:
    """Fit with small sizes."""
    params = quick(recipe, p.context.task)
    return fit_model(recipe.strategy, params, p.context, p.X, p.y, Deadline(seconds))


@cache
def fitted_once(recipe: Recipe, task: Task) -> Model:
    """A model that several tests may look at."""
    return fitted(recipe, problem(recipe, task))


def ready(recipe: Recipe) -> Recipe:
    """Skip what is not installed, with the reason."""
    if recipe.strategy.missing():
        pytest.skip(recipe.strategy.missing())
    return recipe


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


EVERY = [
    Recipe(strategy, modality)
    for strategy in STRATEGIES.values()
    for modality in sorted(strategy.card.modalities)
    if modality is Modality.TABULAR or strategy.card.family != "dummy"  # it looks at no row
]
SLOW = [recipe for recipe in EVERY if recipe.slow]
QUICK_ONES = [recipe for recipe in EVERY if recipe not in SLOW]
CASES = [(recipe, task) for recipe in QUICK_ONES for task in recipe.tasks]
CASES += [(recipe, recipe.tasks[0]) for recipe in SLOW]
each_recipe = pytest.mark.parametrize("recipe", EVERY, ids=str)
each_quick_one = pytest.mark.parametrize("recipe", QUICK_ONES, ids=str)
each_case = pytest.mark.parametrize(
    ("recipe", "task"), CASES, ids=[f"{recipe}-{task}" for recipe, task in CASES]
)


@each_recipe
def test_a_card_is_complete(recipe: Recipe) -> None:
    """A name that finds it, a family, a source and a licence."""
    card = recipe.strategy.card
    assert STRATEGIES[card.name] is recipe.strategy
    assert all([card.title, card.family, card.reference, card.licence, card.tasks])


@each_case
def test_it_fits_predicts_and_comes_back_from_a_folder(
    recipe: Recipe, task: Task, tmp_path: Path
) -> None:
    """Valid predictions, also for one row; after a save and a load the same ones."""
    p = problem(ready(recipe), task)
    model = fitted_once(recipe, task)
    before = model.predict(p.X.values)
    check(before, len(p.y), p.context)
    check(model.predict(p.X.values[:1]), 1, p.context)
    assert not model.truncated
    model.save(tmp_path)
    after = load_model(recipe.strategy, tmp_path, p.context).predict(p.X.values)
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


@each_case
def test_it_learns(recipe: Recipe, task: Task) -> None:
    """A column that tells the target is used; only the dummy does not look."""
    p = problem(ready(recipe), task)
    found = fitted_once(recipe, task).predict(p.X.values)
    output = {Task.REGRESSION: 0, Task.MULTILABEL: 0, Task.BINARY: 1, Task.MULTICLASS: 2}[task]
    if recipe.strategy.card.family == "dummy":
        assert np.ptp(found[:, output]) == 0
    else:
        assert np.corrcoef(p.signal, found[:, output])[0, 1] > 0.6


@each_quick_one
def test_a_seed_makes_it_reproducible(recipe: Recipe) -> None:
    """Two fits under one seed predict the same."""
    p = problem(ready(recipe), recipe.tasks[0])
    first, second = (fitted(recipe, p).predict(p.X.values) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@each_quick_one
def test_a_class_absent_from_the_fold_gets_next_to_nothing(recipe: Recipe) -> None:
    """The output keeps a column for it, and its probability is small and not zero."""
    if Task.MULTICLASS not in recipe.strategy.card.tasks:
        pytest.skip("regression only")
    p = problem(ready(recipe), Task.MULTICLASS)
    p.y = np.where(p.y == 1, 0, p.y)
    found = fitted(recipe, p).predict(p.X.values)
    check(found, 60, p.context)
    assert 0 < found[:, 1].max() < 1e-3


@each_quick_one
def test_a_class_with_one_row_is_no_obstacle(recipe: Recipe) -> None:
    """Rare classes are the rule on small data."""
    if Task.MULTICLASS not in recipe.strategy.card.tasks:
        pytest.skip("regression only")
    p = problem(ready(recipe), Task.MULTICLASS)
    p.y = np.where(p.y == 1, 0, p.y)
    p.y[0] = 1
    check(fitted(recipe, p).predict(p.X.values), 60, p.context)


@each_quick_one
def test_a_fold_with_a_single_target_value_gives_that_value(recipe: Recipe, tmp_path: Path) -> None:
    """One class, or one number: a constant, which can be saved too."""
    task = Task.BINARY if Task.BINARY in recipe.strategy.card.tasks else Task.REGRESSION
    p = problem(ready(recipe), task)
    p.y = np.ones_like(p.y)
    model = fitted(recipe, p)
    np.testing.assert_allclose(model.predict(p.X.values)[:, -1], 1.0, atol=1e-5)
    model.save(tmp_path)
    loaded = load_model(recipe.strategy, tmp_path, p.context)
    np.testing.assert_array_equal(loaded.predict(p.X.values), model.predict(p.X.values))


@each_quick_one
def test_codes_not_seen_and_gaps_not_seen_are_predicted(recipe: Recipe) -> None:
    """New rows may lack what training rows had; models on codes get NaN for it."""
    p = problem(ready(recipe), recipe.tasks[0])
    model = fitted(recipe, p)
    rows = p.X.values[:5].copy()
    if not isinstance(rows, np.ndarray):
        rows.data[:] = 50
    elif recipe.strategy.card.representation == "trees":
        rows[:] = np.nan
    else:
        rows[:] = 50  # far away: still finite
    check(model.predict(rows), 5, p.context)


@each_recipe
def test_a_deadline_that_has_passed_is_honoured(recipe: Recipe) -> None:
    """No model, or a truncated one; only what takes no time may be whole."""
    p = problem(ready(recipe), recipe.tasks[0])
    if recipe.strategy.card.family == "dummy":
        assert not fitted(recipe, p, seconds=0.0).truncated
        return
    try:
        model = fitted(recipe, p, seconds=0.0)
    except DeadlineExceeded:
        return
    assert model.truncated


@each_recipe
def test_every_start_of_its_space_can_be_built(recipe: Recipe) -> None:
    """Defaults and known-good points are accepted by `build`."""
    for task in recipe.tasks:
        p = problem(recipe, task)
        for params in recipe.params(task, SMALL):
            assert recipe.strategy.build(params, p.context) is not None
            assert 0 < recipe.strategy.cost(60, 4, p.context.n_outputs, params) < 3600
            assert recipe.kind(params) in (*EXAMPLES, "handmade")


@each_recipe
def test_a_damaged_folder_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    """Altered files are an InvalidRun, not a crash and not a wrong model."""
    task = recipe.tasks[0]
    fitted_once(ready(recipe), task).save(tmp_path)
    for file in (tmp_path / "0").rglob("*"):
        if file.is_file():
            file.write_bytes(b"no such thing")
    with pytest.raises(InvalidRun):
        load_model(recipe.strategy, tmp_path, problem(recipe, task).context)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "forest", "mlp"])
def test_a_fit_cut_short_keeps_what_it_has(name: str) -> None:
    """The deadline passes inside the fit: a smaller model, marked as such."""
    recipe = ready(Recipe(STRATEGIES[name], Modality.TABULAR))
    p, params = problem(recipe, Task.BINARY), quick(recipe, Task.BINARY)
    model = fit_model(recipe.strategy, params, p.context, p.X, p.y, LateDeadline(looks=2))
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
