"""The views: everything the report holds can be seen, on any terminal, and nothing in it is taken for markup."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from sample_report import NASTY, curve, effect, finding, probe, profile, report, score

from advisor.errors import InvalidRequest
from advisor.render.figures import Scale, decimals_for, format_score, format_seconds
from advisor.render.html import make_chart, report_html, write_page
from advisor.render.live import SearchView, plain_line
from advisor.render.markdown import report_markdown
from advisor.render.result import print_result, result_markdown
from advisor.render.terminal import print_report
from advisor.report import Origin, StrategyReport, advise_only
from advisor.run import Result
from advisor.search import SearchState
from advisor.tasks import Task

PAGE_BYTES = 3_000_000
"""A page stays below this, whatever it shows."""

FULL = report(
    probe(curve=curve(0.3, 0.2, 0.158), curve_strategy="lightgbm"),
    [
        finding(effect("forest", -0.1, -0.2, 0.0), rule="made_up_note"),
        finding(rule="made_up_warning", severity="warn", message="Mind this."),
        finding(rule="made_up_veto", severity="veto", vetoes=("neural",), message="Not this."),
    ],
)
RULES_ONLY = report(None)
RESULT = Result(
    metric="roc_auc",
    greater_is_better=True,
    score=score(0.83),
    naive_score=0.845,
    dummy_score=0.5,
    test_score=0.828,
    strategy="ensemble(catboost, linear)",
    members={"catboost": 0.6, "linear": 0.4},
    seconds=58.3,
    trials=41,
    seed=0,
    stopped_by="time",
    versions={"python": "3.11"},
    notes=("A note of the run.",),
)


def printed(
    found: StrategyReport, width: int, encoding: str = "utf-8", colour: bool = False
) -> str:
    """What a terminal of a width and an encoding gets."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=file, width=width, force_terminal=colour, highlight=False)
    print_report(found, console, "autofit data/")
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("found", [FULL, RULES_ONLY], ids=["probed", "rules only"])
def test_no_line_is_wider_than_the_terminal(found: StrategyReport, width: int) -> None:
    """From 80 columns on nothing wraps by accident."""
    assert max(len(line) for line in printed(found, width).splitlines()) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_all_that_the_report_holds(width: int) -> None:
    """Regime, findings, every strategy with its score, the vetoed, the outlook and the next command."""
    text = " ".join(printed(FULL, width).split())
    for recommendation in FULL.recommendations:
        assert recommendation.expected is not None
        assert f"{recommendation.rank} {recommendation.strategy}" in text
        assert format_score(recommendation.expected, 3) in text
    for words in (FULL.regime.name, "Mind this.", "mlp: Not this.", "autofit data/", *FULL.flips):
        assert words in text


def test_without_a_terminal_there_are_no_control_characters() -> None:
    """A pipe gets plain text."""
    assert "\x1b" not in printed(FULL, 100)
    assert "\x1b" in printed(FULL, 100, colour=True)


def test_an_old_terminal_gets_signs_it_can_write() -> None:
    """An encoding without the signs is no reason to fail."""
    text = printed(FULL, 80, encoding="ascii")
    assert text.isascii()
    assert ">1 lightgbm" in text


def test_rules_only_shows_relative_errors_and_no_score() -> None:
    """What was not measured has no figure in the metric's units."""
    text = printed(RULES_ONLY, 100)
    assert "error against linear" in text
    assert "1.00x" in text


def test_the_page_escapes_every_text() -> None:
    """A column called <b> stays text."""
    page = report_html(report(probe(), name=NASTY), f"autofit '{NASTY}'")
    assert "<b>rows" not in page
    assert "&lt;b&gt;rows" in page


@pytest.mark.parametrize("found", [FULL, RULES_ONLY], ids=["probed", "rules only"])
def test_the_page_is_self_contained(found: StrategyReport) -> None:
    """No address of any kind, no script, and small."""
    page = report_html(found, "autofit data/", RESULT)
    assert not re.search(r"https?://|src=|@import|url\(|<script|<link", page)
    assert len(page.encode()) < PAGE_BYTES
    assert "prefers-color-scheme: dark" in page


def test_the_chart_has_a_row_per_strategy_within_its_frame() -> None:
    """The SVG is well-formed and no mark lies outside of it."""
    page = report_html(FULL)
    drawn = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    assert drawn is not None
    svg = ElementTree.fromstring(drawn[0])
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    circles = list(svg.iter("circle"))
    assert len(circles) == len(FULL.recommendations)
    for line in svg.iter("line"):
        assert all(0 <= float(line.attrib[x]) <= width for x in ("x1", "x2"))
        assert all(0 <= float(line.attrib[y]) <= height for y in ("y1", "y2"))


def test_a_page_that_cannot_be_written_is_the_users_to_know(tmp_path: Path) -> None:
    """One line that names the file."""
    with pytest.raises(InvalidRequest, match="nowhere"):
        write_page(tmp_path / "nowhere" / "page.html", "")


def test_markdown_keeps_its_table_whatever_a_name_holds() -> None:
    """Every row has as many cells as the head."""
    text = report_markdown(report(probe(), name=NASTY), "autofit data/")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "<b>" not in text
    assert len(rows) == len(report(probe()).recommendations) + 3


