"""What is measured of texts: words, languages, copies, and what an encoder knows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from advisor.backbone import BackboneCard, find_backbone, missing_for
from advisor.dataset import Dataset, Modality, Task
from advisor.profile import TextProfile, profile_dataset
from advisor.profilers import frozen
from advisor.profilers.texts import longest_of
from advisor.tables.columns import Column, ColumnKind
from advisor.texts.languages import find_languages, share_other_script
from advisor.texts.words import (
    find_boilerplate,
    find_telling,
    measure_vocabulary,
    share_naming_label,
)

THINGS = ("ship", "train", "lamp", "river", "stone", "cloud", "piano", "garden", "window", "tiger")
DEEDS = ("sings", "waits", "falls", "shines", "turns", "sleeps", "burns", "grows", "moves", "ends")


def sentences(n: int, seed: int = 0) -> list[str]:
    """Different sentences of ten words that say nothing about any class."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        words = [str(rng.choice(words)) for words in (THINGS, DEEDS) * 5]
        made.append(" ".join([*words, f"number{seed}x{i}"]))
    return made


def texts_dataset(
    texts: Sequence[str],
    y: Sequence[int],
    pool: Sequence[str] = (),
    test: Sequence[str] = (),
    **fields: object,
) -> Dataset:
    """A dataset of one column of texts."""

    def frame(values: Sequence[str]) -> pd.DataFrame:
        return pd.DataFrame({"text": pd.Categorical(pd.Series(list(values), dtype="str"))})

    made = Dataset(
        name="made",
        modality=Modality.TEXT,
        task=Task.BINARY,
        X=frame(texts),
        y=np.asarray(y, dtype=np.int64),
        columns=(Column(name="text", kind=ColumnKind.TEXT),),
        classes=("calm", "loud"),
        targets=("label",),
        X_unlabelled=frame(pool) if pool else None,
        X_test=frame(test) if test else None,
    )
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


