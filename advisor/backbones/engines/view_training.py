"""A backbone and squares of pictures → training on varied views of them, and a probe that says when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from advisor.adaptation import Progress, Wanted
from advisor.augment.picture_views import Recipe, random_view, shrink
from advisor.augment.spectrogram_views import random_spectrogram
from advisor.backbone import ImageCard
from advisor.backbones.engines.adapting import FULL_RATE, Adapting
from advisor.backbones.engines.methods.byol import Byol
from advisor.backbones.engines.methods.mae import MaskedAutoencoder, is_plain_vit
from advisor.backbones.engines.methods.method import Method
from advisor.backbones.engines.methods.moco import MoCo
from advisor.backbones.engines.methods.simclr import SimClr
from advisor.backbones.engines.network import build_net
from advisor.cores import usable_cores
from advisor.errors import InvalidRequest
from advisor.fabric import quiet_fabric

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises; the rest follows a cosine. Our choice."""

HEAD_FACTOR = 5.0
"""Learning rate of the new layers over that of the backbone; our choice, as in fine-tuning."""

SCRATCH_FACTOR = 5.0
"""Learning rate of a backbone that starts with random weights over that of a pretrained one; our choice: it is then
that of the new layers."""

EMBEDDED = 32
"""Pictures embedded at once for the probe; our choice."""

BODY = "body."
"""Before the names of the backbone's own tensors."""


@dataclass(frozen=True)
class Settings:
    """How a backbone is adapted; all of it is our choice, by short runs on CIFAR-10 and steel."""

    method: str = ""
    steps: int = 300
    batch: int = 32
    size: int = 96
    """Side of the views, in pixels; a network made for one size may be given the nearest it takes."""
    learning_rate: float = 1e-4
    """Of the backbone."""
    weight_decay: float = 0.01
    crop: float = 0.2
    """Least share of the area that a view keeps; 0.08 in the papers, which had larger things in the middle."""
    flip: bool = True
    jitter: float = 0.4
    grey: float = 0.2
    frozen: float = 0.0
    """Share of the backbone's tensors, from the input on, that stay as they are: that much less has a way back."""
    frozen_statistics: bool = True
    """Whether batch norms of a pretrained backbone keep their statistics."""
    from_scratch: bool = False


class ViewTraining(Adapting):
    """One adaptation: the method around the backbone, the squares, and the probe.

    Parameters
    ----------
    card : ImageCard
        Of the backbone.
    part : Path
        Folder of what is under way.
    settings : Settings
        How; the method among them.
    seed : int
        Of views and order.
    wanted : Wanted
        Device and probe.
    """

    noun = "the backbone"
    looks = 6

    def __init__(
        self, card: ImageCard, part: Path, settings: Settings, seed: int, wanted: Wanted
    ) -> None:
        super().__init__(part, seed, settings.batch)
        self.card, self.settings, self.wanted = card, settings, wanted
        self.fabric = quiet_fabric(wanted.device)
        self.body, self.side = body_of(card, settings)
        if settings.method == "mae":  # refuse at once, not after the pictures are decoded
            MaskedAutoencoder(self.body, self.side, card.name)
        self.progress = Progress(steps=settings.steps)
        self.mean = torch.tensor(card.mean, device=self.fabric.device).view(1, 3, 1, 1)
        self.std = torch.tensor(card.std, device=self.fabric.device).view(1, 3, 1, 1)
        self.shown: dict[str, NDArray[np.uint8] | None] = {}

    def learn_from(
        self,
        squares: NDArray[np.uint8],
        hears: bool,
        plain: Callable[[str], NDArray[np.uint8] | None],
    ) -> None:
        """Take the pictures, and put the method around the backbone.

        Parameters
        ----------
        squares : ndarray of uint8 of shape (n, side, side, 3)
            From which views are made.
        hears : bool
            Whether they are log-mel pictures.
        plain : callable
            Makes what the backbone sees of an item that the probe asks about.
        """
        s = self.settings
        self.squares = torch.from_numpy(squares).permute(0, 3, 1, 2)
        self.hears, self.plain = hears, plain
        self.kept = np.arange(len(squares))
        made = make_method(self.body, self.card, s, self.side, len(squares))
        self.method = made.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.named = dict(self.method.named_parameters())
        groups = _groups(self.method, s)
        self.optimiser = torch.optim.AdamW(groups, lr=s.learning_rate)

    def buffers(self) -> Mapping[str, Tensor]:
        """Statistics of batch norms, and the queue."""
        return dict(self.method.named_buffers())

    def rate(self, step: int) -> float:
        """Rise in a line, and fall as a cosine does."""
        share = (step + 1) / self.progress.steps
        falling = 0.5 * (1 + math.cos(math.pi * step / self.progress.steps))
        return min(share / WARM_UP, falling)

    def loss(self, rows: Sequence[int], draw: torch.Generator) -> Tensor:
        """Draw views of the pictures, and compare them as the method does."""
        self._train_mode()
        taken = self.squares[torch.tensor(rows)]
        views = [self._view(taken, draw) for _ in range(self.method.views)]
        with self.fabric.autocast():
            found: Tensor = self.method(views)
        return found

    def after_step(self) -> None:
        """Let slow copies follow."""
        self.method.follow(self.progress.step / self.progress.steps)

    def judge(self) -> None:
        """Note the mean loss since the last look, ask the probe, and keep the best."""
        p = self.progress
        if p.counted:
            p.losses.append(p.summed / p.counted)
            p.summed, p.counted = 0.0, 0
        if self.wanted.probe is None:
            return
        score = float(self.wanted.probe(self.embed))
        if not p.scores or score > max(p.scores):
            p.waited = 0
            own = {**self.named, **self.buffers()}
            self.best = {n: v.detach().clone() for n, v in own.items() if n.startswith(BODY)}
        else:
            p.waited += 1
        p.scores.append(score)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the backbone's weights."""
        self.put_best()
        state = {name: v.detach().cpu().contiguous() for name, v in self.body.state_dict().items()}
        safetensors.torch.save_file(state, folder / "weights.safetensors")
        told = {"backbone": self.card.name, "method": self.settings.method}
        counts = {"pictures": len(self.kept), "side": self.side, "improved": self.progress.improved}
        return {**told, **counts, "settings": asdict(self.settings)}

    def embed(self, items: Sequence[str]) -> NDArray[np.float32]:
        """Embed items by the backbone as it is now.

        Parameters
        ----------
        items : sequence of str
            Files, which need not be of the pool.

        Returns
        -------
        ndarray of float32 of shape (n_items, card.width)
            NaN for those that cannot be read.
        """
        new = [item for item in dict.fromkeys(items) if item not in self.shown]
        with ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode") as pool:
            self.shown |= dict(zip(new, pool.map(self.plain, new), strict=True))
        found = np.full((len(items), self.card.width), np.nan, dtype=np.float32)
        rows = [i for i, item in enumerate(items) if self.shown[item] is not None]
        self.method.eval()
        with torch.inference_mode():
            for start in range(0, len(rows), EMBEDDED):
                part = rows[start : start + EMBEDDED]
                seen = np.stack([np.asarray(self.shown[items[i]]) for i in part])
                batch = torch.from_numpy(seen).permute(0, 3, 1, 2)
                if is_plain_vit(self.body):  # it has positions for one size only
                    batch = shrink(batch, self.side)
                found[part] = self.body(self._normal(batch.float() / 255)).float().cpu().numpy()
        return found

    def _view(self, taken: Tensor, draw: torch.Generator) -> Tensor:
        s = self.settings
        if self.hears:
            return self._normal(random_spectrogram(taken, self.side, draw))
        recipe = Recipe("light", crop=s.crop, flip=s.flip, jitter=s.jitter, grey=s.grey)
        return self._normal(random_view(taken.to(self.fabric.device), self.side, recipe, draw))

    def _normal(self, pictures: Tensor) -> Tensor:
        made = (pictures.to(self.fabric.device) - self.mean) / self.std
        return made.contiguous(memory_format=torch.channels_last)

    def _train_mode(self) -> None:
        """Training mode; batch norms of a pretrained backbone and of its slow copy keep their statistics."""
        self.method.train()
        if self.settings.from_scratch or not self.settings.frozen_statistics:
            return
        for name, part in self.method.named_modules():
            if isinstance(part, _BatchNorm) and BODY in f"{name}.":
                part.eval()


