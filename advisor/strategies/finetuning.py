"""What the strategies that train a network share: the model, the reading of parameters, and the cost.

Pictures, recordings (as log-mel pictures) and texts differ in what feeds the network and in what a pass through it
costs; the loop is one (:mod:`advisor.nets.training`).
"""

from __future__ import annotations

import platform
from abc import abstractmethod
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import ImageCard, TextCard, as_card, find_backbone, missing_for
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.dataset import Modality, Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun
from advisor.parameter import ParamValue
from advisor.registry import require
from advisor.representation import FeatureInfo, Features
from advisor.representations.embedding import joined_names
from advisor.representations.pixels import LOGMEL
from advisor.representations.tokens import columns_of
from advisor.strategies.suited import why_unfit
from advisor.strategy import FitContext, Model, Params, Requirements, Strategy, number, word

if TYPE_CHECKING:
    from advisor.nets.feeds import Examples
    from advisor.nets.losses import Kind
    from advisor.nets.network import Headed
    from advisor.nets.settings import Settings

MOST_ROWS = 20_000
"""Labelled items at most. Our choice: pixels of pictures and recordings take 4 GB; with more, the loop would have to
read files."""

BATCH = 32
"""Pictures or recordings in a step; our choice: the gradient of a smaller one is noisier, a larger one takes its time
in memory."""

TEXT_BATCH = 16
"""Texts in a step; our choice, and that of most who tune encoders on few texts: a batch is as long as its longest text,
so that a large one is mostly padding."""

FORWARD_RATE = 18.0
"""1e9 multiply-adds per second of a forward pass on one core; measured (EfficientNet-lite0 at 160 px:
90 pictures, views included) while the other core was at work, as in a search."""

BACKWARD_SHARE = 3.0
"""Time of the backward pass and the step over that of the forward pass; measured as above: 23 pictures per second."""

FOLDED_GAIN = 1.6
"""How many times faster a forward pass is where batch norms are folded into convolutions; measured as above."""

TEXT_RATE = 46.0
"""As ``FORWARD_RATE``, of encoders of texts; measured (MiniLM, 32 texts: 0.09 s of 12 tokens, 0.22 s of 30 tokens)."""

TEXT_BACKWARD_SHARE = 1.5
"""As ``BACKWARD_SHARE``, of encoders of texts; measured (a step of 32 texts: 0.23 s of 12 tokens, 0.55 s of 30)."""

TEXT_TOKENS = 24
"""Tokens that a text is taken to have where nothing says how many: those of a sentence."""

CARD_TOKENS = 100
"""Tokens that the multiply-adds of a text's card are counted for."""

SPEED_SPACE = "speed of training, CPU time"
"""Where the cache keeps how fast a machine trains."""

HEAD_SECONDS = 1e-8
"""Seconds of the first head per row, number of its embedding, and class; measured on one core: 4e-9 to 1.7e-8 with 384
to 616 items of 6 to 77 classes, 384 or 1280 numbers each (:func:`advisor.nets.losses.solve_head`)."""

START_SECONDS = 2.5
"""Importing the libraries and building the network; measured."""

NEEDS = Requirements(
    modules=("torch", "lightning"),
    extra="vision",
    max_rows=MOST_ROWS,
    limitless=frozenset({Modality.TEXT}),  # ids of a text take 1 or 2 kB
    limits_reference="our choice: the pixels of all labelled pictures or recordings are held in memory, 0.2 MB each",
)
"""What all of them need; what a backbone needs besides is said by its loader."""

ABSENT: Mapping[str, ParamValue] = {
    "adapter": "none",
    "augmentation": "none",
    "average": 0.0,
    "balance": "none",
    "colour": False,
    "crop": 0.5,
    "cutmix": 0.0,
    "drop_path": 0.0,
    "dropout": 0.0,
    "flip": False,
    "focal_gamma": 0.0,
    "frozen_statistics": True,
    "head_C": 0.4,
    "label_smoothing": 0.0,
    "layer_decay": 1.0,
    "mirror": False,
    "mixup": 0.0,
    "rank": 8,
    "seeds": 1,
    "unfrozen": 1.0,
    "views": 0,
    "warm_head": True,
    "weight_decay": 0.05,
}
"""Values of what a space does not hold, since the strategy, the modality or the task has no use for it."""

NUMBERS = (
    *("learning_rate", "layer_decay", "unfrozen", "weight_decay", "dropout", "drop_path"),
    *("label_smoothing", "focal_gamma", "average", "mixup", "cutmix"),
)
COUNTS = ("steps", "views")
FLAGS = ("warm_head", "frozen_statistics")
WORDS = ("balance", "augmentation", "backbone")

