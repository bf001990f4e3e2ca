"""The error with the unlabelled pool over the error without it, per technique, set and number of labels.

    python benchmarks/pool.py --data DIR --seeds 3 --labels 5,10 --seconds 45 --report

The pool is everything that was not drawn, at most 5,000 items. A technique is compared with what it adds the pool to
(:func:`counterpart`), ``gated`` and ``autofit`` with themselves without the pool.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from curve_sets import CurveSet, list_sets
from curves import LIMITED, Row, run_one
from meter import machine
from readme import markdown_table, write_section

ROOT = Path(__file__).resolve().parent.parent
MODALITIES = ("image", "text", "audio")
HEADS = ("pool_blend", "self_training", "label_spreading", "prototypes", "consistency_head")
NETWORKS = ("consistency_finetune", "distilled_finetune")
ADAPTED = ("adapted_probe",)
"""Techniques: on frozen features, fine-tuning with the pool, and heads on a backbone that the pool adapted."""

FEW = 10
"""Labels per class up to which a pool is expected to take an error down."""

LEAST_ERROR = 1e-3
"""Errors are floored here before they are divided: one test item in a thousand."""

LEGEND = """\
Test error with the pool over the error without it, below 1 where the pool helps. Single techniques are defaults,
fitted once, against what they add the pool to on the same labels (heads: `linear_probe`; networks: `partial_finetune`,
of texts `lp_finetune`); `gated` is the choice that cross-validation makes among the heads, against itself without the
pool, and `autofit` the whole product against itself. The pool is what was not drawn, at most 5,000 items, its classes
shared as in the set. Of several labels at once (`reuters_multilabel`) a single technique gives a label from a
probability of one half, which is too high for a head that learned from a few items alone; `gated` fits that threshold,
and with it fitted the pool gains nothing there."""

ALL_TOLD = """\
Up to {few} labels per class, over all sets: the median of the ratios; points of the metric gained, on average; the set
where it gained least on average; and the median seconds of one fit with the pool, embeddings at hand, on {machine}."""

EACH = "The median ratio over draws, in brackets how many:"


def counterpart(system: str, modality: str) -> str:
    """Name what a technique adds the pool to.

    Parameters
    ----------
    system : str
        A technique, ``gated`` or ``autofit``.
    modality : str
        Of the set.

    Returns
    -------
    str
        A system that is run without the pool.
    """
    if system in NETWORKS:
        return "lp_finetune" if modality == "text" else "partial_finetune"
    return "linear_probe" if system in HEADS + ADAPTED else system


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("ADVISOR_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder with index.json")
    parser.add_argument("--sets", default="", help="comma-separated; all if not given")
    parser.add_argument("--systems", default=",".join((*HEADS, "gated")), help="comma-separated")
    parser.add_argument("--labels", default="5,10", help="per class")
    parser.add_argument("--seeds", type=int, default=3, help="draws")
    parser.add_argument("--seconds", type=float, default=120.0, help="limit of gated and autofit")
    parser.add_argument("--jobs", type=int, default=2, help="cores")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "pool.jsonl")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    parser.add_argument("--only-report", action="store_true", help="run nothing")
    return parser.parse_args()


def runs(options: argparse.Namespace) -> Iterator[tuple[str, CurveSet, int, int, bool]]:
    """List system, set, labels, draw and whether there is a pool: each technique after what it is compared with."""
    wanted = set(options.sets.split(",")) if options.sets else None
    sets = [(s, m) for m in MODALITIES for s in list_sets(options.data, m)]
    for seed in range(options.seeds):
        for items, modality in sets:
            for labels in map(int, options.labels.split(",")):
                if (wanted is not None and items.name not in wanted) or not items.holds(labels):
                    continue
                for system in options.systems.split(","):
                    yield counterpart(system, modality), items, labels, seed, False
                    yield system, items, labels, seed, True


def run_all(options: argparse.Namespace) -> None:
    """Run what is asked for and not done yet, appending to the results file."""
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if options.results.exists():
        lines = options.results.read_text(encoding="utf-8").splitlines()
        done = {_key(row) for row in map(json.loads, lines) if not row["error"]}
    for system, items, labels, seed, pooled in runs(options):
        row: Row = {"system": system, "set": items.name, "labels": labels, "seed": seed}
        row |= {"pooled": pooled, "limit": options.seconds if system in LIMITED else None}
        if _key(row) in done:
            continue
        row = run_one(system, items, labels, options, seed, pooled=pooled) | {"pooled": pooled}
        row["counterpart"] = counterpart(system, _modality_of(items, options.data))
        done.add(_key(row))
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")
        told = row["error"] or f"{row['test_score']:.3f} in {row['fit_seconds']:.1f} s"
        print(items.name, labels, f"seed {seed}", system, "pool" * pooled, told, flush=True)


def _modality_of(items: CurveSet, data: Path) -> str:
    return next(m for m in MODALITIES if any(s.name == items.name for s in list_sets(data, m)))


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row[part] for part in ("system", "set", "labels", "seed", "pooled", "limit"))


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Put each run with the pool beside its counterpart without.

    Parameters
    ----------
    rows : DataFrame
        Lines of the results file.

    Returns
    -------
    DataFrame
        Columns ``system``, ``set``, ``labels``, ``seed``, ``fit_seconds``, ``ratio`` (of the errors), and ``gain``
        (points of the metric by which the run with the pool is ahead).
    """
    rows = rows[rows["error"].isna()]
    rows = rows.drop_duplicates(["system", "set", "labels", "seed", "pooled"], keep="last")
    draw = ["set", "labels", "seed"]
    plain = rows[~rows["pooled"]].set_index(["system", *draw])["test_score"]
    found = rows[rows["pooled"]].copy()
    places = pd.MultiIndex.from_frame(found[["counterpart", *draw]])
    without = plain.reindex(places).to_numpy()
    own = found["test_score"].to_numpy()
    wrong, wrong_without = (np.maximum(1.0 - s, LEAST_ERROR) for s in (own, without))
    found["ratio"], found["gain"] = wrong / wrong_without, 100 * (own - without)
    return found.dropna(subset="ratio")[["system", *draw, "fit_seconds", "ratio", "gain"]]


