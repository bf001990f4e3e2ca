"""Heads on frozen features, and the representations that bring these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pictures import as_bytes, draw, put
from sklearn.linear_model import Ridge

from advisor import embedding
from advisor.backbone import TextCard
from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.fitting import fit_model, load_model
from advisor.parameter import ParamValue
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features, make_representation
from advisor.representations.embedding import EmbeddingRepresentation
from advisor.representations.views import N_VIEWS, views_of
from advisor.space import load_space
from advisor.strategies.closed_form import CentroidHead, RidgeHead, find_sureness
from advisor.strategies.heads import HeadModel
from advisor.strategy import STRATEGIES, FitContext
from advisor.tables.columns import Column, ColumnKind
from advisor.tasks import Modality

PICTURES = [Column(name="picture", kind=ColumnKind.IMAGE)]
CONTEXT = FitContext(task=Task.MULTICLASS, n_outputs=3, info=FeatureInfo(names=()), seed=0)


def clusters(each: int, seed: int = 0, width: int = 40) -> tuple[Features, NDArray[np.int64]]:
    """Three classes of numbers from zero up, further apart than their noise."""
    draw_numbers = np.random.default_rng(seed)
    centres = np.random.default_rng(99).gamma(1.0, size=(3, width))
    y = np.repeat(np.arange(3), each)
    values = centres[y] * draw_numbers.gamma(4.0, 0.25, size=(3 * each, width))
    return Features(values.astype(np.float32), FeatureInfo(names=tuple(map(str, range(width))))), y


def params(
    name: str = "linear_probe", task: Task = Task.MULTICLASS, **values: ParamValue
) -> dict[str, ParamValue]:
    """A configuration: the defaults but for some values."""
    return load_space(name, "image", {}, task).complete(values)


@pytest.mark.parametrize("scaling", ["power", "length"])
@pytest.mark.parametrize("head", ["logistic", "ridge", "centroid", "svm"])
def test_every_head_learns_from_five_a_class(head: str, scaling: str) -> None:
    """On rows not seen in training, with honest probabilities."""
    X, y = clusters(5)
    new, truth = clusters(40, seed=1)
    chosen = params(head=head, scaling=scaling)
    model = fit_model(STRATEGIES["linear_probe"], chosen, CONTEXT, X, y, Deadline(None))
    found = model.predict(new.values)
    assert (found.argmax(axis=1) == truth).mean() > 0.9
    assert -np.log(found[np.arange(len(truth)), truth]).mean() < 0.6


@pytest.mark.parametrize("n", [2, 3])
def test_a_kernel_machine_learns_from_one_row_of_each_class(n: int) -> None:
    """There is nothing to hold out for calibration, and still a prediction."""
    task = Task.BINARY if n == 2 else Task.MULTICLASS
    info = FeatureInfo(names=("a", "b"))
    X = Features(np.eye(n, 2), info)
    chosen = {"C": 3.0, "gamma": 0.6, "class_weight": "none"}
    model = HeadModel("svm", chosen, "length", FitContext(task, n, info, seed=0))
    found = model.fit(X, np.arange(n), Deadline(None)).predict(X.values)
    assert found.argmax(axis=1).tolist() == list(range(n))


def test_the_scale_of_features_means_nothing() -> None:
    """Backbones differ by orders of magnitude in the length of their features; penalties must not."""
    X, y = clusters(5)
    large = replace(X, values=X.values * 100)
    fits = [
        fit_model(STRATEGIES["linear_probe"], params(), CONTEXT, one, y, Deadline(None)).predict(
            one.values
        )
        for one in (X, large)
    ]
    np.testing.assert_allclose(fits[0], fits[1], atol=1e-4)


@pytest.mark.parametrize("n_rows", [15, 90])
def test_ridge_is_ridge_and_its_leave_one_out_is_that(n_rows: int) -> None:
    """With more columns than rows and with fewer: weights as scikit-learn's, the penalty the best of the grid."""
    draw_numbers = np.random.default_rng(3)
    values = draw_numbers.normal(size=(n_rows, 40))
    y = values[:, 0] + 0.5 * draw_numbers.normal(size=n_rows)
    context = replace(CONTEXT, task=Task.REGRESSION, n_outputs=1)
    head = RidgeHead({}, context)
    X = Features(values, FeatureInfo(names=()))
    head.fit(X, y, Deadline(None))
    scale = ((values - values.mean(axis=0)) ** 2).sum() / n_rows
    losses = {}
    for penalty in 10.0 ** np.arange(-4.0, 2.1, 0.5) * scale:
        left_out = []
        for row in range(n_rows):
            others = np.arange(n_rows) != row
            fit = Ridge(alpha=penalty).fit(values[others], y[others])
            left_out.append(fit.predict(values[[row]])[0] - y[row])
        losses[penalty] = np.mean(np.square(left_out))
    best = Ridge(alpha=min(losses, key=lambda penalty: losses[penalty])).fit(values, y)
    np.testing.assert_allclose(head.predict(values)[:, 0], best.predict(values), atol=1e-8)


