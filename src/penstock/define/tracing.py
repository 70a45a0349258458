"""What all pipelines of one trace share: digests, numbers for equal calls, steps already known."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from functools import partial
from types import CellType, FunctionType
from typing import Any

from penstock.core.graph import Function, Literal
from penstock.define.callee import Callee
from penstock.define.containers import COPIED, copied
from penstock.define.known import Environment, Known, known
from penstock.define.settings import Settings
from penstock.define.types import fits
from penstock.errors import DefinitionError

ATOMS = (int, str, bool, type(None))
"""Their digests are remembered: equal values of one type have equal content."""


_EMPTY: Any = object()


class Tracing:
    """What all pipelines of one trace share."""

    def __init__(
        self, environment: Environment, logical_date: str, open: Collection[str] = ()
    ) -> None:
        self.environment = environment
        self.logical_date = logical_date
        self.open = open
        """Parameters that stay symbols, and `DATE` where the date of the run does."""
        self.turned = False
        """Whether `.after("name")` has put steps in another order than that of their calls."""
        self.looked = set[str]()
        """Those of them that Python looked at, whose values decide the graph."""
        self.functions: dict[str, Function] = {}
        self._numbers: dict[Hashable, int] = {}
        self._occurred: dict[int, int] = {}
        self._digests: dict[tuple[type, object], str] = {}
        self._large: dict[int, tuple[object, str, str]] = {}
        self._known: dict[tuple[Hashable, int], tuple[Known, object]] = {}
        self._enclosed: list[tuple[Callee, str, CellType, object]] = []
        self._fits: dict[tuple[int, int], tuple[bool, Any, Any]] = {}

    def known(self, callee: Callee, settings: Settings) -> Known:
        key = (callee.identity, id(settings))
        found = self._known.get(key)
        if found is None:
            # The objects are kept, so that no other takes over their ids.
            found = known(callee, settings, self.environment), (callee, settings)
            self._known[key] = found
            self._enclosed += ((callee, *one) for one in _enclosed(callee.function))
        return found[0]

    def number(self, key: Hashable) -> int:
        """A number for each different key, so that a chain of keys does not nest."""
        return self._numbers.setdefault(key, len(self._numbers))

    def occurrence(self, number: int) -> int:
        """How many calls of the same function with the same inputs came before."""
        count = self._occurred.get(number, 0)
        self._occurred[number] = count + 1
        return count

    def fits(self, given: Any, wanted: Any) -> bool:
        key = (id(given), id(wanted))
        found = self._fits.get(key)
        if found is None:
            found = self._fits[key] = fits(given, wanted), given, wanted
        return found[0]

    def literal(self, value: Any, where: str) -> Literal:
        """A value with its digest; a plain container is copied, so that it stays as it is now."""
        kind = type(value)
        if kind in ATOMS:
            digest = self._digests.get((kind, value))
            if digest is None:
                digest = self._digests[kind, value] = self.environment.digest_value(value)
            return Literal(value, digest)
        if kind in COPIED:
            return Literal(copied(value), self.environment.digest_value(value))
        if kind is float or kind.__module__ in ("datetime", "pathlib", "decimal"):
            return Literal(value, self.environment.digest_value(value))
        found = self._large.get(id(value))
        if found is None:
            digest = self.environment.digest_value(value)
            found = self._large[id(value)] = value, digest, where
        return Literal(value, found[1])

    def settle(self) -> None:
        """What has changed since it was taken is refused: large values, which are not copied, and
        variables that a step encloses, whose values it would find only when it runs."""
        for callee, name, cell, was in self._enclosed:
            now = _content(cell)
            if now is not was and was is not _EMPTY:
                raise DefinitionError(
                    f"'{name}', which '{callee.name}' encloses, was given another value after "
                    f"the step was called ({callee.where})",
                    hint=f"Pass it as an argument, or keep it: def {callee.name}(…, {name}={name}).",
                )
        for value, digest, where in self._large.values():
            if self.environment.digest_value(value) != digest:
                raise DefinitionError(
                    f"a {type(value).__name__} was changed after it was passed to a step ({where})",
                    hint="Change a copy, or change it inside a step.",
                )


def _enclosed(function: object) -> Iterator[tuple[str, CellType, object]]:
    """The variables that a function encloses, and those of functions among them, with their values."""
    pending, known = [function], set[int]()
    while pending:
        one: Any = pending.pop()
        while isinstance(one, partial):
            one = one.func
        one = getattr(one, "__func__", one)
        if not isinstance(one, FunctionType) or id(one) in known:
            continue
        known.add(id(one))
        for name, cell in zip(one.__code__.co_freevars, one.__closure__ or (), strict=True):
            value = _content(cell)
            yield name, cell, value
            pending.append(value)


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY
