"""Conforming rows → complete, scaled numbers, as linear models, kernels and networks like them.

Why not StandardScaler alone: one outlier of a skewed column decides its scale, and a network or a kernel then sees the
other rows as one point. Strongly skewed columns are made symmetric (Yeo-Johnson), and what still lies beyond
``CLIP_FROM`` standard deviations is squashed smoothly; within it the map is linear, so collinear channels stay so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.encoding import ColumnParts, codes_of, levels_by_frequency
from advisor.errors import InvalidRun
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features, Representation
from advisor.storage import read_arrays, read_json, write_arrays, write_json
from advisor.tables.columns import Column

SKEW_FROM = 2.0
"""Absolute skewness from which a column is made symmetric; our choice: that of an exponential distribution."""

MOST_SKEWED = 300
"""Columns made symmetric at most, the most skewed first: each costs about a millisecond. Our choice."""

CLIP_FROM = 3.0
"""Standard deviations beyond which values are squashed; after RealMLP (Holzmüller et al. 2024), which squashes all."""

MAX_TERMS = 300
"""Terms kept of a text column: the matrix is dense. Our choice."""

MAX_LEVELS = 60
"""Levels of one column that get a column of their own; the rest share one. Our choice."""

RARE_SHARE = 0.004
"""A level in a smaller share of rows, or in fewer than ``RARE_ROWS``, is pooled with the rare ones. Our choice."""

RARE_ROWS = 2
"""See ``RARE_SHARE``: one row cannot tell a level's effect from its own noise."""


