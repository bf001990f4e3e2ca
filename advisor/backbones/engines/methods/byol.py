"""BYOL: predict from one view what a slow copy of the network says of the other; there are no pictures to tell apart.

References
----------
Grill et al. (2020), Bootstrap your own latent: a new approach to self-supervised learning, arXiv 2006.07733.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advisor.backbones.engines.methods.method import Method, follow, lightly, slow_copy

HIDDEN, PROJECTED = 1024, 256
"""Widths of the heads; the paper's 4096 for the first, of a network twice as wide as ours. Our choice."""


class Byol(Method):
    """Backbone, projection and prediction, slow copies of the first two.

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
        self.head = heads.BYOLProjectionHead(width, HIDDEN, PROJECTED)
        self.predictor = heads.BYOLPredictionHead(PROJECTED, HIDDEN, PROJECTED)
        self.slow_body, self.slow_head = slow_copy(self.body), slow_copy(self.head)
        self.criterion = lightly("lightly.loss").NegativeCosineSimilarity()

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Predict each view's projection from the other's; 0 if all are right, 2 if they point the other way."""
        both = torch.cat(list(views))
        told = self.predictor(self.head(self.body(both))).float().chunk(2)
        with torch.no_grad():
            wanted = self.slow_head(self.slow_body(both)).float().chunk(2)
        loss: Tensor = self.criterion(told[0], wanted[1]) + self.criterion(told[1], wanted[0])
        return 1 + loss / 2

    def follow(self, share: float) -> None:
        """Move the slow copies."""
        follow(self.body, self.slow_body, share)
        follow(self.head, self.slow_head, share)
