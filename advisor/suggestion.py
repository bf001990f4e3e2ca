"""Dataset and its pool → the unlabelled items that are most worth a label, best first, and the file to fill in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.choosing import Belief, Order, believe, order_items
from advisor.dataset import Dataset, Modality, Task
from advisor.division import unseen_positions
from advisor.embedding import embed
from advisor.errors import InvalidRequest, NoStrategy
from advisor.measurement import Probe
from advisor.metrics import Metric
from advisor.profile import DatasetProfile, PerceivedProfile
from advisor.prospects import worth_of_labels
from advisor.representation import make_representation
from advisor.tables.columns import texts_of
from advisor.tables.media_columns import medium_of
from advisor.tables.written import marks_of, written_cells

MOST_POOL = 20_000
"""Items of the pool that are looked at; our choice: a larger one is drawn evenly, and what it is made of is seen."""

TORN = 0.5
"""Doubt from which an item is called uncertain: the second class is at most so much less probable than the first (our
choice, for the reader)."""

TRIES = 5
"""Times that copies among the chosen are replaced by others; a pool of copies holds no others (our choice)."""

COMPARED = 5_000
"""Test items that are searched for copies of chosen ones; our choice, for time, as in the profile."""

TABLES = "linear"
"""The representation of rows of a table: scaled numbers, a column per level."""

GUESS, CHANCE, WHY = "guess", "chance", "why"
"""Names of the columns that tell of an item; by these a file of ours is known."""

FILE, ROW = "file", "row"
"""Names of the columns that say which item it is."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Suggested(_Frozen):
    """An item that is worth a label."""

    position: int
    """Where it stands in the pool, from 0."""
    item: str
    """Of a file its name relative to the data folder; of a text or a row its number (see Dataset.pool_numbers)."""
    cells: dict[str, str] = {}
    """Of a text or a row, as in the data; missing cells are empty."""
    guess: str
    """What the model takes it for, in the words of the data."""
    chance: float | None = None
    """How probable that is in the model's opinion; None for numbers and for several labels."""
    why: str


class Suggestion(_Frozen):
    """What to label next."""

    name: str
    source: str
    modality: Modality
    targets: tuple[str, ...]
    n_asked: int
    n_labelled: int
    n_pool: int
    """Items of the pool."""
    n_considered: int
    """Those that were looked at: no copies of labelled or test items, nothing unreadable, ``MOST_POOL`` at most."""
    features: str
    """By which items were compared: a backbone, or a representation of tables."""
    manner: str
    """How they were chosen, in words."""
    chosen: tuple[Suggested, ...]
    """Best first."""
    forecast: str
    """What so many more labels are expected to bring, or why that is not known."""
    notes: tuple[str, ...] = ()

    @property
    def id_column(self) -> str:
        """What the column is called that says which item it is."""
        return FILE if self.modality in (Modality.IMAGE, Modality.AUDIO) else ROW


@dataclass(frozen=True)
class _Pool:
    """What is chosen from: positions in the dataset's pool, the rows there, and their features."""

    positions: NDArray[np.int64]
    rows: pd.DataFrame
    features: NDArray[np.float64]
    n_unread: int
    """Items that cannot be read or hold nothing."""


def suggest(
    dataset: Dataset,
    profile: DatasetProfile,
    n: int,
    probe: Probe | None,
    metric: Metric,
    seed: int = 0,
) -> Suggestion:
    """Choose the items of the pool that are most worth a label.

    Parameters
    ----------
    dataset : Dataset
        With a pool.
    profile : DatasetProfile
        Its profile, whose first backbone embeds the items.
    n : int
        How many to choose, 1 or more.
    probe : Probe or None
        With the learning curve for the forecast.
    metric : Metric
        What the forecast is in.
    seed : int
        Seed of the choice.

    Returns
    -------
    Suggestion
        Fewer items where the pool holds no more that differ from each other, from the labelled and from the test items.

    Raises
    ------
    InvalidRequest
        If there is no pool, or nothing in it that may be chosen.
    NoStrategy
        If the items can be compared by nothing: no backbone can run here, or they are pictures with masks.
    """
    check_pool(dataset, n)
    name = _compared_by(profile)
    pool, known, y = _look(dataset, name, seed)
    belief = believe(known, y, pool.features, dataset.task)
    chosen, stands_for = _choose_different(dataset, pool, belief.doubts, n, seed)
    notes = []
    if len(chosen) < n:
        notes.append(f"{len(chosen):,} of {n:,}: {_no_more(dataset, pool, len(chosen))}")
    if dataset.n_unlabelled > MOST_POOL:
        notes.append(
            f"of {dataset.n_unlabelled:,} items {MOST_POOL:,} at most, drawn evenly, were considered"
        )
    doubt = "" if dataset.task is Task.REGRESSION else " that the model doubts"
    return Suggestion(
        name=dataset.name,
        source=dataset.source,
        modality=dataset.modality,
        targets=dataset.targets,
        n_asked=n,
        n_labelled=dataset.n_labelled,
        n_pool=dataset.n_unlabelled,
        n_considered=len(pool.rows),
        features=name,
        manner=f"typical of what there is in the pool{doubt}, and unlike each other",
        chosen=tuple(_told(dataset, pool, belief, chosen, stands_for)),
        forecast=_forecast(profile, probe, metric, len(chosen)),
        notes=tuple(notes),
    )


