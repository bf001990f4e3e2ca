"""Dataset and its pool → a backbone that was trained further on the pool, and what that gained on the labelled rows.

Learned from are the unlabelled rows that are neither labelled nor in the test split. Labelled rows are not learned from
either, not even without their labels: by them is judged, before and after, and when training should stop.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from advisor.adaptation import DEVICES, METHODS, WORDS_METHOD, Probe, Progress, Told, Wanted
from advisor.backbone import (
    LOADERS,
    PATH_MARK,
    BackboneCard,
    TextCard,
    fetch_backbone,
    find_backbone,
    load_cards,
    split_backbone,
    usable_backbones,
)
from advisor.dataset import Dataset, Modality, Task, read_dataset
from advisor.deadline import Deadline
from advisor.division import unseen_rows
from advisor.errors import DeadlineExceeded, InvalidRequest, MissingDependency, quoted
from advisor.fabric import has_gpu
from advisor.folds_probe import FoldsProbe
from advisor.looking import check_seed
from advisor.tables.columns import texts_of

LISTENING = "efficientnet_lite0_logmel"
"""The backbone for recordings where none is named: what is trained is one for pictures."""

ADAPTED = "adapted.json"
"""What is told of an adaptation, beside its weights."""


class Pretrained(BaseModel):
    """A backbone that was trained on a pool, or how far that has come."""

    model_config = ConfigDict(frozen=True)

    backbone: str
    """What it started from."""
    name: str
    """What to pass as ``--backbone``; the one it started from where that is no worse, or where training is not over."""
    method: str
    place: str
    """Its weights; empty where training is not over."""
    n_pool: int
    """Unlabelled rows that were learned from, or could be."""
    n_probed: int
    """Labelled rows that the probe asks about."""
    measure: str
    """What the probe measures."""
    before: float | None = None
    after: float | None = None
    """The probe before the first step and at its best; ``None`` where it was not asked."""
    steps: int = 0
    planned: int = 0
    seconds: float = 0.0
    stopped: str = ""
    """Why training is not over, as a sentence; empty when it is."""

    @property
    def improved(self) -> bool:
        """Whether the probe rose, or was not asked."""
        return self.before is None or self.after is None or self.after > self.before


class Stoppable(Deadline):
    """A deadline that can be called at once, so that a training stops between two steps and keeps its checkpoint."""

    called = False
    """Whether it was; else what ends is the planned time."""

    def stop(self) -> None:
        """Let the moment be now."""
        self._at, self.called = time.monotonic(), True


def pretrain(  # noqa: PLR0913 (keyword-only options, each with a default)
    data: object,
    *,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    unlabeled: Path | str | None = None,
    groups: str | Sequence[str] | None = None,
    method: str = "",
    backbone: str = "",
    from_scratch: bool = False,
    steps: int | None = None,
    seed: int = 0,
    device: str = "",
    deadline: Deadline | None = None,
    out: Path | None = None,
    tell: Told | None = None,
) -> Pretrained:
    """Train a backbone further on the unlabelled pool of pictures, recordings or texts.

    Parameters
    ----------
    data : path, DataFrame, Bunch or Dataset
        As :func:`advisor.advise` takes it: pictures, recordings or texts, with a pool.
    target, task, unlabeled, groups
        As in :func:`advisor.advise`; not for a Dataset, which is read already.
    method : str
        One of :data:`advisor.adaptation.METHODS`, or ``mlm`` for texts; empty for the usual one.
    backbone : str
        Name for :func:`advisor.backbone.find_backbone`; empty for the usual one.
    from_scratch : bool
        Begin with random weights.
    steps : int or None
        To take at most; ``None`` for the usual number.
    seed : int
        Of training and of the probe's folds.
    device : str
        ``cpu`` or ``cuda``; empty for a GPU where there is one.
    deadline : Deadline or None
        When to stop; another call with the same arguments goes on from there.
    out : path or None
        Folder into which weights and ``adapted.json`` are copied; else they stay in the cache.
    tell : callable or None
        Called with a :class:`~advisor.adaptation.Progress` after every step.

    Returns
    -------
    Pretrained

    Raises
    ------
    AdvisorError
        When the data cannot be read.
    InvalidRequest
        If there is no pool, or an option cannot be used.
    MissingDependency
        If a library or the backbone's weights are not on this machine.
    """
    if isinstance(data, Dataset):
        dataset = data
    else:
        dataset = read_dataset(data, target=target, task=task, unlabeled=unlabeled, groups=groups)
    _check(dataset, method, device, steps, out)
    check_seed(seed)
    pool = unseen_rows(dataset)
    if pool is None:
        raise InvalidRequest(
            f"expected unlabelled items that are neither labelled nor in the test split to learn from, got none in "
            f"{dataset.name}; pass --unlabeled PATH"
        )
    card = _card(dataset, backbone, from_scratch)
    probe, n_probed, measure = _probe_of(dataset, seed)
    begun = time.monotonic()
    wanted = Wanted(
        method=method,
        steps=steps,
        from_scratch=from_scratch,
        device=device,
        probe=probe,
        probe_key=f"{dataset.fingerprint} {seed}",
        tell=tell,
    )
    items = _items(dataset, pool)
    told = _adapt(card, items, deadline or Deadline(None), seed, wanted, out)
    made = Pretrained(
        backbone=card.name,
        n_pool=len(pool),
        n_probed=n_probed,
        measure=measure,
        seconds=time.monotonic() - begun,
        **told,
    )
    return made if made.improved else made.model_copy(update={"name": card.name})


def _adapt(
    card: BackboneCard,
    items: Sequence[str],
    deadline: Deadline,
    seed: int,
    wanted: Wanted,
    out: Path | None,
) -> dict[str, Any]:
    """Train one backbone on the pool's items and tell how far that came, in the fields of :class:`Pretrained`."""
    last = Progress()

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress
        if wanted.tell is not None:
            wanted.tell(progress)

    try:
        name = LOADERS[card.loader].adapt(card, items, deadline, seed, replace(wanted, tell=note))
    except DeadlineExceeded as reason:
        unfinished = {"name": card.name, "method": wanted.method, "place": ""}
        return unfinished | {"stopped": str(reason)} | _figures(last.told())
    place = Path(split_backbone(name)[1])
    folder = place if place.is_dir() else place.parent
    kept = json.loads((folder / ADAPTED).read_text(encoding="utf-8"))
    if out is not None:
        place = _copied(folder, place, Path(out))
    name = f"{split_backbone(card.name)[0]}{PATH_MARK}{place}"
    method = kept.get("method", WORDS_METHOD)
    return {"name": name, "method": method, "place": str(place)} | _figures(kept)


