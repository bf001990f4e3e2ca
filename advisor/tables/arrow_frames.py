"""An arrow table → raw frame: words become sorted categories whose codes are as narrow as they can be.

Sorting the words here, once, spares everything after it from looking at the rows again: the levels of a column whose
words are sorted, trimmed and all in use are its categories (:func:`advisor.tables.levels.narrow_levels`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from advisor.cores import usable_cores
from advisor.tables.reading import as_raw


def frame_from_arrow(table: pa.Table, missing: frozenset[str] = frozenset()) -> pd.DataFrame:
    """Turn an arrow table → raw frame, several columns at once.

    Parameters
    ----------
    table : pyarrow.Table of shape (n_rows, n_columns)
        With distinct names. The caller must not use it afterwards.
    missing : frozenset of str
        Words that mean a missing cell, where the reader did not ask arrow to look for them.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        As :func:`advisor.tables.reading.as_raw`; the categories of words are sorted.
    """
    names, n_rows = table.column_names, table.num_rows
    worded = [name for name in names if _holds_words(table.schema.field(name).type)]
    columns = [table.column(name) for name in worded]
    table = table.drop_columns(worded)
    with ThreadPoolExecutor(usable_cores()) as pool:
        others = pool.submit(_others, table) if table.num_columns else None
        made = pool.map(lambda column: _categories(column, missing), columns)
        parts = dict(zip(worded, made, strict=True))
        frame = pd.DataFrame() if others is None else as_raw(others.result())
    in_order = {
        name: pd.Series(parts.pop(name), copy=False) if name in parts else frame[name]
        for name in names
    }
    return pd.DataFrame(in_order, index=pd.RangeIndex(n_rows), copy=False)


def _others(table: pa.Table) -> pd.DataFrame:
    """Turn the columns that hold no words into pandas' own types."""
    for position, column in enumerate(table.schema):
        kind = _plain_arrow_type(column.type)
        if kind is not None:
            table = table.set_column(position, column.name, table.column(position).cast(kind))
    frame: pd.DataFrame = table.unify_dictionaries().to_pandas(
        split_blocks=True,
        self_destruct=True,
        ignore_metadata=True,
        strings_to_categorical=True,
        date_as_object=False,
    )
    return frame


def _holds_words(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _categories(column: pa.ChunkedArray, missing: frozenset[str]) -> pd.Categorical:
    """Make codes into the sorted distinct words of a column, chunk by chunk."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    found = column.chunk(0).dictionary if column.num_chunks else pa.array([], pa.string())
    spelt = found.to_pandas()
    present = spelt.notna() & ~spelt.isin(list(missing))
    distinct = pd.Index(spelt[present].unique(), dtype="str").sort_values()
    codes = np.empty(len(column), dtype=np.min_scalar_type(-max(1, len(distinct))))
    # the last place is read by the index -1, a missing cell
    to_code = np.append(distinct.get_indexer(pd.Index(spelt)), -1).astype(codes.dtype)
    to_code[:-1][~present.to_numpy()] = -1
    start = 0
    for chunk in column.chunks:
        codes[start : start + len(chunk)] = to_code.take(_indices(chunk))
        start += len(chunk)
    return pd.Categorical.from_codes(codes, categories=distinct)


def _indices(chunk: pa.DictionaryArray) -> NDArray[np.integer]:
    indices = chunk.indices.fill_null(-1) if chunk.indices.null_count else chunk.indices
    found: NDArray[np.integer] = indices.to_numpy(zero_copy_only=False)
    return found


def _plain_arrow_type(kind: pa.DataType) -> pa.DataType | None:
    """Name the type to cast to where pandas would make python objects of it."""
    types = pa.types
    if types.is_null(kind):
        return pa.float64()
    if types.is_decimal(kind) or types.is_float16(kind):
        return pa.float64()
    if types.is_time(kind) or types.is_duration(kind) or types.is_boolean(kind):
        return None if types.is_boolean(kind) else pa.string()
    if types.is_date(kind):
        return pa.timestamp("s")
    return None
