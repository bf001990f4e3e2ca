"""A full disk → an error that a user can put right, instead of a traceback from wherever it was noticed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from advisor.errors import NoRoom

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says where a disk, or what a user may have of it, is used up."""

LEAST_ROOM = 2**20
"""Free bytes below which a disk counts as full; our choice: a megabyte, less than a trial writes."""


def is_full(fault: OSError, folder: Path | None = None) -> bool:
    """Tell whether a full disk is why something failed.

    Parameters
    ----------
    fault : OSError
        What was raised.
    folder : Path or None
        Where something was to be written, if that is known: NumPy says how much it wrote and not why that was not all.

    Returns
    -------
    bool
    """
    if fault.errno is not None or folder is None:
        return fault.errno in FULL
    return shutil.disk_usage(folder).free < LEAST_ROOM


def check_room(folder: Path) -> None:
    """Find out whether a disk is full, where a failure that does not say why may come from that.

    Parameters
    ----------
    folder : Path
        On the disk.

    Raises
    ------
    OSError
        With the code ``ENOSPC``, where it is.
    """
    if shutil.disk_usage(folder).free < LEAST_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


@contextmanager
def room_needed(folder: Path, then: str) -> Iterator[None]:
    """Tell a user of a full disk.

    Parameters
    ----------
    folder : Path
        What is written inside.
    then : str
        What to do once there is room.

    Yields
    ------
    None

    Raises
    ------
    NoRoom
        In place of what was raised, where the disk is full.
    """
    try:
        yield
    except OSError as fault:
        if not is_full(fault, folder):
            raise
        raise NoRoom(
            f"expected room on the disk of '{folder}', got none left; free some, then {then}"
        ) from fault
