"""Raw target columns → Task, classes and codes.

Encoding happens here, once. A class is spelt as in the data (whole numbers without a point); codes count the classes
in numeric order where all are numbers, else in alphabetical order; of two classes the positive one comes last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import InvalidRequest, UnknownTarget, quoted
from advisor.tables.levels import (
    MISSING_MARKS,
    STRONG_MARKS,
    as_numbers,
    find_levels,
    parse_numbers,
)
from advisor.tasks import Task

MAX_INTEGER_CLASSES = 20
"""Distinct whole numbers up to which they are classes (our choice; counts and scores go further)."""

MAX_CLASS_SHARE = 0.34
"""Distinct fraction of the rows up to which whole numbers are classes (our choice: three rows a class)."""

POSITIVE_WORDS = frozenset({"1", "yes", "y", "true", "t", "positive", "pos", "+", "+1"})
"""Ways to write the positive answer (our choice: the usual ones, in English)."""

MAX_WORD_SHARE = 0.9
"""Distinct fraction of the rows above which words cannot be classes (our choice)."""

MIN_ROWS_FOR_SHARE = 10
"""Rows below which that fraction says nothing."""

NUMBER_SHARE = 0.98
"""Fraction of the cells that must be numbers for a column of words to be a numeric target (our choice)."""

MIN_LABELLED = 5
"""Labelled rows below which nothing can be learned and checked (our choice: one per fold of five)."""

SEPARATORS = (";", "|", ",")
"""What may separate labels in one cell, in the order tried."""

TRUTH = {"false": 0.0, "true": 1.0}
"""Words that are 0 and 1 where several columns are the labels, as python and most programs write them."""

MIN_LABEL_USES = 2.0
"""Mean uses of a label for a separator to be believed (our choice: prose does not repeat itself)."""

MAX_LABEL_LENGTH = 60
"""Characters of the longest label; longer is prose (our choice)."""


@dataclass(frozen=True)
class Encoding:
    """How targets become numbers.

    Attributes
    ----------
    targets : tuple of str
        Column names.
    task : Task
    classes : tuple of str
        Empty for regression.
    separator : str or None
        For several labels in one cell.
    reason : str
        Why this task, in words.
    marks : frozenset of str
        Cells that mean a missing target; none where classes are names of folders.
    """

    targets: tuple[str, ...]
    task: Task
    classes: tuple[str, ...] = ()
    separator: str | None = None
    reason: str = ""
    marks: frozenset[str] = STRONG_MARKS


def fit_encoding(
    frame: pd.DataFrame,
    targets: Sequence[str],
    task: str | None,
    marks: frozenset[str] = STRONG_MARKS,
) -> Encoding:
    """Raw training table → how its targets are encoded.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Holding the targets; rows without a label are left out of the judgement.
    targets : sequence of str
        One column, or several 0/1 columns.
    task : str or None
        As :func:`advisor.tasks.parse_task` gives it; None infers.
    marks : frozenset of str
        Cells that mean a missing target.

    Returns
    -------
    Encoding

    Raises
    ------
    UnknownTarget
        If nothing can be learned: no label, one class, a constant, text, or too few rows.
    InvalidRequest
        If the task that was asked for does not fit.
    """
    if len(targets) > 1:
        return _fit_columns(frame, targets, task)
    target = targets[0]
    column = frame[target]
    codes, words = find_levels(column, marks)
    n = int((codes >= 0).sum())
    if not n:
        raise UnknownTarget(
            f"target '{target}' is missing in all {len(codes)} rows: pass --target."
        )
    if len(words) == 1 and task not in (Task.MULTILABEL, Task.SEGMENTATION):
        noun = "one value" if task == Task.REGRESSION else "one class"
        raise UnknownTarget(
            f"target '{target}' has only {noun}, {quoted(words)}, in {n} labelled rows: expected at "
            "least two. Pass --target."
        )
    if n < MIN_LABELLED:
        raise UnknownTarget(
            f"only {n} rows have a value of target '{target}': expected at least {MIN_LABELLED}."
        )
    if task == Task.SEGMENTATION:
        return Encoding((target,), Task.SEGMENTATION, (), None, "pictures with masks")
    chosen, reason, separator = _choose_task(target, codes, words, task)
    if chosen is Task.REGRESSION:
        return _fit_regression(target, codes, words, reason)
    if chosen is Task.MULTILABEL:
        labels = {label for word in words for label in split_labels(word, separator)}
        classes = _ordered(labels)
        return Encoding((target,), chosen, classes, separator, reason, marks)
    classes = _ordered(words)
    if len(classes) > 2 and task == Task.BINARY:
        raise InvalidRequest(
            f"task 'binary' does not fit target '{target}': it has {len(classes)} classes "
            f"({quoted(classes, 5)}). Pass --task multiclass."
        )
    if n >= MIN_ROWS_FOR_SHARE and len(classes) > MAX_WORD_SHARE * n:
        raise UnknownTarget(
            f"target '{target}' has {len(classes)} different values in {n} rows, so they are no "
            "classes: pass --target, or --task regression for numbers."
        )
    if len(classes) > 2:
        return Encoding((target,), Task.MULTICLASS, classes, None, reason, marks)
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    frequency = {str(word): int(count) for word, count in zip(words, counts, strict=True)}
    ordered = positive_last(classes, frequency)
    return Encoding((target,), Task.BINARY, ordered, None, reason, marks)


def positive_last(classes: tuple[str, ...], frequency: Mapping[str, int]) -> tuple[str, ...]:
    """Order two classes so that the positive one, which F1 and average precision speak of, is the last.

    Parameters
    ----------
    classes : tuple of str
        The two names, sorted.
    frequency : mapping of str to int
        Labelled rows of each.

    Returns
    -------
    tuple of str
        The one written as a positive answer last; where neither or both are, the rarer one.

    Examples
    --------
    >>> positive_last(("no", "yes"), {"no": 1, "yes": 9})
    ('no', 'yes')
    >>> positive_last(("bad", "good"), {"bad": 28, "good": 72})
    ('good', 'bad')
    """
    positive = [name for name in classes if name.strip().lower() in POSITIVE_WORDS]
    able = positive if len(positive) == 1 else list(classes)
    last = min(reversed(able), key=lambda name: frequency[name])
    return (*(name for name in classes if name != last), last)


def encode(
    frame: pd.DataFrame, encoding: Encoding
) -> tuple[NDArray[np.generic], NDArray[np.bool_], NDArray[np.bool_]]:
    """Raw table with target columns → numbers, and which rows have them.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Training or test rows.
    encoding : Encoding
        From :func:`fit_encoding` on the training rows.

    Returns
    -------
    y : ndarray of shape (n_rows,) or (n_rows, n_classes)
        As :class:`advisor.dataset.Dataset` says; meaningless where not ``known``.
    known : ndarray of bool of shape (n_rows,)
        Rows with a label that the encoding knows.
    foreign : ndarray of bool of shape (n_rows,)
        Rows with a label that it does not.
    """
    if encoding.task in (Task.REGRESSION, Task.SEGMENTATION):
        values = as_numbers(frame[encoding.targets[0]])
        known = ~np.isnan(values)
        return values.copy(), known, np.zeros(len(values), dtype=bool)
    if len(encoding.targets) > 1:
        flags = [_flags(frame[name]) for name in encoding.targets]
        parts = np.column_stack([np.append(values, np.nan)[codes] for codes, values in flags])
        known = np.asarray(np.isin(parts, (0.0, 1.0)).all(axis=1))
        foreign = ~known & ~np.isnan(parts).any(axis=1)
        return np.where(known[:, None], parts, 0).astype(np.int8), known, foreign
    codes, words = find_levels(frame[encoding.targets[0]], encoding.marks)
    place = {name: i for i, name in enumerate(encoding.classes)}
    present = codes >= 0
    if encoding.task is Task.MULTILABEL:
        rows = np.zeros((len(words) + 1, len(place)), dtype=np.int8)
        fits = np.zeros(len(words) + 1, dtype=bool)
        for i, word in enumerate(words):
            labels = split_labels(word, encoding.separator)
            fits[i] = all(label in place for label in labels)
            rows[i, [place[label] for label in labels if label in place]] = 1
        return rows[codes], present & fits[codes], present & ~fits[codes]
    to_class = np.array([*(place.get(word, -1) for word in words), -1], dtype=np.int64)
    y = to_class[codes]
    return y, y >= 0, present & (y < 0)


def split_labels(cell: str, separator: str | None) -> list[str]:
    """Split the labels of one cell."""
    parts = cell.split(separator) if separator else [cell]
    return [part.strip() for part in parts if part.strip()]


def _fit_columns(frame: pd.DataFrame, targets: Sequence[str], task: str | None) -> Encoding:
    """Several 0/1 columns as one multilabel target."""
    if task not in (None, "classification", Task.MULTILABEL):
        raise InvalidRequest(
            f"task '{task}' takes one target, got {len(targets)}: {quoted(targets)}"
        )
    wrong = []
    for name in targets:
        _, values = _flags(frame[name])
        if not len(values) or not np.isin(values, (0.0, 1.0)).all():
            wrong.append(name)
    if wrong:
        raise UnknownTarget(
            f"several targets make a multilabel problem, so each must hold 0 or 1: {quoted(wrong)} "
            "does not. Name one target, or only 0/1 columns."
        )
    encoding = Encoding(
        tuple(targets), Task.MULTILABEL, tuple(targets), None, f"{len(targets)} columns of 0 and 1"
    )
    labelled = int(encode(frame, encoding)[1].sum())
    if labelled < MIN_LABELLED:
        raise UnknownTarget(
            f"only {labelled} rows have all targets: expected at least {MIN_LABELLED}."
        )
    return encoding


def _flags(column: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Codes of a 0/1 column, and the number of each level: also of false and true; NaN for other words."""
    codes, words = find_levels(column, MISSING_MARKS)
    truth = [TRUTH.get(word.casefold(), np.nan) for word in words]
    values = parse_numbers(words)
    return codes, np.where(np.isnan(values), truth, values)


