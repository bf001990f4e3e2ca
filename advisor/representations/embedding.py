"""Items → embeddings of frozen pretrained backbones: pictures, recordings and texts alike.

The argument is a backbone's name, or several with commas between them, whose embeddings are joined; paths in names are
escaped by :func:`joined_names`. ``+flip`` behind it asks for the average with the mirror image of a picture:
``embedding:efficientnet_lite0+flip``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import PATH_MARK, find_backbone, split_backbone
from advisor.deadline import Deadline
from advisor.embedding import embed
from advisor.representation import REPRESENTATIONS
from advisor.representations.items import ItemsRepresentation

FLIP = "+flip"
"""At the end of the argument: the mean of the embeddings of a picture and of its mirror image."""

UPRIGHT = "+upright"
"""At the end of an argument that asks for augmented views: those that are never mirrored."""

OF_TEXTS = ("+eda", "+synonyms", "+translation")
"""At the end of an argument that asks for augmented views: how texts are varied (:mod:`advisor.texts.views`)."""

VARIANTS = (FLIP, UPRIGHT, *OF_TEXTS)

JOINED = ","
"""Between the names of backbones whose embeddings are joined."""

ESCAPES = (("%", "%25"), (JOINED, "%2C"), ("+", "%2B"))
"""What a name does not hold in an argument, and what stands for it there, as in URLs: a path with a comma or a plus
would be taken for two names or a variant. The mark of the escapes themselves comes first."""

COPIED_BYTES = 200 * 10**6
"""Weights of the user up to this size are copied into a saved run, so that it can be moved; larger ones stay where they
are. Our choice: as large as the small backbones that few labels are worth (a ViT-S or a MiniLM has 90 MB)."""

WEIGHTS = "weights"
"""Stem of the copies."""


class BackboneRepresentation(ItemsRepresentation):
    """What representations by backbones share: their names, and copies of weights that the user gave."""

    @property
    def variant(self) -> str:
        """What follows the names of the backbones, such as ``+flip``; empty for nothing."""
        return next((end for end in VARIANTS if self.argument.endswith(end)), "")

    @property
    def backbones(self) -> tuple[str, ...]:
        """The names of the backbones, for :func:`advisor.backbone.find_backbone`."""
        names = self.argument.removesuffix(self.variant).split(JOINED)
        return tuple(_unescaped(name) for name in names if name)

    @property
    def backbone(self) -> str:
        """The name of the first of them."""
        return self.backbones[0]

    def embedded(self, items: Sequence[str], view: str, deadline: Deadline) -> NDArray[np.float32]:
        """Embed one view of the items by every backbone.

        Parameters
        ----------
        items : sequence of str
            Paths or texts.
        view : str
            As :func:`advisor.embedding.embed` takes it.
        deadline : Deadline
            When to stop; what was computed by then is in the cache.

        Returns
        -------
        ndarray of float32 of shape (n_items, sum of widths)
            Where there are several blocks, each has rows of length one; NaN for unreadable items.
        """
        blocks = [embed(items, name, view=view, deadline=deadline) for name in self.backbones]
        return blocks[0] if len(blocks) == 1 else np.hstack([_unit_rows(block) for block in blocks])

    def widths(self) -> int:
        """Count the numbers of one embedding, of all backbones together."""
        return sum(find_backbone(name).width for name in self.backbones)

    def save(self, folder: Path) -> None:
        """Write the state, and copies of weights that are files or folders of the user and not large.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        super().save(folder)
        for i, name in enumerate(self.backbones):
            weights = find_backbone(name).path
            if weights is None or _size(weights) > COPIED_BYTES:
                continue
            if weights.is_dir():
                shutil.copytree(weights, folder / f"{WEIGHTS}{i or ''}")
            else:
                shutil.copyfile(weights, folder / f"{WEIGHTS}{i or ''}{weights.suffix}")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; copies of weights, where there are any, are used from now on.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        BackboneRepresentation
            Transforms as the one saved; InvalidRun is raised for a file that is missing or altered.
        """
        made = super().load(folder)
        names = list(made.backbones)
        for i, name in enumerate(names):
            copies = [path for path in folder.iterdir() if path.stem == f"{WEIGHTS}{i or ''}"]
            if copies:
                model, place = split_backbone(name)
                # A folder given by its path alone says itself what the model is.
                before = f"{model}{PATH_MARK}" if place else ""
                names[i] = f"{before}{copies[0].resolve()}"
        made.argument = joined_names(names) + made.variant
        return made


@REPRESENTATIONS.add("embedding")
class EmbeddingRepresentation(BackboneRepresentation):
    """One embedding per item."""

    def compute(self, items: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Embed items, or take their embeddings from the cache.

        Parameters
        ----------
        items : sequence of str
            Paths of files, or texts.
        deadline : Deadline
            When to stop; what was computed by then is in the cache.

        Returns
        -------
        ndarray of float32 of shape (n_items, width)
            NaN for unreadable files.
        """
        plain = self.embedded(items, "plain", deadline)
        if self.variant != FLIP:
            return plain
        mirrored = self.embedded(items, "flip", deadline)
        return np.asarray((plain + mirrored) / 2, dtype=np.float32)

    def names(self) -> tuple[str, ...]:
        """Name the numbers by their position."""
        return tuple(f"e{i}" for i in range(self.widths()))


def joined_names(names: Sequence[str]) -> str:
    """Write names of backbones as the argument of a representation; commas and the like in their paths are escaped.

    Examples
    --------
    >>> joined_names(["resnet18@my,weights.pth", "resnet50"])
    'resnet18@my%2Cweights.pth,resnet50'
    """
    return JOINED.join(_escaped(name) for name in names)


def _escaped(name: str) -> str:
    for mark, escape in ESCAPES:
        name = name.replace(mark, escape)
    return name


def _unescaped(name: str) -> str:
    for mark, escape in reversed(ESCAPES):
        name = name.replace(escape, mark)
    return name


def _unit_rows(values: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(length > 0, length, 1.0), dtype=np.float32)


def _size(place: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return sum(file.stat().st_size for file in files)
