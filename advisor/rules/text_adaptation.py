"""Adapting a base language model: what has to be there for it."""

from __future__ import annotations

from advisor.finding import Finding, veto
from advisor.profile import TextProfile
from advisor.rule import rule

FEWEST_TEXTS = 50
"""Texts of the pool below which nothing is adapted to it; our choice, as in the training: a tenth is held out, and
fewer cannot say when to stop."""


@rule(reference="our choice: a tenth of the pool has to say when adapting should stop")
def nothing_to_adapt_to(profile: TextProfile) -> Finding | None:
    """A base language model, and no pool or next to none to adapt it to.

    What: counts unlabelled texts. Why: masked-language training on the labelled texts alone would read what folds judge
    by, and a few dozen texts are learned by heart.
    """
    if not profile.base_models or profile.n_unlabelled >= FEWEST_TEXTS:
        return None
    return veto(
        f"{profile.n_unlabelled:,} unlabelled texts are too few to adapt {profile.base_models[0]} to (at least "
        f"{FEWEST_TEXTS}): it is fine-tuned as it is.",
        ("adapted_finetune",),
        n_unlabelled=profile.n_unlabelled,
    )