@REPRESENTATIONS.add("linear")
class LinearRepresentation(Representation):
    """Imputed and standardised numbers, missing indicators, one-hot levels with a shared one for rare and new ones.

    References
    ----------
    Yeo and Johnson (2000), A new family of power transformations; Holzmüller, Grinsztajn and Steinwart (2024),
    Better by default (smooth clipping).
    """

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._parts = ColumnParts()
        self._arrays: dict[str, NDArray[np.float64]] = {}

    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> LinearRepresentation:
        """Learn medians, powers, scales, levels and terms.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Training rows, conforming.
        columns : sequence of Column
            Their schema.
        seed : int
            Not used: nothing here is random.

        Returns
        -------
        LinearRepresentation
            Itself.
        """
        self._parts = ColumnParts.learn(X, columns, _common_levels, MAX_TERMS)
        self._learn_scales(self._parts.measures(X))
        self._arrays["kept"] = np.empty(0)
        made = self._blocks(X)
        # What is constant in training is left out, the shared column of rare levels too: where there were none, its
        # weight could not be learned, and a level not seen before is then ignored.
        varies = made.max(axis=0, initial=-np.inf) > made.min(axis=0, initial=np.inf)
        self._arrays["kept"] = np.flatnonzero(varies).astype(np.float64)
        return self

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn rows into complete, scaled numbers.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            Without NaN and without categories; one constant column when nothing is usable.
        """
        kept = self._arrays["kept"].astype(np.int64)
        if not kept.size:
            return Features(np.zeros((len(X), 1)), FeatureInfo(names=("constant",)))
        names = self._names()
        info = FeatureInfo(names=tuple(names[i] for i in kept))
        return Features(np.ascontiguousarray(self._blocks(X)[:, kept]), info)

    def _learn_scales(self, raw: NDArray[np.float64]) -> None:
        median = np.nanmedian(raw, axis=0) if raw.size else np.zeros(raw.shape[1])
        filled = np.where(np.isnan(raw), median, raw)
        centre, spread = _mean_and_sd(filled)
        power = _powers((filled - centre) / spread)
        after_centre, after_spread = _mean_and_sd(_symmetric((filled - centre) / spread, power))
        self._arrays = {
            "median": median,
            "centre": centre,
            "spread": spread,
            "power": power,
            "after_centre": after_centre,
            "after_spread": after_spread,
            "has_missing": np.asarray(np.isnan(raw).any(axis=0), dtype=np.float64),
        }

    def _blocks(self, X: pd.DataFrame) -> NDArray[np.float64]:
        a = self._arrays
        raw = self._parts.measures(X)
        absent = np.isnan(raw)
        scaled = (np.where(absent, a["median"], raw) - a["centre"]) / a["spread"]
        scaled = (_symmetric(scaled, a["power"]) - a["after_centre"]) / a["after_spread"]
        blocks = [_soft_clip(scaled), absent[:, a["has_missing"] > 0].astype(np.float64)]
        for name, levels in self._parts.levels.items():
            blocks.append(_one_hot(X[name], levels))
        for terms in self._parts.texts:
            if terms.terms:
                # Rows have unit length; times sqrt(n_terms) a typical entry is of order one, like the other columns.
                blocks.append(terms.transform(X[terms.name]).toarray() * np.sqrt(len(terms.terms)))
        return np.hstack(blocks)

    def _names(self) -> list[str]:
        names = self._parts.measure_names
        flags = self._arrays["has_missing"] > 0
        names += [f"{name}.missing" for name, flag in zip(names, flags, strict=True) if flag]
        for name, levels in self._parts.levels.items():
            names += [f"{name}={level}" for level in levels]
            names += [f"{name}=rare", f"{name}.missing"]
        for terms in self._parts.texts:
            names += [f"{terms.name}:{term}" for term in terms.terms]
        return names

    def save(self, folder: Path) -> None:
        """Write ``linear.json`` and ``scales.npz``.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        write_json(folder / "linear.json", self._parts.state())
        write_arrays(folder / "scales.npz", self._arrays)

    @classmethod
    def load(cls, folder: Path) -> LinearRepresentation:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        LinearRepresentation
            Equal to the one saved.

        Raises
        ------
        InvalidRun
            If a file is missing or altered.
        """
        state, arrays = read_json(folder / "linear.json"), read_arrays(folder / "scales.npz")
        made = cls()
        try:
            made._parts = ColumnParts.from_state(state)
            made._arrays = {name: arrays[name] for name in _ARRAYS}
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidRun(
                f"expected a representation 'linear' in '{folder.name}', got {error!r}; train again"
            ) from error
        return made


_ARRAYS = (
    "median",
    "centre",
    "spread",
    "power",
    "after_centre",
    "after_spread",
    "has_missing",
    "kept",
)


def _common_levels(values: pd.Series) -> tuple[str, ...]:
    """Levels frequent enough for a column of their own."""
    levels = levels_by_frequency(values)
    codes = codes_of(values, levels)
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(levels))
    least = max(RARE_ROWS, int(np.ceil(RARE_SHARE * len(values))))
    n_own = int((counts >= least).sum())
    return levels[: min(n_own, MAX_LEVELS)]


def _one_hot(values: pd.Series, levels: Sequence[str]) -> NDArray[np.float64]:
    """One column per level, one for all other levels, one for missing: shape (n_rows, n_levels + 2)."""
    codes, absent = codes_of(values, levels), values.isna().to_numpy()
    other = np.isnan(codes) & ~absent
    own = codes[:, None] == np.arange(len(levels))
    return np.column_stack([own, other, absent]).astype(np.float64)


def _mean_and_sd(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, spread = values.mean(axis=0), values.std(axis=0)
    return mean, np.where(spread > np.abs(mean) * np.finfo(float).eps * 8, spread, 1.0)


def _powers(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yeo-Johnson exponents of the skewed columns; 1, the identity, for the others."""
    from scipy.stats import yeojohnson_normmax

    power = np.ones(scaled.shape[1])
    skewness = np.abs((scaled**3).mean(axis=0))
    for column in np.argsort(-skewness)[:MOST_SKEWED]:
        # A column of two or three values is skewed because of its counts, and no monotone map can change that.
        if skewness[column] > SKEW_FROM and len(np.unique(scaled[:, column])) > FEW_VALUES:
            with np.errstate(all="ignore"):
                found = float(yeojohnson_normmax(scaled[:, column]))
            power[column] = np.clip(found, -MAX_POWER, MAX_POWER) if np.isfinite(found) else 1.0
    return power


FEW_VALUES = 5
"""Distinct values up to which a column is left as it is; our choice."""

MAX_POWER = 5.0
"""Largest exponent of either sign; our choice, against overflow on new rows far from the training ones."""


def _symmetric(x: NDArray[np.float64], power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yeo-Johnson: ((1+x)^p - 1)/p for x >= 0, and -((1-x)^(2-p) - 1)/(2-p) for x < 0; logs where the exponent is 0."""
    made = x.copy()
    for column in np.flatnonzero(power != 1.0):
        p, values = power[column], np.clip(x[:, column], -FARTHEST, FARTHEST)
        up, down = np.log1p(np.maximum(values, 0)), np.log1p(np.maximum(-values, 0))
        positive = up if abs(p) < TINY else np.expm1(p * up) / p
        negative = down if abs(2 - p) < TINY else np.expm1((2 - p) * down) / (2 - p)
        made[:, column] = np.where(values >= 0, positive, -negative)
    return made


FARTHEST = 1e6
"""Standard deviations at which new values are cut, against overflow; our choice."""

TINY = 1e-8
"""Exponents nearer to zero than this are taken as zero."""


def _soft_clip(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Identity up to ``CLIP_FROM``, logarithmic beyond; continuous with its first derivative."""
    beyond = np.maximum(np.abs(z) - CLIP_FROM, 0.0)
    return np.where(beyond > 0, np.sign(z) * (CLIP_FROM + np.log1p(beyond)), z)
