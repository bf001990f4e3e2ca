"""What is measured of pictures: copies, looks, meaning, and what a backbone knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

from advisor.backbone import find_backbone
from advisor.dataset import Dataset, Task, read_dataset
from advisor.images.looks import look_at, measure
from advisor.images.similarity import near_duplicates, read_signatures
from advisor.profile import ImageProfile, profile_dataset
from advisor.profilers import frozen
from advisor.profilers.meaning import colour_skill, mirror_loss
from advisor.profilers.separability import leave_one_out_score

Pixels = NDArray[np.uint8]


def scene(
    seed: int, width: int = 120, height: int = 90, tint: Sequence[float] = (1, 1, 1)
) -> Pixels:
    """A colour picture with structure at several scales, another one for every seed."""
    rng = np.random.default_rng(seed)
    layers = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 40):
        rough = Image.fromarray(rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        layers += np.asarray(rough.resize((width, height), Image.Resampling.BICUBIC)) / 4
    return np.asarray((layers * np.array(tint)).clip(0, 255), dtype=np.uint8)


def write(folder: Path, pictures: dict[str, Pixels | Image.Image]) -> list[str]:
    """Write pictures under their names; paths in the same order."""
    paths = []
    for name, pixels in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        picture.save(path, quality=92)
        paths.append(str(path))
    return paths


@pytest.fixture
def no_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no backbone can run."""
    monkeypatch.setattr(frozen, "usable_backbones", lambda modality, asked=(): ())


def profile_of(dataset: Dataset) -> ImageProfile:
    """Its profile, as the type it is."""
    profile = profile_dataset(dataset)
    assert isinstance(profile, ImageProfile)
    return profile


def test_recompressed_resized_and_brightened_copies_are_found(tmp_path: Path) -> None:
    """And different pictures stay different."""
    whole = Image.fromarray(scene(0, 400, 300))
    whole.save(tmp_path / "small.jpg", quality=40)
    paths = write(
        tmp_path,
        {
            "whole.png": whole,
            "other.png": scene(1, 400, 300),
            "half.png": whole.resize((200, 150)),
            "light.png": whole.point(lambda level: min(255, level * 1.1)),
            "third.png": scene(2, 400, 300),
        },
    )
    codes = near_duplicates([*paths, str(tmp_path / "small.jpg")])
    assert codes.tolist() == [0, 1, 0, 0, 2, 0]


def test_equal_files_are_copies_whatever_is_on_them(tmp_path: Path) -> None:
    """Also plain ones, tiny ones, and those that cannot be decoded; nothing else is among these."""
    plain = np.full((64, 64, 3), 200, np.uint8)
    paths = write(tmp_path, {"a.png": plain, "b.png": plain, "c.png": plain + 2})
    paths += write(tmp_path, {"d.png": scene(0, 8, 8), "e.png": scene(0, 8, 8)})
    for name in ("f.png", "g.png"):
        (tmp_path / name).write_bytes(b"no picture")
        paths.append(str(tmp_path / name))
    assert near_duplicates(paths).tolist() == [0, 0, 1, 2, 2, 3, 3]


def test_missing_files_are_copies_of_nothing(tmp_path: Path) -> None:
    """There is no content to compare."""
    assert near_duplicates([str(tmp_path / "a.png"), str(tmp_path / "b.png")]).tolist() == [0, 1]
    assert near_duplicates([]).tolist() == []


def test_textures_and_digits_do_not_collapse(tmp_path: Path) -> None:
    """Noise of one kind, and digits of one shape, are different pictures."""
    rng = np.random.default_rng(0)
    textures: dict[str, Pixels | Image.Image] = {
        f"t{i}.png": rng.normal(128, 12, (96, 96)).clip(0, 255).astype(np.uint8) for i in range(60)
    }
    digits = load_digits().images[:300] * 255 / 16
    shapes: dict[str, Pixels | Image.Image] = {
        f"d{i}.png": Image.fromarray(digit.astype(np.uint8)).resize((64, 64))
        for i, digit in enumerate(digits)
    }
    assert np.unique(near_duplicates(write(tmp_path, textures))).size == 60
    assert np.unique(near_duplicates(write(tmp_path, shapes))).size >= 298


