"""Forms of classes: how values of what is not built in are written as tagged JSON."""

from __future__ import annotations

import base64
import datetime as dt
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from enum import Enum, EnumType
from functools import cached_property
from types import GenericAlias
from typing import Any
from zoneinfo import ZoneInfo

from penstock.core.naming import MAIN, resolve, type_name
from penstock.errors import DefinitionError

Pack = Callable[[Any, Any, int], Any]
"""Writes a value: given the packer, the value, and how deep it stands."""


def tag(*parts: object) -> dict[str, object]:
    """What JSON has no word for: a name, then what it needs."""
    return {"$": parts}


def in_base64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()


_known: dict[type, Pack | None] = {}


def form(cls: type) -> Pack | None:
    """How values of a class that is not built in are written; None if they have no form in JSON."""
    if cls not in _known:
        if cls.__module__ == MAIN:  # a notebook's class may be defined again
            return _form(cls)
        _known[cls] = _form(cls)
    return _known[cls]


def _form(cls: type) -> Pack | None:
    if cls.__module__ == "numpy":
        return _numpy if _is_numpy_scalar(cls) else None
    if cls.__module__.partition(".")[0] == "pandas":
        return _pandas if cls.__name__ in ("Timestamp", "Timedelta", "NaTType", "NAType") else None
    if isinstance(cls, EnumType):
        return _enum if _found(cls) else None
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _namedtuple if cls.__new__ is not tuple.__new__ and _found(cls) else None
    if is_dataclass(cls) and _is_simple(cls) and _found(cls):
        return _object
    if _is_model(cls):
        return _model
    return None


def _found(cls: type) -> bool:
    """Whether the class is what its name says, also in another process."""
    if "<" in cls.__qualname__:
        return False
    try:
        return resolve(type_name(cls)) is cls
    except DefinitionError:
        return False


def _is_simple(cls: type) -> bool:
    """Whether attributes are all that there is to its instances."""
    own = all(
        getattr(cls, name) is getattr(object, name)
        for name in ("__new__", "__reduce__", "__reduce_ex__")
    )
    # A frozen dataclass with slots gets these two from its decorator.
    states = (getattr(cls, name, None) for name in ("__getstate__", "__setstate__"))
    return own and all(
        state in (None, object.__getstate__) or state.__module__ == "dataclasses"
        for state in states
    )


def _object(packer: Any, value: Any, depth: int) -> Any:
    cls = type(value)
    attributes = {
        name: item
        for name, item in getattr(value, "__dict__", {}).items()
        if not isinstance(getattr(cls, name, None), cached_property)
    }
    # A default that stands in the class alone is no part of the value.
    for name in _slots(cls):
        if name not in attributes and hasattr(value, name):
            attributes[name] = getattr(value, name)
    return tag("object", type_name(cls), packer.pairs(attributes, depth))


def _slots(cls: type) -> Iterator[str]:
    """Attributes that have a place of their own, in the class or those above it."""
    for base in cls.__mro__:
        names = base.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name.startswith("__") and not name.endswith("__"):  # as Python keeps it
                name = f"_{base.__name__.lstrip('_')}{name}"
            if name not in ("__dict__", "__weakref__"):
                yield name


def _is_model(cls: Any) -> bool:
    """Whether this is a model of pydantic that others find, and copies as pydantic does."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not issubclass(cls, getattr(pydantic, "BaseModel", ())):
        return False
    methods = ("__new__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    inherited = all(
        getattr(cls, name) is getattr(object, name, None)
        or getattr(cls, name).__module__.startswith("pydantic.")
        for name in methods
    )
    return inherited and model_name(cls) is not None


def model_name(cls: Any) -> list[Any] | None:
    """A model's name, and what it is generic over; None if another process would not find it.

    `Box[int]` is made where it is first written, so no module has it: it is `Box`, of `int`.
    """
    if isinstance(cls, GenericAlias):
        origin: Any = cls.__origin__
        inner: Any = cls.__args__
    else:
        generic = getattr(cls, "__pydantic_generic_metadata__", {})
        origin, inner = generic.get("origin"), generic.get("args", ())
    if origin is None:
        return [type_name(cls)] if isinstance(cls, type) and _found(cls) else None
    names = [model_name(one) for one in (origin, *inner)]
    return None if None in names else [names[0][0], *names[1:]]  # type: ignore[index]  # checked


def _model(packer: Any, value: Any, depth: int) -> Any:
    cls = type(value)
    state = value.__getstate__()
    fields = {
        name: item
        for name, item in state["__dict__"].items()
        if not isinstance(getattr(cls, name, None), cached_property)
    }
    return tag("model", model_name(cls), packer.pack({**state, "__dict__": fields}, depth))


def _namedtuple(packer: Any, value: Any, depth: int) -> Any:
    cls = type(value)
    if getattr(value, "__dict__", None):
        return tag("leaf", packer.leaf(value))
    return tag("namedtuple", type_name(cls), list(cls._fields), packer.items(tuple(value), depth))


def _enum(packer: Any, value: Enum, depth: int) -> Any:
    cls = type(value)
    if value._name_ in cls.__members__:
        return tag("enum", type_name(cls), value._name_)
    return tag("flag", type_name(cls), packer.pack(value._value_, depth))


def _is_numpy_scalar(cls: type) -> bool:
    numpy = sys.modules["numpy"]
    return issubclass(cls, numpy.generic) and not issubclass(cls, numpy.void | numpy.object_)


def _numpy(packer: Any, value: Any, depth: int) -> Any:
    kind, size = value.dtype.kind, value.dtype.itemsize
    if kind in "bi" or (kind == "f" and size <= 8 and math.isfinite(value)):
        return tag("numpy", value.dtype.str, value.item())
    return tag("numpy", value.dtype.str, None, in_base64(value.tobytes()))


def _pandas(packer: Any, value: Any, depth: int) -> Any:
    match type(value).__name__:
        case "NaTType" | "NAType" as name:
            return tag("pandas", name)
        case "Timedelta":
            return tag("pandas", "Timedelta", int(value.asm8.view("i8")), value.unit)
    zone = value.tzinfo
    if zone is not None and not (isinstance(zone, ZoneInfo) and zone.key):
        if zone != dt.UTC or type(zone) is not dt.timezone:
            return tag("leaf", packer.leaf(value))
        return tag("pandas", "Timestamp", int(value.asm8.view("i8")), value.unit, True)
    key = zone.key if isinstance(zone, ZoneInfo) else None
    return tag("pandas", "Timestamp", int(value.asm8.view("i8")), value.unit, key)
