"""Features of labelled rows and of the pool → what strategies that learn from both have in common.

Each of them is a :class:`~advisor.strategies.heads.HeadModel` with a learner of its own: labelled rows and pool are
scaled alike, the learner labels the pool by itself and returns an ordinary fitted head, and only that is saved.

Plain pseudo-labels made the error worse in 15 of 28 published settings [1]_, so none of these is deployed unless
evidence puts it ahead on such data or it wins beyond chance on the labelled folds.

References
----------
.. [1] Wang et al. (2022), USB: a unified semi-supervised learning benchmark, results/usb_cv.csv, usb_nlp.csv,
   usb_audio.csv.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import find_backbone
from advisor.dataset import Modality, Task
from advisor.errors import InvalidRequest
from advisor.parameter import ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.representations.embedding import FLIP, joined_names
from advisor.strategies.heads import HeadModel, load_head
from advisor.strategies.linear import LinearModel
from advisor.strategies.linear_probe import NEEDS, backbones_of
from advisor.strategy import FitContext, Model, Params, Strategy, number, word

PRESENT = {"n_pool_new": "a pool of unlabelled rows to learn from"}
"""What the data must have."""

NO_POOL = (
    "expected unlabelled rows that are neither labelled nor in the test split, got none; add some with --unlabeled, or "
    "use a strategy without a pool"
)
"""What is said where a fit gets none, since no row of the pool could be read or all are labelled or test rows."""

POOL_LOOKED_AT = 2_000
"""Rows of the pool that costs are told for: it is not known to a strategy before it is fitted. Our choice: the middle
of what the pools that we measured hold."""

AXES = 256
"""Directions that rounds of fits see: those in which labelled rows and pool vary most. Our choice, for time: see
``reference`` of the spaces for what it costs."""

GROWTH = 2.0
"""How many times as long as the last round of labelling the next may take: it has up to twice the rows."""

CALMEST, CALM_STEPS = -5.0, 20
"""Logarithm of the least factor on scores that is looked for, and halvings until it is found."""

MODALITIES = frozenset({Modality.IMAGE, Modality.TEXT, Modality.AUDIO, Modality.TABULAR})
TASKS = frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL})
REQUIRES = NEEDS.model_copy(update={"present": PRESENT})


class Learner(Model):
    """What labels the pool: its ``fit`` returns the fitted head, which predicts and is saved in its place."""

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = params, context

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Not this: what ``fit`` returned predicts."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Not this: what ``fit`` returned is saved."""
        raise NotImplementedError


class PoolStrategy(Strategy):
    """A head on frozen features, or on a table's columns, that is fitted on labelled rows and the pool."""

    head: ClassVar[str]
    """What its learner returns."""

    def representation(self, params: Params) -> str:
        """Embeddings as ``linear_probe`` takes them; complete and scaled numbers of a table."""
        if "backbone" not in params:
            return "linear"
        return f"embedding:{joined_names(backbones_of(params))}{FLIP if params.get('flip') else ''}"

    def width(self, n_features: int, params: Params) -> int:
        """Count the features: those of the backbones where there are any."""
        if "backbone" not in params:
            return n_features
        return sum(find_backbone(name).width for name in backbones_of(params))

    @abstractmethod
    def learner(self, params: Params, context: FitContext) -> Model:
        """Make what labels the pool and returns a fitted head."""

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        learner = self.learner(params, context)
        return HeadModel(self.head, params, word(params, "scaling"), context, learner=learner)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what the model saved."""
        return load_head(folder, context)


def logistic_params(params: Params) -> dict[str, ParamValue]:
    """Name the parameters of a space as logistic regression knows them."""
    weight = word(params, "class_weight")
    return {"penalty": "l2", "C": number(params, "C"), "class_weight": weight}


def pool_of(X: Features) -> NDArray[np.float64]:
    """Take the pool from scaled rows.

    Parameters
    ----------
    X : Features
        As :class:`~advisor.strategies.heads.HeadModel` gives them to its learner.

    Returns
    -------
    ndarray of float64 of shape (n_pool, n_features)

    Raises
    ------
    InvalidRequest
        If there is none: no row of it could be read, or all are labelled or test rows.
    """
    if X.pool is None or not X.pool.shape[0]:
        raise InvalidRequest(NO_POOL)
    return np.asarray(X.pool, dtype=np.float64)


def joined(
    X: Features,
    y: NDArray[np.int64],
    pool: NDArray[np.float64],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[Features, NDArray[np.int64]]:
    """Put rows of the pool with their pseudo-labels behind the labelled ones.

    Parameters
    ----------
    X, y : Features of shape (n_rows, n_features), ndarray of int64 of shape (n_rows,)
        Labelled rows.
    pool : ndarray of float64 of shape (n_taken, n_features)
        Rows of the pool.
    codes, weights : ndarray of shape (n_taken,)
        What they are taken for, and how much each counts; a labelled row counts one.

    Returns
    -------
    Features, ndarray of int64
        Of n_rows + n_taken rows.
    """
    values: NDArray[Any] = np.vstack([X.values, pool])
    own = np.ones(len(y)) if X.weights is None else X.weights
    info = FeatureInfo(names=X.info.names)
    return Features(values, info, np.concatenate([own, weights])), np.concatenate([y, codes])


def class_shares(X: Features, y: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Share of each class among the labelled rows, shape (n_classes,)."""
    counts = np.bincount(y, X.weights, n_classes)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def surest(
    found: NDArray[np.float64],
    share: float,
    prior: NDArray[np.float64] | None = None,
    threshold: float = 0.0,
) -> NDArray[np.int64]:
    """Choose the rows of the pool whose most probable class is surest, class by class.

    Parameters
    ----------
    found : ndarray of float64 of shape (n_pool, n_classes)
        Class probabilities.
    share : float
        Part of the rows to take, of each class alike.
    prior : ndarray of float64 of shape (n_classes,) or None
        Shares that the classes have in the pool: of none more is taken than that. ``None``: as many of each class as
        are predicted.
    threshold : float
        Least probability.

    Returns
    -------
    ndarray of int64
        Positions in the pool.

    Examples
    --------
    >>> surest(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), share=0.5)
    array([0, 2])
    """
    codes, sure = found.argmax(axis=1), found.max(axis=1)
    taken = []
    for c in range(found.shape[1]):
        own = np.flatnonzero(codes == c)
        most = share * (len(own) if prior is None else prior[c] * len(found))
        order = own[np.argsort(-sure[own], kind="stable")][: int(np.ceil(most))]
        taken.append(order[sure[order] >= threshold])
    return np.sort(np.concatenate(taken))


