"""Dataset → DatasetProfile: the counts and shapes that regimes and rules read.

The profile holds what was measured and no opinion: what is too much or too little is said by the rules. The types live
here because rules are annotated with them; the measuring is done by one profiler per modality in ``profilers/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from advisor.dataset import Dataset, Modality, Task
from advisor.errors import NoStrategy
from advisor.pools import PoolOverlap as PoolOverlap
from advisor.pools import PoolPrior as PoolPrior
from advisor.registry import Registry


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


ITEMS = {
    Modality.TABULAR: "rows",
    Modality.IMAGE: "pictures",
    Modality.TEXT: "texts",
    Modality.AUDIO: "recordings",
}
"""What the rows of each modality are called."""

LABELS_PER_VALUE = 10
"""Values of a regression that count as one label of a class, as if the target were cut into ten; our choice."""


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
    n_groups_one_class: int = 0
    """Groups whose rows are all of one class; 0 for regression and multilabel."""
    n_duplicates: int = 0
    """Labelled rows whose features repeat those of another labelled row (the first is not counted)."""
    n_label_conflicts: int = 0
    """Labelled rows whose features also occur with another label."""
    n_test_overlap: int = 0
    """Test rows whose features also occur in a labelled row."""
    n_pool_overlap: int = 0
    """Pool rows that repeat a labelled or a test row (items: nearly, of those compared): none is learned from."""
    sampled: bool = False
    """Whether the expensive parts (not the counts) saw a sample of the rows only."""
    sample_size: int | None = None

    @property
    def items(self) -> str:
        """What its rows are called, in the plural."""
        return ITEMS[self.modality]

    @property
    def n_pool_new(self) -> int:
        """Pool rows that can be learned from, since they repeat no labelled or test row that they were compared to."""
        return max(0, self.n_unlabelled - self.n_pool_overlap)

    @property
    def label_scarcity(self) -> float:
        """Labels of the smallest class; of a regression, its values over ``LABELS_PER_VALUE``."""
        if self.task is Task.REGRESSION:
            return self.n_labelled / LABELS_PER_VALUE
        return float(self.smallest_class)


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

    ``distance`` in [0, 1]: Kolmogorov-Smirnov (numbers, dates), total variation (categories), of shares missing.
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

    ``how``: ``column`` repeats like a ``"key"`` of persons or places, or rows are equal in ``"all_but_one"``, it.
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


class PerceivedProfile(DatasetProfile):
    """What pictures, texts and recordings have in common: broken items, near copies, backbones and the pool.

    Copies are looked for among all labelled items and most others; what backbones are asked about is a sample.
    """

    n_broken: int = 0
    """Items that cannot be read; they are left out."""
    broken: tuple[str, ...] = ()
    """The first of them, each with the reason."""
    n_near_duplicates: int = 0
    """Labelled items that nearly repeat another labelled one (the first is not counted), exact copies included."""
    n_near_conflicts: int = 0
    """Labelled items that nearly repeat one with another label."""
    n_near_test_overlap: int = 0
    """Test items that nearly repeat a labelled one."""
    examples: tuple[str, ...] = ()
    """Pairs of near duplicates across classes or splits, at most five, as ``a ~ b``."""
    backbones: tuple[str, ...] = ()
    """Backbones that can run here, the one with the best separability first."""
    backbones_missing: dict[str, str] = {}
    """Backbones that were asked for and cannot run, with what they need."""
    licences: dict[str, str] = {}
    """Of the weights of ``backbones``."""
    separability: dict[str, float] = {}
    """Per backbone: score of a ridge head on its frozen features, each item (or group) left out in turn: accuracy
    (balanced over classes), its mean over labels for multilabel, R2 for regression."""
    pool_overlap: PoolOverlap | None = None
    pool_prior: PoolPrior | None = None
    """``None`` where there is no pool, no backbone, or no single class per item."""

    @property
    def further_backbones(self) -> tuple[str, ...]:
        """All of ``backbones`` but the first: empty where only one can run."""
        return self.backbones[1:]


class ImageProfile(PerceivedProfile):
    """What a set of pictures has besides; sides are pixels, brightness and shares are in [0, 1].

    Sizes, formats and counts are of all labelled pictures; what needs pixels is of ``sample_size`` of them.
    """

    formats: dict[str, int] = {}
    width: tuple[int, int, int] = (0, 0, 0)
    """Smallest, median and largest width."""
    height: tuple[int, int, int] = (0, 0, 0)
    share_small: float = 0.0
    """Share of pictures whose short side is under half of what a backbone sees (112 px)."""
    share_greyscale: float = 0.0
    """Share without any colour, whether stored as one channel or three."""
    share_alpha: float = 0.0
    share_bright_flat: float = 0.0
    """Share of pictures that are mostly one flat light ground, as scans, documents and drawings are."""
    colour_tells: float | None = None
    """Accuracy (balanced) of the mean colour alone above that of guessing, 0 to 1: where colour is the label."""
    mirror_confuses: float | None = None
    """By how much nearest neighbours tell mirrored pictures worse than plain ones: where a flip changes meaning."""
    content: Literal["photo", "greyscale", "document", "tiny", "mixed"] = "mixed"
    """What kind of pictures they are, as far as pixels alone can tell."""
    content_reason: str = ""
    brightness_outliers: tuple[str, ...] = ()
    """Almost black or white pictures, at most ten."""
    blurred: tuple[str, ...] = ()
    """Pictures far less sharp than the rest, at most ten."""
    mask_share: float | None = None
    """Segmentation: mean share of a picture that the masks cover."""


class TextProfile(PerceivedProfile):
    """What a set of texts has besides: fewest, median and most of a length; shares in [0, 1] of the labelled texts."""

    text_columns: tuple[str, ...] = ()
    """The columns that hold texts; several are read as one."""
    other_columns: tuple[str, ...] = ()
    """Columns of the table beside the texts that are learned from, too."""
    group_suspects: tuple[GroupSuspect, ...] = ()
    words: tuple[int, float, int] = (0, 0.0, 0)
    characters: tuple[int, float, int] = (0, 0.0, 0)
    n_empty: int = 0
    """Labelled rows without any text."""
    views: tuple[str, ...] = ()
    """Ways to vary texts that are possible here: :meth:`advisor.backbone.TextLoader.views`."""
    vocabulary: int = 0
    """Different words, in lower case, of the labelled texts looked at."""
    share_seen_once: float = 0.0
    """Share of those words that occur in one text only."""
    languages: dict[str, float] = {}
    """ISO 639-1 code -> share of the texts looked at, the most frequent first."""
    share_other_script: float = 0.0
    """Share of letters that are not Latin."""
    tokens: tuple[int, float, int] = (0, 0.0, 0)
    """Fewest, median and most tokens by the best backbone; zeros where none can run."""
    tokens_of_batch: float = 0.0
    """Tokens of the longest of 16 texts, on average: what each text of a batch costs; 0 where none can run."""
    longest: int = 0
    """Tokens that this backbone reads; 0 where none can run."""
    share_cut: float = 0.0
    """Share of texts that are longer."""
    encoder_languages: tuple[str, ...] = ()
    """ISO 639-1 codes of the languages that it was trained on; empty where that is not known."""
    base_models: tuple[str, ...] = ()
    """Backbones that embed no sentences by themselves and so may be adapted to the pool."""
    telling: tuple[LeakSuspect, ...] = ()
    """Words or phrases that give the label away by themselves, as a label in the text does."""
    telling_share: float = 0.0
    """Share of the texts looked at that hold one of them."""
    boilerplate: tuple[str, ...] = ()
    """Phrases that most texts share, at most five."""
    label_named: float = 0.0
    """Share of texts that hold the name of their own class as a word."""


class AudioProfile(PerceivedProfile):
    """What a set of recordings has besides; seconds, Hz, and shares in [0, 1].

    Lengths, rates and formats are of all labelled recordings; what needs samples is of those looked at.
    """

    formats: dict[str, int] = {}
    rates: dict[int, int] = {}
    channels: dict[int, int] = {}
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Shortest, median and longest recording."""
    hours: float = 0.0
    """Of all labelled recordings together."""
    silent: tuple[str, ...] = ()
    """Recordings without any sound, at most ten."""
    n_silent: int = 0
    share_silence: float = 0.0
    """Median share of a recording that is silence."""
    clipped: tuple[str, ...] = ()
    """Recordings cut off at full scale, at most ten."""
    n_clipped: int = 0
    loudness_tells: float | None = None
    """Accuracy (balanced) of the loudness alone above that of guessing, 0 to 1: where the recording is the label."""
    bandwidth: float = 0.0
    """Median frequency in Hz below which 99 % of the energy lies."""
    content: Literal["speech", "sound", "mixed"] = "mixed"
    """What kind of recordings they are, as far as the signal alone can tell."""
    content_reason: str = ""
    domain: str = ""
    """What the best backbone was trained on, as its card says."""
    longest: float = 0.0
    """Seconds that the best backbone hears at once; 0 where none can run."""
    share_cut: float = 0.0
    """Share of recordings that are longer."""
    group_source: Literal["", "given", "names"] = ""
    """Where the groups come from: the user, who may have wanted none, or a guess from the names of the files."""
    group_hint: str = ""
    """How the groups were found in the names or why they were not used, in words."""
    n_test_groups_shared: int = 0
    """Groups of the labelled recordings that occur in the test split, too."""
    picture_backbones: tuple[str, ...] = ()
    """Backbones for pictures that can be fine-tuned on log-mel pictures."""


