"""The error with the unlabelled pool over the error without it, per strategy, set and number of labels.

    python benchmarks/pool.py --data DIR --seeds 3 --labels 5,10,25 --report

The pool is everything that was not drawn, at most 5,000 items. A strategy is compared with ``linear_probe``, the whole
product with itself without the pool (``--systems linear_probe,self_training,autofit``).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from curve_sets import CurveSet, list_sets
from curves import Row, run_one
from readme import markdown_table, write_section

ROOT = Path(__file__).resolve().parent.parent
MODALITIES = ("image", "text", "audio")
STRATEGIES = ("self_training", "label_spreading", "prototypes")
PLAIN = "linear_probe"
"""What a strategy with a pool is compared with."""

LEAST_ERROR = 1e-3
"""Errors are floored here before they are divided: one test item in a thousand."""

LEGEND = """\
Test error with the pool over the error without it: the median over draws, below 1 where the pool helps; in brackets
how many draws. Single strategies are defaults, against `linear_probe` on the same labels; `autofit` against itself."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("ADVISOR_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder with index.json")
    parser.add_argument("--sets", default="", help="comma-separated; all if not given")
    parser.add_argument("--systems", default=",".join((PLAIN, *STRATEGIES)), help="comma-separated")
    parser.add_argument("--labels", default="5,10,25", help="per class")
    parser.add_argument("--seeds", type=int, default=3, help="draws")
    parser.add_argument("--seconds", type=float, default=120.0, help="time limit of autofit")
    parser.add_argument("--jobs", type=int, default=2, help="cores")
    parser.add_argument("--results", type=Path, default=ROOT / ".benchmarks" / "pool.jsonl")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    parser.add_argument("--only-report", action="store_true", help="run nothing")
    return parser.parse_args()


def runs(options: argparse.Namespace) -> Iterator[tuple[str, CurveSet, int, int, bool]]:
    """List system, set, labels, draw and whether there is a pool; ``autofit`` runs with and without."""
    wanted = set(options.sets.split(",")) if options.sets else None
    sets = [s for m in MODALITIES for s in list_sets(options.data, m)]
    for seed in range(options.seeds):
        for items in sets:
            for labels in map(int, options.labels.split(",")):
                if (wanted is not None and items.name not in wanted) or not items.holds(labels):
                    continue
                for system in options.systems.split(","):
                    for pooled in (False, True):
                        if system == "autofit" or pooled is (system != PLAIN):
                            yield system, items, labels, seed, pooled


def run_all(options: argparse.Namespace) -> None:
    """Run what is asked for and not done yet, appending to the results file."""
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if options.results.exists():
        lines = options.results.read_text(encoding="utf-8").splitlines()
        done = {_key(row) for row in map(json.loads, lines) if not row["error"]}
    for system, items, labels, seed, pooled in runs(options):
        row: Row = {"system": system, "set": items.name, "labels": labels, "seed": seed}
        if _key(row | {"pooled": pooled}) in done:
            continue
        row = run_one(system, items, labels, options, seed, pooled=pooled) | {"pooled": pooled}
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")
        told = row["error"] or f"{row['test_score']:.3f} in {row['fit_seconds']:.1f} s"
        print(items.name, labels, f"seed {seed}", system, "pool" * pooled, told, flush=True)


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row[part] for part in ("system", "set", "labels", "seed", "pooled"))


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Divide the error of each run with the pool by that of its counterpart without.

    Parameters
    ----------
    rows : DataFrame
        Lines of the results file.

    Returns
    -------
    DataFrame
        Columns ``system``, ``set``, ``labels``, ``seed``, ``ratio``.
    """
    rows = rows[rows["error"].isna()]
    rows = rows.assign(wrong=np.maximum(1.0 - rows["test_score"], LEAST_ERROR))
    draw = ["set", "labels", "seed"]
    plain = rows[~rows["pooled"]].set_index(["system", *draw])["wrong"]
    found = rows[rows["pooled"]].copy()
    found["against"] = np.where(found["system"] == "autofit", "autofit", PLAIN)
    places = pd.MultiIndex.from_frame(found[["against", *draw]])
    found["ratio"] = found["wrong"].to_numpy() / plain.reindex(places).to_numpy()
    return found.dropna(subset="ratio")[["system", *draw, "ratio"]]


def write_report(results: Path) -> None:
    """Write the section of benchmarks/README.md: one line per set and number of labels."""
    found = ratios(pd.read_json(results, lines=True))
    told = found.groupby(["set", "labels", "system"])["ratio"].agg(["median", "size"])
    cells = (told["median"].map("{:.2f}".format) + " (" + told["size"].astype(str) + ")").unstack()
    table = cells.fillna("").reset_index().astype(str)
    lines = markdown_table(list(table.columns), table.to_numpy().tolist())
    body = "\n\n".join(["## The unlabelled pool", LEGEND, lines])
    write_section("pool", body)


if __name__ == "__main__":
    asked = arguments()
    if not asked.only_report:
        run_all(asked)
    if asked.report or asked.only_report:
        write_report(asked.results)