def test_a_head_that_knows_nothing_says_what_is_frequent() -> None:
    """Noise gives probabilities near the shares of the classes, not certainty."""
    draw_numbers = np.random.default_rng(0)
    values, y = draw_numbers.normal(size=(120, 30)), np.repeat([0, 1, 2], [84, 24, 12])
    X = Features(values, FeatureInfo(names=()))
    for kind in (RidgeHead, CentroidHead):
        found = (
            kind({}, CONTEXT).fit(X, y, Deadline(None)).predict(draw_numbers.normal(size=(50, 30)))
        )
        np.testing.assert_allclose(found.mean(axis=0), [0.7, 0.2, 0.1], atol=0.08)
        balanced = kind({"class_weight": "balanced"}, CONTEXT).fit(X, y, Deadline(None))
        assert balanced.predict(np.zeros((1, 30)))[0, 2] > 0.2


def test_sureness_is_never_certainty() -> None:
    """Scores that separate ten rows are followed to the rule of succession and no further."""
    codes = np.repeat([0, 1], 5)
    scores = np.where(codes[:, None] == np.arange(2), 1.0, -1.0)
    _, factor = find_sureness(scores, np.array([0.5, 0.5]), codes, np.ones(10))
    np.testing.assert_allclose(1 / (1 + np.exp(-2 * factor)), 11 / 12, atol=0.01)


def test_unreadable_pictures_get_the_average_and_teach_nothing(tmp_path: Path) -> None:
    """Rows of NaN do not change the model; a class of which nothing could be read keeps its share."""
    X, y = clusters(6)
    values = X.values.copy()
    values[[0, 7]] = np.nan
    model = HeadModel("linear", {"penalty": "l2", "C": 10.0}, "power", CONTEXT)
    model.fit(replace(X, values=values), y, Deadline(None))
    clean = HeadModel("linear", {"penalty": "l2", "C": 10.0}, "power", CONTEXT)
    kept = np.setdiff1d(np.arange(18), [0, 7])
    clean.fit(replace(X, values=X.values[kept]), y[kept], Deadline(None))
    np.testing.assert_allclose(model.predict(X.values), clean.predict(X.values), atol=1e-12)
    np.testing.assert_allclose(model.predict(values)[0], [1 / 3] * 3)
    values[y == 1] = np.nan
    lost = HeadModel("linear", {"penalty": "l2", "C": 10.0}, "power", CONTEXT)
    found = lost.fit(replace(X, values=values), y, Deadline(None)).predict(X.values)
    assert found.shape == (18, 3)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_nothing_readable_at_all_still_gives_a_model(task: Task) -> None:
    """It says the average."""
    X, y = clusters(3)
    targets = y.astype(float) if task is Task.REGRESSION else y
    context = replace(CONTEXT, task=task, n_outputs=1 if task is Task.REGRESSION else 3)
    blank = replace(X, values=np.full_like(X.values, np.nan))
    for name in ("linear_probe", "linear_probe_views"):
        model = fit_model(
            STRATEGIES[name],
            params(name, task),
            context,
            blank
            if name == "linear_probe"
            else replace(X, values=np.hstack([blank.values] * (1 + N_VIEWS))),
            targets,
            Deadline(None),
        )
        width = 40 if name == "linear_probe" else 40 * (1 + N_VIEWS)
        found = model.predict(np.full((2, width), np.nan))
        np.testing.assert_allclose(found, 1.0 if task is Task.REGRESSION else 1 / 3, atol=1e-6)


