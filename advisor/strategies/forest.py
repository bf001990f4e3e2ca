"""Random forests, grown in batches so that a deadline leaves a smaller forest instead of none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.storage import read_arrays, write_arrays
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number, word

BATCH = 20
"""Trees between two looks at the clock; our choice: below a second on the tables a forest is chosen for."""

SMOOTHING = 1.0
"""Rows' worth of the prior mixed into a forest of pure leaves, spread over its trees; our choice: no certainty."""


class ForestModel(Model):
    """The trees themselves, averaged.

    Why not the scikit-learn estimator: as a skops file a forest of 300 trees takes 60 MB; its arrays take a tenth.
    """

    def __init__(self, params: Params, context: FitContext, extra: bool) -> None:
        self.params, self.context, self.extra = params, context, extra
        self.trees: list[Any] = []
        self.prior: NDArray[np.float64] = np.zeros(0)

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Grow batch after batch until all trees stand or time is up."""
        deadline.check()
        wanted = int(number(self.params, "n_estimators"))
        forest = self._make()
        for grown in range(BATCH, wanted + BATCH, BATCH):
            forest.set_params(n_estimators=min(grown, wanted))
            forest.fit(X.values, y)
            if deadline.passed() and grown < wanted:
                self.truncated = True
                break
        self.trees = [tree.tree_ for tree in forest.estimators_]
        if self.context.task is not Task.REGRESSION:
            self.prior = np.bincount(y.astype(np.int64), minlength=self.context.n_outputs) / len(y)
        return self

    def _make(self) -> Any:
        from sklearn import ensemble

        regression = self.context.task is Task.REGRESSION
        kind = ("ExtraTrees" if self.extra else "RandomForest") + (
            "Regressor" if regression else "Classifier"
        )
        common: dict[str, Any] = {
            "max_features": self._max_features(),
            "min_samples_leaf": int(number(self.params, "min_samples_leaf")),
            "bootstrap": bool(self.params.get("bootstrap", not self.extra)),
            "warm_start": True,
            "n_jobs": self.context.threads,
            "random_state": self.context.seed,
        }
        if not regression:
            weight = word(self.params, "class_weight")
            common["class_weight"] = None if weight == "none" else weight
            common["criterion"] = word(self.params, "criterion")
        return getattr(ensemble, kind)(**common)

    def _max_features(self) -> float | str:
        """Look up what "auto" means: a root of the columns for classes; more, or all, for values."""
        wanted = self.params.get("max_features")
        if wanted != "auto":
            return wanted if isinstance(wanted, str) else number(self.params, "max_features")
        if self.context.task is not Task.REGRESSION:
            return "sqrt"
        return 1.0 if self.extra else 0.5

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average over the trees."""
        rows = np.ascontiguousarray(values, dtype=np.float32)  # what the trees were grown on
        total = np.zeros((len(rows), self.trees[0].value.shape[2]))
        for tree in self.trees:
            total += np.asarray(tree.predict(rows)).reshape(total.shape)
        mean = total / len(self.trees)
        if self.context.task is Task.REGRESSION:
            return mean
        share = SMOOTHING / (len(self.trees) + SMOOTHING)
        return (1 - share) * mean + share * self.prior

    def save(self, folder: Path) -> None:
        """Write ``forest.npz``."""
        write_arrays(folder / "forest.npz", {"prior": self.prior, **_pack(self.trees)})


def _pack(trees: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Lay all trees' nodes end to end; of the values only those of leaves are ever read."""
    states = [tree.__getstate__() for tree in trees]
    values = np.concatenate([state["values"][:, 0, :] for state in states])
    nodes = np.concatenate([state["nodes"] for state in states])
    values[nodes["left_child"] >= 0] = 0.0
    return {
        "nodes": nodes,
        "values": values,
        "n_nodes": np.array([state["node_count"] for state in states]),
        "depths": np.array([state["max_depth"] for state in states]),
        "n_features": np.array(trees[0].n_features),
        "n_classes": np.asarray(trees[0].n_classes),
    }


def _unpack(arrays: dict[str, NDArray[Any]]) -> list[Any]:
    from sklearn.tree._tree import Tree

    trees, first = [], 0
    for n_nodes, depth in zip(arrays["n_nodes"], arrays["depths"], strict=True):
        tree = Tree(int(arrays["n_features"]), arrays["n_classes"].astype(np.intp), 1)
        tree.__setstate__(
            {
                "max_depth": int(depth),
                "node_count": int(n_nodes),
                "nodes": arrays["nodes"][first : first + n_nodes],
                "values": np.ascontiguousarray(arrays["values"][first : first + n_nodes, None, :]),
            }
        )
        trees.append(tree)
        first += n_nodes
    return trees


def load_forest(folder: Path, context: FitContext, extra: bool) -> ForestModel:
    """Read what :meth:`ForestModel.save` wrote.

    Parameters
    ----------
    folder : Path
        The folder.
    context : FitContext
        As it was fitted with.
    extra : bool
        Whether the trees are extremely randomised.

    Returns
    -------
    ForestModel
        Predicts as the one saved.
    """
    arrays = read_arrays(folder / "forest.npz")
    model = ForestModel({}, context, extra)
    model.trees, model.prior = _unpack(arrays), arrays["prior"]
    return model


def forest_cost(n_rows: int, n_features: int, params: Params) -> float:
    """Seconds of a fit of either kind of forest on one core.

    Parameters
    ----------
    n_rows, n_features : int
        Size of the training table.
    params : mapping
        Its ``n_estimators`` counts.

    Returns
    -------
    float
        Seconds.
    """
    trees = params.get("n_estimators", 300)
    width = np.sqrt(n_features) * n_rows * np.log2(n_rows + 2)
    return float(0.02 + (trees if isinstance(trees, int) else 300) * (6e-4 + 2.2e-8 * width))


class Forest(Strategy):
    """Random forest."""

    card = Card(
        name="forest",
        title="Random forest",
        family="forest",
        modalities=frozenset({Modality.TABULAR}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="trees",
        cheap=True,
        reference="Breiman (2001)",
        licence="BSD-3-Clause (scikit-learn)",
    )

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Trees times sorted rows."""
        return forest_cost(n_rows, n_features, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return ForestModel(params, context, extra=False)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``forest.npz``."""
        return load_forest(folder, context, extra=False)


STRATEGIES.add("forest")(Forest())
