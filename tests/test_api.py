"""``autofit`` end to end: every task, save and load, resume, refusal."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.metrics import get_scorer

import advisor
from advisor import downsampling
from advisor.api import advise, autofit, suggest_labels
from advisor.calibration import Calibrator
from advisor.dataset import Task, read_dataset
from advisor.errors import InvalidRequest, InvalidRun, UnreadableData
from advisor.looking import LARGEST_SEED
from advisor.pipeline import load_pipeline
from advisor.predicting import predict_file
from advisor.render.html import report_html
from advisor.render.markdown import report_markdown
from advisor.report import NOTHING_MEASURED
from advisor.run import Run, TrainedRun, default_folder, sole_user
from advisor.sampling import COMPARED_ROWS
from tests.problems import small_frame

SOURCES = {
    "binary": lambda: load_breast_cancer(as_frame=True),
    "multiclass": lambda: load_iris(as_frame=True),
    "regression": lambda: load_diabetes(as_frame=True),
    "multilabel": lambda: small_frame(150, Task.MULTILABEL),
}


@pytest.fixture(scope="module", params=list(SOURCES))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """Train a few trials of each task."""
    data = SOURCES[request.param]()
    return autofit(
        data,
        target="tags" if request.param == "multilabel" else None,
        trials=6,
        jobs=2,
        out=tmp_path_factory.mktemp("runs") / request.param,
    )


def test_it_beats_the_dummy(trained: TrainedRun) -> None:
    """On learnable data even the low end of the interval is above the dummy."""
    result = trained.result
    assert result.dummy_score is not None
    worst, dummy = result.score.low, result.dummy_score
    if not result.greater_is_better:
        worst, dummy = -result.score.high, -dummy
    assert worst > dummy


def test_nothing_learned_is_said_plainly(tmp_path: Path) -> None:
    """A model of noise is no better than the dummy, and nobody has to compare two numbers to see it."""
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    noise["y"] = ["yes"] * 42 + ["no"] * 18
    out = tmp_path / "run"
    result = autofit(noise, target="y", metric="accuracy", trials=3, jobs=0, out=out).result
    assert result.dummy_score is not None
    assert result.score.value <= result.dummy_score
    assert "no better than the dummy" in result.notes[0]


def test_the_run_directory_is_complete(trained: TrainedRun) -> None:
    """Every file of the contract is there and reads back."""
    run = Run(trained.folder)
    result = json.loads(run.result.read_text("utf-8"))
    assert set(result["score"]) == {"value", "low", "high", "level"}
    assert {"metric", "naive_score", "dummy_score", "test_score", "strategy", "seconds"} <= set(
        result
    )
    assert {"trials", "seed", "versions"} <= set(result)
    assert result["test_score"] is None
    with run.leaderboard.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == result["trials"]
    assert sum(float(row["weight"]) for row in rows) == pytest.approx(1.0, abs=1e-4)
    assert (
        advisor.StrategyReport.model_validate_json(run.report.read_text("utf-8")) == trained.report
    )
    # The search has measured, and drew no learning curve.
    assert NOTHING_MEASURED not in trained.report.notes
    assert any(r.source == "measured" for r in trained.report.recommendations)
    assert trained.report.more_labels == ""
    told = f"{trained.report.splits.folds}-fold cross-validation"
    assert any(told in r.basis for r in trained.report.recommendations)


def test_a_new_process_predicts_the_same(trained: TrainedRun, tmp_path: Path) -> None:
    """Save, load elsewhere, predict: equal to the last digit that is written."""
    source = SOURCES[str(trained.pipeline.task)]()
    frame = source if isinstance(source, pd.DataFrame) else source.data
    rows = tmp_path / "rows.csv"
    frame.head(40).to_csv(rows, index=False)
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    predict_file(trained.pipeline, rows, here)
    code = (
        "import sys; from pathlib import Path; from advisor.pipeline import load_pipeline; "
        "from advisor.predicting import predict_file; "
        "predict_file(load_pipeline(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(trained.folder), str(rows), str(there)],
        check=True,
        timeout=120,
    )
    assert here.read_text("utf-8") == there.read_text("utf-8")
    with here.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 40
    assert set(lines[0]) == {"prediction", *trained.pipeline.manifest.problem.classes}


def test_it_has_the_manners_of_an_estimator(trained: TrainedRun) -> None:
    """Shapes, classes and score as scikit-learn has them; column order does not matter."""
    from sklearn.utils.validation import check_is_fitted

    pipeline = trained.pipeline
    source = SOURCES[str(pipeline.task)]()
    frame = source if isinstance(source, pd.DataFrame) else source.data
    check_is_fitted(pipeline)
    assert list(pipeline.feature_names_in_) == list(frame.columns)[: pipeline.n_features_in_]
    straight, reversed_ = pipeline.predict(frame), pipeline.predict(frame[frame.columns[::-1]])
    np.testing.assert_array_equal(straight, reversed_)
    assert len(straight) == len(frame)
    if pipeline.task is Task.REGRESSION:
        with pytest.raises(AttributeError):
            pipeline.predict_proba(frame)
        return
    chances = pipeline.predict_proba(frame)
    assert chances.shape == (len(frame), len(pipeline.classes_))
    if pipeline.task is not Task.MULTILABEL:
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)
        assert set(straight) <= set(pipeline.classes_)


def test_the_scorers_of_scikit_learn_read_its_classes_right(tmp_path: Path) -> None:
    """They take sorted classes for granted; here the rarer one, which the metric calls positive, comes first."""
    frame = small_frame(150).replace({"y": {"yes": "bad", "no": "good"}})
    frame = pd.concat([frame, frame[frame["y"] == "good"]], ignore_index=True)
    run = autofit(frame, target="y", trials=3, jobs=0, metric="roc_auc", out=tmp_path / "run")
    assert run.pipeline.manifest.problem.classes == ("good", "bad")
    assert run.pipeline.classes_.tolist() == ["bad", "good"]
    own = run.pipeline.score(frame, frame["y"])
    assert own > 0.8
    assert get_scorer("roc_auc")(run.pipeline, frame, frame["y"]) == pytest.approx(own)
    chances = run.pipeline.predict_proba(frame)
    agree = run.pipeline.classes_[chances.argmax(axis=1)] == run.pipeline.predict(frame)
    assert agree.all()
    predict_file(run.pipeline, _written(frame, tmp_path), tmp_path / "out.csv")
    told = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(told[["bad", "good"]], chances, atol=1e-6)


def _written(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "rows.csv"
    frame.drop(columns="y").to_csv(path, index=False)
    return path


def test_rows_of_another_shape_are_refused_in_one_line(trained: TrainedRun, tmp_path: Path) -> None:
    """A text is no table, an array has to have the columns, a column may come once; a path of a table will do."""
    pipeline = trained.pipeline
    source = SOURCES[str(pipeline.task)]()
    frame = source if isinstance(source, pd.DataFrame) else source.data
    columns = list(pipeline.feature_names_in_)
    twice = frame[[columns[0], *columns]]
    for wrong in ("who is he?", "x" * 5_000, np.zeros((3, len(columns) + 1)), twice):
        with pytest.raises(UnreadableData, match=r"^expected"):
            pipeline.predict(wrong)
    frame[columns].head(20).to_csv(tmp_path / "rows.csv", index=False)
    np.testing.assert_array_equal(
        pipeline.predict(str(tmp_path / "rows.csv")), pipeline.predict(frame[columns].head(20))
    )


def test_an_altered_file_is_refused(trained: TrainedRun, tmp_path: Path) -> None:
    """One changed byte in a model is noticed, and so is a missing file."""
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(trained.folder / "model", copy)
    victim = next(
        path for path in sorted(copy.rglob("*")) if path.is_file() and path.suffix != ".json"
    )
    victim.write_bytes(victim.read_bytes() + b"x")
    with pytest.raises(InvalidRun, match="was altered"):
        load_pipeline(copy)
    victim.unlink()
    with pytest.raises(InvalidRun, match="is missing"):
        load_pipeline(copy)


def test_the_same_seed_and_trials_give_the_same_run(tmp_path: Path) -> None:
    """Two runs agree in score, members and predictions."""
    frame = small_frame(150)
    runs = [
        autofit(frame, target="y", trials=7, seed=3, jobs=2, out=tmp_path / name)
        for name in ("a", "b")
    ]
    first, second = (run.result.model_dump(exclude={"seconds"}) for run in runs)
    assert first == second
    np.testing.assert_array_equal(*[run.pipeline.predict_proba(frame) for run in runs])


def test_a_plan_is_carried_out(tmp_path: Path) -> None:
    """What is struck from the plan is not tried."""
    frame = small_frame(150)
    report = advisor.advise(frame, target="y", probe_seconds=None)
    only = tuple(r for r in report.recommendations if r.strategy == "linear")
    plan = tmp_path / "plan.json"
    plan.write_text(report.model_copy(update={"recommendations": only}).model_dump_json(), "utf-8")
    run = autofit(frame, target="y", plan=plan, trials=3, jobs=0, out=tmp_path / "run")
    assert set(run.result.members) == {"linear"}
    other = small_frame(150, seed=9)
    with pytest.raises(InvalidRequest, match="other data"):
        autofit(other, target="y", plan=plan, trials=3, jobs=0, out=tmp_path / "other")


def test_a_plan_says_which_columns_it_was_made_for(tmp_path: Path) -> None:
    """A target or groups that are not repeated are named, and not called other data."""
    frame = small_frame(60).assign(other=["u", "v"] * 30, who=[i // 3 for i in range(60)])
    plan = advise(frame, target="other", groups="who", probe_seconds=None)
    wanted = re.escape(
        "the plan predicts 'other' (groups: 'who'), this reads 'y' (groups: none); pass the same"
    )
    with pytest.raises(InvalidRequest, match=wanted):
        autofit(frame, target="y", plan=plan, trials=1, jobs=0, out=tmp_path / "run")


def test_a_plan_keeps_its_folds_with_another_seed(tmp_path: Path) -> None:
    """What was edited in it is carried out."""
    frame = small_frame(150)
    report = advise(frame, target="y", probe_seconds=None)
    splits = report.splits.model_copy(update={"folds": 3, "repeats": 1})
    plan = report.model_copy(update={"splits": splits})
    run = autofit(frame, target="y", plan=plan, seed=5, trials=2, jobs=0, out=tmp_path / "run")
    (member, *_) = run.pipeline.manifest.members
    assert len(member.folds) == 3
    assert run.report.splits.seed == run.result.seed == 5


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1])
def test_a_seed_that_libraries_break_down_on_is_refused(seed: int, tmp_path: Path) -> None:
    """In one line, by every function that takes one."""
    frame, told = small_frame(60), f"expected 0 to {LARGEST_SEED} as seed, got {seed}"
    plan = advise(frame, target="y", probe_seconds=None)
    calls: list[Callable[[], object]] = [
        lambda: advise(frame, target="y", seed=seed),
        lambda: autofit(frame, target="y", seed=seed, trials=1, out=tmp_path / "run"),
        lambda: autofit(frame, target="y", seed=seed, plan=plan, trials=1, out=tmp_path / "run"),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest, match=told):
            call()


def test_the_largest_seed_is_trained_with(tmp_path: Path) -> None:
    """Nothing that counts on from it comes to an end."""
    frame = small_frame(60)
    run = autofit(frame, target="y", seed=LARGEST_SEED, trials=12, jobs=0, out=tmp_path / "run")
    assert run.result.seed == LARGEST_SEED
    with run.folder.joinpath("leaderboard.csv").open(newline="") as file:
        assert not [line for line in csv.DictReader(file) if line["error"]]


def test_single_model_is_one_refitted_model(tmp_path: Path) -> None:
    """With single_model the pipeline holds one member with one model."""
    run = autofit(
        small_frame(150), target="y", trials=4, jobs=0, single_model=True, out=tmp_path / "run"
    )
    (member,) = run.pipeline.manifest.members
    assert len(member.folds) == 1
    assert member.weight == 1.0


def test_a_run_is_resumed_only_on_its_own_data(tmp_path: Path) -> None:
    """More trials are added to the same data; other data is refused."""
    out, frame = tmp_path / "run", small_frame(150)
    autofit(frame, target="y", trials=4, jobs=0, out=out)
    again = autofit(frame, target="y", trials=6, jobs=0, resume=out)
    assert again.result.trials == 6
    with pytest.raises(InvalidRun, match="other data"):
        autofit(small_frame(150, seed=5), target="y", trials=6, jobs=0, resume=out)
    with pytest.raises(InvalidRequest, match="not an empty folder"):
        autofit(frame, target="y", trials=4, jobs=0, out=out)


def test_a_run_is_worked_on_by_one_process(tmp_path: Path) -> None:
    """A second one is told so and touches nothing; once the first has ended, it may go on."""
    out, frame = tmp_path / "run", small_frame(150)
    autofit(frame, target="y", trials=2, jobs=0, out=out)
    before = (out / "result.json").read_bytes()
    with (
        sole_user(Run(out)),
        pytest.raises(InvalidRun, match="another process is at work"),
    ):
        autofit(frame, target="y", trials=3, jobs=0, resume=out)
    assert (out / "result.json").read_bytes() == before
    assert autofit(frame, target="y", trials=3, jobs=0, resume=out).result.trials == 3


def test_a_run_is_named_after_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that name is, and whatever is in it; the second of one second has a number."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda _: "20260101-000000")
    assert default_folder("a/b c") == Path("runs/a-b-c-20260101-000000")
    default_folder("..").mkdir(parents=True)
    assert default_folder("..") == Path("runs/data-20260101-000000-2")
    default_folder("\N{CJK UNIFIED IDEOGRAPH-20000}é" * 200).mkdir(parents=True)


def test_of_more_rows_than_time_allows_a_sample_is_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of a part of the rows, and a line that says of how many; going on goes on with the same."""
    monkeypatch.setattr(downsampling, "DEFAULT_SHARE", 1e-6)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(26_000, 3)), columns=["a", "b", "c"])
    frame["y"] = frame["a"] + frame["b"] ** 2 + rng.normal(scale=0.1, size=len(frame))
    out = tmp_path / "run"
    run = autofit(frame, target="y", time_limit=60.0, trials=2, jobs=0, out=out)
    assert set(run.result.members) != {"dummy"}
    (told,) = (note for note in run.result.notes if "26,000 labelled rows" in note)
    assert told.startswith(f"learned from {COMPARED_ROWS:,} of")
    again = autofit(frame, target="y", time_limit=60.0, trials=3, jobs=0, resume=out)
    assert told in again.result.notes
    shutil.rmtree(out / "work")  # as may be done with a finished run
    with pytest.raises(InvalidRun, match=r"learned from .* rows, and with this time limit"):
        autofit(frame, target="y", trials=3, jobs=0, resume=out)


