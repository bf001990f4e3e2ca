"""What a fit chooses by rows it did not see: their whole block is left out with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from problems import small_frame, workspace_of

from advisor.dataset import Task, read_dataset
from advisor.deadline import Deadline
from advisor.left_out import left_out_residuals, rows_together
from advisor.nets.losses import hold_out
from advisor.profilers.separability import leave_one_out_score
from advisor.representation import FeatureInfo, Features
from advisor.splits import inner_folds
from advisor.strategies.closed_form import CentroidHead, RidgeHead, find_sureness
from advisor.strategies.discriminant import DiscriminantModel
from advisor.strategies.linear_classes import held_out_scores
from advisor.strategies.svm import SvmModel
from advisor.strategy import FitContext, Model

INFO = FeatureInfo(names=tuple(f"f{i}" for i in range(40)))
RIDGE = {"class_weight": "none"}


def context(n_outputs: int = 2, task: Task = Task.BINARY) -> FitContext:
    """For one thread."""
    return FitContext(
        task=task, n_outputs=n_outputs, info=INFO, seed=0, threads=1, metric="log_loss"
    )


def speakers(
    n: int = 24, takes: int = 6, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Speakers who say one of two words many times, nearly the same each time; the voice is louder than the word."""
    draw = np.random.default_rng([seed, n])
    who = np.repeat(np.arange(n), takes)
    words = np.arange(n) % 2
    voices = draw.normal(size=(n, len(INFO.names)))
    voices[:, 0] += 2.0 * words
    return voices[who] + 0.05 * draw.normal(size=(n * takes, voices.shape[1])), words[who], who


@pytest.mark.parametrize("sizes", [(1, 1, 1, 9), (5, 5, 2), (11, 1)])
def test_residuals_without_a_block_are_those_of_a_fit_without_it(sizes: tuple[int, ...]) -> None:
    """Of a weighted ridge with a penalised intercept; blocks smaller and larger than the rank are solved alike."""
    draw = np.random.default_rng(0)
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    rows, targets = draw.normal(size=(len(blocks), 3)), draw.normal(size=(len(blocks), 2))
    inverse = np.linalg.inv(rows.T @ rows + 0.3 * np.eye(3))
    factor = rows @ np.linalg.cholesky(inverse)
    found = left_out_residuals(targets - factor @ factor.T @ targets, factor, rows_together(blocks))
    for block in range(len(sizes)):
        kept = blocks != block
        weights = np.linalg.solve(
            rows[kept].T @ rows[kept] + 0.3 * np.eye(3), rows[kept].T @ targets[kept]
        )
        np.testing.assert_allclose(
            found[~kept], targets[~kept] - rows[~kept] @ weights, rtol=1e-6, atol=1e-7
        )


def test_blocks_of_one_row_are_rows() -> None:
    """As if there were no blocks; and only those of several rows are listed."""
    draw = np.random.default_rng(0)
    residuals, factor = draw.normal(size=(4, 1)), 0.3 * draw.normal(size=(4, 2))
    together = rows_together(np.array([3, 1, 2, 0]))
    assert together == rows_together(None) == []
    hats = factor @ factor.T
    np.testing.assert_allclose(
        left_out_residuals(residuals, factor, together),
        residuals / (1 - np.diag(hats))[:, None],
    )


@pytest.mark.parametrize("head", [RidgeHead, CentroidHead])
def test_a_head_is_no_surer_of_speakers_than_those_it_has_not_heard_allow(head: Any) -> None:
    """What it says of speakers that are new is worth more than by a head that thinks takes are independent."""
    losses = []
    for blocked in (True, False):
        total = 0.0
        for seed in range(8):
            values, y, who = speakers(seed=seed)
            X = Features(values, INFO, blocks=who if blocked else None)
            new, told, _ = speakers(200, 1, seed)
            found = head(RIDGE, context()).fit(X, y, Deadline(None)).predict(new)
            total -= np.log(found[np.arange(len(told)), told]).mean()
        losses.append(total / 8)
    assert losses[0] < losses[1] - 0.05