class Profiler(Protocol):
    """What a module of ``profilers/`` registers under the name of its modality."""

    def __call__(self, dataset: Dataset, backbones: Sequence[str]) -> DatasetProfile:
        """Measure a dataset without changing it; ``backbones`` are those the user asked for."""


PROFILERS: Registry[Profiler] = Registry("profiler", "advisor.profilers")


def profile_dataset(dataset: Dataset, backbones: Sequence[str] = ()) -> DatasetProfile:
    """Count and measure everything that regimes and rules ask about.

    Counts, missing cells and repeats are exact; what is expensive is measured on a sample, and the profile says so. The
    order of the rows has no influence.

    Parameters
    ----------
    dataset : Dataset
        As ``read_dataset`` makes it.
    backbones : sequence of str
        Pretrained backbones that the user asked for (:func:`advisor.backbone.find_backbone`); none for the ones of
        the house that can run here. Tables have no use for them.

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
        return PROFILERS[dataset.modality.value](dataset, backbones)


PROFILE_TYPES: dict[Modality, type[DatasetProfile]] = {
    Modality.TABULAR: TabularProfile,
    Modality.IMAGE: ImageProfile,
    Modality.TEXT: TextProfile,
    Modality.AUDIO: AudioProfile,
}
"""The class that a stored profile of each modality is read back as."""
