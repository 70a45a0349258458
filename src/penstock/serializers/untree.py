"""Tagged JSON, read back as the values that `tree` wrote."""

from __future__ import annotations

import base64
import datetime as dt
import importlib
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import EnumType
from fractions import Fraction
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from penstock.core.gone import gone
from penstock.core.naming import resolve
from penstock.errors import DefinitionError
from penstock.serializers.tree import ADDRESSES, FACTORIES

_Leaf = Callable[[int], object]
_ADDRESSES: dict[str, Any] = {kind.__name__: kind for kind in ADDRESSES}
_decode = msgspec.json.Decoder().decode


def loads(data: bytes, leaf: _Leaf) -> Any:
    """`leaf` gives the values that are kept elsewhere, by number. A class that is gone is a record."""
    return _unpack(_decode(data), leaf)


def _unpack(data: Any, leaf: _Leaf) -> Any:
    cls = type(data)
    if cls is dict:
        if "$" in data:
            tag, *rest = data["$"]
            return _UNPACK[tag](leaf, *rest)
        return {key: _unpack(value, leaf) for key, value in data.items()}
    if cls is list:
        if {dict, list}.isdisjoint(map(type, data)):
            return data
        return [_unpack(value, leaf) for value in data]
    return data


def _pairs(leaf: _Leaf, pairs: list[Any]) -> dict[Any, Any]:
    return {_unpack(key, leaf): _unpack(value, leaf) for key, value in pairs}


def _ordered(leaf: _Leaf, pairs: list[Any], attributes: Any = ()) -> OrderedDict[Any, Any]:
    value = OrderedDict(_pairs(leaf, pairs))
    vars(value).update(_pairs(leaf, attributes))
    return value


def _time(cls: Any, leaf: _Leaf, text: str, fold: int, where: Any) -> Any:
    match where:
        case str():
            zone: Any = ZoneInfo(where)
        case [*_]:
            zone = _read_zone(leaf, where)
        case _:
            zone = None
    return cls.fromisoformat(text).replace(fold=fold, tzinfo=zone)


def _read_object(leaf: _Leaf, name: str, pairs: list[Any]) -> object:
    attributes = _pairs(leaf, pairs)
    cls = _class(name, is_dataclass)
    if cls is None:
        return gone(name)(**attributes)
    value = object.__new__(cls)
    for field in fields(cls):
        if field.name in attributes:
            continue
        if field.default_factory is not MISSING:
            attributes[field.name] = field.default_factory()
        elif field.default is not MISSING and field.name in vars(cls).get("__slots__", ()):
            attributes[field.name] = field.default
    for attribute, item in attributes.items():
        object.__setattr__(value, attribute, item)
    return value


def _read_model(leaf: _Leaf, name: list[Any], packed: Any) -> object:
    state = _unpack(packed, leaf)
    cls = _model_class(name)
    if not hasattr(cls, "model_fields"):
        return gone(name[0])(**state["__dict__"])
    attributes = state["__dict__"]
    for field, about in cls.model_fields.items():
        if field not in attributes and not about.is_required():
            attributes[field] = about.get_default(call_default_factory=True)
    # No validator runs: what was stored is what comes back, also where a rule has changed since.
    value = cls.__new__(cls)
    value.__setstate__(state)
    return value


def _model_class(name: list[Any]) -> Any:
    """A model by its name and what it is generic over; of these any class may be one."""
    first, *rest = name
    cls = _class(first, lambda found: True)
    if cls is None or not rest:
        return cls
    inner = [_model_class(one) for one in rest]
    return None if None in inner else cls[tuple(inner)]


def _read_namedtuple(leaf: _Leaf, name: str, names: list[str], values: Any) -> object:
    values = _unpack(values, leaf)
    cls = _class(name, lambda found: issubclass(found, tuple) and hasattr(found, "_fields"))
    if cls is None or list(cls._fields) != names:
        return gone(name)(**dict(zip(names, values, strict=True)))
    return tuple.__new__(cls, values)


def _read_zone(leaf: _Leaf, where: Any) -> object:
    return (
        ZoneInfo(where)
        if isinstance(where, str)
        else dt.timezone(_unpack(where[0], leaf), *where[1:])
    )


