"""Small-label curves on pictures: every strategy, the advice and autofit, at 5 to 100 labels per class.

Each run is a process of its own; rows go line by line into a JSONL file, so an interrupted benchmark goes on where it
stopped. Frozen features are kept in the usual cache, so seconds are those of the fit once pictures were seen.

    python benchmarks/images.py --data DIR --labels 5,10,25,50,100 --seeds 3 --seconds 120 --report
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from image_sets import ImageSet, draw, list_image_sets
from images_report import write_report
from meter import machine, measure

HERE = Path(__file__).resolve().parent

SINGLE = (
    "handmade",
    "linear_probe",
    "linear_probe_views",
    "partial_finetune",
    "lp_finetune",
    "full_finetune",
    "from_scratch",
)
"""Strategies, each fitted once with its defaults."""

SYSTEMS = ("logistic", *SINGLE, "advise", "autofit")

TIMEOUT_SECONDS = 900.0
"""A run is killed after this long and counts as failed; our choice: seven times what the slowest was seen to need."""

Row = dict[str, Any]


def run_one(
    system: str, images: ImageSet, labels: int, options: argparse.Namespace, seed: int
) -> Row:
    """Run one system on one draw.

    Parameters
    ----------
    system : str
        One of ``SYSTEMS``.
    images : ImageSet
        Where to draw from.
    labels : int
        Pictures per class.
    options : Namespace
        ``seconds`` and ``jobs``.
    seed : int
        Of the draw and the fits.

    Returns
    -------
    dict
        One line of the results file; ``error`` says why there is no figure.
    """
    row: Row = {"system": system, "set": images.name, "labels": labels, "seed": seed}
    row |= {"limit": options.seconds if system == "autofit" else None, "jobs": options.jobs}
    row |= {"machine": machine()}
    row |= {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = draw(images, labels, seed, Path(folder))
        command = [sys.executable, str(HERE / "image_job.py"), system, str(place)]
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


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    root = HERE.parent
    shared = os.environ.get("ADVISOR_DATA", str(root.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder with index.json")
    parser.add_argument("--sets", default="", help="comma-separated; all if not given")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="comma-separated")
    parser.add_argument("--labels", default="5,10,25,50,100", help="pictures per class")
    parser.add_argument("--seeds", type=int, default=3, help="draws")
    parser.add_argument("--seconds", type=float, default=120.0, help="time limit of autofit")
    parser.add_argument("--jobs", type=int, default=2, help="cores")
    parser.add_argument("--results", type=Path, default=root / ".benchmarks" / "images.jsonl")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    parser.add_argument("--only-report", action="store_true", help="run nothing")
    return parser.parse_args()


def run_all(options: argparse.Namespace) -> None:
    """Run what is asked for and not done yet, appending to the results file."""
    sets = [s for s in list_image_sets(options.data) if not options.sets or s.name in options.sets]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if options.results.exists():
        lines = options.results.read_text(encoding="utf-8").splitlines()
        done = {key(row) for row in map(json.loads, lines) if not row["error"]}
    for seed in range(options.seeds):
        for images in sets:
            for labels in [int(n) for n in options.labels.split(",")]:
                if labels > images.smallest:
                    continue
                for system in options.systems.split(","):
                    limit = options.seconds if system == "autofit" else None
                    if (system, images.name, labels, seed, limit, options.jobs) in done:
                        continue
                    row = run_one(system, images, labels, options, seed)
                    with options.results.open("a", encoding="utf-8") as results:
                        results.write(json.dumps(row) + "\n")
                    told = row["error"] or f"{row.get('test_score', row.get('choice'))}"
                    seconds = f"{row['seconds']:.0f} s"
                    print(images.name, labels, f"seed {seed}", system, told, seconds, flush=True)


def main() -> None:
    """Run and report."""
    options = arguments()
    unknown = sorted(set(options.systems.split(",")) - set(SYSTEMS))
    if unknown:
        raise SystemExit(f"no such system: {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    if not options.only_report:
        if not (options.data / "index.json").exists():
            raise SystemExit(f"no index.json in {options.data}: name the data folder with --data")
        run_all(options)
    if options.report or options.only_report:
        write_report(options.results, options.seconds, options.jobs)


if __name__ == "__main__":
    main()
