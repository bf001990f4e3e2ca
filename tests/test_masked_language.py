"""Adapting a base language model to a pool: it learns, goes on after a kill, is done once, and reads nothing judged."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pretrained import tiny_bert, tiny_roberta

pytest.importorskip("transformers", reason="encoders of texts need the extra 'text'")
pytest.importorskip("lightning_utilities", reason="networks need the extra 'vision'")

from advisor.adaptation import Progress
from advisor.backbone import TextCard, find_backbone
from advisor.backbones.engines import masked_language
from advisor.backbones.engines.adapting import REPORT, STATE, sole_adapter
from advisor.backbones.engines.masked_language import PLACE, AdaptSettings, adapt
from advisor.cache import FOLDER_VARIABLE
from advisor.dataset import Dataset, Modality, Task
from advisor.deadline import Deadline
from advisor.division import plan_for
from advisor.embedding import embed
from advisor.errors import DeadlineExceeded, InvalidRequest
from advisor.fitting import fit_model, load_model
from advisor.representation import FeatureInfo
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext
from advisor.tables.columns import Column, ColumnKind, conform
from advisor.torchvision_cure import require_cured
from advisor.workspace import Workspace

SHORT = AdaptSettings(most_steps=10, batch=16, learning_rate=1e-2, longest=16)


def card_of(folder: Path, *, sentence: bool = False) -> TextCard:
    """Make the card of a model in a folder."""
    return TextCard(
        name=f"tiny@{folder}",
        loader="text_encoder",
        source="tiny",
        weights=f"file:{folder}",
        width=16,
        parameters=0.1,
        multiply_adds=0.001,
        pretraining="none",
        licence="none",
        reference="made here",
        longest=64,
        sentence=sentence,
    )


def pool() -> list[str]:
    """Write texts in which one word tells the next."""
    draw = np.random.default_rng(0)
    pairs = [("the", "film"), ("a", "story"), ("good", "man"), ("bad", "river"), ("was", "long")]
    return [
        " ".join(word for i in draw.integers(0, len(pairs), 6) for word in pairs[i])
        for _ in range(100)
    ]


@pytest.fixture
def bert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a tiny BERT, and a cache of its own."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(masked_language, "usable_cores", lambda: 1)  # other tests may want them
    return tiny_bert(tmp_path / "bert")


def adapted(bert: Path, deadline: Deadline | None = None, **options: Any) -> Path:
    """Adapt it to the pool with few steps."""
    return adapt(
        card_of(bert),
        bert,
        "f" * 64,
        pool(),
        deadline or Deadline(None),
        0,
        settings=SHORT,
        **options,
    )


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    """Read the weights of a saved model."""
    safetensors = require_cured("safetensors.torch")
    found: dict[str, torch.Tensor] = safetensors.load_file(folder / "model.safetensors")
    return found


class _Killed(Exception):
    """Stands for whatever ends a process between two steps."""


def test_loss_on_held_out_texts_goes_down_and_the_best_is_kept(bert: Path) -> None:
    """Masked words of a repetitive pool are guessed better than before; what is saved is what was best."""
    told = json.loads((adapted(bert) / REPORT).read_text("utf-8"))
    losses = told["losses"]
    assert min(losses) < 0.8 * losses[0]
    assert told["held_out"] >= 1
    assert told["held_out"] < told["texts"] <= 100


def test_adapted_model_opens_as_the_base_model_does(bert: Path) -> None:
    """Its folder holds tokeniser, configuration and weights."""
    folder = adapted(bert)
    transformers = require_cured("transformers")
    ids = transformers.AutoTokenizer.from_pretrained(folder)("the film was")["input_ids"]
    assert ids == transformers.AutoTokenizer.from_pretrained(bert)("the film was")["input_ids"]
    before, after = (transformers.AutoModel.from_pretrained(f) for f in (bert, folder))
    state = after.state_dict()
    moved = [name for name, value in before.state_dict().items() if not value.equal(state[name])]
    assert "encoder.layer.0.attention.self.query.weight" in moved


def test_going_on_after_an_end_in_the_middle_gives_the_same_weights(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was ended, and one that ran out of time, end where one in a piece does."""
    whole = weights_of(adapted(bert))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "other"))

    def end(progress: Progress) -> None:
        if progress.step >= 5:
            raise _Killed

    with pytest.raises(_Killed):
        adapted(bert, tell=end)
    with pytest.raises(DeadlineExceeded, match="goes on from there"):
        adapted(bert, Deadline(0.0))
    begun: list[int] = []
    parts = weights_of(adapted(bert, tell=lambda progress: begun.append(progress.step)))
    assert begun[0] > 1, "it began anew"
    assert parts.keys() == whole.keys()
    assert all(torch.allclose(parts[name], whole[name], atol=1e-5) for name in whole)
    assert not list((tmp_path / "other" / PLACE).glob("*.part"))


