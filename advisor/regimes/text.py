"""The regimes of texts: by labels of the smallest class, and by whether there is a pool worth using.

Labels are counted as for pictures (see ``DatasetProfile.label_scarcity``). What the texts are about, how long they are
and in which language are findings: they bear on the choice of a backbone and of a family.
"""

from __future__ import annotations

from math import inf

from advisor.dataset import Modality
from advisor.regime import add_by_labels

FEW_SHOT_BELOW = 16
"""Labels of the smallest class. A head on frozen embeddings leads full fine-tuning by 9 points at 8 per class and
trails it by 7 at 64; the two cross between 16 and 32 (mean of five sets, ten seeds: github.com/huggingface/setfit)."""

SCARCE_BELOW = 100
"""Labels of the smallest class. Contrastive fine-tuning leads full fine-tuning by 18, 14, 9 and 5.5 points at 8, 16, 32
and 64 per class (same source); carried on, the two meet between 100 and 300, which nobody has measured for us."""

MODERATE_BELOW = 1_000
"""Labels of the smallest class. Specialised models need 100 to 1,000 labels to match a general one (Pecher et al. 2024,
arXiv 2402.12819); beyond, little of what is known about few labels applies. The round number is our choice."""

SETFIT = "github.com/huggingface/setfit, final_results (5 sets, 10 seeds, 2 to 64 labels per class)"

add_by_labels(
    Modality.TEXT,
    "few_shot",
    (0, FEW_SHOT_BELOW),
    "a head on frozen sentence embeddings is ahead of fine-tuning at once by 9 points, and contrastive fine-tuning of "
    "the sentence encoder ahead of both; scores of a draw differ by 2 to 12 points, so compare few candidates and read "
    "the interval.",
    SETFIT,
)
add_by_labels(
    Modality.TEXT,
    "scarce",
    (FEW_SHOT_BELOW, SCARCE_BELOW),
    "fine-tuning at once overtakes a frozen head here and contrastive fine-tuning still leads both, unless the "
    "embeddings already tell the classes apart: then a head suffices, which can be measured in seconds.",
    SETFIT,
)
add_by_labels(
    Modality.TEXT,
    "moderate",
    (SCARCE_BELOW, MODERATE_BELOW),
    "full fine-tuning, with several seeds, draws level with contrastive fine-tuning and then ahead; for topics a head "
    "on frozen embeddings or word counts is often as good and a hundred times cheaper.",
    SETFIT,
    "Pecher et al. 2024, arXiv 2402.12819",
)
add_by_labels(
    Modality.TEXT,
    "ample",
    (MODERATE_BELOW, inf),
    "labels are not what is missing: fine-tune the largest encoder that the time allows, and keep word counts with a "
    "linear model as the floor it has to beat.",
    SETFIT,
)
