"""Times as people write them: "10m", "1h30m", "2026-11-01", "yesterday"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

UNITS = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "min": 60 * 10**6, "h": 3600 * 10**6}
UNITS |= {"d": 24 * UNITS["h"], "w": 7 * 24 * UNITS["h"]}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|min|s|m|h|d|w)")


def duration(text: str) -> float | None:
    """Microseconds of "10m", "1h30m", or of a number of seconds; None if it is neither."""
    if parts := _PART.findall(text):
        if _PART.sub("", text).strip():
            return None
        return sum(float(number) * UNITS[unit] for number, unit in parts)
    try:
        return float(text) * 10**6
    except ValueError:
        return None


def span(text: str, today: datetime) -> tuple[int, int] | None:
    """The first microsecond of a day or a moment, and the first after it; None if it is no date.

    Without a zone it is local time. A day lasts until the next, a minute until the next.
    """
    days = {"today": 0, "yesterday": 1}
    if text.lower() in days:
        text = (today - timedelta(days=days[text.lower()])).date().isoformat()
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        return None
    length = timedelta(microseconds=1)
    if re.fullmatch(r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-?W\d\d-?\d", text):
        length = timedelta(days=1)
    elif re.search(r"[T ]\d\d:?\d\d:?\d\d$", text):
        length = timedelta(seconds=1)
    elif re.search(r"[T ]\d\d:?\d\d$", text):
        length = timedelta(minutes=1)
    try:
        # By the calendar: a day on which clocks change is not 24 hours long.
        return _micro(start), _micro(start + length)
    except (OverflowError, ValueError, OSError):
        return None


def _micro(moment: datetime) -> int:
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 10**6 + moment.microsecond
