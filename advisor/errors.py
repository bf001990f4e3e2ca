"""What can be wrong with the input or the command, as exceptions a caller can catch.

The wording rule: *expected ... got ... do ...*, in one or two sentences, naming the file, the row and the
column. All faults of one input are gathered and raised once. The command line turns an
:class:`AdvisorError` into one line on stderr and exit code 2; any other exception is a bug and stays a
traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AdvisorError(Exception):
    """Base of everything a user can put right; its message is one readable line."""

    def __str__(self) -> str:
        # names and cells of the user's data may hold line breaks
        return " ".join(super().__str__().splitlines())


class UnreadableData(AdvisorError):
    """The path, the file or its content cannot be made into a dataset."""


class UnknownTarget(AdvisorError):
    """The named target is not a column, or cannot be learned from."""


class NoStrategy(AdvisorError):
    """No strategy can run on this dataset, or all that were tried failed."""


class MissingDependency(AdvisorError):
    """An optional library or its weights are not installed; the message says what to install."""


class InvalidSpace(AdvisorError):
    """A search space, a plan or a parameter value is not valid."""


class InvalidRequest(AdvisorError):
    """An option has a value that means nothing: a metric, a task, a duration, a plan of other data."""


class InvalidRun(AdvisorError):
    """A run directory is missing, incomplete or altered, or holds a type that is not trusted."""


class NoRoom(AdvisorError):
    """A disk is full."""


class DeadlineExceeded(Exception):
    """A fit ran out of the seconds it was given; not the user's fault, so not an AdvisorError."""


LONGEST_NAME = 100
"""Characters of a name or a cell that a message shows; our choice: one line of a terminal, and paths mostly whole."""


def quoted(names: Iterable[object], most: int = 12) -> str:
    """Join names for a message, each in quotes, cut after ``most`` of them and each after ``LONGEST_NAME`` characters.

    Parameters
    ----------
    names : iterable of object
        What to list.
    most : int
        How many to show before "and N more".

    Returns
    -------
    str
        For example ``'a', 'b' and 3 more``.

    Examples
    --------
    >>> quoted(["area", "rooms", "cost"], most=2)
    "'area', 'rooms' and 1 more"
    >>> len(quoted(["a" * 500]))
    102
    """
    shown = [str(name) for name in names]
    text = ", ".join(f"'{_short(name)}'" for name in shown[:most])
    return text if len(shown) <= most else f"{text} and {len(shown) - most} more"


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Write a count with its noun.

    Parameters
    ----------
    count : int
        How many.
    noun, nouns : str
        The word for one and, unless it just gets an s, for several.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "class", "classes")
    ('1 row', '1,200 classes')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def _short(name: str) -> str:
    half = LONGEST_NAME // 2  # of a path the end tells more than the middle
    return name if len(name) <= LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"


def did_you_mean(wrong: str, known: Iterable[object]) -> str:
    """Suggest the nearest known name, as a sentence with a leading space, or nothing.

    Parameters
    ----------
    wrong : str
        The name that was not found.
    known : iterable of object
        The names there are.

    Returns
    -------
    str
        ``" Did you mean 'cost'?"`` or the empty string.

    Examples
    --------
    >>> did_you_mean("cots", ["area", "cost"])
    " Did you mean 'cost'?"
    """
    lowered = {str(name).lower(): str(name) for name in known}
    near = difflib.get_close_matches(wrong.lower(), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean '{lowered[near[0]]}'?" if near else ""
