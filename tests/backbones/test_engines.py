"""Whatever runs a network, the embeddings are the same; and nothing is sent home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pretrained import save_pictures, save_weights

from advisor.backbone import find_backbone
from advisor.backbones.engines.network import make_net
from advisor.backbones.engines.torch_engine import TorchEngine
from advisor.backbones.pictures import view_of
from advisor.cache import ArrayCache
from advisor.embedding import embed


@pytest.mark.parametrize("source", ["test_efficientnet", "test_vit"])
def test_engines_agree(source: str, tmp_path: Path) -> None:
    """OpenVINO, fresh or from the cache, gives plain torch's features for any number of pictures."""
    pytest.importorskip("openvino")
    from advisor.backbones.engines.openvino_engine import SPACE, OpenVinoEngine

    path = save_weights(source, 160, tmp_path / "w.safetensors")
    card = find_backbone(f"{source}@{path}")
    seen = np.random.default_rng(0).integers(0, 256, (5, 160, 160, 3), dtype=np.uint8)
    expected = TorchEngine(card, threads=1)(seen)
    assert expected.shape == (5, card.width)
    cache = ArrayCache(tmp_path / "cache")
    fresh, kept = OpenVinoEngine(card, 1, cache), OpenVinoEngine(card, 1, cache)
    within = 2e-5 * np.abs(expected).max()
    np.testing.assert_allclose(fresh(seen), expected, atol=within)
    np.testing.assert_allclose(kept(seen), expected, atol=within)
    np.testing.assert_allclose(kept(seen[:1]), expected[:1], atol=within)
    assert [one.space for one in cache.usage()] == [SPACE]


def test_a_network_that_is_converted_wrongly_runs_on_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user is told, and the embeddings are torch's."""
    openvino = pytest.importorskip("openvino")
    path = save_weights("test_resnet", 160, tmp_path / "w.safetensors")
    other = make_net("test_resnet", 160)
    convert = openvino.convert_model
    monkeypatch.setattr(
        openvino, "convert_model", lambda net, **rest: convert(other.eval(), **rest)
    )
    monkeypatch.setenv("REGIME_ADVISOR_CACHE", str(tmp_path / "cache"))
    name = f"test_resnet@{path}"
    paths = save_pictures(tmp_path, 2)
    with pytest.warns(UserWarning, match="'test_resnet' runs on torch"):
        found = embed(paths, name, threads=1)
    card = find_backbone(name)
    seen = [view_of(path, card, "plain") for path in paths]
    expected = TorchEngine(card, threads=1)(np.stack([one for one in seen if one is not None]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_openvino_is_imported_without_its_telemetry() -> None:
    """The package that sends usage statistics is never loaded."""
    pytest.importorskip("openvino")
    script = (
        "import sys; from advisor.backbones.engines.openvino_engine import silent_openvino\n"
        "silent_openvino(); from openvino.tools.ovc import telemetry_utils\n"
        "print(telemetry_utils.tm.__name__, [m for m in sys.modules if 'backend_ga' in m])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub []"


def test_torchvision_can_be_imported_beside_any_torch() -> None:
    """The cure works in a fresh process, twice, and for what imports torchvision itself."""
    script = (
        "from advisor.torchvision_cure import require_cured, cure_torchvision\n"
        "require_cured('torchvision.transforms.v2'); cure_torchvision(); require_cured('timm')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
