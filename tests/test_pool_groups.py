"""Labelled items of one group beside a pool: they are left out together, and count as one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from advisor.dataset import Dataset, Modality, Task
from advisor.pools import PoolOverlap
from advisor.profilers import frozen
from advisor.profilers.pool import Labelled, far_chances, look_at_pool, nearest_distances
from advisor.profilers.separability import indicator_scores
from advisor.tables.columns import Column, ColumnKind
from tests.test_pool_profile import CLASSES, WIDTH, items, labelled, n_apart, share_of


def takes(
    n: int, each: int, seed: int, moved: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """So many speakers with so many takes each, near each other and far from other speakers: classes, speakers."""
    rng = np.random.default_rng(seed)
    who, codes = np.repeat(np.arange(n), each), rng.integers(0, 3, n)
    speakers = np.eye(3, WIDTH)[codes] * 6 + rng.normal(size=(n, WIDTH)) + moved
    found = speakers[who] + 0.1 * rng.normal(size=(n * each, WIDTH))
    return found.astype(np.float32), codes[who], who


def beside(each: int, seed: int, moved: float = 0.0, *, told: bool = True) -> PoolOverlap:
    """How a pool of other speakers lies to forty, whose takes are told to be of one speaker, or not."""
    embeddings, codes, who = takes(40, each, seed)
    shares = np.bincount(codes, minlength=3) / len(codes)
    sample = Labelled(embeddings, codes, CLASSES, shares, who if told else None)
    return look_at_pool(sample, takes(250, 2, seed + 100, moved)[0], "x")[0]


@pytest.mark.parametrize("each", [2, 5])
def test_takes_of_the_same_speakers_do_not_make_other_speakers_foreign(each: int) -> None:
    """Whole groups are left out together; a pool of another kind is found all the same."""
    found = [beside(each, seed) for seed in range(5)]
    assert share_of(found) < 0.1
    assert sum(one.holds_foreign and one.share_foreign >= 0.2 for one in found) <= 1
    assert n_apart(found) <= 2
    assert all(one.auc < 0.75 for one in found)
    assert share_of([beside(each, seed, told=False) for seed in range(5)]) > 0.5
    strange = [beside(each, seed, moved=4.0) for seed in range(3)]
    assert all(one.holds_foreign and one.stands_apart for one in strange)
    assert share_of(strange) > 0.9


def test_many_takes_of_one_speaker_count_as_one() -> None:
    """What the same item is repeated for changes nothing where the repeats are told to be one block."""
    one, pool = labelled(20), items([50, 70, 90], seed=1)
    blocks = np.repeat(np.arange(60), np.arange(60) % 4 + 1)
    assert one.codes is not None
    several = Labelled(one.embeddings[blocks], one.codes[blocks], CLASSES, one.shares, blocks)
    own, theirs = nearest_distances(several.embeddings, pool, blocks)
    alone = nearest_distances(one.embeddings, pool)
    assert np.allclose(own, alone[0][blocks])
    weights = 1 / np.bincount(blocks)[blocks]
    assert np.allclose(far_chances(own, theirs, weights, 60), far_chances(*alone))


def test_groups_of_a_dataset_are_left_out_together_beside_its_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the user said belongs together reaches the comparison; one group alone is compared with nothing."""
    embeddings, codes, who = takes(20, 4, 0)
    there = takes(100, 2, 5)[0]
    place = {f"p{i}": row for i, row in enumerate(np.concatenate([embeddings, there]))}
    monkeypatch.setattr(frozen, "embed", lambda names, _: np.stack([place[n] for n in names]))
    monkeypatch.setattr(
        frozen, "usable_backbones", lambda modality, asked=(): ("all_minilm_l6_v2",)
    )
    names = list(place)

    def look_at(groups: NDArray[np.int64] | None) -> object:
        dataset = Dataset(
            name="made",
            modality=Modality.TEXT,
            task=Task.MULTICLASS,
            X=pd.DataFrame({"text": pd.Categorical(names[:80])}),
            y=codes,
            columns=(Column(name="text", kind=ColumnKind.TEXT),),
            classes=CLASSES,
            targets=("label",),
            groups=groups,
        )
        fields = frozen.measure_backbones(
            dataset, np.arange(80), (), labelled=names[:80], pool=names[80:]
        )
        return fields["pool_overlap"]

    told, untold = look_at(who), look_at(None)
    assert isinstance(told, PoolOverlap)
    assert isinstance(untold, PoolOverlap)
    assert told.share_foreign < 0.2 < 0.5 < untold.share_foreign
    assert look_at(np.zeros(80, dtype=np.int64)) is None


def test_classes_of_one_group_each_are_given_no_shares() -> None:
    """Without its group nothing is known of a class."""
    one = labelled(20)
    groups = Labelled(one.embeddings, one.codes, CLASSES, one.shares, one.codes)
    assert look_at_pool(groups, items([70, 70, 70], seed=1), "x")[1] is None


def test_scores_leave_out_whole_groups() -> None:
    """Classes that go with the speaker alone are not known of a speaker who was not heard."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(24), 5)
    codes = rng.permutation(np.repeat([0, 1], 12))[who]
    x = (rng.normal(size=(24, WIDTH))[who] + 0.1 * rng.normal(size=(120, WIDTH))).astype(np.float32)
    right = [
        (indicator_scores(x, codes, x[:1], blocks)[0].argmax(axis=1) == codes).mean()
        for blocks in (None, who)
    ]
    assert right[0] > 0.95
    assert right[1] < 0.75