def test_options_that_mean_nothing_are_refused_together(tmp_path: Path) -> None:
    """All faults in one message."""
    with pytest.raises(InvalidRequest, match=r"time_limit .*trials .*jobs"):
        autofit(small_frame(), target="y", time_limit=-1, trials=0, jobs=-2, out=tmp_path / "x")


def test_a_resumed_run_keeps_what_it_began_with(tmp_path: Path) -> None:
    """Other wishes are refused, all at once and before any work; the same ones, and none, are not."""
    out, frame = tmp_path / "run", small_frame(150)
    autofit(frame, target="y", metric="accuracy", seed=1, trials=2, jobs=0, out=out)
    before = (out / "result.json").read_bytes()
    wishes = {"metric": "auc", "seed": 0, "backbones": "resnet50", "probe_seconds": 5.0}
    told = (
        "began with metric accuracy and not roc_auc, seed 1 and not 0, backbones of the house and not resnet50, "
        "probe_seconds none and not 5.0, single_model false and not true; "
    )
    with pytest.raises(InvalidRequest, match=re.escape(told)):
        autofit(frame, target="y", trials=3, jobs=0, resume=out, single_model=True, **wishes)
    assert (out / "result.json").read_bytes() == before
    again = autofit(frame, target="y", metric="Accuracy", seed=1, trials=3, jobs=0, resume=out)
    assert (again.result.metric, again.result.trials) == ("accuracy", 3)


