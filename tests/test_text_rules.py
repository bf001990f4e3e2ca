"""What is advised on texts: which family first, what not to do with them, and which numbers say so."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given

from advisor.dataset import Task
from advisor.finding import Finding
from advisor.profile import LeakSuspect, TextProfile
from advisor.rejection import find_rejection
from advisor.rule import apply_rules
from advisor.strategy import STRATEGIES
from tests.profiles import healthy_text_profile, text_profiles

FAMILY_OF = {
    "linear_probe": "frozen",
    "contrastive": "finetune",
    "full_finetune": "finetune",
    "tfidf": "handmade",
}


def told(profile: TextProfile) -> dict[str, Finding]:
    """Findings by the rule that found them."""
    return {finding.rule: finding for finding in apply_rules(profile)}


def order(profile: TextProfile) -> list[str]:
    """Strategies by the product of effects, best first; ties go to the first named."""
    findings = apply_rules(profile)
    vetoed = {name for f in findings for name in f.vetoes}
    factors = {
        name: prod(1 + e.mean for f in findings for e in f.effects if e.family in (name, family))
        for name, family in FAMILY_OF.items()
        if not {name, family} & vetoed
    }
    return sorted(factors, key=lambda name: round(factors[name], 6))


def texts(smallest: int, separability: float, **changes: object) -> TextProfile:
    """Two classes with so many labels that an encoder knows so well."""
    return healthy_text_profile(
        smallest_class=smallest, separability={"all_minilm_l6_v2": separability}, **changes
    )


def leak(share: float) -> TextProfile:
    """Texts of which so many hold a word that tells the class."""
    word = LeakSuspect(
        columns=("refund",), how="alone", measure="AUC", score=1.0, n_rows=600, label="trade"
    )
    return healthy_text_profile(telling=(word,), telling_share=share)


@pytest.mark.parametrize(
    ("profile", "first", "last"),
    [
        (texts(8, 0.70), "contrastive", "full_finetune"),
        (texts(32, 0.70), "contrastive", "tfidf"),
        (texts(64, 0.70), "contrastive", "tfidf"),
        (texts(300, 0.70), "contrastive", "tfidf"),  # as good as equal: see the rows
        (texts(8, 0.95), "linear_probe", "tfidf"),
        (texts(300, 0.95), "linear_probe", "tfidf"),
        (healthy_text_profile(backbones=(), separability={}), "tfidf", "tfidf"),
    ],
)
def test_first_strategy_follows_from_labels_and_separability(
    profile: TextProfile, first: str, last: str
) -> None:
    """Known classes: a head. Unknown ones: contrastive, and full fine-tuning last at 8 labels. No encoder: words."""
    assert (order(profile)[0], order(profile)[-1]) == (first, last)


@pytest.mark.parametrize("smallest", [1, 15, 16, 99, 100, 5_000])
@pytest.mark.parametrize("separability", [0.6, 0.99])
def test_one_rule_says_which_family_comes_first(smallest: int, separability: float) -> None:
    """Whatever the labels and the classes; no effect is counted twice."""
    findings = apply_rules(texts(smallest, separability))
    families = [e.family for f in findings for e in f.effects]
    assert len(families) == len(set(families))
    assert "handmade" in families


def test_several_seeds_are_asked_for_where_fine_tuning_comes_first() -> None:
    """One run of few labels says little."""
    assert "3 seeds" in told(texts(200, 0.7))["finetune_many_texts"].message


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("card_arrival", "lost card"), True),
        (("ENTY", "HUM"), False),
        (("0", "1"), False),
        (("positive", "7"), False),
    ],
)
def test_label_names_are_spoken_of_where_all_mean_something(
    names: tuple[str, ...], said: bool
) -> None:
    """A code is nothing that anybody would write a sentence with."""
    profile = texts(8, 0.7, class_counts=dict.fromkeys(names, 8))
    assert ("no_label_name_examples" in told(profile)) is said


@pytest.mark.parametrize("n", [90, 400])
def test_values_are_not_told_to_be_contrasted(n: int) -> None:
    """A regression has no classes to draw pairs of, and no smallest one."""
    values = healthy_text_profile(
        task=Task.REGRESSION, n_labelled=n, class_counts={}, separability={"all_minilm_l6_v2": 0.1}
    )
    (message,) = (f.message for f in told(values).values() if "tell apart" in f.message)
    assert f"{n} values" in message
    assert "contrastive" not in message
    assert "smallest class" not in message


def test_a_base_model_is_not_called_a_sentence_encoder() -> None:
    """What was measured with sentence encoders is said to be; one label is one label, and guessing is guessing."""
    base = texts(
        1, 0.4, backbones=("roberta-base",), base_models=("roberta-base",), n_unlabelled=60
    )
    message = told(base)["contrastive_for_few_texts"].message
    assert message.startswith("1 label in the smallest class")
    assert "no better than guessing" in message
    assert "roberta-base is not" in message


def test_values_have_no_label_names() -> None:
    """A regression has none that could be written into a text."""
    profile = healthy_text_profile(task=Task.REGRESSION, class_counts={}, n_labelled=100)
    assert "no_label_name_examples" not in told(profile)


@pytest.mark.parametrize(("share", "severity"), [(0.05, "note"), (0.39, "note"), (0.5, "warn")])
def test_a_telling_word_is_a_leak_where_many_texts_hold_it(share: float, severity: str) -> None:
    """One class named by its topic is harmless."""
    finding = told(leak(share))["telling_words"]
    assert finding.severity == severity
    assert "'refund' (trade)" in finding.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"languages": {"de": 1.0}}, True),
        ({"languages": {"en": 0.95, "de": 0.05}}, False),
        ({"languages": {"de": 1.0}, "encoder_languages": ("en", "de")}, False),
        ({"languages": {"de": 1.0}, "encoder_languages": ()}, False),
        ({"languages": {}, "share_other_script": 0.9}, True),
        ({"languages": {"de": 1.0}, "backbones": (), "separability": {}}, False),
    ],
)
def test_an_encoder_is_doubted_in_languages_that_it_was_not_trained_on(
    changes: dict[str, object], said: bool
) -> None:
    """And a multilingual one is named."""
    finding = told(healthy_text_profile(**changes)).get("language_unknown_to_encoder")
    assert (finding is not None) is said
    assert finding is None or "multilingual" in finding.message


def test_of_many_languages_all_count_and_a_few_are_named() -> None:
    """The share is that of all of them."""
    languages = {f"l{i:02d}": 0.0625 for i in range(16)}
    findings = told(healthy_text_profile(languages=languages))
    strange = findings["language_unknown_to_encoder"].message
    assert strange.startswith("100% of the texts are in l00, l01, l02, l03, l04 and 11 more, which")
    assert "l04 6% and 11 more)" in findings["several_languages"].message


@pytest.mark.parametrize(("share", "severity"), [(0.01, None), (0.1, "note"), (0.5, "warn")])
def test_texts_beyond_the_window_are_told_by_how_many_they_are(
    share: float, severity: str | None
) -> None:
    """A few long ones are no matter."""
    finding = told(healthy_text_profile(share_cut=share)).get("longer_than_the_window")
    assert (finding.severity if finding else None) == severity


def test_sentence_encoders_are_not_adapted_and_base_models_are() -> None:
    """The one is undone by it, the other gains."""
    sentence = told(healthy_text_profile(n_unlabelled=900))
    base = told(healthy_text_profile(n_unlabelled=900, base_models=("roberta",)))
    assert "roberta-base" in sentence["no_adapting_of_sentence_encoders"].message
    assert "adapt_the_base_model" not in sentence
    assert not base["adapt_the_base_model"].vetoes
    assert "no_adapting_of_sentence_encoders" not in base


def test_without_an_encoder_it_is_said_what_to_install() -> None:
    """And that word counts are left."""
    message = told(healthy_text_profile(backbones=(), separability={}))["no_backbone"].message
    assert "regime-advisor[text]" in message
    assert "word counts" in message


@given(text_profiles())
def test_every_finding_on_any_texts_is_a_sentence(profile: TextProfile) -> None:
    """No rule stumbles over an odd profile."""
    for finding in apply_rules(profile):
        assert finding.message.endswith(".")
        assert "nan" not in finding.message.lower().split()


@pytest.mark.parametrize(
    ("separability", "task", "ahead"),
    [(0.8, Task.BINARY, True), (0.55, Task.BINARY, False), (0.8, Task.MULTILABEL, False)],
)
def test_a_pool_is_put_ahead_where_something_is_known(
    separability: float, task: Task, ahead: bool
) -> None:
    """Where guessing would do as well, or an item has several labels, what learns from it has to win beyond chance."""
    known = texts(6, separability, n_unlabelled=900, task=task)
    effects = {e.family: e.mean for e in told(known)["pool_worth_using"].effects}
    assert ("pool_blend" in effects) is ahead


def test_a_strategy_that_needs_a_pool_is_rejected_without_one() -> None:
    """And without a model that can be adapted, in words that say what to name."""
    card = STRATEGIES["adapted_finetune"].card
    cases = {
        "pool of unlabelled texts": healthy_text_profile(base_models=("roberta",), n_unlabelled=0),
        "--backbone roberta-base": healthy_text_profile(n_unlabelled=900),
    }
    for words, profile in cases.items():
        rejected = find_rejection(card, profile, ())
        assert rejected is not None
        assert (rejected.rule, words in rejected.reason) == ("needs", True)
    ready = healthy_text_profile(base_models=("roberta",), n_unlabelled=900)
    assert find_rejection(card, ready, ()) is None
