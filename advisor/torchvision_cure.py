"""An installed torchvision → one that can be imported, whichever torch it was built for.

The torchvision of PyPI is built for the CUDA torch of PyPI. Beside a CPU torch its compiled operators cannot be loaded,
and its import then fails for want of the *schemas* of two of them (``operator torchvision::nms does not exist``), which
takes timm, lightning and transformers down with it. Only detection models run those operators, so declaring them is
all that is needed.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from advisor.registry import available, require

SCHEMAS = ("nms", "qnms")
"""Operators that torchvision's import wants declared, all of (dets, scores, iou_threshold) -> Tensor."""

_declared: list[Any] = []  # torch forgets the schemas of a library that is garbage


def require_cured(module: str, extra: str = "vision") -> ModuleType:
    """Import torchvision, or a library that imports it.

    Parameters
    ----------
    module : str
        Dotted name, for example ``"timm"`` or ``"torchvision.transforms.v2"``.
    extra : str
        The extra of this distribution that brings it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependency
        If it is not installed.
    """
    if available("torch") and available("torchvision"):
        cure_torchvision()
    return require(module, extra=extra)


def cure_torchvision() -> None:
    """Make ``import torchvision`` work; does nothing where it does already, and nothing twice."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as fault:
        if "torchvision::" not in str(fault) or _declared:
            raise
        library = require("torch.library", extra="vision").Library("torchvision", "DEF")
        for name in SCHEMAS:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
        importlib.import_module("torchvision")
