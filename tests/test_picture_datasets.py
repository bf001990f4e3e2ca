"""Folders, tables and cells of pictures to datasets."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from advisor.dataset import Dataset, Modality, Task, read_dataset, read_features, read_files
from advisor.errors import InvalidRequest, UnknownTarget, UnreadableData
from advisor.images.decoding import load_picture
from advisor.tables.columns import ColumnKind
from tests.pictures import (
    as_bytes,
    broken_files,
    class_folders,
    draw,
    masked_folder,
    odd_files,
    put,
    small_problem,
)


def said(dataset: Dataset) -> str:
    """All notes."""
    return "\n".join(dataset.notes)


def stems(frame: pd.DataFrame | None) -> list[str]:
    """Names of the pictures of a frame, without their endings."""
    assert frame is not None
    return [Path(path).stem for path in frame["image"]]


def flat_folder(root: Path, n: int = 8) -> Path:
    """Pictures ``0.png`` ... in one folder, red ones first."""
    for i in range(n):
        put(root / f"{i}.png", as_bytes(draw("red" if i < n // 2 else "green", i)))
    return root


def flat_table(root: Path) -> Path:
    """A table of pictures in one folder."""
    rows = [f"{i}.png,{'uv'[i % 2]}" for i in range(len(list(flat_folder(root).iterdir())))]
    return write_rows(root / "t.csv", "picture,y", rows)


def write_rows(path: Path, header: str, rows: Sequence[str]) -> Path:
    """Write a small CSV."""
    return put(path, "\n".join([header, *rows]).encode())


ORIENTATION = 274
"""EXIF's tag."""

REAL = {
    "hymenoptera": (Task.BINARY, 243, 0, 153),
    "neu_steel_defects": (Task.MULTICLASS, 240, 180, 240),
    "nuclei_segmentation": (Task.SEGMENTATION, 70, 90, 70),
}


@pytest.mark.parametrize("name", REAL)
def test_real_folders_are_read_as_their_index_says(name: str, shared_data: Path) -> None:
    """Task and counts without any option, every file usable."""
    dataset = read_dataset(shared_data / name)
    task, n_labelled, n_unlabelled, n_test = REAL[name]
    assert dataset.modality is Modality.IMAGE
    assert dataset.task is task
    assert (dataset.n_labelled, dataset.n_unlabelled) == (n_labelled, n_unlabelled)
    assert dataset.X_test is not None
    assert len(dataset.X_test) == n_test
    assert dataset.y_test is not None
    assert dataset.broken == ()


def test_class_folders_become_a_dataset(tmp_path: Path) -> None:
    """One column of absolute paths, labels from folders, pool and test beside."""
    dataset = read_dataset(small_problem(tmp_path / "fruit"))
    assert dataset.name == "fruit"
    assert dataset.classes == ("green", "red")
    assert dataset.targets == ("label",)
    assert [(c.name, c.kind) for c in dataset.columns] == [("image", ColumnKind.IMAGE)]
    assert isinstance(dataset.X["image"].dtype, pd.CategoricalDtype)
    assert all(os.path.isabs(path) and os.path.isfile(path) for path in dataset.X["image"])
    for path, code in zip(dataset.X["image"], dataset.y, strict=True):
        assert Path(path).parent.name == dataset.classes[code]
    assert dataset.n_unlabelled == 4
    assert dataset.y_test is not None
    assert np.bincount(dataset.y_test).tolist() == [3, 3]


def test_folder_names_are_the_classes_whatever_they_look_like(tmp_path: Path) -> None:
    """Numbers are no amounts, ``NA`` is not missing, and a comma separates nothing."""
    class_folders(tmp_path / "a", each=3)
    for old, new in (("red", "NA"), ("green", "1,2;3")):
        (tmp_path / "a" / old).rename(tmp_path / "a" / new)
    assert read_dataset(tmp_path / "a").classes == ("1,2;3", "NA")
    for i in range(30):
        put(tmp_path / "b" / f"{i:02d}" / "x.png", as_bytes(draw(seed=i)))
        put(tmp_path / "b" / f"{i:02d}" / "y.png", as_bytes(draw(seed=100 + i)))
    dataset = read_dataset(tmp_path / "b")
    assert dataset.task is Task.MULTICLASS
    assert dataset.classes[:2] == ("00", "01")
    assert len(dataset.classes) == 30


