"""The parts that train networks on texts: token ids, batches, stages, low-rank changes, and the loop on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="networks need the extra 'text'")
pytest.importorskip("lightning_utilities", reason="networks need the extra 'text'")

import torch

from advisor.backbone import TextCard
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRequest, InvalidRun, UnreadableData
from advisor.nets import training
from advisor.nets.answers import predict
from advisor.nets.feeds import Examples
from advisor.nets.network import Headed, make_net
from advisor.nets.saved import load_net, save_net
from advisor.nets.settings import PictureSettings, TextSettings
from advisor.nets.stages import depths, stages_of
from advisor.nets.text_feeds import Tokens, trimmed
from advisor.nets.timing import seconds_per_item
from advisor.representation import Representation, make_representation
from advisor.representations.tokens import TokensRepresentation
from advisor.tables.columns import Column, ColumnKind
from tests.encoders import LONGEST, NAME, TinyLoader

COLUMNS = (Column(name="text", kind=ColumnKind.TEXT), Column(name="age", kind=ColumnKind.NUMERIC))

SETTINGS = TextSettings(
    kind="classes",
    n_outputs=2,
    backbone=NAME,
    steps=20,
    learning_rate=3e-3,
    dropout=0.1,
    batch=16,
    length=16,
    longest=LONGEST,
)
"""Of a network of 12,000 weights that trains within a second."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing by more, and lose much where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def texts(n: int, seed: int = 0) -> tuple[list[str], NDArray[np.int64]]:
    """Sentences of which every second one holds a word that says so."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    made = []
    for label in y:
        words = [f"word{i}" for i in rng.integers(0, 40, rng.integers(2, 12))]
        words[rng.integers(0, len(words))] = "good" if label else "bad"
        made.append(" ".join(words))
    return made, y


def ids_of(items: list[str], argument: str = NAME) -> NDArray[Any]:
    """Token ids as the representation makes them."""
    made = TokensRepresentation(argument)
    return made.compute(items, Deadline(None))


def train(settings: TextSettings, y: NDArray[Any], seed: int = 0) -> Headed:
    """Train on texts and hand out the network."""
    return training.train(Examples(ids_of(texts(len(y))[0]), y), settings, seed, Deadline(None))[0]


# The representation


def fitted(argument: str = NAME) -> Representation:
    """The representation, fitted on a frame of texts and ages."""
    X = pd.DataFrame({"text": ["a b c", "d"], "age": [1.0, 2.0]})
    return make_representation(f"tokens:{argument}").fit(X, COLUMNS, seed=0)


def test_texts_become_ids_of_one_width_whatever_their_lengths() -> None:
    """Nothing is learned, columns beside are not read, and a missing text is an empty one."""
    X = pd.DataFrame({"text": ["a b c", None, "d " * 60], "age": [1.0, 2.0, 3.0]})
    found = fitted().transform(X)
    assert not fitted().learns_from(COLUMNS)
    assert found.info.beside == 0
    assert found.values.shape == (3, LONGEST)
    assert found.values.dtype == np.int32
    assert (found.values >= 0).sum(axis=1).tolist() == [5, 2, LONGEST]


def test_views_stand_beside_the_text_while_training_and_are_not_made_to_predict(
    tmp_path: Path,
) -> None:
    """A loaded representation gives the same columns; those of views are empty."""
    X = pd.DataFrame({"text": ["a b c", "d"], "age": [1.0, 2.0]})
    made = fitted(f"{NAME}+eda")
    values = made.transform(X).values
    assert values.shape == (2, 5 * LONGEST)
    views = np.asarray(values).reshape(2, 5, LONGEST)
    assert (views[:, 1:, 1] != views[:, :1, 1]).all()  # the stub puts a word before the text
    (tmp_path / "saved").mkdir()
    made.save(tmp_path / "saved")
    again = np.asarray(TokensRepresentation.load(tmp_path / "saved").transform(X).values)
    np.testing.assert_array_equal(again[:, :LONGEST], views[:, 0])
    assert (again[:, LONGEST:] == -1).all()


def test_views_are_made_once_and_under_the_deadline_of_preparing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was prepared is taken; of new rows each text is varied once while there is time; predictions need none."""
    asked: list[str] = []
    plain = TinyLoader.varied

    def varied(
        self: TinyLoader, card: TextCard, items: Sequence[str], view: str, deadline: Deadline
    ) -> list[str]:
        asked.extend(items)
        return plain(self, card, items, view, deadline)

    monkeypatch.setattr(TinyLoader, "varied", varied)
    X = pd.DataFrame({"text": ["a good film", "a bad one", "a good film"], "age": [1.0, 2.0, 3.0]})
    made = fitted(f"{NAME}+eda")
    made.prepare(X, Deadline(None))
    n_made = len(asked)
    assert sorted(asked) == ["a bad one"] * (n_made // 2) + ["a good film"] * (n_made // 2)
    values = np.asarray(made.transform(X).values)
    assert len(asked) == n_made
    assert (values[0] == values[2]).all()
    late = fitted(f"{NAME}+eda")
    with pytest.raises(DeadlineExceeded):
        late.prepare(X, Deadline(0.0))
    with pytest.raises(DeadlineExceeded):
        late.transform(X)


def test_a_table_without_texts_and_a_backbone_for_pictures_are_refused() -> None:
    """Each message says what was expected."""
    X = pd.DataFrame({"age": [1.0]})
    with pytest.raises(UnreadableData, match="texts"):
        make_representation(f"tokens:{NAME}").fit(X, COLUMNS[1:], seed=0)
    with pytest.raises(InvalidRequest, match="for text"):
        ids_of(["a"], "efficientnet_lite0")


# Batches


def test_a_batch_is_as_short_as_its_longest_text() -> None:
    """Texts beyond the limit keep their last token, which says that they end."""
    ids = ids_of(["a b c d e f g h", "a"])
    assert trimmed(ids, 512).shape == (2, 10)
    cut = trimmed(ids, 6)
    assert cut.shape == (2, 6)
    assert cut[0].tolist() == [*ids[0, :5].tolist(), 1]
    assert cut[1].tolist() == [*ids[1, :3].tolist(), -1, -1, -1]
    assert trimmed(ids[1:], 6).shape == (1, 3)


def test_views_take_turns_and_predictions_see_the_plain_text() -> None:
    """The text itself comes first; where views are not asked for, they are not seen."""
    ids = ids_of(["a b", "c"], f"{NAME}+eda")
    net = make_net(replace(SETTINGS, augmentation="eda"), pretrained=False)
    feed = Tokens(ids, net, torch.Generator())
    rows = torch.tensor([0])
    turns = [feed.varied(rows, torch.tensor([turn]))[0].tolist() for turn in range(6)]
    plain = feed.plain(rows)[0].tolist()
    assert turns[0] == turns[5] == plain
    assert len({tuple(turn) for turn in turns}) == 5
    unvaried = Tokens(ids, make_net(SETTINGS, pretrained=False), torch.Generator())
    assert unvaried.varied(rows, torch.tensor([3]))[0].tolist() == plain
    assert [view.shape for view in feed.judged(torch.arange(2))] == [(2, 4)]


def test_predictions_come_in_the_order_of_the_rows() -> None:
    """Though texts of one length are predicted together."""
    net = make_net(SETTINGS, pretrained=True)
    ids = ids_of(texts(70)[0])
    found = predict(net, ids)
    for row in (0, 33, 69):
        np.testing.assert_allclose(found[row], predict(net, ids[row : row + 1])[0], atol=1e-6)
    assert predict(net, ids[:0]).shape == (0, 2)


# Stages


def test_an_encoder_says_itself_what_its_stages_are() -> None:
    """What comes before the first is at 0, what comes behind the last is as deep as that."""
    body = TinyLoader().build(None, pretrained=False, drop=0.0, drop_path=0.0)  # type: ignore[arg-type]
    stages = stages_of(body, NAME)
    assert [stage.path for stage in stages] == [("encoder", "layers", str(i)) for i in range(3)]
    found = depths(body, stages)
    assert found["encoder.words.weight"] == 0
    assert found["encoder.layers.1.first.weight"] == 2
    assert found["encoder.norm.weight"] == 3


# The loop


@pytest.mark.parametrize("adapter", ["none", "lora"])
@pytest.mark.parametrize("warm", [True, False])
def test_a_network_learns_which_word_matters(adapter: str, warm: bool) -> None:
    """On texts that it has not seen."""
    if adapter == "lora":
        pytest.importorskip("peft", reason="low-rank changes need the extra 'text'")
    settings = replace(
        SETTINGS, adapter=adapter, warm_head=warm, steps=60, learning_rate=1e-2, head_C=5.0
    )
    if adapter == "lora" and not warm:
        settings = replace(settings, steps=120)  # few weights, and a head that knows nothing
    net = train(settings, texts(64)[1])
    items, y = texts(40, seed=1)
    found = predict(net, ids_of(items))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert (found.argmax(axis=1) == y).mean() >= 0.8


def test_low_rank_changes_are_merged_and_change_linear_layers_alone() -> None:
    """The network has the names it had, and its words and norms are as they were."""
    pytest.importorskip("peft", reason="low-rank changes need the extra 'text'")
    before = make_net(SETTINGS, pretrained=True).state_dict()
    after = train(replace(SETTINGS, adapter="lora", rank=2), texts(16)[1]).state_dict()
    assert set(after) == set(before)
    changed = {n for n in before if n.startswith("body") and not torch.equal(before[n], after[n])}
    assert changed
    assert all("first.weight" in name or "second.weight" in name for name in changed)
    for name in changed:
        assert torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-3) <= 2


