"""Plain torch: a GPU where there is one, else fused and channels-last on the CPU."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from advisor.backbone import ImageCard
from advisor.backbones.engines.network import build_net

PROBE_SIDE = 64
"""Side in pixels of the random pictures on which folding is checked; our choice, small because it is quick."""

FOLDED_WITHIN = 1e-4
"""Difference allowed by folding, relative to the largest value; our choice, ten times what was seen."""


class TorchEngine:
    """A network in evaluation mode; call it with a batch.

    Parameters
    ----------
    card : ImageCard
        Which network.
    threads : int
        Cores it may use, where it runs on the CPU.
    """

    def __init__(self, card: ImageCard, threads: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._threads = threads
        net = fuse(build_net(card, pretrained=True))
        self._net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = 255 * torch.tensor(card.mean, device=self.device).view(1, 3, 1, 1)
        self._std = 255 * torch.tensor(card.std, device=self.device).view(1, 3, 1, 1)

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures of shape (n, side, side, 3)."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            # The GPU's short cuts in precision would make embeddings differ from a CPU's in the third digit.
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                seen = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
                normal = (seen.float() - self._mean) / self._std
                found = self._net(normal.contiguous(memory_format=torch.channels_last))
                return np.asarray(found.float().cpu().numpy(), dtype=np.float32)
        finally:
            torch.set_num_threads(before)


def fuse(net: nn.Module) -> nn.Module:
    """Fold batch norms into the convolutions whose output they take: the same function in fewer steps.

    Which belong together is seen in one run of the network, not guessed from names; that nothing else reads a folded
    convolution's output is then checked on random pictures, and a network where something does is left as it was.

    Parameters
    ----------
    net : torch.nn.Module
        In evaluation mode; not changed.

    Returns
    -------
    torch.nn.Module
        The folded network, or ``net``.
    """
    pictures = torch.randn(2, 3, PROBE_SIDE, PROBE_SIDE, generator=torch.Generator().manual_seed(0))
    folded = deepcopy(net)
    try:
        with torch.inference_mode():
            expected = net(pictures)
            pairs = _pairs(folded, pictures)
        with torch.no_grad():
            for convolution, norm in pairs:
                _fold(folded, convolution, norm)
        with torch.inference_mode():
            found = folded(pictures)
    except (
        AssertionError,
        RuntimeError,
    ):  # wants its own input size: transformers, without batch norms
        return net
    scale = float(expected.abs().max())
    return folded if torch.allclose(found, expected, rtol=0, atol=FOLDED_WITHIN * scale) else net


def _pairs(net: nn.Module, pictures: Tensor) -> list[tuple[str, str]]:
    """Find by name the convolutions and norms of which the second takes what the first gave."""
    gave: dict[int, tuple[str, Tensor]] = {}  # the tensors too, lest their ids be used again
    pairs: list[tuple[str, str]] = []

    def remember(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            gave[id(output)] = (name, output)

        return hook

    def match(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if id(inputs[0]) in gave:
                pairs.append((gave[id(inputs[0])][0], name))

        return hook

    hooks = []
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(remember(name)))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(match(name)))
    net(pictures)
    for hook in hooks:
        hook.remove()
    return pairs


def _fold(net: nn.Module, convolution: str, norm: str) -> None:
    conv: Any = net.get_submodule(convolution)
    bn: Any = net.get_submodule(norm)
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    parent, _, name = norm.rpartition(".")
    # timm's norms hold the activation that follows them.
    rest = [getattr(bn, part) for part in ("drop", "act") if hasattr(bn, part)]
    setattr(net.get_submodule(parent), name, nn.Sequential(*rest))
