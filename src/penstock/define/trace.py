"""A trace: the pipeline's function is called, and what it calls becomes a graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from penstock.core.graph import Definition, Input
from penstock.core.twins import numbered
from penstock.define.callee import Callee
from penstock.define.known import Environment
from penstock.define.scope import Scope
from penstock.define.site import active
from penstock.define.tracing import Tracing
from penstock.errors import DefinitionError

__all__ = ["Environment", "Traceable", "trace"]

MISSING: Any = object()
"""The value of a parameter that stays open, where none is given."""


class Traceable(Protocol):
    """A pipeline, as far as a trace needs it."""

    @property
    def callee(self) -> Callee: ...
    @property
    def name(self) -> str: ...


def trace(
    pipeline: Traceable,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    environment: Environment,
    *,
    name: str = "",
    logical_date: str = "",
    open: Collection[str] = (),
    looked: set[str] | None = None,
) -> Definition:
    """The graph of this pipeline called with these arguments. Raises DefinitionError.

    `logical_date` (ISO; "" is today in UTC) is what a default `logical_date()` becomes. Parameters in
    `open` stay parameters of the graph, and need no value; those of them whose values Python asked
    for are added to `looked`.
    """
    callee = pipeline.callee
    if isinstance(active.get(), Scope):
        raise DefinitionError(
            f"'{pipeline.name}' is run while another pipeline is being built",
            hint=f"Call it, {pipeline.name}(…), to make it a part of that pipeline.",
        )
    tracing = Tracing(environment, logical_date, open)
    if looked is not None:
        tracing.looked = looked
    scope = Scope(tracing)
    binding = callee.binding
    where = callee.where
    without = {name: MISSING for name in binding.required if name in open}
    given = binding.complete({**without, **binding.bind(tuple(args), kwargs, "", without=without)})
    arguments: dict[str, Input] = {}
    values: dict[str, Any] = {}
    for key, value in given.items():
        hint = callee.hints.get(key.lstrip("*"), Any) if key[0] != "*" else Any
        if value is not MISSING:
            arguments[key], _ = scope.source(value, hint, key, pipeline.name, where)
        values[key] = (
            scope.symbol(key, hint) if key in open else scope.stand_in(value, key, hint, where)
        )
    returned = scope.run(callee, values)
    graph = scope.finished(callee, name or pipeline.name, returned, arguments, where)
    tracing.settle()
    if tracing.turned:
        # Twins are counted as the graph has them, which is all that anyone else sees.
        graph = numbered(graph)
    return Definition(graph, tracing.functions)