SEED_STEP = 1000
"""Between the seeds of networks that are averaged: far enough that no other fold's or trial's seed is met."""

_TIMED = FitContext(Task.MULTICLASS, 10, FeatureInfo(names=()), seed=0)
"""What a network is timed for; the number of classes hardly matters."""


class FineTuneModel(Model):
    """One network trained on pixels or tokens, or several that are averaged.

    Parameters
    ----------
    params : mapping
        Parameter values, with those that the strategy fixes.
    context : FitContext
        The task.
    """

    def __init__(self, params: Params, context: FitContext) -> None:
        self.params, self.context = {**ABSENT, **params}, context
        self.nets: list[Headed] = []

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Train step by step until done or out of time, with one seed after the other.

        ``X`` holds pixels, uint8 of shape (n_rows, 256 * 256 * 3), or token ids, int32 of shape
        (n_rows, n_views * longest). Networks that there was no time for are left out.
        """
        deadline.check()
        torch = require("torch", extra="vision")
        from advisor.nets.feeds import Examples

        torch.set_num_threads(self.context.threads)
        examples = Examples(X.values, y, X.blocks)
        for i in range(int(number(self.params, "seeds"))):
            seed = self.context.seed + SEED_STEP * i
            try:
                net, truncated = self.train(examples, seed, deadline)
            except DeadlineExceeded:
                if not self.nets:
                    raise
                self.truncated = True
                break
            if truncated and self.nets:  # half trained, it would spoil the mean
                self.truncated = True
                break
            self.nets.append(net)
            self.truncated = self.truncated or truncated
        return self

    def train(self, examples: Examples, seed: int, deadline: Deadline) -> tuple[Headed, bool]:
        """Train one network; whether time ran out before the last step. DeadlineExceeded where nothing is usable."""
        from advisor.nets.training import train

        return train(examples, self.settings(), seed, deadline)

    def settings(self) -> Settings:
        """Read the parameters."""
        from advisor.nets.settings import PictureSettings, TextSettings

        p = self.params
        read: dict[str, Any] = {name: number(p, name) for name in NUMBERS}
        read |= {name: int(number(p, name)) for name in COUNTS}
        read |= {name: p.get(name) is True for name in FLAGS}
        read |= {name: word(p, name) for name in WORDS}
        read |= {"kind": self._kind(), "n_outputs": self.context.n_outputs, "batch": batch_of(p)}
        if "size" in p:
            read |= {name: p.get(name) is True for name in ("flip", "colour", "mirror")}
            read |= {"size": int(number(p, "size")), "crop": number(p, "crop")}
            return PictureSettings(whole=LOGMEL in self.context.info.names, **read)
        card = as_card(find_backbone(word(p, "backbone")), TextCard)
        return TextSettings(
            length=int(number(p, "length")),
            longest=columns_of(card),
            head_C=number(p, "head_C"),
            frozen_tables=p.get("frozen_tables") is not False,
            adapter=word(p, "adapter"),
            rank=int(number(p, "rank")),
            **read,
        )

    def _kind(self) -> Kind:
        if self.context.task is Task.REGRESSION:
            return "absolute" if self.context.metric == "mae" else "values"
        return "labels" if self.context.task is Task.MULTILABEL else "classes"

    def predict(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Ask the networks, and average their answers; ``values`` as ``fit`` takes them."""
        torch = require("torch", extra="vision")
        from advisor.nets.answers import predict

        if not self.nets:
            raise RuntimeError("predict before fit")
        torch.set_num_threads(self.context.threads)
        answers = [predict(net, values) for net in self.nets]
        return np.asarray(np.mean(answers, axis=0))

    def save(self, folder: Path) -> None:
        """Write one network after the other, each into a folder named by its number."""
        from advisor.nets.saved import save_net

        if not self.nets:
            raise RuntimeError("save before fit")
        for i, net in enumerate(self.nets):
            (folder / f"net{i}").mkdir()
            save_net(net, folder / f"net{i}")