def test_class_means_lose_all_rows_of_a_block() -> None:
    """The sureness is that of distances to means which never saw the speaker, whichever words were said."""
    values, _, who = speakers(6, 4)
    y = np.tile([0, 1, 1, 0], 6)  # every speaker says both
    w = np.ones(len(y))
    scores = np.zeros((len(y), 2))
    for speaker in range(6):
        kept = who != speaker
        means = np.stack([values[kept & (y == c)].mean(axis=0) for c in (0, 1)])
        scores[~kept] = -((values[~kept, None] - means) ** 2).sum(axis=2)
    spread = -float(scores.mean())
    _, wanted = find_sureness(scores / spread, np.array([0.5, 0.5]), y, w)
    model = CentroidHead(RIDGE, context()).fit(
        Features(values, INFO, blocks=who), y, Deadline(None)
    )
    assert isinstance(model, CentroidHead)
    assert float(model.arrays["sureness"]) == pytest.approx(wanted / spread, rel=1e-3)


def test_a_class_of_one_speaker_teaches_no_sureness() -> None:
    """Without that speaker the class has no mean; the others are judged all the same."""
    values, y, who = speakers(7, 4)
    y = np.where(who == 0, 2, y)
    model = CentroidHead(RIDGE, context(3, Task.MULTICLASS))
    model.fit(Features(values, INFO, blocks=who), y, Deadline(None))
    assert np.isfinite(model.predict(values)).all()


def test_inner_folds_keep_blocks_whole() -> None:
    """As many folds as asked for or as there are blocks; none where all is one block."""
    _, y, who = speakers(3, 4)
    folds = inner_folds(y, who, 5, seed=0)
    assert len(folds) == 3
    for fold in folds:
        assert not np.isin(who[fold.valid], who[fold.train]).any()
    assert inner_folds(y, np.zeros(len(y), dtype=np.int64), 5, seed=0) == []
    assert len(inner_folds(y, None, 5, seed=0)) == 5


def _cooled(model: Model, X: Features, y: NDArray[Any]) -> float:
    """Mean probability of the likelier class."""
    return float(model.fit(X, y, Deadline(None)).predict(X.values).max(axis=1).mean())


@pytest.mark.parametrize(
    "make",
    [
        lambda: DiscriminantModel({"pooling": 0.5, "shrinkage": 0.1}, context()),
        lambda: SvmModel({"C": 10.0, "gamma": 1.0, "class_weight": "none"}, context()),
    ],
    ids=["discriminant", "svm"],
)
def test_models_with_inner_folds_are_less_sure_of_speakers(make: Any) -> None:
    """They learn from other speakers how far to trust themselves."""
    values, y, who = speakers()
    sure = [_cooled(make(), Features(values, INFO, blocks=blocks), y) for blocks in (who, None)]
    assert sure[0] < sure[1] - 0.05


def test_scores_of_held_out_rows_come_from_other_blocks() -> None:
    """Of texts, too: with one word of its own, a speaker is known by that word and by nothing when left out."""
    from scipy.sparse import csr_matrix

    n, takes = 8, 3
    who = np.repeat(np.arange(n), takes)
    rows = csr_matrix(np.eye(n)[who])
    args: Any = ("machine", {"C": 1.0, "class_weight": "none"}, context(), rows, (who % 2))
    apart, codes = held_out_scores(*args, who, Deadline(None))
    mixed, same = held_out_scores(*args, None, Deadline(None))
    # By other takes the speaker's own word tells the class; by other speakers the intercept is all there is.
    assert (mixed[np.arange(len(same)), same] > mixed[np.arange(len(same)), 1 - same]).all()
    assert not (apart[np.arange(len(codes)), codes] > apart[np.arange(len(codes)), 1 - codes]).all()


