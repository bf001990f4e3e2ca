"""FLAML's AutoML."""

from __future__ import annotations

import time
from typing import Any

from flaml import AutoML
from sklearn.metrics import balanced_accuracy_score

from rivals.job import Job, answer, load

METRICS = {"f1_macro": "macro_f1", "average_precision": "ap"}


def balanced_error(
    X_val: Any,
    y_val: Any,
    estimator: Any,
    *_: Any,
    **__: Any,
) -> tuple[float, dict[str, float]]:
    """One minus balanced accuracy, which FLAML does not have, as its custom metric."""
    error = 1.0 - float(balanced_accuracy_score(y_val, estimator.predict(X_val)))
    return error, {"balanced_error": error}


def main() -> None:
    """Fit, predict, and report the best validation score."""
    job = Job.from_command_line()
    frames = load(job)
    metric = METRICS.get(job.metric, job.metric)
    start = time.perf_counter()
    model = AutoML()
    model.fit(
        frames.X,
        frames.y,
        task="regression" if job.task == "regression" else "classification",
        metric=balanced_error if metric == "balanced_accuracy" else metric,
        time_budget=job.seconds,
        n_jobs=job.jobs,
        seed=job.seed,
        verbose=0,
    )
    fit_seconds = time.perf_counter() - start
    # FLAML keeps a loss: 1 - score of what is to be raised, the error itself otherwise.
    loss = float(model.best_loss)
    reported = loss if job.task == "regression" else 1.0 - loss
    values = model.predict(frames.X_test)
    probabilities = model.predict_proba(frames.X_test) if frames.classes else None
    answer(job, frames, values, probabilities, fit_seconds=fit_seconds, reported=reported)


if __name__ == "__main__":
    main()
