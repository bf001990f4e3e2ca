"""Files and a card → the square pictures of bytes that a backbone sees.

Bytes, not numbers: normalising is the engine's part, where it is free, and a batch of bytes is a quarter of the size.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import ImageCard
from advisor.cache import content_key
from advisor.images.decoding import UnreadablePicture, load_picture
from advisor.registry import require

PLAIN = "plain"
"""The whole picture's centre, as the backbone was evaluated when it was published."""

FLIP = "flip"
"""The plain view, mirrored."""

VIEW, UPRIGHT = "view", "upright"
"""Before the number of an augmented view: mirrored half of the time, or never, the rest being the same."""

CROP_SHARE = (0.5, 1.0)
"""Area of a random crop over that of the picture. Our choice: milder than the 0.08 that training from scratch uses,
since a small crop of a picture with one label often shows something else."""

CROP_RATIO = (3 / 4, 4 / 3)
"""Width over height of a random crop; the customary range (Szegedy et al. 2015)."""

LIGHT = 0.2
"""Most relative change of brightness and of contrast; our choice."""

AHEAD = 4
"""Batches that are decoded before they are needed; our choice: enough to even out large files."""

Box = tuple[float, float, float, float]
T = TypeVar("T")


def view_of(path: str, card: ImageCard, view: str) -> NDArray[np.uint8] | None:
    """Make one view of one file.

    Parameters
    ----------
    path : str
        The picture.
    card : ImageCard
        Says size, crop and interpolation.
    view : str
        ``"plain"``, ``"flip"``, or ``"view1"``, ``"view2"`` ...: a random crop, mirrored or not, of changed light;
        drawn from the file's content and the number. ``"upright1"`` is ``"view1"`` that is never mirrored.

    Returns
    -------
    ndarray of shape (input_size, input_size, 3), or None
        Red, green and blue; ``None`` if the file cannot be read.
    """
    try:
        if view in (PLAIN, FLIP):
            plain = _plain(path, card)
            return np.ascontiguousarray(plain[:, ::-1]) if view == FLIP else plain
        number = int(view.removeprefix(VIEW).removeprefix(UPRIGHT))
        return _augmented(path, card, number, mirrors=view.startswith(VIEW))
    except (UnreadablePicture, OSError):
        return None


def _plain(path: str, card: ImageCard) -> NDArray[np.uint8]:
    short = math.floor(card.input_size / card.crop_share)
    picture = load_picture(path, short_side=short)
    # One resize of the part that a crop would keep, instead of a resize and a crop: the same pixels for half the work.
    scale = short / min(picture.size)
    spans = []
    for side in picture.size:
        resized = round(side * scale)
        start = round((resized - card.input_size) / 2)
        spans.append(
            (start * side / resized, min((start + card.input_size) * side / resized, side))
        )
    (left, right), (top, bottom) = spans
    return _resized(picture, card, (left, top, right, bottom))


def _augmented(path: str, card: ImageCard, number: int, *, mirrors: bool) -> NDArray[np.uint8]:
    rng = np.random.default_rng(int(content_key(path)[:16], 16) + number)
    smallest = math.sqrt(CROP_SHARE[0] * CROP_RATIO[0])
    picture = load_picture(path, short_side=math.ceil(card.input_size / smallest))
    pixels = _resized(picture, card, _random_box(picture.size, rng)).astype(np.float32)
    if rng.random() < 0.5 and mirrors:  # drawn in either case, so that all else stays the same
        pixels = pixels[:, ::-1]
    brightness, contrast = rng.uniform(1 - LIGHT, 1 + LIGHT, size=2).astype(np.float32)
    pixels *= brightness
    pixels = (pixels - pixels.mean()) * contrast + pixels.mean()
    return np.ascontiguousarray(pixels.clip(0, 255).round().astype(np.uint8))


def _random_box(size: tuple[int, int], rng: np.random.Generator) -> Box:
    width, height = size
    area = width * height * rng.uniform(*CROP_SHARE)
    ratio = math.exp(rng.uniform(*np.log(CROP_RATIO)))
    w, h = min(width, math.sqrt(area * ratio)), min(height, math.sqrt(area / ratio))
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return left, top, min(left + w, width), min(top + h, height)


def _resized(picture: object, card: ImageCard, box: Box) -> NDArray[np.uint8]:
    filters = require("PIL.Image", extra="vision").Resampling
    how = filters.BILINEAR if card.interpolation == "bilinear" else filters.BICUBIC
    side = card.input_size
    resized = picture.resize((side, side), how, box=box)  # type: ignore[attr-defined]
    return np.asarray(resized, dtype=np.uint8)


def batches_of(
    load: Callable[[str], T], items: Sequence[str], size: int, threads: int, ahead: int = AHEAD
) -> Iterator[list[T]]:
    """Decode ahead of what runs the network, in parallel.

    Parameters
    ----------
    load : callable
        Makes the picture, or whatever is wanted, of one file; ``None`` if it cannot.
    items : sequence of str
        The files.
    size : int
        Files in one batch.
    threads : int
        That decode.
    ahead : int
        Batches that are decoded before they are needed.

    Yields
    ------
    list of (ndarray or None)
        What was made of the next ``size`` files, in order.
    """
    waiting: deque[Future[T]] = deque()
    rest = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        for _, item in zip(range(ahead * size), rest, strict=False):
            waiting.append(pool.submit(load, item))
        while waiting:
            batch = [waiting.popleft().result() for _ in range(min(size, len(waiting)))]
            for _, item in zip(range(size), rest, strict=False):
                waiting.append(pool.submit(load, item))
            yield batch
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
