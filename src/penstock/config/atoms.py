"""Single values from text or a file: numbers, text, dates, durations; what does not fit is a Misfit."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any

from penstock.core import durations
from penstock.errors import UsageError

_TRUE = frozenset(("true", "yes", "on", "1"))
_FALSE = frozenset(("false", "no", "off", "0"))


class Misfit(Exception):
    def __init__(self, value: Any, expected: str, name: str, hint: str = "") -> None:
        super().__init__(expected)
        self.value, self.expected, self.name, self.hint = value, expected, name, hint


def none(value: Any, name: str) -> None:
    if value is None or (isinstance(value, str) and value.lower() in ("", "null", "none", "~")):
        return
    raise Misfit(value, "nothing", name)


def _bool(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE and isinstance(value, str):
        return True
    if text in _FALSE and isinstance(value, str):
        return False
    raise Misfit(value, "true or false", name)


def _int(value: Any, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(
                value.strip().replace("_", ""), 0 if value.strip()[:2].lower() == "0x" else 10
            )
        except ValueError:
            pass
    raise Misfit(value, "a whole number", name)


def _float(value: Any, name: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        text = value.strip().lower()
        try:
            return float({".inf": "inf", "-.inf": "-inf", ".nan": "nan"}.get(text, text))
        except ValueError:
            pass
    raise Misfit(value, "a number", name)


def _str(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    hint = ""
    if value is None or isinstance(value, bool | int | float):
        hint = f'Quote it if it is meant as text: "{json.dumps(value)}".'
    raise Misfit(value, "text", name, hint)


def _bytes(value: Any, name: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise Misfit(value, "bytes", name)


def _complex(value: Any, name: str) -> complex:
    if isinstance(value, int | float | complex) and not isinstance(value, bool):
        return complex(value)
    try:
        return complex(str(value).replace(" ", ""))
    except ValueError:
        raise Misfit(value, "a complex number", name) from None


def _moment(
    kind: Any, expected: str, example: str
) -> Callable[[Any, str], Any]:  # date, datetime, time
    def read(value: Any, name: str) -> Any:
        if type(value) is kind:
            return value
        if isinstance(value, str):
            try:
                return kind.fromisoformat(value.strip())
            except ValueError:
                pass
        raise Misfit(value, expected, name, f"For example {example}.")

    return read


def of_text(value: Any, kind: type, name: str, expected: str, example: str) -> Any:
    if isinstance(value, kind):
        return value
    try:
        if isinstance(value, str) or type(value) is int:
            text: Any = str(value).strip()
            return kind(text)
    except (ValueError, ArithmeticError):
        pass
    raise Misfit(value, expected, name, f"For example {example}.")


def _duration(value: Any, name: str) -> datetime.timedelta:
    if isinstance(value, datetime.timedelta):
        return value
    try:
        return datetime.timedelta(seconds=seconds(value))
    except UsageError:
        raise Misfit(value, "a duration", name, "For example 90, 10m, 1h30m or 2d.") from None


def seconds(value: Any) -> float:
    """A duration in seconds: a number, or "90s", "10m", "1h30m", "2d". Raises UsageError."""
    found: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value) if abs(value) <= durations.MOST else None
    elif isinstance(value, str):
        found = durations.seconds(value)
    if found is None:
        raise UsageError(f"{value!r} is not a duration", hint="For example 90, 10m, 1h30m or 2d.")
    return found


ATOMS: Mapping[type, Callable[[Any, str], Any]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    bytes: _bytes,
    complex: _complex,
    datetime.date: _moment(datetime.date, "a date", "2026-01-31"),
    datetime.datetime: _moment(datetime.datetime, "a date and time", "2026-01-31T12:30:00"),
    datetime.time: _moment(datetime.time, "a time of day", "12:30:00"),
    datetime.timedelta: _duration,
}
TEXTS: Mapping[str, tuple[str, str]] = {
    "decimal.Decimal": ("a decimal number", "0.10"),
    "uuid.UUID": ("a UUID", "12345678-1234-5678-1234-567812345678"),
}
"""By name: who has no such parameter does not import them. What is expected, and an example."""
