"""The evidence tables (data) → effects a rule may claim, each with its source and range of validity.

The tables are the TOML files of ``evidence_tables/``. A row says how the error of some families of strategies compares
with that of a reference family (``linear`` for tables, ``frozen`` for pictures, texts and recordings), over which
numbers of labelled rows or of labels of the smallest class, by which metric, and who measured it. Scores are turned
into relative changes of error in one way everywhere: a score s with the best value 1 is an error of 1 - s, and

    change = (1 - score of the family) / (1 - score of the reference) - 1,

so .882 against .814 is .118 against .186: 37 % less error. The note of each row says what else was done to the figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from advisor.tasks import Modality

FAMILIES = (
    *("dummy", "linear", "kernel", "forest", "boosting", "neural", "in_context"),
    *("handmade", "frozen", "finetune", "scratch"),
)
"""Families of strategies: of tables, then of what is perceived (features made by hand, word counts among them, a
frozen pretrained backbone, a fine-tuned one, a network trained from nothing). Evidence may also name one strategy of a
family, relative to that family."""

USABLE_STATUS = frozenset({"seen", "abstract"})
"""Only what was read may change a ranking; a recalled figure is kept as a pointer for the next reader."""


class Effect(BaseModel):
    """A relative change of the error of one family of strategies.

    Effects multiply: an estimate is ``reference error x product of (1 + effect)``; ``mean`` -0.1 is a tenth
    less error.
    """

    model_config = ConfigDict(frozen=True)

    family: str
    """A family, or a strategy whose effect comes on top of its family's."""
    mean: float
    low: float
    high: float
    evidence: str
    """Id of the row of evidence_tables/*.toml that says so."""


class EvidenceRow(BaseModel):
    """One published comparison.

    ``mean``, ``low`` and ``high`` are relative changes of error against ``reference``; all ``None`` where a source
    gives no figure for families. ``size`` is ``"order_only"`` where a source gives the order of two families but no
    figure: the mean is then the smallest that keeps the order, and our choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    claim: str
    modality: Modality = Modality.TABULAR
    families: tuple[str, ...] = ()
    reference: str = "linear"
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    size: Literal["measured", "order_only"] = "measured"
    rows_from: int = 0
    rows_below: int | None = None
    """Labelled rows for which the row speaks; ``None`` for no upper end."""
    wide_only: bool = False
    """Whether it speaks only about tables with more features than rows."""
    labels_from: float = 0
    labels_below: float | None = None
    """Labels of the smallest class for which a row that is not about tables speaks; ``None`` for no upper end."""
    small_pictures: bool | None = None
    """Whether it speaks only about pictures far smaller than what a backbone sees (or only about others); ``None`` for
    both."""
    metric: str = ""
    source: str = Field(min_length=1)
    status: Literal["seen", "abstract", "recalled"]
    """Figures read in the document; read in its abstract or summary; remembered and not checked."""
    note: str = ""

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        figures = (self.mean, self.low, self.high)
        if any(f is None for f in figures) != all(f is None for f in figures):
            raise ValueError("mean, low and high must be given together")
        if self.mean is not None and self.low is not None and self.high is not None:
            if not -1.0 < self.low <= self.mean <= self.high:
                raise ValueError("expected -1 < low <= mean <= high")
            if not self.families:
                raise ValueError("a figure needs the families it speaks about")
        return self

    @property
    def usable(self) -> bool:
        """Whether the row may change a ranking: it has a figure, and that was read."""
        return self.mean is not None and self.status in USABLE_STATUS

    def covers(self, count: float, *, wide: bool = False, small: bool = False) -> bool:
        """Whether the row speaks about a dataset of that size.

        Parameters
        ----------
        count : float
            Labelled rows of a table; labels of the smallest class of anything else.
        wide : bool
            Whether a table has more features than labelled rows.
        small : bool
            Whether pictures are far smaller than what a backbone sees.

        Returns
        -------
        bool
        """
        low, below = self.labels_from, self.labels_below
        kind = self.small_pictures in (None, small)
        if self.modality is Modality.TABULAR:
            low, below, kind = float(self.rows_from), self.rows_below, self.wide_only is wide
        return kind and low <= count and (below is None or count < below)

    def effects(self) -> tuple[Effect, ...]:
        """Make one effect per family that the row speaks about; none where it is not usable."""
        if not self.usable or self.mean is None or self.low is None or self.high is None:
            return ()
        return tuple(
            Effect(family=family, mean=self.mean, low=self.low, high=self.high, evidence=self.id)
            for family in self.families
        )


@cache
def load_evidence() -> dict[str, EvidenceRow]:
    """Read and check all evidence tables.

    Returns
    -------
    dict of str to EvidenceRow
        By id, in the order of the files.

    Raises
    ------
    ValueError
        If a row is not valid or an id occurs twice: a mistake in the house, not in the data.
    """
    rows: dict[str, EvidenceRow] = {}
    tables = files("advisor").joinpath("evidence_tables")
    for table in sorted(tables.iterdir(), key=lambda entry: entry.name):
        if not table.name.endswith(".toml"):
            continue
        for name, content in tomllib.loads(table.read_text(encoding="utf-8")).items():
            if name in rows:
                raise ValueError(f"evidence '{name}' of {table.name} is there twice")
            try:
                rows[name] = EvidenceRow.model_validate({"id": name, **content})
            except ValidationError as error:
                raise ValueError(f"evidence '{name}' of {table.name}: {error}") from error
    return rows


def effects_of(names: Sequence[str], count: float, *, small: bool = False) -> tuple[Effect, ...]:
    """Take the effects of those rows that speak about so many labels.

    Parameters
    ----------
    names : sequence of str
        Ids of rows about pictures, texts or recordings.
    count : float
        Labels of the smallest class.
    small : bool
        Whether pictures are far smaller than what a backbone sees.

    Returns
    -------
    tuple of Effect
        In the order of the names.
    """
    rows = [load_evidence()[name] for name in names]
    return tuple(e for row in rows if row.covers(count, small=small) for e in row.effects())