def test_views_weigh_as_much_as_the_picture_alone() -> None:
    """Five equal views teach what one teaches."""
    X, y = clusters(6)
    same = Features(np.hstack([X.values] * (1 + N_VIEWS)), X.info)
    plain = fit_model(STRATEGIES["linear_probe"], params(C=50.0), CONTEXT, X, y, Deadline(None))
    for tta in (False, True):
        chosen = params("linear_probe_views", C=50.0, tta=tta)
        views = fit_model(
            STRATEGIES["linear_probe_views"], chosen, CONTEXT, same, y, Deadline(None)
        )
        np.testing.assert_allclose(views.predict(same.values), plain.predict(X.values), atol=1e-3)


def test_a_configuration_names_its_features() -> None:
    """The backbone, also one with a path, and the mirror image."""
    probe, views = STRATEGIES["linear_probe"], STRATEGIES["linear_probe_views"]
    name = "resnet18@c:/weights/mine.safetensors"
    assert probe.representation({"backbone": name, "flip": False}) == f"embedding:{name}"
    assert probe.representation({"backbone": "vit", "flip": True}) == "embedding:vit+flip"
    pair: dict[str, ParamValue] = {"backbone": "whisper", "second": "birds"}
    assert probe.representation(pair) == "embedding:birds,whisper"
    assert probe.representation({"backbone": "vit", "second": "vit"}) == "embedding:vit"
    assert views.representation({"backbone": "vit", "tta": True}) == "views:vit"
    assert views.representation({"backbone": "vit", "tta": False}) == "training_views:vit"
    assert views.representation({"backbone": "vit", "flip": False}) == "training_views:vit+upright"
    assert make_representation("views:vit+upright").backbone == "vit"
    text = {"backbone": "mini", "augmentation": "synonyms"}
    assert views.representation(text) == "training_views:mini+synonyms"
    assert make_representation("embedding:a,b+flip").backbones == ("a", "b")


def test_a_path_may_hold_what_parts_names() -> None:
    """Commas, pluses and per cents; an argument without escapes is read as ever."""
    odd: dict[str, ParamValue] = {
        "backbone": "resnet18@/a,b/50%/me@mail+flip",
        "second": "/x%2Cy/model",
    }
    for strategy in ("linear_probe", "linear_probe_views"):
        name = STRATEGIES[strategy].representation({**odd, "flip": True, "tta": False})
        assert set(make_representation(name).backbones) == set(odd.values())
        assert make_representation(name).variant == ("+flip" if strategy == "linear_probe" else "")
    alone: dict[str, ParamValue] = {"backbone": odd["backbone"], "length": 16, "size": 64}
    alone |= {
        "strong": "eda",
        "augmentation": "eda",
        "method": "simclr",
        "varied_by": odd["backbone"],
    }
    for strategy in (
        "lp_finetune",
        "consistency_finetune",
        "tfidf",
        "tfidf_blend",
        "adapted_probe",
    ):
        made = make_representation(STRATEGIES[strategy].representation(alone))
        assert made.backbones == (odd["backbone"],), strategy
    assert EmbeddingRepresentation("a@50%/b,c").backbones == ("a@50%/b", "c")


