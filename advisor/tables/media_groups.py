"""The names of files → groups that stay on one side of every split, as asked for or guessed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.errors import UnknownTarget
from advisor.media.medium import Medium
from advisor.sounds.speakers import NAMED_PART, groups_of_part, guess_groups
from advisor.tasks import Modality

NONE = "none"
"""What ``--groups`` is given to keep nothing together."""

FOLDER = "folder"
"""What ``--groups`` is given to keep together what lies in one folder below the class folder."""


@dataclass(frozen=True)
class FileGroups:
    """Groups of the labelled files and of the test split.

    Attributes
    ----------
    groups, test_groups : ndarray of int64 or None
        As :class:`advisor.sounds.speakers.NameGroups` has them.
    source : str
        ``given``, also where none were wanted, ``names`` for a guess, or empty.
    hint : str
        How the groups were found, or why those in the names are not used.
    """

    groups: NDArray[np.int64] | None = None
    test_groups: NDArray[np.int64] | None = None
    source: Literal["", "given", "names"] = ""
    hint: str = ""


def asks_for_names(groups: str | Sequence[str] | None, columns: Sequence[str]) -> bool:
    """Whether ``--groups`` means the names of files, or nothing, and no column.

    Parameters
    ----------
    groups : str or sequence of str or None
        As the user gave it.
    columns : sequence of str
        Of the table; a column of that name goes first.

    Returns
    -------
    bool
    """
    if groups is None:
        return True
    if not isinstance(groups, str) or groups in columns:
        return False
    return groups in (NONE, FOLDER) or NAMED_PART.fullmatch(groups) is not None


def find_file_groups(
    medium: Medium | None,
    asked: str | None,
    X: pd.DataFrame,
    X_test: pd.DataFrame | None,
    y: NDArray[np.generic],
    classes: Sequence[str],
) -> FileGroups:
    """Group files by their names: by the part that was asked for, or, of recordings, by a cautious guess.

    Parameters
    ----------
    medium : Medium or None
        None for tables, which have no names.
    asked : str or None
        ``none``, ``folder``, ``name1``, ``name2`` ... or None for a guess.
    X, X_test : DataFrame
        Conforming frames with the medium's column; ``X_test`` may be None.
    y : ndarray of shape (n_labelled,) or (n_labelled, n_classes)
    classes : sequence of str
        Empty for a regression.

    Returns
    -------
    FileGroups

    Raises
    ------
    UnknownTarget
        If a part was asked for that no name has.
    """
    if asked == NONE:
        return FileGroups(
            source="given",
            hint="groups in the names of files were not looked for, as asked (--groups none)",
        )
    if medium is None or (asked is None and medium.modality is not Modality.AUDIO):
        if asked is not None:
            raise UnknownTarget(
                f"group '{asked}' is a part of the names of files, and there are none: expected a column. "
                "Pass --groups."
            )
        return FileGroups()
    names = _below_classes(X[medium.column], classes)
    tested = [] if X_test is None else _below_classes(X_test[medium.column], classes)
    if asked is None:
        found = guess_groups(names, _occurrence(y, len(classes)), tested)
    else:
        named = NAMED_PART.fullmatch(asked)
        found = groups_of_part(names, int(named[1]) if named else 0, tested)
        if found.groups is None:
            raise UnknownTarget(
                f"group '{asked}' is in no name, such as '{os.path.basename(names[0])}', whose parts stand between "
                "'_', '-', '.' and spaces. Pass --groups."
            )
    source: Literal["", "given", "names"] = "" if found.groups is None else "names"
    return FileGroups(found.groups, found.test_groups, "given" if asked else source, found.hint)


def _below_classes(paths: pd.Series, classes: Sequence[str]) -> list[str]:
    """Paths that begin with their class folder, or with ``.`` and what is below the folder they share."""
    words = [str(path) for path in paths.astype(object)]
    known = set(classes)
    parts = [word.split(os.sep) for word in words]
    homes = [
        max((i for i, folder in enumerate(p[:-1]) if folder in known), default=-1) for p in parts
    ]
    if homes and min(homes) >= 0:
        return ["/".join(p[home:]) for p, home in zip(parts, homes, strict=True)]
    shared = os.path.commonpath([os.path.dirname(word) for word in words]) if words else ""
    return ["./" + os.path.relpath(word, shared).replace(os.sep, "/") for word in words]


def _occurrence(y: NDArray[np.generic], n_classes: int) -> NDArray[np.bool_]:
    """Which classes each file has, of shape (n, n_classes); one column of True for a regression."""
    if not n_classes:
        return np.ones((len(y), 1), dtype=np.bool_)
    if y.ndim == 2:
        return np.asarray(y != 0, dtype=np.bool_)
    return np.asarray(y[:, None] == np.arange(n_classes)[None, :], dtype=np.bool_)
