"""A backbone → its stages, and the backbone in two: a frozen stem whose maps can be kept, and a tail that trains.

An encoder of texts says itself what its stages are. There is no common way to ask a timm model for its parts, but
nearly all are a chain: something, a container of stages, something. The tail is the same model in which all that comes
before the cut passes its input on unchanged; whether tail after stem really is the model is measured, and a model for
which it is not is refused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from advisor.errors import InvalidRequest

CONTAINERS = ("blocks", "stages", "layers", "features")
"""Names that timm's models give to the container of their stages (EfficientNet and ViT, ConvNeXt, Swin, DenseNet)."""

NUMBERED = re.compile(r"(layer|stage|block|s)_?\d+")
"""Or to the stages themselves (ResNet, RegNet)."""

SAME = 1e-3
"""Largest difference of the outputs, as a share of their spread, that counts as the same; rounding is below 1e-5."""

LONGEST_WHY = 160
"""Letters that are told of what a library raised; our choice."""


@dataclass(frozen=True)
class Stage:
    """One stage of a backbone: the names that lead to it, and the module."""

    path: tuple[str, ...]
    module: nn.Module


class SplitNet:
    """A backbone cut after one of its stages.

    Parameters
    ----------
    body : Module
        The backbone: pictures (n, 3, side, side) to features (n, width).
    share : float
        Share of its stages that belong to the tail; at least one does, and at least one does not.
    name : str
        For messages.
    side : int
        Of the pictures, in pixels.

    Raises
    ------
    InvalidRequest
        If the backbone is not a chain of stages.
    """

    def __init__(self, body: nn.Module, share: float, name: str, side: int) -> None:
        stages = stages_of(body, name)
        n_tail = min(len(stages) - 1, count_trained(stages, share))
        self.last = stages[len(stages) - n_tail - 1]
        self.body = body
        self.tail = self._verified_tail(name, side)

    def stem(self, pictures: Tensor) -> Tensor:
        """Compute the maps at the cut."""

        def stop(module: nn.Module, inputs: Any, output: Any) -> None:
            raise _Reached(output)

        hook = self.last.module.register_forward_hook(stop)
        try:
            self.body(pictures)
        except _Reached as reached:
            return reached.output
        finally:
            hook.remove()
        raise AssertionError("the stage at the cut was not run")

    def _verified_tail(self, name: str, side: int) -> nn.Module:
        """Make the tail, and measure whether tail after stem is the whole."""
        trains = self.body.training
        place = next(self.body.parameters()).device
        example = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)).to(place)
        try:
            self.body.eval()
            with torch.no_grad():
                whole = self.body(example)
                tail = _tail_after(self.body, self.last.path, example)
                parts = tail(self.stem(example))
            same = whole.shape == parts.shape
            same = same and float((whole - parts).abs().max()) <= SAME * float(whole.std())
            why = "its tail after its stem gives other features than the whole"
        except Exception as fault:  # whatever a model does that is not such a chain
            same, why = False, in_brief(fault)
        finally:
            self.body.train(trains)
        if not same:
            raise InvalidRequest(_refusal(name, why))
        return tail.train(trains)


def stages_of(body: nn.Module, name: str) -> list[Stage]:
    """Find the stages of a backbone, from input to output.

    Parameters
    ----------
    body : Module
        The backbone.
    name : str
        For messages.

    Returns
    -------
    list of Stage
        At least two.

    Raises
    ------
    InvalidRequest
        If none are found.
    """
    told = getattr(body, "stages", None)
    if isinstance(told, list) and len(told) > 1:
        paths = {id(module): path for path, module in body.named_modules()}
        return [Stage(tuple(paths[id(module)].split(".")), module) for module in told]
    for container in CONTAINERS:
        held = getattr(body, container, None)
        if isinstance(held, nn.Sequential | nn.ModuleList) and len(held) > 1:
            return [Stage((container, child), module) for child, module in held.named_children()]
    numbered = [
        Stage((child,), module)
        for child, module in body.named_children()
        if NUMBERED.fullmatch(child)
    ]
    if len(numbered) > 1:
        return numbered
    raise InvalidRequest(_refusal(name, f"expected stages under one of {', '.join(CONTAINERS)}"))


