"""Pictures → embeddings of a frozen pretrained backbone, of the plain picture or averaged with its mirror image.

The argument is the backbone's name, perhaps with ``+flip`` behind it: ``embedding:efficientnet_lite0+flip``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import PATH_MARK, find_backbone
from advisor.deadline import Deadline
from advisor.embedding import embed
from advisor.representation import REPRESENTATIONS
from advisor.representations.files import FilesRepresentation

FLIP = "+flip"
"""At the end of the argument: the mean of the embeddings of a picture and of its mirror image."""

UPRIGHT = "+upright"
"""End of an argument that asks for augmented views that are never mirrored."""

COPIED_BYTES = 200 * 10**6
"""Weights of the user up to this size are copied into a saved run, so that it can be moved; larger ones stay where they
are. Our choice: as large as the small backbones that few pictures are worth (a ViT-S has 90 MB)."""

WEIGHTS = "weights"
"""Stem of the copy."""


class BackboneRepresentation(FilesRepresentation):
    """What representations by a backbone share: its name, and a copy of weights that the user gave."""

    @property
    def backbone(self) -> str:
        """The backbone's name, for :func:`advisor.backbone.find_backbone`."""
        return self.argument.removesuffix(FLIP).removesuffix(UPRIGHT)

    def save(self, folder: Path) -> None:
        """Write ``files.json``, and a copy of the weights where they are a file of the user and not large.

        Parameters
        ----------
        folder : Path
            An existing empty folder.
        """
        super().save(folder)
        _, mark, place = self.backbone.partition(PATH_MARK)
        weights = Path(place)
        if mark and weights.is_file() and weights.stat().st_size <= COPIED_BYTES:
            shutil.copyfile(weights, folder / f"{WEIGHTS}{weights.suffix}")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; the copy of the weights, if there is one, is used from now on.

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
        model, mark, _ = made.backbone.partition(PATH_MARK)
        copies = sorted(folder.glob(f"{WEIGHTS}.*")) if mark else []
        if copies:
            variant = made.argument.removeprefix(made.backbone)
            made.argument = f"{model}{PATH_MARK}{copies[0].resolve()}{variant}"
        return made


@REPRESENTATIONS.add("embedding")
class EmbeddingRepresentation(BackboneRepresentation):
    """One embedding per picture."""

    def compute(self, paths: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Embed files, or take their embeddings from the cache.

        Parameters
        ----------
        paths : sequence of str
            Picture files.
        deadline : Deadline
            When to stop; what was computed by then is in the cache.

        Returns
        -------
        ndarray of float32 of shape (n_paths, width)
            NaN for unreadable files.
        """
        plain = embed(paths, self.backbone, deadline=deadline)
        if not self.argument.endswith(FLIP):
            return plain
        mirrored = embed(paths, self.backbone, view="flip", deadline=deadline)
        return np.asarray((plain + mirrored) / 2, dtype=np.float32)

    def names(self) -> tuple[str, ...]:
        """Name the numbers by their position."""
        return tuple(f"e{i}" for i in range(find_backbone(self.backbone).width))
