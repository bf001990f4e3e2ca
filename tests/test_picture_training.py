"""The parts that train networks on pictures: views, targets and losses, stages, and the loop."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="networks need the extra 'vision'")

import torch
from torch import Tensor, nn
from torch.nn import functional

from advisor.augment.picture_views import Recipe, as_pictures, mix_pictures, plain_view, random_view
from advisor.augment.spectrogram_views import random_spectrogram
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRequest, InvalidRun
from advisor.nets import feeds, training
from advisor.nets.answers import predict
from advisor.nets.feeds import Examples
from advisor.nets.losses import hold_out, loss_of, meaning, rarity, solve_head, target_matrix
from advisor.nets.network import Headed, make_net
from advisor.nets.picture_feeds import Pictures
from advisor.nets.saved import load_net, save_net
from advisor.nets.settings import PictureSettings
from advisor.nets.stages import SplitNet, depths, stages_of
from advisor.torchvision_cure import require_cured

SIDE = 256

SCRATCH = PictureSettings(
    kind="classes",
    n_outputs=2,
    backbone="scratch:small_cnn:8",
    size=32,
    steps=30,
    learning_rate=5e-3,
    warm_head=False,
    frozen_statistics=False,
    augmentation="light",
    colour=False,
    batch=16,
)
"""A network of 25,000 weights that trains within a second."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing by more, and lose much where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def draw(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def squares(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noisy pictures that are dark (0) or bright (1), as flat rows."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    coarse = rng.integers(0, 120, size=(n, 8, 8, 3)) + 100 * y[:, None, None, None]
    pixels = coarse.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)
    return pixels.astype(np.uint8).reshape(n, -1), y


def ramp(n: int = 4) -> Tensor:
    """Pictures that get brighter to the right."""
    line = torch.arange(SIDE, dtype=torch.uint8)
    return line.expand(n, 3, SIDE, SIDE).contiguous()


def net_of_timm(name: str, **options: int) -> nn.Module:
    """A tiny architecture of timm with random weights, without classifier."""
    timm = require_cured("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **options)
    return made.eval()


# Views


def test_the_plain_view_is_the_centre_of_the_resized_square() -> None:
    """Of a ramp, the share that the crop leaves is missing at both ends."""
    view = plain_view(ramp(1), 112, 0.875)
    assert view.shape == (1, 3, 112, 112)
    assert view.min() == pytest.approx(1 / 16, abs=0.01)
    assert view.max() == pytest.approx(15 / 16, abs=0.01)


@pytest.mark.parametrize("augmentation", ["light", "randaugment"])
def test_a_random_view_stays_in_range_and_follows_its_generator(augmentation: str) -> None:
    """The same draw gives the same view, another draw another one."""
    pictures = as_pictures(squares(6)[0])
    recipe = Recipe(augmentation=augmentation)
    first, again = (random_view(pictures, 48, recipe, draw(1)) for _ in range(2))
    assert first.shape == (6, 3, 48, 48)
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, random_view(pictures, 48, recipe, draw(2)))


@pytest.mark.parametrize("augmentation", ["light", "randaugment"])
def test_nothing_is_mirrored_unless_it_may_be(augmentation: str) -> None:
    """A ramp still rises to the right; with flips half of them fall."""
    recipe = Recipe(augmentation=augmentation, flip=False, colour=False)
    view = random_view(ramp(64), 32, recipe, draw())
    assert (view[:, 0, 16, 31] > view[:, 0, 16, 0]).all()
    flipped = random_view(ramp(64), 32, replace(recipe, flip=True), draw())
    falling = int((flipped[:, 0, 16, 31] < flipped[:, 0, 16, 0]).sum())
    assert 16 < falling < 48


@pytest.mark.parametrize("augmentation", ["light", "randaugment"])
def test_colours_change_only_where_they_may(augmentation: str) -> None:
    """Pictures of one colour stay as they are, unless colour is varied."""
    plain = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1)
    pictures = plain.expand(32, 3, SIDE, SIDE).contiguous()
    recipe = Recipe(augmentation=augmentation, colour=False)
    wanted = (plain.float() / 255).expand(32, 3, 24, 24)
    torch.testing.assert_close(random_view(pictures, 24, recipe, draw()), wanted, rtol=0, atol=1e-5)
    varied = random_view(pictures, 24, replace(recipe, colour=True), draw())
    assert not torch.allclose(varied, wanted, atol=0.02)


