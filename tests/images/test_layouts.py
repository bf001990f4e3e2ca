"""Names of folders to what is labelled with what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from advisor.images.medium import PICTURES
from advisor.media.layouts import Layout, find_layout, list_files
from tests.pictures import as_bytes, class_folders, draw, masked_folder, put, small_problem


def layout_of(folder: Path) -> Layout:
    """The layout of a folder that holds pictures."""
    layout = find_layout(list_files(folder, [PICTURES]))
    assert layout is not None
    return layout


@pytest.mark.parametrize("pool", ["unlabeled", "unlabelled"])
@pytest.mark.parametrize("valid", ["val", "valid", "validation"])
def test_nested_splits_are_found_however_they_are_spelt(
    pool: str, valid: str, tmp_path: Path
) -> None:
    """Validation pictures are labelled pictures; the pool's folders are no classes."""
    small_problem(tmp_path, each=2)
    (tmp_path / "unlabeled").rename(tmp_path / pool)
    class_folders(tmp_path / valid, each=1, seed=70)
    class_folders(tmp_path / pool / "deep", each=1, seed=80)
    layout = layout_of(tmp_path)
    assert layout.kind == "classes"
    assert len(layout.train.files) == 6
    assert set(layout.train.labels) == {"red", "green"}
    assert len(layout.test.files) == 6
    assert len(layout.pool.files) == 6
    assert any(f"{valid}/" in note and "cross-validation" in note for note in layout.notes)


def test_class_folders_may_lie_at_the_top(tmp_path: Path) -> None:
    """Names are kept to the letter; deep pictures count to their class, loose ones to the pool."""
    put(tmp_path / "Rote Bete" / "1.png", b"x")
    put(tmp_path / "Rote Bete" / "more" / "2.png", b"x")
    put(tmp_path / "NA" / "1.png", b"x")
    put(tmp_path / "loose.png", b"x")
    (tmp_path / "leer").mkdir()
    put(tmp_path / "NA" / "notes.txt", b"x")
    layout = layout_of(tmp_path)
    assert dict(zip(layout.train.files, layout.train.labels, strict=True)) == {
        "NA/1.png": "NA",
        "Rote Bete/1.png": "Rote Bete",
        "Rote Bete/more/2.png": "Rote Bete",
        "loose.png": None,
    }
    said = "\n".join(layout.notes)
    assert "in the unlabelled pool: 1 picture beside the class folders" in said
    assert "left out: 'leer'" in said
    assert "1 picture in deeper folders" in said
    assert "1 '.txt'" in said


def test_a_class_may_be_called_valid(tmp_path: Path) -> None:
    """Where its pictures lie in no class folders, they validate nothing; beside train they do."""
    for name in ("valid/1.png", "invalid/1.png", "other/1.png"):
        put(tmp_path / "tickets" / name, b"x")
    assert set(layout_of(tmp_path / "tickets").train.labels) == {"valid", "invalid", "other"}
    class_folders(tmp_path / "split" / "train", each=2)
    class_folders(tmp_path / "split" / "valid", each=1, seed=9)
    assert set(layout_of(tmp_path / "split").train.labels) == {"red", "green"}


def test_masks_are_paired_by_stem(tmp_path: Path) -> None:
    """With or without an ending; a picture without a mask has none; other stems make two classes."""
    masked_folder(tmp_path / "train", n=3)
    (tmp_path / "train" / "masks" / "0.png").rename(tmp_path / "train" / "masks" / "0_mask.png")
    (tmp_path / "train" / "masks" / "2.png").unlink()
    masked_folder(tmp_path / "test", n=1)
    layout = layout_of(tmp_path)
    assert layout.kind == "partners"
    assert layout.train.partners == ("train/masks/0_mask.png", "train/masks/1.png", None)
    assert layout.test.partners == ("test/masks/0.png",)
    for i in range(3):
        put(tmp_path / "other" / "images" / f"a{i}.png", b"x")
        put(tmp_path / "other" / "masks" / f"b{i}.png", b"x")
    assert layout_of(tmp_path / "other").kind == "classes"


