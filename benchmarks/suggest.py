"""Suggested labels against random ones: accuracy on the test split after the same number of labels.

    python benchmarks/suggest.py --data DIR --draws 10 --report

A draw takes a few labels per class from the training split. Then, for two rounds, as many as there are in the draw are
added from the pool: those that ``advise --suggest-labels`` names, or random ones of those it may name; the labels come
from the file that goes with the pool and nothing else reads. The judge is a logistic regression on frozen features.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor import Dataset, profile_dataset, read_dataset
from advisor.choosing import believe
from advisor.division import unseen_positions
from advisor.metrics import get_metric
from advisor.profile import DatasetProfile, PerceivedProfile
from advisor.suggestion import TABLES, features_of, suggest
from advisor.tables.media_columns import medium_of
from meter import machine
from readme import markdown_table, write_section

HEADER = ["set", "labels", "before", "random", "suggested", "gain", "won", "seconds"]

LEGEND = """\
Accuracy on the test split in percent, means over the draws: *before*, with a few labels per class; after as many more,
*random* or *suggested*, in two rounds (*labels*: before the round + added in it). *Won*: draws in which the suggested
ones were ahead of the mean of {random} random choices. The judge is a logistic regression on frozen features.
*Seconds*: to suggest once, embeddings at hand, on a machine that may have been busy."""

Rows = NDArray[np.int64]

SETS = (
    "trec_questions",
    "movie_reviews_mr",
    "cifar10_small",
    "neu_steel_defects",
    "spoken_digits_fsdd",
    "digits8x8",
    "banking77",
)

ORACLE = "unlabeled_labels.csv"
"""Labels of the pool, one line per row or file."""

ROUNDS = 2

RANDOM = 5
"""Random choices per draw; their mean is compared with, since one of them alone is luck."""

Chooser = Callable[[Dataset, int, int], Rows]
"""From a dataset, a number and a seed to positions in the pool."""


def oracle(dataset: Dataset, folder: Path) -> Rows:
    """Codes of the pool's classes in its order; -1 for a class that no labelled row has."""
    with (folder / ORACLE).open(newline="", encoding="utf-8") as file:
        told = dict(list(csv.reader(file))[1:])
    assert dataset.X_unlabelled is not None
    medium = medium_of(dataset.columns)
    names = [str(i) for i in range(dataset.n_unlabelled)]
    if medium:
        names = [os.path.basename(path) for path in dataset.X_unlabelled[medium.column]]
    codes = {name: code for code, name in enumerate(dataset.classes)}
    return np.array([codes.get(told[name], -1) for name in names])


def suggested(profile: DatasetProfile) -> Chooser:
    """Choose as the command does."""

    def choose(dataset: Dataset, n: int, seed: int) -> Rows:
        metric = get_metric("accuracy", dataset.task)
        made = suggest(dataset, profile, n, None, metric, seed)
        return np.array([one.position for one in made.chosen])

    return choose


def at_random(dataset: Dataset, n: int, seed: int) -> Rows:
    """Choose anything that the command might."""
    positions = unseen_positions(dataset)
    return np.random.default_rng(seed).permutation(positions)[:n]


def with_labels(dataset: Dataset, chosen: Rows, y: Rows) -> Dataset:
    """Move items of the pool to the labelled ones."""
    pool = dataset.X_unlabelled
    assert pool is not None
    left = np.setdiff1d(np.arange(len(pool)), chosen)
    return replace(
        dataset,
        X=pd.concat([dataset.X, pool.iloc[chosen]], ignore_index=True),
        y=np.r_[dataset.y, y[chosen]],
        X_unlabelled=pool.iloc[left].reset_index(drop=True),
        groups=None,
    )


def accuracy(dataset: Dataset, name: str) -> float:
    """Fit the judge on the labelled rows and score it on the test split."""
    assert dataset.X_test is not None
    assert dataset.y_test is not None
    known, others = (features_of(dataset, rows, name, 0) for rows in (dataset.X, dataset.X_test))
    return float((believe(known, dataset.y, others, dataset.task).values == dataset.y_test).mean())


def follow(dataset: Dataset, y: Rows, choose: Chooser, name: str, seed: int) -> list[float]:
    """Accuracies after each round."""
    n = dataset.n_labelled
    scores = []
    for number in range(ROUNDS):
        if dataset.n_unlabelled <= n:
            break
        chosen = choose(dataset, n, 1000 * seed + number)
        dataset, y = with_labels(dataset, chosen, y), np.delete(y, chosen)
        scores.append(accuracy(dataset, name))
    return scores


def compare(folder: Path, per_class: int, draws: Sequence[int]) -> Iterator[list[str]]:
    """Make the lines of one set: one per round."""
    dataset = read_dataset(folder)
    y = oracle(dataset, folder)
    assert dataset.X_unlabelled is not None
    known = np.flatnonzero(y >= 0)
    pool = dataset.X_unlabelled.iloc[known].reset_index(drop=True)
    dataset, y = replace(dataset, X_unlabelled=pool), y[known]
    profile = profile_dataset(dataset)
    name = profile.backbones[0] if isinstance(profile, PerceivedProfile) else TABLES
    scores: dict[str, list[list[float]]] = {"suggested": [], "random": []}
    start, seconds = [], 0.0
    for seed in draws:
        order = np.random.default_rng(seed).permutation(dataset.n_labelled)
        each = [order[dataset.y[order] == code][:per_class] for code in range(dataset.n_classes)]
        small = dataset.take(np.sort(np.concatenate(each)))
        start.append(accuracy(small, name))
        began = time.monotonic()
        scores["suggested"].append(follow(small, y, suggested(profile), name, seed))
        seconds += time.monotonic() - began
        chances = [follow(small, y, at_random, name, seed + 100 * i) for i in range(RANDOM)]
        scores["random"].append(np.mean(chances, axis=0).tolist())
    better, chance = (100 * np.array(scores[who]) for who in ("suggested", "random"))
    n = per_class * dataset.n_classes
    for number in range(better.shape[1]):
        gain = better[:, number] - chance[:, number]
        yield [
            *(folder.name, f"{n * (1 + number)} + {n}"),
            f"{100 * np.mean(start):.1f}",
            *(f"{chance[:, number].mean():.1f}", f"{better[:, number].mean():.1f}"),
            *(f"{gain.mean():+.1f}", f"{(gain > 0).sum()} of {len(gain)}"),
            f"{seconds / len(gain) / better.shape[1]:.1f}",
        ]


def main() -> None:
    """Compare on every set."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    asked = parser.parse_args()
    draws, lines = range(asked.first, asked.first + asked.draws), []
    for name in asked.sets:
        for line in compare(asked.data / name, asked.per_class, draws):
            lines.append(line)
            print("  ".join(line), flush=True)
    if asked.report:
        given = [part for part in sys.argv[1:] if part not in ("--data", str(asked.data))]
        told = f"`{shlex.join(['python', 'benchmarks/suggest.py', *given])}`"
        about = f"{told}, {datetime.date.today()}. Machine: {machine()}."
        legend = LEGEND.format(random=RANDOM)
        table = markdown_table(HEADER, lines)
        write_section("suggest", "\n\n".join(["## What to label next", about, legend, table]))


if __name__ == "__main__":
    main()
