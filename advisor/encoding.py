"""One column → numbers: the pieces that representations share.

Each piece is learned on training rows, keeps its state as plain values, and gives the same columns for any later rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.tables.columns import Column, ColumnKind

NUMBERS = frozenset({ColumnKind.NUMERIC, ColumnKind.ORDINAL, ColumnKind.BOOLEAN})
"""Kinds that a conforming frame already holds as float64."""

LEVELS = frozenset({ColumnKind.CATEGORICAL, ColumnKind.HIGH_CARDINALITY})
"""Kinds that are sets of names."""


def levels_by_frequency(values: pd.Series) -> tuple[str, ...]:
    """List the levels of a column, the most frequent first, ties by name.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        Names; missing ones are left out.

    Returns
    -------
    tuple of str
        Levels that occur at least once.

    Examples
    --------
    >>> levels_by_frequency(pd.Series(["b", "a", "b", None]))
    ('b', 'a')
    """
    counts = values.dropna().astype(str).value_counts()
    seen = [(-int(count), str(level)) for level, count in counts.items() if count > 0]
    return tuple(level for _, level in sorted(seen))


def codes_of(values: pd.Series, levels: Sequence[str]) -> NDArray[np.float64]:
    """Turn names into their positions among ``levels``.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        Names; a category column is mapped by its categories, not row by row.
    levels : sequence of str
        Known names.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
        Codes 0..len(levels)-1; NaN where the name is missing or not known.

    Examples
    --------
    >>> codes_of(pd.Series(["b", None, "z"]), ["a", "b"])
    array([ 1., nan, nan])
    """
    position = {level: float(code) for code, level in enumerate(levels)}
    as_category = (
        values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("category")
    )
    known = [position.get(str(name), np.nan) for name in as_category.cat.categories]
    table = np.array([*known, np.nan], dtype=np.float64)  # code -1, missing, takes the last entry
    result: NDArray[np.float64] = table[as_category.cat.codes.to_numpy().astype(np.int64)]
    return result


LARGEST = 1e37
"""Magnitude at which numbers are cut: XGBoost and the forests store float32, which ends at 3.4e38."""


def numbers_of(values: pd.DataFrame) -> NDArray[np.float64]:
    """Read numeric, ordinal and boolean columns as float64, infinities as missing, within the range of float32.

    Parameters
    ----------
    values : DataFrame of shape (n_rows, n_columns)
        Numbers. All at once, since a table of all genes has twenty thousand columns.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_columns)
        Row by row in memory; NaN where missing or not finite.
    """
    numbers = np.ascontiguousarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    result: NDArray[np.float64] = np.where(np.isfinite(numbers), numbers, np.nan)
    return np.clip(result, -LARGEST, LARGEST)


@dataclass(frozen=True)
class DateParts:
    """A date-time column as year, month, day, day of week, days elapsed, and the hour where it varies."""

    name: str
    origin: str
    """The earliest date of the training rows, from which days are counted."""
    hours: bool

    @classmethod
    def learn(cls, name: str, values: pd.Series) -> DateParts:
        """Note the earliest date, and whether there are times of day.

        Parameters
        ----------
        name : str
            The column's name.
        values : Series of datetime64 of shape (n_rows,)
            Training rows.

        Returns
        -------
        DateParts
            Ready to transform.
        """
        dates = pd.to_datetime(values).dropna()
        origin = dates.min() if len(dates) else pd.Timestamp(0)
        return cls(name, origin.isoformat(), bool((dates != dates.dt.normalize()).any()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns made."""
        parts = ("year", "month", "day", "dayofweek", "elapsed_days") + ("hour",) * self.hours
        return tuple(f"{self.name}.{part}" for part in parts)

    def transform(self, values: pd.Series) -> NDArray[np.float64]:
        """Split dates into numbers.

        Parameters
        ----------
        values : Series of datetime64 of shape (n_rows,)
            Any rows.

        Returns
        -------
        ndarray of float64 of shape (n_rows, len(names))
            NaN where the date is missing; elapsed time in days.
        """
        dates = pd.to_datetime(values).dt
        elapsed = (pd.to_datetime(values) - pd.Timestamp(self.origin)) / pd.Timedelta(days=1)
        parts: list[Any] = [dates.year, dates.month, dates.day, dates.day_of_week, elapsed]
        if self.hours:
            parts.append(dates.hour + dates.minute / 60)
        return np.column_stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts])


