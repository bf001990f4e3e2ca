"""What the profile counts and measures, and that neither order nor encoding changes it."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.dataset import Dataset, Modality, Task
from advisor.errors import NoStrategy
from advisor.profile import PROFILERS, TabularProfile, profile_dataset
from advisor.rejection import find_rejection
from advisor.rules.scarcity import pool_available, pool_rows_repeat
from advisor.strategy import STRATEGIES
from advisor.tables.columns import ColumnKind
from tests.profiles import make_dataset

N = ColumnKind.NUMERIC
C = ColumnKind.CATEGORICAL


def mixed(n_rows: int = 200, seed: int = 0) -> Dataset:
    """Two numbers, one of them with gaps, and a word; the target follows the first number loosely."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n_rows)
    b = np.where(rng.random(n_rows) < 0.2, np.nan, rng.exponential(size=n_rows))
    c = rng.choice(["red", "green", "blue"], n_rows)
    y = (a + rng.normal(size=n_rows) > 0).astype(int)
    return make_dataset({"a": (N, a), "b": (N, b), "c": (C, c)}, y)


def table(dataset: Dataset) -> TabularProfile:
    """The profile, as what it is."""
    profile = profile_dataset(dataset)
    assert isinstance(profile, TabularProfile)
    return profile


def test_counts_of_rows_classes_and_columns() -> None:
    """Labels per class are counted, and the pool and test rows beside them."""
    data = mixed()
    pool, test = data.X.iloc[:50], data.X.iloc[:30]
    object.__setattr__(data, "X_unlabelled", pool)
    object.__setattr__(data, "X_test", test)
    profile = table(data)
    counts = np.bincount(data.y.astype(int))
    assert (profile.n_rows, profile.n_labelled, profile.n_unlabelled, profile.n_test) == (
        250,
        200,
        50,
        30,
    )
    assert profile.class_counts == {"c0": counts[0], "c1": counts[1]}
    assert profile.smallest_class == counts.min()
    assert profile.imbalance == counts.max() / counts.min()
    assert (profile.n_test_overlap, profile.n_pool_overlap) == (30, 50)
    assert profile.kinds == {"numeric": 2, "categorical": 1}
    assert profile.missing_columns == {"b": np.isnan(data.X["b"]).mean()}


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_profile_is_unchanged_by_row_order(seed: int) -> None:
    """Exactly, to the last digit: nothing is summed in file order."""
    data = mixed(seed=seed)
    order = np.random.default_rng(seed + 1).permutation(data.n_labelled)
    assert profile_dataset(data.take(order)) == profile_dataset(data)


