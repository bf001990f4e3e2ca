"""A name → a pretrained backbone: its card, where its weights come from, and what runs it.

A backbone is a card in ``backbones/*.toml`` (data); what reads weights and computes features is one loader per kind of
model library in ``backbones/*.py``. A name is enough to find everything again in another process or after a
prediction run was copied: the name of a card, any name the loader's library knows (``resnet50.a1_in1k``), or either
with a file of weights behind an ``@`` (``resnet50.a1_in1k@weights/mine.safetensors``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from advisor.adaptation import BY_ITSELF, Wanted
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest, did_you_mean, quoted
from advisor.registry import Registry
from advisor.tasks import Modality

PATH_MARK = "@"
"""Between a backbone's name and a file of its weights."""


class BackboneCard(BaseModel):
    """What a backbone is and whose it is; what it wants to see is said by the card of its modality."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    modality: Modality
    loader: str
    """Which loader of ``backbones/`` runs it."""
    source: str
    """Its name in the loader's library, for example timm's ``tf_efficientnet_lite0``."""
    weights: str
    """Where the weights come from: ``package:NAME``, ``hub:NAME``, or ``file:PATH``."""
    sha256: str = ""
    """Of the weights file, where it is known beforehand."""
    width: int
    """Numbers in one embedding."""
    parameters: float
    """In millions."""
    multiply_adds: float
    """In 1e9, what seconds are estimated from: of one picture, of a text of 100 tokens, of a second of sound."""
    pretraining: str
    licence: str
    reference: str
    default: bool = True
    """Whether it may be taken where it can run and none was named; False for those whose licence forbids some uses."""

    @property
    def megabytes(self) -> float:
        """Size of its weights in float32."""
        return 4 * self.parameters

    @property
    def path(self) -> Path | None:
        """The file or folder of weights that the user gave, if so."""
        kind, _, place = self.weights.partition(":")
        return Path(place) if kind == "file" else None

    @property
    def preparation(self) -> str:
        """All that an embedding depends on besides the item, the view and the weights, in one line."""
        told = {"name", "weights", "sha256", "parameters", "multiply_adds"}
        told |= {"pretraining", "licence", "reference", "default"}
        return self.model_dump_json(exclude=told)


class ImageCard(BackboneCard):
    """A backbone for pictures."""

    modality: Literal[Modality.IMAGE] = Modality.IMAGE
    input_size: int
    """Side of the square picture it sees, in pixels."""
    crop_share: float = 0.875
    """Part of the resized picture's short side that the centre crop keeps."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"


class TextCard(BackboneCard):
    """A backbone for texts: an encoder and how its outputs become one embedding."""

    modality: Literal[Modality.TEXT] = Modality.TEXT
    longest: int
    """Tokens that it reads; what is behind them is cut off."""
    pooling: Literal["mean", "cls", "max"] = "mean"
    normalised: bool = True
    """Whether embeddings have length one."""
    prefix: str = ""
    """What it wants to stand before every text, such as ``query: ``."""
    sentence: bool = True
    """Whether it was trained to embed sentences; a base language model was not, and may be adapted to a pool."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of the languages it was trained on; empty where that is not known."""


class AudioCard(BackboneCard):
    """A backbone for sound."""

    modality: Literal[Modality.AUDIO] = Modality.AUDIO
    rate: int
    """Samples per second that it wants."""
    longest: float
    """Seconds that it hears at once; a longer recording is cut into windows, whose embeddings are averaged. A picture
    shows the first ones only."""
    domain: Literal["speech", "birds", "sound", "pictures"] = "sound"
    """What it was trained on."""
    pooling: str = "mean+std"
    """How the frames of a window become one embedding."""


CARD_TYPES: dict[Modality, type[BackboneCard]] = {
    Modality.IMAGE: ImageCard,
    Modality.TEXT: TextCard,
    Modality.AUDIO: AudioCard,
}
"""The card of each modality."""

C = TypeVar("C", bound=BackboneCard)


def as_card(card: BackboneCard, kind: type[C]) -> C:
    """Take a card as one of a modality.

    Parameters
    ----------
    card : BackboneCard
        Of any modality.
    kind : type
        For example :class:`ImageCard`.

    Returns
    -------
    BackboneCard
        The same.

    Raises
    ------
    InvalidRequest
        If it is of another modality.
    """
    if isinstance(card, kind):
        return card
    wanted = kind.model_fields["modality"].default
    raise InvalidRequest(
        f"'{card.name}' is a backbone for {card.modality}, expected one for {wanted}"
    )


