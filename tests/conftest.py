"""What every test may ask for: real tables, and a machine that stays off the network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# A test must not fetch weights, and a slow machine must not fail a property.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep embeddings out of the user's cache, and what is in that cache out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGIME_ADVISOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real tables beside the checkout (or ADVISOR_DATA); skips where there is none."""
    folder = Path(os.environ.get("ADVISOR_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "index.json").exists():
        pytest.skip(f"no folder of real tables at {folder}: set ADVISOR_DATA")
    return folder


@pytest.fixture(scope="session")
def credit() -> Path:
    """Folder of the bundled credit applications: 2,227 labelled rows, target ``Status``."""
    return ROOT / "benchmarks" / "demo" / "credit"


@pytest.fixture(scope="session")
def penguins() -> Path:
    """Folder of the bundled penguins: 189 labelled rows, target ``species``."""
    return ROOT / "benchmarks" / "demo" / "penguins"
