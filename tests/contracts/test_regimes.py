"""Every registered regime says what it is, why, and who says so, and can be reached."""

from __future__ import annotations

import pytest

from advisor.dataset import Task
from advisor.profile import DatasetProfile
from advisor.regime import REGIMES, find_regime
from tests.profiles import (
    healthy_audio_profile,
    healthy_image_profile,
    healthy_profile,
    healthy_text_profile,
)

EXAMPLES: dict[str, DatasetProfile] = {
    "tabular_few_shot": healthy_profile(n_labelled=30),
    "tabular_tiny": healthy_profile(n_labelled=150),
    "tabular_small": healthy_profile(n_labelled=1_000),
    "tabular_medium": healthy_profile(n_labelled=7_000),
    "tabular_large": healthy_profile(n_labelled=100_000),
    "tabular_wide": healthy_profile(n_labelled=100, n_features=5_000),
    "image_few_shot": healthy_image_profile(smallest_class=9),
    "image_few_shot_pool": healthy_image_profile(smallest_class=9, n_unlabelled=50),
    "image_scarce": healthy_image_profile(smallest_class=10),
    "image_scarce_pool": healthy_image_profile(smallest_class=99, n_unlabelled=9_000),
    "image_moderate": healthy_image_profile(),
    "image_moderate_pool": healthy_image_profile(n_unlabelled=9_000),
    "image_ample": healthy_image_profile(smallest_class=1_000),
    "image_ample_pool": healthy_image_profile(smallest_class=1_000, n_unlabelled=9_000),
    "image_segmentation": healthy_image_profile(
        task=Task.SEGMENTATION, class_counts={}, n_classes=0
    ),
    "text_few_shot": healthy_text_profile(smallest_class=15),
    "text_few_shot_pool": healthy_text_profile(smallest_class=15, n_unlabelled=9_000),
    "text_scarce": healthy_text_profile(smallest_class=16),
    "text_scarce_pool": healthy_text_profile(smallest_class=16, n_unlabelled=9_000),
    "text_moderate": healthy_text_profile(smallest_class=100),
    "text_moderate_pool": healthy_text_profile(smallest_class=100, n_unlabelled=9_000),
    "text_ample": healthy_text_profile(smallest_class=1_000),
    "text_ample_pool": healthy_text_profile(smallest_class=1_000, n_unlabelled=9_000),
    "audio_few_shot": healthy_audio_profile(smallest_class=9),
    "audio_few_shot_pool": healthy_audio_profile(smallest_class=9, n_unlabelled=9_000),
    "audio_scarce": healthy_audio_profile(smallest_class=10),
    "audio_scarce_pool": healthy_audio_profile(smallest_class=10, n_unlabelled=9_000),
    "audio_moderate": healthy_audio_profile(smallest_class=100),
    "audio_moderate_pool": healthy_audio_profile(smallest_class=100, n_unlabelled=9_000),
    "audio_ample": healthy_audio_profile(smallest_class=1_000),
    "audio_ample_pool": healthy_audio_profile(smallest_class=1_000, n_unlabelled=9_000),
}


def test_every_regime_has_an_example_and_every_example_a_regime() -> None:
    """A new regime comes with the profile that stands in it."""
    assert set(EXAMPLES) == set(REGIMES)


@pytest.mark.parametrize("name", list(REGIMES))
def test_regime_is_reached_by_its_example(name: str) -> None:
    """No regime is shadowed by another."""
    assert find_regime(EXAMPLES[name]).name == name


@pytest.mark.parametrize("name", list(REGIMES))
def test_regime_says_what_why_and_who(name: str) -> None:
    """Its name starts with its modality, and its words end in no loose thread."""
    regime = REGIMES[name].regime
    assert regime.name == name
    assert name.startswith(f"{regime.modality}_")
    assert regime.definition
    assert regime.because.endswith(".")
    assert regime.references
