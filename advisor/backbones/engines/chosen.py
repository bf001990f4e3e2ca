"""What runs networks on a machine: found out without importing torch where there is no GPU."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from advisor.registry import available


def engine_name() -> str:
    """Choose what runs networks here: ``"cuda"``, ``"openvino"`` or ``"torch"``."""
    if has_cuda():
        return "cuda"
    return "openvino" if available("openvino") else "torch"


@lru_cache(maxsize=1)
def has_cuda() -> bool:
    """Whether torch can use a GPU; torch is imported only where a driver is."""
    if not any(
        Path(sign).exists() for sign in ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg")
    ):
        return False
    import torch

    return torch.cuda.is_available()
