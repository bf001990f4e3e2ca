"""The gallery: small datasets → regime, findings and first family. Read it as the specification.

``first`` is the family with the least expected error by rules alone, for tables of those that need no pretrained
weights; where nothing is known to be better, ``linear`` for tables and ``frozen`` for all else. A finding that is
expected must be there; of the loud ones (warnings and vetoes) nothing else may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn import datasets

from advisor.backbone import missing_for
from advisor.dataset import Dataset, Modality, read_dataset
from advisor.finding import Finding
from advisor.profile import profile_dataset
from advisor.regime import find_regime
from advisor.rule import apply_rules

FAMILY_OF = {
    "linear": "linear",
    "kernel": "kernel",
    "forest": "forest",
    "boosting": "boosting",
    "catboost": "boosting",
}

PERCEIVED_FAMILY_OF = {
    "linear_probe": "frozen",
    "lp_finetune": "finetune",
    "contrastive": "finetune",
    "handmade": "handmade",
    "from_scratch": "scratch",
}


@dataclass(frozen=True)
class Case:
    """One dataset and what is to be said about it."""

    name: str
    regime: str
    first: str
    loud: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()


def first_family(findings: tuple[Finding, ...], families: Mapping[str, str] = FAMILY_OF) -> str:
    """The family with the smallest product of effects; vetoed ones are out, ties go to the simpler."""
    vetoed = {name for f in findings for name in f.vetoes}
    factors = {
        name: prod(1 + e.mean for f in findings for e in f.effects if e.family in (name, family))
        for name, family in families.items()
        if not {name, family} & vetoed
    }
    return min(factors, key=lambda name: round(factors[name], 6))


def check(case: Case, dataset: Dataset) -> None:
    """Compare what is said with what the case asks for."""
    profile = profile_dataset(dataset)
    findings = apply_rules(profile)
    told = {f.rule: f.message for f in findings}
    loud = {f.rule for f in findings if f.severity != "note"}
    assert find_regime(profile).name == case.regime
    assert loud == case.loud, told
    assert case.notes <= set(told), told
    if dataset.modality is not Modality.TABULAR:
        first = first_family(findings, PERCEIVED_FAMILY_OF)
        assert PERCEIVED_FAMILY_OF[first] == case.first
    else:
        assert first_family(findings) == case.first


def bundled(load: Callable[..., object], target: str = "target") -> Dataset:
    """A table that scikit-learn brings along."""
    bunch = load(as_frame=True)
    frame: pd.DataFrame = bunch.frame  # type: ignore[attr-defined]
    return read_dataset(frame, target=target)


BUNDLED = [
    (datasets.load_iris, Case("iris", "tabular_tiny", "catboost")),
    (datasets.load_wine, Case("wine", "tabular_tiny", "catboost")),
    (datasets.load_breast_cancer, Case("breast_cancer", "tabular_small", "boosting")),
    (datasets.load_diabetes, Case("diabetes", "tabular_small", "boosting")),
]


@pytest.mark.parametrize(("load", "case"), BUNDLED, ids=lambda v: getattr(v, "name", ""))
def test_bundled_tables(load: Callable[..., object], case: Case) -> None:
    """Clean classics: a regime, an order, no alarm."""
    check(case, bundled(load))


def noise(n_rows: int, n_columns: int, seed: int = 0) -> pd.DataFrame:
    """Numbers, and a binary target that follows the first two."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        rng.normal(size=(n_rows, n_columns)), columns=[f"x{i}" for i in range(n_columns)]
    )
    frame["y"] = np.where(frame["x0"] + frame["x1"] + rng.normal(size=n_rows) > 0, "yes", "no")
    return frame


def with_leak(frame: pd.DataFrame) -> pd.DataFrame:
    """The outcome written out in another word."""
    return frame.assign(verdict=np.where(frame["y"] == "yes", "guilty", "free"))


def with_rare_class(frame: pd.DataFrame) -> pd.DataFrame:
    """Six positives among many."""
    frame = frame.copy()
    frame["y"] = "no"
    frame.loc[:5, "y"] = "yes"
    return frame