def _read_enum(leaf: _Leaf, name: str, member: str) -> object:
    cls = _class(name, lambda found: isinstance(found, EnumType))
    if cls is None or member not in cls.__members__:
        return gone(name)(name=member)
    return cls[member]


def _read_flag(leaf: _Leaf, name: str, value: Any) -> object:
    cls = _class(name, lambda found: isinstance(found, EnumType))
    return gone(name)(value=value) if cls is None else cls(_unpack(value, leaf))


def _class(name: str, fits: Callable[[Any], bool]) -> Any:
    """The class of this name, if it still is one of its kind."""
    try:
        found = resolve(name)
    except DefinitionError:
        return None
    return found if isinstance(found, type) and fits(found) else None


def _read_numpy(leaf: _Leaf, dtype: str, value: Any, data: str = "") -> object:
    import numpy as np

    if data or value is None:
        kind = np.dtype(dtype)
        # A text of no letters has no bytes.
        return np.frombuffer(base64.b64decode(data), kind)[0] if kind.itemsize else kind.type()
    return np.dtype(dtype).type(value)


def _read_pandas(
    leaf: _Leaf, kind: str, value: int = 0, unit: str = "ns", zone: Any = None
) -> object:
    import pandas as pd

    np: Any = importlib.import_module("numpy")  # untyped: the unit comes from the record

    match kind:
        case "NaTType":
            return pd.NaT
        case "NAType":
            return pd.NA
        case "Timedelta":
            return pd.Timedelta(np.timedelta64(value, unit))
    moment = pd.Timestamp(np.datetime64(value, unit))
    if zone is None:
        return moment
    return moment.tz_localize("UTC").tz_convert(dt.UTC if zone is True else ZoneInfo(zone))


_UNPACK: dict[str, Callable[..., Any]] = {
    "leaf": lambda leaf, number: leaf(number),
    "float": lambda leaf, text: float(text),
    "int": lambda leaf, text: int(text, 16),
    "str": lambda leaf, text: base64.b64decode(text).decode("utf-8", "surrogatepass"),
    "tuple": lambda leaf, items: tuple(_unpack(items, leaf)),
    "dict": _pairs,
    "set": lambda leaf, items: set(_unpack(items, leaf)),
    "frozenset": lambda leaf, items: frozenset(_unpack(items, leaf)),
    "OrderedDict": _ordered,
    "Counter": lambda leaf, pairs: Counter(_pairs(leaf, pairs)),
    "defaultdict": lambda leaf, name, pairs: defaultdict(FACTORIES.get(name), _pairs(leaf, pairs)),
    "deque": lambda leaf, items, size: deque(_unpack(items, leaf), size),
    "bytes": lambda leaf, text: base64.b64decode(text),
    "bytearray": lambda leaf, text: bytearray(base64.b64decode(text)),
    "complex": lambda leaf, real, imaginary: complex(float(real), float(imaginary)),
    "Decimal": lambda leaf, text: Decimal(text),
    "Fraction": lambda leaf, top, bottom: Fraction(int(top, 16), int(bottom, 16)),
    "UUID": lambda leaf, text: UUID(text),
    "date": lambda leaf, text: dt.date.fromisoformat(text),
    "datetime": partial(_time, dt.datetime),
    "time": partial(_time, dt.time),
    "timedelta": lambda leaf, *parts: dt.timedelta(*parts),
    "range": lambda leaf, *parts: range(*(_unpack(part, leaf) for part in parts)),
    "slice": lambda leaf, *parts: slice(*(_unpack(part, leaf) for part in parts)),
    "ellipsis": lambda leaf: ...,
    "zone": _read_zone,
    "pattern": lambda leaf, pattern, flags: re.compile(_unpack(pattern, leaf), flags),
    "namespace": lambda leaf, pairs: SimpleNamespace(**_pairs(leaf, pairs)),
    "mappingproxy": lambda leaf, pairs: MappingProxyType(_pairs(leaf, pairs)),
    "address": lambda leaf, kind, text: _ADDRESSES[kind](text),
    "object": _read_object,
    "model": _read_model,
    "namedtuple": _read_namedtuple,
    "enum": _read_enum,
    "flag": _read_flag,
    "numpy": _read_numpy,
    "pandas": _read_pandas,
}
