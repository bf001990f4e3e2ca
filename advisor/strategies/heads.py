"""Features computed from items → a model: scaling, a classical head, and rows that could not be read.

What strategies on ready-made features share. Scaling is learned here, inside the fold, because their representations
learn nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.storage import read_arrays, read_json, write_arrays, write_json
from advisor.strategies.closed_form import CentroidHead, RidgeHead, row_weights
from advisor.strategies.svm import SvmModel
from advisor.strategy import STRATEGIES, FitContext, Model, word

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CLOSED_FORM: Mapping[str, type[RidgeHead] | type[CentroidHead]] = {
    "ridge": RidgeHead,
    "centroid": CentroidHead,
}

LEAST_SPREAD = 1e-3
"""Added to every standard deviation of a block, as a share of its largest, so that rounding is not blown up."""

Parts = Sequence[tuple[NDArray[np.int64], float]]
"""Columns of each block that is used, and its share of the squared length of a row."""


class HeadModel(Model):
    """A scaled classical model; rows that are not finite get what the training rows say on average.

    Parameters
    ----------
    head : str
        ``"linear"``, ``"svm"``, ``"extra_trees"``, ``"ridge"`` or ``"centroid"``.
    params : mapping
        What the head takes.
    scaling : str
        ``"power"`` (square roots that keep the sign, then rows of length one), ``"length"`` (rows of length one),
        ``"standard"`` (columns of equal variance, rows of mean squared length one) or ``"parts"`` (blocks of numbers
        of different kinds: see :func:`_spread`); columns have mean zero after each. Columns beside a text, which come
        last and are standardised, are a block of mean squared length one behind those of the text.
    context : FitContext
        The task.
    parts : sequence of (ndarray of int, float)
        The blocks, for ``"parts"``; other columns are not used.
    learner : Model or None
        What fits the head where that does not fit itself: its ``fit`` gets the rows and the pool, scaled alike, and
        returns a fitted ``head``.
    """

    def __init__(
        self,
        head: str,
        params: Mapping[str, ParamValue],
        scaling: str,
        context: FitContext,
        parts: Parts = (),
        learner: Model | None = None,
    ) -> None:
        self.head, self.params, self.scaling, self.context = head, dict(params), scaling, context
        self.arrays: dict[str, NDArray[Any]] = {}
        self.parts, self.learner = parts, learner
        if parts:
            self.arrays["columns"] = np.concatenate([columns for columns, _ in parts])
        self.inner: Model | None = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Scale and fit on the rows that could be read."""
        deadline.check()
        self.arrays["beside"] = np.array(X.info.beside)
        values = self._chosen(X.values)
        readable = _readable(values)
        width = values.shape[1] - X.info.beside
        own = values[readable, :width]
        self.arrays["filling"] = own.mean(axis=0) if len(own) else np.zeros(width)
        # Columns beside say something of a row without a text, too.
        whole = X.info.beside > 0
        kept = readable | _lost_classes(y, readable, self.context) | whole
        values = self._filled(values, readable)[kept]
        self.arrays["prior"] = _average(X, y, self.context, word(self.params, "class_weight"))
        values = self._reshaped(values)
        pool = None if X.pool is None else self._pool_rows(X.pool)
        self._learn_scale(values if pool is None else np.vstack([values, pool]), width)
        rows = Features(
            self._centred(values),
            FeatureInfo(names=tuple(f"f{i}" for i in range(values.shape[1]))),
            None if X.weights is None else X.weights[kept],
            None if pool is None else self._centred(pool),
            None if X.blocks is None else X.blocks[kept],
        )
        inner = self.learner or make_head(self.head, self.params, self.context)
        self.inner = inner.fit(rows, y[kept], deadline)
        self.truncated = self.inner.truncated
        return self

    def _pool_rows(self, pool: NDArray[Any] | csr_matrix) -> NDArray[np.float64]:
        """Scale each row of the pool that could be read, by itself."""
        chosen = self._chosen(pool)
        return self._reshaped(chosen[_readable(chosen)])

    def _learn_scale(self, values: NDArray[np.float64], width: int) -> None:
        """Learn what is subtracted from each column, and what it is divided by; the first ``width`` are its own."""
        self.arrays["centre"] = values.mean(axis=0)
        if self.scaling == "parts":
            self.arrays["spread"] = _spread(values - self.arrays["centre"], self.parts)
        elif self.scaling == "standard":
            self.arrays["spread"] = np.ones(values.shape[1])
            self.arrays["spread"][:width] = _deviations(values[:, :width]) * np.sqrt(width)

    def predict(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Predict the rows that could be read; the others get the average."""
        if self.inner is None:
            raise ArithmeticError("a head predicts only after a fit")
        chosen = self._chosen(values)
        readable = _readable(chosen)
        if self.arrays["beside"] > 0:
            chosen, readable = self._filled(chosen, readable), np.ones(len(chosen), dtype=np.bool_)
        found = np.tile(self.arrays["prior"], (len(chosen), 1))
        if readable.any():
            found[readable] = self.inner.predict(self._centred(self._reshaped(chosen[readable])))
        return found

    def _filled(
        self, values: NDArray[np.float64], readable: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Put the average item where one could not be read."""
        filling = self.arrays["filling"]
        values = values.copy()
        values[~readable, : len(filling)] = filling
        return values

    def _chosen(self, values: NDArray[Any]) -> NDArray[np.float64]:
        chosen = values[:, self.arrays["columns"]] if "columns" in self.arrays else values
        return np.asarray(chosen, dtype=np.float64)

    def _reshaped(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale each row by itself: its own numbers, and those beside, of which each has variance one."""
        n_beside = int(self.arrays["beside"])
        width = values.shape[1] - n_beside
        own, beside = values[:, :width], values[:, width:] / np.sqrt(max(1, n_beside))
        if self.scaling == "power":
            own = np.sign(own) * np.sqrt(np.abs(own))
        if self.scaling in ("power", "length"):
            length = np.linalg.norm(own, axis=1, keepdims=True)
            own = own / np.where(length > 0, length, 1.0)
        return np.asarray(np.hstack([own, beside]), dtype=np.float64)

    def _centred(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        centred = values - self.arrays["centre"]
        return np.asarray(centred / self.arrays.get("spread", 1.0), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``head.json``, ``scaling.npz`` and the head in a folder of its own."""
        if self.inner is None:
            raise ArithmeticError("a head is saved only after a fit")
        write_json(folder / "head.json", {"head": self.head, "scaling": self.scaling})
        write_arrays(folder / "scaling.npz", self.arrays)
        (folder / "head").mkdir()
        self.inner.save(folder / "head")


def load_head(folder: Path, context: FitContext) -> HeadModel:
    """Read what :meth:`HeadModel.save` wrote.

    Parameters
    ----------
    folder : Path
        The folder.
    context : FitContext
        As it was fitted with.

    Returns
    -------
    HeadModel
        Predicts as the one saved.

    Raises
    ------
    InvalidRun
        If a file is missing or altered.
    """
    state = read_json(folder / "head.json")
    model = HeadModel(str(state["head"]), {}, str(state["scaling"]), context)
    arrays = read_arrays(folder / "scaling.npz")
    needed = ("centre", "prior", "beside", "filling")
    model.arrays = {**{name: arrays[name] for name in needed}, **arrays}
    place = folder / "head"
    if model.head in CLOSED_FORM:
        model.inner = CLOSED_FORM[model.head]({}, context).restore(place)
    else:
        model.inner = STRATEGIES[model.head].load(place, context)
    return model


def make_head(head: str, params: Mapping[str, ParamValue], context: FitContext) -> Model:
    """Make an untrained head.

    Parameters
    ----------
    head : str
        As :class:`HeadModel` takes it.
    params : mapping
        What the head takes.
    context : FitContext
        The task.

    Returns
    -------
    Model
    """
    if head in CLOSED_FORM:
        return CLOSED_FORM[head](params, context)
    if head == "svm":
        return SvmHead(params, context)
    return STRATEGIES[head].build(params, context)


class SvmHead(SvmModel):
    """A kernel machine whose margins become probabilities by one factor for all classes.

    The map with slopes for every pair of classes that suits tables is more than a few rows per class can teach: on ten
    classes of five pictures it took the accuracy from 53 to 30 %.
    """

    def _learn_map(self, margins: NDArray[np.float64], y: NDArray[np.generic]) -> None:
        self._learn_factor(margins, y)


def _spread(centred: NDArray[np.float64], parts: Parts) -> NDArray[np.float64]:
    """What to divide each column by: the root of its standard deviation, then each block to its share of the length.

    Why not columns of variance one: blocks of many numbers would drown the few that tell, as colours do. Between that
    and leaving columns as they are, the root was best for textures, where rare patterns are noise.
    """
    spreads, first = [], 0
    for columns, share in parts:
        block = centred[:, first : first + len(columns)]
        first += len(columns)
        deviation = block.std(axis=0)
        spread = np.sqrt(deviation + LEAST_SPREAD * deviation.max(initial=0.0))
        spread = np.where(spread > 0, spread, 1.0)
        length = float(np.sqrt(((block / spread) ** 2).sum(axis=1).mean()))
        spreads.append(spread * (length or 1.0) / np.sqrt(share))
    return np.concatenate(spreads)


def _readable(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=1), dtype=np.bool_)


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviations of columns, none of them zero."""
    deviation = values.std(axis=0)
    deviation = deviation + LEAST_SPREAD * deviation.max(initial=0.0)
    return np.where(deviation > 0, deviation, 1.0)


def _lost_classes(
    y: NDArray[np.generic], readable: NDArray[np.bool_], context: FitContext
) -> NDArray[np.bool_]:
    """Mark rows of classes without any readable row: they stay, as average items, so that no class is lost."""
    if context.task is Task.REGRESSION:
        return np.full(len(y), not readable.any())
    lost = ~np.isin(y, y[readable])
    return np.asarray(lost, dtype=np.bool_)


def _average(
    X: Features, y: NDArray[np.generic], context: FitContext, weigh: str
) -> NDArray[np.float64]:
    """What to say of a row of which nothing is known: shape (n_outputs,)."""
    if context.task is Task.REGRESSION:
        return np.array([np.average(y.astype(np.float64), weights=X.weights)])
    weights = row_weights(X, y, weigh)
    counts = np.bincount(y.astype(np.int64), weights, context.n_outputs)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def head_cost(
    head: str, n_rows: int, n_features: int, n_outputs: int, params: Mapping[str, ParamValue]
) -> float:
    """Seconds of one fit of a head on one core.

    Parameters
    ----------
    head : str
        As :class:`HeadModel` takes it.
    n_rows, n_features, n_outputs : int
        Size of the problem.
    params : mapping
        ``n_estimators`` counts for trees.

    Returns
    -------
    float
        Seconds, scaling included.
    """
    rank = min(n_rows, n_features)
    scaling = 0.005 + 2e-8 * n_rows * n_features
    if head == "extra_trees":
        return scaling + STRATEGIES[head].cost(n_rows, n_features, n_outputs, params)
    if head == "svm":
        once = 0.002 + 2.7e-10 * n_rows**2 * (n_features + 20)
        return scaling + (once if n_outputs == 1 else 4 * once)  # classes: the inner folds too
    if head == "centroid":
        return scaling
    if head == "ridge":
        return scaling + 0.015 + 1.5e-10 * n_rows * n_features * rank
    turned = 4e-10 * n_rows * n_features * rank if n_rows < n_features else 0.0
    return scaling + 0.005 + turned + 2.5e-8 * n_rows * rank * n_outputs
