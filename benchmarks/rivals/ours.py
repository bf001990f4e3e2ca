"""Our package, by its own commands, given what every other system is given."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from rivals.job import Job


def main() -> None:
    """Run ``autofit`` on the training folder and ``advisor predict`` on the test rows."""
    job = Job.from_command_line()
    folder, commands = Path(job.folder), Path(sys.executable).parent
    fit = [str(commands / "autofit"), str(folder / "train"), "--target", job.target]
    fit += ["--task", job.task, "--metric", job.metric, "--time-limit", f"{job.seconds:g}s"]
    fit += [
        "--jobs",
        str(job.jobs),
        "--seed",
        str(job.seed),
        "--out",
        str(folder / "run"),
        "--quiet",
    ]
    start = time.perf_counter()
    subprocess.run(fit, check=True)
    fit_seconds = time.perf_counter() - start
    predict = [str(commands / "advisor"), "predict", str(folder / "run"), str(folder / "test.csv")]
    subprocess.run([*predict, "-o", str(folder / "predictions.csv")], check=True)
    result = json.loads((folder / "run" / "result.json").read_text(encoding="utf-8"))
    score = result["score"]
    figures = {
        "fit_seconds": fit_seconds,
        "reported": score["value"],
        "naive": result["naive_score"],
    }
    figures |= {"low": score["low"], "high": score["high"], "strategy": result["strategy"]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
