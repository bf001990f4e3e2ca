"""Tuning an encoder on pairs: classes come together, the work is bounded, and a cut fit is still a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

pytest.importorskip("transformers", reason="encoders of texts need the extra 'text'")
pytest.importorskip("lightning_utilities", reason="networks need the extra 'vision'")

from pretrained import tiny_bert

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded
from advisor.fitting import fit_model, load_model
from advisor.nets import contrastive
from advisor.nets.answers import predict
from advisor.nets.contrastive import (
    EMBED_ROWS,
    Batches,
    PairSettings,
    label_matrix,
    overlap,
    pair_loss,
    train_on_pairs,
)
from advisor.nets.network import Headed
from advisor.nets.settings import TextSettings
from advisor.representation import make_representation
from advisor.space import load_space
from advisor.strategy import STRATEGIES, FitContext
from advisor.tables.columns import Column, ColumnKind, conform

WIDTH, LONGEST, N_WORDS = 24, 8, 40


class Encoder(nn.Module):
    """Mean of word vectors, and a layer; counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(N_WORDS, WIDTH)
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.fed: list[int] = []

    def forward(self, ids: Tensor) -> Tensor:
        """Embed a batch of ids, -1 behind the end."""
        self.fed.append(len(ids))
        there = (ids >= 0).unsqueeze(-1)
        vectors = self.embeddings(ids.clamp(min=0)) * there
        found: Tensor = self.layer(vectors.sum(dim=1) / there.sum(dim=1).clamp(min=1))
        return found


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> list[Encoder]:
    """Put a tiny encoder in the place of every backbone; lists those that were made."""
    made: list[Encoder] = []

    def make_net(settings: TextSettings, *, pretrained: bool) -> Headed:
        torch.manual_seed(1)  # "pretrained": the same weights every time
        made.append(Encoder())
        return Headed(made[-1], nn.Linear(WIDTH, settings.n_outputs), 0.0, settings)

    monkeypatch.setattr(contrastive, "make_net", make_net)
    return made


def texts(n_of_class: int, n_classes: int, seed: int = 0) -> tuple[NDArray[np.int32], NDArray]:
    """Draw token ids in which two words of eight tell the class; rows of different lengths."""
    draw = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_classes), n_of_class)
    ids = draw.integers(2 * n_classes, N_WORDS, (len(codes), LONGEST)).astype(np.int32)
    ids[:, :2] = 2 * codes[:, None] + draw.integers(0, 2, (len(codes), 2))
    for row, length in enumerate(draw.integers(3, LONGEST + 1, len(codes))):
        ids[row, length:] = -1
    return ids, codes


def settings(n_outputs: int, steps: int = 40, **changes: object) -> TextSettings:
    """Describe a short training."""
    given = {"kind": "classes", "learning_rate": 0.02, "batch": 12, "weight_decay": 0.0, **changes}
    return TextSettings(
        n_outputs=n_outputs,
        backbone="scratch:tiny:1",
        steps=steps,
        length=LONGEST,
        longest=LONGEST,
        **given,  # type: ignore[arg-type]
    )


def apartness(net: Headed, ids: NDArray[np.int32], codes: NDArray) -> float:
    """Tell how much closer rows of one class are than those of two."""
    with torch.no_grad():
        unit = nn.functional.normalize(net.body(torch.from_numpy(ids).long()), dim=1)
        cosines = (unit @ unit.T).numpy()
    same = codes[:, None] == codes[None, :]
    return float(cosines[same].mean() - cosines[~same].mean())


@pytest.mark.parametrize("loss", ["cosine", "contrast"])
def test_unseen_texts_of_one_class_come_together(encoders: list[Encoder], loss: str) -> None:
    """After tuning, classes lie further apart, and the head tells unseen rows better."""
    ids, codes = texts(8, 4)
    unseen, truth = texts(20, 4, seed=1)
    pairs = PairSettings(loss=loss)
    plain, _ = train_on_pairs(ids, codes, settings(4, steps=0), pairs, 0, Deadline(None))
    tuned, truncated = train_on_pairs(ids, codes, settings(4), pairs, 0, Deadline(None))
    assert not truncated
    assert apartness(tuned, unseen, truth) > 1.5 * apartness(plain, unseen, truth)
    right = [(predict(net, unseen).argmax(axis=1) == truth).mean() for net in (plain, tuned)]
    assert right[1] > max(right[0], 0.8)


