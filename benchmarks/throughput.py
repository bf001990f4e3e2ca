"""Pictures per second of each way to compute frozen features, with and without decoding.

Every way runs in a process of its own (thread pools of several runtimes in one process slow each
other down), interleaved over the rounds; the median is reported. Features of all ways are compared
with those of plain torch.

    python benchmarks/throughput.py --data ../shared/data/hymenoptera --report
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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meter import machine, versions
from readme import markdown_table, write_section
from systems import HERE

WAYS = ("torch", "torch fused", "onnxruntime", "openvino")
"""Plain ``inference_mode``; folded norms and channels-last; ONNX Runtime; OpenVINO. All float32."""

PACKAGES = ("torch", "timm", "onnxruntime", "openvino", "pillow")
ENDINGS = {".jpg", ".jpeg", ".png"}
SOUND_ENDINGS = {".wav", ".flac", ".ogg", ".mp3"}
TIMEOUT_SECONDS = 600.0

LEGEND = """\
Pictures per second, median of the rounds (range). *Network*: on decoded pictures. *All*: from files,
decoding in parallel threads. *Ratio*: *network* to plain `inference_mode`. *Difference*: largest of a
feature to plain torch."""

Engine = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def make_engine(way: str, backbone: str, threads: int) -> Engine:
    """Make what embeds a batch of pictures of bytes.

    Parameters
    ----------
    way : str
        One of ``WAYS``.
    backbone : str
        Its name.
    threads : int
        Cores to use.

    Returns
    -------
    callable
        Pictures of shape (n, side, side, 3) to embeddings.
    """
    from advisor.backbone import find_backbone
    from advisor.cache import default_cache

    card = find_backbone(backbone)
    if way == "openvino":
        from advisor.backbones.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(card, threads, default_cache())
    if way == "torch fused":
        from advisor.backbones.engines.torch_engine import TorchEngine

        return TorchEngine(card, threads)
    import torch

    from advisor.backbones.engines.network import build_net

    torch.set_num_threads(threads)
    net = build_net(card, pretrained=True)
    mean = 255 * np.array(card.mean, dtype=np.float32)
    std = 255 * np.array(card.std, dtype=np.float32)

    def normal(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        values = (pictures.astype(np.float32) - mean) / std
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

    if way == "torch":

        def plain(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return np.asarray(net(torch.from_numpy(normal(pictures))).numpy())

        return plain
    return _onnx(net, card.input_size, threads, normal)


def _onnx(net: Any, side: int, threads: int, normal: Callable[..., Any]) -> Engine:
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "net.onnx")
        example, dynamic = (torch.zeros(1, 3, side, side),), {"x": {0: "n"}, "y": {0: "n"}}
        torch.onnx.export(
            net,
            example,
            file,
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes=dynamic,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda pictures: np.asarray(session.run(None, {"x": normal(pictures)})[0])


def run_one(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one way in this process.

    Returns
    -------
    dict
        ``network`` and ``all`` in pictures per second, ``features`` of the first pictures.
    """
    from advisor.backbone import find_backbone
    from advisor.backbones.pictures import batches_of, view_of

    card, size, threads = find_backbone(options.backbone), options.batch, options.threads
    files = pictures_in(options.data)[: options.pictures]
    engine = make_engine(way, options.backbone, threads)
    load = partial(view_of, card=card, view="plain")
    decoded = [
        np.stack([p for p in batch if p is not None])
        for batch in batches_of(load, files, size, threads)
    ]
    first = engine(decoded[0])
    start = time.perf_counter()
    for batch in decoded:
        engine(batch)
    network = sum(map(len, decoded)) / (time.perf_counter() - start)
    start = time.perf_counter()
    for pictures in batches_of(load, files, size, threads):
        engine(np.stack([p for p in pictures if p is not None]))
    whole = len(files) / (time.perf_counter() - start)
    return {"network": network, "all": whole, "features": first.astype(float).tolist()}


def run_recordings(backbone: str, folder: Path, threads: int, n: int) -> dict[str, float]:
    """Measure a backbone for sound on the recordings below a folder, decoding among it.

    Parameters
    ----------
    backbone : str
        Its name.
    folder : Path
        Of recordings.
    threads : int
        Cores to use.
    n : int
        Most recordings.

    Returns
    -------
    dict
        ``all`` in recordings per second and ``seconds`` of sound per second, after a first batch.
    """
    import soundfile

    from advisor.backbone import LOADERS, find_backbone
    from advisor.deadline import Deadline

    files = [str(f) for f in sorted(folder.rglob("*")) if f.suffix.lower() in SOUND_ENDINGS][:n]
    card = find_backbone(backbone)
    embed = partial(
        LOADERS[card.loader].embed, view="plain", threads=threads, deadline=Deadline(None)
    )
    list(embed(card, files[:16]))
    start = time.perf_counter()
    list(embed(card, files))
    spent = time.perf_counter() - start
    heard = sum(soundfile.info(file).duration for file in files)
    return {"all": len(files) / spent, "seconds": heard / spent}


