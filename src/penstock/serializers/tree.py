"""Plain values as tagged JSON, and back, exactly.

What JSON says exactly is itself: `{"a": [1, 2.5]}`. All else is an object with the one key "$": a
tag, then what that tag needs: `{"$": ["tuple", [1, 2]]}`. A value that has no such form is a leaf,
kept elsewhere and named by its number.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from penstock.errors import Unfit
from penstock.serializers.forms import Pack, form, in_base64, tag

Leaf = Callable[[object], int]
DEEP = 150
"""Levels of nesting that are written as JSON; deeper values, and cycles, are not."""
FACTORIES = {
    "int": int,
    "float": float,
    "list": list,
    "dict": dict,
    "set": set,
    "str": str,
    "OrderedDict": OrderedDict,
}
ADDRESSES = (
    ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
    ipaddress.IPv4Interface, ipaddress.IPv6Interface,
)  # fmt: skip
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
    return cls in _DIRECT or cls in _PACK or form(cls) is not None


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
            return value if math.isfinite(value) else tag("float", repr(value))
        packer = _PACK.get(cls) or form(cls)
        if packer is None:
            return tag("leaf", self.leaf(value))
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
            return tag("int", f"{value:x}")
        if type(value) is str and not _encodable(value):
            return tag("str", in_base64(value.encode("utf-8", "surrogatepass")))
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
        return tag("dict", self.pairs(value, depth))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _moment(packer: _Packer, value: dt.datetime | dt.time, depth: int) -> Any:
    name, zone = type(value).__name__, value.tzinfo
    text = value.replace(tzinfo=None, fold=0).isoformat()
    match zone:
        case None:
            where: object = None
        case ZoneInfo(key=str() as key):
            where = key
        case dt.timezone() if type(zone) is dt.timezone:
            where = _zone(packer, zone)
        case _:
            return tag("leaf", packer.leaf(value))
    return tag(name, text, value.fold, where)


def _zone(packer: _Packer, zone: dt.timezone) -> list[Any]:
    offset = zone.utcoffset(None)
    unnamed = dt.timezone(offset).tzname(None) == zone.tzname(None)
    seconds = packer.pack(offset, 0)
    return [seconds] if unnamed else [seconds, zone.tzname(None)]


def _default(packer: _Packer, value: defaultdict[Any, Any], depth: int) -> Any:
    factory = value.default_factory
    name = getattr(factory, "__name__", "")
    if factory is not None and FACTORIES.get(name) is not factory:
        return tag("leaf", packer.leaf(value))
    return tag("defaultdict", name, packer.pairs(value, depth))


def _ordered(packer: _Packer, value: OrderedDict[Any, Any], depth: int) -> Any:
    # Attributes of its own has what torch's `state_dict()` gives: the versions of modules.
    own = [packer.pairs(vars(value), depth)] if vars(value) else []
    return tag("OrderedDict", packer.pairs(value, depth), *own)


_PACK: dict[type, Pack] = {
    float: lambda packer, value, depth: value,
    list: lambda packer, value, depth: packer.items(value, depth),
    tuple: lambda packer, value, depth: tag("tuple", packer.items(value, depth)),
    dict: _Packer.dict,
    set: lambda packer, value, depth: tag("set", packer.sorted(value, depth)),
    frozenset: lambda packer, value, depth: tag("frozenset", packer.sorted(value, depth)),
    OrderedDict: _ordered,
    Counter: lambda packer, value, depth: tag("Counter", packer.pairs(value, depth)),
    defaultdict: _default,
    deque: lambda packer, value, depth: tag(
        "deque", packer.items(list(value), depth), value.maxlen
    ),
    bytes: lambda packer, value, depth: tag("bytes", in_base64(value)),
    bytearray: lambda packer, value, depth: tag("bytearray", in_base64(value)),
    complex: lambda packer, value, depth: tag("complex", repr(value.real), repr(value.imag)),
    Decimal: lambda packer, value, depth: tag("Decimal", str(value)),
    Fraction: lambda packer, value, depth: tag(
        "Fraction", f"{value.numerator:x}", f"{value.denominator:x}"
    ),
    UUID: lambda packer, value, depth: tag("UUID", value.hex),
    dt.date: lambda packer, value, depth: tag("date", value.isoformat()),
    dt.datetime: _moment,
    dt.time: _moment,
    dt.timedelta: lambda packer, value, depth: tag(
        "timedelta", value.days, value.seconds, value.microseconds
    ),
    range: lambda packer, value, depth: tag(
        "range", *(packer.pack(part, depth) for part in (value.start, value.stop, value.step))
    ),
    slice: lambda packer, value, depth: tag(
        "slice", *(packer.pack(part, depth) for part in (value.start, value.stop, value.step))
    ),
    type(...): lambda packer, value, depth: tag("ellipsis"),
    dt.timezone: lambda packer, value, depth: tag("zone", _zone(packer, value)),
    ZoneInfo: lambda packer, value, depth: (
        tag("zone", value.key) if value.key else tag("leaf", packer.leaf(value))
    ),
    re.Pattern: lambda packer, value, depth: tag(
        "pattern", packer.pack(value.pattern, depth), value.flags
    ),
    SimpleNamespace: lambda packer, value, depth: tag(
        "namespace", packer.pairs(vars(value), depth)
    ),
    MappingProxyType: lambda packer, value, depth: tag("mappingproxy", packer.pairs(value, depth)),
    **{
        kind: lambda packer, value, depth: tag("address", type(value).__name__, str(value))
        for kind in ADDRESSES
    },
}
