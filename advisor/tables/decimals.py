"""Cells of numbers as a file writes them → what their commas and points mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from advisor.errors import UnreadableData
from advisor.tables.levels import MISSING_MARKS, SPACERS, UNIT

NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
COMMA_NUMBER = re.compile(r"(\s*[-+]?\d*),(\d+(?:[eE][-+]?\d+)?\s*)")
WHOLE_OR_COMMA = re.compile(rf"\s*[-+]?\d+\s*|{COMMA_NUMBER.pattern}")

LEAD = r"\s*\(?\s*[-+]?[$€£]?\s*"
"""What may stand before the digits of a number."""

TAIL = rf"\s*(?:{UNIT})?\s*\)?\s*"
"""What may stand behind them."""

DRESSED = re.compile(rf"{LEAD}((?:\d[\d.,{SPACERS}]*|[.,]\d+)(?:[eE][-+]?\d+)?){TAIL}")
GROUPED_COMMA = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")
GROUPED = re.compile(r"\d{1,3}(?:\.\d{3})+")
SURELY_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}")
THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")

COMMA_CELL = re.compile(
    rf"({LEAD})(\d{{1,3}}(?:[.{SPACERS}]\d{{3}})+|\d*),(\d+(?:[eE][-+]?\d+)?)({TAIL})"
)
GROUPED_CELL = re.compile(rf"({LEAD})(\d{{1,3}}(?:[.{SPACERS}]\d{{3}})+)()({TAIL})")

NUMERIC_SHARE = 0.9
"""Fraction of a sampled column's cells that must be numbers for it to vote (our choice)."""

MIN_PARTED = 3
"""Numbers with a comma before three digits from which whole numbers beside them say that it parts thousands (our
choice: of as many decimals one has other than three digits, or all have three)."""


def is_number(cell: str) -> bool:
    """Whether a cell is a plain number, or one with a decimal comma."""
    return bool(NUMBER.fullmatch(cell) or COMMA_NUMBER.fullmatch(cell))


def find_decimal(
    name: str, rows: Sequence[Sequence[str]], delimiter: str, notes: list[str]
) -> tuple[str, bool]:
    """Find the decimal mark by a vote of the sampled columns, and whether points part thousands beside it.

    Beside columns of decimal commas a number is read alike in either spelling; elsewhere a comma would part thousands,
    and all rows of a table to which a few with points were added would change.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    rows : sequence of sequence of str
        The cells below the header.
    delimiter : str
        What parts them.
    notes : list of str
        Gets what is worth saying.

    Returns
    -------
    decimal : str
        ``.`` or ``,``.
    grouped : bool
        Whether a point before three digits parts thousands, as in ``8.107,37``.

    Raises
    ------
    UnreadableData
        If some numbers of a column have commas and some have points, or commas may mean either.
    """
    commas: list[list[str]] = []
    mixed: list[list[str]] = []
    points = 0
    for position in range(max((len(row) for row in rows), default=0)):
        cells = [row[position].strip() for row in rows if len(row) > position]
        cells = [cell for cell in cells if cell not in MISSING_MARKS]
        if not cells:
            continue
        plain = sum(bool(NUMBER.fullmatch(cell)) for cell in cells) >= NUMERIC_SHARE * len(cells)
        bodies = _bodies(cells) if any("," in cell for cell in cells) else []
        if bodies and _decimal_commas(bodies):
            commas.append(bodies)
            continue
        both = all(any(mark in cell for cell in cells) for mark in ",.")
        # quotes around a comma, where commas part the cells, are a slip among many points
        if both and all(map(is_number, cells)) and not (plain and delimiter == ","):
            mixed.append(cells)
        elif any(SURELY_THOUSANDS.fullmatch(body) for body in bodies):
            points += 1
        elif plain:
            points += any(not cell.lstrip("+-").isdecimal() for cell in cells)
    parted = _part_thousands(name, commas, points, delimiter)
    if commas and not parted and len(commas) > points:
        notes.append("numbers are written with a decimal comma")
        return ",", any(GROUPED_COMMA.fullmatch(body) for bodies in commas for body in bodies)
    sure = points > 0 or delimiter == "," or (bool(commas) and parted)
    for cells in mixed:
        if not (sure and _all_thousands(cells)):
            comma, point = (next(cell for cell in cells if mark in cell) for mark in ",.")
            raise UnreadableData(
                f"{name} writes numbers of one column in two ways, such as {comma} and {point}: expected one "
                "decimal mark; replace the other"
            )
    if commas and delimiter != ",":
        shown = next(body for body in commas[0] if "," in body)
        notes.append(f"commas part thousands in numbers such as {shown}")
    return ".", False