def test_a_crop_keeps_at_least_its_share_of_the_picture() -> None:
    """Of a ramp, the range that a view shows is that of its crop."""
    recipe = Recipe(crop=0.5, flip=False, colour=False)
    view = random_view(ramp(200), 32, recipe, draw())
    width = (view[:, 0, 16, 31] - view[:, 0, 16, 0]) * 32 / 31
    assert width.min() > 0.55  # the square root of one half, times the narrowest shape
    assert width.max() > 0.95


def test_mixup_blends_pictures_and_targets_in_the_same_shares() -> None:
    """Pictures that are their own target stay so."""
    target = torch.eye(4)
    batch = target.view(4, 4, 1, 1).expand(4, 4, 8, 8)
    mixed, shares = mix_pictures(batch, target, (0.4, 0.0), draw(2))
    torch.testing.assert_close(mixed.mean(dim=(2, 3)), shares)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(4))
    assert not torch.equal(shares, target)


def test_cutmix_shares_targets_by_area() -> None:
    """Pixels are whole ones of either picture, and their count is the target."""
    target = torch.eye(4)
    batch = target.view(4, 4, 1, 1).expand(4, 4, 8, 8)
    mixed, shares = mix_pictures(batch, target, (0.0, 1.0), draw(3))
    assert set(mixed.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(mixed.mean(dim=(2, 3)), shares)


def test_without_mixing_a_batch_is_left_alone() -> None:
    """And a batch of one has no other to mix with."""
    batch, target = torch.rand(3, 3, 4, 4), torch.eye(3)
    assert mix_pictures(batch, target, (0.0, 0.0), draw())[0] is batch
    assert mix_pictures(batch[:1], target[:1], (1.0, 1.0), draw())[1].shape == (1, 3)


def test_a_spectrogram_is_shifted_and_masked_but_never_mirrored() -> None:
    """A ramp in time still rises; other draws give other views; the plain view keeps the edges."""
    view = random_spectrogram(ramp(32), 64, draw(1))
    assert view.shape == (32, 3, 64, 64)
    assert view.min() >= 0
    assert view.max() <= 1
    assert (view[..., 52:].mean(dim=(1, 2, 3)) > view[..., :12].mean(dim=(1, 2, 3))).all()
    assert torch.equal(view, random_spectrogram(ramp(32), 64, draw(1)))
    assert not torch.equal(view, random_spectrogram(ramp(32), 64, draw(2)))
    bands = view[0, 0].var(dim=1)  # of a row: the mask in pitch is flat
    assert bands.min() < 0.1 * bands.median()
    s = replace(SCRATCH, augmentation="spectrogram", whole=True, crop_share=1.0)
    feed = Pictures(squares(2)[0], make_net(s, pretrained=False), draw())
    rows = torch.arange(2)
    assert feed.plain(rows).shape == feed.varied(rows, rows).shape == (2, 3, 32, 32)


# Targets and losses


def test_the_loss_of_classes_is_the_cross_entropy() -> None:
    """Smoothed or not; focal weights make what is known cheaper."""
    answers, y = torch.randn(6, 3, generator=draw()), np.array([0, 1, 2, 0, 1, 2])
    target = target_matrix(y, "classes", 3)
    for smoothing in (0.0, 0.1):
        wanted = functional.cross_entropy(
            answers, torch.as_tensor(y), label_smoothing=smoothing, reduction="none"
        )
        torch.testing.assert_close(loss_of(answers, target, "classes", smoothing, 0.0), wanted)
    focal = loss_of(answers, target, "classes", 0.0, 2.0)
    sure = (answers.softmax(dim=1) * target).sum(dim=1)
    plain = loss_of(answers, target, "classes", 0.0, 0.0)
    torch.testing.assert_close(focal, plain * (1 - sure) ** 2)


def test_the_loss_of_labels_is_the_binary_cross_entropy() -> None:
    """Over the labels of a row; a label that is known well costs less with focal weights."""
    answers, y = torch.randn(5, 2, generator=draw()), np.eye(5, 2, dtype=np.int64)
    target = target_matrix(y, "labels", 2)
    wanted = functional.binary_cross_entropy_with_logits(answers, target, reduction="none").mean(1)
    torch.testing.assert_close(loss_of(answers, target, "labels", 0.0, 0.0), wanted)
    assert (loss_of(answers, target, "labels", 0.0, 2.0) < wanted).all()


def test_every_class_weighs_the_same_by_rarity() -> None:
    """Of several labels the rarest counts, and rows without any share the weight of a class."""
    weights = rarity(target_matrix(np.array([0, 0, 0, 1]), "classes", 2), "classes")
    torch.testing.assert_close(weights, torch.tensor([2 / 3, 2 / 3, 2 / 3, 2.0]))
    labels = np.array([[1, 0], [1, 1], [1, 0], [0, 0]])
    weights = rarity(target_matrix(labels, "labels", 2), "labels")
    assert weights[1] == weights[3] == 3 * weights[0]
    assert rarity(torch.randn(4, 1), "values").tolist() == [1.0] * 4


def test_no_class_and_no_label_is_held_out_whole() -> None:
    """What alone shows a class, or a label's other value, is learned from; values have none."""
    order = torch.arange(8)
    codes = target_matrix(np.array([1, 0, 2, 0, 0, 2, 0, 0]), "classes", 3)
    held, kept = hold_out(codes, order, 3, "classes")
    assert (held.tolist(), sorted(kept.tolist())) == ([1, 2], [0, 3, 4, 5, 6, 7])
    labels = np.ones((8, 2), dtype=np.int64)
    labels[1, 0] = labels[2, 1] = labels[5, 1] = 0
    held, kept = hold_out(target_matrix(labels, "labels", 2), order, 3, "labels")
    assert (held.tolist(), sorted(kept.tolist())) == ([0, 2], [1, 3, 4, 5, 6, 7])
    held, _ = hold_out(torch.arange(8.0).view(-1, 1), order, 3, "values")
    assert held.tolist() == [0, 1, 2]
    assert len(hold_out(codes, order, 0, "classes")[0]) == 0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_first_head_is_a_logistic_regression(n_classes: int) -> None:
    """The network's answers with it are the regression's probabilities."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    y = np.arange(30) % n_classes
    rows = rng.normal(size=(30, 5)).astype(np.float32) + 2 * np.eye(5, dtype=np.float32)[y]
    weights, bias = solve_head(rows, y, "classes", n_classes)
    found = meaning(torch.as_tensor(rows) @ weights.T + bias, "classes")
    scale = float(np.sqrt(rows.var(axis=0).sum()))
    peer = LogisticRegression(C=5.0, max_iter=1000).fit(rows / scale, y)
    np.testing.assert_allclose(found, peer.predict_proba(rows / scale), atol=2e-3)


def test_the_first_head_of_labels_and_of_values_points_the_right_way() -> None:
    """One row of weights per label; one for a value."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 3)).astype(np.float32)
    labels = (rows[:, :2] > 0).astype(np.int64)
    weights, _ = solve_head(rows, labels, "labels", 2)
    assert weights.shape == (2, 3)
    assert weights.argmax(dim=1).tolist() == [0, 1]
    weights, bias = solve_head(rows, rows[:, 2], "values", 1)
    assert (weights.shape, bias.shape) == ((1, 3), (1,))
    assert int(weights.argmax()) == 2


def test_the_first_head_bears_what_never_varies() -> None:
    """A class that no row is of, or a label that all have, or none."""
    y = np.arange(20) % 2 * 2
    rows = np.random.default_rng(0).normal(loc=y[:, None], size=(20, 3)).astype(np.float32)
    for codes in (y, np.full(20, 2)):
        weights, bias = solve_head(rows, codes, "classes", 4)
        found = (torch.as_tensor(rows) @ weights.T + bias).argmax(dim=1).numpy()
        assert weights.shape == (4, 3)
        assert (found == codes).mean() > 0.7
    labels = np.column_stack([np.ones(20), y > 0, np.zeros(20)]).astype(np.int64)
    weights, bias = solve_head(rows, labels, "labels", 3)
    assert weights.shape == (3, 3)
    assert bias[0] > 4
    assert bias[2] < -4


# Stages

TINY = ("test_efficientnet", "test_resnet", "test_convnext", "test_vit", "test_byobnet")

EVAS = ("eva02_tiny_patch14_224", "vit_small_patch16_dinov3", "vit_small_patch16_rope_mixed_224")
"""Their blocks are told rotations besides the patches; timm has no tiny one, so they are made smaller."""


@pytest.mark.parametrize("name", TINY)
def test_a_model_is_its_tail_after_its_stem(name: str) -> None:
    """Of every family, at other cuts too; splitting leaves the model as it was."""
    body = net_of_timm(name)
    pictures = torch.rand(2, 3, 160, 160, generator=draw())
    with torch.no_grad():
        whole = body(pictures)
        for share in (0.1, 0.5, 1.0):
            cut = SplitNet(body, share, name, 160)
            maps = cut.stem(pictures)
            torch.testing.assert_close(cut.tail(maps), whole)
            assert len(list(cut.tail.modules())) < len(list(body.modules()))
        torch.testing.assert_close(body(pictures), whole)


@pytest.mark.parametrize("name", TINY)
def test_parameters_know_how_deep_they_are(name: str) -> None:
    """The first convolution is at 0, what is behind the last stage is as deep as that stage."""
    body = net_of_timm(name)
    stages = stages_of(body, name)
    found = depths(body, stages)
    assert set(found) == {n for n, _ in body.named_parameters()}
    order = list(found.values())
    assert order[0] == 0
    assert max(order) == order[-1] == len(stages)


@pytest.mark.parametrize("name", EVAS)
@pytest.mark.parametrize("side", [96, 160])
def test_rotations_that_blocks_are_told_come_along_with_the_tail(name: str, side: int) -> None:
    """At other sizes too; the tail can be trained, and copied."""
    patch = 14 if "patch14" in name else 16
    side = side // patch * patch
    body: Any = net_of_timm(name, depth=4, embed_dim=48, num_heads=2)
    body.set_input_size(img_size=(side, side))
    pictures = torch.rand(3, 3, side, side, generator=draw())
    for share in (0.25, 0.75):
        cut = SplitNet(body.train(), share, name, side)
        assert cut.tail.training
        body.eval()
        with torch.no_grad():
            whole, maps = body(pictures), cut.stem(pictures)
        torch.testing.assert_close(copy.deepcopy(cut.tail).eval()(maps), whole)
        cut.tail(maps).square().mean().backward()
        assert body.blocks[-1].norm1.weight.grad is not None
        assert body.patch_embed.proj.weight.grad is None
        body.zero_grad()


class Skipping(nn.Module):
    """Not a chain: the end sees the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Add the input to the output."""
        found: Tensor = self.blocks(x) + x
        return found.mean(dim=(2, 3))


@pytest.mark.parametrize("body", [Skipping(), nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten())])
def test_a_model_that_is_not_a_chain_of_stages_is_refused(body: nn.Module) -> None:
    """The message names the backbone and what to use instead."""
    with pytest.raises(InvalidRequest, match=r"'odd'.*lp_finetune"):
        SplitNet(body, 0.5, "odd", 32)