def _no_more(dataset: Dataset, pool: _Pool, n_chosen: int) -> str:
    """Say why no more items of the pool were chosen."""
    others = dataset.n_unlabelled - n_chosen
    if not others:
        return "the pool holds no more"
    if others == pool.n_unread:
        return "the others of the pool cannot be read"
    if n_chosen == len(pool.rows) and dataset.n_unlabelled > MOST_POOL:
        return "no more were considered"
    unread = ", or cannot be read" if pool.n_unread else ""
    return f"the others of the pool nearly repeat these, labelled or test ones{unread}"


def check_pool(dataset: Dataset, n: int) -> None:
    """Find out before the work that there is nothing to choose from.

    Parameters
    ----------
    dataset : Dataset
        As it was read.
    n : int
        How many are to be chosen.

    Raises
    ------
    InvalidRequest
        If there is no pool, or nothing is to be chosen.
    NoStrategy
        If the items are pictures with masks.
    """
    if n < 1:
        raise InvalidRequest(f"expected 1 or more labels to suggest, got {n}")
    if dataset.task is Task.SEGMENTATION:
        raise NoStrategy(
            f"{dataset.name} holds pictures with masks: which of them to label next is not known to this version"
        )
    if not dataset.n_unlabelled:
        raise InvalidRequest(
            f"{dataset.name} has no unlabelled pool to choose from: expected unlabeled.csv or unlabeled/ in the "
            "folder, or --unlabeled PATH"
        )


def _compared_by(profile: DatasetProfile) -> str:
    """Name what items are compared by."""
    if not isinstance(profile, PerceivedProfile):
        return TABLES
    if not profile.backbones:
        lacking = "; ".join(f"{name}: {why}" for name, why in profile.backbones_missing.items())
        raise NoStrategy(
            f"expected a backbone to compare {profile.items} by, none can run here"
            f"{f' ({lacking})' if lacking else ''}; see advisor doctor"
        )
    return profile.backbones[0]


def _look(
    dataset: Dataset, name: str, seed: int
) -> tuple[_Pool, NDArray[np.float64], NDArray[np.generic]]:
    """Compute features of what may be chosen and of the labelled items, without those that cannot be read."""
    positions = unseen_positions(dataset, MOST_POOL)
    everything = dataset.X.iloc[:0] if dataset.X_unlabelled is None else dataset.X_unlabelled
    rows = everything.iloc[positions]
    there, known = (features_of(dataset, part, name, seed) for part in (rows, dataset.X))
    readable, whole = np.isfinite(there).all(axis=1), np.isfinite(known).all(axis=1)
    if not readable.any() or not whole.any():
        raise InvalidRequest(
            f"nothing of the pool of {dataset.name} can be chosen: all of its {dataset.n_unlabelled:,} items are "
            "unreadable or the same as labelled or test ones"
        )
    kept = np.flatnonzero(readable)
    unread = len(rows) - len(kept)
    if dataset.modality is not Modality.TABULAR:  # what is empty was left out before
        unread += sum(not item.strip() for item in _items(dataset, everything))
    pool = _Pool(positions[kept], rows.iloc[kept].reset_index(drop=True), there[kept], unread)
    return pool, known[whole], dataset.y[whole]


def features_of(dataset: Dataset, rows: pd.DataFrame, name: str, seed: int) -> NDArray[np.float64]:
    """Turn rows into the numbers that items are compared by.

    Parameters
    ----------
    dataset : Dataset
        Whose labelled rows and schema say what the columns are.
    rows : DataFrame of shape (n, n_columns)
        Conforming to the schema.
    name : str
        A backbone; of no meaning for tables.
    seed : int
        Seed of what is learned of the labelled rows.

    Returns
    -------
    ndarray of shape (n, n_features)
        Embeddings have length one; NaN for what cannot be read.
    """
    if not len(rows):
        return np.empty((0, 1))
    if dataset.modality is Modality.TABULAR:
        representation = make_representation(TABLES).fit(dataset.X, dataset.columns, seed)
        values: Any = representation.transform(rows).values
        return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=float)
    embedded = embed(_items(dataset, rows), name).astype(np.float64)
    length = np.linalg.norm(embedded, axis=1, keepdims=True)
    return embedded / np.where(length > 0, length, 1.0)


