"""The card and the contract of a recipe.

A strategy is a *card* (what it is, what it needs, where it is valid) and one verb, ``build``, which makes an
untrained model from parameter values. A builder, not an instance, goes into the search.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import InvalidSpace
from advisor.parameter import ParamValue
from advisor.registry import Registry, available
from advisor.representation import FeatureInfo, Features

Params = Mapping[str, ParamValue]


class Requirements(BaseModel):
    """What must be there before a strategy can run; limits outside of which it is vetoed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    modules: tuple[str, ...] = ()
    extra: str = ""
    """The extra of this distribution that installs ``modules``."""
    weights: str = ""
    """Which pretrained weights, where they come from and under which licence; empty for none."""
    max_rows: int | None = None
    limitless: frozenset[Modality] = frozenset()
    """Modalities for which ``max_rows`` does not count."""
    max_features: int | None = None
    max_classes: int | None = None
    present: dict[str, str] = {}
    """Fields of the profile that must not be empty, where its kind has them -> what then is lacking, in words that go
    on with "needs"."""
    limits_reference: str = ""


CAP_BASE, LABELS_PER_TRIAL = 10, 25
"""At most base + labels / this many trials of one strategy: about one search in ten ends worse than the default, and
the fewer labels the likelier (overtuning, arXiv 2506.19540); the numbers are our choice."""

LABELS_PER_POOL_TRIAL = 200
"""At most one trial, and one more for so many labels, of a strategy that learns from the pool: how a pool is labelled
changes more than a penalty does, so that on few labels the luckiest of several ways is chosen. On 50 pictures of
CIFAR-10 the best of a dozen trials of self-training was no better than the head without the pool (our measurement and
choice)."""

POOL_REPEATS = 2
"""Repeats of the folds that a strategy with the pool is judged on at most. Our choice: a fit takes seconds where a head
takes a tenth of one, and on six sets at 5 labels per class two repeats gave the losses of four to 4 %, and test scores
of the averaged models to 0.8 points."""


class Card(BaseModel):
    """What a strategy is, for the report and for the choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    family: str
    """Rules speak of families: see :data:`advisor.evidence.FAMILIES`."""
    modalities: frozenset[Modality]
    tasks: frozenset[Task]
    representation: str
    """What its models learn from; :meth:`Strategy.representation` may add an argument to it."""
    requires: Requirements = Requirements()
    native_multilabel: bool = False
    """False: one model per label is fitted."""
    cheap: bool = False
    """Whether the probe cross-validates its default configuration within seconds."""
    pool: bool = False
    """Whether it learns from unlabelled rows, too (:attr:`advisor.representation.Features.pool`): as ``augments``."""
    augments: bool = False
    """Whether it learns from varied copies: where no evidence puts it ahead, it has to win beyond chance."""
    reference: str
    licence: str = ""
    clock: Literal["general", "net"] = "general"
    """Which measured speed of this machine its seconds go with: that of ordinary fits, or of training networks. The
    latter take so long that they are judged on fewer repeats of the folds (:meth:`judged_repeats`)."""

    @property
    def is_dummy(self) -> bool:
        """Whether it ignores the features: what every other strategy is compared with."""
        return self.family == "dummy"

    def most_trials(self, n_labelled: int) -> int:
        """Tell how many configurations may be tried with so many labelled rows.

        Parameters
        ----------
        n_labelled : int
            Labelled rows.

        Returns
        -------
        int
            One at least.
        """
        if self.pool:
            return 1 + n_labelled // LABELS_PER_POOL_TRIAL
        return CAP_BASE + n_labelled // LABELS_PER_TRIAL

    def judged_repeats(self, repeats: int) -> int:
        """Of so many repeats of the folds, those that it is judged on: each holds all rows once.

        Parameters
        ----------
        repeats : int
            Of the split plan.

        Returns
        -------
        int
            One for what trains a network, at most ``POOL_REPEATS`` for what learns from the pool, else all.
        """
        if self.clock == "net":
            return 1
        return min(repeats, POOL_REPEATS) if self.pool else repeats


@dataclass(frozen=True)
class FitContext:
    """What ``build`` may know besides the parameters.

    ``n_outputs``: classes (2 for binary), labels of a multilabel problem, or 1 for regression.
    """

    task: Task
    n_outputs: int
    info: FeatureInfo
    seed: int
    threads: int = 1
    metric: str = ""


class Model(ABC):
    """One fitted predictor of one fold.

    Predictions are float64 of shape (n_rows, n_outputs): class probabilities whose rows sum to one (binary:
    two columns), label probabilities (multilabel), or values (regression, one column).
    """

    truncated: bool = False
    """Set by a fit that stopped early because its deadline passed; the model is usable."""

    @abstractmethod
    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Learn. ``y``: codes 0..n_outputs-1, all present; 0/1 matrix; or float values (standardised).

        Raises
        ------
        DeadlineExceeded
            When there is no usable model at the deadline.
        """

    @abstractmethod
    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict for a matrix of shape (n_rows, n_features)."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model into an existing empty folder in its native format, without pickle."""


