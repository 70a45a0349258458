"""A failure as a value: what `map_collect` gives in place of an item that failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One item of a map that raised: the exception's class, its message and its traceback."""

    type: str
    message: str
    traceback: str = ""
