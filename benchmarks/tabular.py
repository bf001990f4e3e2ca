"""Every table × every system × seeds → test scores, own figures, seconds and memory.

Each run is a process of its own with a hard timeout; the referee scores what it predicted for
rows whose targets it was never given. Results go line by line into a JSONL file, so an
interrupted benchmark goes on where it stopped.

    python benchmarks/tabular.py --seconds 60 --seeds 3 --jobs 2 --report
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from meter import machine, measure
from referee import score
from rivals.job import Job
from splits import Split, Table, list_tables, make_split
from systems import HERE, SYSTEMS
from tabular_report import write_report

TIMEOUT_FACTOR = 3.0
"""A run may take this many times its budget before it is killed and counts as failed (issue 2)."""

TIMEOUT_FLOOR_SECONDS = 60.0
"""Start-up, prediction and models without a budget; our choice."""

Row = dict[str, Any]


def run_one(name: str, table: Table, split: Split, job: Job, rivals: Path) -> Row:
    """Run one system on one split.

    Parameters
    ----------
    name : str
        Key of ``SYSTEMS``.
    table : Table
        What is being learned.
    split : Split
        Files given to the system, and the truth kept from it.
    job : Job
        The request.
    rivals : Path
        Folder of the rivals' environments.

    Returns
    -------
    dict
        One line of the results file; ``error`` says why there is no ``test_score``.
    """
    path = split.folder / "job.json"
    job.write(path)
    measured = measure(
        SYSTEMS[name].command(rivals, path),
        TIMEOUT_FACTOR * job.seconds + TIMEOUT_FLOOR_SECONDS,
        split.folder,
        # Nothing may go out while a benchmark runs, and no rival may report on it.
        {"PYTHONPATH": str(HERE), "HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0"},
    )
    row: Row = {"system": name, "dataset": table.name, "seed": job.seed, "metric": table.metric}
    row |= {"limit": job.seconds, "jobs": job.jobs, "machine": machine()}
    row |= {"versions": SYSTEMS[name].versions(rivals)}
    row |= {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    row |= {"seconds": measured.seconds, "peak_mb": measured.peak_mb, "error": measured.failure}
    if measured.failure:
        return row
    try:
        row |= json.loads(measured.output.strip().splitlines()[-1])
        predicted = pd.read_csv(split.folder / "predictions.csv", dtype=str, keep_default_na=False)
        row["test_score"] = score(table.metric, split.truth, predicted, split.positive)
    except (ValueError, KeyError, IndexError, OSError) as fault:
        row["error"] = f"its answer cannot be scored: {fault}"
    return row


def done_keys(results: Path, retry: bool) -> set[tuple[object, ...]]:
    """Find what need not be run again.

    Parameters
    ----------
    results : Path
        The results file, which need not exist.
    retry : bool
        Whether failed runs are to be repeated.

    Returns
    -------
    set of tuple
        Keys as :func:`key` makes them.
    """
    if not results.exists():
        return set()
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {key(row) for row in rows if not (retry and row["error"])}


def key(row: Row) -> tuple[object, ...]:
    """Name a run: system, dataset, seed, limit and cores."""
    return tuple(row[part] for part in ("system", "dataset", "seed", "limit", "jobs"))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    root = HERE.parent
    shared = os.environ.get("ADVISOR_DATA", str(root.parent / "shared" / "data"))
    kept = root / ".benchmarks"
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder with index.json")
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of a fit")
    parser.add_argument("--seeds", type=int, default=3, help="splits; the first is the given one")
    parser.add_argument("--jobs", type=int, default=2, help="cores a system may use")
    parser.add_argument("--datasets", default="", help="comma-separated; all if not given")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="comma-separated")
    parser.add_argument("--rivals", type=Path, default=kept / "rivals", help="make_rivals.sh's")
    parser.add_argument("--results", type=Path, default=kept / "tabular.jsonl")
    parser.add_argument("--retry", action="store_true", help="repeat failed runs")
    parser.add_argument(
        "--report", action="store_true", help="write benchmarks/README.md at the end"
    )
    parser.add_argument("--only-report", action="store_true", help="run nothing")
    return parser.parse_args()


def chosen(given: str, known: list[str], what: str) -> list[str]:
    """Split a comma-separated choice and check it.

    Parameters
    ----------
    given : str
        The option's value; empty for all.
    known : list of str
        What there is.
    what : str
        Noun for the message.

    Returns
    -------
    list of str
        The chosen names.

    Raises
    ------
    SystemExit
        If one of them is not known.
    """
    names = [name for name in given.split(",") if name] or known
    wrong = sorted(set(names) - set(known))
    if wrong:
        raise SystemExit(f"no such {what}: {', '.join(wrong)}; there are {', '.join(known)}")
    return names


def run_all(options: argparse.Namespace) -> None:
    """Run what is asked for and not done yet, appending to the results file."""
    tables = {table.name: table for table in list_tables(options.data)}
    names = chosen(options.datasets, list(tables), "dataset")
    systems = chosen(options.systems, list(SYSTEMS), "system")
    absent = [name for name in systems if not SYSTEMS[name].python(options.rivals).exists()]
    if absent:
        print(f"not installed, left out: {', '.join(absent)} (benchmarks/make_rivals.sh)")
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = done_keys(options.results, options.retry)
    asked = [
        {"seed": seed, "dataset": name, "system": system, "limit": options.seconds}
        for seed in range(options.seeds)
        for name in names
        for system in systems
        if system not in absent
    ]
    for request in asked:
        if key(request | {"jobs": options.jobs}) in done:
            continue
        table = tables[request["dataset"]]
        # A child of a killed run may still be writing when its folder goes.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            split = make_split(table, request["seed"], Path(folder))
            job = Job(
                folder=folder,
                target=table.target,
                task=table.task,
                metric=table.metric,
                positive=split.positive,
                seconds=options.seconds,
                jobs=options.jobs,
                seed=request["seed"],
            )
            row = run_one(request["system"], table, split, job, options.rivals)
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")
        print_row(row)


def print_row(row: Row) -> None:
    """Tell how one run ended."""
    told = row["error"] or f"{row['metric']} {row['test_score']:.4f} (own {row.get('reported')})"
    print(
        f"{row['dataset']} seed {row['seed']} {row['system']}: {told}, {row['seconds']:.0f} s",
        flush=True,
    )


def main() -> None:
    """Run and report."""
    options = arguments()
    if not options.only_report:
        if not (options.data / "index.json").exists():
            raise SystemExit(f"no index.json in {options.data}: name the data folder with --data")
        run_all(options)
    if options.report or options.only_report:
        write_report(options.results, options.seconds, options.jobs)


if __name__ == "__main__":
    main()
