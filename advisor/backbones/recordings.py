"""Recordings and a card → embeddings: loader, decoding, views, windows, batches, the same for whatever listens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from advisor.adaptation import BY_ITSELF, Wanted
from advisor.backbone import AudioCard, BackboneCard, as_card
from advisor.backbones.pictures import PLAIN, VIEW, batches_of
from advisor.cache import content_key
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest, MissingDependency
from advisor.sounds.decoding import MOST_SECONDS, UnreadableSound, load_sound
from advisor.sounds.views import varied

AT_ONCE = 32
"""Recordings among which those of like length are looked for; our choice: a batch of each length is mostly full, and a
deadline loses no more than these."""

BATCH = 16
"""Windows in one run of a network: larger ones gain nothing measurable on a CPU (``benchmarks/throughput.py``)."""

GRID = 0.2
"""Seconds that lengths are rounded up to, with silence, so that recordings of like length can share a batch. What the
silence adds is not in the embedding but through attention (our choice: measured to cost no accuracy)."""


class Heard(NamedTuple):
    """One window of a recording, ready for a network."""

    values: NDArray[np.float32]
    """What the network takes; windows of one shape share a batch."""
    n_samples: int
    """Of the recording in it; what is behind them is padding."""


class Listener(Protocol):
    """A network that listens."""

    def prepare(self, wave: NDArray[np.float32]) -> Heard:
        """Turn one window into what the network takes; called by several threads at once."""

    def run(self, values: NDArray[np.float32], n_samples: Sequence[int]) -> NDArray[np.float32]:
        """Embed windows of one shape: (n, ...) to (n, width)."""


class ListeningLoader(ABC):
    """What the loaders of networks that listen, and are only used frozen, have in common."""

    @abstractmethod
    def missing(self, card: BackboneCard) -> str:
        """Say what must be there before the backbone can run, as a sentence; empty when it can."""

    @abstractmethod
    def listener(self, card: AudioCard, threads: int) -> Listener:
        """Open the network of a card that misses nothing, on so many cores; one that is open is used again."""

    def embed(
        self,
        card: BackboneCard,
        items: Sequence[str],
        *,
        view: str,
        threads: int | None,
        deadline: Deadline,
    ) -> Iterator[NDArray[np.float32]]:
        """Decode and listen, as :func:`embed_recordings`; raises MissingDependency where something is missing."""
        if lacking := self.missing(card):
            raise MissingDependency(lacking)
        deadline.check()
        threads = threads or usable_cores()
        heard = as_card(card, AudioCard)
        yield from embed_recordings(
            self.listener(heard, threads),
            heard,
            items,
            view=view,
            threads=threads,
            deadline=deadline,
        )

    def build(self, card: BackboneCard, *, pretrained: bool, drop: float, drop_path: float) -> Any:
        """Raise InvalidRequest, and say what to take instead: these networks are run and not trained."""
        raise InvalidRequest(
            f"expected a backbone that can be fine-tuned on recordings, got '{card.name}', which is only used frozen; "
            "use 'efficientnet_lite0_logmel'"
        )

    def adapt(
        self,
        card: BackboneCard,
        items: Sequence[str],
        deadline: Deadline,
        seed: int,
        wanted: Wanted = BY_ITSELF,
    ) -> str:
        """Refuse: encoders of sound are used as they are."""
        raise InvalidRequest(
            f"expected a backbone that can be adapted to recordings, got '{card.name}', which is used as it is; pass "
            "an image backbone that listens, such as --backbone efficientnet_lite0_logmel"
        )

    def fold(self, net: Any) -> Any:
        """Nothing was built."""
        return net


def embed_recordings(
    listener: Listener,
    card: AudioCard,
    items: Sequence[str],
    *,
    view: str,
    threads: int,
    deadline: Deadline,
) -> Iterator[NDArray[np.float32]]:
    """Decode ahead in threads, and run windows of like length together.

    Parameters
    ----------
    listener : Listener
        The network.
    card : AudioCard
        Says rate, window and width.
    items : sequence of str
        Files.
    view : str
        ``"plain"``, or ``"view1"``, ``"view2"`` ...
    threads : int
        That decode.
    deadline : Deadline
        Looked at before every batch.

    Yields
    ------
    ndarray of float32 of shape (n_of_batch, card.width)
        Of the next files in order: the mean over the windows of each; NaN for those that cannot be read.

    Raises
    ------
    DeadlineExceeded
        When the deadline passes before the last item.
    """
    number = number_of(view)

    def prepare(path: str) -> list[Heard] | None:
        wave = heard_wave(path, card.rate, number, MOST_SECONDS)
        return None if wave is None else [listener.prepare(w) for w in windows_of(wave, card)]

    for chunk in batches_of(prepare, items, AT_ONCE, threads, ahead=1):
        yield _rows(listener, chunk, card.width, deadline)


def heard_wave(path: str, rate: int, number: int, longest: float) -> NDArray[np.float32] | None:
    """Decode one view of a file.

    Parameters
    ----------
    path : str
        The recording.
    rate : int
        Samples per second to be made.
    number : int
        Of the view; 0 for the recording as it is.
    longest : float
        Seconds that are read.

    Returns
    -------
    ndarray of shape (n_samples,), or None
        ``None`` if it cannot be read. A view is drawn from the file's content and the number alone.
    """
    try:
        wave = load_sound(path, rate, longest)
        return varied(wave, rate, int(content_key(path)[:16], 16) + number) if number else wave
    except (UnreadableSound, OSError):
        return None


def windows_of(wave: NDArray[np.float32], card: AudioCard) -> list[NDArray[np.float32]]:
    """Cut a recording into as few windows of equal length as the backbone can hear.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        At the card's rate.
    card : AudioCard
        Says how long a window may be.

    Returns
    -------
    list of ndarray
        At least one.
    """
    most = round(card.longest * card.rate)
    n_windows = max(1, -(-len(wave) // most))
    return np.array_split(wave, n_windows)


def on_grid(n_samples: int, rate: int) -> int:
    """Round a number of samples up to a whole number of grid steps, at least one."""
    step = round(GRID * rate)
    return max(1, -(-n_samples // step)) * step


def mean_and_std(frames: NDArray[np.float32], n_frames: int) -> NDArray[np.float32]:
    """Join the means and the standard deviations over the first frames: (n, width) to (2 * width,)."""
    real = frames[: max(1, n_frames)]
    return np.concatenate([real.mean(axis=0), real.std(axis=0)])


def number_of(view: str) -> int:
    """Take the number out of a view's name: 0 for ``"plain"``, 3 for ``"view3"``."""
    if view == PLAIN:
        return 0
    number = view.removeprefix(VIEW)
    if not (view.startswith(VIEW) and number.isdigit()):
        raise InvalidRequest(
            f"expected 'plain' or 'view1', 'view2' ... of a recording, got '{view}'"
        )
    return int(number)


def _rows(
    listener: Listener, chunk: Sequence[list[Heard] | None], width: int, deadline: Deadline
) -> NDArray[np.float32]:
    """Run the windows of some recordings by shape, and average them by recording."""
    by_shape: dict[tuple[int, ...], list[tuple[int, Heard]]] = {}
    rows = np.full((len(chunk), width), np.nan, dtype=np.float32)
    for i, windows in enumerate(chunk):
        for window in windows or []:
            rows[i] = 0.0
            by_shape.setdefault(window.values.shape, []).append((i, window))
    for alike in by_shape.values():
        for first in range(0, len(alike), BATCH):
            deadline.check()
            batch = alike[first : first + BATCH]
            values = np.stack([window.values for _, window in batch])
            found = listener.run(values, [window.n_samples for _, window in batch])
            for (i, _), row in zip(batch, found, strict=True):
                rows[i] += row / len(chunk[i] or ())
    return rows
