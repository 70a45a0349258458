"""Pipelines: functions that call steps; called inside another pipeline, they become part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ParamSpec, Self, TypeVar

from penstock.define.callee import Callee, Marker, is_named_tuple
from penstock.define.markers import Skipped
from penstock.define.site import PLAIN, Building, Site, Use
from penstock.define.use import Usable, plain

P = ParamSpec("P")
R = TypeVar("R")


class Composed(Usable[P, R]):
    """A pipeline as far as graphs go; `penstock.api` adds what runs it."""

    kind = "pipeline"

    def __init__(self, callee: Callee, name: str, use: Use = PLAIN) -> None:
        super().__init__(callee, name, use)

    def _parts(self) -> tuple[Any, ...]:
        return self.callee, self.name, self._use

    def _with(self, use: Use) -> Self:
        return type(self)(self.callee, self.name, use)

    def _place(self, building: Building, site: Site) -> Any:
        return building.graph(site)

    def _run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if plain.get():
            return super()._run(args, kwargs)
        token = plain.set(True)
        try:
            return _without_skipped(super()._run(args, kwargs))
        finally:
            plain.reset(token)


def _without_skipped(value: Any) -> Any:
    """What a pipeline returns to plain Python: None where a step was skipped."""
    if isinstance(value, Skipped):
        return None
    kind = type(value)
    if not _holds(value):
        return value
    if kind is dict:
        return {key: _without_skipped(item) for key, item in value.items()}
    return (
        kind(*map(_without_skipped, value))
        if is_named_tuple(kind)
        else kind(map(_without_skipped, value))
    )


def _holds(value: Any) -> bool:
    if isinstance(value, Marker):
        return isinstance(value, Skipped)
    if type(value) is dict:
        return any(map(_holds, value.values()))
    return (type(value) in (list, tuple) or is_named_tuple(type(value))) and any(map(_holds, value))
