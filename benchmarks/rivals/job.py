"""What a driver is asked to do, and how it answers; needs only numpy and pandas.

Binary targets become 1 for the positive class and 0 for the other, so that every library ranks
the same class.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = ["", "?"]
"""How the data folder writes a missing cell (its README)."""


@dataclass(frozen=True)
class Job:
    """A table, a budget and a seed.

    Attributes
    ----------
    folder : str
        Holds ``train/train.csv`` and ``test.csv``, and takes ``predictions.csv``; free to write in.
    target : str
        The column to predict.
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    metric : str
        scikit-learn's name.
    positive : str or None
        The positive class of a binary task.
    seconds : float
        Budget of the fit.
    jobs : int
        Cores to use.
    seed : int
        Seed of the system.
    """

    folder: str
    target: str
    task: str
    metric: str
    positive: str | None
    seconds: float
    jobs: int
    seed: int

    @classmethod
    def from_command_line(cls) -> Job:
        """Read the job file that is the first argument."""
        return cls(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write the job file at ``path``."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


@dataclass(frozen=True)
class Frames:
    """A job's data as a library takes it.

    Attributes
    ----------
    X, X_test : DataFrame
        Numbers as float64, all else as text; missing cells as NaN.
    y : ndarray of shape (n_train,)
        Codes into ``classes``, or float64 for regression.
    classes : tuple of str
        Class names; empty for regression.
    """

    X: pd.DataFrame
    y: NDArray[np.generic]
    X_test: pd.DataFrame
    classes: tuple[str, ...]

    @cached_property
    def texts(self) -> list[str]:
        """Names of the columns that are not numbers."""
        return [str(name) for name in self.X if not pd.api.types.is_numeric_dtype(self.X[name])]


def load(job: Job) -> Frames:
    """Read a job's tables.

    Parameters
    ----------
    job : Job
        What to read.

    Returns
    -------
    Frames
        Columns without any value in train are left out.
    """
    train_path, test_path = Path(job.folder) / "train" / "train.csv", Path(job.folder) / "test.csv"
    words: dict[str, Any] = {"dtype": str, "keep_default_na": False}
    train = pd.read_csv(train_path, na_values=MISSING, **words).drop(columns=job.target)
    X = train.dropna(axis=1, how="all").astype(object)
    X_test = pd.read_csv(test_path, na_values=MISSING, **words)[list(X)].astype(object)
    for name in X:
        numbers = pd.to_numeric(X[name], errors="coerce")
        if numbers.notna().equals(X[name].notna()):
            X[name] = numbers.astype(float)
            X_test[name] = pd.to_numeric(X_test[name], errors="coerce").astype(float)
    # Read apart: a class may be called "?" or be empty text.
    named = pd.read_csv(train_path, usecols=[job.target], **words)[job.target]
    if job.task == "regression":
        return Frames(X, named.astype(float).to_numpy(), X_test, ())
    classes = sorted(named.unique(), key=lambda name: (name == job.positive, name))
    codes = named.map({name: code for code, name in enumerate(classes)}).to_numpy(dtype=np.int64)
    return Frames(X, codes, X_test, tuple(classes))


def answer(
    job: Job,
    frames: Frames,
    values: NDArray[np.generic],
    probabilities: NDArray[np.float64] | None,
    **figures: float | None,
) -> None:
    """Write the predictions and print the figures as the last line.

    Parameters
    ----------
    job : Job
        The job that was done.
    frames : Frames
        Its data.
    values : ndarray of shape (n_test,)
        Codes of the predicted classes, or predicted numbers.
    probabilities : ndarray of shape (n_test, n_classes) or None
        Class probabilities where the task has classes.
    **figures : float or None
        ``fit_seconds`` and what the system says of itself: ``reported``, ``low``, ``high``,
        ``naive``.
    """
    table = pd.DataFrame({"prediction": values})
    if frames.classes:
        table["prediction"] = [frames.classes[int(code)] for code in values]
    if frames.classes and probabilities is not None:
        for code, name in enumerate(frames.classes):
            table[name] = probabilities[:, code]
    table.to_csv(Path(job.folder) / "predictions.csv", index=False)
    print(json.dumps(figures))
