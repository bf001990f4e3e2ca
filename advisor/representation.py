"""Conforming rows → the numbers a family of models learns from.

A representation is fitted on the training rows of a fold and shared by every strategy and every trial that
names it, so that preprocessing is learned inside the fold and computed once per fold, not once per trial.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.registry import Registry
from advisor.tables.columns import Column


class FeatureInfo(BaseModel):
    """What the columns of a feature matrix are.

    ``categorical`` holds the positions whose values are category codes (0, 1, ...; NaN for missing or unseen)
    and ``cardinality`` the number of codes of each of them; all other positions are numbers.
    """

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...]
    categorical: tuple[int, ...] = ()
    cardinality: tuple[int, ...] = ()


@dataclass(frozen=True)
class Features:
    """A feature matrix with the meaning of its columns: values float64 of shape (n_rows, n_features)."""

    values: NDArray[np.float64]
    info: FeatureInfo


class Representation(ABC):
    """Learns on training rows how to turn conforming frames into matrices; saved without pickle."""

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
