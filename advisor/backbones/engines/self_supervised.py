"""Pictures without labels → a backbone that has seen them: self-supervised training goes on where pretraining ended.

Going on from pretrained weights needs few pictures and few steps [1]_, while starting with random ones needs hundreds
of thousands [2]_. Recordings are log-mel pictures here, varied as recordings are.

References
----------
.. [1] Reed et al. (2021), Self-supervised pretraining improves self-supervised pretraining, arXiv 2103.12718.
.. [2] Cole et al. (2022), When does contrastive visual representation learning work?, arXiv 2105.05837.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from advisor.adaptation import FEWEST_PICTURES, METHODS, Wanted
from advisor.augment.picture_views import FINEST
from advisor.backbone import PATH_MARK, ImageCard, split_backbone
from advisor.backbones.engines.adapting import REPORT, sole_adapter, undisturbed
from advisor.backbones.engines.methods.method import lightly
from advisor.backbones.engines.view_training import Settings, ViewTraining
from advisor.backbones.weights import fingerprint
from advisor.cache import content_keys, default_cache
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest, did_you_mean, quoted

PLACE = "adapted backbones"
"""Folder of the cache that holds what was adapted; listed and cleared as any of its spaces."""

WEIGHTS = "weights.safetensors"
"""File of the adapted weights."""

MOST_PICTURES = 5_000
"""Pictures that are learned from, by chance where there are more: they are held in memory, 0.1 MB each. Our choice, and
as many as other strategies take of a pool."""

DEFAULT = "moco"
"""The method where none is named; our choice, by the short runs told in ``search_spaces/image/adapted_probe.toml``."""

RECIPE = 2
"""Number of the way backbones are adapted; a change of the code that changes weights raises it."""

Picture = NDArray[np.uint8] | None


@dataclass(frozen=True)
class Shown:
    """How a loader shows its items to a network for pictures; ``None`` for an item that cannot be read."""

    square: Callable[[str, int], Picture]
    """An item and pixels to a square of that side, from which views are made."""
    plain: Callable[[str], Picture]
    """An item to what the backbone sees when it embeds."""
    hears: bool = False
    """Whether squares are log-mel pictures."""


def adapt(
    card: ImageCard,
    shown: Shown,
    items: Sequence[str],
    deadline: Deadline,
    seed: int,
    wanted: Wanted,
    settings: Settings | None = None,
) -> Path:
    """Go on training a backbone of timm on pictures without labels, or find what that made before.

    Parameters
    ----------
    card : ImageCard
        Of the backbone.
    shown : Shown
        How it sees the items.
    items : sequence of str
        Files of the pool; equal ones count once, unreadable ones not at all, and their order does not matter.
    deadline : Deadline
        Looked at before every step; what was learned by then is kept, so that another call goes on from there.
    seed : int
        Of views, order and heads; the global generator is left as it was.
    wanted : Wanted
        Method, probe, and who is told how it goes.
    settings : Settings or None
        ``None`` for the usual ones; its method and what else ``wanted`` names are overridden by it.

    Returns
    -------
    Path
        Of the adapted weights in the cache; ``adapted.json`` beside them says how it went.

    Raises
    ------
    InvalidRequest
        If there is no such method, it cannot train this backbone, or there are too few pictures.
    MissingDependency
        If lightly is not installed.
    DeadlineExceeded
        When the deadline passes before the end.
    """
    settings = _settled(settings or Settings(), wanted)
    by_key = {key: item for key, item in zip(content_keys(items), items, strict=True) if key}
    keys = sorted(by_key)
    _refuse(card, len(keys))
    place = default_cache().folder / PLACE / _digest(card, keys, settings, seed, wanted)
    if (place / REPORT).is_file():
        return place / WEIGHTS
    lightly("lightly")
    if len(keys) > MOST_PICTURES:
        chosen = np.random.default_rng(seed).choice(len(keys), MOST_PICTURES, replace=False)
        keys = [keys[row] for row in np.sort(chosen)]
    part = place.with_name(f"{place.name}.part")
    with sole_adapter(place, deadline):
        if (place / REPORT).is_file():  # made by another process meanwhile
            return place / WEIGHTS
        with undisturbed(usable_cores()):
            torch.manual_seed(seed)  # of heads, and of a backbone that starts from scratch
            run = ViewTraining(card, part, settings, seed, wanted)
            side = run.side if shown.hears else round(FINEST * run.side)
            squares = load_squares(shown, [by_key[key] for key in keys], side, deadline)
            _refuse(card, len(squares))
            run.learn_from(squares, shown.hears, shown.plain)
            run.go_on(deadline, wanted.tell)
        run.finish(place)
    return place / WEIGHTS


def name_of(card_name: str, weights: Path) -> str:
    """Name the backbone that a backbone became, for :func:`advisor.backbone.find_backbone`."""
    return f"{split_backbone(card_name)[0]}{PATH_MARK}{weights}"


def load_squares(
    shown: Shown, items: Sequence[str], side: int, deadline: Deadline
) -> NDArray[np.uint8]:
    """Decode with one thread per core.

    Parameters
    ----------
    shown : Shown
        Says how.
    items : sequence of str
        Files.
    side : int
        Pixels.
    deadline : Deadline
        Looked at after every file; DeadlineExceeded is raised when it has passed.

    Returns
    -------
    ndarray of uint8 of shape (n_readable, side, side, 3)
    """

    def load(item: str) -> Picture:
        deadline.check()
        return shown.square(item, side)

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode") as pool:
        found = [square for square in pool.map(load, items) if square is not None]
    return np.stack(found) if found else np.empty((0, side, side, 3), dtype=np.uint8)


def _settled(settings: Settings, wanted: Wanted) -> Settings:
    """Put what is asked for into the settings."""
    method = wanted.method or settings.method or DEFAULT
    if method not in METHODS:
        raise InvalidRequest(
            f"expected {quoted(METHODS)} as a method for pictures and recordings, got '{method}'; pass another "
            f"--method.{did_you_mean(method, METHODS)}"
        )
    settings = replace(settings, method=method, from_scratch=wanted.from_scratch)
    settings = settings if wanted.flip else replace(settings, flip=False)
    settings = settings if wanted.colour else replace(settings, jitter=0.0, grey=0.0)
    return settings if wanted.steps is None else replace(settings, steps=wanted.steps)


def _refuse(card: ImageCard, n_pictures: int) -> None:
    if n_pictures < FEWEST_PICTURES:
        raise InvalidRequest(
            f"expected at least {FEWEST_PICTURES} different pictures or recordings in the pool to adapt '{card.name}' "
            f"to, got {n_pictures}; use it as it is, or add some with --unlabeled"
        )


def _digest(
    card: ImageCard, keys: Sequence[str], settings: Settings, seed: int, wanted: Wanted
) -> str:
    """Name a result by all that it depends on; of the probe, only whether there is one."""
    start = "" if settings.from_scratch else fingerprint(card)
    told = f"{start} {card.preparation} {asdict(settings)} {seed} {RECIPE} {wanted.probe_key}"
    digest = hashlib.sha256(told.encode())
    for key in keys:
        digest.update(key.encode())
    return digest.hexdigest()[:16]
