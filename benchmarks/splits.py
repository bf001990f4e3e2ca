"""The data folder's index → tables, and each table and seed → the files that a system is given.

A system gets ``train/train.csv`` and ``test.csv`` *without its target*; the truth stays with the
referee. Seed 0 is the split that the data folder has; any other seed draws a new one of the same
sizes from both parts, stratified where there are classes, so that intervals are judged over
splits. The unlabelled pool is given to nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from referee import METRIC_NAMES


@dataclass(frozen=True)
class Table:
    """One table of the data folder.

    Attributes
    ----------
    name : str
        Name of its folder.
    folder : Path
        Where ``train.*`` and ``test.*`` are.
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    target : str
        The column to predict.
    metric : str
        scikit-learn's name of the metric.
    """

    name: str
    folder: Path
    task: str
    target: str
    metric: str


@dataclass(frozen=True)
class Split:
    """The files of one table and seed.

    Attributes
    ----------
    folder : Path
        Holds ``train/train.csv`` and ``test.csv``.
    truth : Series of shape (n_test,)
        Targets of the test rows, as text.
    positive : str or None
        The rarer class of a binary training set (the later in sorting order on a tie).
    """

    folder: Path
    truth: pd.Series
    positive: str | None


def list_tables(data: Path) -> list[Table]:
    """Read the index of the data folder.

    Parameters
    ----------
    data : Path
        Folder with ``index.json``.

    Returns
    -------
    list of Table
        The tabular ones, in the index's order.
    """
    entries = json.loads((data / "index.json").read_text(encoding="utf-8"))
    return [
        Table(
            name=entry["name"],
            folder=data / entry["path"],
            task=entry["task"].split()[0],
            target=entry["target"],
            metric=METRIC_NAMES.get(entry["metric"], entry["metric"]),
        )
        for entry in entries
        if entry["modality"] == "tabular"
    ]


def make_split(table: Table, seed: int, folder: Path) -> Split:
    """Write the files of one table and seed.

    Parameters
    ----------
    table : Table
        Which table.
    seed : int
        0 for the given split, else the seed of a new draw.
    folder : Path
        Existing folder to write into.

    Returns
    -------
    Split
        With the truth, which is in no file.
    """
    train, test = _read(table.folder, "train"), _read(table.folder, "test")
    if seed > 0:
        both = pd.concat([train, test], ignore_index=True)
        classes = None if table.task == "regression" else both[table.target]
        train, test = train_test_split(
            both, train_size=len(train), test_size=len(test), stratify=classes, random_state=seed
        )
    (folder / "train").mkdir()
    train.to_csv(folder / "train" / "train.csv", index=False)
    test.drop(columns=table.target).to_csv(folder / "test.csv", index=False)
    positive = None
    if table.task == "binary":
        counts = train[table.target].value_counts()
        positive = max(counts.index[counts == counts.min()])
    return Split(folder, test[table.target].reset_index(drop=True), positive)


def _read(folder: Path, part: str) -> pd.DataFrame:
    """Read a part, every cell as the text in the file, so that nothing is lost on writing."""
    parquet = folder / f"{part}.parquet"
    if parquet.exists():
        return pd.read_parquet(parquet).astype(str)
    [path] = folder.glob(f"{part}.csv*")
    return pd.read_csv(path, dtype=str, keep_default_na=False)
