"""Pictures on OpenVINO: the fastest exact way on a CPU (see ``benchmarks/throughput.py``).

The network is converted from torch once and kept in the cache, so that later runs load neither torch nor timm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import ImageCard
from advisor.backbones.engines.converting import (
    EXACT,
    SPACE,
    NotConverted,
    convert_checked,
    kept_network,
    silent_openvino,
)
from advisor.backbones.weights import fingerprint
from advisor.cache import ArrayCache

__all__ = ["SPACE", "NotConverted", "OpenVinoEngine", "silent_openvino"]


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
        core = silent_openvino().Core()
        key = f"{card.source} {fingerprint(card)[:16]} {card.input_size} {card.mean} {card.std}"
        model = kept_network(core, key, cache, lambda: _convert(card))
        settings = EXACT | {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        self._compiled = core.compile_model(model, "CPU", settings)

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures of shape (n, side, side, 3)."""
        return np.array(self._compiled(pictures)[0], dtype=np.float32)


def _convert(card: ImageCard) -> Any:
    """Convert from torch; normalising becomes part of the network."""
    import torch

    from advisor.backbones.engines.network import build_net

    net = build_net(card, pretrained=True)
    side = card.input_size
    example, other = torch.zeros(1, 3, side, side), torch.linspace(-1, 1, 3 * 3 * side * side)
    shape = [-1, 3, side, side]
    model = convert_checked(net, example, [other.reshape(3, 3, side, side)], shape)
    return _with_normalising(model, card)


def _with_normalising(model: Any, card: ImageCard) -> Any:
    """Let a network take pictures of bytes, colours last."""
    openvino = silent_openvino()
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    normal = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    normal.mean([255 * m for m in card.mean]).scale([255 * s for s in card.std])
    return steps.build()
