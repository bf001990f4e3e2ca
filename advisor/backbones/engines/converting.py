"""A torch module → the same network for OpenVINO, checked against torch, converted once and kept in the cache."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
"""By default a CPU with bf16 or fp16 units computes in those: faster, and different on every machine."""


class NotConverted(Exception):
    """OpenVINO cannot run a network, or not as torch runs it; the message is the reason."""


def silent_openvino() -> ModuleType:
    """Import OpenVINO with its telemetry switched off.

    It sends usage statistics on import unless a file in the home folder says no; without the package that sends them
    it uses a stub, so that package is hidden from this process.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return require("openvino", extra="vision")


def kept_network(core: Any, key: str, cache: ArrayCache, convert: Callable[[], Any]) -> Any:
    """Read a converted network from the cache, or convert it and keep it there.

    Parameters
    ----------
    core : openvino.Core
        Reads it.
    key : str
        All that it depends on, besides the version of OpenVINO.
    cache : ArrayCache
        Where it is kept.
    convert : callable
        Makes it; may raise :class:`NotConverted`.

    Returns
    -------
    openvino.Model
    """
    openvino = silent_openvino()
    key = f"{key} {openvino.__version__}"
    kept = _read(key, cache)
    if kept is None:
        kept = _as_bytes(convert())
        _write(key, kept, cache)
    structure, weights = kept
    return core.read_model(structure.tobytes(), openvino.Tensor(weights))


def convert_checked(net: Any, example: Any, others: Sequence[Any], shape: Sequence[int]) -> Any:
    """Convert a torch module, and compare the two on other input.

    Parameters
    ----------
    net : torch.nn.Module
        In evaluation mode; one tensor to one tensor.
    example : Tensor
        What it is traced with.
    others : sequence of Tensor
        What the two are compared on: of other sizes, lest one of them is taken for a constant of the network.
    shape : sequence of int
        Of the input, -1 where it is not fixed.

    Returns
    -------
    openvino.Model

    Raises
    ------
    NotConverted
        If it cannot be converted, or gives something else.
    """
    import torch

    openvino = silent_openvino()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing's; what they warn of is checked below
            model = openvino.convert_model(net, example_input=example, input=list(shape))
            expected = [net(other).numpy() for other in others]
        compiled = openvino.compile_model(model, "CPU", EXACT)
        found = [compiled(other.numpy())[0] for other in others]
    except Exception as fault:  # a model with an operation or a shape that cannot be converted
        raise NotConverted(f"{type(fault).__name__}: {fault}".splitlines()[0]) from fault
    for one, wanted in zip(found, expected, strict=True):
        difference = float(np.abs(one - wanted).max() / max(np.abs(wanted).max(), TINY))
        if not difference <= SAME_WITHIN:
            raise NotConverted(f"its embeddings differ from torch's by {difference:.0e}")
    return model


def _as_bytes(model: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Take a network's structure and its weights as bytes."""
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
