"""Fine-tuning with the pool: which rows come when, what is believed of them, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="networks need the extra 'vision'")
pytest.importorskip("lightning_utilities", reason="networks need the extra 'vision'")

import torch
from torch import Tensor

from advisor import read_dataset, workspace
from advisor.augment.spectrogram_views import GENTLE, random_spectrogram
from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRequest
from advisor.fitting import fit_model, load_model
from advisor.nets import consistency, distillation, pool_training
from advisor.nets.answers import predict
from advisor.nets.consistency import ConsistencySettings, train_consistently
from advisor.nets.distillation import DistillationSettings, ask, distil, softened
from advisor.nets.feeds import Examples, Maps
from advisor.nets.network import Headed
from advisor.nets.picture_feeds import Pictures
from advisor.nets.pool_training import PoolSettings, PoolTraining
from advisor.nets.settings import PictureSettings, TextSettings
from advisor.nets.text_feeds import Tokens
from advisor.nets.thresholds import KINDS
from advisor.representation import FeatureInfo, Features
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext
from advisor.workspace import WHOLE
from tests.encoders import LONGEST, NAME
from tests.problems import workspace_of

SIDE = 256
NAMES = ("consistency_finetune", "distilled_finetune")

MAPS = PictureSettings(
    kind="classes",
    n_outputs=2,
    backbone="scratch:small_cnn:8",
    size=32,
    steps=10,
    learning_rate=5e-4,
    unfrozen=0.5,
    views=2,
    augmentation="light",
    colour=False,
    average=0.4,
    batch=8,
)
"""A small network whose tail is trained on kept maps."""

WHOLE_NET = replace(MAPS, views=0, unfrozen=1.0)
READER = TextSettings(
    kind="classes",
    n_outputs=2,
    backbone=NAME,
    steps=10,
    learning_rate=3e-3,
    batch=8,
    length=16,
    longest=LONGEST,
    average=0.4,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing by more, and lose much where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def squares(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noisy pictures that are dark (0) or bright (1), as flat rows."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    coarse = rng.integers(0, 120, size=(n, 8, 8, 3)) + 100 * y[:, None, None, None]
    pixels = coarse.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)
    return pixels.astype(np.uint8).reshape(n, -1), y


def ids(n: int, views: int = 1) -> NDArray[np.int32]:
    """Token ids of texts of five tokens, with views that hold other ones; each view tells its number."""
    made = np.full((n, views, LONGEST), -1, dtype=np.int32)
    made[:, :, :5] = 10 + np.arange(n)[:, None, None] % 2
    made[:, :, 0] = 100 + np.arange(views)
    return made.reshape(n, -1)


def pooled(
    settings: PictureSettings | TextSettings, pool: PoolSettings, n_pool: int = 20
) -> PoolTraining:
    """One that was not run yet."""
    texts = isinstance(settings, TextSettings)
    values, more = (ids(8, 3), ids(n_pool, 3)) if texts else (squares(8)[0], squares(n_pool, 1)[0])
    return PoolTraining(
        Examples(values, np.arange(8) % 2), more, (settings, pool), 0, Deadline(None)
    )


# Which rows come when


def test_labels_are_alone_first_and_then_rows_of_the_pool_take_turns() -> None:
    """A tenth of ten steps alone; then 4 rows a step out of 6, each as often as the others."""
    run = pooled(WHOLE_NET, PoolSettings(share=0.5, rows=6, alone=0.1))
    assert (run.alone, run.per_step, len(run.chosen)) == (1, 4, 6)
    assert len(run.drawn(0)[0]) == 0
    rows, turns = (torch.cat(parts) for parts in zip(*map(run.drawn, range(10)), strict=True))
    assert len(rows) == 9 * 4
    assert torch.bincount(rows).max() == torch.bincount(turns).max() == 6
    assert set(rows.tolist()) == set(run.chosen.tolist())


def test_the_learning_rate_falls_to_nothing_before_the_first_pseudo_label() -> None:
    """What labels alone teach is finished first; then the rate rises and falls once more."""
    run = pooled(replace(WHOLE_NET, steps=40), PoolSettings(alone=0.5))
    rates = [run.rate(step) for step in range(40)]
    assert rates[:20] == rates[20:]
    assert rates[19] == pytest.approx(0.0)
    assert rates[0] == pytest.approx(0.5)
    assert max(rates) == rates[21] > 0.9
    whole = pooled(replace(WHOLE_NET, steps=40), PoolSettings(alone=0.0))
    assert min(whole.rate(step) for step in range(39)) > 0


def test_no_more_of_the_pool_is_looked_at_than_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor more than there is, than is allowed, or than maps may be kept of."""
    assert len(pooled(WHOLE_NET, PoolSettings(share=0.125, alone=0.5)).chosen) == 5
    assert len(pooled(WHOLE_NET, PoolSettings()).chosen) == 20
    monkeypatch.setattr(pool_training, "POOL_LOOKED_AT", 3)
    assert len(pooled(WHOLE_NET, PoolSettings()).chosen) == 3
    monkeypatch.undo()
    monkeypatch.setattr(pool_training, "MOST_MAPS", 1)
    assert len(pooled(MAPS, PoolSettings()).chosen) == 1


