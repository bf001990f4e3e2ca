"""Conforming rows → the numbers a family of models learns from.

A representation is fitted on the training rows of a fold and shared by every strategy and every trial that
names it, so that preprocessing is learned inside the fold and computed once per fold, not once per trial.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.deadline import Deadline
from advisor.registry import Registry
from advisor.tables.columns import Column

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class FeatureInfo(BaseModel):
    """What the columns of a feature matrix are.

    ``categorical`` holds the positions whose values are category codes (0, 1, ...; NaN for missing or unseen)
    and ``cardinality`` the number of codes of each of them; all other positions are numbers.
    """

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...]
    categorical: tuple[int, ...] = ()
    cardinality: tuple[int, ...] = ()
    beside: int = 0
    """How many columns at the end come from the table that a text stands in; they are standardised numbers."""
    source: str = ""
    """The backbone that made or will read the numbers, where it is another than the one the strategy named (one that
    was adapted to the pool)."""


@dataclass(frozen=True)
class Features:
    """A feature matrix of shape (n_rows, n_features) with the meaning of its columns.

    Values are float64; float32 for embeddings, uint8 for pixels and int32 for tokens, which are many; a sparse matrix
    for counts of words.
    """

    values: NDArray[Any] | csr_matrix
    info: FeatureInfo
    weights: NDArray[np.float64] | None = None
    """How much each row counts in a fit, shape (n_rows,); ``None`` where all count the same."""
    pool: NDArray[Any] | csr_matrix | None = None
    """Unlabelled rows by the same representation, shape (n_pool, n_features): for strategies whose card asks for them.
    None of them is a labelled or a test row."""
    blocks: NDArray[np.int64] | None = None
    """Rows of equal code, of shape (n_rows,), are left out together where a fit chooses something by rows that it did
    not see; ``None``: each row stands alone."""


class Representation(ABC):
    """Learns on training rows how to turn conforming frames into matrices; saved without pickle.

    Parameters
    ----------
    argument : str
        What follows the colon in a strategy's representation (``embedding:resnet50``); empty for most.
    """

    learns: ClassVar[bool] = True
    """False: nothing is learned from the rows, so one matrix of all of them serves every fold. Such a representation
    is computed beforehand by the process that searches, with all its cores, and may take a while."""

    def __init__(self, argument: str = "") -> None:
        self.argument = argument

    @classmethod
    def learns_from(cls, columns: Sequence[Column]) -> bool:
        """Whether something is learned from rows of this schema: :attr:`learns`, unless a kind knows better."""
        return cls.learns

    def prepare(  # noqa: B027 (most have nothing slow)
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Do what is slow in ``transform`` and can be kept, such as embedding files; nothing by default.

        Called after ``fit`` on the same rows, only where :attr:`learns` is false, whatever :meth:`learns_from` says.
        ``pool`` holds the unlabelled rows, for what adapts itself to them.

        Raises
        ------
        DeadlineExceeded
            When the deadline passes first; what was done is kept.
        """

    @abstractmethod
    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> Representation:
        """Learn from the rows of ``X`` (conforming to ``columns``); returns self."""

    @abstractmethod
    def transform(self, X: pd.DataFrame) -> Features:
        """Turn conforming rows into a matrix; the columns are the same for every call."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into an existing empty folder, without pickle."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Representation:
        """Read what ``save`` wrote; raises InvalidRun for a type that is not trusted."""


REPRESENTATIONS: Registry[type[Representation]] = Registry(
    "representation", "advisor.representations"
)


def split_name(name: str) -> tuple[str, str]:
    """Take a strategy's representation apart.

    Parameters
    ----------
    name : str
        A registered name, perhaps with a colon and an argument.

    Returns
    -------
    kind, argument : str
        The registered name; the argument, empty where there is none.

    Examples
    --------
    >>> split_name("embedding:resnet50"), split_name("linear")
    (('embedding', 'resnet50'), ('linear', ''))
    """
    kind, _, argument = name.partition(":")
    return kind, argument


def make_representation(name: str) -> Representation:
    """Make an unfitted representation by a strategy's name for it (see :func:`split_name`)."""
    kind, argument = split_name(name)
    return REPRESENTATIONS[kind](argument)
