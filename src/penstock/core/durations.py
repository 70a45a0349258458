"""Durations as people write them: "90s", "10m", "1h30m", "2w", or a number of seconds."""

from __future__ import annotations

import re

MOST = 1e12
"""Seconds; more are a slip, or inf."""
UNITS = {
    "us": 1e-6,
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
"""In seconds; of two that begin alike the longer one comes first."""
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_PART = rf"({_NUMBER})\s*({'|'.join(UNITS)})\s*"
WRITTEN = rf"\s*(?:{_NUMBER}\s*|(?:{_PART})+)"
"""How they look, as a regular expression that a JSON Schema may have."""


def seconds(text: str) -> float | None:
    """In seconds; None if it is no duration, or one that nobody waits for."""
    text = text.lower()
    if not re.fullmatch(WRITTEN, text):
        return None
    parts = re.findall(_PART, text) or [(text, "s")]
    total = sum(float(number) * UNITS[unit] for number, unit in parts)
    return total if total <= MOST else None


def duration(value: float) -> str | float:
    """The shortest word for so many seconds that means just these."""
    for unit in ("d", "h", "m", "s", "ms"):
        count = value / UNITS[unit]
        word = f"{count:.0f}{unit}"
        if count >= 1 and seconds(word) == value:
            return word
    return value


def is_wait(value: object) -> bool:
    """Whether it is a number to wait by: neither negative nor nan nor without end."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST
