"""A card → the file or folder of its weights on this machine, without torch; and the one place that downloads.

Looking never touches the network. :func:`fetch` does, and is called only for backbones that the user named.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from advisor.backbone import BackboneCard
from advisor.cache import content_key
from advisor.errors import MissingDependency
from advisor.registry import available, require
from advisor.tasks import Modality

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights in a repository of the hub, the better first."""

MODEL_FILES = ("*.json", "*.txt", "*.model", "*.spm", "1_Pooling/*")
"""Patterns of what belongs to a model of ``transformers`` beside its weights: configuration, tokeniser, pooling."""

SHARDS = "model.safetensors.index.json"
"""In the folder of a model whose weights are in several files."""

ANSWER_WITHIN = 10.0
"""Seconds the hub has to answer before the backbone is given up; our choice."""

MOST_TOLD = 160
"""Characters of a failure's own words that are passed on; our choice."""


def weights_file(card: BackboneCard) -> Path | None:
    """Find the file of a backbone's weights.

    Parameters
    ----------
    card : BackboneCard
        Its ``weights`` say where to look; in a folder of the user's it has one of the hub's names.

    Returns
    -------
    Path or None
        ``None`` if it is not on this machine.
    """
    kind, _, place = card.weights.partition(":")
    if kind == "package":
        package, _, inside = place.partition("/")
        found = _in_package(package, inside)
    elif kind == "file":
        found = Path(place)
        if found.is_dir():
            found = next((f for name in HUB_FILES if (f := found / name).is_file()), found)
    else:
        found = _in_hub_cache(place)
    return found if found is not None and found.is_file() else None


def model_folder(card: BackboneCard) -> Path | None:
    """Find the folder of a model that is more than a file of weights: configuration and tokeniser are in it, too.

    Parameters
    ----------
    card : BackboneCard
        Its ``weights`` say where to look: ``package:NAME/FOLDER``, ``file:FOLDER`` or ``hub:OWNER/NAME``.

    Returns
    -------
    Path or None
        ``None`` if it is not on this machine, or has no weights in it.
    """
    kind, _, place = card.weights.partition(":")
    if kind == "hub":
        found = hub_folder(place)
    elif kind == "package":
        package, _, inside = place.partition("/")
        found = _in_package(package, inside)
    else:
        found = Path(place)
    return found if found is not None and weights_in(found) else None


def weights_in(folder: Path) -> list[Path]:
    """List the files of weights in a model's folder, those of the better format only; empty where there are none."""
    for name in HUB_FILES:
        if (folder / name).is_file():
            return [folder / name]
    return sorted(folder.glob("model-*.safetensors")) if (folder / SHARDS).is_file() else []


def hub_folder(place: str) -> Path | None:
    """Find the folder where the hub's cache holds a repository; ``None`` if it holds no configuration of it."""
    configuration = _in_hub_cache("/".join(place.split("/")[:2]), ("config.json",))
    return configuration.parent if configuration is not None else None


def folder_fingerprint(card: BackboneCard) -> str:
    """Tell a SHA-256 of all weights in a model's folder and of its tokeniser: from its card where that knows it.

    Raises
    ------
    MissingDependency
        If the folder is not on this machine.
    """
    folder = model_folder(card)
    if folder is None:
        raise MissingDependency(why_absent(card))
    if card.sha256:
        return card.sha256
    told = [*weights_in(folder), folder / "tokenizer.json"]
    keys = [content_key(file) for file in told if file.is_file()]
    return keys[0] if len(keys) == 1 else hashlib.sha256(" ".join(keys).encode()).hexdigest()


def _in_package(package: str, inside: str) -> Path | None:
    """Find a place in an installed package without importing it: some import what we do not need."""
    try:
        found = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / inside if places else None


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
    if kind == "file" and Path(place).is_dir():
        return f"expected weights of '{card.source}' ({' or '.join(HUB_FILES)}) in '{place}', got a folder without them"
    if kind == "file":
        return f"expected the weights of '{card.source}' in '{place}', got no such file"
    if not place:
        return (
            f"nobody publishes weights of '{card.source}': pass a file of them with --backbone-path"
        )
    # of a model that is only a name, neither is known before it is here
    told = f" ({card.megabytes:.0f} MB, {card.licence})" if card.megabytes else ""
    return (
        f"the weights of '{card.name}'{told} are not on this machine: "
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
    return "" if weights_file(card) is not None else _fetched(card, _download)


def fetch_folder(card: BackboneCard) -> str:
    """Download a model's folder from the hub, if it is not here: weights of one format, configuration, tokeniser.

    Parameters
    ----------
    card : BackboneCard
        One that the user named.

    Returns
    -------
    str
        Empty when it is here now, else a sentence why not.
    """
    return "" if model_folder(card) is not None else _fetched(card, _download_folder)


def _fetched(card: BackboneCard, download: Callable[[str, Sequence[str]], None]) -> str:
    """Download and say what went wrong, if anything did."""
    kind, _, place = card.weights.partition(":")
    if kind != "hub" or not place:
        return why_absent(card)
    if not available("huggingface_hub"):
        extra = "text" if card.modality is Modality.TEXT else "vision"
        return (
            f"'{card.name}' is downloaded by huggingface-hub: pip install 'regime-advisor[{extra}]'"
        )
    try:
        download(*_hub_place(place))
    except (
        Exception
    ) as fault:  # offline, gated, absent, a proxy's page: each layer below has its own
        reason = (str(fault).splitlines() or [""])[0]
        return (
            f"{why_absent(card)}; the download failed: {type(fault).__name__}: {reason[:MOST_TOLD]}"
        )
    return ""


def _download(repository: str, names: Sequence[str]) -> None:
    hub = _answering_hub()
    for name in names[:-1]:
        try:
            hub.hf_hub_download(repository, name)
            return
        except hub.utils.LocalEntryNotFoundError:  # the hub did not answer after all
            raise
        except hub.utils.EntryNotFoundError:
            continue
    hub.hf_hub_download(repository, names[-1])


def _download_folder(repository: str, names: Sequence[str]) -> None:
    """Download weights of the first format that there is, and what belongs to them."""
    hub = _answering_hub()
    there = set(hub.HfApi().list_repo_files(repository))
    sharded = [SHARDS, "model-*.safetensors"] if SHARDS in there else []
    single = [name for name in names if name in there][:1]
    wanted = single or sharded or list(names[-1:])
    hub.snapshot_download(repository, allow_patterns=[*MODEL_FILES, *wanted])


def _answering_hub() -> ModuleType:
    hub = _hub()
    # Its downloads repeat for most of a minute what cannot succeed; one question first says whether anybody is there.
    hub.utils.get_session().head(hub.constants.ENDPOINT, timeout=ANSWER_WITHIN)
    return hub


def _hub() -> ModuleType:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return require("huggingface_hub", extra="vision")


def _in_hub_cache(place: str, names: Sequence[str] = ()) -> Path | None:
    if not place or not available("huggingface_hub"):
        return None
    hub = _hub()
    repository, customary = _hub_place(place)
    for name in names or customary:
        try:
            found = hub.try_to_load_from_cache(repository, name)
        except hub.utils.HFValidationError:  # no name that a repository can have
            return None
        if isinstance(found, str):
            return Path(found)
    return None


def _hub_place(place: str) -> tuple[str, tuple[str, ...]]:
    """Split ``owner/repository/file``; without a file, the customary ones."""
    owner, _, rest = place.partition("/")
    repository, _, name = rest.partition("/")
    return f"{owner}/{repository}".rstrip("/"), (name,) if name else HUB_FILES
