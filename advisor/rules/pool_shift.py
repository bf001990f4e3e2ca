"""What the pool is made of: the shares of the classes in it, and how large it is beside the labels."""

from __future__ import annotations

from advisor.finding import Finding, note
from advisor.pools import PoolPrior
from advisor.profile import DatasetProfile, PerceivedProfile
from advisor.rule import rule

SHIFTED = 0.05
"""p-value up to which other shares are no accident: the usual level."""

DIFFERENT = 0.15
"""Total variation of the shares from which it is told; our choice: a seventh of the pool is of other classes than the
labels say. Estimates on pools with the labelled shares moved up to .15 away by chance (our measurement)."""

NAMED = 3
"""Classes named in the message; our choice, for the reader."""

TIMES = 5
"""Times as many unlabelled items as labels below which a pool is worth little; our judgement: published gains come from
pools of 10 to 1,000 times the labels."""


@rule(
    reference="Saerens et al. 2002; Lipton et al. 2018, arXiv 1802.03916 (label shift); Zou et al. 2018, arXiv "
    "1810.07911 (class-balanced self-training)"
)
def pool_has_other_shares(profile: PerceivedProfile) -> Finding | None:
    """The classes have other shares in the pool than among the labels.

    What: estimates the shares of the classes in the pool from frozen features, and compares them with pools that are
    simulated in the labelled shares. Why: labels are mostly drawn evenly while a pool is as it comes, which is no
    fault; but pseudo-labels that are forced into the labelled shares are then wrong by as much as the shares differ, so
    what learns from the pool keeps to those it finds there (``shares = "pool"``): beside 5 and 10 labels per class, one
    class being 60 % of the pool, self-training got 6 and 4 points more of the pool right on steel and 16 on CIFAR-10,
    prototypes 2 to 5, label spreading -1 to 5; on items in the labelled shares it cost up to 1.3 points (our
    measurement, three draws). Probabilities and the score are for items in the labelled shares.
    """
    prior = profile.pool_prior
    if prior is None or prior.p_value > SHIFTED or prior.distance < DIFFERENT:
        return None
    found = note(
        f"In the pool the classes seem to have other shares than among the labels: {_named(prior, profile)} (in all "
        f"{prior.distance:.0%} of the pool is of other classes; p {prior.p_value:.2f}). That is usual where labels are "
        "drawn evenly. What learns from the pool keeps to the shares found there (shares = pool). Probabilities and "
        "the expected score are for the labelled shares: if use brings what the pool holds, count on other ones, and "
        "label some of it at random to know.",
        distance=prior.distance,
        p_value=prior.p_value,
        n_pool=prior.n_pool,
    )
    return found.narrowing(shares=("pool",))


def _named(prior: PoolPrior, profile: PerceivedProfile) -> str:
    """The classes whose shares differ most, in words."""
    total = max(1, sum(profile.class_counts.values()))
    labelled = {name: profile.class_counts.get(name, 0) / total for name in prior.shares}
    most = sorted(prior.shares, key=lambda name: (-abs(prior.shares[name] - labelled[name]), name))
    told = [
        f"'{name}' {prior.shares[name]:.0%} ({prior.low[name]:.0%} to {prior.high[name]:.0%}) instead of "
        f"{labelled[name]:.0%}"
        for name in most[:NAMED]
    ]
    return ", ".join(told)


@rule(reference="our judgement, from the sizes of published pools: USB, arXiv 2208.07204")
def pool_is_small(profile: DatasetProfile) -> Finding | None:
    """A pool that is hardly larger than the labelled part.

    What: counts both. Why: what learns from a pool was shown to gain with 10 to 1,000 times as many unlabelled items as
    labels; less than five times as many say little that the labels do not.
    """
    n, n_labelled = profile.n_pool_new, profile.n_labelled
    if not 0 < n < TIMES * n_labelled:
        return None
    return note(
        f"{n:,} unlabelled {profile.items} are {n / n_labelled:.1f} times the {n_labelled:,} labelled ones: below "
        f"about {TIMES} times a pool is worth little to what learns from it. Labelling some of it gains more.",
        n_unlabelled=n,
        n_labelled=n_labelled,
    )
