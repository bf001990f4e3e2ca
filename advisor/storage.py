"""Fitted parts ↔ files, without pickle.

Plain values are JSON, arrays are npz without objects, and the few scikit-learn estimators that have no simple form
are skops files whose types must all be on a list the reader gives. A file that holds anything else is refused.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import InvalidRun, quoted


def write_json(path: Path, value: object) -> None:
    """Write a plain value as JSON; floats are written so that they read back exactly.

    Parameters
    ----------
    path : Path
        The file to make.
    value : object
        Made of dict, list, str, int, float, bool and None.
    """
    path.write_text(json.dumps(value), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read what :func:`write_json` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    object
        The value.

    Raises
    ------
    InvalidRun
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as one compressed npz.

    Parameters
    ----------
    path : Path
        The file to make; its name should end in ``.npz``.
    arrays : mapping of str to ndarray
        Arrays of numbers or of fixed-width records; no objects.
    """
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what :func:`write_arrays` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        The arrays by name.

    Raises
    ------
    InvalidRun
        If the file is missing, is not an npz, or holds objects.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def write_estimator(path: Path, estimator: object) -> None:
    """Write a scikit-learn estimator as a skops file.

    Parameters
    ----------
    path : Path
        The file to make; its name should end in ``.skops``.
    estimator : object
        A fitted estimator.
    """
    import skops.io

    skops.io.dump(estimator, path, compression=zipfile.ZIP_DEFLATED)


def read_estimator(path: Path, trusted: Sequence[str] = ()) -> Any:
    """Read what :func:`write_estimator` wrote, if it holds only trusted types.

    Parameters
    ----------
    path : Path
        The file.
    trusted : sequence of str
        Dotted names of types allowed besides those that skops itself trusts.

    Returns
    -------
    object
        The estimator.

    Raises
    ------
    InvalidRun
        If the file is missing or altered, or holds a type that is not trusted.
    """
    import skops.io

    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(trusted)
        if unknown:
            raise InvalidRun(
                f"expected only trusted types in '{path.name}', got {quoted(sorted(unknown))}; "
                "load only runs that you or this program made"
            )
        return skops.io.load(path, trusted=list(trusted))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InvalidRun:
    return InvalidRun(
        f"expected a file that a fit wrote at '{path.name}' in '{path.parent.name}', "
        f"got {type(error).__name__}: {error}; train again, or restore the run from a copy"
    )
