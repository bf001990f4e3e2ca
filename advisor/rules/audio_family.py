"""Statistics, a frozen backbone or a network on log-mel pictures: by labels, and by whether it is speech.

What a probe measures here overrules all of it.
"""

from __future__ import annotations

from advisor.evidence import effects_of
from advisor.finding import Finding, note, veto
from advisor.profile import AudioProfile
from advisor.rule import rule, skill, told_labels, told_skill

SCRATCH_FROM = 1_000
"""Labels of the smallest class from which training from scratch is worth a try: where the ample regime begins."""

OWN_CURVES = "our measurement: spoken digits and ESC-10, 5 to 20 labels per class (rows own_* of the evidence)"


KNOWN_SKILL = 0.5
"""Skill, 0 for guessing, of an encoder of speech below which it does not know the recordings; our choice, half of the
way: Whisper's smallest had .9 and more on digits."""


def _is_known_speech(profile: AudioProfile) -> bool:
    known = skill(profile)
    return (
        bool(profile.backbones)
        and profile.content == profile.domain == "speech"
        and (known is None or known >= KNOWN_SKILL)
    )


@rule(reference=OWN_CURVES + "; Radford et al. 2023 (Whisper)")
def embedding_for_speech(profile: AudioProfile) -> Finding | None:
    """Recordings that sound like speech, and an encoder of speech knows them best: a head on that.

    What: listens for a moving pitch of a voice and the loudness of syllables, and asks every backbone. Why: on spoken
    digits Whisper's smallest encoder had 91 to 99 % where the best statistics had 41 to 91 and a network for pictures
    21 to 62, the more so for speakers that training had not heard.
    """
    if not _is_known_speech(profile):
        return None
    return note(
        f"These recordings sound like speech ({profile.content_reason}): a head on an encoder of speech is expected to "
        f"lead by far ({told_skill(profile)}); statistics had seven times its error on spoken digits, most of all for "
        "new speakers.",
        effects=effects_of(("own_handmade_speech", "own_finetune_speech"), profile.label_scarcity),
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=OWN_CURVES + "; arXiv 2402.01274; arXiv 2110.09600 (no one size fits all)")
def embedding_for_other_sound(profile: AudioProfile) -> Finding | None:
    """Not all speech, or no encoder of speech stands out on it: no embedding is best everywhere, so measure and join.

    What: listens for a moving pitch of a voice and the loudness of syllables, and asks every backbone. Why: on
    everyday sounds Whisper's encoder, trained on speech alone, still led (80 to 91 %) over log-mel statistics (79 to
    84) and a network for pictures on log-mel pictures (72 to 86), and a bird model was 3 points ahead of it; which one
    knows these sounds is measured.
    """
    if not profile.backbones or _is_known_speech(profile):
        return None
    what = (
        "These recordings sound like speech, but no encoder of speech stands out on them"
        if profile.content == "speech"
        else f"These recordings are not all speech ({profile.content_reason})"
    )
    return note(
        f"{what}: no embedding is best everywhere; the best here so far: {told_skill(profile)}. Two joined were "
        "0.5 to 3 points ahead of one; a model trained on such sounds (--backbone) may be ahead of both.",
        effects=effects_of(("own_handmade_sound", "own_finetune_sound"), profile.label_scarcity),
        label_scarcity=profile.label_scarcity,
    )


@rule(
    reference="rows scratch_audio and own_scratch of the evidence: our measurements on pictures and statistics"
)
def sound_from_scratch(profile: AudioProfile) -> Finding | None:
    """Training from scratch where a pretrained backbone can run.

    What: looks whether one can, and counts labels of the smallest class. Why: a small network from scratch was 22 to 24
    points behind a pretrained one on pictures; on recordings even what statistics give for nothing was up to seven
    times as far off as frozen embeddings. From 1,000 labels per class it may be tried.
    """
    if not profile.backbones or profile.label_scarcity >= SCRATCH_FROM:
        return None
    return veto(
        f"Training from scratch with {told_labels(profile)}: a network has to learn "
        "from them what pretrained ones know, and one of those can run here.",
        ("scratch",),
        label_scarcity=profile.label_scarcity,
    )


@rule(reference="row scratch_audio of the evidence")
def sound_from_scratch_with_many_labels(profile: AudioProfile) -> Finding | None:
    """A thousand labels per class or more: training from scratch is allowed, not recommended.

    What: counts labels of the smallest class. Why: its distance shrinks with labels, nobody has measured for us by how
    much.
    """
    if not profile.backbones or profile.label_scarcity < SCRATCH_FROM:
        return None
    return note(
        f"{told_labels(profile)} allow training from scratch, for comparison; with "
        "fewer it was far behind pretrained networks.",
        effects=effects_of(("scratch_audio",), profile.label_scarcity),
        label_scarcity=profile.label_scarcity,
    )
