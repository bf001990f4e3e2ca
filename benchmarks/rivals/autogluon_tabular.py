"""AutoGluon with the preset that the second argument names (``best_quality`` ...)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from autogluon.tabular import TabularPredictor

from rivals.job import Job, answer, load

METRICS = {"rmse": "root_mean_squared_error", "mae": "mean_absolute_error"}
TARGET = "__target__"


def main() -> None:
    """Fit, predict, and report the validation score of the model that predicts."""
    job, preset = Job.from_command_line(), sys.argv[2]
    frames = load(job)
    start = time.perf_counter()
    predictor = TabularPredictor(
        label=TARGET,
        problem_type=job.task,
        eval_metric=METRICS.get(job.metric, job.metric),
        path=str(Path(job.folder) / "autogluon"),
        verbosity=0,
    ).fit(
        frames.X.assign(**{TARGET: frames.y}),
        time_limit=job.seconds,
        presets=preset,
        num_cpus=job.jobs,
    )
    fit_seconds = time.perf_counter() - start
    board = predictor.leaderboard().set_index("model")
    reported = abs(float(board.loc[predictor.model_best, "score_val"]))
    values = predictor.predict(frames.X_test).to_numpy()
    probabilities = None
    if frames.classes:
        table = predictor.predict_proba(frames.X_test)
        # A class that AutoGluon dropped for rarity has no column: nobody is given it.
        probabilities = table.reindex(columns=range(len(frames.classes)), fill_value=0.0).to_numpy()
    answer(job, frames, values, probabilities, fit_seconds=fit_seconds, reported=reported)


if __name__ == "__main__":
    main()
