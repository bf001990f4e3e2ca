"""Folders of pictures → one small labelled set and its test split, for one seed.

Labels beyond the labelled split come from the pool's oracle (``unlabeled_labels.csv``), which stands for a person who
labels more; a system that is measured never sees that file.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})


@dataclass(frozen=True)
class ImageSet:
    """One set: every labelled picture with its class, and the folder of the test split."""

    name: str
    labelled: dict[str, list[Path]]
    test: Path

    @property
    def smallest(self) -> int:
        """Labelled pictures of the smallest class, those of the oracle included."""
        return min(len(files) for files in self.labelled.values())


def list_image_sets(data: Path) -> list[ImageSet]:
    """Find the sets with one class per picture.

    Parameters
    ----------
    data : Path
        Folder with ``index.json``.

    Returns
    -------
    list of ImageSet
        In the order of the index.
    """
    index = json.loads((data / "index.json").read_text(encoding="utf-8"))
    entries = index["datasets"] if isinstance(index, dict) else index
    wanted = [e for e in entries if e["modality"] == "image" and "classification" in e["task"]]
    return [_read(data / entry["path"], entry["name"]) for entry in wanted]


def draw(images: ImageSet, labels: int, seed: int, folder: Path) -> Path:
    """Write ``train/<class>`` with so many pictures of each class, and ``test/<class>`` whole.

    Parameters
    ----------
    images : ImageSet
        Where to draw from.
    labels : int
        Pictures of each class.
    seed : int
        Of the draw; smaller draws of a seed are part of larger ones.
    folder : Path
        Where to write.

    Returns
    -------
    Path
        What a user would point at.
    """
    place = folder / images.name
    random = np.random.default_rng(seed)
    for name, files in sorted(images.labelled.items()):
        target = place / "train" / name
        target.mkdir(parents=True)
        for i in random.permutation(len(files))[:labels]:
            shutil.copy(files[i], target / files[i].name)
    shutil.copytree(images.test, place / "test")
    return place


def _read(place: Path, name: str) -> ImageSet:
    labelled = {
        folder.name: sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURES)
        for folder in sorted((place / "train").iterdir())
        if folder.is_dir()
    }
    oracle = place / "unlabeled_labels.csv"
    if oracle.exists():
        with oracle.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                path = place / "unlabeled" / Path(next(iter(row.values()))).name
                labelled[row["label"]].append(path)
    return ImageSet(name, labelled, place / "test")