def report_recordings(options: argparse.Namespace) -> str:
    """Measure every backbone for sound that runs here, round after round, and make its section."""
    from advisor.backbone import usable_backbones
    from advisor.tasks import Modality

    rows = []
    for backbone in usable_backbones(Modality.AUDIO):
        runs = [
            run_recordings(backbone, options.sounds, options.threads, options.pictures)
            for _ in range(options.rounds)
        ]
        rows.append([backbone, _told(runs, "all"), _told(runs, "seconds")])
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    command = (
        f"python benchmarks/throughput.py --sounds {options.sounds} --pictures {options.pictures} "
        f"--threads {options.threads} --rounds {options.rounds} --report"
    )
    about = f"`{command}`, {day}. Decoding included, median of the rounds (range). Machine: {machine()}."
    table = markdown_table(["backbone", "recordings /s", "seconds of sound /s"], rows)
    return "\n\n".join(["## Frozen features of recordings", about, table])


def pictures_in(folder: Path) -> list[str]:
    """List the pictures below a folder."""
    return sorted(str(file) for file in folder.rglob("*") if file.suffix.lower() in ENDINGS)


def run_all(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Measure every way in processes of their own, round after round.

    Returns
    -------
    dict of list of dict
        What :func:`run_one` found, per way; a way that cannot run here is left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for turn in range(options.rounds):
        for way in options.ways:
            command = [sys.executable, __file__, "--one", way, "--data", str(options.data)]
            command += ["--backbone", options.backbone, "--batch", str(options.batch)]
            command += ["--threads", str(options.threads), "--pictures", str(options.pictures)]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
            if done.returncode:
                print(f"{way}: {(done.stderr.splitlines() or ['failed'])[-1]}", flush=True)
                continue
            figures = json.loads(done.stdout.splitlines()[-1])
            found.setdefault(way, []).append(figures)
            told = f"network {figures['network']:.0f}/s, all {figures['all']:.0f}/s"
            print(f"round {turn + 1} {way}: {told}", flush=True)
    return found


def rows_of(found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    """Make the rows of the table."""
    plain = found.get("torch", [])
    rows = []
    for way, runs in found.items():
        ratio = difference = "–"
        if plain:
            ratio = f"{_median(runs, 'network') / _median(plain, 'network'):.1f}"
            gap = np.abs(np.array(runs[0]["features"]) - np.array(plain[0]["features"])).max()
            difference = f"{gap:.0e}"
        rows.append([way, _told(runs, "network"), ratio, _told(runs, "all"), difference])
    return rows


def _median(runs: list[dict[str, Any]], what: str) -> float:
    return statistics.median(run[what] for run in runs)


def _told(runs: list[dict[str, Any]], what: str) -> str:
    values = [run[what] for run in runs]
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


def report(found: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> str:
    """Make the section of benchmarks/README.md."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = ", ".join(f"{name} {number}" for name, number in versions(PACKAGES).items())
    head = ["way", "network /s", "ratio", "all /s", "difference"]
    n = min(options.pictures, len(pictures_in(options.data)))
    command = (
        f"python benchmarks/throughput.py --backbone {options.backbone} --pictures {options.pictures} "
        f"--batch {options.batch} --threads {options.threads} --rounds {options.rounds} --report"
    )
    about = f"`{command}`, {day}, {n} pictures of {options.data.name}. Machine: {machine()}."
    title = "## Frozen features of pictures"
    table = markdown_table(head, rows_of(found))
    return "\n\n".join([title, f"{about} Versions: {told}.", LEGEND, table])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("ADVISOR_DATA", str(HERE.parent.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared) / "hymenoptera")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--pictures", type=int, default=396)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(WAYS))
    parser.add_argument("--sounds", type=Path, help="measure backbones for sound on this folder")
    parser.add_argument("--one", choices=WAYS, help="measure this one here and print JSON")
    parser.add_argument("--report", action="store_true", help="write benchmarks/README.md")
    return parser.parse_args()


def main() -> None:
    """Measure and report."""
    options = arguments()
    if options.sounds:
        section = report_recordings(options)
        print(section)
        if options.report:
            write_section("throughput_recordings", section)
        return
    if not pictures_in(options.data):
        raise SystemExit(f"no pictures in {options.data}: name a folder of them with --data")
    if options.one:
        print(json.dumps(run_one(options.one, options)))
        return
    section = report(run_all(options), options)
    print(section)
    if options.report:
        write_section("throughput", section)


if __name__ == "__main__":
    main()