def principal_axes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the directions in which rows vary most.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_rows, n_features)
        Labelled rows and pool, scaled.

    Returns
    -------
    ndarray of float64 of shape (n_axes, n_features)
        Orthonormal; all of them where there are no more than ``AXES``.
    """
    if values.shape[1] <= AXES:
        return np.eye(values.shape[1])
    from sklearn.utils.extmath import randomized_svd

    most = min(AXES, len(values))
    return np.asarray(randomized_svd(values, most, n_iter=2, random_state=0)[2], dtype=np.float64)


def calm(model: LinearModel, judge: Model, pool: NDArray[np.float64]) -> None:
    """Take back half of the sureness that a model has from its own labels.

    Each round agrees with the one before, so that the model grows surer without knowing more. The factor of the scores
    that would make it as sure of the pool as the judge is, is applied by its square root. Log loss at 5 labels per
    class (8 of texts; two draws) left alone, calmed, and with the labels alone: CIFAR-10 1.65, 1.35, 1.44; questions
    0.85, 0.87, 1.23; film reviews 1.06, 0.72, 0.66; steel 0.08, 0.10, 0.27.

    Parameters
    ----------
    model : LinearModel
        Changed in place.
    judge : Model
        One of the labelled rows alone that was made no surer than left-out rows allow.
    pool : ndarray of float64 of shape (n_pool, n_features)
        Rows to be sure of.
    """
    wanted = float(judge.predict(pool).max(axis=1).mean())
    factor = calming_factor(pool @ model.weights.T + model.intercepts, wanted)
    model.weights, model.intercepts = model.weights * factor, model.intercepts * factor


def calming_factor(scores: NDArray[np.float64], wanted: float) -> float:
    """Find what to multiply scores by so that half of a model's sureness beyond what is wanted is taken back.

    Parameters
    ----------
    scores : ndarray of float64 of shape (n_pool, n_classes), or (n_pool, 1) for two classes
        What a sigmoid or softmax makes probabilities of.
    wanted : float
        Mean probability of the most probable class.

    Returns
    -------
    float
        The square root of the factor that would give what is wanted; 1 at most.
    """
    from scipy.special import softmax

    both = np.hstack([-scores, scores]) / 2 if scores.shape[1] == 1 else scores
    low, high = CALMEST, 0.0
    for _ in range(CALM_STEPS):
        middle = (low + high) / 2
        surer = softmax(both * np.exp(middle), axis=1).max(axis=1).mean() > wanted
        low, high = (low, middle) if surer else (middle, high)
    return float(np.exp(high / 2))
