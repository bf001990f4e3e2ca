"""Texts → embeddings: plain transformers' numbers, in the order of the texts, from any folder that says what it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pretrained import as_sentence_encoder, rewrite_weights, tiny_bert, tiny_marian, tiny_roberta

from advisor.backbone import LOADERS, TextCard, as_card, find_backbone, missing_for
from advisor.backbones.engines.text_engines import OpenVinoTexts, TorchTexts
from advisor.backbones.engines.text_network import Skipping, build_text
from advisor.backbones.engines.text_tokens import as_rows, ids_of
from advisor.backbones.text_encoder import TextEncoderLoader
from advisor.cache import ArrayCache
from advisor.deadline import Deadline
from advisor.embedding import embed
from advisor.errors import DeadlineExceeded, InvalidRequest, InvalidRun, MissingDependency
from advisor.torchvision_cure import require_cured

TEXTS = [
    "Who was the king of this city?",
    "",
    "a good film",
    "bad, boring story " * 40,
    "a good film",
    "   ",
    "What is the long-term rate of a bank loan in wheat trade?",
]

FILLED = [0, 2, 3, 4, 6]

LOADER = TextEncoderLoader()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base language model."""
    return tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence encoder."""
    return tiny_bert(tmp_path_factory.mktemp("sentences"), sentence=True)


def plainly(folder: Path, texts: list[str], pooling: str, unit: bool, longest: int) -> np.ndarray:
    """What transformers itself gives, text by text."""
    transformers = require_cured("transformers", extra="text")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    net = transformers.AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        batch = tokenizer([text], truncation=True, max_length=longest, return_tensors="pt")
        with torch.inference_mode():
            states = net(**batch).last_hidden_state[0]
        pooled = {"mean": states.mean(0), "cls": states[0], "max": states.max(0).values}[pooling]
        rows.append((pooled / pooled.norm() if unit else pooled).numpy())
    return np.stack(rows)


def card_in(folder: Path) -> TextCard:
    """The card of a folder."""
    return as_card(find_backbone(str(folder)), TextCard)


@pytest.mark.parametrize(("pooling", "unit"), [("mean", True), ("cls", False), ("max", True)])
def test_embeddings_are_those_of_plain_transformers(
    pooling: str, unit: bool, tmp_path: Path
) -> None:
    """However they are pooled; texts without words are NaN, and every row is where its text is."""
    folder = tiny_bert(tmp_path / "net")
    as_sentence_encoder(folder, 16, how=pooling, unit=unit)
    card = card_in(folder)
    assert (card.pooling, card.normalised, card.longest, card.sentence) == (pooling, unit, 48, True)
    found = embed(TEXTS, str(folder), threads=1)
    assert np.isnan(found[[1, 5]]).all()
    expected = plainly(folder, [TEXTS[i] for i in FILLED], pooling, unit, 48)
    np.testing.assert_allclose(found[FILLED], expected, atol=1e-4)


def test_a_base_model_is_averaged(tmp_path: Path) -> None:
    """Also RoBERTa, whose positions begin behind the padding's."""
    folder = tiny_roberta(tmp_path / "net")
    card = card_in(folder)
    assert (card.pooling, card.normalised, card.longest, card.sentence) == (
        "mean",
        False,
        64,
        False,
    )
    found = embed(TEXTS, str(folder), threads=1)
    expected = plainly(folder, [TEXTS[i] for i in FILLED], "mean", False, 64)
    np.testing.assert_allclose(found[FILLED], expected, atol=1e-4)


def test_encoder_written_anew_is_read_anew(tmp_path: Path) -> None:
    """Neither the weights nor the tokeniser that were opened before embed under the new ones' name."""
    folder = tiny_bert(tmp_path / "net")
    texts = [TEXTS[i] for i in FILLED]
    before = embed(texts, str(folder), threads=1)
    rewrite_weights(folder / "model.safetensors")
    after = embed(texts, str(folder), threads=1)
    assert not np.allclose(after, before, atol=1e-3)
    np.testing.assert_allclose(after, plainly(folder, texts, "mean", False, 64), atol=1e-4)
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace('"lowercase": true', '"lowercase": false'))
    large, small = ids_of(folder, ["The film", "the film"], 9)
    assert large != small


def test_the_embedded_encoder_gives_what_transformers_gives() -> None:
    """MiniLM, from its package; to 1e-3 and far better."""
    card = as_card(find_backbone("all_minilm_l6_v2"), TextCard)
    folder = LOADER._need(card)
    texts = ["a good film", "Who was the king of this city?"]
    found = embed(texts, "sentence-transformers/all-MiniLM-L6-v2", threads=1)
    np.testing.assert_allclose(found, plainly(folder, texts, "mean", True, 256), atol=1e-4)


