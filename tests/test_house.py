"""The rules of the house: what is promised of the whole, not of one part."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from numpydoc.validate import validate
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "advisor").rglob("*.py"))

MAX_FILE_LINES = 400
"""A file past this is asking to be two ideas; our choice, the p90 of the packages we admire."""

MAX_FUNCTION_LINES = 70
"""Docstring not counted; our choice, below the p99 of the packages we admire."""

HEAVY = (
    "catboost",
    "lightgbm",
    "lightning",
    "matplotlib",
    "optuna",
    "scipy",
    "sklearn",
    "tabicl",
    "timm",
    "torch",
    "transformers",
    "xgboost",
)
"""Libraries that cost from half a second to many at import."""

PICKLE = re.compile(
    r"\b(pickle|joblib|cloudpickle|dill)\.(load|dump)s?\(|allow_pickle=True"
    r"|^\s*(import|from) (pickle|cloudpickle|dill)\b|torch\.(load\((?!.*weights_only=True)|save\()"
)


def relative(path: Path) -> str:
    """Name a file from the root of the checkout."""
    return str(path.relative_to(ROOT))


def loaded_after(code: str) -> set[str]:
    """Name the heavy libraries that a new process has loaded after running ``code``."""
    ask = f"import sys\n{code}\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import advisor` answers at once."""
    assert loaded_after("import advisor") == set()


@pytest.mark.parametrize("command", ["advise", "autofit"])
def test_help_loads_nothing_heavy(command: str) -> None:
    """`advise --help` answers at once."""
    code = (
        f"sys.argv = ['{command}', '--help']\n"
        f"from advisor.cli import run_{command} as run\n"
        "try:\n    run()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert loaded_after(code) == set()


def test_advice_on_a_table_never_imports_torch(penguins: Path) -> None:
    """Advice on a table needs no deep learning library, installed or not."""
    code = (
        f"import advisor\nadvisor.advise({str(penguins)!r}, target='species', probe_seconds=None)"
    )
    assert loaded_after(code).isdisjoint({"torch", "timm", "transformers", "lightning"})


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_what_it_is_and_stays_one_idea(path: Path) -> None:
    """Each module has a docstring, few lines, and functions that fit a screen or two."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no module docstring"
    n_lines = len(text.splitlines())
    assert n_lines <= MAX_FILE_LINES
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {f.name: body_lines(f) for f in functions if body_lines(f) > MAX_FUNCTION_LINES}
    assert not long, f"functions longer than {MAX_FUNCTION_LINES} lines: {long}"


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    first = function.body[0]
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_is_pickled(path: Path) -> None:
    """A saved pipeline can be loaded from a stranger: no module reads or writes pickles."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if PICKLE.search(line)] == []


def test_the_constraints_pin_every_requirement() -> None:
    """Each dependency, of the core and of every extra, has a pin that its own range admits."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    asked = [*project["dependencies"]]
    asked += [line for extra in project["optional-dependencies"].values() for line in extra]
    wanted = [Requirement(line) for line in asked if not line.startswith(project["name"])]
    wrong = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
    ]
    assert wrong == []


def test_versions_are_reported_of_every_requirement() -> None:
    """What a result was made with is in it: each dependency, of the core and of every extra but that of development."""
    from advisor.doctor import examine
    from advisor.report import REPORTED_LIBRARIES, installed_versions

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {**project["optional-dependencies"], "dev": []}
    asked = [*project["dependencies"], *(line for extra in extras.values() for line in extra)]
    wanted = {canonicalize_name(Requirement(line).name) for line in asked} - {project["name"]}
    assert sorted(REPORTED_LIBRARIES) == sorted(wanted)
    found = installed_versions()
    assert found.keys() - {"python"} <= examine().libraries.keys()


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """What is data in the checkout (spaces, evidence, templates, py.typed) is in the wheel."""
    pytest.importorskip("hatchling", reason="hatchling (extra dev) builds the wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    ran = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    files = [f for package in ("advisor", "search_spaces") for f in (ROOT / package).rglob("*")]
    wanted = {relative(f) for f in files if f.is_file() and "__pycache__" not in f.parts}
    assert "advisor/py.typed" in wanted
    assert wanted - held == set()
    assert {name.split("/")[0] for name in held} - {"advisor", "search_spaces"} == {
        next(name.split("/")[0] for name in held if ".dist-info/" in name)
    }


def test_the_readme_lists_the_regimes_there_are() -> None:
    """The README's table of regimes is the registry's."""
    from advisor.regime import REGIMES

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Regimes\n", 1)[1].split("\n## ", 1)[0]
    assert sorted(re.findall(r"^\| *`([^`]+)`", section, flags=re.MULTILINE)) == sorted(REGIMES)


def modules() -> list[ModuleType]:
    """Import every public module of the package that needs no optional library."""
    import advisor

    names = [m.name for m in pkgutil.walk_packages(advisor.__path__, "advisor.")]
    public = [name for name in names if not re.search(r"\.(_|nets\b)", name)]
    return [importlib.import_module(name) for name in public]


def public_functions() -> list[str]:
    """Dotted names of the public functions and methods that the package defines."""
    found = []
    for module in modules():
        for name, part in vars(module).items():
            if name.startswith("_") or getattr(part, "__module__", "") != module.__name__:
                continue
            if inspect.isfunction(part):
                found.append(f"{module.__name__}.{name}")
            elif inspect.isclass(part):
                methods = [
                    m for m, f in vars(part).items() if inspect.isfunction(f) and m[0] != "_"
                ]
                found += [f"{module.__name__}.{name}.{method}" for method in methods]
    return sorted(found)


def test_docstrings_name_the_parameters_there_are() -> None:
    """Every public function has a docstring; one with a list of parameters lists exactly them."""
    faults = []
    for name in public_functions():
        found = validate(name)
        codes = {"GL08", "PR02", "PR03"} | (
            {"PR01"} if "Parameters\n" in found["docstring"] else set()
        )
        faults += [f"{name}: {text}" for code, text in found["errors"] if code in codes]
    assert faults == []