class Loader(Protocol):
    """Runs the backbones of one library."""

    def missing(self, card: BackboneCard) -> str:
        """Say what must be installed, downloaded or given before the backbone can run; empty when it can."""

    def fetch(self, card: BackboneCard) -> str:
        """Download the weights if they are absent; the one call that may use the network, for backbones the user named.

        Returns a sentence saying why the backbone still cannot run, empty when it can.
        """

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell the SHA-256 of the weights; raises MissingDependency if they are absent."""

    def engine(self) -> str:
        """Say in a word what runs networks on this machine, for example ``"openvino"``."""

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Make the card of a model that the library knows by ``name``; ``None`` if it knows none.

        ``place`` is the file or folder of weights that the user gave with it, which may say what the model is.
        """

    def embed(
        self,
        card: BackboneCard,
        items: Sequence[str],
        *,
        view: str,
        threads: int | None,
        deadline: Deadline,
    ) -> Iterator[NDArray[np.float32]]:
        """Compute embeddings batch by batch, in the order of the items; rows of unreadable items are NaN.

        Each batch has shape (n_of_batch, card.width), so that what was computed can be kept before the next is. Items
        are paths of files, or the texts themselves.
        ``view``: ``"plain"``, or a varied one with a number behind its name, drawn from the item's content and the
        number, so that the same view of the same item is the same everywhere. Pictures: ``"flip"`` (mirrored),
        ``"view1"`` ... (random crop, flip and light), ``"upright1"`` ... (the same but never mirrored). Texts:
        ``"eda1"`` ..., ``"synonyms1"`` ..., ``"translation1"`` ... (see :mod:`advisor.texts.views`). Recordings:
        ``"view1"`` ... (stretched, shifted in pitch and in time, louder or softer, with noise).

        Raises
        ------
        DeadlineExceeded
            When the deadline passes before the last item.
        """

    def build(self, card: BackboneCard, *, pretrained: bool, drop: float, drop_path: float) -> Any:
        """Make the torch module without its classifier, for training: a batch to (n, card.width).

        A batch is of pictures (n, 3, side, side), or of token ids (n, length), int64, -1 behind the end of a text.
        """

    def fold(self, net: Any) -> Any:
        """Make the same module in fewer steps, for predicting only: in evaluation mode, on the CPU, and not changed."""

    def adapt(
        self,
        card: BackboneCard,
        items: Sequence[str],
        deadline: Deadline,
        seed: int,
        wanted: Wanted = BY_ITSELF,
    ) -> str:
        """Go on training without labels on items, or find what that made before; names the backbone it becomes.

        The name is one for :func:`find_backbone`, with the adapted weights behind the ``@``.

        Raises
        ------
        InvalidRequest
            If the loader adapts none, the method is not one for such a backbone, or there are too few items.
        DeadlineExceeded
            When the deadline passes first; what was learned is kept, and another call goes on from there.
        """


class TextLoader(Loader, Protocol):
    """Runs the encoders of texts of one library."""

    def tokens(self, card: TextCard, texts: Sequence[str], longest: int) -> NDArray[np.int32]:
        """Cut texts into tokens: ids of shape (n, longest), -1 behind the end; special tokens are among them."""

    def keep_tokeniser(self, card: TextCard, folder: Path) -> None:
        """Copy what ``tokens`` reads of a backbone into an empty folder, which may then stand in its card's weights."""

    def views(self) -> tuple[str, ...]:
        """List the ways to vary texts that are possible on this machine, of those that ``varied`` knows."""

    def varied(
        self, card: TextCard, texts: Sequence[str], view: str, deadline: Deadline
    ) -> list[str]:
        """Make one view of each text, as ``embed`` does before it embeds."""


LOADERS: Registry[Loader] = Registry("loader of backbones", "advisor.backbones")


