"""Tables with free text: when they are about it, and which of their columns it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import quoted
from advisor.tables.columns import USABLE_KINDS, Column, ColumnKind, conform, texts_of
from advisor.tables.kinds import (
    ID_TOKENS,
    MANY_DISTINCT,
    MIN_PROSE_WORDS,
    SAMPLE_CELLS,
    evenly_spaced,
    infer_columns,
    mean_words,
    tokens,
)
from advisor.tables.levels import STRONG_MARKS, find_levels, looks_coded
from advisor.tables.text_folders import TEXT
from advisor.texts.lengths import count_words

NAME_WORDS = 12.0
"""Mean words below which capitals tell names and addresses from sentences (our choice)."""

NAME_SHARE = 0.8
"""Share of the words that begin with a capital or a digit from which cells are names or addresses (our choice: in
sentences it is a fifth, in names nearly all)."""

MIN_LETTERS = 0.5
"""Share of letters from which words that nothing stands beside are read as texts, and no codes (our choice)."""


def as_texts(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Read single words as texts where a table has nothing else to learn from, such as names or sequences of letters.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Raw features.
    columns : sequence of Column
        Their schema, as :func:`advisor.tables.kinds.infer_columns` judges each by itself.

    Returns
    -------
    tuple of Column
        The same, but for the one column of mostly different words that the others say nothing beside.
    """
    many = (ColumnKind.HIGH_CARDINALITY, ColumnKind.CATEGORICAL)
    usable = [column for column in columns if column.kind in USABLE_KINDS]
    if not usable:
        usable = [
            column
            for column in columns
            if column.kind is ColumnKind.IDENTIFIER and not tokens(column.name) & ID_TOKENS
        ]
    elif len(usable) == 1 and usable[0].kind not in many:
        return tuple(columns)
    if len(usable) != 1 or not _are_different_words(frame[usable[0].name]):
        return tuple(columns)
    text = Column(
        name=usable[0].name,
        kind=ColumnKind.TEXT,
        reason=f"{usable[0].reason}, and nothing else to learn from",
    )
    return tuple(text if column is usable[0] else column for column in columns)


def find_modality(X: pd.DataFrame, columns: Sequence[Column]) -> tuple[bool, list[str]]:
    """Judge whether a table is about the texts in it.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Conforming to ``columns``.
    columns : sequence of Column
        The schema.

    Returns
    -------
    is_text : bool
        Whether a column holds sentences (five words or more on average, and not only names), or there is nothing but
        texts to learn from.
    notes : list of str
        Why, in a sentence for the user.
    """
    texts = [column for column in columns if column.kind is ColumnKind.TEXT]
    if not texts:
        return False, []
    others = [c for c in columns if c.kind in USABLE_KINDS and c.kind is not ColumnKind.TEXT]
    lengths = {column.name: _mean_words(X[column.name]) for column in texts}
    names = quoted(lengths)
    longest = max(lengths, key=lambda name: lengths[name])
    if others:
        prose = [c.name for c in texts if _is_prose(X[c.name], lengths[c.name])]
        if not prose:
            return False, []
        beside = (
            f"; {quoted(c.name for c in others)} beside it will be used, too; to learn from that alone, leave {names} "
            "out of the file"
        )
    else:
        beside = ", and nothing else to learn from"
    together = " (read as one text per row)" if len(texts) > 1 else ""
    holds = f"free text in {names}{together}, {lengths[longest]:.0f} words on average"
    if len(texts) > 1:
        holds += f" in '{longest}'"
    return True, [f"modality: text ({holds}{beside})"]


