"""What going on to train a backbone without labels is asked for, and how it tells where it stands.

The same for pictures, recordings and texts: a pool, a deadline, perhaps a probe that says when to stop, and in the end
a backbone with a name of its own (``efficientnet_lite0@.../weights.safetensors``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_PICTURES = 100
"""Different pictures or recordings in a pool below which nothing is adapted to it; our choice: going on from pretrained
weights is robust to small pools (Reed et al. 2021, arXiv 2103.12718), but the smallest that was tried had hundreds."""

WORDS_METHOD = "mlm"
"""The method for texts."""

METHODS = ("simclr", "moco", "byol", "mae")
"""The methods for pictures, and for recordings as log-mel pictures."""

DEVICES = ("cpu", "cuda")
"""What training can be told to run on."""


@dataclass
class Progress:
    """Where an adaptation stands; all but the seconds is kept in its checkpoint."""

    step: int = 0
    steps: int = 0
    waited: int = 0
    """Looks since the best one."""
    losses: list[float] = field(default_factory=list)
    """At every look. Of texts: on those that are held out, before the first step, too. Of pictures: the mean over the
    steps since the look before."""
    scores: list[float] = field(default_factory=list)
    """What the probe said before the first step, then at every look; empty without one."""
    summed: float = 0.0
    counted: int = 0
    """Losses of the steps since the last look."""
    seconds_left: float = float("nan")
    """If all steps are taken; not a number before there is anything to go by."""

    @property
    def improved(self) -> bool:
        """Whether the probe was ever surer than before the first step; True without one."""
        return not self.scores or max(self.scores) > self.scores[0]

    def told(self) -> dict[str, Any]:
        """Give what a checkpoint keeps."""
        kept = asdict(self)
        del kept["seconds_left"]
        return kept


Told = Callable[[Progress], None]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Items to embeddings (n_items, width), by the backbone as it is now; NaN for items that cannot be read."""

Probe = Callable[[Embed], float]
"""Says how good a backbone is, the higher the better."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of an adaptation beside the items; the default is what the method does by itself."""

    method: str = ""
    """One of ``METHODS``; empty for the usual one."""
    flip: bool = True
    """Whether views of pictures may be mirrored."""
    colour: bool = True
    """Whether views of pictures may differ in brightness, contrast and colour."""
    steps: int | None = None
    from_scratch: bool = False
    """Begin with random weights instead of the pretrained ones."""
    device: str = ""
    """``cpu`` or ``cuda``; empty for a GPU where there is one."""
    probe: Probe | None = None
    """Asked before the first step and at every look: training stops when it has not risen for some looks, and the best
    weights are kept. ``None``: all steps are taken, and the last weights are kept."""
    probe_key: str = ""
    """Names all that the probe's answers depend on, so that results by other probes are kept apart."""
    tell: Told | None = None
    """Called after every step and every look."""


BY_ITSELF = Wanted()
"""Nothing is asked for."""
