"""A file → an upright RGB picture, whatever it is stored as."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from advisor.errors import AdvisorError
from advisor.registry import require

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")
"""What Pillow may open: pixels only, nothing that runs an interpreter (EPS). Several JPEGs in one file are JPEG."""

DETECTOR_BITS = (8, 10, 12, 14, 16)
"""Depths that cameras and scanners have (our choice of the usual ones): a grey picture in wide integers is scaled by
the smallest that holds its brightest pixel, so 12 bits in a 16-bit file are not nearly black; beyond, by its range."""

ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


class UnreadablePicture(AdvisorError):
    """A file that cannot be decoded as a picture; the message is the reason alone, without the file's name."""


def load_picture(path: Path | str, short_side: int | None = None) -> Image:
    """Decode a picture: first frame, upright by its EXIF orientation, RGB with 8 bits, transparency on white.

    Grey in whole numbers is scaled by the depth that its brightest pixel needs (8, 10, 12, 14 or 16 bits), floating
    point by 1 or 255 where it lies within; what lies beyond is scaled by its own range.

    Parameters
    ----------
    path : Path or str
        JPEG, PNG, WebP, BMP, TIFF, GIF or PNM.
    short_side : int or None
        A picture that is at least this large in both directions may be decoded smaller, but not below it (JPEG can do
        that at a fraction of the cost); ``None`` for every pixel.

    Returns
    -------
    PIL.Image.Image
        In mode RGB.

    Raises
    ------
    UnreadablePicture
        If it cannot be decoded.
    """
    pillow = quiet_pillow()
    try:
        with pillow.open(path, formats=FORMATS) as picture:
            if short_side is not None:
                picture.draft("RGB", (short_side, short_side))
            picture.load()
            _turn_upright(picture)
            return as_rgb(picture)
    except Exception as fault:  # Pillow's decoders raise nearly anything on damaged files
        raise UnreadablePicture(reason_of(fault)) from fault


@cache
def quiet_pillow() -> ModuleType:
    """Load Pillow's module ``Image`` → the module, without its warnings of odd EXIF data and large pictures.

    Returns
    -------
    module

    Raises
    ------
    MissingDependency
        If Pillow is not installed.
    """
    pillow = require("PIL.Image", extra="vision")
    # What matters of them is said in the notes on the data; filters that a user has set come first.
    warnings.filterwarnings("ignore", module=r"PIL\.", append=True)
    return pillow


def as_rgb(picture: Image) -> Image:
    """Bring a picture of any mode into RGB with 8 bits per channel.

    Parameters
    ----------
    picture : PIL.Image.Image
        Grey, palette, CMYK, 16 or 32 bits, with or without transparency.

    Returns
    -------
    PIL.Image.Image
        In mode RGB, as large as it was; what is transparent is white.

    Examples
    --------
    >>> from PIL import Image
    >>> as_rgb(Image.new("LA", (1, 1), (0, 0))).getpixel((0, 0))
    (255, 255, 255)
    >>> as_rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
    (255, 255, 255)
    """
    if picture.mode == "F" or picture.mode.startswith("I"):
        return _narrow(picture).convert("RGB")
    if picture.mode in ALPHA_MODES or "transparency" in picture.info:
        pillow = quiet_pillow()
        plain = picture.convert("LA") if picture.mode == "La" else picture
        clear = plain.convert("RGBA")
        white = pillow.new("RGBA", clear.size, (255, 255, 255, 255))
        opaque: Image = pillow.alpha_composite(white, clear).convert("RGB")
        return opaque
    return picture.convert("RGB")


def reason_of(fault: Exception) -> str:
    """Say in one line, without the file's name, what Pillow found wrong with a file.

    Parameters
    ----------
    fault : Exception
        As Pillow raised it.

    Returns
    -------
    str
    """
    kind = type(fault).__name__
    if kind == "UnidentifiedImageError":
        return "its content is no picture in a known format"
    text = " ".join(str(fault).split())
    if "truncated" in text or "Truncated" in text:
        return f"it is truncated ({text})"
    if isinstance(fault, OSError) and fault.strerror:
        return f"it cannot be opened ({fault.strerror})"
    return f"it cannot be decoded ({kind}: {text})" if text else f"it cannot be decoded ({kind})"


def _turn_upright(picture: Image) -> None:
    operations = require("PIL.ImageOps", extra="vision")
    try:
        operations.exif_transpose(picture, in_place=True)
    except Exception:  # damaged EXIF beside good pixels: as it lies is the best that is known
        return


def _narrow(picture: Image) -> Image:
    """Wide grey to 8 bits: monotonous, nothing clipped."""
    pillow = quiet_pillow()
    values = np.asarray(picture).astype(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, values[finite].min() if finite.any() else 0.0)
    low, high = float(values.min()), float(values.max())
    tops = (1.0, 255.0) if picture.mode == "F" else [2.0**bits - 1 for bits in DETECTOR_BITS]
    top = next((top for top in tops if high <= top), None) if low >= 0 else None
    if top is None:
        values, top = values - low, max(high - low, 1e-300)
    narrow = np.round(values * (255.0 / top))
    grey: Image = pillow.fromarray(np.clip(narrow, 0, 255).astype(np.uint8))
    return grey