def test_same_pool_is_adapted_to_once(bert: Path) -> None:
    """The second call, with the texts in another order, finds the first one's result without training."""
    first = adapted(bert)
    called: list[Progress] = []
    again = adapt(
        card_of(bert),
        bert,
        "f" * 64,
        [*reversed(pool()), " "],
        Deadline(0.0),
        0,
        settings=SHORT,
        tell=called.append,
    )
    assert again == first
    assert not called


def test_two_that_begin_at_once_are_one_adaptation(bert: Path, tmp_path: Path) -> None:
    """The second waits and finds what the first has made; neither stands in the other's way."""
    steps: list[int] = []

    def begin(_: int) -> Path:
        return adapted(bert, tell=lambda progress: steps.append(progress.step))

    with ThreadPoolExecutor(2) as both:
        first, second = both.map(begin, range(2))
    assert first == second
    assert steps == sorted(steps), "both were at work"
    assert weights_of(first)
    assert not list((tmp_path / "cache" / PLACE).glob("*.part"))


def test_waiting_for_another_process_ends_with_the_deadline(bert: Path) -> None:
    """What it is at work on is said; a place that is free again is taken."""
    place = adapted(bert)
    shutil.rmtree(place)
    with (
        sole_adapter(place, Deadline(None)),
        pytest.raises(DeadlineExceeded, match="another process"),
    ):
        adapted(bert, Deadline(0.2))
    assert weights_of(adapted(bert))


def test_other_pool_weights_or_settings_have_results_of_their_own(bert: Path) -> None:
    """Nothing is found that was learned from something else."""
    first = adapted(bert)
    quick = AdaptSettings(most_steps=1, batch=4)
    others = [
        adapt(card_of(bert), bert, "e" * 64, pool(), Deadline(None), 0, settings=quick),
        adapt(card_of(bert), bert, "f" * 64, pool()[:80], Deadline(None), 0, settings=quick),
        adapt(card_of(bert), bert, "f" * 64, pool()[:80], Deadline(None), 1, settings=quick),
    ]
    assert len({first, *others}) == 4


def test_damaged_checkpoint_is_begun_anew(bert: Path, tmp_path: Path) -> None:
    """A file that was cut off is no reason to fail."""
    with pytest.raises(DeadlineExceeded):
        adapted(bert, Deadline(0.0))
    (state,) = (tmp_path / "cache" / PLACE).glob(f"*.part/{STATE}")
    state.write_bytes(state.read_bytes()[:100])
    assert (adapted(bert) / REPORT).is_file()


def test_sentence_encoder_is_refused(bert: Path) -> None:
    """It says why, and what to pass instead."""
    with pytest.raises(InvalidRequest, match=r"sentence encoder .* destroys .* base model"):
        adapt(card_of(bert, sentence=True), bert, "f" * 64, pool(), Deadline(None), 0)


