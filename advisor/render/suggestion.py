"""Suggestion → a table for the terminal: what to label next, why, and what it is expected to bring."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from advisor.render.terminal import Signs
from advisor.suggestion import Suggested, Suggestion

SHOWN = 10
"""Items printed at most; all of them are in the file."""

LONGEST = 48
"""Characters of an item in the table."""


def print_suggestion(
    suggestion: Suggestion, console: Console, out: Path | None = None, use: str = ""
) -> None:
    """Print what to label next.

    Parameters
    ----------
    suggestion : Suggestion
        What to show.
    console : Console
        From :func:`advisor.render.terminal.make_console`.
    out : Path or None
        The file it was written to.
    use : str
        How that file is used, in words.
    """
    signs = Signs(console)
    title = Text.assemble((suggestion.name, "bold"), f"  {len(suggestion.chosen):,} to label next")
    console.print(Rule(title, align="left", style="dim", characters=signs.line))
    said = (
        f"{suggestion.manner}; chosen from {suggestion.n_considered:,} of {suggestion.n_pool:,} unlabelled by "
        f"{suggestion.features}"
    )
    console.print(Padding(Text(said), (1, 0, 1, 0)))
    console.print(_table(suggestion))
    left = len(suggestion.chosen) - SHOWN
    if left > 0:
        console.print(Text(f"and {left:,} more", style="dim"))
    console.print(Padding(Text(suggestion.forecast), (1, 0, 0, 0)))
    for note in suggestion.notes:
        console.print(Text(f"{signs.bullet} {note}", style="dim"))
    hint = (
        f"{out} is written. {use}"
        if out
        else "Pass -o to_label.csv for the list as a file to fill in."
    )
    console.print(Padding(Text(hint, style="bold"), (1, 0, 0, 0)))


def _table(suggestion: Suggestion) -> Table:
    """Line up the first items."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", justify="right", no_wrap=True, style="dim")
    table.add_column(suggestion.id_column)
    table.add_column("guess")
    table.add_column("chance", justify="right", no_wrap=True)
    table.add_column("why", style="dim")
    for number, one in enumerate(suggestion.chosen[:SHOWN], start=1):
        chance = "" if one.chance is None else f"{one.chance:.0%}"
        table.add_row(str(number), Text(_shown(one)), Text(one.guess), chance, Text(one.why))
    return table


def _shown(one: Suggested) -> str:
    """Name an item in a few characters: a file by its name, a row by its number and its first cells."""
    if not one.cells:
        return one.item
    words = " ".join(
        f"{one.item}: {', '.join(cell for cell in one.cells.values() if cell)}".split()
    )
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."
