"""CatBoost: gradient boosting of symmetric trees with target statistics for categories.

Untuned it is the strongest single baseline on small tables; see the evidence tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import InvalidRun
from advisor.registry import require
from advisor.representation import FeatureInfo, Features
from advisor.storage import read_json, write_json
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


class _StopAt:
    """CatBoost's callback: goes on until the deadline."""

    def __init__(self, deadline: Deadline, rounds: int) -> None:
        self.deadline, self.rounds, self.stopped = deadline, rounds, False

    def after_iteration(self, info: Any) -> bool:
        self.stopped = self.deadline.passed() and info.iteration < self.rounds
        return not self.stopped


class CatBoostModel(Model):
    """A booster that stops at the deadline and keeps the trees it has."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context
        self.booster: Any = None
        self.prior: NDArray[np.float64] | None = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Grow rounds until all are done or time is up; where no feature varies, CatBoost refuses: the prior."""
        deadline.check()
        catboost = require("catboost", extra="catboost")
        weight = None
        if self.context.task is not Task.REGRESSION:
            weight = balanced_weights(y, word(self.params, "class_weight"))
        if not _varies(X.values):
            self.prior = self._prior(y, weight)
            return self
        pool = catboost.Pool(
            _frame(X.values, self.context.info),
            label=y,
            weight=weight,
            cat_features=list(self.context.info.categorical),
            thread_count=self.context.threads,
        )
        stop = _StopAt(deadline, int(number(self.params, "iterations")))
        self.booster = catboost.CatBoost(self._settings())
        self.booster.fit(pool, callbacks=[stop], verbose=False)
        self.truncated = stop.stopped
        return self

    def _settings(self) -> dict[str, Any]:
        p = self.params
        return {
            "loss_function": self._loss(),
            "iterations": int(number(p, "iterations")),
            "learning_rate": number(p, "learning_rate"),
            "depth": int(number(p, "depth")),
            "l2_leaf_reg": number(p, "l2_leaf_reg"),
            "random_strength": number(p, "random_strength"),
            "rsm": number(p, "rsm"),
            "bootstrap_type": "MVS" if self.context.n_outputs <= 2 else "Bayesian",
            "boosting_type": "Plain",
            "max_ctr_complexity": int(number(p, "max_ctr_complexity")),
            "one_hot_max_size": int(number(p, "one_hot_max_size")),
            "thread_count": self.context.threads,
            "random_seed": self.context.seed,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }

    def _loss(self) -> str:
        if self.context.task is Task.REGRESSION:
            return "MAE" if self.context.metric == "mae" else "RMSE"
        return "Logloss" if self.context.n_outputs == 2 else "MultiClass"

    def _prior(
        self, y: NDArray[np.generic], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Find what trees without a split would say, shape (n_outputs,)."""
        if self.context.task is not Task.REGRESSION:
            return np.bincount(y, weights=weight, minlength=self.context.n_outputs) / len(y)
        values = y.astype(np.float64)
        return np.array([np.median(values) if self._loss() == "MAE" else values.mean()])

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the trees."""
        if self.prior is not None:
            return np.tile(self.prior, (len(values), 1))
        catboost = require("catboost", extra="catboost")
        pool = catboost.Pool(
            _frame(values, self.context.info), cat_features=list(self.context.info.categorical)
        )
        kind = "RawFormulaVal" if self.context.task is Task.REGRESSION else "Probability"
        found = self.booster.predict(pool, prediction_type=kind, thread_count=self.context.threads)
        return np.asarray(found, dtype=np.float64).reshape(len(values), -1)

    def save(self, folder: Path) -> None:
        """Write ``model.cbm``, CatBoost's own format, or ``prior.json`` where there are no trees."""
        if self.prior is not None:
            write_json(folder / "prior.json", self.prior.tolist())
            return
        self.booster.save_model(str(folder / "model.cbm"))


def _varies(values: NDArray[np.float64]) -> bool:
    """Whether any feature does, in CatBoost's precision."""
    rows = values.astype(np.float32)
    return bool(((rows != rows[0]) & ~(np.isnan(rows) & np.isnan(rows[0]))).any())


def _frame(values: NDArray[np.float64], info: FeatureInfo) -> NDArray[np.float64] | pd.DataFrame:
    """CatBoost wants categories as whole numbers; -1 for missing and unseen."""
    if not info.categorical:
        return values
    columns: dict[int, NDArray[Any]] = {i: values[:, i] for i in range(values.shape[1])}
    for i in info.categorical:
        columns[i] = np.where(np.isnan(values[:, i]), -1, values[:, i]).astype(np.int64)
    return pd.DataFrame(columns)


class CatBoost(Strategy):
    """CatBoost."""

    card = Card(
        name="catboost",
        title="Gradient boosting, symmetric trees (CatBoost)",
        family="boosting",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        requires=Requirements(modules=("catboost",), extra="catboost"),
        reference="Prokhorenkova et al. (2018), CatBoost, NeurIPS",
        licence="Apache-2.0",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Rounds times (levels' overhead, table size and leaves per output)."""
        depth, rounds = number(params, "depth"), number(params, "iterations")
        outputs = n_outputs if n_outputs > 2 else 1
        width = n_features * number(params, "rsm") * float(np.sqrt(outputs))
        scan = depth * width * (4e-6 + 1e-8 * n_rows)
        return 0.03 + rounds * (2.5e-4 + scan + 2e-6 * float(2.0**depth) * outputs)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return CatBoostModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``model.cbm`` or ``prior.json``."""
        catboost = require("catboost", extra="catboost")
        model = CatBoostModel({}, context)
        if (folder / "prior.json").is_file():
            model.prior = np.array(read_json(folder / "prior.json"), dtype=np.float64)
            return model
        model.booster = catboost.CatBoost()
        try:
            model.booster.load_model(str(folder / "model.cbm"))
        except catboost.CatBoostError as error:
            raise InvalidRun(
                f"expected a CatBoost model in '{folder.name}', got {error}; train again"
            ) from error
        return model


STRATEGIES.add("catboost")(CatBoost())
