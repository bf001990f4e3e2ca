"""DatasetProfile → findings: the rules, and how they are asked.

A rule is a function of one profile that returns a finding or nothing. The annotation of its parameter says which
profiles it speaks about; its docstring says what it looks for and why; its registration says who found that out. What a
rule may claim about families of strategies comes from a row of the evidence tables and from nowhere else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, get_type_hints

from advisor.dataset import Task
from advisor.finding import Finding, Severity
from advisor.profile import DatasetProfile, PerceivedProfile
from advisor.registry import Registry

P = TypeVar("P", bound=DatasetProfile)

SEVERITIES: tuple[Severity, ...] = ("veto", "warn", "note")
"""Order in which findings are told."""


@dataclass(frozen=True)
class Rule:
    """A registered rule.

    Attributes
    ----------
    name : str
        The name of its function.
    profile_type : type
        The profiles it speaks about.
    reference : str
        Who says so, or "our choice" with the reason.
    text : str
        The docstring: what and why.
    """

    name: str
    profile_type: type[DatasetProfile]
    reference: str
    text: str
    find: Callable[[DatasetProfile], Finding | None]

    def apply(self, profile: DatasetProfile) -> Finding | None:
        """Ask the rule; ``None`` for a profile it does not speak about, too."""
        if not isinstance(profile, self.profile_type):
            return None
        found = self.find(profile)
        if found is None:
            return None
        return found.model_copy(update={"rule": self.name, "reference": self.reference})


RULES: Registry[Rule] = Registry("rule", "advisor.rules")


def rule(
    reference: str,
) -> Callable[[Callable[[P], Finding | None]], Callable[[P], Finding | None]]:
    """Register the decorated function as a rule under its own name.

    Parameters
    ----------
    reference : str
        The paper, repository or standard that the rule rests on.

    Returns
    -------
    callable
        The decorator, which returns its argument unchanged.

    Raises
    ------
    TypeError
        If the function is not annotated with a profile type, or has no docstring.
    """

    def register(function: Callable[[P], Finding | None]) -> Callable[[P], Finding | None]:
        text = inspect.getdoc(function)
        hints = get_type_hints(function)
        hints.pop("return", None)
        (profile_type,) = hints.values() or (None,)
        if not (isinstance(profile_type, type) and issubclass(profile_type, DatasetProfile)):
            raise TypeError(f"rule '{function.__name__}' must take one annotated DatasetProfile")
        if not text:
            raise TypeError(f"rule '{function.__name__}' must say in its docstring what and why")

        def find(profile: DatasetProfile) -> Finding | None:
            return function(profile)  # type: ignore[arg-type]  # Rule.apply has checked the type

        RULES.add(function.__name__)(Rule(function.__name__, profile_type, reference, text, find))
        return function

    return register


def apply_rules(profile: DatasetProfile) -> tuple[Finding, ...]:
    """Ask every rule that speaks about this kind of profile.

    Parameters
    ----------
    profile : DatasetProfile
        As ``profile_dataset`` makes it.

    Returns
    -------
    tuple of Finding
        Vetoes first, then warnings, then notes; within those by the name of the rule.
    """
    answers = [entry.apply(profile) for entry in RULES.values()]
    found = [finding for finding in answers if finding is not None]
    return tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity)))


def explain(rule_name: str) -> str:
    """Say what a rule looks for, why, and who says so.

    Parameters
    ----------
    rule_name : str
        As findings name it.

    Returns
    -------
    str
        The rule's docstring and its reference.

    Raises
    ------
    AdvisorError
        If there is no such rule; the message names the known ones.
    """
    entry = RULES[rule_name]
    return f"{entry.name}\n\n{entry.text}\n\nReference: {entry.reference}"


def skill(profile: PerceivedProfile) -> float | None:
    """Say how well the best backbone's frozen features know the classes.

    Parameters
    ----------
    profile : PerceivedProfile
        With or without separability.

    Returns
    -------
    float or None
        0 for guessing, 1 for always right; ``None`` where no backbone could be asked.
    """
    if not profile.separability:
        return None
    best = max(profile.separability.values())
    if profile.task is Task.REGRESSION:
        return best
    chance = 0.5 if profile.task is Task.MULTILABEL else 1 / max(2, profile.n_classes)
    return (best - chance) / (1 - chance)


def told_labels(profile: PerceivedProfile) -> str:
    """Say in words how many labels there are for the scarcest thing to learn.

    Parameters
    ----------
    profile : PerceivedProfile
        Of any task.

    Returns
    -------
    str
        For example ``"1 label in the smallest class"``, ``"90 values, which count as 9 labels of a class"``.
    """
    n = f"{profile.label_scarcity:,.0f}"
    labels = f"{n} label" if n == "1" else f"{n} labels"
    if profile.task is Task.REGRESSION:
        return f"{profile.n_labelled:,} values, which count as {labels} of a class"
    return f"{labels} in the smallest class"


def told_skill(profile: PerceivedProfile) -> str:
    """Say the same in words, as it was measured.

    Parameters
    ----------
    profile : PerceivedProfile
        With or without separability.

    Returns
    -------
    str
        For example ``"0.91 balanced accuracy, leave-one-out, with efficientnet_lite0"``.
    """
    if not profile.separability:
        return "not measured"
    name = max(profile.separability, key=lambda backbone: profile.separability[backbone])
    unit = "R2" if profile.task is Task.REGRESSION else "balanced accuracy"
    out = "leave-one-out" if profile.n_groups is None else "leave-one-group-out"
    return f"{profile.separability[name]:.2f} {unit}, {out}, with {name}"
