"""Pipeline and a file → a file of predictions, a chunk at a time.

``out.csv`` has one line per input row in its order: a column ``prediction``, and for classification one
probability column per class, named exactly as the class is in the data.
"""

from __future__ import annotations

import csv
import os
import uuid
from pathlib import Path

import numpy as np

from advisor.dataset import Task, read_features
from advisor.errors import InvalidRequest
from advisor.pipeline import FittedPipeline

CHUNK_ROWS = 50_000
"""Rows predicted at a time: bounds the memory of a large file (our choice)."""

PREDICTION = "prediction"


def predict_file(pipeline: FittedPipeline, data: Path, out: Path) -> list[str]:
    """Predict every row of a file.

    Parameters
    ----------
    pipeline : FittedPipeline
        The model.
    data : Path
        A table in any format that can be trained on; a folder stands for its one table, or its test split.
    out : Path
        The CSV file to write; it appears when it is complete.

    Returns
    -------
    list of str
        What the user should know: columns that were ignored or came in another order, unseen categories,
        cells that could not be read.

    Raises
    ------
    UnreadableData
        If the file cannot be read or lacks columns.
    InvalidRequest
        If ``out`` cannot be written.
    """
    notes: dict[str, None] = {}
    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(_header(pipeline))
            for frame, said in read_features(
                data, pipeline.manifest.columns, chunk_rows=CHUNK_ROWS
            ):
                notes.update(dict.fromkeys(said))
                if len(frame):
                    table.writerows(_lines(pipeline, frame))
        os.replace(draft, out)
    except OSError as error:
        raise InvalidRequest(f"cannot write '{out}': {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return list(notes)


def _header(pipeline: FittedPipeline) -> list[str]:
    return [PREDICTION, *pipeline.manifest.problem.classes]


def _lines(pipeline: FittedPipeline, frame: object) -> list[list[object]]:
    """Turn a conforming chunk into rows of the output."""
    predicted, chances = pipeline.predict_both(frame)  # type: ignore[arg-type]
    if pipeline.task is Task.MULTILABEL:
        separator = pipeline.manifest.problem.label_separator or ";"
        names = np.array(pipeline.manifest.problem.classes, dtype=object)
        predicted = np.array([separator.join(names[row > 0]) for row in predicted], dtype=object)
    if chances is None:
        return [[repr(float(value))] for value in predicted]
    return [
        [label, *(f"{chance:.6g}" for chance in row)]
        for label, row in zip(predicted, chances, strict=True)
    ]
