"""Arrow tables as raw frames."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from advisor.tables.arrow_frames import frame_from_arrow


def cells(series: pd.Series) -> list[object]:
    """Cells as python has them, None where missing."""
    return [None if pd.isna(cell) else cell for cell in series.astype(object)]


def test_words_become_sorted_categories_in_the_order_of_the_columns() -> None:
    """Columns keep their places among numbers and dates, and each row its cell."""
    table = pa.table(
        {
            "b": pa.array(["x", None, "a"]),
            "n": pa.array([1.5, None, 2.0]),
            "a": pa.array(["é", "z", "é"]).dictionary_encode(),
            "i": pa.array([1, 2, 3]),
            "d": pa.array([0, 1, 2], pa.date32()),
            "gone": pa.nulls(3),
        }
    )
    frame = frame_from_arrow(table)
    assert list(frame.columns) == ["b", "n", "a", "i", "d", "gone"]
    assert cells(frame["b"]) == ["x", None, "a"]
    assert frame["b"].cat.categories.tolist() == ["a", "x"]
    assert cells(frame["a"]) == ["é", "z", "é"]
    assert frame["a"].cat.categories.tolist() == ["z", "é"]
    assert cells(frame["n"]) == [1.5, None, 2.0]
    assert frame["i"].dtype == "int64"
    assert frame["d"].dtype.kind == "M"
    assert frame["gone"].dtype == "float64"


def test_chunks_with_dictionaries_of_their_own_agree() -> None:
    """The same word has the same code in every chunk, whatever each chunk calls it."""
    chunks = [
        pa.array(words).dictionary_encode() for words in (["b", "a"], ["c", "b"], ["a", None])
    ]
    frame = frame_from_arrow(pa.table({"w": pa.chunked_array(chunks)}))
    assert cells(frame["w"]) == ["b", "a", "c", "b", "a", None]
    assert frame["w"].cat.categories.tolist() == ["a", "b", "c"]


def test_words_that_mean_missing_are_missing() -> None:
    """They are no categories either, and others stay as they are written."""
    table = pa.table({"w": pa.array(["NA", "b", "", None, "na", " b"])})
    frame = frame_from_arrow(table, frozenset({"NA", ""}))
    assert cells(frame["w"]) == [None, "b", None, None, "na", " b"]
    assert frame["w"].cat.categories.tolist() == [" b", "b", "na"]


def test_words_alone_and_no_rows_make_a_frame() -> None:
    """There need be neither numbers nor rows."""
    assert frame_from_arrow(pa.table({"w": pa.array(["a"])})).shape == (1, 1)
    empty = frame_from_arrow(
        pa.table({"w": pa.chunked_array([], pa.string()), "n": pa.array([], pa.int64())})
    )
    assert empty.shape == (0, 2)
