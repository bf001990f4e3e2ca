"""Selection → FittedPipeline: predict, save, load.

A pipeline is the fold models of its members with the representation each was trained on, their weights, the
calibrator and the decision. Saved as a folder: a JSON manifest with versions and the sha256 of every file, and
each model in its native format. Loading refuses altered files and names it does not know; nothing is pickled.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from advisor.cores import usable_cores
from advisor.dataset import Task
from advisor.errors import AdvisorError, UnreadableData, quoted
from advisor.fitting import load_model
from advisor.manifest import Member, read_manifest
from advisor.media.medium import Medium
from advisor.metrics import get_metric
from advisor.representation import REPRESENTATIONS, Representation, split_name
from advisor.strategy import STRATEGIES, FitContext, Model
from advisor.tables.columns import conform
from advisor.tables.media_columns import medium_of
from advisor.tables.media_rows import file_rows, readable
from advisor.tables.reading import as_raw, unique_names
from advisor.tables.rows import read_features
from advisor.tables.texts import mended

SHOWN = 60
"""Characters of what is taken for a path that a message shows; our choice, for the reader."""


class FittedPipeline(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A trained predictor with the manners of a fitted scikit-learn estimator.

    Parameters
    ----------
    folder : Path
        Where the pipeline is saved; made by ``autofit``.

    Attributes
    ----------
    classes_ : ndarray of str of shape (n_classes,)
        Class names as they are in the data, sorted as scikit-learn's scorers take for granted; of multilabel the
        labels in the order of their columns; absent for regression.
    feature_names_in_ : ndarray of str
        Columns it reads, in training order; other columns are ignored.
    n_features_in_ : int
        How many these are.

    Raises
    ------
    InvalidRun
        If the folder is not a saved pipeline, a file was altered, or a part is unknown.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(Path(folder))
        problem = self.manifest.problem
        self.task: Task = problem.task
        if problem.classes:
            names = np.array(problem.classes, dtype=object)
            sortable = problem.task is not Task.MULTILABEL
            self._order = np.argsort(names) if sortable else np.arange(len(names))
            self.classes_ = names[self._order]
        self.feature_names_in_ = np.array([c.name for c in self.manifest.columns], dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        self._parts: list[tuple[Member, list[tuple[Model, str]]]] | None = None
        self._representations: dict[str, Representation] = {}

    def fit(self, X: object, y: object = None) -> FittedPipeline:
        """Change nothing: the pipeline is trained, and stays as it is inside another estimator.

        Parameters
        ----------
        X, y : object
            Ignored, as by :class:`sklearn.frozen.FrozenEstimator`.

        Returns
        -------
        FittedPipeline
            Itself. To train, call :func:`advisor.autofit`.
        """
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Predict the target.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            The training columns in any order; others are ignored. A polars frame or an array with the
            training columns in their order will do, and so will the path of a table. Of pictures and recordings, a
            list of paths as well, or a folder; of a column of texts alone, a list or a Series of them.

        Returns
        -------
        ndarray
            Class names of shape (n_rows,); 0/1 of shape (n_rows, n_labels) for multilabel; values of shape
            (n_rows,) for regression. For a file that cannot be read: None, zeros, or NaN, and a warning names it.

        Raises
        ------
        UnreadableData
            If columns are missing.
        """
        mixed, unread = self._mixed(X)
        _warn_of(unread)
        return self.decide(mixed)

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Predict calibrated probabilities, in the order of ``classes_``.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            As for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Rows sum to one; for multilabel each column is a label's own probability. NaN for a file that cannot
            be read, and a warning names it.

        Raises
        ------
        AttributeError
            For regression.
        """
        if not self.task.is_classification:
            raise AttributeError("a regression pipeline has no predict_proba")
        mixed, unread = self._mixed(X)
        _warn_of(unread)
        chances: NDArray[np.float64] = self.manifest.calibrator.apply(mixed)
        return chances[:, self._order]

    def predict_both(self, X: pd.DataFrame) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """Predictions and, of classes, probabilities in the problem's order; in one pass, without a warning."""
        mixed, _ = self._mixed(X)
        chances = self.manifest.calibrator.apply(mixed) if self.task.is_classification else None
        return self.decide(mixed), chances

    def decide(self, mixed: NDArray[np.float64]) -> NDArray[Any]:
        """From blended predictions of shape (n_rows, n_outputs) to what :meth:`predict` returns."""
        if not self.task.is_classification:
            return mixed[:, 0]
        # What a metric of labels gains by is decided before calibration; all others take the likeliest class.
        by_labels = get_metric(self.manifest.problem.metric, self.task).needs == "labels"
        decided_by = self.manifest.decision if by_labels else self.manifest.calibrator
        scores = decided_by.apply(mixed)
        if self.task is Task.MULTILABEL:
            return (scores > 0.5).astype(np.int8)
        names = np.array(self.manifest.problem.classes, dtype=object)
        decided: NDArray[Any] = names[scores.argmax(axis=1)]
        decided[np.isnan(scores).any(axis=1)] = None
        return decided

    def score(self, X: pd.DataFrame, y: Any) -> float:
        """Score in the metric that was trained for (greater is better as that metric says).

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            As for :meth:`predict`.
        y : array-like
            Class names, a 0/1 matrix, or values.

        Returns
        -------
        float
        """
        return self.score_codes(X, self._encode(y))

    def score_codes(self, X: pd.DataFrame, y: NDArray[np.generic]) -> float:
        """As :meth:`score`, for targets encoded as in :class:`advisor.dataset.Dataset`."""
        metric = get_metric(self.manifest.problem.metric, self.task)
        mixed, _ = self._mixed(X)
        known = ~np.isnan(mixed).any(axis=1)
        if not known.all():  # a file that cannot be read is neither right nor wrong
            mixed, y = mixed[known], y[known]
        if not len(mixed):
            raise UnreadableData("there is nothing to score: no row can be read")
        if metric.needs == "labels":
            return float(metric.score(y, self.manifest.decision.apply(mixed))[0])
        return float(metric.score(y, self.manifest.calibrator.apply(mixed))[0])

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if self.task.is_classification else "regressor"
        return tags

    def _encode(self, y: Any) -> NDArray[np.generic]:
        if self.task is Task.REGRESSION:
            return np.asarray(y, dtype=np.float64)
        if self.task is Task.MULTILABEL:
            return np.asarray(y, dtype=np.int8)
        codes = {name: code for code, name in enumerate(self.manifest.problem.classes)}
        try:
            return np.array([codes[_spelt(value)] for value in y], dtype=np.int64)
        except KeyError as unknown:
            raise AdvisorError(
                f"{unknown} is not a class of this model; its classes are {list(codes)}"
            ) from None

    def _mixed(self, X: Any) -> tuple[NDArray[np.float64], list[str]]:
        """Blend the members' predictions, of shape (n_rows, n_outputs); NaN where a file cannot be read, and why."""
        raw, unread = self._frame(X)
        frame = conform(raw, self.manifest.columns)
        matrices: dict[str, NDArray[Any]] = {}
        for _, parts in self._loaded():
            for _, place in parts:
                if place not in matrices:
                    matrices[place] = self._representations[place].transform(frame).values
        rows = (
            None
            if self._medium is None
            else _readable(frame, self._medium, list(matrices.values()))
        )
        if rows is not None:
            matrices = {place: values[rows] for place, values in matrices.items()}
        n_rows = len(frame) if rows is None else int(rows.sum())
        total = np.zeros((n_rows, self.manifest.problem.n_outputs))
        for member, parts in self._loaded() if n_rows else []:
            mean = sum(model.predict(matrices[place]) for model, place in parts) / len(parts)
            total += member.weight * member.calibrator.apply(np.asarray(mean))
        if rows is None or self._medium is None:
            return total, []
        whole = np.full((len(frame), total.shape[1]), np.nan)
        whole[rows] = total
        lost = frame[self._medium.column][~rows].dropna()
        return whole, [*unread, *(f"{path}: it cannot be decoded" for path in lost)]

    @property
    def _medium(self) -> Medium | None:
        return medium_of(self.manifest.columns)

    def _frame(self, X: Any) -> tuple[pd.DataFrame, list[str]]:
        """Rows that are still to conform, and why files among them are missing."""
        if self._medium is not None:
            return readable(file_rows(X, self._medium))
        return self._table(X), []

    def _table(self, X: Any) -> pd.DataFrame:
        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if isinstance(X, pd.DataFrame):
            if not X.columns.is_unique:
                twice = dict.fromkeys(map(str, X.columns[X.columns.duplicated()]))
                raise UnreadableData(
                    f"expected one column of each name, got several {quoted(twice)}"
                )
            # names and cells as training read them: trimmed names, numbers as names, lists joined to words
            return as_raw(X.set_axis(unique_names(list(X.columns))[0], axis=1))
        if isinstance(X, (str, bytes, os.PathLike)):
            return self._read(X)
        names = list(self.feature_names_in_)
        if isinstance(X, (list, tuple)) and all(isinstance(cell, str) for cell in X):
            # as objects: numpy's own texts all take the room of the longest
            X = np.array(mended(X)[0], dtype=object)
        rows = np.asarray(X)
        if rows.ndim == 1 and len(names) == 1:
            rows = rows[:, None]
        if rows.ndim != 2 or rows.shape[1] != len(names):
            raise UnreadableData(
                f"expected rows of {quoted(names)}, got {type(X).__name__} of shape {rows.shape}"
            )
        return as_raw(pd.DataFrame(rows, columns=names))

    def _read(self, X: str | bytes | os.PathLike[str]) -> pd.DataFrame:
        """Read the table at a path; a text by itself is a mistake, and told as one."""
        try:
            there = Path(os.fsdecode(X)).exists()
        except (OSError, ValueError):  # too long for a path, or no characters of one
            there = False
        if not there:
            shown = os.fsdecode(X)[:SHOWN]
            raise UnreadableData(
                f"expected rows, or the path of a file or folder that exists, got '{shown}'; put a single row in a list"
            )
        pieces = [frame for frame, _ in read_features(Path(os.fsdecode(X)), self.manifest.columns)]
        if not pieces:  # a header and no rows
            return pd.DataFrame(columns=list(self.feature_names_in_))
        return pd.concat(pieces, ignore_index=True)

    def _loaded(self) -> list[tuple[Member, list[tuple[Model, str]]]]:
        """Read the models at the first prediction."""
        if self._parts is None:
            problem, root = self.manifest.problem, Path(self.folder)
            parts = []
            same: dict[str, str] = {}
            for member in self.manifest.members:
                strategy = STRATEGIES[member.strategy]
                models = []
                for fold in member.folds:
                    context = FitContext(
                        task=problem.task,
                        n_outputs=problem.n_outputs,
                        info=fold.info,
                        seed=fold.seed,
                        threads=usable_cores(),
                        metric=problem.metric,
                    )
                    kind = REPRESENTATIONS[split_name(member.representation)[0]]
                    # what learns nothing is the same for every fold: one matrix serves all of them
                    place = fold.representation
                    if not kind.learns_from(self.manifest.columns):
                        place = same.setdefault(member.representation, place)
                    models.append((load_model(strategy, root / fold.model, context), place))
                    if place not in self._representations:
                        self._representations[place] = kind.load(root / place)
                parts.append((member, models))
            self._parts = parts
        return self._parts