def test_the_result_shows_the_corrected_score_beside_naive_dummy_and_test() -> None:
    """Nobody should have to look for what the figure to quote is."""
    raw = io.StringIO()
    print_result(RESULT, Path("runs/x"), Console(file=raw, width=80))
    for text in (raw.getvalue(), result_markdown(RESULT, Path("runs/x"))):
        flat = " ".join(text.split())
        for words in ("0.830 [0.810, 0.850]", "0.845", "0.500", "0.828", "catboost 60%"):
            assert words in flat
        assert "advisor predict runs/x" in flat
        assert "A note of the run." in flat


STATE = SearchState(
    phase="search",
    strategy="svm",
    trials_done=12,
    failed=1,
    best_strategy="linear",
    best=score(0.83),
    metric="roc_auc",
    seconds_used=31.0,
    seconds_left=29.0,
    survivors=("linear", "svm"),
)


def test_progress_without_a_terminal_is_one_line_for_news() -> None:
    """A better score is said once, not ten times."""
    raw = io.StringIO()
    with SearchView(Console(file=raw, width=80)) as view:
        for _ in range(10):
            view(STATE)
    assert raw.getvalue().splitlines() == [plain_line(STATE)]
    for words in ("12 done, 1 failed", "0.830 [0.810, 0.850] by linear", "svm", "29s left"):
        assert words in plain_line(STATE)


def test_quiet_progress_prints_nothing() -> None:
    """Not even on a terminal."""
    raw = io.StringIO()
    with SearchView(Console(file=raw, width=80, force_terminal=True), quiet=True) as view:
        view(STATE)
    assert raw.getvalue() == ""


def test_live_progress_shows_the_race_on_a_terminal() -> None:
    """Strategy, trials, the best score with its interval, and the time left."""
    raw = io.StringIO()
    with SearchView(Console(file=raw, width=80, force_terminal=True)) as view:
        view(STATE)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", raw.getvalue())
    for words in ("searching: svm", "0.830 [0.810, 0.850]", "12 done, 1 failed", "left"):
        assert words in shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.821, 0.862, "0.842 [0.821, 0.862]"),
        (20000.0, 26000.0, "23,000 [20,000, 26,000]"),
        (2.4e-4, 4.0e-4, "0.00032 [0.00024, 0.00040]"),
        (2.4e-7, 4.0e-7, "3.2e-07 [2.4e-07, 4.0e-07]"),
        (3.98e-7, 4.00e-7, "3.990e-07 [3.980e-07, 4.000e-07]"),
        (0.0, 3.2e-12, "1.6e-12 [0, 3.2e-12]"),
        (0.81999999, 0.82000001, "0.8200 [0.8200, 0.8200]"),
    ],
)
def test_scores_have_the_digits_their_interval_supports(
    low: float, high: float, shown: str
) -> None:
    """No digits that mean nothing."""
    value = 0.842 if high == 0.862 else (low + high) / 2
    found = score(0.0).model_copy(update={"value": value, "low": low, "high": high})
    assert format_score(found, decimals_for([found])) == shown


def test_scores_in_small_units_are_not_shown_as_zero() -> None:
    """Neither in a column nor along the chart of the page."""
    tiny = score(3.1e-7, 1.6e-7)
    few = [r.model_copy(update={"expected": tiny}) for r in FULL.recommendations]
    found = FULL.model_copy(update={"recommendations": tuple(few), "dummy": score(4.5e-7, 0.0)})
    chart = make_chart(found, decimals_for([tiny]))
    assert chart is not None
    assert {"2.5e-07", "3.0e-07", "4.5e-07"} <= {label for _, label in chart.ticks}
    for view in (printed(found, 100), report_markdown(found), report_html(found)):
        assert "3.1e-07 [2.3e-07, 3.9e-07]" in view
        assert "4.5e-07" in view
    assert decimals_for([score(3.1e-7, 0.0)]) == 8


def test_a_far_away_dummy_does_not_squeeze_the_chart() -> None:
    """It is told in words instead."""
    near, far = Scale([score(0.8)], score(0.79)), Scale([score(0.8)], score(0.1))
    assert near.dummy == 0.79
    assert far.dummy is None
    assert far.low > 0.7


def test_durations_read_as_a_person_says_them() -> None:
    """Hours are not told in seconds."""
    told = {0.0: "<0.1s", 7.25: "7.2s", 59.4: "59s", 59.7: "1m00s", 61.0: "1m01s", 119.6: "2m00s"}
    told |= {3599.7: "1h00m", 7199.0: "2h00m", 7260.0: "2h01m"}
    assert {s: format_seconds(s) for s in told} == told


def test_a_task_that_is_only_advised_on_is_shown_without_a_ranking() -> None:
    """Findings are told on every view, nothing is promised, and the reason stands in place of the table."""
    told = finding(rule="small_masks", message="Few masks.")
    found = advise_only(profile(task=Task.SEGMENTATION), FULL.regime, [told], Origin(), 0)
    assert found.first_choice is None
    assert StrategyReport.model_validate_json(found.model_dump_json()) == found
    for view in (printed(found, 80), report_markdown(found), report_html(found)):
        assert "cannot train it yet" in view
        assert "Few masks." in view
        assert "What to use" not in view


def test_an_interval_without_an_end_asks_for_no_decimals() -> None:
    """The others decide."""
    endless = score(0.5).model_copy(update={"high": float("inf")})
    assert decimals_for([endless]) == decimals_for([])
    assert decimals_for([endless, score(0.8)]) == decimals_for([score(0.8)])
