"""Bytes of a text file → the text, whatever it is encoded in.

UTF-8 is tried first, since nothing else passes for it by chance; of the code pages of one byte, most read any bytes,
so that only what the characters then look like can tell them apart.
"""

from __future__ import annotations

import codecs

ENCODING_SAMPLE = 2**18
"""Bytes given to charset-normalizer; more is slow and changes little."""

WESTERN = ("cp1252", "latin_1")
"""Preferred where several code pages read the sample alike: the most common ones in the wild."""

RARE = ("mac_", "cp037", "cp500", "cp273", "cp1026", "cp1140", "hp_roman8")
"""Code pages that short western texts are mistaken for, and that hardly any file is in."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""First bytes that say the encoding, and its codec; a mark of UTF-32 begins with one of UTF-16."""


def sure_encoding(content: bytes) -> str | None:
    """Find the codec that the bytes leave no doubt about: by their mark, or because they are UTF-8.

    Parameters
    ----------
    content : bytes
        All of a file.

    Returns
    -------
    str or None
        A codec that decodes all of them; None where it has to be guessed.

    Examples
    --------
    >>> sure_encoding("für".encode()), sure_encoding("für".encode("latin-1"))
    ('utf-8', None)
    """
    marked = [codec for mark, codec in BYTE_ORDER_MARKS if content.startswith(mark)]
    for codec in (*marked, "utf-8"):
        if can_decode(content, codec):
            return codec
    return None


def guess_encoding(sample: bytes) -> str | None:
    """Guess the most likely code page of bytes that are not UTF-8, by charset-normalizer.

    Parameters
    ----------
    sample : bytes
        The more the better, up to 256 KiB.

    Returns
    -------
    str or None
        A python codec; the western one where several fit alike; None where the bytes are no text.
    """
    from charset_normalizer import from_bytes  # only for the few files that need it

    matches = from_bytes(sample[:ENCODING_SAMPLE])
    best = matches.best()
    if best is None:
        return None
    alike = {best.encoding, *best.could_be_from_charset}
    for match in matches:
        if match.chaos <= best.chaos and match.coherence >= best.coherence:
            alike |= {match.encoding, *match.could_be_from_charset}
    rare = best.encoding.startswith(RARE) and can_decode(sample, WESTERN[0])
    likely = WESTERN[0] if rare else best.encoding
    return next((name for name in WESTERN if name in alike), likely)


def can_decode(content: bytes, encoding: str) -> bool:
    """Whether all bytes are characters of an encoding."""
    try:
        content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True
