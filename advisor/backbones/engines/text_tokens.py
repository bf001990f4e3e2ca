"""Texts → ids of tokens, by the library ``tokenizers`` alone where the encoder's folder holds its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.cache import content_key
from advisor.errors import InvalidRequest
from advisor.registry import require
from advisor.torchvision_cure import require_cured

ABSENT = -1
"""Stands behind the end of a text."""

FILE = "tokenizer.json"
"""Of a fast tokeniser."""


def tokeniser_of(folder: Path) -> Any:
    """Read the tokeniser of an encoder, once for as long as its file stays as it is.

    Parameters
    ----------
    folder : Path
        Of the encoder.

    Returns
    -------
    tokenizers.Tokenizer
        That neither pads nor cuts.

    Raises
    ------
    InvalidRequest
        If it cannot be read.
    """
    file = folder / FILE
    return _read(folder, content_key(file) if file.is_file() else "")


@lru_cache(maxsize=4)
def _read(folder: Path, key: str) -> Any:
    """Read a tokeniser; with another SHA-256 of its file, written anew meanwhile, it is another."""
    try:
        if (folder / FILE).is_file():
            made = require("tokenizers", extra="text").Tokenizer.from_file(str(folder / FILE))
        else:
            transformers = require_cured("transformers", extra="text")
            made = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_fast=True
            ).backend_tokenizer
    except Exception as fault:  # whatever the libraries raise for a damaged file
        reason = (str(fault).splitlines() or [""])[0]
        raise InvalidRequest(
            f"expected a tokeniser in '{folder}', got {type(fault).__name__}: {reason}; save it again"
        ) from fault
    made.no_padding()
    made.no_truncation()
    if _lower_case(folder):
        normalizers = require("tokenizers.normalizers", extra="text")
        rest = [made.normalizer] if made.normalizer is not None else []
        made.normalizer = normalizers.Sequence([normalizers.Lowercase(), *rest])
    return made


def _lower_case(folder: Path) -> bool:
    """Whether sentence-transformers writes texts in lower case first."""
    told = folder / "sentence_bert_config.json"
    return told.is_file() and bool(json.loads(told.read_text()).get("do_lower_case"))


def ids_of(folder: Path, texts: Sequence[str], longest: int) -> list[tuple[int, ...]]:
    """Cut texts into tokens.

    Parameters
    ----------
    folder : Path
        Of the encoder.
    texts : sequence of str
        What its prefix stands before, where it has one.
    longest : int
        Tokens at most, those at the beginning and the end that belong to no word among them.

    Returns
    -------
    list of tuple of int
        Ids.
    """
    made = tokeniser_of(folder)
    made.enable_truncation(longest)
    found = made.encode_batch_fast([text.encode("utf-8", "replace").decode() for text in texts])
    return [tuple(one.ids) for one in found]


def as_rows(ids: Sequence[Sequence[int]], longest: int | None = None) -> NDArray[np.int64]:
    """Put ids into rows of one length.

    Parameters
    ----------
    ids : sequence of sequence of int
        Of each text.
    longest : int or None
        The length; ``None`` for that of the longest text.

    Returns
    -------
    ndarray of int64 of shape (n, longest)
        -1 behind the end of a text.

    Examples
    --------
    >>> as_rows([(5, 6), (7,)]).tolist()
    [[5, 6], [7, -1]]
    """
    longest = longest or max((len(one) for one in ids), default=1)
    rows = np.full((len(ids), longest), ABSENT, dtype=np.int64)
    for row, one in zip(rows, ids, strict=True):
        row[: len(one)] = one
    return rows
