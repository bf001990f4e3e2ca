"""Dataset → DatasetProfile: the counts and shapes that regimes and rules read.

The profile holds what was measured and no opinion: what is too much or too little is said by the rules. The
types live here, on the spine, because rules are annotated with them; the measuring is done by one profiler
per modality in ``profilers/``.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from advisor.dataset import Dataset, Modality, Task
from advisor.errors import NoStrategy
from advisor.registry import Registry


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class DatasetProfile(_Frozen):
    """What every modality has.

    Scarcity is counted in labels per class (per positive label for multilabel, per group when grouped).
    """

    name: str
    modality: Modality
    task: Task
    n_rows: int
    n_labelled: int
    n_unlabelled: int
    n_test: int
    n_classes: int
    class_counts: dict[str, int]
    """Labelled rows per class or label; empty for regression."""
    smallest_class: int
    """Labels in the smallest class; ``n_labelled`` for regression."""
    labels_per_class: float
    imbalance: float
    """Largest class over smallest; 1.0 for regression. Multilabel: the rarest label's absences over its presences."""
    n_groups: int | None = None
    smallest_class_groups: int | None = None
    """Groups in which the class seen in fewest groups occurs; ``None`` without groups or for regression."""
    n_duplicates: int = 0
    """Labelled rows whose features repeat those of another labelled row (the first is not counted)."""
    n_label_conflicts: int = 0
    """Labelled rows whose features also occur with another label."""
    n_test_overlap: int = 0
    """Test rows whose features also occur in a labelled row."""
    sampled: bool = False
    """Whether the expensive parts (not the counts) saw a sample of the rows only."""
    sample_size: int | None = None


class LeakSuspect(_Frozen):
    """Columns that give the target away: one alone, or two by sum, difference or product."""

    columns: tuple[str, ...]
    how: Literal["alone", "sum", "difference", "product"]
    measure: Literal["AUC", "accuracy", "R2", "share"]
    """``"share"``: of the rows in which two columns make the target."""
    score: float
    n_rows: int
    """Rows the score was measured on."""
    label: str = ""
    """The label of a multilabel problem that is given away; empty otherwise."""


class ColumnPair(_Frozen):
    """Two columns that say the same: equal, one-to-one recoded, or one a linear function of the other."""

    first: str
    second: str
    relation: Literal["equal", "recoded", "rescaled"]


class ColumnDrift(_Frozen):
    """How far a column's distribution in the test split or the pool is from the one in the labelled rows.

    ``distance`` is in [0, 1]: Kolmogorov-Smirnov for numbers and dates, total variation for categories, the difference
    of the shares of missing cells where that is larger.
    """

    column: str
    distance: float
    measure: Literal["KS", "TV", "missing"]


class OrderedTarget(_Frozen):
    """An identifier or a date whose order goes with the target."""

    column: str
    kind: Literal["identifier", "datetime"]
    correlation: float
    """Rank correlation with the target (for classes: with the class it follows most), in [-1, 1]."""


class GroupSuspect(_Frozen):
    """Rows that look like repeated measurements of the same thing.

    ``how`` is ``"key"`` when a column repeats like a key of persons or places, ``"all_but_one"`` when rows are equal
    in every feature but ``column``.
    """

    column: str
    how: Literal["key", "all_but_one"]
    n_groups: int
    share_rows: float
    """Share of labelled rows that share their group with another row."""


class TabularProfile(DatasetProfile):
    """What a table has besides; shares are fractions in [0, 1] of the labelled rows' cells or of the features."""

    n_columns: int
    """Columns of the table without target and group columns."""
    n_features: int
    """Columns that can be learned from: without identifiers and constants."""
    kinds: dict[str, int]
    """Columns per :class:`advisor.tables.columns.ColumnKind`."""
    rows_per_feature: float
    share_missing: float = 0.0
    missing_columns: dict[str, float] = {}
    """Share of missing cells of the columns that have most of them, at most ten."""
    n_columns_missing: int = 0
    share_categorical: float = 0.0
    max_cardinality: int = 0
    max_cardinality_column: str = ""
    share_skewed: float = 0.0
    """Share of the numeric columns whose skewness is beyond ``SKEWED``."""
    share_outliers: float = 0.0
    """Share of numeric cells beyond three interquartile ranges."""
    target_skew: float | None = None
    """Skewness of the target; ``None`` unless regression."""
    target_zero_share: float | None = None
    constants: tuple[str, ...] = ()
    near_constants: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    datetimes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    n_pool_overlap: int = 0
    """Pool rows whose features also occur in a labelled row."""
    conflict_errors: int = 0
    """Labelled rows that no classifier can get right, since equal features carry a more frequent class."""
    duplicate_columns: tuple[ColumnPair, ...] = ()
    share_collinear: float = 0.0
    """Share of the numeric columns that correlate beyond ``COLLINEAR`` with another one."""
    leaks: tuple[LeakSuspect, ...] = ()
    test_drift: tuple[ColumnDrift, ...] = ()
    """Columns that drifted, farthest first; at most ten."""
    pool_drift: tuple[ColumnDrift, ...] = ()
    share_test_drift: float = 0.0
    share_pool_drift: float = 0.0
    ordered: tuple[OrderedTarget, ...] = ()
    group_suspects: tuple[GroupSuspect, ...] = ()


class Profiler(Protocol):
    """What a module of ``profilers/`` registers under the name of its modality."""

    def __call__(self, dataset: Dataset) -> DatasetProfile:
        """Measure a dataset without changing it."""


PROFILERS: Registry[Profiler] = Registry("profiler", "advisor.profilers")


def profile_dataset(dataset: Dataset) -> DatasetProfile:
    """Count and measure everything that regimes and rules ask about.

    Counts, missing cells and repeated rows are exact; what is expensive (leakage, drift, collinearity, skew) is
    measured on at most ``SAMPLE`` rows of the modality's profiler, and the profile says so. The order of the rows has
    no influence.

    Parameters
    ----------
    dataset : Dataset
        As ``read_dataset`` makes it.

    Returns
    -------
    DatasetProfile
        The subclass of the dataset's modality, for example :class:`TabularProfile`.

    Raises
    ------
    NoStrategy
        If this version cannot profile the dataset's modality.
    """
    if dataset.modality.value not in PROFILERS:
        raise NoStrategy(
            f"{dataset.name} holds {dataset.modality} data, which this version recognises but cannot yet profile; "
            f"it can profile {', '.join(PROFILERS)} data."
        )
    # Numbers near the end of the float range overflow in variances; the NaN that comes of it compares as unrelated.
    with np.errstate(all="ignore"):
        return PROFILERS[dataset.modality.value](dataset)