def test_no_more_texts_are_cut_into_tokens_than_may_be_read(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool of millions takes no longer than the steps need."""
    monkeypatch.setattr(masked_language, "MOST_HELD", 5)
    quick = AdaptSettings(most_steps=2, batch=4, longest=16)
    place = adapt(card_of(bert), bert, "f" * 64, pool(), Deadline(None), 0, settings=quick)
    assert json.loads((place / REPORT).read_text("utf-8"))["texts"] == 5 + 2 * 4


def test_too_few_texts_are_refused(bert: Path) -> None:
    """Repeated and empty ones do not count."""
    with pytest.raises(InvalidRequest, match="got 2"):
        adapt(card_of(bert), bert, "f" * 64, ["the film", "a story", ""] * 50, Deadline(None), 0)


def test_weights_in_half_precision_are_trained_in_full(bert: Path) -> None:
    """What they become is finite, and guesses better than before."""
    transformers = require_cured("transformers")
    half = transformers.AutoModelForMaskedLM.from_pretrained(bert, dtype=torch.float16)
    half.save_pretrained(bert)
    assert {value.dtype for value in weights_of(bert).values()} == {torch.float16}
    place = adapted(bert)
    assert all(bool(torch.isfinite(value).all()) for value in weights_of(place).values())
    losses = json.loads((place / REPORT).read_text("utf-8"))["losses"]
    assert min(losses) < 0.8 * losses[0]


def test_loss_that_is_no_number_ends_it_with_a_word(bert: Path) -> None:
    """Neither the start nor what is spoilt is handed over as adapted."""
    safetensors = require_cured("safetensors.torch")
    state = {name: value.fill_(torch.nan) for name, value in weights_of(bert).items()}
    safetensors.save_file(state, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InvalidRequest, match="got nan at step 0"):
        adapted(bert)


def test_generator_and_threads_are_left_as_they_were(bert: Path) -> None:
    """Adapting changes nothing for what is random elsewhere."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    adapted(bert)
    assert torch.rand(1).equal(expected)
    assert torch.get_num_threads() == threads


def test_roberta_is_adapted_too(tmp_path: Path, bert: Path) -> None:
    """Another family, another tokeniser."""
    folder = tiny_roberta(tmp_path / "roberta")
    quick = AdaptSettings(most_steps=2, batch=4, longest=32)
    place = adapt(card_of(folder), folder, "r" * 64, pool(), Deadline(None), 0, settings=quick)
    assert (place / "config.json").is_file()


def text_dataset(tmp_path: Path, unlabelled: list[str], test: list[str]) -> Dataset:
    """Put twelve labelled texts, a pool and a test split together."""
    columns = (Column(name="text", kind=ColumnKind.TEXT),)

    def frame(texts: list[str]) -> pd.DataFrame:
        return conform(pd.DataFrame({"text": texts}), columns)

    return Dataset(
        name="films",
        modality=Modality.TEXT,
        task=Task.BINARY,
        X=frame([f"{word} film {i}" for word in ("good", "bad") for i in range(6)]),
        y=np.repeat(np.arange(2), 6),
        columns=columns,
        classes=("bad", "good"),
        targets=("label",),
        X_unlabelled=frame(unlabelled) if unlabelled else None,
        X_test=frame(test) if test else None,
        fingerprint="0" * 64,
    )


def workspace_of(folder: Path, dataset: Dataset) -> Workspace:
    """Write it into a workspace of three folds."""
    return Workspace.create(folder, dataset, plan_for(dataset, 0), "accuracy", 0)


def test_pool_of_a_workspace_holds_no_text_that_is_judged(tmp_path: Path) -> None:
    """Labelled and test texts are left out, whatever their case and spacing; so are empty ones."""
    dataset = text_dataset(
        tmp_path, ["Good  FILM 1", "long story", "the king ", "", "the river"], ["The King"]
    )
    workspace = workspace_of(tmp_path / "work", dataset)
    assert workspace.pool is not None
    assert workspace.pool["text"].tolist() == ["long story", "the river"]
    again = workspace_of(tmp_path / "work", text_dataset(tmp_path, ["bad film 3"], []))
    assert again.pool is None, "the pool of other data was left behind"


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapt in three steps."""
    quick = AdaptSettings(most_steps=3, batch=8, learning_rate=1e-2, longest=16)
    monkeypatch.setattr(masked_language, "AdaptSettings", lambda: quick)


def test_strategy_is_trained_from_the_adapted_model(
    bert: Path, few_steps: None, tmp_path: Path
) -> None:
    """Adapted before the folds, named by the features, fine-tuned, saved, and read without base or pool."""
    workspace = workspace_of(tmp_path / "work", text_dataset(tmp_path, pool(), []))
    space = load_space(
        "adapted_finetune", "text_few_shot", {"base_models": (str(bert),)}, Task.BINARY
    )
    params = space.complete({"steps": 2, "length": 16, "seeds": 1})
    strategy = STRATEGIES["adapted_finetune"]
    name = strategy.representation(params)
    workspace.prepare(name, Deadline(None))
    features = workspace.features(0, name)
    source = features.train.info.source
    card = find_backbone(source)
    assert card.path is not None
    assert (card.path / REPORT).is_file()
    assert np.isfinite(embed(["the film"], source)).all()
    y = workspace.y[workspace.fold(0).train]
    context = FitContext(Task.BINARY, 2, features.train.info, seed=0)
    model = fit_model(strategy, params, context, features.train, y, Deadline(None))
    expected = model.predict(features.valid.values)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(bert)
    again = load_model(strategy, tmp_path / "model", context)
    assert np.allclose(again.predict(features.valid.values), expected, atol=1e-6)


def test_without_a_pool_there_is_nothing_to_train_from(bert: Path, tmp_path: Path) -> None:
    """Neither preparing nor building falls back to the model as it came."""
    workspace = workspace_of(tmp_path / "work", text_dataset(tmp_path, [], []))
    with pytest.raises(InvalidRequest, match="unlabelled texts"):
        workspace.prepare(f"adapted_tokens:{bert}", Deadline(None))
    context = FitContext(Task.BINARY, 2, FeatureInfo(names=("plain",)), seed=0)
    with pytest.raises(InvalidRequest, match="adapted to a pool"):
        STRATEGIES["adapted_finetune"].build({"backbone": str(bert)}, context)
