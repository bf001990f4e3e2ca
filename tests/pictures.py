"""Pictures drawn on the spot: small problems, and a gallery of odd and broken files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 40
"""Pixels of a drawn picture's side."""

COLOURS = {
    "red": (200, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 60, 200),
    "grey": (120, 120, 120),
}
"""Classes that any model can tell apart."""


def draw(colour: str = "red", seed: int = 0, side: int = SIDE) -> Image.Image:
    """Noise around a colour with a bright square somewhere: no two seeds look alike."""
    generator = np.random.default_rng(seed)
    pixels = np.array(COLOURS[colour]) + generator.normal(0, 12, size=(side, side, 3))
    top, left = generator.integers(0, side - side // 4, size=2)
    pixels[top : top + side // 4, left : left + side // 4] += 60
    across, down = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    waves = 30 * np.sin(6 * (generator.normal() * across + generator.normal() * down))
    return Image.fromarray((pixels + waves[:, :, None]).clip(0, 255).astype(np.uint8))


def as_bytes(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def put(path: Path, content: bytes) -> Path:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def class_folders(
    root: Path, colours: Sequence[str] = ("red", "green"), each: int = 6, seed: int = 0
) -> Path:
    """One folder of pictures per colour."""
    for number, colour in enumerate(colours):
        for i in range(each):
            picture = draw(colour, seed + 1000 * number + i)
            put(root / colour / f"{i}.png", as_bytes(picture))
    return root


def small_problem(root: Path, each: int = 8) -> Path:
    """Nested ``train``, ``test`` and ``unlabeled`` folders of two classes."""
    class_folders(root / "train", each=each)
    class_folders(root / "test", each=3, seed=50)
    for i in range(4):
        put(root / "unlabeled" / f"{i}.png", as_bytes(draw("green", 90 + i)))
    return root


def masked_folder(root: Path, n: int = 6) -> Path:
    """``images/`` with ``masks/`` of the same stems; picture ``i`` is covered by ``(i + 1) / 10``."""
    for i in range(n):
        put(root / "images" / f"{i}.jpg", as_bytes(draw("grey", i), "JPEG"))
        mask = np.zeros((10, 10), dtype=np.uint8)
        mask[: i + 1] = 255
        put(root / "masks" / f"{i}.png", as_bytes(Image.fromarray(mask)))
    return root


def odd_files() -> Mapping[str, bytes]:
    """Files that are unusual and can be read, by their names."""
    picture, grey = draw(), draw("grey").convert("L")
    wide = np.linspace(0, 65_535, 256).reshape(16, 16).astype(np.uint16)
    turned = Image.Exif()
    turned[274] = 6
    clear = picture.convert("RGBA")
    clear.putalpha(grey)
    frames = [draw("red", i) for i in range(3)]
    return {
        "plain.jpg": as_bytes(picture, "JPEG"),
        "progressive.jpeg": as_bytes(picture, "JPEG", progressive=True),
        "grey.JPG": as_bytes(grey, "JPEG"),
        "cmyk.jpg": as_bytes(picture.convert("CMYK"), "JPEG"),
        "turned.jpg": as_bytes(picture.resize((30, 20)), "JPEG", exif=turned),
        "odd exif.jpg": as_bytes(picture, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f"),
        "trailer.jpg": as_bytes(picture, "JPEG") + b"\x00" * 500,
        "really a png.jpg": as_bytes(picture),
        "bare": as_bytes(picture, "JPEG"),
        "größe 1.png": as_bytes(picture.resize((1, 1))),
        "alpha.png": as_bytes(clear),
        "grey alpha.png": as_bytes(clear.convert("LA")),
        "palette.png": as_bytes(picture.quantize(16)),
        "clear palette.png": as_bytes(picture.quantize(16), transparency=0),
        "one bit.png": as_bytes(grey.convert("1")),
        "grey 16.png": as_bytes(Image.fromarray(wide)),
        "grey 12 in 16.tif": as_bytes(Image.fromarray(wide // 16), "TIFF"),
        "float.tif": as_bytes(Image.fromarray(wide.astype(np.float32) / 65_535), "TIFF"),
        "int 32.tif": as_bytes(Image.fromarray(wide.astype(np.int32) * 1000), "TIFF"),
        "packed.tiff": as_bytes(picture, "TIFF", compression="tiff_lzw"),
        "pages.tif": as_bytes(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        "moving.gif": as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "still.webp": as_bytes(picture, "WEBP"),
        "moving.webp": as_bytes(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "plain.bmp": as_bytes(picture, "BMP"),
        "plain.pgm": as_bytes(grey, "PPM"),
    }


def broken_files() -> Mapping[str, tuple[bytes, str]]:
    """Files that look like pictures by their names and cannot be read, with a part of the reason."""
    whole = {
        form: as_bytes(draw(seed=5, side=96), form)
        for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
    }
    cut = {form: content[: int(0.6 * len(content))] for form, content in whole.items()}
    spoilt = bytearray(whole["PNG"])
    spoilt[len(spoilt) // 2 : len(spoilt) // 2 + 40] = b"\x00" * 40
    return {
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"this is no picture\n" * 20, "no picture"),
        "page.png": (b"<!doctype html><html><body>404</body></html>", "no picture"),
        "drawing.gif": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        "paper.tif": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" * 9, "no picture"),
        "script.bmp": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
        "zeros.png": (bytes(400), "no picture"),
        "head only.jpg": (whole["JPEG"][:2], "no picture"),
        "cut.jpg": (cut["JPEG"], "truncated"),
        "cut.png": (cut["PNG"], "truncated"),
        "cut.gif": (cut["GIF"], "truncated"),
        "cut.webp": (cut["WEBP"], ""),
        "cut.bmp": (cut["BMP"], "truncated"),
        "cut.tif": (cut["TIFF"], ""),
        "spoilt.png": (bytes(spoilt), ""),
        "bomb.png": (_bomb(60_000, 50_000), "3,000,000,000 pixels"),
    }


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header says that it is huge."""

    def chunk(name: bytes, content: bytes) -> bytes:
        total = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", total)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