@pytest.mark.parametrize(
    ("name", "n_copies"), [("hymenoptera", 0), ("neu_steel_defects", 0), ("cifar10_small", 0)]
)
def test_real_sets_hold_no_false_copies(shared_data: Path, name: str, n_copies: int) -> None:
    """All labelled pictures of these three are different (looked at by hand)."""
    paths = sorted(str(path) for path in (shared_data / name / "train").rglob("*.jpg"))
    assert len(paths) - np.unique(near_duplicates(paths)).size == n_copies


def test_looks_tell_grey_flat_and_blurred(tmp_path: Path) -> None:
    """Stored as three channels or one, with JPEG noise or without."""
    page = np.full((200, 150, 3), 250, np.uint8)
    page[40:60, 20:130] = 20
    sharp = Image.fromarray(scene(3, 90, 90))
    paths = write(
        tmp_path,
        {
            "grey.jpg": np.repeat(scene(1)[..., :1], 3, axis=2),
            "page.png": page,
            "sharp.png": sharp,
            "blurred.png": sharp.filter(ImageFilter.GaussianBlur(4)),
        },
    )
    (tmp_path / "broken.png").write_bytes(b"no picture")
    grey, flat, crisp, soft, broken = look_at([*paths, str(tmp_path / "broken.png")])
    assert broken is None
    assert grey is not None
    assert flat is not None
    assert crisp is not None
    assert soft is not None
    assert (grey.grey, crisp.grey) == (True, False)
    assert (flat.flat_ground, crisp.flat_ground) == (True, False)
    assert soft.sharpness < crisp.sharpness - 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2), (3, 3)])
def test_pictures_of_a_few_pixels_have_looks(shape: tuple[int, int]) -> None:
    """However little there is to see."""
    looks = measure(np.zeros((*shape, 3), np.uint8))
    assert np.isfinite(looks.sharpness)
    assert looks.brightness == 0


def test_colour_tells_where_it_is_the_label() -> None:
    """Red and green ones; the same pictures under random labels."""
    rng = np.random.default_rng(0)
    codes = np.arange(80) % 2
    tints = [(1, 0.6, 0.6), (0.6, 1, 0.6)]
    coarse = np.stack([scene(i, 16, 16, tints[c]) for i, c in enumerate(codes)])
    assert colour_skill(coarse, codes) > 0.9
    assert colour_skill(coarse, rng.permutation(codes)) < 0.4
    assert colour_skill(coarse, np.zeros(80, np.int64)) == 0


