"""Views of the same pictures → a loss: what every way of learning without labels promises."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Any, ClassVar

from torch import Tensor, nn

from advisor.torchvision_cure import require_cured

EXTRA = "vision"
"""The extra of this distribution that brings lightly."""

MOMENTUM = 0.99
"""Share that a slow copy keeps at the first step; it rises to 1 as a cosine does. BYOL's 0.996 and MoCo's 0.999 are for
runs of a hundred thousand steps; ours have hundreds."""


class Method(nn.Module, ABC):
    """A backbone with all that learning needs around it.

    Parameters
    ----------
    body : Module
        Pictures (n, 3, side, side) to features (n, width); it is what is wanted in the end.
    """

    views: ClassVar[int] = 2
    """Views of each picture that a step takes."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    @abstractmethod
    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Compute the loss of a batch: one tensor (n, 3, side, side) per view, picture by picture the same."""

    def follow(self, share: float) -> None:
        """Let slow copies follow after a step; ``share`` of the steps are done."""


def lightly(module: str) -> ModuleType:
    """Import a module of lightly, such as ``lightly.loss``; MissingDependency is raised if it is not installed."""
    return require_cured(module, extra=EXTRA)


def slow_copy(module: nn.Module) -> Any:
    """Copy a module that is to follow by its average, without gradients."""
    made = copy.deepcopy(module)
    return made.requires_grad_(False)


def follow(fast: nn.Module, slow: nn.Module, share: float) -> None:
    """Move a slow copy a little towards the fast one.

    Parameters
    ----------
    fast, slow : Module
        Of the same kind.
    share : float
        Of the steps that are done: the nearer to 1, the less the copy moves.
    """
    momentum = 1.0 - (1.0 - MOMENTUM) * (math.cos(math.pi * share) + 1.0) / 2.0
    lightly("lightly.models.utils").update_momentum(fast, slow, m=momentum)