# The loop


def train(settings: PictureSettings, y: NDArray[Any], deadline: Deadline | None = None) -> Headed:
    """Train on squares and hand out the network."""
    values, _ = squares(len(y))
    return training.train(Examples(values, y), settings, 0, deadline or Deadline(None))[0]


@pytest.mark.parametrize("net", ["small_cnn", "resnet10"])
def test_a_network_from_scratch_tells_bright_from_dark(net: str) -> None:
    """On pictures that it has not seen."""
    found = train(replace(SCRATCH, backbone=f"scratch:{net}:8"), squares(24)[1])
    values, y = squares(20, seed=1)
    predictions = predict(found, values)
    np.testing.assert_allclose(predictions.sum(axis=1), 1.0, atol=1e-6)
    assert (predictions.argmax(axis=1) == y).mean() >= 0.9


def test_the_same_seed_trains_the_same_network() -> None:
    """Bit by bit, whatever the global generator says, which is left as it was."""
    y = squares(12)[1]
    settings = replace(SCRATCH, steps=4, dropout=0.3, mixup=0.4, cutmix=1.0, balance="sampling")
    first = train(settings, y).state_dict()
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = train(settings, y).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_labels_and_values_are_learned_too() -> None:
    """Two labels that exclude each other, and brightness as a number."""
    _, y = squares(24)
    values, wanted = squares(10, seed=1)
    labels = np.column_stack([y, 1 - y])
    found = predict(train(replace(SCRATCH, kind="labels"), labels), values)
    assert ((found[:, 0] > found[:, 1]) == wanted).mean() >= 0.9
    settings = replace(SCRATCH, kind="values", n_outputs=1)
    found = predict(train(settings, 2.0 * y - 1), values)
    assert np.corrcoef(found[:, 0], wanted)[0, 1] > 0.8