@pytest.fixture
def no_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no backbone can run."""
    monkeypatch.setattr(frozen, "usable_backbones", lambda modality, asked=(): ())


def profile_of(dataset: Dataset) -> TextProfile:
    """Its profile, as the type it is."""
    profile = profile_dataset(dataset)
    assert isinstance(profile, TextProfile)
    return profile


def test_languages_of_short_texts_follow_the_clear_ones() -> None:
    """Three words alone could be of any language."""
    pytest.importorskip("py3langid")
    english = "The committee will meet again on Thursday to discuss the new budget for schools"
    german = (
        "Der Ausschuss trifft sich am Donnerstag erneut und berät über den Haushalt der Schulen"
    )
    assert set(find_languages([english] * 5 + ["a lamp", "my train is", "ok no"])) == {"en"}
    mixed = find_languages([english] * 6 + [german] * 4)
    assert mixed == {"en": 0.6, "de": 0.4}
    assert find_languages(["", "12 34", "..."]) == {}


class ToldByFirstWord:
    """A teller of languages that are the first words of texts, which is sure."""

    MODEL_FILE = ""

    class LanguageIdentifier:
        """As that of py3langid, which has no language where none is set."""

        @classmethod
        def from_model_file(cls, *_: object, **__: object) -> ToldByFirstWord.LanguageIdentifier:
            """Nothing to read."""
            return cls()

        def set_languages(self, languages: Sequence[str]) -> None:
            """It fails on an empty list."""
            assert languages

        def classify(self, text: str) -> tuple[str, float]:
            """Say the first word."""
            return text.split()[0], 1.0


@pytest.mark.parametrize("n_languages", [14, 60])
def test_all_languages_are_told_where_they_are_many(
    monkeypatch: pytest.MonkeyPatch, n_languages: int
) -> None:
    """Also where each has less than the least share of a real one."""
    monkeypatch.setattr("advisor.texts.languages.require", lambda *_, **__: ToldByFirstWord)
    told = find_languages([f"l{i} text" for i in range(n_languages)] * 5)
    assert len(told) == n_languages
    assert sum(told.values()) == pytest.approx(1.0, abs=0.01)


def test_letters_of_other_scripts_are_counted() -> None:
    """Signs and digits are no letters."""
    assert share_other_script(["abc 123 !?", "дом"]) == 0.5
    assert share_other_script(["Çà où"]) == 0.0
    assert share_other_script(["42"]) == 0.0


def test_a_label_written_into_the_text_is_found() -> None:
    """As a word, a sign, or two words that only together tell."""
    plain = sentences(60)
    members = np.zeros((60, 2), dtype=np.bool_)
    members[:30, 0], members[30:, 1] = True, True
    assert find_telling(plain, members) == ((), 0.0)
    marked = [f"{text} [{'+' if i < 30 else '-'}]" for i, text in enumerate(plain)]
    found, share = find_telling(marked, members)
    assert [(one.phrase, one.code) for one in found] == [("[+]", 0), ("[-]", 1)]
    assert share == 1.0
    crossed = [
        f"{text} {'red door' if i % 2 else 'green wall'}"
        if i < 30
        else f"{text} {'red wall' if i % 2 else 'green door'}"
        for i, text in enumerate(plain)
    ]
    assert find_telling(crossed, members) == ((), 0.0)


@pytest.mark.parametrize(
    ("filling", "marks"),
    [("今天我们去看了一个地方然后回家", ("正面", "负面")), ("กขคงจฉชซฌญฎฏฐฑฒณ", ("บวก!", "ลบ!"))],
)
def test_a_label_within_a_clause_without_spaces_is_found(
    filling: str, marks: tuple[str, str]
) -> None:
    """Chinese and Thai put no space before or behind it."""
    rng = np.random.default_rng(0)
    plain = ["".join(rng.permutation(list(filling))) for _ in range(60)]
    members = np.repeat(np.eye(2, dtype=np.bool_), 30, axis=0)
    assert find_telling(plain, members) == ((), 0.0)
    marked = [f"{text[:7]}{marks[i // 30]}{text[7:]}" for i, text in enumerate(plain)]
    found, share = find_telling(marked, members)
    assert share == 1.0
    assert all(one.phrase in marks[one.code] for one in found)


def test_a_word_of_few_texts_is_believed_only_where_most_classes_have_one() -> None:
    """Of six texts one word is in all by chance; of every class it is not."""
    plain = sentences(60)
    members = np.repeat(np.eye(10, dtype=np.bool_), 6, axis=0)
    one = [f"zebra {text}" if i < 6 else text for i, text in enumerate(plain)]
    assert find_telling(one, members) == ((), 0.0)
    every = [f"topic{i // 6} {text}" for i, text in enumerate(plain)]
    assert find_telling(every, members)[1] == 1.0


def test_what_most_texts_share_is_boilerplate_and_grammar_is_not() -> None:
    """The longest phrase is named, and none that lies inside it."""
    plain = sentences(40)
    signed = [f"{text} kind regards from the team" for text in plain]
    assert find_boilerplate(plain) == ()
    assert find_boilerplate(signed) == ("kind regards from the team",)


def test_label_names_and_vocabulary_are_counted_in_words() -> None:
    """``card_arrival`` is two words, and part of a word is none."""
    texts = ["Where is my card arrival date?", "discard arrivals", "nothing"]
    assert share_naming_label(texts, [["card_arrival"]] * 3) == pytest.approx(1 / 3)
    assert measure_vocabulary(["a b b", "A c!"]) == (3, 2 / 3)


@pytest.mark.parametrize(
    ("text", "name", "held"),
    [
        ("see sci.space for more", "sci.space", True),
        ("news of sci_space", "sci.space", True),
        ("see aerospace for more", "sci.space", False),
        ("这部电影很好看", "电影", True),
        ("这部影片很好看", "电影", False),
        ("สวัสดีครับ", "สวัสดี", True),
        ("你好", "好", False),
    ],
)
def test_names_with_signs_or_in_scripts_without_spaces_are_found(
    text: str, name: str, held: bool
) -> None:
    """One character alone is in too many words."""
    assert share_naming_label([text], [[name]]) == held


@pytest.mark.usefixtures("no_backbone")
def test_copies_conflicts_and_overlaps_are_counted() -> None:
    """Nearly equal texts count, empty ones are copies of nothing."""
    pytest.importorskip("datasketch")
    texts = sentences(12)
    texts[1] = texts[0].upper() + "!"  # nearly the first, of the same class
    texts[11] = texts[2]  # exactly the third, of the other class
    texts[4], texts[5] = "", " "
    dataset = texts_dataset(
        texts, [0] * 6 + [1] * 6, pool=[texts[6], "quite another thing"], test=[texts[7] + "."]
    )
    profile = profile_of(dataset)
    assert (profile.n_duplicates, profile.n_near_duplicates) == (1, 2)
    assert profile.n_near_conflicts == 2
    assert (profile.n_near_test_overlap, profile.n_pool_overlap) == (1, 1)
    assert profile.n_empty == 2
    assert any(texts[2][:20] in pair for pair in profile.examples)


@pytest.mark.usefixtures("no_backbone")
def test_the_order_of_the_texts_has_no_influence() -> None:
    """Nor has that of the pool; examples name the first of each pair and may differ."""
    pytest.importorskip("datasketch")
    texts, y = [*sentences(30), *sentences(3)], [0, 1, 1] * 11
    pool = sentences(20, seed=1)
    turned = np.random.default_rng(0).permutation(len(texts))
    one = profile_of(texts_dataset(texts, y, pool=pool))
    other = profile_of(
        texts_dataset([texts[i] for i in turned], [y[i] for i in turned], pool=pool[::-1])
    )
    assert one.model_copy(update={"examples": ()}) == other.model_copy(update={"examples": ()})


@pytest.mark.usefixtures("no_backbone")
def test_values_and_labels_of_several_at_once_can_be_profiled() -> None:
    """There are no classes that words could give away, or several per text."""
    pytest.importorskip("datasketch")
    texts = sentences(40)
    values = texts_dataset(texts, [0] * 40, task=Task.REGRESSION, classes=())
    object.__setattr__(values, "y", np.arange(40.0))
    assert profile_of(values).telling == ()
    y = np.stack([np.arange(40) % 2, np.arange(40) < 20], axis=1).astype(np.int8)
    marked = [f"{text} odd" if i % 2 else text for i, text in enumerate(texts)]
    labelled = texts_dataset(marked, [0] * 40, task=Task.MULTILABEL)
    object.__setattr__(labelled, "y", y)
    several = profile_of(labelled)
    assert [(one.columns, one.label) for one in several.telling] == [(("odd",), "calm")]


def test_an_encoder_knows_topics_and_finds_a_strange_pool() -> None:
    """Separability is high on plain topics; a pool of recipes is unlike texts on trains."""
    if why := missing_for("all_minilm_l6_v2"):
        pytest.skip(why)
    trains = [f"The train to {thing} was late and the platform full" for thing in THINGS]
    music = [f"She plays the violin and the piano like a {thing} in concert" for thing in THINGS]
    recipes = [f"Boil the {thing} with salt, garlic and butter for an hour" for thing in THINGS * 3]
    profile = profile_of(texts_dataset([*trains, *music], [0] * 10 + [1] * 10, pool=recipes))
    assert profile.separability["all_minilm_l6_v2"] > 0.9
    assert profile.pool_overlap is not None
    assert profile.pool_overlap.share_foreign > 0.5
    assert profile.longest == 256
    assert 10 <= profile.tokens[1] <= 20
    assert profile.tokens[1] <= profile.tokens_of_batch <= profile.tokens[2]
    assert profile.share_cut == 0.0
    assert profile.encoder_languages == ("en",)


def test_a_backbone_for_pictures_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said to be missing, and what can run runs."""
    monkeypatch.setattr(frozen, "usable_backbones", lambda modality, asked=(): ())
    profile = profile_dataset(texts_dataset(sentences(12), [0, 1] * 6), ["efficientnet_lite0"])
    assert isinstance(profile, TextProfile)
    assert profile.backbones_missing == {"efficientnet_lite0": "it is for pictures"}