def test_mirroring_confuses_digits_and_not_scenes() -> None:
    """For scenes left and right are one."""
    bunch = load_digits()
    digits = np.repeat((bunch.images[:400] * 15).astype(np.uint8)[..., None], 3, axis=3)
    assert mirror_loss(digits, bunch.target[:400].astype(np.int64)) > 0.4
    scenes = np.stack([scene(i, 16, 16) for i in range(80)])
    assert mirror_loss(scenes, np.arange(80) % 2) < 0.3


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION])
def test_separability_tells_signal_from_none(task: Task) -> None:
    """Near 1 where the target is in the embedding, near guessing where it is not."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(120, 300)).astype(np.float32) + 1
    signal = {
        Task.BINARY: (embeddings[:, 0] > 1).astype(np.int64),
        Task.MULTICLASS: np.argmax(embeddings[:, :3], axis=1),
        Task.MULTILABEL: (embeddings[:, :2] > 1).astype(np.int8),
        Task.REGRESSION: embeddings[:, 0].astype(np.float64),
    }[task]
    embeddings[:, :3] *= 30
    none = rng.permutation(signal)
    chance = {Task.MULTICLASS: 1 / 3, Task.REGRESSION: 0.0}.get(task, 0.5)
    assert leave_one_out_score(embeddings, signal, task) > 0.75
    assert abs(leave_one_out_score(embeddings, none, task) - chance) < 0.2


def test_separability_is_leave_one_out() -> None:
    """The closed form is what refitting without each item gives."""
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(30, 8)).astype(np.float32)
    codes = (embeddings[:, 0] + rng.normal(size=30) > 0).astype(np.int64)
    # with random labels a score that had seen them would be far above guessing
    scores = [
        leave_one_out_score(embeddings, rng.permutation(codes), Task.BINARY) for _ in range(20)
    ]
    assert abs(float(np.mean(scores)) - 0.5) < 0.08


def test_an_imbalanced_separability_is_not_that_of_the_large_class() -> None:
    """Always naming the large class is worth a half."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(200, 20)).astype(np.float32)
    codes = (np.arange(200) < 20).astype(np.int64)
    assert leave_one_out_score(embeddings, codes, Task.BINARY) < 0.65


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, a test split and a pool, with a copy across each border and one broken file."""
    pictures: dict[str, Pixels | Image.Image] = {
        f"train/{name}/{i}.jpg": scene(100 * k + i, tint=tint)
        for k, (name, tint) in enumerate([("green", (0.6, 1, 0.6)), ("red", (1, 0.6, 0.6))])
        for i in range(12)
    }
    pictures |= {
        f"test/{name}/{i}.jpg": scene(300 + i) for i in range(4) for name in ("red", "green")
    }
    pictures |= {f"unlabeled/{i}.jpg": scene(400 + i) for i in range(6)}
    pictures["train/red/copy.png"] = scene(3, tint=(0.6, 1, 0.6))
    pictures["test/red/copy.png"] = scene(105, tint=(1, 0.6, 0.6))
    pictures["unlabeled/copy.png"] = scene(106, tint=(1, 0.6, 0.6))
    pictures["train/green/black.png"] = np.zeros((90, 120, 3), np.uint8)
    write(tmp_path, pictures)
    (tmp_path / "train/red/broken.jpg").write_bytes(b"")
    return tmp_path


def test_a_profile_tells_copies_across_borders_and_odd_files(
    folder: Path, no_backbone: None
) -> None:
    """Each once, and by name."""
    profile = profile_of(read_dataset(folder))
    assert (profile.n_labelled, profile.n_test, profile.n_unlabelled) == (26, 9, 7)
    assert profile.n_near_duplicates == 1
    assert profile.n_near_conflicts == 2
    assert profile.n_near_test_overlap == 1
    assert profile.n_pool_overlap == 1
    assert profile.n_duplicates == 0
    assert profile.examples[0] == "green/3.jpg ~ red/copy.png"
    assert profile.brightness_outliers == ("green/black.png",)
    assert profile.n_broken == 1
    assert "broken.jpg" in profile.broken[0]
    assert profile.formats == {"JPEG": 24, "PNG": 2}
    assert profile.width == (120, 120, 120)
    assert profile.share_small == 1.0
    assert profile.content == "tiny"
    assert profile.colour_tells is not None
    assert profile.colour_tells > 0.5


def test_a_profile_without_a_backbone_is_whole_otherwise(folder: Path, no_backbone: None) -> None:
    """What a backbone would say is empty; the rest is there and survives JSON."""
    profile = profile_of(read_dataset(folder))
    assert profile.backbones == ()
    assert profile.separability == {}
    assert profile.pool_overlap is None
    assert ImageProfile.model_validate_json(profile.model_dump_json()) == profile


def test_the_order_of_the_pictures_has_no_influence(folder: Path, no_backbone: None) -> None:
    """Samples are drawn by names."""
    dataset = read_dataset(folder)
    rows = np.random.default_rng(0).permutation(dataset.n_labelled)
    shuffled = profile_of(dataset.take(rows))
    plain = profile_of(dataset)
    assert shuffled.model_dump(exclude={"examples"}) == plain.model_dump(exclude={"examples"})


@pytest.fixture
def two_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a backbone that sees colours, and a smaller one that sees noise."""

    def embedded(paths: Sequence[str], backbone: str) -> NDArray[np.float32]:
        coarse = read_signatures(list(paths)).coarse.reshape(len(paths), -1).astype(np.float32)
        noise = np.random.default_rng(0).normal(size=(len(paths), 8)).astype(np.float32)
        return coarse if backbone == "colours" else noise

    card = find_backbone("efficientnet_lite0")
    monkeypatch.setattr(frozen, "usable_backbones", lambda modality, asked=(): ("noise", "colours"))
    monkeypatch.setattr(frozen, "fetch_backbone", lambda name: "buy one" if name == "huge" else "")
    monkeypatch.setattr(frozen, "find_backbone", lambda name, modality=None: card)
    monkeypatch.setattr(frozen, "embed", embedded)