def _items(dataset: Dataset, rows: pd.DataFrame) -> list[str]:
    """The texts or paths of rows; empty where there is none."""
    medium = medium_of(dataset.columns)
    if medium is None:
        return texts_of(rows, dataset.columns)
    paths = rows[medium.column].astype(object)
    return ["" if pd.isna(path) else str(path) for path in paths]


def _choose_different(
    dataset: Dataset, pool: _Pool, weights: NDArray[np.float64], n: int, seed: int
) -> tuple[list[int], dict[int, int]]:
    """Choose rows of the pool that nearly repeat neither each other nor a labelled nor a test item.

    Only what is chosen is compared: looking at a whole pool for copies takes longer than choosing from it.
    """
    judged = [dataset.X]
    if dataset.X_test is not None:
        test = dataset.X_test
        shown = np.linspace(0, len(test) - 1, min(COMPARED, len(test))).astype(np.int64)
        judged.append(test.iloc[shown])
    before = sum(map(len, judged))
    chosen: list[int] = []
    stands_for: dict[int, int] = {}
    left = np.arange(len(pool.rows), dtype=np.int64)
    for _ in range(TRIES):
        wanted = min(n - len(chosen), len(left))
        if wanted < 1:
            break
        order: Order = order_items(pool.features[left], weights[left], wanted, seed)
        picked = left[order.rows[:wanted]]
        stands_for.update(
            zip(picked.tolist(), order.stands_for[order.rows[:wanted]].tolist(), strict=True)
        )
        both = [*chosen, *picked.tolist()]
        together = pd.concat([*judged, pool.rows.iloc[both]], ignore_index=True)
        codes = replace(dataset, X=together).copies()
        seen = set(codes[:before].tolist())
        chosen = []
        for row, code in zip(both, codes[before:].tolist(), strict=True):
            if code not in seen:
                seen.add(code)
                chosen.append(row)
        left = np.setdiff1d(left, picked)
    return chosen, stands_for


def _told(
    dataset: Dataset, pool: _Pool, belief: Belief, chosen: Sequence[int], stands_for: dict[int, int]
) -> Iterator[Suggested]:
    """Say of each chosen item which it is, what it may be and why it was chosen."""
    medium = medium_of(dataset.columns)
    rows = pool.rows.iloc[list(chosen)]
    names = _items(dataset, rows) if medium else []
    written = [] if medium else written_cells(rows, dataset.columns, marks_of(dataset.source)[1])
    numbers = dataset.pool_numbers[pool.positions]
    for place, row in enumerate(chosen):
        cells = {} if medium else written[place]
        item = relative_name(names[place], dataset.source) if medium else str(numbers[row])
        many = stands_for[row]
        why = f"typical of {many:,} items" if many > 1 else "unlike all others"
        if dataset.task is not Task.REGRESSION and belief.doubts[row] >= TORN:
            rival = "" if belief.rivals is None else f": or {dataset.classes[belief.rivals[row]]}"
            why = f"uncertain{rival}; {why}"
        chance = None if belief.chances is None else round(float(belief.chances[row]), 3)
        yield Suggested(
            position=int(pool.positions[row]),
            item=item,
            cells=cells,
            guess=_guess(dataset, belief.values[row]),
            chance=chance,
            why=why,
        )


def _guess(dataset: Dataset, value: Any) -> str:
    """Write what the model takes an item for in the words of the data."""
    if dataset.task is Task.REGRESSION:
        return f"{float(value):.4g}"
    if dataset.task is Task.MULTILABEL:
        members = [name for name, is_one in zip(dataset.classes, value, strict=True) if is_one]
        return (dataset.label_separator or ";").join(members)
    return dataset.classes[int(value)]


def relative_name(path: str, source: str) -> str:
    """Name a file relative to the data's folder where it lies in it.

    Parameters
    ----------
    path : str
        Absolute.
    source : str
        The data as given: a folder, a file, or ``memory``.

    Returns
    -------
    str
    """
    root = Path(source).absolute()
    root = root if root.is_dir() else root.parent
    return os.path.relpath(path, root) if Path(path).is_relative_to(root) else path


def _forecast(profile: DatasetProfile, probe: Probe | None, metric: Metric, n: int) -> str:
    """Say what so many more labels are expected to bring, or why that is not known."""
    if probe is None:
        return f"What {n:,} more labels are worth is not known: nothing was measured."
    return worth_of_labels(profile, probe, metric, n)
