"""DatasetProfile → Regime: where you stand, exactly one per dataset.

Why a partition and not a score: a search space has to be narrowed in one way, and a reader has to be told one
place where the dataset stands. Everything that can hold beside something else is a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from advisor.dataset import Modality
from advisor.errors import NoStrategy
from advisor.profile import DatasetProfile
from advisor.registry import Registry


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

    ``covers`` is asked only about profiles of the regime's modality.
    """

    regime: Regime
    covers: Callable[[DatasetProfile], bool]


REGIMES: Registry[RegimeEntry] = Registry("regime", "advisor.regimes")


def find_regime(profile: DatasetProfile) -> Regime:
    """Find the one regime that a profile stands in.

    Parameters
    ----------
    profile : DatasetProfile
        As ``profile_dataset`` makes it.

    Returns
    -------
    Regime
        The only entry of ``REGIMES`` that covers the profile.

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
            f"{profile.name} holds {profile.modality} data, for which this version has no regimes yet and so no "
            "strategies to recommend; it advises on tables."
        )
    found = [entry.regime for entry in entries if entry.covers(profile)]
    if len(found) != 1:
        names = [regime.name for regime in found]
        raise RuntimeError(f"expected exactly one regime for {profile.name}, got {names}")
    return found[0]
