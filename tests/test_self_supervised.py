"""Training a backbone further on pictures without labels: it learns, goes on after a kill, and becomes a backbone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from pictures import as_bytes, draw, put
from pretrained import save_sounds, save_weights

pytest.importorskip("lightly", reason="training without labels needs the extra 'vision'")
pytest.importorskip("openvino", reason="pictures are embedded with the extra 'vision'")

from advisor.adaptation import METHODS, Embed, Progress, Wanted
from advisor.augment.picture_views import Recipe, random_view
from advisor.backbone import LOADERS, PATH_MARK, ImageCard, find_backbone
from advisor.backbones.engines import self_supervised, view_training
from advisor.backbones.engines.adapting import REPORT, STATE
from advisor.backbones.engines.methods.method import Method
from advisor.backbones.engines.self_supervised import PLACE, Shown, adapt
from advisor.backbones.engines.torch_engine import TorchEngine
from advisor.backbones.engines.view_training import Settings, body_of, make_method
from advisor.cache import FOLDER_VARIABLE
from advisor.deadline import Deadline
from advisor.embedding import embed
from advisor.errors import DeadlineExceeded, InvalidRequest, MissingDependency
from advisor.images.squares import load_square

NET, VIT = "test_efficientnet.r160_in1k", "test_vit.r160_in1k"
"""The smallest networks of timm."""

SHORT = Settings(method="simclr", steps=8, batch=8, size=32, learning_rate=1e-3)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Draw 24 pictures of two colours."""
    root = tmp_path_factory.mktemp("pool")
    pictures = [draw(("red", "green")[i % 2], i, 48) for i in range(24)]
    return [str(put(root / f"{i}.png", as_bytes(one))) for i, one in enumerate(pictures)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Random weights of the small networks; their names as backbones."""
    root = tmp_path_factory.mktemp("weights")
    paths = {name: save_weights(name, 160, root / f"{name}.safetensors") for name in (NET, VIT)}
    return {name: f"{name}{PATH_MARK}{path}" for name, path in paths.items()}


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let few pictures do, one core at a time, with a cache of its own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small networks gain nothing from more
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(self_supervised, "FEWEST_PICTURES", 8)
    for module in (self_supervised, view_training):
        monkeypatch.setattr(module, "usable_cores", lambda: 1)
    yield
    torch.set_num_threads(threads)


def card_of(name: str) -> ImageCard:
    """Find a card, and let it see small pictures where the network takes any size."""
    card = find_backbone(name)
    assert isinstance(card, ImageCard)
    return card if VIT in name else card.model_copy(update={"input_size": 32})


def shown() -> Shown:
    """Show pictures as the loader of timm does."""
    return Shown(square=load_square, plain=partial(load_square, side=32))


def adapted(
    name: str, files: list[str], seconds: float | None = None, **options: Any
) -> tuple[Path, dict[str, Any]]:
    """Adapt in few steps; the weights' file and what is told of it."""
    settings = options.pop("settings", SHORT)
    wanted = Wanted(**options)
    place = adapt(card_of(name), shown(), files, Deadline(seconds), 0, wanted, settings)
    return place, json.loads((place.parent / REPORT).read_text("utf-8"))


def values_of(place: Path) -> dict[str, torch.Tensor]:
    """Read a file of weights."""
    found: dict[str, torch.Tensor] = safetensors.torch.load_file(place)
    return found


class _Killed(Exception):
    """Stands for whatever ends a process between two steps."""


def made(name: str, method: str, settings: Settings, n: int = 24) -> tuple[Method, int]:
    """Put a method around a backbone."""
    card = card_of(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body, side = body_of(card, settings)
        return make_method(body, card, settings, side, n).train(), side


@pytest.mark.parametrize("method", METHODS)
def test_each_method_learns_the_views_it_is_shown(method: str, weights: dict[str, str]) -> None:
    """Steps on the same views lower the loss, and move the backbone."""
    name = weights[VIT if method == "mae" else NET]
    trained, side = made(name, method, Settings(method=method, batch=8, size=32))
    before = {n: v.clone() for n, v in trained.body.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(8, 3, 4, 4, generator=generator)
    views = [
        torch.nn.functional.interpolate(coarse, (side, side)) * (0.8 + 0.1 * i)
        for i in range(trained.views)
    ]
    trainable = [p for p in trained.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trainable, lr=3e-3)
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for step in range(30):
            loss = trained(views)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            optimiser.zero_grad()
            trained.follow(step / 30)
            losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    assert any(not v.equal(before[n]) for n, v in trained.body.named_parameters())


@pytest.mark.parametrize("method", ["moco", "byol"])
def test_slow_copy_follows_without_a_gradient(method: str, weights: dict[str, str]) -> None:
    """It moves towards the backbone, by less the further the training is."""
    trained, _ = made(weights[NET], method, Settings(method=method, batch=8, size=32))
    slow = dict(trained.slow_body.named_parameters())
    assert not any(p.requires_grad for p in slow.values())
    name, fast = next(iter(trained.body.named_parameters()))
    with torch.no_grad():
        fast.add_(1.0)
    moved = []
    for share in (0.0, 0.9):
        start = slow[name].clone()
        trained.follow(share)
        moved.append(float((slow[name] - start).abs().mean()))
    assert 0 < moved[1] < moved[0] < 0.02


def test_moco_takes_no_view_for_one_of_another_picture(weights: dict[str, str]) -> None:
    """Nothing in the queue that a view is compared with is of its own picture, whichever of both views asks."""
    trained, side = made(weights[NET], "moco", Settings(method="moco", batch=8, size=32), n=64)
    nearest: list[float] = []

    def look(criterion: Any, compared: tuple[torch.Tensor, ...]) -> None:
        asked = torch.nn.functional.normalize(compared[0].detach(), dim=1)
        nearest.append(float((asked @ criterion.memory_bank.bank.T).max()))

    trained.criterion.register_forward_pre_hook(look)
    draw = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        loss = trained([torch.rand(8, 3, side, side, generator=draw) for _ in range(2)])
    assert loss.requires_grad
    assert max(nearest) < 0.9
    kept = trained.criterion.memory_bank
    assert int(kept.bank_ptr) == 16, "both views of each picture wait for the steps to come"


@pytest.mark.parametrize("method", ["moco", "mae"])
def test_going_on_after_an_end_in_the_middle_gives_the_same_weights(
    method: str,
    files: list[str],
    weights: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Slow copies, queue, statistics and moments are in the checkpoint."""
    name = weights[VIT if method == "mae" else NET]
    settings = Settings(
        method=method, steps=8, batch=8, size=32, learning_rate=1e-3, frozen_statistics=False
    )
    whole = values_of(adapted(name, files, settings=settings, method=method)[0])
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "other"))

    def end(progress: Progress) -> None:
        if progress.step >= 5:
            raise _Killed

    with pytest.raises(_Killed):
        adapted(name, files, settings=settings, method=method, tell=end)
    begun: list[int] = []
    tell = partial(_note, begun)
    parts = values_of(adapted(name, files, settings=settings, method=method, tell=tell)[0])
    assert begun[0] > 1, "it began anew"
    assert parts.keys() == whole.keys()
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value, atol=1e-5, rtol=1e-4)
    assert not list((tmp_path / "other" / PLACE).glob("*.part"))


def _note(steps: list[int], progress: Progress) -> None:
    steps.append(progress.step)


def test_deadline_keeps_a_checkpoint(
    files: list[str], weights: dict[str, str], tmp_path: Path
) -> None:
    """What was learned by then is kept, and the next call says where it goes on."""

    class Late(Deadline):
        passes = 0

        def passed(self) -> bool:
            self.passes += 1
            return self.passes > 4

        def check(self) -> None:
            """Decoding has all the time it wants."""

    with pytest.raises(DeadlineExceeded, match=r"step 4 of at most 8; it goes on from there"):
        adapt(card_of(weights[NET]), shown(), files, Late(None), 0, Wanted(), SHORT)
    assert len(list((tmp_path / "cache" / PLACE).glob(f"*.part/{STATE}"))) == 1
    begun: list[int] = []
    adapted(weights[NET], files, tell=partial(_note, begun))
    assert begun[0] == 4


def test_same_pool_is_adapted_to_once_and_others_apart(
    files: list[str], weights: dict[str, str]
) -> None:
    """Order and copies of pictures do not matter; method, seed, steps and pictures do."""
    first, _ = adapted(weights[NET], files)
    again, _ = adapted(weights[NET], [*reversed(files), files[0]], 0.0)
    assert again == first
    quick = Settings(method="simclr", steps=1, batch=8, size=32)
    others = {adapted(weights[NET], files[:12], settings=quick)[0]}
    others |= {adapted(weights[NET], files, settings=quick, method=m)[0] for m in ("byol", "moco")}
    assert len({first, *others}) == 4


def test_views_are_not_mirrored_or_coloured_where_that_would_change_the_class(
    files: list[str], weights: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked for reaches every view, and the result is kept apart from the usual one."""
    seen: list[Recipe] = []

    def view(pictures: torch.Tensor, side: int, recipe: Recipe, draw: torch.Generator) -> Any:
        seen.append(recipe)
        return random_view(pictures, side, recipe, draw)

    monkeypatch.setattr(view_training, "random_view", view)
    quick = Settings(method="simclr", steps=1, batch=8, size=32)
    usual, _ = adapted(weights[NET], files, settings=quick)
    upright, _ = adapted(weights[NET], files, settings=quick, flip=False)
    coloured, _ = adapted(weights[NET], files, settings=quick, colour=False)
    assert len({usual, upright, coloured}) == 3
    kept = [(recipe.flip, recipe.jitter > 0, recipe.grey > 0) for recipe in seen[::2]]
    assert kept == [(True, True, True), (False, True, True), (True, False, False)]


def probe_of(answers: list[float], asked: list[int]) -> Callable[[Embed], float]:
    """Answer what is wanted, whatever is embedded."""

    def probe(embedder: Embed) -> float:
        asked.append(1)
        return answers[min(len(asked), len(answers)) - 1]

    return probe


def test_probe_stops_training_and_the_best_weights_are_kept(
    files: list[str], weights: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three looks without a rise end it; what never rose is the backbone as it came, and is said to be."""
    monkeypatch.setattr(view_training.ViewTraining, "looks", 8)
    asked: list[int] = []
    worse = probe_of([0.9, 0.5, 0.6, 0.9], asked)
    place, told = adapted(weights[NET], files, probe=worse, probe_key="worse")
    assert (len(asked), told["step"], told["improved"]) == (4, 3, False)
    original = values_of(Path(weights[NET].partition(PATH_MARK)[2]))
    assert all(value.equal(original[name]) for name, value in values_of(place).items())
    better = probe_of([0.5, 0.6, 0.4, 0.4, 0.4], [])
    place, told = adapted(weights[NET], files, probe=better, probe_key="better")
    assert (told["scores"], told["improved"]) == ([0.5, 0.6, 0.4, 0.4, 0.4], True)
    assert any(not value.equal(original[name]) for name, value in values_of(place).items())


def test_probe_is_given_what_the_backbone_says(files: list[str], weights: dict[str, str]) -> None:
    """Its embeddings before the first step are those of the backbone as it came; unreadable files are NaN."""
    found: list[np.ndarray[Any, Any]] = []

    def probe(embedder: Embed) -> float:
        found.append(embedder([files[0], files[1], files[0]]))
        return 0.0

    settings = Settings(method="simclr", steps=1, batch=8, size=32)
    adapted(weights[NET], files, probe=probe, settings=settings)
    assert found[0].shape == (3, card_of(weights[NET]).width)
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[0][0], found[0][2])
    assert len(found) == 2
    assert not np.allclose(found[0], found[1])


def test_adapted_backbone_is_a_backbone(files: list[str], weights: dict[str, str]) -> None:
    """It embeds by the name it was given, with OpenVINO as any other, and can be adapted further."""
    loader, seen = LOADERS["timm"], np.stack([load_square(file, 160) for file in files[:3]])
    wanted = Wanted(method="byol", steps=2)
    name = loader.adapt(find_backbone(weights[NET]), files, Deadline(None), 0, wanted)
    assert name.startswith(f"{NET}{PATH_MARK}")
    found = embed(files[:3], name, threads=1)
    same = TorchEngine(card_of(name).model_copy(update={"input_size": 160}), 1)(seen)
    other = TorchEngine(card_of(weights[NET]).model_copy(update={"input_size": 160}), 1)(seen)
    np.testing.assert_allclose(found, same, atol=0.05 * float(np.abs(same).max()))
    assert not np.allclose(same, other, atol=1e-4)
    further = loader.adapt(find_backbone(name), files, Deadline(None), 0, Wanted(steps=1))
    assert further not in (name, weights[NET])
    assert further.startswith(f"{NET}{PATH_MARK}")


def test_vision_transformer_adapted_at_another_size_is_one_at_its_own(
    files: list[str], weights: dict[str, str]
) -> None:
    """Positions learned for small pictures are stretched to those that the backbone sees."""
    wanted = Wanted(method="mae", steps=1)
    name = LOADERS["timm"].adapt(find_backbone(weights[VIT]), files, Deadline(None), 0, wanted)
    place = Path(name.partition(PATH_MARK)[2])
    told = json.loads((place.parent / REPORT).read_text("utf-8"))
    assert told["side"] == 96 < card_of(name).input_size == 160
    found = TorchEngine(card_of(name), 1)(np.stack([load_square(f, 160) for f in files[:2]]))
    assert np.isfinite(found).all()


def test_backbone_that_listens_is_adapted_to_recordings(
    tmp_path: Path, weights: dict[str, str]
) -> None:
    """By log-mel pictures; it listens by its new name."""
    pytest.importorskip("soundfile", reason="recordings need the extra 'audio'")
    sounds = save_sounds(tmp_path, tuple(0.4 + 0.02 * i for i in range(8)))
    place = weights[NET].partition(PATH_MARK)[2]
    card = find_backbone(f"{NET}_logmel{PATH_MARK}{place}")
    wanted = Wanted(method="simclr", steps=1)
    name = LOADERS["logmel"].adapt(card, sounds, Deadline(None), 0, wanted)
    assert name.startswith(f"{NET}_logmel{PATH_MARK}")
    assert np.isfinite(embed(sounds[:2], name, threads=1)).all()
    original = values_of(Path(place))
    moved = values_of(Path(name.partition(PATH_MARK)[2]))
    assert not moved["conv_head.weight"].equal(original["conv_head.weight"])


def test_backbone_can_start_from_scratch(files: list[str], weights: dict[str, str]) -> None:
    """Its weights are then not those it came with, but for what never trains."""
    quick = Settings(method="simclr", steps=1, batch=8, size=32, learning_rate=1e-9)
    kept, _ = adapted(weights[NET], files, settings=quick)
    fresh, _ = adapted(weights[NET], files, settings=quick, from_scratch=True)
    original = values_of(Path(weights[NET].partition(PATH_MARK)[2]))
    name = next(n for n, v in original.items() if v.dim() == 4)
    assert torch.allclose(values_of(kept)[name], original[name], atol=1e-6)
    assert not torch.allclose(values_of(fresh)[name], original[name], atol=1e-2)


def test_random_weights_need_no_others(files: list[str]) -> None:
    """A backbone whose weights are not on this machine is trained from scratch, and has some afterwards."""
    card = find_backbone(f"{NET}{PATH_MARK}nowhere.safetensors")
    with pytest.raises(MissingDependency):
        LOADERS["timm"].adapt(card, files, Deadline(None), 0, Wanted(method="simclr", steps=1))
    wanted = Wanted(method="simclr", steps=1, from_scratch=True)
    name = LOADERS["timm"].adapt(card, files, Deadline(None), 0, wanted)
    assert np.isfinite(embed(files[:2], name, threads=1)).all()


def test_first_tensors_can_stay_as_they_are(files: list[str], weights: dict[str, str]) -> None:
    """The frozen share counts from the input on."""
    quick = Settings(method="simclr", steps=2, batch=8, size=32, learning_rate=1e-2, frozen=0.5)
    place, _ = adapted(weights[NET], files, settings=quick)
    original, found = values_of(Path(weights[NET].partition(PATH_MARK)[2])), values_of(place)
    assert found["conv_stem.weight"].equal(original["conv_stem.weight"])
    assert not found["conv_head.weight"].equal(original["conv_head.weight"])


def test_what_cannot_be_trained_is_refused(files: list[str], weights: dict[str, str]) -> None:
    """A network without patches for mae, an unknown method, too few pictures, an encoder of sound."""
    with pytest.raises(InvalidRequest, match=r"plain vision transformer for mae.*--method simclr"):
        adapted(weights[NET], files, method="mae")
    with pytest.raises(InvalidRequest, match=r"got 'simclear'.*Did you mean 'simclr'"):
        adapted(weights[NET], files, method="simclear")
    with pytest.raises(InvalidRequest, match=r"at least 8 different .* got 3"):
        adapted(weights[NET], files[:3] + files[:3])
    with pytest.raises(InvalidRequest, match="used as it is"):
        LOADERS["whisper"].adapt(find_backbone("whisper_tiny_en"), [], Deadline(None), 0)


def test_unreadable_pictures_do_not_count(
    files: list[str], weights: dict[str, str], tmp_path: Path
) -> None:
    """They are left out, and too few that can be read are refused."""
    broken = [str(put(tmp_path / f"{i}.png", bytes([i] * 9))) for i in range(4)]
    settings = Settings(steps=1, batch=8, size=32)
    card = find_backbone(weights[NET])
    timm = LOADERS["timm"]
    name = timm.adapt(card, [*files[:10], *broken], Deadline(None), 0, Wanted(steps=1))
    told = json.loads((Path(name.partition(PATH_MARK)[2]).parent / REPORT).read_text("utf-8"))
    assert told["pictures"] == 10
    assert settings.steps == told["step"]
    with pytest.raises(InvalidRequest, match="got 6"):
        timm.adapt(card, [*files[:6], *broken], Deadline(None), 0, Wanted(steps=1))


def test_generator_and_threads_are_left_as_they_were(
    files: list[str], weights: dict[str, str]
) -> None:
    """Adapting changes nothing for what is random elsewhere."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    adapted(weights[NET], files, settings=Settings(steps=1, batch=8, size=32))
    assert torch.rand(1).equal(expected)
    assert torch.get_num_threads() == threads


def test_grey_views_have_no_colour_and_jitter_has_a_strength() -> None:
    """A recipe that greys all leaves equal channels; one without jitter changes no light."""
    pictures = torch.randint(0, 256, (4, 3, 40, 40), dtype=torch.uint8)

    def view(**options: Any) -> torch.Tensor:
        recipe = Recipe("light", crop=1.0, flip=False, **options)
        return random_view(pictures, 40, recipe, torch.Generator().manual_seed(0))

    grey = view(grey=1.0)
    torch.testing.assert_close(grey[:, 0], grey[:, 2])
    assert not torch.allclose(view(grey=0.0)[:, 0], view(grey=0.0)[:, 2])
    torch.testing.assert_close(view(jitter=0.0), view(colour=False))
