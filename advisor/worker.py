"""A process that fits: lines of JSON in, lines of JSON out (``python -m advisor.worker``)."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import threading
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.fitting import fit_model
from advisor.jobs import FoldJob, FoldResult
from advisor.strategy import STRATEGIES, FitContext
from advisor.workspace import Workspace

READY = "ready"
"""The first line of a worker: what it imports at its start is imported."""

AT_START = ("pyarrow.parquet", "sklearn.linear_model")
"""Libraries that nearly every fit uses. On a busy machine their import takes longer than a short fit may; at the start
it overlaps with the reading of data."""

MAX_ERROR = 500
"""Characters of an exception's message that are kept for the leaderboard."""


@lru_cache(maxsize=2)
def _workspace(folder: Path) -> Workspace:
    return Workspace(folder)


def forget_workspaces() -> None:
    """Read the rows of every search anew: a later one in this process may have others in the same folder."""
    _workspace.cache_clear()


def run_job(job: FoldJob) -> FoldResult:
    """Fit one strategy on one fold, write predictions and model, and tell what happened.

    Parameters
    ----------
    job : FoldJob
        What to fit and where to write.

    Returns
    -------
    FoldResult
        Any exception of the fit is in ``error``: a failed trial is data.
    """
    start = time.monotonic()
    try:
        truncated = _fit(job)
    except DeadlineExceeded as late:
        error = f"over its time: {late}"[:MAX_ERROR]
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"[:MAX_ERROR]
    else:
        seconds = time.monotonic() - start
        return FoldResult(fold=job.fold, seconds=seconds, truncated=truncated)
    return FoldResult(fold=job.fold, seconds=time.monotonic() - start, error=error)


def _fit(job: FoldJob) -> bool:
    workspace = _workspace(job.workspace)
    strategy = STRATEGIES[job.strategy]
    representation = strategy.representation(job.params)
    features = workspace.features(job.fold, representation, pooled=strategy.card.pool)
    y = workspace.y[workspace.fold(job.fold).train]
    train = features.train
    if job.train_fraction < 1:
        blocks = train.blocks
        rows = _part(len(y), blocks, job.train_fraction, job.seed)
        blocks = None if blocks is None else blocks[rows]
        train, y = replace(train, values=train.values[rows], blocks=blocks), y[rows]
    context = FitContext(
        task=workspace.problem.task,
        n_outputs=workspace.problem.n_outputs,
        info=train.info,
        seed=job.seed,
        threads=job.threads,
        metric=workspace.problem.metric,
    )
    model = fit_model(strategy, job.params, context, train, y, Deadline(job.seconds))
    predictions = model.predict(features.valid.values)
    if not np.isfinite(predictions).all():
        raise ValueError("predictions are not finite")
    if job.model is not None:
        shutil.rmtree(job.model, ignore_errors=True)
        job.model.mkdir(parents=True)
        model.save(job.model)
    np.save(job.predictions, predictions.astype(np.float64))
    return model.truncated


def _part(
    n_rows: int, blocks: NDArray[np.int64] | None, fraction: float, seed: int
) -> NDArray[np.int64]:
    """A random part of the training rows, for the learning curve: whole blocks, in number of rows as near as can be."""
    n_part = max(2, round(n_rows * fraction))
    of_row = np.arange(n_rows) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    sizes = np.bincount(of_row)
    order = np.random.default_rng(seed).permutation(len(sizes))
    held = np.cumsum(sizes[order])
    n_blocks = 1 + int(np.argmin(np.abs(held - n_part)))
    return np.flatnonzero(np.isin(of_row, order[:n_blocks]))


def main() -> None:
    """Answer jobs until standard input ends; libraries that print cannot disturb the answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints now prints into the log
    jobs: SimpleQueue[FoldJob | None] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(FoldJob.model_validate_json(line))
        os._exit(0)  # the search is gone: a fit under way has no one to report to

    threading.Thread(target=listen, daemon=True).start()
    len(STRATEGIES)  # finds the parts
    for module in AT_START:
        importlib.import_module(module)
    answers.write(f"{READY}\n")
    answers.flush()
    while (job := jobs.get()) is not None:
        answers.write(run_job(job).model_dump_json() + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
