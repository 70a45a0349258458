"""Plain values as tagged JSON, and back, exactly.

What JSON says exactly is itself: `{"a": [1, 2.5]}`. All else is an object with the one key "$": a
tag, then what that tag needs: `{"$": ["tuple", [1, 2]]}`. A value that has no such form is a leaf,
kept elsewhere and named by its number.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum, EnumType
from fractions import Fraction
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from penstock.core.naming import MAIN, resolve, type_name
from penstock.errors import DefinitionError, Unfit

Leaf = Callable[[object], int]
DEEP = 150
"""Levels of nesting that are written as JSON; deeper values, and cycles, are not."""
FACTORIES = {"int": int, "float": float, "list": list, "dict": dict, "set": set, "str": str}
_DIRECT = frozenset((type(None), bool, int, str))


def dumps(value: object, leaf: Leaf) -> bytes:
    """Raises Unfit for what is nested too deeply, a cycle, or shares without end."""
    try:
        return msgspec.json.encode(_Packer(leaf, careful=False).pack(value, 0))
    except (UnicodeEncodeError, ValueError):
        # Half a surrogate pair, or an integer of more than 4,300 digits: look at each.
        return msgspec.json.encode(_Packer(leaf, careful=True).pack(value, 0))


def is_plain(value: object) -> bool:
    """Whether a value itself, whatever it holds, has a form in JSON."""
    cls = type(value)
    return cls in _DIRECT or cls in _PACK or _special(cls) is not None


def _tag(*parts: object) -> dict[str, object]:
    return {"$": parts}


# ---- writing


class _Packer:
    def __init__(self, leaf: Leaf, *, careful: bool) -> None:
        self.leaf = leaf
        self.careful = careful
        self.seen: set[int] = set()
        self.visits = 0

    def pack(self, value: Any, depth: int) -> Any:
        cls = type(value)
        if cls in _DIRECT:
            return self._checked(value) if self.careful else value
        if cls is float:
            return value if math.isfinite(value) else _tag("float", repr(value))
        packer = _PACK.get(cls) or _special(cls)
        if packer is None:
            return _tag("leaf", self.leaf(value))
        if depth > DEEP:
            raise Unfit("a value is nested too deeply for JSON, or holds itself")
        self.visits += 1
        self.seen.add(id(value))
        # Each level that holds the next one twice doubles what is written.
        if self.visits > 10_000 and self.visits > 8 * len(self.seen):
            raise Unfit("a value holds the same part too many times for JSON")
        return packer(self, value, depth + 1)

    def _checked(self, value: Any) -> Any:
        if type(value) is int and value.bit_length() > 4096:
            return _tag("int", f"{value:x}")
        if type(value) is str and not _encodable(value):
            return _tag("str", _base64(value.encode("utf-8", "surrogatepass")))
        return value

    def items(self, values: Any, depth: int) -> list[Any]:
        types = set(map(type, values))
        if not self.careful and (
            types <= _DIRECT or (types == {float} and all(map(math.isfinite, values)))
        ):
            return values if type(values) is list else list(values)
        pack = self.pack
        return [pack(value, depth) for value in values]

    def pairs(self, values: dict[Any, Any], depth: int) -> list[Any]:
        return [[self.pack(key, depth), self.pack(value, depth)] for key, value in values.items()]

    def sorted(self, values: Any, depth: int) -> list[Any]:
        # By what is written, so that equal sets are equal bytes in every process.
        packed = self.items(list(values), depth)
        return sorted(packed, key=msgspec.json.encode)

    def dict(self, value: dict[Any, Any], depth: int) -> Any:
        if "$" not in value and set(map(type, value)) <= {str} and not self.careful:
            pack = self.pack
            return {key: pack(item, depth) for key, item in value.items()}
        return _tag("dict", self.pairs(value, depth))


_Pack = Callable[[_Packer, Any, int], Any]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()


def _moment(packer: _Packer, value: dt.datetime | dt.time, depth: int) -> Any:
    name, zone = type(value).__name__, value.tzinfo
    text = value.replace(tzinfo=None, fold=0).isoformat()
    match zone:
        case None:
            where: object = None
        case ZoneInfo(key=str() as key):
            where = key
        case dt.timezone() if type(zone) is dt.timezone:
            offset = zone.utcoffset(None)
            unnamed = dt.timezone(offset).tzname(None) == zone.tzname(None)
            seconds = packer.pack(offset, depth)
            where = [seconds] if unnamed else [seconds, zone.tzname(None)]
        case _:
            return _tag("leaf", packer.leaf(value))
    return _tag(name, text, value.fold, where)


def _default(packer: _Packer, value: defaultdict[Any, Any], depth: int) -> Any:
    factory = value.default_factory
    name = getattr(factory, "__name__", "")
    if factory is not None and FACTORIES.get(name) is not factory:
        return _tag("leaf", packer.leaf(value))
    return _tag("defaultdict", name, packer.pairs(value, depth))


_PACK: dict[type, _Pack] = {
    float: lambda packer, value, depth: value,
    list: lambda packer, value, depth: packer.items(value, depth),
    tuple: lambda packer, value, depth: _tag("tuple", packer.items(value, depth)),
    dict: _Packer.dict,
    set: lambda packer, value, depth: _tag("set", packer.sorted(value, depth)),
    frozenset: lambda packer, value, depth: _tag("frozenset", packer.sorted(value, depth)),
    OrderedDict: lambda packer, value, depth: _tag("OrderedDict", packer.pairs(value, depth)),
    Counter: lambda packer, value, depth: _tag("Counter", packer.pairs(value, depth)),
    defaultdict: _default,
    deque: lambda packer, value, depth: _tag(
        "deque", packer.items(list(value), depth), value.maxlen
    ),
    bytes: lambda packer, value, depth: _tag("bytes", _base64(value)),
    bytearray: lambda packer, value, depth: _tag("bytearray", _base64(value)),
    complex: lambda packer, value, depth: _tag("complex", repr(value.real), repr(value.imag)),
    Decimal: lambda packer, value, depth: _tag("Decimal", str(value)),
    Fraction: lambda packer, value, depth: _tag(
        "Fraction", f"{value.numerator:x}", f"{value.denominator:x}"
    ),
    UUID: lambda packer, value, depth: _tag("UUID", value.hex),
    dt.date: lambda packer, value, depth: _tag("date", value.isoformat()),
    dt.datetime: _moment,
    dt.time: _moment,
    dt.timedelta: lambda packer, value, depth: _tag(
        "timedelta", value.days, value.seconds, value.microseconds
    ),
    range: lambda packer, value, depth: _tag(
        "range", *(packer.pack(part, depth) for part in (value.start, value.stop, value.step))
    ),
    slice: lambda packer, value, depth: _tag(
        "slice", *(packer.pack(part, depth) for part in (value.start, value.stop, value.step))
    ),
    type(...): lambda packer, value, depth: _tag("ellipsis"),
}


# ---- classes


_known: dict[type, _Pack | None] = {}


def _special(cls: type) -> _Pack | None:
    """How values of a class that is not built in are written; None if they have no form in JSON."""
    if cls not in _known:
        if cls.__module__ == MAIN:  # a notebook's class may be defined again
            return _form(cls)
        _known[cls] = _form(cls)
    return _known[cls]


def _form(cls: type) -> _Pack | None:
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


def _object(packer: _Packer, value: Any, depth: int) -> Any:
    cls = type(value)
    attributes = {
        name: item
        for name, item in getattr(value, "__dict__", {}).items()
        if not isinstance(getattr(cls, name, None), cached_property)
    }
    for field in fields(cls):
        if field.name not in attributes and hasattr(value, field.name):
            attributes[field.name] = getattr(value, field.name)
    return _tag("object", type_name(cls), packer.pairs(attributes, depth))


def _namedtuple(packer: _Packer, value: Any, depth: int) -> Any:
    cls = type(value)
    if getattr(value, "__dict__", None):
        return _tag("leaf", packer.leaf(value))
    return _tag("namedtuple", type_name(cls), list(cls._fields), packer.items(tuple(value), depth))


def _enum(packer: _Packer, value: Enum, depth: int) -> Any:
    cls = type(value)
    if value._name_ in cls.__members__:
        return _tag("enum", type_name(cls), value._name_)
    return _tag("flag", type_name(cls), packer.pack(value._value_, depth))


def _is_numpy_scalar(cls: type) -> bool:
    numpy = sys.modules["numpy"]
    return issubclass(cls, numpy.generic) and not issubclass(cls, numpy.void | numpy.object_)


def _numpy(packer: _Packer, value: Any, depth: int) -> Any:
    kind, size = value.dtype.kind, value.dtype.itemsize
    if kind in "bi" or (kind == "f" and size <= 8 and math.isfinite(value)):
        return _tag("numpy", value.dtype.str, value.item())
    return _tag("numpy", value.dtype.str, None, _base64(value.tobytes()))


def _pandas(packer: _Packer, value: Any, depth: int) -> Any:
    match type(value).__name__:
        case "NaTType" | "NAType" as name:
            return _tag("pandas", name)
        case "Timedelta":
            return _tag("pandas", "Timedelta", int(value.asm8.view("i8")), value.unit)
    zone = value.tzinfo
    if zone is not None and not (isinstance(zone, ZoneInfo) and zone.key):
        if zone != dt.UTC or type(zone) is not dt.timezone:
            return _tag("leaf", packer.leaf(value))
        return _tag("pandas", "Timestamp", int(value.asm8.view("i8")), value.unit, True)
    key = zone.key if isinstance(zone, ZoneInfo) else None
    return _tag("pandas", "Timestamp", int(value.asm8.view("i8")), value.unit, key)