@pytest.fixture
def fake_embed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A backbone that needs no weights: it records what it was asked for."""
    asked: list[tuple[str, str]] = []

    def embed(
        items: list[str], backbone: str, *, view: str = "plain", **_: object
    ) -> NDArray[np.float32]:
        asked.append((backbone, view))
        offset = {"plain": 0.0, "flip": 2.0}.get(view, 10.0)
        return np.full((len(items), 1280), offset, dtype=np.float32)

    monkeypatch.setattr("advisor.representations.embedding.embed", embed)
    assert embedding.embed is not embed
    return asked


def test_views_and_mirror_images_are_asked_for(
    fake_embed: list[tuple[str, str]], tmp_path: Path
) -> None:
    """The mean of plain and mirrored; all views side by side, the plain one first."""
    X = pd.DataFrame({"picture": [str(put(tmp_path / "a.png", as_bytes(draw())))]})
    flipped = (
        make_representation("embedding:efficientnet_lite0+flip").fit(X, PICTURES, 0).transform(X)
    )
    np.testing.assert_array_equal(flipped.values, 1.0)
    assert fake_embed == [("efficientnet_lite0", "plain"), ("efficientnet_lite0", "flip")]
    fake_embed.clear()
    views = make_representation("views:efficientnet_lite0").fit(X, PICTURES, 0).transform(X)
    names = views_of(Modality.IMAGE)
    assert views.values.shape == (1, 1280 * len(names))
    assert views.values[0, [0, -1]].tolist() == [0.0, 10.0]
    assert [view for _, view in fake_embed] == list(names)


def test_predictions_ask_for_varied_views_only_where_they_are_averaged(
    fake_embed: list[tuple[str, str]], tmp_path: Path
) -> None:
    """Four fifths of the time are spared, and the model says the same."""
    X = pd.DataFrame({"picture": [str(put(tmp_path / "a.png", as_bytes(draw())))]})
    for name, asked in (("views", list(views_of(Modality.IMAGE))), ("training_views", ["plain"])):
        made = make_representation(f"{name}:efficientnet_lite0").fit(X, PICTURES, 0)
        before = made.transform(X).values
        (tmp_path / name).mkdir()
        made.save(tmp_path / name)
        fake_embed.clear()
        after = REPRESENTATIONS[name].load(tmp_path / name).transform(X).values
        assert [view for _, view in fake_embed] == asked
        assert after.shape == before.shape
        np.testing.assert_array_equal(after[:, :1280], before[:, :1280])


def test_several_backbones_are_joined_as_equals(
    fake_embed: list[tuple[str, str]], tmp_path: Path
) -> None:
    """Each block of a row has length one, whatever the scale of its backbone."""
    X = pd.DataFrame({"picture": [str(put(tmp_path / "a.png", as_bytes(draw())))]})
    name = "views:efficientnet_lite0,resnet18.a1_in1k"
    values = make_representation(name).fit(X, PICTURES, 0).transform(X).values
    assert values.shape == (1, (1280 + 1280) * (1 + N_VIEWS))
    last = values[0, -2560:].reshape(2, 1280)
    np.testing.assert_allclose(np.linalg.norm(last, axis=1), 1.0, atol=1e-5)
    assert [name for name, _ in fake_embed[:2]] == ["efficientnet_lite0", "resnet18.a1_in1k"]


def beside(X: Features, columns: NDArray[np.float64]) -> Features:
    """Put columns of a table behind features."""
    values = np.hstack([X.values, columns]).astype(np.float32)
    return Features(values, X.info.model_copy(update={"beside": columns.shape[1]}))


@pytest.mark.parametrize("name", ["linear_probe", "linear_probe_views"])
def test_columns_beside_a_text_are_learned_from(name: str, tmp_path: Path) -> None:
    """Where the text says nothing they tell; a row without a text is judged by them alone, after a save, too."""
    numbers = np.random.default_rng(5)
    y = np.repeat([0, 1], 30)
    views = 1 + N_VIEWS if name == "linear_probe_views" else 1
    noise = numbers.normal(size=(60, 8 * views))
    noise[::7] = np.nan
    info = FeatureInfo(names=tuple(map(str, range(8 * views))))
    X = beside(Features(noise, info), (y[:, None] - 0.5) * 2 + 0.3 * numbers.normal(size=(60, 1)))
    context = replace(CONTEXT, task=Task.BINARY, n_outputs=2, info=X.info)
    model = fit_model(STRATEGIES[name], params(name, Task.BINARY), context, X, y, Deadline(None))
    found = model.predict(X.values)
    assert (found.argmax(axis=1) == y).mean() > 0.95
    assert np.ptp(found[::7, 1]) > 0.2
    model.save(tmp_path)
    loaded = load_model(STRATEGIES[name], tmp_path, context)
    np.testing.assert_allclose(loaded.predict(X.values), found, atol=1e-12)


@pytest.mark.parametrize("scaling", ["standard", "length"])
def test_the_scale_of_a_column_means_nothing_where_columns_are_standardised(scaling: str) -> None:
    """And only there."""
    X, y = clusters(5)
    stretched = X.values.copy()
    stretched[:, 3] *= 30
    chosen = params(scaling=scaling) | {"scaling": scaling}
    first, second = (
        fit_model(
            STRATEGIES["linear_probe"], chosen, CONTEXT, replace(X, values=v), y, Deadline(None)
        ).predict(v)
        for v in (X.values, stretched)
    )
    assert np.allclose(first, second, atol=0.05) is (scaling == "standard")


def test_a_second_backbone_is_offered_where_there_are_several() -> None:
    """None is the default, and the best of the others is tried."""
    for listed, choices in ((("a",), ("none",)), (("a", "b", "c"), ("none", "a", "b", "c"))):
        space = load_space("linear_probe", "audio_few_shot", {"backbones": listed})
        assert space.params["second"].choices == choices
        assert space.defaults()["second"] == "none"
        tried = [start["second"] for start in space.starts if "second" in start]
        assert tried == list(listed[1:])


@pytest.mark.parametrize("place", ["moved", "a,b/me@mail.com/50%"])
@pytest.mark.parametrize("flip", ["", "+flip"])
def test_weights_of_the_user_travel_with_a_saved_run(
    flip: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy lies in the folder and is used from then on, whatever that is called; the original may go."""
    monkeypatch.setattr("advisor.representations.embedding.find_backbone", card_with_path)
    weights = put(tmp_path / "mine.safetensors", b"weights")
    saved = tmp_path / "saved"
    saved.mkdir()
    representation = EmbeddingRepresentation(f"resnet18@{weights}{flip}")
    assert representation.backbone == f"resnet18@{weights}"
    representation.save(saved)
    weights.unlink()
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    saved.rename(tmp_path / place)
    loaded = EmbeddingRepresentation.load(tmp_path / place)
    copy = tmp_path / place / "weights.safetensors"
    assert loaded.backbones == (f"resnet18@{copy.resolve()}",)
    assert loaded.variant == flip
    assert copy.read_bytes() == b"weights"


