"""Containers of arguments: what they hold, and copies of them."""

from __future__ import annotations

from typing import Any

from penstock.define.callee import Marker, is_named_tuple
from penstock.define.promise import Promise
from penstock.errors import DefinitionError

COPIED = (list, tuple, dict, set, frozenset)


def holds_markers(value: Any) -> bool:
    """Whether a promise, `each` or the like is in it, however deep; it may contain itself."""
    rest, seen = [value], set()
    while rest:
        one = rest.pop()
        if isinstance(one, Marker):
            return True
        if isinstance(one, dict | list | tuple | set | frozenset) and id(one) not in seen:
            seen.add(id(one))
            rest.extend(one.values() if isinstance(one, dict) else one)
    return False


def promises_in(value: Any) -> list[Promise]:
    if isinstance(value, Promise):
        return [value]
    if isinstance(value, dict):
        return [p for item in value.values() for p in promises_in(item)]
    if isinstance(value, list | tuple):
        return [p for item in value for p in promises_in(item)]
    return []


def container(value: Any) -> tuple[str, Any, tuple[Any, ...]]:
    """What kind of container a value is, its NamedTuple class, its keys."""
    kind = type(value)
    if kind is dict:
        return "dict", None, tuple(value)
    if is_named_tuple(kind):
        return "namedtuple", kind, kind._fields
    if kind is list or kind is tuple:
        return kind.__name__, None, ()
    return "", None, ()


def copied(value: Any) -> Any:
    """Containers anew, so that what is done to them later does not reach the graph."""
    try:
        return _copied(value)
    except RecursionError:
        raise DefinitionError(
            "a list or dict given to a step contains itself, or is nested too deeply",
            hint="Let a step make and return it.",
        ) from None


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if kind in (list, tuple):
        return kind(map(_copied, value))
    return set(value) if kind is set else value
