"""All that makes a network and trains it, as data; what differs between pictures and texts has a class of its own."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.augment.picture_views import Recipe
from advisor.augment.spectrogram_views import GENTLE, SPECTROGRAM
from advisor.nets.losses import Kind


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every network has; stored beside its weights."""

    kind: Kind
    n_outputs: int
    backbone: str
    """A name for :func:`advisor.backbone.find_backbone`, or ``scratch:NAME:WIDTH`` for one that knows nothing."""
    steps: int
    learning_rate: float
    unfrozen: float = 1.0
    """Share of the stages that train, from the last one."""
    views: int = 0
    """Views of each item whose maps at the cut are kept, so that only the tail runs in training; 0 for none."""
    warm_head: bool = True
    """Whether the head starts from a logistic regression on the plain features."""
    layer_decay: float = 1.0
    """Learning rate of a stage over that of the stage behind it."""
    weight_decay: float = 0.05
    dropout: float = 0.0
    drop_path: float = 0.0
    label_smoothing: float = 0.1
    focal_gamma: float = 0.0
    balance: str = "none"
    """``none``, ``weights`` or ``sampling``."""
    average: float = 0.0
    """Share of the steps over which the weights are averaged; 0 for the last ones as they are."""
    frozen_statistics: bool = True
    """Whether batch norms keep the statistics of pretraining."""
    augmentation: str = "none"
    """``none``, or how training items are varied."""
    mixup: float = 0.0
    """Of items that can be blended: pictures and spectrograms."""
    cutmix: float = 0.0
    batch: int = 32


@dataclass(frozen=True, kw_only=True)
class PictureSettings(Settings):
    """Of a network that sees pictures, or recordings as log-mel pictures."""

    size: int
    """Side of the input in pixels; moved to the nearest multiple of a patch where the backbone has patches, and to the
    backbone's own size where it takes no other."""
    augmentation: str = "light"
    """``none``, ``light``, ``randaugment``, ``spectrogram``, or ``spectrogram_gentle`` (:mod:`advisor.augment`)."""
    crop: float = 0.5
    flip: bool = True
    colour: bool = True
    mirror: bool = False
    """Whether predictions are averaged with those of the mirrored picture."""
    whole: bool = False
    """Whether nothing is cut off at the edges of the plain view: those of a spectrogram are its ends."""
    crop_share: float = 0.875
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    @property
    def recipe(self) -> Recipe:
        """How training pictures are varied."""
        return Recipe(self.augmentation, self.crop, self.flip, self.colour)

    @property
    def is_spectrogram(self) -> bool:
        """Whether views are those of spectrograms."""
        return self.augmentation in (SPECTROGRAM, GENTLE)


@dataclass(frozen=True, kw_only=True)
class TextSettings(Settings):
    """Of a network that reads token ids."""

    length: int
    """Tokens read at most; of longer texts the first ones and the last one."""
    longest: int
    """Columns of ids that one view of a text has."""
    head_C: float = 0.4
    """Inverse penalty of the first head, where there is one, over the root of the number of classes."""
    frozen_tables: bool = True
    """Whether the tables of words and positions stay as they were: half of a small encoder, of which few texts touch
    little."""
    adapter: str = "none"
    """``none``, or ``lora``: low-rank changes of the weights alone are trained, and merged into them afterwards."""
    rank: int = 8
    """Of those changes."""
