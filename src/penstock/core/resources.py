"""What a step asks for, as numbers: `resources={"memory": "2GB"}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.errors import DefinitionError

UNITS = {
    "": 1,
    "b": 1,
    "k": 2**10,
    "kb": 10**3,
    "kib": 2**10,
    "m": 2**20,
    "mb": 10**6,
    "mib": 2**20,
    "g": 2**30,
    "gb": 10**9,
    "gib": 2**30,
    "t": 2**40,
    "tb": 10**12,
    "tib": 2**40,
}


def memory_limit(resources: Mapping[str, Any]) -> int | None:
    """Bytes that the step may take, if it says so: a number of bytes, or a text like "2GB", "512MiB"."""
    asked = resources.get("memory")
    if asked is None:
        return None
    if limit := amount(asked):
        return limit
    raise _no_amount(asked)


def checked(resources: Mapping[str, Any], who: str) -> None:
    """Refuse what is no amount. Names are free: executors have resources of their own. Raises DefinitionError."""
    for name, asked in resources.items():
        try:
            if name == "memory" and asked is not None:
                amount(asked)
            elif isinstance(asked, int | float) and not asked >= 0:
                raise DefinitionError(f"{asked!r} is no amount", hint="Write a number from 0 on.")
        except DefinitionError as error:
            raise DefinitionError(
                f"{who} asks for {name}={asked!r}, but {error.message}", hint=error.hint
            ) from None


def amount(asked: Any) -> int:
    """Bytes: a number of them, or a text like "2GB", "512MiB"; 0 is none. Raises DefinitionError."""
    if isinstance(asked, int) and not isinstance(asked, bool) and asked >= 0:
        return asked
    if isinstance(asked, str):
        text = asked.strip().lower()
        number = text.rstrip("bkmgti ")
        unit = UNITS.get(text[len(number) :].strip())
        try:
            if unit is not None and float(number) >= 0:
                return int(float(number) * unit)
        except ValueError:
            pass
    raise _no_amount(asked)


def _no_amount(asked: Any) -> DefinitionError:
    return DefinitionError(
        f"{asked!r} is no amount of memory", hint='Write a number of bytes, or "2GB", "512MiB".'
    )
