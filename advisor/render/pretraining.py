"""Progress after Progress → how far training without labels has come; and, at its end, what it gained."""

from __future__ import annotations

import math
import shlex
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from advisor.adaptation import Progress
from advisor.pretraining import Pretrained
from advisor.render.figures import format_seconds

LINE_EVERY = 10.0
"""Seconds between plain lines where there is no terminal; our choice, as of a search."""


class PretrainView:
    """Shows how training goes; use as a context manager and pass it as ``progress``.

    Parameters
    ----------
    console : Console
        On stderr.
    quiet : bool
        Show nothing at all.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        self._status: Status | None = None
        self._said, self._looks = -LINE_EVERY, -1

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._status = self._console.status("reading ...")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, progress: Progress) -> None:
        """Take in how far it is."""
        if self._quiet:
            return
        line = progress_line(progress)
        if self._status is not None:
            self._status.update(line)
            return
        now, looks = time.monotonic(), len(progress.losses) + len(progress.scores)
        if looks != self._looks or now - self._said >= LINE_EVERY:
            self._said, self._looks = now, looks
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def progress_line(progress: Progress) -> str:
    """Say in one line how far a training is.

    Parameters
    ----------
    progress : Progress
        As the training reports it.

    Returns
    -------
    str

    Examples
    --------
    >>> progress_line(Progress(step=30, steps=300, losses=[1.5], scores=[0.7, 0.72], seconds_left=95.0))
    'step 30 of 300  loss 1.500  probe 0.700, best 0.720  1m35s left'
    """
    parts = [f"step {progress.step} of {progress.steps}"]
    if progress.losses:
        parts.append(f"loss {progress.losses[-1]:.3f}")
    if progress.scores:
        parts.append(f"probe {progress.scores[0]:.3f}, best {max(progress.scores):.3f}")
    if math.isfinite(progress.seconds_left):
        parts.append(f"{format_seconds(progress.seconds_left)} left")
    return "  ".join(parts)


def print_pretrained(made: Pretrained, console: Console, command: str) -> None:
    """Print what training without labels gained, and what to do next.

    Parameters
    ----------
    made : Pretrained
        As :func:`advisor.pretraining.pretrain` returns it.
    console : Console
        On stdout.
    command : str
        ``autofit DATA``, which the names of backbones are added to.
    """
    for line in pretrained_lines(made, command):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def pretrained_lines(made: Pretrained, command: str) -> list[str]:
    """Say what training without labels gained, line by line; as :func:`print_pretrained`."""
    if made.stopped:
        at = f"step {made.steps} of {made.planned}" if made.planned else "before the first step"
        return [
            f"stopped   {made.backbone}: {at}",
            "          run the same command again to go on from there; a backbone is named once training is over",
        ]
    took = f"{made.steps} of {made.planned} steps, {format_seconds(made.seconds)}"
    lines = [f"{made.method:<10}{made.backbone} on {made.n_pool:,} unlabelled items ({took})"]
    if made.before is not None and made.after is not None:
        lines.append(
            f"probe     {made.measure} on {made.n_probed} labelled items: {made.before:.3f} before, "
            f"{made.after:.3f} after"
        )
    if not made.improved:
        return [
            *lines,
            f"          nothing was gained: use {made.backbone} as it is",
        ]
    if made.before is None:
        lines.append("probe     none: compare the two with autofit")
    else:
        lines.append(
            "          the best of several looks: let autofit judge it, which compares the two on all folds"
        )
    names = " ".join(f"--backbone {shlex.quote(name)}" for name in (made.backbone, made.name))
    return [*lines, f"weights   {made.place}", f"next      {command} {names}"]
