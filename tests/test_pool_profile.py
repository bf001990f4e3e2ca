"""What is measured of a pool: whether it is of one kind with the labelled items, and which classes it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.dataset import read_dataset
from advisor.pools import PoolOverlap, PoolPrior
from advisor.profile import ImageProfile, profile_dataset
from advisor.profilers import frozen
from advisor.profilers.class_shares import estimate_shares
from advisor.profilers.pool import (
    Labelled,
    far_chances,
    look_at_pool,
    nearest_distances,
    tell_apart,
)
from advisor.profilers.separability import indicator_scores
from advisor.rules.pool_shift import pool_has_other_shares, pool_is_small
from tests.pictures import as_bytes, class_folders, draw, put
from tests.profiles import healthy_image_profile, healthy_profile

CLASSES = ("a", "b", "c")
WIDTH = 30


def items(counts: list[int], seed: int, spread: float = 0.35) -> NDArray[np.float32]:
    """Embeddings around one centre per class, in the order of the classes."""
    centres = np.eye(len(counts), WIDTH)
    noise = np.random.default_rng(seed).normal(0, spread / np.sqrt(WIDTH) * 2, (sum(counts), WIDTH))
    return (np.repeat(centres, counts, axis=0) + noise).astype(np.float32)


def labelled(each: int, seed: int = 0, spread: float = 0.35) -> Labelled:
    """As many items of each of three classes."""
    codes = np.repeat(np.arange(3), each)
    return Labelled(items([each] * 3, seed, spread), codes, CLASSES, np.full(3, 1 / 3))


def look(
    pool: NDArray[np.float32], each: int = 20, spread: float = 0.35, seed: int = 0
) -> tuple[PoolOverlap, PoolPrior | None]:
    """What is found of a pool beside so many labels of each class."""
    return look_at_pool(labelled(each, seed, spread), pool, "small")


def overlaps(pool: NDArray[np.float32], each: int = 20) -> list[PoolOverlap]:
    """How it lies to three draws of labelled items, since one draw may be an odd one."""
    return [look(pool, each, seed=3_000 + seed)[0] for seed in range(3)]


def share_of(found: list[PoolOverlap]) -> float:
    """The middle one of the estimated shares."""
    return float(np.median([one.share_foreign for one in found]))


def n_apart(found: list[PoolOverlap]) -> int:
    """How many are told apart beyond chance."""
    return sum(one.stands_apart for one in found)


def test_a_pool_of_the_same_kind_is_not_told_apart() -> None:
    """Nothing is foreign, nothing is apart, no class has another share."""
    pool = items([70, 70, 70], seed=1)
    found, (_, prior) = overlaps(pool), look(pool)
    assert np.median([one.auc for one in found]) < 0.65
    assert n_apart(found) <= 1
    assert share_of(found) < 0.1
    assert prior is not None
    assert prior.distance < 0.05
    assert prior.p_value > 0.05


@pytest.mark.parametrize("each", [5, 10, 25])
def test_other_shares_of_the_same_classes_are_found_and_are_no_other_source(each: int) -> None:
    """Seven of ten are of one class: that is told as shares, and not as a difference of kind."""
    pool = items([210, 60, 30], seed=12)
    found, (_, prior) = overlaps(pool, each), look(pool, each)
    assert prior is not None
    assert abs(prior.shares["a"] - 0.7) < 0.08
    assert prior.p_value <= 0.05
    assert prior.low["a"] <= prior.shares["a"] <= prior.high["a"]
    assert abs(sum(prior.shares.values()) - 1) < 0.01
    assert n_apart(found) <= 1
    assert share_of(found) < 0.15


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_share_of_foreign_items_is_estimated(share: float) -> None:
    """Within ten points of the truth, and the shares of the classes are those of the others."""
    n = round(210 * share / (1 - share))
    strange = items([n], seed=3) @ np.eye(WIDTH, k=9).astype(np.float32)
    pool = np.concatenate([items([70, 70, 70], seed=4), strange])
    found, (_, prior) = overlaps(pool), look(pool)
    assert abs(share_of(found) - share) < 0.1
    assert prior is not None
    assert prior.distance < 0.15
    if share > 0.2:
        assert all(one.holds_foreign for one in found)


def test_another_source_is_told_apart_beyond_chance() -> None:
    """All of it is foreign; a pool that is shifted a little is apart, too."""
    overlap, _ = look(-items([70, 70, 70], seed=5))
    assert overlap.auc > 0.95
    assert overlap.share_foreign > 0.95
    assert overlap.p_value == 0.005
    assert overlap.stands_apart


def test_a_few_labels_do_not_make_a_pool_foreign() -> None:
    """Beside three items hardly anything stands out, and that is said."""
    at_random = [look(items([40, 40, 40], seed=seed), each=1)[0] for seed in range(8)]
    assert sum(one.share_foreign >= 0.2 and one.holds_foreign for one in at_random) <= 1
    assert sum(one.stands_apart for one in at_random) <= 2


def test_classes_that_features_do_not_know_are_not_given_other_shares() -> None:
    """An estimate that is noise moves nowhere, or says itself that it is no more than chance."""
    told = [
        look(items([50, 50, 50], seed=seed, spread=9.0), each=5, spread=9.0)[1]
        for seed in range(6, 10)
    ]
    assert all(one is not None for one in told)
    assert sum(one is not None and one.p_value <= 0.05 for one in told) <= 1


def test_shares_are_not_asked_where_there_are_no_classes_or_too_few_items() -> None:
    """One label of a class cannot be left out, and values have no classes."""
    assert look(items([40, 40, 40], seed=1), each=1)[1] is None
    assert look(items([3, 3, 3], seed=1))[1] is None
    values = Labelled(items([20, 20], seed=0), None, (), np.empty(0))
    overlap, prior = look_at_pool(values, items([30, 30], seed=1), "small")
    assert prior is None
    assert overlap.n_pool == 60


def test_a_sample_with_other_shares_than_all_labels_is_made_up_for() -> None:
    """The pool is compared with all labelled items, not with those that were embedded."""
    all_of_them = np.array([0.7, 0.2, 0.1])
    one = labelled(20)
    _, prior = look_at_pool(
        Labelled(one.embeddings, one.codes, CLASSES, all_of_them), items([210, 60, 30], seed=2), "x"
    )
    assert prior is not None
    assert prior.distance < 0.05


def test_an_even_sample_of_labels_is_no_other_source_than_a_pool_of_their_shares() -> None:
    """Nothing is apart where a pool has the shares of all labels, of which as many of each class were embedded."""
    shares, codes = np.array([0.8, 0.05, 0.05, 0.05, 0.05]), np.repeat(np.arange(5), 12)
    found = []
    for seed in range(5):
        sample = Labelled(items([12] * 5, seed), codes, ("a", "b", "c", "d", "e"), shares)
        overlap, prior = look_at_pool(sample, items([400, 25, 25, 25, 25], seed + 100), "x")
        assert prior is not None
        assert prior.distance < 0.05
        found.append(overlap)
    assert max(one.auc for one in found) < 0.7
    assert n_apart(found) <= 1


def test_a_wide_class_is_neither_foreign_nor_rare_by_the_sample_of_labels() -> None:
    """Its items lie farther from each other than those of the others, of which as many were embedded."""
    shares, codes = np.array([0.8, 0.1, 0.1]), np.repeat(np.arange(3), 40)

    def drawn(counts: list[int], seed: int) -> NDArray[np.float32]:
        centres = np.repeat(np.eye(3, WIDTH), counts, axis=0)
        widths = np.repeat([2.0, 1.0, 1.0], counts)[:, None]
        return (centres + (items(counts, seed) - centres) * widths).astype(np.float32)

    found = []
    for seed in range(5):
        sample = Labelled(drawn([40, 40, 40], seed), codes, CLASSES, shares)
        overlap, prior = look_at_pool(sample, drawn([400, 50, 50], seed + 100), "x")
        assert prior is not None
        assert prior.p_value > 0.05
        found.append(overlap)
    assert share_of(found) < 0.15


def test_labels_that_were_all_embedded_are_weighed_alike() -> None:
    """With a pool of their shares every item counts one, as if classes had not been asked."""
    one, pool = labelled(20), items([70, 70, 70], seed=1)
    overlap, prior = look_at_pool(one, pool, "x")
    assert prior is not None
    assert prior.distance == 0.0
    unasked = Labelled(one.embeddings, None, (), np.empty(0))
    assert overlap == look_at_pool(unasked, pool, "x")[0]


def test_the_same_pool_is_always_seen_alike() -> None:
    """No seed changes the profile."""
    pool = items([100, 50, 20], seed=7)
    assert look(pool) == look(pool)


def test_scores_of_labelled_items_are_their_own_and_the_pools_are_of_all() -> None:
    """A copy of a labelled item in the pool is scored surer than the item itself."""
    one = labelled(8)
    assert one.codes is not None
    own, there = indicator_scores(one.embeddings, one.codes, one.embeddings)
    rows = np.arange(24)
    assert (there[rows, one.codes] > own[rows, one.codes]).mean() > 0.9


def test_estimated_shares_are_those_that_make_the_pool_likeliest() -> None:
    """With scores that never err, they are what is counted."""
    codes = np.repeat(np.arange(3), 20)
    pool = np.repeat(np.arange(3), [10, 20, 70])
    found = estimate_shares(np.eye(3)[codes] * 9.0, codes, np.eye(3)[pool] * 9.0, np.full(3, 1 / 3))
    assert np.abs(found.shares - [0.1, 0.2, 0.7]).max() < 0.05
    assert found.chances.shape == (100, 3)
    assert (found.chances.argmax(axis=1) == pool).all()


@given(st.lists(st.floats(0, 2), min_size=2, max_size=30), st.lists(st.floats(0, 2), min_size=1))
def test_chances_of_lying_far_fall_with_the_distance(own: list[float], theirs: list[float]) -> None:
    """From one for the nearest to one of all and one for what lies beyond; weights of one change nothing."""
    distances = np.sort(np.array(theirs))
    chances = far_chances(np.array(own), distances)
    assert (np.diff(chances) <= 1e-12).all()
    assert chances.min() >= 1 / (len(own) + 1) - 1e-12
    assert chances.max() <= 1 + 1e-12
    assert np.allclose(chances, far_chances(np.array(own), distances, np.full(len(own), 3.0)))


def test_an_item_is_not_its_own_neighbour() -> None:
    """Labelled items lie as far from each other as they do; a copy in the pool lies at nothing."""
    one = items([3, 3], seed=0)
    own, theirs = nearest_distances(one, one)
    assert own.min() > 1e-6
    assert np.allclose(theirs, 0, atol=1e-6)


def test_the_test_is_right_about_chance() -> None:
    """Of two halves of one set few are called different."""
    p_values = []
    for seed in range(20):
        both = np.random.default_rng(seed).normal(size=(60, 12)).astype(np.float32)
        p_values.append(tell_apart(both[:20], both[20:])[1])
    assert sum(p <= 0.05 for p in p_values) <= 4
    assert max(p_values) > 0.5


def test_a_profile_of_pictures_holds_the_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of reds and greens drawn evenly, where the pool is nearly all green; and it survives JSON."""

    def colours(paths: list[str], backbone: str) -> NDArray[np.float32]:
        from PIL import Image

        seen = [np.asarray(Image.open(path).resize((3, 3)), dtype=np.float32) for path in paths]
        return np.stack([one.ravel() - 110 for one in seen])

    class_folders(tmp_path / "train", each=12)
    for i in range(60):
        colour = "red" if i % 10 == 0 else "green"
        put(tmp_path / "unlabeled" / f"{i}.png", as_bytes(draw(colour, 5_000 + i)))
    monkeypatch.setattr(
        frozen, "usable_backbones", lambda modality, asked=(): ("efficientnet_lite0",)
    )
    monkeypatch.setattr(frozen, "embed", colours)
    profile = profile_dataset(read_dataset(tmp_path))
    assert isinstance(profile, ImageProfile)
    assert profile.pool_prior is not None
    assert profile.pool_prior.shares["green"] > 0.75
    assert ImageProfile.model_validate_json(profile.model_dump_json()) == profile
    finding = pool_has_other_shares(profile)
    assert finding is not None
    assert "'green'" in finding.message