def test_profile_is_unchanged_by_row_order_when_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is chosen by content, not by position."""
    monkeypatch.setattr("advisor.profilers.tabular.SAMPLE", 100)
    data = mixed(400)
    profile = profile_dataset(data)
    assert (profile.sampled, profile.sample_size) == (True, 100)
    assert profile_dataset(data.take(np.arange(400)[::-1])) == profile
    assert profile.n_labelled == 400


def test_profile_is_unchanged_by_column_order() -> None:
    """Rows are equal whatever order their cells stand in."""
    data = mixed()
    other = make_dataset(
        {
            n: (k, data.X[n].astype("str") if k is C else data.X[n])
            for n, k in (("c", C), ("b", N), ("a", N))
        },
        data.y,
    )
    assert table(other).model_dump() == table(data).model_dump()


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_doubling_all_rows_leaves_fractions(seed: int) -> None:
    """Counts double, shares stay, and half of the rows are repeats."""
    data = mixed(seed=seed)
    n = data.n_labelled
    once, twice = table(data), table(data.take(np.tile(np.arange(n), 2)))
    for name in (
        "share_missing",
        "share_categorical",
        "imbalance",
        "share_skewed",
        "max_cardinality",
    ):
        assert getattr(twice, name) == pytest.approx(getattr(once, name))
    assert twice.n_labelled == 2 * n
    assert twice.n_duplicates == n + once.n_duplicates
    assert twice.conflict_errors == 2 * once.conflict_errors


def test_profiling_changes_nothing() -> None:
    """The dataset is read only."""
    data = mixed()
    before = copy.deepcopy(data)
    profile_dataset(data)
    pd.testing.assert_frame_equal(data.X, before.X)
    np.testing.assert_array_equal(data.y, before.y)


def test_equal_rows_with_different_labels_are_conflicts() -> None:
    """Three equal rows of two classes: all conflict, one cannot be right."""
    x = [1.0, 1.0, 1.0, 2.0, 2.0, 3.0]
    profile = table(make_dataset({"x": (N, x)}, [0, 0, 1, 1, 1, 0]))
    assert (profile.n_duplicates, profile.n_label_conflicts, profile.conflict_errors) == (3, 3, 1)


def test_missing_and_signed_zero_cells_are_equal() -> None:
    """NaN repeats NaN, -0.0 repeats 0.0, a missing word repeats a missing word."""
    data = make_dataset(
        {"x": (N, [np.nan, np.nan, 0.0, -0.0]), "w": (C, [None, None, "a", "a"])}, [0, 0, 1, 1]
    )
    assert table(data).n_duplicates == 2


def test_test_rows_are_compared_by_words_not_by_codes() -> None:
    """The test split may list its categories in another order."""
    data = make_dataset({"w": (C, ["a", "b", "c", "a"])}, [0, 1, 0, 1])
    test = pd.DataFrame({"w": pd.Categorical(["c", "z"], categories=["z", "c"])})
    object.__setattr__(data, "X_test", test)
    assert table(data).n_test_overlap == 1


@pytest.mark.parametrize("how", ["copy", "word", "threshold", "missing"])
def test_a_column_that_writes_the_class_out_is_a_leak(how: str) -> None:
    """As itself, as a word, behind a threshold with noise, or by being missing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    leak: tuple[ColumnKind, object] = {
        "copy": (N, y.astype(float)),
        "word": (C, np.where(y == 1, "yes", "no")),
        "threshold": (N, y * 10 + rng.normal(size=300)),
        "missing": (N, np.where(y == 1, np.nan, rng.normal(size=300))),
    }[how]
    profile = table(make_dataset({"a": (N, rng.normal(size=300)), "leak": leak}, y))
    assert [suspect.columns for suspect in profile.leaks] == [("leak",)]


def test_rare_codes_that_together_mean_one_class_are_a_leak() -> None:
    """A code of its own for every positive, one code for all negatives."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    codes = np.where(y == 1, [f"k{i}" for i in range(300)], "none")
    data = make_dataset(
        {"a": (N, rng.normal(size=300)), "code": (ColumnKind.HIGH_CARDINALITY, codes)}, y
    )
    assert [suspect.columns for suspect in table(data).leaks] == [("code",)]


@pytest.mark.parametrize("how", ["sum", "difference", "product"])
def test_two_columns_that_make_the_target_are_a_leak(how: str) -> None:
    """As casual and registered users make the count."""
    rng = np.random.default_rng(0)
    a, b, c = rng.uniform(1, 9, size=(3, 200))
    y = {"sum": a + b, "difference": a - b, "product": a * b}[how]
    profile = table(make_dataset({"a": (N, a), "b": (N, b), "c": (N, c)}, y, Task.REGRESSION))
    assert [(leak.how, leak.columns) for leak in profile.leaks] == [(how, ("a", "b"))]


def test_a_monotone_copy_of_a_number_is_a_leak() -> None:
    """The logarithm of the price predicts the price."""
    y = np.random.default_rng(0).lognormal(size=200)
    profile = table(make_dataset({"log": (N, np.log(y))}, y, Task.REGRESSION))
    assert [leak.columns for leak in profile.leaks] == [("log",)]


def test_a_label_of_a_multilabel_problem_can_leak() -> None:
    """And the suspect names the label."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (200, 3))
    profile = table(
        make_dataset({"x": (N, y[:, 1]), "z": (N, rng.normal(size=200))}, y, Task.MULTILABEL)
    )
    assert [(leak.columns, leak.label) for leak in profile.leaks] == [(("x",), "l1")]
    assert profile.class_counts == {f"l{i}": int(y[:, i].sum()) for i in range(3)}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_order_of_a_number_is_told_of_the_positive_class(sign: float) -> None:
    """A class that comes late correlates with it, one that comes early against it."""
    number = np.arange(200)
    y = (sign * (number - 99.5) > 0).astype(int)
    words = pd.Categorical([str(n) for n in number])
    (found,) = table(make_dataset({"id": (ColumnKind.IDENTIFIER, words)}, y)).ordered
    assert found.correlation == pytest.approx(0.866 * sign, abs=0.001)


