"""The scalars of YAML 1.2: which text is a number, a word of its own, or only text."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

# The core schema (https://yaml.org/spec/1.2.2/, 10.3.2).
NULL = r"~|null|Null|NULL|"
BOOL = r"true|True|TRUE|false|False|FALSE"
INT = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
FLOAT = (
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_KINDS = tuple((kind, re.compile(pattern)) for kind, pattern in (
    ("null", NULL), ("bool", BOOL), ("int", INT), ("float", FLOAT),
))  # fmt: skip

# What YAML 1.1, which other tools read, takes for more than text.
_OLDER = re.compile(
    r"(?:yes|no|on|off)|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?[0-9][0-9_,.]*|0b[01_]+|\d{4}-\d\d?-\d\d?.*|=|<<",
    re.IGNORECASE,
)
_FIRST = frozenset("-?:,[]{}#&*!|>'\"%@`")
"""Characters that begin something else than plain text."""
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def typed(text: str) -> Any:
    """What plain text means."""
    for kind, pattern in _KINDS:
        if pattern.fullmatch(text):
            return _READERS[kind](text)
    return text


def _int(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_READERS = {
    "null": lambda text: None,
    "bool": lambda text: text[0] in "tT",
    "int": _int,
    "float": _float,
}


def plain(value: bool | int | float | None) -> str:
    """A value that YAML knows, as it writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or isfinite(value):
        return repr(value)
    return ".nan" if value != value else "-.inf" if value < 0 else ".inf"


def text(value: str, *, flow: bool = False) -> str:
    """Text such that it stays text: plain where it can be, else in quotes. Needs no half characters."""
    if _is_plain(value, flow=flow):
        return value
    if "'" not in value and value.isprintable():
        return f"'{value}'"
    return quoted(value)


def _is_plain(value: str, *, flow: bool) -> bool:
    if not value or value[0] in _FIRST or value != value.strip() or not value.isprintable():
        return False
    if ": " in value or " #" in value or value[-1] == ":" or value[:3] in ("---", "..."):
        return False
    if flow and any(mark in value for mark in ",[]{}:"):
        return False
    return typed(value) is value and not _OLDER.fullmatch(value)


def quoted(text: str) -> str:
    """Text in double quotes, as YAML and Python both read it: of characters that print."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(one: str) -> str:
    if one in _ESCAPES:
        return _ESCAPES[one]
    if one.isprintable():
        return one
    code = ord(one)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def is_whole(value: str) -> bool:
    """Whether it has no half characters, which YAML cannot hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
