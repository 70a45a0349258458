"""Plain values as texts that tell their type and content, the same in every process."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

from penstock.define.closure.item import LONG, short

_ATOMS = frozenset((int, float, bool, complex, bytes, type(None), type(...), type(NotImplemented)))
_TELLING = (Decimal, UUID, date, datetime, time, timedelta, range, slice, bytearray)
_FLAT = frozenset((int, float, bool, str, type(None)))
_PATHS = frozenset((type(Path()), Path, PurePath, PurePosixPath, PureWindowsPath))
_DEEP = 100


class Opaque(Exception):
    """Somewhere in the value is something that is not plain."""


def plain(
    value: object, root: str, data: Callable[[Any], str | None], *, ordered: bool = True
) -> str:
    """The text of a plain value; raises Opaque for any other.

    `data` is asked for values of libraries (an array, a table): their text, or None. Without
    `ordered`, dicts whose items are equal have the same text whatever their order.
    """
    return short(_text(value, _Reader(root, data, ordered), 0))


class _Reader:
    __slots__ = ("data", "ordered", "root")

    def __init__(self, root: str, data: Callable[[Any], str | None], ordered: bool) -> None:
        self.root, self.data, self.ordered = root, data, ordered


def _text(value: Any, reader: _Reader, depth: int) -> str:
    kind = type(value)
    if kind is str:
        return f"str {_relative(value, reader.root)!r}"
    if kind is int and value.bit_length() > LONG:
        return f"int {value:#x}"
    if kind in _ATOMS:
        return f"{kind.__name__} {value!r}"
    if depth > _DEEP:
        raise Opaque
    if kind is list or kind is tuple:
        if set(map(type, value)) <= _FLAT:
            long = any(type(v) is int and v.bit_length() > LONG for v in value)
            text = "" if long else repr(value)
            if text and reader.root not in text:
                return text
        return f"{kind.__name__} [{', '.join(_text(v, reader, depth + 1) for v in value)}]"
    if kind is dict:
        items = [
            f"{_text(k, reader, depth + 1)}: {_text(v, reader, depth + 1)}"
            for k, v in value.items()
        ]
        return f"dict {{{', '.join(items if reader.ordered else sorted(items))}}}"
    if kind is set or kind is frozenset:
        return (
            f"{kind.__name__} {{{', '.join(sorted(_text(v, reader, depth + 1) for v in value))}}}"
        )
    if kind in _PATHS:
        flavour = "" if isinstance(value, PurePosixPath) else "windows "
        return f"path {flavour}{_relative(value.as_posix(), reader.root)!r}"
    if kind is re.Pattern:
        return f"pattern {value.pattern!r} {value.flags}"
    if kind in _TELLING and not _has_zone_of_its_own(value):
        return f"{kind.__module__}.{kind.__qualname__} {value!r}"
    told = reader.data(value)
    if told is None:
        raise Opaque
    return told


def _has_zone_of_its_own(value: object) -> bool:
    """Whether it is a time in a zone whose class someone wrote, which its words do not tell."""
    zone = getattr(value, "tzinfo", None)
    return zone is not None and type(zone).__module__ not in ("datetime", "zoneinfo")


def _relative(text: str, root: str) -> str:
    """A text that is a path under the root, without the root."""
    if text.startswith(root) and text[len(root) : len(root) + 1] in ("", "/", "\\"):
        return f"<root>{text[len(root) :]}"
    return text


def is_data(value: object) -> bool:
    """Whether a library's value holds an array or a table, to be digested by its serializer."""
    return is_of_data(type(value))


def is_of_data(kind: type) -> bool:
    module: object = kind.__module__
    if not isinstance(module, str) or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    return any(hasattr(kind, name) for name in _DATA)


_DATA = (
    "__array__",
    "__arrow_c_stream__",
    "__arrow_c_array__",
    "__dataframe__",
    "__array_struct__",
)
