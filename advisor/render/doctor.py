"""Health → a page to paste into a bug report."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.doctor import Health


def print_health(health: Health, console: Console) -> None:
    """Print what this machine has.

    Parameters
    ----------
    health : Health
        From :func:`advisor.doctor.examine`.
    console : Console
        From :func:`advisor.render.terminal.make_console`.
    """
    memory = "" if health.memory_gib is None else f", {health.memory_gib:.0f} GiB of memory"
    console.print(Text.assemble(("Python ", "bold"), f"{health.python}  {health.executable}"))
    console.print(Text(f"{health.system}, {health.cores} cores{memory}", style="dim"))
    libraries = _table("Libraries")
    for name, number in health.libraries.items():
        libraries.add_row(name, number or Text("not installed", style="dim"), "")
    console.print(Padding(libraries, (1, 0, 0, 0)))
    strategies = _table("Strategies")
    for strategy in health.strategies:
        ready = (
            Text("not ready", style="yellow") if strategy.missing else Text("ready", style="green")
        )
        detail = strategy.missing or strategy.licence
        strategies.add_row(strategy.strategy, ready, Text(detail, style="dim"))
    console.print(Padding(strategies, (1, 0, 0, 0)))


def _table(title: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("")
    return table