def _choose_task(
    target: str, codes: NDArray[np.int64], words: pd.Index[str], task: str | None
) -> tuple[Task, str, str | None]:
    """Choose the task, why, and the label separator."""
    asked = "as asked for"
    if task == Task.REGRESSION:
        return Task.REGRESSION, asked, None
    if task == Task.MULTILABEL:
        return Task.MULTILABEL, asked, find_separator(codes, words, sure=False)
    if task is not None:
        return Task.MULTICLASS, asked, None
    if len(words) == 2:
        return Task.BINARY, f"two classes, '{words[0]}' and '{words[1]}'", None
    values = parse_numbers(words)
    counts = _cells_of(codes, words)
    numeric = float(counts[~np.isnan(values)].sum() / counts.sum())
    if numeric >= NUMBER_SHARE:
        finite = values[~np.isnan(values)]
        whole = bool(np.equal(finite, np.round(finite)).all())
        k, n = len(words), int(counts.sum())
        if whole and k <= MAX_INTEGER_CLASSES and k <= max(MAX_CLASS_SHARE * n, 2):
            reason = f"{k} distinct whole numbers in {n} rows; pass --task regression for numbers"
            return Task.MULTICLASS, reason, None
        kind = "whole" if whole else "decimal"
        return Task.REGRESSION, f"{k} distinct {kind} numbers in {n} rows", None
    separator = find_separator(codes, words, sure=True)
    if separator:
        return Task.MULTILABEL, f"labels separated by '{separator}'", separator
    return Task.MULTICLASS, f"{len(words)} distinct words", None


