"""Seconds and peak memory of profile, advise and autofit against rows and columns.

The table is Ames house prices replicated: 30 mixed columns (about 190 bytes a row). Every figure
comes from a process of its own, imports included, beside `polars` reading and describing the same
file in the same minutes on the same machine.

    python benchmarks/cost.py --rows 1000,10000,100000,1000000 --rounds 3 --json cost.json --report

What takes minutes can be measured apart and added to what is there already:

    python benchmarks/cost.py --only autofit --add cost.json --json cost.json --report
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meter import machine, measure, versions
from readme import markdown_table, write_section
from systems import HERE

TARGET = "Sale_Price"
N_COLUMNS = 30
TIMEOUT_SECONDS = 900.0
PACKAGES = ("regime-advisor", "pandas", "pyarrow", "polars", "scikit-learn")

POLARS = "import sys, polars; print(polars.read_csv(sys.argv[1]).describe().shape)"
PANDAS = "import sys, pandas; print(pandas.read_csv(sys.argv[1]).describe(include='all').shape)"
PROFILE = (
    "import sys, advisor; "
    f"data = advisor.read_dataset(sys.argv[1], target='{TARGET}'); "
    "print(len(advisor.profile_dataset(data).model_dump_json()))"
)

LEGEND = """\
Ames replicated, mixed columns. Seconds and peak resident memory of a whole process, imports
included, medians of the rounds; *polars* and *pandas* read the CSV and describe it; *profile* is
`profile_dataset(read_dataset(path))`. In brackets the seconds that *autofit* itself says it took, of
which its limit speaks."""

ONCE = ("advise", "autofit")
"""Measured in the first round only: they have limits of their own in seconds."""

Row = dict[str, Any]


def make_table(ames: pd.DataFrame, n_rows: int, n_columns: int, path: Path) -> None:
    """Write Ames replicated to a size, rows in a random order.

    Parameters
    ----------
    ames : DataFrame
        The original rows, every cell as text.
    n_rows, n_columns : int
        Size to reach, the target included; columns beyond those there are come again under new
        names.
    path : Path
        CSV to write.
    """
    features = [name for name in ames if name != TARGET]
    names = [features[i % len(features)] for i in range(n_columns - 1)]
    wide = ames[names].set_axis(
        [name if i < len(features) else f"{name}_{i}" for i, name in enumerate(names)], axis=1
    )
    rows = np.random.default_rng(0).integers(0, len(ames), n_rows)
    wide.assign(**{TARGET: ames[TARGET]}).iloc[rows].to_csv(path, index=False)


def commands(table: Path, out: Path, seconds: float, jobs: int) -> dict[str, list[str]]:
    """List what is measured on a table.

    Parameters
    ----------
    table : Path
        The CSV.
    out : Path
        Run directory of ``autofit``, which does not exist.
    seconds : float
        Budget of ``autofit``.
    jobs : int
        Cores of ``autofit``.

    Returns
    -------
    dict of list of str
        Command by name.
    """
    scripts, target = Path(sys.executable).parent, ["--target", TARGET]
    advise = [str(scripts / "advise"), str(table), *target, "--json"]
    autofit = [str(scripts / "autofit"), str(table), *target, "--time-limit", f"{seconds:g}s"]
    autofit += ["--jobs", str(jobs), "--out", str(out), "--quiet"]
    return {
        "polars": [sys.executable, "-c", POLARS, str(table)],
        "pandas": [sys.executable, "-c", PANDAS, str(table)],
        "profile": [sys.executable, "-c", PROFILE, str(table)],
        "advise --no-probe": [*advise, "--no-probe"],
        "advise": advise,
        f"autofit {seconds:g}s": autofit,
    }


def run_all(options: argparse.Namespace) -> list[Row]:
    """Measure every size that the options name.

    Returns
    -------
    list of dict
        ``rows``, ``columns``, ``mb`` of the file, ``what``, ``seconds``, ``peak_mb``, ``error``, and ``fit_seconds``,
        which is None but for ``autofit``.
    """
    parts = [
        pd.read_csv(options.data / "ames" / f"{part}.csv", dtype=str, keep_default_na=False)
        for part in ("train", "test")
    ]
    ames = pd.concat(parts, ignore_index=True)
    sizes = [(rows, N_COLUMNS) for rows in options.rows]
    sizes += [(options.wide_rows, columns) for columns in options.columns]
    measured_rows: list[Row] = []
    for n_rows, n_columns in dict.fromkeys(sizes):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "ames.csv"
            # In a process of its own: Linux counts the parent's memory in the peak of what it starts.
            maker = get_context("spawn").Process(
                target=make_table, args=(ames, n_rows, n_columns, table)
            )
            maker.start()
            maker.join()
            size = {"rows": n_rows, "columns": n_columns, "mb": table.stat().st_size / 1e6}
            measured_rows += measure_size(table, options, size)
    return measured_rows


def measure_size(table: Path, options: argparse.Namespace, size: Row) -> list[Row]:
    """Measure all that is wanted on one table, in rounds of one command after the other.

    Parameters
    ----------
    table : Path
        The CSV.
    options : argparse.Namespace
        The command line.
    size : dict
        ``rows``, ``columns`` and ``mb`` of the table, for every row.

    Returns
    -------
    list of dict
        As :func:`run_all`.
    """
    out = table.parent / "run"
    wanted = commands(table, out, options.seconds, options.jobs)
    if options.only:
        wanted = {k: command for k, command in wanted.items() if k.split()[0] in options.only}
    taken: dict[str, list[Row]] = {what: [] for what in wanted}
    for number in range(options.rounds):
        for what, command in wanted.items():
            if number and what.split()[0] in ONCE:
                continue
            measured = measure(command, TIMEOUT_SECONDS, table.parent)
            row = {"seconds": measured.seconds, "peak_mb": measured.peak_mb}
            taken[what].append(row | {"error": measured.failure})
            told = measured.failure or f"{measured.seconds:.1f} s, {measured.peak_mb:.0f} MB"
            print(f"{size['rows']} x {size['columns']} {what}: {told}", flush=True)
    result = out / "result.json"
    fitted = json.loads(result.read_text("utf-8"))["seconds"] if result.is_file() else None
    return [
        {
            "what": what,
            "seconds": statistics.median(row["seconds"] for row in rows),
            "peak_mb": max(row["peak_mb"] for row in rows),
            "error": next((row["error"] for row in rows if row["error"]), None),
            "fit_seconds": fitted if what.startswith("autofit") else None,
            **size,
        }
        for what, rows in taken.items()
    ]


def cell(row: Row | None) -> str:
    """Write one figure of the table; a dash where nothing was measured."""
    if row is None:
        return "–"
    if row["error"]:
        return "failed"
    fit = f" ({row['fit_seconds']:.1f})" if row.get("fit_seconds") else ""
    return f"{row['seconds']:.1f} s{fit}, {row['peak_mb']:.0f} MB"


def added(rows: list[Row], earlier: list[Row]) -> list[Row]:
    """Join figures measured before to those measured now, which count where both are there."""
    joined = {(row["rows"], row["columns"], row["what"]): row for row in (*earlier, *rows)}
    return sorted(joined.values(), key=lambda row: (row["columns"], row["rows"]))


def report(rows: list[Row], options: argparse.Namespace) -> None:
    """Write the section of benchmarks/README.md."""
    order = list(dict.fromkeys(row["what"] for row in rows))
    sizes = list(dict.fromkeys((row["rows"], row["columns"], row["mb"]) for row in rows))
    found = {(row["rows"], row["columns"], row["what"]): row for row in rows}
    cells = []
    for n_rows, n_columns, mb in sizes:
        line = [f"{n_rows:,} x {n_columns}", f"{mb:.1f}"]
        for what in order:
            line.append(cell(found.get((n_rows, n_columns, what))))
        cells.append(line)
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = ", ".join(f"{name} {number}" for name, number in versions(PACKAGES).items())
    sizes_told = f"--rows {_joined(options.rows)} --columns {_joined(options.columns)}"
    only = f" --only {_joined(options.only)}" if options.only else ""
    more = f" --seconds {options.seconds:g} --jobs {options.jobs} --rounds {options.rounds}"
    more += f" --add {options.add.name}" if options.add else ""
    command = f"python benchmarks/cost.py {sizes_told}{only}{more} --report"
    table = markdown_table(["rows x columns", "file MB", *order], cells)
    about = f"`{command}`, {day}. Machine: {machine()}. Versions: {told}."
    failures = [
        f"- {row['rows']:,} x {row['columns']} {row['what']}: {row['error']}"
        for row in rows
        if row["error"]
    ]
    parts = ["## Cost", about, LEGEND, table, "\n".join(failures)]
    write_section("cost", "\n\n".join(part for part in parts if part))


def _joined(values: Iterable[object]) -> str:
    return ",".join(str(value) for value in values)


def numbers(text: str) -> list[int]:
    """Read comma-separated whole numbers."""
    return [int(part) for part in text.split(",") if part]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("ADVISOR_DATA", str(HERE.parent.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder that holds ames/")
    parser.add_argument("--rows", type=numbers, default="1000,10000,100000,1000000")
    parser.add_argument("--columns", type=numbers, default="100,300", help="at --wide-rows rows")
    parser.add_argument("--wide-rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of autofit")
    parser.add_argument("--jobs", type=int, default=2, help="cores of autofit")
    parser.add_argument("--only", type=lambda text: text.split(","), default=None)
    parser.add_argument("--rounds", type=int, default=1, help="of all but advise and autofit")
    parser.add_argument("--add", type=Path, help="figures of an earlier --json to join to these")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    return parser.parse_args()


def main() -> None:
    """Measure and report."""
    options = arguments()
    if not (options.data / "ames").is_dir():
        raise SystemExit(f"no folder ames/ in {options.data}: name the data folder with --data")
    if not (Path(sys.executable).parent / "advise").exists():
        raise SystemExit("the package is not installed in this environment: pip install -e .")
    rows = run_all(options)
    if options.add:
        rows = added(rows, json.loads(options.add.read_text("utf-8")))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if options.report:
        report(rows, options)


if __name__ == "__main__":
    main()
