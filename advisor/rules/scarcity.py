"""Few labels: what they cannot tell, and what else there is to learn from."""

from __future__ import annotations

from advisor.evidence import load_evidence
from advisor.finding import Finding, note, warn
from advisor.profile import DatasetProfile, TabularProfile
from advisor.rule import rule

CHOOSE_FROM = 50
"""Labelled rows below which choosing among models finds the luckiest (Varma & Simon 2006: about 40 rows)."""

OPTIMISTIC_BELOW = 100
"""Labelled rows below which the search keeps to few candidates: interval methods themselves turn conservative under
about 80 to 100 rows. Our choice."""

REPEATED = 0.05
"""Share of a table's pool that repeats labelled or test rows from which that is told, as of repeated labelled rows; our
choice: rows of a few coarse columns agree by chance."""

POOL_FACTOR = 2.0
"""Pool rows per labelled row from which the pool is worth telling of; our choice."""

OF_POOLS = (
    *("own_pool_tables_self", "own_pool_tables_spread", "own_pool_tables_prototypes"),
    "own_pool_tables_consistency",
)
"""Evidence on what learns from the pool of a table."""


@rule(reference="Varma & Simon 2006, BMC Bioinformatics 7:91; Cawley & Talbot 2010, JMLR 11")
def too_few_to_choose(profile: DatasetProfile) -> Finding | None:
    """Fewer than 50 labelled rows.

    What: counts labelled rows. Why: on tables of about 40 rows without any signal, tuned cross-validation claimed less
    than 30 % error on 18.5 % and 38 % of them, where the truth was 50 %. Choosing among many candidates finds the
    luckiest one.
    """
    if profile.n_labelled >= CHOOSE_FROM:
        return None
    return warn(
        f"{profile.n_labelled} labelled {profile.items} cannot tell good models from lucky ones: keep to few, strongly "
        f"regularised candidates and trust the interval, not the score. About {CHOOSE_FROM - profile.n_labelled} "
        "more labels would help more than any model.",
        n_labelled=profile.n_labelled,
    )


@rule(
    reference="Tsamardinos et al. 2018, doi.org/10.1007/s10994-018-5714-4; arXiv 2506.19540 on overtuning"
)
def search_overfits(profile: DatasetProfile) -> Finding | None:
    """50 to 99 labelled rows.

    What: counts labelled rows. Why: the cross-validated score of the winner of a search is optimistic, the more so the
    fewer rows and the more candidates; about one search in ten ends worse than the default configuration.
    """
    if not CHOOSE_FROM <= profile.n_labelled < OPTIMISTIC_BELOW:
        return None
    return note(
        f"On {profile.n_labelled} labelled {profile.items} the score of the winner of a search is optimistic: read the "
        "bias-corrected score and its interval, and prefer defaults when they are within it.",
        n_labelled=profile.n_labelled,
    )


@rule(
    reference="TabArena 2025, arXiv 2506.16791: networks overfit the validation rows; bound is our choice"
)
def network_on_few_rows(profile: TabularProfile) -> Finding | None:
    """Fewer than 100 labelled rows for a network trained from scratch.

    What: counts labelled rows. Why: early stopping needs rows of its own, and what it stops on is noise when they are
    few. The network stays in the race, strongly regularised; it is not expected to win.
    """
    if profile.n_labelled >= OPTIMISTIC_BELOW or profile.n_features > profile.n_labelled:
        return None
    return note(
        f"A neural network trained from scratch on {profile.n_labelled} rows has too few to stop early by; do not wait "
        "for it.",
        n_labelled=profile.n_labelled,
    )


@rule(
    reference="our measurements, 21 tables; github.com/microsoft/Semi-supervised-learning: plain pseudo-labels are "
    "worse in 15 of 28 settings"
)
def pool_available(profile: TabularProfile) -> Finding | None:
    """Unlabelled pool beside the labelled rows.

    What: compares its size with the number of labels. Why: labelling some of its rows is the surest use of it. Naive
    self-training made things worse in 15 of 28 published settings and on most of our tables, so it is never done by
    default.
    """
    if profile.n_pool_new < POOL_FACTOR * profile.n_labelled:
        return None
    rows = [load_evidence()[name] for name in OF_POOLS]
    return note(
        f"{profile.n_pool_new:,} unlabelled rows lie beside {profile.n_labelled:,} labelled ones: labelling more "
        "of them is the surest gain (see what more labels are worth). On our tables what learns from a pool was no "
        "better on average than a linear model without it, so it is used only if it wins on labelled folds; the "
        "likeliest to is label_spreading, where labels were drawn at random from the pool.",
        effects=tuple(e for row in rows if row.covers(profile.n_labelled) for e in row.effects()),
        n_unlabelled=profile.n_pool_new,
        n_labelled=profile.n_labelled,
    )


@rule(reference="our choice: 5 % of the pool; such rows are left out of whatever learns from it")
def pool_rows_repeat(profile: TabularProfile) -> Finding | None:
    """Rows of the pool that repeat labelled or test rows.

    What: compares all cells that are learned from. Why: labelled rows bring nothing new, and test rows in the pool make
    whatever learns from it look better than it is, so none of them is learned from.
    """
    repeated, n = profile.n_pool_overlap, profile.n_unlabelled
    if repeated < REPEATED * max(1, n):
        return None
    left = f"{profile.n_pool_new:,} are left" if profile.n_pool_new else "nothing is left"
    return note(
        f"{repeated:,} of the {n:,} unlabelled rows {'repeats' if repeated == 1 else 'repeat'} a labelled or a test "
        f"row: they are left out of whatever learns from the pool, and {left}. Check which rows --unlabeled names.",
        n_pool_overlap=repeated,
        n_unlabelled=n,
    )
