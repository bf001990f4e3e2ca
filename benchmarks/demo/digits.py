"""scikit-learn's handwritten digits → a folder of pictures as a user would have it.

Ten labelled pictures of each digit, a pool without labels, and a test split. The pictures come with scikit-learn
(BSD-3-Clause; UCI Optical Recognition of Handwritten Digits, CC BY 4.0), so nothing is downloaded.

    python benchmarks/demo/digits.py runs/demo/digits
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

LABELS, TESTS = 10, 50
"""Labelled and test pictures of each digit; the rest is the pool."""

LEVELS = 16
"""The darkest ink of the source; 0 is none."""

SIDE = 32
"""Pixels of a written picture's side; the source has 8."""


def write_digits(folder: Path, labels: int = LABELS, tests: int = TESTS, seed: int = 0) -> None:
    """Write the class folders ``train/``, ``test/`` and the flat folder ``unlabeled/``.

    Parameters
    ----------
    folder : Path
        Made anew; an old one is removed.
    labels, tests : int
        Labelled and test pictures of each digit.
    seed : int
        Of the choice.
    """
    shutil.rmtree(folder, ignore_errors=True)
    digits = load_digits()
    random = np.random.default_rng(seed)
    for digit in range(10):
        rows = random.permutation(np.flatnonzero(digits.target == digit))
        for i, row in enumerate(rows):
            if i < labels:
                place = folder / "train" / str(digit)
            elif i < labels + tests:
                place = folder / "test" / str(digit)
            else:
                place = folder / "unlabeled"
            place.mkdir(parents=True, exist_ok=True)
            ink = np.round(255 * (1 - digits.images[row] / LEVELS)).astype(np.uint8)
            picture = Image.fromarray(ink).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            picture.save(place / f"{row:04d}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    write_digits(parser.parse_args().folder)