def prior_of(share: float, p_value: float) -> PoolPrior:
    """Ants and bees in a pool."""
    shares = {"ants": share, "bees": 1 - share}
    return PoolPrior(
        backbone="small",
        n_pool=400,
        shares=shares,
        low=shares,
        high=shares,
        distance=abs(share - 0.525),
        p_value=p_value,
    )


def test_other_shares_narrow_what_learns_from_the_pool_unless_by_chance() -> None:
    """Pseudo-labels keep to the pool's shares; a small or an accidental difference says nothing."""
    finding = pool_has_other_shares(healthy_image_profile(pool_prior=prior_of(0.9, 0.01)))
    assert finding is not None
    assert finding.narrows == {"shares": ("pool",)}
    assert "'ants' 90%" in finding.message
    assert pool_has_other_shares(healthy_image_profile(pool_prior=prior_of(0.9, 0.3))) is None
    assert pool_has_other_shares(healthy_image_profile(pool_prior=prior_of(0.6, 0.01))) is None
    assert pool_has_other_shares(healthy_image_profile()) is None


def test_a_pool_that_is_hardly_larger_than_the_labels_is_called_small() -> None:
    """Below five times the labels, for tables as well; no pool is not a small one."""
    finding = pool_is_small(healthy_image_profile(n_unlabelled=800))
    assert finding is not None
    assert "2.0 times" in finding.message
    assert pool_is_small(healthy_image_profile(n_unlabelled=2_000)) is None
    assert pool_is_small(healthy_image_profile()) is None
    assert pool_is_small(healthy_profile(n_unlabelled=10)) is not None
