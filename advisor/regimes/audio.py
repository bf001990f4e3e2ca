"""The regimes of recordings: by labels of the smallest class, and by whether there is a pool worth using.

Labels are counted as for pictures (see ``DatasetProfile.label_scarcity``). Speakers, the kind of sound and the quality
of the recordings are findings: they bear on the evaluation and on the choice of a backbone.
"""

from __future__ import annotations

from math import inf

from advisor.dataset import Modality
from advisor.regime import add_by_labels

FEW_SHOT_BELOW = 10
"""Labels of the smallest class. Up to here a head on frozen embeddings still climbs by 6 to 7 points with each doubling
(ESC-10: 80 % at 5, 87 % at 10, 91 % at 20 per class; our measurement). The round number is our choice."""

SCARCE_BELOW = 100
"""Labels of the smallest class. Most published curves on few recordings end below (arXiv 2402.01274; USB: 1 to 40 per
class); the bound is our choice."""

MODERATE_BELOW = 1_000
"""Labels of the smallest class; our choice, as for pictures."""

OUR_CURVES = (
    "our learning curves: spoken digits and ESC-10, 5 to 20 labels per class, eight representations"
)

FROZEN_AUDIO = "arXiv 2402.01274 (13 self-supervised models, 10 sets of few recordings)"

add_by_labels(
    Modality.AUDIO,
    "few_shot",
    (0, FEW_SHOT_BELOW),
    "a head on frozen embeddings is the default; what the embedding was trained on decides more than the head, and "
    "every choice made on so few labels is mostly luck.",
    OUR_CURVES,
    FROZEN_AUDIO,
)
add_by_labels(
    Modality.AUDIO,
    "scarce",
    (FEW_SHOT_BELOW, SCARCE_BELOW),
    "frozen embeddings lead, several joined by a point more; no embedding wins everywhere, so measure which, and keep "
    "speakers or recordings on one side of every split.",
    OUR_CURVES,
    FROZEN_AUDIO,
    "arXiv 2110.09600 (few-shot audio: no one size fits all)",
)
add_by_labels(
    Modality.AUDIO,
    "moderate",
    (SCARCE_BELOW, MODERATE_BELOW),
    "fine-tuning a network on log-mel pictures may draw level with frozen embeddings on sounds they do not know; "
    "cross-validation decides.",
    FROZEN_AUDIO,
)
add_by_labels(
    Modality.AUDIO,
    "ample",
    (MODERATE_BELOW, inf),
    "labels are not what is missing: fine-tune on log-mel pictures with masking and mixing, and compare with frozen "
    "embeddings, which stay cheap.",
    FROZEN_AUDIO,
)
