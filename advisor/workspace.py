"""Dataset and splits → a folder that every process of one search can read.

Trials run in worker processes that are killed when they overrun, so they share files and not memory. The folder
holds the labelled rows, the folds, and a cache with each representation of each fold: preprocessing is fitted
on a fold's training rows the first time a trial asks for it and read back by all later ones. Everything is
Parquet, JSON and ``.npy``; no pickle.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter

from advisor.dataset import Dataset, Task
from advisor.deadline import Deadline
from advisor.division import blocks_of, unseen_rows
from advisor.errors import InvalidRun
from advisor.representation import (
    REPRESENTATIONS,
    FeatureInfo,
    Features,
    Representation,
    make_representation,
    split_name,
)
from advisor.rows_kept import follow_files, read_rows, write_rows
from advisor.splits import Fold, SplitPlan, split
from advisor.storage import read_matrix, write_arrays, write_matrix
from advisor.strategy import STRATEGIES
from advisor.tables.columns import Column

DIGEST = 8
"""Hexadecimal digits that keep folders of similar names apart."""

POOL_ROWS = 5_000
"""Unlabelled rows that strategies learn from; our choice: more change little on frozen features, and pictures take a
minute to embed on two cores."""

POOL_KEPT = 2 * POOL_ROWS
"""Unlabelled rows that are searched for near copies of labelled and test rows and written for strategies; our choice:
where half of them are such copies, ``POOL_ROWS`` are still left, and a pool of 100,000 photos takes no minutes."""

POOL_BYTES = 400_000_000
"""Bytes that these take by one representation, or else fewer are read; our choice: pixels of 2,000 pictures."""

FEWEST_BLOCKS = 4
"""Blocks in the smallest part of the rows that says anything of more of them; our choice."""

WHOLE = -1
"""Instead of a fold's position: all rows are training rows, for one model refitted on everything."""

_COLUMNS = TypeAdapter(tuple[Column, ...])
_PROBLEM, _COLUMNS_FILE, _ROWS, _POOL, _TARGETS, _FOLDS = (
    "problem.json",
    "columns.json",
    "rows.parquet",
    "pool.parquet",
    "targets.npz",
    "folds.npz",
)


class Problem(BaseModel):
    """What a worker has to know about the data besides the data."""

    model_config = ConfigDict(frozen=True)

    name: str
    task: Task
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    label_separator: str | None
    metric: str
    seed: int
    fingerprint: str
    splits: SplitPlan

    @property
    def n_outputs(self) -> int:
        """Columns of a prediction: classes, labels, or 1 for regression."""
        return max(1, len(self.classes))


@dataclass(frozen=True)
class FoldFeatures:
    """One representation of one fold: both sides as matrices, and the folder of the fitted representation."""

    train: Features
    valid: Features
    folder: Path


