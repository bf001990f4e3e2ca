"""StrategyReport → one self-contained page: no network, no script, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from advisor.errors import InvalidRequest
from advisor.render.figures import (
    MOST_DECIMALS,
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
from advisor.report import StrategyReport

if TYPE_CHECKING:
    from advisor.run import Result

TEMPLATE = "report.html.j2"

NAME_WIDTH, PLOT_WIDTH, RIGHT = 150.0, 520.0, 30.0
"""Horizontal measures of the chart, in user units of the SVG."""

ROW_HEIGHT, TOP, BOTTOM = 30.0, 12.0, 34.0
"""Vertical measures of the chart, in user units of the SVG."""


class Bar(NamedTuple):
    """One row of the chart, in user units of the SVG."""

    name: str
    y: float
    low: float
    value: float
    high: float
    measured: bool
    ready: bool
    first: bool
    label: str


class Chart(NamedTuple):
    """The interval chart, in user units of the SVG."""

    width: float
    height: float
    left: float
    bars: list[Bar]
    ticks: list[tuple[float, str]]
    dummy: float | None
    axis: float


def report_html(
    report: StrategyReport, next_command: str = "", result: Result | None = None
) -> str:
    """Write the whole advice as a page.

    Parameters
    ----------
    report : StrategyReport
        What to show; every text in it is escaped.
    next_command : str
        What a person would type next; left out when empty.
    result : Result or None
        What training came to, shown first.

    Returns
    -------
    str
        A complete HTML document.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    expected = [r.expected for r in scored(report) if r.expected is not None]
    decimals = decimals_for(expected)
    rows = []
    if result is not None:
        from advisor.render.result import members_in_words, result_rows

        rows = [*result_rows(result), ("model", members_in_words(result), "")]
    return environment.get_template(TEMPLATE).render(
        report=report,
        rejections=rejections(report),
        first=report.first_choice,
        advice_only=advice_only(report),
        facts=facts(report.profile),
        task=task_in_words(report),
        splits=splits_in_words(report),
        chart=make_chart(report, decimals),
        level=expected[0].level if expected else 0.95,
        outlook=[line for line in (*report.flips, report.more_labels) if line],
        next_command=next_command,
        result=rows,
        score=lambda score: format_score(score, decimals),
        number=lambda value: format_number(value, decimals),
        seconds=format_seconds,
    )


def write_page(path: Path, page: str) -> None:
    """Write a page where a person asked for it.

    Parameters
    ----------
    path : Path
        The file; its folder must be there.
    page : str
        From :func:`report_html`.

    Raises
    ------
    InvalidRequest
        If it cannot be written.
    """
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise InvalidRequest(f"cannot write --html '{path}': {error.strerror or error}") from error


def make_chart(report: StrategyReport, decimals: int) -> Chart | None:
    """Lay out the interval chart.

    Parameters
    ----------
    report : StrategyReport
        Whose expected scores are drawn.
    decimals : int
        Of the figures.

    Returns
    -------
    Chart or None
        ``None`` where nothing was measured.
    """
    scale = scale_of(report)
    if scale is None:
        return None
    bars = []
    for number, r in enumerate(scored(report)):
        assert r.expected is not None
        bars.append(
            Bar(
                name=r.strategy,
                y=TOP + ROW_HEIGHT * (number + 0.5),
                low=_across(scale, r.expected.low),
                value=_across(scale, r.expected.value),
                high=_across(scale, r.expected.high),
                measured=r.source == "measured",
                ready=r.ready,
                first=r is report.first_choice,
                label=f"{r.title}: {format_score(r.expected, decimals)}, {r.source}",
            )
        )
    axis = TOP + ROW_HEIGHT * len(bars)
    ticks = scale.ticks()
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0]) or 1.0
    exact = (
        d
        for d in range(max(decimals, MOST_DECIMALS) + 1)
        if abs(round(step, d) - step) < step / 100
    )
    shown = next(exact, decimals)
    return Chart(
        width=NAME_WIDTH + PLOT_WIDTH + RIGHT,
        height=axis + BOTTOM,
        left=NAME_WIDTH,
        bars=bars,
        ticks=[(_across(scale, tick), format_number(tick, shown)) for tick in ticks],
        dummy=None if scale.dummy is None else _across(scale, scale.dummy),
        axis=axis,
    )


def _across(scale: Scale, value: float) -> float:
    return round(NAME_WIDTH + PLOT_WIDTH * scale.place(value), 1)
