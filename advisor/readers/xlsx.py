"""XLSX → Table: the first sheet that holds anything."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from advisor.errors import UnreadableData, quoted
from advisor.tables.reading import READERS, Table, as_raw, unique_names

ZIP_MAGIC = b"PK\x03\x04"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"

Row = tuple[object, ...]


class Xlsx:
    """A workbook of Excel 2007 or later; formulas count with the value that was saved."""

    name = "XLSX"
    suffixes = (".xlsx", ".xlsm", ".xls")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Look for a zip archive that lists a workbook."""
        return head.startswith(ZIP_MAGIC) and (b"[Content_Types].xml" in head or b"xl/" in head)

    def read(self, path: Path) -> Table:
        """Read the first sheet with cells; its first row is the header."""
        with path.open("rb") as file:
            start = file.read(4)
        if start == OLE_MAGIC:
            raise UnreadableData(f"{path.name} is an old .xls workbook: save it as .xlsx or CSV")
        import openpyxl  # half a second that only workbooks need

        try:
            with warnings.catch_warnings(), path.open("rb") as file:
                warnings.simplefilter("ignore")  # about styles and extensions we do not read
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                for sheet in book.worksheets:
                    sheet.reset_dimensions()  # many programs write a wrong one
                sheets = {
                    sheet.title: list(_rows(sheet.iter_rows(values_only=True)))
                    for sheet in book.worksheets
                }
                book.close()
        except Exception as error:  # a damaged archive makes openpyxl raise nearly anything
            reason = " ".join(str(error).split())[:200]
            raise UnreadableData(f"{path.name} is not a readable XLSX file: {reason}") from None
        return _first_table(path, sheets)


def _rows(rows: Iterator[Row]) -> Iterator[Row]:
    """Keep the rows that hold anything."""
    return (row for row in rows if any(cell is not None for cell in row))


def _first_table(path: Path, sheets: dict[str, list[Row]]) -> Table:
    filled = [title for title, rows in sheets.items() if rows]
    if not filled:
        raise UnreadableData(f"{path.name} is empty: no sheet holds a cell")
    rows = sheets[filled[0]]
    width = max(len(row) for row in rows)
    padded = [(*row, *(None,) * (width - len(row))) for row in rows]
    used = [i for i in range(width) if any(row[i] is not None for row in padded)]
    names, notes = unique_names([padded[0][i] for i in used])
    if len(filled) > 1:
        notes.append(f"sheet '{filled[0]}' of {path.name} was read; {quoted(filled[1:])} was not")
    columns = {
        name: pd.Series([row[i] for row in padded[1:]], dtype=object)
        for name, i in zip(names, used, strict=True)
    }
    return Table(as_raw(pd.DataFrame(columns)), tuple(notes))


READER = READERS.add("xlsx")(Xlsx())