def _warn_of(unread: list[str]) -> None:
    """Warn of files that have no prediction, on behalf of the caller's caller."""
    if unread:
        warnings.warn(f"no prediction for {quoted(unread)}", stacklevel=3)


def _readable(
    frame: pd.DataFrame, medium: Medium, matrices: list[NDArray[Any]]
) -> NDArray[np.bool_]:
    """Which rows are files that could be read: those with a path that left neither NaN nor an empty matrix row."""
    paths = frame[medium.column]
    rows = paths.notna().to_numpy(copy=True)
    for values in matrices:
        if values.dtype.kind == "f":
            rows &= np.isfinite(values).all(axis=1)
        else:  # all zero is a black picture or silence, or none
            empty = np.flatnonzero(rows & ~values.any(axis=1))
            faults = dict(medium.examine([str(paths.iloc[i]) for i in empty])[0])
            rows[[i for i in empty if str(paths.iloc[i]) in faults]] = False
    return np.asarray(rows)


def _spelt(value: object) -> str:
    """A class name as the data spells it: 1.0 and 1 are the same class."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def load_pipeline(path: Path | str) -> FittedPipeline:
    """Open a trained pipeline.

    Parameters
    ----------
    path : Path or str
        A run directory of ``autofit``, or the ``model`` folder within.

    Returns
    -------
    FittedPipeline

    Raises
    ------
    InvalidRun
        If there is no finished model, or it was altered.
    """
    folder = Path(path)
    return FittedPipeline(folder / "model" if (folder / "model").is_dir() else folder)