class Workspace:
    """The shared folder of one search.

    Parameters
    ----------
    folder : Path
        Made by :meth:`create`.

    Raises
    ------
    InvalidRun
        If the folder does not hold a workspace.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prepared: set[tuple[str, str]] = set()
        try:
            self.problem = Problem.model_validate_json((folder / _PROBLEM).read_text("utf-8"))
            self.columns = _COLUMNS.validate_json((folder / _COLUMNS_FILE).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidRun(f"'{folder}' is not the workspace of a search: {error}") from error

    @classmethod
    def create(
        cls, folder: Path, dataset: Dataset, splits: SplitPlan, metric: str, seed: int
    ) -> Workspace:
        """Write a dataset and its folds into ``folder`` (made if absent) and open it.

        Parameters
        ----------
        folder : Path
            Where to write; an existing workspace of other data is replaced.
        dataset : Dataset
            Its labelled rows are written, and those of the pool that are neither labelled nor in the test split, of
            ``POOL_KEPT`` drawn evenly; that split is not, so that no trial can see it.
        splits : SplitPlan
            How rows are divided; groups and exact duplicates stay on one side.
        metric : str
            The user's metric.
        seed : int
            Seed of the folds and of every fit.

        Returns
        -------
        Workspace
        """
        problem = Problem(
            name=dataset.name,
            task=dataset.task,
            classes=dataset.classes,
            targets=dataset.targets,
            label_separator=dataset.label_separator,
            metric=metric,
            seed=seed,
            fingerprint=dataset.fingerprint,
            splits=splits,
        )
        folder.mkdir(parents=True, exist_ok=True)
        blocks = blocks_of(dataset)
        folds = split(splits, dataset.y, blocks)
        write_rows(folder / _ROWS, dataset.X, dataset.columns)
        (folder / _POOL).unlink(missing_ok=True)
        if (pool := unseen_rows(dataset, POOL_KEPT)) is not None:
            write_rows(folder / _POOL, pool, dataset.columns)
        write_arrays(
            folder / _TARGETS,
            {"y": dataset.y, **({} if blocks is None else {"blocks": blocks})},
            packed=False,
        )
        sides = {f"train{i}": fold.train for i, fold in enumerate(folds)}
        sides |= {f"valid{i}": fold.valid for i, fold in enumerate(folds)}
        write_arrays(folder / _FOLDS, sides, packed=False)
        (folder / _COLUMNS_FILE).write_bytes(_COLUMNS.dump_json(dataset.columns))
        # The problem comes last: its presence says that the workspace is complete.
        (folder / _PROBLEM).write_text(problem.model_dump_json(), "utf-8")
        return cls(folder)

    def follow(self, dataset: Dataset) -> None:
        """Take files from where the same dataset has them now, before any are read (see :func:`follow_files`)."""
        for place in (self.folder / _ROWS, self.folder / _POOL):
            if place.exists():
                follow_files(place, self.columns, dataset)

    @cached_property
    def X(self) -> pd.DataFrame:
        """Labelled rows, conforming to the columns."""
        return read_rows(self.folder / _ROWS, self.columns)

    @cached_property
    def pool(self) -> pd.DataFrame | None:
        """Unlabelled rows, at most ``POOL_ROWS`` of :func:`advisor.division.unseen_rows`; conforming to the columns."""
        if not (self.folder / _POOL).is_file():
            return None
        rows = read_rows(self.folder / _POOL, self.columns)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), POOL_ROWS)).astype(np.int64)
        return rows.iloc[chosen].reset_index(drop=True)

    @cached_property
    def y(self) -> NDArray[np.generic]:
        """Targets of the labelled rows (see :class:`advisor.dataset.Dataset`)."""
        with np.load(self.folder / _TARGETS) as arrays:
            return np.asarray(arrays["y"])

    @cached_property
    def blocks(self) -> NDArray[np.int64] | None:
        """Rows of equal code stay on one side of every split and are bootstrapped together."""
        with np.load(self.folder / _TARGETS) as arrays:
            return np.asarray(arrays["blocks"]) if "blocks" in arrays else None

    @cached_property
    def folds(self) -> list[Fold]:
        """Training and validation rows of every fold of every repeat."""
        with np.load(self.folder / _FOLDS) as arrays:
            n_folds = len(arrays.files) // 2
            return [Fold(arrays[f"train{i}"], arrays[f"valid{i}"]) for i in range(n_folds)]

    def can_be_cut(self, part: float) -> bool:
        """Whether a part of the rows, cut by whole blocks, holds enough of them for a learning curve."""
        return self.blocks is None or part * len(np.unique(self.blocks)) >= FEWEST_BLOCKS

    def n_folds(self, strategy: str) -> int:
        """Count the folds a strategy is judged on: the first of them (:meth:`advisor.strategy.Card.judged_repeats`)."""
        splits = self.problem.splits
        repeats = STRATEGIES[strategy].card.judged_repeats(splits.repeats)
        return min(splits.folds * repeats, len(self.folds))

    def fold(self, position: int) -> Fold:
        """One fold, or for ``WHOLE`` all rows in training and the first one to validate shapes on."""
        if position == WHOLE:
            return Fold(np.arange(len(self.y)), np.arange(1))
        return self.folds[position]

    def features(self, fold: int, representation: str, *, pooled: bool = False) -> FoldFeatures:
        """One representation of one fold, computed once and read from the cache afterwards.

        Parameters
        ----------
        fold : int
            Position in ``folds``, or ``WHOLE``.
        representation : str
            A name in the registry of representations, perhaps with an argument.
        pooled : bool
            Whether the training side brings the pool, as well.

        Returns
        -------
        FoldFeatures
            Matrices are memory-mapped, so that workers share the pages.
        """
        found = self._features(fold, representation)
        if self.blocks is not None:
            blocks = self.blocks[self.fold(fold).train]
            found = replace(found, train=replace(found.train, blocks=blocks))
        if not pooled or self.pool is None:
            return found
        rows = self.pool
        if isinstance(found.train.values, np.ndarray) and found.train.values.size:
            most = max(1, POOL_BYTES // found.train.values[:1].nbytes)
            if most < len(rows):
                chosen = np.linspace(0, len(rows) - 1, most).astype(np.int64)
                rows = rows.iloc[chosen].reset_index(drop=True)
        values = self._pool_values(rows, representation, found.folder)
        return replace(found, train=replace(found.train, pool=values))

    def _features(self, fold: int, representation: str) -> FoldFeatures:
        if not self.learns(representation):
            return self._shared(fold, representation)
        place = self.place(fold, representation)
        if not place.exists():
            self._compute(fold, representation, place)
        info = FeatureInfo.model_validate_json((place / "info.json").read_text("utf-8"))
        train, valid = (Features(read_matrix(place, side), info) for side in ("train", "valid"))
        return FoldFeatures(train, valid, place / "fitted")

    def learns(self, representation: str) -> bool:
        """Whether a representation, by its name, learns from the rows of a fold."""
        return REPRESENTATIONS[split_name(representation)[0]].learns_from(self.columns)

    def _pool_values(self, pool: pd.DataFrame, representation: str, fitted: Path) -> Any:
        """Read the pool by a fitted representation, or compute that beside it first."""
        place = fitted.parent
        if not (place / "pool").exists():
            if self.learns(representation):
                kind = REPRESENTATIONS[split_name(representation)[0]]
                made = kind.load(fitted)
            else:  # a saved one only predicts: it may leave out what is trained on (views of texts)
                made = make_representation(representation)
                made.fit(self.X, self.columns, self.problem.seed)
            draft = place / f"pool.{uuid.uuid4().hex}"
            draft.mkdir()
            write_matrix(draft, "values", made.transform(pool).values)
            _settle(draft, place / "pool")
        return read_matrix(place / "pool", "values")

    def prepare(self, representation: str, deadline: Deadline, *, pooled: bool = False) -> None:
        """Compute a representation that learns nothing, once for all folds and with all cores.

        Parameters
        ----------
        representation : str
            As for :meth:`features`. Of one that learns, what is slow and the same for all folds (embedding texts that
            stand in a table) is done; the rest is left to the folds.
        deadline : Deadline
            When to stop; what was computed by then is kept where the representation keeps it.
        pooled : bool
            Whether the pool is wanted, as well.

        Raises
        ------
        DeadlineExceeded
            When the deadline passes first.
        """
        if REPRESENTATIONS[split_name(representation)[0]].learns:
            return
        if pooled and self.pool is not None and (representation, "pool") not in self._prepared:
            made = make_representation(representation).fit(self.X, self.columns, self.problem.seed)
            made.prepare(self.pool, deadline)
            self._prepared.add((representation, "pool"))
        done = (representation, "rows") in self._prepared
        if done or self.place(WHOLE, representation).exists():
            return
        made = make_representation(representation).fit(self.X, self.columns, self.problem.seed)
        made.prepare(self.X, deadline, self.pool)
        if not self.learns(representation):
            self._write(made, representation)
        self._prepared.add((representation, "rows"))

    def place(self, fold: int, representation: str) -> Path:
        """The cache folder of one representation of one fold; ``fitted`` in it is the saved transformer."""
        which = "whole" if fold == WHOLE or not self.learns(representation) else str(fold)
        name = re.sub(r"[^\w.+-]", "_", representation)
        if (
            name != representation
        ):  # paths and colons make no folder names; the digest keeps names apart
            name += f"-{hashlib.sha256(representation.encode()).hexdigest()[:DIGEST]}"
        return self.folder / "features" / f"{name}-{which}"

    def _shared(self, fold: int, representation: str) -> FoldFeatures:
        """Cut one fold from the matrix of all rows."""
        place = self.place(WHOLE, representation)
        if not place.exists():
            self.prepare(representation, Deadline(None))
        info = FeatureInfo.model_validate_json((place / "info.json").read_text("utf-8"))
        values = read_matrix(place, "values")
        rows = self.fold(fold)
        train, valid = (Features(values[side], info) for side in (rows.train, rows.valid))
        return FoldFeatures(train, valid, place / "fitted")

    def _write(self, fitted: Representation, representation: str) -> None:
        """Write the matrix of all rows aside and rename it into place."""
        features = fitted.transform(self.X)  # may run out of time, and then leaves nothing behind
        place = self.place(WHOLE, representation)
        draft = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
        save_representation(fitted, draft / "fitted")
        write_matrix(draft, "values", features.values)
        (draft / "info.json").write_text(features.info.model_dump_json(), "utf-8")
        _settle(draft, place)

    def _compute(self, fold: int, representation: str, place: Path) -> None:
        rows = self.fold(fold)
        train = self.X.iloc[rows.train].reset_index(drop=True)
        valid = self.X.iloc[rows.valid].reset_index(drop=True)
        fitted = make_representation(representation).fit(train, self.columns, self.problem.seed)
        # Written aside and renamed: a reader sees all of it or nothing, whoever is killed meanwhile.
        draft = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
        save_representation(fitted, draft / "fitted")
        for side, frame in (("train", train), ("valid", valid)):
            features = fitted.transform(frame)
            write_matrix(draft, side, features.values)
        (draft / "info.json").write_text(features.info.model_dump_json(), "utf-8")
        _settle(draft, place)


def _settle(draft: Path, place: Path) -> None:
    """Rename a finished folder into place."""
    try:
        draft.rename(place)
    except OSError:  # another worker was first; its result is the same
        shutil.rmtree(draft, ignore_errors=True)


def save_representation(fitted: Representation, folder: Path) -> None:
    """Save a fitted representation into a new folder and sync it into place.

    Parameters
    ----------
    fitted : Representation
        What to save.
    folder : Path
        Made here, with its parents.
    """
    folder.mkdir(parents=True)
    fitted.save(folder)
