"""The strategies that train networks on pictures, recordings and texts, as the search sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="networks need the extra 'vision'")
pytest.importorskip("lightning_utilities", reason="networks need the extra 'vision'")

import torch

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun
from advisor.fitting import fit_model, load_model
from advisor.metrics import get_metric
from advisor.nets import suitability, timing
from advisor.parameter import ParamValue
from advisor.ranking import rank_strategies
from advisor.regime import find_regime
from advisor.rejection import beyond_limits
from advisor.representation import FeatureInfo, Features
from advisor.rule import apply_rules
from advisor.space import load_space
from advisor.splits import plan_splits
from advisor.strategies import suited
from advisor.strategy import STRATEGIES, FitContext, Model, Strategy
from tests.encoders import LONGEST, NAME
from tests.pretrained import save_weights
from tests.profiles import healthy_image_profile

NAMES = ("partial_finetune", "lp_finetune", "full_finetune", "from_scratch")

SPACES = [(name, "image") for name in NAMES]
SPACES += [(name, "audio") for name in NAMES]
SPACES += [(name, "text") for name in ("lp_finetune", "full_finetune")]


def regimes_of(modality: str) -> list[str]:
    """All regimes of a modality."""
    sizes = ("few_shot", "scarce", "moderate", "ample")
    return [f"{modality}_{size}{pool}" for size in sizes for pool in ("", "_pool")]


SHORT: dict[str, ParamValue] = {
    "size": 48,
    "steps": 2,
    "views": 2,
    "width": 8,
    "balance": "weights",
}
"""Smaller than the spaces allow, so that a fit takes a second."""

TASKS = (Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION)

each = pytest.mark.parametrize("name", NAMES)
CASES = [(name, task) for name in ("partial_finetune", "from_scratch") for task in TASKS]
CASES += [
    ("lp_finetune", Task.MULTICLASS),
    ("full_finetune", Task.MULTICLASS),
]  # the same code for the other tasks

each_task = pytest.mark.parametrize("task", TASKS)


@dataclass
class Problem:
    """Pictures as bytes, what they show, and the task."""

    X: Features
    y: NDArray[np.generic]
    context: FitContext


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As a fit sets it; put back for the tests that follow."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def ready(name: str) -> Strategy:
    """Skip what is not installed, with the reason."""
    strategy = STRATEGIES[name]
    if strategy.missing():
        pytest.skip(strategy.missing())
    return strategy


def problem(task: Task, n_rows: int = 12) -> Problem:
    """Noise whose brightness tells the target."""
    rng = np.random.default_rng(0)
    level = np.arange(n_rows) % 3
    values = rng.integers(0, 60, (n_rows, 256 * 256 * 3)) + 90 * level[:, None]
    info = FeatureInfo(names=("pixels",))
    y: NDArray[np.generic] = level
    n_outputs = 3
    if task is Task.BINARY:
        y, n_outputs = (level > 0).astype(np.int64), 2
    elif task is Task.MULTILABEL:
        y = np.column_stack([level > 0, level > 1, level < 0]).astype(np.int8)
    elif task is Task.REGRESSION:
        y, n_outputs = 10.0 + 5 * level, 1
    context = FitContext(task=task, n_outputs=n_outputs, info=info, seed=1)
    return Problem(Features(values.astype(np.uint8), info), y, context)


def params(name: str, task: Task, **changes: ParamValue) -> dict[str, ParamValue]:
    """The defaults for few labels, made short."""
    values = load_space(name, "image_few_shot", {}, task).defaults()
    return {**values, **{k: v for k, v in SHORT.items() if k in values}, **changes}


def fitted(name: str, p: Problem, seconds: float | None = None, **changes: ParamValue) -> Model:
    """Fit as the search does."""
    chosen = params(name, p.context.task, **changes)
    return fit_model(ready(name), chosen, p.context, p.X, p.y, Deadline(seconds))


@each
def test_a_card_says_what_it_is(name: str) -> None:
    """Of items, for every task, judged by the speed of networks; its rows are limited, with the reason."""
    card = STRATEGIES[name].card
    heard = {Modality.IMAGE, Modality.AUDIO}
    read = {Modality.TEXT} if name in ("lp_finetune", "full_finetune") else set()
    assert card.modalities == heard | read
    assert card.tasks == set(TASKS)
    assert card.representation == "pixels"
    assert card.clock == "net"
    assert card.requires.max_rows
    assert card.requires.limits_reference
    assert all([card.title, card.family, card.reference, card.licence])


@pytest.mark.parametrize(("name", "task"), CASES)
def test_it_fits_predicts_and_comes_back_from_a_folder(
    name: str, task: Task, tmp_path: Path
) -> None:
    """Valid predictions, the same after a save and a load."""
    p = problem(task)
    model = fitted(name, p)
    before = model.predict(p.X.values)
    assert before.shape == (12, p.context.n_outputs)
    assert before.dtype == np.float64
    assert np.isfinite(before).all()
    if task in (Task.BINARY, Task.MULTICLASS):
        np.testing.assert_allclose(before.sum(axis=1), 1.0)
    model.save(tmp_path)
    after = load_model(STRATEGIES[name], tmp_path, p.context).predict(p.X.values)
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_a_head_on_frozen_features_is_where_tuning_starts(task: Task) -> None:
    """Small steps are enough for what the features know already."""
    p = problem(task)
    found = fitted("partial_finetune", p, learning_rate=1e-5).predict(p.X.values)
    if task is Task.MULTICLASS:
        assert (found.argmax(axis=1) == p.y).all()
    else:
        assert np.corrcoef(found[:, 0], p.y.astype(float))[0, 1] > 0.9


def test_a_seed_makes_it_reproducible() -> None:
    """Two fits under one seed predict the same."""
    p = problem(Task.BINARY)
    first, second = (fitted("partial_finetune", p).predict(p.X.values) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_saved_tail_leaves_the_packages_weights_out(tmp_path: Path) -> None:
    """They are installed anyway; the whole network is saved where they may change."""
    p = problem(Task.BINARY)
    sizes = {}
    for name in ("partial_finetune", "lp_finetune"):
        (tmp_path / name).mkdir()
        fitted(name, p, unfrozen=0.3).save(tmp_path / name)
        sizes[name] = (tmp_path / name / "0" / "net0" / "net.safetensors").stat().st_size
    assert 4e6 < sizes["partial_finetune"] < sizes["lp_finetune"] < 16e6


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    """Altered files are an InvalidRun, not a crash and not a wrong model."""
    p = problem(Task.BINARY)
    fitted("from_scratch", p).save(tmp_path)
    kept = (tmp_path / "0" / "net0" / "net.json").read_text("utf-8")
    for text in (kept.replace("small_cnn", "resnet10"), kept.replace("steps", "stairs"), "[]"):
        (tmp_path / "0" / "net0" / "net.json").write_text(text, "utf-8")
        with pytest.raises(InvalidRun):
            load_model(STRATEGIES["from_scratch"], tmp_path, p.context)


@each
def test_a_deadline_that_has_passed_is_honoured(name: str) -> None:
    """Nothing is usable at once."""
    with pytest.raises(DeadlineExceeded):
        fitted(name, problem(Task.BINARY), seconds=0.0)


@pytest.mark.parametrize(("name", "modality"), SPACES)
@each_task
def test_every_start_in_every_regime_can_be_built_and_has_a_cost(
    name: str, modality: str, task: Task
) -> None:
    """Defaults and known-good points; more steps and larger pictures or longer texts cost more."""
    strategy = STRATEGIES[name]
    context = problem(task, n_rows=3).context
    larger = {"length": 600} if modality == "text" else {"size": 256}
    for regime in regimes_of(modality):
        space = load_space(name, regime, {}, task)
        for start in ({}, *space.starts):
            values = space.complete(start)
            model = strategy.build(values, context)
            settings = model.settings()  # type: ignore[attr-defined]
            assert settings.steps == values["steps"]
            cost = strategy.cost(100, 1, 3, values)
            assert 0 < cost < 7200
            assert strategy.cost(100, 1, 3, {**values, "steps": 9000}) > cost
            assert strategy.cost(100, 1, 3, {**values, **larger}) > cost
            if strategy.build(values, context).params.get("warm_head") is True:  # type: ignore[attr-defined]
                assert strategy.cost(100, 1, 77, values) > cost
            asked = strategy.predict_cost(100, values)
            assert asked > 0 or "backbone" not in values


@each
def test_the_smallest_regime_has_few_choices(name: str) -> None:
    """No strong augmentation, nothing mixed, and fewer steps than elsewhere."""
    for regime in ("image_few_shot", "image_few_shot_pool"):
        few, wide = (load_space(name, r, {}) for r in (regime, "image"))
        assert few.defaults()["augmentation"] == "light"
        assert few.params["augmentation"].choices == ("light",)  # type: ignore[union-attr]
        assert few.params["mixup"].high == 0.0  # type: ignore[union-attr]
        assert few.params["steps"].high < wide.params["steps"].high  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["lp_finetune", "full_finetune"])
def test_few_texts_are_few_choices_three_seeds_and_no_views_unless_they_win(name: str) -> None:
    """One seed moves the score by many points; views of texts have to pass the gate everywhere."""
    for regime in regimes_of("text"):
        space = load_space(name, regime, {})
        assert space.params["augmentation"].gated  # type: ignore[union-attr]
        assert space.defaults()["augmentation"] == "none"
        if "few_shot" in regime:
            assert space.params["seeds"].low >= 3  # type: ignore[union-attr]
    capped = load_space(name, "text_few_shot", {"tokens": (3, 9.0, 31)}).defaults()
    assert capped["length"] == 31
    unknown = load_space(name, "text_few_shot", {"tokens": (0, 0.0, 0)}).defaults()
    assert unknown["length"] == 128


def test_a_limit_of_rows_for_pixels_is_none_for_texts() -> None:
    """Ids of texts take a hundredth of the memory of pixels."""
    card = STRATEGIES["lp_finetune"].card
    many = {"n_labelled": 50_000, "n_classes": 2}
    assert "20,000" in beyond_limits(card, SimpleNamespace(modality=Modality.IMAGE, **many))  # type: ignore[arg-type]
    assert not beyond_limits(card, SimpleNamespace(modality=Modality.TEXT, **many))  # type: ignore[arg-type]


@each
def test_recordings_are_varied_as_sounds_and_not_as_photos(name: str) -> None:
    """Neither mirrored nor coloured nor cropped; where labels are few, nothing is mixed."""
    for regime in regimes_of("audio"):
        space = load_space(name, regime, {})
        assert not {"flip", "colour", "crop", "mirror", "cutmix"} & set(space.params)
        assert set(space.params["augmentation"].choices) <= {"none", "spectrogram"}  # type: ignore[union-attr]
        if "few_shot" in regime:
            assert space.params["mixup"].high == 0.0  # type: ignore[union-attr]


def text_problem() -> Problem:
    """Ids of the tiny encoder: a token tells the class, and views stand beside."""
    ids = np.full((18, 5, LONGEST), -1, dtype=np.int32)
    y = np.arange(18) % 3
    ids[:, :, 0], ids[:, :, 1], ids[:, :, 2], ids[:, :, 3] = 0, 10 + y[:, None], 20, 1
    info = FeatureInfo(names=("plain",))
    context = FitContext(task=Task.MULTICLASS, n_outputs=3, info=info, seed=1)
    return Problem(Features(ids.reshape(18, -1), info), y, context)


@pytest.mark.parametrize("name", ["lp_finetune", "full_finetune"])
def test_texts_are_learned_by_several_networks_whose_answers_are_averaged(
    name: str, tmp_path: Path
) -> None:
    """Each is saved; the representation is named by the backbone and the views."""
    p = text_problem()
    values = load_space(name, "text_few_shot", {}, Task.MULTICLASS).defaults()
    values |= {"backbone": NAME, "augmentation": "eda", "steps": 30, "learning_rate": 0.01}
    strategy = ready(name)
    assert strategy.representation(values) == f"tokens:{NAME}+eda"
    model = fit_model(strategy, values, p.context, p.X, p.y, Deadline(None))
    before = model.predict(p.X.values)
    assert (before.argmax(axis=1) == p.y).all()
    model.save(tmp_path)
    assert len(list((tmp_path / "0").glob("net*"))) == 3
    after = load_model(strategy, tmp_path, p.context).predict(p.X.values)
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.slow
def test_tuning_the_last_stages_beats_a_linear_head_on_strange_pictures(shared_data: Path) -> None:
    """On 32 px pictures made large, which no backbone saw in training: 3 points at 10 labels per class."""
    from sklearn.linear_model import LogisticRegression

    from advisor.embedding import embed
    from advisor.representations.pixels import PixelsRepresentation

    train, y = _some(shared_data / "cifar10_small" / "train", 10)
    test, wanted = _some(shared_data / "cifar10_small" / "test", 30)
    frozen, asked = (embed(paths, "efficientnet_lite0") for paths in (train, test))
    scale = float(np.linalg.norm(frozen, axis=1).mean())
    head = LogisticRegression(C=10.0, max_iter=400).fit(frozen / scale, y)
    plain = head.score(asked / scale, wanted)
    info = FeatureInfo(names=("pixels",))
    context = FitContext(task=Task.MULTICLASS, n_outputs=10, info=info, seed=0, threads=2)
    pixels = PixelsRepresentation()
    X = Features(pixels.compute(train, Deadline(None)), info)
    chosen = load_space("partial_finetune", "image_scarce", {}).defaults()
    model = fit_model(ready("partial_finetune"), chosen, context, X, y, Deadline(None))
    found = model.predict(pixels.compute(test, Deadline(None))).argmax(axis=1)
    assert (found == wanted).mean() >= plain + 0.03


def _some(folder: Path, n: int) -> tuple[list[str], NDArray[np.int64]]:
    """The first pictures of every class."""
    paths, codes = [], []
    for code, place in enumerate(sorted(folder.iterdir())):
        paths += [str(path) for path in sorted(place.iterdir())[:n]]
        codes += [code] * n
    return paths, np.array(codes)


def test_a_machine_that_is_busy_for_a_moment_is_not_called_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The quickest step counts, and the first one, which warms up, does not."""
    taken = iter((0.1, 9.0, 0.8, 4.0))
    monkeypatch.setattr(timing, "_timed_step", lambda net, batch: next(taken))
    model = STRATEGIES["partial_finetune"].build(
        load_space("partial_finetune", "image_scarce", {}).defaults(),
        problem(Task.MULTICLASS, n_rows=3).context,
    )
    settings = model.settings()  # type: ignore[attr-defined]
    assert timing.seconds_per_item(settings) == pytest.approx(0.8 / timing.BATCH)


