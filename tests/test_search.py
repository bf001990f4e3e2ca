"""The search: races, resumes, repeats itself, and never compares unequal folds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from advisor.dataset import Task
from advisor.errors import NoStrategy
from advisor.executor import Executor, make_executor
from advisor.metrics import get_metric
from advisor.parameter import Categorical, Float, Int, ParamValue
from advisor.race import SHORTENED_SHARE, Arm, Race
from advisor.search import Budget, Search, SearchResult, SearchState
from advisor.space import SearchSpace, load_space
from advisor.strategy import STRATEGIES, number
from advisor.trials import CrossValidation, Trial, TrialStore, contenders
from advisor.workspace import Workspace
from tests.problems import small_dataset, workspace_of

DUMMY = SearchSpace(strategy="dummy", params={})


def _linear() -> SearchSpace:
    return load_space("linear", "tabular_tiny", {"n_labelled": 120})


def _search(
    run: Path, workspace: Workspace, trials: int, states: list[SearchState] | None = None
) -> tuple[SearchResult, TrialStore]:
    store = TrialStore(run / "trials")
    with make_executor(0) as executor:
        search = Search(
            executor,
            workspace,
            store,
            [DUMMY, _linear()],
            run / "study.journal",
            None if states is None else states.append,
        )
        return search.run(Budget(seconds=None, trials=trials)), store


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Lay a small binary problem."""
    return workspace_of(small_dataset(), tmp_path / "work")