def test_work_is_bounded_however_many_rows_there_are(
    encoders: list[Encoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """20,000 rows of 18 classes: every row is embedded twice, and pairs are those of the steps alone."""
    ids, codes = texts(1112, 18)
    ids, codes = ids[:20_000], codes[:20_000]
    sides: list[int] = []
    real = pair_loss

    def spy(embeddings: Tensor, shared: Tensor, loss: str) -> Tensor:
        sides.append(len(shared))
        return real(embeddings, shared, loss)

    monkeypatch.setattr(contrastive, "pair_loss", spy)
    steps, batch = 7, 24
    train_on_pairs(
        ids, codes, settings(18, steps=steps, batch=batch), PairSettings(), 0, Deadline(None)
    )
    assert len(sides) == steps
    assert max(sides) <= batch
    (encoder,) = encoders
    assert sum(encoder.fed) <= 2 * len(ids) + steps * batch
    assert max(encoder.fed) <= max(EMBED_ROWS, batch)


def test_rows_of_a_step_are_a_few_of_each_class_in_turn() -> None:
    """Six steps of three of nine classes hold every class twice, with four rows each or all that it has."""
    codes = np.array([0] * 500 + [1] * 2 + [2] + [c for c in range(3, 9) for _ in range(10)])
    batches = Batches(label_matrix(codes), 12, np.random.default_rng(0))
    drawn = [batches.next() for _ in range(6)]
    assert all(len(np.unique(codes[rows])) == 3 for rows in drawn)
    counts = np.bincount(codes[np.concatenate(drawn)], minlength=9)
    assert counts.tolist() == [8, 4, 2, 8, 8, 8, 8, 8, 8]
    again = Batches(label_matrix(codes), 12, np.random.default_rng(0))
    assert all(np.array_equal(rows, again.next()) for rows in drawn)


def test_overlap_is_the_share_of_labels_in_common() -> None:
    """Equal sets count one, also empty ones; classes count one or nothing."""
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 0]])
    shared = overlap(label_matrix(labels))
    assert shared[0].tolist() == [1.0, 0.5, 0.0, 0.0, 1.0]
    assert shared[2].tolist() == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert overlap(label_matrix(np.array([3, 5, 3]))).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize("loss", ["cosine", "contrast"])
def test_loss_is_lowest_where_classes_are_apart(loss: str) -> None:
    """Tidy embeddings cost less than mixed ones; the length of embeddings does not count."""
    shared = torch.tensor(overlap(label_matrix(np.array([0, 0, 1, 1]))))
    tidy = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    mixed = tidy[[0, 2, 1, 3]]
    assert pair_loss(tidy, shared, loss) < 0.1
    worse = pair_loss(mixed, shared, loss)
    assert worse > 10 * pair_loss(tidy, shared, loss)
    assert pair_loss(5 * mixed, shared, loss) == pytest.approx(float(worse))


@pytest.mark.parametrize("loss", ["cosine", "contrast"])
def test_steps_without_positive_pairs_do_no_harm(loss: str) -> None:
    """A row alone, or rows that have nothing in common, give a finite loss with finite gradients."""
    for codes in ([0], [0, 1, 2]):
        embeddings = torch.randn(len(codes), 4, generator=torch.Generator().manual_seed(0))
        embeddings.requires_grad_()
        shared = torch.tensor(overlap(label_matrix(np.array(codes))))
        found = pair_loss(embeddings, shared, loss)
        found.backward()  # type: ignore[no-untyped-call]
        assert embeddings.grad is not None
        assert torch.isfinite(found)
        assert torch.isfinite(embeddings.grad).all()


def test_several_labels_per_row_are_learned(encoders: list[Encoder]) -> None:
    """Each label gets a probability of its own, right for nearly all unseen rows."""
    (ids, codes), (unseen, truth) = texts(10, 4), texts(20, 4, seed=1)
    labels = np.stack([codes >= 2, codes % 2 == 1], axis=1).astype(np.int64)
    expected = np.stack([truth >= 2, truth % 2 == 1], axis=1)
    net, _ = train_on_pairs(
        ids,
        labels,
        settings(2, kind="labels"),
        PairSettings(),
        0,
        Deadline(None),
    )
    found = predict(net, unseen)
    assert ((found > 0.5) == expected).mean() > 0.8
    assert (found.sum(axis=1) > 1.2).any(), "labels do not exclude each other"


def test_tables_stay_as_they_were(encoders: list[Encoder]) -> None:
    """Words keep their vectors; layers learn. Afterwards nothing is frozen, so that all is saved alike."""
    ids, codes = texts(4, 3)
    net, _ = train_on_pairs(ids, codes, settings(3, steps=3), PairSettings(), 0, Deadline(None))
    torch.manual_seed(1)
    fresh = Encoder()
    assert torch.equal(fresh.embeddings.weight, encoders[0].embeddings.weight)
    assert not torch.equal(fresh.layer.weight, encoders[0].layer.weight)
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_same_seed_gives_the_same_network(encoders: list[Encoder]) -> None:
    """Pairs are drawn by the seed, and the global generator is left as it was."""
    ids, codes = texts(6, 3)
    torch.manual_seed(9)
    state = torch.get_rng_state()
    nets = [
        train_on_pairs(ids, codes, settings(3, steps=5), PairSettings(), seed, Deadline(None))[0]
        for seed in (3, 3, 4)
    ]
    assert torch.equal(torch.get_rng_state(), state)
    first, same, other = (net.body.layer.weight for net in nets)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


