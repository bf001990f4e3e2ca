"""Every way a command ends has its code, and one line at most."""

from __future__ import annotations

import errno
import warnings
from pathlib import Path

import pytest
import typer

import advisor
from advisor.cli_exit import DONE, INTERRUPTED, WRONG, interruptible, run_app
from advisor.errors import UnreadableData


def app_that(fault: BaseException | None) -> typer.Typer:
    """A command that raises, or ends well."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    @interruptible
    def command() -> None:
        if fault is not None:
            raise fault

    return app


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (None, DONE, ""),
        (typer.Exit(INTERRUPTED), INTERRUPTED, ""),
        (KeyboardInterrupt(), INTERRUPTED, "do: interrupted\n"),
        (KeyboardInterrupt("all is kept"), INTERRUPTED, "do: interrupted: all is kept\n"),
        (
            UnreadableData("expected a table,\ngot a moon"),
            WRONG,
            "do: expected a table, got a moon\n",
        ),
        (typer.BadParameter("no moon."), WRONG, "do: Invalid value: no moon; see do --help\n"),
    ],
)
def test_what_a_user_can_put_right_is_one_line(
    capsys: pytest.CaptureFixture[str], fault: BaseException | None, code: int, told: str
) -> None:
    """And nothing is written where a command ends well."""
    assert run_app(app_that(fault), "do", []) == code
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("fault", [ZeroDivisionError(), OSError(errno.EIO, "broken disk")])
def test_a_bug_stays_a_traceback(fault: Exception) -> None:
    """It must be seen."""
    with pytest.raises(type(fault)):
        run_app(app_that(fault), "do", [])


def test_our_warnings_are_one_line_and_others_as_usual(capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads one cares for what it says, not for the line of our code that says it."""
    app = typer.Typer(add_completion=False)
    ours = Path(advisor.__file__).parent / "backbones" / "timm.py"

    @app.command()
    def command() -> None:
        for place in (str(ours), "/elsewhere/other.py"):
            print(warnings.formatwarning("mind this", UserWarning, place, 7, ""), end="")

    assert run_app(app, "do", []) == DONE
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == "do: mind this"
    assert second == "/elsewhere/other.py:7: UserWarning: mind this"
    assert "do:" not in warnings.formatwarning("mind this", UserWarning, str(ours), 7, "")
