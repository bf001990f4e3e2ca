"""Weights land where they belong, tensor by tensor, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import safetensors.torch
import skimage.data
import torch
from pretrained import save_weights

from advisor.backbone import BackboneCard, find_backbone
from advisor.backbones.engines.network import build_net, make_net, rename_efficientnet
from advisor.backbones.engines.torch_engine import fuse
from advisor.backbones.pictures import view_of
from advisor.errors import InvalidRun

SEEN = {"coffee": 967, "camera": 872}
"""Sample pictures of scikit-image, and the class of ImageNet that they show: espresso, tripod."""


def card_with(source: str, path: Path) -> BackboneCard:
    """The card of a model with weights from a file."""
    return find_backbone(f"{source}@{path}")


@pytest.mark.parametrize("name", SEEN)
def test_the_embedded_network_sees_what_is_there(name: str, tmp_path: Path) -> None:
    """With its classifier of 1,000 classes it names scikit-image's samples, surely."""
    file = tmp_path / "picture.jpg"
    PIL.Image.fromarray(getattr(skimage.data, name)()).save(file, quality=95)
    card = find_backbone("efficientnet_lite0")
    net = build_net(card, pretrained=True, n_classes=1000)
    pixels = view_of(str(file), card, "plain")
    assert pixels is not None
    seen = (torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5
    with torch.inference_mode():
        sure = net(seen).softmax(1)[0]
    assert int(sure.argmax()) == SEEN[name]
    assert float(sure.max()) > 0.9


def test_the_rule_of_names_reaches_every_tensor() -> None:
    """296 names of the original port become timm's 296, in the same order and shapes."""
    card = find_backbone("efficientnet_lite0")
    from advisor.backbones.weights import need_weights

    original = torch.load(need_weights(card), map_location="cpu", weights_only=True)
    net = make_net(card.source, card.input_size, n_classes=1000)
    renamed = rename_efficientnet(original, net)
    assert list(renamed) == list(net.state_dict())
    assert len(renamed) == 296
    assert [t.shape for t in renamed.values()] == [t.shape for t in net.state_dict().values()]


def test_weights_of_another_sum_are_refused() -> None:
    """The package's file must be the one that the card knows."""
    card = find_backbone("efficientnet_lite0").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(InvalidRun, match="SHA-256 000000000000"):
        build_net(card, pretrained=True)


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_a_file_is_loaded_without_its_classifier(ending: str, tmp_path: Path) -> None:
    """Any number of classes is dropped; the rest is what the file holds, wrapped or not."""
    path = save_weights("test_efficientnet", 160, tmp_path / f"w.{ending}")
    net = build_net(card_with("test_efficientnet", path), pretrained=True)
    torch.manual_seed(0)
    expected = make_net("test_efficientnet", 160, n_classes=7).state_dict()
    state = net.state_dict()
    assert set(expected) - set(state) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(state[name], expected[name]) for name in state)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    """Missing, unexpected and misshapen tensors are all said at once."""
    path = save_weights("test_efficientnet", 160, tmp_path / "w.safetensors")
    state = safetensors.torch.load_file(path)
    del state["conv_stem.weight"]
    state["odd"] = torch.zeros(1)
    state["bn1.weight"] = torch.zeros(5)
    safetensors.torch.save_file(state, path)
    with pytest.raises(InvalidRun) as told:
        build_net(card_with("test_efficientnet", path), pretrained=True)
    for part in ("1 missing tensors ('conv_stem.weight')", "1 unexpected tensors ('odd')", "(5,)"):
        assert part in str(told.value)


def test_another_model_s_weights_are_refused(tmp_path: Path) -> None:
    """Also where the families' converters would have to be asked."""
    path = save_weights("test_vit", 160, tmp_path / "w.safetensors")
    with pytest.raises(InvalidRun, match="of 'test_resnet'"):
        build_net(card_with("test_resnet", path), pretrained=True)


def test_a_file_that_runs_code_is_refused(tmp_path: Path) -> None:
    """A pickle of anything but tensors is not opened."""
    path = tmp_path / "w.pth"
    torch.save({"state_dict": {"a": Path("x")}}, path)
    with pytest.raises(InvalidRun, match="expected a safetensors or PyTorch file"):
        build_net(card_with("test_resnet", path), pretrained=True)


def test_a_transformer_takes_weights_of_another_size(tmp_path: Path) -> None:
    """Its positions are resampled, as timm does for its own weights."""
    path = save_weights("test_vit", 160, tmp_path / "w.safetensors")
    card = card_with("test_vit", path).model_copy(update={"input_size": 96})
    net = build_net(card, pretrained=True)
    with torch.inference_mode():
        assert net(torch.zeros(1, 3, 96, 96)).shape == (1, card.width)


def test_folding_norms_changes_nothing_but_the_work() -> None:
    """No norm is left in a plain network, and its output is the same."""
    torch.manual_seed(0)
    net = make_net("test_efficientnet", 160).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean)
    folded = fuse(net)
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        seen = torch.randn(2, 3, 160, 160)
        np.testing.assert_allclose(folded(seen), net(seen), atol=1e-4)


def test_a_convolution_that_others_read_is_not_folded() -> None:
    """Where folding would change the output, the network stays as it was."""

    class Residual(torch.nn.Module):
        """A norm beside a path that goes around it."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)
            self.norm = torch.nn.BatchNorm2d(4)
            torch.nn.init.constant_(self.norm.running_var, 4.0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Add the raw output of the convolution."""
            x = self.conv(x)
            return (x + self.norm(x)).mean((2, 3))

    net = Residual().eval()
    assert fuse(net) is net
