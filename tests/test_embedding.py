"""Embeddings are computed once per content, survive interruption, and are the same wherever they come from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pretrained import save_pictures

from advisor.backbone import BackboneCard, find_backbone
from advisor.cache import ArrayCache
from advisor.deadline import Deadline
from advisor.embedding import embed, space_of
from advisor.errors import DeadlineExceeded, InvalidRequest

LITE0 = "efficientnet_lite0"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test fills."""
    monkeypatch.setenv("REGIME_ADVISOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Counting:
    """A loader that counts what it is asked for: the sum of each file's bytes, in batches of two."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.asked: list[str] = []
        self.stop_after = stop_after

    def fingerprint(self, card: BackboneCard) -> str:
        """Pretend."""
        return "0" * 64

    def embed(
        self, card: BackboneCard, items: Sequence[str], **options: Any
    ) -> Iterator[NDArray[np.float32]]:
        """Embed, and run out of time after some batches."""
        for done, start in enumerate(range(0, len(items), 2)):
            if done == self.stop_after:
                raise DeadlineExceeded("over")
            batch = items[start : start + 2]
            self.asked += batch
            rows = np.zeros((len(batch), card.width), dtype=np.float32)
            for row, item in zip(rows, batch, strict=True):
                content = Path(item).read_bytes()
                row[:] = sum(content) if content else np.nan
            yield rows


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The counting loader in place of timm's."""
    loader = Counting()
    monkeypatch.setattr("advisor.embedding.LOADERS", {"timm": loader})
    return loader


def files_of(folder: Path, contents: Sequence[bytes]) -> list[str]:
    """Write files."""
    for i, content in enumerate(contents):
        (folder / f"{i}").write_bytes(content)
    return [str(folder / f"{i}") for i in range(len(contents))]


def test_equal_contents_are_computed_once(tmp_path: Path, counting: Counting) -> None:
    """Copies and later calls are read from the cache, in the order asked for."""
    paths = files_of(tmp_path, [b"\1", b"\2", b"\1", b"\3"])
    first = embed(paths, LITE0)
    assert first[:, 0].tolist() == [1, 2, 1, 3]
    assert first.shape == (4, 1280)
    assert first.dtype == np.float32
    assert len(counting.asked) == 3
    assert embed(paths[::-1], LITE0)[:, 0].tolist() == [3, 1, 2, 1]
    assert len(counting.asked) == 3
    assert embed(paths[:1], LITE0, view="flip")[0, 0] == 1
    assert len(counting.asked) == 4


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, counting: Counting) -> None:
    """What was computed before the deadline is not computed again."""
    paths = files_of(tmp_path, [bytes([i]) for i in range(1, 8)])
    counting.stop_after = 2
    with pytest.raises(DeadlineExceeded):
        embed(paths, LITE0)
    counting.stop_after = None
    assert embed(paths, LITE0)[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(counting.asked) == 7


def test_unreadable_items_are_nan_and_are_tried_again(tmp_path: Path, counting: Counting) -> None:
    """A file that is gone or cannot be read gives a row of NaN, which is not kept."""
    paths = [*files_of(tmp_path, [b"\1", b"", b"\2"]), str(tmp_path / "gone")]
    for _ in range(2):
        found = embed(paths, LITE0)
        assert np.isnan(found).all(axis=1).tolist() == [False, True, False, True]
    assert len(counting.asked) == 4


def test_no_items_give_an_empty_matrix(counting: Counting) -> None:
    """The width is right even so."""
    assert embed([], LITE0).shape == (0, 1280)


def test_a_broken_cache_costs_time_and_nothing_else(tmp_path: Path, counting: Counting) -> None:
    """Embeddings are the same without a cache."""
    paths = files_of(tmp_path, [b"\1", b"\2"])
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="computed anew"):
        found = embed(paths, LITE0, cache=ArrayCache(tmp_path / "file" / "x"))
    assert found[:, 0].tolist() == [1, 2]


def test_a_space_names_all_that_an_embedding_depends_on(counting: Counting) -> None:
    """Another size, crop, normalisation or view is another space; another name of the same is not."""
    card = find_backbone(LITE0)
    changes: list[dict[str, object]] = [
        {"input_size": 160},
        {"crop_share": 1.0},
        {"mean": (0.0, 0.0, 0.0)},
        {"std": (1.0, 1.0, 1.0)},
        {"interpolation": "bilinear"},
        {"source": "resnet18"},
    ]
    spaces = [space_of(card.model_copy(update=change), "plain") for change in changes]
    spaces += [space_of(card, "plain"), space_of(card, "flip")]
    assert len(set(spaces)) == len(spaces)
    assert space_of(card.model_copy(update={"name": "another"}), "plain") == spaces[-2]


def test_an_unknown_backbone_is_named() -> None:
    """The message suggests the nearest one."""
    with pytest.raises(InvalidRequest, match="Did you mean 'efficientnet_lite0'"):
        embed([], "efficientnet_lit0")


def test_a_warm_cache_loads_no_torch(tmp_path: Path, own_cache: Path) -> None:
    """Embeddings in the cache need nothing; a new picture needs the converted network alone."""
    pytest.importorskip("openvino")
    paths = save_pictures(tmp_path, 3)
    embed(paths, LITE0, threads=1)
    folder = tmp_path / "new"
    folder.mkdir()
    new = save_pictures(folder, 4)[-1]
    script = (
        "import sys; from advisor.embedding import embed\n"
        "known = embed(sys.argv[1:-1], 'efficientnet_lite0', threads=1)\n"
        "print('openvino' in sys.modules, float(known.sum()))\n"
        "embed(sys.argv[-1:], 'efficientnet_lite0', threads=1)\n"
        "print([m for m in ('torch', 'timm', 'openvino_telemetry') if sys.modules.get(m)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *paths, new],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    expected = float(embed(paths, LITE0).sum())
    assert done.stdout.splitlines() == [f"False {expected}", "[]"]


def test_views_differ_and_are_the_same_for_the_same_picture(tmp_path: Path) -> None:
    """A view of a copy under another name is the same; two views are not; a passed deadline stops."""
    (path,) = save_pictures(tmp_path, 1)
    copy = str(tmp_path / "copy.jpg")
    shutil.copy(path, copy)
    views = [embed([path], LITE0, view=v, threads=1) for v in ("plain", "flip", "view1", "view2")]
    for i, one in enumerate(views):
        for other in views[:i]:
            assert np.abs(one - other).max() > 1e-3
    elsewhere = ArrayCache(tmp_path / "elsewhere")
    again = embed([copy], LITE0, view="view1", threads=1, cache=elsewhere)
    np.testing.assert_array_equal(again, views[2])
    with pytest.raises(DeadlineExceeded):
        embed([path], LITE0, view="view3", deadline=Deadline(0))
