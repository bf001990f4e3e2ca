"""Interrupts that wait for what must not be torn."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from advisor.interrupts import whole


def test_an_interrupt_waits_until_the_piece_is_done() -> None:
    """What stands behind the interrupt is still done, then it takes effect, and later ones are as always."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    done = []

    def piece() -> None:
        with whole():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("after the interrupt")

    with pytest.raises(KeyboardInterrupt):
        piece()
    assert done == ["after the interrupt"]
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_without_an_interrupt_nothing_happens() -> None:
    """Handlers are as before, also behind an error."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="its own"), whole():
        raise ValueError("its own")
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_are_left_alone() -> None:
    """Only the main thread may set handlers; a search in a notebook's thread runs as well."""
    done = []

    def work() -> None:
        with whole():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
