"""A strategy and the rows of a fold → Model, whatever the fold is like.

Strategies see only clean problems: codes 0..k-1 that all occur, or standardised values. What real folds add to that -
classes that are absent, labels that never vary, targets in any unit - is dealt with here, once, for all of them.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import InvalidRun
from advisor.representation import Features
from advisor.storage import read_json, write_json
from advisor.strategy import FitContext, Model, Params, Strategy

ABSENT_SHARE = 1e-6
"""Probability of each class that the fold did not hold; our choice: not zero, so that a log loss stays finite."""

BEYOND_RANGE = 0.5
"""How far predictions may leave the training range, as a share of it; our choice: extrapolation, not explosion."""

TARGET = "target"
"""The parameter of a space that names the transformation of a regression target; taken here, not by ``build``."""


def fit_model(
    strategy: Strategy,
    params: Params,
    context: FitContext,
    X: Features,
    y: NDArray[np.generic],
    deadline: Deadline,
) -> Model:
    """Fit one strategy to the training rows of one fold.

    Parameters
    ----------
    strategy : Strategy
        The recipe.
    params : mapping
        Parameter values, as :meth:`advisor.space.SearchSpace.complete` gives them. ``target`` ("none" or "log")
        transforms a regression target and is undone in predictions.
    context : FitContext
        The task with all its classes, also those that this fold does not hold.
    X : Features of shape (n_rows, n_features)
        Training rows.
    y : ndarray
        int codes of shape (n_rows,), 0/1 of shape (n_rows, n_labels), or float of shape (n_rows,).
    deadline : Deadline
        When to stop.

    Returns
    -------
    Model
        Predicts shape (n_rows, context.n_outputs): finite, and for classes with rows that sum to one.

    Raises
    ------
    DeadlineExceeded
        When there is no usable model at the deadline.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(context.threads), warnings.catch_warnings():
        # What the libraries warn of (steps used up, a class with one row) is expected on small folds and dealt with.
        warnings.simplefilter("ignore")
        model = _empty(strategy, params, context)
        return model.fit(X, y, deadline)


