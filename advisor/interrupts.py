"""Work that must not be torn → a context in which Ctrl-C and SIGTERM wait until it is done.

Optuna's journal takes a lock file for every line. An interrupt between taking it and giving it back leaves a lock that
nobody holds, or hides the interrupt behind the error of a missing file.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKED = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a process to end."""


@contextmanager
def whole() -> Iterator[None]:
    """Finish what is done inside before an interrupt takes effect; for pieces of milliseconds.

    Yields
    ------
    None
        In any other thread than the main one, which alone gets signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    before = {number: signal.signal(number, wait) for number in ASKED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])
