"""Strategies on frozen features that learn from the pool, and what lets them be deployed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.datasets import make_moons

from advisor.api import advise_dataset
from advisor.belief import Beliefs, beliefs_of
from advisor.dataset import Dataset, Task, read_dataset
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.executor import ThisProcess
from advisor.fitting import fit_model
from advisor.parameter import ParamValue
from advisor.rejection import find_rejection
from advisor.representation import FeatureInfo, Features
from advisor.selection import select
from advisor.space import load_space
from advisor.strategies.closed_form import CentroidHead, RidgeHead
from advisor.strategies.heads import HeadModel
from advisor.strategies.label_spreading import certainty, neighbour_graph, spread_labels
from advisor.strategies.linear import LinearModel
from advisor.strategies.pseudo_labels import AXES, principal_axes, surest
from advisor.strategy import STRATEGIES, FitContext, Model
from advisor.trials import Trial, TrialStore, cross_validate
from tests.problems import workspace_of

OF_TABLES = ("self_training", "label_spreading", "prototypes", "consistency_head")
POOLED = ("pool_blend", *OF_TABLES)
INFO = FeatureInfo(names=())
BINARY = FitContext(task=Task.BINARY, n_outputs=2, info=INFO, seed=0)


def params(
    name: str, task: Task = Task.BINARY, modality: str = "image", **values: ParamValue
) -> dict[str, ParamValue]:
    """A configuration: the defaults but for some values."""
    return load_space(name, modality, {}, task).complete(values)


def blobs(
    n_rows: int, seed: int, width: int = 60, apart: float = 2.5
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two clouds that lie apart in one direction, among many columns of noise."""
    draw = np.random.default_rng(seed)
    y = draw.permutation(np.arange(n_rows) % 2)
    values = draw.normal(size=(n_rows, width))
    values[:, 0] += apart * (2 * y - 1)
    return values, y


