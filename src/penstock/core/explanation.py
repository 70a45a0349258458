"""Why a step of a past run ran or did not, as values for people and for JSON."""

from __future__ import annotations

from msgspec import Struct

from penstock.core.parts import Change
from penstock.core.records import Status


class Shown(Struct, frozen=True):
    """An input that changed, described on both sides: "DataFrame 330000 × 12"."""

    before: str = ""
    after: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """One step: reused from `source`, or executed because of `changes` against run `against`."""

    run: str
    step: str
    status: Status
    reason: str = ""
    """In a line, as it was decided."""
    source: str = ""
    """The run that made what was reused."""
    against: str = ""
    """The earlier run whose step is compared."""
    changes: tuple[Change, ...] = ()
    shown: dict[str, Shown] = {}
    """By input: what it was, and is."""
    notes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """What it used that its key does not know."""
    total: int | None = None
    """Of a map: its items, and how many of them ended how."""
    items: dict[str, int] = {}
