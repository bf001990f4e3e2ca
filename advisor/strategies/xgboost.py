"""XGBoost: gradient-boosted trees grown level by level, strongly regularised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import InvalidRun
from advisor.registry import require
from advisor.representation import FeatureInfo, Features
from advisor.strategy import (
    STRATEGIES,
    Card,
    FitContext,
    Model,
    Params,
    Requirements,
    Strategy,
    balanced_weights,
    number,
    word,
)

ONE_HOT_UP_TO = 8
"""Levels up to which a category is split one against the rest; our choice: partitions of few rows overfit."""


class XgboostModel(Model):
    """A booster grown round by round, so that a deadline leaves a shorter one."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.booster: Any = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Grow rounds until all are done or time is up."""
        deadline.check()
        xgboost = require("xgboost", extra="all")
        data = self._matrix(X.values)
        data.set_label(y.astype(np.float64))
        if self.context.task is not Task.REGRESSION:
            weight = balanced_weights(y, word(self.params, "class_weight"))
            if weight is not None:
                data.set_weight(weight)
        self.booster = xgboost.Booster(self._settings(), [data])
        rounds = int(number(self.params, "n_estimators"))
        for done in range(rounds):
            self.booster.update(data, done)
            if deadline.passed() and done + 1 < rounds:
                self.truncated = True
                break
        return self

    def _matrix(self, values: NDArray[np.float64]) -> Any:
        xgboost = require("xgboost", extra="all")
        return xgboost.DMatrix(
            values,
            missing=np.nan,
            feature_types=_feature_types(self.context.info),
            enable_categorical=True,
            nthread=self.context.threads,
        )

    def _settings(self) -> dict[str, Any]:
        p = self.params
        settings: dict[str, Any] = {
            "objective": self._objective(),
            "tree_method": "hist",
            "learning_rate": number(p, "learning_rate"),
            "max_depth": int(number(p, "max_depth")),
            "min_child_weight": number(p, "min_child_weight"),
            "subsample": number(p, "subsample"),
            "colsample_bylevel": number(p, "colsample_bylevel"),
            "reg_lambda": number(p, "reg_lambda"),
            "max_cat_to_onehot": ONE_HOT_UP_TO,
            "nthread": self.context.threads,
            "seed": self.context.seed,
            "verbosity": 0,
        }
        if settings["objective"] == "multi:softprob":
            settings["num_class"] = self.context.n_outputs
        return settings

    def _objective(self) -> str:
        if self.context.task is Task.REGRESSION:
            return "reg:absoluteerror" if self.context.metric == "mae" else "reg:squarederror"
        return "binary:logistic" if self.context.n_outputs == 2 else "multi:softprob"

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the trees."""
        found = np.asarray(self.booster.predict(self._matrix(values)), dtype=np.float64)
        if self.context.task is Task.REGRESSION:
            return found.reshape(-1, 1)
        return np.column_stack([1 - found, found]) if found.ndim == 1 else found

    def save(self, folder: Path) -> None:
        """Write ``model.ubj``, XGBoost's own format."""
        self.booster.save_model(str(folder / "model.ubj"))


def _feature_types(info: FeatureInfo) -> list[str]:
    codes = set(info.categorical)
    return ["c" if i in codes else "float" for i in range(len(info.names))]


class Xgboost(Strategy):
    """XGBoost."""

    card = Card(
        name="xgboost",
        title="Gradient boosting, level-wise (XGBoost)",
        family="boosting",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        requires=Requirements(modules=("xgboost",), extra="all"),
        reference="Chen and Guestrin (2016), XGBoost, KDD",
        licence="Apache-2.0",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Rounds times trees per round times (nodes' overhead and table size)."""
        nodes = min(float(2.0 ** number(params, "max_depth")), n_rows / 3)
        trees = number(params, "n_estimators") * (n_outputs if n_outputs > 2 else 1)
        width = n_features * number(params, "colsample_bylevel")
        return 0.02 + trees * (5e-5 + width * (3e-7 * nodes + 8e-9 * n_rows))

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return XgboostModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``model.ubj``."""
        xgboost = require("xgboost", extra="all")
        model = XgboostModel({}, context)
        try:
            model.booster = xgboost.Booster(model_file=str(folder / "model.ubj"))
            model.booster.set_param({"nthread": context.threads})
        except xgboost.core.XGBoostError as error:
            raise InvalidRun(
                f"expected an XGBoost model in '{folder.name}', got {error}; train again"
            ) from error
        return model


STRATEGIES.add("xgboost")(Xgboost())
