"""Hand-made descriptors of pictures, and the strategy on them and on those of recordings."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import as_bytes, draw, put
from PIL import Image

from advisor.cache import ArrayCache
from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.fitting import fit_model
from advisor.images.decoding import load_picture
from advisor.images.descriptors import (
    BLOCKS,
    N_DESCRIPTORS,
    SPACE,
    block_columns,
    describe_files,
    describe_picture,
    descriptor_names,
)
from advisor.representation import FeatureInfo, Features
from advisor.sounds import descriptors as of_sounds
from advisor.space import load_space
from advisor.strategies.handmade import SHARES
from advisor.strategy import STRATEGIES, FitContext


def block(name: str, row: NDArray[np.float32]) -> NDArray[np.float32]:
    """One block of a description."""
    return row[block_columns([name])]


def striped(across: bool, side: int = 96) -> Image.Image:
    """A picture of grey stripes."""
    waves = (np.arange(side) // 6 % 2 * 200 + 20).astype(np.uint8)
    pixels = np.broadcast_to(waves if across else waves[:, None], (side, side))
    return Image.fromarray(np.repeat(pixels[:, :, None], 3, axis=2))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 40), (300, 7)])
def test_a_picture_of_any_size_is_described(size: tuple[int, int]) -> None:
    """Always the same number of finite numbers, with a name each."""
    row = describe_picture(Image.new("RGB", size, (200, 30, 30)))
    assert row.shape == (N_DESCRIPTORS,) == (len(descriptor_names()),)
    assert row.dtype == np.float32
    assert np.isfinite(row).all()


def test_colours_are_told_by_the_colour_blocks_alone() -> None:
    """A red and a blue plane have the same edges and texture."""
    red, blue = (
        describe_picture(Image.new("RGB", (50, 50), c)) for c in ((180, 0, 0), (0, 0, 180))
    )
    for name in ("edges", "fine_texture", "coarse_texture"):
        np.testing.assert_array_equal(block(name, red), block(name, blue))
    for name in ("colours", "moments", "layout"):
        assert np.abs(block(name, red) - block(name, blue)).max() > 0.5


def test_directions_are_told_by_edges_and_not_by_colours() -> None:
    """Stripes across and down differ in their gradients."""
    across, down = describe_picture(striped(True)), describe_picture(striped(False))
    assert np.abs(block("edges", across) - block("edges", down)).max() > 0.1
    np.testing.assert_allclose(block("colours", across), block("colours", down), atol=0.02)


def test_grey_has_no_hue() -> None:
    """Hues are weighted by saturation, so that rounding does not colour a grey picture."""
    row = block("colours", describe_picture(striped(True)))
    np.testing.assert_array_equal(row[:12], 0)


def test_blocks_share_out_the_numbers() -> None:
    """Every number belongs to one block."""
    found = np.concatenate([block_columns([name]) for name in BLOCKS])
    np.testing.assert_array_equal(found, np.arange(N_DESCRIPTORS))


def test_files_are_described_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal content is computed once, kept, and not computed again; what cannot be read is NaN."""
    first, second = (put(tmp_path / f"{c}.png", as_bytes(draw(c))) for c in ("red", "blue"))
    copy = put(tmp_path / "copy.png", first.read_bytes())
    damaged = put(tmp_path / "damaged.png", b"no picture")
    paths = [str(p) for p in (first, second, copy, damaged, tmp_path / "gone.png")]
    cache = ArrayCache(tmp_path / "cache", limit_bytes=10**7)
    values = describe_files(paths, cache=cache, threads=2)
    assert np.isfinite(values).all(axis=1).tolist() == [True, True, True, False, False]
    np.testing.assert_array_equal(values[0], values[2])
    np.testing.assert_array_equal(values[1], describe_picture(load_picture(second)))
    assert [(use.space, use.n) for use in cache.usage()] == [(SPACE, 2)]

    def never(picture: Image.Image) -> NDArray[np.float32]:
        raise AssertionError("computed again")

    monkeypatch.setattr("advisor.images.descriptors.describe_picture", never)
    np.testing.assert_array_equal(describe_files(paths, cache=cache), values)


