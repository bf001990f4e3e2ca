"""Every table stands in exactly one regime, and where the issue says."""

from __future__ import annotations

import pytest
from hypothesis import given

from advisor.dataset import Modality, Task
from advisor.errors import NoStrategy
from advisor.profile import DatasetProfile, PerceivedProfile, PoolOverlap, TabularProfile
from advisor.regime import REGIMES, find_regime
from tests.profiles import (
    healthy_audio_profile,
    healthy_image_profile,
    healthy_profile,
    healthy_text_profile,
    perceived_profiles,
    tabular_profiles,
)


def covering(profile: DatasetProfile) -> list[str]:
    """Name the regimes of the profile's modality that cover it."""
    asked = [name for name in REGIMES if REGIMES[name].regime.modality is profile.modality]
    return [name for name in asked if REGIMES[name].covers(profile)]


@given(tabular_profiles())
def test_any_table_stands_in_exactly_one_regime(profile: TabularProfile) -> None:
    """``find_regime`` raises on a gap or an overlap; the cell found covers the profile."""
    assert covering(profile) == [find_regime(profile).name]


@pytest.mark.parametrize(
    ("n_labelled", "name"),
    [
        (1, "few_shot"),
        (49, "few_shot"),
        (50, "tiny"),
        (299, "tiny"),
        (300, "small"),
        (1_999, "small"),
        (2_000, "medium"),
        (19_999, "medium"),
        (20_000, "large"),
        (5_000_000, "large"),
    ],
)
def test_bounds_count_labelled_rows(n_labelled: int, name: str) -> None:
    """The bounds of the row regimes, from both sides; unlabelled rows do not count."""
    profile = healthy_profile(n_labelled=n_labelled, n_rows=10_000_000, n_features=1)
    assert find_regime(profile).name == f"tabular_{name}"


@pytest.mark.parametrize("n_labelled", [10, 100, 1_000, 30_000])
def test_more_features_than_labels_is_wide_at_any_number_of_rows(n_labelled: int) -> None:
    """Wide wins over the row regimes, but only with strictly more features."""
    wide = healthy_profile(n_labelled=n_labelled, n_features=n_labelled + 1)
    square = healthy_profile(n_labelled=n_labelled, n_features=n_labelled)
    assert find_regime(wide).name == "tabular_wide"
    assert find_regime(square).name != "tabular_wide"


@given(perceived_profiles())
def test_whatever_is_perceived_stands_in_exactly_one_regime(profile: PerceivedProfile) -> None:
    """Whatever the task, the labels and the pool."""
    assert covering(profile) == [find_regime(profile).name]


@pytest.mark.parametrize(
    ("smallest", "name"),
    [
        (0, "few_shot"),
        (9, "few_shot"),
        (10, "scarce"),
        (99, "scarce"),
        (100, "moderate"),
        (999, "moderate"),
        (1_000, "ample"),
        (90_000, "ample"),
    ],
)
def test_bounds_of_pictures_count_labels_of_the_smallest_class(smallest: int, name: str) -> None:
    """However many rows the other classes have."""
    profile = healthy_image_profile(smallest_class=smallest, n_labelled=200_000)
    assert find_regime(profile).name == f"image_{name}"


def test_ten_values_of_a_regression_count_as_one_label() -> None:
    """There is no smallest class to count in."""
    values = healthy_image_profile(task=Task.REGRESSION, n_labelled=99, smallest_class=99)
    assert find_regime(values).name == "image_few_shot"
    assert find_regime(values.model_copy(update={"n_labelled": 100})).name == "image_scarce"


def test_a_regression_is_not_told_of_classes() -> None:
    """Its regime is told in values, of which ten count as one label, and has the same name."""
    told = []
    for n_labelled in (99, 300, 100_000):
        values = healthy_image_profile(
            task=Task.REGRESSION, n_labelled=n_labelled, smallest_class=n_labelled
        )
        classes = healthy_image_profile(smallest_class=n_labelled // 10)
        assert find_regime(values).name == find_regime(classes).name
        told.append(find_regime(values).definition)
    assert not any("class" in words for words in told)
    assert "fewer than 100 values" in told[0]


@pytest.mark.parametrize(("n_pool", "n_classes", "pooled"), [(49, 2, 0), (50, 2, 1), (199, 100, 0)])
def test_a_pool_counts_from_a_size_that_more_labels_do_not_move(
    n_pool: int, n_classes: int, pooled: int
) -> None:
    """Fifty pictures, or two for each class."""
    profile = healthy_image_profile(n_unlabelled=n_pool, n_classes=n_classes)
    assert find_regime(profile).name == "image_moderate" + "_pool" * pooled


def test_a_pool_of_other_things_does_not_count() -> None:
    """Most of it lies far from every labelled picture."""
    strange = PoolOverlap(backbone="small", n_pool=300, auc=0.99, share_foreign=0.7)
    profile = healthy_image_profile(n_unlabelled=9_000, pool_overlap=strange)
    assert find_regime(profile).name == "image_moderate"


@pytest.mark.parametrize(
    ("smallest", "name"),
    [(0, "few_shot"), (15, "few_shot"), (16, "scarce"), (99, "scarce"), (100, "moderate")],
)
def test_texts_are_few_up_to_where_the_curves_cross(smallest: int, name: str) -> None:
    """Frozen embeddings and full fine-tuning cross at 16 to 32 labels per class."""
    assert find_regime(healthy_text_profile(smallest_class=smallest)).name == f"text_{name}"


@pytest.mark.parametrize(
    ("smallest", "name"),
    [(9, "few_shot"), (10, "scarce"), (99, "scarce"), (999, "moderate"), (1_000, "ample")],
)
def test_bounds_of_recordings_count_labels_of_the_smallest_class(smallest: int, name: str) -> None:
    """However many speakers there are."""
    assert find_regime(healthy_audio_profile(smallest_class=smallest)).name == f"audio_{name}"


def test_a_modality_without_regimes_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It names the kinds of data that can be advised on."""
    known = [entry for entry in REGIMES.values() if entry.regime.modality is not Modality.TEXT]
    monkeypatch.setattr(type(REGIMES), "values", lambda self: known)
    with pytest.raises(NoStrategy, match=r"holds text data.*audio, image, tabular data"):
        find_regime(healthy_text_profile())