def test_broken_files_are_left_out_by_name_and_odd_ones_read(tmp_path: Path) -> None:
    """Nothing in the gallery is fatal, in any of the splits."""
    small_problem(tmp_path)
    for split in ("train/red", "test/green", "unlabeled"):
        for name, (content, _) in broken_files().items():
            put(tmp_path / split / name, content)
    for name, content in odd_files().items():
        put(tmp_path / "train" / "green" / name, content)
    dataset = read_dataset(tmp_path)
    assert dataset.n_labelled == 16 + len(odd_files())
    assert dataset.X_test is not None
    assert len(dataset.X_test) == 6
    told = {line.partition(": ")[0] for line in dataset.broken}
    assert {f"train/red/{name}" for name in broken_files()} <= told
    assert {f"test/green/{name}" for name in broken_files()} <= told
    assert len(told & {f"unlabeled/{name}" for name in broken_files()}) >= len(broken_files()) - 1
    assert "files that cannot be read as pictures were left out" in said(dataset)
    assert "train/green/really a png.jpg (PNG)" in said(dataset)


def test_a_table_names_pictures(tmp_path: Path) -> None:
    """Other columns are said to be unused, groups work, pictures that no row names are the pool."""
    flat_folder(tmp_path / "pics", 12)
    rows = [f"pics/{i}.png,{'cat' if i < 5 else 'dog'},{i % 4},{i * 0.5}" for i in range(10)]
    write_rows(tmp_path / "labels.csv", "file,kind,owner,weight", rows)
    dataset = read_dataset(tmp_path, target="kind", groups="owner")
    assert dataset.modality is Modality.IMAGE
    assert dataset.classes == ("cat", "dog")
    assert dataset.groups is not None
    assert len(set(dataset.groups)) == 4
    assert stems(dataset.X) == [str(i) for i in range(10)]
    assert sorted(stems(dataset.X_unlabelled)) == ["10", "11"]
    assert "not used: 'weight'" in said(dataset)
    assert "2 pictures that no table names" in said(dataset)
    alone = read_dataset(tmp_path / "labels.csv", target="kind")
    assert alone.n_labelled == 10
    assert alone.n_unlabelled == 0


def test_names_without_folder_or_ending_are_found(tmp_path: Path) -> None:
    """As in a competition: ``train.csv`` with ids, ``train/`` and ``test/`` with the same names."""
    flat_folder(tmp_path / "train")
    flat_folder(tmp_path / "test")
    write_rows(tmp_path / "train.csv", "id,label", [f"{i},{'ab'[i % 2]}" for i in range(8)])
    dataset = read_dataset(tmp_path)
    assert all(f"{os.sep}train{os.sep}" in path for path in dataset.X["image"])
    assert len(stems(dataset.X_test)) == 8
    assert dataset.y_test is None
    assert dataset.n_unlabelled == 0


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_absolute_paths_in_any_format(form: str, tmp_path: Path) -> None:
    """Wherever the table lies."""
    folder = flat_folder(tmp_path / "pics")
    frame = pd.DataFrame({"photo": [str(folder / f"{i}.png") for i in range(8)], "y": [0, 1] * 4})
    path = tmp_path / "elsewhere" / f"t.{form}"
    path.parent.mkdir()
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    assert stems(read_dataset(path).X) == [str(i) for i in range(8)]


def test_every_task_that_a_table_of_pictures_can_have(tmp_path: Path) -> None:
    """Several labels in a cell, several 0/1 columns, a number."""
    flat_folder(tmp_path, 12)
    names = [f"{i}.png" for i in range(12)]
    cells = ["a;b", "b", "a", "c;a", "b;c", "c"] * 2
    several = read_dataset(
        write_rows(
            tmp_path / "m.csv", "file,tags", [f"{n},{c}" for n, c in zip(names, cells, strict=True)]
        )
    )
    assert (several.task, several.classes) == (Task.MULTILABEL, ("a", "b", "c"))
    flags = read_dataset(
        write_rows(
            tmp_path / "f.csv",
            "file,x,y",
            [f"{n},{i % 2},{i % 3 > 0:d}" for i, n in enumerate(names)],
        )
    )
    assert (flags.task, flags.targets) == (Task.MULTILABEL, ("x", "y"))
    amount = read_dataset(
        write_rows(tmp_path / "r.csv", "file,age", [f"{n},{i * 1.5}" for i, n in enumerate(names)])
    )
    assert amount.task is Task.REGRESSION
    assert amount.y[:3].tolist() == [0.0, 1.5, 3.0]


