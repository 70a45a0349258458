"""Values that only code can make: names of classes and functions, and objects made of their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from enum import Enum, EnumType
from inspect import signature
from typing import Any

from msgspec import Struct

from penstock.core.naming import resolve
from penstock.errors import UsageError

Digest = Callable[[object], str]


class Named(Struct, frozen=True):
    """What "module:qualname" names: a class, a function, a member of an Enum."""

    name: str


class Constructed(Struct, frozen=True):
    """A NamedTuple or a dataclass, by its class and its fields; or a member of an Enum, by its value."""

    name: str
    fields: dict[str, Any]

    def __hash__(self) -> int:
        # It may be the key of a mapping.
        return hash(self.name)


class Opaque(Struct, frozen=True, eq=False):
    """A value that text cannot hold: what it was, and the digest of its content.

    Without a digest nothing says that two of them are one, as keys of a mapping.
    """

    kind: str
    digest: str


OF_CODE = (Named, Constructed, Opaque)


def opened(value: Any) -> Any:
    """The value itself, with what code must make in it made. Raises DefinitionError, UsageError."""
    match value:
        case Named(name):
            return _named(name)
        case Constructed(name, given):
            return _constructed(name, {key: opened(item) for key, item in given.items()})
        case Opaque(shown):
            raise UsageError(
                f"a {shown} cannot be in a file",
                hint="Write = ref(…) for what an earlier run made, or let a step load it.",
            )
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind(map(opened, value))
    if kind is dict:
        return {opened(key): opened(item) for key, item in value.items()}
    return value


def needs_code(value: Any) -> bool:
    kind = type(value)
    if kind in OF_CODE:
        return True
    if kind in (list, tuple, set, frozenset):
        return any(map(needs_code, value))
    return kind is dict and any(needs_code(x) for pair in value.items() for x in pair)


def opaque_in(value: Any) -> str:
    """What it is that text cannot hold; "" if all of it can be held."""
    match value:
        case Opaque(shown):
            return shown
        case Constructed(_, given):
            inner: Any = given.values()
        case dict():
            inner = (*value, *value.values())
        case list() | tuple() | set() | frozenset():
            inner = value
        case _:
            return ""
    return next((found for item in inner if (found := opaque_in(item))), "")


def _named(name: str) -> Any:
    found = resolve(name)
    # A step or a pipeline under its decorator is no value.
    if isinstance(found, type | Enum) or (callable(found) and not hasattr(found, "callee")):
        return found
    raise UsageError(
        f"'{name}' is a {type(found).__name__}, which no argument can name",
        hint="Name a class, a function or a member of an Enum.",
    )


def _constructed(name: str, given: dict[str, Any]) -> Any:
    cls = resolve(name)
    if not isinstance(cls, EnumType):
        cls = _of_fields(name)
    try:
        return cls(**given)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _misfit(name, cls, error) from None


def fielded(name: str, given: Iterable[str]) -> Any:
    """The NamedTuple or dataclass of this name, which is made from these fields.

    Raises DefinitionError; UsageError where it cannot be.
    """
    cls = _of_fields(name)
    try:
        signature(cls).bind(**dict.fromkeys(given))
    except TypeError as error:
        raise _misfit(name, cls, error) from None
    return cls


def _of_fields(name: str) -> Any:
    cls: Any = resolve(name)
    if not isinstance(cls, type) or not (hasattr(cls, "_fields") or is_dataclass(cls)):
        raise UsageError(
            f"'{name}' cannot be called here: it is no NamedTuple and no dataclass",
            hint="Let a step make the value.",
        )
    return cls


def _misfit(name: str, cls: Any, error: Exception) -> UsageError:
    return UsageError(f"'{name}': {error}", hint=f"It has: {', '.join(names(cls))}.")


def names(cls: Any) -> tuple[str, ...]:
    """The fields that a NamedTuple or a dataclass is made from."""
    if hasattr(cls, "_fields"):
        return tuple(cls._fields)
    if isinstance(cls, EnumType):
        return ("value",)
    return tuple(field.name for field in fields(cls) if field.init)