def test_a_folder_of_weights_travels_with_a_saved_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was given by itself or behind a name; the first of several backbones and the second."""
    folder = tmp_path / "mine"
    put(folder / "sub" / "model.safetensors", b"weights")
    monkeypatch.setattr("advisor.representations.embedding.find_backbone", card_with_path)
    saved = tmp_path / "saved"
    saved.mkdir()
    EmbeddingRepresentation(f"{folder},bert@{folder}").save(saved)
    saved.rename(tmp_path / "moved")
    loaded = EmbeddingRepresentation.load(tmp_path / "moved")
    copies = [(tmp_path / "moved" / name).resolve() for name in ("weights", "weights1")]
    assert loaded.backbones == (str(copies[0]), f"bert@{copies[1]}")
    assert all((copy / "sub" / "model.safetensors").read_bytes() == b"weights" for copy in copies)


def card_with_path(name: str) -> TextCard:
    """The card of an encoder in a folder."""
    place = name.rpartition("@")[2]
    numbers = {"width": 4, "parameters": 1.0, "multiply_adds": 1.0, "longest": 8}
    words = dict.fromkeys(("source", "loader", "pretraining", "licence", "reference"), "none")
    return TextCard(name=name, weights=f"file:{place}", **words, **numbers)


def test_large_weights_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit only the name is kept, and so it is for weights of ours."""
    monkeypatch.setattr("advisor.representations.embedding.COPIED_BYTES", 3)
    weights = put(tmp_path / "mine.safetensors", b"weights")
    for i, name in enumerate((f"resnet18@{weights}", "efficientnet_lite0")):
        saved = tmp_path / str(i)
        saved.mkdir()
        EmbeddingRepresentation(name).save(saved)
        assert [file.name for file in saved.iterdir()] == ["items.json"]
        assert EmbeddingRepresentation.load(saved).argument == name
