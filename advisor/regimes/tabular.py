"""The regimes of tables: by labelled rows, except where there are more features than those.

Rows are the labelled ones. A table with more features than labelled rows is wide however many it has: there a linear
model already fits any labels, so what matters is how it is held back. Groups and rare classes make labels worth less
than their number; they are findings, because they bear on the evaluation more than on the size of the model.
"""

from __future__ import annotations

from math import inf

from advisor.dataset import Modality
from advisor.profile import DatasetProfile, TabularProfile
from advisor.regime import REGIMES, Regime, RegimeEntry

FEW_SHOT_BELOW = 50
"""Labelled rows. On about 40 rows without any signal, tuned cross-validation claimed less than 30 % error on 18.5 % and
38 % of the sets (Varma & Simon 2006, BMC Bioinformatics 7:91); the round number is our choice."""

TINY_BELOW = 300
"""Labelled rows. Below it gradient boosting wins and loses against logistic regression equally often (8 to 8 of 22
sets; github.com/firefly1248/SmallDataBenchmarks)."""

SMALL_BELOW = 2_000
"""Labelled rows. Up to here the families lie within a few points of each other (same source, bands of 300-1k and
1k-3k)."""

MEDIUM_BELOW = 20_000
"""Labelled rows. On one dataset TabPFN led up to 10k rows and XGBoost from 20k (github.com/szilard/GBM-perf, issue 62);
cubic and quadratic methods end here as well."""

SMALL_DATA_BENCHMARKS = "github.com/firefly1248/SmallDataBenchmarks (124 datasets, nested 4x4 CV)"


def _add(
    name: str, at_least: float, below: float, definition: str, because: str, *references: str
) -> None:
    """Register the regime of tables with ``at_least <= n_labelled < below`` that are not wide."""

    def covers(profile: DatasetProfile) -> bool:
        return at_least <= profile.n_labelled < below and not _is_wide(profile)

    regime = Regime(
        name=name,
        modality=Modality.TABULAR,
        definition=definition,
        because=because,
        references=references,
    )
    REGIMES.add(name)(RegimeEntry(regime, covers))


def _is_wide(profile: DatasetProfile) -> bool:
    return isinstance(profile, TabularProfile) and profile.n_features > profile.n_labelled


_add(
    "tabular_few_shot",
    0,
    FEW_SHOT_BELOW,
    f"a table with fewer than {FEW_SHOT_BELOW} labelled rows",
    "cross-validation itself is unreliable here: choosing among many candidates finds the luckiest one, so a few "
    "strongly regularised defaults are compared and the interval counts more than the score.",
    "Varma & Simon 2006, BMC Bioinformatics 7:91",
    "Knauer & Rodner 2024, arXiv 2409.01635",
)
_add(
    "tabular_tiny",
    FEW_SHOT_BELOW,
    TINY_BELOW,
    f"a table with {FEW_SHOT_BELOW} to {TINY_BELOW - 1} labelled rows",
    "in-context models, random forests, SVMs and CatBoost are safe; other boosted trees are a coin-flip against "
    "logistic regression, and every further trial overfits the validation rows.",
    SMALL_DATA_BENCHMARKS,
    "Knauer & Rodner 2024, arXiv 2409.01635",
)
_add(
    "tabular_small",
    TINY_BELOW,
    SMALL_BELOW,
    f"a table with {TINY_BELOW} to {SMALL_BELOW - 1:,} labelled rows",
    "in-context models lead, the other families lie close together: which one wins depends on the table, so measure.",
    SMALL_DATA_BENCHMARKS,
    "TabArena 2025, arXiv 2506.16791",
)
_add(
    "tabular_medium",
    SMALL_BELOW,
    MEDIUM_BELOW,
    f"a table with {SMALL_BELOW:,} to {MEDIUM_BELOW - 1:,} labelled rows",
    "tree ensembles pull away from linear models, tuning pays, and an ensemble of families is worth its time.",
    SMALL_DATA_BENCHMARKS,
    "TabArena 2025, arXiv 2506.16791",
)
_add(
    "tabular_large",
    MEDIUM_BELOW,
    inf,
    f"a table with {MEDIUM_BELOW:,} or more labelled rows",
    "gradient boosting comes first and its cost grows linearly; kernels and in-context models run out of memory "
    "or time.",
    "github.com/szilard/GBM-perf, issue 62",
    "BeyondArena 2026, arXiv 2606.30410",
)
REGIMES.add("tabular_wide")(
    RegimeEntry(
        Regime(
            name="tabular_wide",
            modality=Modality.TABULAR,
            definition="a table with more features than labelled rows",
            because="a linear model already separates any labels, so regularised linear models and SVMs come first; "
            "trees see too few rows per split, and selecting features outside the folds makes any score worthless.",
            references=(
                "Statnikov, Wang & Aliferis 2008, BMC Bioinformatics 9:319",
                "Varma & Simon 2006, BMC Bioinformatics 7:91",
            ),
        ),
        _is_wide,
    )
)
