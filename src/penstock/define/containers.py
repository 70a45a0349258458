"""Containers of arguments: what they hold, and copies of them."""

from __future__ import annotations

from typing import Any

from penstock.define.callee import Marker, is_named_tuple
from penstock.define.promise import Promise

COPIED = (list, tuple, dict, set, frozenset)


def holds_markers(value: Any) -> bool:
    if isinstance(value, Marker):
        return True
    if isinstance(value, dict):
        return any(map(holds_markers, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(holds_markers, value))
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
    kind = type(value)
    if kind is dict:
        return {key: copied(item) for key, item in value.items()}
    if kind in (list, tuple):
        return kind(map(copied, value))
    return set(value) if kind is set else value