def test_a_batch_is_as_long_as_the_longest_of_its_texts() -> None:
    """One long text of a hundred is in every seventh batch of sixteen."""
    counts = np.array([10] * 99 + [110])
    drawn = np.random.default_rng(0).choice(counts, size=(20_000, 16)).max(axis=1).mean()
    assert longest_of(counts, 16) == pytest.approx(drawn, rel=0.05)
    assert longest_of(np.array([7, 7]), 16) == pytest.approx(7)


@pytest.mark.parametrize(("words", "units"), [(2_000, 2.56), (75, 1.0), (1, 0.1)])
def test_a_text_costs_no_more_than_the_encoder_reads(
    monkeypatch: pytest.MonkeyPatch, words: int, units: float
) -> None:
    """In hundreds of tokens: what is behind the window is cut off before it costs anything."""
    pytest.importorskip("datasketch")
    asked: list[Callable[[BackboneCard], float]] = []

    def measure(
        *_: object, size: Callable[[BackboneCard], float], **__: object
    ) -> dict[str, object]:
        asked.append(size)
        return {"backbones": (), "backbones_missing": {}}

    monkeypatch.setattr("advisor.profilers.texts.measure_backbones", measure)
    profile_of(texts_dataset([f"{i} " + "word " * (words - 1) for i in range(6)], [0, 1] * 3))
    assert asked[0](find_backbone("all_minilm_l6_v2")) == pytest.approx(units)


@pytest.mark.parametrize(("each", "asked"), [(1, 50), (6, 50), (6, 400)])
def test_of_many_classes_a_few_are_asked_about_where_time_is_short(
    monkeypatch: pytest.MonkeyPatch, each: int, asked: int
) -> None:
    """Two hundred classes that a backbone knows have no separability of zero; a pool is laid beside more of them."""
    seen: list[list[str]] = []

    def corners(items: Sequence[str], backbone: str) -> NDArray[np.float32]:
        seen.append(list(items))
        return np.eye(200, dtype=np.float32)[[int(item.split()[0]) for item in items]]

    monkeypatch.setattr(
        frozen, "usable_backbones", lambda modality, asked=(): ("all_minilm_l6_v2",)
    )
    monkeypatch.setattr(frozen, "embed", corners)
    monkeypatch.setattr(frozen, "FEWEST", asked)
    monkeypatch.setattr(frozen, "SECONDS", 0.0)
    y = np.tile(np.arange(200), each)
    texts = [f"{code} text {i}" for i, code in enumerate(y)]
    dataset = texts_dataset(
        texts, y.tolist(), task=Task.MULTICLASS, classes=tuple(map(str, range(200)))
    )
    rows = np.arange(len(y))
    fields = frozen.measure_backbones(dataset, rows, (), labelled=texts, pool=texts[:5])
    assert fields["separability"] == ({} if each == 1 else {"all_minilm_l6_v2": 1.0})
    assert len(seen[0]) == min(asked, len(texts))
    assert seen[1] == texts[:asked]