class LateDeadline(Deadline):
    """Passes after so many looks at the clock, whatever the clock says."""

    def __init__(self, looks: int) -> None:
        super().__init__(None)
        self.looks = looks

    def passed(self) -> bool:
        """Count a look."""
        self.looks -= 1
        return self.looks < 0


def test_a_training_cut_short_is_used_after_one_pass_over_the_rows() -> None:
    """Before it there is nothing to use, with a head that knew nothing."""
    values, y = squares(24)
    _, truncated = training.train(Examples(values, y), SCRATCH, 0, LateDeadline(looks=4))
    assert truncated
    with pytest.raises(DeadlineExceeded):
        training.train(Examples(values, y), SCRATCH, 0, LateDeadline(looks=1))


def test_a_warm_head_can_be_used_before_the_first_step() -> None:
    """It is a logistic regression on features already; not before those are there."""
    values, y = squares(24)
    settings = replace(SCRATCH, warm_head=True, augmentation="none")
    found, truncated = training.train(Examples(values, y), settings, 0, LateDeadline(looks=2))
    assert truncated
    assert (predict(found, values).argmax(axis=1) == y).mean() > 0.9
    with pytest.raises(DeadlineExceeded):
        training.train(Examples(values, y), settings, 0, LateDeadline(looks=1))


