"""Text files → the texts in them, and why some cannot be read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import UnreadableData
from advisor.media.medium import Medium
from advisor.media.threads import in_threads
from advisor.tasks import Modality
from advisor.texts.encoding import ENCODING_SAMPLE, can_decode, guess_encoding, sure_encoding

TEXT_FILES = Medium(
    modality=Modality.TEXT,
    column="text",
    one="text",
    many="texts",
    suffixes=frozenset({".txt", ".text"}),
    # a file without an ending is a text where nothing in its first bytes speaks against it
    magic=((re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{1,16}\Z"), ".txt"),),
)
"""What is read of folders with one text per file."""

MAX_CONTROL_SHARE = 0.002
"""Share of control characters above which a file is no text (our choice; text has none)."""

CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\x80-\x9f]")

MAX_BYTES = 64 * 2**20
"""Bytes of the largest file that is read as one text (our choice: the longest novels have 10 MB)."""

SAMPLE_FILES = 500
"""Files of unknown encoding that it is guessed from (our choice)."""


@dataclass(frozen=True)
class TextFiles:
    """What files hold.

    Attributes
    ----------
    texts : tuple of str or None of length n_files
        None for a file that cannot be read or is empty.
    faults : tuple of tuple (path, reason)
        Those files.
    notes : tuple of str
        Encodings that were guessed.
    """

    texts: tuple[str | None, ...]
    faults: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def read_texts(paths: Sequence[str]) -> TextFiles:
    """Read files of one text each, in any encoding.

    Parameters
    ----------
    paths : sequence of str
        Files that are not UTF-8 are taken to share one encoding, since one short text does not tell its own.

    Returns
    -------
    TextFiles
        Texts without the white space at their ends.
    """
    contents = in_threads(_content_of, paths)
    unsure = [c for c in contents if isinstance(c, bytes) and sure_encoding(c) is None]
    guessed = (
        guess_encoding(b"\n".join(unsure[:SAMPLE_FILES])[:ENCODING_SAMPLE]) if unsure else None
    )
    texts: list[str | None] = []
    faults = []
    used: Counter[str] = Counter()
    for path, content in zip(paths, contents, strict=True):
        text, why = (
            (None, content) if isinstance(content, str) else _decoded(content, guessed, used)
        )
        texts.append(text)
        if text is None:
            faults.append((path, why))
    notes = [f"files that are not UTF-8 are read as {codec} ({n})" for codec, n in used.items()]
    return TextFiles(tuple(texts), tuple(faults), tuple(notes))


def read_text(path: Path) -> tuple[str, list[str]]:
    """Read one file, in any encoding.

    Parameters
    ----------
    path : Path

    Returns
    -------
    text : str
        All of it, with its line ends as they are.
    notes : list of str
        That the encoding was guessed.

    Raises
    ------
    UnreadableData
        If it cannot be opened or is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableData(f"{path} cannot be opened: {error.strerror}") from None
    codec = sure_encoding(content)
    notes = []
    if codec is None:
        codec = _fitting(content, guess_encoding(content))
        notes.append(f"{path.name} is not UTF-8; it is read as {codec}")
    text = content.decode(codec)
    if _is_binary(text):
        raise UnreadableData(f"{path.name} is not text (it holds control characters)")
    return text, notes


def _content_of(path: str) -> bytes | str:
    """Read the bytes of a file, or say why they cannot be read."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return f"it cannot be opened: {error.strerror}"
    if len(content) > MAX_BYTES:
        return f"it is larger than {MAX_BYTES // 2**20} MB: split it"
    return content if content.strip() else "it is empty"


def _decoded(content: bytes, guessed: str | None, used: Counter[str]) -> tuple[str | None, str]:
    """Find the text, or None and why there is none; an encoding that was guessed is counted."""
    codec = sure_encoding(content)
    if codec is None:
        codec = _fitting(content, guessed)
    text = content.decode(codec)
    if _is_binary(text):
        return None, "it is no text (it holds control characters)"
    if codec not in ("utf-8", "utf-8-sig"):
        used[codec] += 1
    text = text.strip().strip("\ufeff").strip()
    return (text, "") if text else (None, "it is empty")


def _fitting(content: bytes, guessed: str | None) -> str:
    """Find the codec that was guessed, or the one that reads any byte where it does not fit all of them."""
    return guessed if guessed is not None and can_decode(content, guessed) else "latin_1"


def _is_binary(text: str) -> bool:
    n = sum(1 for _ in CONTROLS.finditer(text, 0, 2**20))
    return n > MAX_CONTROL_SHARE * min(len(text), 2**20) + 1
