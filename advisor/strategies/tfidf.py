"""TF-IDF and a linear model: counts of words and of runs of characters, weighed by how rare they are.

The floor that a pretrained encoder has to beat, and where the words themselves tell the label, hard to beat from a few
hundred labels on. Weights of terms are learned here, inside the fold; the counts are computed once for all of them.

References
----------
Salton and Buckley (1988), Term-weighting approaches in automatic text retrieval; Joachims (1998), Text categorization
with support vector machines; Rennie et al. (2003), Tackling the poor assumptions of naive Bayes (complement); Wei and
Zou (2019), EDA, arXiv 1901.11196.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.representation import Features
from advisor.representations.embedding import joined_names
from advisor.representations.lexical import COLUMNS
from advisor.representations.views import N_VIEWS
from advisor.storage import read_arrays, write_arrays
from advisor.strategies.closed_form import find_sureness
from advisor.strategies.linear_classes import ROTATED, fit_classes, held_out_scores
from advisor.strategy import STRATEGIES, Card, FitContext, Model, Params, Strategy, number, word

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

RANGES = {
    "words": ((0, COLUMNS),),
    "characters": ((COLUMNS, 2 * COLUMNS),),
    "both": ((0, COLUMNS), (COLUMNS, 2 * COLUMNS)),
}
"""Columns of the blocks of counts that the parameter ``blocks`` names."""


MOST_WEIGHTS = 2_000_000
"""Terms times classes at most; of more terms the most frequent ones are kept. Our choice: the solver remembers its last
ten steps, 160 bytes a weight, and a hundred thousand terms of a hundred classes would take 1.6 GB."""


class TfidfModel(Model):
    """A linear model on weighted counts, with the columns that stand beside the text as one more block.

    A naive Bayes model looks at the text alone: the others are no counts.
    """

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = dict(params), context
        self.arrays: dict[str, NDArray[Any]] = {}

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Weigh the terms that occur, and solve."""
        deadline.check()
        n_views = 1 if word(self.params, "augmentation") == "none" else 1 + N_VIEWS
        counts, beside = _stacked(X.values, X.info.beside, n_views)
        targets = np.repeat(y, n_views)
        self.arrays["size"] = np.array([n_views, X.info.beside, self.params["sublinear"]])
        self._learn_terms(counts)
        rows = self._weighed(counts, beside)
        self._solve(rows, targets, X.blocks, n_views, deadline)
        return self

    def _learn_terms(self, counts: csr_matrix) -> None:
        """Choose the columns and weigh each by the logarithm of how rare it is."""
        documents = np.bincount(counts.indices, minlength=2 * COLUMNS)
        least = min(int(number(self.params, "min_df")), counts.shape[0])
        kept = [
            first + np.flatnonzero(documents[first:end] >= least)
            for first, end in RANGES[word(self.params, "blocks")]
        ]
        columns = np.concatenate(kept)
        most = max(1, MOST_WEIGHTS // self.context.n_outputs)
        if len(columns) > most:
            frequent = np.argsort(-documents[columns], kind="stable")[:most]
            columns = np.sort(columns[frequent])
        rarity = np.log((1 + counts.shape[0]) / (1 + documents[columns])) + 1
        self.arrays["columns"] = columns.astype(np.int64)
        self.arrays["rarity"] = rarity.astype(np.float32)

    def _weighed(self, counts: csr_matrix, beside: NDArray[np.float64]) -> csr_matrix:
        """Turn counts into rows: blocks of terms that have length one together, and the columns beside."""
        from scipy.sparse import csr_matrix, hstack

        columns, rarity = self.arrays["columns"], self.arrays["rarity"]
        rows = _chosen(counts, columns)
        if self.arrays["size"][2]:
            rows.data = 1 + np.log(rows.data)
        rows.data *= rarity[rows.indices]
        split = int(np.searchsorted(columns, COLUMNS))
        blocks = [rows[:, :split], rows[:, split:]]
        blocks = [_unit_rows(block) for block in blocks if block.shape[1]]
        for block in blocks:
            block.data /= np.sqrt(len(blocks))
        # One column at least, so that rows without any known term are rows still.
        end = beside / np.sqrt(beside.shape[1]) if beside.shape[1] else np.zeros((len(beside), 1))
        return hstack([*blocks, csr_matrix(end)], format="csr", dtype=np.float64)

    def _solve(
        self,
        rows: csr_matrix,
        y: NDArray[np.generic],
        blocks: NDArray[np.int64] | None,
        n_views: int,
        deadline: Deadline,
    ) -> None:
        if self.context.task is Task.REGRESSION:
            from sklearn.linear_model import Ridge

            # Views of one text weigh as much together as the text would alone.
            solver = Ridge(alpha=n_views / number(self.params, "C")).fit(rows, y.astype(np.float64))
            self._keep(np.atleast_2d(solver.coef_), np.atleast_1d(solver.intercept_), 1.0)
            return
        kind = word(self.params, "model")
        bayes = kind == "bayes"
        name, held = ("smoothing", "smoothing") if bayes else ("C", f"{kind}_C")
        alone = {**self.params, name: number(self.params, held)}
        # Views of one text weigh as much together as the text would alone.
        among = {**alone, name: number(alone, name) * (n_views if bayes else 1.0 / n_views)}
        sureness = 1.0
        if kind != "logistic":  # views of one text must not teach how sure to be of another
            plain = slice(0, None, n_views)
            scores, codes = held_out_scores(
                kind, alone, self.context, rows[plain], y[plain], blocks, deadline
            )
            even = np.full(self.context.n_outputs, 1.0 / self.context.n_outputs)
            _, sureness = find_sureness(scores, even, codes, np.ones(len(codes)))
        deadline.check()
        weights, intercepts = fit_classes(kind, among, self.context, rows, y)
        self._keep(weights, intercepts, sureness)

    def _keep(
        self, weights: NDArray[np.float64], intercepts: NDArray[np.float64], sureness: float
    ) -> None:
        self.arrays["weights"] = weights.astype(
            np.float32
        )  # half the size, and no prediction moves
        self.arrays["intercepts"], self.arrays["sureness"] = intercepts, np.array(sureness)

    def predict(self, values: csr_matrix) -> NDArray[np.float64]:
        """Weigh and sum the terms of the plain text."""
        from scipy.special import softmax

        n_views, n_beside, _ = (int(size) for size in self.arrays["size"])
        counts, beside = _stacked(values, n_beside, n_views)
        rows = self._weighed(counts[::n_views], beside[::n_views])
        scores = rows @ self.arrays["weights"].T.astype(np.float64) + self.arrays["intercepts"]
        if self.context.task is Task.REGRESSION:
            return np.asarray(scores, dtype=np.float64)
        return np.asarray(softmax(float(self.arrays["sureness"]) * scores, axis=1), np.float64)

    def save(self, folder: Path) -> None:
        """Write ``tfidf.npz``."""
        write_arrays(folder / "tfidf.npz", self.arrays)

    def restore(self, folder: Path) -> TfidfModel:
        """Read what ``save`` wrote."""
        arrays = read_arrays(folder / "tfidf.npz")
        names = ("size", "columns", "rarity", "weights", "intercepts", "sureness")
        self.arrays = {name: arrays[name] for name in names}
        return self


def _stacked(
    values: csr_matrix, n_beside: int, n_views: int
) -> tuple[csr_matrix, NDArray[np.float64]]:
    """From one row per text to one per view, which follow each other: counts, and the columns beside."""
    from scipy.sparse import vstack

    beside = np.asarray(values[:, values.shape[1] - n_beside :].toarray(), dtype=np.float64)
    width = 2 * COLUMNS
    views = [values[:, i * width : (i + 1) * width] for i in range(n_views)]
    if n_views == 1:
        return views[0], beside
    order = np.arange(n_views * values.shape[0]).reshape(n_views, -1).T.ravel()
    return vstack(views, format="csr")[order], np.repeat(beside, n_views, axis=0)


def _chosen(counts: csr_matrix, columns: NDArray[np.int64]) -> csr_matrix:
    """Take columns of a sparse matrix, given in ascending order: many times faster than by its own index."""
    from scipy.sparse import csr_matrix

    if not columns.size:
        return csr_matrix((counts.shape[0], 0), dtype=np.float64)
    place = np.minimum(np.searchsorted(columns, counts.indices), len(columns) - 1)
    kept = columns[place] == counts.indices
    before = np.concatenate([[0], np.cumsum(kept)])
    parts = (counts.data[kept].astype(np.float64), place[kept], before[counts.indptr])
    return csr_matrix(parts, shape=(counts.shape[0], len(columns)))


def _unit_rows(rows: csr_matrix) -> csr_matrix:
    """Give rows length one; empty ones stay empty."""
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1))).ravel()
    each = np.repeat(np.where(length > 0, length, 1.0), np.diff(rows.indptr))
    made = rows.copy()
    made.data = made.data / each
    return made


