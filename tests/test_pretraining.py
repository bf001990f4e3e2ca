"""``advisor pretrain``: from a folder with a pool to a backbone by name; and the strategies that do so themselves."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from pictures import as_bytes, draw, put
from pretrained import save_sounds, save_weights
from profiles import healthy_image_profile

pytest.importorskip("lightly", reason="training without labels needs the extra 'vision'")
pytest.importorskip("openvino", reason="pictures are embedded with the extra 'vision'")

from advisor import cli, cli_pretrain
from advisor.adaptation import FEWEST_PICTURES, Progress, Wanted
from advisor.backbone import LOADERS, PATH_MARK, find_backbone
from advisor.backbones.engines import self_supervised, view_training
from advisor.backbones.engines.view_training import Settings
from advisor.cache import FOLDER_VARIABLE
from advisor.dataset import Dataset, Task, read_dataset
from advisor.deadline import Deadline
from advisor.division import plan_for
from advisor.errors import InvalidRequest
from advisor.fitting import fit_model, load_model
from advisor.folds_probe import FoldsProbe
from advisor.pretraining import Pretrained, Stoppable, pretrain
from advisor.render.pretraining import pretrained_lines
from advisor.representation import REPRESENTATIONS, make_representation
from advisor.rule import RULES
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext
from advisor.workspace import Workspace

NET = "test_efficientnet.r160_in1k"
QUICK = Settings(method="simclr", steps=2, batch=8, size=32, learning_rate=1e-3)


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let few pictures do, one core at a time, with a cache of its own."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(self_supervised, "FEWEST_PICTURES", 8)
    monkeypatch.setattr(self_supervised, "Settings", lambda: QUICK)
    for module in (self_supervised, view_training):
        monkeypatch.setattr(module, "usable_cores", lambda: 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve labelled pictures, two to test by, and a pool of twelve in which one is labelled and one to test by."""
    root = tmp_path_factory.mktemp("data") / "colours"
    for number, colour in enumerate(("red", "green")):
        for i in range(6):
            put(root / "train" / colour / f"{i}.png", as_bytes(draw(colour, 10 * number + i)))
        put(root / "test" / colour / "0.png", as_bytes(draw(colour, 50 + number)))
    for i in range(10):
        put(root / "unlabeled" / f"{i}.png", as_bytes(draw(("red", "green")[i % 2], 90 + i)))
    put(root / "unlabeled" / "labelled.png", as_bytes(draw("red", 0)))
    put(root / "unlabeled" / "tested.png", as_bytes(draw("red", 50)))
    return root


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The smallest network of timm with random weights, by name."""
    place = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    return f"{NET}{PATH_MARK}{save_weights(NET, 160, place)}"


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    """Run ``advisor pretrain`` in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["advisor", "pretrain", *words])
    monkeypatch.setattr("advisor.cli_pretrain._stop_gently", lambda deadline: None)
    with pytest.raises(SystemExit) as end:
        cli.run()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_command_makes_a_backbone_and_says_what_it_gained(
    folder: Path,
    net: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Weights in the folder that was asked for, by a name that embeds; nothing but JSON on stdout."""
    out = tmp_path / "adapted"
    words = (str(folder), "--backbone", net, "--steps", "3", "-o", str(out), "--json")
    code, said, err = call(monkeypatch, capsys, *words)
    assert (code, err) == (0, "")
    made = Pretrained.model_validate_json(said)
    assert (made.method, made.steps <= made.planned, made.n_probed) == ("simclr", True, 12)
    assert made.before is not None
    assert made.after is not None
    assert 0 <= made.before <= made.after <= 1
    assert Path(made.place) == out / "weights.safetensors"
    assert made.name == (f"{NET}{PATH_MARK}{made.place}" if made.improved else net)
    told = json.loads((out / "adapted.json").read_text("utf-8"))
    assert told["pictures"] == 10, "a labelled or a test picture was learned from"
    card = find_backbone(f"{NET}{PATH_MARK}{made.place}")
    built = LOADERS[card.loader].build(card, pretrained=True, drop=0.0, drop_path=0.0)
    assert built(torch.zeros(1, 3, 64, 64)).shape == (1, card.width)


def test_progress_goes_to_stderr_and_the_answer_names_the_next_command(
    folder: Path, net: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Step by step with the time left, then the probe."""
    code, said, err = call(monkeypatch, capsys, str(folder), "--backbone", net, "--method", "byol")
    assert code == 0
    assert "step 2 of 2" in err
    assert said.startswith("byol")
    assert "10 unlabelled items" in said
    assert "balanced accuracy on 12 labelled items" in said


WRONG = [
    ((), "expected DATA"),
    (("FOLDER", "--method", "simclear"), "'simclear'"),
    (("FOLDER", "--method", "mae"), "plain vision transformer"),
    (("FOLDER", "--device", "tpu"), "--device cpu or cuda"),
    (("FOLDER", "--device", "cuda"), "expected a GPU for --device cuda"),
    (("FOLDER", "--time-limit", "soon"), "soon"),
    (("FOLDER", "--steps", "0"), "--steps"),
    (("FOLDER", "--backbone", "whisper_tiny_en"), "for audio"),
    (("FOLDER", "--backbone", "NET", "--backbone", "resnet18"), "one --backbone"),
    (("NO_POOL",), "--unlabeled"),
    (("TABLE", "--target", "b"), "use autofit"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_input_is_one_line_and_exit_code_2(
    words: tuple[str, ...],
    said: str,
    folder: Path,
    net: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing on stdout, and the name of the option that is wrong."""
    monkeypatch.setattr("advisor.pretraining.has_gpu", lambda: False)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n" + "\n".join(f"{i * 0.5},{i % 2}" for i in range(30)), "utf-8")
    places = {"FOLDER": folder, "NO_POOL": folder / "train", "TABLE": table, "NET": net}
    given = [str(places.get(word, word)) for word in words]
    named = "--backbone" in words or not words or words[0] != "FOLDER"
    code, out, err = call(monkeypatch, capsys, *given, *(() if named else ("--backbone", net)))
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_stopped_training_goes_on_with_the_same_call(folder: Path, net: str) -> None:
    """Called off between two steps it says so; the next call begins where it ended."""
    dataset = read_dataset(folder)
    deadline = Stoppable(None)

    def stop(progress: Progress) -> None:
        if progress.step == 2:
            deadline.stop()

    asked = {"backbone": net, "steps": 5}
    first = pretrain(dataset, deadline=deadline, tell=stop, **asked)
    assert (first.name, first.place, first.steps, first.planned) == (net, "", 2, 5)
    assert "goes on from there" in first.stopped
    assert any("same command" in line for line in pretrained_lines(first, "autofit x"))
    seen: list[int] = []
    second = pretrain(dataset, tell=lambda progress: seen.append(progress.step), **asked)
    assert (second.stopped, seen[0]) == ("", 2)


@pytest.mark.parametrize(("by_signal", "code"), [(False, 0), (True, 130)])
def test_only_a_signal_is_an_interruption(
    folder: Path,
    net: str,
    by_signal: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The end of a time limit is no failure; the answer says how to go on and when there will be a backbone."""
    monkeypatch.setattr(Stoppable, "called", by_signal)
    words = (str(folder), "--backbone", net, "--time-limit", "0.001s")
    ended, said, _ = call(monkeypatch, capsys, *words)
    assert ended == code
    assert "same command again" in said
    assert "named once training is over" in said


def test_first_signal_calls_training_off_and_the_second_ends_it() -> None:
    """Ctrl-C once stops between two steps; twice, at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    deadline = Stoppable(None)
    try:
        cli_pretrain._stop_gently(deadline)
        assert not deadline.passed()
        assert not deadline.called
        os.kill(os.getpid(), signal.SIGINT)
        assert deadline.passed()
        assert deadline.called
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_answer_says_when_nothing_was_gained() -> None:
    """Then the backbone to use is the one it started from, and no command with another one is offered."""
    told: dict[str, Any] = {
        "backbone": "resnet18", "method": "moco", "place": "w.safetensors", "n_pool": 500,
        "n_probed": 40, "measure": "balanced accuracy", "steps": 90, "planned": 300, "seconds": 61.0,
    }  # fmt: skip
    same = Pretrained(name="resnet18", before=0.7, after=0.7, **told)
    better = Pretrained(name="resnet18@w.safetensors", before=0.7, after=0.8, **told)
    assert not same.improved
    assert "nothing was gained" in pretrained_lines(same, "autofit x")[-1]
    last = pretrained_lines(better, "autofit x")[-1]
    assert last.endswith("autofit x --backbone resnet18 --backbone resnet18@w.safetensors")


def test_probe_asks_labelled_rows_on_their_folds(folder: Path) -> None:
    """Colours told by the embedding score 1, noise does not; unreadable items are no reason to fail."""
    dataset = read_dataset(folder)
    probe = FoldsProbe(dataset, 0)
    colours = dataset.y.astype(np.float32)
    place = {str(path): i for i, path in enumerate(dataset.X.iloc[:, 0])}

    def telling(items: Any) -> Any:
        own = colours[[place[item] for item in items]]
        return np.column_stack([own + 0.1, 1.1 - own, np.ones_like(own)]).astype(np.float32)

    noise = np.random.default_rng(3).normal(size=(12, 3)).astype(np.float32)
    assert probe(telling) == 1.0
    assert probe(lambda items: noise[: len(items)]) < 0.95
    assert 0 <= probe(lambda items: np.full((len(items), 3), np.nan, dtype=np.float32)) <= 1


def workspace_of(folder: Path, dataset: Dataset) -> Workspace:
    """Write a dataset into a workspace."""
    return Workspace.create(folder, dataset, plan_for(dataset, 0), "accuracy", 0)


def params_of(strategy: str, net: str, **more: Any) -> dict[str, Any]:
    """The defaults of a space, with the tiny network."""
    fields = {"backbones": (net,), "picture_backbones": (net,)}
    space = load_space(strategy, "image_few_shot_pool", fields, Task.BINARY)
    return {**space.complete({}), **more}


def fitted(
    strategy: str, params: dict[str, Any], workspace: Workspace, place: Path
) -> tuple[str, np.ndarray[Any, Any]]:
    """Prepare, fit, save and load; the representation, and predictions that are the same after as before."""
    recipe = STRATEGIES[strategy]
    name = recipe.representation(params)
    workspace.prepare(name, Deadline(None))
    features = workspace.features(0, name)
    y = workspace.y[workspace.fold(0).train]
    context = FitContext(Task.BINARY, 2, features.train.info, seed=0)
    model = fit_model(recipe, params, context, features.train, y, Deadline(None))
    expected = model.predict(features.valid.values)
    place.mkdir()
    model.save(place)
    after = load_model(recipe, place, context).predict(features.valid.values)
    np.testing.assert_allclose(after, expected, atol=1e-6)
    return name, expected


def test_probe_on_an_adapted_backbone_is_fitted_and_saved_with_its_weights(
    folder: Path, net: str, tmp_path: Path
) -> None:
    """Features are those of the adapted backbone, also where only the saved run is left."""
    workspace = workspace_of(tmp_path / "work", read_dataset(folder))
    params = params_of("adapted_probe", net, method="moco")
    name, _ = fitted("adapted_probe", params, workspace, tmp_path / "model")
    saved = workspace.features(0, name).folder
    assert (saved / "weights.safetensors").is_file()
    loaded = REPRESENTATIONS["adapted_embedding"].load(saved)
    expected = workspace.features(0, name).train.values[:2]
    rows = workspace.X.iloc[workspace.fold(0).train[:2]]
    np.testing.assert_allclose(loaded.transform(rows).values, expected, atol=1e-6)
    before, after = (
        safetensors.torch.load_file(place)["conv_head.weight"]
        for place in (net.partition(PATH_MARK)[2], saved / "weights.safetensors")
    )
    assert not after.equal(before)


def test_network_is_fine_tuned_from_the_adapted_backbone(
    folder: Path, net: str, tmp_path: Path
) -> None:
    """Its source is the adapted weights; without a pool it says what to do instead."""
    workspace = workspace_of(tmp_path / "work", read_dataset(folder))
    params = params_of("adapted_finetune", net, steps=2, size=64, method="simclr")
    name, predicted = fitted("adapted_finetune", params, workspace, tmp_path / "model")
    assert np.isfinite(predicted).all()
    source = workspace.features(0, name).train.info.source
    assert source.startswith(f"{NET}{PATH_MARK}")
    assert find_backbone(source).path != find_backbone(net).path
    none = workspace_of(tmp_path / "none", read_dataset(folder / "train"))
    for strategy in ("adapted_finetune", "adapted_probe"):
        params = params_of(strategy, net)
        with pytest.raises(InvalidRequest, match="--unlabeled"):
            none.prepare(STRATEGIES[strategy].representation(params), Deadline(None))


def test_recordings_are_adapted_to_as_log_mel_pictures(net: str, tmp_path: Path) -> None:
    """The network that is tuned afterwards is the image backbone with the adapted weights."""
    pytest.importorskip("soundfile", reason="recordings need the extra 'audio'")
    for kind, first in (("train/low", 0), ("train/high", 10), ("unlabeled", 20)):
        place = tmp_path / "sounds" / kind
        place.mkdir(parents=True)
        n = 10 if kind == "unlabeled" else 4
        save_sounds(place, tuple(0.3 + 0.01 * (first + i) for i in range(n)))
    dataset = read_dataset(tmp_path / "sounds")
    made = REPRESENTATIONS["adapted_pixels"](f"{net}+byol").fit(dataset.X, dataset.columns, 0)
    made.prepare(dataset.X, Deadline(None), dataset.X_unlabelled)
    source = made.transform(dataset.X.iloc[:1]).info.source
    assert source.startswith(f"{NET}{PATH_MARK}")
    probe = STRATEGIES["adapted_probe"]
    space = load_space("adapted_probe", "audio_few_shot", {}, Task.BINARY)
    name = probe.representation(space.complete({}))
    assert name == "adapted_embedding:efficientnet_lite0_logmel+moco"


@pytest.mark.parametrize(
    ("narrowed", "flip", "colour"),
    [
        ({}, True, True),
        ({"pool_flip": (False,)}, False, True),
        ({"pool_flip": (False,), "pool_colour": (False,)}, False, False),
    ],
)
def test_what_a_finding_forbids_is_not_done_while_adapting(
    narrowed: dict[str, tuple[bool, ...]],
    flip: bool,
    colour: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mirroring and changes of colour, by both strategies, and only where it is forbidden."""
    asked: list[Wanted] = []

    def adapt(self: Any, card: Any, items: Any, deadline: Any, seed: int, wanted: Wanted) -> str:
        asked.append(wanted)
        return f"{card.name}"

    monkeypatch.setattr(type(LOADERS["timm"]), "adapt", adapt)
    dataset = read_dataset(folder)
    for strategy in ("adapted_finetune", "adapted_probe"):
        space = load_space(strategy, "image_few_shot_pool", {}, Task.BINARY).narrowed(narrowed)
        name = STRATEGIES[strategy].representation(space.defaults())
        assert name.endswith("+moco") is not bool(narrowed)
        made = make_representation(name).fit(dataset.X, dataset.columns, 0)
        made.prepare(dataset.X.iloc[:1], Deadline(None), dataset.X_unlabelled)
    assert asked == [Wanted(method="moco", flip=flip, colour=colour)] * 2


def test_short_searches_do_not_begin_to_adapt() -> None:
    """Adapting costs what a minute of training on one core costs, each fold's share told with it."""
    for strategy in ("adapted_probe", "adapted_finetune"):
        space = load_space(strategy, "image_few_shot_pool", {}, Task.BINARY)
        costs = [
            STRATEGIES[strategy].cost(50, 0, 2, space.complete({"method": method}))
            for method in ("simclr", "moco")
        ]
        assert 20 < costs[0] < costs[1] < 300
        assert STRATEGIES[strategy].card.clock == "net"


def test_small_pool_is_no_pool_to_adapt_to() -> None:
    """The rule vetoes both strategies below the number that the training refuses, and only there."""
    rule = RULES["pool_too_small_to_adapt_to"]
    found = rule.apply(healthy_image_profile(n_unlabelled=FEWEST_PICTURES - 1))
    assert found is not None
    assert set(found.vetoes) == {"adapted_finetune", "adapted_probe"}
    assert rule.apply(healthy_image_profile(n_unlabelled=FEWEST_PICTURES)) is None
    assert rule.apply(healthy_image_profile(n_unlabelled=0)) is None