@dataclass(frozen=True)
class TextTerms:
    """A text column as TF-IDF of words and pairs of words [1]_.

    References
    ----------
    .. [1] Salton and Buckley (1988), Term-weighting approaches in automatic text retrieval.
    """

    name: str
    terms: tuple[str, ...]
    idf: tuple[float, ...]

    @classmethod
    def learn(cls, name: str, values: pd.Series, most: int) -> TextTerms:
        """Choose the most frequent terms of the training rows and weigh them.

        Parameters
        ----------
        name : str
            The column's name.
        values : Series of str of shape (n_rows,)
            Training rows.
        most : int
            Terms to keep at most.

        Returns
        -------
        TextTerms
            With no term at all when the column holds no word.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(**_TFIDF, max_features=most)
        try:
            vectorizer.fit(_texts(values))
        except ValueError:  # scikit-learn's answer to an empty vocabulary
            return cls(name, (), ())
        terms = tuple(str(term) for term in vectorizer.get_feature_names_out())
        return cls(name, terms, tuple(float(weight) for weight in vectorizer.idf_))

    def transform(self, values: pd.Series) -> Any:
        """Weigh the known terms of each text.

        Parameters
        ----------
        values : Series of str of shape (n_rows,)
            Any rows.

        Returns
        -------
        csr_matrix of shape (n_rows, n_terms)
            Rows of unit length, or zero where no term is known.
        """
        if not self.terms:
            # scikit-learn takes an empty vocabulary for a mistake
            from scipy.sparse import csr_matrix

            return csr_matrix((len(values), 0))
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(**_TFIDF, vocabulary=list(self.terms))
        vectorizer.idf_ = np.array(self.idf)
        return vectorizer.transform(_texts(values))

    def state(self) -> dict[str, object]:
        """Return the plain values that make an equal one."""
        return {"name": self.name, "terms": list(self.terms), "idf": list(self.idf)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TextTerms:
        """Make one from what :meth:`state` gave.

        Parameters
        ----------
        state : mapping
            With name, terms and idf.

        Returns
        -------
        TextTerms
            Equal to the one saved.
        """
        return cls(str(state["name"]), tuple(state["terms"]), tuple(state["idf"]))


_TFIDF: dict[str, Any] = {"ngram_range": (1, 2), "sublinear_tf": True, "strip_accents": "unicode"}


def _texts(values: pd.Series) -> list[str]:
    return ["" if text is None or text != text else str(text) for text in values.astype(object)]


@dataclass(frozen=True)
class ColumnParts:
    """What was learned of a table's usable columns, kind by kind, each kind in the order of the columns."""

    numbers: tuple[str, ...] = ()
    dates: tuple[DateParts, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per column of names the levels that are told apart."""
    texts: tuple[TextTerms, ...] = ()

    @classmethod
    def learn(
        cls,
        X: pd.DataFrame,
        columns: Sequence[Column],
        levels_of: Callable[[pd.Series], tuple[str, ...]],
        most_terms: int,
    ) -> ColumnParts:
        """Learn levels, date origins and terms.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Training rows, conforming.
        columns : sequence of Column
            Their schema.
        levels_of : callable
            Chooses the levels of a column of names.
        most_terms : int
            Terms to keep of a column of texts.

        Returns
        -------
        ColumnParts
            Ready to transform.
        """
        usable = usable_columns(X, columns)
        known = NUMBERS | LEVELS | {ColumnKind.DATETIME}
        return cls(
            tuple(c.name for c in usable if c.kind in NUMBERS),
            tuple(
                DateParts.learn(c.name, X[c.name]) for c in usable if c.kind is ColumnKind.DATETIME
            ),
            {c.name: levels_of(X[c.name]) for c in usable if c.kind in LEVELS},
            tuple(
                TextTerms.learn(c.name, X[c.name], most_terms)
                for c in usable
                if c.kind not in known
            ),
        )

    @property
    def measure_names(self) -> list[str]:
        """Names of the columns that :meth:`measures` makes."""
        return [*self.numbers, *(name for date in self.dates for name in date.names)]

    def measures(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Read numbers and parts of dates.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        ndarray of float64 of shape (n_rows, len(measure_names))
            NaN where missing.
        """
        numbers = numbers_of(X[list(self.numbers)])
        return np.hstack([numbers, *(date.transform(X[date.name]) for date in self.dates)])

    def state(self) -> dict[str, object]:
        """Return the plain values that make an equal one."""
        return {
            "numbers": list(self.numbers),
            "dates": [[date.name, date.origin, date.hours] for date in self.dates],
            "levels": [[name, list(levels)] for name, levels in self.levels.items()],
            "texts": [terms.state() for terms in self.texts],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ColumnParts:
        """Make one from what :meth:`state` gave.

        Parameters
        ----------
        state : mapping
            With numbers, dates, levels and texts; other keys are ignored.

        Returns
        -------
        ColumnParts
            Equal to the one saved.
        """
        return cls(
            tuple(str(name) for name in state["numbers"]),
            tuple(DateParts(name, origin, hours) for name, origin, hours in state["dates"]),
            {str(name): tuple(levels) for name, levels in state["levels"]},
            tuple(TextTerms.from_state(text) for text in state["texts"]),
        )


def usable_columns(X: pd.DataFrame, columns: Sequence[Column]) -> list[Column]:
    """Keep the columns that can be learned from: a usable kind, and not missing in every training row.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Training rows.
    columns : sequence of Column
        Their schema.

    Returns
    -------
    list of Column
        In the order given.
    """
    from advisor.tables.columns import USABLE_KINDS

    kept = [c for c in columns if c.kind in USABLE_KINDS]
    filled = X[[c.name for c in kept]].notna().any().to_numpy()
    return [c for c, has in zip(kept, filled, strict=True) if has]
