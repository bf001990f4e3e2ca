"""Rows of any kind → as many empty rows, for a predictor that looks at none of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from advisor.representation import REPRESENTATIONS, FeatureInfo, Features, Representation
from advisor.storage import read_json, write_json
from advisor.tables.columns import Column

FILE = "nothing.json"


@REPRESENTATIONS.add("nothing")
class NothingRepresentation(Representation):
    """One column of zeros: what the dummy needs, and all that it costs.

    Of texts, the representation for trees counts n-grams and looks for their main axes in every fold: seconds, in which
    a search of half a minute would fit nothing else.
    """

    learns: ClassVar[bool] = False

    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> NothingRepresentation:
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> Features:
        """Count the rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)

        Returns
        -------
        Features
            float64 zeros of shape (n_rows, 1).
        """
        return Features(np.zeros((len(X), 1)), FeatureInfo(names=("nothing",)))

    def save(self, folder: Path) -> None:
        """Write a file that says so: a saved model names the files of each of its parts."""
        write_json(folder / FILE, {})

    @classmethod
    def load(cls, folder: Path) -> NothingRepresentation:
        """Make it again."""
        read_json(folder / FILE)
        return cls()