def test_only_the_last_stages_change() -> None:
    """With a third of three stages unfrozen, words and two stages are as they were."""
    before = make_net(SETTINGS, pretrained=True).state_dict()
    after = train(replace(SETTINGS, unfrozen=0.34, layer_decay=0.5), texts(16)[1]).state_dict()
    changed = {n for n in before if n.startswith("body") and not torch.equal(before[n], after[n])}
    assert {name.split("encoder.")[1].rpartition(".")[0].split(".f")[0] for name in changed} <= {
        "layers.2.norm",
        "layers.2",
        "layers.2.second",
        "norm",
    }


def test_the_same_seed_trains_the_same_network_and_batches_are_short() -> None:
    """Another seed trains another one; nothing longer than the longest text is looked at."""
    y = texts(24)[1]
    settings = replace(SETTINGS, steps=4, balance="sampling")
    first, second, third = (train(settings, y, seed) for seed in (0, 0, 1))
    one, two, three = (net.state_dict()["head.weight"] for net in (first, second, third))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    body: Any = first.body
    assert max(body.lengths) <= 14


def test_a_network_comes_back_from_a_folder(tmp_path: Path) -> None:
    """The same predictions to the last bit; altered files are refused."""
    net = train(replace(SETTINGS, steps=2), texts(8)[1])
    save_net(net, tmp_path)
    ids = ids_of(texts(5, seed=2)[0])
    np.testing.assert_array_equal(predict(load_net(tmp_path), ids), predict(net, ids))
    kept = (tmp_path / "net.json").read_text("utf-8")
    for text in (kept.replace('"texts"', '"songs"'), kept.replace("length", "width")):
        (tmp_path / "net.json").write_text(text, "utf-8")
        with pytest.raises(InvalidRun):
            load_net(tmp_path)


