"""What a practitioner writes in ten minutes: a linear model, a forest and the boosters.

The second argument picks one of ``MODELS``. A default model has no figure of its own; the two
that search report the best cross-validated score of the search, as people do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from rivals.job import Frames, Job, answer, load

SCORERS = {"rmse": "neg_root_mean_squared_error", "mae": "neg_mean_absolute_error"}
N_TREES = 300
N_RANDOM_CONFIGS = 20
N_FOLDS = 5
MAX_LEVELS = 50
"""Levels of a one-hot column; the rarer ones share one. Our choice: no id column explodes."""

Fitted = tuple[Any, float | None]


def scorer(job: Job) -> str:
    """Name scikit-learn's scorer of the job's metric."""
    return SCORERS.get(job.metric, job.metric)


def folds(job: Job) -> KFold | StratifiedKFold:
    """Shuffled five-fold splits, stratified where there are classes."""
    kind = KFold if job.task == "regression" else StratifiedKFold
    return kind(N_FOLDS, shuffle=True, random_state=job.seed)


def linear(job: Job, frames: Frames) -> Fitted:
    """Standardised, one-hot; logistic or ridge regression, its strength by cross-validation."""
    numbers = [name for name in frames.X if name not in frames.texts]
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_LEVELS)
    columns = ColumnTransformer([("numbers", scaled, numbers), ("texts", encoder, frames.texts)])
    if job.task == "regression":
        model, grid = Ridge(), {"ridge__alpha": np.logspace(-3, 3, 13)}
    else:
        model = LogisticRegression(max_iter=2000)
        grid = {"logisticregression__C": np.logspace(-4, 2, 13)}
    search = GridSearchCV(
        make_pipeline(columns, model), grid, scoring=scorer(job), cv=folds(job), n_jobs=job.jobs
    )
    search.fit(frames.X, frames.y)
    return search, abs(float(search.best_score_))


def forest(job: Job, frames: Frames) -> Fitted:
    """Grow a random forest of 300 trees; words as ordinals."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("texts", encoder, frames.texts)], remainder="passthrough")
    kind = RandomForestRegressor if job.task == "regression" else RandomForestClassifier
    trees = kind(N_TREES, n_jobs=job.jobs, random_state=job.seed)
    return make_pipeline(columns, trees).fit(frames.X, frames.y), None


def _lightgbm(job: Job, **params: Any) -> Any:
    kind = lightgbm.LGBMRegressor if job.task == "regression" else lightgbm.LGBMClassifier
    return kind(n_jobs=job.jobs, random_state=job.seed, verbose=-1, **params)


def lightgbm_default(job: Job, frames: Frames) -> Fitted:
    """LightGBM as it comes; words as its categoricals."""
    return _lightgbm(job).fit(frames.X, frames.y), None


def lightgbm_tuned(job: Job, frames: Frames) -> Fitted:
    """Search LightGBM: the best of 20 random configurations by five-fold cross-validation."""
    rng = np.random.default_rng(job.seed)
    start, best, best_score = time.perf_counter(), _lightgbm(job), -np.inf
    for _ in range(N_RANDOM_CONFIGS):
        model = _lightgbm(
            job,
            n_estimators=int(np.exp(rng.uniform(np.log(50), np.log(800)))),
            learning_rate=float(np.exp(rng.uniform(np.log(0.01), np.log(0.3)))),
            num_leaves=int(np.exp(rng.uniform(np.log(4), np.log(128)))),
            min_child_samples=int(rng.integers(2, 40)),
            colsample_bytree=float(rng.uniform(0.4, 1.0)),
            subsample=float(rng.uniform(0.5, 1.0)),
            subsample_freq=1,
            reg_lambda=float(np.exp(rng.uniform(np.log(1e-3), np.log(30)))),
        )
        scores = cross_val_score(
            model, frames.X, frames.y, scoring=scorer(job), cv=folds(job), error_score=np.nan
        )
        if np.mean(scores) > best_score:
            best, best_score = model, float(np.mean(scores))
        if time.perf_counter() - start > job.seconds:
            break
    reported = abs(best_score) if np.isfinite(best_score) else None
    return best.fit(frames.X, frames.y), reported


def xgboost_default(job: Job, frames: Frames) -> Fitted:
    """XGBoost as it comes; words as its categoricals."""
    kind = xgboost.XGBRegressor if job.task == "regression" else xgboost.XGBClassifier
    model = kind(n_jobs=job.jobs, random_state=job.seed, enable_categorical=True)
    return model.fit(frames.X, frames.y), None


def catboost_default(job: Job, frames: Frames) -> Fitted:
    """CatBoost as it comes; words as its categoricals."""
    kind = catboost.CatBoostRegressor if job.task == "regression" else catboost.CatBoostClassifier
    model = kind(
        thread_count=job.jobs, random_seed=job.seed, verbose=False, allow_writing_files=False
    )
    return model.fit(frames.X, frames.y, cat_features=frames.texts), None


MODELS: dict[str, Callable[[Job, Frames], Fitted]] = {
    "linear": linear,
    "random_forest": forest,
    "lightgbm": lightgbm_default,
    "lightgbm_tuned": lightgbm_tuned,
    "xgboost": xgboost_default,
    "catboost": catboost_default,
}


def with_words(name: str, frames: Frames) -> Frames:
    """Give a booster its categoricals: pandas categories, and for CatBoost text without gaps."""
    texts = {f"c{i}" for i, column in enumerate(frames.X) if column in frames.texts}
    # Plain names: LightGBM and XGBoost refuse brackets and the like.
    X = frames.X.set_axis([f"c{i}" for i in range(frames.X.shape[1])], axis=1)
    X_test = frames.X_test.set_axis(X.columns, axis=1)
    for column in sorted(texts):
        if name == "catboost":
            X[column], X_test[column] = (
                X[column].fillna("missing"),
                X_test[column].fillna("missing"),
            )
        elif name in ("lightgbm", "lightgbm_tuned", "xgboost"):
            levels = pd.CategoricalDtype(sorted(X[column].dropna().unique()))
            X[column], X_test[column] = X[column].astype(levels), X_test[column].astype(levels)
    return Frames(X, frames.y, X_test, frames.classes)


def main() -> None:
    """Fit the model named by the second argument and answer the job."""
    job, name = Job.from_command_line(), sys.argv[2]
    frames = with_words(name, load(job))
    start = time.perf_counter()
    model, reported = MODELS[name](job, frames)
    fit_seconds = time.perf_counter() - start
    values = np.ravel(model.predict(frames.X_test))
    probabilities = model.predict_proba(frames.X_test) if frames.classes else None
    answer(job, frames, values, probabilities, fit_seconds=fit_seconds, reported=reported)


if __name__ == "__main__":
    main()
