"""Settings of steps from outside the code, put into a graph: `fit.retries`, `fit.depth`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from msgspec.structs import replace as with_fields

from penstock.config.coerce import coerce, seconds
from penstock.config.project import STEP_OPTIONS
from penstock.config.sources import ANYWHERE, ROLE, nest
from penstock.core.graph import Definition, Graph, GraphNode, Literal, Node, StepNode
from penstock.core.place import near
from penstock.errors import UsageError


def configure(
    definition: Definition, settings: Mapping[str, Any], digest: Callable[[object], str]
) -> Definition:
    """The definition with these settings; `digest` names the content of an argument.

    A step's settings are its options (retries, timeout …) and arguments that code leaves to their
    defaults. Raises UsageError on an unknown step or name, or an argument that code binds.
    """
    if not settings:
        return definition
    ids = dict(_steps(definition.graph, ""))
    roles: dict[str, dict[str, Any]] = {}
    steps: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        if name.startswith(ROLE):
            role, _, option = name[1:].partition(".")
            roles.setdefault(role, {})[option] = value
        elif not name.startswith(ANYWHERE):
            step, option = _split(name, ids)
            nest(steps.setdefault(step, {}), option, value)
        elif (one := name[1:].rpartition("."))[0] in ids:
            nest(steps.setdefault(one[0], {}), one[2], value)
    setter = _Setter(definition, roles, steps, digest)
    written = definition.written
    return replace(
        definition,
        graph=setter.graph(definition.graph, ""),
        written=None if written is None else setter.graph(written, ""),
    )


def _steps(graph: Graph, prefix: str) -> Iterator[tuple[str, StepNode]]:
    for node in graph.nodes:
        match node:
            case StepNode():
                yield prefix + node.id, node
            case GraphNode():
                yield from _steps(node.graph, f"{prefix}{node.id}/")


def _split(name: str, ids: Mapping[str, StepNode]) -> tuple[str, str]:
    step, dot, option = name.partition(".")
    while dot and step not in ids and "." in option:
        more, _, option = option.partition(".")
        step = f"{step}.{more}"
    if step not in ids:
        step = name.partition(".")[0]
        raise UsageError(f"no step '{step}', which '{name}' sets", hint=near(step, ids))
    if not option:
        raise UsageError(
            f"'{name}' names no setting of the step", hint=f"For example {step}.retries."
        )
    return step, option


class _Setter:
    def __init__(
        self,
        definition: Definition,
        roles: Mapping[str, Mapping[str, Any]],
        steps: Mapping[str, Mapping[str, Any]],
        digest: Callable[[object], str],
    ) -> None:
        self._functions = definition.functions
        self._roles = roles
        self._steps = steps
        self._digest = digest

    def graph(self, graph: Graph, prefix: str) -> Graph:
        return with_fields(graph, nodes=tuple(self._node(node, prefix) for node in graph.nodes))

    def _node(self, node: Node, prefix: str) -> Node:
        if isinstance(node, GraphNode):
            inner = self.graph(node.graph, f"{prefix}{node.id}/")
            return node if inner is node.graph else with_fields(node, graph=inner)
        id = prefix + node.id
        wanted = {**self._roles.get(node.role, {}), **self._steps.get(id, {})}
        for name, value in wanted.items():
            node = self._set(id, node, name, value)
        return node

    def _set(self, id: str, node: StepNode, name: str, value: Any) -> StepNode:
        where = f"{id}.{name}"
        # A parameter that is called like an option is the function's own; the option gives way.
        if name in node.inputs:
            return self._argument(id, node, name, value)
        match name:
            case "retries":
                times = coerce(value, int, where)
                return with_fields(node, retry=with_fields(node.retry, times=times))
            case "timeout":
                off = value is None or str(value).lower() in ("", "none", "off")
                return with_fields(node, timeout=None if off else seconds(value))
            case "cache":
                enabled = coerce(value, bool, where)
                return with_fields(node, cache=with_fields(node.cache, enabled=enabled))
            case "resources":
                more = coerce(value, dict[str, Any], where)
                return with_fields(node, resources={**node.resources, **more})
            case "env":
                return with_fields(node, env=value)
            case "executor":
                return with_fields(node, executor=coerce(value, str, where))
        known = [*STEP_OPTIONS, *node.inputs]
        raise UsageError(f"'{id}' has no setting or argument '{name}'", hint=near(name, known))

    def _argument(self, id: str, node: StepNode, name: str, value: Any) -> StepNode:
        if name not in node.defaulted:
            line = f" ({node.source_line})" if node.source_line else ""
            raise UsageError(
                f"'{id}.{name}' is bound in code{line}",
                hint="Make it a parameter of the pipeline, or leave it to its default in code.",
            )
        hint = self._functions[id].hints.get(name, Any) if id in self._functions else Any
        made = coerce(value, hint, f"{id}.{name}")
        literal = Literal(made, self._digest(made))
        defaulted = tuple(other for other in node.defaulted if other != name)
        return with_fields(node, inputs={**node.inputs, name: literal}, defaulted=defaulted)
