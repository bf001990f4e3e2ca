"""Folders of pictures, texts and recordings → one small labelled set and its test split, for one seed.

Labels beyond the labelled split come from the pool's oracle (``unlabeled_labels.csv``), which stands for a person who
labels more; a system that is measured never sees that file.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

METRICS = {"accuracy": "accuracy", "macro_f1": "f1_macro"}
"""What the index calls a metric, and what we do."""


class CurveSet(Protocol):
    """One set that small labelled sets are drawn from."""

    name: str
    metric: str

    def holds(self, labels: int) -> bool:
        """Whether at least half of the classes have so many labelled items; the others give all of theirs."""

    def draw(self, labels: int, seed: int, folder: Path, *, pooled: bool = False) -> Path:
        """Write a set with so many labelled items per class, and the test split whole; what a user would point at.

        Smaller draws of a seed are part of larger ones. ``pooled``: all items that were not drawn are written, too,
        without their labels.
        """


@dataclass(frozen=True)
class FileSet:
    """Pictures or recordings in class folders: every labelled file by its class, and the folder of the test split."""

    name: str
    metric: str
    labelled: dict[str, list[Path]]
    test: Path

    def holds(self, labels: int) -> bool:
        """Whether at least half of the classes have so many files."""
        return bool(np.median([len(files) for files in self.labelled.values()]) >= labels)

    def draw(self, labels: int, seed: int, folder: Path, *, pooled: bool = False) -> Path:
        """Write ``train/<class>`` with so many files of each class, and ``test/<class>`` whole; perhaps ``unlabeled``.

        Names in the pool tell nothing of the class.
        """
        place = folder / self.name
        random = np.random.default_rng(seed)
        rest: list[Path] = []
        for name, files in sorted(self.labelled.items()):
            target = place / "train" / name
            target.mkdir(parents=True)
            order = random.permutation(len(files))
            for i in order[:labels]:
                shutil.copy(files[i], target / files[i].name)
            rest += [files[i] for i in order[labels:]]
        if pooled:
            (place / "unlabeled").mkdir()
            for number, i in enumerate(random.permutation(len(rest))):
                shutil.copy(rest[i], place / "unlabeled" / f"{number:05d}{rest[i].suffix}")
        shutil.copytree(self.test, place / "test")
        return place


@dataclass(frozen=True)
class TableSet:
    """Texts in tables: every labelled row, its labels, and the file of the test split."""

    name: str
    metric: str
    rows: pd.DataFrame
    labels: list[tuple[str, ...]]
    test: Path
    target: str = "labels"

    def holds(self, labels: int) -> bool:
        """Whether at least half of the labels have so many rows."""
        return bool(np.median(self._members().sum(axis=0)) >= labels)

    def draw(self, labels: int, seed: int, folder: Path, *, pooled: bool = False) -> Path:
        """Write ``train.jsonl`` in which every label occurs so often, and the test split as it is.

        The pool is ``unlabeled.jsonl``, without the column of the labels.
        """
        place = folder / self.name
        place.mkdir(parents=True)
        random = np.random.default_rng(seed)
        members = self._members()
        taken: list[int] = []
        # The rarest label first: its rows bring others along, which need fewer of their own then.
        for label in np.argsort(members.sum(axis=0), kind="stable"):
            order = random.permutation(np.flatnonzero(members[:, label]))
            missing = labels - int(members[taken, label].sum())
            taken += [int(row) for row in order if row not in set(taken)][: max(0, missing)]
        frames = {"train": self.rows.iloc[sorted(taken)]}
        if pooled:
            rest = self.rows.drop(index=self.rows.index[taken]).drop(columns=self.target)
            frames["unlabeled"] = rest.iloc[random.permutation(len(rest))]
        for name, frame in frames.items():
            path = place / f"{name}.jsonl"
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        shutil.copy(self.test, place / self.test.name)
        return place

    def _members(self) -> NDArray[np.int64]:
        names = sorted({name for row in self.labels for name in row})
        return np.array([[int(name in row) for name in names] for row in self.labels])


def list_sets(data: Path, modality: str) -> list[CurveSet]:
    """Find the classification sets of a modality.

    Parameters
    ----------
    data : Path
        Folder with ``index.json``.
    modality : str
        ``"image"``, ``"text"`` or ``"audio"``.

    Returns
    -------
    list of CurveSet
        In the order of the index.
    """
    index = json.loads((data / "index.json").read_text(encoding="utf-8"))
    entries = index["datasets"] if isinstance(index, dict) else index
    wanted = [e for e in entries if e["modality"] == modality and "classification" in e["task"]]
    read = _read_tables if modality == "text" else _read_files
    return [read(data / entry["path"], entry) for entry in wanted]


def _read_files(place: Path, entry: dict[str, str]) -> CurveSet:
    labelled = {
        folder.name: sorted(folder.iterdir())
        for folder in sorted((place / "train").iterdir())
        if folder.is_dir()
    }
    oracle = place / "unlabeled_labels.csv"
    if oracle.exists():
        with oracle.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                path = place / "unlabeled" / Path(next(iter(row.values()))).name
                labelled[row["label"]].append(path)
    return FileSet(entry["name"], METRICS[entry["metric"]], labelled, place / "test")


def _read_tables(place: Path, entry: dict[str, str]) -> CurveSet:
    target = entry["target"].partition(" ")[0]
    train, pool, test = (_table(place, part) for part in ("train", "unlabeled", "test"))
    rows = pd.read_json(train, lines=True) if train.suffix == ".jsonl" else pd.read_csv(train)
    more = pd.read_json(pool, lines=True) if pool.suffix == ".jsonl" else pd.read_csv(pool)
    told = pd.read_csv(place / "unlabeled_labels.csv").set_index("row").iloc[:, 0]
    listed = isinstance(rows[target].iloc[0], list)
    more[target] = [told[i].split("|") if listed else told[i] for i in range(len(more))]
    rows = pd.concat([rows, more], ignore_index=True)
    labels = [tuple(cell) if listed else (str(cell),) for cell in rows[target]]
    return TableSet(entry["name"], METRICS[entry["metric"]], rows, labels, test, target)


def _table(place: Path, part: str) -> Path:
    return next(path for path in sorted(place.iterdir()) if path.stem == part)
