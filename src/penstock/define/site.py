"""A step or a pipeline where it is used: the call as it stands there, and what the call goes to."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any, Protocol

from msgspec import Struct

from penstock.define.callee import Callee
from penstock.define.settings import Settings


class Use(Struct, frozen=True):
    """How one use of a step or a pipeline differs from a plain call."""

    name: str = ""
    when: tuple[tuple[object, bool], ...] = ()
    """Conditions, each with what it must be."""
    after: tuple[object, ...] = ()


PLAIN = Use()


class Site(Struct, frozen=True):
    """One call of a step or a pipeline, as it is written."""

    callee: Callee
    name: str
    """Of the step or pipeline; `use.name` is that of this one use."""
    use: Use
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    frame: FrameType
    mapped: bool = False
    collect: bool = False


class Building(Protocol):
    """What calls of steps and pipelines go to, in place of being plain calls."""

    def step(self, site: Site, settings: Settings) -> Any: ...

    def graph(self, site: Site) -> Any: ...


active: ContextVar[Building | None] = ContextVar("penstock_building", default=None)
"""The pipeline that is being built, if one is."""
