"""What commas and points mean in the numbers of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.dataset import read_dataset
from advisor.errors import UnreadableData
from advisor.tables.decimals import find_decimal, with_points
from advisor.tables.reading import read_table

NARROW = "\u202f"


def write(path: Path, cells: list[str], delimiter: str) -> Path:
    """A table of the cells and a label."""
    rows = [f"{cell}{delimiter}{'uv'[i % 2]}" for i, cell in enumerate(cells)]
    path.write_text(f"n{delimiter}y\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_commas_before_three_digits_beside_whole_numbers_part_thousands(
    tmp_path: Path, delimiter: str
) -> None:
    """They are no decimal commas because something else than a comma parts the cells."""
    path = write(
        tmp_path / "t.txt", ["425,975", "999", "1,954", "-12,345", "7", "88"] * 3, delimiter
    )
    dataset = read_dataset(path, target="y")
    assert dataset.X["n"].tolist()[:6] == [425_975, 999, 1_954, -12_345, 7, 88]
    assert any("part thousands" in note for note in dataset.notes)


def test_commas_that_may_be_either_are_refused_between_tabs_and_decimal_between_semicolons() -> (
    None
):
    """Programs that write semicolons do so because of their decimal commas."""
    rows = [["425,975"], ["1,954"], ["33,125"]]
    with pytest.raises(UnreadableData, match="425,975"):
        find_decimal("t.tsv", rows, "\t", [])
    assert find_decimal("t.csv", rows, ";", []) == (",", False)


@pytest.mark.parametrize(
    "beside",
    [["0,125"], ["2,5"], ["4821"], ["1,5 cm"]],
    ids=["leading zero", "one digit", "whole without comma", "unit"],
)
def test_one_sure_decimal_comma_makes_decimals_of_all(beside: list[str]) -> None:
    """A thousand would be written otherwise in each."""
    rows = [["425,975"], ["1,954"], ["33,125"], ["7"], beside]
    assert find_decimal("t.tsv", rows, "\t", []) == (",", False)


@pytest.mark.parametrize("sure", ["1.5", "1,234,567", "8,107.37"])
def test_another_column_may_say_that_commas_part_thousands(sure: str) -> None:
    """A decimal point, or a second comma, beside numbers that could be either."""
    rows = [["425,975", sure], ["1,954", sure]]
    assert find_decimal("t.tsv", rows, "\t", []) == (".", False)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["8.107,37", "114,74", "1.200", "2.000.000,5"], [8107.37, 114.74, 1200, 2_000_000.5]),
        ([f"8{NARROW}107,37", "114,74", "7"], [8107.37, 114.74, 7]),
        (["1,1%", "22,5 %", "0,0%"], [1.1, 22.5, 0.0]),
        (["(107,50)", "3,25"], [-107.5, 3.25]),
        (["3,37 €", "-10,5 €"], [3.37, -10.5]),
        (["10,13 cm", "5 cm", "7,5cm"], [10.13, 5, 7.5]),
    ],
)
def test_dressed_numbers_with_a_decimal_comma_are_numbers(
    tmp_path: Path, cells: list[str], values: list[float]
) -> None:
    """As features and, where nothing else is in the file, as the target."""
    path = write(tmp_path / "t.csv", cells * 10, ";")
    assert read_dataset(path, target="y").X["n"].tolist() == values * 10
    target = read_dataset(path, target="n", task="regression")
    assert target.y.tolist() == values * 10


def test_points_that_part_no_thousands_stay_decimal() -> None:
    """Only a number with both marks says that a point parts thousands."""
    assert with_points(["1.200", "1,5"], grouped=False) == ["1.200", "1.5"]


def test_words_with_commas_keep_their_spelling_beside_decimal_commas(tmp_path: Path) -> None:
    """What is mostly no number is no number."""
    path = tmp_path / "t.csv"
    rows = [f"{i},5;{'size 1,5' if i % 2 else 'red, big'};u" for i in range(20)]
    path.write_text("n;w;y\n" + "\n".join(rows) + "\n")
    assert read_table(path).frame["w"].cat.categories.tolist() == ["red, big", "size 1,5"]
