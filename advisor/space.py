"""TOML → SearchSpace: which values a strategy's parameters may take, as data.

There is one file per modality and strategy, ``search_spaces/MODALITY/STRATEGY.toml``.

Why not ``suggest(trial)``: the advisor prints the space before any trial; stored trials, warm starts and the plan need
it as a value; it can be checked without training; ranges as code grow by copying. A file holds ``reference``,
``[params]``, ``[[starts]]`` (points known to be good, in the order to try them), ``[regimes.NAME]`` that may only
narrow, and ``[defaults.TASK]``, which yield to a default that the regime states. The language is ``when`` (equality),
``at_most``, ``usual_from`` and ``choices_from`` (fields of the profile) and ``only``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from advisor.dataset import Task
from advisor.errors import InvalidSpace, did_you_mean, quoted
from advisor.parameter import (
    AnyParam,
    Categorical,
    Float,
    Int,
    Param,
    ParamValue,
    ProfileField,
    allows,
    capped,
    faults_of,
    in_words,
    is_within,
    moved_inside,
    narrowed_to,
)

TABLES = frozenset({"reference", "params", "starts", "regimes", "defaults"})
"""What a file may hold."""


class SearchSpace(BaseModel):
    """The parameters of one strategy in one regime, with known-good starting points.

    ``starts`` are complete or partial assignments, tried after the defaults and before any sampling.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str
    params: dict[str, Param]
    starts: tuple[dict[str, ParamValue], ...] = ()
    reference: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> SearchSpace:
        faults = [fault for name, param in self.params.items() for fault in faults_of(name, param)]
        for name, param in self.params.items():
            for other in param.when:
                if other not in self.params:
                    faults.append(f"'{name}' depends on '{other}', which is not a parameter")
        for i, start in enumerate(self.starts):
            faults += [f"start {i + 1}: {fault}" for fault in self.faults(start)]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def defaults(self) -> dict[str, ParamValue]:
        """The default value of every active parameter."""
        return self.complete({})

    def complete(self, values: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Fill a partial assignment with defaults and drop what is inactive under it."""
        full = {name: values.get(name, param.default) for name, param in self.params.items()}
        return {
            name: value
            for name, value in full.items()
            if all(full.get(other) == wanted for other, wanted in self.params[name].when.items())
        }

    def for_cost(self, values: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Say what a cost formula is to count.

        Parameters
        ----------
        values : mapping of str to number, str, bool or None
            Parameter values, for example those of a trial.

        Returns
        -------
        dict
            The same, but for a cap that is seldom reached: what is usual is there in its place.
        """
        counted = dict(values)
        for name, value in values.items():
            param = self.params.get(name)
            if isinstance(param, Int) and param.usual and isinstance(value, int | float):
                counted[name] = min(value, param.usual)
        return counted

    def narrowed(self, choices: Mapping[str, Sequence[ParamValue]]) -> SearchSpace:
        """Restrict parameters to some of their values.

        Parameters
        ----------
        choices : mapping of str to sequence
            Values that a parameter of that name may still take, as :func:`advisor.parameter.narrowed_to`; names that
            are not parameters of this space are left aside.

        Returns
        -------
        SearchSpace
            Defaults and starts moved inside, and no start twice.
        """
        params = dict(self.params)
        for name in params.keys() & choices.keys():
            params[name] = narrowed_to(params[name], choices[name])
        space = self.model_copy(update={"params": params, "starts": ()})
        return space.model_copy(update={"starts": _distinct(space, self.starts)})

    def faults(self, values: Mapping[str, ParamValue]) -> list[str]:
        """Say what is wrong with an assignment.

        Parameters
        ----------
        values : mapping of str to number, str, bool or None
            Parameter values, complete or partial.

        Returns
        -------
        list of str
            One phrase per unknown name and per value outside its range; empty when all is well.
        """
        found = []
        for name, value in values.items():
            if name not in self.params:
                near = did_you_mean(name, self.params)
                found.append(f"'{name}' is not among {quoted(self.params)}.{near}")
            elif not allows(self.params[name], value):
                found.append(f"'{name}' = {value!r} is not in {in_words(self.params[name])}")
        return found

    def check(self, values: Mapping[str, ParamValue]) -> None:
        """Refuse an assignment that is not of this space.

        Parameters
        ----------
        values : mapping of str to number, str, bool or None
            Parameter values, complete or partial.

        Raises
        ------
        InvalidSpace
            Naming every fault.
        """
        if found := self.faults(values):
            raise InvalidSpace(f"parameters of '{self.strategy}': {'; '.join(found)}")


def load_space(
    strategy: str,
    regime: str,
    profile_fields: Mapping[str, ProfileField],
    task: Task | None = None,
) -> SearchSpace:
    """Read the space of a strategy, narrowed to a regime, to the counts of a profile and to a task.

    Parameters
    ----------
    strategy : str
        The stem of a file in ``search_spaces``.
    regime : str
        A regime, whose name begins with its modality, or a modality alone; one the file does not name narrows nothing.
    profile_fields : mapping of str to number or tuple of str
        What ``at_most`` and ``choices_from`` may name, for example ``n_labelled``.
    task : Task or None
        Leaves out the parameters that mean nothing in it, and moves defaults; ``None`` does neither.

    Returns
    -------
    SearchSpace
        With starts inside the narrowed ranges, none of them twice and none equal to the defaults.

    Raises
    ------
    InvalidSpace
        If there is no such file, or it breaks its rules: all faults at once.

    Examples
    --------
    >>> load_space("dummy", "tabular_tiny", {}).defaults()
    {}
    """
    written = read_space_file(strategy, regime.partition("_")[0])
    return make_space(strategy, written, regime, profile_fields, task)


def read_space_file(strategy: str, modality: str) -> dict[str, Any]:
    """Read the TOML of a strategy as it is.

    Parameters
    ----------
    strategy : str
        The stem of the file; InvalidSpace is raised when there is none, or it is not TOML.
    modality : str
        The folder of the file; a file beside the folders serves all of them.

    Returns
    -------
    dict
        Its tables.
    """
    folder = resources.files("search_spaces")
    shared, own = f"{strategy}.toml", f"{modality}/{strategy}.toml"
    name = shared if folder.joinpath(shared).is_file() else own
    try:
        return tomllib.loads(folder.joinpath(name).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidSpace(f"expected search_spaces/{own}, got no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidSpace(f"search_spaces/{name} is not TOML: {error}") from None


def make_space(
    strategy: str,
    written: Mapping[str, Any],
    regime: str,
    profile_fields: Mapping[str, ProfileField],
    task: Task | None = None,
) -> SearchSpace:
    """Make a space from the tables of its file.

    Parameters
    ----------
    strategy : str
        For messages.
    written : mapping
        ``reference``, ``params``, ``starts``, ``regimes``, ``defaults``.
    regime, profile_fields, task
        As in :func:`load_space`, as is the error.

    Returns
    -------
    SearchSpace
        The narrowed space.
    """
    faults = [f"'{key}' is not a table of a space" for key in sorted(set(written) - TABLES)]
    widest, bad = _parse_params(written.get("params", {}))
    faults += bad
    params = dict(widest)
    for name, overlays in written.get("regimes", {}).items():
        narrowed, bad = _overlay(widest, overlays)
        faults += [f"regime '{name}': {fault}" for fault in bad]
        if name == regime:
            params = narrowed
    own = written.get("regimes", {}).get(regime, {})
    for name, values in written.get("defaults", {}).items():
        plain = SearchSpace.model_construct(strategy=strategy, params=widest)
        faults += [f"defaults of '{name}': {fault}" for fault in plain.faults(values)]
        if task is not None and name == str(task) and not faults:
            # Those of a task were measured on small tables; a regime knows how many rows there are.
            left = {k: v for k, v in values.items() if "default" not in own.get(k, {})}
            moved = {k: moved_inside(params[k], v) for k, v in left.items()}
            params |= {k: params[k].model_copy(update={"default": v}) for k, v in moved.items()}
    if faults:
        raise InvalidSpace(f"search space of '{strategy}': {'; '.join(faults)}")
    known = set(params)
    params = {
        name: capped(param, profile_fields)
        for name, param in params.items()
        if _serves(param.only, task)
    }
    try:
        space = SearchSpace(
            strategy=strategy, params=params, reference=str(written.get("reference", ""))
        )
    except ValidationError as error:
        raise InvalidSpace(f"search space of '{strategy}': {_reasons(error)}") from None
    starts = _starts(
        space, [*_listed_starts(space), *written.get("starts", [])], known, regime, task
    )
    return space.model_copy(update={"starts": starts})


def _parse_params(tables: Mapping[str, Any]) -> tuple[dict[str, AnyParam], list[str]]:
    kinds: dict[str, type[Float] | type[Int] | type[Categorical]] = {
        "float": Float,
        "int": Int,
        "categorical": Categorical,
    }
    params: dict[str, AnyParam] = {}
    faults: list[str] = []
    for name, table in tables.items():
        kind = kinds.get(str(table.get("type")))
        if kind is None:
            faults.append(f"'{name}': type {table.get('type')!r} is not one of {quoted(kinds)}")
            continue
        try:
            params[name] = kind.model_validate(table)
        except ValidationError as error:
            faults.append(f"'{name}': {_reasons(error)}")
    faults += [fault for name, param in params.items() for fault in faults_of(name, param)]
    return params, faults


def _overlay(
    params: Mapping[str, AnyParam], overlays: Mapping[str, Any]
) -> tuple[dict[str, AnyParam], list[str]]:
    """Lay a regime's tables over the parameters; a fault for everything that does not narrow."""
    made, faults = dict(params), []
    for name, changes in overlays.items():
        if name not in params:
            faults.append(f"'{name}' is not a parameter{did_you_mean(name, params)}")
            continue
        old = params[name]
        bounds = {"choices"} if isinstance(old, Categorical) else {"low", "high"}
        if strange := sorted(set(changes) - bounds - {"default"}):
            faults.append(f"'{name}': {quoted(strange)} cannot be changed by a regime")
            continue
        try:
            new = type(old).model_validate({**old.model_dump(), **changes})
        except ValidationError as error:
            faults.append(f"'{name}': {_reasons(error)}")
            continue
        faults += faults_of(name, new)
        if not is_within(new, old):
            faults.append(
                f"'{name}': {in_words(new)} is wider than {in_words(old)}; a regime may only narrow"
            )
        made[name] = new
    return made, faults


def _starts(
    space: SearchSpace,
    written: Iterable[Mapping[str, Any]],
    known: set[str],
    regime: str,
    task: Task | None,
) -> tuple[dict[str, ParamValue], ...]:
    """Choose the starts of this regime and task, move them inside, and drop what repeats."""
    chosen: list[dict[str, ParamValue]] = []
    for i, table in enumerate(written):
        values = {k: v for k, v in table.items() if k not in ("reference", "regimes", "only")}
        strange = sorted(set(values) - known)
        if strange:
            raise InvalidSpace(
                f"search space of '{space.strategy}': start {i + 1} sets {quoted(strange)}, "
                f"expected parameters among {quoted(sorted(known))}"
            )
        if regime not in table.get("regimes", [regime]) or not _serves(table.get("only"), task):
            continue
        chosen.append(values)
    return _distinct(space, chosen)


def _distinct(
    space: SearchSpace, starts: Iterable[Mapping[str, ParamValue]]
) -> tuple[dict[str, ParamValue], ...]:
    """Move starts inside the space and drop those that repeat one another or the defaults."""
    made: list[dict[str, ParamValue]] = []
    seen = [space.defaults()]
    for values in starts:
        start = {
            n: moved_inside(space.params[n], v) for n, v in values.items() if n in space.params
        }
        full = space.complete(start)
        if full not in seen:
            seen.append(full)
            made.append(start)
    return tuple(made)


def _listed_starts(space: SearchSpace) -> list[dict[str, ParamValue]]:
    """One start for each further value that the profile listed: all of them are to be measured.

    The first that it listed is a default already, of this parameter or of the one that this stands beside.
    """
    return [
        {name: choice}
        for name, param in space.params.items()
        if isinstance(param, Categorical) and param.choices_from
        for choice in param.choices[2 if param.beside else 1 :]
    ]


def _serves(only: str | None, task: Task | None) -> bool:
    return only is None or task is None or (only == "classification") == task.is_classification


def _reasons(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])} {fault['msg']}".strip()
        for fault in error.errors()
    )
