"""SimCLR: of all views in a batch, find the other one of the same picture.

References
----------
Chen et al. (2020), A simple framework for contrastive learning of visual representations, arXiv 2002.05709.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advisor.backbones.engines.methods.method import Method, lightly

TEMPERATURE = 0.2
"""Of the contrastive loss; between the paper's 0.1 for large batches and 0.5 for small ones."""

PROJECTED = 128
"""Numbers in which views are compared; the paper's."""


class SimClr(Method):
    """Backbone, projection head, contrastive loss within the batch.

    Parameters
    ----------
    body : Module
        The backbone.
    width : int
        Of its features.
    """

    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__(body)
        heads = lightly("lightly.models.modules.heads")
        self.head = heads.SimCLRProjectionHead(width, width, PROJECTED)
        self.criterion = lightly("lightly.loss").NTXentLoss(temperature=TEMPERATURE)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Compare every view with all others of the batch."""
        first, second = self.head(self.body(torch.cat(list(views)))).float().chunk(2)
        loss: Tensor = self.criterion(first, second)
        return loss
