"""Files → numbers made by hand: edges, texture and colours of pictures, the spectrum of recordings.

See :mod:`advisor.images.descriptors` and :mod:`advisor.sounds.descriptors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from advisor.deadline import Deadline
from advisor.images.descriptors import describe_files, descriptor_names
from advisor.representation import REPRESENTATIONS
from advisor.representations.items import ItemsRepresentation
from advisor.tasks import Modality


@REPRESENTATIONS.add("handmade")
class HandmadeRepresentation(ItemsRepresentation):
    """Descriptors made by hand; the name of each begins with its block, as ``edges.17``.

    References
    ----------
    Dalal and Triggs (2005); Ojala, Pietikäinen and Mäenpää (2002); Davis and Mermelstein (1980).
    """

    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE, Modality.AUDIO})

    def compute(self, items: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Describe files, or take their descriptors from the cache.

        Parameters
        ----------
        items : sequence of str
            Pictures or recordings.
        deadline : Deadline
            When to stop.

        Returns
        -------
        ndarray of float32 of shape (n_items, n_descriptors)
            NaN for unreadable files.
        """
        if self.modality is Modality.AUDIO:
            from advisor.sounds.descriptors import describe_sounds

            return describe_sounds(items, deadline=deadline)
        return describe_files(items, deadline=deadline)

    def names(self) -> tuple[str, ...]:
        """Name the descriptors, as ``texture.17``."""
        if self.modality is Modality.AUDIO:
            from advisor.sounds import descriptors as of_sounds

            return of_sounds.descriptor_names()
        return descriptor_names()
