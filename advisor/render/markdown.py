"""StrategyReport → Markdown, for an issue, a notebook or a wiki."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.render.figures import (
    advice_only,
    decimals_for,
    facts,
    format_number,
    format_score,
    format_seconds,
    rejections,
    scored,
    splits_in_words,
    task_in_words,
)
from advisor.report import Recommendation, StrategyReport

SPECIAL = "\\`*_{}[]<>#|"
"""Characters that Markdown would read as markup, or that would end a table cell."""


def escape(text: str) -> str:
    r"""Keep user text from being read as markup.

    Parameters
    ----------
    text : str
        A name from the data, for example.

    Returns
    -------
    str
        On one line.

    Examples
    --------
    >>> print(escape("a|b_c"))
    a\|b\_c
    """
    one_line = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in SPECIAL else sign for sign in one_line)


def report_markdown(report: StrategyReport, next_command: str = "") -> str:
    """Write the whole advice as Markdown.

    Parameters
    ----------
    report : StrategyReport
        What to show.
    next_command : str
        What a person would type next; left out when empty.

    Returns
    -------
    str
    """
    first = report.first_choice
    parts = [
        f"# {escape(report.dataset)}: {escape(first.title if first else report.regime.name)}",
        f"`{report.regime.name}`: {escape(report.regime.definition)}. {escape(report.regime.because)}",
        escape(", ".join(facts(report.profile)) + f"; {task_in_words(report)}."),
    ]
    if report.findings:
        lines = [f"**{f.severity}** {escape(f.message)} (`{f.rule}`)" for f in report.findings]
        parts += ["## What to mind", _bullets(lines)]
    if first is None:
        parts.append(escape(advice_only(report)))
    else:
        parts += [f"## What to use, by {report.metric}", _table(report)]
        parts.append(escape(f"{report.metric}: {report.metric_reason}; {splits_in_words(report)}."))
    if report.rejected:
        lines = [
            f"{escape(who)}: {escape(why)} (`{rule}`)" for who, why, rule in rejections(report)
        ]
        parts += ["## Out", _bullets(lines)]
    outlook = [line for line in (*report.flips, report.more_labels) if line]
    if outlook:
        parts += ["## What would change this", _bullets([escape(line) for line in outlook])]
    if report.notes:
        parts += ["## Notes", _bullets([escape(line) for line in report.notes])]
    if next_command:
        parts += ["## Next", f"```\n{next_command}\n```"]
    return "\n\n".join(parts) + "\n"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(report: StrategyReport) -> str:
    decimals = decimals_for(r.expected for r in scored(report) if r.expected is not None)
    expected = "expected" if scored(report) else f"error against {report.reference}"
    lines = [f"| | strategy | {expected} | | time | why |", "|---:|---|---|---|---:|---|"]
    for r in report.recommendations:
        name = f"**{r.strategy}**" if r is report.first_choice else r.strategy
        figure = (
            f"{r.relative_error:.2f}x" if r.expected is None else format_score(r.expected, decimals)
        )
        how = r.source if r.ready else f"{r.source}, not ready"
        why = escape("; ".join(_why(r)))
        lines.append(
            f"| {r.rank} | {name} | {figure} | {how} | {format_seconds(r.seconds)} | {why} |"
        )
    if report.dummy is not None:
        lines.append(f"| | dummy | {format_number(report.dummy.value, decimals)} | | | |")
    return "\n".join(lines)


def _why(recommendation: Recommendation) -> list[str]:
    missing = [recommendation.missing] if recommendation.missing else []
    return [recommendation.basis, *recommendation.reasons, *missing]
