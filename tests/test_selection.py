"""The choice of the final predictor, and the score of that choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor import selection
from advisor.belief import Beliefs, Prospect
from advisor.dataset import Task
from advisor.evaluation import bootstrap_counts
from advisor.gate import Gate
from advisor.metrics import get_metric
from advisor.selection import select
from advisor.trials import Trial, TrialStore
from advisor.workspace import Workspace
from tests.problems import small_dataset, workspace_of


def _store(folder: Path, predictions: list[np.ndarray], losses: list[float]) -> TrialStore:
    store = TrialStore(folder)
    for number, (values, loss) in enumerate(zip(predictions, losses, strict=True)):
        trial = Trial(
            number=number,
            strategy=f"strategy{number % 4}",
            params={"number": number},
            origin="sampled",
            state="complete",
            score=0.5,
            loss=loss,
            seconds=1.0,
            fit_seconds=1.0,
            study_number=number,
        )
        store.add(trial, values)
    return store


def _noise(workspace: Workspace, n_candidates: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    chances = generator.uniform(size=(n_candidates, len(workspace.y)))
    return [np.column_stack([1 - chance, chance]) for chance in chances]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Lay a binary problem whose targets are shuffled: there is nothing to learn."""
    dataset = small_dataset(150)
    shuffled = np.random.default_rng(1).permutation(dataset.y)
    return workspace_of(replace(dataset, y=shuffled), tmp_path / "work", metric="roc_auc")


def test_choosing_among_noise_is_not_rewarded(workspace: Workspace, tmp_path: Path) -> None:
    """The naive score of the best of 16 random candidates flatters; the corrected one does not."""
    store = _store(tmp_path / "trials", _noise(workspace, 16), [0.7 + i / 100 for i in range(16)])
    selection = select(workspace, store)
    assert selection.naive > 0.55
    assert selection.score.value < selection.naive - 0.03
    assert selection.score.low < 0.5 < selection.score.high


def test_a_good_candidate_gets_the_weight(workspace: Workspace, tmp_path: Path) -> None:
    """Among noise, the one that knows the target is chosen; weights sum to one."""
    knows = np.where(workspace.y == 1, 0.9, 0.1)
    predictions = [*_noise(workspace, 5), np.column_stack([1 - knows, knows])]
    store = _store(tmp_path / "trials", predictions, [0.7, 0.7, 0.7, 0.7, 0.7, 0.1])
    selection = select(workspace, store)
    assert selection.members[0].number == 5
    assert sum(selection.weights) == pytest.approx(1.0)
    assert selection.score.value > 0.95


def test_single_means_one_member(workspace: Workspace, tmp_path: Path) -> None:
    """Asked for one model, the choice is one configuration."""
    store = _store(tmp_path / "trials", _noise(workspace, 6), [0.7] * 6)
    assert len(select(workspace, store, single=True).members) == 1


def test_a_tiny_class_is_checked_against_chance(tmp_path: Path) -> None:
    """With few labels of one class the score comes with a permutation check."""
    dataset = small_dataset(60)
    y = np.zeros(60, dtype=np.int64)
    y[:5] = 1
    workspace = workspace_of(replace(dataset, y=y), tmp_path / "work", metric="roc_auc")
    store = _store(tmp_path / "trials", _noise(workspace, 1), [0.7])
    selection = select(workspace, store)
    assert any("shuffled labels" in note and "no evidence" in note for note in selection.notes)


@pytest.mark.parametrize("metric", ["average_precision", "roc_auc", "f1_macro", "log_loss"])
def test_few_positives_among_many_rows_are_scored_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    """Rows are left out for speed, and neither the rare class nor its share is lost with them."""
    monkeypatch.setattr(selection, "MAX_ROWS", 600)
    y = np.zeros(30_000, dtype=np.int64)
    y[::3_000] = 1
    generator = np.random.default_rng(0)
    dataset = replace(small_dataset(len(y)), y=y)
    workspace = workspace_of(dataset, tmp_path / "work", metric=metric)
    predictions = []
    for noise in (0.8, 1.0, 3.0):
        logit = 4.0 * y - 6.0 + noise * generator.normal(size=len(y))
        chance = 1 / (1 + np.exp(-logit))
        predictions.append(np.column_stack([1 - chance, chance]))
    found = select(workspace, _store(tmp_path / "trials", predictions, [0.1, 0.2, 0.3]))
    assert np.isfinite([found.score.value, found.score.low, found.score.high, found.naive]).all()
    if metric in ("average_precision", "roc_auc"):
        chosen = np.average(
            [predictions[trial.number] for trial in found.members], axis=0, weights=found.weights
        )
        whole = float(get_metric(metric, Task.BINARY).score(y, chosen)[0])
        assert found.naive == pytest.approx(whole, abs=0.1)
    assert any("600" in note or "of 30,000" in note for note in found.notes)
    assert not any("smallest class has 0" in note for note in found.notes)


