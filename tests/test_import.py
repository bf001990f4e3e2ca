"""Lightness: what is not used is not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import advisor

HEAVY = frozenset(
    [
        "torch",
        "optuna",
        "xgboost",
        "lightgbm",
        "catboost",
        "matplotlib",
        "sklearn",
        "scipy",
        "tabicl",
        "timm",
        "transformers",
    ]
)
TABLES = HEAVY | {"pandas", "numpy", "pydantic", "jinja2"}
NO_TORCH = frozenset({"torch", "optuna", "matplotlib", "tabicl", "timm", "transformers"})

HELP = (
    "import sys; sys.argv = ['{0}', '--help']; from advisor.cli import {1} as main\ntry:\n main()"
)
HELP += "\nexcept SystemExit as end:\n assert not end.code"
"""Runs a command's help and goes on."""


def loaded(code: str) -> set[str]:
    """Top-level modules of a fresh process after it ran ``code``."""
    told = "\nimport sys\nprint('LOADED', *{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + told], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import advisor",
        "import advisor; dir(advisor)",
        HELP.format("advise", "run_advise"),
        HELP.format("autofit", "run_autofit"),
        HELP.format("advisor", "run"),
    ],
    ids=["import", "dir", "advise --help", "autofit --help", "advisor --help"],
)
def test_looking_loads_nothing_heavy(code: str) -> None:
    """Not even pandas and pydantic."""
    assert not loaded(code) & TABLES


def test_reading_a_report_loads_no_learner() -> None:
    """The types are there without the libraries that learn."""
    assert not loaded("from advisor import StrategyReport") & HEAVY


def test_advice_on_a_table_loads_no_torch(penguins: Path) -> None:
    """Rules need no network library."""
    code = f"from advisor import advise; advise({str(penguins)!r}, probe_seconds=None)"
    assert not loaded(code) & NO_TORCH


@pytest.mark.parametrize("name", advisor.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    """``__all__``, ``dir`` and attribute access agree."""
    assert name in dir(advisor)
    assert getattr(advisor, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no_such_thing"):
        advisor.no_such_thing  # noqa: B018


def test_onnxruntime_leaves_no_id_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No telemetry: where this package is imported first, that library writes nothing into the home folder."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    subprocess.run([sys.executable, "-c", "import advisor, onnxruntime"], check=True, timeout=60)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