def test_a_deadline_keeps_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches before it are in the cache, and the next call goes on from there."""
    paths = [str(put(tmp_path / f"{i}.png", as_bytes(draw("red", i)))) for i in range(3)]
    monkeypatch.setattr("advisor.media.kept.BATCH", 1)
    cache = ArrayCache(tmp_path / "cache", limit_bytes=10**7)
    with pytest.raises(DeadlineExceeded):
        describe_files(paths, cache=cache, deadline=TwoLooks(None))
    assert cache.usage()[0].n == 2
    assert np.isfinite(describe_files(paths, cache=cache)).all()


class TwoLooks(Deadline):
    """Passes at the third look at the clock."""

    looks = 0

    def passed(self) -> bool:
        """Count a look."""
        self.looks += 1
        return self.looks > 2


@pytest.mark.parametrize("head", ["svm", "linear", "extra_trees"])
@pytest.mark.parametrize("blocks", ["all", "histograms"])
def test_every_head_learns_colours_from_few_pictures(head: str, blocks: str) -> None:
    """Six pictures a class, and others to predict."""
    colours = ("red", "green", "blue")
    rows = [
        [describe_picture(draw(c, 10 * k + i)) for i in range(10)] for k, c in enumerate(colours)
    ]
    values, y = np.array(rows), np.repeat(np.arange(3), 6)
    info = FeatureInfo(names=descriptor_names())
    context = FitContext(task=Task.MULTICLASS, n_outputs=3, info=info, seed=0)
    space = load_space("handmade", "image_few_shot", {}, Task.MULTICLASS)
    params = space.complete({"head": head, "blocks": blocks})
    X = Features(values[:, :6].reshape(18, -1), info)
    model = fit_model(STRATEGIES["handmade"], params, context, X, y, Deadline(None))
    found = model.predict(values[:, 6:].reshape(12, -1))
    assert (found.argmax(axis=1) == np.repeat(np.arange(3), 4)).mean() > 0.9


@pytest.mark.parametrize("head", ["svm", "linear"])
@pytest.mark.parametrize("blocks", ["all", "cepstrum"])
def test_every_head_learns_sounds_from_few_recordings(head: str, blocks: str) -> None:
    """Six recordings a class of tones, noise and clicks, and others to predict."""
    numbers = np.random.default_rng(0)
    moments = np.arange(6000) / 16000

    def sound(kind: int) -> NDArray[np.float32]:
        if kind == 0:
            wave = np.sin(2 * np.pi * numbers.uniform(300, 600) * moments)
        elif kind == 1:
            wave = numbers.normal(size=6000)
        else:
            wave = (numbers.random(6000) < 0.003).astype(np.float64)
        return np.asarray(numbers.uniform(0.1, 0.5) * wave, dtype=np.float32)

    values = np.array([[of_sounds.describe_sound(sound(k)) for _ in range(10)] for k in range(3)])
    info = FeatureInfo(names=of_sounds.descriptor_names())
    context = FitContext(task=Task.MULTICLASS, n_outputs=3, info=info, seed=0)
    space = load_space("handmade", "audio_few_shot", {}, Task.MULTICLASS)
    params = space.complete({"head": head, "blocks": blocks})
    X = Features(values[:, :6].reshape(18, -1), info)
    model = fit_model(
        STRATEGIES["handmade"], params, context, X, np.repeat(np.arange(3), 6), Deadline(None)
    )
    found = model.predict(values[:, 6:].reshape(12, -1))
    assert (found.argmax(axis=1) == np.repeat(np.arange(3), 4)).mean() > 0.9


def test_every_descriptor_belongs_to_a_block_with_a_share() -> None:
    """Of pictures and of recordings: a new block without one would not be used."""
    names = (*descriptor_names(), *of_sounds.descriptor_names())
    assert {name.partition(".")[0] for name in names} == set(SHARES)


def test_real_steel_surfaces_are_told_apart(shared_data: Path) -> None:
    """Ten pictures of each of six kinds of defect, and the test split: far above guessing."""
    folder = shared_data / "neu_steel_defects"
    if not folder.is_dir():
        pytest.skip(f"no steel surfaces in {shared_data}")
    kinds = sorted(p.name for p in (folder / "test").iterdir())
    files = [[sorted((folder / s / k).iterdir())[:10] for k in kinds] for s in ("train", "test")]
    train, test = (describe_files([str(p) for kind in side for p in kind]) for side in files)
    y, truth = (np.repeat(np.arange(6), [len(kind) for kind in side]) for side in files)
    info = FeatureInfo(names=descriptor_names())
    context = FitContext(task=Task.MULTICLASS, n_outputs=6, info=info, seed=0)
    params = load_space("handmade", "image_scarce", {}, Task.MULTICLASS).defaults()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_model(
            STRATEGIES["handmade"], params, context, Features(train, info), y, Deadline(None)
        )
    assert (fit.predict(test).argmax(axis=1) == truth).mean() > 0.7
