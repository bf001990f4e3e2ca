"""The regimes of pictures: by labels of the smallest class, and by whether there is a pool worth using.

Labels are counted in the class that has fewest, and of a multilabel problem in the label with fewest presences. Values
are not classes; ten of them count as one label (see ``DatasetProfile.label_scarcity``). Pictures with masks are a
regime of their own. Groups and the kind of pictures are findings: they bear on the evaluation and on the choice of a
family.
"""

from __future__ import annotations

from math import inf

from advisor.dataset import Modality, Task
from advisor.regime import REGIMES, Regime, RegimeEntry, add_by_labels

FEW_SHOT_BELOW = 10
"""Labels of the smallest class. Up to here a linear head on frozen features is still climbing steeply (photos of
insects: 89 % at 5, 93 % at 10, 94 % at 25 labels per class; our measurement), and fine-tuning is behind it with
extremely few samples (Kim et al. 2022, arXiv 2205.07874; contradicted by arXiv 2603.00478). The round number is our
choice."""

SCARCE_BELOW = 100
"""Labels of the smallest class. Up to here our own curves go: between 10 and 100 fine-tuning overtakes a frozen head on
pictures unlike those the backbone knows and nowhere else (our measurement on three sets). The end of the curves is our
choice of a bound."""

MODERATE_BELOW = 1_000
"""Labels of the smallest class. About what a class of ImageNet-1k has; beyond it little of what is known about few
labels applies. Our choice."""

OUR_CURVES = (
    "our learning curves: three sets of pictures, 5 to 100 labels per class, EfficientNet-lite0"
)

add_by_labels(
    Modality.IMAGE,
    "few_shot",
    (0, FEW_SHOT_BELOW),
    "a linear head on a frozen backbone is hard to beat, and every choice made on so few labels is mostly luck: "
    "compare few candidates and read the interval.",
    OUR_CURVES,
    "Kim et al. 2022, arXiv 2205.07874",
    "FEWTRANS 2026, arXiv 2603.00478",
)
add_by_labels(
    Modality.IMAGE,
    "scarce",
    (FEW_SHOT_BELOW, SCARCE_BELOW),
    "frozen features lead on pictures that the backbone knows, fine-tuning on those that it does not: which one this "
    "is can be measured, and cross-validation decides.",
    OUR_CURVES,
    "Kim et al. 2022, arXiv 2205.07874",
)
add_by_labels(
    Modality.IMAGE,
    "moderate",
    (SCARCE_BELOW, MODERATE_BELOW),
    "fine-tuning, with the head trained first, is usually ahead unless frozen features already tell the classes apart; "
    "from scratch is still far behind.",
    "Kumar et al. 2022, arXiv 2202.10054",
    "Head2Toe 2022, arXiv 2201.03529 (VTAB, 1,000 pictures per task)",
)
add_by_labels(
    Modality.IMAGE,
    "ample",
    (MODERATE_BELOW, inf),
    "labels are not what is missing: fine-tune with stronger augmentation and more epochs, and spend the time on "
    "resolution and a larger backbone.",
    "Kumar et al. 2022, arXiv 2202.10054",
)
REGIMES.add("image_segmentation")(
    RegimeEntry(
        Regime(
            name="image_segmentation",
            modality=Modality.IMAGE,
            definition="pictures with a mask each",
            because="a mask holds thousands of labels and yet few independent ones, so small sets are a hard regime: a "
            "pretrained encoder, heavy augmentation and cropping decide more than the architecture. This version "
            "profiles and advises; it does not train masks yet.",
            references=("Ronneberger et al. 2015, arXiv 1505.04597 (30 pictures, augmentation)",),
        ),
        lambda profile: profile.task is Task.SEGMENTATION,
    )
)
