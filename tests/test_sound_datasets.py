"""Folders, tables and cells of recordings to datasets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advisor.dataset import Dataset, Modality, Task, read_dataset, read_features, read_files
from advisor.errors import UnknownTarget, UnreadableData
from advisor.tables.columns import ColumnKind
from tests.recordings import (
    as_bytes,
    broken_files,
    class_folders,
    make,
    odd_files,
    put,
    small_problem,
    spoken_folders,
)


def said(dataset: Dataset) -> str:
    """All notes."""
    return "\n".join(dataset.notes)


def stems(frame: pd.DataFrame | None) -> list[str]:
    """Names of the recordings of a frame, without their endings."""
    assert frame is not None
    return [Path(path).stem for path in frame["audio"]]


def flat_folder(root: Path, n: int = 8) -> Path:
    """Recordings ``0.wav`` ... in one folder, low ones first."""
    for i in range(n):
        put(root / f"{i}.wav", as_bytes(make("low" if i < n // 2 else "high", i)))
    return root


REAL = {
    "spoken_digits_fsdd": (300, 480, 300, 6),
    "spoken_language": (100, 150, 200, None),
}


@pytest.mark.parametrize("name", REAL)
def test_real_folders_are_read_as_their_index_says(name: str, shared_data: Path) -> None:
    """Counts and speakers without any option, every file usable."""
    dataset = read_dataset(shared_data / name)
    n_labelled, n_unlabelled, n_test, n_groups = REAL[name]
    assert (dataset.modality, dataset.task) == (Modality.AUDIO, Task.MULTICLASS)
    assert (dataset.n_labelled, dataset.n_unlabelled) == (n_labelled, n_unlabelled)
    assert dataset.X_test is not None
    assert len(dataset.X_test) == n_test
    assert dataset.broken == ()
    assert (None if dataset.groups is None else len(set(dataset.groups))) == n_groups
    assert "looks like a speaker" in dataset.group_hint


def test_class_folders_become_a_dataset(tmp_path: Path) -> None:
    """One column of absolute paths, labels from folders, pool and test beside."""
    dataset = read_dataset(small_problem(tmp_path / "tones"))
    assert (dataset.name, dataset.modality) == ("tones", Modality.AUDIO)
    assert dataset.classes == ("high", "low")
    assert [(c.name, c.kind) for c in dataset.columns] == [("audio", ColumnKind.AUDIO)]
    assert isinstance(dataset.X["audio"].dtype, pd.CategoricalDtype)
    for path, code in zip(dataset.X["audio"], dataset.y, strict=True):
        assert os.path.isabs(path)
        assert Path(path).parent.name == dataset.classes[code]
    assert dataset.n_unlabelled == 4
    assert dataset.y_test is not None
    assert np.bincount(dataset.y_test).tolist() == [3, 3]
    assert (dataset.groups, dataset.group_source, dataset.group_hint) == (None, "", "")
    assert "a folder of recordings for each of 2 classes" in said(dataset)


def test_broken_files_are_left_out_by_name_and_odd_ones_read(tmp_path: Path) -> None:
    """Nothing in the gallery is fatal, in any of the splits."""
    small_problem(tmp_path)
    for split in ("train/low", "test/high", "unlabeled"):
        for name, (content, _) in broken_files().items():
            put(tmp_path / split / name, content)
    for name, content in odd_files().items():
        put(tmp_path / "train" / "high" / name, content)
    dataset = read_dataset(tmp_path)
    assert dataset.n_labelled == 16 + len(odd_files())
    assert dataset.X_test is not None
    assert len(dataset.X_test) == 6
    told = {line.partition(": ")[0] for line in dataset.broken}
    assert {f"train/low/{name}" for name in broken_files()} <= told
    assert {f"test/high/{name}" for name in broken_files()} <= told
    assert len(told & {f"unlabeled/{name}" for name in broken_files()}) >= len(broken_files()) - 1
    assert "files that cannot be read as recordings were left out" in said(dataset)
    assert "train/high/really flac.wav (FLAC)" in said(dataset)
    assert "1 recordings hold samples that are no numbers" in said(dataset)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tables_name_recordings(form: str, tmp_path: Path) -> None:
    """Groups are a column, other columns are said to be unused, what no row names is the pool."""
    flat_folder(tmp_path / "clips", 12)
    frame = pd.DataFrame(
        {
            "clip": [f"clips/{i}.wav" for i in range(10)],
            "kind": ["low"] * 5 + ["high"] * 5,
            "who": [f"p{i % 4}" for i in range(10)],
            "weight": np.arange(10) / 2,
        }
    )
    path = tmp_path / f"labels.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    dataset = read_dataset(tmp_path, target="kind", groups="who")
    assert dataset.modality is Modality.AUDIO
    assert stems(dataset.X) == [str(i) for i in range(10)]
    assert sorted(stems(dataset.X_unlabelled)) == ["10", "11"]
    assert dataset.groups is not None
    assert len(set(dataset.groups)) == 4
    assert (dataset.group_source, dataset.group_columns) == ("given", ("who",))
    assert "not used: 'weight'" in said(dataset)


def test_recordings_in_cells_become_files_once(tmp_path: Path) -> None:
    """Bytes, ``{bytes, path}`` and decoded samples: equal content, equal path."""
    waves = [make("low" if i < 4 else "high", i) for i in range(8)]
    contents = [as_bytes(wave, subtype="FLOAT") for wave in waves]
    kinds = ["u", "v"] * 4
    held = pd.DataFrame({"audio": [{"bytes": c, "path": None} for c in contents], "kind": kinds})
    held.to_parquet(tmp_path / "held.parquet")
    plain = pd.DataFrame({"sound": contents, "kind": kinds})
    decoded = pd.DataFrame(
        {"audio": [{"array": w, "sampling_rate": 8_000} for w in waves], "kind": kinds}
    )
    datasets = [read_dataset(given) for given in (tmp_path / "held.parquet", held, plain, decoded)]
    assert {dataset.modality for dataset in datasets} == {Modality.AUDIO}
    assert len({tuple(dataset.X["audio"]) for dataset in datasets[:3]}) == 1
    assert all(Path(path).suffix == ".wav" for path in datasets[3].X["audio"])


def test_the_majority_of_files_is_meant(tmp_path: Path) -> None:
    """Pictures among recordings are told, and the other way round."""
    class_folders(tmp_path, each=4)
    for kind in ("low", "high"):
        put(tmp_path / kind / "cover.png", b"\x89PNG\r\n\x1a\n")
    dataset = read_dataset(tmp_path)
    assert dataset.modality is Modality.AUDIO
    assert "holds 8 recordings, more than anything else" in said(dataset)
    assert "not read: 2 pictures ('high/cover.png', 'low/cover.png')" in said(dataset)


def test_speakers_in_names_shape_the_split_unless_switched_off(tmp_path: Path) -> None:
    """Guessed and said; ``none`` looks for none; ``name3`` is the third part; no other name is one."""
    spoken_folders(tmp_path)
    guessed = read_dataset(tmp_path)
    assert guessed.group_source == "names"
    assert guessed.groups is not None
    assert [Path(p).stem.split("_")[1] for p in guessed.X["audio"]] == [
        ("ann", "bob", "eve")[group] for group in guessed.groups
    ]
    assert "part 2 of the names" in said(guessed)
    off = read_dataset(tmp_path, groups="none")
    assert (off.groups, off.group_source, off.group_columns) == (None, "given", ())
    assert "as asked" in said(off)
    assert off.fingerprint != guessed.fingerprint
    takes = read_dataset(tmp_path, groups="name3")
    assert takes.groups is not None
    assert (len(set(takes.groups)), takes.group_source) == (2, "given")
    assert takes.group_columns == ("name3",)
    for wrong in ("name9", "folder", "speaker"):
        with pytest.raises(UnknownTarget, match="group"):
            read_dataset(tmp_path, groups=wrong)


def test_speakers_of_the_test_split_have_the_same_numbers(tmp_path: Path) -> None:
    """So that those that were learned from can be counted."""
    spoken_folders(tmp_path / "train", ("ann", "bob", "eve"))
    spoken_folders(tmp_path / "test", ("bob", "zoe"), takes=1)
    dataset = read_dataset(tmp_path)
    assert dataset.test_groups is not None
    assert dataset.test_groups.tolist() == [1, 3, 1, 3]


def test_copies_share_a_number(tmp_path: Path) -> None:
    """Nearly equal recordings, in whatever format."""
    class_folders(tmp_path, each=4)
    put(tmp_path / "low" / "again.flac", as_bytes(0.5 * make("low", 2), "FLAC"))
    dataset = read_dataset(tmp_path)
    of = dict(zip(dataset.X["audio"], dataset.copies(), strict=True))
    low = {Path(path).stem: code for path, code in of.items() if "low" in path}
    assert low["again"] == low["2"]
    assert len(set(of.values())) == 8


def test_wrong_folders_are_refused_in_one_line(tmp_path: Path) -> None:
    """What was expected, what is there."""
    with pytest.raises(UnreadableData, match="holds 8 recordings and nothing that says"):
        read_dataset(flat_folder(tmp_path / "flat"))
    with pytest.raises(UnreadableData, match="is one recording"):
        read_dataset(tmp_path / "flat" / "0.wav")
    with pytest.raises(UnreadableData, match="recordings of only one class, 'low'"):
        read_dataset(class_folders(tmp_path / "one", ["low"]))
    gone = put(
        tmp_path / "g.csv", b"file,y\n" + b"".join(b"x%d.mp3,%d\n" % (i, i % 2) for i in range(9))
    )
    with pytest.raises(UnreadableData, match=r"names 9 recordings .* none of them exists"):
        read_dataset(gone)


def test_recordings_to_predict_come_in_order_and_none_is_left_out(tmp_path: Path) -> None:
    """From a file, folders, tables and memory; unreadable ones are missing."""
    columns = read_dataset(small_problem(tmp_path / "a", each=4)).columns
    flat = flat_folder(tmp_path / "flat", 4)
    put(flat / "bad.wav", b"text")

    def rows_of(data: object) -> list[tuple[str, bool]]:
        return [
            (name, not pd.isna(path))
            for names, frame, _ in read_files(data, columns, chunk_rows=3)
            for name, path in zip(names, frame["audio"], strict=True)
        ]

    expected = [*((f"{i}.wav", True) for i in range(4)), ("bad.wav", False)]
    assert rows_of(flat) == expected
    assert rows_of(flat / "bad.wav") == expected[-1:]
    assert len(rows_of(tmp_path / "a")) == 6
    table = put(flat / "t.csv", b"file,y\n3.wav,1\nno.wav,1\nbad.wav,0\n")
    assert rows_of(table) == [("3.wav", True), ("no.wav", False), ("bad.wav", False)]
    paths = [str(flat / "1.wav"), str(flat / "bad.wav")]
    for given in (paths, pd.DataFrame({"audio": paths}), np.array(paths), pd.Series(paths)):
        assert rows_of(given) == [(paths[0], True), (paths[1], False)]
    notes = [note for _, notes in read_features(flat, columns) for note in notes]
    assert notes == [
        "without a prediction: 1 recording that cannot be read (bad.wav: its content is no sound in a known format)"
    ]


@pytest.mark.parametrize("column", ["file", "path", "filename", "audio"])
def test_a_column_of_recordings_is_not_taken_for_pictures(column: str, tmp_path: Path) -> None:
    """What a column is called says that it names files, and their endings say of what."""
    flat_folder(tmp_path / "wavs")
    rows = [{column: f"wavs/{i}.wav", "label": "lh"[i >= 4]} for i in range(8)]
    pd.DataFrame(rows).to_csv(tmp_path / "all.csv", index=False)
    dataset = read_dataset(tmp_path / "all.csv")
    assert (dataset.modality, dataset.n_labelled) == (Modality.AUDIO, 8)


def test_a_list_that_holds_no_paths_is_refused(tmp_path: Path) -> None:
    """Samples without a rate are no recording, and are not taken for one that cannot be read."""
    dataset = read_dataset(small_problem(tmp_path / "tones"))
    with pytest.raises(UnreadableData, match="holds a ndarray"):
        list(read_features([np.zeros(800)], dataset.columns))