class _Counting(Deadline):
    """Passes after so many looks; ``left`` says what it is told to."""

    def __init__(self, looks: int, seconds: float) -> None:
        super().__init__(None)
        self.looks, self.seconds = looks, seconds

    def left(self) -> float:
        return self.seconds

    def passed(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def test_no_time_for_a_first_head_is_no_model(encoders: list[Encoder]) -> None:
    """Nothing is usable before the rows were embedded once."""
    ids, codes = texts(4, 3)
    with pytest.raises(DeadlineExceeded):
        train_on_pairs(ids, codes, settings(3), PairSettings(), 0, Deadline(0.0))


def test_no_time_for_steps_leaves_a_head_on_the_encoder_as_it_came(
    encoders: list[Encoder],
) -> None:
    """The model is usable, and says that it was cut."""
    ids, codes = texts(8, 3)
    given = _Counting(looks=10, seconds=0.0)
    net, truncated = train_on_pairs(ids, codes, settings(3), PairSettings(), 0, given)
    plain, _ = train_on_pairs(ids, codes, settings(3, steps=0), PairSettings(), 0, Deadline(None))
    assert truncated
    assert np.allclose(predict(net, ids), predict(plain, ids), atol=1e-5)


def test_no_time_for_the_last_embeddings_goes_back_to_the_first_head(
    encoders: list[Encoder],
) -> None:
    """A tuned encoder with a head for an untuned one would be wrong: both are as at first."""
    ids, codes = texts(8, 3)
    given = _Counting(looks=1, seconds=1e6)  # enough for the first head, not for the last
    net, truncated = train_on_pairs(ids, codes, settings(3, steps=5), PairSettings(), 0, given)
    plain, _ = train_on_pairs(ids, codes, settings(3, steps=0), PairSettings(), 0, Deadline(None))
    assert truncated
    assert len(encoders[0].fed) == 1 + 5
    assert np.allclose(predict(net, ids), predict(plain, ids), atol=1e-5)


@pytest.fixture(scope="module")
def sentence_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Save a tiny sentence encoder; its name is its folder."""
    return str(tiny_bert(tmp_path_factory.mktemp("hub") / "tiny", sentence=True))


QUESTIONS = [
    *("where is the city", "where is the river", "what river is in this city"),
    *("who is the king", "who is this man", "what woman is it"),
    *("how many year", "how long did it play", "how many film was it"),
]
"""Three of each of three kinds."""


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.MULTILABEL])
def test_saved_model_predicts_the_same(sentence_encoder: str, task: Task, tmp_path: Path) -> None:
    """Texts to tokens to a network to a folder, and back without the encoder it was tuned from."""
    codes = np.repeat(np.arange(3), 3)
    y = {
        Task.BINARY: (codes > 0).astype(np.int64),
        Task.MULTICLASS: codes,
        Task.MULTILABEL: np.stack([codes > 0, codes < 2], axis=1).astype(np.int8),
    }[task]
    n_outputs = y.shape[1] if y.ndim == 2 else len(np.unique(y))
    space = load_space("contrastive", "text_few_shot", {"backbones": (sentence_encoder,)}, task)
    params = space.complete({"steps": 3, "length": 16, "seeds": 2})
    strategy = STRATEGIES["contrastive"]
    schema = [Column(name="text", kind=ColumnKind.TEXT)]
    frame = conform(pd.DataFrame({"text": [*QUESTIONS[:-1], None]}), schema)
    cut = make_representation(strategy.representation(params)).fit(frame, schema, 0)
    X = cut.transform(frame)
    context = FitContext(task, n_outputs, X.info, seed=0)
    model = fit_model(strategy, params, context, X, y, Deadline(None))
    expected = model.predict(X.values)
    assert expected.shape == (9, n_outputs)
    assert not model.truncated
    model.save(tmp_path)
    again = load_model(strategy, tmp_path, context)
    assert np.allclose(again.predict(X.values), expected, atol=1e-6)
    assert strategy.cost(100, 1, n_outputs, params) > strategy.cost(20, 1, n_outputs, params)


def test_cost_hardly_grows_with_rows(sentence_encoder: str) -> None:
    """A thousand times the rows costs as many steps: what grows is the embedding of the rows."""
    space = load_space("contrastive", "text_ample", {"backbones": (sentence_encoder,)}, Task.BINARY)
    strategy, params = STRATEGIES["contrastive"], space.defaults()
    assert strategy.cost(20_000, 1, 2, params) < 20 * strategy.cost(100, 1, 2, params)
