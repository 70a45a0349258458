"""Text and numbers made such that every reader of JSON takes them: for records, which people read."""

from __future__ import annotations

from typing import Any


def shown(value: object, limit: int) -> str:
    """The repr of a value, cut to so many characters; its class where it has none."""
    try:
        text = repr(value)
    except Exception:  # the user's own code: a `__repr__`; and integers of very many digits
        return f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


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
