"""The commands: exit codes, one line for what the user can put right, and clean standard output."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from advisor import cli, options
from advisor.api import PROBE_SECONDS
from advisor.backbone import PATH_MARK
from advisor.errors import InvalidRequest
from advisor.looking import LARGEST_SEED
from advisor.options import asked_backbones, parse_duration, spread
from advisor.report import StrategyReport
from advisor.rule import RULES

ENTRIES = {"advise": cli.run_advise, "autofit": cli.run_autofit, "advisor": cli.run}


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    """Run a command in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", list(words))
    with pytest.raises(SystemExit) as end:
        ENTRIES[words[0]]()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def start(*words: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    """Run a command in a process of its own."""
    entry = ENTRIES[words[0]].__name__
    code = f"from advisor.cli import {entry}; {entry}()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words[1:]],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Sixty rows of two classes, one of them easy to tell."""
    rows = "\n".join(f"{i % 7},{i * 37 % 11},{'yes' if i % 7 > 3 else 'no'}" for i in range(60))
    path = tmp_path / "table.csv"
    path.write_text(f"a,b,answer\n{rows}\n", "utf-8")
    return path


WRONG = [
    (["advise"], "expected DATA"),
    (["advise", "nowhere.csv"], "nowhere.csv"),
    (["advise", "TABLE", "--target", "anwser"], "Did you mean 'answer'?"),
    (["advise", "TABLE", "--metric", "rmse"], "rmse"),
    (["advise", "TABLE", "--task", "guessing"], "guessing"),
    (["advise", "TABLE", "--json", "--markdown"], "--json and --markdown"),
    (["advise", "TABLE", "--no-probe", "--probe-seconds", "3"], "--no-probe"),
    (["advise", "TABLE", "--html", "no/such/folder/page.html"], "--html"),
    (["advise", "TABLE", "--no-such-option"], "--no-such-option"),
    (["advise", "TABLE", "--seed", "many"], "--seed"),
    (["advise", "TABLE", "--seed", "5000000000"], "2147483647"),
    (["advise", "--explain", "no_such_rule"], "no_such_rule"),
    (["autofit", "TABLE", "--time-limit", "soon"], "soon"),
    (["autofit", "TABLE", "--resume", "a", "--out", "b"], "--resume and --out"),
    (["autofit", "TABLE", "--resume", "a", "--plan", "b"], "--resume and --plan"),
    (["autofit", "TABLE", "--plan", "nowhere.json"], "nowhere.json"),
    (["autofit", "TABLE", "--trials", "0"], "--trials"),
    (["advisor", "predict", "nowhere", "TABLE", "-o", "out.csv"], "nowhere"),
    (["advisor", "no-such-command"], "no-such-command"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_what_the_user_can_put_right_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    table: Path,
    words: list[str],
    said: str,
) -> None:
    """Never a traceback, nothing on stdout."""
    words = [str(table) if word == "TABLE" else word for word in words]
    code, out, err = call(monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


def test_json_is_all_there_is_and_makes_the_same_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    """Stdout can be read as a plan; stderr is empty."""
    words = ["advise", str(table), "--no-probe", "--json", "--seed", "3"]
    code, out, err = call(monkeypatch, capsys, *words)
    assert (code, err) == (0, "")
    report = StrategyReport.model_validate_json(out)
    assert report.seed == 3
    assert report.targets == ("answer",)
    assert StrategyReport.model_validate(json.loads(out)) == report


def test_markdown_html_and_text_come_from_one_report(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    table: Path,
    tmp_path: Path,
) -> None:
    """The page is written where it was asked for, the next command repeats the options."""
    page = tmp_path / "page.html"
    words = ["advise", str(table), "--no-probe", "--target", "answer", "--markdown"]
    code, out, _ = call(monkeypatch, capsys, *words, "--html", str(page))
    assert code == 0
    assert out.startswith("# table")
    assert f"autofit {table} --target answer" in out
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_advisor_has_the_same_commands_beneath_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    """``advisor advise`` is ``advise``."""
    _, alone, _ = call(monkeypatch, capsys, "advise", str(table), "--no-probe", "--json")
    _, below, _ = call(monkeypatch, capsys, "advisor", "advise", str(table), "--no-probe", "--json")
    assert below == alone


def test_a_rule_explains_itself_without_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its text and its reference."""
    rule = RULES.values()[0]
    code, out, _ = call(monkeypatch, capsys, "advise", "--explain", rule.name)
    assert code == 0
    assert rule.text.splitlines()[0] in out
    assert rule.reference in out


def test_a_rule_explains_itself_on_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    """With DATA it also says what it finds there."""
    name = RULES.values()[0].name
    code, out, _ = call(monkeypatch, capsys, "advise", str(table), "--explain", name)
    assert code == 0
    assert "On table: " in out


def test_the_doctor_lists_libraries_and_strategies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is ready, and what is missing."""
    code, out, _ = call(monkeypatch, capsys, "advisor", "doctor")
    assert code == 0
    for words in ("Python", "numpy", "linear", "ready", "cores"):
        assert words in out


def test_several_groups_may_follow_one_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    """``DATA --groups a b`` names two columns."""
    words = ["advise", str(table), "--target", "answer", "--groups", "b", "--no-probe", "--json"]
    _, out, _ = call(monkeypatch, capsys, *words)
    assert json.loads(out)["group_columns"] == ["b"]
    assert spread(["d", "--groups", "a", "b", "--json"]) == [
        "d",
        "--groups",
        "a",
        "--groups",
        "b",
        "--json",
    ]
    assert spread(["--groups", "a", "d"]) == ["--groups", "a", "d"]


def test_several_backbones_may_follow_one_option_and_what_is_printed_next_can_be_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    """``DATA --backbone a b`` names two; the command that follows names each with an option of its own."""
    words = ["advise", str(table), "--backbone", "resnet18", "resnet50", "--no-probe", "--markdown"]
    code, out, _ = call(monkeypatch, capsys, *words)
    assert code == 0
    assert f"autofit {table} --backbone resnet18 --backbone resnet50" in out
    assert options.repeated(target=["a", "b"], seed=3) == [
        *["--target", "a", "--target", "b"],
        *["--seed", "3"],
    ]


def test_a_closed_pipe_is_no_error(table: Path) -> None:
    """``advise x | head -1`` ends quietly."""
    process = start("advise", str(table), "--no-probe", "--json")
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_is_one_line(table: Path) -> None:
    """``advise x > file`` where nothing can be written any more."""
    with Path("/dev/full").open("w") as full:
        process = start("advise", str(table), "--no-probe", stdout=full)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.startswith("advise: expected room on the disk, got")
    assert err.count("\n") == 1


def test_training_predicting_and_the_run_directory(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    table: Path,
    tmp_path: Path,
) -> None:
    """The JSON printed is that of result.json; predict writes a line per row with a column per class."""
    run = tmp_path / "run"
    words = ["autofit", str(table), "--trials", "2", "--jobs", "0", "--out", str(run), "--json"]
    code, out, _ = call(monkeypatch, capsys, *words)
    assert code == 0
    assert json.loads(out) == json.loads((run / "result.json").read_text("utf-8"))
    predictions = tmp_path / "out.csv"
    code, _, _ = call(
        monkeypatch, capsys, "advisor", "predict", str(run), str(table), "-o", str(predictions)
    )
    assert code == 0
    lines = predictions.read_text("utf-8").splitlines()
    assert lines[0] == "prediction,no,yes"
    assert len(lines) == 61


def test_sigterm_saves_the_best_so_far_and_exits_130(table: Path, tmp_path: Path) -> None:
    """An interrupted search is not lost."""
    run = tmp_path / "run"
    process = start("autofit", str(table), "--time-limit", "1h", "--jobs", "1", "--out", str(run))
    deadline = time.monotonic() + 60
    done = 0
    while done < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
        done = len(list(run.glob("trials/*/trial.json")))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert (run / "result.json").exists()


def test_an_interrupt_before_anything_was_done_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    """One line, no traceback."""

    def stop(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("advisor.api.advise", stop)
    code, out, err = call(monkeypatch, capsys, "advise", str(table))
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def test_a_bug_is_a_traceback_and_not_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, table: Path
) -> None:
    """What nobody expected is not blamed on the user."""

    def break_down(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("advisor.api.advise", break_down)
    monkeypatch.setattr(sys, "argv", ["advise", str(table)])
    with pytest.raises(ZeroDivisionError):
        cli.run_advise()


@pytest.mark.parametrize("text", ["", "5 days", "-3s", "0", "m", "1e3"])
def test_a_duration_that_is_none_says_what_was_expected(text: str) -> None:
    """With an example of each unit."""
    with pytest.raises(InvalidRequest, match="30s, 5m or 1h"):
        parse_duration(text)


def test_the_default_of_the_command_is_the_default_of_the_function() -> None:
    """The number is written twice, because one of the places is heavy to import."""
    assert cli.PROBE_SECONDS == PROBE_SECONDS
    assert options.LARGEST_SEED == LARGEST_SEED


def test_weights_need_one_name_and_a_folder_none(tmp_path: Path) -> None:
    """A file says nothing of the network that it is for; a folder in the layout of Hugging Face does."""
    weights, folder = tmp_path / "w.safetensors", tmp_path / "my-bert"
    weights.write_bytes(b"")
    folder.mkdir()
    assert asked_backbones(None, None) == ()
    assert asked_backbones(["resnet18", "resnet50"], None) == ("resnet18", "resnet50")
    assert asked_backbones(["resnet18"], weights) == (f"resnet18{PATH_MARK}{weights}",)
    assert asked_backbones(None, folder) == (f"my-bert{PATH_MARK}{folder}",)
    marked = folder.rename(tmp_path / f"me{PATH_MARK}lab")
    (name,) = asked_backbones(None, marked)
    assert name.partition(PATH_MARK) == ("me_lab", PATH_MARK, str(marked))
    for names, path in ((None, weights), (["a", "b"], marked), (["a"], tmp_path / "absent")):
        with pytest.raises(InvalidRequest, match="--backbone-path"):
            asked_backbones(names, path)


def test_the_mark_between_a_backbone_and_its_weights_is_the_same_everywhere() -> None:
    """The options repeat a constant that is heavy to import."""
    assert options.BACKBONE_MARK == PATH_MARK


@pytest.mark.parametrize("command", ["advise", "autofit"])
def test_a_rule_about_the_pool_hears_of_the_pool(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    table: Path,
    tmp_path: Path,
    command: str,
) -> None:
    """``--unlabeled`` counts for ``--explain``, too."""
    pool = tmp_path / "pool.csv"
    pool.write_text("a,b\n" + "".join(f"{i % 5},{i}\n" for i in range(900)), "utf-8")
    words = ("--unlabeled", str(pool), "--explain", "pool_available")
    code, out, _ = call(monkeypatch, capsys, command, str(table), *words)
    assert code == 0
    assert re.search(r"note: 8\d\d unlabelled rows", out)  # some repeat labelled ones
