"""How a command ends: its exit code, and one line on stderr for what the user can put right.

Exit codes: 0 done; 2 the input or the command is wrong, or the disk is full; 130 interrupted, the best so far saved; 1
a bug, which alone stays a traceback.
"""

from __future__ import annotations

import functools
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from advisor.disk import is_full
from advisor.errors import AdvisorError

DONE, WRONG, INTERRUPTED = 0, 2, 130
"""Exit codes; 1 is Python's own, for an exception that nobody expected."""

UsageError = typer.BadParameter.__base__
"""What typer raises for a wrong command line; it has no public name there."""

PACKAGE = Path(__file__).parent
"""Where warnings are our own."""


def run_app(app: typer.Typer, name: str, arguments: Sequence[str]) -> int:
    """Run a command and turn how it ended into an exit code.

    Parameters
    ----------
    app : typer.Typer
        The command, or several.
    name : str
        What it is called.
    arguments : sequence of str
        What follows that on the command line.

    Returns
    -------
    int
        The exit code; what is a bug is raised.
    """
    # A name that the terminal cannot write is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _plain_warnings(name):
            code = app(args=list(arguments), prog_name=name, standalone_mode=False)
            sys.stdout.flush()
    except AdvisorError as error:
        return _fail(name, str(error))
    except (BrokenPipeError, SystemExit):
        # The reader has seen enough (typer turns that into SystemExit, which nothing of ours raises).
        _drop_output()
        return DONE
    except typer.Abort as stop:
        print(f"{name}: interrupted{''.join(f': {why}' for why in stop.args)}", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if not is_full(error):
            raise
        _drop_output()
        return _fail(name, f"expected room on the disk, got {error}; free some and start again")
    except Exception as error:
        if UsageError is None or not isinstance(error, UsageError):
            raise
        words = getattr(error, "format_message", error.__str__)()
        return _fail(name, f"{words.rstrip('.')}; see {name} --help")
    return code if isinstance(code, int) else DONE


def interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """Let :func:`run_app` know of Ctrl-C, which typer otherwise turns into a code without a word.

    Parameters
    ----------
    command : callable
        Of an app.

    Returns
    -------
    callable
        The same, as an app takes it.
    """

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt as stop:
            raise typer.Abort(*stop.args) from None

    return run


@contextmanager
def _plain_warnings(name: str) -> Iterator[None]:
    """Write our own warnings as one line each, without the line of code that they come from."""
    usual = warnings.formatwarning

    def told(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if PACKAGE in Path(filename).parents:
            return f"{name}: {message}\n"
        return usual(message, category, filename, lineno, line)

    warnings.formatwarning = told
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _drop_output() -> None:
    """Write what is left to nowhere, of which Python would complain in its own flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)


def _fail(name: str, message: str) -> int:
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return WRONG
