"""Pictures → edges, texture and colours as numbers (see :mod:`advisor.images.descriptors`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.images.descriptors import describe_files, descriptor_names
from advisor.representation import REPRESENTATIONS
from advisor.representations.files import FilesRepresentation


@REPRESENTATIONS.add("handmade")
class HandmadeRepresentation(FilesRepresentation):
    """Descriptors made by hand, of 527 numbers.

    References
    ----------
    Dalal and Triggs (2005); Ojala, Pietikäinen and Mäenpää (2002).
    """

    def compute(self, paths: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Describe files, or take their descriptors from the cache.

        Parameters
        ----------
        paths : sequence of str
            Picture files.
        deadline : Deadline
            When to stop.

        Returns
        -------
        ndarray of float32 of shape (n_paths, n_descriptors)
            NaN for unreadable files.
        """
        return describe_files(paths, deadline=deadline)

    def names(self) -> tuple[str, ...]:
        """Name the descriptors, as ``texture.17``."""
        return descriptor_names()
