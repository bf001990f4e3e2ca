"""A machine → Lightning Fabric on its one best device, without log and files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from advisor.registry import require
from advisor.torchvision_cure import require_cured

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def has_gpu() -> bool:
    """Whether torch can train on a GPU here; raises MissingDependency without torch."""
    return bool(require("torch", extra="vision").cuda.is_available())


def quiet_fabric(device: str = "") -> Fabric:
    """One device, no log, no files; bfloat16 where a GPU does the work.

    The environment is named so that a cluster's variables are not taken for an order to start more processes, and MPS
    is left out since it lacks operations that the views need. Lightning imports torchvision, which may need its cure.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``; empty for a GPU where there is one.

    Returns
    -------
    Fabric
    """
    lightning = require_cured("lightning.fabric")
    environments = require_cured("lightning.fabric.plugins.environments")
    for name in ("lightning.fabric", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not device:
        device = "cuda" if has_gpu() else "cpu"
    made: Fabric = lightning.Fabric(
        accelerator=device,
        devices=1,
        precision="bf16-mixed" if device == "cuda" else "32-true",
        plugins=[environments.LightningEnvironment()],
    )
    return made
