"""Parts are found by name, without importing all the others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from advisor.errors import AdvisorError
from advisor.profile import PROFILERS


def test_a_part_of_the_name_of_its_module_is_found_by_importing_that_alone() -> None:
    """Profiling a table does not wait for what profiles pictures, texts and recordings."""
    code = (
        "import sys\n"
        "from advisor.profile import PROFILERS\n"
        "assert 'tabular' in PROFILERS and PROFILERS['tabular']\n"
        "assert 'advisor.profilers.sounds' not in sys.modules\n"
        "print(*PROFILERS)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert set(ran.stdout.split()) == set(PROFILERS)


def test_a_name_that_no_module_has_is_looked_for_in_all_of_them() -> None:
    """And what is in none of them is an error that names those there are."""
    assert "image" in PROFILERS
    assert "nothing of the kind" not in PROFILERS
    with pytest.raises(AdvisorError, match="tabular"):
        PROFILERS["tabulr"]