def test_engines_agree(sentences: Path, tmp_path: Path) -> None:
    """OpenVINO, fresh or from the cache, gives torch's embeddings for any number and length of texts."""
    pytest.importorskip("openvino")
    card, cache = card_in(sentences), ArrayCache(tmp_path / "cache")
    batches = [
        as_rows(ids_of(sentences, [TEXTS[i] for i in some], 48)) for some in ([0, 2], [3], [6])
    ]
    expected = TorchTexts(card, sentences, 1)(batches, Deadline(None))
    for _ in range(2):
        found = OpenVinoTexts(card, sentences, 2, cache)(batches, Deadline(None))
        for one, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, wanted, atol=1e-5)


def test_many_texts_come_back_in_their_order(sentences: Path) -> None:
    """Sorted and cut into pieces inside, in the order of the texts outside; each batch as soon as it is there."""
    words = ["film", "city", "bank", "very", "good"]
    texts = [" ".join(words[: 1 + i % 5]) + f" {i % 90}" for i in range(700)]
    card = card_in(sentences)
    batches = list(LOADER.embed(card, texts, view="plain", threads=1, deadline=Deadline(None)))
    assert len(batches) > 1
    some = [0, 1, 89, 511, 512, 699]
    expected = plainly(sentences, [texts[i] for i in some], "mean", True, 48)
    np.testing.assert_allclose(np.vstack(batches)[some], expected, atol=1e-4)


def test_a_deadline_stops(sentences: Path) -> None:
    """Before the first text, and in front of a translation as well."""
    with pytest.raises(DeadlineExceeded):
        next(LOADER.embed(card_in(sentences), TEXTS, view="plain", threads=1, deadline=Deadline(0)))


def test_tokens_are_absent_behind_the_end(bert: Path) -> None:
    """Of any length that is asked for, also beyond what the encoder reads."""
    card = card_in(bert)
    found = LOADER.tokens(card, ["a film", "", "good " * 90], 80)
    assert (found.shape, found.dtype) == ((3, 80), np.dtype(np.int32))
    assert (found >= 0).sum(axis=1).tolist() == [4, 2, 80]


def test_the_prefix_stands_before_every_text(bert: Path) -> None:
    """In embeddings and tokens alike."""
    card = card_in(bert).model_copy(update={"prefix": "film: "})
    assert (
        LOADER.tokens(card, ["good"], 9) == LOADER.tokens(card_in(bert), ["film: good"], 9)
    ).all()


def test_the_module_trains_and_says_its_stages(sentences: Path) -> None:
    """Ids to pooled outputs of any length, embeddings first, then the layers; rows without a token are no NaN."""
    card = card_in(sentences)
    net = LOADER.build(card, pretrained=True, drop=0.0, drop_path=0.0)
    assert (len(net.stages), net.width) == (3, 16)
    ids = torch.from_numpy(LOADER.tokens(card, [TEXTS[i] for i in FILLED], 48).astype(np.int64))
    np.testing.assert_allclose(
        net(ids).detach().numpy(), embed([TEXTS[i] for i in FILLED], card.name), atol=1e-4
    )
    empty = torch.full((2, 7), -1)
    net.train()(empty).sum().backward()
    gradients = [p.grad for p in net.stages[-1].parameters()]
    assert all(one is not None and torch.isfinite(one).all() for one in gradients)
    assert LOADER.fold(net) is net


def test_rates_of_dropout_reach_the_encoder(bert: Path) -> None:
    """Both kinds act in training only, and skipping a layer gives what went in."""
    card = card_in(bert)
    ids = torch.from_numpy(LOADER.tokens(card, TEXTS[:1], 20).astype(np.int64))
    for drops in ({"drop": 0.5, "drop_path": 0.0}, {"drop": 0.0, "drop_path": 0.9}):
        net = build_text(card, bert, pretrained=True, **drops)
        assert torch.equal(net(ids), net(ids))
        net.train()
        torch.manual_seed(0)
        assert len({float(net(ids).detach().sum()) for _ in range(6)}) > 1
    layer = torch.nn.Linear(2, 2).train()
    given = torch.ones(3, 4, 2)
    assert torch.equal(Skipping(1.0)(layer, (given,), (given * 2, "rest"))[0], given)


def test_random_weights_are_not_those_of_the_file(bert: Path) -> None:
    """What is loaded afterwards decides."""
    card = card_in(bert)
    ids = torch.tensor([[2, 9, 3]])
    random = LOADER.build(card, pretrained=False, drop=0.0, drop_path=0.0)
    loaded = LOADER.build(card, pretrained=True, drop=0.0, drop_path=0.0)
    assert not torch.allclose(random(ids), loaded(ids))