def test_pictures_in_cells_become_files_once(tmp_path: Path) -> None:
    """Bytes and ``{bytes, path}`` of Parquet, bytes and PIL pictures in memory: equal content, equal path."""
    contents = [as_bytes(draw("red" if i < 4 else "green", i)) for i in range(8)]
    kinds = ["u", "v"] * 4
    plain = pd.DataFrame({"picture": contents, "kind": kinds})
    held = pd.DataFrame({"image": [{"bytes": c, "path": None} for c in contents], "kind": kinds})
    plain.to_parquet(tmp_path / "plain.parquet")
    held.to_parquet(tmp_path / "held.parquet")
    drawn = pd.DataFrame(
        {"image": [draw("red" if i < 4 else "green", i) for i in range(8)], "kind": kinds}
    )
    datasets = [
        read_dataset(given)
        for given in (tmp_path / "plain.parquet", tmp_path / "held.parquet", plain, held, drawn)
    ]
    assert {tuple(dataset.X["image"]) for dataset in datasets} == {tuple(datasets[0].X["image"])}
    assert len({dataset.fingerprint for dataset in datasets}) == 1
    assert [Path(path).read_bytes() for path in datasets[0].X["image"]] == contents


def test_pictures_in_memory_are_upright_and_of_any_mode(tmp_path: Path) -> None:
    """The same pixels as from the file, also where PNG does not know the mode."""
    wide = Image.new("RGB", (40, 20), "red")
    wide.putpixel((0, 0), (0, 0, 255))
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    paths = [put(tmp_path / "turned.jpg", as_bytes(wide, "JPEG", exif=turned.tobytes()))]
    deep = np.arange(64 * 64, dtype=np.int32).reshape(64, 64)
    paths.append(put(tmp_path / "deep.tif", as_bytes(Image.fromarray(deep), "TIFF")))
    others = [
        draw("green", i).convert(mode) for i, mode in enumerate(("YCbCr", "HSV", "CMYK", "F"))
    ]
    others += [draw("green", 9).convert("RGBA").convert("RGBa"), Image.new("PA", (20, 20))]
    opened = [Image.open(path) for path in paths]
    read = read_dataset(pd.DataFrame({"image": [*opened, *others], "y": ["u", "v"] * 4}))
    assert read.broken == ()
    for cell, path in zip(read.X["image"], paths, strict=False):
        np.testing.assert_array_equal(load_picture(cell), load_picture(path))
    assert load_picture(read.X["image"][0]).size == (20, 40)


def test_a_broken_picture_in_memory_is_left_out_and_no_other(tmp_path: Path) -> None:
    """Told like a broken file, wherever it stands; a row to predict has no prediction."""
    cut = put(tmp_path / "cut.jpg", as_bytes(draw(side=200), "JPEG")[:-1500])
    cells = [Image.open(cut), *(draw("red" if i < 6 else "green", i) for i in range(11))]
    dataset = read_dataset(pd.DataFrame({"image": cells, "y": ["u"] * 6 + ["v"] * 6}))
    assert dataset.n_labelled == 11
    assert len(dataset.broken) == 1
    columns = read_dataset(flat_table(tmp_path / "flat")).columns
    found = rows_of([cells[1], Image.open(cut)], columns)
    assert [good for _, good in found] == [True, False]


