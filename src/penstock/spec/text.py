"""Inputs and values as expressions: the words of Python for what YAML has no word for."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import is_dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import isfinite
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any
from uuid import UUID

from penstock.core.graph import (
    Access,
    Build,
    Expr,
    FirstOf,
    Input,
    Literal,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
)
from penstock.core.naming import type_name
from penstock.spec.scalars import quoted
from penstock.spec.values import Constructed, Named, Opaque, names

NAME = re.compile(r"[^\W\d]\w*(?:-\w+)*")
DOTTED = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
WORDS = frozenset(("None", "True", "False", "not", "and", "or"))
"""Names that mean something else in an expression."""
BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and_": "&", "or_": "|",
}  # fmt: skip
UNARY = {"neg": "-", "not_": "not ", "invert": "~"}
DATE = "logical_date"
"""An Expr of this operator is the date that a run is for, as the type that its operand names."""
MOST_BITS = 4096
"""An integer of more is written in hexadecimal: Python refuses to read so many digits."""


def phrase(source: Input, params: Collection[str] = ()) -> str:
    """An input as an expression; `params` are the parameters of the graph that it stands in."""
    match source:
        case Literal(value=value):
            return value_text(value)
        case ParamRef(name=name):
            return f"${name}" if DOTTED.fullmatch(name) else f"$`{name}`"
        case OutputRef(node=node, output=output, path=path):
            whole = node if NAME.fullmatch(node) and node not in WORDS else f"`{node}`"
            return whole + (f".{output}" if output else "") + "".join(map(_access, path))
        case FirstOf(options=options):
            return f"either({_joined(options, params)})"
        case SecretRef(source=origin, name=name):
            return f"secret({quoted(f'{origin}:{name}')})"
        case SourceRef(address=address):
            return f"ref({quoted(address)})"
        case Build():
            return _build(source, params)
        case Expr():
            return _expression(source, params)


def _build(source: Build, params: Collection[str]) -> str:
    match source.kind:
        case "list":
            return f"[{_joined(source.items, params)}]"
        case "tuple":
            comma = "," if len(source.items) == 1 else ""
            return f"({_joined(source.items, params)}{comma})"
        case "dict":
            pairs = zip(source.keys, source.items, strict=True)
            inner = (f"{value_text(key)}: {phrase(item, params)}" for key, item in pairs)
            return "{" + ", ".join(inner) + "}"
        case "namedtuple":
            cls = type_name(source.cls) if isinstance(source.cls, type) else source.cls
            pairs = zip(source.keys, source.items, strict=True)
            inner = (f"{key}={phrase(item, params)}" for key, item in pairs)
            return f"{cls or 'namedtuple'}({', '.join(inner)})"


def _expression(source: Expr, params: Collection[str]) -> str:
    match source:
        case Expr("getattr" | "getitem" as op, (whole, Literal(name))):
            kind: Any = "attribute" if op == "getattr" else "item"
            inner = phrase(whole, params)
            # `$hyper.lr` is the parameter of that name, if there is one.
            plain = isinstance(whole, ParamRef) and f"{whole.name}.{name}" not in params
            return (inner if plain else f"({inner})") + _access(Access(kind, name))
        case Expr(op, (only,)) if op == DATE:
            kind = only.value if isinstance(only, Literal) else ""
            return f"{DATE}({'' if kind == 'date' else kind})"
        case Expr(op, (only,)):
            return f"{UNARY[op]}{_operand(only, params)}"
        case Expr(op, (first, second)):
            return f"{_operand(first, params)} {BINARY[op]} {_operand(second, params)}"
    raise AssertionError(source)


def _operand(source: Input, params: Collection[str]) -> str:
    text = phrase(source, params)
    compound = isinstance(source, Expr) and source.op not in ("getattr", "getitem", DATE)
    # `-1 ** 2` and `1.real` read otherwise than they look.
    number = isinstance(source, Literal) and text[:1] == "-"
    return f"({text})" if compound or number else text


def _joined(items: Collection[Input], params: Collection[str]) -> str:
    return ", ".join(phrase(item, params) for item in items)


def _access(access: Access) -> str:
    if access.kind == "attribute":
        return f".{access.name}"
    return f"[{value_text(access.name)}]"


# ---- values


def value_text(value: Any) -> str:
    """A value as an expression that gives an equal one of the same type."""
    writer = _WRITERS.get(type(value))
    if writer is not None:
        return writer(value)
    match value:
        case Enum(name=name) if _importable(type(value)):
            cls = type_name(type(value))
            # Several flags, or none, have no name of their own; and a name may be any text.
            plain = name is not None and name.isidentifier()
            return f"{cls}.{name}" if plain else f"{cls}(value={value_text(value.value)})"
        case type() | FunctionType() | BuiltinFunctionType() if _importable(value):
            named: Any = value
            return type_name(named)
        case tuple() if hasattr(value, "_fields") and _importable(type(value)):
            return _made(type(value), value)
        case PurePath():
            return f"{type(value).__name__}({quoted(str(value))})"
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value_text(value.item())
    if is_dataclass(value) and _importable(type(value)) and _plainly_made(type(value)):
        return _made(type(value), value)
    return value_text(Opaque(type(value).__qualname__, ""))


def _importable(thing: Any) -> bool:
    return "<" not in getattr(thing, "__qualname__", "<")


def _made(cls: type, value: Any) -> str:
    inner = (f"{name}={value_text(getattr(value, name))}" for name in names(cls))
    return f"{type_name(cls)}({', '.join(inner)})"


def _plainly_made(cls: Any) -> bool:
    """Whether its fields are all that it is made from."""
    every = cls.__dataclass_fields__.values()
    return all(field._field_type.name == "_FIELD" and field.init for field in every)


def _int(value: int) -> str:
    return hex(value) if value.bit_length() > MOST_BITS else repr(value)


def _float(value: float) -> str:
    return repr(value) if isfinite(value) else f'float("{value}")'


def _complex(value: complex) -> str:
    return f"complex({_float(value.real)}, {_float(value.imag)})"


def _tuple(value: tuple[Any, ...]) -> str:
    return f"({', '.join(map(value_text, value))}{',' if len(value) == 1 else ''})"


def _dict(value: Mapping[Any, Any]) -> str:
    inner = (f"{value_text(key)}: {value_text(item)}" for key, item in value.items())
    return "{" + ", ".join(inner) + "}"


def _set(value: Collection[Any]) -> str:
    return "{" + ", ".join(sorted(map(value_text, value))) + "}" if value else "set()"


def _datetime(value: dt.datetime) -> str:
    return f"datetime({_moment(value)})"


def _time(value: dt.time) -> str:
    return f"time({_moment(value)})"


def _moment(value: Any) -> str:
    zone = getattr(value.tzinfo, "key", None)
    bare = value.replace(tzinfo=None, fold=0) if zone else value.replace(fold=0)
    words = [quoted(bare.isoformat())]
    if zone:
        words.append(f"zone={quoted(zone)}")
    if value.fold:
        words.append("fold=1")
    return ", ".join(words)


def _timedelta(value: dt.timedelta) -> str:
    parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    return f"timedelta({', '.join(f'{name}={part}' for name, part in parts.items() if part)})"


def _range(value: range) -> str:
    return f"range({value.start}, {value.stop}, {value.step})"


def _constructed(value: Constructed) -> str:
    inner = (f"{name}={value_text(item)}" for name, item in value.fields.items())
    return f"{value.name}({', '.join(inner)})"


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: _int,
    float: _float,
    complex: _complex,
    str: quoted,
    bytes: repr,
    bytearray: lambda value: f"bytearray({bytes(value)!r})",
    tuple: _tuple,
    list: lambda value: f"[{', '.join(map(value_text, value))}]",
    dict: _dict,
    set: _set,
    frozenset: lambda value: f"frozenset({_set(value) if value else ''})",
    dt.date: lambda value: f'date("{value}")',
    dt.datetime: _datetime,
    dt.time: _time,
    dt.timedelta: _timedelta,
    Decimal: lambda value: f'Decimal("{value}")',
    Fraction: lambda value: f'Fraction("{value}")',
    UUID: lambda value: f'UUID("{value}")',
    type(Path()): lambda value: f"Path({quoted(str(value))})",
    range: _range,
    Named: lambda value: str(value.name),
    Constructed: _constructed,
    Opaque: lambda value: f"opaque({quoted(value.kind)}, {quoted(value.digest)})",
}
"""By exact type: a subclass is another value."""