def with_points(words: Sequence[str] | pd.Index[str], grouped: bool) -> list[str]:
    """Words of a file with decimal commas → the same with a point in every number, and no thousands separators.

    Parameters
    ----------
    words : sequence of str
    grouped : bool
        Whether a point before three digits parts thousands, as :func:`find_decimal` says.

    Returns
    -------
    list of str

    Examples
    --------
    >>> with_points(["1,5", "8.107,37 €", "1.200", "a, b"], grouped=True)
    ['1.5', '8107.37 €', '1200', 'a, b']
    """
    return [_with_point(word, grouped) for word in words]


def _with_point(word: str, grouped: bool) -> str:
    head, _, behind = word.partition(",")
    if behind.isdecimal() and (not head or head.lstrip("+-").isdecimal()):
        return f"{head}.{behind}"  # nearly all are so plain, and no pattern is this fast
    found = COMMA_CELL.fullmatch(word) if "," in word else None
    if found is None and grouped and "." in word:
        found = GROUPED_CELL.fullmatch(word)
    if found is None:
        return word
    lead, whole, rest, tail = found.groups()
    point = "." if rest else ""
    return f"{lead}{re.sub(r'[^0-9]', '', whole)}{point}{rest}{tail}"


def _bodies(cells: Sequence[str]) -> list[str]:
    """The digits and marks of numbers, without signs, currency and unit; empty where a cell is no number."""
    if all(WHOLE_OR_COMMA.fullmatch(cell) for cell in cells):
        return [cell.lstrip("+-") for cell in cells]
    found: list[str] = []
    for cell in cells:
        match = DRESSED.fullmatch(cell)
        if match is None:
            return []
        found.append(re.sub(rf"(?<=\d)[{SPACERS}](?=\d{{3}})", "", match[1]))
    return found


def _decimal_commas(bodies: Sequence[str]) -> bool:
    """Whether all numbers of a column are whole or can have a decimal comma, and some have a comma."""
    if not any("," in body for body in bodies):
        return False
    grouped = any(GROUPED_COMMA.fullmatch(body) for body in bodies)
    return all(
        WHOLE_OR_COMMA.fullmatch(body)
        or (grouped and (GROUPED.fullmatch(body) or GROUPED_COMMA.fullmatch(body)))
        for body in bodies
    )


def _all_thousands(cells: Sequence[str]) -> bool:
    """Whether the commas all stand before three digits, as thousands separators do."""
    return all(THOUSANDS.fullmatch(cell) for cell in cells if COMMA_NUMBER.fullmatch(cell))


def _part_thousands(
    name: str, columns: Sequence[Sequence[str]], points: int, delimiter: str
) -> bool:
    """Whether the commas of columns of numbers part thousands; refused where nothing says so or otherwise."""
    cells = [cell for column in columns for cell in column]
    commas = [cell for cell in cells if "," in cell]
    if not all(THOUSANDS.fullmatch(cell) for cell in commas):
        return False
    if delimiter == "," or points or not commas:
        return True
    whole = [cell for cell in cells if "," not in cell]
    if any(len(cell) > 3 for cell in whole):
        return False
    if whole and len(commas) >= MIN_PARTED:
        return True
    # programs that part cells by semicolons do so because commas are their decimal marks
    if delimiter == ";":
        return False
    raise UnreadableData(
        f"{name} writes numbers such as {commas[0]}, and nothing says whether the comma is a decimal mark or parts "
        "thousands: expected a decimal point, or no separator of thousands; replace or remove the commas"
    )