def test_frames_pairs_and_lists_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths start from the working directory."""
    flat_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    names, kinds = [f"{i}.png" for i in range(8)], ["u", "v"] * 4
    forms = [pd.DataFrame({"image": names, "kind": kinds}), (names, kinds)]
    forms.append(([Path(name) for name in names], np.array(kinds)))
    for form in forms:
        dataset = read_dataset(form)
        assert dataset.modality is Modality.IMAGE
        assert dataset.X["image"].tolist() == [str(tmp_path / name) for name in names]


def test_masks_make_a_segmentation_problem(tmp_path: Path) -> None:
    """The target is the share that is covered; a picture without mask is in the pool."""
    masked_folder(tmp_path / "train")
    masked_folder(tmp_path / "test", n=2)
    put(tmp_path / "train" / "images" / "more.png", as_bytes(draw()))
    put(tmp_path / "train" / "images" / "odd.png", as_bytes(draw(seed=3)))
    put(tmp_path / "train" / "masks" / "odd.png", b"no mask")
    put(tmp_path / "unlabeled" / "images" / "x.png", as_bytes(draw(seed=4)))
    put(tmp_path / "unlabeled_masks" / "x.png", as_bytes(draw(seed=4)))
    dataset = read_dataset(tmp_path)
    assert dataset.task is Task.SEGMENTATION
    assert dataset.classes == ()
    np.testing.assert_allclose(dataset.y, np.arange(1, 7) / 10)
    assert dataset.y.dtype == np.float64
    assert [c.kind for c in dataset.columns] == [ColumnKind.IMAGE] * 2
    assert dataset.X["mask"].notna().all()
    assert sorted(stems(dataset.X_unlabelled)) == ["more", "odd", "x"]
    assert dataset.y_test is not None
    np.testing.assert_allclose(dataset.y_test, [0.1, 0.2])
    assert "odd.png" in said(dataset)
    assert read_dataset(tmp_path, task="segmentation").fingerprint == dataset.fingerprint
    with pytest.raises(InvalidRequest, match="pictures with masks"):
        read_dataset(tmp_path, task="multiclass")


def test_segmentation_needs_masks(tmp_path: Path) -> None:
    """Neither a table nor class folders have them."""
    frame = pd.DataFrame({"a": range(10), "y": [0, 1] * 5})
    with pytest.raises(InvalidRequest, match="no masks"):
        read_dataset(frame, task="segmentation")
    with pytest.raises(InvalidRequest, match="no masks"):
        read_dataset(class_folders(tmp_path), task="segmentation")


def test_the_fingerprint_is_that_of_contents_and_labels(tmp_path: Path) -> None:
    """Moved data is the same; another label or another pixel is not."""
    first = read_dataset(small_problem(tmp_path / "a")).fingerprint
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert read_dataset(tmp_path / "b").fingerprint == first
    (tmp_path / "b" / "train" / "red" / "0.png").rename(
        tmp_path / "b" / "train" / "green" / "z.png"
    )
    assert read_dataset(tmp_path / "b").fingerprint != first
    put(tmp_path / "a" / "unlabeled" / "0.png", as_bytes(draw("blue", 7)))
    assert read_dataset(tmp_path / "a").fingerprint != first


def test_copies_share_a_number(tmp_path: Path) -> None:
    """Equal rows of a table; nearly equal pictures, in whatever format."""
    table = read_dataset(
        pd.DataFrame({"a": [1, 2, 1, 3, 4, 5], "b": list("xyxzuv"), "y": [0, 1] * 3})
    )
    codes = table.copies()
    assert codes.dtype == np.int64
    assert codes[0] == codes[2]
    assert len(set(codes.tolist())) == 5
    class_folders(tmp_path, each=4)
    for i in range(4):
        put(tmp_path / "red" / f"{i}.png", as_bytes(draw("red", i, side=96)))
    put(tmp_path / "red" / "again.jpg", as_bytes(draw("red", 2, side=96), "JPEG", quality=90))
    dataset = read_dataset(tmp_path)
    red = dataset.y == dataset.classes.index("red")
    of = dict(zip(stems(dataset.X[red]), dataset.copies()[red], strict=True))
    assert of["again"] == of["2"]
    assert len(set(of.values())) == 4


def test_one_picture_with_two_labels_is_said(tmp_path: Path) -> None:
    """Both rows stay, as in a table."""
    flat_folder(tmp_path)
    rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(8)]
    dataset = read_dataset(write_rows(tmp_path / "t.csv", "file,y", [*rows, "0.png,b", "1.png,b"]))
    assert dataset.n_labelled == 10
    assert "in several rows with different targets: 1 picture ('0.png')" in said(dataset)


def test_file_names_are_told_from_numbers_that_stand_for_files_too(tmp_path: Path) -> None:
    """Of rows, people or classes; where no column ends like a file, the one that numbers most of them counts."""
    flat_folder(tmp_path)
    order = [3 * i % 8 for i in range(8)]
    for header, rows in (
        ("id,file,patient_id,y", [f"{7 - i},{k}.png,{i % 2}" for i, k in enumerate(order)]),
        (
            "category_id,image_id,patient_id,y",
            [f"{i % 3},{k},{i % 2}" for i, k in enumerate(order)],
        ),
    ):
        lines = [f"{row},{'ab'[i % 2]}" for i, row in enumerate(rows)]
        dataset = read_dataset(write_rows(tmp_path / "t.csv", header, lines), target="y")
        names = [Path(str(path)).stem for path in dataset.X["image"]]
        assert names == [str(k) for k in order]
    test = write_rows(tmp_path / "new.csv", "id,file", ["1,5.png", "2,0.png"])
    ((names, frame, _),) = read_files(test, dataset.columns)
    assert names == ("5.png", "0.png")
    assert [Path(str(path)).name for path in frame["image"]] == ["5.png", "0.png"]
    numbered = write_rows(tmp_path / "new.csv", "id", ["3", "1"])
    ((names, _, _),) = read_files(numbered, dataset.columns)
    assert names == ("3", "1")


def test_a_first_cell_that_is_broken_hides_no_pictures(tmp_path: Path) -> None:
    """Empty or garbage: it is left out by itself, in Parquet and in a frame."""
    held = [as_bytes(draw("red", i)) for i in range(9)]
    for first in (b"", b"garbage, and not little of it"):
        frame = pd.DataFrame({"image": [first, *held], "y": list("ab") * 5})
        frame.to_parquet(tmp_path / "t.parquet")
        for data in (frame, tmp_path / "t.parquet"):
            dataset = read_dataset(data, target="y")
            assert dataset.modality is Modality.IMAGE
            assert dataset.n_labelled == 9
            assert len(dataset.broken) == 1


def test_a_pool_that_is_given_has_no_test_split(tmp_path: Path) -> None:
    """A folder of it that is called so counts as any other."""
    small_problem(tmp_path / "data")
    class_folders(tmp_path / "more" / "test", each=2, seed=600)
    class_folders(tmp_path / "more" / "rest", each=1, seed=700)
    dataset = read_dataset(tmp_path / "data", unlabeled=tmp_path / "more")
    assert dataset.n_unlabelled == 6


def test_rows_whose_picture_is_missing_are_left_out(tmp_path: Path) -> None:
    """By name; where all are missing, how many there are and the first."""
    flat_folder(tmp_path)
    rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(8)]
    dataset = read_dataset(write_rows(tmp_path / "t.csv", "file,y", [*rows, "x.png,b", ",a"]))
    assert dataset.n_labelled == 8
    assert dataset.broken == ("x.png: it does not exist",)
    assert "left out: 1 row without the name of a picture" in said(dataset)
    gone = write_rows(tmp_path / "g.csv", "file,y", [f"no/{i}.png,{i % 2}" for i in range(9)])
    with pytest.raises(
        UnreadableData, match=r"names 9 pictures .* none of them exists: 'no/0\.png'"
    ):
        read_dataset(gone)


def test_a_table_with_features_of_its_own_stays_a_table(tmp_path: Path) -> None:
    """Names of pictures that are not there, and addresses, are words."""
    rows = [f"http://x.org/{i}.png,p{i}.jpg,{i % 7},{i % 2}" for i in range(30)]
    dataset = read_dataset(write_rows(tmp_path / "t.csv", "url,photo,size,y", rows))
    assert dataset.modality is Modality.TABULAR


def test_wrong_folders_are_refused_in_one_line(tmp_path: Path) -> None:
    """What was expected, what is there."""
    with pytest.raises(UnreadableData, match="nothing"):
        read_dataset(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(
        UnreadableData, match="no table, no pictures and no recordings but the folders 'cats'"
    ):
        read_dataset(tmp_path)
    put(tmp_path / "cats" / "1.png", as_bytes(draw()))
    (tmp_path / "dogs").mkdir()
    with pytest.raises(
        UnreadableData, match=r"only one class, 'cats' \(the folders 'dogs' are empty"
    ):
        read_dataset(tmp_path)
    with pytest.raises(UnreadableData, match="holds 8 pictures and nothing that says"):
        read_dataset(flat_folder(tmp_path / "flat"))
    with pytest.raises(UnreadableData, match="is one picture"):
        read_dataset(tmp_path / "flat" / "0.png")
    for name in ("a", "b"):
        put(tmp_path / "bad" / name / "1.png", b"text")
    with pytest.raises(UnreadableData, match=r"none of the 2 labelled pictures .* 'a/1\.png: "):
        read_dataset(tmp_path / "bad")
    put(tmp_path / "flat" / "only.csv", b"file\n" + b"".join(b"%d.png\n" % i for i in range(8)))
    with pytest.raises(UnreadableData, match="one of labels beside it"):
        read_dataset(tmp_path / "flat" / "only.csv")
    class_folders(tmp_path / "few", each=2)
    with pytest.raises(UnknownTarget, match="only 4 rows"):
        read_dataset(tmp_path / "few")


def test_a_pool_given_apart_replaces_the_folders_own(tmp_path: Path) -> None:
    """A folder, or paths; what cannot be read is left out and said."""
    small_problem(tmp_path / "a")
    pool = flat_folder(tmp_path / "pool", 5)
    put(pool / "bad.png", b"text")
    for given in (pool, [str(path) for path in sorted(pool.iterdir())]):
        dataset = read_dataset(tmp_path / "a", unlabeled=given)
        assert dataset.n_unlabelled == 5
        assert "bad.png" in dataset.broken[0]


def rows_of(data: object, columns: object) -> list[tuple[str, bool]]:
    """Names to predict, and whether each can be read."""
    return [
        (name, not pd.isna(path))
        for names, frame, _ in read_files(data, columns, chunk_rows=3)  # type: ignore[arg-type]
        for name, path in zip(names, frame["image"], strict=True)
    ]


def test_pictures_to_predict_come_in_order_and_none_is_left_out(tmp_path: Path) -> None:
    """From a file, folders of any kind, tables and memory; unreadable ones are missing."""
    small_problem(tmp_path / "a", each=4)
    columns = read_dataset(tmp_path / "a").columns
    flat = flat_folder(tmp_path / "flat", 4)
    put(flat / "bad.png", b"text")
    expected = [*((f"{i}.png", True) for i in range(4)), ("bad.png", False)]
    assert rows_of(flat, columns) == expected
    assert rows_of(flat / "bad.png", columns) == expected[-1:]
    assert [name for name, _ in rows_of(tmp_path / "a", columns)] == [
        f"test/{kind}/{i}.png" for kind in ("green", "red") for i in range(3)
    ]
    assert len(rows_of(tmp_path / "a" / "train", columns)) == 8
    table = write_rows(
        flat / "t.csv", "picture,y", ["3.png,1", "no.png,1", ",", "bad.png,0", "0.png,1"]
    )
    wanted = [("3.png", True), ("no.png", False), ("", False), ("bad.png", False), ("0.png", True)]
    assert rows_of(table, columns) == wanted
    paths = [str(flat / "1.png"), str(flat / "bad.png")]
    for given in (paths, pd.DataFrame({"image": paths}), np.array(paths), pd.Series(paths)):
        assert rows_of(given, columns) == [(paths[0], True), (paths[1], False)]
    notes = [note for _, notes in read_features(flat, columns) for note in notes]
    assert notes == [
        "without a prediction: 1 picture that cannot be read (bad.png: its content is no picture in a known format)"
    ]


def test_what_holds_no_pictures_cannot_be_predicted(tmp_path: Path) -> None:
    """In one line."""
    columns = read_dataset(class_folders(tmp_path / "a")).columns
    table = write_rows(tmp_path / "t.csv", "a,b", ["1,2"])
    for given, part in ((table, "no column of pictures"), ([], "no pictures"), (3, "got int")):
        with pytest.raises(UnreadableData, match=part):
            list(read_features(given, columns))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableData, match="nothing"):
        list(read_features(tmp_path / "empty", columns))


def test_a_dataset_in_shards_names_its_classes(tmp_path: Path) -> None:
    """As the ``datasets`` library writes Parquet: numbers whose names stand in the file's metadata."""
    contents = [{"bytes": as_bytes(draw(seed=i)), "path": f"{i}.png"} for i in range(8)]
    features = {
        "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
        "image": {"_type": "Image"},
    }
    table = pa.table({"image": contents, "label": [0, 1] * 4}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    parquet.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    dataset = read_dataset(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert dataset.y.tolist() == [0, 1] * 4
