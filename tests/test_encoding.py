"""Columns as numbers: texts in which there is no word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from advisor.encoding import TextTerms
from advisor.representation import make_representation
from advisor.tables.columns import Column, ColumnKind

MARKS = pd.Series(["A B H C", "B", "", "C D E A"] * 5, dtype="category")


def test_texts_without_a_word_have_no_terms() -> None:
    """Single letters are none; any text is a row of nothing."""
    terms = TextTerms.learn("marks", MARKS, 10)
    assert terms.terms == ()
    assert terms.transform(pd.Series(["some words", "A"])).shape == (2, 0)


@pytest.mark.parametrize("name", ["trees", "linear"])
def test_a_table_with_such_a_column_can_be_learned_from(name: str) -> None:
    """The other columns are what there is."""
    X = pd.DataFrame({"marks": MARKS, "x": np.arange(20.0)})
    columns = [
        Column(name="marks", kind=ColumnKind.TEXT),
        Column(name="x", kind=ColumnKind.NUMERIC),
    ]
    made = make_representation(name).fit(X, columns, 0)
    assert made.transform(X).values.shape == (20, 1)


@pytest.mark.parametrize("name", ["trees", "linear"])
def test_a_number_named_constant_is_a_number(name: str) -> None:
    """Also where it is the only column: the name is the user's, and no mark of a table without any."""
    X = pd.DataFrame({"constant": np.arange(20.0)})
    columns = [Column(name="constant", kind=ColumnKind.NUMERIC)]
    values = make_representation(name).fit(X, columns, 0).transform(X).values
    assert len(np.unique(values)) == 20
