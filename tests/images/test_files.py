"""Files to what they are, and to what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.images.files import scan_pictures
from tests.pictures import as_bytes, broken_files, draw, odd_files, put

ONLY_DECODING_TELLS = {"spoilt.png"}
"""Whole from the outside, damaged within."""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All odd and broken files in one folder."""
    folder = tmp_path_factory.mktemp("gallery")
    for name, content in odd_files().items():
        put(folder / name, content)
    for name, (content, _) in broken_files().items():
        put(folder / name, content)
    return folder


@pytest.mark.parametrize("decode", [False, True])
def test_the_gallery_is_told_apart(gallery: Path, decode: bool) -> None:
    """Every odd file is usable and every broken one is named with its reason, in the order given."""
    paths = [str(path) for path in sorted(gallery.iterdir())]
    pictures, broken = scan_pictures(paths, decode=decode)
    found = {Path(path).name: reason for path, reason in broken}
    expected = set(broken_files()) - (set() if decode else ONLY_DECODING_TELLS)
    assert set(found) == expected
    for name, reason in found.items():
        assert broken_files()[name][1] in reason
    assert [p.path for p in pictures] == [p for p in paths if Path(p).name not in expected]
    assert len(paths) >= 40


def test_headers_tell_size_mode_format_and_orientation(gallery: Path) -> None:
    """The size is that of the upright picture."""
    names = ["turned.jpg", "grey 16.png", "cmyk.jpg", "really a png.jpg", "moving.webp"]
    pictures, _ = scan_pictures([str(gallery / name) for name in names])
    turned, wide, cmyk, misnamed, webp = pictures
    assert (turned.width, turned.height, turned.orientation) == (20, 30, 6)
    assert (wide.mode, wide.width) == ("I;16", 16)
    assert cmyk.mode == "CMYK"
    assert misnamed.format == "PNG"
    assert webp.format == "WEBP"
    assert webp.n_bytes == (gallery / "moving.webp").stat().st_size


def test_what_was_seen_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    """A file that is put right is no longer broken."""
    path = put(tmp_path / "a.png", b"")
    assert scan_pictures([str(path)])[1] == [(str(path), "it is empty (0 bytes)")]
    put(path, as_bytes(draw()))
    assert len(scan_pictures([str(path)])[0]) == 1


def test_what_is_no_file_is_broken_too(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name are reasons, not exceptions."""
    paths = [str(tmp_path / "no.png"), str(tmp_path), "a\0b.png"]
    pictures, broken = scan_pictures(paths, threads=2)
    assert pictures == []
    assert [path for path, _ in broken] == paths
    assert broken[0][1] == "it does not exist"
    assert scan_pictures([]) == ([], [])
