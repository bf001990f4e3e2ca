"""Files or texts and a backbone → embeddings, computed once and kept.

The one door to frozen features: profile, probe, search and predict all ask here, so each file is seen once per
backbone and view, whoever asks first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import LOADERS, BackboneCard, find_backbone
from advisor.cache import ArrayCache, content_keys, default_cache
from advisor.deadline import Deadline
from advisor.tasks import Modality

RECIPE = 1
"""Number of the way pictures are prepared; a change of the code that changes embeddings raises it."""


def embed(
    items: Sequence[str],
    backbone: str,
    *,
    view: str = "plain",
    threads: int | None = None,
    deadline: Deadline | None = None,
    cache: ArrayCache | None = None,
) -> NDArray[np.float32]:
    """Compute embeddings of items, or read those computed before.

    Parameters
    ----------
    items : sequence of str
        Paths of files, or texts; equal contents are computed once.
    backbone : str
        A name for :func:`advisor.backbone.find_backbone`.
    view : str
        ``"plain"``, or one that :meth:`advisor.backbone.Loader.embed` names.
    threads : int or None
        Cores to use; ``None`` for all that this process may use.
    deadline : Deadline or None
        When to stop; what was computed until then is kept, so that another call goes on from there.
    cache : ArrayCache or None
        Where embeddings are kept; ``None`` for that of this user.

    Returns
    -------
    ndarray of shape (n_items, width)
        Of float32; rows of unreadable items are NaN.

    Raises
    ------
    InvalidRequest
        If nobody knows the backbone.
    MissingDependency
        If its libraries or weights are not on this machine.
    DeadlineExceeded
        When the deadline passes before the last item.
    """
    card = find_backbone(backbone)
    cache = cache or default_cache()
    space = space_of(card, view)
    keys = item_keys(items, card.modality)
    rows = cache.get(space, sorted(set(keys) - {""}))
    missing = ((k, item) for k, item in zip(keys, items, strict=True) if k and k not in rows)
    waiting = dict(missing)  # equal files once
    for found in _computed(card, waiting, view, threads, deadline or Deadline(None)):
        rows |= found
        cache.put(space, {key: row for key, row in found.items() if np.isfinite(row).all()})
    unreadable = np.full(card.width, np.nan, dtype=np.float32)
    out = np.empty((len(items), card.width), dtype=np.float32)
    for i, key in enumerate(keys):
        out[i] = rows.get(key, unreadable)
    return out


def _computed(
    card: BackboneCard,
    waiting: Mapping[str, str],
    view: str,
    threads: int | None,
    deadline: Deadline,
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Compute the embeddings of files by content key, batch by batch."""
    keys = iter(waiting)
    if waiting:
        batches = LOADERS[card.loader].embed(
            card, list(waiting.values()), view=view, threads=threads, deadline=deadline
        )
        for batch in batches:
            yield dict(zip(islice(keys, len(batch)), batch, strict=True))


def space_of(card: BackboneCard, view: str) -> str:
    """Name a space of the cache by all that an embedding depends on besides the file.

    Parameters
    ----------
    card : BackboneCard
        Of the backbone.
    view : str
        As :func:`embed` takes it.

    Returns
    -------
    str
        The backbone in words, then a digest of its weights and of the way pictures are prepared.
    """
    weights = LOADERS[card.loader].fingerprint(card)
    digest = hashlib.sha256(f"{card.preparation} {weights} {RECIPE}".encode()).hexdigest()
    return f"embeddings of {card.source}, {view} ({digest[:12]})"


def item_keys(items: Sequence[str], modality: Modality) -> list[str]:
    """Name items by their content.

    Parameters
    ----------
    items : sequence of str
        Texts, or paths of files.
    modality : Modality
        Which of them.

    Returns
    -------
    list of str
        SHA-256 in hexadecimal digits; empty for an empty text or a file that cannot be read.
    """
    if modality is not Modality.TEXT:
        return content_keys(items)
    return [
        hashlib.sha256(item.encode("utf-8", "replace")).hexdigest() if item else ""
        for item in items
    ]