def test_maps_of_the_pool_are_computed_once_for_one_weak_and_a_few_strong_views() -> None:
    """By the stem of the labelled rows, for the chosen rows alone."""
    run = pooled(MAPS, PoolSettings(rows=6, views=3, alone=0.0))
    run.prepare(*(torch.arange(8), torch.zeros(8, dtype=torch.long)))
    assert isinstance(run.feed, Maps)
    assert isinstance(run.weak, Maps)
    assert isinstance(run.strong, Maps)
    assert run.weak.module is run.strong.module is run.feed.module
    assert run.weak.cut is run.feed.cut
    assert len(run.weak.maps) == 6
    assert len(run.strong.maps) == 18
    rows = run.chosen[:2]
    first, again, other = (run.strong.varied(rows, torch.full((2,), i)) for i in (0, 3, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_pool_that_is_mapped_into_memory_is_not_read_whole(tmp_path: Path) -> None:
    """Its pixels stay on the disk, and no smaller copy of all of them is made."""
    np.save(tmp_path / "pool.npy", squares(12, 1)[0])
    pool = np.load(tmp_path / "pool.npy", mmap_mode="r")
    how = (WHOLE_NET, PoolSettings())
    run = PoolTraining(Examples(squares(4)[0], np.arange(4) % 2), pool, how, 0, Deadline(None))
    assert isinstance(run.strong, Pictures)
    run.strong.varied(run.chosen[:3], torch.zeros(3, dtype=torch.long))
    assert run.strong.source is None
    assert run.strong.pictures.data_ptr() == pool.ctypes.data


def test_weak_views_of_texts_are_the_texts_and_strong_ones_are_not() -> None:
    """Where nothing varies texts, the strong view is the text, and dropout makes the difference."""
    run = pooled(READER, PoolSettings(strong="eda"))
    assert isinstance(run.strong, Tokens)
    rows = run.chosen[:2]
    for turn in range(4):
        turns = torch.full((2,), turn)
        assert run.weak.varied(rows, turns)[:, 0].tolist() == [100, 100]
        assert run.strong.varied(rows, turns)[:, 0].tolist() == [101 + turn % 2] * 2
    alone = pooled(READER, PoolSettings(strong="none"))
    assert alone.strong.varied(rows, turns)[:, 0].tolist() == [100, 100]


def test_weak_views_of_pictures_keep_their_colours_and_those_of_recordings_their_sound() -> None:
    """Crops alone, and a gentle spectrogram that nothing is masked in."""
    run = pooled(replace(WHOLE_NET, colour=True), PoolSettings())
    assert isinstance(run.weak, Pictures)
    assert (run.weak.settings.augmentation, run.weak.settings.colour) == ("light", False)
    assert isinstance(run.strong, Pictures)
    assert run.strong.settings.augmentation == "randaugment"
    heard = pooled(replace(WHOLE_NET, whole=True), PoolSettings(strong="spectrogram"))
    assert isinstance(heard.weak, Pictures)
    assert heard.weak.settings.augmentation == GENTLE
    batch = torch.randint(0, 256, (6, 3, SIDE, SIDE), dtype=torch.uint8)
    plain, gentle, strong = (
        random_spectrogram(batch, SIDE, torch.Generator().manual_seed(0), strength)
        for strength in (0.0, 0.25, 1.0)
    )
    torch.testing.assert_close(plain, batch.float() / 255, atol=1e-4, rtol=0)
    assert float((gentle - plain).abs().mean()) < float((strong - plain).abs().mean())


# What is believed


def consistent(
    settings: PictureSettings | TextSettings, pool: ConsistencySettings, deadline: Deadline
) -> tuple[Headed, bool]:
    """Train on eight rows and a pool of twenty."""
    texts = isinstance(settings, TextSettings)
    values, more = (ids(8), ids(20)) if texts else (squares(8)[0], squares(20, 1)[0])
    return train_consistently(
        Examples(values, np.arange(8) % 2), more, (settings, pool), 0, deadline
    )


@pytest.mark.parametrize("name", KINDS)
def test_every_thresholding_trains_a_network_that_still_knows_its_classes(name: str) -> None:
    """On pictures that it has not seen, with maps that are kept."""
    how = ConsistencySettings(thresholding=name, strong="light")
    net, truncated = consistent(MAPS, how, Deadline(None))
    values, y = squares(20, seed=2)
    assert not truncated
    assert (predict(net, values).argmax(axis=1) == y).mean() >= 0.9


def test_the_same_seed_trains_the_same_network() -> None:
    """Bit by bit, whatever the global generator says."""
    how = ConsistencySettings()
    first = consistent(MAPS, how, Deadline(None))[0].state_dict()
    torch.rand(3)
    second = consistent(MAPS, how, Deadline(None))[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("settings", [MAPS, WHOLE_NET, READER])
def test_the_pool_changes_what_is_learned(settings: PictureSettings | TextSettings) -> None:
    """From the same seed, unless it weighs nothing."""
    nets = [
        consistent(settings, ConsistencySettings(weight=weight, strong=strong), Deadline(None))[0]
        for weight in (0.0, 1.0)
        for strong in ["none" if isinstance(settings, TextSettings) else "randaugment"]
    ]
    without, with_it = (net.head.weight for net in nets)
    assert not torch.equal(without, with_it)


def test_the_average_of_the_weights_names_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A student that names them itself says something else, and its own weights are back in place afterwards."""
    seen: dict[str, list[Tensor]] = {"average": [], "student": []}
    guess = consistency._Consistency._guess

    def watched(self: Any, module: Any, rows: Tensor, turns: Tensor) -> Tensor:
        before = [p.detach().clone() for p in self.trained]
        found = guess(self, module, rows, turns)
        assert all(torch.equal(a, b) for a, b in zip(before, self.trained, strict=True))
        assert self.feed.module.training
        seen["average" if self.by_average else "student"].append(found)
        return found

    monkeypatch.setattr(consistency._Consistency, "_guess", watched)
    for teacher in seen:
        consistent(MAPS, ConsistencySettings(teacher=teacher, alone=0.3), Deadline(None))
    assert [len(found) for found in seen.values()] == [7, 7]
    assert not torch.equal(seen["average"][-1], seen["student"][-1])


class Late(Deadline):
    """Passes at a given look."""

    def __init__(self, looks: int) -> None:
        super().__init__(None)
        self.looks = looks

    def passed(self) -> bool:
        """Count down."""
        self.looks -= 1
        return self.looks < 0


def test_a_training_cut_short_has_a_head_and_one_without_is_refused() -> None:
    """While maps of the pool are computed, the warm head is there already."""
    net, truncated = consistent(MAPS, ConsistencySettings(), Late(2))
    assert truncated
    assert (predict(net, squares(20, 2)[0]).argmax(axis=1) == squares(20, 2)[1]).mean() >= 0.9
    with pytest.raises(DeadlineExceeded):
        consistent(MAPS, ConsistencySettings(), Late(0))


# What a teacher says


def test_a_teacher_is_asked_once_and_the_student_learns_what_it_said() -> None:
    """One that names dark pictures bright turns the student round, since its rows are more."""
    pool, y = squares(40, 1)
    asked = []

    def contrary(features: Any, codes: Any, found: Any, rows: Any) -> NDArray[np.float64]:
        asked.append((len(features), len(codes), len(found)))
        return np.eye(2)[1 - y[rows]]

    how = DistillationSettings(weight=10.0, alone=0.0, strong="light")
    settings = replace(MAPS, steps=20, learning_rate=3e-3)
    values, codes = squares(4)
    net, _ = distil(Examples(values, codes), pool, (settings, how), contrary, 0, Deadline(None))
    assert asked == [(4, 4, 40)]
    test, wanted = squares(20, seed=2)
    assert (predict(net, test).argmax(axis=1) != wanted).mean() >= 0.9


def test_labels_are_softened_and_count_by_how_sure_they_are() -> None:
    """Square roots of 0.8 and 0.2 are as 2 to 1; a guess counts nothing."""
    targets, sureness = softened(torch.tensor([[0.8, 0.2], [0.5, 0.5], [1.0, 0.0]]), 2.0)
    torch.testing.assert_close(targets[0], torch.tensor([2 / 3, 1 / 3]))
    assert sureness.tolist() == pytest.approx([1 - 0.7219281, 0.0, 1.0], abs=1e-6)


def test_rows_of_the_pool_weigh_as_much_as_labelled_ones_however_unsure_the_teacher_is() -> None:
    """On the mean; one that guesses everywhere is not listened to."""
    pool = squares(20, 1)[0]
    for chances, wanted in (([0.6, 0.7], 1.0), ([0.5, 0.5], 0.0)):
        said = np.resize(np.array(chances), 20)
        how = (MAPS, DistillationSettings())
        run = distillation._Distillation(
            Examples(squares(8)[0], np.arange(8) % 2),
            pool,
            how,
            lambda *parts, said=said: np.column_stack([said, 1 - said])[parts[3]],
            0,
            Deadline(None),
        )
        assert run._start_head()
        weights = run.sureness[run.weak.order]
        assert float(weights.mean()) == pytest.approx(wanted, abs=1e-5)


def test_a_network_labels_rows_of_the_pool_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the answers that it gives to all at once."""
    pool = squares(10, 1)[0]
    net = consistent(MAPS, ConsistencySettings(), Late(2))[0]
    rows = np.array([7, 1, 4, 2, 9])
    monkeypatch.setattr(distillation, "ASKED_AT_ONCE", 2)
    np.testing.assert_allclose(ask(net, pool, rows), predict(net, pool[rows]), atol=1e-5)


# As the search sees them


def problem(name: str, **changes: Any) -> tuple[Any, dict[str, Any], FitContext, Features]:
    """A strategy made small, and rows for it."""
    strategy = STRATEGIES[name]
    params = load_space(name, "image_few_shot_pool", {}, Task.BINARY).defaults()
    params |= {"backbone": "scratch:small_cnn:8", "size": 32, "steps": 6, "views": 2, **changes}
    info = FeatureInfo(names=("pixels",))
    context = FitContext(task=Task.BINARY, n_outputs=2, info=info, seed=1)
    return strategy, params, context, Features(squares(8)[0], info, pool=squares(20, 1)[0])


@pytest.mark.parametrize(
    ("name", "changes"),
    [(NAMES[0], {}), (NAMES[1], {}), (NAMES[1], {"teacher": "finetuned"})],
)
def test_it_fits_predicts_and_comes_back_from_a_folder(
    name: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    """The pool is not kept in what is saved."""
    strategy, params, context, X = problem(name, **changes)
    model = fit_model(strategy, params, context, X, squares(8)[1], Deadline(None))
    test, wanted = squares(20, seed=2)
    found = model.predict(test)
    assert (found.argmax(axis=1) == wanted).mean() >= 0.9
    assert not hasattr(model, "pool")
    model.save(tmp_path)
    again = load_model(strategy, tmp_path, context)
    np.testing.assert_allclose(again.predict(test), found, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_pool_there_is_no_model(name: str) -> None:
    """Not even silently one of the labelled rows."""
    strategy, params, context, X = problem(name)
    for pool in (None, squares(2)[0][:0]):
        with pytest.raises(InvalidRequest, match="unlabelled rows"):
            fit_model(
                strategy, params, context, replace(X, pool=pool), squares(8)[1], Deadline(None)
            )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("modality", ["image", "audio", "text"])
def test_costs_grow_with_what_is_computed(name: str, modality: str) -> None:
    """More steps, rows of the pool in a step, labelled rows, and a larger network cost more each."""
    fields: dict[str, Any] = {"backbones": ()} if modality == "text" else {}
    space = load_space(name, f"{modality}_few_shot_pool", fields, Task.BINARY)
    params = space.defaults()
    if modality == "text":
        params["backbone"] = NAME
    cost = STRATEGIES[name].cost
    plain = cost(20, 0, 2, params)
    larger: dict[str, Any] = {"steps": 2 * int(params["steps"]), "pool_batch": 4.0}
    larger |= {"pool_rows": 2000} if modality != "text" else {"length": 512}
    for key, value in larger.items():
        assert cost(20, 0, 2, {**params, key: value}) > plain, key
    assert cost(40, 0, 2, params) > plain
    if name == "distilled_finetune":
        head, net = ({**params, "teacher": teacher} for teacher in ("head", "finetuned"))
        assert cost(20, 0, 2, net) > cost(20, 0, 2, head)


@pytest.mark.parametrize("name", NAMES)
def test_strong_views_of_texts_are_made_by_the_representation(name: str) -> None:
    """None are made where dropout alone is to make the difference."""
    represent = STRATEGIES[name].representation
    assert represent({"backbone": NAME, "length": 16, "strong": "eda"}) == f"tokens:{NAME}+eda"
    assert represent({"backbone": NAME, "length": 16, "strong": "none"}) == f"tokens:{NAME}"
    assert represent({"backbone": NAME, "size": 64, "strong": "light"}) == "pixels"


def test_the_pool_has_its_views_in_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A saved representation leaves them out, since it only predicts; heavy rows of a pool are fewer."""
    frame = pd.DataFrame({"text": [f"word{i} is what number {i} says" for i in range(30)]})
    frame["y"] = [*(["a", "b"] * 5), *[None] * 20]
    dataset = read_dataset(frame, target="y", name="sayings")
    place = workspace_of(dataset, tmp_path)
    found = place.features(WHOLE, f"tokens:{NAME}+eda", pooled=True).train.pool
    assert found is not None
    views = np.asarray(found).reshape(20, 5, LONGEST)
    assert (views[:, 1:, 0] >= 0).all()
    monkeypatch.setattr(workspace, "POOL_BYTES", 7 * LONGEST * 4)
    fewer = place.features(WHOLE, f"tokens:{NAME}", pooled=True).train.pool
    assert fewer is not None
    assert fewer.shape == (7, LONGEST)
