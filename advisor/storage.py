"""Fitted parts ↔ files, without pickle.

Plain values are JSON, arrays are npz without objects, and the few scikit-learn estimators that have no simple form
are skops files whose types must all be on a list the reader gives. A file that holds anything else is refused.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import InvalidRun, quoted

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


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


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], packed: bool = True) -> None:
    """Write named arrays as one npz.

    Parameters
    ----------
    path : Path
        The file to make; its name should end in ``.npz``.
    arrays : mapping of str to ndarray
        Arrays of numbers or of fixed-width records; no objects.
    packed : bool
        Whether to compress them, which takes seconds for 100 MB: not worth it for what is thrown away after a search.
    """
    write = np.savez_compressed if packed else np.savez
    with path.open("wb") as file:
        write(file, allow_pickle=False, **arrays)


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


PARTS = ("data", "indices", "indptr", "shape")
"""The arrays that make a sparse matrix."""


def write_matrix(folder: Path, name: str, values: NDArray[Any] | csr_matrix) -> None:
    """Write a matrix so that it can be mapped into memory: one ``.npy``, or one per array of a sparse one.

    Parameters
    ----------
    folder : Path
        An existing folder.
    name : str
        Stem of the files.
    values : ndarray or csr_matrix
        The matrix, of numbers.
    """
    if isinstance(values, np.ndarray):
        np.save(folder / f"{name}.npy", np.ascontiguousarray(values), allow_pickle=False)
        return
    parts = (values.data, values.indices, values.indptr, np.array(values.shape))
    for part, array in zip(PARTS, parts, strict=True):
        np.save(folder / f"{name}.{part}.npy", array, allow_pickle=False)


def read_matrix(folder: Path, name: str) -> NDArray[Any] | csr_matrix:
    """Map what :func:`write_matrix` wrote into memory.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        Stem of the files.

    Returns
    -------
    ndarray or csr_matrix
        Its pages are shared by all processes that read it, and must not be changed.

    Raises
    ------
    InvalidRun
        If a file is missing, is not a ``.npy``, or holds objects.
    """
    dense = folder / f"{name}.npy"
    try:
        if dense.exists():
            return np.load(dense, mmap_mode="r", allow_pickle=False)
        from scipy.sparse import csr_matrix

        data, indices, indptr, shape = (
            np.load(folder / f"{name}.{part}.npy", mmap_mode="r", allow_pickle=False)
            for part in PARTS
        )
        rows, columns = shape.tolist()
        return csr_matrix((data, indices, indptr), shape=(rows, columns), copy=False)
    except (OSError, ValueError) as error:
        raise _unreadable(dense, error) from error


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


def mended_lines(path: Path) -> Path:
    """Undo what a kill or a full disk leaves of a file that lines are appended to under a lock beside it.

    Parameters
    ----------
    path : Path
        The file, which need not exist; nobody else writes it meanwhile.

    Returns
    -------
    Path
        The same, absolute, as the lock has to name it; without a lock, and without half a line at its end.
    """
    Path(f"{path}.lock").unlink(missing_ok=True)
    if path.is_file():
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)
    return path.absolute()