def test_defaults_come_first_and_the_dummy_is_tried_once(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Each strategy's first trial is its default."""
    result, store = _search(tmp_path / "run", workspace, 4)
    assert result.reason == "trials"
    assert [t.strategy for t in store.trials] == ["dummy", "linear", "linear", "linear"]
    assert [t.origin for t in store.trials[:2]] == ["default", "default"]
    assert store.trials[1].params == _linear().defaults()


def test_two_searches_with_one_seed_are_identical(workspace: Workspace, tmp_path: Path) -> None:
    """Same seed and trials: the same configurations, losses and predictions."""
    outcomes = [_search(tmp_path / name, workspace, 9)[1] for name in ("a", "b")]
    for one, other in zip(*[store.trials for store in outcomes], strict=True):
        assert (one.params, one.loss, one.state) == (other.params, other.loss, other.state)


def test_a_resumed_search_repeats_nothing_and_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    """What an interrupted run left is taken over; a trial without a record is tried again."""
    run = tmp_path / "run"
    _, store = _search(run, workspace, 4)
    before = [t.params for t in store.trials]
    leftover = store.place(99)  # what a kill in the middle of a trial leaves
    leftover.mkdir()
    result, store = _search(run, workspace, 6)
    assert result.reason == "trials"
    assert [t.params for t in store.trials[:4]] == before
    assert len(store.trials) == 6
    assert len({repr(sorted(t.params.items())) for t in store.trials}) == 6
    assert not leftover.exists()


def test_what_a_kill_leaves_of_the_journal_stops_no_search(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that nobody holds, by a relative name as users give one, and half a line."""
    monkeypatch.chdir(tmp_path)
    run = Path("run")
    _search(run, workspace, 4)
    journal = next(run.glob("*.journal"))
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"op_code": 5, "worker_')
    os.symlink(str(journal), f"{journal}.lock")
    _, store = _search(run, workspace, 6)
    assert len(store.trials) == 6
    for line in journal.read_text("utf-8").splitlines():
        json.loads(line)


def test_progress_tells_where_the_search_stands(workspace: Workspace, tmp_path: Path) -> None:
    """States count up and name the leader with its interval."""
    states: list[SearchState] = []
    _search(tmp_path / "run", workspace, 3, states)
    assert [s.trials_done for s in states] == [0, 1, 1, 2, 2, 3]
    assert states[-1].best_strategy == "linear"
    assert states[-1].best is not None
    assert states[-1].best.low <= states[-1].best.value <= states[-1].best.high


def test_a_strategy_with_one_model_per_label_is_given_the_time_of_all(tmp_path: Path) -> None:
    """Its arm in the race costs as many fits as there are labels."""
    work = workspace_of(small_dataset(task=Task.MULTILABEL), tmp_path / "work")
    space = load_space("forest", "tabular_tiny", {}, Task.MULTILABEL)
    with make_executor(0) as executor:
        store = TrialStore(tmp_path / "trials")
        search = Search(executor, work, store, [DUMMY, space], tmp_path / "study.journal")
    size = len(work.folds[0].train), len(work.columns)
    one = STRATEGIES["forest"].cost(*size, 2, space.defaults())
    n_fits = work.n_folds("forest") * work.problem.n_outputs
    assert search.race.arms[1].cost == pytest.approx(n_fits * one)


def test_labels_cap_the_trials_of_a_strategy(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few labels allow few trials, whatever the budget; more labels allow more."""
    plain, pooled = (STRATEGIES[name].card for name in ("linear", "self_training"))
    assert plain.most_trials(100) < plain.most_trials(2000)
    assert pooled.most_trials(50) == 1 < pooled.most_trials(500) < plain.most_trials(500)
    monkeypatch.setattr("advisor.strategy.CAP_BASE", 0)  # leaves 120 // 25 = 4 trials
    result, store = _search(tmp_path / "run", workspace, 50)
    assert result.reason == "labels"
    assert [t.strategy for t in store.trials] == ["dummy", *["linear"] * 4]


def test_when_all_fail_the_first_failure_is_told(workspace: Workspace, tmp_path: Path) -> None:
    """A search without any result is an error that says why."""
    broken = SearchSpace(
        strategy="linear", params={"penalty": Categorical(choices=("wrong",), default="wrong")}
    )
    with make_executor(0) as executor:
        search = Search(
            executor,
            workspace,
            TrialStore(tmp_path / "trials"),
            [broken],
            tmp_path / "study.journal",
        )
        with pytest.raises(NoStrategy, match=r"trials failed; the first was 'linear'"):
            search.run(Budget(seconds=None, trials=3))


def test_a_search_that_ends_early_says_that_the_rest_needs_longer(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time that is left and used for nothing is told of; a limit that was used up is a limit."""
    monkeypatch.setattr(Race, "next_arm", lambda self, left: None)
    reasons = []
    for seconds in (1e6, 1e-6):
        store = TrialStore(tmp_path / "trials")
        monkeypatch.setattr(store, "complete", lambda: [object()])
        with make_executor(0) as executor:
            journal = tmp_path / "study.journal"
            search = Search(executor, workspace, store, [DUMMY], journal)
            reasons.append(search.run(Budget(seconds=seconds, trials=None)).reason)
    assert reasons == ["longer", "time"]


def _arm(name: str, workspace: Workspace, noise: float, n_trials: int = 2) -> Arm:
    arm = Arm(
        SearchSpace(strategy=name, params={"c": Float(low=0.0, high=1.0, default=0.5)}), cost=1.0
    )
    generator = np.random.default_rng(1)
    y = np.asarray(workspace.y, dtype=np.float64)
    chance = np.clip(0.8 * y + 0.1 + noise * generator.normal(size=len(y)), 0.02, 0.98)
    predictions = np.column_stack([1 - chance, chance])
    loss = get_metric("log_loss", Task.BINARY).score(workspace.y, predictions)[0]
    for place in range(n_trials):
        trial = Trial(
            number=place,
            strategy=name,
            params={},
            origin="default",
            state="complete",
            score=0.5,
            loss=float(loss) + place,
            seconds=1.0,
            fit_seconds=1.0,
            study_number=place,
        )
        arm.admit(trial, predictions)
    return arm


def test_what_is_settled_is_not_looked_for(workspace: Workspace, tmp_path: Path) -> None:
    """It has its default in every trial, where the same parameter is else drawn."""
    plain = _linear()
    kept = plain.params["class_weight"]
    assert isinstance(kept, Categorical)
    assert len(kept.choices) > 1
    for settled in (True, False):
        param = kept.model_copy(update={"settled": settled})
        space = plain.model_copy(
            update={"params": {**plain.params, "class_weight": param}, "starts": ()}
        )
        store = TrialStore(tmp_path / f"{settled}" / "trials")
        with make_executor(0) as executor:
            journal = tmp_path / f"{settled}" / "study.journal"
            search = Search(executor, workspace, store, [space], journal)
            search.run(Budget(seconds=None, trials=8))
        tried = {trial.params["class_weight"] for trial in store.trials}
        assert (tried == {kept.default}) is settled


def test_a_strategy_clearly_behind_leaves_the_race(workspace: Workspace) -> None:
    """A loser gets no more budget; one as good as the leader stays."""
    good, same, bad = (
        _arm(name, workspace, noise)
        for name, noise in (("good", 0.0), ("same", 0.001), ("bad", 0.8))
    )
    race = Race([good, same, bad], workspace, get_metric("log_loss", Task.BINARY), jobs=1)
    race.judge()
    assert [arm.alive for arm in (good, same, bad)] == [True, True, False]


def _unsure(workspace: Workspace, draws: int) -> list[np.ndarray]:
    """What models that are right as often as each other say of every row."""
    generator = np.random.default_rng(3)
    truth = 0.8 * np.asarray(workspace.y) + 0.1
    noisy = truth + 0.6 * generator.normal(size=(draws, len(truth)))
    chances = np.clip(noisy, 0.05, 0.95)
    return [np.column_stack([1 - chance, chance]) for chance in chances]


def test_a_configuration_is_not_stopped_for_having_one_model_a_row(workspace: Workspace) -> None:
    """An average over repeats is ahead of each of its models; a configuration is compared with one of them."""
    arm, net = (_arm(name, workspace, 0.0, n_trials=0) for name in ("svm", "mlp"))
    said = _unsure(workspace, 12)
    trial = _arm("svm", workspace, 0.0, n_trials=1).trials[0]
    arm.admit(trial.model_copy(update={"loss": 0.3}), np.mean(said[:8], axis=0), said[0])
    net.is_net = True
    race = Race([arm, net], workspace, get_metric("log_loss", Task.BINARY), jobs=1)
    rows = np.arange(len(workspace.y))
    for own in (arm, net):
        stop = race.stop_early(own)
        assert stop is not None
        assert not any(stop(rows, like) for like in said[8:])
        assert stop(rows, np.full_like(said[0], 0.5)[:, ::-1] * [[1.9, 0.1]])


def test_strategies_of_unequal_repeats_are_compared_by_one_model_a_row(tmp_path: Path) -> None:
    """As networks are, whose folds are not repeated."""
    workspace = workspace_of(small_dataset(400), tmp_path / "work")
    said = _unsure(workspace, 9)
    often, once = (_arm(name, workspace, 0.0, n_trials=0) for name in ("often", "once"))
    trials = _arm("often", workspace, 0.0).trials
    for trial in trials:
        often.admit(trial, np.mean(said[:8], axis=0), said[0])
        once.admit(trial.model_copy(update={"loss": 1.0}), said[8])
    race = Race([often, once], workspace, get_metric("log_loss", Task.BINARY), jobs=1)
    often.n_fits, once.n_fits = 16, 4
    race.judge()
    assert once.alive
    once.n_fits = 16
    race.judge()
    assert not once.alive


def test_the_leader_gets_more_trials_than_the_runner_up(workspace: Workspace) -> None:
    """Shares fall with rank."""
    first, second = _arm("first", workspace, 0.0), _arm("second", workspace, 0.05)
    race = Race([first, second], workspace, get_metric("log_loss", Task.BINARY), jobs=1)
    given = []
    for _ in range(12):
        arm = race.next_arm(None)
        assert arm is not None
        arm.spent += arm.cost
        given.append(arm.strategy)
    assert given.count("first") > given.count("second") > 0


def test_a_strategy_that_cannot_end_in_time_is_not_begun(workspace: Workspace) -> None:
    """An untried strategy whose card says minutes does not start in the last second."""
    quick, slow = _arm("quick", workspace, 0.0), _arm("slow", workspace, 0.0, n_trials=0)
    slow.cost = 1000.0
    race = Race([quick, slow], workspace, get_metric("log_loss", Task.BINARY), jobs=1)
    assert race.next_arm(30.0) is quick
    assert race.next_arm(None) is slow
    allowed = race.allowance(slow, 100.0)
    assert allowed is not None
    assert allowed < 100.0


@pytest.mark.parametrize(("cost", "share"), [(1.0, 0.25), (20.0, 0.4), (90.0, 0.5)])
def test_a_first_trial_gets_what_its_card_says_it_needs(
    cost: float, share: float, workspace: Workspace
) -> None:
    """Twice that, where it is more than the share of any first trial, and never more than half of what is left."""
    arm = Arm(SearchSpace(strategy="head", params={}), cost=cost)
    assert _race(workspace, arm).allowance(arm, 100.0) == pytest.approx(100.0 * share)


def _steps(low: int = 20, default: int = 100) -> SearchSpace:
    steps = Int(low=low, high=1000, default=default)
    return SearchSpace(strategy="net", params={"steps": steps, "rate": RATE})


RATE = Float(low=0.0, high=1.0, default=0.5)


def _cost(params: Mapping[str, ParamValue]) -> float:
    """Ten seconds, and one for each step."""
    return 10.0 + number(params, "steps")


def _net(space: SearchSpace) -> Arm:
    return Arm(space, cost=_cost(space.defaults()), is_net=True, cost_of=_cost)


def _race(workspace: Workspace, *arms: Arm) -> Race:
    return Race(arms, workspace, get_metric("log_loss", Task.BINARY), jobs=1)


def test_a_network_begins_with_fewer_steps_where_its_default_cannot_end(
    workspace: Workspace,
) -> None:
    """As many as fit, with all else as in the default; all of them where there is time, or no limit."""
    arm = _net(_steps())
    race = _race(workspace, arm)
    assert race.shortened(arm, 100.0) == {"steps": int(SHORTENED_SHARE * 100.0) - 10, "rate": 0.5}
    assert race.next_arm(100.0) is arm
    for enough in (1000.0, None):
        assert race.shortened(arm, enough) is None
        assert race.next_arm(enough) is arm


def test_a_network_is_not_begun_where_not_even_the_fewest_steps_end(workspace: Workspace) -> None:
    """The bound of the space holds, and a strategy without steps has nothing to be lowered."""
    least = (10.0 + 20) / SHORTENED_SHARE
    arm, still = _net(_steps()), _net(_steps())
    still.space = SearchSpace(strategy="still", params={"rate": RATE})
    race = _race(workspace, arm, still)
    assert race.next_arm(least - 1) is None
    assert race.next_arm(least + 1) is arm


def test_networks_that_are_shortened_wait_for_those_that_are_not(workspace: Workspace) -> None:
    """Of several that would be, the one that the plan names first has the time that is left."""
    first, second, whole = _net(_steps(low=21)), _net(_steps(default=99)), _net(_steps(default=50))
    race = _race(workspace, first, second, whole)
    assert race.next_arm(100.0) is whole
    whole.alive = False
    assert race.next_arm(100.0) is first


def test_seconds_of_a_shortened_trial_are_not_taken_for_those_of_the_default(
    workspace: Workspace,
) -> None:
    """The default follows only where the whole of it can end."""
    arm = _net(_steps())
    short = Trial(
        number=0,
        strategy="net",
        params={"steps": 45, "rate": 0.5},
        origin="shortened",
        state="complete",
        score=0.5,
        loss=0.5,
        seconds=55.0,
        fit_seconds=55.0,
        study_number=0,
    )
    arm.admit(short, None)
    race = _race(workspace, arm)
    assert race.expected_seconds(arm) == pytest.approx(110.0)
    assert race.next_arm(109.0) is None
    assert race.next_arm(111.0) is arm
    assert race.shortened(arm, 109.0) is None
    assert "45 steps" in race.notes()[0]
    arm.admit(short.model_copy(update={"origin": "default", "number": 1}), None)
    assert race.notes() == ()


@pytest.mark.parametrize("resumed", [False, True])
def test_the_default_follows_the_shortened_one(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resumed: bool
) -> None:
    """The record tells them apart, and a resumed search tries neither again."""
    space = load_space("mlp", "tabular_tiny", {"n_labelled": 120})
    fewer = {**space.defaults(), "dropout": 0.25}

    def shortened(race: Race, arm: Arm, left: float | None) -> dict[str, ParamValue] | None:
        return None if arm.trials else fewer

    monkeypatch.setattr(Race, "shortened", shortened)
    monkeypatch.setattr(Race, "notes", lambda race: ())
    monkeypatch.setattr("advisor.search.cross_validate", _at_once)
    store = TrialStore(tmp_path / "trials")
    for trials in (1, 3) if resumed else (3,):
        store = TrialStore(tmp_path / "trials")
        with make_executor(0) as executor:
            journal = tmp_path / "study.journal"
            Search(executor, workspace, store, [space], journal).run(Budget(None, trials))
    assert [t.origin for t in store.trials] == ["shortened", "default", "start"]
    assert [t.params for t in store.trials[:2]] == [fewer, space.defaults()]


def _at_once(
    executor: Executor,
    workspace: Workspace,
    strategy: str,
    params: Mapping[str, ParamValue],
    **rest: object,
) -> CrossValidation:
    """A cross-validation that guesses."""
    chances = np.full((len(workspace.y), 2), 0.5)
    return CrossValidation(strategy, dict(params), chances, seconds=0.01)


def test_contenders_hold_the_best_of_every_strategy(workspace: Workspace, tmp_path: Path) -> None:
    """The final ensemble may draw on each strategy, but not on the dummy."""
    _, store = _search(tmp_path / "run", workspace, 6)
    chosen = contenders(store)
    assert {t.strategy for t in chosen} == {"linear"}
    assert [t.loss for t in chosen] == sorted(t.loss for t in chosen if t.loss is not None)
