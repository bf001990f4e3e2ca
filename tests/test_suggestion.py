"""What to label next: typical, doubted, different items of the pool, and the file to fill in."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pictures import as_bytes, draw, put

from advisor import cli, read_dataset, suggest_labels, suggestion
from advisor.choosing import believe, order_items
from advisor.dataset import Dataset, Task
from advisor.division import unseen_positions, unseen_rows
from advisor.errors import InvalidRequest
from advisor.evaluation import Score
from advisor.labelling import check_file, how_to_use, write_suggestion
from advisor.measurement import CurvePoint, Probe
from advisor.metrics import get_metric
from advisor.profile import profile_dataset
from advisor.prospects import worth_of_labels
from advisor.suggestion import Suggestion, _no_more, _Pool, suggest

KINDS = ("a", "b", "c")


def blobs(n: int, seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """Rows of three classes far from each other, with a word, a yes or no and a day."""
    generator = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    frame = pd.DataFrame(
        {
            "x": (codes * 4 + generator.normal(size=n)).round(3),
            "y": (codes * -3 + generator.normal(size=n)).round(3),
            "size": np.array(["small", "medium", "large"])[generator.integers(0, 3, n)],
            "paid": np.array(["no", "yes"])[generator.integers(0, 2, n)],
            "day": [f"2024-{1 + i % 12:02d}-{1 + i % 27:02d}" for i in range(n)],
        }
    )
    return frame, [KINDS[code] for code in codes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of 15 labelled, 120 unlabelled and 30 test rows."""
    home = tmp_path / "data"
    home.mkdir()
    frame, kinds = blobs(165)
    whole = frame.assign(kind=kinds)
    whole[:15].to_csv(home / "train.csv", index=False)
    whole[15:45].to_csv(home / "test.csv", index=False)
    frame[45:].to_csv(home / "unlabeled.csv", index=False)
    return home


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    """Run ``advise`` in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["advise", *words])
    with pytest.raises(SystemExit) as end:
        cli.run_advise()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def choose(dataset: Dataset, n: int, seed: int = 0) -> Suggestion:
    """Suggest without measuring anything."""
    return suggest(
        dataset, profile_dataset(dataset), n, None, get_metric("accuracy", dataset.task), seed
    )


def test_first_items_are_of_different_clusters_and_the_largest_comes_first() -> None:
    """Four heaps of 40, 30, 20 and 10 items give one item each, in this order."""
    heaps = np.repeat(np.arange(4), (40, 30, 20, 10))
    items = np.random.default_rng(0).normal(0, 0.1, (100, 5)) + heaps[:, None] * 5.0
    order = order_items(items, np.ones(100), 4, seed=0)
    assert heaps[order.rows[:4]].tolist() == [0, 1, 2, 3]
    assert order.stands_for[order.rows[:4]].tolist() == [40, 30, 20, 10]
    assert sorted(order.rows.tolist()) == list(range(100))


def test_what_the_model_doubts_is_chosen_before_what_it_knows() -> None:
    """Where half of the items weigh next to nothing, all that is chosen is of the other half."""
    items = np.random.default_rng(0).normal(size=(200, 8))
    weights = np.where(items[:, 0] > 0, 1.0, 0.0)
    chosen = order_items(items, weights, 10, seed=0).rows[:10]
    assert (items[chosen, 0] > 0).all()


def test_an_item_that_the_model_is_sure_of_does_not_stand_for_its_cluster() -> None:
    """At the centre of each heap sits a known item; one beside it is chosen."""
    beside = np.array([[-1.0], [-0.9], [0.9], [1.0]])
    items = np.vstack([[[0.0]], beside, [[50.0]], beside + 50])
    weights = np.array([0.01, 1, 1, 1, 1] * 2)
    chosen = order_items(items, weights, 2, seed=0).rows[:2]
    assert sorted(chosen.tolist() // np.array(5)) == [0, 1]
    assert not {0, 5} & set(chosen.tolist())


def test_items_that_are_all_equal_or_all_known_can_still_be_ordered() -> None:
    """One cluster is enough, and no weight at all is an equal one."""
    order = order_items(np.ones((6, 3)), np.zeros(6), 4, seed=0)
    assert sorted(order.rows.tolist()) == list(range(6))


def test_doubt_is_greatest_between_two_classes() -> None:
    """In the middle between two classes the model is torn, and names both."""
    known = np.array([[0.0], [0.2], [4.0], [4.2], [9.0], [9.2]])
    belief = believe(
        known, np.array([0, 0, 2, 2, 5, 5]), np.array([[0.1], [2.1], [9.1]]), Task.MULTICLASS
    )
    assert belief.doubts.argmax() == 1
    assert belief.values.tolist()[::2] == [0, 5]
    assert belief.rivals is not None
    assert {int(belief.values[1]), int(belief.rivals[1])} <= {0, 2, 5}


def test_several_labels_and_numbers_are_believed_too() -> None:
    """Multilabel gives a row of 0 and 1, also for a label that none or all have; numbers are all equally doubtful."""
    known = np.random.default_rng(0).normal(size=(20, 4))
    y = np.column_stack([known[:, 0] > 0, np.zeros(20), np.ones(20)]).astype(np.int8)
    belief = believe(known, y, known, Task.MULTILABEL)
    assert belief.values[:, 1:].tolist() == [[0, 1]] * 20
    assert ((belief.doubts >= 0) & (belief.doubts <= 1)).all()
    numbers = believe(known, known[:, 0] * 3, known, Task.REGRESSION)
    assert numbers.chances is None
    assert np.corrcoef(numbers.values, known[:, 0])[0, 1] > 0.9


def test_choice_is_the_same_for_the_same_seed(folder: Path) -> None:
    """Two runs choose the same items in the same order."""
    dataset = read_dataset(folder)
    assert choose(dataset, 8) == choose(dataset, 8)


def test_rows_are_told_in_the_words_of_the_data(folder: Path) -> None:
    """Numbers, ranks, yes and no, and days stand in the list as in the file of the pool."""
    pool = pd.read_csv(folder / "unlabeled.csv", dtype=str)
    for one in choose(read_dataset(folder), 12).chosen:
        row = pool.iloc[int(one.item) - 1]
        assert float(one.cells["x"]) == float(row["x"])
        assert {name: one.cells[name] for name in ("size", "paid", "day")} == dict(
            row[["size", "paid", "day"]]
        )


def test_no_copy_of_a_labelled_a_test_or_another_chosen_row_is_chosen(folder: Path) -> None:
    """Of a pool of copies only what is new is left, and the list says that it is shorter."""
    train, test = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "test.csv")
    new = pd.read_csv(folder / "unlabeled.csv")[:3]
    pool = pd.concat([train, test, new, new, new])[list(new.columns)]
    pool.to_csv(folder / "unlabeled.csv", index=False)
    made = choose(read_dataset(folder), 10)
    assert {one.cells["x"] for one in made.chosen} == {f"{x:g}" for x in new["x"]}
    assert len(made.chosen) == 3
    assert made.notes == (
        "3 of 10: the others of the pool nearly repeat these, labelled or test ones",
    )


def test_a_list_that_is_shorter_than_asked_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies are named only where there are some: a pool may end, be unreadable, or be too large to look at."""
    pool = pd.read_csv(folder / "unlabeled.csv")
    pool[:8].to_csv(folder / "unlabeled.csv", index=False)
    assert choose(read_dataset(folder), 20).notes == ("8 of 20: the pool holds no more",)
    pool.to_csv(folder / "unlabeled.csv", index=False)
    monkeypatch.setattr(suggestion, "MOST_POOL", 50)
    assert choose(read_dataset(folder), 60).notes[0] == "50 of 60: no more were considered"

    dataset = read_dataset(folder)
    kept = _Pool(np.arange(3), pool[:3], np.ones((3, 1)), n_unread=len(pool) - 2)
    assert _no_more(dataset, kept, 2) == "the others of the pool cannot be read"
    told = _no_more(dataset, replace(kept, n_unread=1), 2)
    assert told.endswith("repeat these, labelled or test ones, or cannot be read")


