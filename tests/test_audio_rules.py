"""What is advised on recordings: which embedding first, who must be kept together, and what is odd about them."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given

from advisor.finding import Finding
from advisor.profile import AudioProfile
from advisor.rule import apply_rules
from tests.profiles import audio_profiles, healthy_audio_profile

FAMILY_OF = {
    "linear_probe": "frozen",
    "lp_finetune": "finetune",
    "handmade": "handmade",
    "from_scratch": "scratch",
}


def told(profile: AudioProfile) -> dict[str, Finding]:
    """Findings by the rule that found them."""
    return {finding.rule: finding for finding in apply_rules(profile)}


def first(profile: AudioProfile) -> str:
    """The strategy with the smallest product of effects; vetoed ones are out, ties go to the first named."""
    findings = apply_rules(profile)
    vetoed = {name for f in findings for name in f.vetoes}
    factors = {
        name: prod(1 + e.mean for f in findings for e in f.effects if e.family in (name, family))
        for name, family in FAMILY_OF.items()
        if not {name, family} & vetoed
    }
    return min(factors, key=lambda name: round(factors[name], 6))


@pytest.mark.parametrize("smallest", [2, 20, 99])
@pytest.mark.parametrize("content", ["speech", "sound", "mixed"])
def test_frozen_embeddings_come_first_on_few_recordings(smallest: int, content: str) -> None:
    """Whatever they are of."""
    assert first(healthy_audio_profile(smallest_class=smallest, content=content)) == "linear_probe"


def test_without_a_backbone_statistics_are_left() -> None:
    """And it is said what to install."""
    bare = healthy_audio_profile(backbones=(), separability={})
    assert first(bare) == "handmade"
    assert "regime-advisor[audio]" in told(bare)["no_backbone"].message


@pytest.mark.parametrize(
    ("content", "domain", "rule"),
    [
        ("speech", "speech", "embedding_for_speech"),
        ("speech", "pictures", "embedding_for_other_sound"),
        ("sound", "speech", "embedding_for_other_sound"),
        ("mixed", "speech", "embedding_for_other_sound"),
    ],
)
def test_speech_is_claimed_for_an_encoder_of_speech_only_where_it_leads(
    content: str, domain: str, rule: str
) -> None:
    """One of the two rules speaks, never both."""
    found = told(healthy_audio_profile(content=content, domain=domain))
    assert {"embedding_for_speech", "embedding_for_other_sound"} & set(found) == {rule}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, False),
        ({"n_groups": None, "group_source": ""}, True),
        ({"n_groups": None, "group_source": "", "content": "sound"}, False),
    ],
)
def test_unknown_speakers_are_warned_of_with_what_they_cost(
    changes: dict[str, object], said: bool
) -> None:
    """27 points with statistics, 6 with an encoder of speech."""
    finding = told(healthy_audio_profile(**changes)).get("speakers_not_known")
    assert (finding is not None) is said
    assert finding is None or "27 points" in finding.message


def test_a_guess_of_groups_says_how_to_switch_it_off() -> None:
    """And how it was made."""
    guessed = healthy_audio_profile(group_source="names", group_hint="the first part of each name")
    message = told(guessed)["groups_guessed"].message
    assert "--groups none" in message
    assert "The first part of each name" in message


@pytest.mark.parametrize(
    ("one_class", "fewest", "said"), [(60, 2, True), (60, 30, False), (10, 2, False)]
)
def test_classes_of_few_speakers_of_their_own_are_warned_of(
    one_class: int, fewest: int, said: bool
) -> None:
    """Many speakers per class, or shared ones, are no matter."""
    profile = healthy_audio_profile(n_groups_one_class=one_class, smallest_class_groups=fewest)
    assert ("groups_are_classes" in told(profile)) is said


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("CC BY-NC-SA 4.0", True),
        ("CC-BY-NC-4.0", True),
        ("cc-by-nc-4.0", True),
        ("fair-noncommercial-research-license", True),
        ("for non-commercial use", True),
        ("MIT", False),
        ("MIT LICENCE", False),
        ("Apache-2.0", False),
        ("CC BY 4.0", False),
    ],
)
def test_weights_that_must_not_be_sold_are_told_with_their_licence(
    licence: str, said: bool
) -> None:
    """Word for word."""
    finding = told(healthy_audio_profile(licences={"birds": licence})).get("non_commercial_weights")
    assert (finding is not None) is said
    assert finding is None or licence in finding.message


@pytest.mark.parametrize(("n", "severity"), [(1, "note"), (40, "warn")])
def test_silent_recordings_are_named(n: int, severity: str) -> None:
    """A few are told, many warned of."""
    finding = told(healthy_audio_profile(n_silent=n, silent=("yes/1.wav",)))["silent_recordings"]
    assert finding.severity == severity
    assert "yes/1.wav" in finding.message


@given(audio_profiles())
def test_every_finding_on_any_recordings_is_a_sentence(profile: AudioProfile) -> None:
    """No rule stumbles over an odd profile."""
    for finding in apply_rules(profile):
        assert finding.message.endswith(".")
        assert "nan" not in finding.message.lower().split()


def test_an_encoder_of_speech_that_knows_nothing_is_not_praised() -> None:
    """Speech and an encoder of speech, but what it gives does not tell the classes."""
    profile = healthy_audio_profile(content="speech", domain="speech")
    lost = profile.model_copy(update={"separability": dict.fromkeys(profile.separability, 0.1)})
    assert "stands out" in told(lost)["embedding_for_other_sound"].message


def test_groups_that_were_not_wanted_are_not_said_to_be_found() -> None:
    """Neither is it asked again who speaks."""
    hint = "groups in the names of files were not looked for, as asked (--groups none)"
    off = healthy_audio_profile(n_groups=None, group_source="given", group_hint=hint)
    assert not {"groups_are_classes", "speakers_not_known"} & set(told(off))


@pytest.mark.parametrize(
    ("domain", "longest", "words"),
    [("speech", 50.0, "averaged"), ("speech", 90.0, "after 60 s"), ("pictures", 90.0, "not seen")],
)
def test_what_is_not_heard_of_long_recordings_is_told(
    domain: str, longest: float, words: str
) -> None:
    """Windows are averaged up to a minute; a picture shows the beginning."""
    long = healthy_audio_profile(domain=domain, seconds=(2.0, 40.0, longest), share_cut=0.9)
    assert words in told(long)["longer_than_heard_at_once"].message
