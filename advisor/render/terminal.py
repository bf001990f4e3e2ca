"""StrategyReport → a table a person enjoys, from 80 columns up; plain text when nobody looks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from advisor.evaluation import Score
from advisor.finding import Finding
from advisor.render.figures import (
    Scale,
    advice_only,
    decimals_for,
    facts,
    format_number,
    format_score,
    format_seconds,
    rejections,
    scale_of,
    scored,
    splits_in_words,
    task_in_words,
)
from advisor.report import Recommendation, StrategyReport

MAX_WIDTH = 120
"""Columns beyond which lines are no longer pleasant to read."""

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask."""

NARROW = 100
"""Below this many columns the table leaves out what the legend says anyway."""

BAR_WIDTH = 16
"""Least columns of the interval chart."""

MARKS = {"veto": ("✗", "x", "red"), "warn": ("▲", "!", "yellow"), "note": ("●", "-", "cyan")}
"""Severity → its mark, the mark where the encoding has no such signs, and its colour."""


def make_console(stderr: bool = False) -> Console:
    """Make the console that everything is printed on.

    Parameters
    ----------
    stderr : bool
        Write there instead of to stdout.

    Returns
    -------
    Console
        No wider than ``MAX_WIDTH``, and of ``PLAIN_WIDTH`` where there is no terminal.
    """
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    console.width = min(MAX_WIDTH, console.width) if console.is_terminal else PLAIN_WIDTH
    return console


def print_report(report: StrategyReport, console: Console, next_command: str = "") -> None:
    """Print the whole advice.

    Parameters
    ----------
    report : StrategyReport
        What to show.
    console : Console
        From :func:`make_console`.
    next_command : str
        What a person would type next; left out when empty.
    """
    signs = Signs(console)
    console.print(_title(report, signs))
    console.print(Padding(_standing(report), (1, 0, 0, 0)))
    if report.findings:
        console.print(_heading("What to mind"))
        console.print(_findings(report.findings, signs))
    if report.first_choice is None:
        console.print(Padding(Text(advice_only(report)), (1, 0, 0, 0)))
    else:
        console.print(_heading(f"What to use, by {report.metric}"))
        console.print(Padding(_choice(report.first_choice, signs), (0, 0, 1, 0)))
        console.print(_ranking(report, console, signs))
        console.print(_legend(report, report.first_choice, signs))
    _print_list(console, "Out", [f"{who}: {why}" for who, why, _ in rejections(report)], signs)
    outlook = [*report.flips, report.more_labels]
    _print_list(console, "What would change this", [line for line in outlook if line], signs)
    _print_list(console, "Notes", report.notes, signs)
    if next_command:
        console.print(_heading("Next"))
        console.print(Text(f"  {next_command}", style="bold"), soft_wrap=True)


class Signs:
    """The signs a console can write.

    Parameters
    ----------
    console : Console
        Whose encoding decides.
    """

    def __init__(self, console: Console) -> None:
        unicode = (console.encoding or "").lower().startswith("utf")
        self.unicode = unicode
        self.first, self.bullet = ("▸", "·") if unicode else (">", "-")
        self.measured, self.estimated = ("●", "○") if unicode else ("o", "?")
        self.line, self.dummy, self.dash = ("─", "┊", "—") if unicode else ("-", ":", "-")

    def of_severity(self, severity: str) -> tuple[str, str]:
        """Give the mark and the colour of a severity."""
        sign, plain, colour = MARKS[severity]
        return (sign if self.unicode else plain), colour


class IntervalBar:
    """One row of the interval chart, as wide as its cell.

    Parameters
    ----------
    score : Score
        What is drawn.
    scale : Scale
        The common axis.
    measured : bool
        Which mark stands at the value.
    style : str
        Colour of interval and mark.
    signs : Signs
        What the console can write.
    """

    def __init__(
        self, score: Score, scale: Scale, measured: bool, style: str, signs: Signs
    ) -> None:
        self.score, self.scale, self.measured = score, scale, measured
        self.style, self.signs = style, signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        cells = [(" ", Style.null())] * width

        def at(value: float) -> int:
            return min(width - 1, int(self.scale.place(value) * width))

        if self.scale.dummy is not None:
            cells[at(self.scale.dummy)] = (self.signs.dummy, Style(dim=True))
        colour = Style.parse(self.style)
        for place in range(at(self.score.low), at(self.score.high) + 1):
            cells[place] = (self.signs.line, colour)
        mark = self.signs.measured if self.measured else self.signs.estimated
        cells[at(self.score.value)] = (mark, colour + Style(bold=True))
        yield from Segment.simplify(Segment(sign, style) for sign, style in cells)
        yield Segment.line()


