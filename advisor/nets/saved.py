"""A trained network ↔ a folder, from which it comes back without the network it was tuned from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from advisor.backbone import TextCard, find_backbone
from advisor.errors import InvalidRun
from advisor.nets.network import Headed, make_net
from advisor.nets.settings import PictureSettings, Settings, TextSettings
from advisor.nets.small_nets import SCRATCH_PREFIX
from advisor.nets.stages import tables_of
from advisor.storage import read_json, write_json

WEIGHTS, SETTINGS, ENCODER = "net.safetensors", "net.json", "encoder"
"""The two files, and the folder that says what an encoder of the hub or of the user looks like."""

KINDS: dict[str, type[PictureSettings] | type[TextSettings]] = {
    "pictures": PictureSettings,
    "texts": TextSettings,
}
"""The settings of what a network sees."""


def save_net(net: Headed, folder: Path) -> None:
    """Write ``net.safetensors`` and ``net.json``, and ``encoder/config.json`` of an encoder that no package brings.

    What an installed package brings and training leaves alone is left out: the stem where only the tail was trained,
    and the tables of words.

    Parameters
    ----------
    net : Headed
        Trained.
    folder : Path
        An existing empty folder.
    """
    weights = {name: value.contiguous() for name, value in net.state_dict().items()}
    packaged = _comes_with_package(net)
    trained = _names_trained(net)
    lean = packaged and len(trained) < len(weights)
    if lean:
        weights = {name: value for name, value in weights.items() if name in trained}
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    of = next(name for name, kind in KINDS.items() if isinstance(net.settings, kind))
    written = {"of": of, "settings": asdict(net.settings), "lean": lean}
    if net.card is not None and not packaged:
        written["card"] = net.card.model_dump(mode="json")
        encoder: Any = net.body.encoder
        encoder.config.save_pretrained(folder / ENCODER)
    write_json(folder / SETTINGS, written)


def load_net(folder: Path) -> Headed:
    """Read what :func:`save_net` wrote.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Headed
        In evaluation mode, on the GPU if there is one.

    Raises
    ------
    InvalidRun
        If a file is missing or altered.
    """
    written = read_json(folder / SETTINGS)
    try:
        settings = _settings_of(written["of"], written["settings"])
        card = None
        if "card" in written:  # the folder of the encoder itself may be gone
            weights_at = {"weights": f"file:{folder / ENCODER}"}
            card = TextCard.model_validate(written["card"]).model_copy(update=weights_at)
        net = make_net(settings, pretrained=bool(written["lean"]), card=card)
        weights = safetensors.torch.load_file(folder / WEIGHTS)
        missing, strange = net.load_state_dict(weights, strict=False)
        expected = _names_trained(net) if written["lean"] else set(net.state_dict())
        if strange or expected & set(missing):
            raise ValueError(f"{len(strange)} unknown and {len(missing)} missing tensors")
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidRun(_damaged(folder, error)) from error
    except safetensors.SafetensorError as error:
        raise InvalidRun(_damaged(folder, error)) from error
    return net.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _settings_of(of: str, values: dict[str, Any]) -> Settings:
    """Lists come out of JSON where tuples went in."""
    read: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return KINDS[of](**read)


def _damaged(folder: Path, error: Exception) -> str:
    return (
        f"expected a network in '{folder.name}', got {type(error).__name__}: {error}; train again"
    )


def _comes_with_package(net: Headed) -> bool:
    backbone = net.settings.backbone
    if backbone.startswith(SCRATCH_PREFIX):
        return False
    card = net.card or find_backbone(backbone)
    return card.weights.startswith("package:")


def _names_trained(net: Headed) -> set[str]:
    """Names in the network's state of all that training may have changed."""
    if net.settings.views > 0:
        return set(net.split()[1].state_dict())
    frozen = isinstance(net.settings, TextSettings) and net.settings.frozen_tables
    tables = tables_of(net.body) if frozen else set()
    return set(net.state_dict()) - {f"body.{name}" for name in tables}