@pytest.mark.parametrize("lost", ["model.safetensors", "tokenizer.json"])
def test_a_folder_that_lacks_something_is_refused(lost: str, tmp_path: Path) -> None:
    """By its path in the name, or behind the name of a card; the message says what is missing."""
    folder = tiny_bert(tmp_path / "net")
    (folder / lost).unlink()
    with pytest.raises(InvalidRequest, match=r"without (weights|a tokeniser)"):
        find_backbone(str(folder))
    told = missing_for(f"bert-base-uncased@{folder}")
    assert str(folder) in told


def test_a_folder_of_another_model_is_refused(bert: Path) -> None:
    """Its width is not the card's."""
    card = find_backbone(f"bert-base-uncased@{bert}")
    with pytest.raises(InvalidRun, match="expected embeddings of 768 numbers"):
        LOADER.build(card, pretrained=True, drop=0.0, drop_path=0.0)


def test_weights_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    """Random numbers are never taken for missing ones."""
    folder = tiny_bert(tmp_path / "net", layers=1)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    with pytest.raises(InvalidRun, match="missing tensors"):
        LOADER.build(card_in(folder), pretrained=True, drop=0.0, drop_path=0.0)


def test_a_pooling_that_is_not_known_is_refused(tmp_path: Path) -> None:
    """And so is a layer behind it."""
    folder = tiny_bert(tmp_path / "net", sentence=True)
    said = folder / "1_Pooling" / "config.json"
    said.write_text(json.dumps({"pooling_mode_lasttoken": True}))
    with pytest.raises(InvalidRequest, match="lasttoken"):
        find_backbone(str(folder))
    modules = json.loads((folder / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.Dense"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InvalidRequest, match="'Dense'"):
        find_backbone(str(folder))


def test_a_name_of_the_hub_finds_our_card_or_waits_for_a_download() -> None:
    """Looking for it downloads nothing; names of models that hear belong to others."""
    assert find_backbone("google-bert/bert-base-uncased").width == 768
    waiting = find_backbone("nobody/no-such-encoder")
    assert (waiting.width, waiting.weights) == (0, "hub:nobody/no-such-encoder")
    assert "not on this machine" in missing_for("nobody/no-such-encoder")
    assert LOADER.card_of("openai/whisper-base") is None


def test_views_reach_the_embeddings(sentences: Path) -> None:
    """Neighbours of words stand in for a dictionary, and a view is the embedding of what it says."""
    card = card_in(sentences)
    text = "the king of the city was a very good man, and the film was funny"
    swapped = LOADER.varied(card, [text], "eda3", Deadline(None))
    assert swapped != [text]
    np.testing.assert_array_equal(
        embed([text], card.name, view="eda3", threads=1), embed(swapped, card.name, threads=1)
    )


def test_neighbours_are_near_in_meaning() -> None:
    """In MiniLM's table; never the word itself or a form of it."""
    from advisor.backbones.engines.text_neighbours import Neighbours

    near = Neighbours(LOADER._need(find_backbone("all_minilm_l6_v2")))
    assert {"great", "bad", "excellent", "nice", "better", "decent"} & set(near("good"))
    assert "films" not in near("film")
    assert near("film")
    assert near("qwertyuiop") == ()


def test_translation_goes_there_and_back(tmp_path: Path) -> None:
    """By two models of the user; the same text has the same translation in any company."""
    there, back = tiny_marian(tmp_path / "there"), tiny_marian(tmp_path / "back")
    view = f"translation2:{there},{back}"
    card = as_card(find_backbone("all_minilm_l6_v2"), TextCard)
    both = LOADER.varied(card, ["the film was good", "what is the rate"], view, Deadline(None))
    alone = LOADER.varied(card, ["what is the rate"], view, Deadline(None))
    assert both[1:] == alone
    assert both[0] != "the film was good"


def test_translation_without_models_says_what_to_do() -> None:
    """The usual pair is named, and how to name another."""
    card = as_card(find_backbone("all_minilm_l6_v2"), TextCard)
    with pytest.raises(MissingDependency, match=r"opus-mt-en-de.*REGIME_ADVISOR_TRANSLATION"):
        LOADER.varied(card, ["a film"], "translation1", Deadline(None))


def test_what_is_cached_needs_no_torch(sentences: Path, tmp_path: Path) -> None:
    """A second process embeds other texts with the converted network alone, and ends well."""
    pytest.importorskip("openvino")
    own = os.environ | {"REGIME_ADVISOR_CACHE": str(tmp_path)}
    script = (
        "import sys; from advisor.embedding import embed\n"
        "print(embed([sys.argv[2]], sys.argv[1], threads=2).shape, 'torch' in sys.modules)\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script, str(sentences), text],
            capture_output=True, text=True, check=True, timeout=120, env=own,
        ).stdout.strip()
        for text in ("a film", "a city")
    ]  # fmt: skip
    assert told == ["(1, 16) True", "(1, 16) False"]


def test_the_loader_is_registered() -> None:
    """Under the name that cards have."""
    assert LOADERS["text_encoder"].engine() in ("cuda", "openvino", "torch")