def test_a_step_is_timed_for_texts_and_maps_of_them_are_not_kept() -> None:
    """Seconds are positive; what is asked of texts that only pictures can do is a mistake of ours."""
    assert seconds_per_item(SETTINGS, 10) > 0
    with pytest.raises(TypeError, match="pictures"):
        make_net(SETTINGS, pretrained=False).split()
    wrong = PictureSettings(
        kind="classes",
        n_outputs=2,
        backbone="scratch:small_cnn:8",
        size=32,
        steps=1,
        learning_rate=1.0,
    )
    net, ids = make_net(wrong, pretrained=False), ids_of(["a"])
    with pytest.raises(TypeError, match="texts"):
        Tokens(ids, net, torch.Generator())


def test_the_first_head_is_firmer_where_there_are_more_classes() -> None:
    """The root of the number of classes: a head that says little of 77 classes was lost in tuning."""
    few, many = (replace(SETTINGS, kind="classes", n_outputs=n, head_C=0.4) for n in (4, 64))
    assert training._head_strength(few) == pytest.approx(0.8)
    assert training._head_strength(many) == pytest.approx(3.2)
    labels = replace(many, kind="labels")
    assert training._head_strength(labels) == pytest.approx(0.4 * 2**0.5)


def test_tokens_of_an_encoder_that_is_gone_come_back_without_its_weights(tmp_path: Path) -> None:
    """A saved run needs the user's tokeniser, and not the weights that the network was tuned from."""
    pytest.importorskip("transformers", reason="encoders need the extra 'text'")
    from pretrained import tiny_bert

    folder = tiny_bert(tmp_path / "tiny", sentence=True)
    X = pd.DataFrame({"text": ["where is the city", "who is the king"], "age": [1.0, 2.0]})
    made = make_representation(f"tokens:{folder}").fit(X, COLUMNS, seed=0)
    expected = np.asarray(made.transform(X).values)
    (tmp_path / "saved").mkdir()
    made.save(tmp_path / "saved")
    shutil.rmtree(folder)
    assert not list((tmp_path / "saved").rglob("*.safetensors"))
    again = TokensRepresentation.load(tmp_path / "saved").transform(X)
    np.testing.assert_array_equal(np.asarray(again.values), expected)


def test_a_network_of_an_encoder_that_is_gone_comes_back(tmp_path: Path) -> None:
    """The user's folder may be moved or deleted: what the encoder looks like is kept with its weights."""
    transformers = pytest.importorskip("transformers", reason="encoders need the extra 'text'")
    mine = tmp_path / "mine"
    with torch.random.fork_rng(devices=[]):
        config = transformers.BertConfig(
            vocab_size=60,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
        )
        transformers.BertModel(config).save_pretrained(mine)
    (mine / "tokenizer.json").write_text("{}", "utf-8")
    ids = np.full((6, 32), -1, dtype=np.int32)
    ids[:, :4] = np.arange(24).reshape(6, 4) % 50
    settings = replace(
        SETTINGS, backbone=str(mine), steps=2, longest=32, unfrozen=0.5, layer_decay=0.5
    )
    net = training.train(Examples(ids, np.arange(6) % 2), settings, 0, Deadline(None))[0]
    save_net(net, tmp_path)
    shutil.rmtree(mine)
    np.testing.assert_array_equal(predict(load_net(tmp_path), ids), predict(net, ids))
