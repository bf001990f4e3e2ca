"""Small-label curves: every strategy, the advice and autofit, at a few numbers of labels per class.

The scripts ``images.py``, ``text.py`` and ``audio.py`` say what is run; this is how. Each run is a process of its own;
rows go line by line into a JSONL file, so an interrupted benchmark goes on where it stopped. Frozen features are kept
in the usual cache, so seconds are those of the fit once the items were seen.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curve_sets import CurveSet, list_sets
from curves_report import write_report
from meter import machine, measure

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Campaign:
    """What one of the scripts runs.

    Attributes
    ----------
    script, modality, title, items : str
        Its name without ``.py``; the modality; the heading of its section; what an item is called, in the plural.
    by_hand : str
        What the baseline is, in words that go on with "is".
    strategies : tuple of str
        Each is fitted once with its defaults.
    labels : tuple of int
        Per class.
    """

    script: str
    modality: str
    title: str
    items: str
    by_hand: str
    strategies: tuple[str, ...]
    labels: tuple[int, ...]

    @property
    def systems(self) -> tuple[str, ...]:
        """All that can be run."""
        return ("by_hand", *self.strategies, "advise", "autofit")


TIMEOUT_SECONDS = 900.0
"""A run is killed after this long and counts as failed; our choice: seven times what the slowest was seen to need."""

LIMITED = ("autofit", "gated")
"""Systems that run for as long as they are given; all others end by themselves."""

Row = dict[str, Any]


def run_one(
    system: str,
    items: CurveSet,
    labels: int,
    options: argparse.Namespace,
    seed: int,
    *,
    pooled: bool = False,
) -> Row:
    """Run one system on one draw.

    Parameters
    ----------
    system : str
        One of those of the campaign.
    items : CurveSet
        Where to draw from.
    labels : int
        Per class.
    options : Namespace
        ``seconds`` and ``jobs``.
    seed : int
        Of the draw and the fits.
    pooled : bool
        Whether the items that were not drawn are there without their labels.

    Returns
    -------
    dict
        One line of the results file; ``error`` says why there is no figure.
    """
    row: Row = {"system": system, "set": items.name, "labels": labels, "seed": seed}
    row |= {"limit": options.seconds if system in LIMITED else None, "jobs": options.jobs}
    row |= {"metric": items.metric, "machine": machine()}
    row |= {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = items.draw(labels, seed, Path(folder), pooled=pooled)
        command = [sys.executable, str(HERE / "curve_job.py"), system, str(place)]
        command += ["--metric", items.metric]
        command += ["--seconds", f"{options.seconds:g}", "--jobs", str(options.jobs)]
        command += ["--seed", str(seed)]
        measured = measure(command, TIMEOUT_SECONDS, Path(folder), {"HF_HUB_OFFLINE": "1"})
    row |= {"seconds": measured.seconds, "peak_mb": measured.peak_mb, "error": measured.failure}
    if not measured.failure:
        row |= json.loads(measured.output.strip().splitlines()[-1])
    return row


def key(row: Row) -> tuple[object, ...]:
    """Name a run."""
    return tuple(row[part] for part in ("system", "set", "labels", "seed", "limit", "jobs"))


def arguments(campaign: Campaign) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=f"{campaign.title}.")
    root = HERE.parent
    shared = os.environ.get("ADVISOR_DATA", str(root.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder with index.json")
    parser.add_argument("--sets", default="", help="comma-separated; all if not given")
    parser.add_argument("--systems", default=",".join(campaign.systems), help="comma-separated")
    parser.add_argument("--labels", default=",".join(map(str, campaign.labels)), help="per class")
    parser.add_argument("--seeds", type=int, default=3, help="draws")
    parser.add_argument("--seconds", type=float, default=120.0, help="time limit of autofit")
    parser.add_argument("--jobs", type=int, default=2, help="cores")
    results = root / ".benchmarks" / f"{campaign.script}.jsonl"
    parser.add_argument("--results", type=Path, default=results)
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    parser.add_argument("--only-report", action="store_true", help="run nothing")
    return parser.parse_args()


def run_all(campaign: Campaign, options: argparse.Namespace) -> None:
    """Run what is asked for and not done yet, appending to the results file."""
    wanted = options.sets.split(",") if options.sets else None
    found = list_sets(options.data, campaign.modality)
    sets = [s for s in found if wanted is None or s.name in wanted]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if options.results.exists():
        lines = options.results.read_text(encoding="utf-8").splitlines()
        done = {key(row) for row in map(json.loads, lines) if not row["error"]}
    runs = [
        (seed, items, labels, system)
        for seed in range(options.seeds)
        for items in sets
        for labels in map(int, options.labels.split(","))
        if items.holds(labels)
        for system in options.systems.split(",")
    ]
    for seed, items, labels, system in runs:
        limit = options.seconds if system in LIMITED else None
        if (system, items.name, labels, seed, limit, options.jobs) in done:
            continue
        row = run_one(system, items, labels, options, seed)
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")
        told = row["error"] or f"{row.get('test_score', row.get('choice'))}"
        seconds = f"{row['seconds']:.0f} s"
        print(items.name, labels, f"seed {seed}", system, told, seconds, flush=True)


def run(campaign: Campaign) -> None:
    """Run and report, as the command line says.

    Parameters
    ----------
    campaign : Campaign
        Of the script.
    """
    options = arguments(campaign)
    unknown = sorted(set(options.systems.split(",")) - set(campaign.systems))
    if unknown:
        there = ", ".join(campaign.systems)
        raise SystemExit(f"no such system: {', '.join(unknown)}; there are {there}")
    if not options.only_report:
        if not (options.data / "index.json").exists():
            raise SystemExit(f"no index.json in {options.data}: name the data folder with --data")
        run_all(campaign, options)
    if options.report or options.only_report:
        if not options.results.exists():
            raise SystemExit(f"no results in {options.results}: name the file with --results")
        about = {"title": campaign.title, "items": campaign.items, "by_hand": campaign.by_hand}
        write_report(options.results, campaign.script, about, options.seconds, options.jobs)
