"""Health → a page to paste into a bug report."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.doctor import BackboneHealth, Health
from advisor.render.cache import format_bytes

HOW_TO_GET = (
    "One that is not here, or any other model of timm or Hugging Face: name it with --backbone while online, or "
    "pass a file of its weights with --backbone-path."
)
"""Below the backbones."""


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
    console.print(Padding(_backbones(health.backbones), (1, 0, 0, 0)))
    console.print(Text(HOW_TO_GET, style="dim"))
    cache = health.cache
    told = f"{format_bytes(cache.used)} of at most {format_bytes(cache.limit)} in {cache.folder}"
    console.print()
    console.print(Text.assemble(("Cache ", "bold"), told), soft_wrap=True)


def _backbones(backbones: Sequence[BackboneHealth]) -> Table:
    table = _table("Backbones")
    for one in backbones:
        if not one.missing:
            ready, detail = Text("ready", style="green"), f"{one.licence}; runs on {one.engine}"
        elif one.weights.startswith("hub:"):
            ready = Text("not here", style="yellow")
            detail = f"{one.megabytes:.0f} MB on the hub; {one.licence}"
        else:
            ready, detail = Text("not ready", style="yellow"), one.missing
        table.add_row(one.backbone, ready, Text(detail, style="dim"))
    return table


def _table(title: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("")
    return table
