"""A card and a folder → the torch module of an encoder: ids of tokens to one embedding per text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from advisor.backbone import TextCard
from advisor.backbones.engines.quiet import quiet_transformers
from advisor.backbones.weights import weights_in
from advisor.cache import content_key
from advisor.errors import InvalidRun, quoted

DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "embedding_dropout",
    "mlp_dropout",
)  # fmt: skip
"""Names that configurations give to the rates of dropout inside an encoder."""

NOT_NEEDED = ("pooler", "position_ids")
"""Parts of the names of tensors that a file may lack: of a layer that is taken out, and of plain counting."""

LEAST = 1e-9
"""Tokens that a mean divides by at least."""


class TextBody(nn.Module):
    """An encoder and the pooling of its outputs.

    Parameters
    ----------
    encoder : Module
        Of ``transformers``.
    pooling : str
        ``mean``, ``cls`` or ``max``.
    normalised : bool
        Whether embeddings get length one.
    """

    def __init__(
        self, encoder: nn.Module, pooling: Literal["mean", "cls", "max"], normalised: bool
    ) -> None:
        super().__init__()
        self.encoder, self.pooling, self.normalised = encoder, pooling, normalised
        config: Any = encoder.config
        self.width = int(config.hidden_size)
        self.empty = int(getattr(config, "pad_token_id", None) or 0)

    @property
    def stages(self) -> list[nn.Module]:
        """The embeddings of tokens, then the layers."""
        return [*_embeddings(self.encoder), *_layers(self.encoder)]

    def forward(self, ids: Tensor) -> Tensor:
        """Embed texts: ids of shape (n, length), int64, -1 behind the end, to (n, width)."""
        there = ids >= 0
        seen = torch.where(there, ids, torch.full_like(ids, self.empty))
        # A row without any token would be divided by nothing: its first place is seen as an empty word.
        first = torch.zeros_like(there)
        first[:, :1] = True
        there = there | first
        states = self.encoder(input_ids=seen, attention_mask=there.long()).last_hidden_state
        return self._pooled(states, there)

    def _pooled(self, states: Tensor, there: Tensor) -> Tensor:
        if self.pooling == "cls":
            pooled = states[:, 0]
        elif self.pooling == "max":
            lowest = torch.finfo(states.dtype).min
            pooled = states.masked_fill(~there[:, :, None], lowest).max(dim=1).values
        else:
            weights = there[:, :, None].to(states.dtype)
            pooled = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=LEAST)
        return nn.functional.normalize(pooled, dim=1) if self.normalised else pooled


def build_text(
    card: TextCard, folder: Path, *, pretrained: bool, drop: float = 0.0, drop_path: float = 0.0
) -> TextBody:
    """Make the encoder of a card.

    Parameters
    ----------
    card : TextCard
        Says how outputs become an embedding.
    folder : Path
        With the configuration and, if ``pretrained``, the weights.
    pretrained : bool
        Load weights; False for random ones.
    drop : float
        Rate of every dropout within the encoder.
    drop_path : float
        Rate at which the last layer is skipped in training, text by text; earlier layers less often.

    Returns
    -------
    TextBody
        In evaluation mode, on the CPU, in float32.

    Raises
    ------
    InvalidRun
        If the files do not belong to each other, or not to the card.
    """
    if pretrained:
        _refuse_others(card, folder)
    local = {"local_files_only": True, "trust_remote_code": False}
    with quiet_transformers() as transformers:
        try:
            config = transformers.AutoConfig.from_pretrained(folder, **local)
            for name in DROPOUTS:
                if hasattr(config, name):
                    setattr(config, name, drop)
            if pretrained:
                encoder, told = transformers.AutoModel.from_pretrained(
                    folder, config=config, output_loading_info=True, **local
                )
                _refuse_missing(told, folder)
            else:
                encoder = transformers.AutoModel.from_config(config, trust_remote_code=False)
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as fault:
            reason = (str(fault).splitlines() or [""])[0]
            raise InvalidRun(
                f"expected an encoder that transformers can read in '{folder.name}', got {type(fault).__name__}: "
                f"{reason[:200]}; give the folder that it was saved in"
            ) from fault
    if int(encoder.config.hidden_size) != card.width:
        raise InvalidRun(
            f"expected embeddings of {card.width} numbers from '{card.name}', got {encoder.config.hidden_size} in "
            f"'{folder.name}'; give the folder that belongs to this model"
        )
    if hasattr(encoder, "pooler"):
        encoder.pooler = None
    body = TextBody(encoder.float(), card.pooling, card.normalised)
    if drop_path:
        layers = _layers(encoder)
        for i, layer in enumerate(layers):
            layer.register_forward_hook(Skipping(drop_path * (i + 1) / len(layers)))
    return body.eval()


class Skipping:
    """Replaces what a layer made of some texts by what it was given, in training.

    Parameters
    ----------
    rate : float
        Share of the texts.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, layer: nn.Module, given: tuple[Any, ...], made: Any) -> Any:
        """Choose text by text; what is skipped has the shape of what is made."""
        states = made[0] if isinstance(made, tuple) else made
        if not layer.training or not given or not isinstance(states, Tensor):
            return made
        skipped = torch.rand(len(states), 1, 1, device=states.device) < self.rate
        chosen = torch.where(skipped, given[0], states)
        return (chosen, *made[1:]) if isinstance(made, tuple) else chosen


def _layers(encoder: nn.Module) -> list[nn.Module]:
    """The largest list of modules in an encoder: its layers."""
    lists = [list(module) for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])


def _embeddings(encoder: nn.Module) -> list[nn.Module]:
    """What turns ids into the input of the first layer; none where it has no name of its own."""
    found = getattr(encoder, "embeddings", None)
    return [found] if isinstance(found, nn.Module) else []


def _refuse_others(card: TextCard, folder: Path) -> None:
    for file in weights_in(folder) if card.sha256 else ():
        if content_key(file) != card.sha256:
            raise InvalidRun(
                f"expected weights with SHA-256 {card.sha256[:12]}... in '{file.name}', "
                f"got {content_key(file)[:12]}...; install them again"
            )


def _refuse_missing(told: Any, folder: Path) -> None:
    missing = [key for key in told["missing_keys"] if not any(part in key for part in NOT_NEEDED)]
    shapes = [str(key[0]) for key in told.get("mismatched_keys", ())]
    if missing or shapes:
        raise InvalidRun(
            f"expected all weights of the encoder in '{folder.name}', got {len(missing)} missing tensors "
            f"({quoted(missing, most=3)}) and {len(shapes)} of another shape; give the folder that it was saved in"
        )
