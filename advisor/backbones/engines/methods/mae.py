"""MAE: draw the hidden three quarters of a picture from the rest; for plain vision transformers.

References
----------
He et al. (2021), Masked autoencoders are scalable vision learners, arXiv 2111.06377.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from advisor.backbones.engines.methods.method import Method, lightly
from advisor.errors import InvalidRequest
from advisor.torchvision_cure import require_cured

HIDDEN = 0.75
"""Share of the patches that are hidden; the paper's."""

DEPTH, HEAD_WIDTH = 2, 16
"""Blocks of the decoder, and numbers of each of its heads. The paper has eight blocks and finds one as good where the
backbone is tuned afterwards; our choice."""

FLAT = 1e-6
"""Added to the variance of a patch; the paper's code."""


class MaskedAutoencoder(Method):
    """A vision transformer that sees a quarter of the patches, and a small decoder.

    Parameters
    ----------
    body : Module
        A vision transformer of timm.
    side : int
        Of the pictures, in pixels.
    name : str
        Of the backbone, for messages.

    Raises
    ------
    InvalidRequest
        If the backbone is no plain vision transformer.
    """

    views = 1

    def __init__(self, body: Any, side: int, name: str) -> None:
        super().__init__(body)
        if not is_plain_vit(body):
            raise InvalidRequest(
                f"expected a plain vision transformer for mae, got '{name}'; pass one with --backbone, or use "
                "--method simclr or moco"
            )
        modules = lightly("lightly.models.modules")
        self.utils = lightly("lightly.models.utils")
        # Nothing of the backbone is made anew; the masking itself holds no numbers but its own token.
        self.masked = modules.MaskedVisionTransformerTIMM(
            body, weight_initialization="skip", pos_embed_initialization="skip"
        )
        self.masked.mask_token.requires_grad_(
            False
        )  # the hidden patches are left out, not replaced
        width = max(HEAD_WIDTH, body.embed_dim // 2 // HEAD_WIDTH * HEAD_WIDTH)
        patches, self.n_prefix = body.patch_embed.num_patches, int(body.num_prefix_tokens)
        self.patch = int(body.patch_embed.patch_size[0])
        self.narrow = nn.Linear(body.embed_dim, width)
        self.decoder = modules.MaskedVisionTransformerDecoderTIMM(
            num_patches=patches,
            embed_dim=width,
            depth=DEPTH,
            num_heads=width // HEAD_WIDTH,
            num_prefix_tokens=self.n_prefix,
        )
        self.draws = nn.Linear(width, 3 * self.patch**2)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Mean squared error of the hidden patches, each with its own mean and spread taken out."""
        (pictures,) = views
        n, length = len(pictures), self.masked.sequence_length
        keep, hide = self._divided(n, length, pictures.device)
        seen = self.narrow(self.masked.encode(pictures, idx_keep=keep))
        blank = self.utils.repeat_token(self.decoder.mask_token, (n, length))
        whole = self.decoder(self.utils.set_at_index(blank, keep, seen.type_as(blank)))
        drawn = self.draws(self.utils.get_at_index(whole, hide)).float()
        patches = self.utils.patchify(pictures, self.patch)
        wanted = self.utils.get_at_index(patches, hide - self.n_prefix)
        middle, spread = wanted.mean(-1, keepdim=True), wanted.var(-1, keepdim=True)
        return nn.functional.mse_loss(drawn, (wanted - middle) / (spread + FLAT).sqrt())

    def _divided(self, n: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Choose by chance what is seen and what is hidden; tokens that are no patches are always seen."""
        chance = torch.rand(n, length)  # on the CPU: the same on every device
        chance[:, : self.n_prefix] = -1.0
        order = chance.argsort(dim=1).to(device)
        n_kept = self.n_prefix + max(1, round((1 - HIDDEN) * (length - self.n_prefix)))
        return order[:, :n_kept], order[:, n_kept:]


def is_plain_vit(body: nn.Module) -> bool:
    """Whether a backbone is a vision transformer with one position for each patch."""
    kind = require_cured("timm.models.vision_transformer").VisionTransformer
    return isinstance(body, kind) and getattr(body, "pos_embed", None) is not None