def test_rows_that_stand_for_many_do_not_change_how_sure_a_model_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare class of which more is drawn than its share leaves calibrated predictions as they are."""
    monkeypatch.setattr(selection, "MAX_ROWS", 2_000)
    generator = np.random.default_rng(0)
    logit = 2.0 * generator.normal(size=60_000) - 8.0
    chance = 1 / (1 + np.exp(-logit))
    y = (generator.uniform(size=len(chance)) < chance).astype(np.int64)
    assert 60 < y.sum() < 600
    dataset = replace(small_dataset(len(y)), y=y)
    workspace = workspace_of(dataset, tmp_path / "work", metric="balanced_accuracy")
    said = np.column_stack([1 - chance, chance])
    found = select(workspace, _store(tmp_path / "trials", [said], [0.1]))
    assert found.calibrators[0].slope == pytest.approx(1.0, abs=0.12)
    assert found.calibrator.slope == pytest.approx(1.0, abs=0.15)
    metric = get_metric("balanced_accuracy", Task.BINARY)
    told = found.decision.apply(found.calibrators[0].apply(said))
    assert float(metric.score(y, told)[0]) == pytest.approx(found.naive, abs=0.05)
    assert found.naive > 0.75


def test_what_no_evidence_puts_ahead_has_to_win_beyond_chance(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A doubted strategy that is ahead by luck is left out and named; one that is clearly ahead is chosen."""
    truth = workspace.y.astype(float)
    plain = 0.3 + 0.1 * truth + np.random.default_rng(3).uniform(0, 0.3, len(truth))
    lucky = plain.copy()
    lucky[:2] = truth[:2]
    better = 0.5 + 0.6 * (truth - 0.5)
    for name, chances, left_out in (("lucky", lucky, True), ("better", better, False)):
        pair = [np.column_stack([1 - p, p]) for p in (plain, chances)]
        store = _store(tmp_path / name, pair, [0.4, 0.3])
        selection = select(workspace, store, beliefs=Beliefs(doubted=frozenset({"strategy1"})))
        members = {trial.strategy for trial in selection.members}
        assert ("strategy1" not in members) is left_out
        assert any("not beyond chance" in note for note in selection.notes) is left_out


