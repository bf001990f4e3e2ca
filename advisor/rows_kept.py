"""Conforming rows ↔ files that a worker reads at once, however many columns there are.

Parquet keeps every column by itself, and a worker that reads twenty thousand of them has no time left for a fit. Of a
table with more columns than rows the numbers are therefore kept as one matrix beside it. Rows of files are their paths,
and the contents are told beside them, so that they are found again where the files have been moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.cache import content_keys
from advisor.dataset import Dataset
from advisor.errors import InvalidRun
from advisor.storage import read_json, write_json
from advisor.tables.columns import FILE_KINDS, NUMBER_KINDS, Column, conform

MATRIX = ".npy"
"""Suffix of the file with the numbers, in the place of that of the table."""

CONTENTS = ".contents.json"
"""Suffix of the file that tells the contents of files, in the place of that of the table."""


def write_rows(place: Path, frame: pd.DataFrame, columns: Sequence[Column]) -> None:
    """Write rows.

    Parameters
    ----------
    place : Path
        A file name with the suffix ``.parquet``; what was there is replaced.
    frame : DataFrame of shape (n_rows, n_columns)
        Conforming rows.
    columns : sequence of Column
        Their schema.
    """
    place.with_suffix(MATRIX).unlink(missing_ok=True)
    if len(columns) > len(frame):
        numbers = [column.name for column in columns if column.kind in NUMBER_KINDS]
        np.save(place.with_suffix(MATRIX), frame[numbers].to_numpy(dtype=np.float64))
        frame = frame.drop(columns=numbers)
    for column in columns:
        if column.kind in FILE_KINDS:
            write_json(place.with_suffix(CONTENTS), content_keys(_paths(frame, column)))
    frame.to_parquet(place, index=False)


def read_rows(place: Path, columns: Sequence[Column]) -> pd.DataFrame:
    """Read what :func:`write_rows` wrote.

    Parameters
    ----------
    place : Path
        As it was written.
    columns : sequence of Column
        The schema.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Equal to the one that was written.
    """
    rest = pd.read_parquet(place)
    if not place.with_suffix(MATRIX).exists():
        return conform(rest, columns)
    numbers = [column.name for column in columns if column.kind in NUMBER_KINDS]
    made = pd.DataFrame(np.load(place.with_suffix(MATRIX)), columns=numbers, copy=False)
    others = [column for column in columns if column.kind not in NUMBER_KINDS]
    if not others:
        return made
    both = pd.concat([made, conform(rest, others)], axis=1)
    return both[[column.name for column in columns]]


def follow_files(place: Path, columns: Sequence[Column], dataset: Dataset) -> None:
    """Write rows of files again, each with the path at which its content lies now; other rows stay as they are.

    Parameters
    ----------
    place : Path
        As it was written; replaced as a whole.
    columns : sequence of Column
        Its schema.
    dataset : Dataset
        The same data as it was read now; ``place`` may hold a part of its labelled rows or of its pool.

    Raises
    ------
    InvalidRun
        If a content is not in the dataset, or was not told and a path is not.
    """
    column = next((column for column in columns if column.kind in FILE_KINDS), None)
    if column is None:
        return
    parts = [part for part in (dataset.X_unlabelled, dataset.X) if part is not None]
    paths = [path for part in parts for path in _paths(part, column)]
    rows, kept = read_rows(place, columns), place.with_suffix(CONTENTS)
    if kept.exists():
        contents, now = read_json(kept), dict(zip(content_keys(paths), paths, strict=True))
    else:  # by a version that did not tell them: nothing can be found but what has stayed where it was
        contents, now = _paths(rows, column), {path: path for path in paths}
    if lost := sum(content not in now for content in contents):
        raise InvalidRun(
            f"{lost} of {len(contents)} files that this run learns from are not found in '{dataset.name}'; put the "
            "data back to where it was when the run began, or start a new run"
        )
    rows[column.name] = [now[content] or None for content in contents]
    draft = place.with_name(f"moved-{place.name}")  # a run that is killed here has the old ones
    conform(rows, columns).to_parquet(draft, index=False)
    draft.replace(place)


def _paths(frame: pd.DataFrame, column: Column) -> list[str]:
    """The paths in a column of files; empty where there is none."""
    return ["" if pd.isna(path) else str(path) for path in frame[column.name].astype(object)]
