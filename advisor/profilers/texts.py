"""Dataset of texts → TextProfile.

Lengths and empty texts are of all labelled texts, copies of at most ``LABELLED_COMPARED`` of them and of most others;
what needs a look at words or a backbone is measured on a sample that is drawn by the texts themselves, evenly over
classes: the same texts whatever order they come in, and no seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import (
    LOADERS,
    BackboneCard,
    TextCard,
    TextLoader,
    as_card,
    find_backbone,
)
from advisor.dataset import Dataset, Modality, Task
from advisor.profile import PROFILERS, LeakSuspect, TextProfile
from advisor.profilers.copies import (
    COMPARED,
    Copies,
    count_copies,
    drawn,
    evenly_drawn,
    name_hashes,
)
from advisor.profilers.counts import count_labels
from advisor.profilers.frozen import measure_backbones
from advisor.profilers.repetition import find_keys
from advisor.registry import available
from advisor.tables.columns import USABLE_KINDS, ColumnKind, texts_of
from advisor.texts.languages import find_languages, share_other_script
from advisor.texts.lengths import count_words
from advisor.texts.similarity import near_duplicates
from advisor.texts.words import (
    find_boilerplate,
    find_telling,
    measure_vocabulary,
    share_naming_label,
)

LABELLED_COMPARED = 20_000
"""Labelled texts that near copies are looked for among; our choice, for time: of more, only equal ones are found."""

LOOKED_AT = 4_000
"""Labelled texts whose words are looked at: shares are then known to about a point and a half. Our choice, for time."""

LANGUAGES_OF = 300
"""Labelled texts whose language is asked about; our choice: one takes about a millisecond."""

ASKED = 1_000
"""Labelled texts that backbones are asked about. Our choice: a share is then known to three points, and embedding as
many short texts takes about three seconds on two cores."""

COUNTED = 400
"""Labelled texts that are cut into tokens; our choice: shares are then known to about five points."""

OF_BATCH = 16
"""Texts in a batch whose longest one is asked for: those of a step of most who tune encoders on few texts."""

WINDOWS = 8
"""Windows of the encoder up to which tokens are counted; our choice: longer is longer."""

NAMED = 10
"""Items named in the profile; our choice, for the reader."""

EXCERPT = 60
"""Characters of a text that are shown in a message; our choice, for the reader."""

TOKENS_OF_A_CARD, WORDS_OF_A_CARD = 100, 75
"""Tokens of the text that a card tells the cost of, and its words: an English word has about 1.3 tokens."""


@PROFILERS.add(Modality.TEXT.value)
def profile_texts(dataset: Dataset, backbones: Sequence[str] = ()) -> TextProfile:
    """Measure a set of texts.

    Parameters
    ----------
    dataset : Dataset
        Of modality text.
    backbones : sequence of str
        Those the user asked for; none for the ones of the house that can run here.

    Returns
    -------
    TextProfile
        Equal for any order of the texts.
    """
    labelled = texts_of(dataset.X, dataset.columns)
    hashes = name_hashes(labelled)
    order = evenly_drawn(labelled, hashes, dataset, len(labelled))
    copies = _find_copies(dataset, labelled, order[:LABELLED_COMPARED])
    sample = order[:LOOKED_AT]
    filled = np.array([bool(text.strip()) for text in labelled], dtype=np.bool_)
    counts = count_words(labelled)
    asked = copies.first_of_each(order[filled[order]][:ASKED])
    median = _median(counts)

    def size(card: BackboneCard) -> float:
        read = as_card(card, TextCard).longest / TOKENS_OF_A_CARD
        return max(0.1, min(median / WORDS_OF_A_CARD, read))

    fields: dict[str, object] = {
        **count_labels(dataset),
        **_columns(dataset),
        **count_copies(dataset, copies),
        "n_broken": len(dataset.broken),
        "broken": dataset.broken[:NAMED],
        "n_empty": int((~filled).sum()),
        "words": _range(counts),
        "characters": _range(np.array([len(text) for text in labelled], dtype=np.int64)),
        **_words(dataset, labelled, sample),
        **_languages([labelled[row] for row in sample[:LANGUAGES_OF]]),
        **measure_backbones(
            dataset,
            asked,
            backbones,
            labelled=labelled,
            pool=[text for text in _pool(dataset) if text.strip()],
            size=size,
        ),
        "sampled": len(sample) < len(labelled),
        "sample_size": len(sample) if len(sample) < len(labelled) else None,
    }
    usable = cast("tuple[str, ...]", fields["backbones"])
    fields |= _windows([labelled[row] for row in sample[:COUNTED]], usable)
    return TextProfile.model_validate(fields)


def _pool(dataset: Dataset) -> list[str]:
    if dataset.X_unlabelled is None:
        return []
    return texts_of(dataset.X_unlabelled, dataset.columns)


def _columns(dataset: Dataset) -> dict[str, object]:
    usable = [column for column in dataset.columns if column.kind in USABLE_KINDS]
    texts = tuple(column.name for column in usable if column.kind is ColumnKind.TEXT)
    others = tuple(column.name for column in usable if column.kind is not ColumnKind.TEXT)
    suspects = find_keys(dataset.X, dataset.columns)
    return {"text_columns": texts, "other_columns": others, "group_suspects": suspects}


def _find_copies(dataset: Dataset, labelled: list[str], compared: NDArray[np.int64]) -> Copies:
    """Compare labelled texts with each other and with others; empty ones are copies of nothing."""
    test = [] if dataset.X_test is None else texts_of(dataset.X_test, dataset.columns)
    others = [drawn(texts, name_hashes(texts), COMPARED) for texts in (test, _pool(dataset))]
    texts = [*labelled, *others[0], *others[1]]
    keys = [text if text.strip() else f"\0{row}" for row, text in enumerate(texts)]
    first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
    chosen = {keys[row] for row in compared} | set(keys[len(labelled) :])
    near = [key for key in first if key in chosen and not key.startswith("\0")]
    # the number of a text is the row of the first that is equal or, of those compared, nearly so
    number = dict(first)
    for code, key in zip(near_duplicates(near), near, strict=True):
        number[key] = len(keys) + int(code)
    codes = np.array([number[key] for key in keys], dtype=np.int64)
    names = [_excerpt(text) for text in texts]
    return Copies(names, keys, codes, len(labelled), len(others[0]))


def _excerpt(text: str) -> str:
    line = " ".join(text[: 2 * EXCERPT].split())
    return f"'{line}'" if len(line) <= EXCERPT else f"'{line[:EXCERPT].rstrip()} ...'"


def _range(counts: NDArray[np.int64]) -> tuple[int, float, int]:
    if counts.size == 0:
        return (0, 0.0, 0)
    return int(counts.min()), _median(counts), int(counts.max())


def _median(counts: NDArray[np.int64]) -> float:
    return float(np.median(counts)) if counts.size else 0.0


def _words(dataset: Dataset, labelled: list[str], rows: NDArray[np.int64]) -> dict[str, object]:
    """Vocabulary, words that give the label away, phrases that most texts share, and label names."""
    texts = [labelled[row] for row in rows]
    vocabulary, seen_once = measure_vocabulary(texts)
    fields: dict[str, object] = {
        "vocabulary": vocabulary,
        "share_seen_once": seen_once,
        "boilerplate": find_boilerplate(texts),
    }
    if dataset.task.is_classification:
        members = _members(dataset, rows)
        telling, share = find_telling(texts, members)
        own = ([dataset.classes[code] for code in np.flatnonzero(row)] for row in members)
        fields |= {
            "telling": tuple(
                LeakSuspect(
                    columns=(one.phrase,),
                    how="alone",
                    measure="AUC",
                    score=one.auc,
                    n_rows=one.n_texts,
                    label=dataset.classes[one.code],
                )
                for one in telling
            ),
            "telling_share": share,
            "label_named": share_naming_label(texts, own),
        }
    return fields


def _members(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which classes each row is of, of shape (n_rows, n_classes)."""
    y = dataset.y[rows]
    if dataset.task is Task.MULTILABEL:
        return y.astype(np.bool_)
    return np.asarray(y[:, None] == np.arange(dataset.n_classes), dtype=np.bool_)


