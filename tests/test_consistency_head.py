"""A head on frozen features that learns to say of noisy rows of the pool what it says of clean ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.fitting import fit_model, load_model
from advisor.nets import feature_consistency
from advisor.nets.feature_consistency import (
    ConsistencySettings,
    Rows,
    as_rows,
    scores_of,
    start_net,
    train_consistency,
    turned,
)
from advisor.nets.tabular_mlp import PackedMlp
from advisor.nets.thresholds import KINDS
from advisor.parameter import Categorical, ParamValue
from advisor.representation import FeatureInfo, Features
from advisor.space import load_space
from advisor.strategies.consistency_head import ConsistencyHead, scatter_of, two_sided
from advisor.strategies.pseudo_labels import calming_factor
from advisor.strategy import STRATEGIES, FitContext, Model

INFO = FeatureInfo(names=())
THREE = FitContext(task=Task.MULTICLASS, n_outputs=3, info=INFO, seed=0)
SETTINGS = ConsistencySettings(
    threshold="freematch",
    steps=20,
    noise=1.0,
    dropout=0.1,
    weight=0.3,
    penalty=1e-3,
    rate=0.5,
)


class Passed(Deadline):
    """One that passes after it was looked at so often."""

    def __init__(self, looks: int) -> None:
        super().__init__(None)
        self.looks = looks

    def passed(self) -> bool:
        """Count down."""
        self.looks -= 1
        return self.looks < 0


def clouds(
    n_rows: int, seed: int, width: int = 30
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three classes that lie apart in three columns, among others of noise."""
    draw = np.random.default_rng(seed)
    y = draw.permutation(np.arange(n_rows) % 3)
    values = draw.normal(size=(n_rows, width))
    values[np.arange(n_rows), y] += 3.0
    return values, y


def fitted(deadline: Deadline | None = None, **values: ParamValue) -> tuple[Model, Model]:
    """Fit on four rows of each class and a pool, and by the labels alone."""
    rows, y = clouds(12, seed=1)
    pool, _ = clouds(300, seed=2)
    chosen = load_space("consistency_head", "image", {}, Task.MULTICLASS).complete(
        {"scaling": "length", "steps": 50, **values}
    )
    X = Features(rows, INFO, pool=pool)
    strategy = STRATEGIES["consistency_head"]
    model = fit_model(strategy, chosen, THREE, X, y, deadline or Deadline(None))
    plain = load_space("linear_probe", "image", {}, Task.MULTICLASS).complete({"scaling": "length"})
    alone = fit_model(
        STRATEGIES["linear_probe"], plain, THREE, Features(rows, INFO), y, Deadline(None)
    )
    return model, alone


def accuracy(model: Model) -> float:
    """Share of new rows that are right."""
    new, truth = clouds(600, seed=3)
    return float((model.predict(new).argmax(axis=1) == truth).mean())


@pytest.mark.parametrize("hidden", [0, 7])
def test_training_starts_at_the_linear_model(hidden: int) -> None:
    """Also with a hidden layer: pairs of units carry its scores."""
    draw = np.random.default_rng(0)
    weights, intercepts, rows = (
        draw.normal(size=(3, 5)),
        draw.normal(size=3),
        draw.normal(size=(9, 5)),
    )
    found = scores_of(start_net(weights, intercepts, hidden, seed=0), rows)
    np.testing.assert_allclose(found, rows @ weights.T + intercepts, atol=1e-5)


@pytest.mark.parametrize("hidden", [0, 7])
def test_a_turned_network_answers_on_what_features_were_made_of(hidden: int) -> None:
    """The same scores times the factor."""
    draw = np.random.default_rng(0)
    net = start_net(draw.normal(size=(3, 4)), draw.normal(size=3), hidden, seed=0)
    axes, rows = draw.normal(size=(4, 6)), draw.normal(size=(9, 6))
    found = scores_of(turned(net, axes, 0.5), rows)
    np.testing.assert_allclose(found, 0.5 * scores_of(net, rows @ axes.T), atol=1e-4)


