"""The distinct words of a column, found without looking at more rows than needed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.tables.columns import ColumnKind, conform
from advisor.tables.kinds import infer_columns
from advisor.tables.levels import (
    MISSING_MARKS,
    USED_ROWS,
    find_levels,
    narrow_levels,
    parse_numbers,
    used_levels,
)

WORDS = st.lists(
    st.sampled_from(["a", " a", "b ", "c", "?", "NA", "-", "10", "é", "z z"]), unique=True
)


@settings(max_examples=60, deadline=None)
@given(words=WORDS, data=st.data())
def test_levels_of_categories_are_those_of_the_plain_words(
    words: list[str], data: st.DataObject
) -> None:
    """Whatever order categories have, unused ones among them, each row keeps its word."""
    codes = data.draw(st.lists(st.integers(-1, len(words) - 1), min_size=1, max_size=30))
    column = pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(words, dtype="str")))
    narrow, levels = narrow_levels(column)
    plain, expected = find_levels(pd.Series([words[c] if c >= 0 else None for c in codes]))
    assert levels.tolist() == expected.tolist()
    assert narrow.tolist() == plain.tolist()


def test_sorted_categories_in_use_keep_their_own_codes() -> None:
    """Nothing is copied where nothing changes, so a million rows cost a look at the first ones."""
    column = pd.Series(pd.Categorical(["b", "a", "c", None] * 3))
    codes, words = narrow_levels(column)
    assert np.shares_memory(codes, column.array.codes)
    assert words.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("category", ["?", " b", "B"])
def test_categories_that_need_work_are_not_taken_as_they_are(category: str) -> None:
    """A mark is missing, a blank is trimmed, and the order is that of the words."""
    column = pd.Series(pd.Categorical.from_codes([0, 1, 1], categories=["a", category]))
    codes, words = narrow_levels(column)
    assert words.tolist() == sorted({"a", category.strip()} - MISSING_MARKS)
    assert [words[c] if c >= 0 else None for c in codes] == [
        "a",
        *[None if category == "?" else category.strip()] * 2,
    ]


def test_a_level_of_the_last_row_alone_is_used() -> None:
    """The look at the first rows is only a short cut."""
    codes = np.zeros(3 * USED_ROWS + 1, dtype=np.int8)
    codes[-1] = 2
    assert used_levels(codes, 3).tolist() == [True, False, True]


def test_the_widest_narrow_codes_do_not_overflow() -> None:
    """As many levels as one byte can number are all found."""
    for n in (126, 127, 128, 129):
        words = [f"w{i:03d}" for i in range(n)]
        column = pd.Series(pd.Categorical.from_codes(np.arange(n), categories=words))
        codes, levels = narrow_levels(column)
        assert levels.tolist() == words
        assert (codes + 1).min() == 1
        assert used_levels(codes, n).all()


def test_words_without_a_digit_are_no_numbers() -> None:
    """Also those that python would read as one."""
    assert np.isnan(parse_numbers(["inf", "nan", "True", "x"])).all()
    assert parse_numbers(["x", "5"])[1] == 5


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["(107.50)", "3", "($2)"], [-107.5, 3, -2]),
        (["8\u202f107.37", "1'200", "12"], [8107.37, 1200, 12]),
        (["3.37 EUR", "10 EUR", "unknown"], [3.37, 10, np.nan]),
        (["10.13 cm", "5 cm", "7cm"], [10.13, 5, 7]),
        (["5 m2", "-6.5 m2"], [5, -6.5]),
    ],
)
def test_numbers_with_one_unit_or_in_another_dress_are_numbers(
    words: list[str], values: list[float]
) -> None:
    """Accountants' minus, spaces that part thousands, and what all of a column are measured in."""
    np.testing.assert_array_equal(parse_numbers(words), values)


@pytest.mark.parametrize(
    "words",
    [
        ["1st", "2nd", "3rd"],
        ["5 cm", "5 kg"],
        ["001A", "002A"],
        ["10 Jan 2020", "11 Jan 2020"],
        ["3 pigs", "7 dwarfs", "1 wolf"],
        ["()", "1 2 3", "a1"],
    ],
)
def test_numbers_before_different_words_are_words(words: list[str]) -> None:
    """Nor are codes with leading zeros numbers of something, or days of one month."""
    assert np.isnan(parse_numbers(words)).all()


def test_a_table_of_measurements_with_units_is_no_dataset_of_texts() -> None:
    """Sixty lengths in centimetres are numbers, not sixty strings of two words."""
    frame = pd.DataFrame({"length": [f"{10 + i * 0.13:.2f} cm" for i in range(60)]})
    (column,) = infer_columns(frame)
    assert column.kind is ColumnKind.NUMERIC
    assert conform(frame.iloc[:1], [column])["length"].tolist() == [10.0]