def in_brief(fault: Exception) -> str:
    """Write what a library raised in one short line."""
    line = " ".join(f"{type(fault).__name__}: {fault}".split())
    return line if len(line) <= LONGEST_WHY else f"{line[: LONGEST_WHY - 3]}..."


def count_trained(stages: Sequence[Stage], share: float) -> int:
    """Say how many of the last stages a share of them is; at least one."""
    return max(1, round(share * len(stages)))


def depths(body: nn.Module, stages: Sequence[Stage]) -> dict[str, int]:
    """Say how far along the chain each parameter is.

    Parameters
    ----------
    body : Module
        The backbone.
    stages : sequence of Stage
        From :func:`stages_of`.

    Returns
    -------
    dict of str to int
        By name of parameter: 0 before the first stage, 1 in it, ..., and behind the last stage as in it.
    """
    marks = {".".join(stage.path) + ".": i + 1 for i, stage in enumerate(stages)}
    found, behind = {}, 0
    for name, _ in body.named_parameters():  # in the order of the modules
        depth = next((i for mark, i in marks.items() if name.startswith(mark)), None)
        behind = len(stages) if depth is not None else behind
        found[name] = behind if depth is None else depth
    return found


def tables_of(body: nn.Module) -> set[str]:
    """Name the parameters of a backbone that are tables, such as those of words and positions; pictures have none."""
    return {
        f"{path}.weight" for path, part in body.named_modules() if isinstance(part, nn.Embedding)
    }


class _Reached(Exception):
    """Carries the maps out of the forward pass, whose rest is then not computed."""

    def __init__(self, output: Tensor) -> None:
        super().__init__("the cut")
        self.output = output


class _Pass(nn.Module):
    """Stands for what comes before the cut: gives back what it is given.

    Parameters
    ----------
    beside : tuple
        What is given back behind it, where what it stands for gives back more.
    """

    def __init__(self, beside: tuple[Any, ...] = ()) -> None:
        super().__init__()
        self.beside = beside

    def forward(self, x: Tensor, *_: Any, **__: Any) -> Any:
        """Pass on."""
        return (x, *self.beside) if self.beside else x


def _tail_after(body: nn.Module, cut: tuple[str, ...], example: Tensor) -> nn.Module:
    """The same modules with everything up to ``cut`` replaced; the original is left as it is."""
    tail = _shallow_copy(body)
    _pass_until(tail, cut[0], inclusive=len(cut) == 1)
    if len(cut) > 1:
        container = _shallow_copy(getattr(body, cut[0]))
        _pass_until(container, cut[1], inclusive=True)
        tail._modules[cut[0]] = container
    if hasattr(
        tail, "_pos_embed"
    ):  # of ViTs: adds positions between the patches and the first block
        # Past Module.__setattr__, which would register a child that the class's method hides.
        object.__setattr__(tail, "_pos_embed", _Pass(_beside_patches(body, example)))
    return tail


def _beside_patches(body: Any, example: Tensor) -> tuple[Any, ...]:
    """What adding positions gives besides the patches: of Eva the rotations that every block is told.

    They hang on the side of the pictures alone, so those of one picture are those of all.
    """
    found = body._pos_embed(body.patch_embed(example[:1]))
    return found[1:] if isinstance(found, tuple) else ()


def _shallow_copy(module: nn.Module) -> nn.Module:
    made = copy.copy(module)
    made._modules = dict(module._modules)
    return made


def _pass_until(module: nn.Module, name: str, *, inclusive: bool) -> None:
    for child in list(module._modules):
        if child == name and not inclusive:
            return
        module._modules[child] = _Pass()
        if child == name:
            return


def _refusal(name: str, why: str) -> str:
    return (
        f"expected a backbone that is a chain of stages, got '{name}' ({why}); use lp_finetune with all layers and "
        "layer_decay = 1, or another backbone"
    )
