"""One system on one drawn set → a line of JSON; run as a process of its own.

    python benchmarks/curve_job.py SYSTEM FOLDER --seconds 60 --jobs 2 --seed 0

A strategy's name fits its default configuration once on all labelled items; ``by_hand`` is what a person would write in
ten lines; ``advise`` tells the first choice; ``autofit`` is the whole product, ``gated`` the same with only heads
on frozen features in its plan: how the gate chooses among those that use the pool and the one that does not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from advisor import Dataset, advise, autofit, profile_dataset, read_dataset
from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.division import unseen_rows
from advisor.embedding import embed
from advisor.fitting import fit_model
from advisor.metrics import get_metric
from advisor.probe import counts_of
from advisor.regime import find_regime
from advisor.representation import make_representation
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext
from advisor.tables.columns import texts_of
from advisor.workspace import POOL_ROWS

BACKBONE = "efficientnet_lite0"
"""The backbone under the baseline on pictures: the one that comes with the installation."""

GATED_TRIALS = 30
"""Trials of ``gated``: the defaults, and all that few labels allow of the plain head; so many, and not what there is
time for, that a busy machine chooses the same."""

SOUND_RATE, MFCCS = 16_000, 20
"""Of the baseline on recordings: samples per second, and coefficients (librosa's default)."""


def run_by_hand(dataset: Dataset, metric: str) -> dict[str, Any]:
    """What a person would write in ten lines: see ``by_hand`` of the campaigns."""
    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits

    make = {"image": by_hand_images, "text": by_hand_texts, "audio": by_hand_sounds}
    start = time.perf_counter()
    X, X_test, model = make[dataset.modality](dataset)
    if dataset.task is Task.MULTILABEL:
        from sklearn.multiclass import OneVsRestClassifier

        model = Pipeline([*model.steps[:-1], ("all", OneVsRestClassifier(model.steps[-1][1]))])
    with threadpool_limits(1):
        model.fit(X, dataset.y)
    seconds = time.perf_counter() - start
    found = model.predict(X_test)
    score = accuracy_score if metric == "accuracy" else partial(f1_score, average="macro")
    return {"test_score": float(score(dataset.y_test, found)), "fit_seconds": seconds}


def by_hand_images(dataset: Dataset) -> tuple[Any, Any, Any]:
    """Logistic regression on frozen features with scikit-learn's defaults."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    X, X_test = (embed(list(frame["image"]), BACKBONE) for frame in (dataset.X, dataset.X_test))
    return X, X_test, make_pipeline(LogisticRegression(max_iter=1000))


def by_hand_texts(dataset: Dataset) -> tuple[Any, Any, Any]:
    """TF-IDF of words and pairs of words, and logistic regression with scikit-learn's defaults."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    X, X_test = (texts_of(frame, dataset.columns) for frame in (dataset.X, dataset.X_test))
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return X, X_test, make_pipeline(words, LogisticRegression(C=10.0, max_iter=1000))


def by_hand_sounds(dataset: Dataset) -> tuple[Any, Any, Any]:
    """Mean and standard deviation of MFCCs, scaled, and a support vector machine."""
    import librosa
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def describe(path: str) -> Any:
        sound, rate = librosa.load(path, sr=SOUND_RATE)
        mfcc = librosa.feature.mfcc(y=sound, sr=rate, n_mfcc=MFCCS)
        return np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)])

    X, X_test = (
        np.array([describe(path) for path in frame["audio"]])
        for frame in (dataset.X, dataset.X_test)
    )
    return X, X_test, make_pipeline(StandardScaler(), SVC(C=10.0))


def run_strategy(
    name: str, dataset: Dataset, threads: int, seed: int, metric: str
) -> dict[str, Any]:
    """The default configuration of one strategy, fitted once on all labelled items."""
    strategy = STRATEGIES[name]
    profile = profile_dataset(dataset)
    space = load_space(name, find_regime(profile).name, counts_of(profile), dataset.task)
    params = space.defaults()
    start = time.perf_counter()
    made = make_representation(strategy.representation(params))
    fitted = made.fit(dataset.X, dataset.columns, seed)
    fitted.prepare(dataset.X, Deadline(None), dataset.X_unlabelled)
    features = fitted.transform(dataset.X)
    if strategy.card.pool and (pool := unseen_rows(dataset)) is not None:
        fitted.prepare(pool[:POOL_ROWS], Deadline(None))
        features = replace(features, pool=fitted.transform(pool[:POOL_ROWS]).values)
    context = FitContext(dataset.task, dataset.n_classes, features.info, seed, threads, metric)
    model = fit_model(strategy, params, context, features, dataset.y, Deadline(None))
    seconds = time.perf_counter() - start
    assert dataset.X_test is not None
    predicted = model.predict(fitted.transform(dataset.X_test).values)
    score = get_metric(metric, dataset.task).score(dataset.y_test, predicted)
    return {"test_score": float(score[0]), "fit_seconds": seconds, "params": params}


def run_advise(folder: Path, seed: int, metric: str) -> dict[str, Any]:
    """The first choice of the advice, and what it expects."""
    start = time.perf_counter()
    first = advise(folder, metric=metric, seed=seed).first_choice
    assert first is not None
    expected = None if first.expected is None else first.expected.value
    seconds = time.perf_counter() - start
    return {"choice": first.strategy, "reported": expected, "fit_seconds": seconds}


def run_autofit(
    folder: Path, seconds: float, jobs: int, seed: int, metric: str, *, heads: bool = False
) -> dict[str, Any]:
    """The whole product, or its choice among heads; the test split is scored after every choice was made."""
    plan = None
    if heads:
        whole = advise(folder, metric=metric, seed=seed, probe_seconds=None)
        kept = [r for r in whole.recommendations if _is_head(r.strategy)]
        plan = whole.model_copy(update={"recommendations": tuple(kept)})
    with tempfile.TemporaryDirectory() as out:
        trained = autofit(
            folder,
            **({"plan": plan} if plan else {"metric": metric, "seed": seed}),
            time_limit=seconds,
            trials=GATED_TRIALS if heads else None,
            jobs=jobs,
            out=Path(out) / "run",
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


def _is_head(name: str) -> bool:
    """Whether a strategy is the plain head on frozen features, or one that adds nothing to it but the pool."""
    card = STRATEGIES[name].card
    return name == "linear_probe" or (card.pool and card.clock == "general")


def main() -> None:
    """Run what is asked for and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("system")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seed, metric = options.seed, options.metric
    if options.system in ("autofit", "gated"):
        heads = options.system == "gated"
        found = run_autofit(
            options.folder, options.seconds, options.jobs, seed, metric, heads=heads
        )
    elif options.system == "advise":
        found = run_advise(options.folder, seed, metric)
    elif options.system == "by_hand":
        found = run_by_hand(read_dataset(options.folder), metric)
    else:
        dataset = read_dataset(options.folder)
        found = run_strategy(options.system, dataset, options.jobs, seed, metric)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
