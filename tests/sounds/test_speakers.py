"""Names of recordings to who speaks in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from advisor.sounds.speakers import NameGroups, groups_of_part, guess_groups


def guess(names: Sequence[str], tests: Sequence[str] = ()) -> NameGroups:
    """Guess from names that begin with their class folder."""
    kinds = sorted({name.split("/")[0] for name in names})
    classes = np.array([[name.split("/")[0] == kind for kind in kinds] for name in names])
    return guess_groups(names, classes, tests)


DIGITS = [
    f"{d}/{d}_{who}_{take}.wav" for d in "012" for who in ("ann", "bob", "eve") for take in "56"
]


def test_a_part_that_repeats_over_classes_is_a_speaker() -> None:
    """Not the digit, which is the class, and not the take, which counts up."""
    found = guess(DIGITS, ["0/0_bob_1.wav", "1/1_zoe_0.wav", "odd.wav"])
    assert found.part == 2
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2] * 3
    assert found.test_groups is not None
    assert found.test_groups.tolist() == [1, 3, -1]
    assert "'ann', 'bob', 'eve'" in found.hint
    assert found.hint.endswith("looks like a speaker or a recording")


@pytest.mark.parametrize("sign", ["_", "-", ".", " "])
def test_parts_are_told_by_any_sign(sign: str) -> None:
    """Identifiers that are long numbers are no counters."""
    names = [
        f"{k}/{who}{sign}x{i}{sign}{k}{i}.flac"
        for k in "ab"
        for who in ("1272", "84", "5338")
        for i in range(4)
    ]
    assert guess(names).part == 1


def test_a_folder_below_the_class_is_a_speaker() -> None:
    """As well as a word for speakers before a number."""
    names = [f"{k}/{who}/{i}.wav" for k in "ab" for who in ("ann", "bob", "eve") for i in range(3)]
    assert guess(names).part == 0
    names = [f"{k}/spk{who:02d}_{i}.wav" for k in "ab" for who in range(5) for i in range(3)]
    assert guess(names).part == 1


@pytest.mark.parametrize(
    "names",
    [
        [f"{k}/{i}.wav" for k in "ab" for i in range(9)],
        [f"{k}/{k}_{i:03d}.wav" for k in "ab" for i in range(9)],
        [f"{k}/take{i}_x.wav" for k in "ab" for i in range(6) for _ in range(3)],
        [f"{k}/{mic}_{i}.wav" for k in "ab" for mic in ("near", "far") for i in range(9)],
        [f"{k}/{k}{i}q_{i}.wav" for k in "ab" for i in range(9)],
        [
            f"{k}/{breed}_{i}.wav"
            for k, b in (("a", "xyz"), ("b", "uvw"))
            for breed in (f"{c}{c}" for c in b)
            for i in range(4)
        ],
    ],
)
def test_what_is_no_speaker_is_not_taken_for_one(names: list[str]) -> None:
    """Running numbers, the class, takes, two conditions, nearly unique words, words within a class."""
    assert guess(names) == NameGroups(None)


def test_a_speaker_that_is_the_class_is_told_and_not_used() -> None:
    """Where one class has one speaker, no split can keep voices apart."""
    names = [f"english/allison_w{i}x{i * 7}.wav" for i in range(6)]
    names += [f"spanish/allison_w{i}x{i * 9}.wav" for i in range(6)]
    names += [f"italian/{who}_w{i}x{i * 5}.wav" for who in ("carlo", "menardi") for i in range(3)]
    found = guess(names)
    assert found.groups is None
    assert "'allison'" in found.hint
    assert "cannot tell the voice from the class" in found.hint


def test_a_part_that_is_named_is_taken_as_it_is() -> None:
    """A name without it is a group of its own; a part that no name has is none."""
    found = groups_of_part([*DIGITS[:4], "0/odd.wav"], 3)
    assert found.groups is not None
    assert found.groups.tolist() == [0, 1, 0, 1, 2]
    assert groups_of_part(DIGITS, 7).groups is None


def test_a_few_other_names_do_not_make_a_count_of_takes_a_speaker() -> None:
    """Ten takes of each of four classes, and one recording that is called otherwise."""
    names = [f"{c}/clip {take}.wav" for c in "abcd" for take in range(10)]
    assert guess([*names, "d/clip extra.wav"]).groups is None


ACTORS = ("ann", "bob", "cas", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "lea")
PROMPTS = ("ball", "dogs", "home", "kids", "rain", "talk")


def test_of_parts_that_cross_the_one_with_more_groups_is_taken() -> None:
    """Every actor says every prompt: prompts on one side of a split would leave all actors on both."""
    names = [f"{k}/{who}_{what}.wav" for k in "abcd" for who in ACTORS for what in PROMPTS]
    found = guess(names)
    assert found.part == 1
    assert found.hint.endswith("; part 2 ('ball', 'dogs', 'home' and 3 more) crosses it")


def test_a_part_that_holds_the_finest_is_taken() -> None:
    """Six homes of two actors each: actors of one home are kept together."""
    homes = {who: f"home{'uvwxyz'[i // 2]}" for i, who in enumerate(ACTORS)}
    names = [f"{k}/{who}_{homes[who]}_{i}.wav" for k in "ab" for who in ACTORS for i in range(3)]
    found = guess(names)
    assert found.part == 2
    assert found.hint.endswith("looks like a speaker or a recording")


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("{k}/{n}_{what}_{k}_XX.wav", "name1 or name2"),
        ("{k}/{what}_{n}.wav", "name2 or name1"),
        ("{k}/{n}/{what}.wav", "folder or name1"),
    ],
)
def test_prompts_are_not_taken_where_actors_are_numbered(name: str, asked: str) -> None:
    """Numbers from 1001 on are no takes; the user is asked."""
    names = [
        name.format(k=k, n=1001 + n, what=what)
        for k in "abcd"
        for n in range(12)
        for what in PROMPTS
    ]
    found = guess(names)
    assert found.groups is None
    assert found.hint.endswith(f"may be the speakers as well: --groups {asked} says which")


def test_takes_behind_a_speaker_do_not_count_as_speakers() -> None:
    """Also where the first takes are kept for the test."""
    names = [f"{d}/{d}_{who}_{t}.wav" for d in "012" for who in ACTORS[:6] for t in range(5, 50)]
    found = guess(names)
    assert found.part == 2
    assert "crosses" not in found.hint