def test_two_classes_keep_their_probabilities() -> None:
    """One row of weights becomes two whose difference it is."""
    weights, intercepts = two_sided(np.array([[2.0, -1.0]]), np.array([0.5]))
    assert (weights[1] - weights[0]).tolist() == [2.0, -1.0]
    assert intercepts[1] - intercepts[0] == 0.5


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_alone_leave_the_start_where_it_is(
    n_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The logistic regression is the least of the penalised loss of labelled rows that training goes on with."""
    seen: list[tuple[PackedMlp, Rows, ConsistencySettings]] = []

    def watched(
        net: PackedMlp, rows: Rows, settings: ConsistencySettings, seed: int, deadline: Deadline
    ) -> tuple[PackedMlp, bool]:
        seen.append((net, rows, settings))
        return net, False

    monkeypatch.setattr(feature_consistency, "train_consistency", watched)
    values, y = clouds(60, seed=1, width=8)
    values, y = values[y < n_classes], y[y < n_classes]
    task = Task.BINARY if n_classes == 2 else Task.MULTICLASS
    params = load_space("consistency_head", "image", {}, task).complete({"C": 0.3})
    context = replace(THREE, task=task, n_outputs=n_classes)
    X = Features(values, INFO, pool=clouds(90, seed=2, width=8)[0])
    ConsistencyHead(params, context).fit(X, y, Deadline(None))
    net, rows, settings = seen[0]
    found = net(rows.labelled[None])[0]
    loss = (
        torch.nn.functional.cross_entropy(found, rows.codes, reduction="none") * rows.weights
    ).mean()
    held = 0.5 * settings.penalty * (net.weights[0] ** 2).sum()
    (slope,) = torch.autograd.grad(loss + held, [net.weights[0]], retain_graph=True)
    (pull,) = torch.autograd.grad(held, [net.weights[0]])
    assert float(slope.norm()) < 0.02 * float(pull.norm())


@pytest.mark.parametrize("threshold", sorted(KINDS))
def test_every_threshold_helps_on_a_pool_of_the_same_clouds(threshold: str) -> None:
    """Four labels a class leave a head unsure of the noise; some thresholds trust little and change little."""
    model, alone = fitted(threshold=threshold)
    assert accuracy(model) >= accuracy(alone) - 0.005


@pytest.mark.parametrize("hidden", [0, 16])
def test_the_pool_helps_and_the_model_is_saved_without_pickle(hidden: int, tmp_path: Path) -> None:
    """A linear head as arrays, a network as safetensors; what is read back predicts the same."""
    model, alone = fitted(hidden=hidden)
    assert accuracy(model) > accuracy(alone) + 0.02
    model.save(tmp_path)
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".npz", ".safetensors"}
    assert (".safetensors" in kinds) is (hidden > 0)
    new, _ = clouds(50, seed=4)
    again = load_model(STRATEGIES["consistency_head"], tmp_path, THREE)
    np.testing.assert_allclose(again.predict(new), model.predict(new), atol=1e-6)


def test_late_it_keeps_what_was_learned_by_then() -> None:
    """The logistic regression and some steps; without even that there is no model."""
    model, _ = fitted(deadline=Passed(5))
    assert model.truncated
    assert accuracy(model) > 0.7
    with pytest.raises(DeadlineExceeded):
        fitted(deadline=Passed(0))


def test_the_space_names_the_thresholds_there_are() -> None:
    """Each, and no other."""
    for modality in ("image", "text", "audio", "tabular"):
        param = load_space("consistency_head", modality, {}).params["threshold"]
        assert isinstance(param, Categorical)
        assert set(param.choices) == set(KINDS)


def test_noise_is_in_units_of_the_scatter_within_classes() -> None:
    """Means of the classes add nothing to it; one row of each class says nothing, so the pool does."""
    values = np.array([[0.0, 5.0], [2.0, 5.0], [100.0, 5.0], [102.0, 5.0]])
    codes = np.array([0, 0, 1, 1])
    np.testing.assert_allclose(scatter_of(values, codes, values), [np.sqrt(2.0), 0.0])
    pool = np.array([[1.0, 0.0], [3.0, 0.0]])
    assert scatter_of(values[[0, 2]], codes[[0, 2]], pool).tolist() == [1.0, 0.0]


def tensors(n_pool: int) -> Rows:
    """Rows for the network itself."""
    values, y = clouds(12, seed=1)
    pool, _ = clouds(n_pool, seed=2)
    return as_rows(values, y, np.ones(12), pool, np.ones(values.shape[1]))


def test_the_same_seed_gives_the_same_head_and_leaves_the_generator_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a step holds a part of the pool."""
    monkeypatch.setattr(feature_consistency, "POOL_BATCH", 32)
    before = torch.get_rng_state()
    found = [
        scores_of(
            train_consistency(
                start_net(np.zeros((3, 30)), np.zeros(3), 0, seed=0),
                tensors(100),
                SETTINGS,
                seed,
                Deadline(None),
            )[0],
            np.eye(30),
        )
        for seed in (1, 1, 2)
    ]
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-4


def test_sureness_is_taken_back_half_way() -> None:
    """The factor that gives what is wanted, by its root; nothing is made surer."""
    scores = np.random.default_rng(0).normal(size=(200, 3)) * 4
    wanted = float(softmax(scores * 0.25, axis=1).max(axis=1).mean())
    assert calming_factor(scores, wanted) == pytest.approx(0.5, abs=1e-3)
    assert calming_factor(scores, 1.0) == pytest.approx(1.0, abs=1e-3)
    one = scores[:, :1]
    both = np.hstack([-one, one]) / 2
    assert calming_factor(one, 0.7) == calming_factor(both, 0.7)
