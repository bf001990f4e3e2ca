"""Pipeline and a file → a file of predictions, a chunk at a time.

``out.csv`` has one line per input row in its order: a column ``prediction``, and for classification one
probability column per class, named exactly as the class is in the data. For pictures and recordings, a column
``file`` stands first, and one that cannot be read has a line without a prediction.
"""

from __future__ import annotations

import csv
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.dataset import CHUNK_FILES, Task, read_features, read_files
from advisor.errors import InvalidRequest, UnreadableData, quoted
from advisor.pipeline import FittedPipeline
from advisor.tables.folders import find_sources
from advisor.tables.media_columns import medium_of

CHUNK_ROWS = 50_000
"""Rows predicted at a time: bounds the memory of a large file (our choice)."""

PREDICTION = "prediction"
FILE = "file"
"""Names of the columns before the probabilities."""


def predict_file(pipeline: FittedPipeline, data: Path, out: Path) -> list[str]:
    """Predict every row of a file.

    Parameters
    ----------
    pipeline : FittedPipeline
        The model.
    data : Path
        A table in any format that can be trained on; a folder stands for its one table, or its test split. For
        pictures and recordings see :func:`advisor.dataset.read_files`.
    out : Path
        The CSV file to write; it appears when it is complete. Where it is a link, what it leads to is written.

    Returns
    -------
    list of str
        What the user should know: columns that were ignored or came in another order, unseen categories,
        cells or files that could not be read.

    Raises
    ------
    UnreadableData
        If the file cannot be read or lacks columns.
    InvalidRequest
        If ``out`` cannot be written, or is what is to be predicted.
    """
    if out.is_dir():  # also '.', which has no name to make that of the draft from
        example = out / "predictions.csv"
        raise InvalidRequest(
            f"cannot write '{out}': expected a file, got a folder; try '{example}'"
        )
    if out.exists() and not out.is_file():
        raise InvalidRequest(f"cannot write '{out}': expected a file, got a pipe or a device")
    if out.exists() and any(out.samefile(table) for table in _tables_of(data)):
        raise InvalidRequest(
            f"cannot write '{out}': it is what is to be predicted; name another file"
        )
    notes: dict[str, None] = {}
    place = Path(os.path.realpath(out))  # a link stays one
    draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(_header(pipeline))
            for lines, said in _pieces(pipeline, data):
                notes.update(dict.fromkeys(said))
                table.writerows(lines)
        os.replace(draft, place)
    except OSError as error:
        raise InvalidRequest(f"cannot write '{out}': {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return list(notes)


def _header(pipeline: FittedPipeline) -> list[str]:
    first = [FILE] if medium_of(pipeline.manifest.columns) else []
    return [*first, PREDICTION, *pipeline.manifest.problem.classes]


def _tables_of(data: Path) -> list[Path]:
    """Tables that a path stands for, as far as they exist."""
    if not data.is_dir():
        return [data] if data.exists() else []
    try:
        found = find_sources(data, to_predict=True)
    except UnreadableData:  # a folder of files
        return []
    return [table for table in (found.train, found.test, found.pool) if table is not None]


def _pieces(pipeline: FittedPipeline, data: Path) -> Iterator[tuple[list[list[object]], list[str]]]:
    """As :func:`_predicted`; what the system says of the data or the models is no fault of the output."""
    try:
        yield from _predicted(pipeline, data)
    except OSError as error:
        raise UnreadableData(f"cannot predict '{data}': {error}") from error


def _predicted(
    pipeline: FittedPipeline, data: Path
) -> Iterator[tuple[list[list[object]], list[str]]]:
    """Lines of the output and what is to be said of them, a chunk at a time."""
    columns = pipeline.manifest.columns
    medium = medium_of(columns)
    if medium is None:
        for frame, said in read_features(data, columns, chunk_rows=CHUNK_ROWS):
            yield (_lines(pipeline, frame) if len(frame) else []), said
        return
    for names, frame, said in read_files(data, columns, chunk_rows=CHUNK_FILES):
        lines = _lines(pipeline, frame)
        lost = [
            name
            for name, path, line in zip(names, frame[medium.column], lines, strict=True)
            if not any(line) and not pd.isna(path)
        ]
        if lost:
            said.append(f"{medium.many} that cannot be decoded have no prediction: {quoted(lost)}")
        yield [[name, *line] for name, line in zip(names, lines, strict=True)], said


def _lines(pipeline: FittedPipeline, frame: pd.DataFrame) -> list[list[object]]:
    """Turn a conforming chunk into rows of the output."""
    predicted, chances = pipeline.predict_both(frame)
    if pipeline.task is Task.MULTILABEL:
        separator = pipeline.manifest.problem.label_separator or ";"
        names = np.array(pipeline.manifest.problem.classes, dtype=object)
        predicted = np.array([separator.join(names[row > 0]) for row in predicted], dtype=object)
    if chances is None:
        return [["" if np.isnan(value) else repr(float(value))] for value in predicted]
    return [
        [label, *(f"{chance:.6g}" for chance in row)]
        if not np.isnan(row).any()
        else [""] * (1 + len(row))
        for label, row in zip(predicted, chances, strict=True)
    ]
