"""Names of recordings → who or what was recorded in which of them, as far as names tell.

Recordings of one speaker, or pieces of one recording, are alike beyond what they are labelled with: where some of them
are learned from and others judged by, the score is too good (27 points at 20 recordings per class of spoken digits).
Their names often say who speaks, as ``7_jackson_32.wav`` does.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advisor.errors import quoted

SEPARATORS = re.compile(r"[_\-. ]+")
"""What stands between the parts of a name."""

NAMED_PART = re.compile(r"name([1-9]\d?)")
"""How a user asks for a part of the names: ``name2`` is the second."""

HAVE_PART = 0.95
"""Share of the recordings whose name must have a part (our choice: a few may be called otherwise)."""

LEAST_REPEATS = 2.0
"""Recordings per group on average below which a part is nearly unique, and no person or place (our choice)."""

MOST_LONE = 0.2
"""Share of the groups that may have one recording only (our choice): words of a prompt repeat as well, but unevenly."""

LEAST_GROUPS = 3
"""Groups below which a part is no speaker but a condition, such as two microphones (our choice)."""

ENOUGH_GROUPS = 5
"""Groups that five folds need: of parts that hold the finest one, the coarsest with as many is taken."""

ACROSS_CLASSES = 0.5
"""Share of the recordings whose group must occur in another class, too (our choice: a person says several words)."""

DENSE = 0.5
"""Share of the whole numbers between least and greatest that occur, from which a part counts up (our choice)."""

COUNTED = frozenset(
    {"speaker", "spk", "spkr", "subject", "subj", "person", "actor", "patient", "user", "voice"}
    | {"singer", "session", "recording", "rec", "source", "src"}
)
"""Words before a number that say that it stands for somebody or something recorded."""

_COUNTER = re.compile(r"([a-z]*)(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class NameGroups:
    """What the names of recordings say about who or what was recorded.

    Attributes
    ----------
    groups : ndarray of int64 of shape (n,) or None
        A number per speaker or recording; None where the names tell none that can be used.
    test_groups : ndarray of int64 of shape (n_test,) or None
        The same numbers for the test split; a group that occurs only there has a number of its own, one whose name has
        no such part -1.
    part : int
        Which part of the names; 0 for the folder below the class folder, -1 where ``groups`` is None.
    hint : str
        In words: how the groups were found, or why those that are in the names are not used; empty where nothing was.
    """

    groups: NDArray[np.int64] | None
    test_groups: NDArray[np.int64] | None = None
    part: int = -1
    hint: str = ""


def guess_groups(
    names: Sequence[str], classes: NDArray[np.bool_], test_names: Sequence[str] = ()
) -> NameGroups:
    """Guess from names who or what was recorded, cautiously.

    A part of the names is taken where it repeats over recordings and classes as a person does. It is never the class
    itself, a number that counts up, or nearly unique. It is used only where every class of which there are at least two
    recordings occurs in at least two groups; else group and class are confounded, and the hint says so. Of parts that
    cross, as persons and what they were asked to say do, the one with more groups is taken; where a number that may
    stand for persons crosses it, none is, and the hint asks which.

    Parameters
    ----------
    names : sequence of str of length n
        Paths with ``/`` that begin with the class folder, or with ``.`` where folders are no classes.
    classes : ndarray of bool of shape (n, n_classes)
        Which classes or labels each recording has; one column of True for a regression.
    test_names : sequence of str of length n_test

    Returns
    -------
    NameGroups

    Examples
    --------
    >>> names = [f"{digit}_{who}_{take}.wav" for digit in "01" for who in ("ann", "bob", "eve") for take in "12"]
    >>> classes = np.array([[name[0] == digit for digit in "01"] for name in names])
    >>> guess_groups(names, classes).groups.tolist()
    [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]
    """
    fitting: list[tuple[int, list[str | None]]] = []
    confounded: list[tuple[int, list[str | None]]] = []
    counting: list[tuple[int, list[str | None]]] = []
    for part in _parts(names):
        values = [_value(name, part) for name in names]
        if not _is_like_a_speaker(values, classes):
            continue
        if _counts_up(Counter(value for value in values if value is not None)):
            counting.append((part, values))
        elif _every_class_twice(values, classes):
            fitting.append((part, values))
        else:
            confounded.append((part, values))
    if fitting:
        return _best_of(fitting, counting, test_names)
    if confounded:
        part, values = confounded[0]
        return NameGroups(
            None,
            hint=f"{_place(part)} of the names looks like a speaker or a recording ({_most(values)}), but not every "
            "class occurs with two of them: the split cannot keep them apart, and the score cannot tell the voice from "
            "the class",
        )
    return NameGroups(None)


def _best_of(
    fitting: Sequence[tuple[int, list[str | None]]],
    counting: Sequence[tuple[int, list[str | None]]],
    test_names: Sequence[str],
) -> NameGroups:
    """Of the parts that may be speakers take one, unless a number beside it may as well be the speakers."""

    def size(found: tuple[int, list[str | None]]) -> int:
        return len(set(found[1]))

    enough = [found for found in fitting if size(found) >= ENOUGH_GROUPS]
    part, values = max(enough or fitting, key=size)
    if enough:
        part, values = min((f for f in enough if _holds(f[1], values)), key=size)
    place = f"{_place(part)} of the names ({_most(values)})"
    for other, numbers in counting:
        if _crosses(numbers, values) and _may_be_somebody(numbers, before=other < part):
            return NameGroups(
                None,
                hint=f"{place} looks like a speaker or a recording, but {_place(other)} ({_most(numbers)}) may be "
                f"the speakers as well: --groups {_asked(other)} or {_asked(part)} says which",
            )
    found = _groups_of(part, values, test_names, guessed=True)
    crossing = [f"{_place(o)} ({_most(held)})" for o, held in fitting if _crosses(held, values)]
    return replace(found, hint="; ".join((found.hint, *(f"{one} crosses it" for one in crossing))))


def _most(values: Sequence[str | None]) -> str:
    """The most frequent values, for a message."""
    counts = Counter(value for value in values if value)
    order = sorted(counts, key=lambda value: (-counts[value], value))
    return quoted(order, 3)


def _asked(part: int) -> str:
    """How a user asks for a part."""
    return "folder" if part == 0 else f"name{part}"


def _holds(coarse: Sequence[str | None], fine: Sequence[str | None]) -> bool:
    """Whether each value of the finer part occurs with one value of the coarser one only."""
    pairs = {(f, c) for f, c in zip(fine, coarse, strict=True) if f is not None and c is not None}
    return len(pairs) == len({f for f, _ in pairs})


def _crosses(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    return not _holds(one, other) and not _holds(other, one)


def _may_be_somebody(values: Sequence[str | None], before: bool) -> bool:
    """Whether numbers may stand for persons: takes stand behind who speaks, and are counted from about 1."""
    matches = (_COUNTER.fullmatch(value) for value in values if value is not None)
    numbers = {int(match[2]) for match in matches if match}
    return bool(numbers) and (before or min(numbers) > len(numbers))


def groups_of_part(names: Sequence[str], part: int, test_names: Sequence[str] = ()) -> NameGroups:
    """Group recordings by a part of their names that the user named.

    Parameters
    ----------
    names : sequence of str of length n
    part : int
        From 1.
    test_names : sequence of str of length n_test

    Returns
    -------
    NameGroups
        A recording whose name has no such part is a group of its own; ``groups`` is None where none has it.
    """
    values = [_value(name, part) for name in names]
    if not any(value is not None for value in values):
        return NameGroups(None)
    return _groups_of(part, values, test_names, guessed=False)


def _groups_of(
    part: int, values: Sequence[str | None], test_names: Sequence[str], guessed: bool
) -> NameGroups:
    """Number the values of a part, those of the test split behind them."""
    known = sorted({value for value in values if value is not None})
    numbers = {value: number for number, value in enumerate(known)}
    lone = len(known)
    groups = np.zeros(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        groups[row] = lone if value is None else numbers[value]
        lone += value is None
    tested = [_value(name, part) for name in test_names]
    for value in sorted({value for value in tested if value is not None} - set(known)):
        numbers[value] = lone
        lone += 1
    test_groups = np.array([-1 if v is None else numbers[v] for v in tested], dtype=np.int64)
    how = f"{_place(part)} of the names ({quoted(known, 3)})"
    hint = how + (" looks like a speaker or a recording" if guessed else "")
    return NameGroups(groups, test_groups if len(test_names) else None, part, hint)


def _place(part: int) -> str:
    return "the folder below the class" if part == 0 else f"part {part}"


def _parts(names: Sequence[str]) -> list[int]:
    """Parts that nearly all names have: 0 for the folder below the class, then from 1."""
    most = max((len(_split(name)) for name in names), default=0)
    found = []
    for part in range(most + 1):
        have = sum(_value(name, part) is not None for name in names)
        if have and have >= HAVE_PART * len(names):
            found.append(part)
    return found


def _split(name: str) -> list[str]:
    stem = os.path.splitext(os.path.basename(name))[0]
    return [part for part in SEPARATORS.split(stem) if part]


def _value(name: str, part: int) -> str | None:
    """What a name has in a part; None where it has no such part."""
    if part == 0:
        folders = name.split("/")[:-1]
        return folders[1] if len(folders) > 1 else None
    parts = _split(name)
    return parts[part - 1] if part <= len(parts) else None


def _is_like_a_speaker(values: Sequence[str | None], classes: NDArray[np.bool_]) -> bool:
    """Whether a part repeats over recordings and classes and does not name the class; it may count up."""
    counts = Counter(value for value in values if value is not None)
    if len(counts) < LEAST_GROUPS or sum(counts.values()) < LEAST_REPEATS * len(counts):
        return False
    lone = sum(count == 1 for count in counts.values())
    if lone > MOST_LONE * len(counts):
        return False
    seen = _occurrence(values, classes)
    if classes.shape[1] < 2:
        return True
    if all(len(of_class) <= 1 for of_class in seen.values()):
        return False  # the class itself, or something within it
    across = sum(counts[value] for value, of_class in seen.items() if len(of_class) > 1)
    return across >= ACROSS_CLASSES * sum(counts.values()) or not _every_class_twice(
        values, classes
    )


def _counts_up(counts: Counter[str]) -> bool:
    """Whether values, but for a few recordings, are letters or numbers that count takes, or a word with such a one."""
    if all(len(value) == 1 for value in counts):
        return True
    matches = [_COUNTER.fullmatch(value) for value in counts]
    n_numbered = sum(counts[match.string] for match in matches if match)
    if n_numbered < HAVE_PART * sum(counts.values()):
        return False
    words = {match[1].lower() for match in matches if match}
    if len(words) > 1 or words & COUNTED:
        return False
    numbers = {int(match[2]) for match in matches if match}
    return len(numbers) >= DENSE * (max(numbers) - min(numbers) + 1)


def _occurrence(values: Sequence[str | None], classes: NDArray[np.bool_]) -> dict[str, set[int]]:
    """The classes that each value occurs in."""
    seen: dict[str, set[int]] = {}
    for value, row in zip(values, classes, strict=True):
        if value is not None:
            seen.setdefault(value, set()).update(np.flatnonzero(row).tolist())
    return seen


def _every_class_twice(values: Sequence[str | None], classes: NDArray[np.bool_]) -> bool:
    """Whether every class that can be split at all occurs in at least two groups."""
    for number in range(classes.shape[1]):
        of_class = [value for value, has in zip(values, classes[:, number], strict=True) if has]
        alone = sum(value is None for value in of_class)
        if len(of_class) > 1 and len({v for v in of_class if v is not None}) + alone < 2:
            return False
    return True
