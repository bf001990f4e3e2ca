"""Files of pictures → which of them are (nearly) the same picture.

Two pictures are the same when their files are, or when their perceptual hashes agree and a coarse look at both, which
the hash has not seen, agrees as well. The hash alone is not enough: it holds 64 signs of a picture's coarsest waves, so
that drawings of one shape and plain surfaces come near each other by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.images.decoding import UnreadablePicture, load_picture
from advisor.media.clusters import Rows, cluster
from advisor.media.kept import sign_all
from advisor.registry import require

SPACE = "similarity-2"
"""Name of the signatures in the cache; raise the number when what they hold changes."""

DECODED_SIDE = 64
"""Pixels of the short side that a JPEG is decoded to: twice what the hash looks at."""

COARSE_SIDE = 16
"""Side of the coarse picture that confirms a hash, in pixels: coarse enough to survive recompression and resizing."""

HASH_BYTES = 8
"""Bytes of a perceptual hash."""

HASH_DISTANCE = 6
"""Bits of 64 in which the hashes of one picture may differ. Of 150 recompressed (JPEG quality 30 to 60), halved or
brightened pictures of each of four sets, 91 to 100 % stay within it; six of ten trimmed by 5 % do (our measurement)."""

CORRELATION = 0.98
"""Least correlation of the coarse pictures. With ``HASH_DISTANCE`` it finds no pair among 396 photos, 660 steel
surfaces and 230 nuclei, 3 among 5,000 pictures of CIFAR-10 (all three true) and 4 among 1,797 handwritten digits;
at .96 it would be 68 digits (our measurement)."""

LEAST_SIDE = 32
"""Pixels of the short side below which only equal files are called the same: the hash looks at 32 x 32, and among
handwritten digits of 8 x 8 it finds 20 pairs of different ones (our measurement)."""

LEAST_CONTRAST = 3.0
"""Standard deviation of a coarse picture, in levels of 255, below which only equal files are called the same: what is
left of a plain surface is noise; our choice."""

PAIRS = 10_000
"""Pairs whose coarse pictures are compared at once: 60 MB."""

SMALL, LARGE = 1, 2
"""First byte of the signature of a decoded picture, by ``LEAST_SIDE``; 0 for one that is not decoded."""


@dataclass(frozen=True)
class Signatures:
    """What pictures are compared by.

    Attributes
    ----------
    keys : tuple of str
        Keys of the files' contents, of length n.
    hashes : ndarray of uint64 of shape (n,)
        Perceptual hashes.
    coarse : ndarray of uint8 of shape (n, COARSE_SIDE, COARSE_SIDE, 3)
        The pictures in a few pixels, red, green and blue.
    decoded : ndarray of bool of shape (n,)
        False for those that cannot be; their hashes and coarse pictures are 0.
    comparable : ndarray of bool of shape (n,)
        False for those that are not decoded, too small or too plain for a hash.
    """

    keys: tuple[str, ...]
    hashes: NDArray[np.uint64]
    coarse: NDArray[np.uint8]
    decoded: NDArray[np.bool_]
    comparable: NDArray[np.bool_]


def near_duplicates(paths: Sequence[str]) -> NDArray[np.int64]:
    """Number the different pictures among files: nearly equal ones share a number.

    Parameters
    ----------
    paths : sequence of str
        Of pictures.

    Returns
    -------
    ndarray of int64 of shape (n_paths,)
        From 0, in the order in which they first occur. Being the same is passed on: of three pictures, the first may be
        the same as the third because both are the same as the second.
    """
    return find_clusters(read_signatures(paths))


def read_signatures(paths: Sequence[str]) -> Signatures:
    """Look at every picture once, in few pixels; what was looked at before is known.

    Parameters
    ----------
    paths : sequence of str
        Of pictures; one that cannot be decoded is not comparable.

    Returns
    -------
    Signatures
        One per path.
    """
    keys, signed = sign_all(
        paths, _sign, space=SPACE, ready=lambda: require("imagehash", extra="vision")
    )
    rows = np.array(signed, dtype=np.uint8)
    rows = rows.reshape(len(keys), 1 + HASH_BYTES + 3 * COARSE_SIDE**2)
    coarse = rows[:, 1 + HASH_BYTES :].reshape(-1, COARSE_SIDE, COARSE_SIDE, 3)
    contrast = coarse.std(axis=(1, 2, 3), dtype=np.float32)
    return Signatures(
        keys=keys,
        hashes=np.ascontiguousarray(rows[:, 1 : 1 + HASH_BYTES]).view(np.uint64)[:, 0],
        coarse=coarse,
        decoded=rows[:, 0] > 0,
        comparable=(rows[:, 0] == LARGE) & (contrast >= LEAST_CONTRAST),
    )


def find_clusters(signatures: Signatures) -> NDArray[np.int64]:
    """Number the different pictures among looked-at ones.

    Parameters
    ----------
    signatures : Signatures
        Of n pictures.

    Returns
    -------
    ndarray of int64 of shape (n,)
        As :func:`near_duplicates` returns.
    """
    return cluster(
        signatures.keys,
        signatures.comparable,
        lambda rows, later: _near(signatures.hashes[rows], signatures.hashes[later]),
        lambda a, b: _agree(signatures.coarse, a, b),
    )


def _near(hashes: NDArray[np.uint64], others: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """Positions of pairs whose hashes are near each other."""
    i, j = np.nonzero(np.bitwise_count(hashes[:, None] ^ others[None, :]) <= HASH_DISTANCE)
    return i, j


def _agree(coarse: NDArray[np.uint8], a: Rows, b: Rows) -> NDArray[np.bool_]:
    """Whether the coarse pictures of pairs agree."""
    agree = np.zeros(len(a), dtype=np.bool_)
    for piece in range(0, len(a), PAIRS):
        part = slice(piece, piece + PAIRS)
        agree[part] = _correlation(coarse[a[part]], coarse[b[part]]) >= CORRELATION
    return agree


def _correlation(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pearson correlation of n coarse pictures with n others."""
    x, y = (part.reshape(len(part), 3 * COARSE_SIDE**2).astype(np.float32) for part in (a, b))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    size = np.sqrt(np.einsum("ij,ij->i", x, x) * np.einsum("ij,ij->i", y, y))
    together = np.einsum("ij,ij->i", x, y)
    return np.asarray(together / np.maximum(size, np.float32(1e-6)), dtype=np.float32)


def _sign(path: str) -> NDArray[np.uint8]:
    """Signature of one file: whether it was decoded and is large enough, its hash, its coarse picture."""
    hashing = require("imagehash", extra="vision")
    empty = np.zeros(1 + HASH_BYTES + 3 * COARSE_SIDE**2, dtype=np.uint8)
    try:
        picture = load_picture(path, DECODED_SIDE)
    except UnreadablePicture:
        return empty
    # The reducing gap lets a large picture be shrunk in two steps; the result differs by less than a level.
    coarse = picture.resize((COARSE_SIDE, COARSE_SIDE), reducing_gap=2.0)
    bits = np.packbits(np.asarray(hashing.phash(picture).hash, dtype=np.bool_).ravel())
    size = np.array([LARGE if min(picture.size) >= LEAST_SIDE else SMALL], dtype=np.uint8)
    return np.concatenate([size, bits, np.asarray(coarse, dtype=np.uint8).ravel()])