def accuracy(model: Model, values: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Share of rows that are right."""
    return float((model.predict(values).argmax(axis=1) == y).mean())


def fitted(name: str, X: Features, y: NDArray[np.int64], **values: ParamValue) -> Model:
    """The defaults for pictures, or what is asked for, on two classes."""
    chosen = params(name, **{"scaling": "length", **values})
    return fit_model(STRATEGIES[name], chosen, BINARY, X, y, Deadline(None))


@pytest.mark.parametrize("name", POOLED)
def test_a_pool_of_the_same_clouds_helps(name: str) -> None:
    """Ten labels among sixty columns of noise leave a head lost; the pool shows where the clouds are."""
    values, y = blobs(10, seed=1)
    pool, _ = blobs(400, seed=2)
    new, truth = blobs(400, seed=3)
    alone = fitted("linear_probe", Features(values, INFO), y)
    helped = fitted(name, Features(values, INFO, pool=pool), y)
    assert accuracy(helped, new, truth) > accuracy(alone, new, truth) + 0.03


def test_what_is_slow_is_judged_on_fewer_repeats(tmp_path: Path) -> None:
    """A head on all of them, one that learns from the pool on two; a trial brings as many fold models."""
    dataset = table(blobs(100, seed=7)[0], 60)
    workspace = workspace_of(dataset, tmp_path / "work", folds=2, repeats=3)
    assert workspace.n_folds("linear") == 6
    assert workspace.n_folds("self_training") == 4
    done = cross_validate(
        ThisProcess(),
        workspace,
        "self_training",
        params("self_training", modality="tabular"),
        seed=0,
        seconds=None,
        models=tmp_path / "models",
    )
    assert done.predictions is not None
    assert np.isfinite(done.predictions).all()
    assert len(list((tmp_path / "models").iterdir())) == 4


@pytest.mark.parametrize("shares", ["labels", "pool"])
def test_a_blend_is_the_mean_of_its_parts(shares: str) -> None:
    """Each as it is by itself with its defaults, weighed by the balance; spreading keeps to the shares asked for."""
    values, y = blobs(10, seed=1)
    draw, spare = blobs(150, seed=2)
    rows = Features(values, INFO, pool=draw[(spare == 1) | (np.arange(150) % 4 == 0)])
    new, _ = blobs(50, seed=3)
    spread = fitted("label_spreading", rows, y, shares=shares).predict(new)
    trained = fitted("self_training", rows, y).predict(new)
    blend = fitted("pool_blend", rows, y, balance=0.7, shares=shares)
    np.testing.assert_allclose(blend.predict(new), 0.3 * spread + 0.7 * trained)
    if shares == params("pool_blend")["shares"]:  # runs planned before it was one did not say it
        chosen = params("pool_blend", balance=0.7, scaling="length")
        del chosen["shares"]
        before = fit_model(STRATEGIES["pool_blend"], chosen, BINARY, rows, y, Deadline(None))
        np.testing.assert_array_equal(before.predict(new), blend.predict(new))


@pytest.mark.parametrize("modality", ["image", "text", "audio"])
def test_whatever_learns_shares_can_be_told_to_keep_to_those_of_the_pool(modality: str) -> None:
    """What a finding narrows reaches every strategy that the finding speaks of."""
    for name in ("pool_blend", "self_training", "label_spreading"):
        space = load_space(name, modality, {}, Task.BINARY).narrowed({"shares": ("pool",)})
        assert space.defaults()["shares"] == "pool"


def test_labels_spread_along_the_shape_of_a_cloud() -> None:
    """Two moons with three labels each: the graph follows them round."""
    values, y = make_moons(400, noise=0.05, random_state=0)
    labelled = np.concatenate([np.flatnonzero(y == c)[:3] for c in (0, 1)])
    order = np.concatenate([labelled, np.setdiff1d(np.arange(400), labelled)])
    start = np.zeros((400, 2))
    start[np.arange(6), y[labelled]] = 1.0
    found = spread_labels(neighbour_graph(values[order], 10), start, 0.99)
    assert (found.argmax(axis=1) == y[order]).mean() > 0.95


def test_certainty_is_one_for_one_class_and_zero_for_all_alike() -> None:
    """Half-way between it lies between."""
    found = certainty(np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.8, 0.1, 0.1]]))
    np.testing.assert_allclose(found[:2], [1.0, 0.0], atol=1e-6)
    assert 0.1 < found[2] < 0.9


def test_the_surest_of_each_class_are_taken() -> None:
    """A share of every predicted class, no more than its share among the labelled, none below the threshold."""
    sure = np.array([0.99, 0.9, 0.8, 0.7, 0.6, 0.55])
    found = np.column_stack([sure, 1 - sure])
    found[4:] = found[4:, ::-1]
    assert surest(found, 0.5).tolist() == [0, 1, 4]
    assert surest(found, 1.0, np.array([0.2, 0.8])).tolist() == [0, 1, 4, 5]
    assert surest(found, 1.0, threshold=0.85).tolist() == [0, 1]


def test_principal_axes_keep_what_varies() -> None:
    """As few as allowed, orthonormal, and the scores on them are those of the rows."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(50, 3)) @ draw.normal(size=(3, AXES + 40))
    axes = principal_axes(rows)
    assert len(axes) == 50
    np.testing.assert_allclose(rows @ axes.T @ axes, rows, atol=1e-8)
    assert principal_axes(rows[:, :5]).tolist() == np.eye(5).tolist()


@pytest.mark.parametrize("name", POOLED)
def test_without_a_pool_there_is_no_model(name: str) -> None:
    """Not even silently one of the labelled rows; a pool of which nothing could be read is none."""
    values, y = blobs(20, seed=1)
    for pool in (None, np.full((5, 60), np.nan)):
        with pytest.raises(InvalidRequest, match="unlabelled rows"):
            fitted(name, Features(values, INFO, pool=pool), y)


@pytest.mark.parametrize("name", POOLED)
def test_rows_of_the_pool_that_could_not_be_read_are_left_out(name: str) -> None:
    """They change nothing."""
    values, y = blobs(20, seed=1)
    pool, _ = blobs(80, seed=2)
    broken = np.vstack([pool, np.full((3, 60), np.nan)])
    first, second = (fitted(name, Features(values, INFO, pool=p), y) for p in (pool, broken))
    np.testing.assert_allclose(first.predict(values), second.predict(values), atol=1e-9)


def test_self_training_is_calmed() -> None:
    """On noise its own labels would make it certain of what it cannot know (log loss 1.7)."""
    values, y = blobs(20, seed=1, apart=0.0)
    pool, _ = blobs(300, seed=2, apart=0.0)
    new, truth = blobs(300, seed=3, apart=0.0)
    model = fitted("self_training", Features(values, INFO, pool=pool), y)
    found = model.predict(new)
    assert -np.log(found[np.arange(300), truth]).mean() < 1.0


@pytest.mark.parametrize("head", ["linear", "centroid", "ridge"])
def test_weights_of_rows_count(head: str) -> None:
    """A row of weight zero is not there, and one of weight five is there five times.

    Heads in closed form count rows where they choose how sure they are, and ridge leaves out one copy at a time.
    """
    values, y = blobs(30, seed=4, width=5, apart=1.0)
    y[29] = 1 - y[29]
    one_more = replace(Features(values, INFO), weights=np.append(np.ones(29), 0.0))
    chosen: dict[str, ParamValue] = {"penalty": "l2", "C": 1.0}

    def make() -> Model:
        if head == "linear":
            return LinearModel(chosen, BINARY)
        return (RidgeHead if head == "ridge" else CentroidHead)(chosen, BINARY)

    without = make().fit(Features(values[:29], INFO), y[:29], Deadline(None)).predict(values)
    ignored = make().fit(one_more, y, Deadline(None)).predict(values)
    np.testing.assert_allclose(ignored, without, atol=1e-6 if head == "linear" else 0.01)
    heavy = replace(one_more, weights=np.append(np.ones(29), 5.0))
    weighed = make().fit(heavy, y, Deadline(None)).predict(values)
    assert np.abs(weighed - without).max() > 0.015
    if head == "linear":
        copies = np.append(np.arange(29), [29] * 5)
        again = make().fit(Features(values[copies], INFO), y[copies], Deadline(None))
        np.testing.assert_allclose(weighed, again.predict(values), atol=1e-3)


def test_a_head_passes_weights_on() -> None:
    """Also past rows that could not be read."""
    values, y = blobs(30, seed=4, width=5)
    values[3] = np.nan
    weights = np.where(np.arange(30) < 20, 1.0, 0.0)
    head = {"penalty": "l2", "C": 1.0}
    model = HeadModel("linear", head, "none", BINARY)
    found = model.fit(Features(values, INFO, weights), y, Deadline(None)).predict(values)
    assert np.isfinite(found).all()
    share = np.bincount(y[:20], minlength=2) / 20
    np.testing.assert_allclose(found[3], share)


def table(pool: NDArray[np.float64], n_labelled: int) -> Dataset:
    """Labelled blobs and a pool, as a table."""
    values, y = blobs(n_labelled, seed=5)
    columns = [f"c{i}" for i in range(values.shape[1])]
    frame = pd.DataFrame(np.vstack([values, pool]), columns=columns)
    frame["y"] = [*np.where(y == 1, "yes", "no"), *[None] * len(pool)]
    return read_dataset(frame, target="y", task="binary", name="blobs")


def otherwise(n_rows: int) -> NDArray[np.float64]:
    """A pool of another source: two clouds that lie far apart in directions that say nothing of the classes."""
    values, y = blobs(n_rows, seed=6, apart=0.0)
    values[:, 1:30] += 3.0 * (2 * y[:, None] - 1)
    return values


@pytest.mark.parametrize(("helps", "name"), [(True, "self_training"), (False, "self_training")])
def test_a_pool_strategy_is_deployed_where_it_wins(helps: bool, name: str, tmp_path: Path) -> None:
    """Beyond chance on the same folds against the best without a pool; where the pool harms it is left out."""
    dataset = table(blobs(600, seed=7)[0] if helps else otherwise(600), 60)
    workspace = workspace_of(dataset, tmp_path / "work", metric="log_loss")
    store = TrialStore(tmp_path / "trials")
    for number, strategy in enumerate(("linear", name)):
        chosen = params(strategy, modality="tabular", C=0.3)
        done = cross_validate(ThisProcess(), workspace, strategy, chosen, seed=0, seconds=None)
        assert done.predictions is not None
        y = workspace.y.astype(int)
        loss = -np.log(done.predictions[np.arange(len(y)), y]).mean()
        trial = Trial(
            number=number,
            strategy=strategy,
            params=chosen,
            origin="default",
            state="complete",
            score=-loss,
            loss=loss,
            seconds=1.0,
            fit_seconds=1.0,
            study_number=number,
        )
        store.add(trial, done.predictions)
    selection = select(workspace, store, beliefs=Beliefs(doubted=frozenset({name})))
    assert (name in {trial.strategy for trial in selection.members}) is helps


def test_without_evidence_a_pool_strategy_is_doubted() -> None:
    """On tables nothing puts them ahead; without a pool they are rejected by what they need."""
    report = advise_dataset(table(blobs(300, seed=7)[0], 60), probe_seconds=0)
    beliefs = beliefs_of(report)
    assert set(OF_TABLES) <= beliefs.doubted
    assert set(OF_TABLES) <= set(beliefs.behind)
    assert not beliefs.ahead
    bare = advise_dataset(table(np.zeros((0, 60)), 60), probe_seconds=0)
    told = {r.strategy: r.reason for r in bare.rejected}
    assert all("pool of unlabelled rows" in told[name] for name in OF_TABLES)
    card = STRATEGIES["self_training"].card
    assert find_rejection(card, report.profile, []) is None
