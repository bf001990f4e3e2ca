"""The recordings themselves: silence, clipping, rates, bandwidth, length, and loudness that tells the class."""

from __future__ import annotations

from advisor.errors import quoted
from advisor.finding import Finding, note, warn
from advisor.profile import AudioProfile
from advisor.rule import rule
from advisor.sounds.decoding import MOST_SECONDS

SILENT_SHARE = 0.02
"""Share of silent recordings, of those listened to, from which it is warned of; our choice."""

CLIPPED_SHARE = 0.1
"""Share of clipped recordings, of those listened to, from which it is warned of; our choice."""

MOSTLY_SILENCE = 0.5
"""Median share of silence in a recording from which cutting it off is advised; our choice."""

TELEPHONE_RATE = 8_000
"""Samples per second of the telephone: nothing above 4,000 Hz."""

NARROW_RATE = 16_000
"""Samples per second that encoders of speech want."""

CUT_TOLD = 0.02
"""Share of recordings longer than the backbone hears at once from which it is told; our choice."""

LOUDNESS_SKILL = 0.5
"""Skill of the loudness alone from which it counts as a tell, as for the colour of pictures; our choice: it was .0 to
.1 on two sets of speech."""

NAMED = 3
"""Files named in one message; our choice, for the reader."""


def _listened(profile: AudioProfile) -> int:
    return profile.sample_size or profile.n_labelled


@rule(reference="our choice: 60 dB below full scale is silence")
def silent_recordings(profile: AudioProfile) -> Finding | None:
    """Recordings without any sound.

    What: looks whether any moment, to the end, is louder than 60 dB below full scale. Why: a failed recording teaches
    that its class is silence.
    """
    if profile.n_silent == 0:
        return None
    share = profile.n_silent / max(1, _listened(profile))
    tell = warn if share >= SILENT_SHARE else note
    return tell(
        f"{profile.n_silent:,} of {_listened(profile):,} recordings listened to hold no sound "
        f"({quoted(profile.silent, NAMED)}): remove them, unless silence is a class.",
        n_silent=profile.n_silent,
    )


@rule(reference="our choice: four samples in a row at full scale are cut off")
def clipped_recordings(profile: AudioProfile) -> Finding | None:
    """One recording in ten or more is cut off at full scale.

    What: counts samples of each channel that stand at full scale several in a row. Why: clipping adds overtones that
    were not there; if one class was recorded louder than the others, it is told by them.
    """
    share = profile.n_clipped / max(1, _listened(profile))
    if share < CLIPPED_SHARE:
        return None
    return warn(
        f"{share:.0%} of the recordings listened to are cut off at full scale ({quoted(profile.clipped, NAMED)}): "
        "record with less gain; if it is one class more than others, that is what will be learned.",
        n_clipped=profile.n_clipped,
    )


@rule(reference="our choice: half of the median recording")
def mostly_silence(profile: AudioProfile) -> Finding | None:
    """Half of the usual recording is silence.

    What: takes the median share of moments 40 dB below the loudest. Why: embeddings are averages over time, and half of
    the average then says nothing.
    """
    if profile.share_silence < MOSTLY_SILENCE:
        return None
    return note(
        f"{profile.share_silence:.0%} of the usual recording is silence: embeddings are averages over time, so "
        "cutting it off may help, the same way in use.",
        share_silence=profile.share_silence,
    )


@rule(reference="our choice: a rate is a trace of the device, as a format is")
def mixed_rates(profile: AudioProfile) -> Finding | None:
    """Recordings of different sampling rates.

    What: reads every header. Why: all are resampled to what the backbone wants, but a recording of a lower rate has no
    high frequencies, which tells where it came from; where sources and classes go together, that is learned.
    """
    if len(profile.rates) < 2:
        return None
    told = ", ".join(
        f"{rate:,} Hz ({count:,})" for rate, count in list(profile.rates.items())[:NAMED]
    )
    return note(
        f"Recordings of different rates: {told}. All are resampled; check that no class has a rate of its own, which "
        "would be heard.",
        n_rates=len(profile.rates),
    )


@rule(reference="the backbones' cards: Whisper and wav2vec2 were trained on 16,000 Hz")
def telephone_bandwidth(profile: AudioProfile) -> Finding | None:
    """Recordings of 8,000 samples per second or fewer, as of the telephone.

    What: looks at the most frequent rate. Why: nothing above 4,000 Hz is there, where s, f and th differ and birds
    sing; backbones trained on 16,000 Hz still work (99 % on spoken digits), and use must bring the same.
    """
    if not profile.rates or next(iter(profile.rates)) > TELEPHONE_RATE:
        return None
    rate = next(iter(profile.rates))
    return note(
        f"Most recordings have {rate:,} samples per second and so nothing above {rate // 2:,} Hz; backbones were "
        f"trained on {NARROW_RATE:,} or more, which costs little on speech, but train and use must be alike.",
        rate=rate,
    )


@rule(reference="the backbone's card: seconds that it hears at once")
def longer_than_heard_at_once(profile: AudioProfile) -> Finding | None:
    """Recordings longer than the best backbone hears at once.

    What: compares lengths with the card. Why: windows of a long recording are embedded one by one and averaged, so what
    happens once in a long recording is lost in the average; a picture shows the beginning only.
    """
    if not profile.backbones or profile.share_cut < CUT_TOLD:
        return None
    if profile.domain == "pictures":
        how, lost = "is shown", "what comes later is not seen"
    else:
        how, lost = "hears at once", "windows are averaged, so what happens once gets lost"
        if profile.seconds[2] > MOST_SECONDS:
            lost += f", and nothing after {MOST_SECONDS:g} s is listened to"
    return note(
        f"{profile.share_cut:.0%} of the recordings are longer than the {profile.longest:g} s that "
        f"{profile.backbones[0]} {how} (median {profile.seconds[1]:.1f} s): {lost}; cut out what matters where you "
        "know it.",
        share_cut=profile.share_cut,
        longest=profile.longest,
    )


@rule(reference="our choice: half of the way from guessing to always right")
def loudness_is_the_label(profile: AudioProfile) -> Finding | None:
    """The loudness alone tells the classes.

    What: asks which class the recordings of the nearest loudness have. Why: it is more often a trace of the device, the
    distance or the place than what makes the class, and new recordings will not have it.
    """
    told = profile.loudness_tells
    if told is None or told < LOUDNESS_SKILL:
        return None
    return warn(
        f"The loudness alone goes {told:.0%} of the way from guessing to always right: if it is a trace of device, "
        "distance or place, level all recordings before training, or the score will not hold for new ones.",
        loudness_tells=told,
    )
