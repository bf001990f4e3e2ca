"""Profiles for tests: one that is healthy, any that are possible, and datasets built by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.dataset import Dataset, Modality, Task
from advisor.profile import (
    AudioProfile,
    ColumnDrift,
    ColumnPair,
    GroupSuspect,
    ImageProfile,
    LeakSuspect,
    OrderedTarget,
    PerceivedProfile,
    PoolOverlap,
    PoolPrior,
    TabularProfile,
    TextProfile,
)
from advisor.tables.columns import Column, ColumnKind

NUMBERS = frozenset({ColumnKind.NUMERIC, ColumnKind.ORDINAL, ColumnKind.BOOLEAN})


def healthy_profile(**changes: object) -> TabularProfile:
    """A thousand balanced rows of ten plain numbers: nothing to mind, with ``changes``."""
    plain = TabularProfile(
        name="healthy",
        modality=Modality.TABULAR,
        task=Task.BINARY,
        n_rows=1000,
        n_labelled=1000,
        n_unlabelled=0,
        n_test=500,
        n_classes=2,
        class_counts={"no": 550, "yes": 450},
        smallest_class=450,
        labels_per_class=500.0,
        imbalance=550 / 450,
        n_columns=10,
        n_features=10,
        kinds={"numeric": 10},
        rows_per_feature=100.0,
    )
    return plain.model_copy(update=changes)


def healthy_image_profile(**changes: object) -> ImageProfile:
    """Four hundred balanced photos whose classes a backbone knows: nothing to mind, with ``changes``."""
    plain = ImageProfile(
        name="healthy pictures",
        modality=Modality.IMAGE,
        task=Task.BINARY,
        n_rows=400,
        n_labelled=400,
        n_unlabelled=0,
        n_test=200,
        n_classes=2,
        class_counts={"ants": 210, "bees": 190},
        smallest_class=190,
        labels_per_class=200.0,
        imbalance=210 / 190,
        formats={"JPEG": 400},
        width=(180, 200, 260),
        height=(180, 200, 260),
        colour_tells=0.1,
        mirror_confuses=0.0,
        content="photo",
        backbones=("efficientnet_lite0",),
        separability={"efficientnet_lite0": 0.95},
    )
    return plain.model_copy(update=changes)


def healthy_text_profile(**changes: object) -> TextProfile:
    """Six hundred balanced texts whose classes an encoder knows: nothing to mind, with ``changes``."""
    plain = TextProfile(
        name="healthy texts",
        modality=Modality.TEXT,
        task=Task.BINARY,
        n_rows=600,
        n_labelled=600,
        n_unlabelled=0,
        n_test=200,
        n_classes=2,
        class_counts={"sport": 310, "trade": 290},
        smallest_class=290,
        labels_per_class=300.0,
        imbalance=310 / 290,
        text_columns=("text",),
        words=(4, 20.0, 90),
        characters=(20, 110.0, 500),
        vocabulary=3_000,
        languages={"en": 1.0},
        tokens=(6, 28.0, 120),
        longest=256,
        encoder_languages=("en",),
        backbones=("all_minilm_l6_v2",),
        licences={"all_minilm_l6_v2": "Apache-2.0"},
        separability={"all_minilm_l6_v2": 0.95},
    )
    return plain.model_copy(update=changes)


def healthy_audio_profile(**changes: object) -> AudioProfile:
    """Four hundred balanced recordings of many known speakers: nothing to mind, with ``changes``."""
    plain = AudioProfile(
        name="healthy recordings",
        modality=Modality.AUDIO,
        task=Task.BINARY,
        n_rows=400,
        n_labelled=400,
        n_unlabelled=0,
        n_test=200,
        n_classes=2,
        class_counts={"no": 210, "yes": 190},
        smallest_class=190,
        labels_per_class=200.0,
        imbalance=210 / 190,
        n_groups=60,
        smallest_class_groups=55,
        group_source="given",
        formats={"WAV": 400},
        rates={16_000: 400},
        channels={1: 400},
        seconds=(0.5, 1.2, 3.0),
        hours=0.13,
        share_silence=0.1,
        loudness_tells=0.1,
        bandwidth=5_000.0,
        content="speech",
        content_reason="95% of 400 have a moving pitch of a voice",
        domain="speech",
        longest=30.0,
        backbones=("whisper_tiny_en",),
        licences={"whisper_tiny_en": "MIT"},
        separability={"whisper_tiny_en": 0.95},
        picture_backbones=("efficientnet_lite0",),
    )
    return plain.model_copy(update=changes)


def make_dataset(
    columns: Mapping[str, tuple[ColumnKind, object]],
    y: object,
    task: Task = Task.BINARY,
    **fields: object,
) -> Dataset:
    """A Dataset of the given columns; numbers become float64, dates stay, all else becomes categories."""
    names = tuple(Column(name=name, kind=kind) for name, (kind, _) in columns.items())
    X = pd.DataFrame({name: _cells(kind, values) for name, (kind, values) in columns.items()})
    target: NDArray[np.generic] = np.asarray(y)
    classes: tuple[str, ...] = ()
    if task is Task.REGRESSION:
        target = target.astype(np.float64)
    elif task is Task.MULTILABEL:
        target, classes = target.astype(np.int8), tuple(f"l{i}" for i in range(target.shape[1]))
    else:
        target = target.astype(np.int64)
        classes = tuple(f"c{i}" for i in range(int(target.max()) + 1))
    made = Dataset(
        name="made",
        modality=Modality.TABULAR,
        task=task,
        X=X,
        y=target,
        columns=names,
        classes=classes,
        targets=("target",),
    )
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def _cells(kind: ColumnKind, values: object) -> object:
    if kind in NUMBERS:
        return np.asarray(values, dtype=np.float64)
    if kind is ColumnKind.DATETIME:
        return pd.to_datetime(pd.Series(values))
    return pd.Categorical(pd.Series(values, dtype="str"))


def shares() -> st.SearchStrategy[float]:
    """Any fraction in [0, 1]."""
    return st.floats(0.0, 1.0, allow_nan=False)


def names() -> st.SearchStrategy[tuple[str, ...]]:
    """A few column names."""
    return st.lists(st.sampled_from("abcdef"), max_size=3, unique=True).map(tuple)


def _evidence_of_trouble() -> dict[str, st.SearchStrategy[object]]:
    """What the rules on quality, drift and evaluation read."""
    leak = st.builds(
        LeakSuspect,
        columns=st.just(("a", "b")),
        how=st.sampled_from(["alone", "sum", "difference", "product"]),
        measure=st.sampled_from(["AUC", "accuracy", "R2", "share"]),
        score=shares(),
        n_rows=st.integers(30, 1000),
        label=st.sampled_from(["", "l0"]),
    )
    pair = st.builds(
        ColumnPair,
        first=st.just("a"),
        second=st.just("b"),
        relation=st.sampled_from(["equal", "recoded", "rescaled"]),
    )
    drift = st.builds(
        ColumnDrift,
        column=st.just("a"),
        distance=shares(),
        measure=st.sampled_from(["KS", "TV", "missing"]),
    )
    ordered = st.builds(
        OrderedTarget,
        column=st.just("a"),
        kind=st.sampled_from(["identifier", "datetime"]),
        correlation=st.floats(-1.0, 1.0),
    )
    group = st.builds(
        GroupSuspect,
        column=st.just("a"),
        how=st.sampled_from(["key", "all_but_one"]),
        n_groups=st.integers(1, 1000),
        share_rows=shares(),
    )

    def several(one: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        return st.lists(one, max_size=2).map(tuple)

    return {
        "leaks": several(leak),
        "duplicate_columns": several(pair),
        "test_drift": several(drift),
        "pool_drift": several(drift),
        "ordered": several(ordered),
        "group_suspects": several(group),
    }


@st.composite
def tabular_profiles(draw: st.DrawFn) -> TabularProfile:
    """Any profile of a table that could be, and some that could hardly."""
    task = draw(st.sampled_from([Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION]))
    counts: dict[str, int] = {}
    if task is not Task.REGRESSION:
        sizes = draw(st.lists(st.integers(0, 100_000), min_size=2, max_size=12))
        counts = {f"c{i}": size for i, size in enumerate(sizes)}
    n_labelled = max(1, sum(counts.values()) or draw(st.integers(1, 2_000_000)))
    n_features = draw(st.integers(1, 20_000))
    n_test, n_pool = draw(st.integers(0, 5000)), draw(st.integers(0, 100_000))
    smallest = min(counts.values(), default=n_labelled)
    trouble = {name: draw(strategy) for name, strategy in _evidence_of_trouble().items()}
    return TabularProfile.model_validate(
        {
            "name": "any",
            "modality": Modality.TABULAR,
            "task": task,
            "n_rows": n_labelled + n_pool,
            "n_labelled": n_labelled,
            "n_unlabelled": n_pool,
            "n_test": n_test,
            "n_classes": len(counts),
            "class_counts": counts,
            "smallest_class": smallest,
            "labels_per_class": n_labelled / max(1, len(counts)),
            "imbalance": max(counts.values(), default=1) / max(1, smallest) or 1.0,
            "n_groups": draw(st.none() | st.integers(1, n_labelled)),
            "n_duplicates": draw(st.integers(0, n_labelled - 1)),
            "conflict_errors": draw(st.integers(0, n_labelled - 1)),
            "n_test_overlap": draw(st.integers(0, n_test)),
            "n_columns": n_features,
            "n_features": n_features,
            "kinds": {"numeric": n_features},
            "rows_per_feature": n_labelled / n_features,
            "share_missing": draw(shares()),
            "missing_columns": draw(st.dictionaries(st.sampled_from("abc"), shares(), max_size=2)),
            "max_cardinality": draw(st.integers(0, n_labelled)),
            "max_cardinality_column": "a",
            "share_skewed": draw(shares()),
            "share_collinear": draw(shares()),
            "target_skew": draw(st.floats(-50, 50)) if task is Task.REGRESSION else None,
            "target_zero_share": draw(shares()) if task is Task.REGRESSION else None,
            "constants": draw(names()),
            "near_constants": draw(names()),
            "identifiers": draw(names()),
            "datetimes": draw(names()),
            "texts": draw(names()),
            "share_test_drift": draw(shares()),
            "share_pool_drift": draw(shares()),
            **trouble,
        }
    )


def _of_anything_perceived() -> dict[str, st.SearchStrategy[object]]:
    """What the rules on pictures, texts and recordings alike read besides counts."""
    overlap = st.builds(
        PoolOverlap,
        backbone=st.just("small"),
        n_pool=st.integers(1, 500),
        auc=st.floats(0.5, 1.0),
        p_value=st.none() | shares(),
        share_foreign=shares(),
        share_foreign_low=st.none() | shares(),
    )
    prior = st.builds(
        PoolPrior,
        backbone=st.just("small"),
        n_pool=st.integers(20, 500),
        shares=st.sampled_from([{"c0": 0.9, "c1": 0.1}, {"c0": 0.5, "c1": 0.5}]),
        low=st.just({"c0": 0.3, "c1": 0.05}),
        high=st.just({"c0": 0.95, "c1": 0.7}),
        distance=shares(),
        p_value=shares(),
    )
    return {
        "n_broken": st.integers(0, 50),
        "broken": st.sampled_from([(), ("a/b.jpg: it is empty (0 bytes)",)]),
        "n_near_duplicates": st.integers(0, 100),
        "n_near_conflicts": st.integers(0, 100),
        "n_near_test_overlap": st.integers(0, 100),
        "n_pool_overlap": st.integers(0, 100),
        "examples": st.sampled_from([(), ("a/1.jpg ~ b/2.jpg",)]),
        "backbones": st.sampled_from([(), ("small",), ("small", "large")]),
        "backbones_missing": st.sampled_from([{}, {"huge": "pip install huge"}]),
        "licences": st.sampled_from([{}, {"small": "MIT"}, {"small": "CC BY-NC-SA 4.0"}]),
        "pool_overlap": st.none() | overlap,
        "pool_prior": st.none() | prior,
    }


def _looks_of_pictures() -> dict[str, st.SearchStrategy[object]]:
    """What the rules on pictures read besides that."""
    side = st.tuples(st.integers(1, 100), st.integers(100, 300), st.integers(300, 9000))
    return {
        "width": side,
        "height": side,
        "share_small": shares(),
        "share_greyscale": shares(),
        "share_bright_flat": shares(),
        "colour_tells": st.none() | shares(),
        "mirror_confuses": st.none() | shares(),
        "content": st.sampled_from(["photo", "greyscale", "document", "tiny", "mixed"]),
        "brightness_outliers": names(),
        "blurred": names(),
    }


def _words_of_texts() -> dict[str, st.SearchStrategy[object]]:
    """What the rules on texts read besides that."""
    telling = LeakSuspect(
        columns=("refund",), how="alone", measure="AUC", score=0.99, n_rows=90, label="c0"
    )
    lengths = st.tuples(st.integers(0, 5), st.floats(5.0, 300.0), st.integers(300, 9_000))
    return {
        "words": lengths,
        "tokens": lengths,
        "n_empty": st.integers(0, 10),
        "languages": st.sampled_from([{}, {"en": 1.0}, {"de": 0.6, "fr": 0.4}]),
        "share_other_script": shares(),
        "longest": st.sampled_from([0, 256]),
        "share_cut": shares(),
        "encoder_languages": st.sampled_from([(), ("en",), ("en", "de", "fr")]),
        "base_models": st.sampled_from([(), ("base",)]),
        "telling": st.sampled_from([(), (telling,), (telling,) * 9]),
        "telling_share": shares(),
        "boilerplate": names(),
        "label_named": shares(),
    }


def _sound_of_recordings() -> dict[str, st.SearchStrategy[object]]:
    """What the rules on recordings read besides that."""
    return {
        "rates": st.sampled_from([{}, {8_000: 90}, {44_100: 60, 16_000: 30}]),
        "seconds": st.tuples(st.floats(0, 1), st.floats(1, 60), st.floats(60, 900)),
        "silent": names(),
        "n_silent": st.integers(0, 10),
        "share_silence": shares(),
        "clipped": names(),
        "n_clipped": st.integers(0, 100),
        "loudness_tells": st.none() | shares(),
        "bandwidth": st.floats(0, 24_000),
        "content": st.sampled_from(["speech", "sound", "mixed"]),
        "content_reason": st.just("40% of 90 have a moving pitch of a voice"),
        "domain": st.sampled_from(["", "speech", "birds", "sound", "pictures"]),
        "longest": st.sampled_from([0.0, 30.0]),
        "share_cut": shares(),
        "group_source": st.sampled_from(["", "given", "names"]),
        "group_hint": st.sampled_from(["", "the first part of each name"]),
        "n_groups_one_class": st.integers(0, 100),
        "n_test_groups_shared": st.integers(0, 9),
        "smallest_class_groups": st.none() | st.integers(0, 30),
    }


def _counts(draw: st.DrawFn, modality: Modality) -> dict[str, object]:
    """Any numbers of items and labels of something perceived, and whether backbones were asked."""
    tasks = [task for task in Task if task is not Task.SEGMENTATION or modality is Modality.IMAGE]
    task = draw(st.sampled_from(tasks))
    counts: dict[str, int] = {}
    if task.is_classification:
        sizes = draw(st.lists(st.integers(0, 10_000), min_size=2, max_size=12))
        counts = {f"c{i}": size for i, size in enumerate(sizes)}
    n_labelled = max(1, sum(counts.values()) or draw(st.integers(1, 100_000)))
    n_pool = draw(st.integers(0, 100_000))
    smallest = min(counts.values(), default=n_labelled)
    seen = {name: draw(strategy) for name, strategy in _of_anything_perceived().items()}
    asked = draw(st.booleans()) and task is not Task.SEGMENTATION
    return {
        "name": "any",
        "modality": modality,
        "task": task,
        "n_rows": n_labelled + n_pool,
        "n_labelled": n_labelled,
        "n_unlabelled": n_pool,
        "n_test": draw(st.integers(0, 5000)),
        "n_classes": len(counts),
        "class_counts": counts,
        "smallest_class": smallest,
        "labels_per_class": n_labelled / max(1, len(counts)),
        "imbalance": max(counts.values(), default=1) / max(1, smallest) or 1.0,
        "n_groups": draw(st.none() | st.integers(1, n_labelled)),
        "n_duplicates": draw(st.integers(0, n_labelled - 1)),
        "separability": {n: draw(shares()) for n in seen["backbones"] if asked},  # type: ignore[attr-defined]
        **seen,
    }


@st.composite
def image_profiles(draw: st.DrawFn) -> ImageProfile:
    """Any profile of pictures that could be, and some that could hardly."""
    counts = _counts(draw, Modality.IMAGE)
    looks = {name: draw(strategy) for name, strategy in _looks_of_pictures().items()}
    mask_share = draw(shares()) if counts["task"] is Task.SEGMENTATION else None
    return ImageProfile.model_validate({**counts, **looks, "mask_share": mask_share})


@st.composite
def text_profiles(draw: st.DrawFn) -> TextProfile:
    """Any profile of texts that could be, and some that could hardly."""
    words = {name: draw(strategy) for name, strategy in _words_of_texts().items()}
    return TextProfile.model_validate({**_counts(draw, Modality.TEXT), **words})


@st.composite
def audio_profiles(draw: st.DrawFn) -> AudioProfile:
    """Any profile of recordings that could be, and some that could hardly."""
    sound = {name: draw(strategy) for name, strategy in _sound_of_recordings().items()}
    return AudioProfile.model_validate({**_counts(draw, Modality.AUDIO), **sound})


def perceived_profiles() -> st.SearchStrategy[PerceivedProfile]:
    """Any profile of pictures, texts or recordings."""
    return st.one_of(image_profiles(), text_profiles(), audio_profiles())