def find_separator(codes: NDArray[np.int64], words: pd.Index[str], sure: bool) -> str | None:
    """Find what separates the labels in cells that hold several, or None.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Into ``words``.
    words : Index of str
        The distinct cells.
    sure : bool
        Whether the labels must also be few, short and used again.

    Returns
    -------
    str or None
    """
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    n_labels: dict[str, int] = {}
    for separator in SEPARATORS:
        if not any(separator in word for word in words):
            continue
        split = [split_labels(word, separator) for word in words]
        labels = {label for cell in split for label in cell}
        uses = sum(len(cell) * int(count) for cell, count in zip(split, counts, strict=True))
        few = len(labels) < len(words) and uses >= MIN_LABEL_USES * len(labels)
        if not sure or (few and max(map(len, labels), default=0) <= MAX_LABEL_LENGTH):
            n_labels[separator] = len(labels)
    # a sign within a label makes halves of labels, so the true one leaves the fewest; ties go to the first
    return min(n_labels, key=lambda separator: n_labels[separator], default=None)


def _cells_of(codes: NDArray[np.int64], words: pd.Index[str]) -> NDArray[np.int64]:
    """Count the cells of each level."""
    counts: NDArray[np.int64] = np.bincount(codes + 1, minlength=len(words) + 1)[1:]
    return counts


def _fit_regression(
    target: str, codes: NDArray[np.int64], words: pd.Index[str], reason: str
) -> Encoding:
    """Regression, once enough cells are numbers and they are not all the same."""
    values, counts = parse_numbers(words), _cells_of(codes, words)
    soft = np.array([word in MISSING_MARKS for word in words], dtype=bool)
    odd = np.isnan(values) & ~soft
    lost, n = int(counts[odd].sum()), int(counts[~soft].sum())
    if lost > (1 - NUMBER_SHARE) * n:
        rows = np.flatnonzero(np.append(odd, False)[codes])[:5]
        shown = ", ".join(f"row {i + 1} ('{words[codes[i]]}')" for i in rows)
        raise UnknownTarget(
            f"target '{target}' is no number in {lost} of {n} labelled rows: {shown}. "
            "Put them right, empty them, or pass --task classification."
        )
    known = values[~np.isnan(values)]
    n_known = int(counts[~np.isnan(values)].sum())
    if n_known < MIN_LABELLED:
        raise UnknownTarget(
            f"only {n_known} rows have a number as target '{target}': expected at least "
            f"{MIN_LABELLED}."
        )
    if known.min() == known.max():
        raise UnknownTarget(f"target '{target}' is {known[0]:g} in all rows: nothing to learn.")
    if lost:
        reason += f"; {lost} cells that are no numbers count as missing"
    return Encoding((target,), Task.REGRESSION, (), None, reason)


def _ordered(words: Sequence[str] | set[str] | pd.Index[str]) -> tuple[str, ...]:
    """Class names in numeric order if all are numbers, else sorted."""
    names = sorted(str(word) for word in words)
    values = parse_numbers(names)
    if np.isnan(values).any():
        return tuple(names)
    return tuple(names[i] for i in np.argsort(values, kind="stable"))
