"""What is measured of an unlabelled pool: how it lies to the labelled items, and which classes it seems to hold.

Types only; :mod:`advisor.profile` has them among its fields, and ``profilers/`` makes them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


COMPARED = 5_000
"""Items of the pool, and of the test split, that are searched for copies of labelled ones. Our choice, for time: a
photo takes 2 ms on two cores."""

BY_CHANCE = 0.05
"""p-value above which two sets are not called different: the usual level."""


class PoolOverlap(_Frozen):
    """How the pool lies to the labelled items in the embedding of one backbone."""

    backbone: str
    n_pool: int
    """Items of the pool that were looked at."""
    auc: float
    """Cross-validated AUC of telling pool from labelled items: 0.5 for the same domain, 1.0 for another one. Where the
    shares of the classes could be estimated, of items drawn from the pool in those of the labelled items."""
    p_value: float | None = None
    """Share of random exchanges of the two sides that are told apart as well; ``None`` where it was not asked."""
    share_foreign: float
    """Estimated share of the pool that is unlike every labelled item: how many are missing from those that lie as near
    to their nearest labelled item as labelled ones do to each other."""
    share_foreign_low: float | None = None
    """What it is at least, in 95 of 100 draws of labelled items and pool; ``None`` where it was not asked."""

    @property
    def stands_apart(self) -> bool:
        """Whether pool and labelled items are told apart better than two halves of one set are."""
        return self.p_value is None or self.p_value <= BY_CHANCE

    @property
    def holds_foreign(self) -> bool:
        """Whether more items are foreign than so few labelled ones make it seem."""
        return self.share_foreign_low is None or self.share_foreign_low > 0


class PoolPrior(_Frozen):
    """Which shares the classes seem to have in the pool, by the features of one backbone.

    Items that look foreign are left out. An estimate moves from the labelled shares only as far as it stands out from
    what pools of exactly these shares give.
    """

    backbone: str
    n_pool: int
    """Items of the pool that were asked."""
    shares: dict[str, float]
    """Class -> estimated share; they sum to 1."""
    low: dict[str, float]
    high: dict[str, float]
    """Class -> ends of the interval that holds 95 % of the estimates on simulated pools of these shares. Where frozen
    features do not know the classes it is too narrow: see ``profilers/class_shares.py``."""
    distance: float
    """Total variation between the shares of the pool and those of the labelled items: 0 for equal ones, 1 for no class
    in common."""
    p_value: float
    """Share of simulated pools with the labelled shares whose raw estimate lies as far from these."""
