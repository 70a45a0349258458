"""Numbers, times and texts as people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime

from penstock.core.records import RunRecord, StepRecord
from penstock.core.records import now as moment


def cut(text: str, width: int) -> str:
    """One line of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def one_line(text: str) -> str:
    """Without line ends and whatever else would steer a terminal instead of being read."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def cells(text: str) -> int:
    """The columns that a text takes on a terminal: two for a wide character, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int) -> str:
    """At most so many columns of it, the last one an ellipsis if there was more."""
    if cells(text) <= width:
        return text
    kept, room = "", width - 1
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept += character
    return kept + "…" if width > 0 else ""


def padded(text: str, width: int, *, right: bool = False) -> str:
    """So many columns at least, with blanks at its end; `right`, at its beginning."""
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def duration(seconds: float) -> str:
    """ "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 0:
        return ""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def going_on(seconds: float) -> str:
    """A duration that still grows: in whole seconds, so that it does not flicker."""
    return f"{int(seconds)} s" if 0 <= seconds < 59.5 else duration(seconds)


def when(microseconds: int, now: datetime | None = None) -> str:
    """A moment in local time, as short as it stays clear."""
    if not microseconds:
        return ""
    now = now or datetime.now()
    moment = datetime.fromtimestamp(microseconds / 1e6)
    if moment.date() == now.date():
        return moment.strftime("%H:%M:%S")
    if moment.year == now.year:
        return moment.strftime("%b %d %H:%M")
    return moment.strftime("%Y-%m-%d")


def number(value: float) -> str:
    """A metric as people read it."""
    return f"{value:.6g}"


def counted(counts: Mapping[str, int]) -> str:
    """ "3 done, 1 failed"."""
    return ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)


def took(step: StepRecord) -> str:
    """How long it took, if it was this run that did it."""
    if step.status == "reused" or not step.started or not step.ended:
        return ""
    return duration((step.ended - step.started) / 1e6)


def lasted(run: RunRecord) -> str:
    """How long a run took, or takes."""
    if not run.started:
        return ""
    return as_lasted(((run.ended or moment()) - run.started) / 1e6, run.status)


def as_lasted(seconds: float, status: str) -> str:
    """A run's duration in words; one that crashed lived longer than its last sign of life."""
    return f"over {duration(seconds)}" if status == "crashed" else duration(seconds)


def about(step: StepRecord) -> str:
    """Why it ran or was reused, or how it failed, in a line."""
    if step.status == "failed" and step.error:
        first = step.error.message.strip().partition("\n")[0]
        return f"{step.error.type}: {cut(first, 200)}" if first else step.error.type
    return "; ".join(filter(None, [step.reason, *step.notes]))
