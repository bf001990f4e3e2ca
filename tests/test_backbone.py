"""A name finds the same backbone everywhere, and nothing is downloaded that nobody asked for."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import numpy as np
import pytest
from pretrained import put_in_hub_cache, rewrite_weights, save_pictures, save_weights, tiny_bert

from advisor.backbone import (
    LOADERS,
    fetch_backbone,
    find_backbone,
    load_cards,
    missing_for,
    split_backbone,
    usable_backbones,
)
from advisor.embedding import embed
from advisor.errors import InvalidRequest, MissingDependency
from advisor.tasks import Modality

TINY = "test_efficientnet.r160_in1k"


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of ours and of the hub; no memory of earlier downloads."""
    monkeypatch.setenv("REGIME_ADVISOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    fetch_backbone.cache_clear()
    return tmp_path / "hub"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any look at the network fails the test, not only the call."""

    def refuse(*arguments: Any, **options: Any) -> None:
        pytest.fail("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_card_is_found_by_its_name() -> None:
    """The embedded default, with weights from its package."""
    card = find_backbone("efficientnet_lite0")
    assert card.source == "tf_efficientnet_lite0"
    assert card.path is None


def test_any_model_of_timm_is_found_by_its_name() -> None:
    """With or without a tag; its card is timm's."""
    card = find_backbone("resnet26.bt_in1k")
    assert (card.width, card.input_size, card.weights) == (2048, 224, "hub:timm/resnet26.bt_in1k")
    assert find_backbone("resnet26").width == 2048


@pytest.mark.parametrize("name", ["resnet26.no_such_tag", "resnet_99", ""])
def test_an_unknown_name_is_refused(name: str) -> None:
    """Also a tag that the architecture does not have."""
    with pytest.raises(InvalidRequest, match="--backbone"):
        find_backbone(name)


def test_a_refusal_lists_the_backbones_of_the_modality() -> None:
    """Nobody who has texts is helped by the names of what sees pictures."""
    with pytest.raises(InvalidRequest, match="all_minilm_l6_v2") as refused:
        find_backbone("nothing-of-the-kind", Modality.TEXT)
    assert "efficientnet_lite0" not in str(refused.value)
    with pytest.raises(InvalidRequest, match="efficientnet_lite0"):
        find_backbone("nothing-of-the-kind")


def test_a_file_of_weights_is_part_of_the_name(tmp_path: Path) -> None:
    """The name finds it again, and a file that is not there is named."""
    name = f"efficientnet_lite0@{tmp_path / 'none.safetensors'}"
    card = find_backbone(name)
    assert (card.name, card.path, card.sha256) == (name, tmp_path / "none.safetensors", "")
    assert "none.safetensors" in missing_for(name)
    with pytest.raises(MissingDependency, match=r"none\.safetensors"):
        LOADERS[card.loader].build(card, pretrained=True, drop=0.0, drop_path=0.0)


def test_paths_may_hold_the_mark(tmp_path: Path) -> None:
    """As those of a synchronised drive do: what is there says where the name of the weights begins."""
    folder = tiny_bert(tmp_path / "Drive-me@mail.com" / "net@2")
    card = find_backbone(str(folder))
    assert (card.name, card.path) == (str(folder), folder)
    assert missing_for(str(folder)) == ""
    for model in ("all_minilm_l6_v2", str(folder), folder.name):
        name = f"{model}@{folder}"
        assert split_backbone(name) == (model, str(folder))
        assert find_backbone(name).path == folder
    gone = f"all_minilm_l6_v2@{tmp_path / 'me@mail.com' / 'gone'}"
    assert split_backbone(gone) == ("all_minilm_l6_v2", gone.partition("@")[2])


def test_weights_written_anew_are_read_anew(tmp_path: Path) -> None:
    """What was opened before they were does not embed under their name."""
    weights = save_weights(TINY, 160, tmp_path / "w.safetensors")
    paths, name = save_pictures(tmp_path, 2), f"{TINY}@{weights}"
    before = embed(paths, name, threads=1)
    rewrite_weights(weights)
    after = embed(paths, name, threads=1)
    assert not np.allclose(after, before)
    fresh = weights.rename(tmp_path / "other.safetensors")
    np.testing.assert_allclose(embed(paths, f"{TINY}@{fresh}", threads=1), after, rtol=1e-5)


def test_a_folder_of_weights_is_as_good_as_its_file(tmp_path: Path) -> None:
    """The better format is read where there are both; a folder without any is said to be one."""
    folder = tmp_path / "net"
    folder.mkdir()
    name = f"{TINY}@{folder}"
    assert "got a folder without them" in missing_for(name)
    paths = save_pictures(tmp_path, 2)
    for file in ("pytorch_model.bin", "model.safetensors"):
        weights = save_weights(TINY, 160, folder / file)
        assert missing_for(name) == ""
        by_file = embed(paths, f"{TINY}@{weights}", threads=1)
        np.testing.assert_array_equal(embed(paths, name, threads=1), by_file)
    rewrite_weights(folder / "model.safetensors")
    assert not np.allclose(embed(paths, name, threads=1), by_file)


@pytest.mark.usefixtures("no_network")
def test_looking_never_touches_the_network() -> None:
    """Without weights on this machine only the embedded backbone is usable."""
    assert usable_backbones(Modality.IMAGE) == ("efficientnet_lite0",)
    others = (card for card in load_cards().values() if card.weights.startswith("hub:"))
    assert all(missing_for(card.name) for card in others)


@pytest.mark.usefixtures("no_network")
def test_weights_that_the_hub_left_here_are_used(tmp_path: Path, own_places: Path) -> None:
    """A backbone downloaded before is ready, and embeds, without the hub."""
    weights = save_weights(TINY, 160, tmp_path / "w.safetensors", n_classes=1000)
    put_in_hub_cache(own_places, f"timm/{TINY}", weights)
    assert missing_for(TINY) == ""
    assert usable_backbones(Modality.IMAGE, [TINY]) == (TINY,)
    paths = save_pictures(tmp_path, 2)
    by_file = embed(paths, f"{TINY}@{weights}", threads=1)
    np.testing.assert_array_equal(embed(paths, TINY, threads=1), by_file)
    assert np.isfinite(by_file).all()


def test_a_backbone_asked_for_is_downloaded_once(
    tmp_path: Path, own_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming it downloads it; those not named are left alone; the smallest comes first."""
    weights = save_weights(TINY, 160, tmp_path / "w.safetensors", n_classes=1000)
    downloads: list[str] = []

    def download(repository: str, name: str) -> str:
        downloads.append(f"{repository}/{name}")
        return str(put_in_hub_cache(own_places, repository, weights))

    monkeypatch.setattr(huggingface_hub.utils, "get_session", lambda: _Answering())
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert usable_backbones(Modality.IMAGE) == ("efficientnet_lite0",)
    asked = ["efficientnet_lite0", TINY]
    assert usable_backbones(Modality.IMAGE, asked) == (TINY, "efficientnet_lite0")
    assert usable_backbones(Modality.IMAGE, asked) == (TINY, "efficientnet_lite0")
    assert downloads == [f"timm/{TINY}/model.safetensors"]


def test_offline_the_reason_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that does not answer is asked once, and the other backbones asked for still run."""
    tried: list[str] = []

    def unreachable() -> Any:
        tried.append("")
        raise OSError("Name or service not known\nand a second line")

    monkeypatch.setattr(huggingface_hub.utils, "get_session", unreachable)
    for _ in range(2):
        found = usable_backbones(Modality.IMAGE, [TINY, "efficientnet_lite0"])
        assert found == ("efficientnet_lite0",)
    told = fetch_backbone(TINY)
    assert len(tried) == 1
    assert "download failed: OSError: Name or service not known" in told
    assert "--backbone-path" in told
    assert "\n" not in told


class _Answering:
    """A hub that is there."""

    def head(self, url: str, timeout: float) -> None:
        """Answer."""