def with_conflicts(frame: pd.DataFrame) -> pd.DataFrame:
    """A tenth of the rows once more, with the other class."""
    again = frame.iloc[: len(frame) // 10].copy()
    again["y"] = np.where(again["y"] == "yes", "no", "yes")
    return pd.concat([frame, again], ignore_index=True)


MADE = [
    (noise(30, 5), Case("30 rows", "tabular_few_shot", "linear", frozenset({"too_few_to_choose"}))),
    (noise(200, 5), Case("200 rows", "tabular_tiny", "catboost")),
    (noise(800, 5), Case("800 rows", "tabular_small", "boosting")),
    (noise(5_000, 5), Case("5,000 rows", "tabular_medium", "boosting")),
    (
        noise(30_000, 5),
        Case("30,000 rows", "tabular_large", "boosting", frozenset({"kernel_too_many_rows"})),
    ),
    (noise(80, 200), Case("80 x 200", "tabular_wide", "linear", notes=frozenset({"wide_table"}))),
    (
        with_leak(noise(400, 5)),
        Case("a leak", "tabular_small", "boosting", frozenset({"leaking_column"})),
    ),
    (
        with_rare_class(noise(400, 5)),
        Case(
            "six positives",
            "tabular_small",
            "boosting",
            frozenset({"tiny_class"}),
            frozenset({"imbalanced_classes"}),
        ),
    ),
    (
        with_conflicts(noise(400, 5)),
        Case(
            "conflicts",
            "tabular_small",
            "boosting",
            frozenset({"label_conflicts"}),
            frozenset({"duplicate_rows"}),
        ),
    ),
]


@pytest.mark.parametrize(("frame", "case"), MADE, ids=lambda v: getattr(v, "name", ""))
def test_made_tables(frame: pd.DataFrame, case: Case) -> None:
    """One thing is wrong, and that one thing is said."""
    check(case, read_dataset(frame, target="y"))


SHARED = [
    ("diagnosis", Case("breast_cancer_wdbc", "tabular_tiny", "catboost")),
    ("class", Case("vehicle", "tabular_small", "boosting")),
    (
        "tissue",
        Case(
            "colon_gene_expression",
            "tabular_wide",
            "linear",
            frozenset({"too_few_to_choose"}),
            frozenset({"wide_table"}),
        ),
    ),
    (
        "survived",
        Case(
            "titanic",
            "tabular_small",
            "boosting",
            frozenset({"leaking_column", "overlapping_test"}),
            frozenset({"repeated_columns", "mostly_missing"}),
        ),
    ),
    (
        "cnt",
        Case(
            "bike_days",
            "tabular_small",
            "boosting",
            frozenset({"target_from_parts", "target_follows_time"}),
            frozenset({"identifiers_left_out"}),
        ),
    ),
    (
        "compressive_strength",
        Case("concrete", "tabular_small", "boosting", frozenset({"rows_differ_in_one_column"})),
    ),
    (
        "class",
        Case(
            "mammography",
            "tabular_medium",
            "boosting",
            frozenset({"overlapping_test"}),
            frozenset({"imbalanced_classes", "duplicate_rows", "irregular_features"}),
        ),
    ),
    (
        "class",
        Case("phoneme", "tabular_small", "boosting", notes=frozenset({"pool_available"})),
    ),
    (
        "area",
        Case(
            "forest_fires",
            "tabular_small",
            "boosting",
            notes=frozenset({"skewed_target", "zero_inflated_target"}),
        ),
    ),
    (
        "site",
        Case(
            "ecoli",
            "tabular_tiny",
            "catboost",
            frozenset({"tiny_class"}),
            frozenset({"constant_columns"}),
        ),
    ),
]


@pytest.mark.parametrize(("target", "case"), SHARED, ids=lambda v: getattr(v, "name", ""))
def test_real_tables(shared_data: Path, target: str, case: Case) -> None:
    """Known faults of real tables are found, and nothing is invented."""
    check(case, read_dataset(shared_data / case.name, target=target))


PICTURES = [
    (
        10,
        Case(
            "hymenoptera",
            "image_scarce",
            "frozen",
            frozenset({"from_scratch", "too_few_to_choose"}),
            frozenset({"frozen_features_suffice", "keep_resolution", "no_mixing"}),
        ),
    ),
    (
        5,
        Case(
            "neu_steel_defects",
            "image_few_shot_pool",
            "frozen",
            frozenset(
                {"from_scratch", "pool_too_small_to_adapt_to", "too_few_to_choose", "tiny_class"}
            ),
            frozenset({"frozen_for_few_labels", "pool_worth_using"}),
        ),
    ),
    (
        12,
        Case(
            "cifar10_small",
            "image_scarce_pool",
            "finetune",
            frozenset({"from_scratch", "pool_too_small_to_adapt_to"}),
            frozenset({"finetune_small_pictures", "pool_worth_using"}),
        ),
    ),
    (
        40,
        Case(
            "nuclei_segmentation",
            "image_segmentation",
            "frozen",
            frozenset({"masks_not_trained", "too_few_to_choose"}),
        ),
    ),
]


@pytest.mark.parametrize(("n", "case"), PICTURES, ids=lambda v: getattr(v, "name", ""))
def test_real_pictures(shared_data: Path, n: int, case: Case) -> None:
    """So many labels of each class, and of the pool and the test split as much as is quickly looked at."""
    if why := missing_for("efficientnet_lite0"):
        pytest.skip(why)
    check(case, part_of(read_dataset(shared_data / case.name), n))


def part_of(whole: Dataset, n: int) -> Dataset:
    """So many labels of each class, 60 of the pool and none of the test split."""
    kinds = whole.y if whole.classes and whole.y.ndim == 1 else np.zeros(whole.n_labelled)
    rows = np.concatenate([np.flatnonzero(kinds == kind)[:n] for kind in np.unique(kinds)])
    pool = whole.X_unlabelled
    return replace(
        whole.take(rows),
        X_unlabelled=None if pool is None else pool.iloc[:60].reset_index(drop=True),
        X_test=None,
        y_test=None,
        test_groups=None,
    )


TEXTS = [
    (
        20,
        Case(
            "movie_reviews_mr",
            "text_scarce_pool",
            "finetune",
            frozenset({"too_few_to_choose"}),
            frozenset({"contrastive_for_scarce_texts", "no_text_augmentation"}),
        ),
    ),
    (
        8,
        Case(
            "trec_questions",
            "text_few_shot_pool",
            "finetune",
            frozenset({"too_few_to_choose", "tiny_class"}),
            frozenset({"contrastive_for_few_texts", "no_text_augmentation"}),
        ),
    ),
]


@pytest.mark.parametrize(("n", "case"), TEXTS, ids=lambda v: getattr(v, "name", ""))
def test_real_texts(shared_data: Path, n: int, case: Case) -> None:
    """Sentiments and kinds of questions: no topics, so training the encoder pays."""
    if why := missing_for("all_minilm_l6_v2"):
        pytest.skip(why)
    check(case, part_of(read_dataset(shared_data / case.name), n))


RECORDINGS = [
    (
        10,
        Case(
            "spoken_digits_fsdd",
            "audio_scarce_pool",
            "frozen",
            frozenset({"sound_from_scratch", "few_groups", "pool_too_small_to_adapt_to"}),
            frozenset({"embedding_for_speech", "telephone_bandwidth", "groups_guessed"}),
        ),
    ),
]


@pytest.mark.parametrize(("n", "case"), RECORDINGS, ids=lambda v: getattr(v, "name", ""))
def test_real_recordings(shared_data: Path, n: int, case: Case) -> None:
    """Speech of two speakers, whose names are in those of the files; new ones make the pool no foreign one."""
    if why := missing_for("whisper_tiny_en"):
        pytest.skip(why)
    check(case, part_of(read_dataset(shared_data / case.name), n))


def test_digits_as_pictures_are_small_and_not_to_be_mirrored(tmp_path: Path) -> None:
    """Ten of each digit, 8 x 8 pixels as PNG in a folder per class."""
    if why := missing_for("efficientnet_lite0"):
        pytest.skip(why)
    bunch = datasets.load_digits()
    for digit in range(10):
        (tmp_path / str(digit)).mkdir()
        for i, row in enumerate(np.flatnonzero(bunch.target == digit)[:10]):
            pixels = (bunch.images[row] * 255 / 16).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / str(digit) / f"{i}.png")
    case = Case(
        "digits",
        "image_scarce",
        "finetune",
        frozenset({"from_scratch", "no_mirroring"}),
        frozenset({"finetune_small_pictures", "no_mixing"}),
    )
    check(case, read_dataset(tmp_path))