def _check(dataset: Dataset, method: str, device: str, steps: int | None, out: Path | None) -> None:
    """Find out before the work what cannot be used."""
    if dataset.modality is Modality.TABULAR or dataset.task is Task.SEGMENTATION:
        raise InvalidRequest(
            f"expected pictures, recordings or texts with classes or values to pretrain for, got {dataset.name} "
            f"({dataset.modality}, {dataset.task}); use autofit, which learns from the pool of such data, too"
        )
    known = (WORDS_METHOD,) if dataset.modality is Modality.TEXT else METHODS
    if method and method not in known:
        raise InvalidRequest(
            f"expected {quoted(known)} as --method for {dataset.modality}, got '{method}'"
        )
    if device and device not in DEVICES:
        raise InvalidRequest(f"expected --device {' or '.join(DEVICES)}, got '{device}'")
    if device == "cuda" and not has_gpu():
        raise InvalidRequest(
            "expected a GPU for --device cuda, got none that torch can use; drop the option"
        )
    if steps is not None and steps < 1:
        raise InvalidRequest(f"expected at least 1 as --steps, got {steps}")
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise InvalidRequest(f"expected a folder as -o, got the file '{out}'; name another")


def _card(dataset: Dataset, backbone: str, from_scratch: bool) -> BackboneCard:
    """Find the backbone that is named, or the usual one; its weights have to be there unless they are not wanted."""
    if not backbone and dataset.modality is Modality.AUDIO:
        backbone = LISTENING
    if not backbone and dataset.modality is Modality.TEXT:
        cards = load_cards()
        base = [c for c in cards.values() if isinstance(c, TextCard) and not c.sentence]
        ready = [c.name for c in base if not LOADERS[c.loader].missing(c)]
        if not ready:
            raise InvalidRequest(
                "expected a base language model to train further, got none on this machine; pass one with --backbone, "
                "such as roberta-base or a folder"
            )
        backbone = ready[0]
    if not backbone:
        usable = usable_backbones(dataset.modality)
        backbone = usable[0] if usable else "efficientnet_lite0"
    if not from_scratch and (lacking := fetch_backbone(backbone)):
        raise MissingDependency(lacking)
    card = find_backbone(backbone)
    if card.modality is not dataset.modality:
        raise InvalidRequest(
            f"expected a backbone for {dataset.modality}, got '{backbone}' which is for {card.modality}; pass another "
            "--backbone"
        )
    return card


def _items(dataset: Dataset, rows: Any) -> list[str]:
    """Take texts or paths from a frame."""
    if dataset.modality is Modality.TEXT:
        return texts_of(rows, dataset.columns)
    paths = rows.iloc[:, 0]
    return [str(path) for path in paths[paths.notna()]]


def _figures(told: dict[str, Any]) -> dict[str, Any]:
    """Read what a report needs from what is told of an adaptation."""
    scores: Sequence[float] = told.get("scores", ())
    before, after = (scores[0], max(scores)) if scores else (None, None)
    return {"before": before, "after": after, "steps": told["step"], "planned": told["steps"]}


def _copied(folder: Path, place: Path, out: Path) -> Path:
    """Copy a result to where the user wants it."""
    shutil.copytree(folder, out, dirs_exist_ok=True)
    found = out if place == folder else out / place.name
    return found.resolve()


def _probe_of(dataset: Dataset, seed: int) -> tuple[Probe | None, int, str]:
    """Make the probe, if there are labels enough to divide."""
    measure = "R2" if dataset.task is Task.REGRESSION else "balanced accuracy"
    if dataset.modality is Modality.TEXT:
        return None, 0, measure  # held-out texts say when to stop
    try:
        probe = FoldsProbe(dataset, seed)
    except InvalidRequest:  # next to no labels
        return None, 0, measure
    return probe, len(probe.rows), measure
