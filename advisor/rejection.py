"""Card, profile and findings → why a strategy may not run on a dataset, if so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.finding import Finding
from advisor.profile import DatasetProfile, TabularProfile
from advisor.strategy import Card


@dataclass(frozen=True)
class Rejection:
    """A strategy that may not run, by which rule, and why in words."""

    strategy: str
    rule: str
    reason: str


def find_rejection(
    card: Card, profile: DatasetProfile, findings: Sequence[Finding]
) -> Rejection | None:
    """Say why a strategy may not run on a dataset, if so.

    Parameters
    ----------
    card : Card
        Of the strategy.
    profile : DatasetProfile
        Of the dataset.
    findings : sequence of Finding
        Whose vetoes count.

    Returns
    -------
    Rejection or None
        The first of: a task it cannot do, a limit it would exceed, something it needs and the data has not, a veto.
    """
    if profile.task not in card.tasks:
        tasks = ", ".join(sorted(card.tasks))
        return Rejection(card.name, "task", f"it does {tasks}, this is {profile.task}")
    if beyond := beyond_limits(card, profile):
        source = card.requires.limits_reference
        return Rejection(card.name, "limits", beyond + (f" ({source})" if source else ""))
    lacking = [
        words for field, words in card.requires.present.items() if not getattr(profile, field, True)
    ]
    if lacking:
        return Rejection(card.name, "needs", f"needs {lacking[0]}")
    for finding in findings:
        if card.name in finding.vetoes or card.family in finding.vetoes:
            return Rejection(card.name, finding.rule, finding.message)
    return None


def beyond_limits(card: Card, profile: DatasetProfile) -> str:
    """Name the limits of a strategy that a dataset exceeds, or return the empty string.

    Parameters
    ----------
    card : Card
        Of the strategy.
    profile : DatasetProfile
        Of the dataset.

    Returns
    -------
    str
        For example ``"made for at most 10,000 rows, here are 12,000"``.
    """
    n_features = profile.n_features if isinstance(profile, TabularProfile) else None
    most = None if profile.modality in card.requires.limitless else card.requires.max_rows
    checks = (
        (most, profile.n_labelled, "rows"),
        (card.requires.max_features, n_features, "features"),
        (card.requires.max_classes, profile.n_classes, "classes"),
    )
    return "; ".join(
        f"made for at most {limit:,} {noun}, here are {found:,}"
        for limit, found, noun in checks
        if limit is not None and found is not None and found > limit
    )