@cache
def load_cards() -> dict[str, BackboneCard]:
    """Read and check the cards of ``backbones/*.toml``.

    Returns
    -------
    dict of str to BackboneCard
        By name, in the order of the names.

    Raises
    ------
    ValueError
        If a card is not valid: a mistake in the house, not in the data.
    """
    cards: dict[str, BackboneCard] = {}
    for table in sorted(files("advisor").joinpath("backbones").iterdir(), key=lambda e: e.name):
        if not table.name.endswith(".toml"):
            continue
        name = table.name.removesuffix(".toml")
        try:
            content = tomllib.loads(table.read_text(encoding="utf-8"))
            kind = CARD_TYPES[Modality(content.get("modality", ""))]
            cards[name] = kind.model_validate({"name": name, **content})
        except ValueError as error:  # of TOML and of pydantic, too
            raise ValueError(f"backbone '{name}': {error}") from error
    return cards


def split_backbone(name: str) -> tuple[str, str]:
    """Take the name of a backbone apart: the model, and the file or folder of its weights, empty where none is given.

    Paths may hold the mark: a folder is itself the model, and the mark counts that has something existing behind it.

    Examples
    --------
    >>> split_backbone("resnet50@mine.safetensors"), split_backbone("resnet50")
    (('resnet50', 'mine.safetensors'), ('resnet50', ''))
    """
    marks = [i for i, letter in enumerate(name) if letter == PATH_MARK]
    if not marks or Path(name).is_dir():
        return name, ""
    at = next((i for i in marks if Path(name[i + 1 :]).exists()), marks[0])
    return name[:at], name[at + 1 :]


def find_backbone(name: str, modality: Modality | None = None) -> BackboneCard:
    """Find the card of a backbone by its name.

    Parameters
    ----------
    name : str
        As the module's docstring says.
    modality : Modality or None
        Of the dataset that it was named for: a message lists the backbones of ours for it, else all of them.

    Returns
    -------
    BackboneCard
        Its ``name`` is the one asked for, so that it finds the same again.

    Raises
    ------
    InvalidRequest
        If nobody knows it.
    """
    model, place = split_backbone(name)
    found = (loader.card_of(model, place) for loader in LOADERS.values())
    card = load_cards().get(model) or next((one for one in found if one is not None), None)
    if card is None and Path(model).is_dir():
        raise InvalidRequest(
            f"folder '{model}' holds no model that an installed library knows; expected a config.json with the "
            "weights beside it. Pass --backbone."
        )
    if card is None:
        known = [n for n, c in load_cards().items() if modality in (None, c.modality)]
        raise InvalidRequest(
            f"'{model}' is neither a backbone of ours ({quoted(known, most=20)}) nor a model that an installed library "
            f"knows.{did_you_mean(model, known)} Pass --backbone."
        )
    if model != name:
        card = card.model_copy(update={"weights": f"file:{place}", "sha256": ""})
    return card.model_copy(update={"name": name})


def missing_for(name: str) -> str:
    """Say what a backbone lacks before it can run here, as a sentence; empty when it is ready.

    Parameters
    ----------
    name : str
        As :func:`find_backbone` takes it.

    Returns
    -------
    str
    """
    card = find_backbone(name)
    return LOADERS[card.loader].missing(card)


@cache
def fetch_backbone(name: str) -> str:
    """Make a backbone that the user named ready to run, by downloading its weights if they are absent.

    Parameters
    ----------
    name : str
        As :func:`find_backbone` takes it.

    Returns
    -------
    str
        Empty when it is ready; else what it lacks and why the download failed, as a sentence. One process tries once.
    """
    card = find_backbone(name)
    return LOADERS[card.loader].fetch(card)


def usable_backbones(modality: Modality, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """List the backbones that can run here; weights are downloaded for those asked for, and for no others.

    Parameters
    ----------
    modality : Modality
        What they embed.
    asked : sequence of str
        Those the user named; they come instead of the ones of the house.

    Returns
    -------
    tuple of str
        Names for :func:`find_backbone`, smallest first. Why one that was asked for is not among them is said by
        :func:`fetch_backbone`.
    """
    if asked:
        usable = [find_backbone(name) for name in asked if not fetch_backbone(name)]
    else:
        cards = [c for c in load_cards().values() if c.modality is modality and c.default]
        usable = [card for card in cards if not LOADERS[card.loader].missing(card)]
    return tuple(card.name for card in sorted(usable, key=lambda card: card.multiply_adds))
