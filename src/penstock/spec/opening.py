"""A spec whose values are made: what only code can make is made by the code of the project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec.structs import replace

from penstock.core.graph import Build, Graph, GraphNode, Input, Literal, Node
from penstock.errors import ConfigError, PenstockError
from penstock.spec.literals import changed_input
from penstock.spec.reader import Path, Spec
from penstock.spec.values import fielded, names, needs_code, opened

T = TypeVar("T")


def opened_graph(spec: Spec) -> Graph:
    """The graph with its values. Raises ConfigError, with the line of what cannot be made."""
    opener = _Opener(spec)
    graph = opener.graph(spec.graph, ())
    given = {
        name: opener.input(source, ("parameters", name))
        if name in opener.free
        else opener.told(source)
        for name, source in spec.graph.arguments.items()
    }
    return replace(graph, arguments=given)


class _Opener:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.free = {param.name for param in spec.graph.params if not param.structural}

    def graph(self, graph: Graph, path: Path) -> Graph:
        nodes = tuple(self._node(node, (*path, "steps", node.id)) for node in graph.nodes)
        return replace(graph, nodes=nodes, outputs=self.input(graph.outputs, (*path, "returns")))

    def _node(self, node: Node, path: Path) -> Node:
        inputs = {
            name: self.input(source, (*path, "inputs", name))
            for name, source in node.inputs.items()
        }
        when = None if node.when is None else self.input(node.when, (*path, "when"))
        if isinstance(node, GraphNode):
            return replace(node, inputs=inputs, when=when, graph=self.graph(node.graph, path))
        return replace(node, inputs=inputs, when=when)

    def input(self, source: Input, path: Path) -> Input:
        def made(literal: Literal) -> Literal:
            if not needs_code(literal.value):
                return literal
            return replace(literal, value=self._placed(path, opened, literal.value))

        def of_class(whole: Build) -> Build:
            if not isinstance(whole.cls, str):
                return whole
            return self._placed(path, _of_class, whole)

        return changed_input(source, made, of_class)

    def told(self, source: Input) -> Input:
        """What is only told may be what this machine cannot make."""
        try:
            return self.input(source, ("fixed",))
        except ConfigError:
            return source

    def _placed(self, path: Path, make: Callable[[Any], T], value: Any) -> T:
        try:
            return make(value)
        except PenstockError as error:
            place = self._spec.place(*path)
            raise ConfigError(f"{place}: {error.message}", hint=error.hint) from None


def _of_class(whole: Build) -> Build:
    """A NamedTuple or a dataclass with inputs in it, by its class: all fields, in their order."""
    given = dict(zip(whole.keys, whole.items, strict=True))
    cls = fielded(whole.cls, given)
    defaults: dict[str, Any] = getattr(cls, "_field_defaults", {})
    every: dict[str, Input] = {name: Literal(value, "") for name, value in defaults.items()}
    every |= given
    keys = tuple(name for name in dict.fromkeys((*names(cls), *every)) if name in every)
    return replace(whole, cls=cls, keys=keys, items=tuple(every[name] for name in keys))