def test_what_evidence_puts_ahead_wins_where_few_labels_cannot_tell(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Evidence decides between two that are about equal, weighs nothing where it is vague, and yields to clear losses.

    One configuration is chosen, as on few labels.
    """
    truth = workspace.y.astype(float)
    plain = 0.3 + 0.4 * truth + np.random.default_rng(3).uniform(-0.3, 0.3, len(truth))
    near = plain.copy()
    near[:2] = 1 - truth[:2]
    wrong = 0.7 - 0.4 * truth
    cases = {
        "near": (near, Prospect(-0.4, 0.2), True),
        "vague": (near, Prospect(-0.4, 1000.0), False),
        "wrong": (wrong, Prospect(-0.4, 0.2), False),
    }
    for name, (chances, prospect, chosen) in cases.items():
        pair = [np.column_stack([1 - p, p]) for p in (plain, chances)]
        store = _named(_store(tmp_path / name, pair, [0.3, 0.4]), "linear_probe", "pool_blend")
        beliefs = Beliefs(ahead={"pool_blend": prospect})
        selection = select(workspace, store, single=True, beliefs=beliefs)
        assert (selection.members[0].strategy == "pool_blend") is chosen, name


def test_evidence_of_the_pool_compares_with_the_same_family_without_it(tmp_path: Path) -> None:
    """That the pool helps frozen features is weighed with frozen features, not with what the folds put ahead of all."""
    y = np.repeat([0, 1], 20)
    generator = np.random.default_rng(3)
    chances = {
        name: np.clip(0.5 + by * (2 * y - 1) + generator.uniform(-0.3, 0.3, len(y)), 0.02, 0.98)
        for name, by in (("handmade", 0.3), ("pool_blend", 0.22), ("linear_probe", 0.1))
    }
    answers = [np.column_stack([1 - p, p]) for p in chances.values()]
    trials = _named(_store(tmp_path / "trials", answers, [0.2, 0.3, 0.4]), *chances).trials
    counts = bootstrap_counts(y, None, 200, 0)
    weights = np.vstack([np.ones(len(y)), counts])
    beliefs = Beliefs(ahead={"pool_blend": Prospect(-0.4, 0.2)})
    criterion = get_metric("log_loss", Task.BINARY)
    gate = Gate(dict(enumerate(answers)), y, criterion, weights, beliefs)
    factor = gate.factors(trials)[1]
    assert factor == gate.factors(trials[1:])[0] != 1
    assert gate.factors(trials[:2]).tolist() == [1, 1]
    losses = [criterion.error(float(criterion.score(y, own, weights[:1])[0])) for own in answers]
    assert np.argmin(losses * gate.factors(trials)) == 0


def _named(store: TrialStore, *names: str) -> TrialStore:
    """Give trials the names of strategies that there are."""
    store.trials[:] = [
        trial.model_copy(update={"strategy": name})
        for trial, name in zip(store.trials, names, strict=True)
    ]
    return store


def test_what_evidence_puts_behind_has_to_win_against_that(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A win just beyond chance is enough where nothing is known, not where evidence says the opposite; a clear one is.

    One configuration is chosen, as on few labels.
    """
    truth = workspace.y.astype(float)
    plain = 0.3 + 0.4 * truth + np.random.default_rng(3).uniform(-0.3, 0.3, len(truth))
    closer = plain + 0.3 * (truth - plain) * (np.arange(len(truth)) % 6 == 0)
    clear = plain + 0.5 * (truth - plain)
    behind = {"strategy1": Prospect(0.3, 0.02)}
    cases = {
        "unknown": (closer, {}, True),
        "behind": (closer, behind, False),
        "clear": (clear, behind, True),
    }
    for name, (chances, prospects, chosen) in cases.items():
        pair = [np.column_stack([1 - p, p]) for p in (plain, chances)]
        store = _store(tmp_path / name, pair, [0.4, 0.3])
        beliefs = Beliefs(doubted=frozenset({"strategy1"}), behind=prospects)
        selection = select(workspace, store, single=True, beliefs=beliefs)
        assert (selection.members[0].strategy == "strategy1") is chosen, name


def test_augmentation_has_to_win_beyond_chance(workspace: Workspace, tmp_path: Path) -> None:
    """A gated parameter off its default is left out and named where it is ahead by luck, and chosen where it is clear.

    The same strategy with the default, and a value of a parameter that is not gated, need no proof.
    """
    truth = workspace.y.astype(float)
    plain = 0.3 + 0.1 * truth + np.random.default_rng(3).uniform(0, 0.3, len(truth))
    lucky = plain.copy()
    lucky[:2] = truth[:2]
    better = 0.5 + 0.6 * (truth - 0.5)
    gates = {"probe": {"augmentation": "none"}}
    cases = {
        "lucky": (lucky, {"augmentation": "eda"}, True),
        "better": (better, {"augmentation": "eda"}, False),
        "usual": (lucky, {"augmentation": "none"}, False),
        "other": (lucky, {"C": 3.0}, False),
    }
    for name, (chances, params, left_out) in cases.items():
        pair = [np.column_stack([1 - p, p]) for p in (plain, chances)]
        store = _store(tmp_path / name, pair, [0.4, 0.3])
        store.trials[1:] = [replace_trial(store.trials[1], params)]
        selection = select(workspace, store, beliefs=Beliefs(gated=gates))
        members = {trial.number for trial in selection.members}
        assert (1 not in members) is left_out, name
        assert any("probe with augmentation=eda" in note for note in selection.notes) is left_out


def test_augmentation_of_what_is_behind_has_to_win_against_that(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A gated parameter is no way round the evidence, unless the strategy has won without it."""
    truth = workspace.y.astype(float)
    plain = 0.3 + 0.4 * truth + np.random.default_rng(3).uniform(-0.3, 0.3, len(truth))
    closer = plain + 0.3 * (truth - plain) * (np.arange(len(truth)) % 6 == 0)
    clear = plain + 0.5 * (truth - plain)
    vague = 0.5 + 0.2 * (truth - 0.5) + np.random.default_rng(3).uniform(-0.3, 0.3, len(truth))
    cases = {
        "unknown": ((plain, closer), {}, True),
        "behind": ((plain, closer), {"strategy1": Prospect(0.3, 0.02)}, False),
        "clear": ((plain, clear), {"strategy1": Prospect(0.3, 0.02)}, True),
        "won without it": ((vague, plain, clear), {"strategy1": Prospect(0.3, 0.02)}, True),
    }
    gates = {"strategy1": {"augmentation": "none"}}
    for name, (chances, behind, chosen) in cases.items():
        answers = [np.column_stack([1 - p, p]) for p in chances]
        store = _store(tmp_path / name, answers, [0.4, 0.3, 0.2][: len(answers)])
        last = replace_trial(store.trials[-1], {"augmentation": "eda"})
        store.trials[-1] = last = last.model_copy(update={"strategy": "strategy1"})
        beliefs = Beliefs(frozenset({"strategy1"}), gates, behind=behind)
        selection = select(workspace, store, single=True, beliefs=beliefs)
        assert (selection.members[0].number == last.number) is chosen, name


def test_augmentation_has_to_beat_the_same_network_without_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    """That its strategy is ahead of the others proves nothing of the augmentation, nor does a lack of others."""
    truth = workspace.y.astype(float)
    weak = 0.3 + 0.1 * truth + np.random.default_rng(3).uniform(0, 0.3, len(truth))
    strong = 0.25 + 0.5 * truth + np.random.default_rng(4).uniform(-0.1, 0.1, len(truth))
    lucky = strong.copy()
    lucky[:2] = truth[:2]
    rules = Beliefs(frozenset({"probe"}), {"probe": {"augmentation": "none"}})
    for others in ([weak], []):
        three = [np.column_stack([1 - p, p]) for p in (*others, strong, lucky)]
        store = _store(tmp_path / f"{len(others)}", three, [0.4, 0.3, 0.2][-len(three) :])
        ways = ({"augmentation": "none"}, {"augmentation": "eda"})
        store.trials[-2:] = [
            replace_trial(t, p) for t, p in zip(store.trials[-2:], ways, strict=True)
        ]
        selection = select(workspace, store, beliefs=rules)
        members = {trial.number for trial in selection.members}
        assert len(others) in members
        assert len(others) + 1 not in members
        assert any("augmentation=eda" in note for note in selection.notes)


def replace_trial(trial: Trial, params: dict[str, str | float]) -> Trial:
    """The same trial of the strategy ``probe`` with other parameters."""
    return trial.model_copy(update={"strategy": "probe", "params": params})


def test_how_sure_a_model_is_does_not_count_where_labels_are_asked_for(tmp_path: Path) -> None:
    """A model that is right more often is chosen though it is hardly sure; deployed, it is as sure as the folds say."""
    dataset = small_dataset(150)
    workspace = workspace_of(dataset, tmp_path / "work", metric="accuracy")
    truth = workspace.y.astype(float)
    right = np.where(np.arange(len(truth)) % 10 == 0, 1 - truth, truth)
    flat = 0.38 + 0.24 * right
    sure = np.where(np.arange(len(truth)) % 5 == 0, 1 - truth, truth) * 0.6 + 0.2
    pair = [np.column_stack([1 - p, p]) for p in (flat, sure)]
    losses = [((p[:, 1] - truth) ** 2).mean() for p in pair]
    assert losses[0] > losses[1]
    selection = select(workspace, _store(tmp_path / "store", pair, losses), single=True)
    assert selection.members[0].strategy == "strategy0"
    calibrated = selection.calibrators[0].apply(pair[0])
    assert ((calibrated[:, 1] - truth) ** 2).mean() < 0.95 * losses[0]
