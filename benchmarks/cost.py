"""Seconds and peak memory of profile, advise and autofit against rows and columns.

The table is Ames house prices replicated: 30 mixed columns (about 190 bytes a row). Every figure
comes from a process of its own, imports included, beside `polars` reading and describing the same
file in the same minutes on the same machine.

    python benchmarks/cost.py --rows 1000,10000,100000,1000000 --report
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
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
included; *polars* and *pandas* read the CSV and describe it; *profile* is
`profile_dataset(read_dataset(path))`."""

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
        ``rows``, ``columns``, ``mb`` of the file, ``what``, ``seconds``, ``peak_mb``, ``error``.
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
            wanted = commands(table, Path(folder) / "run", options.seconds, options.jobs)
            for what, command in wanted.items():
                if options.only and what.split()[0] not in options.only:
                    continue
                measured = measure(command, TIMEOUT_SECONDS, Path(folder))
                row = {"what": what, "seconds": measured.seconds, "peak_mb": measured.peak_mb}
                row |= {"error": measured.failure, **size}
                measured_rows.append(row)
                told = measured.failure or f"{measured.seconds:.1f} s, {measured.peak_mb:.0f} MB"
                print(f"{n_rows} x {n_columns} {what}: {told}", flush=True)
    return measured_rows


def report(rows: list[Row], options: argparse.Namespace) -> None:
    """Write the section of benchmarks/README.md."""
    order = list(dict.fromkeys(row["what"] for row in rows))
    sizes = list(dict.fromkeys((row["rows"], row["columns"], row["mb"]) for row in rows))
    found = {(row["rows"], row["columns"], row["what"]): row for row in rows}
    cells = []
    for n_rows, n_columns, mb in sizes:
        line = [f"{n_rows:,} x {n_columns}", f"{mb:.1f}"]
        for what in order:
            row = found[n_rows, n_columns, what]
            line.append(
                "failed" if row["error"] else f"{row['seconds']:.1f} s, {row['peak_mb']:.0f} MB"
            )
        cells.append(line)
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = ", ".join(f"{name} {number}" for name, number in versions(PACKAGES).items())
    sizes_told = f"--rows {_joined(options.rows)} --columns {_joined(options.columns)}"
    only = f" --only {_joined(options.only)}" if options.only else ""
    command = f"python benchmarks/cost.py {sizes_told}{only} --report"
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
    parser.add_argument("--seconds", type=float, default=30.0, help="budget of autofit")
    parser.add_argument("--jobs", type=int, default=2, help="cores of autofit")
    parser.add_argument("--only", type=lambda text: text.split(","), default=None)
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
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if options.report:
        report(rows, options)


if __name__ == "__main__":
    main()
