"""Suggestion → the CSV file that a person fills in, and how it is used then."""

from __future__ import annotations

import csv
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

from advisor.dataset import Dataset, Task
from advisor.errors import InvalidRequest, quoted
from advisor.suggestion import CHANCE, FILE, GUESS, ROW, WHY, Suggestion, relative_name
from advisor.tables.dialect import DELIMITERS
from advisor.tables.media_columns import medium_of
from advisor.tables.written import labelled_table, marks_of


def write_suggestion(suggestion: Suggestion, out: Path) -> None:
    """Write the file to fill in: one line per item, best first, with empty target columns.

    Cells are separated as in the table of the labelled rows, so that the lines can be added to it.

    Parameters
    ----------
    suggestion : Suggestion
        What to label.
    out : Path
        A CSV file; it appears when it is complete. One that is there is replaced only where it is an earlier one of
        ours and nobody has filled in a label.

    Raises
    ------
    InvalidRequest
        If there is another file, or labels in it, or it cannot be written.
    """
    _check_replaceable(out, suggestion.targets)
    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, delimiter=marks_of(suggestion.source)[0])
            table.writerow(header_of(suggestion))
            for one in suggestion.chosen:
                chance = "" if one.chance is None else f"{one.chance:.3f}"
                empty = [""] * len(suggestion.targets)
                item, cells = [one.item], list(one.cells.values())
                named = [*item, *cells, *empty] if not cells else [*cells, *empty, *item]
                table.writerow([*named, one.guess, chance, one.why])
        os.replace(draft, out)
    except OSError as error:
        raise InvalidRequest(f"cannot write '{out}': {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def header_of(suggestion: Suggestion) -> list[str]:
    """Name the columns of the file.

    Parameters
    ----------
    suggestion : Suggestion
        What to label.

    Returns
    -------
    list of str
        The data's own columns first, so that the rows can be added to it; ours get a ``_`` where a name is taken.
    """
    cells = list(suggestion.chosen[0].cells) if suggestion.chosen else []
    taken = {*cells, *suggestion.targets}
    item, *ours = (_free(name, taken) for name in (suggestion.id_column, GUESS, CHANCE, WHY))
    if not cells:
        return [item, *suggestion.targets, *ours]
    return [*cells, *suggestion.targets, item, *ours]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def check_file(out: Path, targets: Sequence[str]) -> None:
    """Find out before the work that the file cannot be written.

    Parameters
    ----------
    out : Path
        The file to write.
    targets : sequence of str
        The columns to fill in, by which a list of rows is known to have no label yet.

    Raises
    ------
    InvalidRequest
        As :func:`write_suggestion`.
    """
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise InvalidRequest(
            f"cannot write '{out}': expected a file in an existing folder; make the folder"
        )
    _check_replaceable(out, targets)


def _check_replaceable(out: Path, targets: Sequence[str]) -> None:
    """Refuse to write over what is not ours, or over labels."""
    if not out.exists():
        return
    try:
        with out.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets write the mark
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            header, *lines = list(csv.reader(file, delimiter=delimiter)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error):
        header, lines = [], []
    ends = [name.rstrip("_") for name in header[-3:]]
    if ends != [GUESS, CHANCE, WHY]:
        raise InvalidRequest(
            f"'{out}' is there and none of our lists to label: pass another file as -o"
        )
    places = _places_to_fill(header, targets)
    if places is None and lines:
        raise InvalidRequest(
            f"'{out}' was made for other columns than {quoted(targets)}, and may hold labels: use them, or pass "
            "another file as -o"
        )
    filled = sum(any(cell.strip() for cell in line[places or slice(0)]) for line in lines)
    if filled:
        raise InvalidRequest(
            f"'{out}' holds {filled} label{'s' if filled > 1 else ''} that somebody filled in: use them, or pass "
            "another file as -o"
        )


def _places_to_fill(header: Sequence[str], targets: Sequence[str]) -> slice | None:
    """Find the columns that were written empty; None where cells of the data cannot be told from them."""
    stop = len(header) - 4
    start = stop - len(targets)
    own = header[stop].rstrip("_") if stop >= 0 else ""
    if own == ROW and start > 0 and list(header[start:stop]) == list(targets):
        return slice(start, stop)
    item_first = header[0].rstrip("_") in (FILE, ROW)
    return slice(1, stop + 1) if item_first else None


def how_to_use(suggestion: Suggestion, dataset: Dataset) -> str:
    """Say what to do with the file.

    Parameters
    ----------
    suggestion : Suggestion
        What to label.
    dataset : Dataset
        Where it comes from.

    Returns
    -------
    str
        One or two sentences.
    """
    fill = f"Fill in {quoted(suggestion.targets)}"
    medium = medium_of(dataset.columns)
    folder = _class_folder(dataset) if medium else ""
    if medium and folder:
        # what stands in a table beside class folders is not read
        return f"Move each {medium.one} into the folder of its class, such as {folder}/: folders give the labels here."
    found = labelled_table(dataset.source)
    table = found.name if found is not None else "the table of the labelled rows"
    there = 0 if dataset.pool_rows is None else len(dataset.pool_rows)
    if medium and there == dataset.n_unlabelled:
        return f"{fill} in {table} itself, where the {medium.many} have their rows already."
    if medium:
        return f"{fill}, then add the {medium.many} with their labels to {table}."
    last = quoted([*header_of(suggestion)[-4:]])
    if there == dataset.n_unlabelled:
        return (
            f"{fill} in {table} itself, which holds these rows already: the column '{header_of(suggestion)[-4]}' says "
            "which they are, 1 being the first below the header."
        )
    # these are no features, so the pool's rows were read without them
    own = quoted(dataset.group_columns)
    groups = f" with their {own}, which the list does not have" if dataset.group_columns else ""
    again = (
        f" Of those numbered 1 to {there:,} fill in the rows that {table} holds already, instead."
        if there
        else ""
    )
    return f"{fill}, drop the columns {last}, and add the rows to {table}{groups}.{again}"


def _class_folder(dataset: Dataset) -> str:
    """Name the folder of the first labelled file where it is that of its class; else empty."""
    medium = medium_of(dataset.columns)
    if (
        medium is None
        or dataset.task not in (Task.BINARY, Task.MULTICLASS)
        or not dataset.n_labelled
    ):
        return ""
    folder = Path(str(dataset.X[medium.column].iloc[0])).parent
    if folder.name != dataset.classes[int(dataset.y[0])]:
        return ""
    return relative_name(str(folder), dataset.source)