def test_backbones_are_ordered_by_what_they_know_here(folder: Path, two_backbones: None) -> None:
    """Not by size or reputation; what was asked for and is not there is told."""
    profile = profile_dataset(read_dataset(folder), ["colours", "noise", "huge"])
    assert isinstance(profile, ImageProfile)
    assert profile.backbones == ("colours", "noise")
    assert profile.separability["colours"] > 0.8 > profile.separability["noise"]
    assert profile.backbones_missing == {"huge": "buy one"}


def test_the_pool_is_laid_beside_the_labelled_pictures(folder: Path, two_backbones: None) -> None:
    """In the embedding of the best backbone; the pool here has no colour of its own, and one copy."""
    overlap = profile_of(read_dataset(folder)).pool_overlap
    assert overlap is not None
    assert (overlap.backbone, overlap.n_pool) == ("colours", 7)
    assert overlap.share_foreign <= 6 / 7


def test_dear_backbones_are_asked_about_fewer_pictures(
    folder: Path, two_backbones: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that advice comes in seconds whatever was asked for."""
    asked: list[int] = []

    def counting(paths: Sequence[str], backbone: str) -> NDArray[np.float32]:
        asked.append(len(paths))
        return np.random.default_rng(0).normal(size=(len(paths), 8)).astype(np.float32)

    monkeypatch.setattr(frozen, "embed", counting)
    monkeypatch.setattr(frozen, "FEWEST", 10)
    monkeypatch.setattr(frozen, "SECONDS", 1e-6)
    profile_of(read_dataset(folder))
    assert max(asked[:2]) == 10


def test_masks_are_profiled_by_what_they_cover(tmp_path: Path, no_backbone: None) -> None:
    """Segmentation has no classes, and one number of its own."""
    mask = np.zeros((90, 120), np.uint8)
    mask[:45] = 255
    for i in range(6):
        write(tmp_path / "train/images", {f"{i}.png": scene(i)})
        write(tmp_path / "train/masks", {f"{i}.png": mask})
    profile = profile_of(read_dataset(tmp_path))
    assert profile.task is Task.SEGMENTATION
    assert profile.mask_share == pytest.approx(0.5)
    assert profile.class_counts == {}


def test_only_classes_of_several_items_are_scored() -> None:
    """A single one is never told by the others; where all are single, there is nothing to say."""
    rng = np.random.default_rng(0)
    corners = np.eye(40, dtype=np.float32)
    codes = np.repeat(np.arange(40), 2)
    embeddings = corners[codes] + rng.normal(0, 0.01, (80, 40)).astype(np.float32)
    assert leave_one_out_score(embeddings[::2], codes[::2], Task.MULTICLASS) is None
    mixed = np.r_[0:40, 40:80:2]  # twenty classes of two, twenty of one
    assert leave_one_out_score(embeddings[mixed], codes[mixed], Task.MULTICLASS) == 1.0
    members = (codes[:, None] == np.arange(3)).astype(np.int8)
    members[1, 0] = 0  # a label of one item
    alone = leave_one_out_score(embeddings, members[:, 1:], Task.MULTILABEL)
    assert leave_one_out_score(embeddings, members, Task.MULTILABEL) == alone
    assert leave_one_out_score(embeddings, members[:, :1], Task.MULTILABEL) is None
