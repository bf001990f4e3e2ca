"""OpenVINO on the CPU: the fastest exact way measured (see ``benchmarks/throughput.py``).

The network is converted from torch once and kept in the cache, so that later runs load neither torch nor timm.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import ImageCard
from advisor.backbones.weights import fingerprint
from advisor.cache import ArrayCache
from advisor.registry import require

SPACE = "networks converted for OpenVINO"
"""Of the cache."""

PIECE = 32 * 2**20
"""Bytes of a converted network in one row of the cache; our choice, well below what a row may hold."""

SAME_WITHIN = 1e-3
"""Difference to torch allowed by converting, relative to the largest value; our choice: 1e-5 is seen, and whatever
is converted wrongly differs by far more."""

TINY = 1e-12
"""Against division by zero."""


class NotConverted(Exception):
    """OpenVINO cannot run a network, or not as torch runs it; the message is the reason."""


class OpenVinoEngine:
    """A compiled network; call it with a batch.

    Parameters
    ----------
    card : ImageCard
        Which network.
    threads : int
        Cores it may use.
    cache : ArrayCache
        Where the converted network is kept.

    Raises
    ------
    NotConverted
        If the network has to be run by torch.
    """

    def __init__(self, card: ImageCard, threads: int, cache: ArrayCache) -> None:
        openvino = silent_openvino()
        core = openvino.Core()
        model = _converted(core, card, cache)
        # By default a CPU with bf16 or fp16 units computes in those: faster, and different on every machine.
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        self._compiled = core.compile_model(model, "CPU", settings)

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures of shape (n, side, side, 3)."""
        return np.array(self._compiled(pictures)[0], dtype=np.float32)


def silent_openvino() -> ModuleType:
    """Import OpenVINO with its telemetry switched off.

    It sends usage statistics on import unless a file in the home folder says no; without the package that sends them
    it uses a stub, so that package is hidden from this process.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return require("openvino", extra="vision")


def _converted(core: Any, card: ImageCard, cache: ArrayCache) -> Any:
    openvino = silent_openvino()
    key = f"{card.source} {fingerprint(card)[:16]} {card.input_size} {card.mean} {card.std} {openvino.__version__}"
    kept = _read(key, cache)
    if kept is None:
        kept = _convert(card)
        _write(key, kept, cache)
    structure, weights = kept
    return core.read_model(structure.tobytes(), openvino.Tensor(weights))


def _convert(card: ImageCard) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Convert from torch; normalising becomes part of the network. Returns its structure and its weights as bytes."""
    import torch

    from advisor.backbones.engines.network import build_net

    openvino = silent_openvino()
    net = build_net(card, pretrained=True)
    side = card.input_size
    # Two different batch sizes, lest one of them is taken for a constant of the network.
    example, other = torch.zeros(1, 3, side, side), torch.linspace(-1, 1, 3 * 3 * side * side)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing's; what they warn of is checked below
            shape = [-1, 3, side, side]
            model = openvino.convert_model(net, example_input=example, input=shape)
            expected = net(other.reshape(3, 3, side, side)).numpy()
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.compile_model(model, "CPU", settings)
        found = compiled(other.reshape(3, 3, side, side).numpy())[0]
    except Exception as fault:  # a model with an operation or a shape that cannot be converted
        raise NotConverted(f"{type(fault).__name__}: {fault}".splitlines()[0]) from fault
    difference = float(np.abs(found - expected).max() / max(np.abs(expected).max(), TINY))
    if not difference <= SAME_WITHIN:
        raise NotConverted(f"its embeddings differ from torch's by {difference:.0e}")
    return _as_bytes(_with_normalising(model, card))


def _with_normalising(model: Any, card: ImageCard) -> Any:
    """Let a network take pictures of bytes, colours last."""
    openvino = silent_openvino()
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    normal = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    normal.mean([255 * m for m in card.mean]).scale([255 * s for s in card.std])
    return steps.build()


def _as_bytes(model: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.xml"
        silent_openvino().save_model(model, file, compress_to_fp16=False)
        return np.fromfile(file, np.uint8), np.fromfile(file.with_suffix(".bin"), np.uint8)


def _read(key: str, cache: ArrayCache) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    first = cache.get(SPACE, [f"{key} structure", f"{key} pieces"])
    if len(first) < 2:
        return None
    names = [f"{key} {i}" for i in range(int(first[f"{key} pieces"][0]))]
    pieces = cache.get(SPACE, names)
    if len(pieces) < len(names):
        return None
    return first[f"{key} structure"], np.concatenate([pieces[name] for name in names])


def _write(key: str, kept: tuple[NDArray[np.uint8], NDArray[np.uint8]], cache: ArrayCache) -> None:
    structure, weights = kept
    starts = range(0, len(weights), PIECE)
    for i, start in enumerate(starts):
        cache.put(SPACE, {f"{key} {i}": weights[start : start + PIECE]})
    # Last, so that what is found is whole.
    cache.put(SPACE, {f"{key} structure": structure, f"{key} pieces": np.array([len(starts)])})