class FineTuning(Strategy):
    """A strategy whose models are networks that are trained; ``fixed`` are the parameters that make it what it is."""

    fixed: ClassVar[Mapping[str, ParamValue]] = {}
    model: ClassVar[type[FineTuneModel]] = FineTuneModel
    """Of its models: another one has a loop of its own."""

    def representation(self, params: Params) -> str:
        """Pixels; or the tokens of a backbone for texts, with views where ``augmentation`` names some."""
        if "length" not in params:
            return self.card.representation
        views = word(params, "augmentation")
        name = joined_names([word(params, "backbone")])
        return f"tokens:{name}{'' if views == 'none' else f'+{views}'}"

    def build(self, params: Params, context: FitContext) -> Model:
        """Make an untrained one."""
        return self.model({**params, **self.fixed}, context)

    def load(self, folder: Path, context: FitContext) -> Model:
        """Read the networks."""
        require("torch", extra="vision")
        from advisor.nets.saved import load_net

        model = self.model(self.fixed, context)
        places = sorted(folder.glob("net[0-9]*"))
        if not places:
            raise InvalidRun(f"expected networks in '{folder.name}', got none; train again")
        model.nets = [load_net(place) for place in places]
        return model

    def unfit(self, params: Params) -> str:
        """Try on noise what a backbone for pictures is to go through: a step, its stages, the cut."""
        if "backbone" not in params or "size" not in params or self.missing():
            return ""
        name, p = word(params, "backbone"), {**ABSENT, **params, **self.fixed}
        if missing_for(name):
            return ""
        cut = number(p, "views") > 0
        staged = cut or number(p, "unfrozen") < 1 or number(p, "layer_decay") < 1
        share = number(p, "unfrozen") if cut else 1.0
        return why_unfit(name, int(number(p, "size")), staged, share)

    def measure_speed(self, params: Params) -> float | None:
        """Time a few steps of training here over what ``cost`` counts for them; kept, so that it is done once."""
        if "backbone" not in params or missing_for(word(params, "backbone")):
            return None  # what costs are counted in is a backbone's passes
        length = TEXT_TOKENS if "length" in params else 0
        seen = f"{length} tokens" if length else f"{number(params, 'size'):g} px"
        name = ", ".join(
            (
                *(platform.node(), platform.machine(), str(usable_cores()), version("torch")),
                *(word(params, "backbone"), seen),
            )
        )
        kept = default_cache()
        found = kept.get(SPEED_SPACE, [name])
        if name not in found:
            require("torch", extra="vision")
            from advisor.nets.timing import seconds_per_item

            model = FineTuneModel({**params, **self.fixed}, _TIMED)
            timed = {**params, "length": length} if length else params
            predicted = forward_seconds(timed) * (1 + back_share(timed))
            ratio = seconds_per_item(model.settings(), length) / predicted
            found = {name: np.array([ratio])}
            kept.put(SPEED_SPACE, found)
        return float(found[name][0])

    def predict_cost(self, n_rows: int, params: Params) -> float:
        """One pass through each network, or two where predictions are averaged with those of the mirrored picture."""
        if "backbone" not in params:
            return 0.0  # small networks at small sizes
        passes = 2 if params.get("mirror") is True else 1
        gain = 1.0 if "length" in params else FOLDED_GAIN
        return n_rows * passes * seeds_of(params) * forward_seconds(params) / gain

    @abstractmethod
    def cost(self, n_rows: int, n_features: int, n_outputs: int, params: Params) -> float:
        """Seconds of one fit on one core of the reference machine; see :data:`FORWARD_RATE`."""


def forward_seconds(params: Params) -> float:
    """Estimate the seconds of a forward pass of one picture or text on one core of the reference machine.

    Parameters
    ----------
    params : mapping
        With ``backbone``, and ``size`` or ``length``: of texts the tokens of a batch's longest one, which is what
        :meth:`advisor.space.SearchSpace.for_cost` puts in the place of the cap.

    Returns
    -------
    float
    """
    card = find_backbone(word(params, "backbone"))
    if isinstance(card, TextCard):
        return card.multiply_adds * number(params, "length") / CARD_TOKENS / TEXT_RATE
    scale = (number(params, "size") / as_card(card, ImageCard).input_size) ** 2
    return card.multiply_adds * scale / FORWARD_RATE


def head_seconds(n_rows: int, n_outputs: int, params: Params) -> float:
    """Estimate the seconds that the logistic head of frozen features takes.

    Parameters
    ----------
    n_rows, n_outputs : int
        Rows, and classes or labels.
    params : mapping
        With ``backbone``.

    Returns
    -------
    float
    """
    width = find_backbone(word(params, "backbone")).width
    return HEAD_SECONDS * n_rows * width * n_outputs


def back_share(params: Params) -> float:
    """Tell the time of the way back and of the step over that of the forward pass, for all stages."""
    return TEXT_BACKWARD_SHARE if "length" in params else BACKWARD_SHARE


def seeds_of(params: Params) -> float:
    """Count the networks that one model averages."""
    return number({**ABSENT, **params}, "seeds")


def batch_of(params: Params) -> int:
    """Say how many items a step takes."""
    return TEXT_BATCH if "length" in params else BATCH


def items_seen(n_rows: int, params: Params) -> float:
    """Count the items that all steps of a training take together."""
    return number(params, "steps") * min(batch_of(params), max(1, n_rows))
