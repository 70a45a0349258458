"""Text and numbers made such that every reader of JSON takes them: for records, which people read."""

from __future__ import annotations

import math
import re
from pathlib import Path, PurePath
from typing import Any

import msgspec

from penstock.core.naming import type_name


def as_json(value: Any) -> str:
    """Any value as JSON for people: what JSON has no word for becomes its repr."""
    try:
        return msgspec.json.encode(value, enc_hook=_described).decode()
    except (ValueError, OverflowError):  # half characters, integers of very many digits
        return msgspec.json.encode(tame(msgspec.to_builtins(value, enc_hook=_described))).decode()


def plain(value: Any) -> Any:
    """The same as values that JSON has; NaN and infinities, which it has not, as words."""
    built = msgspec.to_builtins(value, enc_hook=_described)  # keys of any kind: JSON gets text
    return msgspec.json.decode(as_json(worded(built)))


def worded(value: Any) -> Any:
    """With words for the numbers that JSON has not: what is missing is null, this is none."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: worded(item) for key, item in value.items()}
        case list() | tuple():
            return [worded(item) for item in value]
        case _:
            return value


def _described(value: Any) -> str:
    if isinstance(value, type):
        return type_name(value)
    if isinstance(value, PurePath):
        return str(value)
    return shown(value, 500)


def shown(value: object, limit: int) -> str:
    """The repr of a value, cut to so many characters; its class where it has none."""
    try:
        # As it is written in code, and not as the system has it.
        text = f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)
    except Exception:  # the user's own code: a `__repr__`; and integers of very many digits
        return f"<{type(value).__name__}>"
    if " at 0x" in text and not isinstance(value, str):
        text = _ADDRESS.sub(">", text)  # another one each time
    return text if len(text) <= limit else text[: limit - 1] + "…"


_ADDRESS = re.compile(" at 0x[0-9a-f]+>")


def tame(value: Any) -> Any:
    """Half characters become escapes, integers over 64 bits their digits."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case int() if not isinstance(value, bool) and not -(2**63) <= value < 2**63:
            return hex(value) if value.bit_length() > 4096 else repr(value)
        case dict():
            return {tame(key): tame(item) for key, item in value.items()}
        case list() | tuple():
            return [tame(item) for item in value]
        case _:
            return value


_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """One line for a terminal: what would move the cursor, colour or hide text is shown as an escape."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
