"""One system on one drawn set of pictures → a line of JSON; run as a process of its own.

    python benchmarks/image_job.py SYSTEM FOLDER --seconds 60 --jobs 2 --seed 0

A strategy's name fits its default configuration once on all labelled pictures; ``logistic`` is what a person would
write by hand on frozen features; ``advise`` tells the first choice; ``autofit`` is the whole product.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from advisor import Dataset, advise, autofit, profile_dataset, read_dataset
from advisor.deadline import Deadline
from advisor.embedding import embed
from advisor.fitting import fit_model
from advisor.metrics import get_metric
from advisor.probe import counts_of
from advisor.regime import find_regime
from advisor.representation import make_representation
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext

BY_HAND = "efficientnet_lite0"
"""The backbone under the baseline written by hand: the one that comes with the installation."""

METRIC = "accuracy"


def run_logistic(dataset: Dataset) -> dict[str, Any]:
    """Logistic regression on frozen features with scikit-learn's defaults."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    X, X_test = (embed(list(frame["image"]), BY_HAND) for frame in (dataset.X, dataset.X_test))
    start = time.perf_counter()
    with threadpool_limits(1):
        model = LogisticRegression(max_iter=1000).fit(X, dataset.y)
    seconds = time.perf_counter() - start
    hits = model.predict(X_test) == dataset.y_test
    return {"test_score": float(np.mean(hits)), "fit_seconds": seconds}


def run_strategy(name: str, dataset: Dataset, threads: int, seed: int) -> dict[str, Any]:
    """The default configuration of one strategy, fitted once on all labelled pictures."""
    strategy = STRATEGIES[name]
    profile = profile_dataset(dataset)
    space = load_space(name, find_regime(profile).name, counts_of(profile), dataset.task)
    params = space.defaults()
    start = time.perf_counter()
    made = make_representation(strategy.representation(params))
    fitted = made.fit(dataset.X, dataset.columns, seed)
    features = fitted.transform(dataset.X)
    context = FitContext(dataset.task, dataset.n_classes, features.info, seed, threads, METRIC)
    model = fit_model(strategy, params, context, features, dataset.y, Deadline(None))
    seconds = time.perf_counter() - start
    assert dataset.X_test is not None
    predicted = model.predict(fitted.transform(dataset.X_test).values)
    score = get_metric(METRIC, dataset.task).score(dataset.y_test, predicted)
    return {"test_score": float(score[0]), "fit_seconds": seconds, "params": params}


def run_advise(folder: Path, seed: int) -> dict[str, Any]:
    """The first choice of the advice, and what it expects."""
    start = time.perf_counter()
    first = advise(folder, metric=METRIC, seed=seed).first_choice
    assert first is not None
    expected = None if first.expected is None else first.expected.value
    seconds = time.perf_counter() - start
    return {"choice": first.strategy, "reported": expected, "fit_seconds": seconds}


def run_autofit(folder: Path, seconds: float, jobs: int, seed: int) -> dict[str, Any]:
    """The whole product; the test split is scored after every choice was made."""
    with tempfile.TemporaryDirectory() as out:
        trained = autofit(
            folder, metric=METRIC, time_limit=seconds, jobs=jobs, seed=seed, out=Path(out) / "run"
        )
        result = trained.result
    score = result.score
    return {
        "test_score": result.test_score,
        "reported": score.value,
        "low": score.low,
        "high": score.high,
        "choice": result.strategy,
        "trials": result.trials,
        "fit_seconds": result.seconds,
    }


def main() -> None:
    """Run what is asked for and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("system")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.system == "autofit":
        found = run_autofit(options.folder, options.seconds, options.jobs, options.seed)
    elif options.system == "advise":
        found = run_advise(options.folder, options.seed)
    elif options.system == "logistic":
        found = run_logistic(read_dataset(options.folder))
    else:
        dataset = read_dataset(options.folder)
        found = run_strategy(options.system, dataset, options.jobs, options.seed)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
