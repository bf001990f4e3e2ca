"""A named set of parts, filled by importing a folder.

A part is a file: adding one touches no other file. ``Registry`` imports every module of its folder the first
time it is asked for anything, and the modules register themselves with ``@registry.add``. Why not entry points
or a plug-in library: there is one caller, there are many parts, and their order means nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Generic, TypeVar

from advisor.errors import AdvisorError, MissingDependency, did_you_mean, quoted

T = TypeVar("T")


class Registry(Generic[T]):
    """Parts of one kind by name.

    Parameters
    ----------
    noun : str
        What one part is called in messages, for example ``"strategy"``.
    package : str
        The folder whose modules hold the parts, for example ``"advisor.strategies"``.

    Examples
    --------
    >>> readers = Registry[type]("reader", "advisor.readers")
    >>> len(readers) >= 0
    True
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun = noun
        self.package = package
        self._parts: dict[str, T] = {}
        self._filled = False

    def add(self, name: str) -> Callable[[T], T]:
        """Register the decorated part under ``name``.

        Parameters
        ----------
        name : str
            The part's name; must be new in this registry.

        Returns
        -------
        callable
            The decorator, which returns its argument unchanged.

        Raises
        ------
        ValueError
            If the name is taken: two parts of one name are a mistake in the house, not in the data.
        """

        def register(part: T) -> T:
            if name in self._parts:
                raise ValueError(f"{self.noun} '{name}' is registered twice")
            self._parts[name] = part
            return part

        return register

    def __getitem__(self, name: str) -> T:
        self._look_for(name)
        try:
            return self._parts[name]
        except KeyError:
            hint = did_you_mean(name, self._parts)
            known = quoted(self._parts, most=40)
            raise AdvisorError(f"'{name}' is not a {self.noun}; known are {known}.{hint}") from None

    def __contains__(self, name: object) -> bool:
        self._look_for(name)
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        self._fill()
        return iter(sorted(self._parts))

    def __len__(self) -> int:
        self._fill()
        return len(self._parts)

    def values(self) -> list[T]:
        """All parts, in the order of their names, so that nothing depends on import order."""
        return [self._parts[name] for name in self]

    def _look_for(self, name: object) -> None:
        """Import the module called like the part, and all the others only where it does not hold the part."""
        if self._filled or name in self._parts:
            return
        package = importlib.import_module(self.package)
        if any(module.name == name for module in pkgutil.iter_modules(package.__path__)):
            importlib.import_module(f"{self.package}.{name}")
        if name not in self._parts:
            self._fill()

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True  # before the imports: a part may look at its own registry
        package = importlib.import_module(self.package)
        for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
            importlib.import_module(f"{self.package}.{module}")


def available(module: str) -> bool:
    """Whether ``module`` could be imported, found out without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library, or say what to install.

    Parameters
    ----------
    module : str
        Dotted name, for example ``"catboost"``.
    extra : str
        The extra of this distribution that brings it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependency
        If it is not installed.
    """
    if not available(module.partition(".")[0]):
        raise MissingDependency(
            f"'{module}' is not installed: pip install 'regime-advisor[{extra}]'"
        )
    return importlib.import_module(module)
