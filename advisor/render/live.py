"""SearchState after SearchState → a live view on a terminal, plain lines elsewhere.

The view goes to stderr, so that what a command answers can be piped.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from advisor.evaluation import Score
from advisor.render.figures import decimals_for, format_score, format_seconds
from advisor.search import SearchState

LINE_EVERY = 10.0
"""Seconds between plain lines when nothing better was found (our choice: alive, but a log stays short)."""

REFRESH_PER_SECOND = 4
"""Redraws of the live view."""

PHASES = {"search": "searching", "finish": "choosing and scoring the final predictor"}
"""Phase → what a person reads."""


class SearchView:
    """Shows how a search goes; use as a context manager and pass it as ``progress``.

    Parameters
    ----------
    console : Console
        On stderr.
    quiet : bool
        Show nothing at all.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        self._live: Live | None = None
        self._state: SearchState | None = None
        self._seen = 0.0
        self._said = -LINE_EVERY
        self._best: Score | None = None
        self._phase = ""

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(
                get_renderable=self._draw,
                console=self._console,
                refresh_per_second=REFRESH_PER_SECOND,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, state: SearchState) -> None:
        """Take in a new state."""
        self._state, self._seen = state, time.monotonic()
        if self._live is None and not self._quiet:
            self._say(state)

    def _say(self, state: SearchState) -> None:
        """Print a line for a better score or a new phase, else now and then."""
        now = time.monotonic()
        news = state.best != self._best or state.phase != self._phase
        if not news and now - self._said < LINE_EVERY:
            return
        self._said, self._best, self._phase = now, state.best, state.phase
        self._console.print(plain_line(state), soft_wrap=True, highlight=False, markup=False)

    def _draw(self) -> Group:
        state = self._state
        if state is None:
            return Group(Text("reading and measuring ...", style="dim"))
        since = time.monotonic() - self._seen
        used = state.seconds_used + since
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column()
        table.add_row("now", _now(state))
        if state.best is not None:
            score = format_score(state.best, decimals_for([state.best]))
            table.add_row(
                f"best {state.metric}",
                Text.assemble((score, "bold green"), f"  {state.best_strategy}"),
            )
        table.add_row("trials", _trials(state))
        table.add_row("in the race", ", ".join(s for s in state.survivors if s != "dummy"))
        if state.seconds_left is None:
            return Group(table, Text(f"{format_seconds(used)} so far", style="dim"))
        left = max(0.0, state.seconds_left - since)
        bar = Table.grid(padding=(0, 2), expand=True)
        bar.add_column(ratio=1)
        bar.add_column(no_wrap=True, style="dim")
        bar.add_row(
            ProgressBar(total=used + left or 1.0, completed=used), f"{format_seconds(left)} left"
        )
        return Group(table, bar)


def plain_line(state: SearchState) -> str:
    """Say in one line how a search goes.

    Parameters
    ----------
    state : SearchState
        As the search reports it.

    Returns
    -------
    str
    """
    parts = [f"{state.seconds_used:6.0f}s", _trials(state)]
    if state.best is not None:
        score = format_score(state.best, decimals_for([state.best]))
        parts.append(f"best {state.metric} {score} by {state.best_strategy}")
    parts.append(_now(state))
    if state.seconds_left is not None:
        parts.append(f"{format_seconds(state.seconds_left)} left")
    return "  ".join(parts)


def _now(state: SearchState) -> str:
    phase = PHASES.get(state.phase, state.phase)
    return f"{phase}: {state.strategy}" if state.strategy else phase


def _trials(state: SearchState) -> str:
    failed = f", {state.failed} failed" if state.failed else ""
    return f"{state.trials_done} done{failed}"
