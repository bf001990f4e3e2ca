"""A machine → what can run here: Python, libraries, strategies, backbones, cores and memory."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, ConfigDict

from advisor.backbone import LOADERS, load_cards
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.report import REPORTED_LIBRARIES
from advisor.strategy import STRATEGIES


class StrategyHealth(BaseModel):
    """Whether one strategy can run; ``missing`` says what to install and is empty when it is ready."""

    model_config = ConfigDict(frozen=True)

    strategy: str
    title: str
    missing: str = ""
    weights: str = ""
    licence: str = ""


class BackboneHealth(BaseModel):
    """Whether one pretrained backbone can run; ``missing`` says what to do and is empty when it is ready."""

    model_config = ConfigDict(frozen=True)

    backbone: str
    missing: str
    weights: str
    """Where they come from, as its card says."""
    megabytes: float
    engine: str
    """What runs it here."""
    licence: str


class CacheHealth(BaseModel):
    """Where computed features are kept, and how full that is, in bytes."""

    model_config = ConfigDict(frozen=True)

    folder: str
    used: int
    limit: int


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
    backbones: tuple[BackboneHealth, ...]
    cache: CacheHealth


def examine() -> Health:
    """Find out what is installed, importing torch only where there is a GPU to ask it about.

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
    backbones = [
        BackboneHealth(
            backbone=name,
            missing=LOADERS[card.loader].missing(card),
            weights=card.weights,
            megabytes=card.megabytes,
            engine=LOADERS[card.loader].engine(),
            licence=card.licence,
        )
        for name, card in load_cards().items()
    ]
    cache = default_cache()
    used = sum(space.bytes for space in cache.arrays())
    return Health(
        python=platform.python_version(),
        executable=sys.executable,
        system=platform.platform(),
        cores=usable_cores(),
        memory_gib=_memory_gib(),
        libraries={name: _version(name) for name in ("regime-advisor", *REPORTED_LIBRARIES)},
        strategies=tuple(strategies),
        backbones=tuple(backbones),
        cache=CacheHealth(folder=str(cache.folder), used=used, limit=cache.limit),
    )


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
