"""Encoders of texts: any of ``transformers``, from a package, a folder or the hub's cache, by name."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.adaptation import BY_ITSELF, WORDS_METHOD, Wanted
from advisor.backbone import (
    LOADERS,
    PATH_MARK,
    BackboneCard,
    TextCard,
    as_card,
    load_cards,
    split_backbone,
)
from advisor.backbones.engines.chosen import engine_name
from advisor.backbones.engines.text_engines import OpenVinoTexts, TorchTexts
from advisor.backbones.engines.text_folder import (
    TOKENISERS,
    describe_folder,
    is_text_model,
    lacks,
)
from advisor.backbones.engines.text_tokens import as_rows, ids_of
from advisor.backbones.weights import (
    MODEL_FILES,
    fetch_folder,
    folder_fingerprint,
    hub_folder,
    model_folder,
    why_absent,
)
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest, MissingDependency
from advisor.registry import available
from advisor.texts.views import EDA, SYNONYMS, TRANSLATION

NEEDED = ("torch", "transformers", "tokenizers")
"""Libraries without which no encoder runs."""

PLAIN = "plain"
"""The text as it is."""

PIECE_TEXTS, PIECE_TOKENS = 512, 16_384
"""Texts, and tokens of them, that are sorted by length together and handed over together: enough to sort well, and few
seconds of work to lose at a deadline. Our choice."""

BATCH_TOKENS = 512
"""Places for tokens in one batch on a CPU: 256 to 1,024 are equally fast (780 questions a second on two cores), 2,048 a
fifth slower, since the last batch then keeps one core waiting (our measurement)."""

GPU_BATCH_TOKENS = 32_768
"""The same on a GPU; our choice."""

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
"""A name of the hub: owner and repository."""

NOT_OF_TEXT = re.compile(
    r"whisper|wav2vec|hubert|wavlm|audio|(?<!hate.)speech|clap|(^timm/)|(/ast-)|vit-|clip",
    re.IGNORECASE,
)
"""Names of the hub of models that hear or see: they belong to other loaders. Hate speech is read."""

UNKNOWN = "not known before it is downloaded"


class TextEncoderLoader:
    """Runs encoders of ``transformers``, on OpenVINO where that is faster."""

    def missing(self, card: BackboneCard) -> str:
        """Look for libraries and weights; neither torch nor the network is touched."""
        if not all(available(module) for module in NEEDED):
            return f"pip install 'regime-advisor[text]' (for the backbone '{card.name}')"
        folder = model_folder(card)
        if folder is None:
            return why_absent(card)
        lacking = lacks(folder)
        return (
            f"'{card.name}' cannot run: expected an encoder in '{folder}', got {lacking}"
            if lacking
            else ""
        )

    def fetch(self, card: BackboneCard) -> str:
        """Download the folder of an encoder that the user named; a sentence if that fails."""
        if not all(available(module) for module in NEEDED):
            return self.missing(card)
        failed = fetch_folder(card)
        if failed:
            return failed
        if not card.width:  # its card could not be made before
            folder = model_folder(card)
            if folder is None or not is_text_model(folder):
                return f"expected an encoder of texts under '{card.name}' on the hub, got another model; name another"
        return self.missing(card)

    def fingerprint(self, card: BackboneCard) -> str:
        """Tell a SHA-256 of the weights and the tokeniser."""
        return folder_fingerprint(card)

    def card_of(self, name: str, place: str = "") -> BackboneCard | None:
        """Read what a folder or the hub's cache says of a model, or find the card of ours for a name of the hub."""
        folder = Path(place or name)
        if (place or name) and folder.is_dir():
            return self._card_in(folder, name or folder.name) if _may_be_text(folder) else None
        if not HUB_NAME.fullmatch(name):
            return None
        for card in load_cards().values():
            if card.source.lower() == name.lower() and isinstance(card, TextCard):
                return card
        kept = hub_folder(name)
        if kept is not None and lacks(kept) == "":
            if not is_text_model(kept):
                return None
            return self._card_in(kept, name, name).model_copy(update={"weights": f"hub:{name}"})
        if kept is None and NOT_OF_TEXT.search(name):
            return None
        return TextCard(
            name=name, loader="text_encoder", source=name, weights=f"hub:{name}", width=0, longest=0,
            parameters=0.0, multiply_adds=0.0, pretraining=UNKNOWN, licence=UNKNOWN, reference=UNKNOWN,
        )  # fmt: skip

    def _card_in(self, folder: Path, name: str, source: str = "") -> TextCard:
        return describe_folder(folder, name, source or folder.resolve().name)

    def embed(
        self,
        card: BackboneCard,
        items: Sequence[str],
        *,
        view: str,
        threads: int | None,
        deadline: Deadline,
    ) -> Iterator[NDArray[np.float32]]:
        """Cut into tokens and run, the short texts of a piece together and the long ones together."""
        folder = self._need(card)
        deadline.check()
        seen = as_card(card, TextCard)
        engine = _engine(seen, folder, self.fingerprint(card), threads or usable_cores())
        budget = GPU_BATCH_TOKENS if engine_name() == "cuda" else BATCH_TOKENS
        for start in range(0, len(items), PIECE_TEXTS):
            texts = items[start : start + PIECE_TEXTS]
            varied = self.varied(seen, texts, view, deadline)
            ids = ids_of(folder, [seen.prefix + text for text in varied], seen.longest)
            for piece in _pieces(ids):
                found = _embedded(ids[piece], engine, budget, card.width, deadline)
                blank = [not text.strip() for text in texts[piece]]
                found[blank] = np.nan
                yield found

    def tokens(self, card: TextCard, texts: Sequence[str], longest: int) -> NDArray[np.int32]:
        """Cut texts into tokens, the encoder's prefix before each."""
        kept = card.path  # of a saved run, without weights
        folder = kept if kept and any((kept / n).is_file() for n in TOKENISERS) else None
        ids = ids_of(folder or self._need(card), [card.prefix + t for t in texts], longest)
        return as_rows(ids, longest).astype(np.int32)

    def keep_tokeniser(self, card: TextCard, folder: Path) -> None:
        """Copy the files that a tokeniser may be read from, and the configurations that say which it is."""
        source = self._need(card)
        for file in (found for pattern in MODEL_FILES for found in source.glob(pattern)):
            if file.is_file() and file.parent == source:
                shutil.copyfile(file, folder / file.name)

    def views(self) -> tuple[str, ...]:
        """List the ways to vary texts: translating needs two models that are here."""
        from advisor.backbones.translation import can_translate

        return (EDA, SYNONYMS, *((TRANSLATION,) if can_translate() else ()))

    def varied(
        self, card: TextCard, texts: Sequence[str], view: str, deadline: Deadline
    ) -> list[str]:
        """Make one view of each text."""
        if view == PLAIN:
            return list(texts)
        from advisor.backbones.text_views import vary

        return vary(card, self._need(card), texts, view, deadline)

    def adapt(
        self,
        card: BackboneCard,
        items: Sequence[str],
        deadline: Deadline,
        seed: int,
        wanted: Wanted = BY_ITSELF,
    ) -> str:
        """Go on with masked-language training on texts, and name the backbone it becomes."""
        folder = self._need(card)
        if wanted.method not in ("", WORDS_METHOD) or wanted.from_scratch:
            raise InvalidRequest(
                f"expected --method {WORDS_METHOD} on pretrained weights for texts, got "
                f"{'random weights' if wanted.from_scratch else repr(wanted.method)}; drop the option"
            )
        from advisor.backbones.engines.masked_language import AdaptSettings, adapt

        place = adapt(
            as_card(card, TextCard),
            folder,
            self.fingerprint(card),
            items,
            deadline,
            seed,
            settings=None if wanted.steps is None else AdaptSettings(most_steps=wanted.steps),
            tell=wanted.tell,
            device=wanted.device,
        )
        return f"{split_backbone(card.name)[0]}{PATH_MARK}{place}"

    def build(self, card: BackboneCard, *, pretrained: bool, drop: float, drop_path: float) -> Any:
        """Make the torch module; the configuration in its folder is needed in any case."""
        given = (
            None if pretrained else card.path
        )  # of a saved network, which has weights of its own
        folder = given if given and (given / "config.json").is_file() else self._need(card)
        from advisor.backbones.engines.text_network import build_text

        seen = as_card(card, TextCard)
        return build_text(seen, folder, pretrained=pretrained, drop=drop, drop_path=drop_path)

    def fold(self, net: Any) -> Any:
        """Give it back: there is nothing to fold."""
        return net

    def engine(self) -> str:
        """Say what runs embeddings here."""
        return engine_name()

    def _need(self, card: BackboneCard) -> Path:
        lacking = self.missing(card)
        folder = model_folder(card)
        if lacking or folder is None:
            raise MissingDependency(lacking)
        return folder