class Tfidf(Strategy):
    """Logistic regression, a linear support vector machine or naive Bayes on TF-IDF."""

    card = Card(
        name="tfidf",
        title="TF-IDF of words and characters",
        family="handmade",
        modalities=frozenset({Modality.TEXT}),
        tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION}),
        representation="lexical",
        cheap=True,
        reference="Salton and Buckley (1988); Joachims (1998); Rennie et al. (2003)",
        licence="BSD-3-Clause (scikit-learn)",
    )

    def representation(self, params: Params) -> str:
        """Counts of the texts, and of varied copies where ``augmentation`` names a way to make them."""
        how = word(params, "augmentation")
        if how == "none":
            return "lexical"
        return f"lexical:{joined_names([word(params, 'varied_by')])}+{how}"

    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """One fit; the length of the texts is that of short ones."""
        n_rows = n_rows if word(params, "augmentation") == "none" else (1 + N_VIEWS) * n_rows
        return tfidf_cost(n_rows, n_outputs, params)

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return TfidfModel(params, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``tfidf.npz``."""
        return TfidfModel({}, context).restore(folder)


def tfidf_cost(n_rows: int, n_outputs: int, params: Params) -> float:
    """Seconds of one fit on one core.

    Parameters
    ----------
    n_rows, n_outputs : int
        Size of the problem.
    params : mapping
        ``model``; a logistic one takes longest.

    Returns
    -------
    float
        Seconds.
    """
    weighing = 0.03 + 6e-5 * n_rows
    if params.get("model", "logistic") == "logistic":
        if n_rows <= ROTATED:  # in the space of the rows: 0.4 s for 616 rows of 77 classes
            return weighing + 1e-8 * n_rows**2 * max(1, n_outputs) + 4e-10 * n_rows**3
        return weighing + 1.2e-4 * n_rows * max(1, n_outputs)
    return weighing + 3e-5 * n_rows * max(1, n_outputs)


def without_embedding(features: Features, width: int) -> Features:
    """Take the columns of an embedding out from between counts and columns beside.

    Parameters
    ----------
    features : Features
        A sparse matrix of ``lexical_embedding``.
    width : int
        Columns of the embedding.

    Returns
    -------
    Features
        A matrix of ``lexical``.
    """
    from scipy.sparse import hstack

    counts, values = 2 * COLUMNS, features.values
    left = hstack([values[:, :counts], values[:, counts + width :]], format="csr")
    names = ("words", "characters")
    return replace(features, values=left, info=features.info.model_copy(update={"names": names}))


STRATEGIES.add("tfidf")(Tfidf())