def write_report(results: Path, options: argparse.Namespace) -> None:
    """Write the section of benchmarks/README.md: all sets together, then one line per set and number of labels."""
    found = compared(pd.read_json(results, lines=True))
    asked = shlex.join(["python", "benchmarks/pool.py", *_told(options)])
    head = f"`{asked}`, {datetime.date.today()}."
    few = found[found["labels"] <= FEW]
    lines = []
    for system, own in few.groupby("system"):
        by_set = own.groupby("set")["gain"].mean()
        worst = f"{by_set.idxmin()} {by_set.min():+.1f}"
        lines.append(
            [
                *(f"`{system}`", str(len(own)), f"{own['ratio'].median():.2f}"),
                *(f"{own['gain'].mean():+.1f}", worst, f"{own['fit_seconds'].median():.1f}"),
            ]
        )
    header = ["technique", "runs", "median ratio", "mean gain", "least", "seconds"]
    whole = markdown_table(header, lines)
    told = found.groupby(["set", "labels", "system"])["ratio"].agg(["median", "size"])
    cells = (told["median"].map("{:.2f}".format) + " (" + told["size"].astype(str) + ")").unstack()
    table = cells.fillna("").reset_index().astype(str)
    each = markdown_table(list(table.columns), table.to_numpy().tolist())
    about = ALL_TOLD.format(few=FEW, machine=machine())
    write_section(
        "pool", "\n\n".join(["## The unlabelled pool", head, LEGEND, about, whole, EACH, each])
    )


def _told(options: argparse.Namespace) -> list[str]:
    """The options that say what was run."""
    given = [part for part in sys.argv[1:] if not part.startswith("--only")]
    places = {str(options.data), str(options.results), "--data", "--results"}
    return [part for part in given if part not in places]


if __name__ == "__main__":
    asked = arguments()
    if not asked.only_report:
        run_all(asked)
    if asked.report or asked.only_report:
        write_report(asked.results, asked)