def _languages(texts: list[str]) -> dict[str, object]:
    """Languages where the library that tells them is there; scripts anyway."""
    known = find_languages(texts) if available("py3langid") else {}
    return {"languages": known, "share_other_script": share_other_script(texts)}


def _windows(texts: list[str], backbones: tuple[str, ...]) -> dict[str, object]:
    """Tokens by the best backbone beside what it reads, its languages, and which may be adapted to the pool."""
    cards = {name: as_card(find_backbone(name), TextCard) for name in backbones}
    if not cards or not texts:
        return {}
    card = cards[backbones[0]]
    loader = cast(TextLoader, LOADERS[card.loader])
    ids = loader.tokens(card, texts, WINDOWS * card.longest)
    counts = (ids >= 0).sum(axis=1)
    return {
        "tokens": _range(counts),
        "tokens_of_batch": round(longest_of(np.minimum(counts, card.longest), OF_BATCH), 1),
        "longest": card.longest,
        "share_cut": float((counts > card.longest).mean()),
        "encoder_languages": card.languages,
        "base_models": tuple(name for name, one in cards.items() if not one.sentence),
        "views": loader.views(),
    }


def longest_of(counts: NDArray[np.int64], n: int) -> float:
    """Average the largest of ``n`` over all draws with replacement.

    Parameters
    ----------
    counts : ndarray of int of shape (n_texts,)
        For example tokens of texts; at least one.
    n : int
        Texts that are drawn, for example for a batch.

    Returns
    -------
    float
    """
    shares = (np.arange(len(counts) + 1) / len(counts)) ** n
    return float(np.sort(counts) @ np.diff(shares))