def test_a_plan_for_another_metric_promises_no_scores_of_the_old_one(tmp_path: Path) -> None:
    """They are in other units; the ranking stays, and a note says so."""
    frame = small_frame(150)
    plan = advisor.advise(frame, target="y", probe_seconds=10.0, jobs=2)
    assert plan.dummy is not None
    asked = {"target": "y", "plan": plan, "trials": 2, "jobs": 0}
    same = autofit(frame, metric="auc", out=tmp_path / "same", **asked).report
    assert same == plan.model_copy(update={"metric_reason": "asked for"})
    other = autofit(frame, metric="log_loss", out=tmp_path / "other", **asked).report
    assert other.metric == "log_loss"
    assert [r.strategy for r in other.recommendations] == [r.strategy for r in plan.recommendations]
    assert all(r.expected is None for r in other.recommendations)
    assert (other.dummy, other.flips, other.more_labels) == (None, (), "")
    assert "ranked by roc_auc before log_loss" in other.notes[-1]
    assert "error against linear" in report_markdown(other)
    assert other.notes[-1] in report_html(other)


@pytest.mark.parametrize("command", [advisor.advise, autofit])
def test_a_metric_that_is_undefined_here_is_refused(command: Callable[..., object]) -> None:
    """Ranking by labels that never differ: nothing can be better or worse."""
    frame = small_frame(40).drop(columns="y").assign(big=1, red=0)
    with pytest.raises(InvalidRequest, match=r"'roc_auc' is undefined here: none of 'big', 'red'"):
        command(frame, target=["big", "red"], metric="roc_auc")