def test_many_rows_are_stopped_early_at_the_best_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are held out and looked at; a hopeless learning rate ends the training before its steps do."""
    monkeypatch.setattr(training, "HOLD_OUT_FROM", 40)
    steps = []
    step = training.Training._step
    monkeypatch.setattr(
        training.Training, "_step", lambda self, *a: (steps.append(1), step(self, *a))[1]
    )
    y = squares(40)[1]
    settings = replace(SCRATCH, steps=64, learning_rate=1.0, average=0.1)
    assert np.isfinite(predict(train(settings, y), squares(4)[0])).all()
    assert len(steps) < 64


def test_the_best_state_has_the_statistics_it_was_judged_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The network handed out is that of the best look in every tensor, also what batch norms keep."""
    monkeypatch.setattr(training, "HOLD_OUT_FROM", 40)
    looks: list[tuple[float, dict[str, Tensor]]] = []
    look = training.Training._held_out_loss

    def watched(self: training.Training, module: Any) -> float:
        state = {name: value.clone() for name, value in self.net.state_dict().items()}
        looks.append((look(self, module), state))
        return looks[-1][0]

    monkeypatch.setattr(training.Training, "_held_out_loss", watched)
    found = train(replace(SCRATCH, steps=64, learning_rate=1.0), squares(40)[1]).state_dict()
    best = min(looks, key=lambda seen: seen[0])[1]
    assert best is not looks[-1][1]
    assert any("running_mean" in name for name in best)
    assert all(torch.equal(found[name], best[name]) for name in best)