@pytest.mark.parametrize("n_rows", [40, 150])
def test_many_columns_of_noise_are_no_leak(n_rows: int) -> None:
    """Five hundred chances to look perfect are not taken."""
    rng = np.random.default_rng(1)
    noise = {f"n{i}": (N, rng.normal(size=n_rows)) for i in range(500)}
    assert table(make_dataset(noise, rng.integers(0, 2, n_rows))).leaks == ()


def test_classes_that_every_column_tells_apart_are_easy_not_leaked() -> None:
    """Ten good columns are good luck."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    columns = {f"x{i}": (N, 10 * y + rng.normal(size=200)) for i in range(10)}
    assert table(make_dataset(columns, y)).leaks == ()


def test_drift_is_large_and_no_accident() -> None:
    """A shifted number, a vanished word and cells gone missing are told; another sample is not."""
    data, other = mixed(600, seed=1), mixed(400, seed=2)
    object.__setattr__(data, "X_test", other.X)
    assert table(data).test_drift == ()
    moved = other.X.assign(
        a=other.X["a"] + 1.0, b=np.nan, c=pd.Categorical(["red"] * 400, categories=["red"])
    )
    object.__setattr__(data, "X_test", moved)
    drift = {d.column: d.measure for d in table(data).test_drift}
    assert drift == {"a": "KS", "b": "missing", "c": "TV"}
    assert table(data).share_test_drift == 1.0


def test_columns_that_repeat_another_are_paired_with_it() -> None:
    """Equal, recoded and rescaled copies; two unrelated columns without repeats are none."""
    rng = np.random.default_rng(0)
    x, level = rng.normal(size=200), rng.integers(0, 3, 200)
    data = make_dataset(
        {
            "x": (N, x),
            "x2": (N, x),
            "cents": (N, 100 * x + 5),
            "other": (N, rng.normal(size=200)),
            "level": (N, level.astype(float)),
            "word": (C, np.array(["lo", "mid", "hi"])[level]),
        },
        rng.integers(0, 2, 200),
    )
    pairs = {(p.first, p.second): p.relation for p in table(data).duplicate_columns}
    assert pairs == {("x", "x2"): "equal", ("x", "cents"): "rescaled", ("level", "word"): "recoded"}


def test_repeated_keys_and_measurements_are_suspected_groups() -> None:
    """A patient number that comes back, and mixtures measured at several ages."""
    rng = np.random.default_rng(0)
    mixture = np.repeat(rng.normal(size=(60, 4)), 4, axis=0)
    columns: dict[str, tuple[ColumnKind, object]] = {f"m{i}": (N, mixture[:, i]) for i in range(4)}
    columns |= {"age": (N, np.tile([1.0, 7.0, 28.0, 90.0], 60))}
    columns |= {"patient_id": (ColumnKind.IDENTIFIER, [f"p{i // 4}" for i in range(240)])}
    data = make_dataset(columns, rng.integers(0, 2, 240))
    found = {(s.how, s.column): s.n_groups for s in table(data).group_suspects}
    assert found == {("key", "patient_id"): 60, ("all_but_one", "age"): 60}


def test_given_groups_are_counted_and_no_longer_suspected() -> None:
    """Also the groups in which the rarest class occurs."""
    rng = np.random.default_rng(0)
    data = make_dataset(
        {"x": (N, rng.normal(size=90)), "patient": (C, [f"p{i // 3}" for i in range(90)])},
        np.r_[np.ones(6), np.zeros(84)],
        groups=np.arange(90) // 3,
    )
    profile = table(data)
    assert (profile.n_groups, profile.smallest_class_groups) == (30, 2)
    assert profile.n_groups_one_class == 30
    assert profile.group_suspects == ()


def test_full_factorials_are_no_groups() -> None:
    """In a table of few possible rows they repeat by chance."""
    grid = np.array(np.meshgrid(*[range(3)] * 5)).reshape(5, -1).T
    columns = {f"x{i}": (N, grid[:, i]) for i in range(5)}
    y = np.random.default_rng(0).integers(0, 2, len(grid))
    assert table(make_dataset(columns, y)).group_suspects == ()


@pytest.mark.parametrize("kind", [ColumnKind.IDENTIFIER, ColumnKind.DATETIME])
def test_an_order_that_the_target_follows_is_told(kind: ColumnKind) -> None:
    """Rows numbered or dated while the target rises."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=200)
    values = days if kind is ColumnKind.DATETIME else [str(i) for i in range(200)]
    y = np.arange(200) + rng.normal(0, 60, 200)
    data = make_dataset(
        {"when": (kind, values), "x": (N, rng.normal(size=200))}, y, Task.REGRESSION
    )
    (found,) = table(data).ordered
    assert (found.column, found.kind) == ("when", kind.value)
    assert found.correlation > 0.5


