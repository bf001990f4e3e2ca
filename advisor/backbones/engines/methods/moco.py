"""MoCo: find the other view of a picture among those of a queue, by a slow copy of the network.

Version 2, with the symmetric loss of version 3: each view asks once. The queue makes small batches do.

References
----------
Chen et al. (2020), Improved baselines with momentum contrastive learning, arXiv 2003.04297; Chen, Xie and He (2021), An
empirical study of training self-supervised vision transformers, arXiv 2104.02057.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advisor.backbones.engines.methods.method import Method, follow, lightly, slow_copy

TEMPERATURE = 0.2
"""Of the contrastive loss; that of both papers."""

PROJECTED = 128
"""Numbers in which views are compared; that of version 2."""

LONGEST_QUEUE = 4096
"""Views in the queue at most; our choice, a sixteenth of the paper's, whose pool had a million pictures."""

QUEUE_SHARE = 0.5
"""Length of the queue over the number of pictures: in a longer one, other views of the asking picture would be taken
for those of others. Our choice."""


class MoCo(Method):
    """Backbone and head, slow copies of both, contrastive loss against a queue.

    Parameters
    ----------
    body : Module
        The backbone.
    width : int
        Of its features.
    n_pictures : int
        In the pool.
    batch : int
        Pictures in a step.
    """

    def __init__(self, body: nn.Module, width: int, n_pictures: int, batch: int) -> None:
        super().__init__(body)
        heads = lightly("lightly.models.modules.heads")
        self.head = heads.MoCoProjectionHead(width, width, PROJECTED)
        self.slow_body, self.slow_head = slow_copy(self.body), slow_copy(self.head)
        length = min(LONGEST_QUEUE, max(batch, int(QUEUE_SHARE * n_pictures)))
        self.criterion = lightly("lightly.loss").NTXentLoss(
            temperature=TEMPERATURE, memory_bank_size=(length, PROJECTED)
        )

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Ask by both views, and find each other's."""
        both = torch.cat(list(views))
        asked = self.head(self.body(both)).float()
        with torch.no_grad():
            found = self.slow_head(self.slow_body(both)).float().chunk(2)
        # Asked at once: whatever is found joins the queue, where a second call would take a view for its own opposite.
        loss: Tensor = self.criterion(asked, torch.cat([found[1], found[0]]))
        return loss

    def follow(self, share: float) -> None:
        """Move the slow copies."""
        follow(self.body, self.slow_body, share)
        follow(self.head, self.slow_head, share)
