"""A backbone and a head for pictures: made, asked, saved and read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advisor.backbone import LOADERS, ImageCard, as_card, find_backbone
from advisor.errors import InvalidRun
from advisor.nets.image_losses import Kind, meaning
from advisor.nets.image_scratch import NETS, SCRATCH_PREFIX
from advisor.nets.image_stages import SplitNet
from advisor.nets.image_views import Recipe, as_pictures, plain_view
from advisor.storage import read_json, write_json

PREDICT_ROWS = 32
"""Pictures predicted at once; our choice: larger batches are no faster on a CPU."""

FOLD_FROM = 16
"""Pictures from which folding a network, which costs a few passes, pays; our choice."""

WEIGHTS, SETTINGS = "net.safetensors", "net.json"


@dataclass(frozen=True)
class ImageSettings:
    """All that makes a network for pictures and trains it; stored beside the weights."""

    kind: Kind
    n_outputs: int
    backbone: str
    """A name for :func:`advisor.backbone.find_backbone`, or ``scratch:NAME:WIDTH`` for one that knows nothing."""
    size: int
    """Side of the input in pixels; moved to the nearest multiple of a patch where the backbone has patches."""
    steps: int
    learning_rate: float
    unfrozen: float = 1.0
    """Share of the stages that train, from the last one."""
    views: int = 0
    """Views of each picture whose maps at the cut are kept, so that only the tail runs in training; 0 for none."""
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
    augmentation: str = "light"
    crop: float = 0.5
    flip: bool = True
    colour: bool = True
    mixup: float = 0.0
    cutmix: float = 0.0
    mirror: bool = False
    """Whether predictions are averaged with those of the mirrored picture."""
    batch: int = 32
    crop_share: float = 0.875
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    @property
    def recipe(self) -> Recipe:
        """How training pictures are varied."""
        return Recipe(self.augmentation, self.crop, self.flip, self.colour)


class Headed(nn.Module):
    """A network that makes features, dropout, and a linear head.

    Parameters
    ----------
    body : Module
        To features of shape (n, width).
    head : Linear
        From them to the outputs.
    dropout : float
        Of the features.
    settings : ImageSettings
        Resolved: the size is one that the body takes.
    """

    def __init__(
        self, body: nn.Module, head: nn.Linear, dropout: float, settings: ImageSettings
    ) -> None:
        super().__init__()
        self.body, self.head, self.dropout = body, head, nn.Dropout(dropout)
        self.settings = settings

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs: logits, or values."""
        found: Tensor = self.head(self.dropout(self.body(x)))
        return found

    def split(self) -> tuple[SplitNet, Headed]:
        """Cut the body where ``unfrozen`` says; the tail shares this network's weights and head.

        Returns
        -------
        SplitNet
            Computes the maps at the cut.
        Headed
            From those maps to the outputs.
        """
        s = self.settings
        cut = SplitNet(self.body, s.unfrozen, s.backbone, s.size)
        return cut, Headed(cut.tail, self.head, s.dropout, s)


def make_net(settings: ImageSettings, *, pretrained: bool) -> Headed:
    """Build the network that the settings describe.

    Parameters
    ----------
    settings : ImageSettings
        What to build; ``crop_share``, ``mean`` and ``std`` are taken from the backbone's card.
    pretrained : bool
        Whether the backbone's weights are loaded, or left random since others are loaded afterwards.

    Returns
    -------
    Headed
        In channels-last order of memory, on the CPU.

    Raises
    ------
    InvalidRequest
        If nobody knows the backbone.
    """
    if settings.backbone.startswith(SCRATCH_PREFIX):
        _, name, width = settings.backbone.split(":")
        body: nn.Module = NETS[name](int(width))
        n_features = 8 * int(width)
    else:
        card = as_card(find_backbone(settings.backbone), ImageCard)
        body = LOADERS[card.loader].build(
            card, pretrained=pretrained, drop=0.0, drop_path=settings.drop_path
        )
        n_features = card.width
        size = _fit_to_size(body, settings.size)
        settings = replace(
            settings, size=size, crop_share=card.crop_share, mean=card.mean, std=card.std
        )
    head = nn.Linear(n_features, settings.n_outputs)
    net = Headed(body, head, settings.dropout, settings)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def _fit_to_size(body: Any, size: int) -> int:
    """Set the input size of a backbone that has positions or windows for one size only, and say what it became."""
    patches = getattr(body, "patch_embed", None)
    patch = getattr(patches, "patch_size", None)
    if patch is not None:
        side = int(patch[0] if isinstance(patch, tuple | list) else patch)
        size = max(1, round(size / side)) * side
    if callable(getattr(body, "set_input_size", None)):
        body.set_input_size(img_size=(size, size))
    return size


