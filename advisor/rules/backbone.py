"""Backbones: which can run here, which one to take, and what its weights may be used for."""

from __future__ import annotations

import re

from advisor.dataset import Modality, Task
from advisor.finding import Finding, note, veto, warn
from advisor.profile import PerceivedProfile
from advisor.rule import rule

CLOSE = 0.02
"""Difference in separability below which backbones count as equally good: two items in a hundred; our choice."""

EXTRAS = {Modality.IMAGE: "vision", Modality.TEXT: "text", Modality.AUDIO: "audio"}
"""The extra of this distribution that brings a backbone."""

LEFT = {
    Modality.IMAGE: "features made by hand",
    Modality.TEXT: "word counts",
    Modality.AUDIO: "log-mel and cepstral statistics",
}
"""What can be learned from without a backbone."""

FORBIDDING = ("nc", "non commercial", "noncommercial", "not for commercial use", "research only")
"""Words of the name of a licence that forbids commercial use, in lower case; whatever stands between letters is a
space, since ``CC BY-NC 4.0`` is ``cc-by-nc-4.0`` in timm. Our choice, by the licences of its models."""


@rule(
    reference="our measurements: rows own_handmade, own_words_16, own_handmade_speech and own_handmade_sound"
)
def no_backbone(profile: PerceivedProfile) -> Finding | None:
    """No pretrained backbone can run here.

    What: asks every backbone of the house, or those that were asked for, what it lacks. Why: frozen features and
    fine-tuning both start from one; what is left are features made by hand, word counts and training from scratch, with
    two to five times the error on pictures, up to half again on texts and seven times on speech.
    """
    if profile.backbones or profile.task is Task.SEGMENTATION:
        return None
    lacks = "; ".join(f"{name}: {why}" for name, why in sorted(profile.backbones_missing.items()))
    return veto(
        "No pretrained backbone can run here, which costs more accuracy than anything else on this page: "
        + (
            lacks
            or f"pip install 'regime-advisor[{EXTRAS[profile.modality]}]' brings a small one that needs no download"
        )
        + f". Until then {LEFT[profile.modality]} are what is left.",
        ("frozen", "finetune"),
        n_missing=len(profile.backbones_missing),
    )


@rule(reference="our choice: what was asked for and is not there is said")
def backbone_missing(profile: PerceivedProfile) -> Finding | None:
    """Some of the backbones that were asked for cannot run here, others can.

    What: names them with what they lack. Why: the advice below is about the others.
    """
    if not profile.backbones_missing or not profile.backbones:
        return None
    lacks = "; ".join(f"'{name}': {why}" for name, why in sorted(profile.backbones_missing.items()))
    return warn(
        f"Asked for and not usable here: {lacks}. The advice is about {', '.join(profile.backbones)}.",
        n_missing=len(profile.backbones_missing),
    )


@rule(
    reference="arXiv 2407.12210: linear and nearest-neighbour probes predict best what a backbone is worth (26 models)"
)
def backbone_choice(profile: PerceivedProfile) -> Finding | None:
    """Several backbones can run here.

    What: compares leave-one-out scores of a ridge head on the frozen features of each, on the same items. Why:
    reputation and transferability scores mislead; a probe on the data itself does so least. The order is that of frozen
    features, which correlates with that after fine-tuning.
    """
    if len(profile.separability) < 2:
        return None
    order = sorted(profile.separability.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name} {score:.3f}" for name, score in order)
    (best, first), (rival, second) = order[0], order[1]
    verdict = (
        f"{best} and {rival} are as good as equal; take the cheaper one, or let the search try both"
        if first - second < CLOSE
        else f"{best} knows these {profile.items} best and is the default"
    )
    return note(
        f"Separability of frozen features by backbone: {told}: {verdict}.",
        best=first,
        second=second,
        n_backbones=len(order),
    )


@rule(
    reference="the licences of the weights, as their cards quote them; using none of these by default is our choice"
)
def non_commercial_weights(profile: PerceivedProfile) -> Finding | None:
    """A backbone that was asked for has weights that must not be used commercially.

    What: reads the licences on the cards of the backbones in use. Why: what is trained on top of them inherits the
    limit. No backbone of the house that is used unasked has such a licence.
    """
    bound = {
        name: licence
        for name, licence in sorted(profile.licences.items())
        if any(f" {words} " in _in_words(licence) for words in FORBIDDING)
    }
    if not bound:
        return None
    told = "; ".join(f"{name}: {licence}" for name, licence in bound.items())
    return warn(
        f"Not for commercial use, and nor is a model trained on it: {told}. Leave it out of --backbone for anything "
        "that will be sold.",
        n_bound=len(bound),
    )


def _in_words(licence: str) -> str:
    """The words of a licence's name, each between spaces."""
    return f" {' '.join(re.findall('[a-z]+', licence.lower()))} "
