"""Which family is ahead before anything was measured, by the number of labelled rows.

One rule per regime, each with nothing but the rows of the evidence tables that cover the number of labels. A probe
overrules them: what is measured here is worth more than what was measured elsewhere.
"""

from __future__ import annotations

from advisor.evidence import EvidenceRow, load_evidence
from advisor.finding import Finding, note
from advisor.profile import TabularProfile
from advisor.regime import find_regime
from advisor.rule import rule

BENCHMARK = "github.com/firefly1248/SmallDataBenchmarks: 124 tables, nested 4x4 cross-validation"

PRIOR_PREFIXES = ("t3_", "tabmini_", "a10_", "wide_")
"""Ids of the evidence rows that compare families by the number of labelled rows alone."""


@rule(
    reference="Knauer & Rodner 2024, arXiv 2409.01635; Varma & Simon 2006, BMC Bioinformatics 7:91"
)
def prior_few_shot(profile: TabularProfile) -> Finding | None:
    """Fewer than 50 labelled rows: nearly nothing is known to beat a regularised linear model.

    What: tells the order that published comparisons give. Why: on 44 tables of 32 to 500 rows logistic regression lies
    within .03 AUC of the best on 20. On average an in-context model (.85 against .82) and two AutoML systems (.85, .88)
    are ahead of it.
    """
    return _prior(profile, "tabular_few_shot", "a regularised linear model is hard to beat")


@rule(reference=BENCHMARK)
def prior_tiny(profile: TabularProfile) -> Finding | None:
    """50 to 299 labelled rows: in-context models, then CatBoost, forests and SVMs; boosting is a coin-flip.

    What: tells the order that published comparisons give. Why: on 22 tables of fewer than 300 rows LightGBM won 8 and
    lost 8 against logistic regression, random forest, SVM and CatBoost won 12 and lost 3, an in-context model won 12
    and lost none.
    """
    return _prior(
        profile,
        "tabular_tiny",
        "in-context models lead, CatBoost, forests and SVMs follow; other boosted trees win and lose equally often "
        "against a linear model",
    )


@rule(reference=BENCHMARK)
def prior_small(profile: TabularProfile) -> Finding | None:
    """300 to 1,999 labelled rows: in-context models lead, all others lie close together.

    What: tells the order that published comparisons give. Why: on 59 tables of 300 to 3,000 rows boosting, forest, SVM
    and logistic regression differ by less than five percent of the error; which one wins depends on the table.
    """
    return _prior(
        profile,
        "tabular_small",
        "in-context models lead, the other families lie within a few percent of each other",
    )


@rule(reference=BENCHMARK)
def prior_medium(profile: TabularProfile) -> Finding | None:
    """2,000 to 19,999 labelled rows: in-context models and boosting first, forests close behind.

    What: tells the order that published comparisons give. Why: on 72 tables of more than 1,000 rows boosting has a
    quarter less error than logistic regression, an in-context model a little less still.
    """
    return _prior(
        profile,
        "tabular_medium",
        "in-context models (where installed) and gradient boosting lead, forests are close behind",
    )


@rule(reference=f"{BENCHMARK}; github.com/szilard/GBM-perf, issue 62")
def prior_large(profile: TabularProfile) -> Finding | None:
    """20,000 or more labelled rows: gradient boosting first.

    What: tells the order that published comparisons give. Why: boosting has about half the error of a linear model on
    larger tables, and on the one dataset followed from 1k to 100k rows it overtakes an in-context model at about 20k.
    """
    return _prior(profile, "tabular_large", "gradient boosting leads, forests are close behind")


@rule(reference="Statnikov, Wang & Aliferis 2008, BMC Bioinformatics 9:319")
def prior_wide(profile: TabularProfile) -> Finding | None:
    """More features than labelled rows: linear models and SVMs before trees.

    What: tells the order that published comparisons give. Why: on 22 gene-expression tables SVMs outperform random
    forests, often by a large margin. The source has an order and no figure for our families, so the effects are small
    on purpose.
    """
    return _prior(profile, "tabular_wide", "regularised linear models and SVMs come before trees")


def _prior(profile: TabularProfile, regime: str, order: str) -> Finding | None:
    if find_regime(profile).name != regime:
        return None
    rows = _rows(profile)
    size = f"{profile.n_labelled:,} labelled rows"
    if regime == "tabular_wide":
        size += f", {profile.n_features:,} features"
    effects = tuple(effect for row in rows for effect in row.effects())
    return note(
        f"Published comparisons on tables of this size ({size}): {order}.",
        effects=effects,
        n_labelled=profile.n_labelled,
        n_features=profile.n_features,
    )


def _rows(profile: TabularProfile) -> list[EvidenceRow]:
    wide = profile.n_features > profile.n_labelled
    return [
        row
        for name, row in load_evidence().items()
        if name.startswith(PRIOR_PREFIXES) and row.covers(profile.n_labelled, wide=wide)
    ]
