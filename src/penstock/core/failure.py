"""A failure as a value: what `map_collect` gives in place of an item that failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One item of a map that raised: the exception's class, its message and its traceback."""

    type: str
    message: str
    traceback: str = ""

    def __bool__(self) -> bool:
        """False, so that `[r for r in results if r]` keeps what worked of truthy results."""
        return False
