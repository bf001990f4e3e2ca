"""What the cache keeps → a table for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advisor.cache import ArrayCache

GIGABYTE = 1e9
"""Bytes, as disks are sold."""


def print_cache(cache: ArrayCache, console: Console) -> None:
    """Print where the cache is, how full it is, and what of.

    Parameters
    ----------
    cache : ArrayCache
        From :func:`advisor.cache.default_cache`.
    console : Console
        From :func:`advisor.render.terminal.make_console`.
    """
    usage = cache.usage()
    console.print(Text.assemble(("Cache ", "bold"), str(cache.folder)), soft_wrap=True)
    console.print(Text(cache_line(cache), style="dim"))
    if not usage:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("What")
    table.add_column("Number", justify="right", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    for space in usage:
        table.add_row(Text(space.space), f"{space.n:,}", format_bytes(space.bytes))
    console.print()
    console.print(table)


def cache_line(cache: ArrayCache) -> str:
    """Say how full the cache is.

    Parameters
    ----------
    cache : ArrayCache
        Any.

    Returns
    -------
    str
        For example ``21 MB of at most 5.0 GB, and 120 MB of files, which have no limit``.
    """
    used, files = (sum(one.bytes for one in part) for part in (cache.arrays(), cache.files()))
    beside = f", and {format_bytes(files)} of files, which have no limit" if files else ""
    return f"{format_bytes(used)} of at most {format_bytes(cache.limit)}{beside}"


def format_bytes(n: float) -> str:
    """Write a size for people.

    Parameters
    ----------
    n : float
        Bytes.

    Returns
    -------
    str

    Examples
    --------
    >>> format_bytes(0), format_bytes(20_270_000), format_bytes(5e9)
    ('0 MB', '20 MB', '5.0 GB')
    """
    if n >= GIGABYTE:
        return f"{n / GIGABYTE:.1f} GB"
    return f"{n / 1e6:.1f} MB" if 0 < n < 1e7 else f"{n / 1e6:.0f} MB"
