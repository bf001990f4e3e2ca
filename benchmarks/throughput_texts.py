"""Texts per second of each way to compute frozen embeddings, and how far they are from plain transformers.

Every way runs in a process of its own, interleaved over the rounds; the median is reported. *plain* calls
transformers in the order of the texts, 32 at a time and padded; *sorted* sorts them by length first; *advisor* is
:func:`advisor.embedding.embed` with an empty cache but for the converted network.

    python benchmarks/throughput_texts.py --report
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from meter import machine, versions
from readme import markdown_table, write_section
from systems import HERE

WAYS = ("plain", "sorted", "advisor on torch", "advisor")

SETS = ("trec_questions", "movie_reviews_mr", "reuters_multilabel")

BATCH = 32
"""Texts in a batch of plain transformers, a customary number."""

PACKAGES = ("torch", "transformers", "tokenizers", "openvino")

TIMEOUT_SECONDS = 600.0

LEGEND = """\
Texts per second, median of the rounds (range), tokenising included. *Ratio*: to plain calls of transformers in
the order of the texts. *Difference*: largest of a number to them."""


def texts_of(folder: Path, n: int) -> list[str]:
    """Read the first texts of a set."""
    file = next(iter(sorted(folder.glob("train.*"))))
    table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_json(file, lines=True)
    return [text for text in table["text"].astype(str).tolist() if text.strip()][:n]


def run_one(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one way on one set in this process.

    Returns
    -------
    dict
        ``rate`` in texts per second, ``embeddings`` of the first texts.
    """
    texts = texts_of(options.data / options.set, options.texts)
    work = _plain(way == "sorted", options) if way in WAYS[:2] else _ours(way, options)
    work(texts[:BATCH])
    start = time.perf_counter()
    found = work(texts)
    return {
        "rate": len(texts) / (time.perf_counter() - start),
        "embeddings": found[:BATCH].astype(float).tolist(),
    }


def _plain(by_length: bool, options: argparse.Namespace) -> Any:
    import torch

    from advisor.backbone import find_backbone
    from advisor.backbones.weights import model_folder
    from advisor.torchvision_cure import require_cured

    torch.set_num_threads(options.threads)
    transformers = require_cured("transformers", extra="text")
    card: Any = find_backbone(options.backbone)
    folder = model_folder(card)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    net = transformers.AutoModel.from_pretrained(folder).eval()

    def work(texts: list[str]) -> NDArray[np.float32]:
        order = np.argsort([len(text) for text in texts]) if by_length else np.arange(len(texts))
        found = np.empty((len(texts), card.width), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            rows = order[start : start + BATCH]
            batch = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=card.longest,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = net(**batch).last_hidden_state
                weights = batch["attention_mask"].unsqueeze(-1)
                mean = (states * weights).sum(1) / weights.sum(1)
                found[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return found

    return work


def _ours(way: str, options: argparse.Namespace) -> Any:
    from advisor.backbone import LOADERS, find_backbone
    from advisor.backbones import text_encoder
    from advisor.deadline import Deadline

    if way == "advisor on torch":
        text_encoder.engine_name = lambda: "torch"
    card = find_backbone(options.backbone)
    loader = LOADERS[card.loader]

    def work(texts: list[str]) -> NDArray[np.float32]:
        made = loader.embed(
            card, texts, view="plain", threads=options.threads, deadline=Deadline(None)
        )
        return np.vstack(list(made))

    return work


def run_all(options: argparse.Namespace) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Measure every way on every set in processes of their own, round after round.

    Returns
    -------
    dict of dict of list of dict
        What :func:`run_one` found, per set and way.
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with tempfile.TemporaryDirectory() as cache:
        own = os.environ | {"REGIME_ADVISOR_CACHE": cache}
        for turn in range(options.rounds):
            for name in options.sets:
                for way in options.ways:
                    command = [sys.executable, __file__, "--one", way, "--set", name]
                    command += ["--data", str(options.data), "--backbone", options.backbone]
                    command += ["--texts", str(options.texts), "--threads", str(options.threads)]
                    done = subprocess.run(
                        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
                        check=False, env=own,
                    )  # fmt: skip
                    if done.returncode:
                        print(f"{way}: {(done.stderr.splitlines() or ['failed'])[-1]}", flush=True)
                        continue
                    figures = json.loads(done.stdout.splitlines()[-1])
                    found.setdefault(name, {}).setdefault(way, []).append(figures)
                    print(f"round {turn + 1} {name} {way}: {figures['rate']:.0f}/s", flush=True)
    return found


def rows_of(found: dict[str, dict[str, list[dict[str, Any]]]]) -> list[list[str]]:
    """Make the rows of the table."""
    rows = []
    for name, ways in found.items():
        plain = ways.get("plain", [])
        for way, runs in ways.items():
            rates = [run["rate"] for run in runs]
            told = f"{statistics.median(rates):.0f} ({min(rates):.0f}–{max(rates):.0f})"
            ratio = difference = "–"
            if plain:
                base = statistics.median(run["rate"] for run in plain)
                ratio = f"{statistics.median(rates) / base:.1f}"
                gap = np.array(runs[0]["embeddings"]) - np.array(plain[0]["embeddings"])
                difference = f"{np.abs(gap).max():.0e}"
            rows.append([name, way, told, ratio, difference])
    return rows


def report(found: dict[str, dict[str, list[dict[str, Any]]]], options: argparse.Namespace) -> str:
    """Make the section of benchmarks/README.md."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = ", ".join(f"{name} {number}" for name, number in versions(PACKAGES).items())
    command = (
        f"python benchmarks/throughput_texts.py --backbone {options.backbone} --texts {options.texts} "
        f"--threads {options.threads} --rounds {options.rounds} --report"
    )
    about = f"`{command}`, {day}. Machine: {machine()}. Versions: {told}."
    table = markdown_table(["set", "way", "texts /s", "ratio", "difference"], rows_of(found))
    return "\n\n".join(["## Frozen embeddings of texts", about, LEGEND, table])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("ADVISOR_DATA", str(HERE.parent.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--backbone", default="all_minilm_l6_v2")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(WAYS))
    parser.add_argument("--one", choices=WAYS, help="measure this one here and print JSON")
    parser.add_argument("--set", default=SETS[0], help="what --one measures on")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    return parser.parse_args()


def main() -> None:
    """Measure and report."""
    options = arguments()
    if options.one:
        print(json.dumps(run_one(options.one, options)))
        return
    section = report(run_all(options), options)
    print(section)
    if options.report:
        write_section("throughput_texts", section)


if __name__ == "__main__":
    main()
