"""Any stored picture to upright RGB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from advisor.images.decoding import UnreadablePicture, as_rgb, load_picture
from tests.pictures import as_bytes, broken_files, draw, odd_files, put


def pixels(picture: Image.Image) -> np.ndarray:
    """Values as numbers that can be subtracted."""
    return np.asarray(picture).astype(int)


@pytest.mark.parametrize("name", odd_files())
def test_every_odd_file_decodes_to_rgb(name: str, tmp_path: Path) -> None:
    """8 bits, three channels, whatever was stored."""
    picture = load_picture(put(tmp_path / name, odd_files()[name]))
    assert picture.mode == "RGB"
    assert min(picture.size) >= 1


@pytest.mark.parametrize("name", broken_files())
def test_every_broken_file_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    """One kind of error, and no name of a file in it."""
    with pytest.raises(UnreadablePicture) as caught:
        load_picture(put(tmp_path / name, broken_files()[name][0]))
    assert str(caught.value)
    assert name not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["cmyk.jpg", "packed.tiff", "plain.bmp", "moving.gif", "pages.tif"]
)
def test_colours_survive(name: str, tmp_path: Path) -> None:
    """What was drawn red is red: nothing is inverted, and the first frame is the one seen."""
    red, green, blue = pixels(load_picture(put(tmp_path / name, odd_files()[name]))).mean((0, 1))
    assert red > green + 100
    assert red > blue + 100


@pytest.mark.parametrize("name", ["grey 16.png", "grey 12 in 16.tif", "float.tif", "int 32.tif"])
def test_wide_grey_is_scaled_and_not_clipped(name: str, tmp_path: Path) -> None:
    """A ramp stays a ramp from black to white."""
    values = pixels(load_picture(put(tmp_path / name, odd_files()[name])))[:, :, 0].ravel()
    assert (np.diff(values) >= 0).all()
    assert values[0] == 0
    assert values[-1] == 255
    assert len(np.unique(values)) > 200


def test_floats_keep_the_scale_that_they_are_in() -> None:
    """Half of one and half of 255 are middle grey; beyond that only order is known; NaN is dark."""
    for half, top in ((0.5, 1.0), (127.5, 255.0)):
        ramp = Image.fromarray(np.array([[0.0, half, top]], dtype=np.float32))
        assert pixels(as_rgb(ramp))[0, :, 0].tolist() == [0, 128, 255]
    odd = Image.fromarray(np.array([[-1000.0, np.nan, 0.0, 1000.0]], dtype=np.float32))
    assert pixels(as_rgb(odd))[0, :, 0].tolist() == [0, 0, 128, 255]
    flat = Image.fromarray(np.full((2, 2), -3.0, dtype=np.float32))
    assert pixels(as_rgb(flat)).max() == 0


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    """Left becomes top when the camera was turned."""
    half = np.zeros((20, 30, 3), dtype=np.uint8)
    half[:, :15] = 255
    turned = Image.Exif()
    turned[274] = 6
    path = put(tmp_path / "t.jpg", as_bytes(Image.fromarray(half), "JPEG", exif=turned))
    picture = load_picture(path)
    assert picture.size == (20, 30)
    assert pixels(picture)[:10].mean() > 200 > 50 > pixels(picture)[20:].mean()


def test_transparency_is_white() -> None:
    """Whatever colour lies under it, in every way that it can be stored."""
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    for mode in ("RGBA", "LA", "La", "RGBa"):
        through = clear.convert("LA").convert(mode) if mode in ("LA", "La") else clear.convert(mode)
        assert pixels(as_rgb(through)).min() == 255
    stored = as_bytes(Image.new("P", (4, 4), 0), transparency=0)
    with Image.open(io.BytesIO(stored)) as palette:
        assert pixels(as_rgb(palette)).min() == 255
    stored = as_bytes(Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3))
    with Image.open(io.BytesIO(stored)) as keyed:
        assert pixels(as_rgb(keyed)).min() == 255


def test_a_large_jpeg_is_decoded_smaller_but_not_below_what_was_asked(tmp_path: Path) -> None:
    """The short side stays at least as long, and the picture the same."""
    path = put(tmp_path / "large.jpg", as_bytes(draw(side=640), "JPEG"))
    small = load_picture(path, short_side=100)
    assert 100 <= min(small.size) < 640
    whole = load_picture(path).resize(small.size, Image.Resampling.BOX)
    assert np.abs(pixels(small) - pixels(whole)).mean() < 4


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Not with an OSError, which nobody would catch."""
    with pytest.raises(UnreadablePicture, match="No such file"):
        load_picture(tmp_path / "nothing.png")
