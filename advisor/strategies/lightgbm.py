"""LightGBM: gradient-boosted trees grown leaf by leaf."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import InvalidRun
from advisor.registry import require
from advisor.representation import Features
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


class LightGbmModel(Model):
    """A booster grown round by round, so that a deadline leaves a shorter one.

    The number of rounds is a parameter beside the learning rate: no rows are held out to stop early, since the rows
    that score a candidate must stay unseen and the folds of small data have none to spare.
    """

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.booster: Any = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Grow rounds until all are done or time is up."""
        deadline.check()
        lightgbm = require("lightgbm", extra="all")
        weight = None
        if self.context.task is not Task.REGRESSION:
            weight = balanced_weights(y, word(self.params, "class_weight"))
        settings = self._settings(len(y))
        data = lightgbm.Dataset(
            X.values,
            label=y.astype(np.float64),
            weight=weight,
            categorical_feature=list(X.info.categorical),
            params=settings,
            free_raw_data=True,
        )
        self.booster = lightgbm.Booster(settings, data)
        rounds = int(number(self.params, "n_estimators"))
        for done in range(1, rounds + 1):
            # Its answer "no more leaves to split" is not taken: the next sample of rows and columns may have some.
            self.booster.update()
            if deadline.passed() and done < rounds:
                self.truncated = True
                break
        self.booster.free_dataset()
        return self

    def _settings(self, n_rows: int) -> dict[str, Any]:
        p = self.params
        settings: dict[str, Any] = {
            "objective": self._objective(),
            "learning_rate": number(p, "learning_rate"),
            "num_leaves": int(number(p, "num_leaves")),
            "min_data_in_leaf": int(number(p, "min_data_in_leaf")),
            "feature_fraction": number(p, "feature_fraction"),
            "bagging_fraction": number(p, "bagging_fraction"),
            "bagging_freq": 1,
            "lambda_l2": number(p, "lambda_l2"),
            "extra_trees": bool(p["extra_trees"]),
            # The default of 100 rows per group would forbid nearly every split on categories of a small table.
            "min_data_per_group": max(2, min(100, n_rows // 50)),
            "cat_smooth": 10.0,
            "cat_l2": 10.0,
            "max_bin": 255,
            "feature_pre_filter": False,
            "force_col_wise": True,
            "deterministic": True,
            "num_threads": self.context.threads,
            "seed": self.context.seed,
            "verbosity": -1,
        }
        if settings["objective"] == "multiclass":
            settings["num_class"] = self.context.n_outputs
        return settings

    def _objective(self) -> str:
        if self.context.task is Task.REGRESSION:
            return "regression_l1" if self.context.metric == "mae" else "regression"
        return "binary" if self.context.n_outputs == 2 else "multiclass"

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the trees."""
        found = np.asarray(self.booster.predict(values, num_threads=self.context.threads))
        if self.context.task is Task.REGRESSION:
            return found.astype(np.float64)[:, None]
        if found.ndim == 1:
            return np.column_stack([1 - found, found]).astype(np.float64)
        return found.astype(np.float64)

    def save(self, folder: Path) -> None:
        """Write ``model.txt``, LightGBM's own format."""
        self.booster.save_model(str(folder / "model.txt"))


class LightGbm(Strategy):
    """LightGBM."""

    card = Card(
        name="lightgbm",
        title="Gradient boosting, leaf-wise (LightGBM)",
        family="boosting",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        requires=Requirements(modules=("lightgbm",), extra="all"),
        cheap=True,
        reference="Ke et al. (2017), LightGBM, NeurIPS",
        licence="MIT",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Rounds times trees per round times (leaves' overhead and table size)."""
        rounds = number(params, "n_estimators")
        leaves = min(number(params, "num_leaves"), n_rows / 10)
        trees = rounds * (n_outputs if n_outputs > 2 else 1)
        width = n_features * number(params, "feature_fraction")
        return 0.02 + trees * (4e-5 + width * (1e-6 * leaves + 6e-9 * n_rows))

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return LightGbmModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``model.txt``."""
        lightgbm = require("lightgbm", extra="all")
        model = LightGbmModel({}, context)
        try:
            model.booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
        except lightgbm.basic.LightGBMError as error:
            raise InvalidRun(
                f"expected a LightGBM model in '{folder.name}', got {error}; train again"
            ) from error
        return model


STRATEGIES.add("lightgbm")(LightGbm())
