"""Texts → the same texts, translated into another language and back.

References
----------
Sennrich, Haddow & Birch (2016), Improving neural machine translation models with monolingual data, ACL.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from advisor.backbones.engines.quiet import quiet_transformers
from advisor.backbones.engines.text_folder import lacks
from advisor.backbones.weights import hub_folder
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest, MissingDependency
from advisor.registry import available
from advisor.torchvision_cure import require_cured

PAIR = ("Helsinki-NLP/opus-mt-en-de", "Helsinki-NLP/opus-mt-de-en")
"""There and back where no models are named: from English; CC-BY-4.0, 300 MB each."""

NAMED = "REGIME_ADVISOR_TRANSLATION"
"""Environment variable that names another pair: ``THERE,BACK``, each a name of the hub or a folder."""

BEAMS = 4
"""Translations that are searched side by side; views 1 to 4 take the best, the second best and so on. Our choice."""

BATCH = 8
"""Texts translated at once; our choice: few, since time is looked at between them."""

LONGEST = 256
"""Tokens of a text that are translated; our choice, of the 512 that these models read."""


def back_translate(
    texts: Sequence[str], number: int, pair: tuple[str, str] | None, deadline: Deadline
) -> list[str]:
    """Translate texts there and back.

    Parameters
    ----------
    texts : sequence of str
        In the language that the first model reads.
    number : int
        Which of the translations there is taken back: 1 for the best, 2 for the second best ...
    pair : tuple of two str, or None
        The models there and back: names of the hub, in its local cache, or folders; ``None`` for those of
        :func:`usual_pair`.
    deadline : Deadline
        Looked at between batches.

    Returns
    -------
    list of str
        A text comes back as it is where nothing is left of it.

    Raises
    ------
    MissingDependency
        If a model or a library is not on this machine.
    DeadlineExceeded
        When the deadline passes before the last text.
    """
    there, back = (_translator(_place_of(name)) for name in pair or usual_pair())
    found: list[str] = []
    for start in range(0, len(texts), BATCH):
        deadline.check()
        some = list(texts[start : start + BATCH])
        abroad = there(some, number)
        deadline.check()
        told = back(abroad, 1)
        found += [new if new.strip() else old for new, old in zip(told, some, strict=True)]
    return found


def usual_pair() -> tuple[str, str]:
    """Name the models there and back where a view names none: those of the environment, or from English to German.

    Returns
    -------
    there, back : str
        Names of the hub or folders.

    Raises
    ------
    InvalidRequest
        If the environment names no two models.
    """
    named = os.environ.get(NAMED, "")
    if not named:
        return PAIR
    there, mark, back = named.partition(",")
    if not (there and mark and back):
        raise InvalidRequest(f"expected two models, THERE,BACK, in {NAMED}, got '{named}'")
    return there, back


def can_translate() -> bool:
    """Whether texts can be translated there and back here, by the models of :func:`usual_pair`."""
    try:
        for name in usual_pair():
            _place_of(name)
    except MissingDependency:
        return False
    return True


class Translator:
    """A model that translates; call it with texts and which of its translations is wanted.

    Parameters
    ----------
    folder : Path
        Its weights, configuration and tokeniser.

    Raises
    ------
    InvalidRequest
        If it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        local = {"local_files_only": True, "trust_remote_code": False}
        with quiet_transformers() as transformers:
            try:
                self._tokeniser = transformers.AutoTokenizer.from_pretrained(folder, **local)
                model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, **local)
            except (OSError, ValueError, RuntimeError, KeyError, ImportError) as fault:
                reason = (str(fault).splitlines() or [""])[0]
                raise InvalidRequest(
                    f"expected a model that translates in '{folder}', got {type(fault).__name__}: {reason[:200]}; "
                    "name another in translation:THERE,BACK"
                ) from fault
        self._model: Any = model.float().eval()

    def __call__(self, texts: Sequence[str], number: int) -> list[str]:
        """Translate; nothing is drawn, so a text has the same translation in any company."""
        torch = require_cured("torch", extra="text")
        seen = self._tokeniser(
            list(texts), return_tensors="pt", padding=True, truncation=True, max_length=LONGEST
        )
        beams = max(BEAMS, number)
        limit = min(LONGEST, 2 * int(seen["input_ids"].shape[1]) + 8)
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=seen["input_ids"],
                attention_mask=seen["attention_mask"],
                do_sample=False,
                num_beams=beams,
                num_return_sequences=number,
                max_new_tokens=limit,
                max_length=None,
            )
        chosen = made[number - 1 :: number]
        return [str(one) for one in self._tokeniser.batch_decode(chosen, skip_special_tokens=True)]


@lru_cache(maxsize=4)
def _translator(folder: Path) -> Translator:
    return Translator(folder)


def _place_of(name: str) -> Path:
    """Find the folder of a model that translates, on this machine."""
    if not available("transformers") or not available("sentencepiece"):
        raise MissingDependency(
            "back-translation needs transformers and sentencepiece: pip install 'regime-advisor[text]'"
        )
    folder = Path(name)
    found = folder if folder.is_dir() else hub_folder(name)
    if found is None:
        raise MissingDependency(
            f"back-translation needs the model '{name}', which is not on this machine: download it while online "
            f"(hf download {name}), or name two that are here in {NAMED}"
        )
    lacking = lacks(found)
    if lacking:
        raise MissingDependency(f"back-translation needs a model in '{found}', got {lacking}")
    return found