def test_positions_of_unseen_rows_name_the_rows_themselves(folder: Path) -> None:
    """What may be chosen is what may be learned from."""
    dataset = read_dataset(folder)
    rows = unseen_rows(dataset)
    assert rows is not None
    assert dataset.X_unlabelled is not None
    same = dataset.X_unlabelled.iloc[unseen_positions(dataset)].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, same)


def test_a_large_pool_is_drawn_evenly_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 120 rows 50 are looked at, from the first to the last."""
    monkeypatch.setattr(suggestion, "MOST_POOL", 50)
    made = choose(read_dataset(folder), 50)
    numbers = [int(one.item) for one in made.chosen]
    assert made.n_considered == 50
    assert (min(numbers), max(numbers)) == (1, 120)
    assert any("drawn evenly" in note for note in made.notes)


def test_filled_in_list_is_read_as_labels(folder: Path, tmp_path: Path) -> None:
    """After its rows are added to the table, there are as many more labels, and none of them is suggested again."""
    before = read_dataset(folder)
    made = choose(before, 9)
    out = tmp_path / "to_label.csv"
    write_suggestion(made, out)
    listed = pd.read_csv(out)
    assert listed["kind"].isna().all()
    assert list(listed.columns[-4:]) == ["row", "guess", "chance", "why"]
    assert "train.csv" in how_to_use(made, before)
    assert "'row', 'guess', 'chance' and 'why'" in how_to_use(made, before).replace(
        "', 'why'", "' and 'why'"
    )
    filled = listed.drop(columns=["row", "guess", "chance", "why"]).assign(kind="a")
    both = pd.concat([pd.read_csv(folder / "train.csv"), filled])
    both.to_csv(folder / "train.csv", index=False)
    after = read_dataset(folder)
    assert after.n_labelled == before.n_labelled + 9
    assert not {one.item for one in choose(after, 9).chosen} & {one.item for one in made.chosen}


def test_a_list_is_written_as_the_table_that_it_is_added_to(folder: Path, tmp_path: Path) -> None:
    """Semicolons and decimal commas: lines can be added as they are, and the list is known as ours."""
    for name in ("train.csv", "test.csv", "unlabeled.csv"):
        pd.read_csv(folder / name).to_csv(folder / name, sep=";", decimal=",", index=False)
    before = read_dataset(folder)
    out = tmp_path / "to_label.csv"
    write_suggestion(choose(before, 3), out)
    write_suggestion(choose(before, 3), out)
    listed = pd.read_csv(out, sep=";", dtype=str)
    assert listed["x"].str.contains(",").all()
    added = listed.drop(columns=["row", "guess", "chance", "why"]).assign(kind="a")
    lines = added.to_csv(sep=";", index=False, header=False)
    table = folder / "train.csv"
    table.write_text(table.read_text("utf-8") + lines, "utf-8")
    after = read_dataset(folder)
    assert after.n_labelled == before.n_labelled + 3
    assert before.X_unlabelled is not None
    assert np.isin(after.X["x"], pd.concat([before.X["x"], before.X_unlabelled["x"]])).all()


@pytest.mark.parametrize("name", ["train.CSV", "train.csv.gz", "data.csv"])
def test_a_table_of_any_name_that_is_read_says_how_to_write_the_list(
    folder: Path, tmp_path: Path, name: str
) -> None:
    """What is trained on is what the lines are added to, however it is called."""
    for old in ("train.csv", "unlabeled.csv"):
        new = name if old == "train.csv" else old
        frame = pd.read_csv(folder / old)
        (folder / old).unlink()
        frame.to_csv(folder / new, sep=";", decimal=",", index=False)
    dataset = read_dataset(folder)
    made = choose(dataset, 3)
    write_suggestion(made, tmp_path / "to_label.csv")
    listed = pd.read_csv(tmp_path / "to_label.csv", sep=";", dtype=str)
    assert listed["x"].str.contains(",").all()
    assert f"add the rows to {name}" in how_to_use(made, dataset)


def test_rows_of_the_table_itself_are_numbered_and_filled_in_there(folder: Path) -> None:
    """Empty lines are counted and never suggested; beside another pool the rows keep the pool's numbers."""
    train, pool = (pd.read_csv(folder / name) for name in ("train.csv", "unlabeled.csv"))
    (folder / "unlabeled.csv").unlink()
    empty = pd.DataFrame({"x": [None] * 3})
    both = pd.concat([train[:10], empty, pool[:40], train[10:]])
    both.to_csv(folder / "train.csv", index=False)
    dataset = read_dataset(folder, target="kind")
    assert dataset.n_unlabelled == 40
    made = choose(dataset, 6)
    for one in made.chosen:
        assert f"{both['x'].iloc[int(one.item) - 1]:g}" == f"{float(one.cells['x']):g}"
    told = how_to_use(made, dataset)
    assert told.startswith("Fill in 'kind' in train.csv itself")
    assert "'row'" in told
    pd.concat([pool[40:], empty]).to_csv(folder / "unlabeled.csv", index=False)
    dataset = read_dataset(folder, target="kind")
    assert dataset.n_unlabelled == len(pool)
    assert dataset.pool_numbers.tolist() == list(range(1, len(pool) + 1))
    assert how_to_use(choose(dataset, 6), dataset).endswith(
        "Of those numbered 1 to 40 fill in the rows that train.csv holds already, instead."
    )


