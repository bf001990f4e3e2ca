"""A moment after which a piece of work should stop."""

from __future__ import annotations

import time

from advisor.errors import DeadlineExceeded


class Deadline:
    """A moment after which a fit should stop.

    Parameters
    ----------
    seconds : float or None
        From now; ``None`` for never.
    """

    def __init__(self, seconds: float | None) -> None:
        self._at = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, 0 when passed, infinity when there is none."""
        return float("inf") if self._at is None else max(0.0, self._at - time.monotonic())

    def passed(self) -> bool:
        """Whether the moment has come."""
        return self._at is not None and time.monotonic() >= self._at

    def check(self) -> None:
        """Stop a fit that has nothing usable yet.

        Raises
        ------
        DeadlineExceeded
            When the moment has come.
        """
        if self.passed():
            raise DeadlineExceeded("the fit ran out of time before there was a usable model")
