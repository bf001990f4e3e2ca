"""Tiny pictures and networks of random weights, for tests that must not need the hub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import safetensors.torch
import torch

from advisor.backbones.engines.network import make_net


def save_pictures(folder: Path, n: int, side: int = 64) -> list[str]:
    """Write n pictures of smooth random colour as JPEG → their paths."""
    rng = np.random.default_rng(n)
    paths = []
    for i in range(n):
        coarse = PIL.Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        paths.append(str(folder / f"{i}.jpg"))
        coarse.resize((side * 5 // 4, side)).save(paths[-1], quality=95)
    return paths


def save_weights(source: str, side: int, path: Path, n_classes: int = 7) -> Path:
    """Write random weights of a model of timm, its classifier among them, as safetensors or PyTorch file."""
    torch.manual_seed(0)
    state = make_net(source, side, n_classes).state_dict()
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    return path


def put_in_hub_cache(hub: Path, repository: str, weights: Path) -> Path:
    """Lay a file of weights out as the hub's own cache does → its path there."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / "0123456789abcdef"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0123456789abcdef")
    place = snapshot / "model.safetensors"
    place.write_bytes(weights.read_bytes())
    return place
