"""Times as people write them: "10m", "1h30m", "2026-11-01", "yesterday"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from penstock.core.durations import seconds

_WEEK = r"\d{4}-?W\d\d"
_DAY = r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-?W\d\d-?\d"
_AT = f"(?:{_DAY}|{_WEEK})."
_LENGTHS = {
    _WEEK: timedelta(weeks=1),
    _DAY: timedelta(days=1),
    rf"{_AT}\d\d": timedelta(hours=1),
    rf"{_AT}\d\d:?\d\d": timedelta(minutes=1),
    rf"{_AT}\d\d:?\d\d:?\d\d": timedelta(seconds=1),
}
"""How long what is written so lasts; with a fraction of a second it is a microsecond."""
_ZONE = re.compile(r"(?:Z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?)$")


def duration(text: str) -> float | None:
    """Microseconds of "10m", "1h30m", or of a number of seconds; None if it is neither."""
    length = seconds(text)
    return None if length is None else round(length * 10**6, 3)


def span(text: str, today: datetime) -> tuple[int, int] | None:
    """The first microsecond of a day or a moment, and the first after it; None if it is no date.

    Without a zone it is local time. A day lasts until the next; so do a week, an hour, a minute.
    """
    days = {"today": 0, "yesterday": 1}
    if text.lower() in days:
        text = (today - timedelta(days=days[text.lower()])).date().isoformat()
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        return None
    written = _ZONE.sub("", text) if start.tzinfo else text
    lasting = (length for form, length in _LENGTHS.items() if re.fullmatch(form, written))
    length = next(lasting, timedelta(microseconds=1))
    try:
        # By the calendar: a day on which clocks change is not 24 hours long.
        return _micro(start), _micro(start + length)
    except (OverflowError, ValueError, OSError):
        return None


def _micro(moment: datetime) -> int:
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 10**6 + moment.microsecond
