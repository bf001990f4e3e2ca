"""Texts → which of them are (nearly) the same text.

Texts are the same when their words are, or when most of their words and pairs of neighbouring words are. Candidates are
found by MinHash: signatures of a fixed length, of which bands are compared, so that the time grows with the number of
texts and not with that of pairs; a candidate counts once the words themselves were compared.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from advisor.media.clusters import number_linked
from advisor.registry import require
from advisor.texts.lengths import UNSPACED

Rows = NDArray[np.int64]
Shingles = NDArray[np.uint32]

TOKEN = re.compile(
    rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[$€£¥%+=<>|^~\u2190-\u2bff\U0001f000-\U0001faff]"
)
"""A word, a character of a script without spaces, or a sign that means something, such as an emoji."""

LEAST_WORDS = 6
"""Words below which only texts of equal words are the same: of 5 words, one more or less is a quarter of all (our
choice)."""

SIMILARITY = 0.8
"""Share of the words and pairs of words of two texts, taken together, that both must have (Jaccard). Of 20 words one
may be another, of 100 words seven (our choice: among 6,770 questions to a bank it finds 88 copies, such as "Did you
revert my top up?" of "Why did you revert my top-up?"; among 6,400 sentences on films none)."""

PERMUTATIONS = 64
"""Numbers of a signature: 16 bands of 4. A pair of similarity 0.8 shares a band in 99.98 of 100 cases, one of 0.5 in
64 (which the words then refute)."""

BAND = 4

LONGEST = 20_000
"""Characters of a text that are compared (our choice: the beginning of a long document)."""


def near_duplicates(texts: Sequence[str]) -> NDArray[np.int64]:
    """Number the different texts: nearly equal ones share a number.

    Case, punctuation and white space do not count, nor does the way a character is composed.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of int64 of shape (n_texts,)
        From 0, in the order in which they first occur. Being the same is passed on: of three texts, the first may be
        the same as the third because both are the same as the second.

    Raises
    ------
    MissingDependency
        If datasketch is not installed.

    Examples
    --------
    >>> near_duplicates(["Yes.", "no", "yes!"]).tolist()
    [0, 1, 0]
    """
    first = np.arange(len(texts), dtype=np.int64)
    keys: dict[bytes, int] = {}
    shingles: list[Shingles] = []
    long: list[int] = []
    for i, text in enumerate(texts):
        words = tokens_of(text)
        key = hashlib.sha256("\0".join(words).encode("utf-8", "replace")).digest()
        first[i] = keys.setdefault(key, i)
        if first[i] == i and len(words) >= LEAST_WORDS:
            long.append(i)
            shingles.append(_shingles(words))
    links = [(np.arange(len(texts), dtype=np.int64), first)] if len(texts) else []
    if len(long) > 1:
        rows = np.array(long, dtype=np.int64)
        links += [(rows[a], rows[b]) for a, b in _similar(shingles)]
    return number_linked(links, len(texts))


def tokens_of(text: str) -> tuple[str, ...]:
    """Take a text apart into what is compared: its words in lower case, without punctuation.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of str
        Of a text without any word, its characters as they are.

    Examples
    --------
    >>> tokens_of("Don't  panic!"), tokens_of("?!")
    (('don', 't', 'panic'), ('?!',))
    """
    bare = text[:LONGEST]
    words = TOKEN.findall(unicodedata.normalize("NFKC", bare).casefold())
    return tuple(words) or (bare.strip(),)


def _shingles(words: tuple[str, ...]) -> Shingles:
    """Make the set of words and pairs of neighbouring words, as sorted hashes, which take a tenth of their memory."""
    pairs = (f"{a} {b}" for a, b in pairwise(words))
    # crc32 is the fastest hash there is and, other than python's own, the same in every process
    hashes = (zlib.crc32(part.encode("utf-8", "replace")) for part in (*words, *pairs))
    return np.unique(np.fromiter(hashes, dtype=np.uint32, count=2 * len(words) - 1))


def _similar(shingles: Sequence[Shingles]) -> list[tuple[Rows, Rows]]:
    """Find pairs of texts that are nearly the same, so many that all of a kind are linked.

    Within a bucket (texts of one band) a text is compared with the first and with the one before it, not with all.
    """
    signatures = _signatures(shingles)
    groups = np.arange(len(shingles), dtype=np.int64)
    links: list[tuple[Rows, Rows]] = []
    for start in range(0, PERMUTATIONS, BAND):
        a, b = _bucket_pairs(np.ascontiguousarray(signatures[:, start : start + BAND]))
        apart = groups[a] != groups[b]
        a, b = a[apart], b[apart]
        same = [_jaccard(shingles[i], shingles[j]) >= SIMILARITY for i, j in zip(a, b, strict=True)]
        if any(same):
            links.append((a[same], b[same]))
            groups = number_linked(links, len(shingles))
    return links


def _bucket_pairs(bands: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """Pair each text with the first of its bucket and with the one before it."""
    keys = bands.view([("", bands.dtype)] * bands.shape[1]).ravel()
    buckets = np.unique(keys, return_inverse=True)[1]
    order = np.argsort(buckets, kind="stable").astype(np.int64)
    ordered = buckets[order]
    begins = np.r_[True, ordered[1:] != ordered[:-1]]
    starts = order[np.flatnonzero(begins)][np.cumsum(begins) - 1]
    before = np.r_[order[:1], order[:-1]]
    inner = np.flatnonzero(~begins)
    pairs = np.unique(
        np.column_stack([np.r_[order[inner], order[inner]], np.r_[starts[inner], before[inner]]]),
        axis=0,
    )
    return pairs[:, 0], pairs[:, 1]


def _signatures(shingles: Sequence[Shingles]) -> NDArray[np.uint64]:
    """Make the MinHash signatures, of shape (n_texts, PERMUTATIONS)."""
    minhash = require("datasketch", extra="text").MinHash
    # the shingles are hashes already
    made = minhash.generator(shingles, num_perm=PERMUTATIONS, hashfunc=int)
    return np.stack([one.hashvalues for one in made]).astype(np.uint64)


def _jaccard(a: Shingles, b: Shingles) -> float:
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)
