"""What representations by backbones that were adapted to the pool share.

The adapting is done once, by the process that searches and with all its cores. No labels are looked at, so that none of
a fold can choose when it stops: it takes a fixed number of steps, or held-out texts say when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from advisor.adaptation import Wanted
from advisor.backbone import LOADERS, PATH_MARK, find_backbone
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.representation import Features
from advisor.representations.items import ItemsRepresentation
from advisor.tasks import Modality

SEED = 0
"""Of adapting, whatever the seed of the run: an hour's work is not done again for other folds."""

METHOD_MARK = "+"
"""Between a backbone and the method by which it is adapted: ``adapted_pixels:efficientnet_lite0+simclr``."""

SIDES_KEPT, COLOURS_KEPT = "-upright", "-coloured"
"""Behind a method, in this order: its views are never mirrored; they keep brightness, contrast and colour."""

ITEMS = {Modality.TEXT: "texts", Modality.IMAGE: "pictures", Modality.AUDIO: "recordings"}
"""What a pool holds, in words."""

LISTENS = "_logmel"
"""Behind an image backbone's name: the same, shown log-mel pictures of recordings."""


class AdaptedItems(ItemsRepresentation):
    """What a representation adds that says which adapted backbone a network is to be trained from."""

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.source = ""
        """Name of the adapted backbone; known after ``prepare``, and forgotten by ``save``: a network that was trained
        from it is complete without it."""

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn items into what the representation without adapting makes of them, and name the adapted backbone.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            ``info.source`` is empty where nothing was prepared, as in a saved run.
        """
        found = super().transform(X)
        return replace(found, info=found.info.model_copy(update={"source": self.source}))


def adapted_name(
    backbone: str, items: Sequence[str] | None, deadline: Deadline, method: str = ""
) -> str:
    """Adapt a backbone to the items of a pool, or find it adapted.

    Parameters
    ----------
    backbone : str
        Name for :func:`advisor.backbone.find_backbone`.
    items : sequence of str or None
        Files or texts, none of which is a labelled or a test one; ``None`` where there is no pool.
    deadline : Deadline
        When to stop; another call goes on from there.
    method : str
        One of :data:`advisor.adaptation.METHODS`, and what its views keep; empty for the usual one.

    Returns
    -------
    str
        The name of what it became.

    Raises
    ------
    InvalidRequest
        If there is no pool, it is too small, or the backbone cannot be adapted.
    DeadlineExceeded
        When the deadline passes first.
    """
    card = find_backbone(backbone)
    if items is None:
        raise InvalidRequest(
            f"expected unlabelled {ITEMS[card.modality]} to adapt '{card.name}' to, got none that are neither labelled "
            "nor in the test split; pass --unlabeled, or use lp_finetune"
        )
    name = method.removesuffix(COLOURS_KEPT)
    wanted = Wanted(
        method=name.removesuffix(SIDES_KEPT),
        flip=not name.endswith(SIDES_KEPT),
        colour=not method.endswith(COLOURS_KEPT),
    )
    return LOADERS[card.loader].adapt(card, items, deadline, SEED, wanted)


def listening(backbone: str) -> str:
    """Name an image backbone that listens, with the weights that the name gives it.

    Examples
    --------
    >>> listening("resnet18"), listening("resnet18@mine.pth")
    ('resnet18_logmel', 'resnet18_logmel@mine.pth')
    """
    model, mark, place = backbone.partition(PATH_MARK)
    return f"{model.removesuffix(LISTENS)}{LISTENS}{mark}{place}"


def seeing(backbone: str) -> str:
    """Name the image backbone of one that listens; the other way round of :func:`listening`.

    Examples
    --------
    >>> seeing("resnet18_logmel@mine.pth")
    'resnet18@mine.pth'
    """
    model, mark, place = backbone.partition(PATH_MARK)
    return f"{model.removesuffix(LISTENS)}{mark}{place}"