def test_early_stopping_watches_whole_blocks() -> None:
    """They are taken while they fit; one that would leave a class to itself goes back whole."""
    order = torch.tensor([4, 0, 2, 1, 3, 5, 6, 7])
    blocks = np.array([0, 0, 1, 1, 2, 2, 2, 3])
    target = torch.eye(2)[torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])]
    held, kept = hold_out(target, order, 3, "classes", blocks)
    assert sorted(held.tolist()) == [4, 5, 6]
    assert sorted(kept.tolist()) == [0, 1, 2, 3, 7]
    rare = torch.eye(2)[torch.tensor([0, 0, 0, 0, 0, 1, 0, 0])]
    assert not len(hold_out(rare, order, 3, "classes", blocks)[0])
    assert not len(hold_out(target, order, 3, "values", np.zeros(8, dtype=np.int64))[0])


def test_a_single_small_group_stops_no_training() -> None:
    """Large groups do not fit; by one row alone the first epoch may look best."""
    blocks = np.repeat([0, 1, 2, 3, 4], [30, 30, 30, 30, 1])
    target = torch.eye(2)[torch.arange(121) % 2]
    order = torch.randperm(121, generator=torch.Generator().manual_seed(0))
    held, kept = hold_out(target, order, 18, "classes", blocks)
    assert (len(held), len(kept)) == (0, 121)


@pytest.mark.parametrize("kind", ["svm", "tfidf"])
def test_a_class_of_one_group_makes_no_model_sure_of_what_it_saw(kind: str) -> None:
    """Others are left out, and teach how far to trust; the class itself is still known."""
    values, y, who = speakers(25, 6)
    y = np.where(who == 24, 2, y)
    told = context(3, Task.MULTICLASS)
    if kind == "svm":
        params = {"C": 10.0, "gamma": 1.0, "class_weight": "none"}
        new, spoken, _ = speakers(200, 1, 5)
        losses = []
        for blocks in (who, None):
            X = Features(values, INFO, blocks=blocks)
            found = SvmModel(params, told).fit(X, y, Deadline(None)).predict(new)
            losses.append(-np.log(found[np.arange(200), spoken]).mean())
        assert losses[0] < losses[1] - 0.1
        return
    from scipy.sparse import csr_matrix

    args: Any = ("machine", {"C": 1.0, "class_weight": "none"}, told, csr_matrix(values), y)
    _, codes = held_out_scores(*args, who, Deadline(None))
    assert set(codes.tolist()) == {0, 1}


def test_separability_leaves_out_whole_groups() -> None:
    """Takes of one speaker are told by each other; words of new speakers have to be told by the words."""
    values, y, who = speakers()
    x = values.astype(np.float32)
    alone, apart = (leave_one_out_score(x, y, Task.BINARY, groups) for groups in (None, who))
    assert alone is not None
    assert apart is not None
    assert apart < alone - 0.1
    assert leave_one_out_score(x, y, Task.BINARY, np.zeros(len(y), dtype=np.int64)) is None


def test_every_fit_is_told_of_its_groups(tmp_path: Path) -> None:
    """Codes of the training rows, by a representation that learns in the fold, and of a part of them for a curve."""
    frame = small_frame(40)
    frame["who"] = [f"s{i // 4}" for i in range(40)]
    dataset = read_dataset(frame, target="y", groups="who", name="grouped")
    workspace = workspace_of(dataset, tmp_path / "workspace")
    for fold in range(2):
        train = workspace.features(fold, "linear").train
        assert train.blocks is not None
        assert dataset.groups is not None
        mine = dataset.groups[workspace.fold(fold).train]
        same = mine[:, None] == mine
        np.testing.assert_array_equal(same, train.blocks[:, None] == train.blocks)
    # ten speakers: half of them are enough for a curve, a quarter is not
    assert workspace.can_be_cut(0.5)
    assert not workspace.can_be_cut(0.25)