def _title(report: StrategyReport, signs: Signs) -> Rule:
    title = Text.assemble((report.dataset, "bold"), f"  {task_in_words(report)}")
    return Rule(title, align="left", style="dim", characters=signs.line)


def _heading(words: str) -> Padding:
    return Padding(Text(words, style="bold"), (1, 0, 0, 0))


def _standing(report: StrategyReport) -> Group:
    """Where the dataset stands: the regime and what it means, then the facts."""
    regime = Text.assemble((report.regime.name, "bold green"), ": ", report.regime.definition)
    return Group(
        regime,
        Text(_sentence(report.regime.because)),
        Text(", ".join(facts(report.profile)), style="dim"),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _findings(findings: Sequence[Finding], signs: Signs) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        sign, colour = signs.of_severity(finding.severity)
        message = Text.assemble(finding.message, (f"  {finding.rule}", "dim"))
        table.add_row(Text(sign, style=colour), message)
    return table


def _choice(first: Recommendation, signs: Signs) -> Group:
    """Put the first choice in words, with the reasons."""
    lines = [Text.assemble(f"{signs.first} ", (first.title, "bold green"), f"  {first.basis}")]
    lines += [Text(f"  {signs.bullet} {reason}") for reason in first.reasons]
    return Group(*lines)


def _ranking(report: StrategyReport, console: Console, signs: Signs) -> Table:
    scale = scale_of(report)
    wide = console.width >= NARROW
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", expand=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("strategy", no_wrap=True)
    if scale is not None:
        table.add_column("expected", no_wrap=True)
        table.add_column("", ratio=1, min_width=BAR_WIDTH)
    else:
        table.add_column("error against " + report.reference, justify="right", ratio=1)
    if wide or scale is None:
        table.add_column("", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    decimals = decimals_for(r.expected for r in scored(report) if r.expected is not None)
    for recommendation in report.recommendations:
        table.add_row(*_row(report, recommendation, scale, decimals, wide, signs))
    if report.dummy is not None and scale is not None:
        dummy = Text(format_number(report.dummy.value, decimals), style="dim")
        table.add_row("", Text("dummy", style="dim"), dummy)
    return table


def _row(
    report: StrategyReport,
    recommendation: Recommendation,
    scale: Scale | None,
    decimals: int,
    wide: bool,
    signs: Signs,
) -> list[Text | IntervalBar]:
    first = recommendation is report.first_choice
    style = "bold green" if first else "" if recommendation.ready else "dim"
    mark = f"{signs.first if first else ' '}{recommendation.rank}"
    cells: list[Text | IntervalBar] = [
        Text(mark, style=style),
        Text(recommendation.strategy, style=style),
    ]
    how = recommendation.source if recommendation.ready else "not ready"
    if scale is None:
        cells.append(Text(f"{recommendation.relative_error:.2f}x", style=style))
    elif recommendation.expected is not None:
        cells.append(Text(format_score(recommendation.expected, decimals), style=style))
        measured = recommendation.source == "measured"
        cells.append(IntervalBar(recommendation.expected, scale, measured, style or "cyan", signs))
    if wide or scale is None:
        cells.append(Text(how, style="dim"))
    return [*cells, Text(format_seconds(recommendation.seconds), style=style)]


def _legend(report: StrategyReport, first: Recommendation, signs: Signs) -> Padding:
    parts = []
    if scored(report):
        level = next(r.expected.level for r in scored(report) if r.expected is not None)
        parts.append(
            f"{signs.measured} measured  {signs.estimated} estimated  {signs.line} {level:.0%} interval"
        )
        scale = scale_of(report)
        if scale is not None and scale.dummy is not None:
            parts.append(f"{signs.dummy} dummy")
    parts.append("time: defaults, all folds")
    # Those ahead of the first choice are told of under "What would change this".
    missing = [r for r in report.recommendations[first.rank :] if not r.ready]
    lines = [Text("  ".join(parts), style="dim")]
    lines += [Text(f"{r.strategy} is not ready: {r.missing}", style="dim") for r in missing]
    asked = f"{report.metric}: {report.metric_reason}; {splits_in_words(report)}"
    return Padding(Group(*lines, Text(asked, style="dim")), (0, 0, 0, 2))


def _print_list(console: Console, title: str, lines: Sequence[str], signs: Signs) -> None:
    if not lines:
        return
    console.print(_heading(title))
    table = Table.grid(padding=(0, 1), pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for line in lines:
        table.add_row(Text(signs.bullet, style="dim"), Text(line))
    console.print(table)