def test_masks_below_folders_of_their_own_stay_with_their_pictures(tmp_path: Path) -> None:
    """Names that return in every folder are told apart by it; one that is alone on both sides may lie anywhere."""
    for name in (
        *(f"{kind}/{who}/{i}.png" for kind in ("images", "masks") for who in "ab" for i in (1, 2)),
        *("images/a/3.png", "masks/3_mask.png"),
        *("images/a/4.png", "images/b/4.png", "masks/4.png"),
    ):
        put(tmp_path / name, b"x")
    layout = layout_of(tmp_path)
    assert dict(zip(layout.train.files, layout.train.partners, strict=True)) == {
        "images/a/1.png": "masks/a/1.png",
        "images/a/2.png": "masks/a/2.png",
        "images/a/3.png": "masks/3_mask.png",
        "images/a/4.png": None,
        "images/b/1.png": "masks/b/1.png",
        "images/b/2.png": "masks/b/2.png",
        "images/b/4.png": None,
    }


def test_masks_in_a_pool_are_left_out_where_pictures_have_masks_alone(tmp_path: Path) -> None:
    """Elsewhere a class may be called mask, and its folder in the pool, too."""
    masked_folder(tmp_path / "cells" / "train", n=2)
    masked_folder(tmp_path / "cells" / "unlabeled", n=3)
    assert all("/images/" in name for name in layout_of(tmp_path / "cells").pool.files)
    for name in ("train/mask/1.png", "train/none/1.png", "unlabeled/mask/2.png"):
        put(tmp_path / "faces" / name, b"x")
    faces = layout_of(tmp_path / "faces")
    assert set(faces.train.labels) == {"mask", "none"}
    assert faces.pool.files == ("unlabeled/mask/2.png",)


@pytest.mark.parametrize("name", ["labeled", "Labelled"])
def test_labelled_pictures_beside_a_pool_are_to_train_on(name: str, tmp_path: Path) -> None:
    """Unless there is a folder called train, or other ones that are classes where there is no pool."""
    small_problem(tmp_path, each=2)
    (tmp_path / "train").rename(tmp_path / name)
    layout = layout_of(tmp_path)
    assert set(layout.train.files) == {
        f"{name}/{k}/{i}.png" for k in ("red", "green") for i in "01"
    }
    assert set(layout.train.labels) == {"red", "green"}
    assert layout.is_labelled
    assert len(layout.pool.files) > 0
    class_folders(tmp_path / "train", each=1)
    layout = layout_of(tmp_path)
    assert set(layout.train.files) == {"train/green/0.png", "train/red/0.png"}
    assert any(f"not read: 4 pictures beside the train folder ('{name}/" in n for n in layout.notes)
    for kind in (name, "read"):
        put(tmp_path / "classes" / kind / "0.png", b"x")
    assert layout_of(tmp_path / "classes").train.labels == (name, "read")


def test_hidden_things_oracles_and_links_out_are_left_alone(tmp_path: Path) -> None:
    """A link within is followed, also where it would never end."""
    data = class_folders(tmp_path / "data", each=1)
    for name in (
        ".hidden/red/0.png",
        "__MACOSX/red/._0.png",
        "unlabeled_masks/0.png",
        "red/.0.png",
    ):
        put(data / name, b"x")
    class_folders(tmp_path / "outside", each=1, seed=9)
    os.symlink(tmp_path / "outside" / "red", data / "blue")
    os.symlink(tmp_path / "outside" / "red" / "0.png", data / "red" / "out.png")
    os.symlink(data / "red" / "0.png", data / "green" / "within.png")
    os.symlink(data, data / "green" / "loop")
    listing = list_files(data, [PICTURES])
    assert listing.files == ("green/0.png", "green/within.png", "red/0.png")
    assert any("'blue', 'red/out.png'" in note for note in listing.notes)


def test_odd_names_are_no_accident(tmp_path: Path) -> None:
    """A picture without an ending is one by its first bytes; a name that is no text is broken."""
    put(tmp_path / "red" / "bare", as_bytes(draw()))
    put(tmp_path / "red" / "README", b"text")
    try:
        put(Path(os.fsdecode(os.fsencode(tmp_path / "red") + b"/\xff.png")), b"x")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    listing = list_files(tmp_path, [PICTURES])
    assert listing.files == ("red/bare",)
    assert [reason for _, reason in listing.broken] == ["its name is not UTF-8: rename it"]


def test_a_folder_without_pictures_has_no_layout(tmp_path: Path) -> None:
    """Tables, or nothing."""
    put(tmp_path / "train.csv", b"a,b\n1,2\n")
    assert find_layout(list_files(tmp_path, [PICTURES])) is None
