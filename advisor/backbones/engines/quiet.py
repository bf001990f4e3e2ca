"""The library ``transformers``, kept from drawing bars and from reporting what is meant to be so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from advisor.torchvision_cure import require_cured


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """Import ``transformers``, and let it write errors only as long as the context lasts.

    Yields
    ------
    module
        It.

    Raises
    ------
    MissingDependency
        If it is not installed.
    """
    transformers = require_cured("transformers", extra="text")
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield transformers
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