def test_the_class_is_the_likeliest_after_calibration(tmp_path: Path) -> None:
    """A sigmoid with an intercept moves the point where both are as likely; a metric of labels decides by itself."""
    frame = small_frame(150)
    run = autofit(frame, target="y", trials=3, jobs=0, metric="roc_auc", out=tmp_path / "run")
    pipeline = run.pipeline
    moved = Calibrator(kind="sigmoid", slope=1.0, intercept=-2.0)
    pipeline.manifest = pipeline.manifest.model_copy(update={"calibrator": moved})
    chances = pipeline.predict_proba(frame)
    assert 0 < (chances[:, 1] > 0.5).sum() < len(frame)
    told = pipeline.classes_[chances.argmax(axis=1)]
    np.testing.assert_array_equal(pipeline.predict(frame), told)


@pytest.mark.parametrize("given", [{"target": "a"}, {"groups": "g"}, {"task": "regression"}])
def test_how_to_read_is_refused_of_what_is_read_already(given: dict[str, str]) -> None:
    """It would be ignored without a word."""
    dataset = read_dataset(small_frame(40), target="y")
    with pytest.raises(InvalidRequest, match=f"read without '{next(iter(given))}'"):
        advise(dataset, probe_seconds=None, **given)
    with pytest.raises(InvalidRequest, match="pass them to read_dataset"):
        suggest_labels(dataset, 3, **given)


def test_what_no_metric_can_judge_is_refused_before_anything_is_measured() -> None:
    """Labels that nothing has, also by the default metric, and values whose squares no number can hold."""
    frame = pd.DataFrame({"a": np.sqrt(np.arange(40.0)), "l1": 0, "l2": 0})
    with pytest.raises(InvalidRequest, match="undefined here: none of 'l1', 'l2'"):
        advise(frame, target="l1,l2", probe_seconds=None)
    huge = frame[["a"]].assign(cost=np.linspace(1e299, 1e300, 40))
    with pytest.raises(InvalidRequest, match=r"'cost' has values up to 1e\+300"):
        advise(huge, target="cost", task="regression", probe_seconds=None)


def test_classes_that_each_come_from_one_group_have_no_score() -> None:
    """No class is both learned from and tested."""
    frame = pd.DataFrame({"a": np.sqrt(np.arange(40.0)), "y": np.repeat(["p", "q"], 20)})
    frame["g"] = np.repeat(["first", "second"], 20)
    report = advise(frame, target="y", groups="g", probe_seconds=None)
    said = {finding.rule: finding.message for finding in report.findings}
    assert "no score can be measured" in said["classes_have_own_groups"]
