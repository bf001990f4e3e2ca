"""A machine → what can run here: Python, libraries, strategies, cores and memory."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, ConfigDict

from advisor.strategy import STRATEGIES

LIBRARIES = (
    "regime-advisor",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scikit-learn",
    "scipy",
    "optuna",
    "lightgbm",
    "xgboost",
    "catboost",
    "torch",
    "tabicl",
    "polars",
    "skops",
    "safetensors",
)
"""Distributions that a reader of a bug report asks about."""


class StrategyHealth(BaseModel):
    """Whether one strategy can run; ``missing`` says what to install and is empty when it is ready."""

    model_config = ConfigDict(frozen=True)

    strategy: str
    title: str
    missing: str = ""
    weights: str = ""
    licence: str = ""


class Health(BaseModel):
    """What this machine has.

    Attributes
    ----------
    libraries : dict of str to str or None
        Version of each distribution; ``None`` where it is not installed.
    cores : int
        That this process may use.
    memory_gib : float or None
        Physical memory; ``None`` where the system does not say.
    """

    model_config = ConfigDict(frozen=True)

    python: str
    executable: str
    system: str
    cores: int
    memory_gib: float | None
    libraries: dict[str, str | None]
    strategies: tuple[StrategyHealth, ...]


def examine() -> Health:
    """Find out what is installed without importing it.

    Returns
    -------
    Health
    """
    strategies = [
        StrategyHealth(
            strategy=strategy.card.name,
            title=strategy.card.title,
            missing=strategy.missing(),
            weights=strategy.card.requires.weights,
            licence=strategy.card.licence,
        )
        for strategy in STRATEGIES.values()
    ]
    return Health(
        python=platform.python_version(),
        executable=sys.executable,
        system=platform.platform(),
        cores=usable_cores(),
        memory_gib=_memory_gib(),
        libraries={name: _version(name) for name in LIBRARIES},
        strategies=tuple(strategies),
    )


def usable_cores() -> int:
    """Count the cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, OSError, ValueError):  # not POSIX
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