def test_the_speed_of_training_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratio is positive, and the second question is answered from the cache."""
    strategy = STRATEGIES["partial_finetune"]
    params = load_space("partial_finetune", "image_scarce", {}).complete({"size": 128})
    first = strategy.measure_speed(params)
    assert first is not None
    assert first > 0

    def fail(settings: object, length: int) -> float:
        raise AssertionError("measured twice")

    monkeypatch.setattr("advisor.nets.timing.seconds_per_item", fail)
    assert strategy.measure_speed(params) == first


def made_for_one_size(folder: Path) -> str:
    """A backbone that takes one size only and is no chain of stages, with random weights."""
    return f"levit_128s@{save_weights('levit_128s', 224, folder / 'levit.safetensors')}"


def test_what_a_backbone_cannot_go_through_is_said(tmp_path: Path) -> None:
    """One that cannot be cut is trained as a whole, and its speed is told."""
    backbone = made_for_one_size(tmp_path)
    said = {
        name: STRATEGIES[name].unfit(
            load_space(name, "image_scarce", {}).defaults() | {"backbone": backbone}
        )
        for name in ("partial_finetune", "lp_finetune", "full_finetune", "from_scratch")
    }
    assert "chain of stages" in said.pop("partial_finetune")
    assert set(said.values()) == {""}
    full = STRATEGIES["full_finetune"]
    speed = full.measure_speed(params("full_finetune", Task.BINARY, backbone=backbone, size=160))
    assert speed is not None
    assert speed > 0


def test_a_backbone_that_breaks_down_in_a_step_is_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, with what the library said; once it went well that is known from then on."""
    strategy = ready("full_finetune")
    file = save_weights("test_vit", 160, tmp_path / "vit.safetensors")
    values = params("full_finetune", Task.BINARY, backbone=f"test_vit@{file}", size=96)
    suited.why_unfit.cache_clear()
    monkeypatch.setattr(suitability, "make_net", lambda settings, pretrained: torch.nn.Linear(3, 2))
    assert "'test_vit@" in strategy.unfit(values)
    suited.why_unfit.cache_clear()
    monkeypatch.undo()
    assert not strategy.unfit(values)
    suited.why_unfit.cache_clear()
    monkeypatch.setattr(suitability, "why_unsuited", lambda settings: "asked twice")
    assert not strategy.unfit(values)


def test_a_strategy_that_the_backbone_cannot_go_through_is_out(tmp_path: Path) -> None:
    """The report says why; the others stay, whose speed the probe measures."""
    backbone = made_for_one_size(tmp_path)
    profile = healthy_image_profile(
        smallest_class=20, n_labelled=40, separability={backbone: 0.9}, backbones=(backbone,)
    )
    metric = get_metric("accuracy", profile.task)
    splits = plan_splits(profile.task, np.arange(40) % 2, None, 0)
    regime, findings = find_regime(profile), apply_rules(profile)
    ranking = rank_strategies(profile, regime, findings, splits, metric, None)
    out = {r.strategy: r for r in ranking.rejected}
    assert out["partial_finetune"].rule == "backbone"
    assert "chain of stages" in out["partial_finetune"].reason
    names = {candidate.card.name for candidate in ranking.candidates}
    assert {"lp_finetune", "full_finetune", "linear_probe"} <= names
