"""What the strategies that train a network on pictures share: the model, the reading of parameters, and the cost."""

from __future__ import annotations

import platform
from abc import abstractmethod
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import ImageCard, as_card, find_backbone
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.parameter import ParamValue
from advisor.registry import require
from advisor.representation import FeatureInfo, Features
from advisor.strategy import FitContext, Model, Params, Requirements, Strategy, number, word

if TYPE_CHECKING:
    from advisor.nets.image_losses import Kind
    from advisor.nets.image_model import Headed, ImageSettings

MOST_ROWS = 20_000
"""Labelled pictures at most. Our choice: their pixels take 4 GB; with more, the loop would have to read files."""

BATCH = 32
"""Pictures in a step; our choice: the gradient of a smaller one is noisier, a larger one takes its time in memory."""

FORWARD_RATE = 18.0
"""1e9 multiply-adds per second of a forward pass on one core; measured (EfficientNet-lite0 at 160 px:
90 pictures, views included) while the other core was at work, as in a search."""

BACKWARD_SHARE = 3.0
"""Time of the backward pass and the step over that of the forward pass; measured as above: 23 pictures per second."""

FOLDED_GAIN = 1.6
"""How many times faster a forward pass is where batch norms are folded into convolutions; measured as above."""

SPEED_SPACE = "speed of training"
"""Where the cache keeps how fast a machine trains."""

START_SECONDS = 2.5
"""Importing the libraries and building the network; measured."""

NEEDS = Requirements(
    modules=("torch", "timm", "lightning"),
    extra="vision",
    max_rows=MOST_ROWS,
    limits_reference="our choice: the pixels of all labelled pictures are held in memory, 0.2 MB each",
)
"""What all of them need."""

ABSENT: Mapping[str, ParamValue] = {
    "augmentation": "light",
    "average": 0.0,
    "balance": "none",
    "colour": True,
    "crop": 0.5,
    "cutmix": 0.0,
    "drop_path": 0.0,
    "dropout": 0.0,
    "flip": True,
    "focal_gamma": 0.0,
    "frozen_statistics": True,
    "label_smoothing": 0.0,
    "layer_decay": 1.0,
    "mirror": False,
    "mixup": 0.0,
    "unfrozen": 1.0,
    "views": 0,
    "warm_head": True,
    "weight_decay": 0.05,
}
"""Values of what a space does not hold, since the strategy or the task has no use for it."""


NUMBERS = (
    *("learning_rate", "layer_decay", "unfrozen", "weight_decay", "dropout", "drop_path"),
    *("label_smoothing", "focal_gamma", "average", "crop", "mixup", "cutmix"),
)
COUNTS = ("size", "steps", "views")
FLAGS = ("warm_head", "frozen_statistics", "flip", "colour", "mirror")
WORDS = ("balance", "augmentation", "backbone")


_TIMED = FitContext(Task.MULTICLASS, 10, FeatureInfo(names=()), seed=0)
"""What a network is timed for; the number of classes hardly matters."""


class FineTuneModel(Model):
    """A network trained on the pixels of pictures.

    Parameters
    ----------
    params : mapping
        Parameter values, with those that the strategy fixes.
    context : FitContext
        The task.
    """

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = {**ABSENT, **params}, context
        self.net: Headed | None = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Train step by step until done or out of time; ``X`` holds uint8 of shape (n_rows, 256 * 256 * 3)."""
        deadline.check()
        torch = require("torch", extra="vision")
        from advisor.nets.image_training import train_pictures

        torch.set_num_threads(self.context.threads)
        self.net, self.truncated = train_pictures(
            X.values, y, self.settings(), self.context.seed, deadline
        )
        return self

    def settings(self) -> ImageSettings:
        """Read the parameters."""
        from advisor.nets.image_model import ImageSettings

        p = self.params
        read: dict[str, Any] = {name: number(p, name) for name in NUMBERS}
        read |= {name: int(number(p, name)) for name in COUNTS}
        read |= {name: p.get(name) is True for name in FLAGS}
        read |= {name: word(p, name) for name in WORDS}
        return ImageSettings(
            kind=self._kind(), n_outputs=self.context.n_outputs, batch=BATCH, **read
        )

    def _kind(self) -> Kind:
        if self.context.task is Task.REGRESSION:
            return "absolute" if self.context.metric == "mae" else "values"
        return "labels" if self.context.task is Task.MULTILABEL else "classes"

    def predict(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Ask the network; ``values`` is uint8 of shape (n_rows, 256 * 256 * 3)."""
        torch = require("torch", extra="vision")
        from advisor.nets.image_model import predict_pictures

        if self.net is None:
            raise RuntimeError("predict before fit")
        torch.set_num_threads(self.context.threads)
        return predict_pictures(self.net, values)

    def save(self, folder: Path) -> None:
        """Write ``net.safetensors`` and ``net.json``."""
        from advisor.nets.image_model import save_pictures

        if self.net is None:
            raise RuntimeError("save before fit")
        save_pictures(self.net, folder)


class FineTuning(Strategy):
    """A strategy whose models are networks trained on pixels; ``fixed`` are the parameters that make it what it is."""

    fixed: ClassVar[Mapping[str, ParamValue]] = {}

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return FineTuneModel({**params, **self.fixed}, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read ``net.safetensors`` and ``net.json``."""
        require("torch", extra="vision")
        from advisor.nets.image_model import load_pictures

        model = FineTuneModel(self.fixed, context)
        model.net = load_pictures(folder)
        return model

    def measure_speed(self, params: Params) -> float | None:
        """Time a few steps of training here over what ``cost`` counts for them; kept, so that it is done once."""
        if "backbone" not in params:
            return None  # what costs are counted in is a backbone's passes
        name = ", ".join(
            (
                *(platform.node(), platform.machine(), str(usable_cores()), version("torch")),
                *(word(params, "backbone"), f"{number(params, 'size'):g} px"),
            )
        )
        kept = default_cache()
        found = kept.get(SPEED_SPACE, [name])
        if name not in found:
            require("torch", extra="vision")
            from advisor.nets.image_timing import seconds_per_picture

            model = FineTuneModel({**params, **self.fixed}, _TIMED)
            predicted = forward_seconds(params) * (1 + BACKWARD_SHARE)
            ratio = seconds_per_picture(model.settings()) / predicted
            found = {name: np.array([ratio])}
            kept.put(SPEED_SPACE, found)
        return float(found[name][0])

    def predict_cost(self, n_rows: int, params: Params) -> float:
        """One pass through the network, or two where predictions are averaged with those of the mirrored picture."""
        if "backbone" not in params:
            return 0.0  # small networks at small sizes
        passes = 2 if params.get("mirror") is True else 1
        return n_rows * passes * forward_seconds(params) / FOLDED_GAIN

    @abstractmethod
    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Seconds of one fit on one core of the reference machine; see :data:`FORWARD_RATE`."""


def forward_seconds(params: Params) -> float:
    """Estimate the seconds of a forward pass of one picture on one core of the reference machine.

    Parameters
    ----------
    params : mapping
        With ``backbone`` and ``size``.

    Returns
    -------
    float
    """
    card = as_card(find_backbone(word(params, "backbone")), ImageCard)
    scale = (number(params, "size") / card.input_size) ** 2
    return card.multiply_adds * scale / FORWARD_RATE


def pictures_seen(n_rows: int, params: Params) -> float:
    """Count the pictures that all steps of a training take together."""
    return number(params, "steps") * min(BATCH, max(1, n_rows))
