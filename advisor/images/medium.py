"""Pictures as a medium: how their files are called and looked at."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from advisor.images.files import scan_pictures
from advisor.images.layouts import MASK_FOLDERS, PICTURE_FOLDERS, pair_masks
from advisor.images.similarity import near_duplicates, read_signatures
from advisor.media.medium import Broken, Medium
from advisor.tasks import Modality

JPEG = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
TIFF = frozenset({".tif", ".tiff"})
BITMAP = frozenset({".bmp", ".dib"})
PNM = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})


def examine_pictures(paths: Sequence[str]) -> tuple[Broken, list[str]]:
    """Decode pictures whose headers are good → those that cannot be.

    The decoding is that of :func:`advisor.images.similarity.read_signatures`, which the folds need anyway and which is
    kept in the cache.

    Parameters
    ----------
    paths : sequence of str

    Returns
    -------
    broken : list of tuple (path, reason)
    notes : list of str
        Always empty: there is nothing odd to say of a picture that can be decoded.
    """
    if not paths:
        return [], []
    decoded = read_signatures(paths).decoded
    suspects = [path for path, good in zip(paths, decoded, strict=True) if not good]
    return scan_pictures(suspects, decode=True)[1], []


def encode_picture(cell: Any) -> bytes | None:
    """Write a picture in memory as the bytes of a file.

    Parameters
    ----------
    cell : PIL.Image.Image or object

    Returns
    -------
    bytes or None
        None where it is no picture.
    """
    if not (hasattr(cell, "save") and hasattr(cell, "getbbox")):
        return None
    buffer = io.BytesIO()
    cell.save(buffer, format="PNG" if cell.mode not in ("F", "CMYK") else "TIFF")
    return buffer.getvalue()


PICTURES = Medium(
    modality=Modality.IMAGE,
    column="image",
    one="picture",
    many="pictures",
    suffixes=JPEG | TIFF | BITMAP | PNM | {".png", ".webp", ".gif"},
    magic=(
        (re.compile(rb"\xff\xd8\xff"), ".jpg"),
        (re.compile(rb"\x89PNG\r\n"), ".png"),
        (re.compile(rb"GIF8"), ".gif"),
        (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), ".webp"),
        (re.compile(rb"BM"), ".bmp"),
        (re.compile(rb"II\*\x00|MM\x00\*"), ".tif"),
    ),
    plain_suffix=".png",
    named=frozenset(
        {"image", "img", "picture", "photo", "file", "filename", "path", "filepath", "id"}
    ),
    endings={
        "JPEG": JPEG,
        "MPO": JPEG | {".mpo"},
        "PNG": frozenset({".png"}),
        "WEBP": frozenset({".webp"}),
        "BMP": BITMAP,
        "DIB": BITMAP,
        "TIFF": TIFF,
        "GIF": frozenset({".gif"}),
        "PPM": PNM,
    },
    holders=PICTURE_FOLDERS,
    partner_folders=MASK_FOLDERS,
    pair=pair_masks,
    scan=scan_pictures,
    examine=examine_pictures,
    near_duplicates=near_duplicates,
    encode=encode_picture,
)
"""What is read of pictures; no Medium is needed to decode one."""
