"""Pictures as rows of bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from advisor.dataset import read_dataset
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRun, UnreadableData
from advisor.representation import Representation, make_representation
from advisor.representations.pixels import LOGMEL, SIDE, PixelsRepresentation
from advisor.tables.columns import Column, ColumnKind
from tests.pictures import class_folders
from tests.problems import workspace_of

COLUMNS = (Column(name="picture", kind=ColumnKind.IMAGE),)


def fitted(X: pd.DataFrame) -> Representation:
    """Make the representation by its name, and fit it."""
    return make_representation("pixels").fit(X, COLUMNS, seed=0)


def frame(*paths: Path | None) -> pd.DataFrame:
    """A column of paths."""
    return pd.DataFrame({"picture": pd.Series([p and str(p) for p in paths], dtype="category")})


def stripes(path: Path, width: int, height: int) -> Path:
    """Write a picture that is red at the left, green in the middle and blue at the right."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    third = (width - height) // 2
    pixels[:, :third, 0] = 255
    pixels[:, third : width - third, 1] = 255
    pixels[:, width - third :, 2] = 255
    Image.fromarray(pixels).save(path)
    return path


def test_the_centre_square_is_kept_whatever_the_size(tmp_path: Path) -> None:
    """Of a wide picture the middle alone is seen, for large and for small ones."""
    X = frame(stripes(tmp_path / "a.png", 900, 300), stripes(tmp_path / "b.png", 96, 32))
    features = fitted(X).transform(X)
    assert features.values.shape == (2, SIDE * SIDE * 3)
    assert features.values.dtype == np.uint8
    squares = features.values.reshape(2, SIDE, SIDE, 3)
    assert (squares[..., 1] > 250).mean() > 0.97
    assert squares[..., [0, 2]].mean() < 3


def test_unreadable_and_absent_pictures_are_black(tmp_path: Path) -> None:
    """A damaged file, no file, and no path: zeros; the row beside them is not."""
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    good = stripes(tmp_path / "good.png", 40, 20)
    X = frame(tmp_path / "damaged.png", tmp_path / "absent.png", None, good)
    values = fitted(X).transform(X).values
    assert values[:3].max() == 0
    assert values[3].max() == 255


def test_it_learns_nothing_and_comes_back_from_a_folder(tmp_path: Path) -> None:
    """One matrix serves every fold; a saved one transforms the same."""
    X = frame(stripes(tmp_path / "a.png", 60, 30))
    representation = fitted(X)
    assert not representation.learns
    (tmp_path / "saved").mkdir()
    representation.save(tmp_path / "saved")
    loaded = PixelsRepresentation.load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.transform(X).values, representation.transform(X).values)
    (tmp_path / "saved" / "items.json").write_text("{}")
    with pytest.raises(InvalidRun):
        PixelsRepresentation.load(tmp_path / "saved")


def test_a_table_without_pictures_is_refused() -> None:
    """The message says what there is instead."""
    columns = (Column(name="age", kind=ColumnKind.NUMERIC),)
    with pytest.raises(UnreadableData, match="'age'"):
        make_representation("pixels").fit(pd.DataFrame({"age": [1.0]}), columns, seed=0)


def test_decoding_stops_at_the_deadline(tmp_path: Path) -> None:
    """Between two pictures."""
    path = stripes(tmp_path / "a.png", 40, 20)
    with pytest.raises(DeadlineExceeded):
        PixelsRepresentation().compute([str(path)] * 3, Deadline(0.0))


def test_a_recording_becomes_its_log_mel_picture(tmp_path: Path) -> None:
    """By the kind of the column; the columns' name says so, and an unreadable file is black."""
    soundfile = pytest.importorskip("soundfile", reason="recordings need the extra 'audio'")
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000).astype(np.float32)
    soundfile.write(tmp_path / "tone.wav", tone, 16_000)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    X = frame(tmp_path / "tone.wav", tmp_path / "broken.wav")
    columns = (Column(name="picture", kind=ColumnKind.AUDIO),)
    features = make_representation("pixels").fit(X, columns, seed=0).transform(X)
    assert features.info.names == (LOGMEL,)
    squares = np.asarray(features.values).reshape(2, SIDE, SIDE, 3)
    assert squares[0].max() == 255
    assert squares[1].max() == 0


def test_pixels_for_training_have_a_deadline_and_those_for_predicting_none(tmp_path: Path) -> None:
    """All is decoded by ``transform``, so that is where time runs out; a saved one knows nothing of it."""
    X = frame(stripes(tmp_path / "a.png", 60, 30))
    representation = fitted(X)
    representation.prepare(X, Deadline(0.0))
    with pytest.raises(DeadlineExceeded):
        representation.transform(X)
    (tmp_path / "saved").mkdir()
    representation.save(tmp_path / "saved")
    assert PixelsRepresentation.load(tmp_path / "saved").transform(X).values.max() == 255


def test_what_ran_out_of_time_is_prepared_again(tmp_path: Path) -> None:
    """A workspace keeps no half of it, and does not take it for done."""
    dataset = read_dataset(class_folders(tmp_path / "pictures", each=4))
    workspace = workspace_of(dataset, tmp_path / "work", folds=2)
    with pytest.raises(DeadlineExceeded):
        workspace.prepare("pixels", Deadline(0.0))
    assert not list((tmp_path / "work").glob("features/*"))
    workspace.prepare("pixels", Deadline(None))
    assert workspace.features(0, "pixels").train.values.shape == (4, SIDE * SIDE * 3)
