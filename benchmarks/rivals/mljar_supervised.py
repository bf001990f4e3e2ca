"""mljar-supervised in the mode that the second argument names (``Perform``, ``Compete``)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from supervised.automl import AutoML

from rivals.job import Job, answer, load

METRICS = {"roc_auc": "auc"}
ITS_OWN = frozenset({"accuracy", "roc_auc", "average_precision", "rmse", "mae"})
"""Metrics that mljar defines as the referee does; for others its own figure is left out."""


def main() -> None:
    """Fit, predict, and report the score of the best model on mljar's leaderboard."""
    job, mode = Job.from_command_line(), sys.argv[2]
    frames = load(job)
    known = job.metric in ITS_OWN and not (job.task == "multiclass" and job.metric == "roc_auc")
    start = time.perf_counter()
    model = AutoML(
        results_path=str(Path(job.folder) / "mljar"),
        mode=mode,
        total_time_limit=int(job.seconds),
        eval_metric=METRICS.get(job.metric, job.metric) if known else "auto",
        n_jobs=job.jobs,
        random_state=job.seed,
        verbose=0,
        explain_level=0,
    )
    model.fit(frames.X, frames.y)
    fit_seconds = time.perf_counter() - start
    scores = np.abs(model.get_leaderboard()["metric_value"].to_numpy(dtype=float))
    best = float(scores.min() if job.task == "regression" else scores.max())
    values = np.ravel(model.predict(frames.X_test))
    probabilities = model.predict_proba(frames.X_test) if frames.classes else None
    reported = best if known else None
    answer(job, frames, values, probabilities, fit_seconds=fit_seconds, reported=reported)


if __name__ == "__main__":
    main()
