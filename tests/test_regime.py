"""Every table stands in exactly one regime, and where the issue says."""

from __future__ import annotations

import pytest
from hypothesis import given

from advisor.dataset import Modality
from advisor.errors import NoStrategy
from advisor.profile import TabularProfile
from advisor.regime import REGIMES, find_regime
from tests.profiles import healthy_profile, tabular_profiles


@given(tabular_profiles())
def test_any_table_stands_in_exactly_one_regime(profile: TabularProfile) -> None:
    """``find_regime`` raises on a gap or an overlap; the cell found covers the profile."""
    regime = find_regime(profile)
    covering = [name for name in REGIMES if REGIMES[name].covers(profile)]
    assert covering == [regime.name]


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


def test_a_modality_without_regimes_is_refused_in_one_sentence() -> None:
    """Images are recognised but not advised on yet."""
    with pytest.raises(NoStrategy, match="holds image data"):
        find_regime(healthy_profile(modality=Modality.IMAGE))
