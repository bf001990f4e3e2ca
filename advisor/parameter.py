"""One parameter of a search space: the values it may take, its default, and how a profile narrows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from advisor.errors import quoted

ParamValue = float | int | str | bool | None

ProfileField = float | int | tuple[str, ...] | tuple[int, float, int]
"""What a profile says that a space may refer to: a count, a list of names, or the fewest, the median and the most."""


class _Param(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, ParamValue] = Field(default_factory=dict)
    """Active only where every named parameter has the given value."""
    only: Literal["classification", "regression"] | None = None
    """The tasks in which the parameter means anything; ``None`` for all."""


class Float(_Param):
    """A real number in [low, high]."""

    type: Literal["float"] = "float"
    low: float
    high: float
    default: float
    log: bool = False


class Int(_Param):
    """A whole number in [low, high]; ``at_most`` names a field of the profile that caps it (0 there: not known).

    Where the parameter is itself a cap, such as that of the length of texts, ``usual_from`` names a field that says
    what is usually reached, and ``usual`` is what it says (0: not known): cost formulas count that.
    """

    type: Literal["int"] = "int"
    low: int
    high: int
    default: int
    log: bool = False
    at_most: str | None = None
    usual_from: str | None = None
    usual: float = 0.0


class Categorical(_Param):
    """One of several values; ``choices_from`` names a field of the profile that lists them, the default first.

    Where ``beside`` is set, what the profile lists comes beside the default and does not replace it, and only where it
    lists several: for a second thing of a kind of which another parameter names the first.
    """

    type: Literal["categorical"] = "categorical"
    choices: tuple[ParamValue, ...]
    choices_from: str | None = None
    beside: bool = False
    default: ParamValue
    gated: bool = False
    """Whether a value other than the default has to win beyond chance on the folds before it is deployed: for what
    helps some data and harms other, such as augmentation of texts for a pretrained encoder."""
    settled: bool = False
    """Whether it is not looked for, only narrowed by findings: for what data may forbid, and each value of which costs
    minutes to try, such as how views are made while a backbone is adapted."""

    @property
    def drawn(self) -> tuple[ParamValue, ...]:
        """The values that a search draws from."""
        return (self.default,) if self.settled else self.choices


AnyParam = Float | Int | Categorical
Param = Annotated[AnyParam, Field(discriminator="type")]


def faults_of(name: str, param: AnyParam) -> list[str]:
    """Say what is wrong with a parameter: a default outside its range, or a range that is none."""
    if isinstance(param, Categorical):
        wrong = param.default not in param.choices
        return [f"'{name}': default {param.default!r} is not in {in_words(param)}"] * wrong
    found = []
    if param.low > param.high:
        found = [f"'{name}': low {param.low} is above high {param.high}"]
    elif not param.low <= param.default <= param.high:
        found.append(f"'{name}': default {param.default} is not in {in_words(param)}")
    if param.log and param.low <= 0:
        found.append(f"'{name}': a log range must start above 0, got {param.low}")
    return found


def allows(param: AnyParam, value: ParamValue) -> bool:
    """Whether a value is one that the parameter may take."""
    if isinstance(param, Categorical):
        return any(value == choice and type(value) is type(choice) for choice in param.choices)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return param.low <= value <= param.high and (isinstance(param, Float) or value == int(value))


def is_within(new: AnyParam, old: AnyParam) -> bool:
    """Whether every value of ``new`` is one of ``old``."""
    if isinstance(new, Categorical) and isinstance(old, Categorical):
        return set(new.choices) <= set(old.choices)
    if isinstance(new, Categorical) or isinstance(old, Categorical):
        return False
    return new.low >= old.low and new.high <= old.high


def moved_inside(param: AnyParam, value: ParamValue) -> ParamValue:
    """Move a value to the nearest one that the parameter may take; its default where there is none."""
    if isinstance(param, Categorical):
        return value if allows(param, value) else param.default
    number = value if isinstance(value, int | float) else param.default
    number = min(max(number, param.low), param.high)
    return int(number) if isinstance(param, Int) else float(number)


def narrowed_to(param: AnyParam, wanted: Sequence[ParamValue]) -> AnyParam:
    """Restrict a parameter to those of its values that are wanted.

    Parameters
    ----------
    param : Float, Int or Categorical
        As it is.
    wanted : sequence
        Of a number, all between the least and the greatest remain; values that it may not take are left aside.

    Returns
    -------
    Float, Int or Categorical
        Its default moved inside; unchanged where nothing would be left.
    """
    if isinstance(param, Categorical):
        left = tuple(value for value in param.choices if value in wanted)
        if not left:
            return param
        default = param.default if param.default in left else left[0]
        return param.model_copy(update={"choices": left, "default": default})
    inside = [v for v in wanted if isinstance(v, int | float) and allows(param, v)]
    if not inside:
        return param
    ends = {"low": min(inside), "high": max(inside)}
    narrow = param.model_copy(
        update={name: moved_inside(param, value) for name, value in ends.items()}
    )
    return narrow.model_copy(update={"default": moved_inside(narrow, param.default)})


def capped(param: AnyParam, fields: Mapping[str, ProfileField]) -> AnyParam:
    """Narrow a parameter by the field of the profile that it names."""
    if isinstance(param, Categorical):
        listed = fields.get(param.choices_from or "")
        if not isinstance(listed, tuple) or not listed:
            return param
        if param.beside:
            added = tuple(name for name in listed if len(listed) > 1 and name != param.default)
            return param.model_copy(update={"choices": (param.default, *added)})
        return param.model_copy(update={"choices": listed, "default": listed[0]})
    if not isinstance(param, Int):
        return param
    usual = fields.get(param.usual_from or "")
    if isinstance(usual, int | float):
        param = param.model_copy(update={"usual": float(usual)})
    if param.at_most is None or param.at_most not in fields:
        return param
    told = fields[param.at_most]
    most = told[-1] if isinstance(told, tuple) else told  # of the fewest, the median and the most
    if isinstance(most, str) or not most:
        return param
    high = max(param.low, min(param.high, int(most)))
    return param.model_copy(update={"high": high, "default": min(param.default, high)})


def in_words(param: AnyParam) -> str:
    """Write the range, for messages."""
    if isinstance(param, Categorical):
        return quoted(param.choices)
    return f"[{param.low}, {param.high}]"
