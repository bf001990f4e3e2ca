"""Pictures as a medium: how their files are called and looked at."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from advisor.images.decoding import as_rgb, reason_of
from advisor.images.files import scan_pictures
from advisor.images.layouts import MASK_FOLDERS, PICTURE_FOLDERS, pair_masks
from advisor.images.similarity import near_duplicates, read_signatures
from advisor.media.medium import Broken, Medium
from advisor.registry import require
from advisor.tasks import Modality

JPEG = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
TIFF = frozenset({".tif", ".tiff"})
BITMAP = frozenset({".bmp", ".dib"})
PNM = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})

AS_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"})
AS_TIFF = frozenset({"I", "I;16L", "I;16N", "F", "CMYK"})
"""Pillow's modes that PNG holds, and those that it does not but TIFF does; other ones become RGB."""


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
    """Write a picture in memory as the bytes of a file, upright by its EXIF orientation, which the file does not keep.

    Parameters
    ----------
    cell : PIL.Image.Image or object

    Returns
    -------
    bytes or None
        None where it is no picture; words instead of pixels where it cannot be decoded, so that reading the file finds
        it broken and no other picture is lost.
    """
    if not (hasattr(cell, "save") and hasattr(cell, "getbbox")):
        return None
    buffer = io.BytesIO()
    try:
        picture = _upright(cell)
        if picture.mode not in AS_PNG | AS_TIFF:
            picture = as_rgb(picture)
        picture.save(buffer, format="TIFF" if picture.mode in AS_TIFF else "PNG")
    except Exception as fault:  # Pillow's decoders raise nearly anything on damaged files
        return f"no picture: {reason_of(fault)}".encode()
    return buffer.getvalue()


def _upright(cell: Any) -> Any:
    """A copy of a picture as it is to be seen."""
    cell.load()
    try:
        return require("PIL.ImageOps", extra="vision").exif_transpose(cell)
    except Exception:  # damaged EXIF beside good pixels: as it lies is the best that is known
        return cell


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
