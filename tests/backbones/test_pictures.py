"""A backbone sees what it was evaluated with, and views are drawn from the content alone."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from advisor.backbone import find_backbone
from advisor.backbones.pictures import batches_of, view_of

CARD = find_backbone("efficientnet_lite0")


def save(path: Path, width: int, height: int) -> str:
    """Write a smooth picture."""
    rng = np.random.default_rng(width + height)
    coarse = PIL.Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    coarse.resize((width, height), PIL.Image.Resampling.BICUBIC).save(path, quality=95)
    return str(path)


@pytest.mark.parametrize("size", [(400, 256), (375, 500), (90, 120), (1000, 700)])
def test_the_plain_view_is_a_resize_and_a_centre_crop(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """To within rounding; exactly where nothing is resized."""
    path = save(tmp_path / "a.bmp", *size)
    picture = PIL.Image.open(path)
    scale = 256 / min(size)
    w, h = round(size[0] * scale), round(size[1] * scale)
    left, top = round((w - 224) / 2), round((h - 224) / 2)
    expected = np.asarray(
        picture.resize((w, h), PIL.Image.Resampling.BICUBIC).crop(
            (left, top, left + 224, top + 224)
        )
    )
    found = view_of(path, CARD, "plain")
    assert found is not None
    difference = np.abs(found.astype(int) - expected).max()
    assert difference <= (0 if min(size) == 256 else 2)


def test_the_flip_is_the_mirrored_plain_view(tmp_path: Path) -> None:
    """Column by column."""
    path = save(tmp_path / "a.png", 300, 260)
    plain, flip = view_of(path, CARD, "plain"), view_of(path, CARD, "flip")
    assert plain is not None
    assert flip is not None
    np.testing.assert_array_equal(flip, plain[:, ::-1])


def test_views_depend_on_content_and_number_alone(tmp_path: Path) -> None:
    """A copy has the same views; numbers differ; all have the shape of the input."""
    path = save(tmp_path / "a.jpg", 300, 200)
    shutil.copy(path, tmp_path / "b.jpg")
    views = [view_of(path, CARD, f"view{i}") for i in range(1, 5)]
    for i, view in enumerate(views):
        assert view is not None
        assert view.shape == (224, 224, 3)
        assert view.dtype == np.uint8
        np.testing.assert_array_equal(view, view_of(str(tmp_path / "b.jpg"), CARD, f"view{i + 1}"))
        assert all(not np.array_equal(view, other) for other in views[:i])


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 2), (3, 3)])
def test_pictures_of_any_shape_have_all_views(tmp_path: Path, size: tuple[int, int]) -> None:
    """Also those with hardly a pixel."""
    path = save(tmp_path / "a.bmp", *size)
    for view in ("plain", "flip", "view1", "view2"):
        found = view_of(path, CARD, view)
        assert found is not None
        assert found.shape == (224, 224, 3)


def test_what_cannot_be_read_has_no_view(tmp_path: Path) -> None:
    """Rubbish and files that are gone, for every view."""
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff rubbish")
    for view in ("plain", "flip", "view1"):
        assert view_of(str(tmp_path / "a.jpg"), CARD, view) is None
        assert view_of(str(tmp_path / "gone.jpg"), CARD, view) is None


def test_batches_keep_the_order_and_decode_a_few_ahead() -> None:
    """All items come, in order, and not all are decoded before the first is used."""
    decoded: list[int] = []
    lock = threading.Lock()

    def load(item: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        with lock:
            decoded.append(int(item))
        return np.array([int(item)], dtype=np.uint8)

    batches = batches_of(load, [str(i) for i in range(100)], 3, 2)
    first = next(batches)
    assert len(decoded) <= 5 * 3 + 2
    values = [int(p[0]) for batch in [first, *batches] for p in batch if p is not None]
    assert values == list(range(100))
    assert list(batches_of(load, [], 3, 2)) == []


def test_an_upright_view_is_the_same_but_for_the_mirror(tmp_path: Path) -> None:
    """Some views are mirrored, their upright twins are those turned back, and the others are equal."""
    path = save(tmp_path / "a.png", 60, 40)
    mirrored = 0
    for number in range(1, 9):
        view = view_of(path, CARD, f"view{number}")
        upright = view_of(path, CARD, f"upright{number}")
        assert view is not None
        assert upright is not None
        if not np.array_equal(view, upright):
            np.testing.assert_allclose(view[:, ::-1].astype(int), upright.astype(int), atol=1)
            mirrored += 1
    assert 0 < mirrored < 8