def test_regression_targets_are_measured() -> None:
    """Skewness and zeros; classes are none."""
    y = np.r_[np.zeros(50), np.random.default_rng(0).lognormal(size=50)]
    profile = table(make_dataset({"x": (N, np.arange(100.0))}, y, Task.REGRESSION))
    assert profile.target_zero_share == 0.5
    assert profile.target_skew is not None
    assert profile.target_skew > 1
    assert (profile.class_counts, profile.smallest_class, profile.imbalance) == ({}, 100, 1.0)


def test_constants_and_identifiers_are_no_features() -> None:
    """They are named, and count as columns only."""
    data = make_dataset(
        {
            "x": (N, [1.0, 2.0, 3.0]),
            "k": (ColumnKind.CONSTANT, ["v", "v", "v"]),
            "id": (ColumnKind.IDENTIFIER, ["1", "2", "3"]),
        },
        [0, 1, 0],
    )
    profile = table(data)
    assert (profile.n_columns, profile.n_features) == (3, 1)
    assert (profile.constants, profile.identifiers) == (("k",), ("id",))


def test_profile_survives_json() -> None:
    """The report stores it."""
    profile = table(mixed())
    assert TabularProfile.model_validate_json(profile.model_dump_json()) == profile


def test_a_modality_without_profiler_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that is recognised before it can be profiled."""
    data = mixed()
    object.__setattr__(data, "modality", Modality.TEXT)
    parts = [name for name in PROFILERS if name != Modality.TEXT.value]
    monkeypatch.setattr("advisor.profile.PROFILERS", {name: PROFILERS[name] for name in parts})
    with pytest.raises(NoStrategy, match="holds text data"):
        profile_dataset(data)


def test_rows_of_the_pool_that_repeat_the_test_split_are_told_and_not_counted() -> None:
    """Nothing is left to learn from, so no strategy that needs a pool is ready."""
    data = mixed()
    labelled, test = data.take(np.arange(100)), data.X.iloc[100:].reset_index(drop=True)
    object.__setattr__(labelled, "X_test", test)
    object.__setattr__(labelled, "X_unlabelled", test)
    profile = table(labelled)
    assert (profile.n_unlabelled, profile.n_pool_overlap, profile.n_pool_new) == (100, 100, 0)
    finding = pool_rows_repeat(profile)
    assert finding is not None
    assert "nothing is left" in finding.message
    assert pool_available(profile.model_copy(update={"n_unlabelled": 9_000})) is not None
    assert pool_available(profile.model_copy(update={"n_unlabelled": 250})) is None
    cards = [strategy.card for strategy in STRATEGIES.values() if strategy.card.pool]
    of_tables = [card for card in cards if Modality.TABULAR in card.modalities]
    assert "label_spreading" in {card.name for card in of_tables}
    assert all(find_rejection(card, profile, ()) is not None for card in of_tables)
