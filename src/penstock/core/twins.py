"""Twins: steps that are equal in function and inputs; which one each is counts for its seed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from msgspec.structs import replace

from penstock.core.graph import (
    Access,
    Build,
    Expr,
    FirstOf,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
    StepNode,
)


def numbered(graph: Graph) -> Graph:
    """The graph with each step's number among its twins, in the order of the graph.

    As a trace counts them: what tells two calls apart is what would tell their values apart, however
    pipelines are nested.
    """
    counter = _Counter()
    given = {name: counter.key(source, _Scope({})) for name, source in graph.arguments.items()}
    return counter.graph(graph, _Scope(given))[0]


class _Scope:
    """What is known inside one pipeline: keys of its parameters and of its nodes so far."""

    def __init__(self, params: Mapping[str, Hashable]) -> None:
        self.params = params
        self.steps: dict[str, Hashable] = {}
        self.passed: dict[str, tuple[Input, _Scope]] = {}
        """Of nested pipelines: what they return, and from where that is seen."""


class _Counter:
    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._occurred: dict[int, int] = {}

    def graph(self, graph: Graph, scope: _Scope) -> tuple[Graph, _Scope]:
        nodes = tuple(self._node(node, scope) for node in graph.nodes)
        return replace(graph, nodes=nodes), scope

    def _node(self, node: Node, scope: _Scope) -> Node:
        fanned = node.each
        keys = {name: self.key(source, scope) for name, source in node.inputs.items()}
        for kind, names in (("each", fanned.zipped), ("cross", fanned.crossed)) if fanned else ():
            keys |= {name: (kind, keys[name]) for name in names}
        match node:
            case StepNode():
                number = self._number((node.ref, tuple(sorted(keys.items()))))
                count = self._occurrence(number)
                scope.steps[node.id] = number, count
                return replace(node, occurrence=count)
            case GraphNode(each=None):
                graph, inner = self.graph(node.graph, _Scope(keys))
                scope.passed[node.id] = graph.outputs, inner
                return replace(node, graph=graph)
            case GraphNode(each=each):
                assert each is not None
                number = self._number((node.graph.ref, tuple(sorted(keys.items()))))
                params = {n: (number, n) if n in each.names else key for n, key in keys.items()}
                graph, _ = self.graph(node.graph, _Scope(params))
                scope.steps[node.id] = number, self._occurrence(number)
                return replace(node, graph=graph)

    def key(self, source: Input, scope: _Scope) -> Hashable:
        match source:
            case Literal(digest=digest):
                return digest
            case ParamRef(name=name):
                return scope.params[name]
            case SecretRef(source=origin, name=name):
                return "secret", origin, name
            case SourceRef(address=address):
                return "source", address
            case OutputRef(node=node, output=output, path=path):
                steps = (Access("attribute", output), *path) if output else path
                if node in scope.passed:
                    outputs, inner = scope.passed[node]
                    return self._within(outputs, steps, inner)
                return _path(scope.steps[node], steps)
            case FirstOf(options=options):
                return self._number(("either", *(self.key(one, scope) for one in options)))
            case Build(kind=kind, items=items, keys=keys):
                return kind, keys, *(self.key(item, scope) for item in items)
            case Expr(op=op, operands=operands):
                return self._number((op, *(self.key(one, scope) for one in operands)))

    def _within(self, source: Input, path: tuple[Access, ...], scope: _Scope) -> Hashable:
        match source:
            case Build(items=items, keys=keys) if path:
                first = path[0].name
                at = keys.index(first) if first in keys else first
                assert isinstance(at, int)
                return self._within(items[at], path[1:], scope)
            case FirstOf(options=options) if path:
                inner = (self._within(one, path, scope) for one in options)
                return self._number(("either", *inner))
        return _path(self.key(source, scope), path)

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _occurrence(self, number: int) -> int:
        count = self._occurred.get(number, 0)
        self._occurred[number] = count + 1
        return count


def _path(key: Hashable, path: tuple[Access, ...]) -> Hashable:
    for step in path:
        key = (key, step.name)
    return key
