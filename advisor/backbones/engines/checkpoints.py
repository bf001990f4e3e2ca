"""A training under way ↔ one file: parameters, moments of AdamW, buffers, best values, and how far it has come.

Without pickle, and written aside and renamed: whoever is killed meanwhile, there is a whole checkpoint or none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

NOW, MEAN, SQUARE, BEST = "now ", "mean ", "square ", "best "
"""Before the names of parameters: their values, the two moments, and the best values."""

BUFFER = "buffer "
"""Before the names of what is kept and has no gradient: statistics of batch norms, queues."""

STEP = "step"
"""Of what is told: how many steps the optimiser has taken."""


def write_checkpoint(
    file: Path,
    named: Mapping[str, nn.Parameter],
    optimiser: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
    told: Mapping[str, Any],
    buffers: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint in the place of the one before.

    Parameters
    ----------
    file : Path
        Its folder is made if absent.
    named : mapping of str to Parameter
        All that trains, and what follows it.
    optimiser : Optimizer
        AdamW over them.
    best : mapping of str to Tensor
        The best values so far, by the same names; may be empty.
    told : mapping
        Numbers and lists of them, ``step`` among them.
    buffers : mapping of str to Tensor or None
        What is kept besides, by other names than the parameters have.
    """
    tensors = {BEST + name: value for name, value in best.items()}
    tensors |= {BUFFER + name: value for name, value in (buffers or {}).items()}
    for name, parameter in named.items():
        tensors[NOW + name] = parameter.detach()
        moments = optimiser.state.get(parameter, {})
        if moments:
            tensors[MEAN + name] = moments["exp_avg"]
            tensors[SQUARE + name] = moments["exp_avg_sq"]
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    # Cloned where memory is shared, which the format refuses.
    whole = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    safetensors.torch.save_file(whole, draft, metadata={"told": json.dumps(dict(told))})
    draft.rename(file)


def read_checkpoint(
    file: Path,
    named: Mapping[str, nn.Parameter],
    optimiser: torch.optim.Optimizer,
    buffers: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Put parameters and optimiser back to where a checkpoint was written.

    Parameters
    ----------
    file : Path
        As :func:`write_checkpoint` took it.
    named : mapping of str to Parameter
        Changed in place.
    optimiser : Optimizer
        AdamW over them; changed in place.
    buffers : mapping of str to Tensor or None
        Changed in place.

    Returns
    -------
    best : dict of str to Tensor
    told : dict
        ``None`` instead of both, and nothing changed, where there is no checkpoint, or one that is damaged or of
        another model.
    """
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            told = json.loads(opened.metadata()["told"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        wanted: dict[str, Tensor] = {NOW + name: value for name, value in named.items()}
        wanted |= {BUFFER + name: value for name, value in (buffers or {}).items()}
        fits = all(tensors[name].shape == value.shape for name, value in wanted.items())
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None
    if not fits:
        return None
    with torch.no_grad():
        for name, value in wanted.items():
            value.copy_(tensors[name])
        for name, parameter in named.items():
            if MEAN + name in tensors:
                optimiser.state[parameter] = {
                    STEP: torch.tensor(float(told[STEP])),
                    "exp_avg": tensors[MEAN + name].to(parameter.device),
                    "exp_avg_sq": tensors[SQUARE + name].to(parameter.device),
                }
    best = {
        name: tensors[BEST + name].to(value.device)
        for name, value in {**named, **(buffers or {})}.items()
        if BEST + name in tensors
    }
    return best, told