class Strategy(ABC):
    """A recipe: its card, its cost, its builder, and the loader of what its models save."""

    card: ClassVar[Card]

    def missing(self) -> str:
        """What must be installed before this can run, as a sentence; empty when it is ready."""
        absent = [m for m in self.card.requires.modules if not available(m)]
        if not absent:
            return ""
        return f"pip install 'regime-advisor[{self.card.requires.extra}]' (for {', '.join(absent)})"

    def representation(self, params: Params) -> str:
        """Name what a configuration learns from; a name of ``REPRESENTATIONS``, perhaps with an argument."""
        return self.card.representation

    def unfit(self, params: Params) -> str:
        """Say why a configuration cannot be trained here, whatever the data, as a sentence; empty when it can."""
        return ""

    def measure_speed(self, params: Params) -> float | None:
        """Time a small piece of its training here: seconds over those that ``cost`` predicts; ``None`` if it cannot.

        For strategies whose card says ``clock="net"``; a network's speed differs between machines far more than that of
        other fits, and one fit is too long to try.
        """
        return None

    @abstractmethod
    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Seconds one fit takes on one core of the machine the formula was measured on."""

    def problem_cost(
        self, task: Task, n_rows: int, n_features: int, n_outputs: int, params: Params
    ) -> float:
        """Tell the seconds that :func:`advisor.fitting.fit_model` takes, on one core as ``cost``.

        Parameters
        ----------
        task : Task
            For several labels one model per label is fitted, unless the card says ``native_multilabel``.
        n_rows, n_features, n_outputs : int
            Size of the problem.
        params : mapping
            Parameter values.

        Returns
        -------
        float
        """
        if task is Task.MULTILABEL and not self.card.native_multilabel:
            return n_outputs * self.cost(n_rows, n_features, 2, params)
        return self.cost(n_rows, n_features, n_outputs, params)

    def predict_cost(self, n_rows: int, params: Params) -> float:
        """Seconds one model takes to predict so many rows on one core, as ``cost``; 0 where it is next to nothing."""
        return 0.0

    @abstractmethod
    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained model."""

    @abstractmethod
    def load(self, folder: Path, context: FitContext) -> Model:
        """Read what ``Model.save`` wrote."""


def number(params: Params, name: str) -> float:
    """Read a parameter that is a number.

    Parameters
    ----------
    params : mapping
        Parameter values.
    name : str
        Which one.

    Returns
    -------
    float
        Its value.

    Raises
    ------
    InvalidSpace
        If it is absent or not a number.

    Examples
    --------
    >>> number({"C": 1}, "C")
    1.0
    """
    value = params.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidSpace(f"expected a number for parameter '{name}', got {value!r}")
    return float(value)


def word(params: Params, name: str) -> str:
    """Read a parameter that is one of several words; a missing one is ``"none"``.

    Parameters
    ----------
    params : mapping
        Parameter values.
    name : str
        Which one.

    Returns
    -------
    str
        Its value.
    """
    return str(params.get(name, "none"))


def balanced_weights(y: NDArray[np.generic], how: str) -> NDArray[np.float64] | None:
    """Weigh rows so that every class weighs the same, or half-way there.

    Parameters
    ----------
    y : ndarray of int of shape (n_rows,)
        Class codes.
    how : str
        ``"balanced"``, ``"sqrt"`` (the square root of the balanced weights) or ``"none"``.

    Returns
    -------
    ndarray of float64 of shape (n_rows,) or None
        Weights of mean 1; ``None`` for ``"none"``.

    Examples
    --------
    >>> balanced_weights(np.array([0, 0, 0, 1]), "balanced")
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    if how == "none":
        return None
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    weights = 1.0 / (counts if how == "balanced" else np.sqrt(counts))[codes]
    scaled: NDArray[np.float64] = weights / weights.mean()
    return scaled


STRATEGIES: Registry[Strategy] = Registry("strategy", "advisor.strategies")
