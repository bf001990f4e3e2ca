"""DatasetProfile → Regime: where you stand, exactly one per dataset.

Why a partition and not a score: a search space has to be narrowed in one way, and a reader has to be told one
place where the dataset stands. Everything that can hold beside something else is a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from pydantic import BaseModel, ConfigDict

from advisor.dataset import Modality, Task
from advisor.errors import NoStrategy
from advisor.profile import ITEMS, LABELS_PER_VALUE, DatasetProfile, PerceivedProfile
from advisor.registry import Registry

POOL_LEAST = 50
"""Items of the pool from which it is worth using; our choice: fewer say next to nothing about how classes lie."""

POOL_PER_CLASS = 2
"""Items of the pool per class from which it is worth using; our choice. It does not depend on the number of labels,
so that more labels lead to another regime by themselves alone."""

POOL_FOREIGN = 0.5
"""Share of the pool that is unlike every labelled item from which it is no use: a pool of other classes hurts
(Oliver et al. 2018, arXiv 1804.09170; Su et al. 2021, arXiv 2104.00679). The half is our choice."""

POOL_BENCHMARK = "github.com/microsoft/Semi-supervised-learning (USB: 9 settings of pictures, 10 of texts, 9 of sound)"


class Regime(BaseModel):
    """One cell of the partition of all datasets.

    ``definition`` says the cell in words, ``because`` what it means for the choice of a strategy.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    modality: Modality
    definition: str
    because: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegimeEntry:
    """A regime with the predicate that says which profiles stand in it.

    ``covers`` is asked only about profiles of the regime's modality. ``of_values`` is the same regime in the words of a
    regression, which has values and no classes; ``None`` where the words suit both.
    """

    regime: Regime
    covers: Callable[[DatasetProfile], bool]
    of_values: Regime | None = None


REGIMES: Registry[RegimeEntry] = Registry("regime", "advisor.regimes")


def pool_is_worth_using(profile: DatasetProfile) -> bool:
    """Say whether there is a pool of pictures, texts or recordings, large enough and not mostly of other things.

    Parameters
    ----------
    profile : DatasetProfile
        Of any modality but tables.

    Returns
    -------
    bool
    """
    least = max(POOL_LEAST, POOL_PER_CLASS * profile.n_classes)
    overlap = profile.pool_overlap if isinstance(profile, PerceivedProfile) else None
    foreign = overlap is not None and overlap.share_foreign >= POOL_FOREIGN
    return profile.n_pool_new >= least and not foreign


def add_by_labels(
    modality: Modality, name: str, bounds: tuple[float, float], because: str, *references: str
) -> None:
    """Register two regimes of what is perceived: so many labels of the smallest class, without a pool and with one.

    Parameters
    ----------
    modality : Modality
        Image, text or audio.
    name : str
        Behind the modality; the regime with a pool has ``_pool`` behind that.
    bounds : tuple of float
        Fewest labels of the smallest class, and how many are too many.
    because : str
        What it means for the choice of a strategy, in sentences.
    *references : str
        Who says so.
    """
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

        def told(counted: str, pooled: bool = pooled) -> str:
            return (
                f"{ITEMS[modality]} with {counted} and {'a' if pooled else 'no'} pool worth using"
            )

        regime = Regime(
            name=f"{modality}_{name}" + "_pool" * pooled,
            modality=modality,
            definition=told(labels),
            because=because + POOLED * pooled,
            references=(*references, POOL_BENCHMARK) if pooled else references,
        )
        of_values = regime.model_copy(
            update={
                "definition": told(_values(low, below)),
                "because": because + POOLED_VALUES * pooled,
            }
        )
        REGIMES.add(regime.name)(RegimeEntry(regime, covers, of_values))


POOLED = (
    " The pool can be worth several times the labels: heads and networks that learn from it are in the race, and what "
    "to label next can be asked for (--suggest-labels)."
)

POOLED_VALUES = (
    " What labels a pool needs classes: for values a backbone can be adapted to it, and what to label next can be "
    "asked for (--suggest-labels)."
)


def _values(low: float, below: float) -> str:
    """Say how many values of a regression count as that many labels of a class."""
    low, below = low * LABELS_PER_VALUE, below * LABELS_PER_VALUE
    if low == 0:
        return f"fewer than {below:,.0f} values"
    return f"{low:,.0f} to {below - 1:,.0f} values" if below < inf else f"{low:,.0f} or more values"


def find_regime(profile: DatasetProfile) -> Regime:
    """Find the one regime that a profile stands in.

    Parameters
    ----------
    profile : DatasetProfile
        As ``profile_dataset`` makes it.

    Returns
    -------
    Regime
        That of the only entry of ``REGIMES`` that covers the profile.

    Raises
    ------
    NoStrategy
        If there are no regimes for the profile's modality yet.
    RuntimeError
        If none or several cover it: the partition has a gap or an overlap, which is a bug of ours.
    """
    entries = [e for e in REGIMES.values() if e.regime.modality is profile.modality]
    if not entries:
        raise NoStrategy(
            f"{profile.name} holds {profile.modality} data, for which this version has no regimes and so no strategies "
            f"to recommend; it advises on {', '.join(sorted({e.regime.modality for e in REGIMES.values()}))} data."
        )
    of_values = profile.task is Task.REGRESSION
    found = [(e.of_values if of_values else None) or e.regime for e in entries if e.covers(profile)]
    if len(found) != 1:
        names = [regime.name for regime in found]
        raise RuntimeError(f"expected exactly one regime for {profile.name}, got {names}")
    return found[0]