def has_content(frame: pd.DataFrame, columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Find the rows with a text, or with anything else to learn from.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Raw; columns that it lacks count as empty.
    columns : sequence of Column
        The schema.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    present = [column for column in columns if column.name in frame.columns]
    texts = [column for column in present if column.kind is ColumnKind.TEXT]
    full = np.array([bool(text) for text in texts_of(conform(frame, texts), texts)], dtype=np.bool_)
    others = [c for c in present if c.kind in USABLE_KINDS and c.kind is not ColumnKind.TEXT]
    if others and not full.all():
        full |= conform(frame, others).notna().any(axis=1).to_numpy()
    return full


def complete(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    targets: Sequence[str],
    what: str,
    notes: list[str],
    *,
    fill: bool = False,
) -> pd.DataFrame:
    """Give a table of texts the columns that it does without: a file of lines, or of texts alone, has no others.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The pool, the test split or rows to predict, raw.
    columns : sequence of Column
        The schema of the training table.
    targets : sequence of str
        Columns of ``frame`` that are no features.
    what : str
        What to call the table in notes.
    notes : list of str
        What was done is added to it.
    fill : bool
        Whether columns that are learned from may be missing, too: of the pool, mostly the texts count.

    Returns
    -------
    DataFrame
        As it was where the schema has no text. Else its only column (or ``text``) is called as the only column of
        texts, and columns that are missing but say nothing (or all, where ``fill``) are there and empty.
    """
    texts = [column.name for column in columns if column.kind is ColumnKind.TEXT]
    if not texts or all(column.name in frame.columns for column in columns):
        return frame
    others = [str(name) for name in frame.columns if name not in targets]
    own = [TEXT] if TEXT in others else others
    if (
        len(texts) == 1
        and texts[0] not in others
        and len(own) == 1
        and own[0] not in {c.name for c in columns}
    ):
        frame = frame.rename(columns={own[0]: texts[0]})
        notes.append(f"the column '{own[0]}' of {what} is read as '{texts[0]}'")
    if any(name not in frame.columns for name in texts):
        return frame
    missing = [
        column.name
        for column in columns
        if column.name not in frame.columns and (fill or column.kind not in USABLE_KINDS)
    ]
    if missing:
        frame = frame.assign(**dict.fromkeys(missing, np.nan))
        notes.append(f"{what} lacks the columns {quoted(missing)}; they count as empty there")
        schema = [column.name for column in columns if column.name in frame.columns]
        rest = frame.columns.difference(schema, sort=False)
        frame = frame[[*schema, *rest]]
    return frame


def label_beside_text(frame: pd.DataFrame, guess: str, why: str) -> tuple[str, str]:
    """Guess another target where the last column, taken for want of a name, holds free text.

    Parameters
    ----------
    frame : DataFrame
        The training table, raw.
    guess, why : str
        Its last column, and that it is.

    Returns
    -------
    target, reason : str
        The last column that is no free text; as given where it is the guess, or there is none.
    """
    if not _is_text(frame[guess]):
        return guess, why
    for name in reversed(frame.columns):
        if not _is_text(frame[name]):
            return str(name), "it is the last column that is no free text"
    return guess, why


def _is_text(column: pd.Series) -> bool:
    """Whether a column is free text, judged by itself."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return False
    return infer_columns(pd.DataFrame({"cells": column}))[0].kind is ColumnKind.TEXT


def _cells(column: pd.Series) -> list[str]:
    """Take a sample of the cells that hold anything."""
    cells = column[column.notna()]
    return cells.iloc[evenly_spaced(len(cells), SAMPLE_CELLS)].astype(str).tolist()


def _mean_words(column: pd.Series) -> float:
    cells = _cells(column)
    return float(count_words(cells).mean()) if cells else 0.0


def _is_prose(column: pd.Series, per_cell: float) -> bool:
    """Whether cells are sentences, and no names or addresses."""
    if per_cell < MIN_PROSE_WORDS:
        return False
    if per_cell >= NAME_WORDS:
        return True
    words = [word for cell in _cells(column) for word in re.findall(r"\w+", cell)]
    capital = sum(1 for word in words if word[0].isupper() or word[0].isdigit())
    return capital < NAME_SHARE * max(len(words), 1)


def _are_different_words(column: pd.Series) -> bool:
    """Whether cells are sentences, or mostly different words of letters, so that parts of words may say something."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    codes, words = find_levels(column, STRONG_MARKS)
    n = int((codes >= 0).sum())
    if len(words) > 2 and mean_words(words) >= MIN_PROSE_WORDS:
        return True
    if len(words) < max(MANY_DISTINCT * n, 3) or looks_coded(words):
        return False
    sample = "".join(words[evenly_spaced(len(words), SAMPLE_CELLS)])
    letters = sum(character.isalpha() for character in sample)
    return letters >= MIN_LETTERS * len(sample)


def mended(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    r"""Replace what is no character: halves of surrogate pairs, which no table can hold and no file encodes.

    Parameters
    ----------
    texts : iterable of str
        From memory; those from files have none.

    Returns
    -------
    texts : list of str
        With U+FFFD in the place of each half; halves that make a pair have become its character.
    notes : list of str
        How many texts were changed, if any.

    Examples
    --------
    >>> mended(["caf\ud800", "tea"])[0] == ["caf\ufffd", "tea"]
    True
    """
    given = list(texts)
    made = [
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if LONE.search(text)
        else text
        for text in given
    ]
    n = sum(one is not other for one, other in zip(given, made, strict=True))
    told = f"{n:,} texts held halves of characters (surrogates), which were replaced"
    return made, [told] if n else []


LONE = re.compile("[\\ud800-\\udfff]")
"""Halves of surrogate pairs."""
