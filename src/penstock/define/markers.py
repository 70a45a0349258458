"""What may stand where a value goes: elements of a list, a secret, an old artifact, the run's date."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any, TypeVar, cast

from penstock.core.secret import SOURCES, reveal
from penstock.define.callee import Marker
from penstock.errors import DefinitionError

T = TypeVar("T")
DATE = "logical_date"
"""The operator of an expression that stands for the date of the run, before there is one."""


class Each(Marker):
    """One element after the other of `values`, in a map."""

    __slots__ = ("crossed", "values")

    def __init__(self, values: Any, *, crossed: bool) -> None:
        self.values = values
        self.crossed = crossed

    def __repr__(self) -> str:
        return f"{'cross' if self.crossed else 'each'}({self.values!r})"


def each(values: Iterable[T]) -> T:
    """In `.map`: a call for every element; several `each` go together, element by element."""
    return cast(T, Each(values, crossed=False))


def cross(values: Iterable[T]) -> T:
    """In `.map`: a call for every element, with every combination of the others."""
    return cast(T, Each(values, crossed=True))


class Secret(Marker):
    """A secret by source and name; its value is read where a step runs, and never recorded."""

    __slots__ = ("name", "source")

    def __init__(self, address: str) -> None:
        self.source, _, self.name = address.partition(":")
        if self.source not in SOURCES or not self.name:
            raise DefinitionError(
                f"{address!r} is not the address of a secret", hint='Write secret("env:NAME").'
            )

    def reveal(self) -> str:
        """The value itself, read now. Raises UsageError where it is not there."""
        return reveal(self.source, self.name)

    def __repr__(self) -> str:
        return f"secret({f'{self.source}:{self.name}'!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash((self.source, self.name))


def secret(address: str) -> str:
    """A secret as an argument or a default: `secret("env:API_TOKEN")`, `secret("file:/run/token")`."""
    return cast(str, Secret(address))


class Reference(Marker, ABC):
    """What an earlier run made, by address: `run:ID/STEP[.OUTPUT]` or `artifact:ID`."""

    __slots__ = ("address",)

    def __init__(self, address: str) -> None:
        self.address = address

    @abstractmethod
    def load(self) -> Any:
        """The value, fresh from its store."""

    def __repr__(self) -> str:
        return f"ref({self.address!r})"


def _plain(hint: Any) -> bool:
    return isinstance(hint, type)


class LogicalDate(Marker):
    """The date that a run is for, known when it starts."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "logical_date()"

    def kind(self, hint: Any) -> str:
        """The form that a parameter asks for, in a word."""
        return {datetime: "datetime", str: "str"}.get(hint, "date") if _plain(hint) else "date"

    def on(self, text: str, hint: Any) -> Any:
        """The date or time `text` (ISO; "" is now, in UTC) in the form that a parameter asks for."""
        moment = datetime.fromisoformat(text) if text else datetime.now(UTC)
        if hint is datetime:
            return moment
        return moment.date().isoformat() if hint is str else moment.date()


def logical_date() -> date:
    """As the default of a parameter `day: date`: the date that the run is for."""
    return cast(date, LogicalDate())


class Skipped(Marker):
    """In plain Python: what a step returned that was not called, and all that depends on it."""

    __slots__ = ("_length",)

    def __init__(self, length: int | None) -> None:
        self._length = length

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Skipped(None)

    def __getitem__(self, key: object) -> Any:
        return Skipped(None)

    def __iter__(self) -> Iterator[Any]:
        return iter([Skipped(None)] * (self._length or 0))

    def __repr__(self) -> str:
        return "skipped"

    def _same(self, *_: object) -> Any:
        return Skipped(None)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _same
    __rtruediv__ = __floordiv__ = __mod__ = __pow__ = __neg__ = __and__ = __rand__ = _same
    __or__ = __ror__ = __invert__ = __lt__ = __le__ = __gt__ = __ge__ = _same
    __eq__ = __ne__ = _same
    __hash__ = None  # type: ignore[assignment]  # as for every class with an `__eq__` of its own
