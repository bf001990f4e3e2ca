"""Kinds of columns, and conforming to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.errors import UnreadableData
from advisor.tables.columns import Column, ColumnKind, conform, conformance_notes
from advisor.tables.dates import parse_dates
from advisor.tables.kinds import infer_columns
from advisor.tables.levels import find_levels, parse_numbers

N = 60


def infer_one(values: object, name: str = "x") -> Column:
    """Infer the kind of one column."""
    return infer_columns(pd.DataFrame({name: values}))[0]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("size", np.linspace(0, 1, N), ColumnKind.NUMERIC),
        ("size", [1.5, None] * (N // 2), ColumnKind.NUMERIC),
        ("x", [i * 37 % 301 for i in range(N)], ColumnKind.NUMERIC),
        ("x", [*map(str, np.linspace(0, 1, N - 1)), "oops"], ColumnKind.NUMERIC),
        ("colour", ["red", "blue", "green"] * 20, ColumnKind.CATEGORICAL),
        ("sign", ["+", "-", "0"] * 20, ColumnKind.CATEGORICAL),
        ("surgery", [1, 2, 4, 3] * 15, ColumnKind.ORDINAL),
        ("safety", ["low", "high", "med"] * 20, ColumnKind.ORDINAL),
        ("doors", ["2", "5more", "4", "3"] * 15, ColumnKind.ORDINAL),
        ("state", [f"s{i}" for i in range(50)] * 4, ColumnKind.HIGH_CARDINALITY),
        ("code", ["02208", "00000", "11300"] * 20, ColumnKind.CATEGORICAL),
        ("ok", ["Yes", "No"] * 30, ColumnKind.BOOLEAN),
        ("ok", [True, False] * 30, ColumnKind.BOOLEAN),
        ("ok", [0, 1] * 30, ColumnKind.BOOLEAN),
        ("day", [f"{i % 28 + 1:02d}-01-2018" for i in range(N)], ColumnKind.DATETIME),
        ("day", pd.date_range("2020-01-01", periods=N), ColumnKind.DATETIME),
        ("car", [f"make {i} of many" for i in range(N)], ColumnKind.TEXT),
        ("hospital_number", [i * 7919 % 10007 for i in range(N)], ColumnKind.IDENTIFIER),
        ("row", list(range(N)), ColumnKind.IDENTIFIER),
        ("sample", [f"S{i:03d}" for i in range(N)], ColumnKind.IDENTIFIER),
        ("year", list(range(1960, 1960 + N)), ColumnKind.NUMERIC),
        ("id", np.linspace(0, 1, N), ColumnKind.NUMERIC),
        ("dose", [25 * (i + 1) for i in range(N)], ColumnKind.NUMERIC),
        ("area", sorted(40 + i * 37 % 301 for i in range(N)), ColumnKind.NUMERIC),
        ("wavelength", list(range(400, 400 + N)), ColumnKind.NUMERIC),
        ("minutes", list(range(N)), ColumnKind.NUMERIC),
        ("c1", list(range(1, 1 + N)), ColumnKind.IDENTIFIER),
        ("c1", [i for i in range(N + 30) if i % 3], ColumnKind.IDENTIFIER),
        ("x", list(range(N, 0, -1)), ColumnKind.IDENTIFIER),
        ("instant", np.flatnonzero(np.arange(100) * 37 % 10 < 6), ColumnKind.IDENTIFIER),
        ("dose", list(range(0, 2 * N, 2)), ColumnKind.NUMERIC),
        ("Key", [7 * i + 3 for i in range(N)], ColumnKind.IDENTIFIER),
        ("#", [7 * i + 3 for i in range(N)], ColumnKind.IDENTIFIER),
        ("month", [f"{2000 + i // 12}-{i % 12 + 1:02d}" for i in range(N)], ColumnKind.DATETIME),
        ("month", [f"{i % 12 + 1:02d}/{2000 + i // 12}" for i in range(N)], ColumnKind.DATETIME),
        ("t", [f"{i % 24:02d}:{i * 7 % 60:02d}" for i in range(N)], ColumnKind.DATETIME),
        ("x", [3] * N, ColumnKind.CONSTANT),
        ("x", ["?"] * N, ColumnKind.CONSTANT),
    ],
)
def test_kind_is_inferred_from_content_and_name(
    name: str, values: object, kind: ColumnKind
) -> None:
    """Each kind is found on a plain example, and says why."""
    column = infer_one(values, name)
    assert column.kind is kind
    assert column.reason


def test_constants_are_checked_in_every_row() -> None:
    """One other value in a row that no sample sees is enough."""
    values = np.zeros(100_000)
    values[12_345] = 0.5
    assert infer_one(values).kind is ColumnKind.NUMERIC


def test_conforming_gives_the_promised_dtypes_order_and_values() -> None:
    """Numbers, dates and words get their dtypes, in the order of the schema."""
    frame = pd.DataFrame(
        {
            "a": ["1", "2.5", "?"] * 20,
            "b": ["low", "high", "med"] * 20,
            "c": ["no", "yes", None] * 20,
            "d": ["x", "y", "z"] * 20,
            "e": [f"{i % 28 + 1}.02.2020" for i in range(60)],
        }
    )
    columns = infer_columns(frame)
    X = conform(frame[["e", "d", "c", "b", "a"]].iloc[::-1], columns)
    assert list(X.columns) == list("abcde")
    assert list(X.index) == list(range(60))
    assert [str(dtype) for dtype in X.dtypes] == [
        "float64",
        "float64",
        "float64",
        "category",
        "datetime64[ns]",
    ]
    first = X.iloc[::-1].reset_index(drop=True)
    np.testing.assert_array_equal(first["a"][:3], [1.0, 2.5, np.nan])
    np.testing.assert_array_equal(first["b"][:3], [0.0, 2.0, 1.0])
    np.testing.assert_array_equal(first["c"][:3], [0.0, 1.0, np.nan])
    assert first["e"][0] == pd.Timestamp("2020-02-01")


def test_a_code_means_the_same_level_in_every_frame() -> None:
    """Known categories come first and in order; new words are kept behind them."""
    column = infer_one(["b", "a", "c"] * 20)
    later = conform(pd.DataFrame({"x": ["z", "c", None]}), [column])["x"]
    assert list(later.cat.categories) == ["a", "b", "c", "z"]
    assert later.cat.codes.tolist() == [3, 2, -1]


def test_missing_columns_are_all_named() -> None:
    """One error names every missing column."""
    columns = infer_columns(pd.DataFrame({"a": [1, 2], "b": [1, 2], "c": [1, 2]}))
    with pytest.raises(UnreadableData, match=r"'a', 'c'"):
        conform(pd.DataFrame({"b": [1]}), columns)


def test_columns_that_no_model_uses_may_be_missing() -> None:
    """Identifiers and constants are empty where a later table lacks them, which is said."""
    frame = pd.DataFrame({"id": range(N), "a": np.linspace(0, 1, N), "unit": ["mg"] * N})
    columns = infer_columns(frame)
    later = conform(frame[["a"]], columns)
    assert list(later.columns) == ["id", "a", "unit"]
    assert later.isna().all().tolist() == [True, False, True]
    said = "\n".join(conformance_notes(frame[["a"]], columns))
    assert "no model uses are not there: 'id', 'unit'" in said
    with pytest.raises(UnreadableData, match="1 of 3 feature columns missing: 'a'"):
        conform(frame[["id"]], columns)


def test_times_of_day_lie_on_no_calendar() -> None:
    """They are read in the order of the day, and nothing is said of later dates."""
    column = infer_one([f"{i % 24:02d}:{i * 7 % 60:02d}" for i in range(N)])
    early, late = conform(pd.DataFrame({"x": ["07:05", "19:30"]}), [column])["x"]
    assert (late - early) == pd.Timedelta(hours=12, minutes=25)
    assert not column.is_dated
    assert infer_one([f"{2000 + i}-07" for i in range(N)]).is_dated


def test_notes_say_extra_columns_order_new_words_and_unreadable_cells() -> None:
    """Everything that conforming puts right is said."""
    frame = pd.DataFrame({"n": np.linspace(0, 1, N), "c": ["u", "v", "w"] * 20})
    columns = infer_columns(frame)
    later = pd.DataFrame({"extra": [1, 2], "c": ["u", "new"], "n": ["0.5", "many"]})
    said = "\n".join(conformance_notes(later, columns))
    for part in ("'extra'", "another order", "'new'", "1 cells of 'n'"):
        assert part in said
    assert conformance_notes(frame, columns) == []


CELLS = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(["low", "med", "high", "yes", "no", "2020-01-01", "?", "-", "1,200"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=30))
def test_conforming_twice_changes_nothing(values: list[object]) -> None:
    """Any column conforms to its own schema, and a conforming column stays as it is."""
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    columns = infer_columns(frame)
    once = conform(frame, columns)
    pd.testing.assert_frame_equal(conform(once, columns), once)


def test_levels_are_trimmed_sorted_and_all_used() -> None:
    """Unused categories and blanks around words vanish."""
    series = pd.Series(pd.Categorical(["b ", "a"], categories=["zz", "b ", "a", "b"]))
    codes, words = find_levels(series)
    assert words.tolist() == ["a", "b"]
    assert codes.tolist() == [1, 0]


def test_words_are_not_numbers_and_dressed_numbers_are() -> None:
    """True and inf are no numbers; currency, percent and thousands are understood."""
    values = parse_numbers(["True", "inf", "1e400", "$1,200", "5%", "-3.5"])
    np.testing.assert_array_equal(values, [np.nan, np.nan, np.nan, 1200.0, 5.0, -3.5])


def test_dates_out_of_range_are_missing() -> None:
    """Year 9999 does not fit nanoseconds; it becomes NaT, not an error."""
    dates = parse_dates(pd.Series(["2020-01-01T00:00:00+02:00", "9999-12-31"]), None)
    assert dates[0] == pd.Timestamp("2019-12-31 22:00")
    assert dates.isna().tolist() == [False, True]


@pytest.mark.parametrize("cells", [["True", "FALSE"], ["yes", "no"], [True, False], ["1.0", "0"]])
def test_a_column_of_zeros_and_ones_reads_truth_words_later(cells: list[object]) -> None:
    """Files are streamed as words, so a file of truth values holds words where training saw numbers."""
    column = infer_one([0, 1] * 30)
    assert (column.kind, column.truth) == (ColumnKind.BOOLEAN, ())
    frame = pd.DataFrame({"x": pd.Series([*cells, None, "perhaps"], dtype=object)})
    expected = [1.0, 0.0, np.nan, np.nan]
    np.testing.assert_array_equal(conform(frame, [column])["x"], expected)
    assert any("1 cells of 'x'" in note for note in conformance_notes(frame, [column]))
