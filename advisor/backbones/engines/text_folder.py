"""A folder of an encoder → its card and its tokeniser's file, from what the folder itself says; without torch.

Two layouts are read: that of ``transformers``, of a base language model whose outputs are averaged, and that of
sentence-transformers, which says how outputs become an embedding.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

from advisor.backbone import TextCard
from advisor.backbones.weights import HUB_FILES, weights_in
from advisor.errors import InvalidRequest, quoted

NOT_OF_TEXT = (
    "num_mel_bins",
    "conv_dim",
    "feat_extract_norm",
    "num_channels",
    "image_size",
    "is_encoder_decoder",
)
"""Keys of a configuration that say that the model hears, sees or translates."""

TOKENISERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spm.model",
    "spiece.model",
)
"""Files of which one holds the tokeniser."""

LONGEST = 512
"""Tokens read where the folder does not say, and at most where it says thousands: attention grows with the square.
Our choice; a card of ours may say more."""

TOKENS = 100
"""Of the text whose multiplications a card counts."""

POOLINGS: dict[str, Literal["mean", "cls", "max"]] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
"""Of sentence-transformers: how outputs become one embedding."""


class Pooling(NamedTuple):
    """How the outputs of an encoder become one embedding, and what its text begins with."""

    how: Literal["mean", "cls", "max"] = "mean"
    normalised: bool = False
    prefix: str = ""
    longest: int | None = None


def is_text_model(folder: Path) -> bool:
    """Whether a folder holds the configuration of an encoder of texts, as far as that tells."""
    config = _json(folder / "config.json")
    if (folder / "modules.json").is_file():
        return True
    if not config.get("vocab_size") or not config.get("model_type"):
        return False
    return not any(config.get(key) for key in NOT_OF_TEXT)


def describe_folder(folder: Path, name: str, source: str) -> TextCard:
    """Make the card of an encoder in a folder.

    Parameters
    ----------
    folder : Path
        With ``config.json``, weights and a tokeniser.
    name : str
        Of the card.
    source : str
        What it is called in messages and in the cache: a name of the hub, or the folder's.

    Returns
    -------
    TextCard
        With weights from the folder.

    Raises
    ------
    InvalidRequest
        If something is missing, or outputs become embeddings in a way that is not known here.
    """
    lacking = lacks(folder)
    if lacking:
        raise InvalidRequest(f"expected an encoder of texts in '{folder}', got {lacking}")
    config = _json(folder / "config.json")
    sentence = (folder / "modules.json").is_file()
    pooling = _pooling(folder) if sentence else Pooling()
    width = int(config.get("hidden_size") or config.get("dim") or config.get("d_model") or 0)
    table = int(config.get("vocab_size", 0)) * int(config.get("embedding_size") or width)
    parameters = _parameters(folder)
    return TextCard(
        name=name,
        loader="text_encoder",
        source=source,
        weights=f"file:{folder.resolve()}",
        width=width,
        longest=_longest(folder, config, pooling.longest),
        pooling=pooling.how,
        normalised=pooling.normalised,
        prefix=pooling.prefix,
        sentence=sentence,
        parameters=round(parameters / 1e6, 2),
        multiply_adds=round(max(parameters - table, 0) * TOKENS / 1e9, 3),
        pretraining="not stated by the folder",
        licence="not stated by the folder",
        reference="the folder's own",
    )


def lacks(folder: Path) -> str:
    """Say what a folder of an encoder lacks, as the end of a sentence; empty when it has all."""
    if not (folder / "config.json").is_file():
        return "a folder without config.json; name the folder that a model was saved in"
    if not weights_in(folder):
        return f"a folder without weights; put {' or '.join(HUB_FILES)} into it"
    if not any((folder / name).is_file() for name in TOKENISERS):
        return "a folder without a tokeniser; put tokenizer.json into it"
    return ""


def _pooling(folder: Path) -> Pooling:
    """Read what sentence-transformers wrote."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if kinds not in (
        ["Transformer"],
        ["Transformer", "Pooling"],
        ["Transformer", "Pooling", "Normalize"],
    ):
        raise InvalidRequest(
            f"expected Transformer, Pooling and perhaps Normalize in '{folder / 'modules.json'}', got {quoted(kinds)}; "
            "use another encoder"
        )
    said = (
        _json(folder / (modules[1]["path"] or "1_Pooling") / "config.json")
        if len(modules) > 1
        else {}
    )
    modes = [
        key for key, value in said.items() if key.startswith("pooling_mode_") and value is True
    ]
    mode = said.get("pooling_mode")  # as newer versions write it
    known = POOLINGS | {how: how for how in POOLINGS.values()}
    chosen = modes or ([mode] if isinstance(mode, str) else ["mean"])
    if len(chosen) != 1 or chosen[0] not in known:
        raise InvalidRequest(
            f"expected one of mean, cls and max in the pooling of '{folder}', got {quoted(chosen)}; use another encoder"
        )
    options = _json(folder / "config_sentence_transformers.json")
    prefix = options.get("prompts", {}).get(options.get("default_prompt_name") or "", "")
    longest = _json(folder / "sentence_bert_config.json").get("max_seq_length")
    return Pooling(known[chosen[0]], "Normalize" in kinds, str(prefix), longest)


def _longest(folder: Path, config: dict[str, Any], told: int | None) -> int:
    """The tokens that an encoder reads: told, or as many as there are positions; of RoBERTa's kind two fewer."""
    positions = int(config.get("max_position_embeddings") or LONGEST)
    if positions % 16 == 2:  # 514: the first positions begin behind that of the padding
        positions -= 2
    cut = _json(folder / "tokenizer_config.json").get("model_max_length") or math.inf
    return int(min(told or LONGEST, positions, cut))


def _parameters(folder: Path) -> float:
    """Count numbers in the files of weights; of a file whose header is not read, four bytes are one."""
    total = 0.0
    for file in weights_in(folder):
        if file.suffix != ".safetensors":
            total += file.stat().st_size / 4
            continue
        with file.open("rb") as opened:
            header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        total += sum(math.prod(t["shape"]) for key, t in header.items() if key != "__metadata__")
    return total


def _json(path: Path) -> dict[str, Any]:
    """Read a file of JSON; empty where there is none, or no table in it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
