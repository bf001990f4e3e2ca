"""Result of a run → what a person wants to know at its end, on the terminal and as Markdown."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console, Group
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from advisor.render.figures import decimals_for, format_number, format_score, format_seconds
from advisor.render.terminal import Signs
from advisor.run import Result

STOPPED = {
    "time": "the time limit",
    "trials": "the number of trials",
    "labels": "the cap by the number of labels",
    "longer": "what is left to try: it needs a longer time limit",
    "interrupted": "you: the best so far is saved",
}
"""What ended a search, in words."""


def predict_command(run_dir: Path) -> str:
    """Write the command that uses the model of a run.

    Parameters
    ----------
    run_dir : Path
        The run directory.

    Returns
    -------
    str
    """
    return f"advisor predict {shlex.quote(str(run_dir))} NEW_DATA -o predictions.csv"


def result_rows(result: Result) -> list[tuple[str, str, str]]:
    """Line up the scores of a run: what, the figure, and what it means.

    Parameters
    ----------
    result : Result
        Of a finished run.

    Returns
    -------
    list of tuple of str
        The bias-corrected score first.
    """
    decimals = decimals_for([result.score])
    level = f"{result.score.level:.0%}"
    rows = [
        (
            "score",
            format_score(result.score, decimals),
            f"bias-corrected, {level} interval: the figure to quote",
        ),
        (
            "naive",
            format_number(result.naive_score, decimals),
            "the same folds chose and scored: too good",
        ),
    ]
    if result.dummy_score is not None:
        rows.append(("dummy", format_number(result.dummy_score, decimals), "ignores the features"))
    if result.test_score is not None:
        rows.append(
            (
                "test",
                format_number(result.test_score, decimals),
                "on the test split, which had no part in any choice",
            )
        )
    return rows


def members_in_words(result: Result) -> str:
    """Name the members of the final predictor with their weights.

    Parameters
    ----------
    result : Result
        Of a finished run.

    Returns
    -------
    str
        For example ``catboost 60 %, linear 40 %``.
    """
    return ", ".join(
        name if len(result.members) == 1 else f"{name} {weight:.0%}"
        for name, weight in result.members.items()
    )


def print_result(result: Result, run_dir: Path, console: Console) -> None:
    """Print what a run came to.

    Parameters
    ----------
    result : Result
        What to show.
    run_dir : Path
        Where the model is.
    console : Console
        From :func:`advisor.render.terminal.make_console`.
    """
    signs = Signs(console)
    title = Text.assemble((result.metric, "bold"), f"  {_spent(result)}")
    console.print(Rule(title, align="left", style="dim", characters=signs.line))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for number, (what, figure, meaning) in enumerate(result_rows(result)):
        table.add_row(what, Text(figure, style="" if number else "bold green"), meaning)
    console.print(Padding(table, (1, 0, 0, 0)))
    place = Table.grid(padding=(0, 2))
    place.add_column(style="dim", no_wrap=True)
    place.add_column()
    place.add_row("model", Text(members_in_words(result)))
    place.add_row("run", Text(str(run_dir), overflow="fold"))
    console.print(Padding(place, (1, 0, 0, 0)))
    if result.notes:
        lines = [Text(f"{signs.bullet} {line}") for line in result.notes]
        console.print(Padding(Group(*lines), (1, 0, 0, 0)))
    console.print(Padding(Text("Next", style="bold"), (1, 0, 0, 0)))
    console.print(Text(f"  {predict_command(run_dir)}", style="bold"), soft_wrap=True)


def result_markdown(result: Result, run_dir: Path) -> str:
    """Write what a run came to as Markdown.

    Parameters
    ----------
    result : Result
        What to show.
    run_dir : Path
        Where the model is.

    Returns
    -------
    str
    """
    rows = "\n".join(f"| {what} | {figure} | {why} |" for what, figure, why in result_rows(result))
    notes = "".join(f"\n- {line}" for line in result.notes)
    return (
        f"# {result.metric}: {format_score(result.score, decimals_for([result.score]))}\n\n"
        f"{_spent(result)}\n\n| | {result.metric} | |\n|---|---|---|\n{rows}\n\n"
        f"Model: {members_in_words(result)}, in `{run_dir}`.\n{notes}\n\n"
        f"```\n{predict_command(run_dir)}\n```\n"
    )


def _spent(result: Result) -> str:
    reason = STOPPED.get(result.stopped_by, result.stopped_by)
    return f"{result.trials:,} trials in {format_seconds(result.seconds)}, ended by {reason}"
