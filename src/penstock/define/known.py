"""What is the same for every use of a step in a graph, worked out once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from penstock.core.digest import digest_struct
from penstock.core.graph import Closure, Function, Output, StepNode
from penstock.core.naming import module_name, type_name
from penstock.core.place import near
from penstock.core.resources import checked
from penstock.define.callee import Callee
from penstock.define.settings import Cache, Settings
from penstock.define.target import target
from penstock.errors import DefinitionError


class Environment(Struct, frozen=True):
    """What a trace must be told of the world."""

    digest_value: Callable[[object], str]
    """The content digest of any value."""
    closure: Callable[[Callable[..., Any]], Closure]
    """The code that a function reaches."""
    root: Path


class Env(Struct, frozen=True):
    """An environment variable that a step reads: `Cache(also=[Env("MODEL_DIR")])`."""

    name: str


class Known(Struct, frozen=True):
    """A step as each of its nodes shows it, without id, inputs and order."""

    node: StepNode
    function: Function


def known(callee: Callee, settings: Settings, environment: Environment) -> Known:
    closure = environment.closure(callee.function)
    _check_ignored(callee, settings)
    checked(settings.resources, f"'{callee.name}' ({callee.where})")
    also = _also(settings, environment)
    outputs, fields = callee.outputs
    node = StepNode(
        id="",
        ref=f"{module_name(callee.module, environment.root)}:{callee.qualname}",
        code=closure.digest,
        distributions=closure.distributions,
        problems=_problems(closure, settings),
        outputs=tuple(Output(o.name, o.type, settings.serializer(o.name)) for o in outputs),
        several=fields is not None,
        role=settings.role,
        aspects=settings.aspects,
        cache=settings.policy(also),
        retry=settings.retry(),
        timeout=settings.timeout if isinstance(settings.timeout, float) else None,
        resources=dict(settings.resources),
        env=settings.env,
        executor=settings.executor,
        reset=tuple("serializer" if name == "options" else name for name in settings.reset),
        doc=callee.doc,
    )
    key = settings.cache.key if isinstance(settings.cache, Cache) else None
    function = Function(
        call=callee.function,
        target=lambda: target(callee.function, callee.name, environment.root),
        closure=lambda: closure,
        hints=callee.hints,
        exceptions=settings.exceptions(),
        key=None if key is None else _token(key),
        also=(lambda: _also(settings, environment)) if also else None,
        beside=tuple(_beside(settings)),
        fields=fields,
    )
    return Known(node, function)


def _problems(closure: Closure, settings: Settings) -> tuple[str, ...]:
    # Who gives a version, or names what the code hides, answers for it.
    if isinstance(settings.cache, Cache) and (settings.cache.version or settings.cache.also):
        return ()
    return closure.problems


def _token(key: Callable[..., object]) -> Callable[..., str]:
    return lambda *args, **kwargs: str(key(*args, **kwargs))


def _also(settings: Settings, environment: Environment) -> str:
    """The digest of what `Cache(also=…)` names; "" if nothing."""
    if not isinstance(settings.cache, Cache) or not settings.cache.also:
        return ""
    return digest_struct("also", *(_one(thing, environment) for thing in settings.cache.also))


def _beside(settings: Settings) -> Iterator[str]:
    for thing in settings.cache.also if isinstance(settings.cache, Cache) else ():
        function = _function(thing)
        if callable(function) and "<" not in getattr(function, "__qualname__", "<"):
            yield type_name(function)


def _function(thing: Any) -> Any:
    """A step is the function inside it."""
    thing = getattr(thing, "callee", thing)
    return getattr(thing, "function", thing)


def _one(thing: Any, environment: Environment) -> str:
    match thing:
        case Env(name):
            return digest_struct("environment", name, os.environ.get(name))
        case str() | Path():
            return environment.digest_value(environment.root / thing)
    function = _function(thing)
    if callable(function):
        return environment.closure(function).digest
    return environment.digest_value(thing)


def _check_ignored(callee: Callee, settings: Settings) -> None:
    """A parameter that is to be ignored and is misspelt would count all the same."""
    ignored = settings.cache.ignore if isinstance(settings.cache, Cache) else ()
    binding = callee.binding
    if not ignored or binding.keywords:
        return
    every = [*binding.names, *([binding.rest] if binding.rest else [])]
    for name in ignored:
        if name not in every:
            raise DefinitionError(
                f"Cache(ignore=…) of '{callee.name}' names '{name}', which is none of its "
                f"parameters ({callee.where})",
                hint=near(name, every),
            )