@pytest.mark.parametrize("balance", ["none", "weights", "sampling"])
def test_rows_held_out_weigh_as_much_as_in_training(
    balance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where classes are balanced, a network that leaves out the rare one is not the better for it."""
    monkeypatch.setattr(training, "HOLD_OUT_FROM", 40)
    monkeypatch.setattr(training, "HELD_OUT", 0.5)
    y = (np.arange(40) % 4 == 0).astype(np.int64)
    settings = replace(SCRATCH, balance=balance)
    run = training.Training(Examples(squares(40)[0], y), settings, 0, Deadline(None))
    run.trained = []
    with torch.no_grad():
        run.net.head.weight.zero_()
        run.net.head.bias.copy_(torch.tensor([2.0, 0.0]))
    rare = torch.as_tensor(y)[run.held] == 1
    each = functional.softplus(torch.where(rare, 2.0, -2.0))
    weights = torch.where(rare, 3.0, 1.0) if balance != "none" else torch.ones(len(rare))
    wanted = float((each * weights).sum() / weights.sum())
    assert run._held_out_loss(run.feed.module) == pytest.approx(wanted, rel=1e-5)


def test_a_blend_counts_as_much_as_what_is_blended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare item in a frequent one's place takes its weight along."""
    monkeypatch.setattr(
        Pictures, "mixed", lambda self, batch, target: (batch.flip(0), target.flip(0))
    )
    y = (np.arange(16) % 4 == 0).astype(np.int64)
    run = training.Training(
        Examples(squares(16)[0], y), replace(SCRATCH, balance="weights"), 0, Deadline(None)
    )
    with torch.no_grad():
        run.net.head.weight.zero_()
        run.net.head.bias.copy_(torch.tensor([2.0, 0.0]))
    rows = torch.arange(16)
    rare = torch.as_tensor(y) == 1
    each = functional.softplus(torch.where(rare, 2.0, -2.0))
    assert run.rarity is not None
    wanted = float((each * run.rarity).mean())
    loss, _ = run.loss_of_labels(run.feed.module, rows, torch.zeros(16, dtype=torch.int64))
    assert float(loss.detach()) == pytest.approx(wanted, rel=1e-5)


def test_only_the_last_stages_change_and_batch_norms_keep_their_statistics() -> None:
    """With half of four stages unfrozen, the first two are as they were."""
    settings = replace(SCRATCH, unfrozen=0.5, frozen_statistics=True, steps=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        before = make_net(settings, pretrained=True).state_dict()
    after = train(settings, squares(16)[1]).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[2] for name in changed if name.startswith("body")} == {"2", "3"}
    assert not any("running" in name for name in changed)
    free = train(replace(settings, frozen_statistics=False), squares(16)[1]).state_dict()
    moved = {n for n in before if "running" in n and not torch.equal(before[n], free[n])}
    assert {name.split(".")[2] for name in moved} == {"2", "3"}


def test_kept_maps_train_the_tail_alone_and_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stem is as it was; where memory is short there are fewer views and it still learns."""
    y = squares(24)[1]
    settings = replace(SCRATCH, unfrozen=0.5, frozen_statistics=True, warm_head=True, views=4)
    seen = []
    prepare = feeds.Maps.prepare

    def watched(self: Any, *parts: Any) -> None:
        prepare(self, *parts)
        seen.append(self.n_views)

    monkeypatch.setattr(feeds.Maps, "prepare", watched)
    found = train(settings, y)
    values, wanted = squares(20, seed=1)
    assert (predict(found, values).argmax(axis=1) == wanted).mean() >= 0.9
    monkeypatch.setattr(feeds, "MOST_MAPS", 1)
    train(replace(settings, steps=2), y)
    train(replace(settings, steps=2, augmentation="none"), y)
    monkeypatch.undo()
    assert seen == [4, 1, 1]


def test_a_network_comes_back_from_a_folder_and_a_damaged_one_does_not(tmp_path: Path) -> None:
    """The same predictions to the last bit; altered files are refused."""
    found = train(replace(SCRATCH, steps=2, mirror=True), squares(8)[1])
    save_net(found, tmp_path)
    values = squares(5, seed=2)[0]
    again = predict(load_net(tmp_path), values)
    np.testing.assert_array_equal(again, predict(found, values))
    (tmp_path / "net.safetensors").write_bytes(b"no weights")
    with pytest.raises(InvalidRun):
        load_net(tmp_path)


def test_no_pictures_give_no_predictions() -> None:
    """Of the right width."""
    net = make_net(SCRATCH, pretrained=False)
    assert predict(net, np.zeros((0, SIDE * SIDE * 3), dtype=np.uint8)).shape == (0, 2)


@pytest.mark.parametrize(
    ("name", "side"), [("test_vit", 96), ("test_resnet", 101), ("levit_128s", 224)]
)
def test_another_input_size_suits_every_family(name: str, side: int, tmp_path: Path) -> None:
    """A backbone with patches gets the nearest multiple of their side, one for a single size that; it is saved so."""
    import safetensors.torch

    file = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(net_of_timm(name).state_dict(), file)
    settings = replace(
        SCRATCH, backbone=f"{name}@{file}", size=101, steps=2, warm_head=True, layer_decay=0.7
    )
    found = train(settings, squares(8)[1])
    assert found.settings.size == side
    (tmp_path / "saved").mkdir()
    save_net(found, tmp_path / "saved")
    file.unlink()
    values = squares(3, seed=2)[0]
    again = predict(load_net(tmp_path / "saved"), values)
    np.testing.assert_array_equal(again, predict(found, values))
