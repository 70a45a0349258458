"""Steps: functions that a pipeline can cache, run elsewhere, and explain."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar, overload

from msgspec.structs import fields, replace

from penstock.core.place import near
from penstock.define.callee import Callee
from penstock.define.settings import Cache, Retry, Settings, checked
from penstock.define.site import PLAIN, Building, Site, Use
from penstock.define.use import Usable, checked_name
from penstock.errors import DefinitionError

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")

UNSET: Any = object()
INNER = ("role", "aspects", "reset")
"""Settings that no keyword sets."""


class Step(Usable[P, R]):
    """A function that becomes a node where a pipeline calls it; elsewhere it is the function."""

    kind = "step"

    def __init__(self, callee: Callee, name: str, settings: Settings, use: Use = PLAIN) -> None:
        super().__init__(callee, name, use)
        self.settings = settings

    def options(
        self,
        *,
        retries: int | Retry = UNSET,
        timeout: float | str | None = UNSET,
        cache: bool | Cache | None = UNSET,
        env: object = UNSET,
        resources: Mapping[str, Any] = UNSET,
        executor: str = UNSET,
        options: Mapping[str, Any] = UNSET,
    ) -> Self:
        """This use with other settings than its decorator's."""
        given: dict[str, Any] = {
            "retries": retries,
            "timeout": timeout,
            "cache": cache,
            "env": env,
            "resources": resources,
            "executor": executor,
            "options": options,
        }
        changed = {name: value for name, value in given.items() if value is not UNSET}
        changed["reset"] = self.settings.undone_by(changed)
        settings = checked(replace(self.settings, **changed), self.name, self.callee.where)
        return type(self)(self.callee, self.name, settings, self._use)

    @overload
    def __get__(self, instance: None, owner: type) -> Step[P, R]: ...
    @overload
    def __get__(
        self: Step[Concatenate[S, Q], R], instance: S, owner: type | None = None
    ) -> Step[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Step[Any, R]:
        callee = self.callee.bound(instance, owner)
        if callee is self.callee:
            return self
        return Step(callee, self.name, self.settings, self._use)

    def _parts(self) -> tuple[Any, ...]:
        return self.callee, self.name, self.settings, self._use

    def _with(self, use: Use) -> Self:
        return type(self)(self.callee, self.name, self.settings, use)

    def _place(self, building: Building, site: Site) -> Any:
        return building.step(site, self.settings)


class Decorator(Protocol):
    """`@step`, bare or with keywords; and every role."""

    @overload
    def __call__(self, function: Callable[P, R], /) -> Step[P, R]: ...
    @overload
    def __call__(
        self,
        *,
        name: str = "",
        retries: int | Retry = 0,
        timeout: float | str | None = None,
        cache: bool | Cache | None = None,
        env: object = None,
        resources: Mapping[str, Any] | None = None,
        executor: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> Configured: ...


class Configured(Protocol):
    """`@step(…)`: what is left to do is to be given the function."""

    def __call__(self, function: Callable[P, R], /) -> Step[P, R]: ...


def role(role: str = "", aspects: tuple[str, ...] = ()) -> Decorator:
    """A decorator of steps that carry this role: `trainer = role("trainer", ("statistics",))`."""

    def decorate(function: Callable[..., Any] | None = None, /, **given: Any) -> Any:
        """Make a step of a function: `@step`, or `@step(retries=2, timeout="10m")`."""
        frame = sys._getframe(1)
        if function is not None:
            return _step(function, frame, role, aspects, given)
        # A decorator's line is where its keywords stand; the function comes a moment later.
        return lambda function: _step(function, sys._getframe(1), role, aspects, given)

    return decorate


def _step(
    function: Any, frame: FrameType, role: str, aspects: tuple[str, ...], given: dict[str, Any]
) -> Any:
    kind = role or "step"
    if isinstance(function, Step):
        raise DefinitionError(
            f"'{function.name}' is a step already ({function.callee.where})",
            hint="Leave one decorator out; other settings go in `.options(…)`.",
        )
    if isinstance(function, staticmethod | classmethod):
        inner = _step(function.__func__, frame, role, aspects, given)
        return type(function)(inner)
    callee = Callee(function, kind, frame)
    name = given.pop("name", "") or callee.name
    known = ("name", *(f.name for f in fields(Settings) if f.name not in INNER))
    if unknown := sorted(given.keys() - set(known)):
        raise DefinitionError(
            f"@{kind} has no keyword '{unknown[0]}' ({callee.where})",
            hint=near(unknown[0], known),
        )
    plain = {key: value for key, value in given.items() if value is not None}
    settings = checked(Settings(**plain, role=role, aspects=aspects), name, callee.where)
    return Step(callee, checked_name(name), settings)


step = role()
"""Make a step of a function: `@step`, or `@step(retries=2, timeout="10m")`.

`name`: of its nodes, instead of the function's. `retries`: further attempts after a failure, a
number or a `Retry`. `timeout`: "90s", "10m" or seconds, after which its process is ended. `cache`:
False for never reused, True for reused though it returns None, or a `Cache`. `env`, `resources`,
`executor`: where it runs and with what, as far as an executor can give it. `options`:
{"serializer": name} for its output. What stands here can also be set from outside, for one use
(`fit.options(retries=3)`), a run (`--set fit.retries=3`) or a project.
"""