def test_groups_that_the_list_does_not_have_are_named(folder: Path) -> None:
    """Without them the added rows would be of no group."""
    train = pd.read_csv(folder / "train.csv")
    assert "which the list" not in how_to_use(choose(read_dataset(folder), 2), read_dataset(folder))
    train.assign(patient=np.arange(15) // 2).to_csv(folder / "train.csv", index=False)
    dataset = read_dataset(folder, target="kind", groups="patient")
    told = how_to_use(choose(dataset, 2), dataset)
    assert told.endswith("to train.csv with their 'patient', which the list does not have.")


def test_columns_of_ours_give_way_to_those_of_the_data(folder: Path, tmp_path: Path) -> None:
    """A table with a column called ``why`` keeps it."""
    for name in ("train.csv", "unlabeled.csv"):
        pd.read_csv(folder / name).rename(columns={"x": "why"}).to_csv(folder / name, index=False)
    (folder / "test.csv").unlink()
    out = tmp_path / "to_label.csv"
    made = choose(read_dataset(folder), 2)
    write_suggestion(made, out)
    with out.open(newline="") as file:
        header = next(csv.reader(file))
    assert header[0] == "why"
    assert header[-1] == "why_"
    write_suggestion(made, out)  # known as ours all the same


def test_a_list_is_replaced_only_while_nobody_filled_it_in(folder: Path, tmp_path: Path) -> None:
    """Ours and empty: replaced; with a label in it, or not ours: refused, and left as it is."""
    made = choose(read_dataset(folder), 4)
    out = tmp_path / "to_label.csv"
    write_suggestion(made, out)
    write_suggestion(made, out)
    filled = pd.read_csv(out, dtype=object)
    filled.loc[1, "kind"] = "b"
    filled.to_csv(out, index=False)
    with pytest.raises(InvalidRequest, match="1 label "):
        write_suggestion(made, out)
    other = tmp_path / "mine.csv"
    other.write_text("my,notes\n", "utf-8")
    with pytest.raises(InvalidRequest, match="none of our lists"):
        write_suggestion(made, other)
    assert other.read_text("utf-8") == "my,notes\n"


OURS = "guess,chance,why"


@pytest.mark.parametrize(
    ("content", "targets", "said"),
    [
        (f"file,quality,{OURS}\na.png,good,x,0.5,w\nb.png,,x,0.5,w\n", ["species"], "1 label "),
        (f"file,quality,{OURS}\na.png,,x,0.5,w\n", ["species"], ""),
        (f"file,row,{OURS}\na.png,3,x,0.5,w\n", ["row"], "1 label "),
        (f"file_,file,{OURS}\na.png,3,x,0.5,w\n", ["file"], "1 label "),
        (f"x,kind,row,{OURS}\n1,,7,a,0.5,w\n", ["kind"], ""),
        (f"\ufeffx,kind,row,{OURS}\n1,b,7,a,0.5,w\n", ["kind"], "1 label "),
        (f"x,a,b,row,{OURS}\n1,,1,7,a,0.5,w\n", ["a", "b"], "1 label "),
        (f"x,kind,row,{OURS}\n1,b,7,a,0.5,w\n", ["x"], "other columns than 'x'"),
        (f"x,kind,row,{OURS}\n1,b,7,a,0.5,w\n", ["species"], "other columns than 'species'"),
        (f"row,kind,{OURS}\n", ["species"], ""),
    ],
)
def test_labels_for_another_target_are_not_written_over(
    tmp_path: Path, content: str, targets: list[str], said: str
) -> None:
    """Whatever was empty when it was written may hold labels, and where that cannot be told, the list stays."""
    out = tmp_path / "to_label.csv"
    out.write_text(content, "utf-8")
    if not said:
        check_file(out, targets)
        return
    with pytest.raises(InvalidRequest, match=said):
        check_file(out, targets)


def test_pictures_are_named_as_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by their names in the data folder, without a broken or equal one; the hint names a folder."""
    for number, colour in enumerate(("red", "green")):
        for i in range(4):
            put(tmp_path / "train" / colour / f"{i}.png", as_bytes(draw(colour, 100 * number + i)))
    for i in range(10):
        put(
            tmp_path / "unlabeled" / f"p{i}.png",
            as_bytes(draw(("red", "green", "blue")[i % 3], 500 + i)),
        )
    put(tmp_path / "unlabeled" / "broken.png", b"no picture")
    copy = (tmp_path / "train" / "red" / "0.png").read_bytes()
    put(tmp_path / "unlabeled" / "copy.png", copy)

    def colours(items: list[str], backbone: str) -> np.ndarray:
        from PIL import Image

        return np.array(
            [np.asarray(Image.open(item)).reshape(-1, 3).mean(0) for item in items], np.float32
        )

    monkeypatch.setattr(suggestion, "embed", colours)
    monkeypatch.setattr("advisor.profilers.frozen.usable_backbones", lambda *_: ())
    dataset = read_dataset(tmp_path)
    profile = profile_dataset(dataset).model_copy(update={"backbones": ("colours",)})
    made = suggest(dataset, profile, 20, None, get_metric("accuracy", dataset.task))
    assert {one.item for one in made.chosen} == {f"unlabeled/p{i}.png" for i in range(10)}
    told = how_to_use(made, dataset)
    assert told.startswith("Move each picture into the folder of its class, such as train/")
    out = tmp_path / "to_label.csv"
    write_suggestion(made, out)
    assert list(pd.read_csv(out).columns) == ["file", *made.targets, "guess", "chance", "why"]


def test_texts_that_nearly_repeat_each_other_are_chosen_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two texts that differ in a comma one is enough."""
    pytest.importorskip("datasketch")
    said = {
        "good": "the film was a joy from its first scene to the very last one, says",
        "bad": "what a dull and tired mess of a story, nothing in it works for",
    }
    names = [f"critic{i} of paper{i * 7 % 11} in town{i * 5 % 13}" for i in range(40)]
    rows = [
        (f"{said[kind]} {name}", kind)
        for name, kind in zip(names[:10], ["good", "bad"] * 5, strict=True)
    ]
    train = pd.DataFrame(rows, columns=["text", "kind"])
    fresh = [
        f"{i} people laughed at {name} while the others slept through act {i * 3}"
        for i, name in enumerate(names[20:28])
    ]
    pool = pd.DataFrame(
        {"text": [*fresh, *(f"{text}!" for text in fresh), *(text.upper() for text in fresh)]}
    )

    def lengths(items: list[str], backbone: str) -> np.ndarray:
        return np.array(
            [[item.count(letter) for letter in "aeiouts!ATO"] for item in items], np.float32
        )

    monkeypatch.setattr(suggestion, "embed", lengths)
    monkeypatch.setattr("advisor.profilers.frozen.usable_backbones", lambda *_: ())
    dataset = read_dataset(train, unlabeled=pool)
    assert dataset.modality == "text"
    profile = profile_dataset(dataset).model_copy(update={"backbones": ("letters",)})
    made = suggest(dataset, profile, 12, None, get_metric("accuracy", dataset.task))
    chosen = [one.cells["text"].casefold().rstrip("!") for one in made.chosen]
    assert len(chosen) == len(set(chosen))
    assert len(chosen) >= 4


def curve(*errors: float) -> Probe:
    """A probe whose learning curve has these errors, at 25, 50 and 100 rows."""

    def score(error: float) -> Score:
        return Score(metric="accuracy", value=1 - error, low=0.0, high=1.0)

    points = tuple(
        CurvePoint(n_train=25 * 2**i, score=score(error), error=error, better_than_all=0.0)
        for i, error in enumerate(errors)
    )
    return Probe(
        n_rows=100,
        n_labelled=100,
        folds=5,
        metric="accuracy",
        measured=(),
        dummy=None,
        curve_strategy="linear",
        curve=points,
        jobs=1,
        seconds=1.0,
    )


def test_forecast_follows_the_curve_for_one_doubling_only(folder: Path) -> None:
    """An error that halves with each doubling halves once more; farther, or on a curve that rises, it is not known."""
    profile = profile_dataset(read_dataset(folder))
    metric = get_metric("accuracy", profile.task)
    falling = curve(0.4, 0.2, 0.1)
    assert (
        "15 more labels (30) should bring linear from accuracy 0.900 to about 0.950"
        in worth_of_labels(profile, falling, metric, 15)
    )
    assert "to about 0.9" in worth_of_labels(profile, falling, metric, 3)
    far = worth_of_labels(profile, falling, metric, 16)
    assert far.startswith("What 16 more labels are worth is not known")
    assert "Twice the labels (30)" in far
    assert "not monotone" in worth_of_labels(profile, curve(0.2, 0.3, 0.1), metric, 5)


def test_forecast_of_grouped_rows_is_of_as_many_more_groups(folder: Path) -> None:
    """How many new groups single labels come from is not known."""
    plain = profile_dataset(read_dataset(folder))
    profile = plain.model_copy(update={"n_groups": 7})
    metric = get_metric("accuracy", profile.task)
    said = worth_of_labels(profile, curve(0.4, 0.2, 0.1), metric, 5)
    assert said.startswith("What 5 more labels are worth is not known: it depends on how many new")
    assert "Twice the labels from 14 groups instead of 7 (30) should bring" in said


def test_command_writes_the_list_and_says_how_to_use_it(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With -o there is a file; without, ten of the items and a hint; with --json all of them."""
    out = tmp_path / "to_label.csv"
    words = [str(folder), "--suggest-labels", "12", "--no-probe"]
    code, printed, _ = run(monkeypatch, capsys, *words, "-o", str(out))
    assert code == 0
    assert len(pd.read_csv(out)) == 12
    assert "train.csv" in printed
    assert "nothing was measured" in printed
    code, printed, _ = run(monkeypatch, capsys, *words)
    assert code == 0
    assert "and 2 more" in printed
    assert "-o to_label.csv" in printed
    code, printed, _ = run(monkeypatch, capsys, *words, "--json")
    assert len(json.loads(printed)["chosen"]) == 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--suggest-labels", "3"], "no unlabelled pool"),
        (["-o", "to_label.csv"], "--suggest-labels"),
        (["--suggest-labels", "0"], "greater than or equal to 1"),
        (["--suggest-labels", "3", "--markdown"], "exclude"),
        (["--suggest-labels", "3", "-o", "nowhere/to_label.csv"], "existing folder"),
    ],
)
def test_what_cannot_be_suggested_is_one_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    """Exit code 2 and one line on stderr, before anything is measured."""
    (folder / "unlabeled.csv").unlink()
    code, printed, err = run(monkeypatch, capsys, str(folder), *words)
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert said in err


def test_python_function_measures_the_curve_for_its_forecast(folder: Path) -> None:
    """``suggest_labels`` takes what ``advise`` takes."""
    made = suggest_labels(folder, 5, target="kind", probe_seconds=None)
    assert (len(made.chosen), made.targets) == (5, ("kind",))
    with pytest.raises(InvalidRequest, match="1 or more"):
        suggest_labels(folder, 0)
