"""Augmentation of texts: what people try first on few texts, and what it is known to bring."""

from __future__ import annotations

import re

from advisor.dataset import Task
from advisor.finding import Finding, note
from advisor.profile import TextProfile
from advisor.rule import rule

EDA_BELOW = 500
"""Labelled texts below which EDA is said to be worth a try without a pretrained encoder (Wei & Zou 2019)."""

NAMES_UP_TO = 16
"""Labels of the smallest class up to which examples made of label names changed a score by much (row label_names)."""

NAME = re.compile(r"[^\W\d_]{3,}")
"""Letters of a label that means something: ``card_arrival`` and not ``C3``."""

CODE_LENGTH = 5
"""Letters up to which a name all in capitals is taken for a code (``ENTY``); our choice."""


@rule(
    reference="Longpre et al. 2020, 2020.findings-emnlp.394 (5 tasks, 6 sets); Wei & Zou 2019, arXiv 1901.11196"
)
def no_text_augmentation(profile: TextProfile) -> Finding | None:
    """Fewer than 500 labelled texts and an encoder: EDA and back-translation only where cross-validation agrees.

    What: counts labelled texts and looks whether a pretrained encoder can run. Why: swapping, deleting and replacing
    words helped networks that were not pretrained with fewer than 500 texts; BERT, XLNet and RoBERTa it does not help
    consistently, and neither does translating there and back.
    """
    if not profile.backbones or profile.n_labelled >= EDA_BELOW:
        return None
    return note(
        f"{profile.n_labelled:,} labelled texts: EDA, synonyms and back-translation do not consistently help a "
        "pretrained encoder. They are in the search space, off by default, and kept only where they beat the best "
        "without them by more than chance.",
        n_labelled=profile.n_labelled,
    )


@rule(reference="github.com/huggingface/setfit, final_results: 8 sets, 10 draws (row label_names)")
def no_label_name_examples(profile: TextProfile) -> Finding | None:
    """Up to 16 labels per class, and labels whose names mean something: no examples made of the names.

    What: counts labels of the smallest class and looks whether the names are words. Why: "This text is about ..." with
    the label's name as extra examples changed contrastive fine-tuning at 8 per class by +11.3 points on one set and by
    -9.3, -7.3 and -6.6 on three others.
    """
    if profile.task is Task.REGRESSION or profile.label_scarcity > NAMES_UP_TO:
        return None
    if not all(_is_word(name) for name in profile.class_counts):
        return None
    shown = next(iter(profile.class_counts), "")
    return note(
        f"The labels have names that mean something, such as '{shown}'; do not make examples of them unasked: at 8 per "
        "class that changed scores by -9 to +11 points, for the worse on half of eight sets.",
        label_scarcity=profile.label_scarcity,
    )


def _is_word(name: str) -> bool:
    found = NAME.search(name)
    return found is not None and not (name.isupper() and len(name) <= CODE_LENGTH)