def _may_be_text(folder: Path) -> bool:
    """Whether a folder is one of texts, or holds nothing of any model, which is then said in words."""
    return (folder / "config.json").is_file() and is_text_model(folder)


def _pieces(ids: Sequence[Sequence[int]]) -> Iterator[slice]:
    """Cut a row of texts into runs of at most ``PIECE_TOKENS`` tokens."""
    start, total = 0, 0
    for i, one in enumerate(ids):
        if i > start and total + len(one) > PIECE_TOKENS:
            yield slice(start, i)
            start, total = i, 0
        total += len(one)
    if start < len(ids):
        yield slice(start, len(ids))


def _embedded(
    ids: Sequence[tuple[int, ...]],
    engine: OpenVinoTexts | TorchTexts,
    budget: int,
    width: int,
    deadline: Deadline,
) -> NDArray[np.float32]:
    """Embed texts by their ids: equal ones once, those of similar length together."""
    order = sorted(
        set(ids), key=lambda one: (-len(one), one)
    )  # long ones first: none is left for the end
    batches: list[list[tuple[int, ...]]] = [[]]
    for one in order:
        last = batches[-1]
        if last and (len(last) + 1) * len(last[0]) > budget:
            batches.append(last := [])
        last.append(one)
    made = engine([as_rows(batch) for batch in batches if batch], deadline)
    found = dict(zip(order, np.concatenate(made), strict=True)) if order else {}
    return np.stack([found[one] for one in ids]).reshape(len(ids), width)


@lru_cache(maxsize=2)
def _engine(card: TextCard, folder: Path, weights: str, threads: int) -> OpenVinoTexts | TorchTexts:
    """Make the engine of a card; with another SHA-256 of its ``weights``, written anew meanwhile, it is another."""
    if engine_name() == "openvino":
        from advisor.backbones.engines.converting import NotConverted

        try:
            return OpenVinoTexts(card, folder, threads, default_cache())
        except NotConverted as fault:
            warnings.warn(
                f"'{card.source}' runs on torch, which is slower: OpenVINO cannot run it ({fault})",
                stacklevel=2,
            )
    return TorchTexts(card, folder, threads)


LOADERS.add("text_encoder")(TextEncoderLoader())