def normalise(batch: Tensor, settings: ImageSettings) -> Tensor:
    """Subtract the mean and divide by the deviation of pretraining, in place; pictures in [0, 1]."""
    mean = torch.tensor(settings.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(settings.std, device=batch.device).view(1, 3, 1, 1)
    return batch.sub_(mean).div_(std)


def folded(net: Headed) -> Headed:
    """Make the same network for predicting: batch norms become part of the convolutions before them, where that can be.

    Parameters
    ----------
    net : Headed
        Trained; not changed, and given back as it is on a GPU or where its backbone cannot be folded.

    Returns
    -------
    Headed
        In evaluation mode; about 1.6 times as fast on a CPU (EfficientNet-lite0).
    """
    s = net.settings
    if s.backbone.startswith(SCRATCH_PREFIX) or next(net.parameters()).device.type != "cpu":
        return net
    body = LOADERS[find_backbone(s.backbone).loader].fold(net.body.eval())
    made = Headed(body, net.head, s.dropout, s).eval()
    made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made


def predict_pictures(net: Headed, values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Ask a trained network.

    Parameters
    ----------
    net : Headed
        In evaluation mode afterwards, where it was: on the CPU or a GPU.
    values : ndarray of uint8 of shape (n, 256 * 256 * 3)
        As the representation ``pixels`` makes them.

    Returns
    -------
    ndarray of float64 of shape (n, n_outputs)
        Probabilities of classes or labels, or values.
    """
    s = net.settings
    place = next(net.parameters()).device
    found = [np.zeros((0, s.n_outputs))]
    net = folded(net.eval()) if len(values) >= FOLD_FROM else net.eval()
    with torch.inference_mode():
        for start in range(0, len(values), PREDICT_ROWS):
            pictures = as_pictures(values[start : start + PREDICT_ROWS])
            batch = normalise(plain_view(pictures, s.size, s.crop_share), s).to(place)
            answer = meaning(net(batch), s.kind)
            if s.mirror:
                answer = (answer + meaning(net(batch.flip(-1)), s.kind)) / 2
            found.append(answer.cpu().numpy().astype(np.float64))
    return np.concatenate(found)


def save_pictures(net: Headed, folder: Path) -> None:
    """Write ``net.safetensors`` and ``net.json``.

    Where only the tail was trained, and the stem came with an installed package, the stem is left out.

    Parameters
    ----------
    net : Headed
        Trained.
    folder : Path
        An existing empty folder.
    """
    weights = {name: value.contiguous() for name, value in net.state_dict().items()}
    tail_only = net.settings.views > 0 and _comes_with_package(net.settings.backbone)
    if tail_only:
        kept = _names_behind_cut(net)
        weights = {name: value for name, value in weights.items() if name in kept}
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    write_json(folder / SETTINGS, {"settings": asdict(net.settings), "tail_only": tail_only})


def load_pictures(folder: Path) -> Headed:
    """Read what :func:`save_pictures` wrote.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Headed
        In evaluation mode, on the GPU if there is one.

    Raises
    ------
    InvalidRun
        If a file is missing or altered.
    """
    written = read_json(folder / SETTINGS)
    try:
        s = written["settings"]
        settings = ImageSettings(**{**s, "mean": tuple(s["mean"]), "std": tuple(s["std"])})
        net = make_net(settings, pretrained=bool(written["tail_only"]))
        weights = safetensors.torch.load_file(folder / WEIGHTS)
        missing, strange = net.load_state_dict(weights, strict=False)
        expected = _names_behind_cut(net) if written["tail_only"] else set(net.state_dict())
        if strange or expected & set(missing):
            raise ValueError(f"{len(strange)} unknown and {len(missing)} missing tensors")
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidRun(_damaged(folder, error)) from error
    except safetensors.SafetensorError as error:
        raise InvalidRun(_damaged(folder, error)) from error
    return net.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _damaged(folder: Path, error: Exception) -> str:
    return (
        f"expected a network in '{folder.name}', got {type(error).__name__}: {error}; train again"
    )


def _comes_with_package(backbone: str) -> bool:
    if backbone.startswith(SCRATCH_PREFIX):
        return False
    return find_backbone(backbone).weights.startswith("package:")


def _names_behind_cut(net: Headed) -> set[str]:
    """Names in the network's state of all that can have been trained."""
    _, tail = net.split()
    return set(tail.state_dict())
