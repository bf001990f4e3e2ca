"""The regimes of pictures: by labels of the smallest class, and by whether there is a pool worth using.

Labels are counted in the class that has fewest, and of a multilabel problem in the label with fewest presences. Values
are not classes; ten of them count as one label (see ``DatasetProfile.label_scarcity``). Pictures with masks are a
regime of their own. Groups and the kind of pictures are findings: they bear on the evaluation and on the choice of a
family.
"""

from __future__ import annotations

from math import inf

from advisor.dataset import Modality, Task
from advisor.profile import DatasetProfile, ImageProfile
from advisor.regime import REGIMES, Regime, RegimeEntry

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

POOL_LEAST = 50
"""Pictures of the pool from which it is worth using; our choice: fewer say next to nothing about how classes lie."""

POOL_PER_CLASS = 2
"""Pictures of the pool per class from which it is worth using; our choice. It does not depend on the number of labels,
so that more labels lead to another regime by themselves alone."""

POOL_FOREIGN = 0.5
"""Share of the pool that is unlike every labelled picture from which it is no use: a pool of other classes hurts
(Oliver et al. 2018, arXiv 1804.09170; Su et al. 2021, arXiv 2104.00679). The half is our choice."""

OUR_CURVES = (
    "our learning curves: three sets of pictures, 5 to 100 labels per class, EfficientNet-lite0"
)

POOL_BENCHMARK = "github.com/microsoft/Semi-supervised-learning (USB: 9 settings of pictures)"


def pool_is_worth_using(profile: DatasetProfile) -> bool:
    """Whether there is a pool, large enough and not mostly of other things."""
    least = max(POOL_LEAST, POOL_PER_CLASS * profile.n_classes)
    overlap = profile.pool_overlap if isinstance(profile, ImageProfile) else None
    foreign = overlap is not None and overlap.share_foreign >= POOL_FOREIGN
    return profile.n_unlabelled >= least and not foreign


def _add(name: str, bounds: tuple[float, float], because: str, *references: str) -> None:
    """Register the regime of pictures with so many labels, without a pool and with one."""
    low, below = bounds
    span = f"fewer than {below:g}" if low == 0 else f"{low:g} to {below - 1:g}"
    labels = f"{span if below < inf else f'{low:,.0f} or more'} labels in the smallest class"
    for pooled in (False, True):

        def covers(profile: DatasetProfile, pooled: bool = pooled) -> bool:
            return (
                profile.task is not Task.SEGMENTATION
                and low <= profile.label_scarcity < below
                and pool_is_worth_using(profile) is pooled
            )

        regime = Regime(
            name=f"{name}_pool" if pooled else name,
            modality=Modality.IMAGE,
            definition=f"pictures with {labels} and {'a' if pooled else 'no'} pool worth using",
            because=because + (POOLED if pooled else ""),
            references=(*references, POOL_BENCHMARK) if pooled else references,
        )
        REGIMES.add(regime.name)(RegimeEntry(regime, covers))


POOLED = (
    " The pool can be worth several times the labels to methods that learn from it, which come with a later version; "
    "labelling some of it is the surest use until then."
)

_add(
    "image_few_shot",
    (0, FEW_SHOT_BELOW),
    "a linear head on a frozen backbone is hard to beat, and every choice made on so few labels is mostly luck: "
    "compare few candidates and read the interval.",
    OUR_CURVES,
    "Kim et al. 2022, arXiv 2205.07874",
    "FEWTRANS 2026, arXiv 2603.00478",
)
_add(
    "image_scarce",
    (FEW_SHOT_BELOW, SCARCE_BELOW),
    "frozen features lead on pictures that the backbone knows, fine-tuning on those that it does not: which one this "
    "is can be measured, and cross-validation decides.",
    OUR_CURVES,
    "Kim et al. 2022, arXiv 2205.07874",
)
_add(
    "image_moderate",
    (SCARCE_BELOW, MODERATE_BELOW),
    "fine-tuning, with the head trained first, is usually ahead unless frozen features already tell the classes apart; "
    "from scratch is still far behind.",
    "Kumar et al. 2022, arXiv 2202.10054",
    "Head2Toe 2022, arXiv 2201.03529 (VTAB, 1,000 pictures per task)",
)
_add(
    "image_ample",
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