def body_of(card: ImageCard, settings: Settings) -> tuple[nn.Module, int]:
    """Make the backbone, and say at which size it is trained.

    Parameters
    ----------
    card : ImageCard
        Of timm.
    settings : Settings
        The size that is wanted, and whether to start from scratch.

    Returns
    -------
    Module
        To features (n, card.width).
    int
        Side of the views: of a plain vision transformer whole patches, of another network that is made for one size
        the card's own.
    """
    pretrained = not settings.from_scratch
    body = build_net(card, pretrained=pretrained)
    fixed = (getattr(body, "pretrained_cfg", None) or {}).get("fixed_input_size", False)
    if not fixed:
        return body, settings.size
    if not is_plain_vit(body):
        return body, card.input_size
    module: Any = body
    patch = int(module.patch_embed.patch_size[0])
    side = max(1, round(settings.size / patch)) * patch
    return build_net(card.model_copy(update={"input_size": side}), pretrained=pretrained), side


def make_method(
    body: nn.Module, card: ImageCard, settings: Settings, side: int, n_pictures: int
) -> Method:
    """Put a method around a backbone; its own layers are random.

    Parameters
    ----------
    body : Module
        From :func:`body_of`.
    card : ImageCard
        Its card.
    settings : Settings
        The method's name, and the batch.
    side : int
        Of the views, in pixels.
    n_pictures : int
        In the pool.

    Returns
    -------
    Method

    Raises
    ------
    InvalidRequest
        If the method cannot train such a backbone.
    """
    if settings.method == "simclr":
        return SimClr(body, card.width)
    if settings.method == "moco":
        return MoCo(body, card.width, n_pictures, settings.batch)
    if settings.method == "byol":
        return Byol(body, card.width)
    if settings.method == "mae":
        return MaskedAutoencoder(body, side, card.name)
    raise InvalidRequest(f"'{settings.method}' is not a method for pictures; pass another --method")


def _groups(method: Method, settings: Settings) -> list[dict[str, Any]]:
    """Freeze what does not train; group the rest by learning rate and by whether it is decayed."""
    own = list(method.body.parameters())
    frozen = 0 if settings.from_scratch else round(settings.frozen * len(own))
    for parameter in own[:frozen]:
        parameter.requires_grad_(False)
    ids = {id(parameter) for parameter in own}
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for parameter in method.parameters():
        if not parameter.requires_grad:
            continue
        factor = HEAD_FACTOR
        if id(parameter) in ids:
            factor = SCRATCH_FACTOR if settings.from_scratch else 1.0
        decay = settings.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((factor * settings.learning_rate, decay), []).append(parameter)
    return [
        {"params": parameters, FULL_RATE: rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]
