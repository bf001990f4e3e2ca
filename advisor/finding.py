"""Finding: what a dataset makes one mind, with the numbers that say so."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from advisor.evidence import Effect

Severity = Literal["note", "warn", "veto"]
Number = float | int | str


class Finding(BaseModel):
    """What you must mind, found by one rule.

    ``rule`` and ``reference`` are filled by :func:`advisor.rule.apply_rules` from the rule's registration.
    """

    model_config = ConfigDict(frozen=True)

    rule: str = ""
    severity: Severity
    message: str
    effects: tuple[Effect, ...] = ()
    vetoes: tuple[str, ...] = ()
    """Families or strategy names that must not be used; only for severity ``veto``."""
    narrows: dict[str, tuple[bool | int | float | str, ...]] = {}
    """Values that parameters of that name are restricted to, in whichever strategies have them."""
    numbers: dict[str, Number] = {}
    """The fields of the profile that the rule used."""
    reference: str = ""

    def narrowing(self, **choices: tuple[bool | int | float | str, ...]) -> Finding:
        """Also restrict parameters of search spaces.

        Parameters
        ----------
        **choices : tuple
            The values that a parameter of that name may still take, the default first.

        Returns
        -------
        Finding
        """
        return self.model_copy(update={"narrows": choices})


def note(message: str, effects: tuple[Effect, ...] = (), **numbers: Number) -> Finding:
    """Make a finding that is good to know.

    Parameters
    ----------
    message : str
        One or two sentences with this dataset's numbers.
    effects : tuple of Effect
        What it changes about the expected error of families.
    **numbers : float, int or str
        The fields of the profile that were used.

    Returns
    -------
    Finding
    """
    return Finding(severity="note", message=message, effects=effects, numbers=numbers)


def warn(message: str, effects: tuple[Effect, ...] = (), **numbers: Number) -> Finding:
    """Make a finding that needs a decision or makes the score doubtful.

    Parameters
    ----------
    message : str
        What is wrong, and what to do.
    effects : tuple of Effect
        What it changes about the expected error of families.
    **numbers : float, int or str
        The fields of the profile that were used.

    Returns
    -------
    Finding
    """
    return Finding(severity="warn", message=message, effects=effects, numbers=numbers)


def veto(message: str, families: tuple[str, ...], **numbers: Number) -> Finding:
    """Make a finding that rules families or strategies out.

    Parameters
    ----------
    message : str
        Why they cannot be used here.
    families : tuple of str
        Families or strategy names.
    **numbers : float, int or str
        The fields of the profile that were used.

    Returns
    -------
    Finding
    """
    return Finding(severity="veto", message=message, vetoes=families, numbers=numbers)