def load_model(strategy: Strategy, folder: Path, context: FitContext) -> Model:
    """Read a model that :func:`fit_model` made and its ``save`` wrote.

    Parameters
    ----------
    strategy : Strategy
        The recipe it was made by.
    folder : Path
        Where it was saved.
    context : FitContext
        As it was fitted with.

    Returns
    -------
    Model
        Predicts as the one saved.

    Raises
    ------
    InvalidRun
        If a file is missing or altered, or holds a type that is not trusted.
    """
    model = _empty(strategy, {}, context)
    try:
        model.restore(folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidRun(
            f"expected a model of '{strategy.card.name}' in '{folder.name}', got {error!r}; train again"
        ) from error
    return model


class _Constant(Model):
    """The same row for every input: what can be said when the fold holds one class only."""

    def __init__(self, row: NDArray[np.float64]) -> None:
        self.row = row

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.tile(self.row, (values.shape[0], 1))

    def save(self, folder: Path) -> None:
        write_json(folder / "constant.json", self.row.tolist())


class _Wrapped(Model):
    """What the three kinds of problem share: parts in sub-folders beside a JSON of what was learned here."""

    def __init__(self, strategy: Strategy, params: Params, context: FitContext) -> None:
        self.strategy, self.params, self.context = strategy, dict(params), context
        self.parts: list[Model] = []
        self.state: dict[str, Any] = {}

    def save(self, folder: Path) -> None:
        kinds = ["constant" if isinstance(part, _Constant) else "model" for part in self.parts]
        write_json(
            folder / "fit.json", {"parts": kinds, "truncated": self.truncated, "state": self.state}
        )
        for i, part in enumerate(self.parts):
            (folder / str(i)).mkdir()
            part.save(folder / str(i))

    def restore(self, folder: Path) -> None:
        """Take over what ``save`` wrote."""
        written = read_json(folder / "fit.json")
        self.state, self.truncated = written["state"], bool(written["truncated"])
        for i, kind in enumerate(written["parts"]):
            place = folder / str(i)
            if kind == "constant":
                self.parts.append(_Constant(np.array(read_json(place / "constant.json"))))
            else:
                self.parts.append(self.strategy.load(place, self.part_context()))

    def part_context(self) -> FitContext:
        """The context of one part, narrower than that of the whole."""
        return self.context

    def _fit_part(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        part = self.strategy.build(self.params, self.part_context()).fit(X, y, deadline)
        self.parts.append(part)
        self.truncated = self.truncated or part.truncated
        return part

    def _finite(self, predictions: NDArray[np.float64], n_columns: int) -> NDArray[np.float64]:
        if predictions.ndim != 2 or predictions.shape[1] != n_columns:
            raise ArithmeticError(
                f"'{self.strategy.card.name}' gave shape {predictions.shape}, expected {n_columns} columns"
            )
        if not np.isfinite(predictions).all():
            raise ArithmeticError(
                f"'{self.strategy.card.name}' gave predictions that are not finite"
            )
        return predictions.astype(np.float64)


class _Classes(_Wrapped):
    """Binary and multiclass: absent classes get next to nothing."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        present, codes = np.unique(y.astype(np.int64), return_inverse=True)
        self.state = {"present": present.tolist()}
        if len(present) == 1:
            self.parts = [_Constant(np.ones(1))]
        else:
            self._fit_part(X, codes.astype(np.int64), deadline)
        return self

    def part_context(self) -> FitContext:
        n_present = len(self.state["present"])
        task = Task.BINARY if n_present == 2 else Task.MULTICLASS
        return replace(self.context, task=task, n_outputs=n_present)

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        present = np.array(self.state["present"], dtype=np.int64)
        found = self._finite(self.parts[0].predict(values), len(present))
        found = np.maximum(found, 0.0)
        total = found.sum(axis=1, keepdims=True)
        found = np.where(total > 0, found / np.where(total > 0, total, 1.0), 1.0 / len(present))
        if len(present) == self.context.n_outputs:
            return found
        full = np.full((len(found), self.context.n_outputs), ABSENT_SHARE)
        full[:, present] = found
        scaled: NDArray[np.float64] = full / full.sum(axis=1, keepdims=True)
        return scaled


class _Labels(_Wrapped):
    """Multilabel: one model per label that varies, or one for all of them where the strategy can."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        labels = y.astype(np.int64)
        share = labels.mean(axis=0)
        varying = np.flatnonzero((share > 0) & (share < 1))
        self.state = {"varying": varying.tolist(), "share": share.tolist()}
        if not varying.size:
            return self
        if self.strategy.card.native_multilabel:
            self._fit_part(X, labels[:, varying], deadline)
            return self
        for done, label in enumerate(varying):
            # An equal share of what is left, so that the first labels cannot use up the time of the last.
            left = deadline.left() / (len(varying) - done)
            self._fit_part(X, labels[:, label], Deadline(left if np.isfinite(left) else None))
        return self

    def part_context(self) -> FitContext:
        if self.strategy.card.native_multilabel:
            return replace(self.context, n_outputs=len(self.state["varying"]))
        return replace(self.context, task=Task.BINARY, n_outputs=2)

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        share = np.clip(np.array(self.state["share"]), ABSENT_SHARE, 1 - ABSENT_SHARE)
        full = np.tile(share, (values.shape[0], 1))  # a sparse matrix has no length
        varying = np.array(self.state["varying"], dtype=np.int64)
        if not varying.size:
            return full
        if self.strategy.card.native_multilabel:
            full[:, varying] = self._finite(self.parts[0].predict(values), len(varying))
        else:
            for part, label in zip(self.parts, varying, strict=True):
                full[:, label] = self._finite(part.predict(values), 2)[:, 1]
        return np.asarray(np.clip(full, 0.0, 1.0), dtype=np.float64)


class _Values(_Wrapped):
    """Regression: strategies see a target of mean 0 and standard deviation 1."""

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        target = y.astype(np.float64)
        how = str(self.params.pop(TARGET, "none"))
        worked = _signed_log(target) if how == "log" else target
        low, high = float(target.min()), float(target.max())
        # In units near the largest, so that squares neither overflow nor vanish; by a power of two nothing is rounded.
        unit = math.ldexp(1.0, int(np.frexp(np.abs(worked).max())[1]) - 1)
        scaled = worked / unit
        centre, spread = float(scaled.mean()), float(scaled.std()) or 1.0
        self.state = {
            "log": [float(how == "log")],
            "scale": [centre * unit, spread * unit],
            "range": [low - BEYOND_RANGE * (high - low), high + BEYOND_RANGE * (high - low)],
        }
        if low == high:
            self.parts = [_Constant(np.zeros(1))]
        else:
            self._fit_part(X, (scaled - centre) / spread, deadline)
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        found = self._finite(self.parts[0].predict(values), 1)
        centre, spread = self.state["scale"]
        found = found * spread + centre
        if self.state["log"][0]:
            found = _inverse_signed_log(found)
        low, high = self.state["range"]
        return np.asarray(np.clip(found, low, high), dtype=np.float64)


def _empty(strategy: Strategy, params: Params, context: FitContext) -> _Wrapped:
    if context.task is Task.REGRESSION:
        return _Values(strategy, params, context)
    wrapper = _Labels if context.task is Task.MULTILABEL else _Classes
    return wrapper(strategy, {k: v for k, v in params.items() if k != TARGET}, context)


def _signed_log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """sign(v) log(1 + |v|): log1p for values from zero up, and its mirror image below."""
    logs: NDArray[np.float64] = np.sign(values) * np.log1p(np.abs(values))
    return logs


def _inverse_signed_log(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):  # an infinity is cut to the allowed range afterwards
        values: NDArray[np.float64] = np.sign(logs) * np.expm1(np.abs(logs))
    return values
